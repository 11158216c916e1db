-- Fields that a generated document is made of: privileges as clauses, settings
-- in single databases.  What is wrong with one is found in the document.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

-- findings of one database's or user's entry, without what every document lacks
CREATE FUNCTION pg_temp.findings(list text, entry text)
RETURNS TABLE (path text, code text, message text, hint text) LANGUAGE sql AS $$
	SELECT f.path, f.code, f.message, f.hint
	  FROM pgops.validate(format('{t: {hosts: {10.0.0.1: {pg_seq: 1, pg_role: primary}}, vars: {pg_cluster: t, %s: [%s]}}}',
								 list, entry)) AS f
	 WHERE starts_with(f.path, 't.' || list)
$$;
\pset format unaligned
\pset tuples_only on

-- what may stand in a list of privileges
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, privileges: ['GRANT CONNECT TO pg_monitor', 'grant all to public',
	'REVOKE temp, Connect FROM PUBLIC', 'GRANT CREATE TO pg_monitor WITH GRANT OPTION']} $$);
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, schemas: [{name: s, privileges: ['GRANT USAGE, CREATE TO pg_monitor']}]} $$);
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, default_privileges: ['GRANT SELECT ON TABLES TO pg_monitor',
	'FOR ROLE pg_monitor IN SCHEMA s, "T u" GRANT SELECT ON TABLES TO pg_monitor WITH GRANT OPTION']} $$);

-- and what may not
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, privileges: GRANT CONNECT TO pg_monitor} $$);
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, privileges: ['GRANT USAGE TO pg_monitor', 'GRANT CONNECT ON DATABASE a TO pg_monitor',
	'GRANT', 'GRANT CONNECT TO', 'REVOKE GRANT OPTION FOR CONNECT FROM pg_monitor',
	'GRANT CONNECT TO CURRENT_USER', 'GRANT CONNECT TO pg_monitor GRANTED BY pg_monitor', 'GRANT CONNECT (a) TO pg_monitor',
	'GRANT CONNECT TO pg_monitor; DROP TABLE x', 'CONNECT TO pg_monitor', '']} $$);
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, schemas: [{name: s, privileges: ['GRANT CONNECT TO pg_monitor']}]} $$);
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, default_privileges: ['FOR ROLE CURRENT_USER GRANT SELECT ON TABLES TO pg_monitor',
	'IN SCHEMA s GRANT CONNECT ON TABLES TO pg_monitor', 'FOR ROLE pg_monitor']} $$);

-- roles that are nowhere
SELECT * FROM pg_temp.findings('pg_databases', $$ {name: a, privileges: ['GRANT CONNECT TO pg_monitor, nobody'],
	schemas: [{name: s, privileges: ['REVOKE USAGE FROM nobody']}, {name: t, state: absent, privileges: ['GRANT USAGE TO nobody']}],
	default_privileges: ['FOR ROLE nobody GRANT SELECT ON TABLES TO PUBLIC']} $$);

-- settings in databases
SELECT * FROM pg_temp.findings('pg_users', $$ {name: u, database_parameters: {postgres: {work_mem: 1MB, search_path: [a, b]}}} $$);
SELECT * FROM pg_temp.findings('pg_users', $$ {name: u, database_parameters: {nowhere: {work_mem: 1MB}}} $$);
SELECT * FROM pg_temp.findings('pg_users', $$ {name: u, database_parameters: {postgres: 1MB, template1: {'no name': 1, jit: {a: b}}}} $$);
SELECT * FROM pg_temp.findings('pg_users', $$ {name: u, database_parameters: [a]} $$);

-- default privileges of the cluster are for the cluster's own roles
SELECT * FROM pg_temp.findings('pg_default_privileges', $$ 'FOR ROLE pg_monitor GRANT SELECT ON TABLES TO pg_monitor' $$);

-- a document is for superusers, whoever may call the function
\pset tuples_only off
CREATE ROLE regress_generate;
GRANT USAGE ON SCHEMA pgops TO regress_generate;
GRANT EXECUTE ON FUNCTION pgops.generate(text) TO regress_generate;
SET ROLE regress_generate;
SELECT pgops.generate();
RESET ROLE;
REVOKE ALL ON FUNCTION pgops.generate(text) FROM regress_generate;
REVOKE ALL ON SCHEMA pgops FROM regress_generate;
DROP ROLE regress_generate;
SELECT pgops.generate('-name');
