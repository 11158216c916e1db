# pgops.repack() with the real pg_repack: bloated tables become small while they
# are used, whatever they are called.  Where it is not installed, that is what is
# said.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('repack', conf => <<'CONF');
autovacuum = off
pgops.drift_interval = '1h'
pgops.lock_timeout = '1s'
max_prepared_transactions = 5
CONF
my $odd = q{we ird" = 'db\\};
my $table = q{"sch.e""ma"."Tab'le ü"};
my $regclass = literal($table) . '::regclass';

sub job
{
	my ($call) = @_;
	my $id = value($node, "SELECT pgops.$call");
	my $job = row($node, "SELECT *, result AS r FROM pgops.job_wait($id, '90 s')");
	$job->{log} = value($node, "SELECT coalesce(string_agg(text, E'\\n' ORDER BY line), '') FROM pgops.job_log($id)");
	return $job;
}

chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`) if $ENV{PG_CONFIG};
$bindir ||= $node->config_data('--bindir');
if (!-x "$bindir/pg_repack")
{
	my ($code, undef, $stderr) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.repack()");
	like($stderr, qr/PO501: pg_repack is not installed.*HINT:  Install the package/s,
		'without pg_repack: refused, with the package to install');
	is(value($node, 'SELECT count(*) FROM pgops.job'), 0, 'and no job');
	done_testing();
	exit;
}

$node->safe_psql('postgres', 'CREATE DATABASE "' . ($odd =~ s/"/""/gr) . '"');
my $in_odd = 'databases => ARRAY[' . literal($odd) . ']';

# ---- the extension is missing ----
my $job = job("repack($in_odd)");
is("$job->{state} $job->{sqlstate}", 'failed 55000', 'a database that is named must have the extension');
like($job->{detail}, qr/extension "pg_repack" is not installed/, 'which is said');
is(job('repack()')->{state}, 'succeeded', 'else it is left out');

# ---- bloat ----
$node->safe_psql($odd, <<"SQL");
CREATE EXTENSION pg_repack;
CREATE SCHEMA "sch.e""ma";
CREATE TABLE $table (id int PRIMARY KEY, v text);
INSERT INTO $table SELECT g, repeat('x', 100) FROM generate_series(1, 50000) g;
DELETE FROM $table WHERE id % 10 <> 0;
CREATE TABLE nokey AS SELECT id, repeat('y', 100) AS v FROM generate_series(1, 50000) id;
DELETE FROM nokey WHERE id % 10 <> 0;
CREATE TABLE tight AS SELECT * FROM generate_series(1, 100000) id;
ALTER TABLE tight ADD PRIMARY KEY (id);
SQL
$node->safe_psql($odd, 'VACUUM ANALYZE');
$node->safe_psql($odd, "BEGIN; LOCK TABLE $table IN ACCESS SHARE MODE; PREPARE TRANSACTION 'reader'");
my $sum = $node->safe_psql($odd, "SELECT count(*), sum(id), md5(string_agg(v, '' ORDER BY id)) FROM $table");
my $size = $node->safe_psql($odd, "SELECT pg_relation_size($regclass)");

$job = job("repack($in_odd, min_size => '1MB')");
is("$job->{state} $job->{r}{done} $job->{r}{skipped}", 'succeeded 0 2', 'what is in use is skipped')
  or diag(explain($job));
like($job->{log}, qr/^skipped .*Tab'le ü": locked by another session/m, 'and told');
like($job->{log}, qr/^skipped .*nokey: .*needs a primary key/m, 'like a table without a key');

$node->safe_psql($odd, "ROLLBACK PREPARED 'reader'");
$job = job("repack($in_odd, min_size => '1MB')");
is("$job->{state} $job->{r}{done} $job->{r}{failed}", 'succeeded 1 0', 'pg_repack writes a table anew')
  or diag(explain($job));
cmp_ok($node->safe_psql($odd, "SELECT pg_relation_size($regclass)"), '<', $size / 5, 'it is smaller');
cmp_ok($job->{r}{bytes_after}, '<', $job->{r}{bytes_before} / 3, 'the result says so');
is($node->safe_psql($odd, "SELECT count(*), sum(id), md5(string_agg(v, '' ORDER BY id)) FROM $table"), $sum,
	'with the same rows');
unlike($job->{log}, qr/tight/, 'a table without bloat is left alone');
is($node->safe_psql($odd, q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'repack%'}), 0,
	'nothing of pg_repack is left');

$node->stop;
done_testing();
