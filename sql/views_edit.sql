-- Writing to the typed views: what statements declare, and how they are refused.
-- Everything happens in a transaction that is rolled back: nothing is done.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
SET client_min_messages = notice;

BEGIN;

SELECT count(*) > 0 AS planned FROM pgops.apply_cluster($$
edit-a:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2 } }
  vars:
    pg_cluster: edit-a
    pg_users:
      - { name: edit_one, password: Plain.Role.1, connlimit: 5, roles: [ dbrole_admin ], comment: first }
      - { name: edit_two, parameters: { work_mem: 8MB, search_path: app } }
    pg_databases:
      - { name: edit_db, comment: kept, owner: edit_one, schemas: [ app, { name: audit, owner: edit_one } ] }
    pg_hba_rules:
      - { user: all, db: all, addr: 10.0.0.0/8, auth: pwd, title: inside }
$$);

-- the list parameters as they are declared
CREATE FUNCTION pg_temp.declared(param text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT json_array_elements(source)::text FROM pgops.variable
	WHERE cluster = 'edit-a' AND host IS NULL AND name = $1 $$;

-- ---- fields: set, changed, removed; all else stays as it is written ----
UPDATE pgops.users SET connlimit = 9, createdb = true WHERE cluster = 'edit-a' AND name = 'edit_two';
UPDATE pgops.users SET roles = '["dbrole_readonly", {"name": "dbrole_admin", "admin": true}]', comment = NULL, connlimit = NULL
 WHERE cluster = 'edit-a' AND name = 'edit_one';
UPDATE pgops.users SET parameters = parameters || '{"jit": "off", "work_mem": "9MB"}' WHERE cluster = 'edit-a' AND name = 'edit_two';
SELECT regexp_replace(d, 'SCRAM[^"]*', 'SCRAM') AS users FROM pg_temp.declared('pg_users') d;

UPDATE pgops.users SET roles = 'null', pgbouncer = true WHERE cluster = 'edit-a' AND name = 'edit_one';
SELECT regexp_replace(d, 'SCRAM[^"]*', 'SCRAM') AS users FROM pg_temp.declared('pg_users') d;

-- ---- short forms ----
UPDATE pgops.schemas SET name = 'application' WHERE cluster = 'edit-a' AND name = 'app';
UPDATE pgops.schemas SET owner = NULL WHERE cluster = 'edit-a' AND name = 'audit';
SELECT pg_temp.declared('pg_databases') AS databases;
UPDATE pgops.schemas SET owner = 'edit_two' WHERE cluster = 'edit-a' AND name = 'application';
INSERT INTO pgops.schemas (cluster, database, name, ordinal) VALUES ('edit-a', 'edit_db', 'first', 1);
INSERT INTO pgops.extensions (cluster, database, name) VALUES ('edit-a', 'edit_db', 'plpgsql');
SELECT pg_temp.declared('pg_databases') AS databases;
DELETE FROM pgops.schemas WHERE cluster = 'edit-a' AND database = 'edit_db';
DELETE FROM pgops.extensions WHERE cluster = 'edit-a' AND database = 'edit_db';
SELECT pg_temp.declared('pg_databases') AS databases;

-- ---- places ----
INSERT INTO pgops.hba_rules (cluster, ordinal, title, "user", db, addr, auth) VALUES
	('edit-a', 1, 'before', 'all', 'all', 'intra', 'pwd'),
	('edit-a', NULL, 'after', 'all', 'all', 'world', 'deny'),
	('edit-a', 99, 'far after', 'all', 'all', 'world', 'deny');
SELECT ordinal, title, auth FROM pgops.hba_rules WHERE cluster = 'edit-a' AND parameter = 'pg_hba_rules' ORDER BY ordinal;

-- ---- what a weaker level declares is copied, and told ----
UPDATE pgops.schemas SET owner = 'edit_one' WHERE cluster = 'edit-a' AND database IS NULL AND name = 'monitor';
DELETE FROM pgops.hba_rules WHERE cluster = 'edit-a' AND parameter = 'pg_default_hba_rules' AND ordinal <= 2;
SELECT parameter, scope, count(*) FROM pgops.hba_rules WHERE cluster = 'edit-a' GROUP BY 1, 2 ORDER BY 1;
SELECT pg_temp.declared('pg_default_schemas') AS default_schemas;

-- ---- hosts and clusters ----
UPDATE pgops.instances SET weight = 10, port = 6543 WHERE cluster = 'edit-a' AND seq = 2;
INSERT INTO pgops.instances (cluster, host, seq, role, variables) VALUES ('edit-a', '10.0.0.3', 3, 'offline', '{"nodename": "three"}');
UPDATE pgops.clusters SET policy = 'observe', variables = variables - 'pg_hba_rules' WHERE name = 'edit-a';
SELECT host, name, role, weight, port, nodename, variables FROM pgops.instances WHERE cluster = 'edit-a' ORDER BY ordinal;
SELECT policy, instances, paused FROM pgops.clusters WHERE name = 'edit-a';
DELETE FROM pgops.instances WHERE cluster = 'edit-a' AND seq = 3;
UPDATE pgops.clusters SET paused = true, policy = NULL WHERE name = 'edit-a';
SELECT policy, instances, paused FROM pgops.clusters WHERE name = 'edit-a';
INSERT INTO pgops.clusters (name, kind, variables) VALUES ('edit-etcd', 'etcd', '{"etcd_cluster": "edit-etcd"}');
INSERT INTO pgops.instances (cluster, host, variables) VALUES ('edit-etcd', '10.0.0.2', '{"etcd_seq": 1}');
SELECT name, kind, instances, variables - '{pg_users,pg_databases,pg_default_schemas,pg_default_hba_rules}'::text[] AS variables FROM pgops.clusters WHERE name LIKE 'edit%' ORDER BY name;
DELETE FROM pgops.clusters WHERE name = 'edit-etcd';

-- one revision for all of it
SELECT count(*) FROM pgops.revision WHERE cluster = 'edit-a';

-- ---- refusals, in the views' words ----
DO $$
DECLARE
	schema_ text; table_ text; column_ text;
BEGIN
	UPDATE pgops.databases SET connlimit = -5 WHERE cluster = 'edit-a' AND name = 'edit_db';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS schema_ = SCHEMA_NAME, table_ = TABLE_NAME, column_ = COLUMN_NAME;
	RAISE NOTICE '% (% . % . %)', SQLERRM, schema_, table_, column_;
END $$;
SAVEPOINT s;
UPDATE pgops.databases SET connlimit = -5 WHERE cluster = 'edit-a' AND name = 'edit_db';
ROLLBACK TO s;
INSERT INTO pgops.users (cluster, name, connlimit, pool_mode, password) VALUES
	('edit-a', 'edit_x', -7, 'none', 'Plain.Role.X'), ('edit-a', 'pg_edit', 1, NULL, NULL), ('edit-a', 'edit_one', 1, NULL, NULL);
ROLLBACK TO s;
UPDATE pgops.databases SET schemas = '[{"name": "a", "colour": "red"}]' WHERE cluster = 'edit-a';
ROLLBACK TO s;
UPDATE pgops.users SET name = NULL WHERE cluster = 'edit-a' AND name = 'edit_two';
ROLLBACK TO s;
UPDATE pgops.users SET cluster = 'edit-b' WHERE cluster = 'edit-a' AND name = 'edit_two';
ROLLBACK TO s;
UPDATE pgops.hba_rules SET ordinal = 1 WHERE cluster = 'edit-a' AND parameter = 'pg_default_hba_rules' AND ordinal = 2;
ROLLBACK TO s;
UPDATE pgops.users SET scope = 'global' WHERE cluster = 'edit-a' AND name = 'edit_two';
ROLLBACK TO s;
UPDATE pgops.clusters SET kind = 'etcd' WHERE name = 'edit-a';
ROLLBACK TO s;
UPDATE pgops.clusters SET variables = '[1]' WHERE name = 'edit-a';
ROLLBACK TO s;
UPDATE pgops.clusters SET variables = variables || '{"pg_prot": 1, "pg_port": "many"}' WHERE name = 'edit-a';
ROLLBACK TO s;
INSERT INTO pgops.users (cluster, name) VALUES ('edit-b', 'edit_x');
ROLLBACK TO s;
INSERT INTO pgops.users (name) VALUES ('edit_x');
ROLLBACK TO s;
INSERT INTO pgops.hba_rules (cluster, parameter, title) VALUES ('edit-a', 'pg_users', 'x');
ROLLBACK TO s;
INSERT INTO pgops.schemas (cluster, parameter, name) VALUES ('edit-a', 'pg_databases', 'x');
ROLLBACK TO s;
INSERT INTO pgops.extensions (cluster, database, name) VALUES ('edit-a', 'edit_none', 'x');
ROLLBACK TO s;
INSERT INTO pgops.hba_rules (cluster, ordinal, title) VALUES ('edit-a', 0, 'x');
ROLLBACK TO s;
INSERT INTO pgops.default_privileges (cluster) VALUES ('edit-a');
ROLLBACK TO s;
INSERT INTO pgops.instances (cluster, host, seq) VALUES ('edit-a', '10.0.0.1', 4);
ROLLBACK TO s;
INSERT INTO pgops.instances (cluster, host, seq) VALUES ('edit-a', '10.0.0', 2);
ROLLBACK TO s;
INSERT INTO pgops.instances (cluster, host, seq) VALUES ('edit-a', '10.0.0.[4:6]', 4);
ROLLBACK TO s;
INSERT INTO pgops.instances (cluster, host, seq) VALUES ('edit-a', 'edit-a', 4);
ROLLBACK TO s;
INSERT INTO pgops.clusters (name) VALUES ('all');
ROLLBACK TO s;
INSERT INTO pgops.clusters (name, kind) VALUES ('10.0.0.2', 'node');
ROLLBACK TO s;
UPDATE pgops.clusters SET name = 'edit-b' WHERE name = 'edit-a';
ROLLBACK TO s;
UPDATE pgops.clusters SET paused = NULL WHERE name = 'edit-a';
ROLLBACK TO s;
INSERT INTO pgops.hba_rules (cluster, title) VALUES ('edit-a', 'only a title');
ROLLBACK TO s;
UPDATE pgops.databases SET owner = 'edit_nobody' WHERE cluster = 'edit-a';
ROLLBACK TO s;

-- ---- what a statement that fails has collected is gone with it ----
DO $$
BEGIN
	UPDATE pgops.users SET connlimit = 1 / (ordinal - 2) WHERE cluster = 'edit-a' AND parameter = 'pg_users';
EXCEPTION WHEN division_by_zero THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
UPDATE pgops.users SET comment = 'after' WHERE cluster = 'edit-a' AND name = 'edit_one';
SELECT name, connlimit, comment FROM pgops.users WHERE cluster = 'edit-a' AND parameter = 'pg_users' ORDER BY ordinal;

-- ---- unfinished clusters ----
INSERT INTO pgops.clusters (name) VALUES ('edit-b');
INSERT INTO pgops.instances (cluster, host, seq) VALUES ('edit-b', '10.0.1.1', 1);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO s;
DELETE FROM pgops.instances WHERE cluster = 'edit-a' AND role = 'primary';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO s;

-- ---- triggers are not for others ----
CREATE TEMP TABLE edit_table (a integer);
CREATE TRIGGER t AFTER INSERT ON edit_table FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('users');
INSERT INTO edit_table VALUES (1);
ROLLBACK TO s;
SELECT pgops.edit_row();

ROLLBACK;
