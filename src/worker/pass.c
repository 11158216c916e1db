/*
 * pass.c
 *		One pass of the coordinator.
 *
 *	 declaration (tables) -+
 *						   +-> plan -> execution -> status
 *	 server (catalogs) ----+
 *
 * Every pass observes; nothing is done from memory.  On a standby only files
 * and reloads are done, and nothing is written to tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "apply/chain.h"
#include "cmdb/extension.h"
#include "cmdb/log.h"
#include "errors.h"
#include "guc.h"
#include "observe/patroni_facts.h"
#include "ops/restart.h"
#include "ops/backup_age.h"
#include "ops/schedule.h"
#include "worker/backup_facts.h"
#include "worker/execution.h"
#include "worker/pass.h"
#include "worker/retry.h"
#include "worker/shared.h"
#include "worker/situation.h"
#include "worker/verdict.h"
#include "worker/wake.h"

typedef struct SettledEntry
{
	char		name[NAMEDATALEN];	/* hash key */
	char		digest[65];
} SettledEntry;

/* Lives as long as the coordinator; see the struct. */
PassMemory *
pass_memory_create(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "pgops pass memory",
												  ALLOCSET_DEFAULT_SIZES);
	PassMemory *memory = MemoryContextAllocZero(context, sizeof(PassMemory));
	HASHCTL		control = {0};

	memory->context = context;
	control.keysize = NAMEDATALEN;
	control.entrysize = sizeof(SettledEntry);
	control.hcxt = context;
	memory->settled = hash_create("pgops settled databases", 128, &control,
								  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	memory->churn = churn_create(context);
	return memory;
}

/* a person's view of a change of phase, once */
static void
remember_phase(PassMemory *memory, const char *cluster, const char *phase, const char *message)
{
	if (memory->last_phase && strcmp(memory->last_phase, phase) == 0)
		return;
	if (memory->last_phase)
		pfree(memory->last_phase);
	memory->last_phase = MemoryContextStrdup(memory->context, phase);
	ereport(LOG,
			(errmsg("pgops: cluster \"%s\" is %s: %s", cluster, phase, message)));
}

/* ---- which databases must be looked into ---- */

typedef struct FilterState
{
	PassMemory *memory;
	const Cluster *cluster;
	bool		full;
} FilterState;

/*
 * Without this filter the commit of one changed role would cost a worker in
 * every database.  A database counts as settled only for the very inside
 * that was declared when it was last seen to have it.
 */
static bool
needs_look(const Database *database, void *arg)
{
	FilterState *state = arg;
	SettledEntry *entry;

	if (state->full)
		return true;
	entry = hash_search(state->memory->settled, database->name, HASH_FIND, NULL);
	return entry == NULL ||
		strcmp(entry->digest, plan_local_digest(state->cluster, database->name)) != 0;
}

/* A full pass starts with no opinion. */
static void
forget_settled(PassMemory *memory)
{
	HASH_SEQ_STATUS scan;
	SettledEntry *entry;

	hash_seq_init(&scan, memory->settled);
	while ((entry = hash_seq_search(&scan)) != NULL)
		hash_search(memory->settled, entry->name, HASH_REMOVE, NULL);
}

/* databases that were looked into and for which the plan has nothing to do */
static void
remember_settled(PassMemory *memory, const Situation *situation, const ActionPlan *plan)
{
	ListCell   *cell;

	foreach(cell, situation->server->databases)
	{
		const Database *database = lfirst(cell);
		SettledEntry *entry;

		if (database->local == NULL)
			continue;
		entry = hash_search(memory->settled, database->name, HASH_ENTER, NULL);
		strlcpy(entry->digest, plan_local_digest(situation->cluster, database->name),
				sizeof(entry->digest));
	}
	foreach(cell, plan->actions)
	{
		const Action *action = lfirst(cell);

		if (action->database)
			hash_search(memory->settled, action->database, HASH_REMOVE, NULL);
		/* one that is created anew is another one under the same name */
		if (action->blocked == NULL && strcmp(action->rule->kind, "database") == 0)
			hash_search(memory->settled, action->name, HASH_REMOVE, NULL);
	}
}

/* an absent role must be removed from every database, seen or not */
static bool
removes_roles(const Cluster *cluster)
{
	ListCell   *cell;

	if (cluster->policy == POLICY_AUTHORITATIVE)
		return true;
	foreach(cell, cluster->roles)
	{
		if (((Role *) lfirst(cell))->state == STATE_ABSENT)
			return true;
	}
	return false;
}

/* ---- the steps of a pass ---- */

typedef struct Declared
{
	ExtensionState extension;
	Binding    *binding;
	Situation	situation;
	List	   *failures;
	ClusterStatus *status;		/* before this pass; NULL: none */
	int64		pass;
} Declared;

/* what else a pass needs of a cluster; false: it was forgotten a moment ago, or is none any more */
static bool
read_situation(Declared *declared, const char *name, bool standby)
{
	Situation  *situation = &declared->situation;
	Inventory  *inventory = cmdb_load_scope(name);
	const InventoryGroup *group = inventory_group(inventory, name);
	Findings	findings = {0};

	if (group == NULL || strcmp(group->kind, INVENTORY_PGSQL) != 0)
		return false;
	situation->server = observe_shared();
	situation->cluster = situation_model(inventory, name, declared->binding->instance,
										 situation->server, !standby, &findings);
	situation->owned = cmdb_owned_load(name);
	situation->backup_wanted = backup_age_problem(name);
	situation->backup = backup_facts(situation->cluster, situation->server);
	if (!standby)
	{
		/* the replicated failures are the primary's, not those of a standby's files */
		declared->failures = cmdb_failures(name);
		declared->pass = cmdb_next_pass();
	}
	return true;
}

/* reads the declaration, the shared catalogs and what is remembered, in one transaction */
static void
read_declaration(Declared *declared, bool standby)
{
	char	   *name;

	declared->extension = txn_begin();
	if (declared->extension != EXTENSION_READY)
		return;
	declared->binding = cmdb_binding();
	if (declared->binding->unrecorded && !standby)
		cmdb_bind_member(declared->binding->instance);
	name = declared->binding->cluster ? declared->binding->cluster : cmdb_local_cluster();
	declared->situation.row = name ? cmdb_cluster(name) : NULL;
	if (declared->situation.row)
	{
		declared->status = cmdb_status(name);
		if (declared->binding->state == BINDING_BOUND &&
			!read_situation(declared, name, standby))
			declared->situation.row = NULL;
	}
	txn_end();
}

/* A status row on its own, in a transaction of its own. */
static void
store_status(const ClusterStatus *status)
{
	if (txn_begin() != EXTENSION_READY)
		return;
	if (cmdb_hold_cluster(status->cluster, status->generation))
		cmdb_status_store(status);
	txn_end();
}

/* a state in which nothing is done; told once */
static PassResult
rest(PassMemory *memory, const Declared *declared, const char *phase,
	 const char *message, bool standby)
{
	PassResult	result = {.state = phase};
	const CmdbCluster *row = declared->situation.row;
	ClusterStatus status = {0};

	if (row == NULL)
		return result;
	verdict_rest(&status, row, declared->status, declared->binding->instance, phase, message);
	remember_phase(memory, row->name, phase, message);
	if (!standby && verdict_differs(declared->status, &status))
		store_status(&status);
	return result;
}

/*
 * A database that could not be looked into is a failure like that of an
 * action: it is shown, and tried again with growing delay.
 */
static void
note_unobserved(Execution *execution, const ServerState *server)
{
	ListCell   *cell;

	foreach(cell, server->databases)
	{
		const Database *database = lfirst(cell);

		if (database->local_error)
			execution_add_failure(execution, "database.observe", "database", database->name,
								  database->name, "", database->local_sqlstate,
								  database->local_error, database->local_hint);
	}
}

/* what succeeded a moment ago and is planned again is not repeated at once */
static void
note_churn(const PassMemory *memory, Execution *execution)
{
	List	   *earlier = list_copy(execution->earlier);
	ListCell   *cell;

	foreach(cell, execution->plan->actions)
	{
		Action	   *action = lfirst(cell);

		if (!plan_is_runnable(action) || action->only_after_work ||
			!churn_is_back(memory->churn, action))
			continue;
		execution_add_failure(execution, action->rule->id, action->rule->kind, action->name,
							  action->database, action->statement,
							  ERRCODE_PGOPS_DOES_NOT_CONVERGE,
							  "the action succeeded, but the same difference is there again",
							  "Look for something else that changes this object.");
		earlier = lcons(llast(execution->failures), earlier);
	}
	execution->earlier = earlier;
}

/* How many steps this plan would carry out. */
static int
count_runnable(const ActionPlan *plan)
{
	int			count = 0;
	ListCell   *cell;

	foreach(cell, plan->actions)
	{
		const Action *action = lfirst(cell);

		if (plan_is_runnable(action))
			count++;
	}
	return count;
}

/* steps before a failed one are repeated with it, so they are not done yet */
static void
remember_done(PassMemory *memory, const Execution *execution)
{
	ListCell   *cell;

	foreach(cell, execution->done)
	{
		/* what a job brings about shows later, and its failure is told as that */
		if (!chain_is_broken(execution->broken, lfirst(cell)) &&
			((Action *) lfirst(cell))->door != DOOR_JOB)
			churn_note(memory->churn, lfirst(cell));
	}
}

/*
 * Whether this plan is another one than that of the last pass.  A pass without
 * work, and a new declaration, forget what was done: two new passwords for one
 * role are two actions that read the same.
 */
static bool
remember_plan(PassMemory *memory, const Execution *execution, int runnable)
{
	bool		again = runnable > 0 && memory->last_digest &&
	memory->last_generation == execution->generation &&
	strcmp(memory->last_digest, execution->plan->digest) == 0;

	if (runnable == 0 || memory->last_generation != execution->generation)
		churn_forget(memory->churn);
	if (memory->last_digest)
		pfree(memory->last_digest);
	memory->last_digest = runnable == 0 ? NULL :
		MemoryContextStrdup(memory->context, execution->plan->digest);
	memory->last_generation = execution->generation;
	return !again;
}

/*
 * An approval is for once: it is used up when everything it released was
 * destroyed.  Until then it stands, so that what failed is tried again.
 */
static bool
approval_is_used(const Declared *declared, const Execution *execution)
{
	const char *approved = declared->situation.row->approved_digest;
	const ActionPlan *plan = execution->plan;

	return approved != NULL && plan->destructive_digest != NULL &&
		strcmp(approved, plan->destructive_digest) == 0 &&
		plan->destructive > 0 && execution->destroyed == plan->destructive;
}

/* nothing is written that says what stood there before */
static void
write_outcome_rows(const Declared *declared, const Execution *execution,
				   const ClusterStatus *status)
{
	if (execution->plan->adopted != NIL)
		cmdb_owned_change(execution->cluster, execution->plan->adopted);
	if (execution->failures != NIL || declared->failures != NIL)
		cmdb_failures_store(execution->cluster, execution->failures);
	if (verdict_differs(declared->status, status))
		cmdb_status_store(status);
	if (approval_is_used(declared, execution))
		cmdb_approval_used(execution->cluster, execution->plan->destructive_digest);
	if (schedule_store(declared->situation.cluster))
		wake_at_commit(REQUEST_JOBS);
}

/* adopted objects, failures and status */
static void
write_outcome(const Declared *declared, const Execution *execution, const ClusterStatus *status)
{
	if (txn_begin() != EXTENSION_READY)
		return;
	if (cmdb_hold_cluster(execution->cluster, execution->generation))
		write_outcome_rows(declared, execution, status);
	if (execution->succeeded > 0)
		cmdb_log_expire(pgops_guc_log_retention);
	txn_end();
}

/* When the coordinator must wake for the first of the failures. */
static TimestampTz
earliest_retry(List *failures)
{
	TimestampTz earliest = 0;
	ListCell   *cell;

	foreach(cell, failures)
	{
		const Failure *failure = lfirst(cell);

		if (earliest == 0 || failure->next_attempt < earliest)
			earliest = failure->next_attempt;
	}
	return earliest;
}

/* When Patroni will have said what the plan lacks: nobody wakes the coordinator for it. */
static TimestampTz
patroni_look(const ActionPlan *plan)
{
	return plan->look_ms == 0 ? 0 :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), plan->look_ms);
}

/* the first of two times, of which each may be 0: never */
static TimestampTz
earlier_of(TimestampTz a, TimestampTz b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The plan; NULL if the extension was dropped meanwhile. */
static ActionPlan *
make_plan(Situation *situation, bool standby)
{
	ActionPlan *plan;
	bool		lookup = patroni_runs_server() ||
		(!standby && plan_needs_available(situation->cluster, situation->server));

	/* only looking up the extension directories, and who replicates, needs a transaction */
	if (lookup && txn_begin() != EXTENSION_READY)
		return NULL;
	plan = situation_plan(situation, standby);
	if (lookup)
		txn_end();
	return plan;
}

/*
 * Looks, plans, executes, says what holds.  The order matters: what was seen
 * as settled is remembered before anything is executed, and the status says
 * "progressing" before the first step.
 */
static PassResult
reconcile(PassMemory *memory, Gate *gate, Declared *declared, bool full, bool retry_all,
		  bool standby)
{
	Situation  *situation = &declared->situation;
	FilterState filter = {memory, situation->cluster, full || removes_roles(situation->cluster)};
	Execution	execution = {0};
	ClusterStatus status = {0};
	PassResult	result = {0};
	int			runnable;
	bool		is_new;
	bool		declared_anew;

	if (!standby)
		situation_observe(situation, needs_look, &filter, false);
	execution.plan = make_plan(situation, standby);
	if (execution.plan == NULL)
		return result;
	execution.cluster = situation->row->name;
	execution.generation = situation->row->generation;
	execution.pass = declared->pass;
	execution.earlier = declared->failures;
	execution.retry_all = retry_all;
	execution.on_standby = standby;
	execution.gate = gate;

	runnable = count_runnable(execution.plan);
	remember_settled(memory, situation, execution.plan);
	note_unobserved(&execution, situation->server);
	declared_anew = memory->last_generation != execution.generation;
	is_new = remember_plan(memory, &execution, runnable);
	retry_note_jobs(&execution);
	if (declared_anew)
		retry_note_declared(&execution);
	if (!retry_all)
		note_churn(memory, &execution);
	if (runnable > 0 && !standby)
	{
		verdict_progress(&status, situation->row, declared->status,
						 declared->binding->instance, runnable);
		store_status(&status);
		declared->status = NULL;
	}
	execution_run(&execution);
	if (execution.shut)
	{
		result.state = "waiting for Patroni";
		return result;
	}
	remember_done(memory, &execution);
	execution.failures = list_concat(execution.failures, execution.unproven);

	verdict_make(&status, situation->row, declared->binding->instance, &execution);
	remember_phase(memory, situation->row->name, status.phase, status.message);
	if (!standby && !execution.extension_lost)
	{
		write_outcome(declared, &execution, &status);
		if (execution.plan->restart_for != NULL && situation->cluster->policy != POLICY_OBSERVE)
			restart_ask(situation->row->name, situation->cluster->restart_policy,
						execution.plan->restart_for);
	}

	/* steps before a failed one may succeed each time: no reason to look at once */
	result.verify = execution.succeeded > 0 && !standby &&
		(is_new || execution.broken == NIL);
	result.retry = earlier_of(earliest_retry(execution.failures), patroni_look(execution.plan));
	result.state = pstrdup(status.phase);
	return result;
}

/*
 * DROP EXTENSION leaves the jobs of pg_cron, each run of which would be an error.
 * The extension cannot be locked when it is not there: one that is created
 * meanwhile has them made again by its next pass.
 */
static void
leave_schedules(void)
{
	MemoryContext context = CurrentMemoryContext;
	uint64		removed;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
	removed = schedule_leave(NULL);
	txn_end();
	if (removed > 0)
		ereport(LOG,
				(errmsg("pgops: pg_cron calls for its schedules no more, since the extension is gone")));
}

/*
 * Decides whether this server may act at all: no without the extension,
 * without a declaration, unbound, or paused.
 */
PassResult
pass_run(PassMemory *memory, Gate *gate, bool full, bool retry_all)
{
	bool		standby = RecoveryInProgress();
	Declared	declared = {0};
	PassResult	nothing = {0};

	if (full)
		forget_settled(memory);
	read_declaration(&declared, standby);
	if (declared.extension == EXTENSION_MISSING)
	{
		if (!standby)
			leave_schedules();
		nothing.state = "idle: extension is not installed";
		return nothing;
	}
	if (declared.extension == EXTENSION_OTHER_VERSION)
	{
		nothing.state = "idle: extension has another version";
		return nothing;
	}
	if (declared.situation.row == NULL)
	{
		nothing.state = "idle: nothing is declared";
		return nothing;
	}
	if (declared.binding->state != BINDING_BOUND)
		return rest(memory, &declared, "unbound",
					declared.binding->hint == NULL ? declared.binding->reason :
					psprintf("%s. %s", declared.binding->reason, declared.binding->hint),
					standby);
	if (declared.situation.row->paused)
		return rest(memory, &declared, "paused",
					"nothing is done until pgops.resume()", standby);
	return reconcile(memory, gate, &declared, full, retry_all, standby);
}
