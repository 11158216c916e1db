/*
 * execute.c
 *		A run of SQL actions in the database this process is connected to.
 *
 * Consecutive transactional actions share a transaction, each in a
 * subtransaction of its own: one that fails takes nothing with it.  After a
 * failure the actions that depend on it (chain.h) are not attempted: a DROP
 * OWNED must never follow a REASSIGN OWNED that failed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "apply/result.h"
#include "apply/baseline.h"
#include "apply/chain.h"
#include "errors.h"
#include "guc.h"

/* actions per transaction: bounds locks and subtransaction ids */
#define GROUP_SIZE	500

/* state of one call of apply_statements() */
typedef struct Run
{
	MemoryContext result_context;	/* the caller's: results live there */
	MemoryContext scratch;		/* what statements leave; reset between transactions */
	List	   *results;		/* all, in order */
	List	   *group;			/* results of the open transaction: not durable yet */
	List	   *members;		/* of Action *: the actions they are of */
	List	   *broken;			/* of char *: chains with a failed action */
	bool		open;			/* a transaction is open */
	ApplyResultCallback on_result;
	void	   *arg;
} Run;

/*
 * A result that outlives the action: the caller reads it after the scratch
 * context of the actions is gone.
 */
static ActionResult *
new_result(Run *run, int step)
{
	MemoryContext old = MemoryContextSwitchTo(run->result_context);
	ActionResult *result = result_begin(step);

	run->results = lappend(run->results, result);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Opens the transaction that the next actions share.  The memory context
 * becomes the scratch one, because the transaction's own would vanish under
 * the group at its end.
 */
static void
start_transaction(Run *run)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	run->open = true;
	MemoryContextSwitchTo(run->scratch);
}

/* tells the caller about all results of the transaction that just ended */
static void
publish_group(Run *run)
{
	ListCell   *cell;

	foreach(cell, run->group)
	{
		ActionResult *result = lfirst(cell);

		result->finished = GetCurrentTimestamp();
		if (run->on_result)
			run->on_result(result, run->arg);
	}
	list_free(run->group);
	list_free(run->members);
	run->group = run->members = NIL;
}

/*
 * The end of an action, good or bad.  A cancel that came too late was not
 * meant for the next one.
 */
static void
forget_action(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	debug_query_string = NULL;
}

/* the statement itself, under pgops.statement_timeout */
static void
run_action(const Action *action)
{
	/* found out on the way here, see transport.c */
	if (action->blocked)
		ereport(ERROR, (errcode(action->sqlstate), errmsg("%s", action->blocked)));
	pgstat_report_activity(STATE_RUNNING, action->rule->id);
	debug_query_string = action->statement;
	enable_timeout_after(STATEMENT_TIMEOUT, pgops_guc_statement_timeout);
	if (action->door == DOOR_BASELINE)
		apply_baseline(action->file_path);
	else
		apply_statement(action->statement, action->password);
	forget_action();
}

/*
 * An action among others of one transaction.  A subtransaction costs a
 * fraction of a commit, and its rollback leaves the neighbours' work alone.
 * The resource owner is put back by hand: outside a portal nobody else does.
 */
static void
run_in_subtransaction(Run *run, const Action *action, ActionResult *result)
{
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(run->scratch);
	PG_TRY();
	{
		run_action(action);
		ReleaseCurrentSubTransaction();
		result->ok = true;
	}
	PG_CATCH();
	{
		forget_action();
		result_take_error(result, run->result_context);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(run->scratch);
	CurrentResourceOwner = owner;
}

/*
 * An action that refuses to run in a transaction block (CREATE DATABASE,
 * ALTER DATABASE ... SET TABLESPACE) or whose effect others must see at
 * once.  PROCESS_UTILITY_TOPLEVEL and a transaction of its own satisfy
 * PreventInTransactionBlock().
 */
static void
run_alone(Run *run, const Action *action, ActionResult *result)
{
	start_transaction(run);
	PG_TRY();
	{
		run_action(action);
		CommitTransactionCommand();
		result->ok = true;
	}
	PG_CATCH();
	{
		forget_action();
		result_take_error(result, run->result_context);
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	run->open = false;
	MemoryContextSwitchTo(run->scratch);
	pgstat_report_stat(true);
	publish_group(run);
}

/* adds an action to those of the transaction that is open or about to be */
static void
join_group(Run *run, const Action *action, ActionResult *result)
{
	MemoryContext old = MemoryContextSwitchTo(run->result_context);

	run->group = lappend(run->group, result);
	run->members = lappend(run->members, unconstify(Action *, action));
	MemoryContextSwitchTo(old);
}

static void
break_chain(Run *run, const Action *action)
{
	MemoryContext old = MemoryContextSwitchTo(run->result_context);

	chain_break(&run->broken, action);
	MemoryContextSwitchTo(old);
}

/*
 * A commit that failed took back all that its actions did, and does not say
 * which of them is to blame: those that had succeeded are done again, each in
 * a transaction of its own.
 */
static void
repeat_group(Run *run)
{
	List	   *group = run->group;
	List	   *members = run->members;
	ListCell   *cell;
	ListCell   *member;

	run->group = run->members = NIL;
	forboth(cell, group, member, members)
	{
		ActionResult *result = lfirst(cell);
		const Action *action = lfirst(member);

		if (result->ok && chain_is_broken(run->broken, action))
		{
			run->results = list_delete_ptr(run->results, result);
			continue;
		}
		join_group(run, action, result);
		if (!result->ok)
		{
			publish_group(run);
			continue;
		}
		result->ok = false;
		run_alone(run, action, result);
		if (!result->ok)
			break_chain(run, action);
	}
	list_free(group);
	list_free(members);
}

static void
commit_group(Run *run)
{
	volatile bool committed = true;

	if (!run->open)
		return;
	PG_TRY();
	{
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		committed = false;
		if (list_length(run->group) == 1)
		{
			result_take_error(linitial(run->group), run->result_context);
			break_chain(run, linitial(run->members));
		}
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	run->open = false;
	MemoryContextSwitchTo(run->scratch);
	pgstat_report_stat(true);
	if (committed || list_length(run->group) == 1)
		publish_group(run);
	else
		repeat_group(run);
}

/*
 * Runs an action in the way its rule asks for.  A failure breaks its chain
 * for the rest of this run; the caller breaks it for the rest of the plan.
 */
static void
run_one(Run *run, const Action *action)
{
	ActionResult *result = new_result(run, action->step);

	join_group(run, action, result);
	if (action->transactional)
		run_in_subtransaction(run, action, result);
	else
		run_alone(run, action, result);
	if (!result->ok)
		break_chain(run, action);
}

List *
apply_statements(List *actions, ApplyResultCallback on_result, void *arg)
{
	Run			run = {0};
	ListCell   *cell;

	run.result_context = CurrentMemoryContext;
	run.scratch = AllocSetContextCreate(CurrentMemoryContext, "pgops actions",
										ALLOCSET_DEFAULT_SIZES);
	run.on_result = on_result;
	run.arg = arg;

	MemoryContextSwitchTo(run.scratch);
	foreach(cell, actions)
	{
		const Action *action = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (chain_is_broken(run.broken, action))
			continue;
		if (!action->transactional || list_length(run.group) >= GROUP_SIZE)
			commit_group(&run);
		if (action->transactional && !run.open)
			start_transaction(&run);
		run_one(&run, action);
		if (!run.open)
			MemoryContextReset(run.scratch);
	}
	commit_group(&run);
	pgstat_report_activity(STATE_IDLE, NULL);
	MemoryContextSwitchTo(run.result_context);
	MemoryContextDelete(run.scratch);
	return run.results;
}
