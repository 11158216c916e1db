/*
 * job_copied.h
 *		Jobs that came with the data of another server or of another time.
 */
#ifndef PGOPS_OPS_JOB_COPIED_H
#define PGOPS_OPS_JOB_COPIED_H

/*
 * job_end_copied
 *		On a server that is a copy of the one that it is bound as, that pgops made
 *		beside another one, or that recovery has taken to a target: ends the
 *		jobs that were waiting in the data.  Not on a promoted standby, which goes
 *		on with them.  Once per process; a transaction of its own.  ERROR if
 *		that cannot be found out or written.
 */
extern void job_end_copied(void);

#endif							/* PGOPS_OPS_JOB_COPIED_H */
