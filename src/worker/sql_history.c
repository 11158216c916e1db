/*
 * sql_history.c
 *		SQL: pgops.diff(), pgops.rollback().
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "cmdb/history.h"
#include "compat.h"
#include "errors.h"
#include "worker/rows.h"

PG_FUNCTION_INFO_V1(pgops_diff);

#define DIFF_COLUMNS	4

/*
 * The group that the first argument names, declared now or not: history outlives
 * what it is about.  NULL is this server's cluster.
 */
static char *
history_name(FunctionCallInfo fcinfo)
{
	char	   *name = PG_ARGISNULL(0) ? cmdb_local_cluster() :
		text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("no cluster is given, and this server belongs to none"),
				 errhint("Name a cluster, or \"all\" for the global variables.")));
	return name;
}

static Datum
node_datum(const SpecNode *node, bool *isnull)
{
	*isnull = node == NULL;
	return node ? JsonbPGetDatum(node_to_jsonb(node)) : (Datum) 0;
}

static void
put_change(ReturnSetInfo *result, const CmdbChange *change)
{
	Datum		values[DIFF_COLUMNS];
	bool		nulls[DIFF_COLUMNS];

	values[0] = row_text(change->path, &nulls[0]);
	values[1] = row_text(change->action, &nulls[1]);
	values[2] = node_datum(change->old, &nulls[2]);
	values[3] = node_datum(change->new, &nulls[3]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
pgops_diff(PG_FUNCTION_ARGS)
{
	char	   *name = history_name(fcinfo);
	int64		b = PG_ARGISNULL(2) ? history_newest(name) : PG_GETARG_INT64(2);
	int64		a = PG_ARGISNULL(1) ? b - 1 : PG_GETARG_INT64(1);
	List	   *changes = history_difference(name, a, b);
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	foreach(cell, changes)
		put_change((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	return (Datum) 0;
}
