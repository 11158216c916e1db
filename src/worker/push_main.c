/*
 * push_main.c
 *		The push worker: a process that lives as long as something is to be
 *		delivered to other servers, and the coordinator's part of it.
 *
 * Apart from the coordinator, so that no server far away delays a pass here.
 * It looks again for what is due when the coordinator sets its latch, so that
 * a declaration does not wait for a server that hangs.
 *
 * Only a server that knows which instance it is pushes by itself: a restored
 * dump or a copy of a CMDB must not overwrite what others have declared since.
 *
 * Not for: pushing (push.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "compat.h"
#include "guc.h"
#include "io/wait.h"
#include "ops/guard.h"
#include "worker/push.h"
#include "worker/push_main.h"
#include "worker/session.h"
#include "worker/start.h"

/* what a cluster's delivery and settling may take, ms */
#define PUSH_TIMEOUT_MS		30000

/* until the next worker after one that left work behind, ms: doubled up to the maximum */
#define FAILURE_DELAY_MS		1000
#define MAX_FAILURE_DELAY_MS	(5 * 60 * 1000)

PGDLLEXPORT void pgops_push_main(Datum arg);

/* Names of clusters that are due now; needs a transaction. */
static List *
due_clusters(TimestampTz *next)
{
	Binding    *binding;

	*next = 0;
	if (!cmdb_push_declared())
		return NIL;
	binding = cmdb_binding();
	if (binding->state != BINDING_BOUND)
		return NIL;
	return cmdb_push_due(binding->cluster, next);
}

/* ---- the worker ---- */

static bool
look(List **names, TimestampTz *next)
{
	char	   *reason;

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		session_pin_settings("pgops push worker");
	}
	/* an old primary must not overrule what others were told by the new one */
	if (RecoveryInProgress() || !guard_may_act(&reason) || txn_begin() != EXTENSION_READY)
		return false;
	*names = due_clusters(next);
	txn_end();
	return true;
}

/* one that finds another at work leaves; the coordinator tries again in a while */
static bool
is_only_one(void)
{
	bool		locked;

	if (txn_begin() != EXTENSION_READY)
		return false;
	locked = push_lock_worker();
	txn_end();
	return locked;
}

/*
 * pgops_push_main
 *		Entry point of the push worker.
 */
void
pgops_push_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	session_pin_settings("pgops push worker");
	BackgroundWorkerInitializeConnection(pgops_guc_database, NULL, 0);
	session_use_utf8();
	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "pgops push worker",
												ALLOCSET_DEFAULT_SIZES));
	pgstat_report_activity(STATE_RUNNING, "pgops: pushing");
	if (is_only_one())
		push_run(push_run_create(false, PUSH_TIMEOUT_MS, look), NIL);

	/* 0: the postmaster has nothing to say about it in the log */
	proc_exit(0);
}

/* ---- the coordinator's part ---- */

/* false: no free slot */
static bool
start_worker(PushWatch *watch)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	WorkerStart start = {
		.name = "pgops push worker",
		.type = "pgops push worker",
		.function = "pgops_push_main",
	};

	watch->worker = worker_start(&start);
	MemoryContextSwitchTo(old);
	return watch->worker != NULL;
}

/* Whether it ended since the last call; a running one is told if something changed. */
static bool
has_ended(PushWatch *watch)
{
	pid_t		pid;
	BgwHandleStatus status = GetBackgroundWorkerPid(watch->worker, &pid);
	PGPROC	   *proc;

	if (status == BGWH_STOPPED)
	{
		pfree(watch->worker);
		watch->worker = NULL;

		/* it may have been told too late */
		watch->changed |= watch->told;
		watch->told = false;
		return true;
	}
	if (watch->changed && status == BGWH_STARTED)
	{
		proc = BackendPidGetProc(pid);
		if (proc != NULL)
			SetLatch(&proc->procLatch);
		watch->told = true;
	}

	/* one that is only about to start looks by itself */
	watch->changed = false;
	return false;
}

/* Whether anything is due now; an error of our own tables is told and tried again later. */
static bool
is_anything_due(PushWatch *watch)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pgops push look",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	volatile bool due = false;

	PG_TRY();
	{
		if (txn_begin() == EXTENSION_READY)
		{
			due = due_clusters(&watch->next) != NIL;
			txn_end();
		}
	}
	PG_CATCH();
	{
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
		watch->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), MAX_FAILURE_DELAY_MS);
		due = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return due;
}

/* the next attempt at a worker: it could not be started, or left work behind */
static void
put_off(PushWatch *watch)
{
	long		delay = FAILURE_DELAY_MS;

	for (int i = 0; i < watch->failures && delay < MAX_FAILURE_DELAY_MS; i++)
		delay *= 2;
	watch->failures++;
	watch->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  Min(delay, MAX_FAILURE_DELAY_MS));
}

/*
 * A worker ends when nothing is due.  If something is, and nothing was declared
 * meanwhile, it broke off: the next one must not do so at once and for ever.
 */
void
push_watch(PushWatch *watch, Gate *gate)
{
	bool		ended = watch->worker != NULL && has_ended(watch);
	bool		changed = watch->changed;	/* after has_ended(), which may set it */

	if (watch->worker != NULL || RecoveryInProgress() ||
		(!ended && !changed && (watch->next == 0 || io_remaining_ms(watch->next) > 0)))
		return;
	watch->changed = false;
	watch->next = 0;
	if (!is_anything_due(watch))
	{
		watch->failures = 0;
		return;
	}
	/* when it opens again, everything is looked at */
	if (!gate_is_open(gate))
		return;
	if (ended && !changed)
		put_off(watch);
	else if (!start_worker(watch))
	{
		if (watch->failures == 0)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("pgops: no free slot for the push worker"),
					 errhint("Raise \"max_worker_processes\".")));
		put_off(watch);
	}
}

long
push_watch_ms(const PushWatch *watch)
{
	if (watch->worker != NULL || watch->next == 0)
		return -1;
	return io_remaining_ms(watch->next);
}
