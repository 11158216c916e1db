/*
 * Jobs: long work that a worker of its own does.  Not dumped: what ran on
 * another server says nothing about this one.
 */
CREATE TABLE pgops.job (
	id				bigint GENERATED ALWAYS AS IDENTITY,
	kind			text NOT NULL,
	args			jsonb NOT NULL,
	cluster			text,
	schedule		text,
	requested_by	text NOT NULL,
	requested_at	timestamptz NOT NULL DEFAULT now(),
	not_before		timestamptz NOT NULL DEFAULT now(),
	stop_at			timestamptz,
	deadline		interval,
	state			text NOT NULL DEFAULT 'queued',
	cancelled_by	text,
	attempts		integer NOT NULL DEFAULT 0,
	max_attempts	integer NOT NULL DEFAULT 1,
	step			text,
	done			double precision,
	total			double precision,
	unit			text,
	started_at		timestamptz,
	finished_at		timestamptz,
	exit_code		integer,
	sqlstate		text,
	error			text,
	detail			text,
	hint			text,
	result			jsonb,
	worker_pid		integer,
	child_pid		integer,
	child_start		bigint,
	boot			text,
	memory			jsonb,
	heartbeat		timestamptz,
	CONSTRAINT job_pkey PRIMARY KEY (id),
	CONSTRAINT job_args_check CHECK (jsonb_typeof(args) = 'object'),
	CONSTRAINT job_state_check CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted'))
);

CREATE INDEX job_open_idx ON pgops.job (not_before, id) WHERE state IN ('queued', 'running');
CREATE INDEX job_finished_at_idx ON pgops.job (finished_at);
CREATE INDEX job_schedule_idx ON pgops.job (schedule, id) WHERE schedule IS NOT NULL;

COMMENT ON INDEX pgops.job_open_idx IS 'For finding what is to be started, and what an earlier life left running.';
COMMENT ON INDEX pgops.job_finished_at_idx IS 'For deleting old rows.';
COMMENT ON INDEX pgops.job_schedule_idx IS 'For finding the last job of a schedule.';
COMMENT ON TABLE pgops.job IS
'Jobs that were asked for, with what became of them. Read it through pgops.jobs, which also knows how far a running one is. Rows older than pgops.job_retention days are deleted. Not dumped.';
COMMENT ON SEQUENCE pgops.job_id_seq IS 'Numbers of the rows of pgops.job.';
COMMENT ON COLUMN pgops.job.id IS 'Number of the job, as the function that asked for it returned it.';
COMMENT ON COLUMN pgops.job.kind IS 'What it does, as in pgops.job_kinds().';
COMMENT ON COLUMN pgops.job.args IS 'Its arguments; never a secret.';
COMMENT ON COLUMN pgops.job.cluster IS 'Cluster it is about, or NULL.';
COMMENT ON COLUMN pgops.job.schedule IS 'Name of the schedule that asked for it, or NULL.';
COMMENT ON COLUMN pgops.job.requested_by IS 'Role that asked for it.';
COMMENT ON COLUMN pgops.job.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN pgops.job.not_before IS 'When it may start: a chosen time, the maintenance window, the next attempt.';
COMMENT ON COLUMN pgops.job.stop_at IS 'When it is ended at the latest (end of the maintenance window), or NULL.';
COMMENT ON COLUMN pgops.job.deadline IS 'How long an attempt may take, or NULL.';
COMMENT ON COLUMN pgops.job.state IS
'queued, running, succeeded, failed, cancelled (by pgops.job_cancel()) or interrupted (the server or the worker ended meanwhile).';
COMMENT ON COLUMN pgops.job.cancelled_by IS 'Role that called pgops.job_cancel(), or NULL.';
COMMENT ON COLUMN pgops.job.attempts IS 'Attempts so far, the running one included.';
COMMENT ON COLUMN pgops.job.max_attempts IS 'Attempts that are made at most.';
COMMENT ON COLUMN pgops.job.step IS 'What it was doing last.';
COMMENT ON COLUMN pgops.job.done IS 'How much of the step was done when it ended, in its unit.';
COMMENT ON COLUMN pgops.job.total IS 'How much there was to do, or NULL.';
COMMENT ON COLUMN pgops.job.unit IS 'bytes, files, tables, percent, ...';
COMMENT ON COLUMN pgops.job.started_at IS 'When the last attempt started.';
COMMENT ON COLUMN pgops.job.finished_at IS 'When the job was over.';
COMMENT ON COLUMN pgops.job.exit_code IS 'Exit code of the program that failed, or NULL.';
COMMENT ON COLUMN pgops.job.sqlstate IS 'SQLSTATE of the failure of the last attempt.';
COMMENT ON COLUMN pgops.job.error IS 'Message of that failure.';
COMMENT ON COLUMN pgops.job.detail IS 'Its detail: what the program said.';
COMMENT ON COLUMN pgops.job.hint IS 'What can be done about it.';
COMMENT ON COLUMN pgops.job.result IS 'What it brought about, depending on the kind: label of the backup, port of the instance, ...';
COMMENT ON COLUMN pgops.job.worker_pid IS 'Process of the worker while it runs.';
COMMENT ON COLUMN pgops.job.child_pid IS 'Process of the program it runs.';
COMMENT ON COLUMN pgops.job.child_start IS 'When that process started, in clock ticks since boot: tells it from a later one of the same number.';
COMMENT ON COLUMN pgops.job.boot IS 'Boot of the machine on which it runs.';
COMMENT ON COLUMN pgops.job.memory IS
'What a job must know to go on when its server ends in its middle: it moves the leader, restarts this server. NULL: none, or it is over.';
COMMENT ON COLUMN pgops.job.heartbeat IS
'When the job wrote last while it moved the leader: from then on nobody could write, until the new leader did.';

/* Called after jobs were asked for; tells the coordinator at commit. */
CREATE FUNCTION pgops.wake_jobs_trigger()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_wake_jobs_trigger';

COMMENT ON FUNCTION pgops.wake_jobs_trigger() IS
'Trigger function of pgops.job: tells the coordinator at commit that there is something to start. It neither reads nor changes rows.';

CREATE TRIGGER wake AFTER INSERT ON pgops.job
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.wake_jobs_trigger();

COMMENT ON TRIGGER wake ON pgops.job IS 'Starts jobs soon after the commit.';

CREATE TABLE pgops.job_output (
	job			bigint NOT NULL,
	line		integer NOT NULL,
	at			timestamptz NOT NULL,
	stream		text NOT NULL,
	text		text NOT NULL,
	CONSTRAINT job_output_pkey PRIMARY KEY (job, line),
	CONSTRAINT job_output_job_fkey FOREIGN KEY (job) REFERENCES pgops.job (id) ON DELETE CASCADE,
	CONSTRAINT job_output_stream_check CHECK (stream IN ('out', 'err', 'note'))
);

COMMENT ON TABLE pgops.job_output IS
'Lines that the programs of a job wrote, and pgops'' own notes. At most 5,000 lines of a job are kept, of 2,000 bytes each; secrets are masked. Read it through pgops.job_log(). Not dumped.';
COMMENT ON COLUMN pgops.job_output.job IS 'The job.';
COMMENT ON COLUMN pgops.job_output.line IS 'Number of the line, from 1.';
COMMENT ON COLUMN pgops.job_output.at IS 'When it was read.';
COMMENT ON COLUMN pgops.job_output.stream IS 'out and err: the program''s; note: pgops'' own.';
COMMENT ON COLUMN pgops.job_output.text IS 'The line.';
