-- The typed views: what is declared, one row per object, one column per field.
-- Everything happens in a transaction that is rolled back: nothing is done.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

-- each field that can be declared has its column, and each column is a field or one of the fixed ones
CREATE TEMP TABLE declarable AS
SELECT *
  FROM (VALUES ('users', '{name,state,password,login,superuser,createdb,createrole,inherit,replication,bypassrls,connlimit,expire_in,expire_at,comment,roles,parameters,database_parameters,pgbouncer,pool_mode,pool_connlimit}'::text[]),
			   ('databases', '{name,state,owner,template,encoding,locale,lc_collate,lc_ctype,locale_provider,icu_locale,icu_rules,builtin_locale,strategy,tablespace,is_template,allowconn,revokeconn,privileges,default_privileges,connlimit,comment,parameters,baseline,schemas,extensions,pgbouncer,pool_auth_user,pool_mode,pool_size,pool_size_min,pool_size_reserve,pool_reserve,pool_max_db_conn,pool_connlimit,register_datasource}'),
			   ('schemas', '{database,name,owner,privileges,state}'),
			   ('extensions', '{database,name,schema,version,state}'),
			   ('hba_rules', '{title,role,order,user,db,addr,auth,rules}'),
			   ('services', '{name,port,ip,src_ip,dest,check,selector,backup,maxconn,balance,options}'),
			   ('default_privileges', '{database,definition,action,privileges,object_type,grantees,grant_option,for_roles,in_schemas}'))
	   AS v (view, fields);
SELECT d.view, array_agg(a.attname::text ORDER BY a.attnum)
		 = '{cluster}'::text[] || d.fields || '{parameter,scope,ordinal}' AS in_order
  FROM declarable AS d
  JOIN pg_attribute AS a ON a.attrelid = ('pgops.' || d.view)::regclass AND a.attnum > 0
 GROUP BY d.view, d.fields ORDER BY d.view COLLATE "C";

BEGIN;

SELECT count(*) > 0 AS changes FROM pgops.apply_inventory($$
all:
  vars:
    admin_ip: 10.9.9.9
    app_name: shop
    grafana_admin_password: Plain.Grafana.1
    pg_default_schemas: [ monitor, { name: audit, owner: "${admin}" } ]
  children:
    etcd:
      hosts: { 10.9.0.9: { etcd_seq: 1 } }
      vars: { etcd_cluster: etcd, etcd_root_password: Plain.Etcd.1 }
    fleet:
      children: { pg-view: ~, pg-more: ~ }
      vars:
        pgops_policy: observe
        pg_services:
          - { name: standby, port: 5435, selector: "[]", dest: 5432, check: /sync, maxconn: 100, options: inter 2s }
    pg-view:
      hosts:
        10.9.0.1: { pg_seq: 1, pg_role: primary, pg_weight: 50, pg_listen: "${ip},${vip},${lo}" }
        10.9.0.2: { pg_seq: 2, pg_role: replica, pg_offline_query: true, pg_exporter_url: "postgres://u:Plain.Url.1@h/" }
      vars:
        pg_cluster: pg-view
        pg_version: "15"
        node_conns: 17
        node_chain: "<${node_chain}>"
        pg_vip_address: 10.9.0.5/24
        pg_users:
          - { name: "${app_name}_owner", password: "Plain${app_name}.1", connlimit: "${node_conns}", comment: "of ${app_name} by ${pg_cluster}, ${vip} ${lo} ${nothing} ${grafana_admin_password}", roles: [ dbrole_admin, { name: dbrole_readonly, admin: true } ], parameters: { search_path: "${app_name}, public", work_mem: 64MB }, database_parameters: { shop: { work_mem: 1MB } } }
          - { name: 'odd "name"; DROP', login: no, superuser: off, connlimit: "{{ limit }}", pgbouncer: "{{ pool }}", expire_at: 2030-12-31, comment: "" }
          - { name: nobody, state: absent, password: { env: NOBODY_PASSWORD } }
        pg_databases:
          - { name: "${app_name}", owner: "${app_name}_owner", connlimit: 50, revokeconn: true, schemas: [ app, { name: old, state: absent }, { name: own, owner: "${app_name}_owner", privileges: [ "GRANT USAGE TO nobody" ] } ], extensions: [ pg_trgm, { name: hstore, schema: app, version: "1.8" } ], parameters: { statement_timeout: 30s }, privileges: [ GRANT CONNECT TO nobody ], default_privileges: [ 'FOR ROLE "${app_name}_owner" IN SCHEMA app GRANT SELECT ON TABLES TO nobody' ] }
          - { name: plain, comment: "{{ later }} in ${app_name}", pool_size: 10 }
        pg_hba_rules:
          - { title: "owner of ${app_name}", user: "${app_name}_owner,${admin}", db: "${app_name}", addr: "${admin_ip}/32", auth: ssl, order: 10, role: primary }
          - { title: raw, rules: [ "host all all ${admin_ip}/32 reject", 'host all all 10.0.0.0/8 ldap ldapserver=l ldapbindpasswd=Plain.Ldap.1' ] }
        pg_default_privileges:
          - GRANT SELECT, INSERT ON TABLES TO "${app_name}_owner", PUBLIC WITH GRANT OPTION
          - revoke execute on functions from public
          - "{{ more }}"
    pg-more:
      hosts: { 10.9.0.3: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-more, pgb_hba_rules: [ { title: pooler, user: all, addr: world, auth: pwd } ] }
$$);

-- ---- objects ----
\x on
SELECT * FROM pgops.users WHERE cluster = 'pg-view' AND parameter = 'pg_users' ORDER BY ordinal;
SELECT * FROM pgops.databases WHERE cluster = 'pg-view' ORDER BY ordinal;
\x off
SELECT database, name, owner, privileges, state, parameter, scope, ordinal FROM pgops.schemas
 WHERE cluster = 'pg-view' ORDER BY database NULLS FIRST, ordinal;
SELECT database, name, schema, version, state, parameter, scope, ordinal FROM pgops.extensions
 WHERE cluster = 'pg-view' AND (parameter = 'pg_databases' OR ordinal < 3) ORDER BY database NULLS FIRST, ordinal;
SELECT title, role, "order", "user", db, addr, auth, rules, parameter, scope, ordinal FROM pgops.hba_rules
 WHERE cluster = 'pg-view' AND (scope <> 'default' OR ordinal < 3) ORDER BY parameter, ordinal;
SELECT cluster, name, port, dest, "check", selector, maxconn, options, parameter, scope, ordinal FROM pgops.services
 WHERE cluster IN ('pg-view', 'pg-more') AND parameter = 'pg_services' ORDER BY cluster;
SELECT database, definition, action, privileges, object_type, grantees, grant_option, for_roles, in_schemas, parameter, scope, ordinal
  FROM pgops.default_privileges WHERE cluster = 'pg-view' ORDER BY database NULLS FIRST, ordinal;

-- defaults, where nothing is declared
SELECT parameter, scope, count(*) FROM pgops.users WHERE cluster = 'pg-more' GROUP BY 1, 2;
SELECT parameter, scope, count(*) FROM pgops.hba_rules WHERE cluster = 'pg-more' GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) = 17 AS seventeen, bool_and(scope = 'default') AS defaults, bool_and(action = 'GRANT') AS grants
  FROM pgops.default_privileges WHERE cluster = 'pg-more';

-- groups of other kinds have none of these
SELECT count(*) FROM pgops.users WHERE cluster = 'etcd';

-- ---- groups and hosts ----
SELECT name, kind, instances, primary_instance, primary_host, pg_version, port, policy, generation, revision, paused, push
  FROM pgops.clusters ORDER BY name COLLATE "C";
SELECT name, phase, pushed_generation, error, parents, children, ordinal FROM pgops.clusters ORDER BY name COLLATE "C";
SELECT name, variables FROM pgops.clusters WHERE name IN ('etcd', 'fleet', 'pg-more') ORDER BY name COLLATE "C";
SELECT cluster, host, name, kind, pg_cluster, seq, role, port, offline_query, weight, listen
  FROM pgops.instances ORDER BY cluster COLLATE "C", ordinal;
SELECT host, variables FROM pgops.instances WHERE cluster = 'pg-view' ORDER BY ordinal;

-- what was told of servers elsewhere: the least that holds, and the worst phase
INSERT INTO pgops.push_status (cluster, pg_cluster, pushed_generation, remote_generation, observed_generation, phase, message, error, last_contact)
VALUES ('pg-view', 'pg-view', 7, 3, 3, 'converged', 'all is well', NULL, '2030-01-02Z'),
	   ('pg-view', 'pg-view2', 6, 2, 1, 'degraded', 'one failed', 'lost it', '2030-01-01Z'),
	   ('pg-more', 'pg-more', NULL, NULL, NULL, NULL, NULL, 'no answer', NULL);
SELECT name, phase, left(message, 40) AS message, pushed_generation, remote_generation, remote_observed_generation, last_contact AT TIME ZONE 'UTC' AS last_contact, error
  FROM pgops.clusters WHERE kind = 'pgsql' ORDER BY name COLLATE "C";

-- ---- effective parameters ----
SELECT name, value, resolved, scope, origin, module, section FROM pgops.settings
 WHERE cluster = 'pg-view' AND instance = 'pg-view-1' AND scope <> 'default'
   AND name NOT IN ('pg_users', 'pg_databases', 'pg_hba_rules', 'pg_default_privileges')
 ORDER BY name COLLATE "C";
SELECT instance, name, value, resolved, scope FROM pgops.settings
 WHERE cluster = 'pg-view' AND name IN ('pg_port', 'pg_exporter_url', 'pg_role', 'pg_admin_password') ORDER BY 1, 2;
SELECT instance, name, value, scope, origin FROM pgops.settings WHERE cluster = 'etcd' ORDER BY name COLLATE "C";

-- ---- no secret in any of them ----
SELECT 'users' AS view, count(*) FROM pgops.users AS v WHERE v::text ~ 'Plain\.|Plainshop|SCRAM' UNION ALL
SELECT 'hba_rules', count(*) FROM pgops.hba_rules AS v WHERE v::text ~ 'Plain\.' UNION ALL
SELECT 'clusters', count(*) FROM pgops.clusters AS v WHERE v::text ~ 'Plain\.|Plain\$|SCRAM' UNION ALL
SELECT 'instances', count(*) FROM pgops.instances AS v WHERE v::text ~ 'Plain\.|SCRAM' UNION ALL
SELECT 'settings', count(*) FROM pgops.settings AS v WHERE v::text ~ 'Plain\.|Plain\$|SCRAM|DBUser\.';

-- ---- a condition on the cluster reads that cluster only ----
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT name FROM pgops.users WHERE cluster = 'pg-view' AND name = 'nobody';

-- ---- the function itself: columns by name and type, what does not fit is null ----
SELECT * FROM pgops.show_declared('user', 'pg-view') AS u (ordinal bigint, connlimit numeric, name boolean, nonsense text, roles text, comment jsonb)
 WHERE connlimit IS NOT NULL;
SELECT * FROM pgops.show_declared('database', 'no such cluster') AS d (name text);
SELECT * FROM pgops.show_declared('database', NULL) AS d (name text);
SAVEPOINT s;
SELECT * FROM pgops.show_declared('table', 'pg-view') AS d (name text);
ROLLBACK TO s;
SELECT * FROM pgops.show_declared('user', 'pg-view') AS d (name xml);
ROLLBACK TO s;
SELECT pgops.show_declared('user', 'pg-view');
ROLLBACK TO s;

-- ---- a member of pg_monitor reads all of it, others nothing ----
CREATE ROLE pgops_test_monitor IN ROLE pg_monitor;
CREATE ROLE pgops_test_nobody;
SET LOCAL ROLE pgops_test_monitor;
SELECT (SELECT count(*) FROM pgops.clusters) AS clusters, (SELECT count(*) FROM pgops.instances) AS instances,
	   (SELECT count(*) > 200 FROM pgops.settings) AS settings,
	   (SELECT count(*) FROM pgops.users WHERE parameter = 'pg_users') AS users,
	   (SELECT count(*) FROM pgops.databases) AS databases, (SELECT count(*) FROM pgops.schemas) AS schemas,
	   (SELECT count(*) > 0 FROM pgops.extensions) AS extensions, (SELECT count(*) > 0 FROM pgops.hba_rules) AS hba_rules,
	   (SELECT count(*) > 0 FROM pgops.services) AS services, (SELECT count(*) FROM pgops.default_privileges) AS privileges;
SET LOCAL ROLE pgops_test_nobody;
SELECT * FROM pgops.users;
ROLLBACK;
