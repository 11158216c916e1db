/*
 * push_parts.h
 *		Private to src/worker/push*.c: one push, which push.c starts and ends,
 *		push_steps.c carries through, and push_outcome.c sums up; and who may.
 */
#ifndef PGOPS_WORKER_PUSH_PARTS_H
#define PGOPS_WORKER_PUSH_PARTS_H

#include "cmdb/push.h"
#include "io/remote.h"
#include "worker/push.h"
#include "worker/push_target.h"

/* longest delay between two attempts at a target, ms */
#define PUSH_MAX_DELAY_MS	(5 * 60 * 1000)

/* after which a target where all is well is asked again, ms */
#define PUSH_REST_MS		(10 * 60 * 1000)

typedef struct PushStep PushStep;

/* one target while it is called */
typedef struct Push
{
	const PushGroup *group;
	const PushTarget *target;
	RemoteSet  *set;
	MemoryContext context;		/* of the group: lives until its last push is over */
	TimestampTz deadline;

	const PushStep *step;		/* under way */
	Remote	   *remote;			/* NULL: not connected */
	int			candidate;		/* that is being called, from 0 */
	long		pause_ms;		/* before the next look at its status */
	bool		deliver;		/* not only ask */
	int64		known_generation;	/* that the server had when it was asked last; 0: not known */

	/* what came of it */
	bool		over;
	bool		delivered;
	bool		contact;		/* a server answered */
	int64		changes;		/* -1: not known */
	char		sqlstate[6];	/* empty: nothing went wrong */
	char	   *error;
	const char *host;			/* that was called last */
	int64		remote_generation;
	int64		observed_generation;
	char	   *phase;			/* NULL: not known */
	char	   *message;
} Push;

/* begins to call the target; push->over may be true at once */
extern void push_begin(Push *push);

/* takes the answer that its Remote has, and goes on */
extern void push_advance(Push *push);

/* whether what was brought back is the end of the work there */
extern bool push_is_settled(const Push *push);

/*
 * push_outcome
 *		What is known of the target now: what was known before (or NULL) and
 *		what the push brought.  The texts belong to these.
 */
extern void push_outcome(const Push *push, const PushStatus *earlier, PushStatus *status);

/* the same as a report, with copies of its texts in the current context */
extern PushReport *push_report(const char *state, int64 changes, const PushStatus *status);

/*
 * push_lock_cluster
 *		Makes this process the one that pushes a cluster; false: another one is
 *		it.  Needs a transaction.  "session": until push_unlock_cluster(), from
 *		transaction to transaction; else until the end of this one, so that
 *		nobody pushes between a session's call and its commit.
 */
extern bool push_lock_cluster(const char *cluster, bool session);
extern void push_unlock_cluster(const char *cluster);

#endif							/* PGOPS_WORKER_PUSH_PARTS_H */
