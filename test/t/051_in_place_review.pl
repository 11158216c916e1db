# What comes back from the past, and what does not: jobs that waited, instances
# beside the server, runs whose files are damaged.  A server that was taken back by
# hand, and a standby that is promoted, which goes on with the jobs that wait.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('past');
my $data = $node->data_dir;
my $folder = PostgreSQL::Test::Utils::tempdir('dumps');

sub dump_later
{
	my ($name, $at) = @_;
	return value($node, "SELECT pgops.dump_database('postgres', '$folder/$name', at => $at)");
}

sub job
{
	my ($id) = @_;
	return row($node, "SELECT * FROM pgops.job WHERE id = $id");
}

sub backed_up_with
{
	my ($sql) = @_;
	value($node, $sql);
	my $name = 'point ' . value($node, 'SELECT count(*) FROM pgops.job') . rand;
	value($node, "SELECT pg_create_restore_point('$name')");
	return $name;
}

# asks for a restore in place and waits for the server that comes back
sub restore_and_return
{
	my ($arguments) = @_;
	my $id = value($node, "SELECT pgops.restore($arguments, in_place => true)");
	my $row;
	wait_until(sub {
		my ($code, $out) = eval {
			$node->psql('postgres', "SELECT to_json(j) FROM pgops.jobs j WHERE kind = 'restore_in_place' AND state = 'succeeded'"
				. " AND (id = $id OR (result->>'old_id')::int = $id)");
		};
		return unless defined $code && $code == 0 && $out;
		$row = decode_json($out);
		return 1;
	}, 60) or die join "\n", map { slurp_file($_) } glob("$data.pgops/restore/*/log");
	$node->_update_pid(1);
	return $row;
}

# ---- a restore in place ----
{
	my $due = dump_later('due', "now() + interval '1 second' * 1000");
	my $later = dump_later('later', "now() + interval '1 hour'");
	my $again = value($node, "SELECT pgops.job_request('restore_in_place', '{}', at => now() + interval '1 hour')");
	my $gone = finish_job($node, "SELECT pgops.fork('dropped later')");
	is($gone->{state}, 'succeeded', 'an instance beside the server') or diag explain $gone;
	my $point = backed_up_with('SELECT 1');

	# afterwards: one job is done, one is cancelled, one instance goes, one comes
	value($node, "SELECT pgops.job_cancel($_)") for $due, $again;
	is(finish_job($node, "SELECT pgops.restore_drop('dropped later')")->{state}, 'succeeded', 'it goes');
	is(finish_job($node, "SELECT pgops.fork('made later')")->{state}, 'succeeded', 'another one comes');
	my $before = row($node, "SELECT * FROM pgops.restored_instances WHERE name = 'made later'");

	my $job = restore_and_return("target_name => '$point'");
	is($job->{state}, 'succeeded', 'the server is restored to the time before');
	is(job($again)->{state}, 'interrupted', 'a restore that was cancelled since does not happen after all');
	is(job($later)->{state}, 'queued', 'what is for later still waits');
	is(value($node, "SELECT string_agg(name, ' ') FROM pgops.instance_beside"), 'made later', 'instances beside the server are those that are there');
	is_deeply(row($node, "SELECT * FROM pgops.restored_instances WHERE name = 'made later'"), $before, '... as they are');
	is(finish_job($node, "SELECT pgops.restore_drop('made later')")->{state}, 'succeeded', '... and can be dropped');
	value($node, "SELECT pgops.job_cancel($later)");
	value($node, "SELECT pgops.job_cancel($due)") if job($due)->{state} eq 'queued';
}

# ---- files of a run that a full disk or a person has damaged ----
{
	my ($run) = glob("$data.pgops/restore/*");
	my $id = value($node, "SELECT max(id) FROM pgops.job WHERE kind = 'restore_in_place' AND state = 'succeeded'");
	my $good = slurp_file("$run/task.json");
	# by rename: the coordinator may look at any time
	my $write = sub {
		my ($name, $text) = @_;
		append_to_file("$run/new", $text);
		chmod 0600, "$run/new";
		rename "$run/new", "$run/$name" or die "could not rename $run/new: $!";
	};
	my $look = sub {
		unlink "$run/imported";
		is(finish_job($node, "SELECT pgops.job_request('reconcile', '{}')")->{state}, 'succeeded', "$_[0]: other jobs run");
	};
	for my $text ('{}', '[]', '{"data_directory": 1, "job": 2}', '{"data_directory": ')
	{
		$write->('task.json', $text);
		$look->("task $text");
		ok(!-e "$run/imported", '... and it is not taken for a result');
	}
	# the log first: as long as the task is damaged, nothing is taken in
	my $log = slurp_file("$run/log");
	$write->('log', "2026-01-01T00:00:002026-01-01T00:00:01.000000Z note two in one\n" . 'x' x (17 * 1024 * 1024) . "\n$log");
	$write->('task.json', $good);
	$look->('a damaged log');
	ok(wait_until(sub { -e "$run/imported" }, 20), '... and the result is taken in');
	like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($id)"), qr/all steps are done/, '... with the end of the log');
}

# ---- a folder in which others could say what is carried out; Patroni ----
{
	chmod 0777, "$data.pgops";
	my $job = finish_job($node, 'SELECT pgops.restore(target_immediate => true, in_place => true)');
	is("$job->{state} $job->{sqlstate}", 'failed 42501', 'nothing is handed over where others may write') or diag explain $job;
	chmod 0700, "$data.pgops";

	append_to_file("$data/patroni.dynamic.json", '{}');
	$node->stop;
	system_or_bail('pg_ctl', '-D', $data, '-l', $node->logfile, '-o', '--cluster_name=small --port=' . $node->port, '-w', 'start');
	$node->_update_pid(1);
	my (undef, undef, $err) = $node->psql('postgres', 'SELECT pgops.restore(target_immediate => true, in_place => true)');
	like($err, qr/is run by Patroni/, 'Patroni is known by the command line and the file that it leaves');
	unlink "$data/patroni.dynamic.json";
	(undef, undef, $err) = $node->psql('postgres', 'SELECT pgops.restore(target_time => now()::text, in_place => true, set => \'none\')');
	unlike($err, qr/is run by Patroni/, '... and not by one of the two alone');
	$node->restart;
}

# ---- the program that was to carry it out dies before it has done anything ----
{
	append_to_file("$folder/launch", <<'SH');
#!/bin/sh
folder=${2%/*}
echo "{\"token\": \"\", \"state\": \"running\", \"pid\": $$, \"start\": 1, \"step\": 0, \"steps\": [{\"name\": \"first\", \"state\": \"waiting\"}]}" >$folder/state.new
mv $folder/state.new $folder/state.json
while [ ! -e $folder/go ]; do sleep 0.1; done
sleep 0.5
SH
	chmod 0755, "$folder/launch";
	$node->append_conf('postgresql.conf', "pgops.restore_launcher = '$folder/launch'\n");
	$node->reload;
	wait_for($node, "SELECT current_setting('pgops.restore_launcher') <> ''", 'a launcher is set');
	my $id = value($node, 'SELECT pgops.restart()');
	my $job = row($node, "SELECT * FROM pgops.job_wait($id, '30 s')");
	is("$job->{state} $job->{sqlstate}", 'interrupted PO504', 'a run whose processes died before it touched anything is found soon') or diag explain $job;
	is(finish_job($node, "SELECT pgops.job_request('expire', '{}')")->{state}, 'succeeded', '... and the next job of its group is done');
	$node->append_conf('postgresql.conf', "pgops.restore_launcher = ''\n");
	$node->reload;
}

# ---- a standby goes on with what waits; a server that was taken back by hand does not ----
{
	my $document = decode_json(small_document(backup_vars($node)));
	$document->{small}{hosts}{'10.10.10.11'} = { pg_seq => 2, pg_role => 'replica' };
	declare($node, encode_json($document));
	settle($node);
	my $due = dump_later('by hand', "now() + interval '3 seconds'");
	my $more = dump_later('standby', "now() + interval '1 hour'");
	my $time = value($node, 'SELECT clock_timestamp()');
	$node->backup('copy');
	value($node, 'SELECT pg_switch_wal()');
	$node->safe_psql('postgres', "CREATE TABLE after_it ()");
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "archive_mode = off\npgops.instance = 'small-2'\n");
	$standby->start;
	is(row($node, "SELECT state FROM pgops.job_wait($due, '60 s')")->{state}, 'succeeded', 'the original does what is due');
	$node->wait_for_catchup($standby);
	$node->stop;
	$standby->promote;
	$standby->safe_psql('postgres', "UPDATE pgops.job SET not_before = now() WHERE id = $more; SELECT pgops.job_request('reconcile', '{}')");
	is(value($standby, "SELECT state FROM pgops.job_wait($more, '60 s')"), 'succeeded', 'a standby that is promoted does what waits');
	$standby->stop;

	# the original, by hand, to the time when both waited
	pgbackrest($node, '--type=time', "--target=$time", '--target-action=promote', '--delta', 'restore');
	$node->start;
	ok($node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'the original is taken back by hand');
	wait_for($node, "SELECT state = 'interrupted' FROM pgops.job WHERE id = $due", 'what was due before it came back is not done');
	is(job($more)->{state}, 'queued', 'what is for later waits');
	my $new = dump_later('new', 'now()');
	is(row($node, "SELECT state FROM pgops.job_wait($new, '60 s')")->{state}, 'succeeded', 'what is asked for now is done');
	my $kept = dump_later('kept', "now() + interval '1 hour'");
	$node->restart;
	is(finish_job($node, "SELECT pgops.job_request('reconcile', '{}')")->{state}, 'succeeded', 'started once more: jobs run');
	is(job($kept)->{state}, 'queued', 'what was asked for since then is kept');
}

stop_backup_node($node);
done_testing();
