/*
 * verify_check.c
 *		What of a restored instance can be checked without knowing its data:
 *		that recovery met all WAL, that tables, indexes and pages are sound.
 *
 * Not for: the data (verify_probe.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "format.h"
#include "ops/connect.h"
#include "ops/verify_parts.h"

/* problems of one kind that are told one by one */
#define MAX_TOLD		5

/* exit codes of pg_amcheck */
#define AMCHECK_FOUND	2

static void add_damage(Verification *test, const char *format,...) pg_attribute_printf(2, 3);

static void
add_damage(Verification *test, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	FORMAT_ARGUMENTS(&text, format);
	test->damage = lappend(test->damage, text.data);
}

/* ---- the end of the archive ---- */

/* newest WAL file that the repository has, or NULL */
static const char *
newest_wal(const Verification *test)
{
	ListCell   *cell;

	foreach(cell, test->state->repos)
	{
		const RepoState *repo = lfirst(cell);

		if (repo->repo == test->set->repo)
			return repo->wal_max;
	}
	return NULL;
}

/*
 * To recovery, a WAL file that cannot be read is like one that is not there:
 * it ends, and the instance opens without what came after.  But the file is
 * listed.
 */
void
verify_archive_end(Job *job, Verification *test)
{
	const char *wal = newest_wal(test);
	TimeLineID	timeline;
	XLogSegNo	segment;
	XLogRecPtr	start;
	uint32		high;
	uint32		low;

	job_step(job, "checking what was recovered");
	test->reached_lsn = unconstify(char *, verify_ask_one(job, test,
														  "SELECT pg_catalog.pg_last_wal_replay_lsn()::pg_catalog.text"));
	test->reached_time = unconstify(char *, verify_ask_one(job, test,
														   "SELECT pg_catalog.pg_last_xact_replay_timestamp()::pg_catalog.text"));
	if (test->target->type != RESTORE_LATEST || wal == NULL || strlen(wal) != 24 ||
		test->reached_lsn == NULL || sscanf(test->reached_lsn, "%X/%X", &high, &low) != 2)
		return;
	XLogFromFileName(wal, &timeline, &segment, wal_segment_size);
	XLogSegNoOffsetToRecPtr(segment, 0, wal_segment_size, start);
	if ((((uint64) high) << 32 | low) < start)
		add_damage(test, "recovery ended at %s, before WAL file %s of the archive: a file before it is missing or damaged",
				   test->reached_lsn, wal);
}

/* ---- tables and indexes ---- */

/* what its lines have told */
typedef struct Amcheck
{
	Verification *test;
	MemoryContext context;
	int64		relations;
	int64		problems;
	List	   *told;			/* of char * */
} Amcheck;

/* "12/345 relations (3%),  1234/5678 pages (21%)" */
static bool
is_progress(const char *line, const char *what, double *done, double *total)
{
	char		unit[32];

	return sscanf(line, " %lf/%lf %31s", done, total, unit) == 3 && strcmp(unit, what) == 0;
}

static bool
amcheck_line(Job *job, IoStream stream, const char *line, void *arg)
{
	Amcheck    *check = arg;
	double		done;
	double		total;
	MemoryContext old;

	if (stream == IO_STDERR)
	{
		if (!is_progress(line, "relations", &done, &total))
			return true;
		check->relations = (int64) total;
		job_progress(job, done, total, "relations");
		return false;
	}
	/* a problem is a line with its place, then one with what is wrong */
	if (line[0] != ' ')
		check->problems++;
	if (check->problems > MAX_TOLD)
		return check->problems < 100;
	old = MemoryContextSwitchTo(check->context);
	if (line[0] != ' ' || check->told == NIL)
		check->told = lappend(check->told, pstrdup(line));
	else
		llast(check->told) = psprintf("%s%s", (char *) llast(check->told), line + 3);
	MemoryContextSwitchTo(old);
	return true;
}

/* why tables and indexes cannot be checked, or NULL */
static const char *
amcheck_obstacle(Job *job, Verification *test)
{
	const char *available = verify_ask_one(job, test,
										   "SELECT name::pg_catalog.text FROM pg_catalog.pg_available_extensions"
										   " WHERE name = 'amcheck'");

	if (available == NULL)
		return "extension amcheck is not installed";
	if (access(io_server_program("pg_amcheck"), X_OK) != 0)
		return "program pg_amcheck is not installed";
	return NULL;
}

static const char *const *
amcheck_argv(Job *job, const Verification *test)
{
	const char **argv = palloc0(12 * sizeof(char *));
	int			count = 0;
	char	   *superuser;

	job_begin(job);
	superuser = connect_superuser();
	txn_end();
	argv[count++] = io_server_program("pg_amcheck");
	argv[count++] = psprintf("--host=%s", test->instance->socket_directory);
	argv[count++] = psprintf("--port=%d", test->instance->port);
	argv[count++] = psprintf("--username=%s", superuser);
	argv[count++] = "--maintenance-db=template1";
	argv[count++] = "--no-password";
	argv[count++] = "--all";
	argv[count++] = "--install-missing";
	argv[count++] = "--progress";
	argv[count++] = "--jobs=2";
	return argv;
}

static void
amcheck_result(Verification *test, const Amcheck *check)
{
	ListCell   *cell;

	test->amcheck = node_map();
	node_map_set(test->amcheck, "relations", node_int(check->relations));
	node_map_set(test->amcheck, "problems", node_int(check->problems));
	foreach(cell, check->told)
		add_damage(test, "%s", (char *) lfirst(cell));
	if (check->problems > MAX_TOLD)
		add_damage(test, "... and " INT64_FORMAT " more problems of tables and indexes",
				   check->problems - MAX_TOLD);
}

void
verify_amcheck(Job *job, Verification *test)
{
	const char *obstacle = amcheck_obstacle(job, test);
	Amcheck		check = {test, CurrentMemoryContext};
	JobProgram	program = {0};
	IoProcessResult *result;

	if (obstacle != NULL)
	{
		test->amcheck = node_map();
		node_map_set(test->amcheck, "skipped", node_string(obstacle));
		job_note(job, "tables and indexes are not checked: %s", obstacle);
		return;
	}
	job_step(job, "checking tables and indexes");
	program.argv = amcheck_argv(job, test);
	program.program = program.argv[0];
	program.filter = amcheck_line;
	program.arg = &check;
	result = job_run(job, &program);
	if (result->end != IO_PROCESS_EXITED || result->exit_code != AMCHECK_FOUND)
		job_require_success(job, result, "pg_amcheck");
	amcheck_result(test, &check);
}

/* ---- pages ---- */

typedef struct Checksums
{
	MemoryContext context;
	int64		files;
	int64		blocks;
	int64		bad;
	List	   *told;			/* of char * */
} Checksums;

/* a number behind a label, as in "Blocks scanned:  1234" */
static bool
is_count(const char *line, const char *label, int64 *count)
{
	size_t		length = strlen(label);

	if (strncmp(line, label, length) != 0)
		return false;
	*count = strtoi64(line + length, NULL, 10);
	return true;
}

static bool
checksums_line(Job *job, IoStream stream, const char *line, void *arg)
{
	Checksums  *found = arg;
	double		done;
	double		total;
	MemoryContext old;

	if (stream == IO_STDOUT)
	{
		(void) (is_count(line, "Files scanned:", &found->files) ||
				is_count(line, "Blocks scanned:", &found->blocks) ||
				is_count(line, "Bad checksums:", &found->bad));
		return true;
	}
	/* "12/345 MB (3%) computed" */
	if (is_progress(line, "MB", &done, &total))
	{
		job_progress(job, done * 1024 * 1024, total * 1024 * 1024, "bytes");
		return false;
	}
	if (list_length(found->told) < MAX_TOLD)
	{
		old = MemoryContextSwitchTo(found->context);
		found->told = lappend(found->told, pstrdup(line));
		MemoryContextSwitchTo(old);
	}
	return true;
}

static void
checksums_result(Verification *test, const Checksums *found)
{
	ListCell   *cell;

	node_map_set(test->checksums, "files", node_int(found->files));
	node_map_set(test->checksums, "blocks", node_int(found->blocks));
	node_map_set(test->checksums, "bad", node_int(found->bad));
	if (found->bad == 0)
		return;
	add_damage(test, INT64_FORMAT " of " INT64_FORMAT " pages have wrong checksums",
			   found->bad, found->blocks);
	foreach(cell, found->told)
		add_damage(test, "%s", (char *) lfirst(cell));
}

void
verify_checksums(Job *job, Verification *test)
{
	const char *enabled = verify_ask_one(job, test,
										 "SELECT pg_catalog.current_setting('data_checksums')");
	const char *argv[] = {io_server_program("pg_checksums"), "--check", "--progress",
	"-D", test->instance->data_directory, NULL};
	Checksums	found = {CurrentMemoryContext};
	JobProgram	program = {0};
	IoProcessResult *result;
	bool		on = enabled != NULL && strcmp(enabled, "on") == 0;

	test->checksums = node_map();
	node_map_set(test->checksums, "enabled", node_bool(on));
	instance_stop(job, test->instance);
	if (!on)
		return;
	job_step(job, "checking the checksums of all pages");
	program.program = argv[0];
	program.argv = argv;
	program.filter = checksums_line;
	program.arg = &found;
	result = job_run(job, &program);
	if (found.bad == 0)
		job_require_success(job, result, "pg_checksums");
	checksums_result(test, &found);
}
