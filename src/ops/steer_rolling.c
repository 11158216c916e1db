/*
 * steer_rolling.c
 *		The job that restarts all members one by one: replicas first, then the
 *		leader hands over, once, then the old leader.
 *
 * How far it is, is in the job's row, so that the new leader goes on where the old one
 * ended.  It stops at the first trouble: a cluster with one member down must not
 * lose another one.
 *
 * Where max_connections or the like goes down the leader is the first, and is not moved: a
 * replica keeps what its leader has as long as that is more.
 *
 * Not for: one restart (steer_restart.c), the hand-over (steer_move.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "utils/guc.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "observe/patroni_facts.h"
#include "ops/kinds.h"
#include "ops/steer.h"
#include "spec/model_patroni.h"

#define SEE_MS			5000

/* until all members, and somebody to hand over to, are up and near enough, ms */
#define UP_MS			(10 * 60 * 1000)

/* how often a replica is restarted until it has less of what its leader has less of */
#define LOWER_TRIES	3

/* ---- the plan ---- */

/* a parameter that is to be lower than it is, of those that replicas take from their leader; NULL: none */
static const char *
lowered_parameter(void)
{
	static const char *const keys[] = {"postgresql", "parameters"};
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CONFIG, NULL);
	char	   *problem;
	SpecNode   *config = fact && fact->text ? patroni_read_config(fact->text, &problem) : NULL;

	for (int i = 0; config != NULL && i < lengthof(keys); i++)
		config = node_get(config, keys[i]);
	for (int i = 0; config != NULL && model_patroni_followed[i] != NULL; i++)
	{
		const char *name = model_patroni_followed[i];
		const SpecNode *value = node_get(config, name);

		if (model_patroni_lowers(name, GetConfigOption(name, true, false),
								 value ? node_text(value) : model_patroni_default(name)))
			return name;
	}
	return NULL;
}

/*
 * The members and when their servers were started, the leader last or first.  Those of
 * which nothing waits for a restart are left out if only_pending.
 */
static SpecNode *
make_plan(const SteerScene *scene, bool only_pending, bool leader_first)
{
	SpecNode   *plan = node_list();

	for (int turn = 0; turn < 2; turn++)
	{
		bool		leader = (turn == 0) == leader_first;
		ListCell   *cell;

		foreach(cell, scene->view->members)
		{
			const PatroniSeen *seen = lfirst(cell);
			const char *started = steer_started(seen->member->name);
			SpecNode   *one = node_map();

			if (seen->is_leader != leader || (only_pending && !seen->node->pending_restart))
				continue;
			node_map_set(one, "name", node_string(seen->member->name));
			node_map_set(one, "before", started ? node_string(started) : node_null());
			node_list_add(plan, one);
		}
	}
	return plan;
}

static bool
is_done(const SpecNode *one)
{
	return node_get(one, "done") != NULL;
}

/* the next one; NULL: all are done */
static SpecNode *
next_member(const SpecNode *memory)
{
	ListCell   *cell;

	foreach(cell, node_get(memory, "plan")->items)
	{
		if (!is_done(lfirst(cell)))
			return lfirst(cell);
	}
	return NULL;
}

/* for people: "pg-1, pg-2", or "none" */
static char *
names(const SpecNode *memory, bool done)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, node_get(memory, "plan")->items)
	{
		if (is_done(lfirst(cell)) == done)
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
							 steer_text(lfirst(cell), "name"));
	}
	return text.len > 0 ? text.data : "none";
}

/* how: what was done to it, for people */
static void
mark_done(Job *job, SpecNode *memory, SpecNode *one, const char *how)
{
	node_map_set(one, "done", node_string(how));
	node_map_unset(memory, "restart");
	job_note(job, "\"%s\" %s.", steer_text(one, "name"), how);
	job_remember(job, memory);
}

/* ---- steps ---- */

typedef struct Up
{
	const SpecNode *memory;
	bool		successor;		/* somebody is to be there to whom the leader can hand over */
	char		down[256];		/* out: who is not up; empty: all are */
} Up;

static bool
is_member_up(const PatroniSeen *seen, const PatroniSeen *leader)
{
	return seen != NULL && seen->node != NULL && patroni_seen_runs(seen) &&
		(seen->is_leader || (seen->lag >= 0 && seen->timeline == leader->timeline));
}

/* a member that is not up, or was one and is none any more, "": the leader; NULL: there is none */
static const char *
find_down(const SteerScene *scene, const SpecNode *memory)
{
	const PatroniSeen *leader = scene->view->leader;
	ListCell   *cell;

	if (leader == NULL || leader->node == NULL || !patroni_seen_runs(leader))
		return "";
	foreach(cell, scene->view->members)
	{
		if (!is_member_up(lfirst(cell), leader))
			return ((PatroniSeen *) lfirst(cell))->member->name;
	}
	foreach(cell, node_get(memory, "plan")->items)
	{
		if (patroni_view_member(scene->view, steer_text(lfirst(cell), "name")) == NULL)
			return steer_text(lfirst(cell), "name");
	}
	return NULL;
}

/*
 * Also those that were restarted before, or need not be: while one is down, nothing else may
 * be taken away.
 */
static bool
is_up(const SteerScene *scene, void *arg)
{
	Up		   *up = arg;
	const char *down = find_down(scene, up->memory);

	up->down[0] = '\0';
	if (down != NULL && down[0] == '\0')
		strlcpy(up->down, "the leader", sizeof(up->down));
	else if (down != NULL)
		snprintf(up->down, sizeof(up->down), "\"%s\"", down);
	return down == NULL && (!up->successor || steer_successor(scene) != NULL);
}

/* An old leader needs its time to come back as a replica.  NULL: nothing but a successor is missing. */
static SteerScene *
wait_until_up(Job *job, const SpecNode *memory, bool successor)
{
	Up			up = {.memory = memory,.successor = successor};
	int			wait_ms = steer_time_left(job, UP_MS);
	SteerScene *scene = steer_wait(job, wait_ms, is_up, &up);

	if (scene == NULL && up.down[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("%s is not up, or does not follow the leader, %d s later", up.down,
						wait_ms / 1000),
				 errhint("No other member is restarted.  See pgops.members; when all are up, ask for the rest.")));
	return scene;
}

/* At most once: two would be two times in which nobody can write. */
static void
hand_over(Job *job, SpecNode *memory, SteerScene *scene)
{
	const PatroniSeen *best = steer_successor(scene);

	if (node_get(memory, "moved") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("\"%s\" has become the leader again", scene->view->leader->member->name),
				 errhint("The leader is moved once at most.")));
	node_map_set(memory, "moved", steer_move(job, memory, scene, best->member->name, false));
	job_remember(job, memory);
}

/*
 * The leader is restarted in place only where that was said.  Where somebody to hand over to had to
 * be waited for, another one may be leader by then.
 */
static void
restart_leader(Job *job, SpecNode *memory, SteerScene *scene, SpecNode *one)
{
	const char *name = steer_text(one, "name");
	bool		in_place = job_arg_bool(job, "restart_leader", false);
	bool		first = node_get(memory, "leader_first") != NULL;
	SteerScene *later = NULL;

	if (!first && steer_successor(scene) != NULL)
	{
		hand_over(job, memory, scene);
		return;
	}
	/* a candidate that does not stream yet is going to: it was restarted just now */
	if (!in_place || (!first && scene->status->candidates != NIL))
		later = wait_until_up(job, memory, true);
	if (later != NULL)
		steer_forget(later);
	else if (in_place)
	{
		steer_restart(job, memory, scene, name, job_arg_bool(job, "only_pending", true));
		mark_done(job, memory, one, "was restarted while it was the leader");
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("the leader \"%s\" has nobody to hand over to", name),
				 errhint("See pgops.members; or say restart_leader => true.")));
}

static bool
is_old_leader(const SpecNode *memory, const char *name)
{
	const SpecNode *moved = node_get(memory, "moved");
	const char *from = moved ? steer_text(moved, "from") : NULL;

	return from != NULL && strcmp(from, name) == 0;
}

/*
 * What goes down takes effect on a replica only when it has replayed that its leader has less: one
 * that is restarted before, right after the leader, gets what it had and waits for another restart.
 */
static void
restart_until_lower(Job *job, SpecNode *memory, SteerScene *scene, const char *name)
{
	for (int i = 0; i < LOWER_TRIES; i++)
	{
		SteerScene *now;
		bool		waits;

		steer_restart(job, memory, scene, name, job_arg_bool(job, "only_pending", true));
		if (node_get(memory, "leader_first") == NULL)
			return;
		now = wait_until_up(job, memory, false);
		waits = patroni_view_member(now->view, name)->node->pending_restart;
		steer_forget(now);
		if (!waits)
			return;
		job_note(job, "\"%s\" has not replayed yet that its leader has less.", name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_HA_NOT_READY),
			 errmsg("parameters of \"%s\" still wait for a restart after %d of them", name, LOWER_TRIES),
			 errhint("No other member is restarted.  See pgops.members.")));
}

/* It may have been done already, by the hand-over or by somebody else. */
static void
restart_replica(Job *job, SpecNode *memory, SteerScene *scene, SpecNode *one)
{
	const char *name = steer_text(one, "name");
	const char *before = steer_text(one, "before");
	const PatroniSeen *seen = patroni_view_member(scene->view, name);
	char	   *started = steer_started(name);
	bool		only_pending = job_arg_bool(job, "only_pending", true);

	/* a leader that hands over is started anew as a replica, with all that waited for it */
	if (only_pending ? !seen->node->pending_restart :
		started != NULL && before != NULL && strcmp(started, before) != 0)
	{
		mark_done(job, memory, one, is_old_leader(memory, name) ?
				  "was started anew when it handed over" : "was restarted by something else meanwhile");
		return;
	}
	restart_until_lower(job, memory, scene, name);
	mark_done(job, memory, one, "was restarted");
}

/* what an earlier life was in the middle of */
static void
go_on(Job *job, SpecNode *memory)
{
	SpecNode   *one = next_member(memory);

	if (node_get(memory, "move") != NULL)
	{
		node_map_set(memory, "moved", steer_move_settle(job, memory));
		job_remember(job, memory);
	}
	if (node_get(memory, "restart") != NULL && one != NULL)
	{
		steer_restart_settle(job, memory);
		mark_done(job, memory, one, "was restarted");
	}
}

/*
 * A server that Patroni takes for a replica at its start, as it does with a leader whose lock has run
 * out meanwhile, gets what it had.  The others would then, too.
 */
static void
check_lowered(const SpecNode *memory)
{
	const SpecNode *first = linitial(node_get(memory, "plan")->items);
	const char *lowered;

	if (node_get(memory, "leader_first") == NULL || !is_done(first))
		return;
	lowered = lowered_parameter();
	if (lowered != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("\"%s\" was restarted, and \"%s\" has not become less",
						steer_text(first, "name"), lowered),
				 errhint("Patroni took it for a replica when it started it.  Ask for it once more.")));
}

/* Each step begins with a look: nothing is done by what held before the last one. */
static void
do_all(Job *job, SpecNode *memory)
{
	SpecNode   *one;
	int			total = list_length(node_get(memory, "plan")->items);
	int			done = 0;

	if (job->memory != NULL)
		go_on(job, memory);
	while ((one = next_member(memory)) != NULL)
	{
		SteerScene *scene = wait_until_up(job, memory, false);
		bool		leads = patroni_view_member(scene->view, steer_text(one, "name"))->is_leader;

		check_lowered(memory);
		if (leads)
			restart_leader(job, memory, scene, one);
		else
			restart_replica(job, memory, scene, one);
		steer_forget(scene);
		done = 0;
		for (int i = 0; i < total; i++)
			done += is_done(list_nth(node_get(memory, "plan")->items, i));
		job_progress(job, done, total, "members");
	}
}

/* Also of a job that failed: what is left is what must be done by hand. */
static void
put_result(Job *job, const SpecNode *memory)
{
	job_result(job, "restarted", node_string(names(memory, true)));
	job_result(job, "left", node_string(names(memory, false)));
	if (node_get(memory, "moved") != NULL)
		job_result(job, "switchover", node_get(memory, "moved"));
}

/* Trouble is told with what was done and what was not. */
static void
do_all_or_tell(Job *job, SpecNode *memory)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		do_all(job, memory);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		put_result(job, memory);
		error->detail = psprintf("%s%sRestarted: %s.  Left: %s.", error->detail ? error->detail : "",
								 error->detail ? "  " : "", names(memory, true),
								 names(memory, false));
		ReThrowError(error);
	}
	PG_END_TRY();
	put_result(job, memory);
}

/* This server is one of those that are restarted, sooner or later. */
static void
check_own_jobs(Job *job)
{
	if (RecoveryInProgress())
		return;
	job_begin(job);
	steer_check_jobs(job->id, ERROR);
	txn_end();
}

static SpecNode *
start_memory(Job *job, const SteerScene *scene)
{
	SpecNode   *memory = node_map();
	const char *lowered = lowered_parameter();

	node_map_set(memory, "plan", make_plan(scene, job_arg_bool(job, "only_pending", true),
										   lowered != NULL));
	if (lowered == NULL || next_member(memory) == NULL)
		return memory;
	if (!job_arg_bool(job, "restart_leader", false))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("\"%s\" is to become less, which must begin with a restart of the leader", lowered),
				 errdetail("A replica keeps what its leader has as long as that is more."),
				 errhint("SELECT pgops.rolling_restart(restart_leader => true); nobody can write while the leader starts.")));
	node_map_set(memory, "leader_first", node_bool(true));
	return memory;
}

/* The plan is made once, and remembered: a later life goes on with what is left of it. */
void
rolling_restart_run(Job *job)
{
	SpecNode   *memory = job->memory;
	SteerScene *scene;

	if (memory == NULL)
	{
		job_step(job, "looking at the cluster");
		scene = steer_see(0, SEE_MS);
		steer_check(job->kind->name, job->args, scene);
		check_own_jobs(job);
		memory = start_memory(job, scene);
		if (next_member(memory) == NULL)
			job_note(job, "Nothing waits for a restart.");
		else
			job_remember(job, memory);
		steer_forget(scene);
	}
	do_all_or_tell(job, memory);
}
