/*
 * push.c
 *		Delivering declarations to the servers of other clusters: starting the
 *		calls, driving them on, storing what came of them.
 *
 * A cluster is called by one process at a time, so that an older declaration
 * never arrives after a newer one: a lock says who it is.
 *
 * Not for: the conversation (push_steps.c), nor what is delivered and where
 * (push_target.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "io/wait.h"
#include "worker/push.h"
#include "worker/push_parts.h"
#include "worker/push_target.h"

/* clusters called at a time: more would only be more memory for documents */
#define MAX_GROUPS			200

/* between two attempts to take over a cluster that another process is calling, ms */
#define LOCK_PAUSE_MS		200

/* between two looks for what is due that have no other cause than a cluster's end, ms */
#define LOOK_PAUSE_MS		100

/* a group that is being called */
typedef struct ActiveGroup
{
	MemoryContext context;
	PushGroup  *group;
	List	   *earlier;		/* of PushStatus *: what was known before */
	List	   *pushes;			/* of Push *, those that are not over */
} ActiveGroup;

struct PushRun
{
	MemoryContext context;
	RemoteSet  *set;
	bool		in_session;
	bool		stale;			/* look for more now */
	TimestampTz again;			/* or then, and before the end; 0: no */
	TimestampTz next;			/* or then, if calls still go on; 0: no */
	bool		done;			/* there will not be any more */
	long		timeout_ms;
	TimestampTz deadline;		/* of a session's run as a whole */
	PushLook	look;
	List	   *waiting;		/* of char *: names of clusters, to be called next */
	List	   *unwanted;		/* of char *: not to be called after all */
	List	   *active;			/* of ActiveGroup * */
	List	   *reports;		/* of PushReport * */
};

/* The memory is the caller's: an ERROR frees it, and with it closes the connections. */
PushRun *
push_run_create(bool in_session, long timeout_ms, PushLook look)
{
	PushRun    *run = palloc0(sizeof(PushRun));

	run->context = CurrentMemoryContext;
	run->set = remote_set_create();
	run->in_session = in_session;
	run->timeout_ms = timeout_ms;
	run->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
	run->look = look;
	run->stale = look != NULL;
	return run;
}

List *
push_run_reports(PushRun *run)
{
	return run->reports;
}

static bool
has_name(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* whether the run has to do with a cluster already */
static bool
knows_cluster(const PushRun *run, const char *cluster)
{
	ListCell   *cell;

	foreach(cell, run->active)
	{
		if (strcmp(((ActiveGroup *) lfirst(cell))->group->cluster, cluster) == 0)
			return true;
	}
	return has_name(run->waiting, cluster) || has_name(run->unwanted, cluster);
}

/* a name that outlives its statement */
static List *
remember_name(PushRun *run, List *names, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	names = lappend(names, pstrdup(name));
	MemoryContextSwitchTo(old);
	return names;
}

/* ---- transactions: a session has one, the worker needs its own ---- */

/* false: the extension is not there, or of another version */
static bool
enter_transaction(PushRun *run)
{
	if (run->in_session || txn_begin() == EXTENSION_READY)
		return true;

	/* the extension is gone: what is under way is of no use to anybody */
	run->done = true;
	return false;
}

static void
leave_transaction(const PushRun *run)
{
	if (!run->in_session)
		txn_end();
}

/* ---- what is known afterwards ---- */

/* what was known of a target before; NULL: nothing */
static const PushStatus *
find_earlier(const ActiveGroup *active, const char *pg_cluster)
{
	ListCell   *cell;

	foreach(cell, active->earlier)
	{
		const PushStatus *status = lfirst(cell);

		if (strcmp(status->pg_cluster, pg_cluster) == 0)
			return status;
	}
	return NULL;
}

/* The worker has nobody to tell: its rows are in the table. */
static void
add_report(PushRun *run, const char *state, int64 changes, const PushStatus *status)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	if (run->in_session)
		run->reports = lappend(run->reports, push_report(state, changes, status));
	MemoryContextSwitchTo(old);
}

/*
 * Stored at once, target by target: what is known of one does not wait for
 * others, nor is it lost with them.
 */
static void
store_outcome(PushRun *run, const ActiveGroup *active, const Push *push)
{
	PushStatus	status = {0};

	push_outcome(push, find_earlier(active, push->target->pg_cluster), &status);
	if (enter_transaction(run))
	{
		cmdb_push_store(&status);
		leave_transaction(run);
	}
	add_report(run, push->error ? "failed" : "succeeded", push->changes, &status);
}

/* this server's own cluster has been told already */
static void
report_local(PushRun *run, const PushTarget *target)
{
	PushStatus	status = {0};

	status.cluster = target->cluster;
	status.pg_cluster = target->pg_cluster;
	status.message = "it is this server's own cluster";
	add_report(run, "skipped", -1, &status);
}

/* ---- groups ---- */

/* Secrets are wiped before the memory goes back. */
static void
end_group(PushRun *run, ActiveGroup *active)
{
	if (!run->in_session)
		push_unlock_cluster(active->group->cluster);
	push_group_wipe(active->group);
	run->active = list_delete_ptr(run->active, active);
	MemoryContextDelete(active->context);

	/* a newer declaration may wait for this one's end */
	if (run->look != NULL && run->again == 0)
		run->again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_PAUSE_MS);
}

/* Takes a push that is over off its group, and the group off the run with its last one. */
static void
reap(PushRun *run, ActiveGroup *active, Push *push)
{
	if (!push->over)
		return;
	store_outcome(run, active, push);
	active->pushes = list_delete_ptr(active->pushes, push);
	if (active->pushes == NIL)
		end_group(run, active);
}

/*
 * A session asks for delivery, known or not: it is how a person makes sure.  The
 * worker only asks for the status of what was delivered already.
 */
static Push *
make_push(const PushRun *run, const ActiveGroup *active, const PushTarget *target)
{
	const PushStatus *earlier = find_earlier(active, target->pg_cluster);
	Push	   *push = palloc0(sizeof(Push));

	push->group = active->group;
	push->target = target;
	push->set = run->set;
	push->context = active->context;
	push->deadline = run->in_session ? run->deadline :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), run->timeout_ms);
	push->known_generation = earlier ? earlier->remote_generation : 0;
	push->deliver = run->in_session || earlier == NULL ||
		earlier->pushed_generation != active->group->generation;
	return push;
}

/* Which of a group's targets are called, and what is known of others is forgotten. */
static void
choose_targets(PushRun *run, ActiveGroup *active)
{
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, active->group->targets)
	{
		PushTarget *target = lfirst(cell);

		if (target->local)
		{
			report_local(run, target);
			continue;
		}
		kept = lappend(kept, target->pg_cluster);
		if (run->in_session || target->automatic)
			active->pushes = lappend(active->pushes, make_push(run, active, target));
	}
	cmdb_push_retain(active->group->cluster, kept);
}

/* Reads everything that is needed of a group; NULL: there is nothing to be called. */
static ActiveGroup *
load_group(PushRun *run, const char *cluster)
{
	MemoryContext context = AllocSetContextCreate(run->context, "pgops push",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ActiveGroup *active = palloc0(sizeof(ActiveGroup));

	active->context = context;
	active->group = push_group_load(cluster);
	if (active->group != NULL)
	{
		active->earlier = cmdb_push_status(cluster);
		choose_targets(run, active);
	}
	MemoryContextSwitchTo(old);
	if (active->pushes != NIL)
		return active;
	if (active->group != NULL)
		push_group_wipe(active->group);
	if (!run->in_session)
		push_unlock_cluster(cluster);
	run->unwanted = remember_name(run, run->unwanted, cluster);
	MemoryContextDelete(context);
	return NULL;
}

/*
 * A push may be over as soon as it has begun (nothing to connect to), and the
 * group with it; so the list that is walked through is a copy.
 */
static void
begin_pushes(PushRun *run, ActiveGroup *active)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	List	   *pushes;
	ListCell   *cell;

	run->active = lappend(run->active, active);
	MemoryContextSwitchTo(active->context);
	pushes = list_copy(active->pushes);
	foreach(cell, pushes)
		push_begin(lfirst(cell));
	MemoryContextSwitchTo(old);

	/* those that ended at once; the last one takes the list with it */
	for (int i = 0, count = list_length(pushes); i < count; i++)
	{
		Push	   *push = list_nth(pushes, i);
		bool		last = list_length(active->pushes) == 1;

		if (!push->over)
			continue;
		reap(run, active, push);
		if (last)
			return;
	}
}

/* false: another process is calling this cluster */
static bool
start_group(PushRun *run, const char *cluster, volatile bool *locked)
{
	ActiveGroup *active = NULL;

	if (!enter_transaction(run))
		return true;
	*locked = push_lock_cluster(cluster, !run->in_session);
	if (*locked)
		active = load_group(run, cluster);
	leave_transaction(run);
	if (active != NULL)
		begin_pushes(run, active);
	return *locked;
}

/* A declaration that cannot even be read: a failure like that of a target. */
static void
store_unreadable(PushRun *run, const char *cluster, const ErrorData *error)
{
	PushStatus	status = {0};
	CmdbCluster *row;

	status.cluster = cluster;
	status.pg_cluster = cluster;
	status.sqlstate = unpack_sql_state(error->sqlerrcode);
	status.error = error->message;
	status.last_attempt = GetCurrentTimestamp();
	status.attempts = 1;
	status.next_attempt = TimestampTzPlusMilliseconds(status.last_attempt, PUSH_MAX_DELAY_MS);
	if (enter_transaction(run))
	{
		/* it was tried with this one: without that it would be due at once */
		row = cmdb_cluster(cluster);
		status.tried_generation = row ? row->generation : 0;
		cmdb_push_store(&status);
		leave_transaction(run);
	}
}

/* In the worker one cluster's error must not stop the others; a session's statement fails. */
static bool
start_group_safely(PushRun *run, const char *cluster)
{
	volatile bool locked = false;
	volatile bool started = true;

	if (run->in_session)
		return start_group(run, cluster, &locked);
	PG_TRY();
	{
		started = start_group(run, cluster, &locked);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(run->context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
		if (locked)
			push_unlock_cluster(cluster);
		MemoryContextSwitchTo(run->context);
		store_unreadable(run, cluster, error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return started;
}

/* In a session the cluster that another process keeps calling is given up in the end. */
static bool
give_up(PushRun *run, const char *cluster)
{
	PushStatus	status = {0};

	if (!run->in_session || GetCurrentTimestamp() < run->deadline)
		return false;
	status.cluster = cluster;
	status.pg_cluster = cluster;
	status.sqlstate = unpack_sql_state(ERRCODE_LOCK_NOT_AVAILABLE);
	status.error = "another process is pushing it";
	add_report(run, "failed", -1, &status);
	return true;
}

/* Starts what waits, as far as there is room; the rest waits for another turn. */
static void
start_waiting(PushRun *run)
{
	List	   *waiting = run->waiting;
	ListCell   *cell;

	if (list_length(run->active) >= MAX_GROUPS)
		return;
	run->waiting = NIL;
	foreach(cell, waiting)
	{
		char	   *cluster = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (list_length(run->active) >= MAX_GROUPS ||
			(!start_group_safely(run, cluster) && !give_up(run, cluster)))
			run->waiting = remember_name(run, run->waiting, cluster);
		pfree(cluster);
	}
	list_free(waiting);
}

/* ---- the run ---- */

/* What is due is asked of the tables, whatever the cause: nothing is done from memory. */
static void
look_for_more(PushRun *run)
{
	List	   *names = NIL;
	ListCell   *cell;

	run->stale = false;
	run->again = 0;
	run->done = !run->look(&names, &run->next);
	foreach(cell, names)
	{
		if (!knows_cluster(run, lfirst(cell)))
			run->waiting = remember_name(run, run->waiting, lfirst(cell));
	}
	list_free_deep(names);
}

/* When to look up from the calls, 0: not before they are over. */
static TimestampTz
until(const PushRun *run)
{
	if (run->waiting != NIL)
		return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOCK_PAUSE_MS);
	if (run->active == NIL)
		return 0;
	return run->again != 0 ? run->again : run->next;
}

static ActiveGroup *
group_of(const PushRun *run, const Push *push)
{
	ListCell   *cell;

	foreach(cell, run->active)
	{
		ActiveGroup *active = lfirst(cell);

		if (active->group == push->group)
			return active;
	}
	elog(ERROR, "push belongs to no group");
}

/* The push goes on with the answer it got; its memory is its group's. */
static void
advance(PushRun *run, Remote *remote)
{
	Push	   *push = remote->owner;
	ActiveGroup *active = group_of(run, push);
	MemoryContext old = MemoryContextSwitchTo(active->context);

	push_advance(push);
	MemoryContextSwitchTo(old);
	reap(run, active, push);
}

/*
 * One event at a time: an answer, the latch, a time that has come.  Nothing
 * here waits but remote_next().
 */
void
push_run(PushRun *run, List *clusters)
{
	ListCell   *cell;

	foreach(cell, clusters)
		run->waiting = remember_name(run, run->waiting, lfirst(cell));
	while (!run->done)
	{
		Remote	   *remote;
		bool		woken;

		if (run->stale || (run->again != 0 && io_remaining_ms(run->again) == 0))
			look_for_more(run);
		start_waiting(run);
		if (run->done)
			break;
		remote = remote_next(run->set, until(run), &woken);
		if (remote != NULL)
			advance(run, remote);
		else if (woken)
		{
			/* something may have been declared for those that were not wanted, too */
			run->stale = run->look != NULL;
			run->unwanted = NIL;
		}
		else if (run->waiting == NIL && run->active == NIL)
		{
			if (run->again == 0)
				break;
			run->stale = true;
		}
	}
}
