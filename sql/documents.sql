-- Documents out of the tables: what they look like, and who may have them with
-- secrets.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;

BEGIN;
DELETE FROM pgops.variable;
DELETE FROM pgops.cluster;
SELECT cluster, action, path FROM pgops.apply_inventory($$
all:
  hosts: { spare-1: { purpose: "none: yet" } }
  children:
    everything: { children: { pg-doc: , tools: , empty: }, vars: { ansible_group_priority: 2 } }
    pg-doc:
      hosts:
        10.1.1.1: { pg_seq: 1, pg_role: primary }
        10.1.1.2: { pg_seq: 2, pg_role: replica, pg_offline_query: yes }
      vars:
        pg_cluster: pg-doc
        pg_users:
          - { name: doc_owner, password: 'Doc.Owner.Plain', roles: [dbrole_admin], expire_at: 2031-01-01 }
          - { name: doc_reader, password: 'Doc.Reader.Plain', roles: [dbrole_readonly], comment: "reads, and reads; and does nothing else than reading" }
        pg_databases: [ { name: doc, owner: doc_owner, schemas: [ a, { name: b, owner: doc_owner } ], extensions: [ { name: pg_trgm } ] } ]
        pg_crontab: [ '00 01 * * * /pg/bin/pg-backup full' ]
        patroni_password: Doc.Patroni.Plain
    tools:
      hosts: { 10.1.1.1: { tool: [ 0755, 'no', off, 1:20, ~ ] }, 10.1.1.3: }
      vars:
        tool_script: |
          #!/bin/sh
          exec true
        tool_ports: { 8080: web, 9090: { metrics: /m } }
    empty: {}
  vars: { admin_ip: 10.1.1.1, pg_admin_password: Doc.Admin.Plain }
beside: { vars: { kept: true } }
$$);

-- for people
\pset format unaligned
\pset tuples_only on
SELECT pgops.inventory_yaml();
SELECT pgops.inventory_yaml('tools');
SELECT pgops.cluster_spec('pg-doc');
-- for Ansible
SELECT jsonb_pretty(pgops.inventory()::jsonb - '_meta');
SELECT jsonb_pretty(pgops.inventory()::jsonb -> '_meta');
-- for a superuser
SELECT regexp_replace(pgops.cluster_spec('pg-doc', secrets => true), 'SCRAM-SHA-256[^ ,\n]*', 'SCRAM-SHA-256...', 'g');
SELECT pgops.inventory(true) -> 'pg-doc' -> 'vars' -> 'patroni_password',
	   pgops.inventory_yaml(secrets => true) LIKE '%Doc.Patroni.Plain%' AS plain,
	   pgops.inventory_yaml(secrets => true) LIKE '%Doc.%er.Plain%' AS of_a_role;
\pset format aligned
\pset tuples_only off

-- what comes out is what is there
SELECT count(*) AS differences FROM pgops.apply_inventory(pgops.inventory_yaml());
SELECT count(*) AS differences FROM pgops.apply_inventory(pgops.inventory_yaml(secrets => true));

-- what is not there
SAVEPOINT s;
SELECT pgops.inventory_yaml('nobody');
ROLLBACK TO s;
SELECT pgops.cluster_spec('nobody');
ROLLBACK TO s;
SELECT pgops.cluster_spec('tools');
ROLLBACK TO s;

-- secrets are for superusers
CREATE ROLE pgops_test_watcher IN ROLE pg_monitor;
CREATE ROLE pgops_test_stranger;
GRANT CREATE ON SCHEMA public TO pgops_test_watcher;
SET LOCAL ROLE pgops_test_watcher;
SELECT pgops.inventory() ->> 'beside' AS readable, pgops.cluster_spec('pg-doc') LIKE '%name: doc_owner, password: ''********''%' AS masked,
	   pgops.inventory_yaml() LIKE '%patroni_password: ''********''%' AS masked;
SAVEPOINT watcher;
SELECT pgops.inventory(true);
ROLLBACK TO watcher;
SELECT pgops.inventory_yaml(NULL, true);
ROLLBACK TO watcher;
SELECT pgops.inventory_yaml('pg-doc', secrets => true);
ROLLBACK TO watcher;
SELECT pgops.cluster_spec('pg-doc', secrets => true);
ROLLBACK TO watcher;

-- the tables are still closed to whoever has just called
SELECT pgops.inventory() IS NOT NULL AS readable, current_user;
SELECT count(*) FROM pgops.variable;
ROLLBACK TO watcher;

-- also where a superuser calls what somebody else wrote
CREATE FUNCTION public.trap() RETURNS text LANGUAGE sql SECURITY DEFINER AS
	$$SELECT pgops.cluster_spec('pg-doc', secrets => true)$$;
RESET ROLE;
SAVEPOINT trap;
SELECT public.trap();
ROLLBACK TO trap;

-- and where somebody else calls what a superuser wrote
CREATE FUNCTION public.gift() RETURNS text LANGUAGE sql SECURITY DEFINER AS
	$$SELECT pgops.cluster_spec('pg-doc', secrets => true)$$;
SELECT public.gift() LIKE '%Doc.Patroni.Plain%' AS to_a_superuser;
SET LOCAL ROLE pgops_test_watcher;
SAVEPOINT gift;
SELECT public.gift();
ROLLBACK TO gift;
SET LOCAL ROLE pgops_test_stranger;
SELECT public.gift();
ROLLBACK TO gift;
SET LOCAL ROLE pgops_test_stranger;
SELECT pgops.inventory();
ROLLBACK;

-- nothing declared
BEGIN;
DELETE FROM pgops.variable;
DELETE FROM pgops.cluster;
SELECT pgops.inventory();
SELECT pgops.inventory_yaml();
ROLLBACK;
