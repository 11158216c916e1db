/*
 * push_main.h
 *		The push worker: when it is started, seen from the coordinator.
 */
#ifndef PGOPS_WORKER_PUSH_MAIN_H
#define PGOPS_WORKER_PUSH_MAIN_H

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

#include "worker/gate.h"

/* what the coordinator remembers of it; begun as {0} */
typedef struct PushWatch
{
	BackgroundWorkerHandle *worker; /* NULL: none runs */
	bool		changed;		/* something was declared, or everything is looked at */
	bool		told;			/* the running one knows that something changed */
	TimestampTz next;			/* when to look without that; 0: not */
	int			failures;		/* workers in a row that left work behind */
} PushWatch;

/*
 * push_watch
 *		Starts the worker if something is to be pushed and none runs; tells a
 *		running one that something changed.  Costs nothing when nothing
 *		changed.  Not on a standby, nor on a primary that may not act (gate.h).  Raises
 *		nothing but what ends the process.
 */
extern void push_watch(PushWatch *watch, Gate *gate);

/* milliseconds until push_watch() is to be called again without a cause; -1: not */
extern long push_watch_ms(const PushWatch *watch);

#endif							/* PGOPS_WORKER_PUSH_MAIN_H */
