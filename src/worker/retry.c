/*
 * retry.c
 *		Failed steps: recording them, and when they are tried again.
 *
 * The delay doubles with each attempt at the same step.  Not for: what a
 * failure stops in the same pass (apply/chain.c).
 */
#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "worker/retry.h"

/* longest delay between two attempts, ms */
#define MAX_RETRY_DELAY_MS	(60 * 60 * 1000)

/* texts that may be missing */
static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/*
 * The failure of the same step.  The statement is part of what is compared:
 * a declaration that was corrected is tried at once.
 */
static Failure *
find_failure(List *failures, const char *rule, const char *name,
			 const char *database, const char *statement)
{
	ListCell   *cell;

	foreach(cell, failures)
	{
		Failure    *failure = lfirst(cell);

		if (same_text(failure->rule, rule) && same_text(failure->name, name) &&
			same_text(failure->database, database) &&
			same_text(failure->statement, statement))
			return failure;
	}
	return NULL;
}

/* doubles with each attempt */
static int64
delay_ms(int attempts)
{
	int64		delay = pgops_guc_retry_delay;

	for (int i = 1; i < attempts && delay < MAX_RETRY_DELAY_MS; i++)
		delay *= 2;
	return Min(delay, MAX_RETRY_DELAY_MS);
}

static TimestampTz
next_attempt(int attempts)
{
	return GetCurrentTimestamp() + delay_ms(attempts) * 1000;
}

/* Counts on from the earlier attempts at the same step. */
void
execution_add_failure(Execution *execution, const char *rule, const char *kind,
					  const char *name, const char *database,
					  const char *statement, int sqlstate,
					  const char *message, const char *hint)
{
	Failure    *before = find_failure(execution->earlier, rule, name, database, statement);
	Failure    *failure = palloc0(sizeof(Failure));

	failure->rule = pstrdup(rule);
	failure->kind = pstrdup(kind);
	failure->name = pstrdup(name);
	failure->database = database ? pstrdup(database) : NULL;
	failure->statement = pstrdup(statement);
	failure->attempts = before ? before->attempts + 1 : 1;
	failure->next_attempt = next_attempt(failure->attempts);
	failure->sqlstate = sqlstate;
	failure->message = pstrdup(message);
	failure->hint = hint ? pstrdup(hint) : NULL;
	execution->failures = lappend(execution->failures, failure);
	execution->failed++;
}

/* the last job's end as a failure of the action that asks for it again */
static Failure *
job_failure(const Action *action)
{
	const JobOutcome *job = action->failed_job;
	Failure    *failure = palloc0(sizeof(Failure));
	bool		cancelled = strcmp(job->state, "cancelled") == 0;

	failure->rule = pstrdup(action->rule->id);
	failure->kind = pstrdup(action->rule->kind);
	failure->name = action->name;
	failure->database = action->database;
	failure->statement = action->statement;
	failure->attempts = job->failures;
	/* whoever cancelled it does not want it back in a second */
	failure->next_attempt = job->finished +
		(cancelled ? MAX_RETRY_DELAY_MS : delay_ms(job->failures)) * INT64CONST(1000);
	failure->sqlstate = job->sqlstate;
	failure->message = job->message;
	failure->hint = job->hint;
	return failure;
}

/* see retry.h */
void
retry_note_jobs(Execution *execution)
{
	ListCell   *cell;

	foreach(cell, execution->plan->actions)
	{
		const Action *action = lfirst(cell);

		if (!plan_is_runnable(action) || action->door != DOOR_JOB)
			continue;
		/* what an earlier pass told may be of a job for another declaration */
		execution->earlier = list_delete_ptr(list_copy(execution->earlier),
											 retry_earlier(execution, action));
		if (action->failed_job != NULL)
			execution->earlier = lcons(job_failure(action), execution->earlier);
	}
}

/* see retry.h */
void
retry_note_declared(Execution *execution)
{
	ListCell   *cell;

	foreach(cell, execution->plan->actions)
	{
		const Action *action = lfirst(cell);

		if (action->door == DOOR_HTTP)
			execution->earlier = list_delete_ptr(list_copy(execution->earlier),
												 retry_earlier(execution, action));
	}
}

/* see retry.h */
Failure *
retry_earlier(const Execution *execution, const Action *action)
{
	return find_failure(execution->earlier, action->rule->id, action->name,
						action->database, action->statement);
}

/*
 * When each sequence may be tried again: a sequence waits as a whole, for the
 * last of its failed steps, or the steps before that one would be repeated at
 * every pass.  Indexed by Action.sequence; the element 0 is not used.
 */
static TimestampTz *
sequence_times(const Execution *execution)
{
	TimestampTz *times;
	int			last = 0;
	ListCell   *cell;

	foreach(cell, execution->plan->actions)
		last = Max(last, ((Action *) lfirst(cell))->sequence);
	times = palloc0((last + 1) * sizeof(TimestampTz));
	foreach(cell, execution->plan->actions)
	{
		const Action *action = lfirst(cell);
		const Failure *failure = action->sequence > 0 && action->blocked == NULL ?
		retry_earlier(execution, action) : NULL;

		if (failure != NULL)
			times[action->sequence] = Max(times[action->sequence], failure->next_attempt);
	}
	return times;
}

/* see retry.h */
void
retry_hold(Execution *execution)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz *times;
	ListCell   *cell;

	if (execution->earlier == NIL || execution->retry_all)
		return;
	times = sequence_times(execution);
	foreach(cell, execution->plan->actions)
	{
		const Action *action = lfirst(cell);
		Failure    *failure = plan_is_runnable(action) ?
		retry_earlier(execution, action) : NULL;

		if (failure != NULL && action->sequence > 0)
			failure->next_attempt = times[action->sequence];
		if ((failure != NULL && failure->next_attempt > now) ||
			(action->sequence > 0 && times[action->sequence] > now))
			execution->held = bms_add_member(execution->held, action->step);
		if (failure != NULL && failure->next_attempt > now)
			execution->failures = list_append_unique_ptr(execution->failures, failure);
	}
}
