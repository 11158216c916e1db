# The story that backups are made for: rows, a restore point, a DROP TABLE.
# Restored beside the server to each kind of target, the data are exactly right.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PgopsBeside;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('main', conf => "track_commit_timestamp = on\nTimeZone = 'UTC'\n");
my $made = 0;    # instances so far

# ---- helpers ----

# restores, tests the outcome, looks; the job.  (Dropping each would take as long again.)
sub restored
{
	my ($what, $arguments, $query, $expected) = @_;
	my $instance = 'i' . ++$made;
	my $job = finish_job($node, "SELECT pgops.restore($arguments, instance => '$instance')");

	is($job->{state}, 'succeeded', "$what: restored") or diag(explain($job));
	is(beside($node, $instance, $query), $expected, "$what: " . ($expected =~ s/\n/, /gr));
	return $job;
}

# one transaction with a row; its number, when and where it was committed
sub story
{
	my ($row) = @_;
	my $out = $node->safe_psql('postgres', <<~"SQL");
		BEGIN;
		INSERT INTO story VALUES ('$row');
		SELECT pg_current_xact_id()::text::bigint % 4294967296;
		SELECT pg_current_wal_insert_lsn();
		COMMIT;
		SQL
	my ($xid, $lsn) = split /\n/, $out;
	return { xid => $xid, lsn => $lsn,
		time => value($node, "SELECT pg_xact_commit_timestamp('$xid'::xid)") };
}

# now, and something that happens after it
sub time_before_more
{
	my $time = value($node, 'SELECT clock_timestamp()');
	$node->safe_psql('postgres', "INSERT INTO after VALUES (2)");
	return $time;
}

# ---- what happens ----
my $first = value($node, 'SELECT label FROM pgops.backups ORDER BY stop DESC LIMIT 1');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE TABLE elsewhere AS SELECT 42 AS answer');
$node->safe_psql('postgres', 'CREATE TABLE story (row text)');
my $one = story('one');
my $two = story('two');
my $three = story('three');
$node->safe_psql('postgres', "SELECT pg_create_restore_point('before the mistake')");
my $now = value($node, 'SELECT clock_timestamp()');
story('four');
$node->safe_psql('postgres', 'DROP TABLE story');
$node->safe_psql('postgres', 'CREATE TABLE after AS SELECT 1 AS one');

my $rows = "SELECT row FROM story ORDER BY array_position(ARRAY['one','two','three','four'], row)";

# ---- time ----
my $job = restored('time', "'$now'", $rows, "one\ntwo\nthree");
is($job->{result}{backup}, $first, 'the result says from which backup');
like($job->{result}{target}, qr/^time /, '... and to where');
is(beside($node, 'i1', 'SELECT pg_is_in_recovery()'), 'f', 'it is promoted, and so no lock of the DROP TABLE is left');
is(beside($node, 'i1', "INSERT INTO story VALUES ('elsewhere'); SELECT count(*) FROM story"), 4, 'it can be written to');
is(value($node, "SELECT to_regclass('story') IS NULL"), 't', '... and this server is what it was');
my $row = row($node, "SELECT *, reached_time < '$now' AND reached_time >= '$three->{time}' AS right FROM pgops.restored_instances");
is($row->{state}, 'running', 'the view says that it runs');
ok($row->{right}, '... and up to when it replayed') or diag(explain($row));
restored('time, inclusive, as pg_pitr in an inventory', "pitr => '{\"time\": \"$two->{time}\", \"db_include\": [], \"repo\": {}}'",
	$rows, "one\ntwo");
restored('time, exclusive', "'$two->{time}', exclusive => true", $rows, 'one');

# ---- xid ----
restored('xid, inclusive', "target_xid => '$two->{xid}'", $rows, "one\ntwo");
restored('xid, exclusive', "target_xid => '$two->{xid}', exclusive => true", $rows, 'one');

# ---- LSN: of the record that commits ----
restored('LSN, inclusive', "target_lsn => '$three->{lsn}'", $rows, "one\ntwo\nthree");
restored('LSN, exclusive', "target_lsn => '$three->{lsn}', exclusive => true", $rows, "one\ntwo");

# ---- name, from before the newest backup: nobody knows that, it is found out ----
is(finish_job($node, "SELECT pgops.backup('incr')")->{state}, 'succeeded', 'a backup after all that');
my $newest = value($node, 'SELECT label FROM pgops.backups ORDER BY stop DESC LIMIT 1');
isnt($newest, $first, '... which is another one');
$job = restored('name', "target_name => 'before the mistake'", $rows, "one\ntwo\nthree");
is($job->{result}{backup}, $first, '... from the backup before it');
like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($job->{id})"),
	qr/trying the backup before $newest/, '... after the newest one had not led there');
$job = finish_job($node, "SELECT pgops.restore(target_name => 'no such point', set => '$newest', instance => 'nowhere')");
is($job->{state}, 'failed', 'a point that is nowhere');
is($job->{sqlstate}, 'PO507', '... has its SQLSTATE');
like($job->{detail}, qr/recovery ended before configured recovery target/, '... and the reason');
is(value($node, "SELECT state FROM pgops.restored_instances WHERE name = 'nowhere'"), 'failed', '... and is seen in the view');
drop_instance($node, 'nowhere');

# ---- latest, immediate, set ----
my $tables = "SELECT concat_ws(' ', to_regclass('story'), to_regclass('after'))";
restored('latest', "timeline => 'latest'", $tables, 'after');
restored('immediate, of a set', "target_immediate => true, set => '$first'", $tables, '');

# ---- pause and go on; chosen databases ----
my $later = time_before_more();
restored('pause', "'$later', set => '$newest', action => 'pause', db_exclude => '{other,template0}'",
	'SELECT pg_is_in_recovery()', 't');
my $same = "i$made";
beside($node, $same, 'SELECT pg_wal_replay_resume()');
ok(wait_until(sub { beside($node, $same, 'SELECT pg_is_in_recovery()') eq 'f' }), 'it goes on when it is told');
is(beside($node, $same, $tables), 'after', 'databases that were not left out are there');
my $connection = value($node, "SELECT replace(connection, 'dbname=postgres', 'dbname=other') FROM pgops.restored_instances WHERE name = '$same'");
isnt(($node->psql('postgres', '', connstr => $connection, extra_params => [ '-c', 'SELECT * FROM elsewhere' ]))[0],
	0, '... the one that was is not');

# ---- the same instance once more, to another target ----
my $again = "SELECT pgops.restore('$later', set => '$newest', instance => '$same', delta => true, action => 'shutdown')";
like(($node->psql('postgres', $again))[2], qr/runs/, 'one that runs is not restored over');
my $data = value($node, "SELECT data_directory FROM pgops.restored_instances WHERE name = '$same'");
command_ok([ 'pg_ctl', '-D', $data, '-m', 'fast', 'stop' ], 'stopped by hand');
is(value($node, "SELECT state FROM pgops.restored_instances WHERE name = '$same'"), 'stopped', '... which the view knows');
$job = finish_job($node, $again);
is($job->{state}, 'succeeded', 'delta, to another target, action shutdown') or diag(explain($job));
is(value($node, "SELECT state FROM pgops.restored_instances WHERE name = '$same'"), 'stopped', '... it is stopped then');
like(slurp_file(instances_of($node) . "/$same/server.log"), qr/shutdown at recovery target/, '... by itself, at the target');

# ---- gone ----
drop_instance($node, $_) for $same, 'i1';
is(value($node, "SELECT count(*) FROM pgops.restored_instances WHERE name IN ('i1', '$same', 'nowhere')"), 0, 'dropped ones are gone');
is_deeply([ grep { /\/(?:i1|$same|nowhere)$/ } glob "'" . instances_of($node) . "/*'" ], [], '... on the disk, too');

stop_backup_node($node);
done_testing();
