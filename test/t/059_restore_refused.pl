# What cannot be restored is refused before anything is touched, with what would
# be possible.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PgopsBeside;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('main', conf => "TimeZone = 'Europe/Madrid'\n");
my $label = value($node, 'SELECT max(label) FROM pgops.backups');
my $jobs = value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\'');

# the error of a restore: SQLSTATE, and all of its text
sub refused
{
	my ($what, $arguments, $sqlstate, @patterns) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET client_min_messages = notice;\nSELECT pgops.restore($arguments)");
	isnt($code, 0, "$what: refused");
	like($err, qr/ERROR:  $sqlstate:/, "... as $sqlstate");
	like($err, $_, '... says so') for @patterns;
	return $err;
}

sub beside_refused
{
	my ($what, $arguments, @rest) = @_;
	return refused($what, "$arguments, instance => 'b'", @rest);
}

# ---- where to ----
refused('no place', "'2030-01-01'", '22023', qr/where to restore to/, qr/instance => 'name'/, qr/in_place => true/);
refused('nothing at all', '', '22023', qr/where to restore to/);
refused('two places', "instance => 'b', in_place => true", '22023', qr/contradict/);
refused('a port in place', 'in_place => true, port => 5555', '22023', qr/beside this server/);

# ---- contradictions, all at once ----
my $all = beside_refused('everything wrong',
	"'2026-13-45', target_xid => '0', target_lsn => 'zz', action => 'dance', timeline => 'x', exclusive => true,
	 db_include => '{a}', db_exclude => '{b}', processes => 1000, link_map => '{\"pg_wal\": \"relative\"}', set => 'a;b'",
	'22023', qr/cannot restore: \d+ things are wrong/, qr/contradictory targets: time, xid, lsn/,
	qr/"2026-13-45" is no point in time/, qr/transaction number 0/, qr/"zz" is no LSN/, qr/action "dance"/,
	qr/timeline "x"/, qr/db_include and db_exclude/, qr/process is "1000"/, qr/"relative" for pg_wal is not absolute/,
	qr/"a;b" is no label/);
beside_refused('immediate and a time', "'2026-01-01', target_immediate => true", '22023', qr/type "immediate", but a time/);
beside_refused('exclusive without a target', 'exclusive => true', '22023', qr/exclusive is for/);
beside_refused('exclusive of a name', "target_name => 'x', exclusive => true", '22023', qr/exclusive is for/);
beside_refused('pause at the end of the archive', "action => 'pause'", '22023', qr/needs a target/);
beside_refused('a full transaction number', "target_xid => '4294968297'", '22023', qr/the transaction is 1001/);
beside_refused('a negative one', "target_xid => '-1'", '22023', qr/no transaction number/);
beside_refused('a long name', "target_name => repeat('x', 64)", '22023', qr/longer than 63 bytes/);
beside_refused('only system databases', "db_include => '{postgres}'", '22023', qr/always restored/);
beside_refused('given twice', "'2026-01-01', pitr => '{\"time\": \"2026-01-02\"}'", '22023', qr/given twice.*: time/);
beside_refused('an unknown key', "pitr => '{\"tiem\": \"2026-01-02\"}'", '22023', qr/unknown keys: tiem/, qr/cluster, type, time/);
beside_refused('archiving beside', "archive => true", '22023', qr/never archives/);

# ---- the recovery window ----
beside_refused('before the oldest backup', "'2001-01-01 00:00:00+00'", 'PO507',
	qr/no restore can reach time 2001-01-01 01:00:00\+01/, qr/Possible: from \d{4}-.*\+0[12] to \d{4}-.*\+0[12]/);
beside_refused('in the future', "'2099-01-01 00:00:00'", 'PO507',
	qr/time "2099-01-01 00:00:00" is understood as 2099-01-01 00:00:00\+01/, qr/Europe\/Madrid/, qr/in the future/, qr/Possible: from/);
beside_refused('an LSN to come', "target_lsn => 'FF/0'", 'PO507', qr/has not been written yet/, qr/This server is at LSN/);
beside_refused('an LSN long gone', "target_lsn => '0/28'", 'PO507', qr/Possible: LSN 0\//);
beside_refused('a transaction to come', "target_xid => '1000000'", 'PO507', qr/not been begun/, qr/next transaction/);
beside_refused('an unknown set', "set => '20010101-000000F'", 'PO507', qr/does not exist/, qr/newest first: $label/);
beside_refused('an unknown repository', 'repo => 4', 'PO506', qr/no backup in a repository 4/, qr/pgops\.backups/);
beside_refused('a time before its set', "'2001-01-01', set => '$label'", 'PO507', qr/Possible: from/);

# ---- port, directory, name ----
my $busy = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my $port = $busy->sockport;
beside_refused('a port in use', "port => $port", 'PO508', qr/port $port is in use/, qr/Port \d+ is free/);
beside_refused("this server's port", 'port => ' . $node->port, 'PO508', qr/This server has it/);
beside_refused('a low port', 'port => 80', 'PO508', qr/between 1024 and 65535/);
my $full = PostgreSQL::Test::Utils::tempdir_short();
append_to_file("$full/somebodys", 'file');
beside_refused('a folder with files', "directory => '$full'", 'PO508', qr/is not empty/);
beside_refused('inside the data', 'directory => ' . literal($node->data_dir . '/base/x'), 'PO508', qr/inside the data directory/);
beside_refused('a relative path', "directory => 'here'", 'PO508', qr/not an absolute path/);
beside_refused('a file above', "directory => '$full/somebodys/x'", 'PO508', qr/cannot be used/);
refused('an empty name', "instance => ''", 'PO508', qr/1 to 63 bytes/);

# ---- what is dropped ----
my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.restore_drop('b')");
like($err, qr/42704.*"b" does not exist/, 'nothing is there to drop');

is(value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\''), $jobs, 'none of these asked for a job');
is(value($node, 'SELECT count(*) FROM pgops.restored_instances'), 0, '... or made an instance');
ok(!-e instances_of($node), '... or a directory');
is(slurp_file("$full/somebodys"), 'file', '... or touched a file');

# ---- what is told, and nothing done ----
my $now = value($node, "SELECT clock_timestamp()::timestamp");
($code, $out, $err) = $node->psql('postgres', "SET client_min_messages = notice; SELECT pgops.restore('$now', instance => 'b', dry_run => true)");
is($code, 0, 'a dry run');
like($err, qr/understood as .*\+0[12]/, '... shows the time as it is understood');
like($err, qr/would restore to time .* into instance "b", port \d+, directory/, '... and what would be done');
is(value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\''), $jobs, '... and asks for no job');

# ---- a job that is about the same instance ----
$node->safe_psql('postgres', "SELECT pgops.restore('$now', instance => 'b', at => now() + interval '1 hour')");
like(value($node, "SELECT args ->> 'time' FROM pgops.job WHERE kind = 'restore'"), qr/\+00$/, 'the job knows the time with its zone');
my $promised = value($node, "SELECT args ->> 'port' FROM pgops.job WHERE kind = 'restore'");
$node->safe_psql('postgres', "SELECT pgops.restore('$now', instance => 'later', at => now() + interval '1 hour')");
isnt(value($node, "SELECT args ->> 'port' FROM pgops.job WHERE kind = 'restore' AND args ->> 'instance' = 'later'"),
	$promised, 'two that wait have different ports');
beside_refused('one that is asked for already', "'$now'", 'PO505', qr/is about instance "b"/, qr/job_cancel/);

# ---- archiving fails: what is archived counts ----
$node->safe_psql('postgres', q(ALTER SYSTEM SET archive_command = 'false'));
$node->reload;
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
wait_for($node, 'SELECT last_failed_time > last_archived_time FROM pg_stat_archiver', 'archiving fails');
$now = value($node, 'SELECT clock_timestamp()');
refused('what is not archived', "'$now', instance => 'c'", 'PO507', qr/WAL is archived up to/, qr/Possible: from/);
$node->safe_psql('postgres', 'ALTER SYSTEM RESET archive_command');
$node->reload;

# ---- who may ----
$node->safe_psql('postgres', 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
($code, $out, $err) = $node->psql('postgres', "SET ROLE watcher; SELECT pgops.restore(instance => 'b')");
like($err, qr/permission denied/, 'only superusers restore');
is($node->safe_psql('postgres', 'SET ROLE watcher; SELECT count(*) FROM pgops.restored_instances'), 0, '... pg_monitor may look');

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
($code, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.restore(instance => 'b')");
like($err, qr/25006.*not possible on a standby/, 'a restore on a standby is refused');
$standby->stop;
stop_backup_node($node);
done_testing();
