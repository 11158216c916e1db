-- The parameter catalogue: complete, consistent, and the same as the documents say.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

-- how many there are
SELECT module, count(*) FROM pgops.parameter GROUP BY module ORDER BY module COLLATE "C";
SELECT section, count(*) FROM pgops.parameter WHERE module = 'PGSQL'
GROUP BY section ORDER BY section COLLATE "C";

-- no name twice, each with a summary of its own
SELECT name FROM pgops.parameter GROUP BY name HAVING count(*) > 1;
SELECT summary FROM pgops.parameter GROUP BY summary HAVING count(*) > 1 OR summary = '';

-- a default is one of the choices and within the bounds
SELECT name, default_value, choices FROM pgops.parameter
WHERE default_value IS NOT NULL AND choices IS NOT NULL
	AND NOT default_value #>> '{}' = ANY (choices);
SELECT name, default_value, minimum, maximum FROM pgops.parameter
WHERE jsonb_typeof(default_value) = 'number' AND minimum IS NOT NULL
	AND NOT (default_value #>> '{}')::numeric BETWEEN minimum AND maximum;

-- the secrets
SELECT name FROM pgops.parameter WHERE secret ORDER BY name COLLATE "C";

-- pgops' own
SELECT name, type, default_value, choices, summary FROM pgops.parameter
WHERE module = 'PGOPS' ORDER BY name COLLATE "C";

-- objects and structured defaults
SELECT name, type, jsonb_array_length(default_value) AS items FROM pgops.parameter
WHERE jsonb_typeof(default_value) = 'array' ORDER BY name COLLATE "C";
SELECT role ->> 'name' AS name, role - 'name' - 'comment' AS attributes
FROM pgops.parameter, jsonb_array_elements(default_value) AS role
WHERE name = 'pg_default_roles';
SELECT rule ->> 'order' AS "order", rule ->> 'user' AS "user", rule ->> 'db' AS db,
	rule ->> 'addr' AS addr, rule ->> 'auth' AS auth
FROM pgops.parameter, jsonb_array_elements(default_value) AS rule
WHERE name = 'pg_default_hba_rules';
SELECT jsonb_array_elements_text(default_value) AS privilege FROM pgops.parameter
WHERE name = 'pg_default_privileges';
SELECT service FROM pgops.parameter, jsonb_array_elements(default_value) AS service
WHERE name = 'pg_default_services';
SELECT default_value FROM pgops.parameter WHERE name IN ('pg_rto_plan', 'pgbackrest_repo')
ORDER BY name COLLATE "C";

-- every default, declared as it is, is a valid declaration: no rows
SELECT f.*
FROM (SELECT jsonb_object_agg(name, default_value)
		|| '{"pg_cluster": "pg-test", "pg_seq": 1, "pg_role": "primary"}' AS vars
	  FROM pgops.parameter WHERE default_value IS NOT NULL) AS p,
	pgops.validate(jsonb_build_object('pg-test',
		jsonb_build_object('hosts', '{"10.10.10.10": {}}'::jsonb, 'vars', p.vars))::text) AS f
WHERE f.severity = 'error';
