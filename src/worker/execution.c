/*
 * execution.c
 *		Carrying out a plan in the coordinator.
 *
 * The plan's order is kept.  Neighbouring actions that go through the same
 * door form a stage: server-wide statements, the insides of databases (in
 * parallel, one worker a database), one file, one reload.  Around a stage lie
 * two short transactions: "running" rows and the memory of what is being set
 * are committed before, results after.  A crash in between leaves "running"
 * rows, and the next pass observes before it does anything.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "apply/apply.h"
#include "apply/chain.h"
#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "errors.h"
#include "guc.h"
#include "ops/job.h"
#include "worker/execution.h"
#include "worker/patroni_input.h"
#include "worker/retry.h"
#include "worker/task.h"

typedef enum Stage
{
	STAGE_NONE,
	STAGE_SERVER,
	STAGE_DATABASES,
	STAGE_FILE,
	STAGE_RELOAD,
	STAGE_HTTP,
	STAGE_JOB
} Stage;

/* By which door an action leaves; what is blocked or only reported by none. */
static Stage
stage_of(const Action *action)
{
	if (!plan_is_runnable(action))
		return STAGE_NONE;
	switch (action->door)
	{
		case DOOR_SQL:
			return action->database ? STAGE_DATABASES : STAGE_SERVER;
		case DOOR_BASELINE:
			return STAGE_DATABASES;
		case DOOR_FILE:
			return STAGE_FILE;
		case DOOR_RELOAD:
			return STAGE_RELOAD;
		case DOOR_HTTP:
			return STAGE_HTTP;
		case DOOR_JOB:
			return STAGE_JOB;
		case DOOR_NONE:
			break;
	}
	return STAGE_NONE;
}

/* whether an action waits; what comes after it in its chain waits, too */
static bool
is_held(Execution *execution, const Action *action)
{
	if (!bms_is_member(action->step, execution->held))
		return false;
	chain_break(&execution->broken, action);
	return true;
}

/* whether a step is for the sake of others, of which none was done */
static bool
is_pointless(const Execution *execution, const Action *action)
{
	ListCell   *cell;

	if (!action->only_after_work)
		return false;
	foreach(cell, execution->done)
	{
		if (strcmp(((Action *) lfirst(cell))->rule->kind, action->rule->kind) == 0)
			return false;
	}
	return true;
}

/* the next stage's actions, from *at on; *at moves behind them */
static List *
take_stage(Execution *execution, int *at, Stage *stage)
{
	List	   *run = NIL;
	List	   *actions = execution->plan->actions;

	*stage = STAGE_NONE;
	for (; *at < list_length(actions); (*at)++)
	{
		Action	   *action = list_nth(actions, *at);
		Stage		own = stage_of(action);

		if (own == STAGE_NONE ||
			chain_is_broken(execution->broken, action) || is_held(execution, action))
			continue;
		if (*stage != STAGE_NONE && own != *stage)
			break;
		if (is_pointless(execution, action))
			continue;
		*stage = own;
		run = lappend(run, action);
		if (own == STAGE_FILE)
		{
			(*at)++;
			break;
		}
	}
	return run;
}

/* The row that says that the action runs, before it does. */
static LogEntry *
log_entry(const Action *action)
{
	LogEntry   *entry = palloc0(sizeof(LogEntry));

	entry->step = action->step;
	entry->kind = action->rule->kind;
	entry->name = action->name;
	entry->database = action->database;
	entry->action = action->rule->action;
	entry->destructive = action->destructive;
	entry->statement = action->statement;
	entry->reason = action->reason;
	entry->rule = action->rule->id;
	entry->state = "running";
	entry->started = GetCurrentTimestamp();
	return entry;
}

/*
 * What is remembered with an action: additions before it starts, so that a
 * crash cannot make us forget what we set; removals, and that a baseline is
 * done, after it succeeded.
 */
static List *
owned_changes(const Action *action, bool after)
{
	List	   *changes = NIL;
	ListCell   *cell;

	foreach(cell, action->owned)
	{
		OwnedChange *change = lfirst(cell);
		bool		late = change->remove || action->door == DOOR_BASELINE;

		if (late == after)
			changes = lappend(changes, change);
	}
	return changes;
}

/*
 * Commits what is about to be done: the "running" rows, and what pgops will
 * have set, so that a crash cannot make it forget that.  False if the
 * extension is gone; nothing may be done then that could not be logged.
 */
static bool
log_start(Execution *execution, List *actions, List **entries)
{
	List	   *changes = NIL;
	ListCell   *cell;

	*entries = NIL;
	if (execution->on_standby)
		return true;
	foreach(cell, actions)
	{
		*entries = lappend(*entries, log_entry(lfirst(cell)));
		changes = list_concat(changes, owned_changes(lfirst(cell), false));
	}
	if (txn_begin() != EXTENSION_READY)
	{
		execution->extension_lost = true;
		return false;
	}
	cmdb_log_insert(execution->cluster, execution->generation, execution->pass, *entries);
	if (changes != NIL && cmdb_hold_cluster(execution->cluster, execution->generation))
		cmdb_owned_change(execution->cluster, changes);
	txn_end();
	return true;
}

/* For results that did not come in the order of the actions. */
static ActionResult *
find_result(List *results, int step)
{
	ListCell   *cell;

	foreach(cell, results)
	{
		ActionResult *result = lfirst(cell);

		if (result->step == step)
			return result;
	}
	return NULL;
}

/* it has succeeded before, to no avail: that it succeeded now proves nothing yet */
static void
note_unproven(Execution *execution, const Action *action)
{
	Failure    *failure = retry_earlier(execution, action);

	if (failure != NULL && failure->sqlstate == ERRCODE_PGOPS_DOES_NOT_CONVERGE)
		execution->unproven = lappend(execution->unproven, failure);
}

/* a result that did not arrive: the action was skipped because its chain broke */
static void
note_result(Execution *execution, const Action *action, const ActionResult *result,
			LogEntry *entry, List **changes)
{
	if (result != NULL && result->ok)
	{
		execution->succeeded++;
		if (action->destructive)
			execution->destroyed++;
		execution->done = lappend(execution->done, unconstify(Action *, action));
		note_unproven(execution, action);
		*changes = list_concat(*changes, owned_changes(action, true));
	}
	else if (result != NULL)
	{
		execution_add_failure(execution, action->rule->id, action->rule->kind, action->name,
							  action->database, action->statement, result->sqlstate,
							  result->message, result->hint);
		chain_break(&execution->broken, action);
	}
	if (entry == NULL)
		return;
	entry->state = result == NULL ? "skipped" : result->ok ? "succeeded" : "failed";
	entry->finished = result ? result->finished : GetCurrentTimestamp();
	if (result)
	{
		entry->started = result->started;
		entry->sqlstate = result->ok ? 0 : result->sqlstate;
		entry->message = result->message;
		entry->detail = result->detail;
		entry->hint = result->hint;
	}
}

/*
 * Commits what became of the stage, in one transaction.  False if the
 * extension is gone.
 */
static bool
log_finish(Execution *execution, List *actions, List *entries, List *results)
{
	List	   *changes = NIL;
	int			i = 0;
	int			next = 0;
	ListCell   *cell;

	foreach(cell, actions)
	{
		const Action *action = lfirst(cell);
		ActionResult *result = NULL;

		/* results come in the order of the actions, apart from skipped ones */
		if (next < list_length(results) &&
			((ActionResult *) list_nth(results, next))->step == action->step)
			result = list_nth(results, next++);
		else
			result = find_result(results, action->step);
		note_result(execution, action, result,
					entries ? list_nth(entries, i) : NULL, &changes);
		i++;
	}
	if (execution->on_standby)
		return true;
	if (txn_begin() != EXTENSION_READY)
	{
		execution->extension_lost = true;
		return false;
	}
	cmdb_log_finish(entries);
	if (changes != NIL && cmdb_hold_cluster(execution->cluster, execution->generation))
		cmdb_owned_change(execution->cluster, changes);
	txn_end();
	return true;
}

/* ---- the insides of databases ---- */

typedef struct DatabaseShare
{
	const char *database;
	List	   *actions;
	Task	   *task;
} DatabaseShare;

/*
 * Splits a stage among the databases; the order within each is kept, that
 * between databases does not matter.
 */
static List *
share_by_database(List *actions)
{
	List	   *shares = NIL;
	DatabaseShare *last = NULL;
	ListCell   *cell;

	foreach(cell, actions)
	{
		Action	   *action = lfirst(cell);
		DatabaseShare *share = NULL;

		/* actions of one database usually stand together */
		if (last && strcmp(last->database, action->database) == 0)
			share = last;
		else
		{
			ListCell   *other;

			foreach(other, shares)
			{
				DatabaseShare *candidate = lfirst(other);

				if (strcmp(candidate->database, action->database) == 0)
					share = candidate;
			}
		}
		if (share == NULL)
		{
			share = palloc0(sizeof(DatabaseShare));
			share->database = action->database;
			shares = lappend(shares, share);
		}
		share->actions = lappend(share->actions, action);
		last = share;
	}
	return shares;
}

/* looks up the databases as they are now; some may have been created by this plan */
static bool
prepare_tasks(Execution *execution, List *shares, List **tasks)
{
	ListCell   *cell;

	if (txn_begin() != EXTENSION_READY)
	{
		execution->extension_lost = true;
		return false;
	}
	foreach(cell, shares)
	{
		DatabaseShare *share = lfirst(cell);

		share->task = palloc0(sizeof(Task));
		share->task->kind = TASK_APPLY;
		share->task->database = pstrdup(share->database);
		share->task->dboid = get_database_oid(share->database, true);
		share->task->request = apply_encode_request(share->actions);
		if (OidIsValid(share->task->dboid))
			*tasks = lappend(*tasks, share->task);
		else
		{
			share->task->sqlstate = ERRCODE_UNDEFINED_DATABASE;
			share->task->message = psprintf("database \"%s\" does not exist", share->database);
		}
	}
	txn_end();
	return true;
}

/* the worker's results; the first action without one carries the worker's own error */
static List *
collect_results(const DatabaseShare *share)
{
	List	   *results = NIL;
	ListCell   *cell;

	foreach(cell, share->task->replies)
	{
		StringInfo	reply = lfirst(cell);

		results = lappend(results, apply_decode_result(reply->data, reply->len));
	}
	if (share->task->done)
		return results;
	foreach(cell, share->actions)
	{
		const Action *action = lfirst(cell);
		ActionResult *result;

		if (find_result(results, action->step))
			continue;
		result = palloc0(sizeof(ActionResult));
		result->step = action->step;
		result->sqlstate = share->task->sqlstate;
		result->message = share->task->message ? share->task->message :
			psprintf("the worker in database \"%s\" was lost", share->database);
		result->hint = share->task->hint;
		result->started = result->finished = GetCurrentTimestamp();
		return lappend(results, result);
	}
	return results;
}

/*
 * All databases of a stage side by side, as many as pgops.max_workers allows.
 */
static List *
run_in_databases(Execution *execution, List *actions)
{
	List	   *shares = share_by_database(actions);
	List	   *tasks = NIL;
	List	   *results = NIL;
	ListCell   *cell;

	if (!prepare_tasks(execution, shares, &tasks))
		return NIL;
	task_run_all(tasks, GetCurrentTimestamp() +
				 pgops_guc_statement_timeout * INT64CONST(1000) * 2);
	foreach(cell, shares)
		results = list_concat(results, collect_results(lfirst(cell)));
	return results;
}

/*
 * An action that is a job is done when the job is asked for; what becomes of
 * it the next passes see.  It has no other effects, so an error breaks off
 * the pass like one of any other statement on pgops' tables.
 */
static ActionResult *
queue_job(Execution *execution, const Action *action)
{
	ActionResult *result = palloc0(sizeof(ActionResult));
	JobRequest	request = {.kind = action->job_kind, .args = action->job_args};

	request.cluster = execution->cluster;
	result->step = action->step;
	result->started = GetCurrentTimestamp();
	if (txn_begin() != EXTENSION_READY)
	{
		execution->extension_lost = true;
		return result;
	}
	(void) job_queue(&request);
	txn_end();
	result->ok = true;
	result->finished = GetCurrentTimestamp();
	return result;
}

/* The password may come from the tables, the request must not wait in their transaction. */
static ActionResult *
patch_patroni(Execution *execution, const Action *action)
{
	PatroniAccess *access;

	if (txn_begin() != EXTENSION_READY)
	{
		ActionResult *result = palloc0(sizeof(ActionResult));

		execution->extension_lost = true;
		result->step = action->step;
		return result;
	}
	access = patroni_input_access();
	txn_end();
	return apply_patch(action, access);
}

/*
 * One stage through its door.  Nothing of ours is open meanwhile: neither a
 * transaction nor a lock on the extension.
 */
static List *
run_stage(Execution *execution, Stage stage, List *actions)
{
	ListCell   *cell;
	List	   *results = NIL;

	switch (stage)
	{
		case STAGE_SERVER:
			return apply_statements(actions, NULL, NULL);
		case STAGE_DATABASES:
			return run_in_databases(execution, actions);
		case STAGE_FILE:
			return list_make1(apply_file(linitial(actions)));
		case STAGE_RELOAD:
			foreach(cell, actions)
				results = lappend(results, apply_reload(lfirst(cell)));
			return results;
		case STAGE_HTTP:
			foreach(cell, actions)
				results = lappend(results, patch_patroni(execution, lfirst(cell)));
			return results;
		case STAGE_JOB:
			foreach(cell, actions)
				results = lappend(results, queue_job(execution, lfirst(cell)));
			return results;
		case STAGE_NONE:
			break;
	}
	return NIL;
}

/*
 * Stage after stage in the order of the plan.  After each the chains of what
 * failed are broken, so a later stage cannot build on it.  A plan may take long, so
 * whether this server still is the one that may act is seen at each.
 */
void
execution_run(Execution *execution)
{
	int			at = 0;

	retry_hold(execution);
	for (;;)
	{
		Stage		stage;
		List	   *actions = take_stage(execution, &at, &stage);
		List	   *entries;
		List	   *results;

		if (actions == NIL)
			break;
		CHECK_FOR_INTERRUPTS();
		execution->shut = !gate_is_open(execution->gate);
		if (execution->shut || !log_start(execution, actions, &entries))
			return;
		results = run_stage(execution, stage, actions);
		if (execution->extension_lost ||
			!log_finish(execution, actions, entries, results))
			return;
	}
}
