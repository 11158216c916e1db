/*
 * maintain_repack.c
 *		Does the chosen tables of a database with pg_repack, one after the other.
 *
 * pg_repack writes a table anew while it is used.  It needs its extension in the
 * database, of the program's own version, and an exclusive lock twice, for a
 * moment: it waits for that a while and then gives up, rather than end others' sessions.
 *
 * Not for: which tables (maintain_choose.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "postmaster/postmaster.h"
#include "utils/builtins.h"

#include "cmdb/extension.h"
#include "compat.h"
#include "errors.h"
#include "ops/connect.h"
#include "ops/maintain.h"

/* seconds that it waits for a lock */
#define WAIT_TIMEOUT	"60"

/* Beside the server's own programs: one of another version would not fit its library. */
char *
maintain_repack_program(void)
{
	char	   *program = io_server_program("pg_repack");

	if (access(program, X_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROGRAM_MISSING),
				 errmsg("pg_repack is not installed"),
				 errdetail("There is no program \"%s\".", program),
				 errhint("Install the package (Debian: postgresql-%d-repack, Red Hat: pg_repack_%d), then CREATE EXTENSION pg_repack in each database that is to have it.",
						 PGOPS_SERVER_MAJOR, PGOPS_SERVER_MAJOR)));
	return program;
}

/* version of the extension in the current database, palloc'd, or NULL */
static char *
extension_version(Maintain *maintain)
{
	SpecNode   *rows = maintain_ask(maintain, "SELECT extversion FROM pg_extension WHERE extname = 'pg_repack'");

	return rows->items ? pstrdup(node_text(node_get(linitial(rows->items), "extversion"))) : NULL;
}

bool
maintain_repack_ready(Maintain *maintain)
{
	(void) maintain_repack_program();
	maintain->repack_version = extension_version(maintain);
	if (maintain->repack_version != NULL)
		return true;
	if (maintain->options.databases != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"pg_repack\" is not installed in the database"),
				 errhint("CREATE EXTENSION pg_repack there.")));
	job_note(maintain->job, "database %s is left out: it does not have the extension pg_repack",
			 quote_identifier(maintain->database));
	return false;
}

/*
 * The name of the database as pg_repack wants it: until 1.4 it becomes part of
 * a connection string as it is, later it is the value of "dbname", which may be a
 * connection string itself.
 */
static char *
database_argument(const Maintain *maintain)
{
	StringInfoData quoted;
	bool		pasted = strncmp(maintain->repack_version, "1.5", 3) < 0;

	initStringInfo(&quoted);
	connect_add(&quoted, "dbname", maintain->database);
	return psprintf("--dbname=%s", quoted.data + (pasted ? strlen("dbname=") : 0));
}

static const char *const *
environment(Maintain *maintain)
{
	const char **values = palloc0(5 * sizeof(char *));

	job_begin(maintain->job);
	values[0] = psprintf("PGHOST=%s", connect_host());
	values[1] = psprintf("PGPORT=%d", PostPortNumber);
	values[2] = psprintf("PGUSER=%s", connect_superuser());
	txn_end();
	values[3] = "PGOPTIONS=-c synchronous_commit=local";
	return values;
}

/* Its exit code does not tell why it failed: a lock that it did not get is read from its words. */
static bool
heard_of_lock(Job *job, IoStream stream, const char *line, void *arg)
{
	if (strstr(line, "lock") != NULL &&
		(strstr(line, "timed out") != NULL || strstr(line, "Could not") != NULL ||
		 strstr(line, "could not") != NULL || strstr(line, "canceling statement") != NULL))
		*(bool *) arg = true;
	return true;
}

/* true: done */
static bool
repack_table(Maintain *maintain, const MaintainItem *item, const char *const *variables)
{
	Job		   *job = maintain->job;
	bool		locked = false;
	const char *program = maintain_repack_program();
	const char *const argv[] = {
		program, "--no-kill-backend", "--wait-timeout=" WAIT_TIMEOUT, "--no-password",
		database_argument(maintain), psprintf("--table=%s", item->statement), NULL
	};
	JobProgram	run = {
		.program = program,.argv = argv,.environment = variables,
		.filter = heard_of_lock,.arg = &locked
	};
	IoProcessResult *result = job_run(job, &run);

	if (result->end == IO_PROCESS_EXITED && result->exit_code == 0 && !locked)
		return true;
	if (locked)
		maintain_skip(maintain, item, "locked by another session");
	else
		maintain_fail(maintain, maintain_name(maintain, item), ERRCODE_PGOPS_PROCESS,
					  psprintf("pg_repack %s", io_process_describe(result)));
	return false;
}

/* Sizes are looked at after all of them: each look takes a worker. */
void
maintain_repack(Maintain *maintain)
{
	int			count = list_length(maintain->items);
	const char *const *variables = environment(maintain);
	bool	   *done = palloc0(count * sizeof(bool));
	int64	   *after;

	for (int i = 0; i < count && !maintain->stopped; i++)
	{
		maintain_show(maintain, i, NULL);
		done[i] = repack_table(maintain, list_nth(maintain->items, i), variables);
		maintain->stopped = maintain_is_over(maintain);
	}
	after = maintain_measure(maintain);
	for (int i = 0; i < count; i++)
	{
		if (done[i])
			maintain_done(maintain, list_nth(maintain->items, i), after[i]);
	}
}
