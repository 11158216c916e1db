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
argument_cluster(FunctionCallInfo fcinfo)
{
	char	   *name = PG_ARGISNULL(0) ? cmdb_local_cluster() :
		text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("no cluster is given, and this server belongs to none"),
				 errhint("Name a declared cluster, or declare one with pgops.apply_cluster().")));
	if (cmdb_cluster(name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared", name),
				 errhint("See pgops.status for the declared clusters.")));
	return name;
}
