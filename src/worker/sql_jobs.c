/*
 * sql_jobs.c
 *		The SQL functions about jobs: asking, waiting, cancelling, looking.
 *
 * Not for: what each kind needs to know before it is asked for; the functions
 * of that name check that.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/job.h"
#include "cmdb/query.h"
#include "compat.h"
#include "errors.h"
#include "io/wait.h"
#include "ops/job.h"
#include "ops/schedule.h"
#include "worker/argument.h"
#include "worker/job_slot.h"
#include "worker/job_transient.h"
#include "worker/rows.h"
#include "worker/shared.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_job_kinds);
PG_FUNCTION_INFO_V1(pgops_job_slots);
PG_FUNCTION_INFO_V1(pgops_job_request);
PG_FUNCTION_INFO_V1(pgops_job_start);
PG_FUNCTION_INFO_V1(pgops_job_wait);
PG_FUNCTION_INFO_V1(pgops_job_cancel);

/* between two looks without being woken, ms */
#define WAIT_LOOK_MS	1000

Datum
pgops_job_kinds(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	pgops_init_srf(fcinfo);
	for (const JobKind *kind = job_kinds; kind->name != NULL; kind++)
	{
		Interval	deadline = {.time = kind->deadline * USECS_PER_SEC};
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = CStringGetTextDatum(kind->name);
		values[1] = row_text(kind->group, &nulls[1]);
		values[2] = IntervalPGetDatum(&deadline);
		nulls[2] = kind->deadline == 0;
		values[3] = Int32GetDatum(kind->attempts);
		values[4] = CStringGetTextDatum(kind->summary);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pgops_job_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	JobSlot		slot;

	pgops_init_srf(fcinfo);
	for (int i = 0; pgops_shared != NULL && i < JOB_SLOTS; i++)
	{
		Datum		values[8];
		bool		nulls[8] = {false};

		if (!job_slot_get(i, &slot))
			continue;
		values[0] = Int64GetDatum(slot.id);
		values[1] = Int32GetDatum((int32) slot.worker);
		nulls[1] = slot.worker == 0;
		values[2] = row_text(slot.cancelled_by[0] ? slot.cancelled_by : NULL, &nulls[2]);
		values[3] = row_text(slot.step[0] ? slot.step : NULL, &nulls[3]);
		values[4] = Float8GetDatum(slot.done);
		values[5] = Float8GetDatum(slot.total);
		values[6] = row_text(slot.unit[0] ? slot.unit : NULL, &nulls[6]);
		nulls[4] = nulls[6];
		nulls[5] = nulls[6] || slot.total <= 0;
		values[7] = TimestampTzGetDatum(slot.step_started);
		nulls[7] = slot.step_started == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- asking ---- */

static int64
milliseconds(const Interval *interval)
{
	TimestampTz zero = 0;
	TimestampTz then = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
															   TimestampTzGetDatum(zero),
															   IntervalPGetDatum(interval)));

	return then / 1000;
}

/*
 * When a job is to run, from the arguments "at" and "in_window" of a function, which
 * are at these places: at a time, in the maintenance window, at once.
 */
static void
read_time(FunctionCallInfo fcinfo, int at_place, int window_place, JobRequest *request)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		at = !PG_ARGISNULL(at_place);

	if (at)
		request->not_before = PG_GETARG_TIMESTAMPTZ(at_place);
	if (PG_ARGISNULL(window_place) || !PG_GETARG_BOOL(window_place))
		return;
	if (at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"at\" and \"in_window\" exclude each other")));
	if (!schedule_window(argument_local_cluster(), now, &request->not_before, &request->stop_at))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no maintenance window is declared, or none comes"),
				 errhint("Declare pgops_maintenance_window: {cron: \"0 2 * * sat\", duration: 3h}, or leave out \"in_window\".")));
	request->not_before = Max(request->not_before, now);
}

Datum
pgops_job_start(PG_FUNCTION_ARGS)
{
	JobRequest	request = {0};

	read_time(fcinfo, 0, 1, &request);
	PG_RETURN_TIMESTAMPTZ(request.not_before != 0 ? request.not_before :
						  GetCurrentTransactionStartTimestamp());
}

Datum
pgops_job_request(PG_FUNCTION_ARGS)
{
	JobRequest	request = {0};

	shared_require();
	if (!RecoveryInProgress())
		PreventCommandIfReadOnly("pgops.job_request()");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("kind and args of a job must not be null")));
	request.kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.args = node_from_jsonb(PG_GETARG_JSONB_P(1));
	request.cluster = cmdb_local_cluster();
	read_time(fcinfo, 2, 4, &request);
	if (!PG_ARGISNULL(3))
	{
		request.deadline_ms = milliseconds(PG_GETARG_INTERVAL_P(3));
		if (request.deadline_ms < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the deadline must not be negative")));
		if (request.deadline_ms == 0)
			request.deadline_ms = -1;
	}
	PG_RETURN_INT64(RecoveryInProgress() ? job_transient_queue(&request) : job_queue(&request));
}

/* ---- the state of one ---- */

static void
raise_unknown(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_UNKNOWN_JOB),
			 errmsg("there is no job " INT64_FORMAT, id),
			 errhint("See pgops.jobs; jobs are kept for pgops.job_retention days.")));
}

/* palloc'd; ERROR if there is no such job */
static char *
state_of(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *state = NULL;
	TransientJob standby;

	if (id < 0)
	{
		if (!job_transient_find(id, &standby))
			raise_unknown(id);
		return pstrdup(job_transient_state(standby.state));
	}
	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	if (cmdb_run(&query, "SELECT j.state FROM pgops.job AS j WHERE j.id = $1", &args) > 0)
		state = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	if (state == NULL)
		raise_unknown(id);
	return state;
}

static bool
is_over(const char *state)
{
	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* ---- waiting ---- */

/* a fresh snapshot and memory of its own: a wait may be long */
static char *
look(int64 id)
{
	char	   *state;

	PushActiveSnapshot(GetLatestSnapshot());
	state = state_of(id);
	PopActiveSnapshot();
	return state;
}

static void
wait_over(int64 id, TimestampTz deadline)
{
	for (;;)
	{
		long		left;
		char	   *state;

		/* in line before looking, so that an end that comes now is not missed */
		ConditionVariablePrepareToSleep(&pgops_shared->job_changed);
		state = look(id);
		if (is_over(state))
			break;
		left = io_remaining_ms(deadline);
		if (left <= 0)
		{
			ConditionVariableCancelSleep();
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_WAIT_TIMEOUT),
					 errmsg("job " INT64_FORMAT " is not over yet", id),
					 errdetail("It is %s, and goes on.", state),
					 errhint("See pgops.jobs; call pgops.job_wait() again, or end it with pgops.job_cancel().")));
		}
		pfree(state);
		io_wait(Min(left, WAIT_LOOK_MS), IO_WAIT_CONVERGENCE);
		ConditionVariableCancelSleep();
	}
	ConditionVariableCancelSleep();
}

static void
return_job(FunctionCallInfo fcinfo, int64 id)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(id)};

	pgops_init_srf(fcinfo);
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	if (SPI_execute_with_args("SELECT * FROM pgops.jobs AS j WHERE j.id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pgops.jobs");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	PopActiveSnapshot();
}

static void
require_wait_possible(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the job and the timeout must not be null")));
	if (wake_pending(REQUEST_JOBS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pgops.job_wait() cannot wait for a job of its own transaction"),
				 errhint("Commit first: a job starts after the commit of what asked for it.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("pgops.job_wait() needs the isolation level READ COMMITTED")));
}

Datum
pgops_job_wait(PG_FUNCTION_ARGS)
{
	TimestampTz deadline;

	shared_require();
	require_wait_possible(fcinfo);
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(GetCurrentTimestamp()),
													   PG_GETARG_DATUM(1)));
	wait_over(PG_GETARG_INT64(0), deadline);
	return_job(fcinfo, PG_GETARG_INT64(0));
	return (Datum) 0;
}

/* ---- cancelling ---- */

/* One that waits; false: it has been started meanwhile. */
static bool
cancel_queued(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		done;

	if (id < 0)
		return job_transient_cancel(id, GetUserNameFromId(GetSessionUserId(), false));
	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	done = cmdb_run(&query,
					"UPDATE pgops.job SET state = 'cancelled', cancelled_by = session_user,"
					" finished_at = clock_timestamp(), error = 'the job was cancelled'"
					" WHERE id = $1 AND state = 'queued'", &args) == 1;
	cmdb_end(&query);
	return done;
}

Datum
pgops_job_cancel(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	char	   *state;

	shared_require();
	if (id >= 0)
		PreventCommandIfReadOnly("pgops.job_cancel()");
	state = look(id);
	if (is_over(state))
	{
		ereport(NOTICE,
				(errmsg("job " INT64_FORMAT " is over: it %s %s", id,
						strcmp(state, "cancelled") == 0 || strcmp(state, "interrupted") == 0 ? "was" : "has",
						state)));
		PG_RETURN_BOOL(false);
	}
	if (cancel_queued(id))
	{
		ConditionVariableBroadcast(&pgops_shared->job_changed);
		PG_RETURN_BOOL(true);
	}
	if (!job_slot_cancel(id, GetUserNameFromId(GetSessionUserId(), false)))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("job " INT64_FORMAT " cannot be cancelled any more", id),
				 errhint("It was handed over to a process of its own, which must not be broken off half-way, or it is just ending.")));
	PG_RETURN_BOOL(true);
}
