/*
 * sql_steer.c
 *		SQL: pgops.steer_prepare(), the look that every function makes that
 *		steers the cluster.
 *
 * Not for: what is looked at (ops/steer_check.c), the jobs (ops/steer_run.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "errors.h"
#include "ops/steer.h"
#include "worker/shared.h"

PG_FUNCTION_INFO_V1(pgops_steer_prepare);

/* Patroni is asked anew, which takes some hundredths of a second; if it hangs, nobody waits longer, ms */
#define WAIT_MS		2500

/* names of declared instances become those of Patroni */
static void
take_name(SpecNode *args, const char *key, const SteerScene *scene)
{
	const char *name = steer_text(args, key);

	if (name != NULL)
		node_map_set(args, key, node_string(steer_name(scene, name)));
}

/*
 * Jobs of this server that would be broken off by a restart of it.  Who moves the
 * leader may be in a hurry, and is only told.
 */
static void
check_own_jobs(const char *kind, const SpecNode *args, const SteerScene *scene)
{
	const char *name = steer_text(args, "name");
	const PatroniSeen *seen = name ? patroni_view_member(scene->view, name) : NULL;

	if (RecoveryInProgress() || steer_text(args, "at") != NULL)
		return;
	if (strcmp(kind, "rolling_restart") == 0 ||
		(strcmp(kind, "restart_member") == 0 && seen != NULL && seen->is_self))
		steer_check_jobs(0, ERROR);
	else if (strcmp(kind, "switchover") == 0 || strcmp(kind, "failover") == 0)
		steer_check_jobs(0, WARNING);
}

/*
 * pgops_steer_prepare
 *		Raises an ERROR if what a job of that kind would do cannot be done now;
 *		else its arguments as they are to be stored.
 */
Datum
pgops_steer_prepare(PG_FUNCTION_ARGS)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SpecNode   *args = node_from_jsonb(PG_GETARG_JSONB_P(1));
	SteerScene *scene;

	shared_require();
	if (args->kind != NODE_MAP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the arguments of a job must be a JSON object")));
	scene = steer_see(0, WAIT_MS);
	steer_check_known(scene);
	take_name(args, "name", scene);
	take_name(args, "candidate", scene);
	steer_check(kind, args, scene);
	check_own_jobs(kind, args, scene);
	if (strcmp(kind, "switchover") == 0)
		node_map_set(args, STEER_LEADER, node_string(scene->view->leader->member->name));
	steer_forget(scene);
	PG_RETURN_JSONB_P(node_to_jsonb(args));
}
