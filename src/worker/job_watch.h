/*
 * job_watch.h
 *		Jobs, seen from the coordinator: starting those whose time has come,
 *		finding those whose worker is gone, asking for those that are due by
 *		themselves.
 */
#ifndef PGOPS_WORKER_JOB_WATCH_H
#define PGOPS_WORKER_JOB_WATCH_H

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

#include "worker/gate.h"
#include "worker/job_slot.h"

/* what the coordinator remembers; begun as {0} */
typedef struct JobWatch
{
	BackgroundWorkerHandle *workers[JOB_SLOTS]; /* by slot; NULL: none of ours */
	bool		asked;			/* a job was asked for, or one is over */
	bool		was_standby;
	TimestampTz promoted;		/* when this server was seen to be none any more; 0: it always was a primary */
	TimestampTz next;			/* when to look without that; 0: at once */
	bool		looked;			/* at the jobs of a standby, once */
	TimestampTz next_transient; /* when to look at those without being asked; 0: not */
	TimestampTz next_expire;	/* when old jobs are deleted again */
	int			failures;		/* looks in a row that failed, or workers that could not start */
	int			unclaimed;		/* workers in a row that ended without having begun */
} JobWatch;

/*
 * job_watch
 *		Looks if there is a reason to; on a standby at the jobs that were asked for
 *		there.  A primary that may not act (gate.h) starts only kinds that are
 *		"unguarded", and leaves everything else as it is.  Raises nothing but what ends
 *		the process.
 */
extern void job_watch(JobWatch *watch, Gate *gate);

/* milliseconds until job_watch() is to be called again without a cause; -1: not */
extern long job_watch_ms(const JobWatch *watch);

#endif							/* PGOPS_WORKER_JOB_WATCH_H */
