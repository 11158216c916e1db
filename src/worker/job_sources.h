/*
 * job_sources.h
 *		Jobs that nobody asks for: schedules, looks into the repositories, the
 *		results of restores in place.
 */
#ifndef PGOPS_WORKER_JOB_SOURCES_H
#define PGOPS_WORKER_JOB_SOURCES_H

#include "utils/timestamp.h"

/*
 * job_sources_run
 *		Queues what is due by itself, in transactions of its own.  Returns when
 *		to look again, 0: no such time.  Primary only.
 */
extern TimestampTz job_sources_run(void);

#endif							/* PGOPS_WORKER_JOB_SOURCES_H */
