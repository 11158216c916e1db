/*
 * steer_restart.c
 *		Restarting the server of one member, and waiting until it is what it was.
 *
 * That may be this very server: then the job goes on after its start.
 *
 * Not for: several of them (steer_rolling.c).
 */
#include "postgres.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "ops/steer.h"

/* stopping and starting a server, crash recovery included, at most, ms */
#define RESTART_MS		(15 * 60 * 1000)

/* until a restart that was asked for in another life can be seen to have begun, ms */
#define BEGIN_MS		30000

typedef struct Wanted
{
	const char *name;
	const char *before;			/* when its server was started before; NULL: not known */
	bool		restarted;		/* out */
} Wanted;

/* A replica is back when it has what the leader has, nearly: another one may be restarted then. */
static bool
is_back(const SteerScene *scene, void *arg)
{
	Wanted	   *wanted = arg;
	const PatroniSeen *seen = patroni_view_member(scene->view, wanted->name);
	const PatroniSeen *leader = scene->view->leader;
	char	   *started = steer_started(wanted->name);

	if (seen == NULL || seen->node == NULL)
		return false;
	wanted->restarted = started != NULL &&
		(wanted->before == NULL || strcmp(started, wanted->before) != 0);
	if (!wanted->restarted || !patroni_seen_runs(seen) || leader == NULL)
		return false;
	return seen->is_leader || (seen->lag >= 0 && seen->lag <= scene->status->max_lag &&
							   seen->timeline == leader->timeline);
}

/* A server that was not restarted and runs is one that nobody has asked, or not yet. */
static bool
has_begun(const SteerScene *scene, void *arg)
{
	Wanted	   *wanted = arg;
	const PatroniSeen *seen = patroni_view_member(scene->view, wanted->name);

	(void) is_back(scene, arg);
	return wanted->restarted || (seen != NULL && seen->node != NULL && !patroni_seen_runs(seen));
}

/* The lag counts as well: a member that is up and far behind could not take over. */
static void
wait_until_back(Job *job, Wanted *wanted)
{
	int			wait_ms = steer_time_left(job, RESTART_MS);
	SteerScene *scene;

	job_step(job, "waiting for %s", wanted->name);
	scene = steer_wait(job, wait_ms, is_back, wanted);
	if (scene == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_DEADLINE),
				 wanted->restarted ?
				 errmsg("the server of \"%s\" was restarted, but is not back %d s later",
						wanted->name, wait_ms / 1000) :
				 errmsg("the server of \"%s\" was not restarted within %d s",
						wanted->name, wait_ms / 1000),
				 errhint("See pgops.members, and the log of PostgreSQL there.")));
	steer_forget(scene);
}

/* What its start was is stored with it, for only by that a restart can be told from none. */
void
steer_restart(Job *job, SpecNode *memory, const SteerScene *scene, const char *name,
			  bool only_pending)
{
	const PatroniSeen *seen = patroni_view_member(scene->view, name);
	PatroniAccess *access = steer_access_to(job, seen);
	SpecNode   *restart = node_map();
	SpecNode   *body = node_map();
	Wanted		wanted = {.name = pstrdup(name),.before = steer_started(name)};

	node_map_set(restart, "name", node_string(name));
	node_map_set(restart, "before", wanted.before ? node_string(wanted.before) : node_null());
	node_map_set(memory, "restart", restart);
	job_remember(job, memory);
	if (only_pending)
		node_map_set(body, "restart_pending", node_bool(true));
	job_step(job, "restarting %s", name);
	(void) steer_post(job, access, "POST", "/restart", body, steer_time_left(job, RESTART_MS),
					  NULL, 0, NULL);
	wait_until_back(job, &wanted);
	node_map_unset(memory, "restart");
}

/* Whether Patroni was asked at all before this server ended is not known. */
void
steer_restart_settle(Job *job, SpecNode *memory)
{
	const SpecNode *restart = node_get(memory, "restart");
	Wanted		wanted = {.name = steer_text(restart, "name"),.before = steer_text(restart, "before")};
	SteerScene *scene;

	job_step(job, "waiting for %s", wanted.name);
	scene = steer_wait(job, BEGIN_MS, has_begun, &wanted);
	if (scene == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INTERRUPTED),
				 errmsg("the server or the job's worker ended, and the server of \"%s\" was not restarted",
						wanted.name),
				 errhint("Ask for it once more.")));
	steer_forget(scene);
	wait_until_back(job, &wanted);
	node_map_unset(memory, "restart");
}
