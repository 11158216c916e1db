/*
 * What the backup repositories hold, as pgops saw it when it last looked.  Not
 * dumped: it is looked up again.
 */
CREATE TABLE pgops.stanza_state (
	stanza				text NOT NULL,
	repo				integer NOT NULL,
	status				integer NOT NULL,
	message				text,
	cipher				text,
	wal_min				text,
	wal_max				text,
	locked				boolean NOT NULL DEFAULT false,
	system_identifier	text,
	observed_at			timestamptz,
	tried_at			timestamptz NOT NULL,
	sqlstate			text,
	error				text,
	CONSTRAINT stanza_state_pkey PRIMARY KEY (stanza, repo)
);

COMMENT ON TABLE pgops.stanza_state IS
'Backup repositories of this server''s stanza, one row each, as of the last look. A look that fails leaves what was known and adds the error. Repository 0 stands for "not known yet" where no look has succeeded so far. Not dumped.';
COMMENT ON COLUMN pgops.stanza_state.stanza IS 'Name of the stanza: the cluster''s.';
COMMENT ON COLUMN pgops.stanza_state.repo IS 'Number of the repository, as in pgbackrest.conf.';
COMMENT ON COLUMN pgops.stanza_state.status IS
'pgBackRest''s status code: 0 ok, 1 no such stanza (or no repository at all), 2 no valid backup, 3 files of the stanza are missing, 99 cannot be read.';
COMMENT ON COLUMN pgops.stanza_state.message IS 'That status in pgBackRest''s words.';
COMMENT ON COLUMN pgops.stanza_state.cipher IS 'none, or the cipher by which it is encrypted.';
COMMENT ON COLUMN pgops.stanza_state.wal_min IS 'Oldest WAL file in the archive of the current database, or NULL.';
COMMENT ON COLUMN pgops.stanza_state.wal_max IS 'Newest WAL file there, or NULL.';
COMMENT ON COLUMN pgops.stanza_state.locked IS 'Whether a backup or expire was running.';
COMMENT ON COLUMN pgops.stanza_state.system_identifier IS 'System identifier of the server that the stanza is of.';
COMMENT ON COLUMN pgops.stanza_state.observed_at IS 'When it was last read with success; NULL: never.';
COMMENT ON COLUMN pgops.stanza_state.tried_at IS 'When it was last tried to be read.';
COMMENT ON COLUMN pgops.stanza_state.sqlstate IS 'SQLSTATE of the last look if it failed; else NULL.';
COMMENT ON COLUMN pgops.stanza_state.error IS 'Why the last look failed; else NULL. The rest of the row is then of observed_at.';

CREATE TABLE pgops.backup_set (
	stanza				text NOT NULL,
	repo				integer NOT NULL,
	label				text NOT NULL,
	type				text NOT NULL,
	prior				text,
	started_at			timestamptz,
	stopped_at			timestamptz,
	wal_start			text,
	wal_stop			text,
	lsn_start			pg_lsn,
	lsn_stop			pg_lsn,
	size				bigint NOT NULL,
	delta				bigint NOT NULL,
	repo_size			bigint NOT NULL,
	repo_delta			bigint NOT NULL,
	error				boolean NOT NULL,
	database_id			integer NOT NULL,
	system_identifier	text,
	annotations			jsonb,
	CONSTRAINT backup_set_pkey PRIMARY KEY (stanza, repo, label)
);

COMMENT ON TABLE pgops.backup_set IS
'Backups in the repositories, as of the last look. Read it through pgops.backups. Not dumped.';
COMMENT ON COLUMN pgops.backup_set.stanza IS 'Name of the stanza.';
COMMENT ON COLUMN pgops.backup_set.repo IS 'Number of the repository it is in.';
COMMENT ON COLUMN pgops.backup_set.label IS 'Name of the backup.';
COMMENT ON COLUMN pgops.backup_set.type IS 'full, diff or incr.';
COMMENT ON COLUMN pgops.backup_set.prior IS 'Backup that it builds upon; NULL for a full one.';
COMMENT ON COLUMN pgops.backup_set.started_at IS 'When it was started.';
COMMENT ON COLUMN pgops.backup_set.stopped_at IS 'When it was complete: the earliest time to which it can be restored.';
COMMENT ON COLUMN pgops.backup_set.wal_start IS 'First WAL file that it needs.';
COMMENT ON COLUMN pgops.backup_set.wal_stop IS 'Last WAL file that it needs.';
COMMENT ON COLUMN pgops.backup_set.lsn_start IS 'Where its recovery starts; NULL: not told.';
COMMENT ON COLUMN pgops.backup_set.lsn_stop IS 'Where it is consistent; NULL: not told.';
COMMENT ON COLUMN pgops.backup_set.size IS 'Size of the server''s data, in bytes.';
COMMENT ON COLUMN pgops.backup_set.delta IS 'How much of it this backup copied, in bytes.';
COMMENT ON COLUMN pgops.backup_set.repo_size IS 'What a restore reads from the repository, in bytes; 0: not told.';
COMMENT ON COLUMN pgops.backup_set.repo_delta IS 'What this backup added to the repository, in bytes.';
COMMENT ON COLUMN pgops.backup_set.error IS 'Whether damaged pages were met while it was made.';
COMMENT ON COLUMN pgops.backup_set.database_id IS 'pgBackRest''s number of the server it is of: rises with each upgrade.';
COMMENT ON COLUMN pgops.backup_set.system_identifier IS 'System identifier of that server.';
COMMENT ON COLUMN pgops.backup_set.annotations IS 'Annotations it was given, or NULL.';
