# What a restore in place leaves behind: backups, WAL and times of the timeline
# that the server is not on any more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsBackup;
use PgopsBeside;
use PgopsTest;

my $node = backup_node('timelines', conf => "pgops.require_backup_age = '1d'\n");
my ($first) = map { $_->{label} } rows($node, 'SELECT label FROM pgops.backups');

# a row with this text, and a time after it
sub insert
{
	my ($text) = @_;
	$node->safe_psql('postgres', "INSERT INTO story (text) VALUES ('$text')");
	return value($node, 'SELECT clock_timestamp()');
}
$node->safe_psql('postgres', 'CREATE TABLE story (id int GENERATED ALWAYS AS IDENTITY, text text)');
my $story = "SELECT string_agg(text, ' ' ORDER BY id) FROM story";
my $before = insert('before');
my $lost = insert('lost');
insert('lost, too');
my $left = finish_job($node, "SELECT pgops.backup('full')")->{result}{label};
# several WAL files further than where it comes back
for (1 .. 3)
{
	$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
	insert("file $_");
}

# ---- back ----
my $id = value($node, "SELECT pgops.restore(target_time => '$before', in_place => true)");
my $job;
wait_until(
	sub {
		my ($code, $out) = eval { $node->psql('postgres', "SELECT to_json(j) FROM pgops.jobs j WHERE id = $id AND state = 'succeeded'") };
		return unless defined $code && $code == 0 && $out;
		$job = decode_json($out);
	}, 60) or die 'the server did not come back';
$node->_update_pid(1);
is(value($node, $story), 'before', 'the server is as it was');
is_deeply([ @{ $job->{result} }{qw(left timeline)} ], [ 1, 2 ], 'the job tells which timeline it has left for which');

# ---- what is known of the repository ----
wait_for($node, "SELECT count(*) = 2 FROM pgops.backups",
	'what the repositories hold is looked up again: the table of it is of the past');
is_deeply([ rows($node, 'SELECT label, good FROM pgops.backups ORDER BY stop') ],
	[ { label => $first, good => JSON::PP::true }, { label => $left, good => JSON::PP::false } ],
	'a backup of what was left is no good one');
my ($status) = rows($node, 'SELECT last_label, backups, latest = last_stop AS latest, archive_lag_bytes FROM pgops.backup_status');
is_deeply($status, { last_label => $first, backups => 1, latest => JSON::PP::true, archive_lag_bytes => undef },
	'WAL of the timeline that was left is not taken for that of the present one');
insert('after');
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
wait_for($node, "SELECT latest > '$job->{finished_at}' AND archive_lag_bytes IS NOT NULL FROM pgops.backup_status",
	'as soon as a file of the present one is archived, that counts');

# ---- restores ----
my ($code, undef, $error) = $node->psql('postgres', "SELECT pgops.restore(target_time => '$lost', instance => 'wrong')");
like($error, qr/is on a timeline that this server has left/, 'a time on what was left is not silently taken for the time of the restore');
like($error, qr/Job $id restored it.*Add timeline => '1'/s, 'with what is possible');
for my $try ([ "target_time => '$lost', timeline => '1'", 'before lost' ], [ "target_time => '$before'", 'before' ], [ '', 'before after' ])
{
	my $done = finish_job($node, "SELECT pgops.restore(instance => 'look'" . ($try->[0] ? ", $try->[0]" : '') . ')');
	is($done->{state}, 'succeeded', "restore($try->[0])") or diag(explain($done));
	is(beside($node, 'look', $story), $try->[1], '... has the right rows');
	drop_instance($node, 'look');
}

# ---- a backup that a restore test found damaged ----
is(value($node, 'SELECT pgops.check_backup_age()'), '', 'the backup before the restore is one to rely on');
value($node, "INSERT INTO pgops.verification (job, stanza, label, repo, target, state, sqlstate, finished_at)
	SELECT $id, stanza, label, repo, 'latest', 'failed', 'PO509', now() FROM pgops.backups WHERE label = '$first'");
($code, undef, $error) = $node->psql('postgres', 'SELECT pgops.check_backup_age()');
like($error, qr/there is no good backup/, 'one that a restore test found damaged is not');

stop_backup_node($node);
done_testing();
