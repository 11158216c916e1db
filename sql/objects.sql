-- The objects of the extension: settings, rules, functions, who may use what.
-- A change of any of these is a change of the interface.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

-- settings
SELECT name, setting, unit, context, vartype, min_val, max_val
  FROM pg_settings WHERE name LIKE 'pgops.%' ORDER BY name COLLATE "C";

-- a misspelt one is refused
SET pgops.drift_intervall = 1;

-- library and objects are of one version
SELECT loaded = installed AS same FROM pgops.version();

-- functions and their results
SELECT p.oid::regprocedure AS function, p.provolatile AS volatile, p.prosecdef AS definer
  FROM pg_proc p WHERE p.pronamespace = 'pgops'::regnamespace
 ORDER BY p.proname COLLATE "C", p.pronargs, p.oid::regprocedure::text COLLATE "C";

-- each pins its search_path and says what it does
SELECT p.oid::regprocedure AS lacks_something
  FROM pg_proc p WHERE p.pronamespace = 'pgops'::regnamespace
   AND (p.proconfig IS NULL
		OR NOT 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig)
		OR obj_description(p.oid, 'pg_proc') IS NULL);

-- each table, view and column says what it is
SELECT c.oid::regclass AS lacks_comment, a.attname
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'pgops'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
   AND NOT a.attisdropped
   AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL);

-- PUBLIC may do nothing
SELECT 'function' AS kind, p.oid::regprocedure::text AS public_may FROM pg_proc p
 WHERE p.pronamespace = 'pgops'::regnamespace
   AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
UNION ALL
SELECT 'relation', c.oid::regclass::text FROM pg_class c
 WHERE c.relnamespace = 'pgops'::regnamespace
   AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0);

-- members of pg_monitor may read this
SELECT c.oid::regclass::text COLLATE "C" AS pg_monitor_may
  FROM pg_class c WHERE c.relnamespace = 'pgops'::regnamespace AND c.relkind IN ('r', 'v')
   AND has_table_privilege('pg_monitor', c.oid, 'SELECT')
UNION ALL
SELECT p.oid::regprocedure::text FROM pg_proc p
 WHERE p.pronamespace = 'pgops'::regnamespace
   AND has_function_privilege('pg_monitor', p.oid, 'EXECUTE')
 ORDER BY 1;

-- what a dump carries
SELECT unnest(extconfig)::regclass AS dumped FROM pg_extension WHERE extname = 'pgops' ORDER BY 1;

-- and it really works for a member, and not for others
BEGIN;
CREATE ROLE pgops_test_monitor IN ROLE pg_monitor;
CREATE ROLE pgops_test_nobody;
SET LOCAL ROLE pgops_test_monitor;
SELECT count(*) >= 0 AS readable FROM pgops.status;
SELECT count(*) >= 0 AS readable FROM pgops.drift;
SELECT count(*) >= 0 AS readable FROM pgops.actions;
SELECT count(*) > 50 AS readable FROM pgops.parameter;
SAVEPOINT s;
SELECT pgops.pause();
ROLLBACK TO s;
SELECT * FROM pgops.variable;
ROLLBACK TO s;
SELECT * FROM pgops.apply_cluster('a: {}');
ROLLBACK TO s;
SET LOCAL ROLE pgops_test_nobody;
SELECT * FROM pgops.status;
ROLLBACK;
