/*
 * steer_run.c
 *		The jobs that steer, but for the rolling restart (steer_rolling.c).
 *
 * Each looks once more whether it may, since time has passed since it was asked
 * for.  One that was broken off by the end of its server goes on instead.
 *
 * Not for: whether it may (steer_check.c).
 */
#include "postgres.h"

#include "access/xlog.h"

#include "apply/patroni.h"
#include "cmdb/extension.h"
#include "errors.h"
#include "ops/kinds.h"
#include "ops/steer.h"

/* how fresh what is decided by must be: Patroni is asked now, and answers within, ms */
#define SEE_MS			5000

/* requests that Patroni only writes down, ms */
#define SHORT_MS		15000

/* until a member that is copied anew is back, ms; the deadline of the job is what counts */
#define REINIT_MS		(24 * 3600 * 1000)

/* As when it was asked for: time has passed since. */
static SteerScene *
see_and_check(Job *job)
{
	SteerScene *scene;

	job_step(job, "looking at the cluster");
	scene = steer_see(0, SEE_MS);
	steer_check(job->kind->name, job->args, scene);
	return scene;
}

/* all fields of a map */
static void
put_result(Job *job, const SpecNode *map)
{
	ListCell   *cell;

	foreach(cell, map->entries)
		job_result(job, ((SpecEntry *) lfirst(cell))->key, ((SpecEntry *) lfirst(cell))->value);
}

/* ---- moving the leader ---- */

/* Patroni itself does it at that time: it happens even if pgops is gone by then. */
static void
schedule_switchover(Job *job, const SteerScene *scene, const char *at)
{
	const char *from = scene->view->leader->member->name;
	const char *to = job_arg(job, "candidate");
	SpecNode   *body = node_map();

	job_step(job, "scheduling");
	node_map_set(body, "leader", node_string(from));
	if (to != NULL)
		node_map_set(body, "candidate", node_string(to));
	node_map_set(body, "scheduled_at", node_string(at));
	(void) steer_post(job, steer_access(job, scene), "POST", "/switchover", body, SHORT_MS,
					  NULL, 0, NULL);
	put_result(job, body);
}

/* A life with a memory goes on with what that says. */
static void
move_leader(Job *job, bool force)
{
	SpecNode   *memory = job->memory ? job->memory : node_map();
	const char *at = job_arg(job, "at");
	SteerScene *scene;

	if (job->memory != NULL)
	{
		put_result(job, steer_move_settle(job, memory));
		return;
	}
	scene = see_and_check(job);
	if (at != NULL)
		schedule_switchover(job, scene, at);
	else
		put_result(job, steer_move(job, memory, scene, job_arg(job, "candidate"), force));
}

void
switchover_run(Job *job)
{
	move_leader(job, false);
}

void
failover_run(Job *job)
{
	move_leader(job, true);
}

void
cancel_switchover_run(Job *job)
{
	SteerScene *scene = see_and_check(job);

	job_step(job, "cancelling");
	(void) steer_post(job, steer_access(job, scene), "DELETE", "/switchover", NULL, SHORT_MS,
					  NULL, 0, NULL);
}

/* ---- members ---- */

/* Only a member itself restarts, reloads or copies itself. */
static PatroniAccess *
member_access(Job *job, const SteerScene *scene)
{
	return steer_access_to(job, patroni_view_member(scene->view, job_arg(job, "name")));
}

/* a restart of this very server must not break off what it is doing */
static void
check_own_jobs(Job *job, const PatroniSeen *seen)
{
	if (!seen->is_self || RecoveryInProgress())
		return;
	job_begin(job);
	steer_check_jobs(job->id, ERROR);
	txn_end();
}

static void
schedule_restart(Job *job, const SteerScene *scene, const char *at)
{
	SpecNode   *body = node_map();

	job_step(job, "scheduling");
	node_map_set(body, "schedule", node_string(at));
	if (job_arg_bool(job, "only_pending", false))
		node_map_set(body, "restart_pending", node_bool(true));
	(void) steer_post(job, member_access(job, scene), "POST", "/restart", body, SHORT_MS,
					  NULL, 0, NULL);
	job_result(job, "scheduled_at", node_string(at));
}

/* Asked for with a time, it is Patroni that keeps the time. */
void
restart_member_run(Job *job)
{
	const char *name = job_arg(job, "name");
	bool		only_pending = job_arg_bool(job, "only_pending", false);
	const PatroniSeen *seen;
	SteerScene *scene;

	if (job->memory != NULL)
		steer_restart_settle(job, job->memory);
	else
	{
		scene = see_and_check(job);
		seen = patroni_view_member(scene->view, name);
		if (job_arg(job, "at") != NULL)
		{
			schedule_restart(job, scene, job_arg(job, "at"));
			return;
		}
		if (only_pending && !seen->node->pending_restart)
		{
			job_note(job, "Nothing waits for a restart of \"%s\".", name);
			job_result(job, "restarted", node_bool(false));
			return;
		}
		check_own_jobs(job, seen);
		steer_restart(job, node_map(), scene, name, only_pending);
	}
	job_result(job, "restarted", node_bool(true));
}

void
cancel_restart_run(Job *job)
{
	SteerScene *scene = see_and_check(job);

	job_step(job, "cancelling");
	(void) steer_post(job, member_access(job, scene), "DELETE", "/restart", NULL, SHORT_MS,
					  NULL, 0, NULL);
}

void
reload_member_run(Job *job)
{
	SteerScene *scene = see_and_check(job);

	job_step(job, "reloading %s", job_arg(job, "name"));
	(void) steer_post(job, member_access(job, scene), "POST", "/reload", NULL, SHORT_MS,
					  NULL, 0, NULL);
}

/* ---- copying a member anew ---- */

typedef struct Reinit
{
	const char *name;
	const char *before;			/* start of its server before; NULL: it did not run */
} Reinit;

/* The data are new if its server is. */
static bool
is_copied(const SteerScene *scene, void *arg)
{
	Reinit	   *reinit = arg;
	const PatroniSeen *seen = patroni_view_member(scene->view, reinit->name);
	char	   *started = steer_started(reinit->name);

	return seen != NULL && seen->node != NULL && patroni_seen_runs(seen) && started != NULL &&
		(reinit->before == NULL || strcmp(started, reinit->before) != 0) &&
		seen->lag >= 0 && seen->lag <= scene->status->max_lag;
}

/* Patroni answers before it begins, so the end has to be looked for. */
static void
begin_reinit(Job *job, SpecNode *memory)
{
	SteerScene *scene = see_and_check(job);
	const char *name = job_arg(job, "name");
	char	   *before = steer_started(name);
	SpecNode   *body = node_map();

	node_map_set(memory, "before", before ? node_string(before) : node_null());
	job_remember(job, memory);
	job_step(job, "reinitializing %s", name);
	node_map_set(body, "force", node_bool(job_arg_bool(job, "force", false)));
	(void) steer_post(job, member_access(job, scene), "POST", "/reinitialize", body, SHORT_MS,
					  NULL, 0, NULL);
}

void
reinit_member_run(Job *job)
{
	SpecNode   *memory = job->memory ? job->memory : node_map();
	Reinit		reinit = {.name = job_arg(job, "name")};

	if (job->memory == NULL)
		begin_reinit(job, memory);
	reinit.before = steer_text(memory, "before");
	job_step(job, "waiting for %s", reinit.name);
	if (steer_wait(job, steer_time_left(job, REINIT_MS), is_copied, &reinit) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_DEADLINE),
				 errmsg("\"%s\" is not back yet", reinit.name),
				 errhint("See pgops.members, and Patroni's log there.")));
}

/* ---- the cluster's configuration ---- */

/* nothing but one key of it; NULL: it is removed */
static void
patch(Job *job, const SteerScene *scene, const char *key, SpecNode *value)
{
	SpecNode   *map = node_map();

	node_map_set(map, key, value ? value : node_null());
	apply_patroni_config(steer_access(job, scene), map);
}

typedef struct Paused
{
	bool		wanted;
	int			others;			/* out: members that do not see it yet */
} Paused;

/* A member that does not answer sees it when it comes back. */
static bool
all_see_it(const SteerScene *scene, void *arg)
{
	Paused	   *paused = arg;
	ListCell   *cell;

	paused->others = 0;
	foreach(cell, scene->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen->node != NULL && seen->node->paused != paused->wanted)
			paused->others++;
	}
	return paused->others == 0;
}

/* The members see it one by one, within loop_wait. */
static void
set_pause(Job *job, bool wanted)
{
	SteerScene *scene = see_and_check(job);
	Paused		paused = {.wanted = wanted};
	int			wait_ms = (3 * scene->view->loop_wait + 10) * 1000;

	if (scene->view->cluster->paused == wanted)
		job_note(job, wanted ? "The cluster is paused already." : "The cluster is not paused.");
	else
	{
		job_step(job, wanted ? "pausing" : "resuming");
		patch(job, scene, "pause", wanted ? node_bool(true) : NULL);
	}
	job_result(job, "paused", node_bool(wanted));
	if (!job_arg_bool(job, "wait", true))
		return;
	job_step(job, "waiting for all members");
	if (steer_wait(job, steer_time_left(job, wait_ms), all_see_it, &paused) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_DEADLINE),
				 errmsg("%d members have not noticed it %d s later", paused.others, wait_ms / 1000),
				 errdetail("It is in the configuration of the cluster."),
				 errhint("See pgops.members.")));
}

void
pause_ha_run(Job *job)
{
	set_pause(job, true);
}

void
resume_ha_run(Job *job)
{
	set_pause(job, false);
}

/* ---- standby clusters ---- */

/* a leader of its own, no standby leader */
static bool
leader_writes(const SteerScene *scene, void *arg)
{
	const PatroniSeen *leader = scene->view->leader;

	return leader != NULL && leader->node != NULL && patroni_seen_runs(leader) &&
		leader->role == PATRONI_LEADER && leader->node->role == PATRONI_LEADER;
}

void
promote_cluster_run(Job *job)
{
	SteerScene *scene = see_and_check(job);

	job_step(job, "promoting");
	patch(job, scene, "standby_cluster", NULL);
	job_step(job, "waiting for the leader");
	scene = steer_wait(job, steer_time_left(job, SHORT_MS * 20), leader_writes, NULL);
	if (scene == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_DEADLINE),
				 errmsg("the leader of the cluster is not promoted yet"),
				 errhint("See pgops.ha_status, and Patroni's log.")));
	job_result(job, "leader", node_string(scene->view->leader->member->name));
	job_result(job, "timeline", node_int(scene->view->leader->timeline));
}

/*
 * The job is over when the configuration says it: the leader is going to be a
 * standby of another cluster, whose rows replace ours.
 */
void
demote_cluster_run(Job *job)
{
	SteerScene *scene = see_and_check(job);
	SpecNode   *upstream = node_map();

	node_map_set(upstream, "host", node_string(job_arg(job, "host")));
	node_map_set(upstream, "port", node_int(job_arg_int(job, "port", 5432)));
	if (job_arg(job, "slot") != NULL)
		node_map_set(upstream, "primary_slot_name", node_string(job_arg(job, "slot")));
	job_step(job, "demoting");
	patch(job, scene, "standby_cluster", upstream);
	job_result(job, "standby_cluster", upstream);
}
