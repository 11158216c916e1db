/*
 * job_copied.h
 *		Jobs that came with a copy of another server's data.
 */
#ifndef PGOPS_OPS_JOB_COPIED_H
#define PGOPS_OPS_JOB_COPIED_H

/*
 * job_end_copied
 *		On a server that is a copy of the one that it is bound as: ends the jobs
 *		that were waiting when the copy was made.  Once per process; a
 *		transaction of its own.
 */
extern void job_end_copied(void);

#endif							/* PGOPS_OPS_JOB_COPIED_H */
