/*
 * maintain_repack.c
 *		Does the chosen tables of a database with pg_repack, one after the other.
 *
 * pg_repack writes a table anew while it is used.  It needs its extension in the
 * database, of the program's own version, and an exclusive lock twice, for a
 * moment: it waits for that as long as pgops.lock_timeout says and then gives up, rather
 * than end others' sessions.  In between it waits for all older transactions of the
 * database; that it would do for ever, so we have to give up.
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
#include "guc.h"
#include "ops/connect.h"
#include "ops/finally.h"
#include "ops/maintain.h"

/* seconds that it may wait for older transactions */
#define WAIT_OLDER_S	300

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

/* one run of the program */
typedef struct Repacking
{
	Maintain   *maintain;
	const MaintainItem *item;
	const char *const *environment;
	bool		locked;			/* it did not get a lock, or it waited too long */
	TimestampTz waiting;		/* since when it waits for older transactions; 0: it does not */
	IoProcessResult *result;
} Repacking;

/*
 * Its exit code does not tell of a lock that it did not get: that is read from its
 * words.  Each second it says once more that it waits for older transactions.
 */
static bool
listen_to(Job *job, IoStream stream, const char *line, void *arg)
{
	Repacking  *repacking = arg;
	TimestampTz since = repacking->waiting;

	if (strstr(line, "timed out") != NULL || strstr(line, "due to timeout") != NULL ||
		strstr(line, "lock timeout") != NULL)
		repacking->locked = true;
	if (strstr(line, "Waiting for ") == NULL)
	{
		repacking->waiting = 0;
		return true;
	}
	if (since == 0)
	{
		repacking->waiting = GetCurrentTimestamp();
		return true;
	}
	if (TimestampDifferenceExceeds(since, GetCurrentTimestamp(), WAIT_OLDER_S * 1000))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("older transactions did not end in time")));
	return false;
}

static void
run_program(Job *job, void *arg)
{
	Repacking  *repacking = arg;
	Maintain   *maintain = repacking->maintain;
	const char *program = maintain_repack_program();
	const char *const argv[] = {
		program, "--no-kill-backend", "--no-password",
		psprintf("--wait-timeout=%d", Max(pgops_guc_lock_timeout / 1000, 1)),
		database_argument(maintain), psprintf("--table=%s", repacking->item->statement), NULL
	};
	JobProgram	run = {
		.program = program,.argv = argv,.environment = repacking->environment,
		.filter = listen_to,.arg = repacking
	};

	repacking->result = job_run(job, &run);
}

/* true: done */
static bool
repack_table(Maintain *maintain, const MaintainItem *item, const char *const *variables)
{
	Repacking	repacking = {maintain, item, variables};
	ErrorData  *error = job_attempt(maintain->job, run_program, &repacking);
	const IoProcessResult *result = repacking.result;

	if (error != NULL && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	if (error != NULL || repacking.locked)
		maintain_skip(maintain, item, error ? error->message : "locked by another session");
	else if (result->end == IO_PROCESS_EXITED && result->exit_code == 0)
		return true;
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
