# Maintenance: vacuum, freeze, analyze and reindex choose what needs it, in every
# database and whatever the names are; skip what is locked; one that fails does not
# stop the others; they end with cancel, deadline and window, each in its way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('maintain', conf => <<'CONF');
autovacuum = off
pgops.drift_interval = '1h'
pgops.lock_timeout = '1s'
max_prepared_transactions = 5
autovacuum_freeze_max_age = 100000
CONF

my $odd = q{we ird" = 'db\\};
my $table = q{"sch.e""ma"."Tab'le ü"};
my $regclass = literal($table) . '::regclass';
$node->safe_psql('postgres', 'CREATE DATABASE ' . '"' . ($odd =~ s/"/""/gr) . '"');

# asks for a job; its number
sub ask
{
	my ($call) = @_;
	return value($node, "SELECT pgops.$call");
}

sub finished
{
	my ($id) = @_;
	return row($node, "SELECT *, result AS r FROM pgops.job_wait($id, '60 s')");
}

# a job from its beginning to its end
sub job
{
	my ($call) = @_;
	return finished(ask($call));
}

sub log_of
{
	my ($job) = @_;
	return value($node, "SELECT string_agg(text, E'\\n' ORDER BY line) FROM pgops.job_log($job->{id})");
}

sub odd
{
	my ($sql) = @_;
	return $node->safe_psql($odd, $sql);
}

# state and counts in one word
sub outcome
{
	my ($job) = @_;
	my $r = $job->{r} || {};
	return join ' ', $job->{state}, map { "$_=" . ($r->{$_} // '') } qw(done skipped failed remaining);
}

# databases => '{...}' with the odd name
my $in_odd = 'databases => ARRAY[' . literal($odd) . ']';

# ---- what is wrong is refused at once ----
for my $bad (
	[ q{vacuum('{nowhere}')}, '3D000' ],
	[ q{vacuum(min_dead => -1)}, '22023' ],
	[ q{freeze(min_age => 'NaN')}, '22023' ],
	[ q{analyze(max_tables => -1)}, '22023' ],
	[ q{reindex(min_size => 'much')}, '22023' ],
	[ q{vacuum(at => now(), in_window => true)}, '22023' ],
	[ q{vacuum(in_window => true)}, 'PO700' ],
	[ q{maintenance('mop')}, '22023' ])
{
	my ($call, $sqlstate) = @$bad;
	my ($code, undef, $stderr) =
	  $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT pgops.$call");
	like($stderr, qr/$sqlstate/, "$call: $sqlstate");
}
is(value($node, 'SELECT count(*) FROM pgops.job'), 0, 'none of them made a job');

# ---- analyze ----
odd(<<"SQL");
CREATE SCHEMA "sch.e""ma";
CREATE TABLE $table (id int PRIMARY KEY, v text);
INSERT INTO $table SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g;
CREATE TABLE parent (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE leaf PARTITION OF parent FOR VALUES FROM (0) TO (100);
INSERT INTO parent SELECT g % 100, g FROM generate_series(1, 10000) g;
CREATE TABLE locked (a int);
INSERT INTO locked SELECT generate_series(1, 1000);
DELETE FROM locked;
SQL
my $job = job("analyze($in_odd)");
is($job->{state}, 'succeeded', 'analyze') or diag(explain($job));
is( odd(qq{SELECT count(*) FROM pg_statistic WHERE starelid = $regclass}), 2,
	'a table has statistics');
is(odd(q{SELECT count(*) FROM pg_statistic WHERE starelid = 'parent'::regclass AND stainherit}), 2,
	'a partitioned table, too');
like(log_of($job), qr/analyze "we ird"" = 'db\\"\."sch\.e""ma"\."Tab'le ü": 20000 changed rows of about 20000/,
	'the log says why');
unlike(log_of($job), qr/\bleaf\b/, 'its partition is analyzed with it, not once more');
$job = job("analyze($in_odd)");
unlike(log_of($job) || '', qr/Tab'le|parent/, 'what is analyzed is not chosen again');

# ---- vacuum ----
odd("DELETE FROM $table WHERE id % 10 <> 0");
odd("BEGIN; LOCK TABLE locked; PREPARE TRANSACTION 'lock'");
is( value($node, "SELECT string_agg(name, ',') FROM pgops.maintenance('vacuum') WHERE name ~ 'Tab|locked'"),
	'', 'a dry run is about the current database');
is( value($node, "SELECT string_agg(reason, ',') FROM pgops.maintenance('vacuum', database => " . literal($odd)
		. ") WHERE name ~ 'Tab'"), '18000 dead rows, 2000 live', 'or about another one');
$job = job("vacuum($in_odd, min_size => '0')");
is($job->{state}, 'succeeded', 'vacuum') or diag(explain($job));
is(odd(qq{SELECT pg_stat_get_dead_tuples($regclass)}), 0, 'dead rows are gone');
is(odd(q{SELECT pg_stat_get_vacuum_count('locked'::regclass)}), 0, 'a locked table is left');
is($job->{r}{skipped}, 1, 'and counted');
like(log_of($job), qr/^skipped .*\.public\.locked: locked by another session/m, 'and told');
cmp_ok($job->{r}{bytes_after}, '<=', $job->{r}{bytes_before} + 1_000_000, 'sizes are told');
odd("ROLLBACK PREPARED 'lock'");
$job = job("vacuum($in_odd, max_tables => 1)");
is(outcome($job), 'succeeded done=1 skipped=0 failed=0 remaining=0', 'at most so many tables');
is(odd(q{SELECT pg_stat_get_vacuum_count('locked'::regclass)}), 1, 'the one with the most dead rows');

# ---- freeze ----
$node->safe_psql('postgres', 'DO $$ BEGIN FOR i IN 1..1500 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$');
odd('CREATE TABLE young (a int)');
my $before = odd(q{SELECT relfrozenxid FROM pg_class WHERE relname = 'young'});
$job = job('freeze(min_age => 0.01)');
is($job->{state}, 'succeeded', 'freeze') or diag(explain($job), log_of($job));
is(value($node, 'SELECT count(*) FROM pg_database WHERE datallowconn AND age(datfrozenxid) > 1000'), 0,
	'no database is older than the limit, template1 neither');
cmp_ok($job->{r}{oldest_age_before}, '>', 1500, 'the age before is told');
cmp_ok($job->{r}{oldest_age_after}, '<', 1000, 'and the age after');
is(odd(q{SELECT relfrozenxid FROM pg_class WHERE relname = 'young'}), $before, 'a young table is left alone');

# ---- reindex ----
odd(<<"SQL");
CREATE TABLE bloated AS SELECT g AS a, g % 7 AS b FROM generate_series(1, 100000) g;
CREATE INDEX "bloated""idx" ON bloated (a);
DELETE FROM bloated WHERE a % 20 <> 0;
CREATE TABLE twice AS SELECT 1 AS a FROM generate_series(1, 2);
CREATE TABLE once AS SELECT 1 AS a FROM generate_series(1, 2);
CREATE INDEX kept ON once (a);
SQL
$node->psql($odd, "CREATE UNIQUE INDEX CONCURRENTLY ${_}_idx ON $_ (a)") for qw(twice once);
is(odd('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 2, 'two indexes are invalid');
odd('DELETE FROM once WHERE ctid = (SELECT max(ctid) FROM once)');

# a broken off REINDEX CONCURRENTLY: it could not wait for a writer
odd("BEGIN; INSERT INTO once VALUES (2); PREPARE TRANSACTION 'writer'");
$node->psql($odd, "SET lock_timeout = '100ms'; REINDEX INDEX CONCURRENTLY kept",
	on_error_stop => 0);
odd("ROLLBACK PREPARED 'writer'");
is(odd(q{SELECT count(*) FROM pg_class WHERE relname ~ '_ccnew'}), 1, 'a broken off REINDEX leaves a copy');
odd($_) for 'VACUUM (ANALYZE) bloated', 'VACUUM (ANALYZE) once';
my $size = odd(q{SELECT pg_relation_size('"bloated""idx"')});
$job = job("reindex($in_odd, min_size => '1MB')");
is(outcome($job), 'failed done=2 skipped=0 failed=1 remaining=0', 'reindex: one of three fails')
  or diag(explain($job), log_of($job));
is($job->{sqlstate}, '23505', 'for its duplicates');
like($job->{detail}, qr/public\.twice_idx: could not create unique index/, 'which is told');
cmp_ok(odd(q{SELECT pg_relation_size('"bloated""idx"')}), '<', $size / 5, 'a bloated index is rebuilt');
cmp_ok($job->{r}{bytes_after}, '<', $job->{r}{bytes_before} / 4, 'which the result says');
is(odd(q{SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE NOT indisvalid}), 'twice_idx',
	'an invalid index is repaired, copies that were left are dropped');
is(odd(q{SELECT count(*) FROM pg_class WHERE relname = 'kept'}), 1, 'their originals are there');
odd('DROP TABLE twice');
$job = job("reindex($in_odd, min_size => '1MB')");
is(outcome($job), 'succeeded done=0 skipped=0 failed=0 remaining=0', 'nothing is left to be rebuilt');

# ---- cancel, deadline, window: a VACUUM that would take minutes ----
odd("DELETE FROM $table WHERE id % 20 <> 0");
$node->append_conf('postgresql.conf', "vacuum_cost_delay = 100\nvacuum_cost_limit = 1");
$node->reload;

sub no_workers
{
	my ($what) = @_;
	wait_for($node, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pgops worker')}, $what);
	return;
}

my $slow = "vacuum($in_odd, max_tables => 1, min_dead => 0.1)";
my $id = ask($slow);
wait_for($node, "SELECT step LIKE '%(1 of 1), scanning heap' AND done > 0 AND unit = 'bytes' AND progress LIKE '[%'
	FROM pgops.jobs WHERE id = $id", 'a running VACUUM shows how far it is');
is(value($node, "SELECT pgops.job_cancel($id)"), 't', 'job_cancel');
is(finished($id)->{state}, 'cancelled', 'VACUUM is cancelled');
no_workers('and its worker is gone');

$id = ask($slow);
wait_for($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_progress_vacuum UNION ALL SELECT false LIMIT 1},
	'somebody cancels the VACUUM, not the job');
$job = finished($id);
is(outcome($job) . " $job->{sqlstate}", 'failed done=0 skipped=0 failed=1 remaining=0 57000',
	'that is a failure of this table');

$job = job("vacuum($in_odd, max_tables => 1, min_dead => 0.1, deadline => '1 s')");
is("$job->{state} $job->{sqlstate}", 'failed PO502', 'the deadline is over');
no_workers('the worker is gone');

$id = value($node, <<"SQL");
BEGIN;
SELECT pgops.$slow AS id \\gset
UPDATE pgops.job SET stop_at = clock_timestamp() + interval '3500 ms' WHERE id = :id;
COMMIT;
SELECT :id;
SQL
$job = finished($id);
is(outcome($job), 'succeeded done=0 skipped=0 failed=0 remaining=1', 'the end of the window is no failure')
  or diag(explain($job), log_of($job));
is($job->{r}{stopped}, 'end of the maintenance window', 'the result says so');
no_workers('the worker is gone');

# ---- a database that vanishes does not stop the others ----
$node->safe_psql('postgres', 'CREATE DATABASE doomed');
$node->safe_psql('doomed', 'CREATE TABLE t AS SELECT generate_series(1, 100000) AS a; DELETE FROM t');
$id = ask(q{vacuum('{doomed,postgres}', min_size => '0', min_dead => 3, deadline => '1 min')});
wait_for($node, q{SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE datname = 'doomed')}, 'VACUUM runs');
$node->append_conf('postgresql.conf', 'vacuum_cost_delay = 0');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->safe_psql('postgres', 'DROP DATABASE doomed WITH (FORCE)');
$job = finished($id);
is("$job->{state} $job->{r}{failed} $job->{r}{databases}", 'failed 1 2', 'a database was dropped meanwhile, the other one was visited')
  or diag(explain($job), log_of($job));

# what a schedule says nobody has looked at before
$id = value($node, q{SELECT pgops.job_request('analyze', '{"databases": ["nowhere", "postgres"]}')});
$job = finished($id);
is("$job->{state} $job->{sqlstate} $job->{r}{failed} $job->{r}{databases}", 'failed 3D000 1 1', 'a database that is not there is a failure, too')
  or diag(explain($job), log_of($job));

# ---- in the window ----
declare($node, small_document());
settle($node);
my (undef, undef, $stderr) =
  $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT pgops.analyze(in_window => true)");
like($stderr, qr/55000/, 'no window is declared');
declare($node, small_document(pgops_maintenance_window => { cron => '0 2 * * sat', duration => '3h' }));
settle($node);
$id = ask('analyze(in_window => true)');
is(value($node, <<"SQL"), 't', 'the job is for the window');
SELECT j.stop_at = w.window_end AND (j.not_before = w.window_start OR w.window_start <= now())
FROM pgops.job j, pgops.next_window() w WHERE j.id = $id
SQL
$node->safe_psql('postgres', "SELECT pgops.job_cancel($id)");

$node->stop;
done_testing();
