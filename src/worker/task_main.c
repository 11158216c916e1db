/*
 * task_main.c
 *		A database worker: connects to one database, observes or applies there,
 *		sends what came of it to its launcher, and leaves.
 *
 * Not for: starting workers (task.c), nor what the work means (observe/,
 * apply/).
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
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
#include "compat.h"
#include "observe/snapshot.h"
#include "wire.h"
#include "worker/task_wire.h"

PGDLLEXPORT void pgops_task_main(Datum main_arg);

/* our end of the queue to the launcher */
static shm_mq_handle *launcher = NULL;

/*
 * Settings of the database, of the bootstrap superuser or of the whole server
 * that would change what our statements mean, let them wait for ever, or
 * write them to the log.
 */
static const struct
{
	int			min_major;
	const char *name;
	const char *value;
}			pinned[] = {
	{15, "search_path", "pg_catalog, pg_temp"},
	{15, "role", "none"},
	{15, "session_replication_role", "origin"},
	{15, "row_security", "off"},
	{15, "default_transaction_read_only", "off"},
	{15, "default_transaction_deferrable", "off"},
	{15, "default_transaction_isolation", "read committed"},
	{15, "idle_in_transaction_session_timeout", "0"},
	{17, "transaction_timeout", "0"},
	{15, "synchronous_commit", "local"},
	{15, "max_parallel_workers_per_gather", "0"},
	{15, "jit", "off"},
	{15, "standard_conforming_strings", "on"},
	{15, "quote_all_identifiers", "off"},
	{15, "transform_null_equals", "off"},
	{15, "datestyle", "ISO, MDY"},
	{15, "client_min_messages", "error"},
	{15, "log_statement", "none"},
	{15, "log_min_duration_statement", "-1"},
	{15, "log_min_duration_sample", "-1"},
	{15, "log_transaction_sample_rate", "0"},
	{15, "log_duration", "off"},
	{15, "log_min_error_statement", "panic"},
	{15, "application_name", "pgops worker"},
};

static void
pin(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

static void
pin_milliseconds(const char *name, int milliseconds)
{
	char		value[32];

	snprintf(value, sizeof(value), "%d", milliseconds);
	pin(name, value);
}

/*
 * Done before the process connects: connecting reads catalogs under locks, and
 * settings of the database or role cannot override what is set here.
 */
static void
pin_settings(const TaskHeader *header)
{
	for (int i = 0; i < lengthof(pinned); i++)
	{
		if (PGOPS_SERVER_MAJOR >= pinned[i].min_major)
			pin(pinned[i].name, pinned[i].value);
	}
	pin_milliseconds("lock_timeout", header->lock_timeout);
	pin_milliseconds("statement_timeout", header->statement_timeout);
}

/*
 * The client encoding is the launcher's, so that the server converts the
 * messages that it sends there by itself.  Finding the conversion needs a
 * transaction; where none exists the launcher makes do with what it can read.
 */
static void
follow_launcher_encoding(const TaskHeader *header)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) set_config_option("client_encoding", pg_encoding_to_char(header->encoding),
							 PGC_SUSET, PGC_S_OVERRIDE, GUC_ACTION_SET, true,
							 WARNING, false);
	CommitTransactionCommand();
}

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

static char *
in_launcher_encoding(char *message)
{
	return message ? pg_server_to_client(message, strlen(message)) : NULL;
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
	wire_put_text(&out, in_launcher_encoding(error->message));
	wire_put_text(&out, in_launcher_encoding(error->hint));
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
	enable_timeout_after(STATEMENT_TIMEOUT, header->statement_timeout);

	observe_local_here(&out);

	disable_timeout(STATEMENT_TIMEOUT, false);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	send_message(TASK_MESSAGE_REPLY, out.data, out.len);
}

static void
send_result(const ActionResult *result, void *arg)
{
	StringInfo	out = apply_encode_result(result);

	send_message(TASK_MESSAGE_REPLY, out->data, out->len);
	pfree(out->data);
	pfree(out);
}

static void
run_apply(const TaskHeader *header, const char *request)
{
	List	   *actions = apply_decode_request(request, header->request_length);

	(void) apply_statements(actions, send_result, NULL);
}

static const struct
{
	TaskKind	kind;
	void		(*run) (const TaskHeader *header, const char *request);
	const char *activity;		/* shown in pg_stat_activity; never a statement */
}			works[] = {
	{TASK_OBSERVE, run_observe, "pgops: observing"},
	{TASK_APPLY, run_apply, "pgops: applying"},
};

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
	memcpy(&header, shm_toc_lookup(toc, TASK_KEY_HEADER, false), sizeof(header));
	request = shm_toc_lookup(toc, TASK_KEY_REQUEST, false);

	pin_settings(&header);
	BackgroundWorkerInitializeConnectionByOid(header.dboid, InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		follow_launcher_encoding(&header);
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
