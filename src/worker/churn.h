/*
 * churn.h
 *		Recognising what does not converge: an action that succeeded and is
 *		planned again at once, since something undoes it.
 *
 * Not for: actions that fail (execution.h), nor when they are tried again.
 */
#ifndef PGOPS_WORKER_CHURN_H
#define PGOPS_WORKER_CHURN_H

#include "plan/plan.h"

/* the actions that succeeded lately; lost with the process */
typedef struct Churn Churn;

extern Churn *churn_create(MemoryContext context);

/*
 * churn_forget
 *		A pass without work, and another declaration, begin anew: what comes
 *		up after them is not the same difference again.
 */
extern void churn_forget(Churn *churn);

/* an action has succeeded now */
extern void churn_note(Churn *churn, const Action *action);

/*
 * churn_is_back
 *		Whether an action that is planned now had succeeded less than
 *		pgops.retry_delay ago.  One that comes back later is tried again.
 */
extern bool churn_is_back(Churn *churn, const Action *action);

#endif							/* PGOPS_WORKER_CHURN_H */
