/*
 * The fleet: delivering declarations to the servers of other clusters.
 */
CREATE FUNCTION pgops.push(cluster text DEFAULT NULL, timeout interval DEFAULT '30 s')
RETURNS TABLE (
	cluster				text,
	pg_cluster			text,
	host				text,
	state				text,
	changes				bigint,
	pushed_generation	bigint,
	remote_generation	bigint,
	observed_generation	bigint,
	phase				text,
	sqlstate			text,
	message				text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_push';

COMMENT ON FUNCTION pgops.push(text, interval) IS
'Delivers declarations to the servers of other clusters, all at once, and waits until each has settled or the time is over. Each server must run pgops of the same version (major and minor); what it gets is the part of the inventory that concerns its cluster, by pgops.apply_inventory() there, in a transaction of its own. Delivering the same again changes nothing there. Where pgops_push is declared true, the push worker does the same at each commit.

How a server is reached: as pg_admin_username, at the host of the declared primary (else at the first of the other instances that turns out to be the primary), port pg_port, database pgops.database. pgops_push_conninfo (libpq keywords; placeholders are resolved) overrides each of these and adds sslmode and the like; pgops_push_password is the password, {file: ...} and {env: ...} included; without it a passfile or a certificate may do. The user must be a superuser there.

Arguments:
  cluster  name of a declared cluster; NULL: all of PostgreSQL but this server''s own
  timeout  how long each of them may take

Result, one row per cluster of PostgreSQL: cluster (group of the inventory), pg_cluster (the same unless the group holds several), host (that was called last), state (succeeded: it has the declaration; failed; skipped: it is this server''s own), changes (differences that the server there found; NULL: not delivered), pushed_generation (of the declaration here that it has accepted), remote_generation and observed_generation (of pgops.status there: settled when equal), phase (there), sqlstate (of a failure), message (of the failure, else of the phase).

Only what is committed is delivered; what another server has accepted, ROLLBACK here does not undo. A failure is a row, never an error.

Errors: PO704 for an unknown cluster, 55000 if this transaction has declared something, 25001 unless the isolation level is READ COMMITTED, 25006 on a standby, PO702 if pgops is not in shared_preload_libraries.

Example: SELECT pg_cluster, state, changes, phase, message FROM pgops.push(timeout => ''1 min'');';
