-- What pgops.validate() says about whole inventories: everything that is wrong
-- is told at once, each thing with its place.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

CREATE FUNCTION pg_temp.findings(document text)
RETURNS TABLE (severity text, place text, code text, path text, message text, hint text)
LANGUAGE sql AS $$
	SELECT f.severity, f.line || ':' || f."column", f.code, f.path, f.message, f.hint
		FROM pgops.validate(document) WITH ORDINALITY AS f ORDER BY f.ordinality
$$;

\pset format unaligned
\pset tuples_only on

-- nothing to say: groups of other modules, groups in groups, shards, a standby cluster,
-- a mention without a body, hosts of "all", ranges, groups beside "all"
SELECT * FROM pg_temp.findings($$
all:
  hosts: { 10.0.0.9: }
  children:
    infra: { hosts: { 10.0.0.1: { infra_seq: 1 } }, vars: { docker_enabled: true } }
    etcd: { hosts: { 10.0.0.1: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }
    pg-meta:
      hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2, pg_upstream: 10.0.0.1 } }
      vars: { pg_cluster: pg-meta, pg_users: [ { name: app, roles: [ dbrole_readwrite ] } ] }
    pg-citus:
      hosts:
        10.0.0.3: { pg_cluster: pg-citus0, pg_group: 0, pg_seq: 1, pg_role: primary }
        10.0.0.4: { pg_cluster: pg-citus1, pg_group: 1, pg_seq: 1, pg_role: primary }
      vars: { pg_shard: pg-citus, pg_mode: citus }
    pg-standby:
      hosts: { 10.0.0.5: { pg_seq: 1, pg_role: primary, pg_upstream: 10.0.0.2 } }
      vars: { pg_cluster: pg-standby }
    workers: { hosts: { 'node[01:03]': { my_own: 1 } } }
    everything: { children: { pg-meta: , workers: } }
  vars: { admin_ip: 10.0.0.1, pg_version: 17, region: default, greeting: 'at ${admin_ip}' }
beside:
  hosts: 10.0.0.8
$$);

-- the structure
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-a:
      hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-a }
    apps: { hosts: { pg-a: }, children: { nowhere: , pg-aa: } }
    ring1: { children: { ring2: } }
    ring2: { children: { ring3: } }
    ring3: { children: { ring1: } }
    itself: { children: { itself: } }
    again: { children: { pg-a: { hosts: { 10.0.0.2: } } } }
    misc: { host: { 10.0.0.3: }, pg_port: 5432, vars: [ a ] }
    number: 5
    hosts: { hosts: [ 10.0.0.4 ] }
    nodes: { hosts: { 'a[1:': , 'b[x:3]': , 'c[01:3]': , 'd[3:1]': , 'e[1:3:0]': , 'f[1:999999]': , g: 7 } }
    prio: { vars: { ansible_group_priority: high } }
    all: { }
$$);
SELECT * FROM pg_temp.findings($$
pg-meta:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }
vars: { pg_cluster: pg-meta }
$$);
SELECT * FROM pg_temp.findings('all: { hosts: { a: }, children: { ungrouped: { hosts: { b: } } } }');
SELECT * FROM pg_temp.findings('{"all": {"children": {"g": {"children": {"h": null}}}}}');
SELECT * FROM pg_temp.findings('all: { children: { a: { hosts: { h: } }, a: { hosts: { i: } } } }');
SELECT * FROM pg_temp.findings('all: 5');
SELECT * FROM pg_temp.findings('all:');

-- clusters: each of them as alone, with what it inherits
SELECT * FROM pg_temp.findings($$
all:
  children:
    no-primary: { hosts: { 10.0.0.1: { pg_seq: 1 } }, vars: { pg_cluster: no-primary } }
    no-hosts: { vars: { pg_cluster: no-hosts } }
    two: { hosts: { 10.0.0.2: { pg_seq: 1, pg_role: primary }, 10.0.0.300: { pg_seq: 1, pg_role: primary } } }
    values:
      hosts: { 10.0.0.4: { pg_seq: 1, pg_role: primary } }
      vars: { pg_port: five, pgbouncer_poolmode: x, pg_usrs: [], pg_users: [ { name: app, passwrd: x } ] }
    above: { vars: { pg_cluster: inherits, pg_role: primary }, children: { inherits: { hosts: { 10.0.0.5: { pg_seq: 1 } } } } }
    other-name: { hosts: { 10.0.0.6: { pg_seq: 1, pg_role: primary } }, vars: { pg_cluster: else } }
    roles:
      hosts: { 10.0.0.7: { pg_seq: 1, pg_role: primary } }
      vars: { pg_databases: [ { name: db, owner: gone } ] }
    defaults:
      hosts: { 10.0.0.8: { pg_seq: 1, pg_role: primary } }
      vars: { pg_default_roles: [ { name: everybody } ] }
  vars:
    pg_users: [ { name: gone, state: absent }, { name: everybody, roles: [ dbrole_readonly ] }, { name: dbrole_admin } ]
$$);

-- known parameters are checked at every level; unknown ones are kept, unless they look like ours
SELECT * FROM pg_temp.findings($$
all:
  children:
    etcd: { hosts: { 10.0.0.1: { etcd_seq: 1, etcd_port: x, my_own: 1 } }, vars: { etcd_cluster: etcd, pg_clustr: x } }
    up: { vars: { pgbouncer_enabled: maybe }, children: { etcd: } }
  vars: { pg_vesion: 18, pgops_polcy: observe, admin_ip: 10.0.0.300, patroni_x: 1, whatever: { a: 1 }, pg_users: [ app, { nam: x } ] }
$$);

-- between clusters
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-a:
      hosts:
        10.0.0.1: { pg_seq: 1, pg_role: primary }
        10.0.0.2: { pg_seq: 2, pg_upstream: 10.0.0.99 }
        10.0.0.3: { pg_seq: 3, pg_upstream: 10.0.0.3 }
      vars: { pg_cluster: pg-a, pg_vip_enabled: true, pg_vip_address: 10.0.0.100/24 }
    pg-b:
      hosts:
        10.0.0.1: { pg_seq: 1, pg_role: primary }
        10.0.0.4: { pg_seq: 2, pg_upstream: 10.0.0.2 }
      vars: { pg_cluster: pg-b, pg_vip_enabled: true, pg_vip_address: 10.0.0.100/24 }
    pg-c:
      hosts: { 10.0.0.5: { pg_seq: 1, pg_role: primary, pg_upstream: 10.9.9.9 } }
      vars: { pg_cluster: pg-a, pg_vip_enabled: true, pg_vip_address: 10.0.0.4/24 }
    pg-d:
      hosts: { 10.0.0.6: { pg_seq: 1, pg_role: primary, pg_upstream: 10.0.0.100 } }
      vars: { pg_cluster: pg-d, pg_shard: s, pg_group: 0 }
    pg-e:
      hosts: { 10.0.0.7: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-e, pg_shard: s, pg_group: 0 }
$$);

-- ports: on one level, of a host, of hosts that several groups share
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-a:
      hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2, pg_port: 6001 } }
      vars:
        pg_cluster: pg-a
        pg_services:
          - { name: extra, port: 5433, selector: '[]' }
          - { name: rest, port: 8008, selector: '[]' }
          - { name: fine, port: 6001, selector: '[]' }
    pg-b:
      hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-b, pg_port: 5440, pg_services: [ { name: fine, port: 6001, selector: '[]' } ] }
    pg-c: { hosts: { 10.0.0.3: { pg_seq: 1, pg_role: primary } }, vars: { pg_cluster: pg-c, pg_port: 5434 } }
    web:
      hosts: { 10.0.0.3: }
      vars: { haproxy_services: [ { name: one, port: 6432 }, { name: two, port: 7000 } ] }
    free: { hosts: { 10.0.0.9: }, vars: { haproxy_services: [ { name: one, port: 6432 } ] } }
$$);
-- said once, though every cluster has it
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-a: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } } }
    pg-b: { hosts: { 10.0.0.2: { pg_seq: 1, pg_role: primary } } }
  vars: { pg_services: [ { name: extra, port: 5436, selector: '[]' } ] }
$$);

-- variables of a host that replace each other; the value of a secret is not shown
SELECT * FROM pg_temp.findings($$
all:
  children:
    a: { hosts: { h: { x: 1, same: 1, redis_password: geheim } } }
    b: { hosts: { h: { x: 2, same: 1, redis_password: geheimer } } }
$$);

-- Jinja is kept, placeholders are ours
SELECT * FROM pg_temp.findings($$
all:
  children:
    g: { hosts: { h: { text: 'a {{ b }} {{ c }}' } }, vars: { list: [ x, { k: '{% if x %}' } ] } }
  vars: { pg_version: '{{ v }}', pg_port: '{{ p }}', ours: '${admin_ip}' }
$$);

-- thousands of faults are cut short; circles and chains of any length are found, not followed
SELECT severity, count(*), max(message) FROM pg_temp.findings(
	'all: { children: { g: { children: { ' ||
	(SELECT string_agg('no' || i || ': ', ', ') FROM generate_series(1, 3000) AS i) || ' } } } }')
	GROUP BY severity;
SELECT severity, place, code, path, length(message) FROM pg_temp.findings(
	(SELECT string_agg('g' || i || E': { children: { g' || (i % 20000) + 1 || E': } }\n', '') FROM generate_series(1, 20000) AS i));
SELECT * FROM pg_temp.findings(
	(SELECT string_agg('g' || i || E': { children: { g' || i + 1 || E': } }\n', '') FROM generate_series(1, 63) AS i) || 'g64: {}');

-- apply_cluster() takes one cluster only
SELECT * FROM pgops.apply_cluster('all: { children: { pg-a: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } } } } }');
SELECT count(*) FROM pgops.cluster;
