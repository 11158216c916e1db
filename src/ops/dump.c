/*
 * dump.c
 *		The job dump_database: a database into a directory, with pg_dump.
 *
 * The directory is written under another name and renamed when it is complete
 * and on disk: what has the name of a dump is one.
 *
 * Not for: how pg_dump is called and understood (dump_tool.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "io/directory.h"
#include "io/file.h"
#include "ops/dump_parts.h"
#include "ops/finally.h"
#include "ops/kinds.h"
#include "ops/stanza.h"
#include "ops/statement.h"

/* tables whose rows a plain dump of a whole database holds */
static const char count_tables[] =
"SELECT count(*) AS tables"
" FROM pg_catalog.pg_class AS c"
" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
" WHERE c.relkind OPERATOR(pg_catalog.=) 'r'"
" AND c.relpersistence OPERATOR(pg_catalog.<>) 't'"
" AND n.nspname OPERATOR(pg_catalog.!~) '^pg_'"
" AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'"
" AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
" AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')";

/* an argument of the job that is a list of patterns, and pg_dump's option for each */
static const struct
{
	const char *argument;
	const char *option;
}			selections[] = {
	{"schemas", "--schema"},
	{"tables", "--table"},
	{"exclude_tables", "--exclude-table"},
};

typedef struct Dump
{
	const char *database;
	char	   *directory;		/* its name when it is complete */
	char	   *partial;		/* its name until then */
	DumpTool   *tool;
} Dump;

PG_FUNCTION_INFO_V1(pgops_check_dump_target);

extern Datum pgops_check_dump_target(PG_FUNCTION_ARGS);

/* ---- where it is written ---- */

static void
refuse_target(const char *directory, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a dump cannot be written to \"%s\": %s", directory, why),
			 hint ? errhint("%s", hint) : 0));
}

/* Checked when it is asked for, and again when it is done. */
static void
check_target(const char *directory)
{
	char	   *path = pstrdup(directory);
	char	   *parent;

	if (!is_absolute_path(path))
		refuse_target(directory, "it is not an absolute path", NULL);
	canonicalize_path(path);
	if (path_is_prefix_of_path(DataDir, path))
		refuse_target(directory, "it lies in the data directory",
					  "Backups would hold it, and a restore would remove it.");
	if (io_path_kind(path) != IO_PATH_MISSING)
		refuse_target(directory, "it exists", "Give a name that is not in use.");
	parent = pstrdup(path);
	get_parent_directory(parent);
	if (io_path_kind(parent) != IO_PATH_DIRECTORY)
		refuse_target(directory, psprintf("there is no directory \"%s\"", parent),
					  "Make it, for the server's operating system user to write in.");
}

Datum
pgops_check_dump_target(PG_FUNCTION_ARGS)
{
	check_target(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* The name of a database may be anything; that of a directory must survive people's scripts. */
static char *
harmless_name(const char *database)
{
	char	   *name = pstrdup(database);

	for (char *at = name; *at; at++)
	{
		if (strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == 0)
			*at = '_';
	}
	return name;
}

/* <database>-<time, UTC> below dumps; two of the same second are told apart by the job */
static char *
default_directory(Job *job, const char *database)
{
	pg_time_t	now = timestamptz_to_time_t(job->started);
	char		stamp[32];
	char	   *path;

	pg_strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", pg_gmtime(&now));
	ops_make_directory(ops_path("dumps"));
	path = psprintf("%s/%s-%s", ops_path("dumps"), harmless_name(database), stamp);
	if (io_path_kind(path) != IO_PATH_MISSING)
		path = psprintf("%s-" INT64_FORMAT, path, job->id);
	return path;
}

/*
 * What ends the name of a directory that is being written.  Other servers may
 * write beside it, a copy of this one among them: only the number of a job of this
 * very server tells that nobody is at it any more.
 */
static char *
partial_mark(void)
{
	return psprintf(DUMP_PARTIAL UINT64_FORMAT "-%d-", GetSystemIdentifier(), PostPortNumber);
}

/* what jobs have left in this directory that a crash ended */
static void
remove_leftovers(Job *job, const char *parent)
{
	char	   *ours = partial_mark();
	ListCell   *cell;

	foreach(cell, io_directory_names(parent, ""))
	{
		const char *name = lfirst(cell);
		const char *mark = strstr(name, ours);
		const char *number = mark ? mark + strlen(ours) : NULL;

		if (mark == NULL || *number == '\0' || strspn(number, "0123456789") != strlen(number) ||
			statement_session(job,
							  "SELECT 'over' FROM pgops.job"
							  " WHERE id::text = $1 AND kind = 'dump_database'"
							  " AND state NOT IN ('queued', 'running')", number) == NULL)
			continue;
		job_note(job, "removing %s, which job %s has not finished", name, number);
		io_directory_remove(psprintf("%s/%s", parent, name));
	}
}

/* ---- what is written ---- */

static List *
dump_arguments(Job *job, const Dump *dump)
{
	List	   *arguments = NIL;

	arguments = lappend(arguments, "--format=directory");
	arguments = lappend(arguments, dump_option("--jobs", job_arg(job, "jobs")));
	arguments = lappend(arguments, dump_option("--file", dump->partial));
	if (job_arg_bool(job, "schema_only", false))
		arguments = lappend(arguments, "--schema-only");
	for (int i = 0; i < lengthof(selections); i++)
	{
		const SpecNode *names = node_get(job->args, selections[i].argument);
		ListCell   *cell;

		if (names == NULL || names->kind != NODE_LIST)
			continue;
		foreach(cell, names->items)
			arguments = lappend(arguments,
								dump_option(selections[i].option, node_text(lfirst(cell))));
	}
	return lappend(arguments, dump_option("--dbname", dump_conninfo(job, dump->database)));
}

/* how many tables pg_dump is going to tell of; 0: not known beforehand */
static int64
expected_tables(Job *job, const char *database)
{
	const char *count;

	for (int i = 0; i < lengthof(selections); i++)
	{
		if (node_get(job->args, selections[i].argument) != NULL)
			return 0;
	}
	if (job_arg_bool(job, "schema_only", false))
		return 0;
	count = statement_value(job, database, count_tables, "tables", "could not count the tables");
	return count ? strtoi64(count, NULL, 10) : 0;
}

/* for pgops.load_database(): how to make a database like this one, and what the dump consists of */
static void
write_about(Job *job, const Dump *dump)
{
	SpecNode   *tree;
	StringInfoData text;
	char	   *about = statement_session(job,
										  "SELECT jsonb_build_object("
										  "'database', d.datname, 'dumped_at', now(),"
										  " 'server_version', current_setting('server_version'),"
										  " 'encoding', pg_encoding_to_char(d.encoding),"
										  " 'owner', pg_get_userbyid(d.datdba),"
										  " 'catalog', to_jsonb(d))::text"
										  " FROM pg_database AS d WHERE d.datname = $1",
										  dump->database);

	tree = about ? node_from_json(about, strlen(about)) : node_map();
	node_map_set(tree, "files", dump_files(dump->partial));
	initStringInfo(&text);
	node_to_json(&text, tree);
	io_write_file(psprintf("%s/%s", dump->partial, DUMP_ABOUT_FILE), text.data, 0600);
}

static void
dump_work(Job *job, void *arg)
{
	Dump	   *dump = arg;

	job_step(job, "looking into %s", dump->database);
	dump->tool = dump_tool("pg_dump", "dumping contents of table ",
						   expected_tables(job, dump->database));
	job_step(job, "dumping %s", dump->database);
	dump_tool_run(job, dump->tool, dump_arguments(job, dump));
	write_about(job, dump);
	io_directory_publish(dump->partial, dump->directory);
}

static void
dump_cleanup(Job *job, void *arg, bool failed)
{
	Dump	   *dump = arg;

	if (failed)
		io_directory_remove(dump->partial);
}

void
dump_database_run(Job *job)
{
	Dump		dump = {0};
	char	   *parent;

	dump.database = job_arg(job, "database");
	if (job_arg(job, "directory") == NULL)
		dump.directory = default_directory(job, dump.database);
	else
	{
		dump.directory = pstrdup(job_arg(job, "directory"));
		canonicalize_path(dump.directory);
		check_target(dump.directory);
	}
	parent = pstrdup(dump.directory);
	get_parent_directory(parent);
	remove_leftovers(job, parent);
	dump.partial = psprintf("%s%s" INT64_FORMAT, dump.directory, partial_mark(), job->id);

	job_finally(job, dump_work, dump_cleanup, &dump);
	job_result(job, "database", node_string(dump.database));
	job_result(job, "directory", node_string(dump.directory));
	job_result(job, "bytes", node_int(io_directory_size(dump.directory)));
	job_result(job, "tables", node_int(dump.tool->tables));
}
