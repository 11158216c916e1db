/*
 * What is known of this server: what pgops set on it, what it did, what
 * failed, what holds now.  Written by the coordinator; not dumped, because
 * none of it is true on another server, but for one thing: see 95-dump.sql.
 */

/* ---- what pgops set ---- */
CREATE TABLE pgops.owned (
	cluster		text NOT NULL,
	kind		text NOT NULL,
	database	text,
	name		text NOT NULL,
	attribute	text,
	value		text,
	created		boolean NOT NULL,
	recorded_at	timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT owned_key UNIQUE NULLS NOT DISTINCT (cluster, kind, database, name, attribute)
);

COMMENT ON TABLE pgops.owned IS
'What pgops has set or created on this server. Only such things are undone, or reported as orphaned, when a declaration no longer names them.';
COMMENT ON COLUMN pgops.owned.cluster IS 'Cluster whose declaration it came from.';
COMMENT ON COLUMN pgops.owned.kind IS
'role, database, schema, extension, membership, role_setting, database_setting, role_in_database, database_grant, schema_grant, default_privilege, baseline, recreate, parameter, cron_job, patroni, tuning or backup.';
COMMENT ON COLUMN pgops.owned.database IS 'Database it is in; NULL for what belongs to the whole server.';
COMMENT ON COLUMN pgops.owned.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.owned.attribute IS 'Group of a membership, name of a setting, text of a privilege; else NULL.';
COMMENT ON COLUMN pgops.owned.value IS 'Statement that undoes a privilege, state of a baseline, oid of a database, number of a job of pg_cron, digest of what backups were set up for, what stood in Patroni''s configuration, or machine that parameters were computed for; else NULL.';
COMMENT ON COLUMN pgops.owned.created IS 'Whether pgops made it; false: it was there and was adopted.';
COMMENT ON COLUMN pgops.owned.recorded_at IS 'When it was first recorded.';

/* ---- what was done ---- */
CREATE SEQUENCE pgops.pass AS bigint;
COMMENT ON SEQUENCE pgops.pass IS 'Numbers of the coordinator''s passes that did something.';

CREATE TABLE pgops.action_log (
	id			bigint GENERATED ALWAYS AS IDENTITY,
	cluster		text NOT NULL,
	generation	bigint NOT NULL,
	pass		bigint NOT NULL,
	step		integer NOT NULL,
	kind		text NOT NULL,
	name		text NOT NULL,
	database	text,
	action		text NOT NULL,
	destructive	boolean NOT NULL,
	statement	text,
	reason		text,
	rule		text NOT NULL,
	state		text NOT NULL,
	sqlstate	text,
	message		text,
	detail		text,
	hint		text,
	started_at	timestamptz NOT NULL,
	finished_at	timestamptz,
	CONSTRAINT action_log_pkey PRIMARY KEY (id),
	CONSTRAINT action_log_state_check CHECK (state IN ('running', 'succeeded', 'failed', 'skipped', 'interrupted'))
);

CREATE INDEX action_log_started_at_idx ON pgops.action_log (started_at);
CREATE INDEX action_log_running_idx ON pgops.action_log (id) WHERE state = 'running';

COMMENT ON INDEX pgops.action_log_started_at_idx IS 'For reading the log by time, and for deleting old rows.';
COMMENT ON INDEX pgops.action_log_running_idx IS 'For finding at start what an earlier life left running.';
COMMENT ON TABLE pgops.action_log IS
'Every action that was carried out, with its result. A row is committed as running before an action with effects outside the transaction starts. Rows older than pgops.log_retention days are deleted. Secrets are redacted. Readable by pg_monitor.

Example: SELECT started_at, kind, name, action, state, message FROM pgops.action_log ORDER BY id DESC LIMIT 20;';
COMMENT ON SEQUENCE pgops.action_log_id_seq IS 'Numbers of the rows of pgops.action_log.';
COMMENT ON COLUMN pgops.action_log.id IS 'Number of the row, in the order of starting.';
COMMENT ON COLUMN pgops.action_log.cluster IS 'Cluster the action belongs to.';
COMMENT ON COLUMN pgops.action_log.generation IS 'Generation of the declaration that was being reconciled.';
COMMENT ON COLUMN pgops.action_log.pass IS 'Number of the pass: rows of one plan have the same one.';
COMMENT ON COLUMN pgops.action_log.step IS 'Place in that plan.';
COMMENT ON COLUMN pgops.action_log.kind IS 'Kind of the object: role, database, schema, ...';
COMMENT ON COLUMN pgops.action_log.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.action_log.database IS 'Database in which it was done; NULL for the whole server.';
COMMENT ON COLUMN pgops.action_log.action IS 'What was done: create, alter, grant, write, reload, ...';
COMMENT ON COLUMN pgops.action_log.destructive IS 'Whether it can lose data or access.';
COMMENT ON COLUMN pgops.action_log.statement IS 'The statement, or the difference of the file; secrets redacted.';
COMMENT ON COLUMN pgops.action_log.reason IS 'Why: what was found and what is declared.';
COMMENT ON COLUMN pgops.action_log.rule IS 'Rule that asked for it, as in pgops.rules.';
COMMENT ON COLUMN pgops.action_log.state IS 'running, succeeded, failed, skipped (an action that it needs failed), or interrupted (the server or the worker ended meanwhile).';
COMMENT ON COLUMN pgops.action_log.sqlstate IS 'SQLSTATE of a failure.';
COMMENT ON COLUMN pgops.action_log.message IS 'Message of a failure.';
COMMENT ON COLUMN pgops.action_log.detail IS 'Detail of a failure.';
COMMENT ON COLUMN pgops.action_log.hint IS 'Hint of a failure.';
COMMENT ON COLUMN pgops.action_log.started_at IS 'When it was started.';
COMMENT ON COLUMN pgops.action_log.finished_at IS 'When it was done or had failed; NULL while running.';

/* ---- what failed ---- */
CREATE TABLE pgops.failure (
	cluster			text NOT NULL,
	rule			text NOT NULL,
	kind			text NOT NULL,
	name			text NOT NULL,
	database		text,
	statement		text,
	attempts		integer NOT NULL,
	next_attempt	timestamptz NOT NULL,
	sqlstate		text NOT NULL,
	message			text,
	hint			text
);

/* not unique: one object may fail in several statements of one rule */
CREATE INDEX failure_cluster_idx ON pgops.failure (cluster, kind, name);

COMMENT ON INDEX pgops.failure_cluster_idx IS 'For reading the failures of a cluster.';
COMMENT ON TABLE pgops.failure IS
'Actions that failed and will be tried again, each with growing delay. A row goes away when its action works or is no longer needed. Read it through pgops.actions.';
COMMENT ON COLUMN pgops.failure.cluster IS 'Cluster the action belongs to.';
COMMENT ON COLUMN pgops.failure.rule IS 'Rule that asks for the action.';
COMMENT ON COLUMN pgops.failure.kind IS 'Kind of the object.';
COMMENT ON COLUMN pgops.failure.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.failure.database IS 'Database it is in; NULL for the whole server.';
COMMENT ON COLUMN pgops.failure.statement IS 'The statement that failed, secrets redacted; a changed one is tried at once.';
COMMENT ON COLUMN pgops.failure.attempts IS 'How often it was tried.';
COMMENT ON COLUMN pgops.failure.next_attempt IS 'When it is tried again.';
COMMENT ON COLUMN pgops.failure.sqlstate IS 'SQLSTATE of the last attempt.';
COMMENT ON COLUMN pgops.failure.message IS 'Message of the last attempt.';
COMMENT ON COLUMN pgops.failure.hint IS 'Hint of the last attempt.';

/* ---- what holds ---- */
CREATE TABLE pgops.cluster_status (
	cluster				text NOT NULL,
	instance			text,
	phase				text NOT NULL,
	message				text,
	generation			bigint NOT NULL,
	actions				integer NOT NULL,
	failed				integer NOT NULL,
	blocked				integer NOT NULL,
	drifted				integer NOT NULL,
	destructive_digest	text,
	last_pass			timestamptz,
	converged_at		timestamptz,
	CONSTRAINT cluster_status_pkey PRIMARY KEY (cluster)
);

COMMENT ON TABLE pgops.cluster_status IS
'Result of the coordinator''s last pass over each cluster. Read it through pgops.status, which also has the declared side.';
COMMENT ON COLUMN pgops.cluster_status.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN pgops.cluster_status.instance IS 'Instance that wrote the row; NULL: unbound.';
COMMENT ON COLUMN pgops.cluster_status.phase IS 'converged, progressing, degraded, blocked, paused, unbound or observing.';
COMMENT ON COLUMN pgops.cluster_status.message IS 'What the phase means here, in one sentence.';
COMMENT ON COLUMN pgops.cluster_status.generation IS 'Declared generation that the pass looked at.';
COMMENT ON COLUMN pgops.cluster_status.actions IS 'Actions of the last pass that did something.';
COMMENT ON COLUMN pgops.cluster_status.failed IS 'Actions that failed and will be tried again.';
COMMENT ON COLUMN pgops.cluster_status.blocked IS 'Planned steps that cannot be done.';
COMMENT ON COLUMN pgops.cluster_status.drifted IS 'Planned steps that are not done because of the policy or a pause.';
COMMENT ON COLUMN pgops.cluster_status.destructive_digest IS 'Digest of destructive steps that wait for pgops.approve(), or NULL.';
COMMENT ON COLUMN pgops.cluster_status.last_pass IS 'When the last pass ended.';
COMMENT ON COLUMN pgops.cluster_status.converged_at IS 'When the server last came to match the declaration; NULL: not yet.';
