/*
 * sql_standby_jobs.c
 *		SQL: the jobs of a standby as rows, for the view pgops.jobs and pgops.job_log().
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "worker/job_transient.h"
#include "worker/rows.h"

PG_FUNCTION_INFO_V1(pgops_standby_jobs);
PG_FUNCTION_INFO_V1(pgops_standby_job_lines);

#define JOB_COLUMNS		18
#define LINE_COLUMNS	4

static Datum
text_or_null(const char *text, bool *isnull)
{
	return row_text(text[0] ? text : NULL, isnull);
}

static Datum
json_or_null(const char *text, bool *isnull)
{
	*isnull = text[0] == '\0';
	return *isnull ? (Datum) 0 : DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

static Datum
time_or_null(TimestampTz time, bool *isnull)
{
	*isnull = time == 0;
	return TimestampTzGetDatum(time);
}

static Datum
interval_or_null(int64 ms, bool *isnull)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = ms * 1000;
	*isnull = ms == 0;
	return IntervalPGetDatum(interval);
}

static void
put_job(ReturnSetInfo *result, const TransientJob *job)
{
	Datum		values[JOB_COLUMNS];
	bool		nulls[JOB_COLUMNS] = {false};

	values[0] = Int64GetDatum(job->id);
	values[1] = CStringGetTextDatum(job->kind);
	values[2] = CStringGetTextDatum(job_transient_state(job->state));
	values[3] = text_or_null(job->step, &nulls[3]);
	values[4] = json_or_null(job->args, &nulls[4]);
	values[5] = text_or_null(job->cluster, &nulls[5]);
	values[6] = text_or_null(job->requested_by, &nulls[6]);
	values[7] = TimestampTzGetDatum(job->requested_at);
	values[8] = time_or_null(job->started_at, &nulls[8]);
	values[9] = time_or_null(job->finished_at, &nulls[9]);
	values[10] = Int32GetDatum(job->attempts);
	values[11] = interval_or_null(job->deadline_ms, &nulls[11]);
	values[12] = text_or_null(job->sqlstate, &nulls[12]);
	values[13] = text_or_null(job->error, &nulls[13]);
	values[14] = text_or_null(job->detail, &nulls[14]);
	values[15] = text_or_null(job->hint, &nulls[15]);
	values[16] = text_or_null(job->cancelled_by, &nulls[16]);
	values[17] = json_or_null(job->result, &nulls[17]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * pgops_standby_jobs
 *		A row for each job that was asked for while this server was a standby.
 */
Datum
pgops_standby_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TransientJob *copy = palloc(sizeof(TransientJob));

	pgops_init_srf(fcinfo);
	for (int i = 0; i < TRANSIENT_JOBS; i++)
	{
		if (job_transient_get(i, copy))
			put_job(result, copy);
	}
	pfree(copy);
	return (Datum) 0;
}

static void
put_line(ReturnSetInfo *result, int number, const TransientLine *line)
{
	Datum		values[LINE_COLUMNS];
	bool		nulls[LINE_COLUMNS] = {false};

	values[0] = Int32GetDatum(number);
	values[1] = TimestampTzGetDatum(line->at);
	values[2] = CStringGetTextDatum(line->stream);
	values[3] = CStringGetTextDatum(line->text);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * pgops_standby_job_lines
 *		The lines that are kept of one.
 */
Datum
pgops_standby_job_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		id = PG_GETARG_INT64(0);
	TransientJob *copy = palloc(sizeof(TransientJob));

	pgops_init_srf(fcinfo);
	if (!job_transient_find(id, copy))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_JOB),
				 errmsg("there is no job " INT64_FORMAT, id),
				 errhint("See pgops.jobs.")));
	for (int n = Max(copy->lines - TRANSIENT_LINES, 0) + 1; n <= copy->lines; n++)
	{
		/* those of before a restart of the server are not kept */
		if (copy->line[(n - 1) % TRANSIENT_LINES].at != 0)
			put_line(result, n, &copy->line[(n - 1) % TRANSIENT_LINES]);
	}
	pfree(copy);
	return (Datum) 0;
}
