/*
 * Restore tests of backups.  Not dumped: what was restored on another server says
 * nothing about the repositories of this one.
 */
CREATE TABLE pgops.verification (
	id				bigint GENERATED ALWAYS AS IDENTITY,
	job				bigint NOT NULL,
	stanza			text NOT NULL,
	repo			integer NOT NULL,
	label			text NOT NULL,
	target			text NOT NULL,
	started_at		timestamptz NOT NULL DEFAULT now(),
	finished_at		timestamptz,
	state			text NOT NULL DEFAULT 'running',
	restore_time	interval,
	recovery_time	interval,
	check_time		interval,
	bytes			bigint,
	reached_lsn		pg_lsn,
	reached_time	timestamptz,
	checksums		jsonb,
	amcheck			jsonb,
	probes			jsonb,
	sqlstate		text,
	error			text,
	findings		text[],
	CONSTRAINT verification_pkey PRIMARY KEY (id),
	CONSTRAINT verification_state_check CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled'))
);

CREATE INDEX verification_backup_idx ON pgops.verification (stanza, label, id);

COMMENT ON INDEX pgops.verification_backup_idx IS 'For finding the last test of a backup.';
COMMENT ON SEQUENCE pgops.verification_id_seq IS 'Numbers of the rows of pgops.verification.';
COMMENT ON TABLE pgops.verification IS
'Restore tests of backups, with what they found. Read it through pgops.verifications. Not dumped.';
COMMENT ON COLUMN pgops.verification.id IS 'Number of the test.';
COMMENT ON COLUMN pgops.verification.job IS 'The job that did it.';
COMMENT ON COLUMN pgops.verification.stanza IS 'Stanza of the backup.';
COMMENT ON COLUMN pgops.verification.repo IS 'Repository that it was restored from.';
COMMENT ON COLUMN pgops.verification.label IS 'Label of the backup.';
COMMENT ON COLUMN pgops.verification.target IS 'Where recovery was to end: latest or immediate.';
COMMENT ON COLUMN pgops.verification.started_at IS 'When it began.';
COMMENT ON COLUMN pgops.verification.finished_at IS 'When it was over.';
COMMENT ON COLUMN pgops.verification.state IS 'running, succeeded, failed or cancelled.';
COMMENT ON COLUMN pgops.verification.restore_time IS 'How long it took to copy the files out of the repository.';
COMMENT ON COLUMN pgops.verification.recovery_time IS 'How long it took from the start to the end of recovery.';
COMMENT ON COLUMN pgops.verification.check_time IS 'How long the checks and probes took.';
COMMENT ON COLUMN pgops.verification.bytes IS 'Size of the restored files.';
COMMENT ON COLUMN pgops.verification.reached_lsn IS 'Where recovery ended.';
COMMENT ON COLUMN pgops.verification.reached_time IS 'When the last transaction was committed that recovery met; NULL: it met none.';
COMMENT ON COLUMN pgops.verification.checksums IS 'What pg_checksums found: enabled, files, blocks, bad; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verification.amcheck IS 'What pg_amcheck found: relations, problems, or why it was skipped; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verification.probes IS 'The queries that were asked, each with name, database, query, ok, rows or error; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verification.sqlstate IS 'SQLSTATE of the failure, or NULL.';
COMMENT ON COLUMN pgops.verification.error IS 'Its message.';
COMMENT ON COLUMN pgops.verification.findings IS 'All that is wrong with the backup, one sentence each; NULL: nothing was found.';
