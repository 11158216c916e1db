\echo Use "CREATE EXTENSION pgops" to load this file. \quit

/*
 * The SQL of the extension: tables of the CMDB, functions and views.
 *
 * The files of this folder are concatenated in the order of their names.
 * Every object carries a COMMENT that says what a manual would say, so that
 * \d+ and \df+ are the reference.  Every function pins its search_path;
 * privileges are given at the end, in 90-privileges.sql, and nowhere else.
 */

/*
 * A schema of this name that somebody prepared would let its owner put
 * objects beside ours, or drop them.
 */
DO $$
BEGIN
	IF NOT (SELECT r.rolsuper
			FROM pg_catalog.pg_namespace AS n
			JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
			WHERE n.nspname OPERATOR(pg_catalog.=) 'pgops')
	THEN
		RAISE EXCEPTION 'schema "pgops" exists and does not belong to a superuser'
			USING ERRCODE = 'insufficient_privilege',
				  HINT = 'Rename it, or give it to a superuser after looking at what it holds.';
	END IF;
END
$$;

COMMENT ON SCHEMA pgops IS
'Declared clusters and what keeps this server matching them. Start with pgops.apply_cluster(); look at pgops.status, pgops.drift, pgops.actions and pgops.action_log.';
