# Restore tests: a good backup is proven to be one; a damaged one is found, by
# whichever check can see it; whatever comes out, nothing is left behind.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use File::Find ();
use PgopsBackup;
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('main', init => { extra => [ '-E', 'UTF8', '--locale=C', '-k' ] });
my $instances = $node->data_dir . '.pgops/instances';

# a test, to its end: (row of the job, row of pgops.verifications)
sub test_backup
{
	my ($arguments) = @_;
	my $job = finish_job($node, 'SELECT pgops.verify_backup(' . ($arguments // '') . ')');
	my ($row) = rows($node, "SELECT *, EXTRACT(epoch FROM time_to_restore) AS seconds FROM pgops.verifications WHERE job = $job->{id}");
	return ($job, $row);
}

# no row, directory or server of a scratch instance
sub nothing_left
{
	my ($what) = @_;
	is(value($node, 'SELECT count(*) FROM pgops.instance_beside'), 0, "$what: no instance is left");
	is_deeply([ glob("$instances/verify*") ], [], '... no file of it');
	my @running = grep { (readlink("$_/cwd") // '') =~ m{^\Q$instances\E/} || eval { slurp_file("$_/cmdline") =~ m{\Q$instances\E} } } glob('/proc/[0-9]*');
	is_deeply(\@running, [], '... no process');
	return;
}

# files of a repository whose names match
sub repository_files
{
	my ($pattern) = @_;
	my @found;
	File::Find::find({ no_chdir => 1, wanted => sub { push @found, $_ if -f $_ && /$pattern/ } }, repository($node));
	return sort @found;
}

# changes some bytes in the middle of a file, and back by being called again
sub flip
{
	my ($file) = @_;
	open(my $handle, '+<:raw', $file) or die "$file: $!\n";
	my $place = int((-s $file) / 2);
	seek($handle, $place, 0);
	read($handle, my $bytes, 8);
	seek($handle, $place, 0);
	print $handle ~$bytes;
	close($handle) or die "$file: $!\n";
	return;
}

$node->safe_psql('postgres', <<~'SQL');
	CREATE DATABASE "app's ü";
	CREATE TABLE proof AS SELECT i FROM generate_series(1, 1000) i;
	SQL
$node->safe_psql("app's ü", 'CREATE TABLE orders AS SELECT i AS id, repeat(md5(i::text), 10) AS text FROM generate_series(1, 5000) i; CREATE INDEX ON orders (id)');
is(finish_job($node, "SELECT pgops.backup('incr')")->{state}, 'succeeded', 'a backup that builds upon the first one');
my $label = value($node, 'SELECT label FROM pgops.backups ORDER BY stop DESC LIMIT 1');
$node->safe_psql('postgres', 'INSERT INTO proof VALUES (1001); SELECT pg_switch_wal()');
ok(wait_until(sub { value($node, 'SELECT last_archived_wal >= pg_walfile_name(lsn) FROM (SELECT pg_current_wal_lsn() - 16777216) AS c (lsn), pg_stat_archiver') eq 't' }), 'WAL after it is archived');

# ---- a good one ----
my $probes = literal(q([
	{"name": "orders", "database": "app's ü", "query": "SELECT count(*) AS orders, min(id) AS first FROM orders -- all\n ;", "expect": 5000},
	{"name": "after the backup", "query": "SELECT i FROM proof WHERE i = 1001"}]));
my ($job, $row) = test_backup("probes => $probes");
is($job->{state}, 'succeeded', 'a good backup passes') or diag(explain($job));
is($job->{result}{backup}, $label, '... the newest one');
is($row->{state}, 'succeeded', '... says its row');
is($row->{label}, $label, '... of that label');
cmp_ok($row->{seconds}, '>', 0, '... with the time that a restore takes');
cmp_ok($row->{bytes}, '>', 20_000_000, '... and its size');
ok(!defined $row->{error} && !defined $row->{findings}, '... and nothing is wrong');
is($row->{checksums}{enabled}, 1, 'checksums are there');
cmp_ok($row->{checksums}{blocks}, '>', 1000, '... all pages were read');
is($row->{checksums}{bad}, 0, '... none is bad');
cmp_ok($row->{amcheck}{relations}, '>', 300, 'tables and indexes were checked');
is($row->{amcheck}{problems}, 0, '... without a problem');
is(scalar(grep { !$_->{ok} } @{ $row->{probes} }), 0, 'all probes are answered');
my %probe = map { $_->{name} => $_ } @{ $row->{probes} };
is_deeply($probe{orders}{rows}, [ { orders => 5000, first => 1 } ], '... with rows of proof');
is_deeply($probe{'after the backup'}{rows}, [ { i => 1001 } ], '... WAL after the backup included');
cmp_ok($probe{databases}{rows}[0]{databases}, '>=', 4, '... databases');
cmp_ok($probe{roles}{rows}[0]{roles}, '>=', 10, '... roles');
is($probe{pgops}{rows}[0]{tables}, 1, q(... pgops' own tables));
is(value($node, "SELECT verification FROM pgops.backups WHERE label = '$label' AND verified_at > start"), 'succeeded', 'pgops.backups knows it, too');
nothing_left('a good backup');

# ---- immediate, and probes that fail ----
($job, $row) = test_backup("set => '$label', repo => 1, target => 'immediate', probes => " . literal(q([
	{"name": "wrong SQL", "query": "SELECT nonsense FROM nowhere"},
	{"name": "no such database", "database": "gone", "query": "SELECT 1"},
	{"name": "after the backup", "query": "SELECT i FROM proof WHERE i = 1001"},
	{"name": "writes", "query": "SELECT nextval('pgops.job_id_seq')"},
	{"name": "expects", "query": "SELECT count(*) FROM proof", "expect": "1001"},
	{"name": "false", "query": "SELECT count(*) > 5000 FROM proof"},
	{"name": "fine", "query": "SELECT 'x' || count(*) FROM proof", "expect": "x1000"}])));
is($job->{state}, 'failed', 'probes that fail fail the test');
is($job->{sqlstate}, 'PO512', '... with a SQLSTATE of their own');
is($job->{error}, qq(backup "$label" was restored, but 6 of 10 probes failed), '... and their number');
%probe = map { $_->{name} => $_ } @{ $row->{probes} };
like($probe{'wrong SQL'}{error}, qr/^42P01: .*nowhere/, 'wrong SQL is reported');
like($probe{'no such database'}{error}, qr/"gone" does not exist/, 'a database that is not there');
is($probe{'after the backup'}{error}, 'there is no row', 'an immediate restore ends before what came later');
like($probe{writes}{error}, qr/^25006/, 'a probe cannot write');
is($probe{expects}{error}, '1001 was expected, not 1000', 'another value than expected');
is($probe{false}{error}, 'the first column is false', 'a condition that does not hold');
is($probe{fine}{ok}, 1, 'the others are answered');
is(scalar(@{ $row->{findings} }), 6, 'each is a finding');
nothing_left('failed probes');

# ---- refused ----
for my $refused (
	[ "set => '20200101-000000F'", 'PO506', qr/there is no backup "20200101-000000F".*\Q$label\E/s ],
	[ 'repo => 7', '22023', qr/there is no repository 7/ ],
	[ "target => 'time'", '22023', qr/latest or immediate/ ],
	[ "probes => '{}'", '22023', qr/must be a list/ ],
	[ "probes => '[{\"query\": \" \"}]'", '22023', qr/probe 1: it has no query/ ],
	[ "probes => '[{\"query\": \"SELECT 1\", \"sql\": 1}]'", '22023', qr/probe 1: "sql" is no field/ ])
{
	my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.verify_backup($refused->[0])");
	like($error, qr/$refused->[1]: /, "$refused->[0] is refused: $refused->[1]");
	like($error, $refused->[2], '... and says why');
}

# ---- bytes flipped in the repository ----
for my $damaged ([ 'a bundle', qr{/\Q$label\E/bundle/\d+$|/\Q$label\E/pg_data/base/\d+/\d+\.zst$} ])
{
	my ($what, $pattern) = @$damaged;
	my ($file) = sort { -s $b <=> -s $a } repository_files($pattern);
	ok($file, "$what of the repository");
	flip($file);
	($job, $row) = test_backup();
	is($job->{state}, 'failed', "$what with flipped bytes is found");
	is($job->{sqlstate}, 'PO509', '... as damage');
	like("$job->{error} $job->{detail}", qr/damaged/, '... in words');
	like($job->{hint}, qr/pgops\.backup\('full'\)/, '... with what to do');
	is($row->{state}, 'failed', '... and in its row');
	is($row->{sqlstate}, 'PO509', '... with the SQLSTATE');
	nothing_left("damage in $what");
	flip($file);
}

# ---- WAL: recovery takes what it cannot read for the end ----
my ($wal) = (repository_files(qr{/archive/small/15-1/[^/]+/[0-9A-F]{24}-}))[-1];
$wal = (repository_files(qr{/archive/small/[^/]+/[^/]+/[0-9A-F]{24}-}))[-1];
$node->safe_psql('postgres', 'INSERT INTO proof VALUES (1002); SELECT pg_switch_wal()');
my $newer;
ok(wait_until(sub { ($newer) = (repository_files(qr{/archive/small/[^/]+/[^/]+/[0-9A-F]{24}-}))[-1]; $newer ne $wal }), 'one more WAL file');
flip($wal);
($job, $row) = test_backup();
is($job->{state}, 'failed', 'a damaged WAL file is found');
is($job->{sqlstate}, 'PO509', '... as damage');
like($job->{detail}, qr/recovery ended at .* before WAL file [0-9A-F]{24} of the archive/, '... although recovery did not complain');
nothing_left('damaged WAL');
flip($wal);

# ---- a page that was damaged before the backup ----
my $table = value($node, "SELECT pg_relation_filepath('orders')", database => "app's ü");
$node->safe_psql("app's ü", 'VACUUM (FREEZE) orders');
$node->safe_psql("app's ü", 'CHECKPOINT');
flip($node->data_dir . "/$table");    # the server has its own copy of the page, and nothing to write
finish_job($node, "SELECT pgops.backup('incr')");
($job, $row) = test_backup();
is($job->{state}, 'failed', 'a page that was damaged before the backup is found');
is($job->{sqlstate}, 'PO509', '... as damage');
# pgBackRest 2.60 and later does not get as far as the server's own check
if (defined $row->{checksums})
{
	is($row->{checksums}{bad}, 1, '... by its checksum');
	like(join("\n", @{ $row->{findings} }), qr/1 of \d+ pages have wrong checksums/, '... in words');
}
else
{
	like($job->{error}, qr/pages in the backup have wrong checksums/, '... by its checksum');
	like($job->{hint}, qr/use an older one/, '... in words');
}
nothing_left('a damaged page');

# ---- cancelled ----
my $id = value($node, "SELECT pgops.verify_backup(set => '$label')");
wait_for($node, "SELECT count(*) = 1 FROM pgops.instance_beside WHERE state <> 'dropping'", 'a test is at work');
ok(-d "$instances/verify-$id", '... and has files');
is(value($node, "SELECT pgops.job_cancel($id)"), 't', 'it is cancelled');
is(value($node, "SELECT state FROM pgops.job_wait($id)"), 'cancelled', '... and ends so');
is(value($node, "SELECT state FROM pgops.verifications WHERE job = $id"), 'cancelled', '... in its row, too');
nothing_left('cancelled');

# ---- immediate stop of the server, while files are copied and while the instance runs ----
for my $when ([ 'restoring', 'restoring|recovering|checking|asking' ], [ 'checking', 'checking|asking' ])
{
	$id = value($node, "SELECT pgops.verify_backup(set => '$label')");
	wait_for($node, "SELECT count(*) = 1 FROM pgops.jobs WHERE id = $id AND step ~ '^($when->[1])'", "$when->[0]: a test is at work");
	ok(-d "$instances/verify-$id", '... and has files');
	$node->stop('immediate');
	$node->start;
	wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", 'after an immediate stop it is interrupted');
	is(value($node, "SELECT state FROM pgops.verifications WHERE job = $id"), 'interrupted', '... in its row, too');
	wait_for($node, "SELECT state = 'succeeded' FROM pgops.jobs WHERE kind = 'restore_drop' AND id > $id", 'what it left is removed without being asked for');
	nothing_left("immediate stop, $when->[0]");
}
is((test_backup("set => '$label'"))[0]{state}, 'succeeded', 'the next one works');

# ---- who may read ----
$node->safe_psql('postgres', 'CREATE ROLE watcher IN ROLE pg_monitor');
cmp_ok(value($node, "SET ROLE watcher; SELECT count(*) FROM pgops.verifications"), '>=', 8, 'pg_monitor reads the results');

stop_backup_node($node);
done_testing();
