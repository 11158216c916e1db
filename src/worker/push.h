/*
 * push.h
 *		Delivering declarations to the servers of other clusters, many at a
 *		time, and bringing back how far they have come.
 *
 * Each target is called by itself, with a deadline of its own: one that does
 * not answer delays no other.  Used by a session (pgops.push(), inside its
 * transaction) and by the push worker (short transactions of its own).
 *
 * Not for: when to push (push_main.c).
 */
#ifndef PGOPS_WORKER_PUSH_H
#define PGOPS_WORKER_PUSH_H

#include "cmdb/push.h"

/* what became of one target */
typedef struct PushReport
{
	const char *state;			/* succeeded, failed, skipped */
	int64		changes;		/* differences that the server there found; -1: not known */
	PushStatus	status;
} PushReport;

typedef struct PushRun PushRun;

/*
 * Names (char *) of the clusters that are due; *next: when others are (0: not
 * by themselves).  false: there is nothing to be pushed any more at all.
 */
typedef bool (*PushLook) (List **names, TimestampTz *next);

/*
 * push_run_create
 *		In the current context.  in_session: the caller is in a transaction,
 *		asks for everything to be delivered, and wants the reports; otherwise
 *		only what is due is called, and only where pgops_push is in effect.
 *		timeout_ms is for each cluster.  look: what finds more to do, at the
 *		beginning, when our latch is set and when the time has come; or NULL.
 */
extern PushRun *push_run_create(bool in_session, long timeout_ms, PushLook look);

/*
 * push_lock_worker
 *		Whether this process may be the push worker: there is one per server,
 *		also when a new coordinator does not know of the old one's.  Needs a
 *		transaction; holds as long as the process lives.
 */
extern bool push_lock_worker(void);

/*
 * push_run
 *		Calls them all and stores what is known of each; returns when nothing
 *		is left.  Raises what CHECK_FOR_INTERRUPTS and our own tables raise,
 *		never what is wrong with a target.
 */
extern void push_run(PushRun *run, List *clusters);

/* of PushReport *, in the order of their end; only of a session's run */
extern List *push_run_reports(PushRun *run);

#endif							/* PGOPS_WORKER_PUSH_H */
