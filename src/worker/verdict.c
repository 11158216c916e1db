/*
 * verdict.c
 *		The status row: what a pass amounts to, in one word and one sentence.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "errors.h"
#include "worker/verdict.h"

/*
 * Numbers of the last pass that did something are kept: they are history,
 * and a pause does not change it.
 */
void
verdict_rest(ClusterStatus *status, const CmdbCluster *row, const ClusterStatus *earlier,
			 const char *instance, const char *phase, const char *message)
{
	if (earlier)
		*status = *earlier;
	status->cluster = row->name;
	status->instance = pstrdup(instance ? instance : "");
	status->phase = pstrdup(phase);
	status->message = pstrdup(message);
	status->generation = row->generation;
	status->last_pass = GetCurrentTimestamp();
}

/* Written and committed before the first action runs. */
void
verdict_progress(ClusterStatus *status, const CmdbCluster *row, const ClusterStatus *earlier,
				 const char *instance, int actions)
{
	verdict_rest(status, row, earlier, instance, "progressing",
				 psprintf("%d actions are being carried out", actions));
	status->actions = actions;
	status->failed = 0;
}

/* What is no longer declared is told in the plan, but it is no trouble. */
static bool
is_orphan_report(const Action *action)
{
	return action->sqlstate == ERRCODE_PGOPS_ORPHANED;
}

/*
 * Differences that the policy leaves alone are counted apart from those that
 * cannot be repaired.
 */
static bool
is_drift(const Action *action)
{
	return action->sqlstate == ERRCODE_PGOPS_OBSERVE_ONLY;
}

/* A job is at it: the outcome is still to come. */
static bool
is_in_progress(const Action *action)
{
	return action->sqlstate == ERRCODE_PGOPS_JOB_BUSY;
}

/* what jobs of this plan are still doing, in words; NULL: nothing */
static const char *
work_in_progress(const Execution *execution)
{
	ListCell   *cell;

	foreach(cell, execution->plan->actions)
	{
		const Action *action = lfirst(cell);

		if (action->blocked && is_in_progress(action))
			return action->blocked;
	}
	foreach(cell, execution->done)
	{
		const Action *action = lfirst(cell);

		if (action->door == DOOR_JOB)
			return psprintf("job %s was asked for", action->job_kind);
	}
	return NULL;
}

/* The one that the message names; the others are in pgops.actions. */
static const Action *
first_blocked(const ActionPlan *plan, bool drift)
{
	ListCell   *cell;

	foreach(cell, plan->actions)
	{
		const Action *action = lfirst(cell);

		if (action->blocked && !is_orphan_report(action) && !is_in_progress(action) &&
			is_drift(action) == drift)
			return action;
	}
	return NULL;
}

/* Sorts what the plan does not do into differences and obstacles. */
static void
count_actions(ClusterStatus *status, const ActionPlan *plan)
{
	ListCell   *cell;

	foreach(cell, plan->actions)
	{
		const Action *action = lfirst(cell);

		if (action->blocked == NULL || is_orphan_report(action) || is_in_progress(action))
			continue;
		if (is_drift(action))
			status->drifted++;
		else
			status->blocked++;
		if (action->sqlstate == ERRCODE_PGOPS_NEEDS_APPROVAL)
			status->destructive_digest = plan->destructive_digest;
	}
}

/*
 * The worst condition gives the phase: failed before differing before
 * blocked.
 */
void
verdict_make(ClusterStatus *status, const CmdbCluster *row, const char *instance,
			 const Execution *execution)
{
	const char *working = work_in_progress(execution);

	memset(status, 0, sizeof(ClusterStatus));
	verdict_rest(status, row, NULL, instance, "converged", "the server is as declared");
	count_actions(status, execution->plan);
	status->actions = execution->succeeded + execution->failed;
	status->failed = list_length(execution->failures);

	if (status->failed > 0)
	{
		const Failure *first = linitial(execution->failures);

		status->phase = pstrdup("degraded");
		status->message = psprintf("%d of the actions failed and will be tried again; first: %s \"%s\": %s",
								   status->failed, first->kind, first->name, first->message);
	}
	else if (working != NULL)
	{
		status->phase = pstrdup("progressing");
		status->message = pstrdup(working);
	}
	else if (status->drifted > 0)
	{
		status->phase = pstrdup("observing");
		status->message = psprintf("%d differences are reported and not repaired", status->drifted);
	}
	else if (status->blocked > 0)
	{
		const Action *first = first_blocked(execution->plan, false);

		status->phase = pstrdup("blocked");
		status->message = psprintf("everything else is as declared, %d cannot be done; first: %s",
								   status->blocked, first->blocked);
	}
	if (status->failed == 0 && working == NULL)
		status->converged_at = GetCurrentTimestamp();
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Times do not count: they would make a row version of every idle pass. */
bool
verdict_differs(const ClusterStatus *before, const ClusterStatus *now)
{
	return before == NULL ||
		before->generation != now->generation ||
		before->failed != now->failed || before->blocked != now->blocked ||
		before->drifted != now->drifted ||
		!same_text(before->phase, now->phase) ||
		!same_text(before->message, now->message) ||
		!same_text(before->instance, now->instance) ||
		!same_text(before->destructive_digest, now->destructive_digest);
}
