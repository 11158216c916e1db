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

/* more names (char *) of clusters to push, when somebody set our latch; *done: no more at all */
typedef List *(*PushLook) (PushRun *run, bool *done);

/*
 * push_run_create
 *		In the current context.  in_session: the caller is in a transaction,
 *		asks for everything to be delivered, and wants the reports; otherwise
 *		only what is due is called, and only where pgops_push is in effect.
 *		timeout_ms is for each cluster.  look: or NULL.
 */
extern PushRun *push_run_create(bool in_session, long timeout_ms, PushLook look);

/* whether the run has to do with a cluster already */
extern bool push_run_has(PushRun *run, const char *cluster);

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
