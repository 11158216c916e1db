-- How documents are read: YAML 1.1 as the inventories mean it, JSON, places of
-- findings in both, and hostile input of every kind.  Nothing raises an error.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

-- findings of a cluster with these variables; "vars" begins in line 5, column 5
CREATE FUNCTION pg_temp.check_vars(vars text)
RETURNS TABLE (severity text, path text, line int, "column" int, code text, message text, hint text)
LANGUAGE sql AS $$
	SELECT severity, path, line, "column", code, message, hint
	FROM pgops.validate(E'pg-test:\n  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }\n'
		|| E'  vars:\n    pg_cluster: pg-test\n    ' || replace(vars, E'\n', E'\n    ') || E'\n    admin_ip: 10.10.10.10\n')
$$;

\pset format unaligned
\pset tuples_only on

-- words that are booleans, in three casings each, where a boolean is wanted: no rows
SELECT w, f.* FROM unnest(ARRAY['yes', 'Yes', 'YES', 'no', 'No', 'NO', 'on', 'On', 'ON', 'off',
	'Off', 'OFF', 'true', 'True', 'TRUE', 'false', 'False', 'FALSE', '''yes''']) AS w,
	pg_temp.check_vars('pg_safeguard: ' || w) AS f;

-- words that are not
SELECT f.* FROM unnest(ARRAY['y', 'n', 'yEs', '1', '"maybe"']) AS w,
	pg_temp.check_vars('pg_safeguard: ' || w) AS f;

-- numbers: octal, hexadecimal, binary, grouped, sexagesimal, quoted: no rows
SELECT w, f.* FROM unnest(ARRAY['5432', '0x1538', '0b1010100111000', '5_432', '1:30:32', '012470',
	'"5432"']) AS w,
	pg_temp.check_vars('pg_port: ' || w) AS f;

-- what only looks like a number
SELECT f.* FROM unnest(ARRAY['1e3', '08', '5.432', '5432.', '.inf', '1:60', '99999999999999999999']) AS w,
	pg_temp.check_vars('pg_port: ' || w) AS f;

-- text stays text, however it looks: no rows
SELECT w, f.* FROM unnest(ARRAY['1:20', 'off', '0755', '2030-12-31', '~x', '12', '1.50', 'null']) AS w,
	pg_temp.check_vars('pg_libs: ' || w) AS f;

-- JSON with places
SELECT * FROM pgops.validate('{
  "pg-test": {
    "hosts": {"10.10.10.10": {"pg_seq": 1, "pg_role": "primary"}},
    "vars": {
      "pg_portt": 1,
      "pg_users": [{"name": "a"}, {"name": "a", "connlimit": -2}]
    }
  }
}');

-- JSON that is none, and YAML's flow style
SELECT * FROM pgops.validate('{"pg-test": {"hosts": {"a": {"pg_seq": 1} "b": 2}}}');
SELECT * FROM pgops.validate('{"password": "secret" "x": 1}');
SELECT * FROM pgops.validate('{pg-test: {hosts: {10.10.10.10: {pg_seq: 1, pg_role: primary}}}}');

-- characters
SELECT * FROM pgops.validate(E'pg-test: "a\\0b"');
SELECT * FROM pgops.validate('{"pg-test": "a\u0000b"}');
SELECT * FROM pgops.validate(E'pg-test: a\x01b');

-- structure
SELECT * FROM pgops.validate('# nothing but a comment');
SELECT * FROM pgops.validate('pg-test: {<<: {hosts: {}}}');
SELECT * FROM pgops.validate(E'? [a, b]\n: 1');
SELECT * FROM pgops.validate('pg-test: {vars: {pg_port: {{ port }} }}');
SELECT * FROM pgops.validate(E'---\npg-test: {}\n---\npg-test: {}\n');
SELECT * FROM pgops.validate('all: { children: { pg-test: {} } }');
SELECT * FROM pgops.validate(E'pg-a: {}\npg-b: {}');
SELECT * FROM pgops.validate('pg-test: { hosts: [10.10.10.10] }');
SELECT * FROM pgops.validate('pg-test: { hosts: { 10.10.10.300: } }');
SELECT * FROM pgops.validate('"pg test": { hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } } }');
SELECT * FROM pgops.validate('pg-a: { hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }, vars: { pg_cluster: pg-b } }');
SELECT * FROM pgops.validate('pg-test: { hosts: { 10.10.10.10: { pg_seq: 1 } } }');
SELECT severity, line, "column", code, message FROM pgops.validate(repeat('{a: ', 65) || repeat('}', 65));
SELECT severity, line, "column", code, message FROM pgops.validate(repeat('[', 100000));

-- names: hostile ones are allowed, reserved ones are not
SELECT * FROM pg_temp.check_vars(E'pg_users: [ { name: ''we"ird \\ na''''me'' }, { name: "Groß Ü" }, { name: 0755 }, { name: on } ]');
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: none }, { name: pg_me }, { name: dbuser_dba }, { name: "" } ]');
SELECT * FROM pg_temp.check_vars('pg_databases: [ { name: a, schemas: [pg_temp], extensions: ["../x", a--b] } ]');
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: "' || repeat('ä', 32) || '" } ]');

-- memberships
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: a, roles: [ b, { name: b, state: absent }, a, c, c ] } ]');
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: a, roles: [b] }, { name: b, roles: [ { name: c } ] }, { name: c, roles: [a] } ]');
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: a, state: absent }, { name: b, roles: [a] } ]');

-- databases
SELECT * FROM pg_temp.check_vars('pg_databases: [ { name: a, template: a }, { name: b, state: absent }, { name: c, template: b } ]');
SELECT * FROM pg_temp.check_vars('pg_databases: [ { name: a, encoding: UTF9, locale_provider: icy, strategy: copy } ]');
SELECT * FROM pg_temp.check_vars('pg_databases: [ { name: a, schemas: [ s, { name: s, state: absent }, t, t ], parameters: { "a b": 1, c: { d: 1 } } } ]');

-- dates
SELECT * FROM pg_temp.check_vars('pg_users: [ { name: a, expire_at: 2030-02-31 }, { name: b, expire_at: infinity }, { name: c, expire_at: tomorrow }, { name: d, expire_at: "2030-12-31 10:00:00+02" } ]');

-- default privileges, by the server's own grammar
SELECT * FROM pg_temp.check_vars('pg_default_privileges:
- GRANT SELECT ON TABLES TO dbrole_readonly
- REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
- GRANT SELEC ON TABLES
- "GRANT SELECT ON TABLES TO a; DROP TABLE b"
- FOR ROLE a GRANT SELECT ON TABLES TO b
- IN SCHEMA s GRANT SELECT ON TABLES TO b
- GRANT MAINTAIN, all ON TABLES TO b
- GRANT ALL ON TYPES TO CURRENT_USER
- REVOKE GRANT OPTION FOR SELECT ON TABLES FROM b');
-- each server reads what any has: whether it can be set is for the plan to say
SELECT * FROM pg_temp.check_vars('pg_default_privileges:
- GRANT MAINTAIN ON TABLES TO dbrole_readwrite
- grant select , update on large  objects to dbrole_readwrite
- GRANT ALL ON LARGE OBJECTS TO dbrole_readwrite
- GRANT USAGE ON LARGE OBJECTS TO dbrole_readwrite
- GRANT SELECT ON TABLES TO "on large objects"');

-- addresses
SELECT * FROM pg_temp.check_vars('pg_vip_address: 10.10.10.2');
SELECT * FROM pg_temp.check_vars('pg_hba_rules:
- { addr: 10.0.0.1 }
- { addr: "::1/128" }
- { addr: db.example.com }
- { addr: .example.com }
- { addr: "${admin_ip}/32" }
- { addr: "fe80::/129" }
- { addr: 10.1.1 }
- { addr: 10.0.0.0/33 }
- { addr: "a b" }
- { addr: intar }
- { user: x }
- { rules: "host all all all trust" }
- { rules: [ "host all all all trust\nhost all all all trust" ] }
- { user: "a\nb", addr: world }');

-- services
SELECT * FROM pg_temp.check_vars('pg_services:
- { name: a, port: 5433, selector: "[]" }
- { name: replica, port: 5440, selector: "[? a || b ]" }
- { name: "a b", port: 5441, selector: "[]" }
- { name: c, port: 5442, selector: "[? contains(a, `x`) ]" }
- { name: d, port: 5443, selector: "[0]", backup: "[? !a == `x` ]" }
- { name: e, port: 5444, selector: "[? a < `x` ]", dest: pgbouncr }
- { name: f, port: 0, selector: "[? (a ]" }
- { name: g, port: 5445, selector: "[? !a.b ]", backup: "[? !(a.b) && ( a.b < `1` || `null` != c ) ]" }');

-- no secret in any message
SELECT * FROM pg_temp.check_vars('pg_admin_password: { file: geheim }
pg_users: [ { name: a, password: [geheim] }, { name: b, passwrd: geheim } ]
pg_hba_rules: [ { rules: [ "host all all all ldap ldapbindpasswd=geheim\n" ] } ]');
SELECT * FROM pgops.validate('{"password": "geheim" geheim}');

-- dates that mean another day tomorrow, or to a session with another DateStyle
SET DateStyle = 'ISO, DMY';
SELECT path, code, message FROM pg_temp.check_vars('pg_users: [ { name: a, expire_at: tomorrow 10:00 }, { name: b, expire_at: 01/02/2030 }, { name: c, expire_at: 2030/02/01 }, { name: d, expire_at: 1 Feb 2030 } ]');
RESET DateStyle;

-- a null hides the cluster's value, as in every inventory
SELECT path, code, message FROM pgops.validate('pg-test: { hosts: { a: { pg_seq: 1, pg_role: primary }, b: { pg_seq: } }, vars: { admin_ip: 10.10.10.10, pg_seq: 2 } }');

-- shards: hosts of several clusters in one group are counted apart
SELECT path, code, message FROM pgops.validate('pg-test:
  hosts:
    a: { pg_cluster: pg-a, pg_seq: 1, pg_role: primary }
    b: { pg_cluster: pg-b, pg_seq: 1, pg_role: primary }
    c: { pg_cluster: pg-b, pg_seq: 1, pg_role: primary }
    d: { pg_cluster: pg-c, pg_seq: 1 }
    e: { pg_cluster: pg-c, pg_seq: 1 }
  vars: { admin_ip: 10.10.10.10 }');

-- two circles, one reached from outside
SELECT path, message FROM pg_temp.check_vars('pg_users: [ { name: x, roles: [a, c] }, { name: a, roles: [b] }, { name: b, roles: [a] }, { name: c, roles: [d] }, { name: d, roles: [c] } ]');

-- names of settings are what the server takes for one
SELECT path, message FROM pg_temp.check_vars('pg_users: [ { name: a, parameters: { a..b: 1, a.: 1, .b: 1, 1a: 1, a.1b: 1, "": 1, a$b.c_1: 1, größe.x: 1 } } ]');

-- documents made to cost time or memory are read in a moment, or refused
SET statement_timeout = '60s';
CREATE FUNCTION pg_temp.many(count int, piece text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(replace(replace(piece, '#', i::text), '@', (i + 1)::text), ', ') FROM generate_series(1, count) AS i
$$;
-- hosts, services and users without end
SELECT count(*), min(message) FROM pgops.validate('pg-test: { hosts: { ' || pg_temp.many(100000, 'h#: { pg_seq: # }') || ' } }');
SELECT count(*) FROM pg_temp.check_vars('pg_services: [ ' || pg_temp.many(50000, '{ name: s#, port: 7, selector: "[]" }') || ' ]') WHERE code = 'PO107';
SELECT count(*) FROM pg_temp.check_vars('pg_users: [ ' || pg_temp.many(50000, '{ name: r#, roles: [r@] }') || ' ]') WHERE code = 'PO112';
-- an error in every word: the first thousand, and that there are more
SELECT severity, code, count(*), min(message) FROM pgops.validate('{ pg-test: { vars: { ' || pg_temp.many(50000, 'node_#: 1') || ', ' || pg_temp.many(50000, 'x#: 1') || ' } } }')
GROUP BY 1, 2 ORDER BY 2;
SELECT severity, code, count(*), min(message) FROM pg_temp.check_vars('pg_default_schemas: [ ' || pg_temp.many(20000, 's') || ' ]') GROUP BY 1, 2;
\set VERBOSITY terse
SELECT count(*) FROM pgops.apply_cluster('{ pg-test: { vars: { ' || pg_temp.many(2000, 'x#: 1') || ' } } }', true);
\set VERBOSITY default
-- long keys above long lists
SELECT code, message FROM pgops.validate('{"' || repeat('k', 1025) || '": 1}');
SELECT code, message FROM pgops.validate('? ' || repeat('k', 1025) || E'\n: 1');
SELECT code, count(*), max(length(path)), max(length(message)) FROM pgops.validate(repeat('{' || repeat('k', 1000) || ': ', 62)
	|| '[' || repeat('!x 1, ', 100000) || ']' || repeat('}', 62)) GROUP BY 1 ORDER BY 1;
-- a long filter, and a message that quotes one
SELECT code, right(message, 50) FROM pg_temp.check_vars('pg_services: [ { name: a, port: 7000, selector: "[? a' || repeat(' || a', 1000) || ']" } ]');
SELECT code, left(message, 20), length(message) FROM pg_temp.check_vars('pg_services: [ { name: a, port: 7000, selector: "' || repeat('x', 1000000) || '" } ]');
-- limits of a text hold for jsonb as well
SELECT count(*) FROM pgops.apply_cluster((repeat('{"a": ', 65) || '1' || repeat('}', 65))::jsonb, true);
SELECT count(*) FROM pgops.apply_cluster(jsonb_build_object(repeat('k', 1025), 1), true);
SELECT count(*) FROM pgops.apply_cluster(jsonb_build_object('pg-test', repeat('x', 70000000)), true);
SELECT count(*) FROM pgops.apply_cluster('null'::jsonb, true);
RESET statement_timeout;
