/*
 * statement.c
 *		One statement of a job after the other, the first failure being the job's.
 *
 * Not for: many statements that may fail each for itself (job_in_database()).
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "apply/apply.h"
#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "ops/statement.h"

/* SET and the like belong to the statement after them: if they fail it must not run */
static void
require_done(const JobStatement *statement, const char *what)
{
	if (statement->ok)
		return;
	ereport(ERROR,
			(errcode(statement->sqlstate ? statement->sqlstate : ERRCODE_PGOPS_WORKER_LOST),
			 errmsg("%s: %s", what,
					statement->message ? statement->message : "the statement was not reached")));
}

SpecNode *
statement_run(Job *job, const char *database, List *texts, const char *what)
{
	List	   *statements = NIL;
	const char *rows = NULL;
	ListCell   *cell;

	foreach(cell, texts)
	{
		JobStatement *statement = palloc0(sizeof(JobStatement));

		statement->text = lfirst(cell);
		statements = lappend(statements, statement);
	}
	job_in_database(job, database, statements, NULL, NULL);
	foreach(cell, statements)
	{
		require_done(lfirst(cell), what);
		rows = ((JobStatement *) lfirst(cell))->rows;
	}
	return rows ? node_from_json(rows, strlen(rows)) : node_list();
}

const char *
statement_value(Job *job, const char *database, const char *text, const char *column,
				const char *what)
{
	SpecNode   *rows = statement_run(job, database, list_make1(pstrdup(text)), what);
	SpecNode   *value;

	if (rows->kind != NODE_LIST || rows->items == NIL)
		return NULL;
	value = node_get(linitial(rows->items), column);
	return value ? node_text(value) : NULL;
}

char *
statement_session(Job *job, const char *query, const char *parameter)
{
	CmdbQuery	session;
	CmdbRow		args = {0};
	char	   *value = NULL;

	job_begin(job);
	cmdb_begin(&session);
	if (parameter != NULL)
		cmdb_put_text(&args, parameter);
	if (cmdb_run(&session, query, parameter ? &args : NULL) > 0)
		value = cmdb_text(&session, 0, 1);
	cmdb_end(&session);
	txn_end();
	return value;
}

/*
 * pgops itself may have been dropped meanwhile: what a job has made has to go all
 * the same.
 */
void
statement_here(const char *text)
{
	MemoryContext caller = CurrentMemoryContext;

	if (txn_begin() != EXTENSION_READY)
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(caller);
	}
	apply_statement(text, NULL);
	txn_end();
}
