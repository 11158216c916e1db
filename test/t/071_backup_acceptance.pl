# 071_backup_acceptance.pl: the whole story in one go
#
# From a bare server to backups; full, incremental and differential ones from SQL,
# with progress and retention; rows, a restore point, a DROP TABLE; the data as they
# were at a time, a transaction, an LSN and a name, beside the server, and then in
# place.  Nothing but SQL is used, and pgBackRest only to look.
#
# Not for: single features and failures, which the tests before this one have.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PgopsTest;
use PgopsBackup;
use PgopsBeside;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- helpers ----

# what pgBackRest itself tells of the stanza
sub info
{
	my ($node) = @_;
	my ($stanza) = @{ decode_json(pgbackrest($node, '--output=json', 'info')) };
	return $stanza;
}

sub labels
{
	my ($node) = @_;
	return join ' ', map { $_->{label} } @{ info($node)->{backup} };
}

# asks for a job that must succeed; its row
sub succeeded
{
	my ($node, $sql, $what) = @_;
	my $job = finish_job($node, $sql);
	is($job->{state}, 'succeeded', $what) or diag(explain($job));
	return $job;
}

# one transaction with a row: its number, the LSN before its commit
sub write_row
{
	my ($node, $row) = @_;
	my $out = $node->safe_psql('postgres', <<~"SQL");
		BEGIN;
		INSERT INTO orders VALUES ($row);
		SELECT pg_current_xact_id();
		SELECT pg_current_wal_insert_lsn();
		COMMIT;
		SQL
	my ($xid, $lsn) = split /\n/, $out;
	return { xid => $xid, lsn => $lsn };
}

# ---- from a bare server: declare, apply, wait ----
my $node = pgops_node(
	'bare',
	conf => <<~'CONF');
		pgops.manage_backup = on
		pgops.manage_settings = on
		CONF
is(value($node, 'SHOW archive_mode') . value($node, 'SHOW wal_level'), 'offminimal', 'a bare server archives nothing');
my $status = converge($node, small_document(backup_vars($node)), 'blocked', 'declared: a restart is in the way');
like($status->{message}, qr/restart .* archive_mode \(off -> on\)/, '... which the status says');
$node->restart;
is(settle($node)->{phase}, 'converged', 'after it all is done, without being told again') or diag(settle($node)->{message});

is(info($node)->{name}, 'small', 'the stanza exists');
my ($first) = map { $_->{label} } grep { $_->{type} eq 'full' } @{ info($node)->{backup} };
is(value($node, 'SELECT label FROM pgops.backups'), $first, 'the first full backup is listed');
my $file = value($node, 'SELECT pg_walfile_name(pg_switch_wal())');
wait_for($node, "SELECT last_archived_wal >= '$file' FROM pg_stat_archiver", 'WAL is archived');
cmp_ok(info($node)->{archive}[0]{max}, 'ge', $file, '... as pgBackRest knows');
is(value($node, 'SELECT state FROM pgops.backup_status'), 'ok', 'the state of backups in a word');

# ---- full, incr, diff, with live progress; retention ----
$node->safe_psql('postgres', <<~'SQL');
	CREATE TABLE big (t text);
	ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
	INSERT INTO big SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 3000) g, generate_series(1, 240) i GROUP BY g;
	SQL
my $id = value($node, "SELECT pgops.backup('full')");
my (%steps, %bars);
wait_until(
	sub {
		my $now = row($node, "SELECT state, step, progress FROM pgops.jobs WHERE id = $id");
		$steps{ $now->{step} } = 1 if $now->{step} && $now->{state} eq 'running';
		$bars{ $now->{progress} } = 1 if $now->{progress};
		return $now->{state} !~ /queued|running/;
	});
is(value($node, "SELECT state FROM pgops.jobs WHERE id = $id"), 'succeeded', 'a full backup from SQL')
  or diag(value($node, "SELECT string_agg(text, E'\n') FROM pgops.job_log($id)"));
cmp_ok(scalar(keys %steps), '>', 1, 'it is seen what it does while it does it') or diag(explain(\%steps));
my @bars = sort keys %bars;
ok(@bars > 0, '... and how far it is');
is_deeply([ grep { !/^(\[#*\.*\] +\d+%)?[ -~]*$/ } @bars ], [], '... as a line of plain characters') or diag(@bars);
note($_) for @bars;
my $second = value($node, "SELECT result ->> 'label' FROM pgops.jobs WHERE id = $id");
$node->safe_psql('postgres', 'DROP TABLE big');

my $job = succeeded($node, 'SELECT pgops.backup()', 'an incremental one is the default');
is("$job->{result}{type} $job->{result}{prior}", "incr $second", '... upon the newest');
$job = succeeded($node, "SELECT pgops.backup('diff')", 'a differential one');
is("$job->{result}{type} $job->{result}{prior}", "diff $second", '... upon the full one');
is(scalar(split ' ', labels($node)), 4, 'all are there, since two full ones are kept');
$job = succeeded($node, "SELECT pgops.backup('full')", 'a third full one');
is_deeply($job->{result}{removed}, ["repo1 $first"], 'the first one is removed, and the job says so');
unlike(labels($node), qr/\b$first\b/, '... from the repository');
ok(!-e repository($node) . "/backup/small/$first", '... with its files');
is(value($node, "SELECT count(*) FROM pgops.backups WHERE label = '$first'"), 0, '... and from the list');

# ---- rows, a restore point, a DROP TABLE ----
$node->safe_psql('postgres', 'CREATE TABLE orders (id integer)');
write_row($node, 1);
my $time = value($node, 'SELECT clock_timestamp()');
my $two = write_row($node, 2);
my $three = write_row($node, 3);
$node->safe_psql('postgres', "SELECT pg_create_restore_point('before the release')");
write_row($node, 4);
$node->safe_psql('postgres', 'DROP TABLE orders');

# ---- the data are exactly right beside the server ----
my %expected = (
	"'$time'" => '1',
	"target_xid => '$two->{xid}'" => '1 2',
	"target_xid => '$two->{xid}', exclusive => true" => '1',
	"target_lsn => '$three->{lsn}'" => '1 2 3',
	"target_lsn => '$three->{lsn}', exclusive => true" => '1 2',
	"target_name => 'before the release'" => '1 2 3');
my %asked;
# asked for all at once: they are done one after the other, each with a port of its own
$asked{$_} = value($node, "SELECT pgops.restore($_, instance => 'copy " . keys(%asked) . "')") for sort keys %expected;
for my $target (sort keys %expected)
{
	$job = succeeded($node, "SELECT $asked{$target}::bigint", "restored to $target");
	is(beside($node, $job->{arguments}{instance}, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM orders"),
		$expected{$target}, '... the rows are those of then');
}
is(beside($node, 'copy 0', 'SHOW archive_mode'), 'off', 'a copy archives nothing');
is(beside($node, 'copy 0', 'SELECT phase FROM pgops.status'), 'unbound', '... and pgops there only observes');
is(value($node, "SELECT to_regclass('orders') IS NULL"), 't', 'all that while the server is as it was');
drop_instance($node, 'copy 0');
is(value($node, "SELECT count(*) FROM pgops.restored_instances WHERE state = 'running'"), keys(%expected) - 1,
	'... the others stay until they are');

# ---- in place ----
$id = value($node, "SELECT pgops.restore(target_name => 'before the release', in_place => true)");
my $state = '';
ok( wait_until(
		sub {
			# while the server is down there is no answer
			my ($code, $out) = eval { $node->psql('postgres', "SELECT state FROM pgops.jobs WHERE id = $id") };
			$state = $out if defined $code && $code == 0;
			return $state !~ /^(queued|running|)$/;
		}),
	'the server comes back by itself');
is($state, 'succeeded', '... and the job says succeeded')
  or diag(map { slurp_file($_) } glob($node->data_dir . '.pgops/restore/*/log'));
$node->_update_pid(1);    # pg_ctl did not start it through this test
is(value($node, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM orders"), '1 2 3', 'the rows are those of then');
is(value($node, 'SELECT pg_is_in_recovery()'), 'f', 'it takes writes');
is(settle($node)->{phase}, 'converged', 'and is as declared');
succeeded($node, "SELECT pgops.backup('incr')", 'the next backup works');

stop_backup_node($node);
done_testing();
