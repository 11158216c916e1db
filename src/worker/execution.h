/*
 * execution.h
 *		Carrying out a plan in the coordinator: stage by stage, logged, with
 *		failures kept apart.
 */
#ifndef PGOPS_WORKER_EXECUTION_H
#define PGOPS_WORKER_EXECUTION_H

#include "nodes/bitmapset.h"

#include "cmdb/log.h"
#include "plan/plan.h"
#include "worker/gate.h"

typedef struct Execution
{
	/* in */
	const char *cluster;
	int64		generation;
	int64		pass;
	ActionPlan *plan;
	List	   *earlier;		/* of Failure *: from earlier passes */
	bool		retry_all;		/* forget retry times */
	bool		on_standby;		/* nothing can be logged in tables */
	Gate	   *gate;			/* whether a primary still may act */

	/* out */
	List	   *failures;		/* of Failure *: of now, or still waiting */
	int			succeeded;
	int			destroyed;		/* destructive ones among the succeeded */
	int			failed;
	bool		extension_lost; /* DROP EXTENSION came between: nothing more was done */
	bool		shut;			/* it may not act any more: likewise */
	List	   *done;			/* of Action *: those that succeeded */
	List	   *unproven;		/* of Failure *: actions that did not converge earlier and
								 * succeeded now: the next look tells */

	/* private */
	List	   *broken;			/* chains, see apply/chain.h */
	Bitmapset  *held;			/* steps that wait for their next attempt */
} Execution;

/* runs all actions that are not blocked; outside any transaction; raises only
 * what makes going on impossible (shutdown) */
extern void execution_run(Execution *execution);

/* records a failure of something that is not an action (a database that cannot be observed) */
extern void execution_add_failure(Execution *execution, const char *rule, const char *kind,
								  const char *name, const char *database,
								  const char *statement, int sqlstate,
								  const char *message, const char *hint);

#endif							/* PGOPS_WORKER_EXECUTION_H */
