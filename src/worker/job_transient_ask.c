/*
 * job_transient_ask.c
 *		Asking for a job on a standby.
 *
 * There is no row that a rollback would undo, so the transaction is watched: what
 * it asked for has a place at once, and starts, or gives it back, when the transaction
 * (or its savepoint) ends.
 *
 * Not for: what becomes of it then (job_transient.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "errors.h"
#include "worker/job_transient.h"
#include "worker/job_transient_parts.h"
#include "worker/shared.h"
#include "worker/wake.h"

/* what this transaction has asked for */
typedef struct Asked
{
	int64		id;
	SubTransactionId subid;		/* the savepoint it belongs to now */
} Asked;

static List *asked = NIL;		/* of Asked *, in TopMemoryContext */
static bool registered = false;

/* ---- the end of the transaction ---- */

/* Runs inside the commit: it must not raise, and sets flags only. */
static void
on_transaction(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (asked == NIL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
						 event != XACT_EVENT_PREPARE))
		return;
	foreach(cell, asked)
	{
		if (event == XACT_EVENT_COMMIT)
			job_transient_commit(((Asked *) lfirst(cell))->id);
		else
			job_transient_forget(((Asked *) lfirst(cell))->id);
	}
	list_free_deep(asked);
	asked = NIL;
	if (event == XACT_EVENT_COMMIT)
		wake_now(REQUEST_JOBS);
}

/*
 * A savepoint that is released leaves its jobs to the one around it.  Like the above this
 * must not raise.
 */
static void
on_savepoint(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	foreach(cell, asked)
	{
		Asked	   *one = lfirst(cell);

		if (one->subid != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			one->subid = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
		{
			job_transient_forget(one->id);
			asked = foreach_delete_current(asked, cell);
			pfree(one);
		}
	}
}

/* ---- asking ---- */

static void
remember_asked(int64 id)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Asked	   *one = palloc(sizeof(Asked));

	if (!registered)
	{
		RegisterXactCallback(on_transaction, NULL);
		RegisterSubXactCallback(on_savepoint, NULL);
		registered = true;
	}
	one->id = id;
	one->subid = GetCurrentSubTransactionId();
	asked = lappend(asked, one);
	MemoryContextSwitchTo(old);

	/* pgops.job_wait() of this transaction knows by that that it would wait for itself */
	wake_at_commit(REQUEST_JOBS);
}

/* For later there would have to be a row: memory is gone with the server. */
static void
check_request(const JobKind *kind, const JobRequest *request)
{
	if (!kind->standby)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a job \"%s\" cannot be asked for on a standby", kind->name),
				 errhint("Ask for it on the primary.")));
	if (request->not_before > GetCurrentTimestamp() || request->stop_at != 0)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a job of a standby can only be asked for at once, not for later"),
				 errhint("Ask for it on the leader, which can store it.")));
}

/* the session's user, as in the default of the row's column */
static void
fill(TransientJob *job, const CmdbJobNew *new)
{
	memset(job, 0, sizeof(*job));
	job_transient_text(job->kind, new->kind, sizeof(job->kind));
	job_transient_text(job->cluster, new->cluster, sizeof(job->cluster));
	job_transient_text(job->requested_by, new->requested_by ? new->requested_by :
			  GetUserNameFromId(GetSessionUserId(), false), sizeof(job->requested_by));
	job->requested_at = GetCurrentTimestamp();
	job->deadline_ms = new->deadline_ms;
	job->asker = MyProcPid;
	job->state = TRANSIENT_ASKED;
	if (!job_transient_json(job->args, new->args, sizeof(job->args)))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the arguments are too long for a job of a standby")));
}

int64
job_transient_queue(const JobRequest *request)
{
	CmdbJobNew	new;
	TransientJob *job = palloc(sizeof(TransientJob));
	int64		id;

	shared_require();
	check_request(job_make(request, &new), request);
	fill(job, &new);
	id = job_transient_take(job);
	pfree(job);
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("%d jobs are at work on this standby, which are all that it can have",
						TRANSIENT_JOBS),
				 errhint("See pgops.jobs; end one with pgops.job_cancel().")));
	remember_asked(id);
	return id;
}
