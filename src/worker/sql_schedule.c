/*
 * sql_schedule.c
 *		SQL: pgops.cron_next(), pgops.run_schedule(), pgops.next_window().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "ops/schedule.h"
#include "worker/argument.h"
#include "worker/shared.h"

PG_FUNCTION_INFO_V1(pgops_cron_next);
PG_FUNCTION_INFO_V1(pgops_run_schedule);
PG_FUNCTION_INFO_V1(pgops_next_window);

/*
 * How far back a call by the clock looks for the time that it is for; pg_cron
 * may be busy.  What is older is the coordinator's.
 */
#define LOOK_BACK	(5 * USECS_PER_MINUTE)

/* ---- cron_next ---- */

static Cron *
parse_or_raise(const char *expression)
{
	const char *problem;
	const char *hint;
	Cron	   *cron = cron_parse(expression, &problem, &hint);

	if (cron == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cron expression \"%s\": %s", expression, problem),
				 hint ? errhint("%s", hint) : 0));
	return cron;
}

static pg_tz *
zone_or_raise(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	return zone;
}

Datum
pgops_cron_next(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Cron	   *cron;
	TimestampTz at;
	pg_tz	   *zone = log_timezone;

	pgops_init_srf_expected(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	cron = parse_or_raise(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	at = PG_GETARG_TIMESTAMPTZ(1);
	if (!PG_ARGISNULL(3))
		zone = zone_or_raise(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	for (int i = 0; i < PG_GETARG_INT32(2); i++)
	{
		Datum		value;
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		at = cron_next(cron, at, zone);
		if (at == 0)
			break;
		value = TimestampTzGetDatum(at);
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

/* ---- run_schedule ---- */

static Cluster *
own_cluster(void)
{
	Binding    *binding = cmdb_binding();
	Cluster    *cluster;

	if (binding->state != BINDING_BOUND)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("this server runs no schedules: %s", binding->reason),
				 binding->hint ? errhint("%s", binding->hint) : 0));
	cluster = schedule_load(binding->cluster);
	if (cluster == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared any more", binding->cluster)));
	return cluster;
}

static Schedule *
find_or_raise(const Cluster *cluster, const char *name)
{
	Schedule   *schedule = schedule_find(cluster, name);

	if (schedule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("schedule \"%s\" of cluster \"%s\" is not declared", name, cluster->name),
				 errhint("See pgops.schedules.")));
	if (schedule->what == NULL || schedule->cron == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NOT_SUPPORTED),
				 errmsg("pgops cannot run schedule \"%s\": %s", name, schedule->problem)));
	return schedule;
}

/*
 * A schedule that this server does not have (any more): no plan will remove the
 * job of pg_cron that calls for it, if there is none for this server either.
 */
static bool
is_left_over(const char *name)
{
	Binding    *binding = cmdb_binding();
	Cluster    *cluster = binding->state == BINDING_BOUND ? schedule_load(binding->cluster) : NULL;

	if (cluster != NULL && schedule_find(cluster, name) != NULL)
		return false;
	if (schedule_leave(name) > 0)
		ereport(NOTICE,
				(errmsg("schedule \"%s\" is not declared for this server: pg_cron calls for it no more", name)));
	else
		ereport(NOTICE,
				(errmsg("schedule \"%s\" is not declared for this server", name)));
	return true;
}

/*
 * By the clock it may be called at any minute: pg_cron's own expression can be
 * a wider one (see cron_translate()).
 */
Datum
pgops_run_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		by_clock = PG_GETARG_BOOL(1);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due = 0;
	char	   *skipped = NULL;
	int64		job = 0;
	Cluster    *cluster;
	Schedule   *schedule;

	shared_require();
	PreventCommandDuringRecovery("pgops.run_schedule()");
	if (by_clock && is_left_over(name))
		PG_RETURN_NULL();
	cluster = own_cluster();
	schedule = find_or_raise(cluster, name);
	if (by_clock)
		due = cron_last(schedule->cron, now - LOOK_BACK, now, log_timezone);
	if (!by_clock)
		job = schedule_ask(cluster, schedule, &skipped);
	else if (due != 0)
		job = schedule_due(cluster, schedule, due, &skipped);
	if (skipped != NULL)
		ereport(NOTICE,
				(errmsg("schedule \"%s\" is skipped: %s", name, skipped)));
	if (job == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(job);
}

/* ---- next_window ---- */

Datum
pgops_next_window(PG_FUNCTION_ARGS)
{
	char	   *cluster = argument_cluster(fcinfo);
	TimestampTz start;
	TimestampTz end;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (schedule_window(cluster, GetCurrentTimestamp(), &start, &end))
	{
		values[0] = TimestampTzGetDatum(start);
		values[1] = TimestampTzGetDatum(end);
	}
	else
		nulls[0] = nulls[1] = true;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
