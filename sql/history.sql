-- What a declaration leaves in the tables: rows, secrets apart, revisions.
-- Everything happens in a transaction that is rolled back: nothing is done.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;

BEGIN;

SELECT count(*) > 0 AS planned FROM pgops.apply_cluster($$
hist-a:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2, pg_role: replica } }
  vars:
    pg_cluster: hist-a
    patroni_password: Plain.Patroni.1
    minio_users: [ { access_key: a, secret_key: Plain.Minio.1 }, { access_key: b, secret_key: Plain.Minio.2 } ]
    pgbackrest_repo: { minio: { path: /b, cipher_type: aes-256-cbc, cipher_pass: Plain.Cipher.1 } }
    pg_users:
      - { name: hist_one, password: Plain.Role.1, connlimit: 5, expire_in: 30 }
      - { name: hist_two, password: Plain.Role.2 }
$$, note => 'first');

-- rows; no plain secret but in pgops.secret, no verifier but in pgops.variable
SELECT name, seq, ordinal FROM pgops.instance WHERE cluster = 'hist-a' ORDER BY ordinal;
SELECT scope, host, name, ordinal, value::text LIKE '%Plain.%' AS plain, value::text LIKE '%SCRAM-SHA-256$%' AS verifier
  FROM pgops.variable WHERE cluster = 'hist-a' ORDER BY host, ordinal;
SELECT scope, host, name, path, value FROM pgops.secret WHERE cluster = 'hist-a' ORDER BY name, path;
SELECT revision, note, role = session_user AS me, client_addr, document::text ~ 'Plain|SCRAM' OR difference::text ~ 'Plain|SCRAM' AS leaks
  FROM pgops.revision WHERE cluster = 'hist-a';
SELECT name, attribute, declared, resolved::timestamptz - (now() AT TIME ZONE 'UTC')::date::timestamp AT TIME ZONE 'UTC' AS after
  FROM pgops.resolution WHERE cluster = 'hist-a';

-- the same meaning in another order and another format is no declaration
SELECT count(*) > 0 AS planned FROM pgops.apply_cluster($$
{"hist-a": {"vars": {"pgbackrest_repo": {"minio": {"cipher_pass": "Plain.Cipher.1", "path": "/b", "cipher_type": "aes-256-cbc"}},
  "pg_users": [{"connlimit": 5, "expire_in": 30, "password": "Plain.Role.1", "name": "hist_one"}, {"password": "Plain.Role.2", "name": "hist_two"}],
  "minio_users": [{"secret_key": "Plain.Minio.1", "access_key": "a"}, {"secret_key": "Plain.Minio.2", "access_key": "b"}],
  "patroni_password": "Plain.Patroni.1", "pg_cluster": "hist-a"},
 "hosts": {"10.0.0.2": {"pg_role": "replica", "pg_seq": 2}, "10.0.0.1": {"pg_role": "primary", "pg_seq": 1}}}}
$$, note => 'nothing new');
SELECT generation, (SELECT count(*) FROM pgops.revision WHERE cluster = c.name) AS revisions FROM pgops.cluster AS c WHERE name = 'hist-a';

-- neither is the masked document: ******** is what is stored
CREATE TEMP TABLE before_mask AS
  SELECT name, value FROM pgops.variable WHERE cluster = 'hist-a' AND name = 'pg_users';
SELECT count(*) > 0 AS planned FROM pgops.apply_cluster((
  SELECT jsonb_build_object(cluster, document) FROM pgops.revision WHERE cluster = 'hist-a'));
SELECT generation, (SELECT count(*) FROM pgops.revision WHERE cluster = c.name) AS revisions FROM pgops.cluster AS c WHERE name = 'hist-a';
SELECT v.value = b.value AS same_verifiers FROM pgops.variable AS v JOIN before_mask AS b USING (name) WHERE v.cluster = 'hist-a';

-- changes by the names of things; secrets change masked; a moved instance keeps its place
SELECT count(*) > 0 AS planned FROM pgops.apply_cluster($$
hist-a:
  hosts: { 10.0.0.1: { pg_seq: 2, pg_role: replica }, 10.0.0.2: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: hist-a
    patroni_password: '********'
    minio_users: [ { access_key: b, secret_key: '********' }, { access_key: a, secret_key: Plain.Minio.3 } ]
    pg_users:
      - { name: hist_three, password: Plain.Role.3 }
      - { name: hist_one, password: Plain.Role.4, connlimit: 6, expire_in: 30 }
$$, note => 'second');
SELECT changes, summary FROM pgops.revisions('hist-a') WHERE revision = 2;
SELECT path, action, left(old #>> '{}', 60) AS old, left(new #>> '{}', 60) AS new FROM pgops.diff('hist-a', 1);
SELECT count(*) AS back FROM pgops.diff('hist-a', 2, 1);
SELECT count(*) AS none FROM pgops.diff('hist-a', 2, 2);
SAVEPOINT s;
SELECT * FROM pgops.diff('hist-a', 1, 3);
ROLLBACK TO s;
SELECT * FROM pgops.diff('hist-z', 1);
ROLLBACK TO s;
SELECT name, path, value FROM pgops.secret WHERE cluster = 'hist-a' ORDER BY name, path;
SELECT name, host FROM pgops.instance WHERE cluster = 'hist-a' ORDER BY name;

-- a mask for which nothing is stored
SAVEPOINT s;
SELECT pgops.apply_cluster('{hist-b: {hosts: {10.0.0.9: {pg_seq: 1, pg_role: primary}}, vars: {pg_cluster: hist-b, patroni_password: "********"}}}');
ROLLBACK TO s;

-- a name that another cluster has
SELECT pgops.apply_cluster('{hist-b: {hosts: {10.0.0.9: {pg_seq: 1, pg_role: primary}}, vars: {pg_cluster: hist-a}}}');
ROLLBACK TO s;

-- operating on clusters that are there, and on one that is not
SELECT pgops.pause('hist-a');
SELECT pgops.pause('hist-a');
SELECT pgops.resume('hist-a');
SELECT generation, paused FROM pgops.cluster WHERE name = 'hist-a';
SAVEPOINT s;
SELECT pgops.pause('hist-z');
ROLLBACK TO s;
SELECT pgops.approve('hist-a', 'x');
ROLLBACK TO s;
INSERT INTO pgops.cluster_status VALUES ('hist-a', NULL, 'blocked', '', 1, 0, 0, 0, 0, 'digest', NULL, NULL);
SELECT pgops.approve('hist-a', 'digest');
SELECT generation, approved_digest FROM pgops.cluster WHERE name = 'hist-a';
SAVEPOINT s;
SELECT pgops.approve('hist-a', 'another');
ROLLBACK TO s;
SELECT pgops.bind('hist-z-1');
ROLLBACK TO s;
SELECT pgops.bind('hist-a-1');
SELECT instance, cluster, bound_by = session_user AS me FROM pgops.identity WHERE cluster = 'hist-a';
SELECT pgops.unbind('hist-a-1');
SAVEPOINT s;
SELECT pgops.unbind('hist-a-1');
ROLLBACK TO s;

-- forgetting keeps the history
SELECT pgops.forget('hist-a');
SELECT (SELECT count(*) FROM pgops.variable WHERE cluster = 'hist-a') AS variables,
       (SELECT count(*) FROM pgops.secret WHERE cluster = 'hist-a') AS secrets,
       (SELECT count(*) FROM pgops.revision WHERE cluster = 'hist-a') AS revisions;

ROLLBACK;
SELECT count(*) FROM pgops.cluster WHERE name = 'hist-a';
