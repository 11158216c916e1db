-- What pgops.validate() says about high availability: time limits, Patroni's
-- dynamic configuration, who confirms, who follows whom.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;

CREATE FUNCTION pg_temp.findings(document text)
RETURNS TABLE (severity text, place text, code text, path text, message text, hint text)
LANGUAGE sql AS $$
	SELECT f.severity, f.line || ':' || f."column", f.code, f.path, f.message, f.hint
		FROM pgops.validate(document) WITH ORDINALITY AS f
		WHERE f.path NOT LIKE '%.pg_default_hba_rules[%' ORDER BY f.ordinality
$$;

\pset format unaligned
\pset tuples_only on

-- nothing to say: everything that can be declared
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-test:
      hosts:
        10.0.0.1: { pg_seq: 1, pg_role: primary }
        10.0.0.2: { pg_seq: 2, pg_upstream: 10.0.0.1 }
        10.0.0.3: { pg_seq: 3, pg_upstream: 10.0.0.2 }
      vars:
        pg_cluster: pg-test
        pg_conf: crit.yml
        pg_rto: mine
        pg_rto_plan: { mine: [ 40, 10, 15, 60, 5, 1s, 0.5s, 1s, 3, 3 ] }
        pg_rpo: 0
        pgops_dcs:
          synchronous_mode: quorum
          synchronous_mode_strict: on
          synchronous_node_count: 2
          failsafe_mode: yes
          maximum_lag_on_failover: '1048576'
          loop_wait: null
          slots: { cdc: { type: logical, database: app, plugin: pgoutput }, spare: { type: physical } }
          ignore_slots: [ { name: b, type: logical } ]
          postgresql:
            use_pg_rewind: true
            pg_hba: [ 'local all all peer' ]
            pgbackrest: { command: /usr/bin/restore, keep_data: true }
            parameters: { max_connections: 200, wal_level: logical, hot_standby: 'on', work_mem: null }
    pg-dr:
      hosts: { 10.0.0.9: { pg_seq: 1, pg_role: primary, pg_upstream: 10.0.0.1, pg_delay: 1h } }
      vars: { pg_cluster: pg-dr, pg_rto: 30 }
$$);

-- time limits: a plan that there is not, plans that are none, limits that contradict each other
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_rto: nrom
    pg_rto_plan:
      norm: [ 30, 5, 10, 25, 5, 2s, 1s, 2s, 3, 3 ]
      short: [ 30, 5, 10 ]
      words: [ 30, five, 10, 25, 5, 2s, 1s, 2s, 3, 3 ]
      never: [ 30, 5, 10, 25, 5, soon, 1s, 2s, 3, 3 ]
      tight: [ 20, 10, 10, 25, 5, 2s, 1s, 2s, 3, 3 ]
      small: [ 5, 1, 2, 10, 1, 2s, 1s, 2s, 3, 3 ]
      map: { ttl: 30 }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_rto: 2 } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_rto: 9 } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_rto: fast, pgops_dcs: { retry_timeout: 10 } } }
$$);
-- what neither says is not known here
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pgops_dcs: { ttl: 20 } } }
$$);

-- keys that Patroni does not know, values that it does not take
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2 } }
  vars:
    pgops_dcs:
      tttl: 30
      loop_wait: soon
      retry_timeout: 0
      synchronous_mode: maybe
      failsafe_mode: 7
      pause: true
      master_start_timeout: 30
      watchdog: { mode: required }
      slots: { a: physical, b: { type: logical, database: app }, c: { type: odd } }
      ignore_slots: { name: x }
      standby_cluster: { hots: 10.0.0.9, port: [ 5432 ] }
      postgresql:
        use_pg_rewnd: true
        use_slots: 2
        data_dir: /pg/data
        pg_hba: local
        parameters:
          listen_addresses: '*'
          hot_standby: 'off'
          wal_level: minimal
          max_connections: 20
          wal_keep_size: 8MB
          work_mem: [ 4MB ]
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pgops_dcs: [ ttl ] } }
$$);

-- nobody to confirm; more to confirm than there are
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pgops_dcs: { synchronous_mode: on, synchronous_mode_strict: true } } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pgops_dcs: { synchronous_mode: quorum } } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_conf: crit.yml } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_rpo: 0 } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2, pg_role: offline } }
  vars: { pgops_dcs: { synchronous_mode: true } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2 }, 10.0.0.3: { pg_seq: 3 } }
  vars: { pgops_dcs: { synchronous_mode: quorum, synchronous_node_count: 3 } }
$$);

-- delays of nothing; circles; an upstream that is its own; a primary's upstream among its replicas
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts:
    10.0.0.1: { pg_seq: 1, pg_role: primary, pg_delay: 1h }
    10.0.0.2: { pg_seq: 2, pg_delay: 10min }
    10.0.0.3: { pg_seq: 3, pg_upstream: 10.0.0.4 }
    10.0.0.4: { pg_seq: 4, pg_upstream: 10.0.0.5 }
    10.0.0.5: { pg_seq: 5, pg_upstream: 10.0.0.3 }
    10.0.0.6: { pg_seq: 6, pg_upstream: 10.0.0.6 }
    10.0.0.7: { pg_seq: 7, pg_upstream: 10.0.0.3, pg_delay: 0 }
  vars: { pg_cluster: pg-test }
$$);
SELECT * FROM pg_temp.findings($$
pg-test: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } }, vars: { pg_delay: 1h } }
$$);

-- parameters that are Patroni's own: where it is meant, and where it is not
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2 } }
  vars: { pg_parameters: { port: 5433, hot_standby: on, cluster_name: x, work_mem: 8MB } }
$$);
SELECT * FROM pg_temp.findings($$
pg-test:
  hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary }, 10.0.0.2: { pg_seq: 2 } }
  vars: { patroni_enabled: false, pg_parameters: { port: 5433 } }
$$);

-- what is declared for all is told there, once
SELECT * FROM pg_temp.findings($$
all:
  children:
    pg-a: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary } } }
    pg-b: { hosts: { 10.0.0.2: { pg_seq: 1, pg_role: primary } }, vars: { pg_rto: slow } }
  vars: { pg_rto: swift, pg_conf: crit.yml }
$$);
