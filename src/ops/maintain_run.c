/*
 * maintain_run.c
 *		Does the chosen tables or indexes of a database with statements, and shows
 *		how far each is.
 *
 * Not for: which they are (maintain_choose.c); pg_repack (maintain_repack.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/maintain.h"

/* where in the list of statements those of the items are */
typedef struct Round
{
	Maintain   *maintain;
	int			before;			/* statements before them */
} Round;

static List *
add_statement(List *statements, const char *text)
{
	JobStatement *statement = palloc0(sizeof(JobStatement));

	statement->text = pstrdup(text);
	return lappend(statements, statement);
}

/* ---- looking on ---- */

/* What the worker says of itself in the server's own view; its phase or NULL.  total 0: unknown. */
static char *
read_progress(const Maintain *maintain, int pid, int64 *done, int64 *total)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *phase = NULL;

	*done = *total = 0;
	if (maintain->kind->progress == NULL)
		return NULL;
	job_begin(maintain->job);
	cmdb_begin(&query);
	cmdb_put_int4(&args, pid);
	if (cmdb_run(&query, maintain->kind->progress, &args) > 0)
	{
		phase = cmdb_text(&query, 0, 1);
		*done = cmdb_int8(0, 2);
		*total = cmdb_int8(0, 3);
	}
	cmdb_end(&query);
	txn_end();
	return phase;
}

/* A new step begins its progress anew, so it is named first. */
static bool
look_on(Job *job, int pid, int running, void *arg)
{
	Round	   *round = arg;
	Maintain   *maintain = round->maintain;
	int			item = running - round->before;

	if (maintain_is_over(maintain))
	{
		maintain->stopped = true;
		return false;
	}
	if (item >= 0 && item < list_length(maintain->items))
	{
		int64		done;
		int64		total;

		maintain_show(maintain, item, read_progress(maintain, pid, &done, &total));
		if (total > 0)
			job_progress(job, (double) done, (double) total, "bytes");
	}
	return true;
}

/* ---- what became of them ---- */

/* why a statement did nothing, if that is nobody's fault; NULL: it failed */
static const char *
excuse(const JobStatement *statement)
{
	switch (statement->sqlstate)
	{
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return "locked by another session";
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_UNDEFINED_SCHEMA:
			return "gone meanwhile";
		default:
			return NULL;
	}
}

/*
 * VACUUM and ANALYZE do not fail because of a lock or a table that is gone, they
 * warn.  What was cancelled at the end of the window remains to be done.
 */
static void
judge(Maintain *maintain, const MaintainItem *item, const JobStatement *statement, int64 after)
{
	const char *why = excuse(statement);

	if (!statement->done)
		return;
	if (why != NULL)
		maintain_skip(maintain, item, why);
	else if (statement->ok)
		maintain_done(maintain, item, after);
	else if (statement->sqlstate == ERRCODE_QUERY_CANCELED && maintain->stopped)
		job_note(maintain->job, "%s was cancelled at the end of the window",
				 maintain_name(maintain, item));
	else
		maintain_fail(maintain, maintain_name(maintain, item),
					  statement->sqlstate, statement->message);
}

/*
 * By name, for a rebuilt index is another relation of the same name.  Not of what is
 * locked: that would have to be waited for.
 */
int64 *
maintain_measure(Maintain *maintain)
{
	int			count = list_length(maintain->items);
	int64	   *bytes = palloc(count * sizeof(int64));
	List	   *statements;
	JobStatement *statement;
	StringInfoData text;
	SpecNode   *rows;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfoString(&text,
						   "SELECT k.place, pg_total_relation_size(to_regclass(k.name)) AS bytes\n"
						   "FROM unnest(ARRAY[");
	foreach(cell, maintain->items)
	{
		bytes[foreach_current_index(cell)] = -1;
		appendStringInfo(&text, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 quote_literal_cstr(((MaintainItem *) lfirst(cell))->name));
	}
	appendStringInfoString(&text,
						   "]) WITH ORDINALITY AS k (name, place)\n"
						   "WHERE to_regclass(k.name) IS NOT NULL AND NOT EXISTS (\n"
						   "	SELECT FROM pg_locks l WHERE l.locktype = 'relation'\n"
						   "	  AND l.mode = 'AccessExclusiveLock' AND l.relation = to_regclass(k.name))");
	statements = add_statement(NIL, text.data);
	job_in_database(maintain->job, maintain->database, statements, NULL, NULL);
	statement = linitial(statements);
	if (!statement->ok)
		return bytes;
	rows = node_from_json(statement->rows, strlen(statement->rows));
	foreach(cell, rows->items)
	{
		int64		place = node_get(lfirst(cell), "place")->integer;
		SpecNode   *size = node_get(lfirst(cell), "bytes");

		if (place >= 1 && place <= count && size->kind == NODE_INT)
			bytes[place - 1] = size->integer;
	}
	return bytes;
}

/* ---- doing ---- */

/* An index that is in use is left for the next time, and told. */
void
maintain_leftovers(Maintain *maintain)
{
	List	   *statements = NIL;
	ListCell   *cell;

	if (maintain->kind->leftover == NULL)
		return;
	foreach(cell, maintain_ask(maintain, maintain->kind->leftover)->items)
		statements = add_statement(statements, node_text(node_get(lfirst(cell), "statement")));
	job_in_database(maintain->job, maintain->database, statements, NULL, NULL);
	foreach(cell, statements)
	{
		const JobStatement *statement = lfirst(cell);

		job_note(maintain->job, "left over in %s: %s%s%s", quote_identifier(maintain->database),
				 statement->text, statement->ok ? "" : ": ",
				 statement->ok ? "" : statement->message);
	}
}

void
maintain_run(Maintain *maintain)
{
	const char *finale = maintain_finale(maintain->kind);
	Round		round = {maintain, 0};
	List	   *statements = NIL;
	int64	   *after = NULL;
	int64		done = maintain->done;
	ListCell   *cell;

	if (maintain->kind->prelude)
	{
		statements = add_statement(statements, maintain->kind->prelude);
		round.before++;
	}
	foreach(cell, maintain->items)
		statements = add_statement(statements, ((MaintainItem *) lfirst(cell))->statement);
	if (finale)
		statements = add_statement(statements, finale);
	job_in_database(maintain->job, maintain->database, statements, look_on, &round);

	if (maintain->kind->shrinks)
		after = maintain_measure(maintain);
	foreach(cell, maintain->items)
	{
		int			place = foreach_current_index(cell);

		judge(maintain, lfirst(cell), list_nth(statements, round.before + place),
			  after ? after[place] : -1);
	}
	if (maintain->done - done < list_length(maintain->items))
		maintain_leftovers(maintain);
}
