/*
 * Secrets by themselves: set one, have one made.
 */

CREATE FUNCTION pgops.set_secret(name text, value text, cluster text DEFAULT NULL, host text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_set_secret';

COMMENT ON FUNCTION pgops.set_secret(text, text, text, text) IS
'Declares one secret, without a document. Makes a revision (masked) and wakes the worker at commit. Passwords of roles are kept as SCRAM verifiers only, other secrets in pgops.secret. The statement is kept out of the server log and pg_stat_activity.

Arguments:
  name     parameter, or a place in one: patroni_password, pg_users[app].password, pgbackrest_repo.minio.s3_key_secret. Names with characters other than letters, digits, "_" and "-" stand in double quotes. What the secret lies in must be declared at this level.
  value    the secret, or a verifier for a role; NULL: it is not declared any more
  cluster  group whose variable it is; NULL: global
  host     host in the cluster whose variable it is; NULL: of the cluster

Result: whether anything changed. The same secret again is no change.

Errors: 22023 if the name is none of a secret, 42704 if what it lies in is not declared, PO704 for an unknown cluster.

Examples:
  SELECT pgops.set_secret(''pg_users[dbuser_meta].password'', pg_read_file(''/run/secrets/meta''), ''pg-meta'');
  SELECT pgops.set_secret(''grafana_admin_password'', :''password'');';

CREATE FUNCTION pgops.rotate_password(cluster text, "user" text, length integer DEFAULT 32)
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_rotate_password';

COMMENT ON FUNCTION pgops.rotate_password(text, text, integer) IS
'Gives a declared user a new random password and returns it: this is the only time that it can be seen. Declares its SCRAM verifier; the server has it when the worker has settled (pgops.wait()). ROLLBACK leaves the old password.

Arguments:
  cluster  name of a declared cluster
  user     a user of pg_users or pg_default_roles, or a system user (then its parameter is set for the cluster: pg_monitor_password, ...)
  length   characters, 12 to 256; letters and digits that cannot be mistaken for each other

Errors: 42704 for an unknown user, 55000 if the password is declared by reference, for all clusters or for a host (set_secret() changes it there), PO704 for an unknown cluster.

Example:
  SELECT pgops.rotate_password(''pg-meta'', ''dbuser_meta'') AS password \gset';
