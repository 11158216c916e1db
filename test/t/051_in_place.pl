# Restore in place: the seeds' story (rows, a restore point, a DROP TABLE), back to
# a name and to a time.  The server is stopped, restored and started by a program
# that outlives it; the job is found again in a table that is of the past.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

# the launcher, where one is needed, is a command of several words
my $node = backup_node('inplace', conf => "pgops.restore_launcher = '/usr/bin/env  LAUNCHED=1'\n");
my $data = $node->data_dir;

# ---- the story ----
$node->safe_psql('postgres', 'CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) g');
$node->safe_psql('postgres', q{SELECT pg_create_restore_point('before "the" drop')});
$node->safe_psql('postgres', 'INSERT INTO orders VALUES (1001)');
my $time = value($node, 'SELECT clock_timestamp()');
$node->safe_psql('postgres', 'INSERT INTO orders VALUES (1002)');
$node->safe_psql('postgres', 'DROP TABLE orders');

# A name does not tell its time, so this one, the newest, is tried first; the server
# finds at the end of its recovery that the name is not behind it.
pgbackrest($node, '--type=incr', 'backup');

my $last = '';    # when the last one was asked for

# The server ends below the test's feet, so nothing can be waited for in a session.
sub restore_and_return
{
	my ($arguments) = @_;
	my $id = value($node, "SELECT pgops.restore($arguments, in_place => true)");
	my $found;
	wait_until(
		sub {
			# a psql that finds no server is gone before the query is written to it
			my ($code, $out) = eval {
				$node->psql('postgres',
					"SELECT to_json(j) FROM pgops.jobs j WHERE kind = 'restore_in_place'"
					  . " AND state <> ALL ('{queued,running}') ORDER BY requested_at DESC LIMIT 1");
			};
			return unless defined $code && $code == 0 && $out;
			my $row = decode_json($out);
			$found = $row if $row->{requested_at} gt $last;
			return $found;
		}, 60);
	die "no end of job $id: " . slurp_log() unless $found;
	$last = $found->{requested_at};
	# pg_ctl did not start it through the test's own library
	$node->_update_pid(1);
	return ($id, $found);
}

sub slurp_log
{
	return join "\n", map { slurp_file($_) } glob("$data.pgops/restore/*/log");
}

# ---- to a name ----
{
	my ($id, $job) = restore_and_return(q{target_name => 'before "the" drop'});
	is($job->{state}, 'succeeded', 'name: the job is found in the restored server, and has succeeded')
	  or diag(explain($job), slurp_log());
	is($job->{id}, $id, 'name: under its number');
	my $log = slurp_log();
	is(value($node, 'SELECT count(*), max(id) FROM orders'), '1000|1000', 'name: the data are exactly those');
	is(value($node, 'SELECT pg_is_in_recovery()'), 'f', 'name: the server accepts writes');
	like($log, qr/there is another way.*restore backup \d{8}-\d{6}F"/s, 'name: from the older backup, after the newer one did not lead there');
	is($job->{result}{data}, 'restored', 'name: the result says that the data were replaced');
	like($job->{result}{reached}, qr/before "the" drop/, 'name: ... and what was reached, in the words of the server');
	is((stat((glob("$data.pgops/restore/*"))[0]))[2] & 07777, 0700, 'name: the directory of the run is for the owner alone');
	is($job->{result}{timeline}, 2, 'name: ... on a new timeline');
	like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($id)"),
		qr/restore command end: completed successfully/, 'name: the output of pgBackRest is the job\'s');
	cmp_ok(value($node, "SELECT nextval('pgops.job_id_seq')"), '>', $id, 'name: its number is not given again');
	is(value($node, "SELECT count(*) FROM pgops.job WHERE kind = 'restore_in_place'"), 1, 'name: there is one such job');
	wait_for($node, q{SELECT count(*) = 0 FROM pg_file_settings WHERE name LIKE 'recovery_target%'}, 'name: the target is no setting any more, which a new standby would obey');
	wait_for($node, q{SELECT last_archived_wal LIKE '00000002%' FROM pg_stat_archiver}, 'name: it archives, on the new timeline');
}

# ---- to a time, of the old timeline, keeping a copy ----
{
	# what waits at the time that is restored to was done since
	my ($id, $job) = restore_and_return("target_time => '$time', timeline => '1', backup_old => true");
	is($job->{state}, 'succeeded', 'time: succeeded') or diag(explain($job), slurp_log());
	is(value($node, 'SELECT count(*), max(id) FROM orders'), '1001|1001', 'time: the data are exactly those');
	is($job->{result}{old_data}, "$data-backup", 'time: the copy is named');
	ok(-e "$data-backup/PG_VERSION" && -e "$data-backup/global/pg_control", 'time: ... and is there');
	is((stat "$data-backup")[2] & 07777, (stat $data)[2] & 07777, 'time: ... with the modes of the original');
}

# ---- the other ends: the server waits at the target, or is down ----
sub run_ends
{
	my ($action) = @_;
	my @before = glob("$data.pgops/restore/*");
	my $id = value($node, "SELECT pgops.restore(target_time => '$time', timeline => '1', in_place => true, action => '$action')");
	my $state = {};
	wait_until(
		sub {
			# the new one by its name: the last one's directory is still being written to
			my ($run) = grep { my $found = $_; !grep { $_ eq $found } @before } glob("$data.pgops/restore/*");
			return if !$run;
			$state = eval { decode_json(slurp_file("$run/state.json")) } || {};
			return ($state->{state} // 'running') ne 'running';
		}, 60);
	is($state->{state}, 'succeeded', "$action: the run tells that it got there") or diag(slurp_log());
	return $id;
}
{
	my $id = run_ends('pause');
	$node->_update_pid(1);
	is(value($node, 'SELECT pg_is_in_recovery(), pg_get_wal_replay_pause_state()'), 't|paused', 'pause: the server waits, and can be read');
	is(value($node, 'SELECT count(*), max(id) FROM orders'), '1001|1001', 'pause: the data are exactly those');
	$node->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	wait_for($node, "SELECT state = 'succeeded' FROM pgops.jobs WHERE id = $id", 'pause: when it goes on, the job is found');

	$id = run_ends('shutdown');
	ok(!-e "$data/postmaster.pid", 'shutdown: the server is down');
	$node->_update_pid(0);
	unlink "$data/recovery.signal";
	$node->start;
	wait_for($node, "SELECT state = 'succeeded' FROM pgops.jobs WHERE id = $id", 'shutdown: when it is started, the job is found');
}

# ---- what was in the way of a second copy ----
{
	my ($code, undef, $err) = $node->psql('postgres',
		"SELECT pgops.restore(in_place => true, backup_old => true)");
	like($err, qr/-backup" exists already/, 'a copy is never overwritten');
}

# ---- runs are forgotten with their jobs ----
{
	my @runs = glob("$data.pgops/restore/*");
	my $old = time - 1000 * 86400;
	utime $old, $old, "$runs[0]/imported";
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	value($node, "SELECT pgops.job_request('backup_refresh', '{}')");
	ok(wait_until(sub { !-e $runs[0] }, 60), 'the directory of a run that is old goes');
	ok(-e $runs[1], '... and no other one');
}

# ---- no trace of it ----
my @processes = grep { /pgops-runner/ && /\Q$data\E/ } map { $_->{command} } processes();
is_deeply(\@processes, [], 'no process is left');
my @wide = grep { -f $_ && ((stat $_)[2] & 0177) } glob("$data.pgops/restore/*/*");
is_deeply(\@wide, [], 'all files of the runs are for the owner alone');

stop_backup_node($node);
done_testing();
