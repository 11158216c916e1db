/*
 * task_statement.c
 *		The worker's part of job_in_database(): statements one by one at top
 *		level, each with a result of its own.
 *
 * Unlike the actions of a plan (apply/execute.c) they know nothing of each
 * other: none waits for another, and one that fails stops none.  VACUUM and
 * REINDEX CONCURRENTLY bring their own transactions.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timeout.h"

#include "apply/apply.h"
#include "wire.h"
#include "worker/task_statement.h"
#include "worker/task_wire.h"

typedef struct Statement
{
	char	   *text;			/* in the encoding of this database; NULL: it cannot hold it */
	int			timeout_s;
} Statement;

/* Converting takes a look into the catalogs, hence the transaction. */
static Statement *
decode_request(const char *request, int length, int *count)
{
	MemoryContext context = CurrentMemoryContext;
	WireReader	reader;
	Statement  *statements;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	wire_read(&reader, request, length);
	*count = (int) wire_get_int(&reader);
	statements = MemoryContextAllocHuge(context, Max(*count, 1) * sizeof(Statement));
	for (int i = 0; i < *count; i++)
	{
		statements[i].text = wire_from_utf8(wire_get_text(&reader));
		statements[i].timeout_s = (int) wire_get_int(&reader);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return statements;
}

static void
put_result(StringInfo reply, bool ok, const char *rows, int sqlstate, const char *message)
{
	resetStringInfo(reply);
	wire_put_bool(reply, ok);
	wire_put_local(reply, rows);
	wire_put_int(reply, sqlstate);
	wire_put_message(reply, message);
}

/* A cancel that came too late was not meant for the next statement. */
static void
end_statement(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	debug_query_string = NULL;
}

/* what is left of an error in the reply; the transaction is over */
static void
take_error(StringInfo reply, MemoryContext scratch)
{
	ErrorData  *error;

	end_statement();
	MemoryContextSwitchTo(scratch);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(scratch);
	put_result(reply, false, NULL, error->sqlerrcode, error->message);
}

/*
 * The statement, in a transaction that it may end itself.  The scratch context
 * stands in for that of a portal, in which VACUUM and REINDEX CONCURRENTLY keep
 * what must outlive their transactions.
 */
static void
run_statement(const Statement *statement, StringInfo reply, MemoryContext scratch)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(scratch);
	PortalContext = scratch;
	PG_TRY();
	{
		char	   *rows;

		if (statement->text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
					 errmsg("the encoding of the database (%s) cannot hold all characters of the statement",
							GetDatabaseEncodingName())));
		pgstat_report_activity(STATE_RUNNING, statement->text);
		debug_query_string = statement->text;
		if (statement->timeout_s > 0)
			enable_timeout_after(STATEMENT_TIMEOUT, Min(statement->timeout_s, INT_MAX / 1000) * 1000);
		rows = apply_statement_rows(statement->text, TASK_ROWS_LIMIT);
		put_result(reply, true, rows, 0, NULL);
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		end_statement();
	}
	PG_CATCH();
	{
		take_error(reply, scratch);
	}
	PG_END_TRY();
	PortalContext = NULL;
	MemoryContextSwitchTo(scratch);
	pgstat_report_stat(true);
}

/*
 * The launcher first sets the flag, then cancels: a cancel that arrives between
 * the look at the flag and the statement ends that one at its first check.  While a
 * reply is on its way a cancel must wait, or half of it would be left in the queue.
 */
void
task_statements_run(const char *request, int length)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(context, "pgops statement",
												  ALLOCSET_DEFAULT_SIZES);
	StringInfoData reply;
	int			count;
	Statement  *statements = decode_request(request, length, &count);

	initStringInfo(&reply);
	for (int i = 0; i < count && !task_is_stopped(); i++)
	{
		run_statement(&statements[i], &reply, scratch);
		HOLD_CANCEL_INTERRUPTS();
		task_send_reply(reply.data, reply.len);
		RESUME_CANCEL_INTERRUPTS();
		MemoryContextSwitchTo(context);
		MemoryContextReset(scratch);
	}
	HOLD_CANCEL_INTERRUPTS();	/* nothing is left that could be cancelled */
	pgstat_report_activity(STATE_IDLE, NULL);
}
