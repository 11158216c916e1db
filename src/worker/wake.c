/*
 * wake.c
 *		Waking the coordinator: at the commit of a declaration, or at once.
 *
 * A transaction that touches the CMDB sets bits in this process; the
 * transaction callback hands them over once, after the commit made the rows
 * visible.  A rolled-back declaration wakes nobody.  A subtransaction that is
 * rolled back may leave a bit behind: that costs one pass without work.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "worker/shared.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_wake_trigger);
PG_FUNCTION_INFO_V1(pgops_wake_jobs_trigger);

static uint32 pending_requests = 0;

/*
 * The request is set before the latch: a coordinator that wakes between the
 * two finds it.  The latch is reached through the process array, because a
 * Latch pointer in shared memory may outlive its process.
 */
void
wake_now(uint32 requests)
{
	pid_t		pid;
	PGPROC	   *proc;

	if (pgops_shared == NULL)
		return;
	pg_atomic_fetch_or_u32(&pgops_shared->requests, requests);

	SpinLockAcquire(&pgops_shared->mutex);
	pid = pgops_shared->pid;
	SpinLockRelease(&pgops_shared->mutex);
	if (pid == 0)
		return;
	proc = BackendPidGetProc(pid);
	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

/* Several declarations of one transaction wake once. */
void
wake_at_commit(uint32 requests)
{
	pending_requests |= requests;
}

bool
wake_pending(uint32 requests)
{
	return (pending_requests & requests) != 0;
}

/* Runs inside CommitTransaction(): it must neither read catalogs nor raise. */
static void
wake_xact_callback(XactEvent event, void *arg)
{
	uint32		requests = pending_requests;

	switch (event)
	{
		case XACT_EVENT_COMMIT:
			pending_requests = 0;
			if (requests != 0)
				wake_now(requests);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			pending_requests = 0;
			break;
		default:
			break;
	}
}

void
wake_register_callback(void)
{
	RegisterXactCallback(wake_xact_callback, NULL);
}

static Datum
wake_by_trigger(FunctionCallInfo fcinfo, const char *name, uint32 requests)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", name)));
	wake_at_commit(requests);
	PG_RETURN_POINTER(NULL);
}

/*
 * pgops_wake_trigger
 *		Statement trigger of the CMDB's tables: wakes the coordinator when the
 *		transaction commits.
 */
Datum
pgops_wake_trigger(PG_FUNCTION_ARGS)
{
	return wake_by_trigger(fcinfo, "pgops_wake_trigger", REQUEST_CHANGED);
}

/*
 * pgops_wake_jobs_trigger
 *		Statement trigger of pgops.job: the coordinator looks at jobs only.
 */
Datum
pgops_wake_jobs_trigger(PG_FUNCTION_ARGS)
{
	return wake_by_trigger(fcinfo, "pgops_wake_jobs_trigger", REQUEST_JOBS);
}
