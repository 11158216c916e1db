/*
 * load.c
 *		The job load_database: a dump into a database, with pg_restore.
 *
 * A database that is made for it has a name of its own until all is in it: one
 * with the wanted name is never half full.
 *
 * Not for: what a dump holds (load_contents.c), how pg_restore is called (dump_tool.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "errors.h"
#include "guc.h"
#include "io/directory.h"
#include "io/file.h"
#include "ops/dump_parts.h"
#include "ops/finally.h"
#include "ops/kinds.h"
#include "ops/load_contents.h"
#include "ops/stanza.h"
#include "ops/statement.h"

/* name of a database that is being filled; the job's number follows */
#define LOADING_PREFIX	"pgops_load_"

/* most of it are the files, of which there is one for each table, with some 50 bytes each */
#define ABOUT_MAX		((size_t) 256 * 1024 * 1024)

/* things that would be in the way of those in a dump */
static const char count_objects[] =
"SELECT count(*) AS objects"
" FROM pg_catalog.pg_class AS c"
" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
" WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S,f}'::\"char\"[])"
" AND n.nspname OPERATOR(pg_catalog.!~) '^pg_'"
" AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'"
" AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
" AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')";

/* public is not created by a dump, but changed */
static const char list_schemas[] =
"SELECT n.nspname AS name FROM pg_catalog.pg_namespace AS n"
" WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_'"
" AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{information_schema,public}'::pg_catalog.name[])";

/* how a property of a database is said in CREATE DATABASE; the column is of pg_database */
static const struct
{
	const char *column;
	const char *keyword;
	const char *provider;		/* only with this one; NULL: with all */
}			properties[] = {
	{"datcollate", "LC_COLLATE", NULL},
	{"datctype", "LC_CTYPE", NULL},
	{"daticulocale", "ICU_LOCALE", "i"},
	{"datlocale", "ICU_LOCALE", "i"},
	{"datlocale", "BUILTIN_LOCALE", "b"},
	{"daticurules", "ICU_RULES", "i"},
};

static const struct
{
	const char *code;
	const char *name;
}			providers[] = {
	{"c", "libc"}, {"i", "icu"}, {"b", "builtin"}
};

typedef struct Load
{
	const char *directory;
	const char *database;
	const char *loading;		/* the database that is filled: the same, or one of our own */
	DumpContents *contents;
	DumpTool   *tool;
	char	   *list;			/* file with the entries to be read, or NULL: all */
} Load;

PG_FUNCTION_INFO_V1(pgops_check_dump);

extern Datum pgops_check_dump(PG_FUNCTION_ARGS);

/* ---- is it a dump? ---- */

static void
check_dump(const char *directory)
{
	const char *why = NULL;

	if (directory == NULL || !is_absolute_path(directory))
		why = "it is not an absolute path";
	else if (io_path_kind(directory) == IO_PATH_MISSING)
		why = "there is no such directory";
	else if (io_path_kind(directory) != IO_PATH_DIRECTORY)
		why = "it is not a directory";
	else if (io_path_kind(psprintf("%s/toc.dat", directory)) != IO_PATH_OTHER)
		why = "it has no toc.dat";
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" holds no dump: %s", directory ? directory : "", why),
				 errhint("Give the directory that pgops.dump_database() or pg_dump --format=directory has written.")));
}

Datum
pgops_check_dump(PG_FUNCTION_ARGS)
{
	check_dump(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* ---- a database for it ---- */

/* what pgops.dump_database() wrote about the dumped database, or NULL */
static SpecNode *
read_about(const char *directory)
{
	char	   *text = io_read_file(psprintf("%s/%s", directory, DUMP_ABOUT_FILE), ABOUT_MAX);
	SpecNode   *about = text ? node_from_json(text, strlen(text)) : NULL;

	return about != NULL && about->kind == NODE_MAP ? about : NULL;
}

static void
check_complete(const char *directory)
{
	const SpecNode *about = read_about(directory);

	dump_check_files(directory, about ? node_get(about, "files") : NULL);
}

static const char *
about_text(const SpecNode *about, const char *key)
{
	const SpecNode *value = about != NULL && about->kind == NODE_MAP ? node_get(about, key) : NULL;

	return value ? node_text(value) : NULL;
}

/* encoding and locale of the dumped database; else those of template0 */
static void
add_properties(StringInfo text, const SpecNode *about)
{
	const SpecNode *catalog = about ? node_get(about, "catalog") : NULL;
	const char *provider = about_text(catalog, "datlocprovider");

	if (about_text(about, "encoding") == NULL || provider == NULL)
		return;
	appendStringInfo(text, " ENCODING %s", quote_literal_cstr(about_text(about, "encoding")));
	for (int i = 0; i < lengthof(providers); i++)
	{
		if (strcmp(providers[i].code, provider) == 0)
			appendStringInfo(text, " LOCALE_PROVIDER %s", providers[i].name);
	}
	for (int i = 0; i < lengthof(properties); i++)
	{
		const char *value = about_text(catalog, properties[i].column);

		if (value != NULL &&
			(properties[i].provider == NULL || strcmp(properties[i].provider, provider) == 0))
			appendStringInfo(text, " %s %s", properties[i].keyword, quote_literal_cstr(value));
	}
}

static void
create_database(Job *job, Load *load)
{
	const char *owner = job_arg(job, "owner");
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE DATABASE %s WITH TEMPLATE template0",
					 quote_identifier(load->loading));
	if (owner != NULL)
		appendStringInfo(&text, " OWNER %s", quote_identifier(owner));
	add_properties(&text, read_about(load->directory));
	(void) statement_run(job, pgops_guc_database, list_make1(text.data),
						 "the database could not be made");
}

/* what jobs have left that a crash ended */
static void
drop_leftovers(Job *job)
{
	char	   *name;

	while ((name = statement_session(job,
									 "SELECT d.datname::text FROM pg_database AS d JOIN pgops.job AS j"
									 " ON d.datname = $1 || j.id"
									 " WHERE j.kind = 'load_database'"
									 " AND j.state NOT IN ('queued', 'running') LIMIT 1",
									 LOADING_PREFIX)) != NULL)
	{
		job_note(job, "dropping %s, which its job has not finished", name);
		statement_here(psprintf("DROP DATABASE %s WITH (FORCE)", quote_identifier(name)));
	}
}

/* ---- what is checked before anything is touched ---- */

static void
check_roles(Job *job, const Load *load)
{
	char	   *missing;

	if (job_arg_bool(job, "no_owner", false))
		return;
	missing = dump_missing_roles(job, load->contents);
	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("roles that own something in the dump do not exist: %s", missing),
				 errhint("Declare them in pg_users, or say no_owner => true.")));
}

static void
check_empty(Job *job, const Load *load)
{
	const char *objects;

	if (job_arg_bool(job, "clean", false) || job_arg_bool(job, "merge", false))
		return;
	objects = statement_value(job, load->database, count_objects, "objects",
							  "could not look into the database");
	if (objects != NULL && strcmp(objects, "0") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database \"%s\" is not empty: there are %s tables, views and sequences in it",
						load->database, objects),
				 errhint("\"create\" => true makes another one; merge => true adds to what is there, clean => true drops what the dump brings.")));
}

/* ---- the work ---- */

/* Schemas that are there already, as declared ones are, must not be created again. */
static void
write_list(Job *job, Load *load)
{
	SpecNode   *rows = statement_run(job, load->loading, list_make1(pstrdup(list_schemas)),
									 "could not look into the database");
	List	   *names = NIL;
	char	   *text;
	ListCell   *cell;

	foreach(cell, rows->items)
		names = lappend(names, unconstify(char *, node_text(node_get(lfirst(cell), "name"))));
	text = dump_list_without(load->contents, names);
	if (text == NULL)
		return;
	ops_make_directory(ops_path("tmp"));
	load->list = psprintf("%s/load-" INT64_FORMAT ".list", ops_path("tmp"), job->id);
	io_write_file(load->list, text, 0600);
}

static List *
load_arguments(Job *job, const Load *load)
{
	static const struct
	{
		const char *argument;
		const char *options[2];
	}			switches[] = {
		{"clean", {"--clean", "--if-exists"}},
		{"no_owner", {"--no-owner"}},
		{"no_privileges", {"--no-privileges"}},
	};
	List	   *arguments = NIL;

	arguments = lappend(arguments, "--format=directory");
	arguments = lappend(arguments, "--exit-on-error");
	arguments = lappend(arguments, dump_option("--jobs", job_arg(job, "jobs")));
	for (int i = 0; i < lengthof(switches); i++)
	{
		if (!job_arg_bool(job, switches[i].argument, false))
			continue;
		for (int j = 0; j < lengthof(switches[i].options) && switches[i].options[j]; j++)
			arguments = lappend(arguments, unconstify(char *, switches[i].options[j]));
	}
	if (load->list != NULL)
		arguments = lappend(arguments, dump_option("--use-list", load->list));
	arguments = lappend(arguments,
						dump_option("--dbname", dump_conninfo(job, load->loading)));
	return lappend(arguments, pstrdup(load->directory));
}

/* The planner knows nothing of tables that were just filled. */
static void
finish_database(Job *job, const Load *load)
{
	job_step(job, "analyzing");
	(void) statement_run(job, load->loading, list_make1("ANALYZE"), "ANALYZE failed");
	if (load->loading != load->database)
		(void) statement_run(job, pgops_guc_database,
							 list_make1(psprintf("ALTER DATABASE %s RENAME TO %s",
												 quote_identifier(load->loading),
												 quote_identifier(load->database))),
							 "the database could not be renamed");
}

static void
load_work(Job *job, void *arg)
{
	Load	   *load = arg;

	if (load->loading != load->database)
		create_database(job, load);
	write_list(job, load);
	load->tool = dump_tool("pg_restore", "processing data for table ", load->contents->tables);
	job_step(job, "loading %s", load->database);
	dump_tool_run(job, load->tool, load_arguments(job, load));
	finish_database(job, load);
}

static void
load_cleanup(Job *job, void *arg, bool failed)
{
	Load	   *load = arg;

	if (load->list != NULL)
		(void) unlink(load->list);
	if (!failed)
		return;
	if (load->loading != load->database)
		statement_here(psprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)",
								quote_identifier(load->loading)));
	else if (load->tool != NULL)
		job_note(job, "a part of the dump may be in database \"%s\" now: " INT64_FORMAT " of " INT64_FORMAT " tables were begun, %d errors",
				 load->database, load->tool->tables, load->contents->tables, load->tool->errors);
}

void
load_database_run(Job *job)
{
	Load		load = {0};
	const char *bytes;

	load.directory = job_arg(job, "directory");
	load.database = load.loading = job_arg(job, "database");
	job_step(job, "reading the table of contents");
	check_dump(load.directory);
	check_complete(load.directory);
	drop_leftovers(job);
	load.contents = dump_contents(job, load.directory);
	check_roles(job, &load);
	if (job_arg_bool(job, "create", false))
		load.loading = psprintf(LOADING_PREFIX INT64_FORMAT, job->id);
	else
		check_empty(job, &load);

	job_finally(job, load_work, load_cleanup, &load);
	bytes = statement_session(job, "SELECT pg_database_size($1::name)::text", load.database);
	job_result(job, "database", node_string(load.database));
	/* it has succeeded, so all of them; what it told on the way may have got mixed up */
	job_result(job, "tables", node_int(load.contents->tables));
	job_result(job, "bytes", node_number(bytes ? bytes : "0"));
}
