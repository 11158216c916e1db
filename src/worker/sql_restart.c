/*
 * sql_restart.c
 *		SQL: pgops.restart_prepare().
 *
 * Not for: the restart (ops/restart.c).
 */
#include "postgres.h"

#include "fmgr.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "ops/restart.h"
#include "ops/schedule.h"
#include "worker/shared.h"

PG_FUNCTION_INFO_V1(pgops_restart_prepare);

/* what is declared for this server's cluster, if it belongs to one */
static void
check_policy(void)
{
	char	   *name = cmdb_local_cluster();
	Cluster    *cluster = name ? schedule_load(name) : NULL;

	if (cluster != NULL && strcmp(cluster->restart_policy, "never") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROTECTED),
				 errmsg("pgops_restart_policy of cluster \"%s\" is never", name),
				 errhint("Declare another one, or restart the server without pgops.")));
}

/*
 * pgops_restart_prepare
 *		Raises an ERROR unless this server can be restarted by a job now.
 */
Datum
pgops_restart_prepare(PG_FUNCTION_ARGS)
{
	shared_require();
	check_policy();
	restart_check(0);
	PG_RETURN_VOID();
}
