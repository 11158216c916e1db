/*
 * job_main.c
 *		The worker of one job: claims it, does it, writes down what became of it.
 *
 * Whatever ends the attempt, the row says so: success, an ERROR, a cancel, the
 * deadline here; the end of the process itself is found by the coordinator
 * (job_watch.c).
 *
 * Not for: what a kind of job does (ops/).
 */
#include "postgres.h"

#include "commands/extension.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "compat.h"
#include "errors.h"
#include "guc.h"
#include "ops/guard.h"
#include "ops/job_parts.h"
#include "worker/job_database.h"
#include "worker/job_main.h"
#include "worker/job_slot.h"
#include "worker/job_transient.h"
#include "worker/session.h"
#include "worker/shared.h"
#include "worker/start.h"
#include "worker/wake.h"

PGDLLEXPORT void pgops_job_main(Datum arg);

/* our own kind of advisory lock, see push_lock.c */
#define LOCK_KIND_JOB_GROUP	9

static int	my_slot = -1;
static Job *my_job = NULL;
static volatile sig_atomic_t deadline_is_over = false;

/* ---- what a job is lent ---- */

static void
host_show(const JobShown *shown)
{
	job_slot_show(my_slot, shown);
}

static void
host_show_child(pid_t pid, int64 start_time)
{
	job_begin_patiently(my_job);
	cmdb_job_set_child(my_job->id, pid, start_time);
	txn_end();
}

static void
host_store_lines(Job *job)
{
	job_begin_patiently(job);
	cmdb_job_output(job->id, job->pending);
	txn_end();
}

static void
host_store_memory(Job *job, const SpecNode *memory)
{
	job_begin_patiently(job);
	cmdb_job_remember(job->id, memory);
	txn_end();
}

static void
host_store_beat(Job *job)
{
	job_begin(job);
	(void) cmdb_job_beat(job->id);
	txn_end();
}

static const JobHost host = {
	host_show, host_show_child, job_in_database_host,
	host_store_lines, host_store_memory, host_store_beat
};

/* the same for a job of a standby, which has no row */
static void
transient_show_child(pid_t pid, int64 start_time)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a job of a standby runs no programs")));
}

static void
transient_store_lines(Job *job)
{
	job_transient_output(job->id, job->pending);
}

static void
transient_store_memory(Job *job, const SpecNode *memory)
{
	job_transient_remember(job->id, memory);
}

static void
transient_store_beat(Job *job)
{
	job_transient_beat(job->id);
}

static const JobHost transient_host = {
	host_show, transient_show_child, job_in_database_host,
	transient_store_lines, transient_store_memory, transient_store_beat
};

/* ---- begin ---- */

/* runs in a signal handler: what follows is that of a cancel */
static void
on_deadline(void)
{
	deadline_is_over = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/*
 * Two jobs of a group never run at once, whatever the coordinator thinks: it
 * may have been started anew meanwhile.
 */
static bool
lock_group(const char *group)
{
	LOCKTAG		tag;
	uint64		hash;

	if (group == NULL)
		return true;
	hash = hash_bytes_extended((const unsigned char *) group, strlen(group), 0);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash,
						 LOCK_KIND_JOB_GROUP);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static TimestampTz
deadline_of(const CmdbJobRow *row)
{
	TimestampTz deadline = row->stop_at;

	if (row->deadline_ms > 0)
	{
		TimestampTz own = TimestampTzPlusMilliseconds(row->started_at, row->deadline_ms);

		if (deadline == 0 || own < deadline)
			deadline = own;
	}
	return deadline;
}

static Job *
make_job(int64 id, const JobKind *kind, CmdbJobRow *row, MemoryContext context)
{
	Job		   *job = palloc0(sizeof(Job));

	job->id = id;
	job->kind = kind;
	job->args = row->args;
	job->cluster = row->cluster;
	job->requested_by = row->requested_by;
	job->attempt = row->attempts;
	job->last_attempt = row->attempts >= row->max_attempts;
	job->started = GetCurrentTimestamp();
	job->deadline = deadline_of(row);
	job->stop_at = row->stop_at;
	job->context = context;
	job->lines = row->lines;
	job->memory = row->memory;
	job->heartbeat = row->heartbeat;
	job->host = id < 0 ? &transient_host : &host;
	job->extension = get_extension_oid("pgops", false);
	job->exit_code = -1;
	return job;
}

/*
 * NULL: it is not ours to do, now or ever.  A row that is not claimed stays queued: the
 * coordinator tells why, if Patroni does not let it be done.
 */
static Job *
claim(int64 id, const JobKind *kind)
{
	Job		   *job = NULL;
	CmdbJobRow *row;
	char	   *reason;

	/* those of a standby have no row, and are of kinds that are nobody's leave to give */
	if (id > 0 && !kind->unguarded && !guard_may_act(&reason))
		return NULL;
	if (txn_begin() != EXTENSION_READY)
		return NULL;
	if (lock_group(kind->group))
	{
		row = id < 0 ? job_transient_claim(id) : cmdb_job_claim(id, io_boot_id());
		if (row != NULL)
			job = make_job(id, kind, row, CurrentMemoryContext);
	}
	txn_end();
	if (job != NULL)
	{
		job_slot_claimed(my_slot);
		ConditionVariableBroadcast(&pgops_shared->job_changed);
	}
	return job;
}

/* ---- end ---- */

static void
describe_end(CmdbJobEnd *end, const Job *job, JobSlot *slot)
{
	(void) job_slot_get(my_slot, slot);
	end->step = slot->step[0] ? slot->step : NULL;
	end->unit = slot->unit[0] ? slot->unit : NULL;
	end->done = slot->done;
	end->total = slot->total;
	end->exit_code = job->exit_code;
	end->result = job->result;
}

/* The next attempt, or none. */
static void
decide_retry(CmdbJobEnd *end, const Job *job, int sqlstate)
{
	int64		delay = job->kind->retry_delay * INT64CONST(1000);

	if (!job_may_retry(sqlstate) || job->last_attempt)
		return;
	for (int i = 1; i < job->attempt; i++)
		delay *= 2;
	end->state = "queued";
	end->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/*
 * A cancel that nobody asked for with pgops.job_cancel() came by
 * pg_cancel_backend(): it means the same.
 */
static void
describe_failure(CmdbJobEnd *end, const Job *job, const ErrorData *error, const JobSlot *slot)
{
	bool		stopped = error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	end->sqlstate = error->sqlerrcode;
	end->error = job_scrub(job, error->message);
	end->detail = job_scrub(job, error->detail);
	end->hint = job_scrub(job, error->hint);
	end->state = "failed";
	if (stopped && slot->cancelled_by[0] == '\0' && deadline_is_over)
	{
		end->sqlstate = ERRCODE_PGOPS_DEADLINE;
		end->error = "the job took longer than it may";
		end->hint = "Ask for it with a longer \"deadline\", or outside of the maintenance window.";
	}
	else if (stopped)
	{
		end->state = "cancelled";
		end->cancelled_by = slot->cancelled_by[0] ? slot->cancelled_by : NULL;
		end->error = "the job was cancelled";
		end->detail = end->hint = NULL;
	}
	else
		decide_retry(end, job, error->sqlerrcode);
}

static void
store_end(Job *job, const CmdbJobEnd *end)
{
	job_flush(job);
	if (job->id < 0)
	{
		job_transient_finish(job->id, end);
		return;
	}
	job_begin_patiently(job);
	if (strcmp(end->state, "succeeded") == 0 && job->kind->quiet &&
		job_arg_bool(job, JOB_UNASKED, false))
		cmdb_job_delete(job->id);
	else
		cmdb_job_finish(job->id, end);
	txn_end();
}

/* A failure is told in the server's log as well: not everybody looks at pgops.jobs. */
static void
log_failure(const Job *job, const CmdbJobEnd *end)
{
	ereport(LOG,
			(errcode(end->sqlstate),
			 errmsg("pgops: job " INT64_FORMAT " (%s) %s: %s", job->id, job->kind->name,
					strcmp(end->state, "queued") == 0 ? "failed and is tried again" : end->state,
					end->error),
			 end->detail ? errdetail_internal("%s", end->detail) : 0,
			 end->hint ? errhint("%s", end->hint) : 0));
}

/*
 * From here on nothing is cancelled: what became of the job must be stored.
 * Not even storing it may fail without a word.
 */
static void
finish(Job *job, const ErrorData *error)
{
	CmdbJobEnd	end = {.state = "succeeded"};
	JobSlot		slot;

	HOLD_CANCEL_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;
	if (error == NULL && job->handed_over)
		job_flush(job);
	else
	{
		describe_end(&end, job, &slot);
		if (error != NULL)
			describe_failure(&end, job, error, &slot);
		store_end(job, &end);
		if (error != NULL)
			log_failure(job, &end);
	}
	RESUME_CANCEL_INTERRUPTS();
}

/* the work, between the rows that say that it runs and what it came to */
static void
run(Job *job)
{
	ErrorData  *volatile error = NULL;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		if (job->deadline != 0)
			enable_timeout_at(RegisterTimeout(USER_TIMEOUT, on_deadline), job->deadline);
		job->kind->run(job);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		txn_abort();
		MemoryContextSwitchTo(context);
	}
	PG_END_TRY();
	finish(job, error);
}

static void
set_up(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	session_pin_settings("pgops job worker");
	BackgroundWorkerInitializeConnection(pgops_guc_database, NULL, 0);
	session_use_utf8();
	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "pgops job",
												ALLOCSET_DEFAULT_SIZES));
}

/*
 * pgops_job_main
 *		Entry point of a job's worker: the argument is the number of its slot,
 *		the job's id and kind are in bgw_extra.
 */
void
pgops_job_main(Datum arg)
{
	int64		id;
	const JobKind *kind;

	memcpy(&id, MyBgworkerEntry->bgw_extra, sizeof(id));
	kind = job_kind(MyBgworkerEntry->bgw_extra + sizeof(id));
	my_slot = DatumGetInt32(arg);
	set_up();
	if (kind == NULL || !job_slot_enter(my_slot, id))
		proc_exit(0);
	pgstat_report_activity(STATE_RUNNING, psprintf("pgops: %s", kind->name));
	my_job = claim(id, kind);
	if (my_job != NULL)
	{
		run(my_job);
		wake_now(REQUEST_JOBS | (kind->quiet || id < 0 ? 0 : REQUEST_CHANGED));
		ConditionVariableBroadcast(&pgops_shared->job_changed);
	}

	/* 0: the postmaster has nothing to say about it in the log */
	proc_exit(0);
}

BackgroundWorkerHandle *
job_worker_start(int slot, int64 id, const char *kind)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	BackgroundWorkerHandle *handle;
	char		name[BGW_MAXLEN];
	char		extra[BGW_EXTRALEN];
	WorkerStart start = {
		.name = name,
		.type = "pgops job worker",
		.function = "pgops_job_main",
		.on_standby = id < 0,
		.arg = Int32GetDatum(slot),
		.extra = extra,
		.extra_length = sizeof(extra),
	};

	snprintf(name, sizeof(name), "pgops job worker " INT64_FORMAT " (%s)", id, kind);
	memcpy(extra, &id, sizeof(id));
	strlcpy(extra + sizeof(id), kind, sizeof(extra) - sizeof(id));
	handle = worker_start(&start);
	MemoryContextSwitchTo(old);
	return handle;
}
