/*
 * argument.c
 *		Arguments that several SQL functions share.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "worker/argument.h"

char *
argument_local_cluster(void)
{
	char	   *name = cmdb_local_cluster();

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("no cluster is given, and this server belongs to none"),
				 errhint("Name a declared cluster, or declare one with pgops.apply_cluster().")));
	return name;
}

char *
argument_cluster(FunctionCallInfo fcinfo)
{
	char	   *name = PG_ARGISNULL(0) ? argument_local_cluster() :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	CmdbCluster *cluster = cmdb_cluster(name);

	if (cluster == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared", name),
				 errhint("See pgops.status for the declared clusters.")));
	if (strcmp(cluster->kind, INVENTORY_PGSQL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("group \"%s\" is of kind \"%s\", expected \"%s\"",
						name, cluster->kind, INVENTORY_PGSQL),
				 errhint("See pgops.status for the declared clusters.")));
	return name;
}

void
argument_require_document(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the document must not be null")));
}
