/*
 * Maintenance by the clock.
 */
CREATE TABLE pgops.schedule_state (
	cluster		text NOT NULL,
	name		text NOT NULL,
	source		text NOT NULL,
	cron		text NOT NULL,
	what		text,
	options		jsonb NOT NULL,
	"window"	interval,
	deadline	interval,
	runner		text NOT NULL,
	reason		text,
	since		timestamptz NOT NULL DEFAULT now(),
	last_due	timestamptz,
	last_run	timestamptz,
	last_job	bigint,
	skipped_at	timestamptz,
	skipped		text,
	CONSTRAINT schedule_state_pkey PRIMARY KEY (cluster, name),
	CONSTRAINT schedule_state_runner_check CHECK (runner IN ('pg_cron', 'pgops', 'not run'))
);

COMMENT ON TABLE pgops.schedule_state IS
'The schedules of the cluster that this server belongs to, as the coordinator''s last pass saw them, and when each ran. Read it through pgops.schedules. Not dumped.';
COMMENT ON COLUMN pgops.schedule_state.cluster IS 'The cluster.';
COMMENT ON COLUMN pgops.schedule_state.name IS 'Name of the schedule.';
COMMENT ON COLUMN pgops.schedule_state.source IS 'Parameter it is declared in.';
COMMENT ON COLUMN pgops.schedule_state.cron IS 'The cron expression, in the time zone of log_timezone.';
COMMENT ON COLUMN pgops.schedule_state.what IS 'Kind of job; NULL: none that pgops has.';
COMMENT ON COLUMN pgops.schedule_state.options IS 'Arguments of the job.';
COMMENT ON COLUMN pgops.schedule_state."window" IS 'How long it may go on; NULL: not declared.';
COMMENT ON COLUMN pgops.schedule_state.deadline IS 'How late it may begin; NULL: not declared.';
COMMENT ON COLUMN pgops.schedule_state.runner IS 'pg_cron, pgops or not run.';
COMMENT ON COLUMN pgops.schedule_state.reason IS 'Why it is not run, or not by pg_cron; or NULL.';
COMMENT ON COLUMN pgops.schedule_state.since IS 'Since when the expression holds: what was due before is not made up for.';
COMMENT ON COLUMN pgops.schedule_state.last_due IS 'The last time it was due and was taken care of: nothing is done for a time twice.';
COMMENT ON COLUMN pgops.schedule_state.last_run IS 'When its last job was asked for.';
COMMENT ON COLUMN pgops.schedule_state.last_job IS 'That job.';
COMMENT ON COLUMN pgops.schedule_state.skipped_at IS 'When a run was skipped last.';
COMMENT ON COLUMN pgops.schedule_state.skipped IS 'Why.';

/* ---- cron expressions ---- */
CREATE FUNCTION pgops.cron_next(expression text, after timestamptz DEFAULT now(), count integer DEFAULT 1,
								zone text DEFAULT NULL)
RETURNS SETOF timestamptz
LANGUAGE C STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_cron_next';

COMMENT ON FUNCTION pgops.cron_next(text, timestamptz, integer, text) IS
'When a cron expression is true next.

Arguments:
  expression  minute, hour, day of month, month, day of week: numbers, names (mon, jan), lists, ranges, steps; $ for the last day of the month; or @hourly, @daily, @weekly, @monthly, @yearly. If day of month and day of week both are restricted, one of them is enough.
  after       times later than this
  count       how many
  zone        time zone in which it is meant; NULL: that of the setting log_timezone, as in schedules

Where clocks are put back, a fixed time counts once, the first time; where they are put forward, one that is skipped counts as if they had not been yet. Where minute or hour begins with *, every one that really passes counts.

Errors: 22023 for what is no expression, or one that never comes true, or an unknown zone. An expression that comes true less than count times gives fewer rows.

Example: SELECT * FROM pgops.cron_next(''0 1 * * mon-fri'', count => 3);';

/* ---- running one ---- */
CREATE FUNCTION pgops.run_schedule(name text, by_clock boolean DEFAULT false)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_run_schedule';

COMMENT ON FUNCTION pgops.run_schedule(text, boolean) IS
'Asks for the job of a schedule now, as if it were due: its window holds from now on. Returns the job''s number; NULL, with a notice, if the last job of the schedule is not over yet.

Arguments:
  name      name of a schedule of the cluster this server belongs to, as in pgops.schedules
  by_clock  as pg_cron calls it: only if it is due and nobody has asked for it yet, within its deadline, and while the cluster is not paused. If the schedule is not declared any more, or the server is bound to no instance, the jobs of pg_cron that call for it are removed, with a notice

Errors: 42704 for an unknown schedule, PO118 for a line of a crontab that pgops does not run, PO700 on a server that is bound to no instance, 25006 on a standby, PO702 if pgops is not in shared_preload_libraries.

Example: SELECT pgops.run_schedule(''nightly'');';

/* ---- windows ---- */
CREATE FUNCTION pgops.next_window(cluster text DEFAULT NULL, OUT window_start timestamptz, OUT window_end timestamptz)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_next_window';

COMMENT ON FUNCTION pgops.next_window(text) IS
'The maintenance window that is open now or, if none is, the next one: pgops_maintenance_window {cron, duration}. NULLs if none is declared. What is asked for with in_window => true starts in it and ends with it.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to

Errors: PO704 for an unknown cluster.

Example: SELECT window_start, window_end FROM pgops.next_window();';

/* ---- what there is ---- */
CREATE VIEW pgops.schedules AS
SELECT s.cluster, s.name, s.source, s.cron, s.what, s.options, s."window", s.deadline,
	   CASE WHEN s.runner OPERATOR(pg_catalog.<>) 'not run'
			THEN (SELECT n.at FROM pgops.cron_next(s.cron) AS n (at))
	   END AS next_run,
	   s.last_run,
	   j.state AS last_state,
	   s.last_job,
	   s.skipped_at,
	   s.skipped,
	   s.runner,
	   s.reason
FROM pgops.schedule_state AS s
LEFT JOIN pgops.job AS j ON j.id OPERATOR(pg_catalog.=) s.last_job;

COMMENT ON VIEW pgops.schedules IS
'The schedules of the cluster that this server belongs to: those of pgops_schedules, and the lines of pg_crontab and node_crontab, with who runs each and what became of it. As the coordinator''s last pass saw them. Readable by pg_monitor.

Example: SELECT name, cron, what, next_run, last_state, runner, reason FROM pgops.schedules ORDER BY next_run;';
COMMENT ON COLUMN pgops.schedules.cluster IS 'The cluster.';
COMMENT ON COLUMN pgops.schedules.name IS 'Name of the schedule; of a crontab''s line, one made of its parameter and what it does.';
COMMENT ON COLUMN pgops.schedules.source IS 'Parameter it is declared in: pgops_schedules, pg_crontab or node_crontab.';
COMMENT ON COLUMN pgops.schedules.cron IS 'The cron expression, in the time zone of the setting log_timezone.';
COMMENT ON COLUMN pgops.schedules.what IS 'Kind of job, as in pgops.job_kinds(); NULL: none that pgops has.';
COMMENT ON COLUMN pgops.schedules.options IS 'Arguments of the job.';
COMMENT ON COLUMN pgops.schedules."window" IS 'How long it may go on, from its start; NULL: as the kind of job says and, for the maintenance of tables, no longer than the maintenance window it begins in.';
COMMENT ON COLUMN pgops.schedules.deadline IS 'How late it may begin when the server was down at its time; NULL: five minutes.';
COMMENT ON COLUMN pgops.schedules.next_run IS 'When it is due next; NULL: never, or it is not run.';
COMMENT ON COLUMN pgops.schedules.last_run IS 'When its last job was asked for.';
COMMENT ON COLUMN pgops.schedules.last_state IS 'State of that job; NULL: none yet, or it was deleted (pgops.job_retention).';
COMMENT ON COLUMN pgops.schedules.last_job IS 'Number of that job.';
COMMENT ON COLUMN pgops.schedules.skipped_at IS 'When a run was skipped last.';
COMMENT ON COLUMN pgops.schedules.skipped IS 'Why: the last job was not over, it was too late, the cluster was paused, it could not be asked for.';
COMMENT ON COLUMN pgops.schedules.runner IS 'Who calls it when it is due: pg_cron, pgops (the coordinator), or not run.';
COMMENT ON COLUMN pgops.schedules.reason IS 'Why it is not run, or why not by pg_cron; NULL where there is nothing to say.';
