-- What pgops.validate() says about wrong documents: all findings at once, each
-- with its place.  apply_cluster() refuses the same documents, and nothing is
-- stored.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

/*
 * Both ways to learn of errors, for every document below: the findings, and that
 * apply_cluster() refuses just these errors - all of them, each with its place -
 * and stores nothing.  A row "apply_cluster" says what differs.
 */
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql AS $$
	SELECT count(*)::text || (SELECT count(*) FROM pgops.instance) || (SELECT count(*) FROM pgops.variable)
		|| (SELECT count(*) FROM pgops.secret) || (SELECT count(*) FROM pgops.revision) FROM pgops.cluster
$$;

CREATE FUNCTION pg_temp.refusal(document text, errors int, details text, first_hint text, first_code text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before	text := pg_temp.stored();
	told	text;
	hinted	text;
	said	text;
BEGIN
	PERFORM count(*) FROM pgops.apply_cluster(document);
	RETURN 'it was accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL, hinted = PG_EXCEPTION_HINT, said = MESSAGE_TEXT;
	IF before <> pg_temp.stored() THEN
		RETURN 'something was stored';
	ELSIF said <> 'cluster document has ' || errors || (CASE errors WHEN 1 THEN ' error' ELSE ' errors' END) THEN
		RETURN 'message: ' || said;
	ELSIF SQLSTATE <> (CASE errors WHEN 1 THEN first_code ELSE 'PO100' END) THEN
		RETURN 'SQLSTATE: ' || SQLSTATE;
	ELSIF told IS DISTINCT FROM details THEN
		RETURN 'detail: ' || told;
	ELSIF hinted IS DISTINCT FROM first_hint THEN
		RETURN 'hint: ' || hinted;
	END IF;
	RETURN NULL;
END
$$;

CREATE FUNCTION pg_temp.findings(document text)
RETURNS TABLE (severity text, place text, code text, path text, message text, hint text)
LANGUAGE plpgsql AS $$
DECLARE
	errors	int;
	details	text;
	hints	text[];
	codes	text[];
BEGIN
	RETURN QUERY SELECT f.severity, f.line || ':' || f."column", f.code, f.path, f.message, f.hint
		FROM pgops.validate(document) AS f;
	SELECT count(*), array_agg(f.hint), array_agg(f.code),
		   string_agg(concat(CASE WHEN f.line IS NOT NULL THEN 'line ' || f.line || coalesce(', column ' || f."column", '') || ': ' END,
							 nullif(f.path, '') || ': ', f.message), E'\n')
		INTO errors, hints, codes, details
		FROM pgops.validate(document) AS f WHERE f.severity = 'error';
	IF errors > 0 THEN
		message := pg_temp.refusal(document, errors, details, coalesce(hints[1], ''), codes[1]);
		IF message IS NOT NULL THEN
			severity := 'apply_cluster';
			RETURN NEXT;
		END IF;
	END IF;
END
$$;

-- a document with its variables around one line
CREATE FUNCTION pg_temp.cluster(vars text) RETURNS text LANGUAGE sql AS $$
	SELECT E'pg-test:\n  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }\n  vars:\n    pg_cluster: pg-test\n    '
		|| replace(vars, E'\n', E'\n    ') || E'\n    admin_ip: 10.10.10.10\n'
$$;

\pset format unaligned
\pset tuples_only on

-- a good one, as YAML and as JSON
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app }]'));
SELECT * FROM pg_temp.findings('{"pg-test": {"hosts": {"10.10.10.10": {"pg_seq": 1, "pg_role": "primary"}}, "vars": {"pg_cluster": "pg-test", "admin_ip": "10.10.10.10"}}}');

-- syntax
SELECT * FROM pg_temp.findings(E'a: [1, 2\nb: 3\n');
SELECT * FROM pg_temp.findings('{"a": {"hosts": }}');
SELECT * FROM pg_temp.findings('');
SELECT * FROM pg_temp.findings('just a text');
SELECT * FROM pg_temp.findings('[1, 2]');
SELECT * FROM pg_temp.findings(E'a:\n\tb: 1\n');

-- duplicate keys
SELECT * FROM pg_temp.findings(pg_temp.cluster(E'pg_port: 5432\npg_port: 5433'));
SELECT * FROM pg_temp.findings('{"a": 1, "a": 2}');

-- characters: a NUL can only be written as an escape, half of a surrogate pair only in JSON
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: "a\0b" }]'));
SELECT * FROM pg_temp.findings('{"pg-test": {"hosts": {"a\u0000b": {}}}}');
SELECT * FROM pg_temp.findings('{"pg-test": {"hosts": {"a\ud800b": {}}}}');
SELECT * FROM pg_temp.findings('pg-test: a' || chr(1) || 'b');

-- what is not supported of YAML
SELECT * FROM pg_temp.findings(pg_temp.cluster(E'pg_users: &u [{ name: app }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster(E'pg_users: *u'));
SELECT * FROM pg_temp.findings(pg_temp.cluster(E'pg_port: !!str 5432'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_port: 5432') || E'---\nb: 1\n');

-- limits
SELECT * FROM pg_temp.findings(repeat('[', 200) || repeat(']', 200));
SELECT severity, code, message FROM pg_temp.findings('a: ' || repeat('x', 70000000));
SELECT severity, place, code, message, hint FROM pg_temp.findings('{"' || repeat('k', 2000) || '": 1}');

-- unknown names, with the nearest known one
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_user: []'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, paswort: x }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, ownr: x }]'));
SELECT * FROM pg_temp.findings('pg-test: { host: {}, vars: {} }');

-- types and ranges
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: 7'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, connlimit: many }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, login: maybe }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_shared_buffer_ratio: 9'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_port: 99999'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, expire_at: someday }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, state: gone }]'));

-- names
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ login: true }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: ' || repeat('x', 64) || ' }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: pg_boss }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: "" }]'));

-- things that can be there only once
SELECT * FROM pg_temp.findings(E'pg-test:\n  hosts:\n    10.10.10.10: { pg_seq: 1, pg_role: primary }\n    10.10.10.11: { pg_seq: 1, pg_role: primary }\n  vars: { pg_cluster: pg-test }\n');
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app }, { name: app }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app }, { name: app }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_services: [{ name: a, port: 5440, selector: "[]" }, { name: b, port: 5440, selector: "[]" }]'));

-- references
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, owner: nobody }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, template: nowhere }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, tablespace: nowhere }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, roles: [nobody] }]'));

-- contradictions
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, state: absent }]
pg_databases: [{ name: app, owner: app }]'));

SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, state: absent }, { name: app }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, state: absent }, { name: other, roles: [app] }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, roles: [other] }, { name: other, roles: [app] }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, state: absent }, { name: other, template: app }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_databases: [{ name: app, schemas: [s, { name: s, state: absent }] }]'));

-- HBA
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules: [{ user: all, db: all, addr: 999.1.1.1/99, auth: pwd, title: a }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules: [{ user: all, db: all, addr: intra, auth: magic, title: a }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules: [{ title: a, rules: ["hots all all all trust"] }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules: [{ title: a, role: boss, user: all, db: all, addr: intra, auth: pwd }]'));

SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules:
  - title: a
    rules:
      - host all all 10.0.0.0/8 trust
      - host all all 10.0.0.0/8
      - local all all trust extra'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_hba_rules: [{ title: a, user: x }]'));
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_vip_address: 10.1.1.300/24'));
SELECT * FROM pg_temp.findings(E'pg-test:\n  hosts:\n    10.10.10.300: { pg_seq: 1, pg_role: primary }\n');

-- selectors
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_services: [{ name: a, port: 5440, selector: "[? pg_role == " }]'));

-- well-known passwords are a warning
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_users: [{ name: app, password: DBUser.DBA }]'));

-- YAML 1.1 as it is meant
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_parameters: { cron.database_name: meta, a.b: off }
pg_users: [{ name: app, expire_at: 2030-12-31, login: on }]
pgbackrest_repo: { local: { block: y, path: /pg/backup } }
pg_exporters: { 20001: { pg_cluster: pg-foo, pg_seq: 1, pg_host: 10.10.10.10 } }'));

-- what they come to; "y" is a text here, as it is for the inventories
SELECT name, action, statement FROM pgops.apply_cluster(pg_temp.cluster('pg_users:
- { name: 0755, connlimit: 0x10 }
- { name: off, login: NO }
- { name: "1:20", expire_at: 2030-12-31 }
- { name: 2030-12-31, superuser: NO }'), dry_run => true)
WHERE kind = 'role' AND rule = 'role.create' AND name !~ '^(db|repl)';

-- many at once
SELECT * FROM pg_temp.findings(pg_temp.cluster('pg_user: []
pg_port: x
pg_users: [{ name: app, connlimt: 1 }, { name: app }]
pg_databases: [{ owner: nobody }]'));

-- jsonb has no places
SELECT code, path FROM pgops.validate('{"pg-test": {"hosts": {"10.10.10.10": {"pg_seq": 1, "pg_role": "primary"}}, "vars": {"pg_user": 1}}}');

-- how apply_cluster() says it
\pset tuples_only off
SELECT count(*) FROM pgops.apply_cluster(pg_temp.cluster('pg_user: []'));
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM pgops.apply_cluster(pg_temp.cluster('pg_user: []
pg_port: x'));
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM pgops.apply_cluster('{"pg-test": {"hosts": {}, "vars": {"pg_user": 1}}}'::jsonb);
SELECT count(*) FROM pgops.cluster WHERE name = 'pg-test';

-- bytes that are no UTF-8 get as far as this only in a database without an encoding
\set regression :DBNAME
CREATE DATABASE pgops_bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;
\c pgops_bytes
CREATE EXTENSION pgops;
SELECT severity, line, "column", code, message, hint FROM pgops.validate(E'pg-test:\n  hosts: "a\xff\xfeb"\n');
SELECT severity, line, "column", code, message, hint FROM pgops.validate(E'{"pg-test": "\xc3"}');
SELECT count(*) FROM pgops.apply_cluster(E'pg-test: "\xed\xa0\x80"');
SELECT count(*) FROM pgops.cluster;
\c :regression
DROP DATABASE pgops_bytes;
