/*
 * job_database.c
 *		The waiting side of job_in_database(): a database worker does the
 *		statements, we look on, and write down what came of each.
 *
 * Not for: how they are run (task_statement.c), how the worker is started and
 * seen out (task.c).
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "wire.h"
#include "worker/job_database.h"
#include "worker/task.h"
#include "worker/task_statement.h"

#define TICK_MS		500

/* how long a query of a session may take, ms */
#define QUERY_MS	60000

typedef struct Looker
{
	Job		   *job;
	int			count;			/* of statements */
	JobTick		on_tick;		/* or NULL */
	void	   *arg;
	bool		stopped;		/* on_tick did not want more */
	MemoryContext scratch;		/* of one tick: there are many in a night */
} Looker;

/* Texts are converted, which takes a transaction. */
static StringInfo
encode_request(List *statements)
{
	StringInfo	out = makeStringInfo();
	ListCell   *cell;

	wire_put_int(out, list_length(statements));
	foreach(cell, statements)
	{
		const JobStatement *statement = lfirst(cell);

		wire_put_local(out, statement->text);
		wire_put_int(out, statement->timeout_s);
	}
	return out;
}

static Task *
prepare_task(Job *job, const char *database, List *statements)
{
	Task	   *task = palloc0(sizeof(Task));

	task->kind = TASK_STATEMENT;
	task->database = pstrdup(database);
	job_begin(job);
	task->dboid = get_database_oid(database, false);
	task->request = encode_request(statements);
	txn_end();
	return task;
}

static bool
look_on(int pid, int replies, void *arg)
{
	Looker	   *looker = arg;
	MemoryContext old = MemoryContextSwitchTo(looker->scratch);

	job_check(looker->job);
	job_flush(looker->job);
	if (looker->on_tick != NULL &&
		!looker->on_tick(looker->job, pid, Min(replies, looker->count - 1), looker->arg))
		looker->stopped = true;
	MemoryContextSwitchTo(old);
	MemoryContextReset(looker->scratch);
	return !looker->stopped;
}

/* ---- results ---- */

/* What our own encoding cannot hold is a failure of that statement, not of the others. */
static void
take_reply(JobStatement *statement, const StringInfoData *reply)
{
	WireReader	reader;
	char	   *rows;

	wire_read(&reader, reply->data, reply->len);
	statement->done = true;
	statement->ok = wire_get_bool(&reader);
	rows = wire_get_text(&reader);
	statement->rows = rows ? wire_from_utf8(rows) : NULL;
	statement->sqlstate = (int) wire_get_int(&reader);
	statement->message = wire_get_message(&reader);
	if (rows != NULL && statement->rows == NULL)
	{
		statement->ok = false;
		statement->sqlstate = ERRCODE_UNTRANSLATABLE_CHARACTER;
		statement->message = pstrdup("result holds characters that the encoding of pgops' database does not have");
	}
}

/* The last warning of a statement that did not fail is its message. */
static void
take_warning(List *statements, const TaskWarning *warning)
{
	JobStatement *statement;

	if (warning->replies >= list_length(statements))
		return;
	statement = list_nth(statements, warning->replies);
	if (!statement->ok)
		return;
	statement->sqlstate = warning->sqlstate;
	statement->message = warning->message;
}

/* needs a transaction, for texts are converted */
static void
take_results(const Task *task, List *statements)
{
	ListCell   *cell;
	ListCell   *reply;

	forboth(cell, statements, reply, task->replies)
		take_reply(lfirst(cell), lfirst(reply));
	foreach(cell, task->warnings)
		take_warning(statements, lfirst(cell));
}

static void
raise_lost(const Task *task)
{
	ereport(ERROR,
			(errcode(task->sqlstate),
			 errmsg("%s", task->message),
			 task->hint ? errhint("%s", task->hint) : 0));
}

/*
 * What was done before a worker was lost is told all the same.  A worker that was
 * stopped and then did not even answer to the cancel was terminated: the
 * caller wanted it to end, and it did.
 */
void
job_in_database_host(Job *job, const char *database, List *statements,
					 JobTick on_tick, void *arg)
{
	Looker		looker = {job, list_length(statements), on_tick, arg};
	TaskWatch	watch = {TICK_MS, look_on, &looker};
	Task	   *task;

	if (statements == NIL)
		return;
	looker.scratch = AllocSetContextCreate(CurrentMemoryContext, "pgops tick",
										   ALLOCSET_SMALL_SIZES);
	task = prepare_task(job, database, statements);
	task_run_watched(task, &watch);
	job_begin(job);
	take_results(task, statements);
	txn_end();
	MemoryContextDelete(looker.scratch);
	if (!task->done && !looker.stopped)
		raise_lost(task);
}

/* For looking, not for working: the session's transaction stays open meanwhile. */
char *
job_database_query(const char *database, const char *text)
{
	JobStatement statement = {.text = unconstify(char *, text)};
	List	   *statements = list_make1(&statement);
	Task		task = {.kind = TASK_STATEMENT,.database = pstrdup(database)};

	task.dboid = get_database_oid(database, false);
	task.request = encode_request(statements);
	task_run_all(list_make1(&task),
				 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), QUERY_MS));
	take_results(&task, statements);
	if (!task.done)
		raise_lost(&task);
	if (!statement.ok)
		ereport(ERROR,
				(errcode(statement.sqlstate),
				 errmsg("%s", statement.message)));
	return statement.rows;
}
