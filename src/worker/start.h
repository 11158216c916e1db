/*
 * start.h
 *		Starting a dynamic background worker: what all of pgops' have in common.
 *
 * Not for: what a worker does, and when one is needed.
 */
#ifndef PGOPS_WORKER_START_H
#define PGOPS_WORKER_START_H

#include "postmaster/bgworker.h"

typedef struct WorkerStart
{
	const char *name;			/* as in the log; one that is too long is cut off */
	const char *type;			/* as in pg_stat_activity */
	const char *function;		/* its entry point in this library */
	bool		on_standby;		/* may run during recovery, too */
	Datum		arg;
	const void *extra;			/* for bgw_extra, or NULL */
	Size		extra_length;	/* at most BGW_EXTRALEN */
} WorkerStart;

/*
 * worker_start
 *		A worker that is connected to a database, is never started again by the
 *		postmaster, and whose start and end set our latch.  NULL: no free slot of
 *		max_worker_processes.  The handle is in the current memory context.
 */
extern BackgroundWorkerHandle *worker_start(const WorkerStart *start);

#endif							/* PGOPS_WORKER_START_H */
