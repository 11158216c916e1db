-- Variables and secrets go with the cluster or host that they belong to, as with
-- foreign keys, which they do not have.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgops;

SELECT count(*) FROM pgops.apply_inventory($$
all:
  children:
    casc-redis:
      hosts:
        10.9.0.1: { redis_node: 1, redis_password: one }
        10.9.0.2: { redis_node: 2, redis_password: two }
      vars: { redis_cluster: casc-redis, redis_password: all }
    casc-etcd:
      hosts: { 10.9.0.1: { etcd_seq: 1 } }
      vars: { etcd_cluster: etcd, etcd_root_password: root }
$$);

CREATE VIEW belongings AS
	SELECT v.cluster, v.host, v.name, count(s.name) AS secrets
	  FROM pgops.variable v LEFT JOIN pgops.secret s ON s.cluster = v.cluster
	   AND s.host IS NOT DISTINCT FROM v.host AND s.name = v.name
	 WHERE v.cluster LIKE 'casc-%' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT * FROM belongings;

-- by hand: a host, then a cluster
BEGIN;
DELETE FROM pgops.instance WHERE host = '10.9.0.1' AND cluster = 'casc-redis';
SELECT * FROM belongings;
DELETE FROM pgops.cluster WHERE name = 'casc-redis';
SELECT * FROM belongings;
SELECT count(*) FROM pgops.secret WHERE cluster = 'casc-redis';
ROLLBACK;

-- by what is meant for it
SELECT pgops.forget('casc-etcd');
SELECT count(*) FROM pgops.apply_inventory($$
all: { children: { casc-redis: { hosts: { 10.9.0.2: { redis_node: 2 } }, vars: { redis_cluster: casc-redis } } } }
$$);
SELECT * FROM belongings;
SELECT count(*) FROM pgops.secret WHERE cluster LIKE 'casc-%';

-- rows that somebody wrote for what is not declared are in no document
BEGIN;
INSERT INTO pgops.variable (scope, cluster, host, name, source, ordinal)
VALUES ('cluster', 'casc-none', NULL, 'x', '1', 1), ('instance', 'casc-redis', '10.9.9.9', 'x', '1', 1);
INSERT INTO pgops.secret VALUES ('cluster', 'casc-none', NULL, 'x', '', 'y');
SELECT pgops.inventory() -> '_meta' -> 'hostvars' AS hostvars;
ROLLBACK;

SELECT pgops.forget('casc-redis');
DROP VIEW belongings;
