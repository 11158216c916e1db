/*
 * schedule.c
 *		Asking for the jobs of schedules.
 *
 * That a time is taken care of, and the job for it, are committed together: so
 * neither a restart nor a second runner makes two of one.
 *
 * Not for: noticing that one is due (schedule_watch.c, pg_cron).
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "observe/cron.h"
#include "ops/job.h"
#include "ops/schedule.h"
#include "spec/spec.h"

/*
 * As late as this is on time: a restart of the server, a minute of pg_cron's
 * that was busy.  Later, only a declared deadline lets it begin.
 */
#define ON_TIME_MS	(5 * 60 * INT64CONST(1000))

/* kinds that go on only as long as the maintenance window, when they begin in it */
static const char *const window_kinds[] = {
	"vacuum", "freeze", "analyze", "repack", "reindex", NULL
};

/* ---- what is declared ---- */

Cluster *
schedule_load(const char *name)
{
	Inventory  *inventory = cmdb_load_scope(name);
	const InventoryGroup *group = inventory_group(inventory, name);
	Findings	ignored = {0};
	SpecNode   *inherited;
	SpecNode   *body;

	if (group == NULL)
		return NULL;
	inventory_levels(inventory, group, &inherited, &body);
	inherited = node_copy(inherited);
	body = node_copy(body);
	spec_normalise_vars(inherited);
	spec_normalise_body(body);
	return model_build(name, body, inherited, cmdb_binding()->instance, NIL,
					   GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false), &ignored);
}

/* ---- windows ---- */

#define MS_LATER(time, ms)	((time) + (ms) * INT64CONST(1000))

/*
 * The open one of which most is left.  Windows that begin again before they end
 * are gone through one by one, but not for ever.
 */
static bool
find_window(const MaintenanceWindow *window, TimestampTz now, TimestampTz *start,
			TimestampTz *end)
{
	TimestampTz begins;

	if (window == NULL)
		return false;
	begins = cron_next(window->cron, MS_LATER(now, -window->duration_ms), log_timezone);
	for (int i = 0; begins != 0 && i < 10000; i++)
	{
		TimestampTz next = cron_next(window->cron, begins, log_timezone);

		if (next == 0 || next > now)
			break;
		begins = next;
	}
	*start = begins;
	*end = MS_LATER(begins, window->duration_ms);
	return begins != 0;
}

bool
schedule_window(const char *name, TimestampTz now, TimestampTz *start, TimestampTz *end)
{
	Cluster    *cluster;

	if (name == NULL)
		name = cmdb_local_cluster();
	cluster = name ? schedule_load(name) : NULL;
	return cluster != NULL && find_window(cluster->window, now, start, end);
}

/* when the job of a schedule that begins now ends at the latest; 0: not */
static TimestampTz
stop_at(const Cluster *cluster, const Schedule *schedule, TimestampTz now)
{
	TimestampTz start;
	TimestampTz end;

	if (schedule->window_ms > 0)
		return MS_LATER(now, schedule->window_ms);
	for (int i = 0; window_kinds[i] != NULL; i++)
	{
		if (strcmp(window_kinds[i], schedule->what) == 0 &&
			find_window(cluster->window, now, &start, &end) && start <= now)
			return end;
	}
	return 0;
}

/* ---- asking ---- */

/* a job of the schedule that is not over; 0: none */
static int64
open_job(const Cluster *cluster, const Schedule *schedule)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		id = 0;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster->name);
	cmdb_put_text(&args, schedule->name);
	if (cmdb_run(&query, "SELECT pg_catalog.max(j.id) FROM pgops.job AS j"
				 " WHERE j.cluster = $1 AND j.schedule = $2"
				 " AND j.state IN ('queued', 'running')", &args) > 0)
		id = cmdb_int8(0, 1);
	cmdb_end(&query);
	return id;
}

/* what became of it, for pgops.schedules; job 0: nothing */
static void
note(const Cluster *cluster, const Schedule *schedule, int64 job, const char *skipped)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster->name);
	cmdb_put_text(&args, schedule->name);
	cmdb_put_int8(&args, job);
	cmdb_put_text(&args, skipped);
	(void) cmdb_run(&query,
					"UPDATE pgops.schedule_state SET"
					" last_job = CASE WHEN $3 = 0 THEN last_job ELSE $3 END,"
					" last_run = CASE WHEN $3 = 0 THEN last_run ELSE pg_catalog.now() END,"
					" skipped_at = CASE WHEN $4 IS NULL THEN skipped_at ELSE pg_catalog.now() END,"
					" skipped = COALESCE($4, skipped)"
					" WHERE cluster = $1 AND name = $2", &args);
	cmdb_end(&query);
}

/* see schedule.h */
int64
schedule_ask(const Cluster *cluster, const Schedule *schedule, char **skipped)
{
	JobRequest	request = {0};
	int64		job = open_job(cluster, schedule);

	*skipped = NULL;
	if (job != 0)
	{
		*skipped = psprintf("job " INT64_FORMAT " of this schedule is not over yet", job);
		note(cluster, schedule, 0, *skipped);
		return 0;
	}
	request.kind = schedule->what;
	request.args = schedule->options;
	request.cluster = cluster->name;
	request.schedule = schedule->name;
	request.stop_at = stop_at(cluster, schedule, GetCurrentTimestamp());
	job = job_queue(&request);
	note(cluster, schedule, job, NULL);
	return job;
}

/*
 * Takes a time for this transaction: false if somebody else has, or if the
 * expression was another one then.  Waits for who is at it.
 */
static bool
take_time(const Cluster *cluster, const Schedule *schedule, TimestampTz due)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		taken;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster->name);
	cmdb_put_text(&args, schedule->name);
	cmdb_put_time(&args, due);
	taken = cmdb_run(&query,
					 "UPDATE pgops.schedule_state SET last_due = $3"
					 " WHERE cluster = $1 AND name = $2 AND since < $3"
					 " AND (last_due IS NULL OR last_due < $3)", &args) > 0;
	cmdb_end(&query);
	return taken;
}

/* "3 h 20 min": as exact as anybody wants to know it */
static char *
in_words(int64 ms)
{
	int64		minutes = ms / 60000;

	if (minutes < 60)
		return psprintf(INT64_FORMAT " min", minutes);
	if (minutes < 48 * 60)
		return psprintf(INT64_FORMAT " h " INT64_FORMAT " min", minutes / 60, minutes % 60);
	return psprintf(INT64_FORMAT " days", minutes / (24 * 60));
}

/* why what was due is not to begin now; NULL: it is */
static char *
too_late(const Cluster *cluster, const Schedule *schedule, TimestampTz due)
{
	CmdbCluster *row = cmdb_cluster(cluster->name);
	int64		late_ms = (GetCurrentTimestamp() - due) / 1000;

	if (row == NULL || row->paused)
		return pstrdup("the cluster is paused");
	if (late_ms <= Max(schedule->deadline_ms, ON_TIME_MS))
		return NULL;
	if (schedule->deadline_ms == 0)
		return psprintf("it would have begun %s late, and no deadline is declared",
						in_words(late_ms));
	return psprintf("it would have begun %s late, the deadline is %s", in_words(late_ms),
					in_words(schedule->deadline_ms));
}

/* see schedule.h */
int64
schedule_due(const Cluster *cluster, const Schedule *schedule, TimestampTz due, char **skipped)
{
	*skipped = NULL;
	if (schedule_problem(cluster, schedule) != NULL || !take_time(cluster, schedule, due))
		return 0;
	*skipped = too_late(cluster, schedule, due);
	if (*skipped == NULL)
		return schedule_ask(cluster, schedule, skipped);
	note(cluster, schedule, 0, *skipped);
	return 0;
}

/* ---- what pg_cron still calls for ---- */

/*
 * The extension is asked for, since without it a schema "cron" may be anybody's;
 * the statement that removes is only read where there is what it names.
 */
#define HAS_PG_CRON \
	"SELECT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_cron')" \
	" AND pg_catalog.to_regclass('cron.job') IS NOT NULL" \
	" AND pg_catalog.to_regprocedure('cron.unschedule(bigint)') IS NOT NULL"

#define UNSCHEDULE \
	"SELECT cron.unschedule(j.jobid) FROM cron.job AS j" \
	" WHERE pg_catalog.starts_with(j.jobname::text, '" CRON_JOB_PREFIX "')" \
	" AND pg_catalog.starts_with(j.command, '" CRON_JOB_CALL "')" \
	" AND j.command = COALESCE($1, j.command)" \
	" AND j.database = pg_catalog.current_database() AND j.username = $2"

/* see schedule.h */
uint64
schedule_leave(const char *name)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	uint64		removed = 0;

	cmdb_begin(&query);
	cmdb_put_text(&args, name ? cron_job_command(name) : NULL);
	cmdb_put_text(&args, GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false));
	if (cmdb_run(&query, HAS_PG_CRON, NULL) > 0 && cmdb_bool(0, 1))
		removed = cmdb_run(&query, UNSCHEDULE, &args);
	cmdb_end(&query);
	return removed;
}
