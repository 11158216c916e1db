/*
 * task_main.c
 *		A database worker: connects to one database, observes, applies or runs
 *		statements there, sends what came of it to its launcher, and leaves.
 *
 * Not for: starting workers (task.c), nor what the work means (observe/,
 * apply/).
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "apply/apply.h"
#include "guc.h"
#include "observe/snapshot.h"
#include "wire.h"
#include "worker/session.h"
#include "worker/task_statement.h"
#include "worker/task_wire.h"

PGDLLEXPORT void pgops_task_main(Datum main_arg);

/* our end of the queue to the launcher */
static shm_mq_handle *launcher = NULL;

/* the launcher may write in it while we work */
static TaskHeader *shared_header = NULL;

/*
 * Sends a message to the launcher, waiting while the queue is full; without a
 * launcher there is nobody to work for.
 *
 * It goes the way of the server's own messages: only that way a FATAL error
 * in the middle of a message closes the queue instead of garbling it.
 */
static void
send_message(char type, const char *data, int length)
{
	StringInfoData message;

	pq_beginmessage(&message, type);
	pq_sendbytes(&message, data, length);
	pq_endmessage(&message);

	/* never waits: the launcher attached before we were started */
	if (shm_mq_wait_for_attach(launcher) != SHM_MQ_SUCCESS)
		ereport(FATAL,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("process that started the pgops worker is gone")));
}

void
task_send_reply(const char *data, int length)
{
	send_message(TASK_MESSAGE_REPLY, data, length);
}

bool
task_is_stopped(void)
{
	return pg_atomic_read_u32(&shared_header->stop) != 0;
}

/*
 * Sends the current error and clears it.  The transaction is ended first: its
 * locks would be held while a slow launcher lets us wait.
 */
static void
send_failure(MemoryContext context)
{
	ErrorData  *error;
	StringInfoData out;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	disable_all_timeouts(false);
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();

	initStringInfo(&out);
	wire_put_int(&out, error->sqlerrcode);
	wire_put_message(&out, error->message);
	wire_put_message(&out, error->hint);
	send_message(TASK_MESSAGE_FAILED, out.data, out.len);
}

/* ---- the kinds of work ---- */

static void
run_observe(const TaskHeader *header, const char *request)
{
	MemoryContext context = CurrentMemoryContext;
	StringInfoData out;

	initStringInfo(&out);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	enable_timeout_after(STATEMENT_TIMEOUT, pgops_guc_statement_timeout);

	observe_local_here(&out);

	disable_timeout(STATEMENT_TIMEOUT, false);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	send_message(TASK_MESSAGE_REPLY, out.data, out.len);
}

/*
 * Sent as soon as the action is durable, so that a worker that dies later
 * loses only what it had not done.
 */
static void
send_result(const ActionResult *result, void *arg)
{
	StringInfo	out = apply_encode_result(result);

	send_message(TASK_MESSAGE_REPLY, out->data, out->len);
	pfree(out->data);
	pfree(out);
}

/* The transactions are those of apply/execute.c. */
static void
run_apply(const TaskHeader *header, const char *request)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *actions;

	/* finding a conversion takes a look into the catalogs */
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	actions = apply_decode_request(request, header->request_length);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);

	(void) apply_statements(actions, send_result, NULL);
}

/*
 * What a statement warns of is part of its result: that VACUUM left out a
 * table somebody has locked, for instance.
 */
static void
run_statements(const TaskHeader *header, const char *request)
{
	SetConfigOption("client_min_messages", "warning", PGC_USERSET, PGC_S_OVERRIDE);
	task_statements_run(request, header->request_length);
}

static const struct
{
	TaskKind	kind;
	void		(*run) (const TaskHeader *header, const char *request);
	const char *activity;		/* shown in pg_stat_activity; never a statement */
}			works[] = {
	{TASK_OBSERVE, run_observe, "pgops: observing"},
	{TASK_APPLY, run_apply, "pgops: applying"},
	{TASK_STATEMENT, run_statements, "pgops: statements of a job"},
};

/* What the launcher asked for. */
static void
run_work(const TaskHeader *header, const char *request)
{
	for (int i = 0; i < lengthof(works); i++)
	{
		if (works[i].kind != header->kind)
			continue;
		pgstat_report_activity(STATE_RUNNING, works[i].activity);
		works[i].run(header, request);
		return;
	}
	elog(ERROR, "unrecognized kind of pgops task: %d", (int) header->kind);
}

/* ---- the process ---- */

/*
 * Maps the launcher's segment and lets its queue stand in for a client: from
 * here on every error of this process, FATAL ones included, is sent there.
 * Without a resource owner the mapping lasts until the process ends.
 */
static shm_toc *
attach_to_launcher(dsm_handle handle)
{
	dsm_segment *segment = dsm_attach(handle);
	shm_toc    *toc;
	shm_mq	   *queue;

	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("process that started the pgops worker is gone")));
	toc = shm_toc_attach(TASK_MAGIC, dsm_segment_address(segment));
	if (toc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segment of the pgops worker is not valid"),
				 errhint("The library was replaced while the server was running: restart the server.")));

	queue = shm_toc_lookup(toc, TASK_KEY_QUEUE, false);
	shm_mq_set_sender(queue, MyProc);
	launcher = shm_mq_attach(queue, segment, NULL);
	pq_redirect_to_shm_mq(segment, launcher);
	return toc;
}

/*
 * pgops_task_main
 *		Entry point of a database worker; main_arg is the handle of the
 *		launcher's segment.
 *
 * It runs as the bootstrap superuser (no role name is given, so neither LOGIN
 * nor pg_hba.conf is asked), also in databases that refuse connections.
 */
void
pgops_task_main(Datum main_arg)
{
	MemoryContext context;
	shm_toc    *toc;
	TaskHeader	header;
	const char *request;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	context = AllocSetContextCreate(TopMemoryContext, "pgops worker",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	toc = attach_to_launcher((dsm_handle) DatumGetUInt32(main_arg));
	shared_header = shm_toc_lookup(toc, TASK_KEY_HEADER, false);
	memcpy(&header, shared_header, sizeof(header));
	request = shm_toc_lookup(toc, TASK_KEY_REQUEST, false);

	session_pin_settings("pgops worker");
	BackgroundWorkerInitializeConnectionByOid(header.dboid, InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		session_use_utf8();
		MemoryContextSwitchTo(context);
		run_work(&header, request);
		send_message(TASK_MESSAGE_DONE, "", 0);
	}
	PG_CATCH();
	{
		send_failure(context);
	}
	PG_END_TRY();

	/* 0: the postmaster has nothing to say about it in the log */
	proc_exit(0);
}
