/*
 * job.c
 *		Rows of pgops.job and pgops.job_output.
 *
 * Not for: how far a running job is; that is in shared memory, so that a
 * backup of a day does not leave a day of dead rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "cmdb/job.h"
#include "cmdb/query.h"
#include "errors.h"

#define MILLISECONDS(column) "(extract(epoch FROM " column ") * 1000)::bigint"

int64
cmdb_job_insert(const CmdbJobNew *job)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		id;

	cmdb_begin(&query);
	cmdb_put_text(&args, job->kind);
	cmdb_put_json(&args, job->args);
	cmdb_put_text(&args, job->cluster);
	cmdb_put_text(&args, job->schedule);
	cmdb_put_text(&args, job->requested_by);
	cmdb_put_time(&args, job->not_before);
	cmdb_put_time(&args, job->stop_at);
	cmdb_put_int8(&args, job->deadline_ms);
	cmdb_put_int4(&args, job->max_attempts);
	(void) cmdb_run(&query,
					"INSERT INTO pgops.job (kind, args, cluster, schedule, requested_by,"
					" not_before, stop_at, deadline, max_attempts)"
					" VALUES ($1, $2::jsonb, $3, $4, COALESCE($5, session_user),"
					" COALESCE($6, now()), $7,"
					" NULLIF($8, 0) * interval '1 millisecond', $9) RETURNING id", &args);
	id = cmdb_int8(0, 1);
	cmdb_end(&query);
	return id;
}

static SpecNode *
json_or_null(CmdbQuery *query, uint64 row, int column)
{
	bool		isnull;

	(void) cmdb_datum(row, column, &isnull);
	return isnull ? NULL : cmdb_json(query, row, column);
}

/*
 * The condition on the state is looked at again after a wait for the row's
 * lock, so of two that try one gets it.
 */
CmdbJobRow *
cmdb_job_claim(int64 id, const char *boot)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	CmdbJobRow *row = NULL;

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	cmdb_put_int4(&args, MyProcPid);
	cmdb_put_text(&args, boot);
	if (cmdb_run(&query,
				 "UPDATE pgops.job SET state = 'running', attempts = attempts + 1,"
				 " started_at = CASE WHEN memory IS NULL THEN clock_timestamp()"
				 "  ELSE COALESCE(started_at, clock_timestamp()) END, worker_pid = $2, boot = $3,"
				 " child_pid = NULL, child_start = NULL, step = NULL, done = NULL, total = NULL,"
				 " unit = NULL, exit_code = NULL, sqlstate = NULL, error = NULL, detail = NULL,"
				 " hint = NULL"
				 " WHERE id = $1 AND state = 'queued'"
				 " RETURNING kind, args::json, cluster, requested_by, attempts, max_attempts, stop_at, "
				 MILLISECONDS("deadline")
				 ", memory::json, heartbeat, started_at, (SELECT COALESCE(max(o.line), 0) FROM pgops.job_output AS o WHERE o.job = $1)",
				 &args) == 1)
	{
		row = MemoryContextAllocZero(query.caller, sizeof(CmdbJobRow));
		row->kind = cmdb_text(&query, 0, 1);
		row->args = cmdb_json(&query, 0, 2);
		row->cluster = cmdb_text(&query, 0, 3);
		row->requested_by = cmdb_text(&query, 0, 4);
		row->attempts = cmdb_int4(0, 5);
		row->max_attempts = cmdb_int4(0, 6);
		row->stop_at = cmdb_time(0, 7);
		row->deadline_ms = cmdb_int8(0, 8);
		row->memory = json_or_null(&query, 0, 9);
		row->heartbeat = cmdb_time(0, 10);
		row->started_at = cmdb_time(0, 11);
		row->lines = cmdb_int4(0, 12);
	}
	cmdb_end(&query);
	return row;
}

void
cmdb_job_set_child(int64 id, int pid, int64 start)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	cmdb_put_int4(&args, pid);
	cmdb_put_int8(&args, start);
	(void) cmdb_run(&query,
					"UPDATE pgops.job SET child_pid = NULLIF($2, 0), child_start = NULLIF($3, 0)"
					" WHERE id = $1 AND state = 'running'", &args);
	cmdb_end(&query);
}

void
cmdb_job_remember(int64 id, const SpecNode *memory)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	if (memory)
		cmdb_put_json(&args, memory);
	else
		cmdb_put_null(&args, JSONOID);
	(void) cmdb_run(&query,
					"UPDATE pgops.job SET memory = $2::jsonb, heartbeat = clock_timestamp()"
					" WHERE id = $1 AND state = 'running'", &args);
	cmdb_end(&query);
}

bool
cmdb_job_beat(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		runs;

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	runs = cmdb_run(&query,
					"UPDATE pgops.job SET heartbeat = clock_timestamp()"
					" WHERE id = $1 AND state = 'running'", &args) == 1;
	cmdb_end(&query);
	return runs;
}

/* The attempt is the same one: what broke it off is part of what it does. */
bool
cmdb_job_resume(int64 id, TimestampTz at, int timeline, int most)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		done;

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	cmdb_put_int4(&args, timeline);
	cmdb_put_int4(&args, most);
	cmdb_put_time(&args, at);
	done = cmdb_run(&query,
					"UPDATE pgops.job SET state = 'queued', attempts = attempts - 1,"
					" memory = memory || jsonb_build_object('resumed', jsonb_build_object("
					"  'at', COALESCE($4, clock_timestamp()), 'timeline', $2,"
					"  'times', COALESCE((memory #>> '{resumed,times}')::int, 0) + 1)),"
					" worker_pid = NULL, child_pid = NULL, child_start = NULL, boot = NULL"
					" WHERE id = $1 AND state = 'running' AND memory IS NOT NULL"
					" AND COALESCE((memory #>> '{resumed,times}')::int, 0) < $3", &args) == 1;
	cmdb_end(&query);
	return done;
}

static void
put_float(CmdbRow *row, double value, bool isnull)
{
	Assert(row->count < CMDB_MAX_COLUMNS);
	row->types[row->count] = FLOAT8OID;
	row->values[row->count] = Float8GetDatum(value);
	row->nulls[row->count++] = isnull;
}

static void
put_end(CmdbRow *args, int64 id, const CmdbJobEnd *end)
{
	cmdb_put_int8(args, id);
	cmdb_put_text(args, end->state);
	cmdb_put_text(args, end->cancelled_by);
	cmdb_put_text(args, end->step);
	put_float(args, end->done, end->unit == NULL);
	put_float(args, end->total, end->total <= 0);
	cmdb_put_text(args, end->unit);
	if (end->exit_code >= 0)
		cmdb_put_int4(args, end->exit_code);
	else
		cmdb_put_null(args, INT4OID);
	cmdb_put_text(args, end->sqlstate ? unpack_sql_state(end->sqlstate) : NULL);
	cmdb_put_text(args, end->error);
	cmdb_put_text(args, end->detail);
	cmdb_put_text(args, end->hint);
	if (end->result)
		cmdb_put_json(args, end->result);
	else
		cmdb_put_null(args, JSONOID);
	cmdb_put_time(args, end->not_before);
}

/* Only a running row: a person may have deleted it, a later life have marked it. */
void
cmdb_job_finish(int64 id, const CmdbJobEnd *end)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	put_end(&args, id, end);
	(void) cmdb_run(&query,
					"UPDATE pgops.job SET state = $2, cancelled_by = $3, step = $4, done = $5,"
					" total = $6, unit = $7, exit_code = $8, sqlstate = $9, error = $10,"
					" detail = $11, hint = $12, result = $13::jsonb,"
					" not_before = COALESCE($14, not_before),"
					" finished_at = CASE WHEN $2 = 'queued' THEN NULL ELSE clock_timestamp() END,"
					" memory = CASE WHEN $2 = 'queued' THEN memory END,"
					" worker_pid = NULL, child_pid = NULL, child_start = NULL, boot = NULL"
					" WHERE id = $1 AND state = 'running'", &args);
	cmdb_end(&query);
}

void
cmdb_job_delete(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	(void) cmdb_run(&query, "DELETE FROM pgops.job WHERE id = $1", &args);
	cmdb_end(&query);
}

List *
cmdb_job_open(void)
{
	CmdbQuery	query;
	List	   *jobs = NIL;
	uint64		count;

	cmdb_begin(&query);
	count = cmdb_run(&query,
					 "SELECT id, kind, state = 'running', state = 'queued' AND not_before <= now(),"
					 " not_before, worker_pid, child_pid, child_start, boot"
					 " FROM pgops.job WHERE state IN ('queued', 'running')"
					 " ORDER BY not_before, id", NULL);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query.caller);
		CmdbJobOpen *job = palloc0(sizeof(CmdbJobOpen));

		job->id = cmdb_int8(i, 1);
		job->kind = cmdb_text(&query, i, 2);
		job->running = cmdb_bool(i, 3);
		job->due = cmdb_bool(i, 4);
		job->not_before = cmdb_time(i, 5);
		job->worker_pid = cmdb_int4(i, 6);
		job->child_pid = cmdb_int4(i, 7);
		job->child_start = cmdb_int8(i, 8);
		job->boot = cmdb_text(&query, i, 9);
		jobs = lappend(jobs, job);
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return jobs;
}

int
cmdb_job_fail_late(void)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int			count;

	cmdb_begin(&query);
	cmdb_put_text(&args, unpack_sql_state(ERRCODE_PGOPS_DEADLINE));
	count = (int) cmdb_run(&query,
						   "UPDATE pgops.job SET state = 'failed', finished_at = clock_timestamp(),"
						   " sqlstate = $1, error = 'the time in which the job could run is over',"
						   " hint = 'Other jobs were in its way, or the server was down: see pgops.jobs.'"
						   " WHERE state = 'queued' AND stop_at <= now()", &args);
	cmdb_end(&query);
	return count;
}

void
cmdb_job_interrupt(int64 id, const char *reason)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	cmdb_put_text(&args, unpack_sql_state(ERRCODE_PGOPS_INTERRUPTED));
	cmdb_put_text(&args, reason);
	(void) cmdb_run(&query,
					"UPDATE pgops.job SET state = 'interrupted', finished_at = clock_timestamp(),"
					" sqlstate = $2, error = $3,"
					" hint = 'It is not started again by itself: ask for it once more.', memory = NULL,"
					" worker_pid = NULL, child_pid = NULL, child_start = NULL, boot = NULL"
					" WHERE id = $1 AND state = 'running'", &args);
	cmdb_end(&query);
}

void
cmdb_job_expire(int days)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int4(&args, days);
	(void) cmdb_run(&query,
					"DELETE FROM pgops.job WHERE id IN ("
					" SELECT j.id FROM pgops.job AS j"
					" WHERE j.finished_at < now() - $1 * interval '1 day'"
					" ORDER BY j.finished_at LIMIT 1000)", &args);
	cmdb_end(&query);
}

static const CmdbColumn line_columns[] = {
	{"line", INT4OID}, {"at", TIMESTAMPTZOID}, {"stream", TEXTOID}, {"text", TEXTOID},
};

void
cmdb_job_output(int64 id, List *lines)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	CmdbRow		row = {0};
	CmdbRowSet *set;
	ListCell   *cell;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "new_line", line_columns, lengthof(line_columns));
	foreach(cell, lines)
	{
		CmdbJobLine *line = lfirst(cell);

		cmdb_put_int4(&row, line->number);
		cmdb_put_time(&row, line->at);
		cmdb_put_text(&row, line->stream);
		cmdb_put_text(&row, line->text);
		cmdb_row_set_add(set, &row);
	}
	cmdb_put_int8(&args, id);
	(void) cmdb_run(&query,
					"INSERT INTO pgops.job_output (job, line, at, stream, text)"
					" SELECT $1, n.line, n.at, n.stream, n.text FROM new_line AS n"
					" WHERE EXISTS (SELECT FROM pgops.job AS j WHERE j.id = $1)", &args);
	cmdb_end(&query);
}
