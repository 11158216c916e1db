-- Parameters by template: what a row is, what depends on what, what is refused.
-- That the numbers are right for all kinds of machines: test/t/084_tune.pl.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
RESET client_min_messages;
\pset format unaligned

-- everything about a machine of 8 processors, 32000 MB and 500 GB
SELECT category, parameter, value, formula, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, cluster => 'pg-test', log_directory => '/pg/log', version => 15);

-- what is different in the others, and in newer versions
CREATE TEMP TABLE base AS
  SELECT parameter, value FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, version => 15);
CREATE TEMP VIEW others AS
  SELECT t.name, t.version, v.*
    FROM (VALUES ('olap', 15), ('crit', 15), ('tiny', 15), ('oltp', 17), ('oltp', 18), ('olap', 18),
				 ('crit', 18), ('tiny', 18)) AS t (name, version)
   CROSS JOIN LATERAL pgops.tune(t.name, 8, 32000, 500::bigint << 30, version => t.version) AS v;
SELECT o.name, o.version, o.parameter, b.value AS oltp, o.value, o.explanation
  FROM others AS o LEFT JOIN base AS b USING (parameter)
 WHERE o.value IS DISTINCT FROM b.value
 ORDER BY o.name, o.version, o.parameter COLLATE "C";
SELECT t.name, t.version, b.parameter AS left_out
  FROM (SELECT DISTINCT name, version FROM others) AS t CROSS JOIN base AS b
 WHERE NOT EXISTS (SELECT FROM others AS o WHERE (o.name, o.version, o.parameter) = (t.name, t.version, b.parameter))
 ORDER BY t.name, t.version, b.parameter COLLATE "C";

-- arguments
SELECT 'direct' AS argument, parameter, value, explanation
  FROM pgops.tune('oltp.yml', 8, 32000, 500::bigint << 30, dest => 'postgres', version => 15)
 WHERE parameter IN ('max_connections', 'max_locks_per_transaction', 'work_mem')
UNION ALL SELECT 'max_conn 20', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, max_conn => 20, version => 15)
 WHERE parameter IN ('max_connections', 'max_locks_per_transaction', 'work_mem')
UNION ALL SELECT 'max_conn 19', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, max_conn => 19, version => 15)
 WHERE parameter = 'max_connections'
UNION ALL SELECT 'ratio', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, shared_buffer_ratio => 0.3, version => 15)
 WHERE parameter IN ('shared_buffers', 'effective_cache_size')
UNION ALL SELECT 'citus', parameter, value, explanation
  FROM pgops.tune('olap', 8, 32000, 500::bigint << 30, libs => 'citus, pgops, pg_cron', version => 15)
 WHERE parameter IN ('shared_preload_libraries', 'max_prepared_transactions', 'max_locks_per_transaction')
UNION ALL SELECT 'timescaledb', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, libs => 'timescaledb', version => 15)
 WHERE parameter ~ '^timescaledb|^max_prepared|^max_locks'
UNION ALL SELECT 'HDD', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, storage => 'HDD', version => 15)
 WHERE parameter ~ 'page_cost|io_concurrency'
UNION ALL SELECT 'io_method', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, io_method => 'io_uring', version => 18)
 WHERE parameter = 'io_method'
UNION ALL SELECT 'primary_db', parameter, value, explanation
  FROM pgops.tune('oltp', 8, 32000, 500::bigint << 30, primary_db => 'meta', version => 18)
 WHERE parameter = 'cron.database_name';

-- nothing given: this machine, this server
SELECT count(*) > 80 AS many, bool_and(value <> '' AND explanation <> '') AS explained,
	   count(DISTINCT parameter) = count(*) AS once FROM pgops.tune();
SELECT value FROM pgops.tune() WHERE parameter = 'shared_preload_libraries';
SELECT parameter, current, differs, problem FROM pgops.tune(log_directory => '/nowhere/at/all')
 WHERE parameter IN ('huge_pages', 'log_rotation_age', 'parallel_tuple_cost', 'cron.database_name', 'log_directory');

-- refused
SELECT * FROM pgops.tune('oltp2');
SELECT * FROM pgops.tune('');
SELECT * FROM pgops.tune(cpu => 0);
SELECT * FROM pgops.tune(cpu => 1025);
SELECT * FROM pgops.tune(mem_mb => -1);
SELECT * FROM pgops.tune(mem_mb => 63);
SELECT * FROM pgops.tune(mem_mb => 2147483647);
SELECT * FROM pgops.tune(disk_bytes => 0);
SELECT * FROM pgops.tune(disk_bytes => 9223372036854775807);
SELECT * FROM pgops.tune(max_conn => 262144);
SELECT * FROM pgops.tune(max_conn => -5);
SELECT * FROM pgops.tune(shared_buffer_ratio => 0);
SELECT * FROM pgops.tune(shared_buffer_ratio => 1.5);
SELECT * FROM pgops.tune(shared_buffer_ratio => 'NaN');
SELECT * FROM pgops.tune(dest => 'haproxy');
SELECT * FROM pgops.tune(storage => 'tape');
SELECT * FROM pgops.tune(version => 14);
SELECT * FROM pgops.tune(version => 19);
\echo :SQLSTATE
