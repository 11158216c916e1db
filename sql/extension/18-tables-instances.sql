/*
 * Instances beside this server: restored, forked, or made to test a backup.
 * Not dumped: they are files of this machine.
 */
CREATE TABLE pgops.instance_beside (
	name				text NOT NULL,
	origin				text NOT NULL,
	maker				text NOT NULL,
	port				integer NOT NULL,
	data_directory		text NOT NULL,
	socket_directory	text NOT NULL,
	state				text NOT NULL,
	job					bigint,
	target				text,
	reached_lsn			pg_lsn,
	reached_time		timestamptz,
	created_at			timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT instance_beside_pkey PRIMARY KEY (name),
	CONSTRAINT instance_beside_origin_check CHECK (origin IN ('restore', 'fork', 'verify')),
	CONSTRAINT instance_beside_state_check CHECK (state IN ('creating', 'running', 'stopped', 'failed', 'dropping'))
);

COMMENT ON TABLE pgops.instance_beside IS
'Instances that pgops made beside this server, of the same machine and operating system user. Read it through pgops.restored_instances, which also knows whether they run. Not dumped; in a copy of this server its rows are those of the original and mean nothing.';
COMMENT ON COLUMN pgops.instance_beside.name IS 'Name that was chosen for it.';
COMMENT ON COLUMN pgops.instance_beside.origin IS 'What it was made for: restore, fork, verify (a restore test).';
COMMENT ON COLUMN pgops.instance_beside.maker IS 'Data directory of the server that made it.';
COMMENT ON COLUMN pgops.instance_beside.port IS 'Port on which it listens.';
COMMENT ON COLUMN pgops.instance_beside.data_directory IS 'Its data directory; the folder above it is all pgops'' own.';
COMMENT ON COLUMN pgops.instance_beside.socket_directory IS 'Folder of its Unix socket; only the server''s operating system user may enter it.';
COMMENT ON COLUMN pgops.instance_beside.state IS 'creating, running, stopped, failed or dropping, as its last job left it.';
COMMENT ON COLUMN pgops.instance_beside.job IS 'The job that made it.';
COMMENT ON COLUMN pgops.instance_beside.target IS 'Where its recovery was to end, in words; NULL for a fork.';
COMMENT ON COLUMN pgops.instance_beside.reached_lsn IS 'End of the WAL that was replayed; NULL: not reached yet.';
COMMENT ON COLUMN pgops.instance_beside.reached_time IS 'When the last transaction that was replayed was committed; NULL: none was replayed, or not reached yet.';
COMMENT ON COLUMN pgops.instance_beside.created_at IS 'When it was begun.';
