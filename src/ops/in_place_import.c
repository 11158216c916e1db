/*
 * in_place_import.c
 *		What became of a restore in place, as told to the server that came back.
 *
 * Its table of jobs is that of the time it was restored to: the job is not in
 * it, or waits in it to be started, and so may others that were done long ago.
 * A run is taken in as often as anybody looks while it is at work, and for the
 * last time when it is over; a file in its directory remembers that.
 *
 * Not for: the restore itself; its output (in_place_output.c).
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "cmdb/query.h"
#include "errors.h"
#include "io/file.h"
#include "ops/in_place_parts.h"
#include "ops/job_parts.h"
#include "ops/stanza_parts.h"

#define MAX_BYTES		(16 * 1024 * 1024)
#define DETAIL_LINES	8

/* ms until the next look at a run that is at work */
#define LOOK_AGAIN		1000

typedef struct Run
{
	char	   *directory;
	SpecNode   *task;
	SpecNode   *state;
	bool		over;
	bool		cut_off;		/* over, but nobody said so */
	bool		replaced;		/* the data are no longer the old ones */
} Run;

/* ---- reading a run ---- */

static char *
file_of(const char *directory, const char *name)
{
	return psprintf("%s/%s", directory, name);
}

static bool
has_file(const char *directory, const char *name)
{
	return access(file_of(directory, name), F_OK) == 0;
}

static SpecNode *
read_json(const char *directory, const char *name)
{
	char	   *text = io_read_file(file_of(directory, name), MAX_BYTES);

	return text ? node_from_json(text, strlen(text)) : NULL;
}

static const char *
text_of(const SpecNode *map, const char *name)
{
	const SpecNode *node = map ? node_get(map, name) : NULL;

	return node ? node_text(node) : NULL;
}

static int64
int_of(const SpecNode *map, const char *name)
{
	const SpecNode *node = node_get(map, name);

	return node && node->kind == NODE_INT ? node->integer : 0;
}

static bool
is_true(const SpecNode *map, const char *name)
{
	const SpecNode *node = node_get(map, name);

	return node && node->kind == NODE_BOOL && node->boolean;
}

/* The runner's processes hold a lock on the task as long as one of them lives. */
static bool
is_at_work(const char *directory)
{
	int			fd = OpenTransientFile(file_of(directory, IN_PLACE_TASK), O_RDONLY);
	bool		locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

	if (fd >= 0)
		CloseTransientFile(fd);
	return locked;
}

/* Files that somebody has changed must not bring the coordinator down. */
static bool
is_complete(const Run *run)
{
	const SpecNode *row = run->task ? node_get(run->task, "job") : NULL;
	const SpecNode *steps = run->state ? node_get(run->state, "steps") : NULL;

	return row != NULL && row->kind == NODE_MAP && text_of(row, "kind") != NULL &&
		int_of(row, "id") > 0 && text_of(run->task, "token") != NULL &&
		text_of(run->task, "target") != NULL && text_of(run->task, "data_directory") != NULL &&
		steps != NULL && steps->kind == NODE_LIST && text_of(run->state, "state") != NULL &&
		int_of(run->state, "step") >= 0;
}

/* The job that made it was this server's, whose user alone may write there. */
static bool
is_own(const char *directory)
{
	struct stat st;

	return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
		(st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* NULL: nothing that concerns this server, or nothing yet */
static Run *
read_run(const char *directory)
{
	Run		   *run = palloc0(sizeof(Run));
	bool		locked;

	if (has_file(directory, IN_PLACE_IMPORTED) || !has_file(directory, IN_PLACE_GO) ||
		!is_own(directory))
		return NULL;
	run->directory = pstrdup(directory);
	/* in this order: what ends meanwhile is then seen as over, not as cut off */
	locked = is_at_work(directory);
	run->task = read_json(directory, IN_PLACE_TASK);
	run->state = read_json(directory, IN_PLACE_STATE);
	if (!is_complete(run) || strcmp(text_of(run->task, "data_directory"), DataDir) != 0)
		return NULL;
	run->cut_off = !locked && strcmp(text_of(run->state, "state"), "running") == 0;
	run->over = !locked;
	run->replaced = int_of(run->state, "step") >= int_of(run->task, "replaces_from") &&
		!is_true(run->state, "rescued");
	return run;
}

/* ---- the row ---- */

static const SpecNode *
current_step(const Run *run)
{
	const SpecNode *steps = node_get(run->state, "steps");
	int64		number = int_of(run->state, "step");

	return number < list_length(steps->items) ? list_nth(steps->items, number) : NULL;
}

/* lines of a list from a number on, one below the other; NULL: none */
static SpecNode *
joined(const SpecNode *list, int from)
{
	StringInfoData text;

	if (list == NULL || list->kind != NODE_LIST || list->items == NIL)
		return node_null();
	initStringInfo(&text);
	for (int i = Max(from, 0); i < list_length(list->items); i++)
		appendStringInfo(&text, "%s%s", text.len > 0 ? "\n" : "",
						 node_text(list_nth(list->items, i)));
	return node_string(text.data);
}

/*
 * Where recovery ended, in the server's own words: the last line of the
 * history of the timeline that it began then.
 */
static void
add_reached(SpecNode *result)
{
	TimeLineID	timeline = GetWALInsertionTimeLine();
	char		path[MAXPGPATH];
	char	   *history;
	unsigned int parent;
	unsigned int high;
	unsigned int low;
	char	   *line;

	node_map_set(result, "timeline", node_int(timeline));
	TLHistoryFilePath(path, timeline);
	history = io_read_file(path, MAX_BYTES);
	if (history == NULL)
		return;
	while (*history != '\0' && history[strlen(history) - 1] == '\n')
		history[strlen(history) - 1] = '\0';
	line = strrchr(history, '\n');
	line = line ? line + 1 : history;
	if (sscanf(line, "%u\t%X/%X", &parent, &high, &low) != 3)
		return;
	node_map_set(result, "lsn", node_string(psprintf("%X/%X", high, low)));
	line = strrchr(line, '\t');
	if (line != NULL)
		node_map_set(result, "reached", node_string(line + 1));
}

static SpecNode *
make_result(CmdbQuery *query, const Run *run)
{
	SpecNode   *result = node_map();
	char	   *time;

	node_map_set(result, "run", node_string(text_of(run->task, "token")));
	node_map_set(result, "target", node_string(text_of(run->task, "target")));
	node_map_set(result, "directory", node_string(run->directory));
	if (text_of(run->task, "old_data") && int_of(run->state, "step") > 2)
		node_map_set(result, "old_data", node_string(text_of(run->task, "old_data")));
	if (!run->over || strcmp(text_of(node_get(run->task, "job"), "kind"), "restore_in_place") != 0)
		return result;
	node_map_set(result, "data", node_string(run->replaced ? "restored" : "unchanged"));
	if (!run->replaced)
		return result;
	add_reached(result);
	/* where what was done after "time" can still be found */
	if (int_of(run->task, "timeline") > 0)
		node_map_set(result, "left", node_int(int_of(run->task, "timeline")));
	(void) cmdb_run(query, "SELECT pg_catalog.pg_last_xact_replay_timestamp()::text", NULL);
	time = cmdb_text(query, 0, 1);
	if (time != NULL)
		node_map_set(result, "time", node_string(time));
	return result;
}

static void
add_failure(SpecNode *row, const Run *run)
{
	const SpecNode *step = current_step(run);
	const SpecNode *output = step ? node_get(step, "output") : NULL;
	const SpecNode *code = step ? node_get(step, "exit_code") : NULL;
	const char *error = text_of(run->state, "error");
	SpecNode   *detail;
	Job			masker = {.context = CurrentMemoryContext};

	node_map_set(row, "sqlstate",
				 node_string(unpack_sql_state(run->cut_off ? ERRCODE_PGOPS_INTERRUPTED :
											  ERRCODE_PGOPS_PROCESS)));
	if (run->cut_off)
		error = "the program that carried it out was ended";
	node_map_set(row, "error", node_string(psprintf("%s: %s", text_of(step, "name"),
													error ? error : "unknown")));
	detail = joined(output, output && output->kind == NODE_LIST ?
					list_length(output->items) - DETAIL_LINES : 0);
	if (detail->kind == NODE_STRING)
	{
		stanza_keep_secrets(&masker);
		detail = node_string(job_scrub(&masker, node_text(detail)));
	}
	node_map_set(row, "detail", detail);
	node_map_set(row, "hint", joined(node_get(run->state, "instructions"), 0));
	if (code != NULL && code->kind == NODE_INT && code->integer != 0)
		node_map_set(row, "exit_code", node_int(code->integer));
}

static const char *
end_state(const Run *run)
{
	if (!run->over)
		return "running";
	if (run->cut_off)
		return "interrupted";
	return text_of(run->state, "state");
}

/* the row as it was when the server was stopped, with what is known now */
static SpecNode *
make_row(CmdbQuery *query, const Run *run)
{
	SpecNode   *row = node_copy(node_get(run->task, "job"));
	const SpecNode *step = current_step(run);
	const char *finished = text_of(run->state, "finished");

	node_map_set(row, "state", node_string(end_state(run)));
	node_map_set(row, "worker_pid", node_null());
	node_map_set(row, "result", make_result(query, run));
	if (text_of(step, "name"))
		node_map_set(row, "step", node_string(text_of(step, "name")));
	if (!run->over)
	{
		node_map_set(row, "child_pid", node_int(int_of(run->state, "pid")));
		node_map_set(row, "child_start", node_int(int_of(run->state, "start")));
		node_map_set(row, "boot", node_string(io_boot_id()));
		return row;
	}
	node_map_set(row, "child_pid", node_null());
	node_map_set(row, "child_start", node_null());
	node_map_set(row, "boot", node_null());
	node_map_set(row, "finished_at",
				 node_string(finished ? finished : timestamptz_to_str(GetCurrentTimestamp())));
	if (strcmp(end_state(run), "succeeded") != 0)
		add_failure(row, run);
	return row;
}

/* ---- into the table ---- */

static void
put_row(CmdbRow *args, int64 id, const SpecNode *row, const Run *run)
{
	cmdb_put_int8(args, id);
	cmdb_put_json(args, row);
	cmdb_put_text(args, text_of(run->task, "token"));
}

/*
 * The row that is this job: restored with the rest, or written by an earlier
 * look.  0: none.
 */
static int64
find_row(CmdbQuery *query, int64 id, const SpecNode *row, const Run *run)
{
	CmdbRow		args = {0};

	put_row(&args, id, row, run);
	if (cmdb_run(query,
				 "SELECT j.id FROM pgops.job AS j"
				 " WHERE j.kind = $2->>'kind' AND (j.result->>'run' = $3"
				 " OR j.id = $1 AND j.requested_at = ($2->>'requested_at')::timestamptz)"
				 " ORDER BY j.id DESC LIMIT 1", &args) == 0)
		return 0;
	return cmdb_int8(0, 1);
}

/* the number it had, or a new one if that was given away */
static int64
free_id(CmdbQuery *query, int64 id)
{
	CmdbRow		args = {0};

	cmdb_put_int8(&args, id);
	(void) cmdb_run(query,
					"SELECT CASE WHEN EXISTS (SELECT FROM pgops.job AS j WHERE j.id = $1)"
					" THEN pg_catalog.nextval('pgops.job_id_seq') ELSE $1 END", &args);
	return cmdb_int8(0, 1);
}

static int64
insert_row(CmdbQuery *query, int64 wanted, SpecNode *row, const Run *run)
{
	CmdbRow		args = {0};
	int64		id = free_id(query, wanted);

	node_map_set(row, "id", node_int(id));
	if (id != wanted)
		node_map_set(node_get(row, "result"), "old_id", node_int(wanted));
	put_row(&args, id, row, run);
	(void) cmdb_run(query,
					"INSERT INTO pgops.job OVERRIDING SYSTEM VALUE"
					" SELECT r.* FROM pg_catalog.json_populate_record(NULL::pgops.job, $2) AS r"
					" WHERE $1 = r.id AND $3 IS NOT NULL", &args);
	/* the sequence is of the past, too */
	memset(&args, 0, sizeof(args));
	cmdb_put_int8(&args, id);
	(void) cmdb_run(query,
					"SELECT pg_catalog.setval('pgops.job_id_seq', $1)"
					" FROM pgops.job_id_seq AS s WHERE s.last_value <= $1", &args);
	return id;
}

static void
update_row(CmdbQuery *query, int64 id, const SpecNode *row, const Run *run)
{
	CmdbRow		args = {0};

	put_row(&args, id, row, run);
	(void) cmdb_run(query,
					"UPDATE pgops.job AS j SET state = r.state, attempts = r.attempts,"
					" started_at = r.started_at, finished_at = r.finished_at, step = r.step,"
					" exit_code = r.exit_code, sqlstate = r.sqlstate, error = r.error,"
					" detail = r.detail, hint = r.hint, result = r.result,"
					" worker_pid = r.worker_pid, child_pid = r.child_pid,"
					" child_start = r.child_start, boot = r.boot"
					" FROM pg_catalog.json_populate_record(NULL::pgops.job, $2) AS r"
					" WHERE j.id = $1 AND $3 IS NOT NULL", &args);
}

/*
 * What waited at the time this server was restored to, and was due before it
 * was stopped, was done then: a second time would do it to other data.  One
 * that stops the server or replaces its data may have been cancelled since.
 */
static void
end_past_jobs(CmdbQuery *query, int64 id, const Run *run)
{
	CmdbRow		args = {0};

	if (!run->replaced)
		return;
	cmdb_put_int8(&args, id);
	cmdb_put_text(&args, text_of(node_get(run->task, "job"), "started_at"));
	cmdb_put_text(&args, unpack_sql_state(ERRCODE_PGOPS_INTERRUPTED));
	(void) cmdb_run(query,
					"UPDATE pgops.job SET state = 'interrupted', finished_at = clock_timestamp(),"
					" sqlstate = $3, error = 'the server was restored to a time at which this job was waiting',"
					" hint = 'It is not started again by itself: ask for it once more.'"
					" WHERE state = 'queued' AND id <> $1 AND (not_before <= $2::timestamptz"
					"  OR kind IN ('restore_in_place', 'restart')"
					"  AND requested_at < pg_catalog.pg_postmaster_start_time())", &args);
}

/* ---- what lies beside ---- */

/*
 * Instances beside this server were not touched, but the table of them is of the
 * past: those that were made since would be known to nobody, those that were
 * dropped since would seem to be there.
 */
static void
put_beside(CmdbQuery *query, const Run *run)
{
	const SpecNode *beside = node_get(run->task, "beside");
	CmdbRow		args = {0};

	if (!run->replaced || beside == NULL || beside->kind != NODE_LIST)
		return;
	cmdb_put_json(&args, beside);
	cmdb_put_text(&args, DataDir);
	cmdb_put_text(&args, text_of(node_get(run->task, "job"), "started_at"));
	(void) cmdb_run(query,
					"DELETE FROM pgops.instance_beside AS i"
					" WHERE i.maker = $2 AND i.created_at < $3::timestamptz"
					" AND $1 IS NOT NULL", &args);
	(void) cmdb_run(query,
					"INSERT INTO pgops.instance_beside"
					" SELECT r.* FROM pg_catalog.json_populate_recordset(NULL::pgops.instance_beside, $1) AS r"
					" WHERE r.maker = $2 AND $3 IS NOT NULL"
					" ON CONFLICT (name) DO NOTHING", &args);
}

/* ---- all runs ---- */

static void
take_in(const Run *run)
{
	CmdbQuery	query;
	SpecNode   *row;
	int64		wanted;
	int64		id;

	cmdb_begin(&query);
	row = make_row(&query, run);
	wanted = int_of(row, "id");
	id = find_row(&query, wanted, row, run);
	if (id != 0)
		update_row(&query, id, row, run);
	else
		id = insert_row(&query, wanted, row, run);
	end_past_jobs(&query, id, run);
	if (run->over)
		put_beside(&query, run);
	if (run->over)
		in_place_store_output(&query, id, run->directory, text_of(run->state, "started"));
	cmdb_end(&query);
	if (run->over)
		ereport(LOG,
				(errmsg("pgops: job " INT64_FORMAT " (%s) %s", id,
						text_of(node_get(run->task, "job"), "kind"), end_state(run)),
				 errdetail("See directory \"%s\".", run->directory)));
}

/* returns whether to look again soon */
static bool
import_one(const char *directory)
{
	Run		   *run;

	if (txn_begin() != EXTENSION_READY)
		return false;
	run = read_run(directory);
	if (run != NULL)
		take_in(run);
	txn_end();
	if (run != NULL && run->over && run->replaced)
		in_place_settle();
	/* only now: should we end before this, the next time writes the same row */
	if (run != NULL && run->over)
		io_write_file(file_of(directory, IN_PLACE_IMPORTED), "", 0600);
	return run != NULL && !run->over;
}

/* One that cannot be read must not keep other jobs from running. */
static bool
import_safely(const char *directory, MemoryContext context)
{
	volatile bool again = false;

	PG_TRY();
	{
		again = import_one(directory);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return again;
}

static List *
run_directories(void)
{
	char	   *folder = ops_path(IN_PLACE_FOLDER);
	DIR		   *directory = opendir(folder);
	struct dirent *entry;
	List	   *found = NIL;

	if (directory == NULL)
		return NIL;
	while ((entry = readdir(directory)) != NULL)
	{
		if (entry->d_name[0] != '.')
			found = lappend(found, psprintf("%s/%s", folder, entry->d_name));
	}
	closedir(directory);
	return found;
}

TimestampTz
in_place_import(void)
{
	bool		again = false;
	ListCell   *cell;

	foreach(cell, run_directories())
	{
		const char *directory = lfirst(cell);

		if (has_file(directory, IN_PLACE_IMPORTED))
			in_place_expire(directory);
		else if (import_safely(directory, CurrentMemoryContext))
			again = true;
	}
	if (!again)
		return 0;
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_AGAIN);
}
