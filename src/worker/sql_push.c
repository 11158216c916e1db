/*
 * sql_push.c
 *		SQL: pgops.push().
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "ops/guard.h"
#include "worker/push.h"
#include "worker/rows.h"
#include "worker/shared.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_push);

#define PUSH_COLUMNS	11

/*
 * Another server cannot be rolled back: what it is given must be committed.
 * A snapshot that stays could be older than what the push worker delivered.
 */
static void
require_committed(void)
{
	PreventCommandDuringRecovery("pgops.push()");
	PreventCommandIfReadOnly("pgops.push()");
	if (wake_pending(REQUEST_CHANGED | REQUEST_FULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pgops.push() cannot deliver a declaration of its own transaction"),
				 errhint("Commit first: only what is committed is delivered.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("pgops.push() needs the isolation level READ COMMITTED")));
}

/* Interval arithmetic is the server's: a month is not a number of seconds. */
static long
timeout_ms(Interval *timeout)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		end = DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
										  PointerGetDatum(timeout));

	return TimestampDifferenceMilliseconds(now, DatumGetTimestampTz(end));
}

/* The one that is named, or all but this server's own. */
static List *
clusters_to_push(FunctionCallInfo fcinfo)
{
	char	   *name;

	if (PG_ARGISNULL(0))
		return cmdb_push_clusters();
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (cmdb_cluster(name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared", name),
				 errhint("See pgops.status for the declared clusters.")));
	return list_make1(name);
}

static Datum
row_number(int64 number, bool *isnull)
{
	*isnull = number <= 0;
	return Int64GetDatum(number);
}

static void
put_report(ReturnSetInfo *result, const PushReport *report)
{
	const PushStatus *status = &report->status;
	Datum		values[PUSH_COLUMNS];
	bool		nulls[PUSH_COLUMNS] = {false};

	values[0] = row_text(status->cluster, &nulls[0]);
	values[1] = row_text(status->pg_cluster, &nulls[1]);
	values[2] = row_text(status->host, &nulls[2]);
	values[3] = row_text(report->state, &nulls[3]);
	values[4] = Int64GetDatum(report->changes);
	nulls[4] = report->changes < 0;
	values[5] = row_number(status->pushed_generation, &nulls[5]);
	values[6] = row_number(status->remote_generation, &nulls[6]);
	values[7] = row_number(status->observed_generation, &nulls[7]);
	values[8] = row_text(status->phase, &nulls[8]);
	values[9] = row_text(status->sqlstate, &nulls[9]);
	values[10] = row_text(status->error ? status->error : status->message, &nulls[10]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
pgops_push(PG_FUNCTION_ARGS)
{
	PushRun    *run;
	bool		all = PG_ARGISNULL(0);
	ListCell   *cell;

	shared_require();
	require_committed();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the timeout must not be null")));
	guard_require();
	pgops_init_srf(fcinfo);
	run = push_run_create(true, timeout_ms(PG_GETARG_INTERVAL_P(1)), NULL);
	push_run(run, clusters_to_push(fcinfo));
	foreach(cell, push_run_reports(run))
	{
		const PushReport *report = lfirst(cell);

		/* nobody asked for our own */
		if (!all || strcmp(report->state, "skipped") != 0)
			put_report((ReturnSetInfo *) fcinfo->resultinfo, report);
	}
	return (Datum) 0;
}
