/*
 * restart.c
 *		The job that restarts this server, and asking for it; where Patroni runs the
 *		server, asking for a restart of all members one by one.
 *
 * As with a restore in place, a program carries it out that outlives the
 * server; the server that comes back finds the result.
 *
 * Not for: the steps (in_place_task.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "io/wait.h"
#include "observe/patroni.h"
#include "observe/patroni.h"
#include "ops/hand_over.h"
#include "ops/in_place_parts.h"
#include "ops/kinds.h"
#include "ops/restart.h"
#include "ops/schedule.h"

/* s, for a job without deadline */
#define LONGEST		3600

/* kind of the job that restarts all members of a Patroni cluster */
#define ROLLING_RESTART		"rolling_restart"

/* ---- whether it can be ---- */

void
restart_check(int64 own)
{
	char	   *service = io_process_service();

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a standby has no jobs, and so cannot be restarted by one"),
				 errhint("Restart it with pg_ctl or its service.")));
	if (patroni_runs_server())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server is run by Patroni, which would start it again or fail over"),
				 errhint("Use pgops.restart_member(), or pgops.rolling_restart() for all members of the cluster.")));
	if (service != NULL && *pgops_guc_restore_launcher == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server runs in the service \"%s\", which would not take it for its own after a restart",
						service),
				 errhint("Use \"systemctl restart %s\", or set pgops.restore_launcher to a command that starts a program outside of the service.",
						 service)));
	in_place_check_runner();
	in_place_check_path();
	in_place_check_jobs(own);
}

/* ---- asking for it ---- */

/* whether a job is at work that a restart would break off, or is about to begin */
static bool
is_busy(void)
{
	ListCell   *cell;

	foreach(cell, cmdb_job_open())
	{
		const CmdbJobOpen *job = lfirst(cell);
		const JobKind *kind = job_kind(job->kind);

		if (strcmp(job->kind, "restart") == 0 || strcmp(job->kind, ROLLING_RESTART) == 0 ||
			((kind == NULL || !kind->quiet) && (job->running || job->due)))
			return true;
	}
	return false;
}

/*
 * A restart that did not help, or did not even succeed, is not tried again for
 * the same reason: the server would never come to rest.
 */
static bool
was_tried(const char *kind, const char *parameters)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		tried;

	cmdb_begin(&query);
	cmdb_put_text(&args, parameters);
	cmdb_put_text(&args, kind);
	tried = cmdb_run(&query,
					 "SELECT FROM (SELECT j.args ->> 'parameters' AS parameters"
					 " FROM pgops.job AS j WHERE j.kind = $2 ORDER BY j.id DESC LIMIT 1) AS l"
					 " WHERE l.parameters = $1", &args) > 0;
	cmdb_end(&query);
	return tried;
}

static void
ask(const char *cluster, const char *policy, const char *parameters)
{
	SpecNode   *args = node_map();
	bool		patroni = patroni_runs_server();
	JobRequest	request = {patroni ? ROLLING_RESTART : "restart", args, cluster};
	TimestampTz now = GetCurrentTimestamp();

	if (is_busy() || was_tried(request.kind, parameters) || job_kind(request.kind) == NULL)
		return;
	if (strcmp(policy, "window") == 0)
	{
		TimestampTz start;

		if (!schedule_window(cluster, now, &start, &request.stop_at))
			return;
		request.not_before = Max(start, now);
	}
	node_map_set(args, "parameters", node_string(parameters));
	if (patroni)
		node_map_set(args, "only_pending", node_bool(true));
	request.requested_by = GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false);
	(void) job_queue(&request);
}

void
restart_ask(const char *cluster, const char *policy, const char *parameters)
{
	if (strcmp(policy, "always") != 0 && strcmp(policy, "window") != 0)
		return;
	if (txn_begin() != EXTENSION_READY)
		return;
	ask(cluster, policy, parameters);
	txn_end();
}

/* ---- doing it ---- */

/*
 * The file of ALTER SYSTEM with which the server runs as it does now: what
 * waits for the restart has its present value in it.
 */
static const char file_query[] =
"SELECT pg_catalog.string_agg(pg_catalog.format('%s = ''%s''', e.name,"
"  pg_catalog.replace(pg_catalog.replace(e.value, '\\', '\\\\'), '''', '''''')), E'\\n')"
" FROM (SELECT f.name, f.setting AS value"
"  FROM pg_catalog.pg_file_settings AS f"
"  WHERE f.sourcefile = $1 AND f.name IS NOT NULL"
"  AND NOT EXISTS (SELECT FROM pgops.show_pending_restart() AS p"
"   WHERE pg_catalog.lower(p.name) = pg_catalog.lower(f.name))"
"  UNION ALL"
"  SELECT s.name, s.setting FROM pgops.show_pending_restart() AS p"
"  JOIN pg_catalog.pg_settings AS s ON s.name = p.name) AS e";

static char *
old_file_text(const char *file)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *lines;

	cmdb_begin(&query);
	cmdb_put_text(&args, file);
	(void) cmdb_run(&query, file_query, &args);
	lines = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return psprintf("# Do not edit this file manually!\n"
					"# It will be overwritten by the ALTER SYSTEM command.\n%s%s",
					lines ? lines : "", lines ? "\n" : "");
}

static int64
seconds_left(const Job *job)
{
	if (job->deadline == 0)
		return LONGEST;
	return Max(io_remaining_ms(job->deadline) / 1000, 1);
}

void
restart_run(Job *job)
{
	InPlaceTask task = {0};
	SpecNode   *map = node_map();
	SpecNode   *row;
	const char *parameters = job_arg(job, "parameters");
	char	   *file = psprintf("%s/%s", DataDir, PG_AUTOCONF_FILENAME);

	job_step(job, "checking");
	job_begin(job);
	restart_check(job->id);
	task.server = in_place_server();
	task.seconds = seconds_left(job);
	row = hand_over_row(job->id);
	task.directory = hand_over_directory(job->id, row);
	node_map_set(map, "steps", in_place_restart_steps(&task, file, old_file_text(file)));
	txn_end();

	job_step(job, "restarting");
	job_note(job, "The server is going to be restarted by another program; see %s.",
			 task.directory);
	node_map_set(map, "target", node_string(parameters ? parameters : "restart"));
	node_map_set(map, "replaces_from", node_int(PG_INT16_MAX));
	hand_over(job, task.directory, row, map);
}
