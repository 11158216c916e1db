/*
 * retry.h
 *		Failed steps: when they are tried again.
 */
#ifndef PGOPS_WORKER_RETRY_H
#define PGOPS_WORKER_RETRY_H

#include "worker/execution.h"

/*
 * retry_hold
 *		Finds the actions whose time for another attempt has not come
 *		(execution->held) and keeps their failures; nothing if retry_all.
 */
extern void retry_hold(Execution *execution);

/* the failure that an earlier pass left of this very step, or NULL */
extern Failure *retry_earlier(const Execution *execution, const Action *action);

/*
 * retry_note_jobs
 *		Jobs that this plan would ask for and that failed before are failures of
 *		these actions: told, and tried again with growing delay.
 */
extern void retry_note_jobs(Execution *execution);

/*
 * retry_note_declared
 *		After something was declared: requests to Patroni that failed before are
 *		tried at once, for what was wrong with them (address, user, password) is
 *		declared, too, and stands in none of their statements.
 */
extern void retry_note_declared(Execution *execution);

#endif							/* PGOPS_WORKER_RETRY_H */
