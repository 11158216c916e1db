/*
 * Jobs, for people: asking, watching, waiting, cancelling.  What asks for each
 * kind of job is in the files after this one.
 */

/* ---- which kinds there are ---- */
CREATE FUNCTION pgops.job_kinds()
RETURNS TABLE (
	kind		text,
	lock_group	text,
	deadline	interval,
	attempts	integer,
	summary		text
)
LANGUAGE C STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_kinds';

COMMENT ON FUNCTION pgops.job_kinds() IS
'The kinds of jobs: kind, lock_group (at most one job of a group runs at a time; NULL: any number), deadline (how long it may take unless it is asked for with another one), attempts (how often it is tried when what failed may go away by itself: PO503, 55P03, classes 08 and 53), summary.';

/* ---- how far they are ---- */
CREATE FUNCTION pgops.job_slots()
RETURNS TABLE (
	job				bigint,
	worker_pid		integer,
	cancelled_by	text,
	step			text,
	done			double precision,
	total			double precision,
	unit			text,
	step_started	timestamptz
)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_slots';

COMMENT ON FUNCTION pgops.job_slots() IS
'Jobs that have a worker now, from shared memory: job, worker_pid (NULL: about to start), cancelled_by (role that called pgops.job_cancel(), or NULL), step, done and total in unit (NULL: unknown), step_started. For pgops.jobs.';

CREATE FUNCTION pgops.amount(value double precision, unit text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN unit <> 'bytes' THEN round(value::numeric)::text
		WHEN value < 1024 THEN round(value::numeric)::text || ' B'
		WHEN value < 1024 ^ 2 THEN round((value / 1024)::numeric)::text || ' kB'
		WHEN value < 1024 ^ 3 THEN round((value / 1024 ^ 2)::numeric)::text || ' MB'
		WHEN value < 1024 ^ 4 THEN round((value / 1024 ^ 3)::numeric, 1)::text || ' GB'
		ELSE round((value / 1024 ^ 4)::numeric, 2)::text || ' TB'
	END
$$;

COMMENT ON FUNCTION pgops.amount(double precision, text) IS
'A number with its unit for people: 12 MB, 3.4 GB; other units than bytes as a whole number without the unit.';

CREATE FUNCTION pgops.progress_text(done double precision, total double precision, unit text,
									rate double precision, eta interval)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT concat_ws('  ',
		CASE WHEN total > 0 THEN
			'[' || rpad(repeat('#', least(floor(20 * done / total), 20)::int), 20, '.') || '] '
				|| lpad(least(floor(100 * done / total), 100)::text, 3) || '%' END,
		CASE WHEN unit IS NULL OR unit = 'percent' THEN NULL
			 WHEN total > 0 THEN concat(pgops.amount(done, unit), ' of ', pgops.amount(total, unit),
										CASE WHEN unit <> 'bytes' THEN ' ' || unit END)
			 WHEN done > 0 THEN concat(pgops.amount(done, unit),
									   CASE WHEN unit <> 'bytes' THEN ' ' || unit END) END,
		CASE WHEN unit = 'bytes' AND rate > 0 THEN pgops.amount(rate, unit) || '/s' END,
		/* at 100 % a rest below the precision of the numbers would still take "0:01" */
		CASE WHEN eta IS NOT NULL AND floor(100 * done / total) < 100 THEN
			CASE WHEN eta >= interval '1 hour'
				 THEN to_char(eta, 'FMHH24:MI:SS') ELSE to_char(eta, 'FMMI:SS') END || ' left' END)
$$;

COMMENT ON FUNCTION pgops.progress_text(double precision, double precision, text, double precision, interval) IS
'One line that says how far something is: a bar, percent, amounts, rate and time left, as far as they are known.

Example: [##########..........]  50%  512 MB of 1.0 GB  96 MB/s  0:05 left';

/* ---- jobs of a standby ---- */
CREATE FUNCTION pgops.standby_jobs()
RETURNS TABLE (
	id				bigint,
	kind			text,
	state			text,
	step			text,
	args			jsonb,
	cluster			text,
	requested_by	text,
	requested_at	timestamptz,
	started_at		timestamptz,
	finished_at		timestamptz,
	attempts		integer,
	deadline		interval,
	sqlstate		text,
	error			text,
	detail			text,
	hint			text,
	cancelled_by	text,
	result			jsonb
)
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 2
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_standby_jobs';

COMMENT ON FUNCTION pgops.standby_jobs() IS
'Jobs that were asked for on this server while it was a standby, where no row can be stored: from shared memory, with negative numbers; the last 8. Columns as those of pgops.job. For pgops.jobs.';

CREATE FUNCTION pgops.standby_job_lines(id bigint)
RETURNS TABLE (
	line	integer,
	at		timestamptz,
	stream	text,
	text	text
)
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_standby_job_lines';

COMMENT ON FUNCTION pgops.standby_job_lines(bigint) IS
'The last lines (at most 32, of 240 bytes each) of the job of a standby. For pgops.job_log().

Arguments:
  id  number of the job, negative

Errors: PO510 for an unknown job.';

CREATE VIEW pgops.jobs AS
SELECT
	j.id,
	j.kind,
	CASE WHEN j.state OPERATOR(pg_catalog.=) 'running' AND s.cancelled_by IS NOT NULL
		 THEN 'cancelling' ELSE j.state END AS state,
	p.step,
	CASE WHEN j.state OPERATOR(pg_catalog.=) 'running'
		 THEN pgops.progress_text(p.done, p.total, p.unit, r.rate, r.eta)
	END AS progress,
	CASE WHEN p.total OPERATOR(pg_catalog.>) 0::double precision
		 THEN pg_catalog.round((LEAST(100::double precision OPERATOR(pg_catalog.*) p.done
			OPERATOR(pg_catalog./) p.total, 100::double precision))::pg_catalog.numeric, 1)
	END AS percent,
	p.done, p.total, p.unit,
	r.rate, r.eta,
	j.args AS arguments,
	j.cluster,
	j.schedule,
	j.requested_by,
	j.requested_at,
	j.not_before,
	j.started_at,
	j.finished_at,
	COALESCE(j.finished_at, CASE WHEN j.state OPERATOR(pg_catalog.=) 'running'
								 THEN pg_catalog.clock_timestamp() END)
		OPERATOR(pg_catalog.-) j.started_at AS duration,
	j.attempts,
	j.max_attempts,
	LEAST(j.stop_at, j.started_at OPERATOR(pg_catalog.+) j.deadline) AS deadline,
	j.exit_code,
	j.sqlstate,
	j.error,
	j.detail,
	COALESCE(j.hint, CASE WHEN w.waits_for IS NOT NULL
						  THEN pg_catalog.format('It waits: %s.', w.waits_for) END) AS hint,
	COALESCE(j.cancelled_by, s.cancelled_by) AS cancelled_by,
	j.result
FROM (
	SELECT k.id, k.kind, k.state, k.step, k.done, k.total, k.unit, k.args, k.cluster, k.schedule,
		   k.requested_by, k.requested_at, k.not_before, k.started_at, k.finished_at, k.attempts,
		   k.max_attempts, k.stop_at, k.deadline, k.exit_code, k.sqlstate, k.error, k.detail,
		   k.hint, k.cancelled_by, k.result
	FROM pgops.job AS k
	UNION ALL
	SELECT k.id, k.kind, k.state, k.step, NULL, NULL, NULL, k.args, k.cluster, NULL,
		   k.requested_by, k.requested_at, k.requested_at, k.started_at, k.finished_at, k.attempts,
		   1, NULL, k.deadline, NULL, k.sqlstate, k.error, k.detail,
		   k.hint, k.cancelled_by, k.result
	FROM pgops.standby_jobs() AS k) AS j
LEFT JOIN pgops.job_slots() AS s
	ON s.job OPERATOR(pg_catalog.=) j.id AND j.state OPERATOR(pg_catalog.=) 'running'
LEFT JOIN pgops.coordinator() AS w
	ON j.state OPERATOR(pg_catalog.=) 'queued'
CROSS JOIN LATERAL (SELECT
	CASE WHEN s.job IS NULL THEN j.step ELSE s.step END,
	CASE WHEN s.job IS NULL THEN j.done ELSE s.done END,
	CASE WHEN s.job IS NULL THEN j.total ELSE s.total END,
	CASE WHEN s.job IS NULL THEN j.unit ELSE s.unit END,
	EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.step_started)::double precision)
	AS p (step, done, total, unit, seconds)
CROSS JOIN LATERAL (SELECT
	CASE WHEN p.seconds OPERATOR(pg_catalog.>) 1::double precision
			AND p.done OPERATOR(pg_catalog.>) 0::double precision
		 THEN p.done OPERATOR(pg_catalog./) p.seconds END)
	AS speed (rate)
CROSS JOIN LATERAL (SELECT
	speed.rate,
	CASE WHEN speed.rate OPERATOR(pg_catalog.>) 0::double precision
			AND p.total OPERATOR(pg_catalog.>=) p.done
		/* an interval has an end: what is that far off is not known any better */
		 THEN pg_catalog.make_interval(secs => LEAST(pg_catalog.ceil(
			(p.total OPERATOR(pg_catalog.-) p.done) OPERATOR(pg_catalog./) speed.rate), 1e9)) END)
	AS r (rate, eta);

COMMENT ON VIEW pgops.jobs IS
'Jobs: what was asked for, what runs and how far it is, what became of it. Readable by pg_monitor.

Example: SELECT id, kind, state, step, progress FROM pgops.jobs ORDER BY id DESC LIMIT 5 \watch 1';
COMMENT ON COLUMN pgops.jobs.id IS 'Number of the job; negative: asked for on this server while it was a standby.';
COMMENT ON COLUMN pgops.jobs.kind IS 'What it does, as in pgops.job_kinds().';
COMMENT ON COLUMN pgops.jobs.state IS
'queued, running, cancelling, succeeded, failed, cancelled, or interrupted (the server or the worker ended meanwhile; it is not started again by itself). A job that steers the cluster (pgops.switchover() and others) goes on instead, where the leader is.';
COMMENT ON COLUMN pgops.jobs.step IS 'What it is doing now, or was doing last.';
COMMENT ON COLUMN pgops.jobs.progress IS 'How far the step is, as one line for people; NULL when it does not run.';
COMMENT ON COLUMN pgops.jobs.percent IS 'The same as a number; NULL: unknown.';
COMMENT ON COLUMN pgops.jobs.done IS 'How much of the step is done, in its unit.';
COMMENT ON COLUMN pgops.jobs.total IS 'How much there is to do; NULL: unknown.';
COMMENT ON COLUMN pgops.jobs.unit IS 'bytes, files, tables, percent, ...';
COMMENT ON COLUMN pgops.jobs.rate IS 'Units per second since the step began.';
COMMENT ON COLUMN pgops.jobs.eta IS 'Time left for the step at this rate.';
COMMENT ON COLUMN pgops.jobs.arguments IS 'Its arguments.';
COMMENT ON COLUMN pgops.jobs.cluster IS 'Cluster it is about, or NULL.';
COMMENT ON COLUMN pgops.jobs.schedule IS 'Name of the schedule that asked for it, or NULL.';
COMMENT ON COLUMN pgops.jobs.requested_by IS 'Role that asked for it.';
COMMENT ON COLUMN pgops.jobs.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN pgops.jobs.not_before IS 'When it may start, or its next attempt.';
COMMENT ON COLUMN pgops.jobs.started_at IS 'When the last attempt started.';
COMMENT ON COLUMN pgops.jobs.finished_at IS 'When it was over.';
COMMENT ON COLUMN pgops.jobs.duration IS 'How long the last attempt took, or has taken so far.';
COMMENT ON COLUMN pgops.jobs.attempts IS 'Attempts so far.';
COMMENT ON COLUMN pgops.jobs.max_attempts IS 'Attempts that are made at most, if what fails may go away by itself.';
COMMENT ON COLUMN pgops.jobs.deadline IS 'When it is ended if it is not over by then; NULL: not.';
COMMENT ON COLUMN pgops.jobs.exit_code IS 'Exit code of the program that failed, or NULL.';
COMMENT ON COLUMN pgops.jobs.sqlstate IS 'SQLSTATE of the failure of the last attempt.';
COMMENT ON COLUMN pgops.jobs.error IS 'Its message.';
COMMENT ON COLUMN pgops.jobs.detail IS 'Its detail: what the program said.';
COMMENT ON COLUMN pgops.jobs.hint IS 'What can be done about it; why a queued job waits, if Patroni does not say that this server is the leader.';
COMMENT ON COLUMN pgops.jobs.cancelled_by IS 'Role that cancelled it, or NULL.';
COMMENT ON COLUMN pgops.jobs.result IS 'What it brought about: label of a backup, port of an instance, ...';

/* ---- asking ---- */
CREATE FUNCTION pgops.job_start(at timestamptz, in_window boolean)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_start';

COMMENT ON FUNCTION pgops.job_start(timestamptz, boolean) IS
'When a job starts that is asked for with these arguments: at, the maintenance window (now, if it is open), or now. For pgops'' own functions.

Errors: 22023 for both at once, 55000 if no maintenance window is declared, or none comes.';

CREATE FUNCTION pgops.job_request(kind text, args jsonb, at timestamptz DEFAULT NULL,
								  deadline interval DEFAULT NULL, in_window boolean DEFAULT false)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_request';

COMMENT ON FUNCTION pgops.job_request(text, jsonb, timestamptz, interval, boolean) IS
'Stores a job, which starts after the commit, and returns its number. For pgops'' own functions: use pgops.backup(), pgops.restore() and the others, which look at their arguments first.

Arguments:
  kind      as in pgops.job_kinds()
  args      its arguments, an object
  at        when it starts; NULL: at once
  deadline  how long it may take; NULL: as pgops.job_kinds() says, 0: as long as it wants
  in_window true: it starts in the maintenance window (pgops.next_window()), and is ended with it

On a standby only the kinds that steer the cluster can be asked for, and only for now; the number is negative there.

Errors: 22023 for an unknown kind, or at and in_window at once; 55000 if no maintenance window is declared, or none comes; 25006 on a standby, PO505 if all that a standby can have are at work, PO702 if pgops is not in shared_preload_libraries.';

/* ---- waiting ---- */
CREATE FUNCTION pgops.job_wait(id bigint, timeout interval DEFAULT '1 hour')
RETURNS SETOF pgops.jobs
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_wait';

COMMENT ON FUNCTION pgops.job_wait(bigint, interval) IS
'Waits until a job is over and returns its row of pgops.jobs, whether it succeeded or not.

Arguments:
  id       number of the job
  timeout  how long to wait at most; the job goes on after that

Errors: PO510 for an unknown job, PO705 when the time is over, PO702 if pgops is not in shared_preload_libraries. Call it in another transaction than the one that asked for the job: it starts only at commit.

Example: SELECT pgops.backup(''full'') AS job \gset
         SELECT state, error, result FROM pgops.job_wait(:job);';

/* ---- ending ---- */
CREATE FUNCTION pgops.job_cancel(id bigint)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_job_cancel';

COMMENT ON FUNCTION pgops.job_cancel(bigint) IS
'Cancels a job: one that waits is not started; a running one is told to end, its program gets SIGTERM and, 5 seconds later, SIGKILL. Returns at once, true if there was something to cancel; pgops.job_wait() waits for the end. Like pg_cancel_backend() it does not wait for the commit where the job runs already.

Errors: PO510 for an unknown job, PO505 for one that was handed over to a process that outlives the server (a restore in place): that must not be broken off half-way.';

/* ---- looking ---- */
CREATE FUNCTION pgops.job_log(id bigint, since integer DEFAULT 0)
RETURNS TABLE (
	line	integer,
	at		timestamptz,
	stream	text,
	text	text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF job_log.id < 0 THEN
		RETURN QUERY
			SELECT o.line, o.at, o.stream, o.text
			FROM pgops.standby_job_lines(job_log.id) AS o
			WHERE o.line > since
			ORDER BY o.line;
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM pgops.job AS j WHERE j.id = job_log.id) THEN
		RAISE EXCEPTION 'there is no job %', id
			USING ERRCODE = 'PO510',
				  HINT = 'See pgops.jobs; jobs are kept for pgops.job_retention days.';
	END IF;
	RETURN QUERY
		SELECT o.line, o.at, o.stream, o.text
		FROM pgops.job_output AS o
		WHERE o.job = job_log.id AND o.line > since
		ORDER BY o.line;
END
$$;

COMMENT ON FUNCTION pgops.job_log(bigint, integer) IS
'What the programs of a job wrote so far, and pgops'' notes: line, at (when it was read), stream (out, err, note), text; secrets masked. Stored twice a second while a program runs. Readable by pg_monitor.

Arguments:
  id     number of the job
  since  only lines after this one

Errors: PO510 for an unknown job.

Example: SELECT text FROM pgops.job_log(17);';
