/*
 * sql_operate.c
 *		SQL: pgops.wait(), pgops.reconcile(), pgops.coordinator(),
 *		pgops.bind(), pgops.local_cluster().
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "cmdb/cmdb.h"
#include "cmdb/log.h"
#include "compat.h"
#include "errors.h"
#include "io/wait.h"
#include "worker/argument.h"
#include "worker/rows.h"
#include "worker/shared.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_wait);
PG_FUNCTION_INFO_V1(pgops_reconcile);
PG_FUNCTION_INFO_V1(pgops_coordinator);
PG_FUNCTION_INFO_V1(pgops_bind);
PG_FUNCTION_INFO_V1(pgops_local_cluster);

/* longest sleep of pgops.wait() between two looks, ms: a safety net, it is woken */
#define WAIT_LOOK_MS	1000

/*
 * Whether the coordinator has looked at what is declared now, and has nothing
 * asked of it.  Of a cluster that this server does not belong to nothing is to
 * be expected.
 */
static bool
is_settled(const char *name)
{
	char	   *local = cmdb_local_cluster();
	CmdbCluster *row = cmdb_cluster(name);
	ClusterStatus *status = cmdb_status(name);
	bool		busy;

	if (local == NULL || strcmp(local, name) != 0)
		return true;
	if (shared_waiting() != NULL)
		return false;
	/* after a start the status still tells what was before it: that a restart is needed, say */
	if (pg_atomic_read_u64(&pgops_shared->passes) == 0)
		return false;
	if (row == NULL || status == NULL || status->generation < row->generation)
		return false;
	if (strcmp(status->phase, "progressing") == 0)
		return false;
	SpinLockAcquire(&pgops_shared->mutex);
	busy = strcmp(pgops_shared->state, "working") == 0;
	SpinLockRelease(&pgops_shared->mutex);
	return !busy && pg_atomic_read_u32(&pgops_shared->requests) == 0;
}

/* Interval arithmetic is the server's: a month is not a number of seconds. */
static TimestampTz
deadline_of(Interval *timeout)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PointerGetDatum(timeout)));
}

/* Tells what is known, so that the person need not ask next. */
static void
raise_timeout(const char *name)
{
	ClusterStatus *status = cmdb_status(name);
	char	   *waiting = shared_waiting();

	if (waiting != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_WAIT_TIMEOUT),
				 errmsg("cluster \"%s\" did not settle in time", name),
				 errdetail("Nothing is done on this server: %s.", waiting),
				 errhint("It goes on when Patroni says that this server is the leader. What is declared here is kept, unless another member leads the cluster by now: see pgops.members.")));
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_WAIT_TIMEOUT),
			 errmsg("cluster \"%s\" did not settle in time", name),
			 status ? errdetail("It is %s: %s.", status->phase, status->message) :
			 errdetail("No pass has looked at it yet."),
			 errhint("See pgops.coordinator() and pgops.actions; call pgops.wait() again with a longer timeout.")));
}

/* is_settled() with a snapshot and memory of its own: a wait may be long */
static bool
look_whether_settled(const char *name, MemoryContext scratch)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);
	bool		settled;

	PushActiveSnapshot(GetLatestSnapshot());
	settled = is_settled(name);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
	return settled;
}

/*
 * Sleeps on the coordinator's condition variable, with a look every now and
 * then in case the coordinator is not there to wake us.
 */
static void
wait_settled(const char *name, TimestampTz deadline)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "pgops wait",
												  ALLOCSET_SMALL_SIZES);

	for (;;)
	{
		long		left;

		/* in line before looking, so that a pass that ends now is not missed */
		ConditionVariablePrepareToSleep(&pgops_shared->pass_done);
		if (look_whether_settled(name, scratch))
			break;
		left = io_remaining_ms(deadline);
		if (left <= 0)
		{
			ConditionVariableCancelSleep();
			raise_timeout(name);
		}
		io_wait(Min(left, WAIT_LOOK_MS), IO_WAIT_CONVERGENCE);
		ConditionVariableCancelSleep();
	}
	ConditionVariableCancelSleep();
	MemoryContextDelete(scratch);
}

/* What would wait for ever is refused. */
static void
require_own_transaction(void)
{
	if (wake_pending(REQUEST_CHANGED | REQUEST_FULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pgops.wait() cannot wait for a declaration of its own transaction"),
				 errhint("Commit first: the coordinator sees only what is committed.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("pgops.wait() needs the isolation level READ COMMITTED")));
}

/* the row of pgops.status, read with a fresh snapshot */
static void
return_status(FunctionCallInfo fcinfo, const char *name)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};

	pgops_init_srf(fcinfo);
	SPI_connect();
	if (SPI_execute_with_args("SELECT * FROM pgops.status AS s WHERE s.cluster OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pgops.status");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
}

Datum
pgops_wait(PG_FUNCTION_ARGS)
{
	char	   *name;
	Interval   *timeout;

	shared_require();
	require_own_transaction();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the timeout must not be null")));
	timeout = PG_GETARG_INTERVAL_P(1);
	name = argument_cluster(fcinfo);
	wait_settled(name, deadline_of(timeout));
	return_status(fcinfo, name);
	return (Datum) 0;
}

Datum
pgops_reconcile(PG_FUNCTION_ARGS)
{
	shared_require();
	/* without an argument it may be asked before anything is declared */
	if (!PG_ARGISNULL(0))
		(void) argument_cluster(fcinfo);
	wake_now(REQUEST_FULL);
	PG_RETURN_VOID();
}

Datum
pgops_bind(PG_FUNCTION_ARGS)
{
	PreventCommandDuringRecovery("pgops.bind()");
	PreventCommandIfReadOnly("pgops.bind()");
	cmdb_bind(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	wake_at_commit(REQUEST_CHANGED | REQUEST_FULL);
	PG_RETURN_VOID();
}

Datum
pgops_local_cluster(PG_FUNCTION_ARGS)
{
	char	   *name = cmdb_local_cluster();

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/* A time, or NULL for one that never was. */
static Datum
row_time(TimestampTz time, bool *isnull)
{
	*isnull = time == 0;
	return TimestampTzGetDatum(time);
}

Datum
pgops_coordinator(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PgopsShared copy;
	Datum		values[8];
	bool		nulls[8] = {false};

	pgops_init_srf(fcinfo);
	if (pgops_shared == NULL)
		return (Datum) 0;
	SpinLockAcquire(&pgops_shared->mutex);
	memcpy(&copy, pgops_shared, sizeof(copy));
	SpinLockRelease(&pgops_shared->mutex);

	values[0] = Int32GetDatum((int32) copy.pid);
	nulls[0] = copy.pid == 0;
	values[1] = row_text(copy.state, &nulls[1]);
	values[2] = row_text(copy.in_recovery ? "standby" : "primary", &nulls[2]);
	values[3] = row_time(copy.started, &nulls[3]);
	values[4] = Int64GetDatum((int64) pg_atomic_read_u64(&pgops_shared->passes));
	values[5] = row_time(copy.last_pass, &nulls[5]);
	values[6] = row_text(copy.last_error[0] ? copy.last_error : NULL, &nulls[6]);
	values[7] = row_text(copy.waiting[0] ? copy.waiting : NULL, &nulls[7]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
