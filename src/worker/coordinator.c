/*
 * coordinator.c
 *		The one static worker of a server: decides when a pass is due.
 *
 * It sleeps until a declaration is committed, somebody asks, a failed action
 * may be tried again, the drift interval is over, or the server is promoted.
 * What a pass does is in pass.c.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/log.h"
#include "compat.h"
#include "guc.h"
#include "io/wait.h"
#include "observe/patroni_facts.h"
#include "observe/snapshot.h"
#include "worker/backup_facts.h"
#include "worker/gate.h"
#include "worker/ha_main.h"
#include "worker/job_watch.h"
#include "worker/pass.h"
#include "worker/push_main.h"
#include "worker/session.h"
#include "worker/shared.h"
#include "worker/wake.h"

/* how often a standby looks whether it was promoted, ms; costs one read of shared memory */
#define STANDBY_POLL_MS		200

/* how often a standby looks for replicated declarations when WAL arrives, ms */
#define STANDBY_PASS_MS		1000

/* first delay after a pass that failed as a whole, ms; doubled up to the drift interval */
#define ERROR_DELAY_MS		1000

/* likewise after a start that did not get into the database; the postmaster adds 5 s */
#define START_DELAY_MS		5000
#define START_DELAY_MAX_MS	300000

PGDLLEXPORT void pgops_coordinator_main(Datum arg);

typedef struct Coordinator
{
	PassMemory *memory;
	MemoryContext pass_context; /* reset before each pass */
	bool		was_standby;
	bool		interrupted_checked;	/* no row is left "running" by what broke off */
	bool		verify;			/* look again at once */
	TimestampTz next_full;
	TimestampTz next_retry;		/* 0: none */
	XLogRecPtr	seen_lsn;		/* standby: replayed at the last pass */
	TimestampTz next_look;		/* standby: not before, however much is replayed */
	int			errors;			/* failed passes in a row */
	char		last_error[256];
	PushWatch	push;			/* the worker that delivers to other servers */
	JobWatch	jobs;			/* the workers that do jobs */
	Gate		gate;			/* whether a primary may act */
	uint32		held_back;		/* what was asked for while it might not */
	HaWatch		ha;				/* the worker that looks at Patroni */
} Coordinator;

/*
 * Started at a consistent state, so that a hot standby has a coordinator,
 * too.  The restart time is short: an ERROR never leaves the main loop, so a
 * restart follows a crash, a termination or a database that is missing.
 */
void
coordinator_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "pgops", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "pgops_coordinator_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "pgops coordinator", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pgops coordinator", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

/*
 * The pid is compared, because a successor may have announced itself before
 * this exit callback runs.  Sessions in pgops.wait() are woken to look.
 */
static void
on_exit_clear(int code, Datum arg)
{
	SpinLockAcquire(&pgops_shared->mutex);
	if (pgops_shared->pid == MyProcPid)
	{
		pgops_shared->pid = 0;
		strlcpy(pgops_shared->state, "not running", sizeof(pgops_shared->state));
	}
	SpinLockRelease(&pgops_shared->mutex);
	ConditionVariableBroadcast(&pgops_shared->pass_done);
}

/* returns how many starts before this one failed in a row */
static int
announce(void)
{
	int			failed;

	before_shmem_exit(on_exit_clear, (Datum) 0);
	SpinLockAcquire(&pgops_shared->mutex);
	pgops_shared->pid = MyProcPid;
	pgops_shared->started = GetCurrentTimestamp();
	failed = pgops_shared->failed_starts++;
	strlcpy(pgops_shared->state, failed == 0 ? "starting" : "waiting: cannot connect",
			sizeof(pgops_shared->state));
	SpinLockRelease(&pgops_shared->mutex);
	return failed;
}

/*
 * Not being able to connect (pgops.database does not exist) is FATAL and the
 * postmaster starts us again, for ever: that must not fill the log.
 */
static void
wait_after_failed_starts(int failed)
{
	TimestampTz until;
	long		delay = START_DELAY_MS;

	if (failed == 0)
		return;
	for (int i = 1; i < failed && delay < START_DELAY_MAX_MS; i++)
		delay *= 2;
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Min(delay, START_DELAY_MAX_MS));
	while (io_remaining_ms(until) > 0)
		(void) io_wait(io_remaining_ms(until), IO_WAIT_MAIN);
}

/*
 * Rows left "running" by a coordinator that died, or by a pass that broke off:
 * they are marked, and their reload is made up for.
 */
static void
settle_broken_off(Coordinator *self)
{
	bool		reload = false;
	int			count;

	if (self->interrupted_checked || RecoveryInProgress())
		return;
	if (txn_begin() != EXTENSION_READY)
		return;
	count = cmdb_log_interrupt(&reload);
	txn_end();
	self->interrupted_checked = true;
	if (count > 0)
		ereport(LOG,
				(errmsg("pgops: %d actions were interrupted and are looked at anew", count)));
	if (reload)
		kill(PostmasterPid, SIGHUP);
}

/* logs an error once; a repetition only counts */
static void
report_error(Coordinator *self)
{
	ErrorData  *error;

	MemoryContextSwitchTo(self->pass_context);
	error = CopyErrorData();
	if (strncmp(self->last_error, error->message, sizeof(self->last_error) - 1) != 0)
		EmitErrorReport();
	FlushErrorState();
	strlcpy(self->last_error, error->message, sizeof(self->last_error));
	shared_set_error(error->message);
	self->errors++;
	FreeErrorData(error);
}

/*
 * Grows with each pass that broke off in a row, up to the drift interval: a
 * permanent error must not fill the log or keep a core busy.
 */
static long
error_delay(const Coordinator *self)
{
	long		delay = ERROR_DELAY_MS;

	for (int i = 1; i < self->errors && delay < pgops_guc_drift_interval * 1000L; i++)
		delay *= 2;
	return Min(delay, pgops_guc_drift_interval * 1000L);
}

/* Takes over what the pass says about the next one. */
static void
after_pass(Coordinator *self, const PassResult *result)
{
	self->errors = 0;
	self->last_error[0] = '\0';
	shared_set_error(NULL);
	self->verify = result->verify;
	self->next_retry = result->retry;

	/* what was just done is settled when the next look finds nothing left: see pgops.wait() */
	if (!result->verify)
		shared_set_state(result->state ? result->state : "idle");
}

/*
 * One pass, whatever becomes of it.  It runs in a memory context that the
 * next one resets, so a pass that breaks off leaks nothing.  Waiters are told
 * in both cases: they read the status row and decide for themselves.
 */
static void
run_pass(Coordinator *self, bool full, bool retry_all)
{
	shared_set_state("working");
	pgstat_report_activity(STATE_RUNNING, "pgops: reconciling");
	MemoryContextReset(self->pass_context);
	MemoryContextSwitchTo(self->pass_context);
	PG_TRY();
	{
		PassResult	result;

		settle_broken_off(self);
		backup_program_look();
		result = pass_run(self->memory, &self->gate, full, retry_all);
		after_pass(self, &result);
	}
	PG_CATCH();
	{
		/* a cancel or timeout that comes too late is not meant for the next pass */
		disable_all_timeouts(false);
		QueryCancelPending = false;
		report_error(self);
		txn_abort();
		shared_set_state("failed");
		self->interrupted_checked = false;
		self->verify = false;
		self->next_retry = GetCurrentTimestamp() + error_delay(self) * INT64CONST(1000);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	if (full)
		self->next_full = GetCurrentTimestamp() +
			pgops_guc_drift_interval * INT64CONST(1000000);

	SpinLockAcquire(&pgops_shared->mutex);
	pgops_shared->last_pass = GetCurrentTimestamp();
	pgops_shared->in_recovery = self->was_standby;
	SpinLockRelease(&pgops_shared->mutex);
	pg_atomic_fetch_add_u64(&pgops_shared->passes, 1);
	ConditionVariableBroadcast(&pgops_shared->pass_done);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* a promoted server is another one: everything is looked at anew, at once */
static bool
was_promoted(Coordinator *self)
{
	bool		standby = RecoveryInProgress();
	bool		promoted = self->was_standby && !standby;

	self->was_standby = standby;
	if (promoted)
	{
		ereport(LOG, (errmsg("pgops: the server was promoted")));
		patroni_facts_hurry(HA_HURRY_MS);
	}
	return promoted;
}

/* on a standby: whether WAL that may hold a declaration was replayed */
static bool
replayed_something(Coordinator *self)
{
	XLogRecPtr	now;

	if (!self->was_standby || io_remaining_ms(self->next_look) > 0)
		return false;
	now = GetXLogReplayRecPtr(NULL);
	if (now == self->seen_lsn)
		return false;
	self->seen_lsn = now;
	self->next_look = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STANDBY_PASS_MS);
	return true;
}

/*
 * Takes the requests, with those of while nothing might be done.  "working" is visible
 * before a request is gone: pgops.wait() looks at both.
 */
static uint32
take_requests(Coordinator *self)
{
	uint32		requests;

	if ((pg_atomic_read_u32(&pgops_shared->requests) & (REQUEST_CHANGED | REQUEST_FULL)) != 0)
		shared_set_state("working");
	requests = pg_atomic_exchange_u32(&pgops_shared->requests, 0) | self->held_back;
	self->held_back = 0;
	self->jobs.asked |= (requests & REQUEST_JOBS) != 0;
	if ((requests & REQUEST_GUARD) != 0)
		gate_doubt(&self->gate);
	return requests;
}

/* A primary that may not act keeps in mind what it was asked for. */
static void
hold_back(Coordinator *self, uint32 requests)
{
	self->held_back = requests & (REQUEST_CHANGED | REQUEST_FULL);
	shared_set_state("waiting for Patroni");
}

/* runs the passes that are due now; returns whether one ran */
static bool
run_due(Coordinator *self)
{
	uint32		requests = take_requests(self);
	TimestampTz now = GetCurrentTimestamp();
	bool		asked;
	bool		full;
	bool		retry;
	bool		due;

	/* the clock may have been put back since */
	self->next_full = Min(self->next_full, now + pgops_guc_drift_interval * INT64CONST(1000000));
	asked = (requests & REQUEST_FULL) != 0;
	full = was_promoted(self) || asked || now >= self->next_full;
	retry = self->next_retry != 0 && now >= self->next_retry;

	due = full || self->verify || retry || (requests & REQUEST_CHANGED) != 0 ||
		replayed_something(self);
	if ((due || (requests & REQUEST_GUARD) != 0 || gate_ms(&self->gate) >= 0) &&
		!gate_is_open(&self->gate))
	{
		hold_back(self, requests);
		return false;
	}
	/* what happened meanwhile is not known: as after a promotion */
	if (gate_was_opened(&self->gate))
		due = full = self->jobs.asked = true;
	if (!due)
		return false;
	self->verify = false;
	if (retry)
		self->next_retry = 0;

	/* other servers need not wait for what is to be done on this one */
	self->push.changed |= full || (requests & REQUEST_CHANGED) != 0;
	self->ha.changed = true;
	push_watch(&self->push, &self->gate);
	run_pass(self, full, asked);
	return true;
}

/* Milliseconds until something is due that no latch announces. */
static long
time_to_sleep(const Coordinator *self)
{
	long		ms = io_remaining_ms(self->next_full);

	/*
	 * What came during a pass set a latch that the waits of the pass have reset:
	 * only the flags still tell.
	 */
	if (ConfigReloadPending || pg_atomic_read_u32(&pgops_shared->requests) != 0)
		return 0;
	/* whatever pass is due, it waits for that */
	if (gate_ms(&self->gate) >= 0)
		ms = gate_ms(&self->gate);
	else if (self->verify)
		return 0;
	else if (self->next_retry != 0)
		ms = Min(ms, io_remaining_ms(self->next_retry));
	if (self->was_standby)
		ms = Min(ms, STANDBY_POLL_MS);
	if (push_watch_ms(&self->push) >= 0)
		ms = Min(ms, push_watch_ms(&self->push));
	if (job_watch_ms(&self->jobs) >= 0)
		ms = Min(ms, job_watch_ms(&self->jobs));
	if (ha_watch_ms(&self->ha) >= 0)
		ms = Min(ms, ha_watch_ms(&self->ha));
	return ms;
}

/*
 * The sleep between passes.  pg_cancel_backend() is for what is being done:
 * there is nothing to cancel here, and an error would end the process.
 */
static void
rest_until_due(const Coordinator *self)
{
	HOLD_CANCEL_INTERRUPTS();
	(void) io_wait(time_to_sleep(self), IO_WAIT_MAIN);
	RESUME_CANCEL_INTERRUPTS();
	QueryCancelPending = false;
}

static void
read_settings(Coordinator *self)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	session_pin_settings("pgops coordinator");
	/* a shorter interval holds at once, that of looks into the repositories, too */
	self->jobs.asked = true;
	self->ha.reloaded = true;
	self->next_full = Min(self->next_full, GetCurrentTimestamp() +
						  pgops_guc_drift_interval * INT64CONST(1000000));
}

/*
 * The handlers come before the signals are unblocked and the exit callback
 * before the pid is shown, so that no moment is left in between.
 */
static void
set_up(Coordinator *self)
{
	int			failed_starts;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	failed_starts = announce();
	BackgroundWorkerUnblockSignals();
	wait_after_failed_starts(failed_starts);
	session_pin_settings("pgops coordinator");
	BackgroundWorkerInitializeConnection(pgops_guc_database, NULL, 0);
	session_use_utf8();
	SpinLockAcquire(&pgops_shared->mutex);
	pgops_shared->failed_starts = 0;
	SpinLockRelease(&pgops_shared->mutex);

	memset(self, 0, sizeof(Coordinator));
	self->memory = pass_memory_create(TopMemoryContext);
	self->pass_context = AllocSetContextCreate(TopMemoryContext, "pgops pass",
											   ALLOCSET_DEFAULT_SIZES);
	self->was_standby = RecoveryInProgress();
	/*
	 * A standby cannot log that it was about to reload: a coordinator that ended
	 * between the write of a file and the signal left no trace.  One reload too
	 * many does no harm.  On a primary the same moment is there between setting
	 * parameters and the reload for all of them.
	 */
	if (self->was_standby || observe_settings_unread())
		kill(PostmasterPid, SIGHUP);
	/* a reload may have been missed before our handler was there */
	read_settings(self);
}

/*
 * The loop: a reload, a pass if one is due, a sleep.  It ends by SIGTERM
 * (die) and with the postmaster (io_wait), in any of the three.
 */
void
pgops_coordinator_main(Datum arg)
{
	Coordinator self;

	set_up(&self);
	for (;;)
	{
		if (ConfigReloadPending)
			read_settings(&self);
		ha_watch(&self.ha);
		job_watch(&self.jobs, &self.gate);
		run_due(&self);
		push_watch(&self.push, &self.gate);
		job_watch(&self.jobs, &self.gate);
		rest_until_due(&self);
	}
}
