/*
 * Adoption: the document of a server that nobody declared yet.
 */
CREATE FUNCTION pgops.generate(cluster text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_generate';

COMMENT ON FUNCTION pgops.generate(text) IS
'The document of this server as it is, in YAML: what pgops.apply_cluster() has to be given so that nothing changes here, and so that an empty server becomes an equal one. Changes nothing; works on a standby, too.

Arguments:
  cluster  name of the cluster in the document; NULL: the cluster this server belongs to, else the setting cluster_name if it can be a name, else pg-main

Result: one cluster document {name: {hosts, vars}}. Hosts: those of the cluster if it is declared; else this server by an address of listen_addresses or of the session. It says:
  roles       attributes, expiration, connection limit, memberships with their options, settings everywhere (parameters) and in single databases (database_parameters), comment, and the password as the verifier that the server has. The bootstrap superuser is called postgres (pg_dbsu) and means the one of the server on which the document is declared
  databases   all but template0: owner, encoding and locale, tablespace, marks, limits, settings, comment, privileges where they are not the built-in ones, schemas with owners and privileges, extensions with their schemas, default privileges of all roles. They are created from template0, so that nothing of the other server''s template1 gets into them; what template1 holds has an entry of its own. postgres and template1 are named only if they are not as initdb makes them
  rules       pg_hba.conf in its order: as user, db, addr and auth where this gives the same line again, else as the line itself; the comment above a rule is its title
What the catalogue would add (pg_default_privileges, pg_default_schemas, ...) is declared as empty.

It leaves out: objects in schemas, the versions of extensions, schemas that an extension''s script makes, pgops itself, who granted something, tablespaces (they must exist), databases that an interrupted DROP left invalid, and settings of postgresql.conf. With a WARNING it leaves out what ALTER ROLE ALL set, privileges on parameters and tablespaces, and security labels.

Applying it to this server plans at most one change: pg_hba.conf, if pgops did not write it, is written anew with the same rules in the same order, below the local rule for the superuser with which every file of pgops begins. An included file stays included.

Errors: 42501 unless called by a superuser, as it holds verifiers (and secrets that stand in pg_hba.conf); PO401 if the server does not accept the present pg_hba.conf; what kept it from looking into a database; PO108 for a bad name; PO112 for the name of another cluster that is declared here. A WARNING tells what the document language cannot say.

Examples:
  \o pg-main.yml
  \t \a
  SELECT pgops.generate();
  SELECT * FROM pgops.apply_cluster(pgops.generate(), dry_run => true);';
