/*
 * maintain.c
 *		The way of a maintenance job: its arguments, the databases one by one,
 *		what is chosen there, what came of it.
 *
 * A database that cannot be worked in, or that vanishes meanwhile, does not stop
 * the others.  At the end of its window a job ends well, with what it has done;
 * a cancel or its deadline ends it badly, and what was done stays done.
 *
 * Not for: how the chosen items are done (maintain_run.c, maintain_repack.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "ops/finally.h"
#include "ops/kinds.h"
#include "ops/maintain.h"

/* ms before the end of the window at which nothing is begun and what runs is cancelled */
#define STOP_BEFORE_MS	2000

/* tables and indexes that the output names as done */
#define TOLD			2000

/* ---- arguments ---- */

static void
wrong_argument(const char *name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" must be %s", name, what)));
}

/* Kept as text: it becomes part of a query, as a constant. */
static const char *
threshold_argument(const Job *job, const MaintainKind *kind)
{
	const char *text = job_arg(job, kind->threshold);
	double		value;

	if (text == NULL)
		return kind->threshold_default;
	value = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(text)));
	if (!(value >= 0 && value <= 1000))
		wrong_argument(kind->threshold, "a number from 0 to 1000");
	return text;
}

/* a list of names, or one */
static List *
databases_argument(const Job *job)
{
	SpecNode   *value = node_get(job->args, "databases");
	List	   *names = NIL;
	ListCell   *cell;

	if (value == NULL || value->kind == NODE_NULL)
		return NIL;
	if (value->kind != NODE_LIST)
		return node_text(value) ? list_make1(pstrdup(node_text(value))) : NIL;
	foreach(cell, value->items)
	{
		if (node_text(lfirst(cell)) == NULL)
			wrong_argument("databases", "a list of names");
		names = lappend(names, pstrdup(node_text(lfirst(cell))));
	}
	return names;
}

void
maintain_options(const Job *job, const MaintainKind *kind, MaintainOptions *options)
{
	const char *min_size = job_arg(job, "min_size");

	options->databases = databases_argument(job);
	options->max_tables = job_arg_int(job, "max_tables", 0);
	if (options->max_tables < 0)
		wrong_argument("max_tables", "a positive number");
	options->min_size = min_size ? min_size : kind->min_size_default;
	(void) DirectFunctionCall1(pg_size_bytes, CStringGetTextDatum(options->min_size));
	options->threshold = threshold_argument(job, kind);
	options->parallel = (int) job_arg_int(job, "parallel", -1);
	if (options->parallel < -1 || options->parallel > 1024)
		wrong_argument("parallel", "a number from 0 to 1024");
}

/* ---- telling ---- */

bool
maintain_is_over(const Maintain *maintain)
{
	TimestampTz end = maintain->job->stop_at;

	return end != 0 &&
		GetCurrentTimestamp() >= TimestampTzPlusMilliseconds(end, -STOP_BEFORE_MS);
}

void
maintain_show(Maintain *maintain, int number, const char *phase)
{
	const MaintainItem *item = list_nth(maintain->items, number);

	if (phase == NULL)
		phase = "";
	if (number == maintain->shown && strcmp(phase, maintain->phase) == 0)
		return;
	maintain->shown = number;
	strlcpy(maintain->phase, phase, sizeof(maintain->phase));
	job_step(maintain->job, "%s %s (%d of %d)%s%s", maintain->kind->name,
			 maintain_name(maintain, item),
			 number + 1, list_length(maintain->items),
			 maintain->phase[0] ? ", " : "", maintain->phase);
}

char *
maintain_name(const Maintain *maintain, const MaintainItem *item)
{
	return psprintf("%s.%s", quote_identifier(maintain->database), item->name);
}

static char *
pretty_size(int64 bytes)
{
	return text_to_cstring(DatumGetTextPP(DirectFunctionCall1(pg_size_pretty,
															  Int64GetDatum(bytes))));
}

/* Only so many are told, for failures must find room in the output, too. */
void
maintain_done(Maintain *maintain, const MaintainItem *item, int64 after)
{
	maintain->done++;
	if (after < 0)
		after = item->bytes;
	maintain->before += item->bytes;
	maintain->after += after;
	if (maintain->done > TOLD)
		return;
	job_note(maintain->job, "%s %s: %s%s", maintain->kind->name,
			 maintain_name(maintain, item), item->reason,
			 after == item->bytes ? "" :
			 psprintf(", %s -> %s", pretty_size(item->bytes), pretty_size(after)));
	if (maintain->done == TOLD)
		job_note(maintain->job, "further %s that are done are only counted", maintain->kind->objects);
}

void
maintain_skip(Maintain *maintain, const MaintainItem *item, const char *why)
{
	maintain->skipped++;
	job_note(maintain->job, "skipped %s: %s", maintain_name(maintain, item), why);
}

/*
 * The first failure becomes that of the job; all of them are in its output.  A
 * statement that somebody has cancelled does not make the job a cancelled one.
 */
void
maintain_fail(Maintain *maintain, const char *what, int sqlstate, const char *message)
{
	MemoryContext old = MemoryContextSwitchTo(maintain->job->context);

	maintain->failed++;
	if (maintain->error == NULL)
	{
		maintain->sqlstate = sqlstate == ERRCODE_QUERY_CANCELED ?
			ERRCODE_OPERATOR_INTERVENTION : sqlstate;
		maintain->error = psprintf("%s: %s", what, message);
	}
	MemoryContextSwitchTo(old);
	job_note(maintain->job, "failed %s: %s", what, message);
}

/* Also after an ERROR somewhere: what was done so far is of interest then, too. */
static void
tell_results(const Maintain *maintain)
{
	Job		   *job = maintain->job;

	job_result(job, "databases", node_int(maintain->databases));
	job_result(job, "done", node_int(maintain->done));
	job_result(job, "skipped", node_int(maintain->skipped));
	job_result(job, "failed", node_int(maintain->failed));
	job_result(job, "remaining",
			   node_int(Max(maintain->chosen - maintain->done - maintain->skipped - maintain->failed, 0)));
	if (maintain->kind->shrinks)
	{
		job_result(job, "bytes_before", node_int(maintain->before));
		job_result(job, "bytes_after", node_int(maintain->after));
	}
	if (maintain->stopped)
		job_result(job, "stopped", node_string("end of the maintenance window"));
}

/* ---- one database ---- */

SpecNode *
maintain_ask(Maintain *maintain, const char *text)
{
	JobStatement *statement = palloc0(sizeof(JobStatement));

	statement->text = pstrdup(text);
	job_in_database(maintain->job, maintain->database, list_make1(statement), NULL, NULL);
	if (!statement->ok)
		ereport(ERROR,
				(errcode(statement->sqlstate ? statement->sqlstate : ERRCODE_PGOPS_WORKER_LOST),
				 errmsg_internal("%s", statement->message ? statement->message : "the statement was not reached")));
	return statement->rows ? node_from_json(statement->rows, strlen(statement->rows)) : node_list();
}

static MaintainItem *
read_item(const SpecNode *row)
{
	MaintainItem *item = palloc0(sizeof(MaintainItem));
	const SpecNode *bytes = node_get(row, "bytes");
	const char *statement = node_text(node_get(row, "statement"));

	item->name = pstrdup(node_text(node_get(row, "name")));
	item->statement = statement ? pstrdup(statement) : NULL;
	item->reason = pstrdup(node_text(node_get(row, "reason")));
	item->bytes = bytes->kind == NODE_INT ? bytes->integer : 0;
	return item;
}

/* What cannot be done is counted and told at once, and not among the items. */
static void
choose(Maintain *maintain)
{
	const MaintainOptions *options = &maintain->options;
	int64		limit = options->max_tables ? options->max_tables - maintain->chosen : 0;
	ListCell   *cell;
	SpecNode   *rows;

	rows = maintain_ask(maintain, maintain_choose(maintain->kind, options, limit));
	maintain->items = NIL;
	foreach(cell, rows->items)
	{
		MaintainItem *item = read_item(lfirst(cell));

		maintain->chosen++;
		if (item->statement == NULL)
			maintain_skip(maintain, item, item->reason);
		else
			maintain->items = lappend(maintain->items, item);
	}
}

static void
do_database(Job *job, void *arg)
{
	Maintain   *maintain = arg;

	job_step(job, "%s %s: looking for what needs it", maintain->kind->name,
			 quote_identifier(maintain->database));
	maintain->databases++;
	if (maintain->kind->program && !maintain_repack_ready(maintain))
		return;
	maintain_leftovers(maintain);
	choose(maintain);
	if (maintain->items == NIL)
		return;
	if (maintain->kind->program)
		maintain_repack(maintain);
	else
		maintain_run(maintain);
}

/*
 * Whether an error of one database ends the job: then it is raised again.  The
 * timer of the window's end, though, is no failure, only the last reminder.
 */
static bool
ends_job(Maintain *maintain, const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		maintain_is_over(maintain) && maintain->job->deadline == maintain->job->stop_at)
	{
		maintain->stopped = true;
		return false;
	}
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_PGOPS_INTERRUPTED ||
		error->sqlerrcode == ERRCODE_PGOPS_PROGRAM_MISSING;
}

static void
visit_database(Maintain *maintain, const char *name)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgops maintenance",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ErrorData  *error;

	maintain->database = name;
	maintain->shown = -1;
	error = job_attempt(maintain->job, do_database, maintain);
	tell_results(maintain);
	if (error != NULL && ends_job(maintain, error))
		ReThrowError(error);
	if (error != NULL && !maintain->stopped)
		maintain_fail(maintain, psprintf("database %s", quote_identifier(name)),
					  error->sqlerrcode, error->message);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- all databases ---- */

/*
 * Those that allow connections.  Templates only for what their age is about:
 * nobody works in them.  The oldest first; a database is as old as its oldest
 * table, so that one which is young enough need not be visited.
 */
static const char *const list_databases =
"SELECT d.datname\n"
"FROM pg_database AS d\n"
"CROSS JOIN LATERAL (SELECT greatest(\n"
"	age(d.datfrozenxid) / current_setting('autovacuum_freeze_max_age')::float8,\n"
"	mxid_age(d.datminmxid) / current_setting('autovacuum_multixact_freeze_max_age')::float8))\n"
"	AS a (share)\n"
"WHERE CASE WHEN $1 IS NULL\n"
"		   THEN d.datallowconn AND (NOT d.datistemplate OR $2)\n"
"		   ELSE d.datname = ANY ($1) END\n"
"  AND d.datconnlimit <> -2\n"
"  AND (NOT $2 OR a.share > $3::float8)\n"
"ORDER BY CASE WHEN $2 THEN a.share END DESC NULLS LAST, d.datname COLLATE \"C\"";

static List *
find_databases(Maintain *maintain)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *names = NIL;
	uint64		count;

	job_begin(maintain->job);
	cmdb_begin(&query);
	cmdb_put_names(&args, maintain->options.databases, maintain->options.databases == NIL);
	cmdb_put_bool(&args, maintain->kind->by_age);
	cmdb_put_text(&args, maintain->options.threshold);
	count = cmdb_run(&query, list_databases, &args);
	for (uint64 i = 0; i < count; i++)
	{
		char	   *name = cmdb_text(&query, i, 1);
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		names = lappend(names, name);
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	txn_end();
	return names;
}

/*
 * A schedule may go on naming a database that was dropped, or never was: nothing
 * is done there, and that is no success.
 */
static void
fail_missing(Maintain *maintain)
{
	List	   *missing = NIL;
	ListCell   *cell;

	job_begin(maintain->job);
	foreach(cell, maintain->options.databases)
	{
		if (!OidIsValid(get_database_oid(lfirst(cell), true)))
			missing = lappend(missing, lfirst(cell));
	}
	txn_end();
	foreach(cell, missing)
		maintain_fail(maintain, psprintf("database %s", quote_identifier(lfirst(cell))),
					  ERRCODE_UNDEFINED_DATABASE, "it does not exist");
}

/* age of the oldest of these databases, for before and after */
static int64
oldest_age(Maintain *maintain)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		age;

	job_begin(maintain->job);
	cmdb_begin(&query);
	cmdb_put_names(&args, maintain->options.databases, maintain->options.databases == NIL);
	(void) cmdb_run(&query,
					"SELECT max(age(datfrozenxid))::int8 FROM pg_database"
					" WHERE CASE WHEN $1 IS NULL THEN datallowconn ELSE datname = ANY ($1) END", &args);
	age = cmdb_int8(0, 1);
	cmdb_end(&query);
	txn_end();
	return age;
}

/* A failure of some does not hide what was done with the others. */
static void
raise_failures(const Maintain *maintain)
{
	if (maintain->failed == 0)
		return;
	ereport(ERROR,
			(errcode(maintain->sqlstate),
			 errmsg("%s failed for " INT64_FORMAT ", was done for " INT64_FORMAT " %s",
					maintain->kind->name, maintain->failed, maintain->done,
					maintain->kind->objects),
			 errdetail_internal("%s", maintain->error),
			 errhint("SELECT * FROM pgops.job_log(" INT64_FORMAT ") tells about each.",
					 maintain->job->id)));
}

static void
maintain_job(Job *job)
{
	Maintain   *maintain = palloc0(sizeof(Maintain));
	ListCell   *cell;

	maintain->job = job;
	maintain->kind = maintain_kind(job->kind->name);
	job_begin(job);
	maintain_options(job, maintain->kind, &maintain->options);
	txn_end();

	if (maintain->kind->by_age)
		job_result(job, "oldest_age_before", node_int(oldest_age(maintain)));
	fail_missing(maintain);
	foreach(cell, find_databases(maintain))
	{
		if (maintain->options.max_tables > 0 && maintain->chosen >= maintain->options.max_tables)
			break;
		maintain->stopped |= maintain_is_over(maintain);
		if (maintain->stopped)
			break;
		visit_database(maintain, lfirst(cell));
	}
	tell_results(maintain);
	if (maintain->kind->by_age)
		job_result(job, "oldest_age_after", node_int(oldest_age(maintain)));
	if (maintain->stopped)
		job_note(job, "stopped at the end of the window");
	raise_failures(maintain);
}

void
vacuum_run(Job *job)
{
	maintain_job(job);
}

void
freeze_run(Job *job)
{
	maintain_job(job);
}

void
analyze_run(Job *job)
{
	maintain_job(job);
}

void
repack_run(Job *job)
{
	maintain_job(job);
}

void
reindex_run(Job *job)
{
	maintain_job(job);
}
