# Restore in place that is refused, fails or is cut off: before the data are touched
# the server comes back as it was; after that it is left in a state that is known,
# with instructions that lead out of it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use File::Copy qw(move);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

# a script that stands in for pgbackrest may do something else for a restore
my $folder = PostgreSQL::Test::Utils::tempdir('script');
my ($program) = grep { -x } map { "$_/pgbackrest" } split /:/, $ENV{PATH};
append_to_file("$folder/program", <<"SH");
#!/bin/sh
for command; do :; done
[ "\$command" = restore ] && [ -e $folder/restore ] && . $folder/restore
exec $program "\$@"
SH
chmod 0755, "$folder/program";

my $node = backup_node('failures', conf => "pgops.pgbackrest = '$folder/program'\n");
my $data = $node->data_dir;
$node->safe_psql('postgres', 'CREATE TABLE kept AS SELECT g AS id FROM generate_series(1, 5000) g');
pgbackrest($node, '--type=incr', 'backup');
value($node, 'SELECT pgops.backup_refresh()');
wait_for($node, 'SELECT count(*) = 2 FROM pgops.backups', 'two backups are known');
$node->safe_psql('postgres', 'UPDATE kept SET id = -id');
my $relation = value($node, q{SELECT pg_relation_filepath('kept')});

sub refused
{
	my ($arguments, $state, $text, $what) = @_;
	my (undef, undef, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT pgops.restore($arguments" . ($arguments ? ', ' : '') . 'in_place => true)');
	like($err, qr/ERROR:  $state: .*$text/s, "refused: $what");
	return;
}

sub unchanged
{
	my ($what) = @_;
	is(eval { value($node, 'SELECT count(*), max(id) FROM kept') }, '5000|-1', "$what: the data are as they were");
	return;
}

# the runs' directories, newest last
sub newest_run
{
	my @runs = sort { (stat $a)[9] <=> (stat $b)[9] } glob("$data.pgops/restore/*");
	return $runs[-1];
}

sub state_of_run
{
	my ($run) = @_;
	return {} unless -e "$run/state.json";
	return eval { decode_json(slurp_file("$run/state.json")) } || {};
}

# asks for a restore to the first backup; waits for the runner's state
sub restore_until
{
	my ($condition, $arguments) = @_;
	my $before = newest_run() // '';
	my $id = value($node, 'SELECT pgops.restore(' . ($arguments // 'target_immediate => true') . ", in_place => true, action => 'promote')");
	my $run;
	wait_until(
		sub {
			$run = newest_run() // '';
			return $run ne $before && -e "$run/go" && $condition->(state_of_run($run));
		}, 60)
	  or die "not reached: " . ($run ? slurp_file("$run/log") : 'no run');
	return ($id, $run);
}

sub is_over
{
	my ($state) = @_;
	return ($state->{state} // 'running') ne 'running';
}

sub job_of
{
	my ($id) = @_;
	my $job;
	wait_until(
		sub {
			$job = eval { row($node, "SELECT * FROM pgops.jobs WHERE id = $id") };
			return $job && $job->{state} !~ /^(?:queued|running)$/;
		}, 60);
	$node->_update_pid(1);
	return $job;
}

# runs the program as its own instructions say
sub runner
{
	my ($option) = @_;
	my $run = newest_run();
	my ($command) = slurp_file("$run/log") =~ m{^\S+ note     (\S*pgops-runner) --resume}m;
	my ($in, $out) = ('', '');
	IPC::Run::run([ $command, $option, "$run/task.json" ], '<', \$in, '>', \$out, '2>&1');
	return $out;
}

# ---- refused before anything is touched ----
{
	refused("target_time => '2001-01-01 00:00:00+00'", 'PO507', 'Possible: from', 'a time before the first backup');
	refused("set => '20010101-000000F'", 'PO507', 'There are, newest first', 'an unknown set');
	refused("target_xid => '1', target_name => 'x'", '22023', 'contradictory targets', 'two targets');

	my $job = value($node, "SELECT pgops.job_request('backup_refresh', '{}', at => now() + interval '1 day')");
	$node->safe_psql('postgres', "UPDATE pgops.job SET state = 'running', kind = 'vacuum', worker_pid = 1 WHERE id = $job");
	refused('', 'PO505', "job $job \\(vacuum\\)", 'a job is at work');
	$node->safe_psql('postgres', "DELETE FROM pgops.job WHERE id = $job");

	$node->append_conf('postgresql.conf', "pgops.restore_launcher = '/nowhere/launch it'\n");
	$node->reload;
	wait_for($node, "SELECT current_setting('pgops.restore_launcher') <> ''", 'a launcher is set');
	refused('', 'PO501', '/nowhere/launch', 'a launcher that is missing');
	$node->append_conf('postgresql.conf', "pgops.restore_launcher = ''\n");
	$node->reload;
	wait_for($node, "SELECT current_setting('pgops.restore_launcher') = ''", 'no launcher is set');

	declare($node, small_document(backup_vars($node, vars => { pg_safeguard => JSON::PP::true })));
	refused('', 'PO202', 'pg_safeguard', 'the cluster is protected');
	declare($node, small_document(backup_vars($node)));
	is(newest_run(), undef, 'nothing was begun');
}

# ---- the repository is gone before ----
{
	my $repository = repository($node);
	move($repository, "$repository.away") or die $!;
	my $id = value($node, "SELECT pgops.restore(target_immediate => true, in_place => true, action => 'promote')");
	my $job = job_of($id);
	is($job->{state}, 'failed', 'repository gone: the job fails') or diag(explain($job));
	unchanged('repository gone');
	is(newest_run(), undef, '... and the server was not stopped');
	rmdir $repository;
	system('rm', '-rf', $repository);
	move("$repository.away", $repository) or die $!;
}

# ---- ... or when the server is down already ----
{
	my $repository = repository($node);
	append_to_file("$folder/restore", "mv $repository $repository.away; rm $folder/restore\n");
	my ($id, $run) = restore_until(\&is_over);
	my $job = job_of($id);
	is("$job->{state} $job->{sqlstate}", 'failed PO500', 'repository gone below the restore: failed');
	like($job->{hint}, qr/Nothing was replaced/, '... and what that means');
	like($job->{error} . $job->{detail}, qr/restore.*(?:backup\.info|unable to)/s, '... and why') or diag(explain($job));
	unchanged('repository gone below the restore');
	system('rm', '-rf', $repository);
	move("$repository.away", $repository) or die $!;
}

# ---- somebody else starts the server meanwhile; and the supervising process is killed ----
{
	append_to_file("$folder/hold", '');
	append_to_file("$folder/restore", "rm $folder/restore; pg_ctl -D '$data' -l $folder/start.log -w start >$folder/started 2>&1 </dev/null; echo >>$folder/started; while [ -e $folder/hold ]; do sleep 0.1; done\n");
	my ($id, $run) = restore_until(sub { -s "$folder/started" && slurp_file("$folder/started") =~ /server started/ });
	$node->_update_pid(1);
	kill 'KILL', state_of_run($run)->{pid};
	is(finish_job($node, "SELECT pgops.job_request('reconcile', '{}')")->{state}, 'succeeded', 'started meanwhile: the server does jobs');
	is(value($node, "SELECT state FROM pgops.jobs WHERE id = $id"), 'running', '... and knows that the restore is at work, though its supervisor is gone');
	unlink "$folder/hold";
	my $job = job_of($id);
	like("$job->{state}: $job->{error} $job->{detail}", qr/^failed: .*postmaster/s, '... which fails') or diag(explain($job));
	is(value($node, "SELECT result->>'data' FROM pgops.jobs WHERE id = $id"), 'unchanged', '... and says that nothing was replaced');
	unchanged('started meanwhile');
	unlink "$folder/started";
}

# ---- the process that does it is killed, with the old data whole ----
{
	append_to_file("$folder/restore", "rm $folder/restore; echo \$\$ >$folder/pid; exec sleep 300\n");
	my ($id, $run) = restore_until(sub { -s "$folder/pid" });
	my $supervisor = state_of_run($run)->{pid};
	my ($worker) = map { $_->{pid} } grep { $_->{parent} == $supervisor } processes();
	kill 'KILL', $worker;
	ok(wait_until(sub { is_over(state_of_run($run)) }, 60), 'worker killed: the other process tells it');
	my $job = job_of($id);
	like("$job->{state}: $job->{error}", qr/^failed: .*ended by signal 9/, '... and so does the job');
	unchanged('worker killed');
	my ($pid) = slurp_file("$folder/pid") =~ /(\d+)/;
	ok(!-e "/proc/$pid/stat" || slurp_file("/proc/$pid/stat") =~ /\) [ZX] /, '... pgbackrest did not go on');
	unlink "$folder/pid";
}

# ---- half-way: a file of the backup is missing; the server must not start ----
my ($id, $run);
{
	my ($missing) = grep { -f } glob(repository($node) . "/backup/small/*/pg_data/$relation*");
	ok($missing, 'the table lies in the repository as a file of its own') or diag($relation);
	move($missing, "$folder/missing") or die $!;
	($id, $run) = restore_until(\&is_over);
	my $state = state_of_run($run);
	is($state->{state}, 'failed', 'half-way: failed');
	ok(!-e "$data/global/pg_control", '... the old data are not whole any more');
	ok(!-e "$data/postmaster.pid", '... the server is down');
	isnt(system_log('pg_ctl', '-D', $data, '-l', "$folder/start.log", '-t', 5, 'start'), 0, '... and cannot be started');
	my $shown = runner('--show');
	like($shown, qr/Do not try to make it start.*--resume \Q$run\E\/task\.json.*--delta.*restore.*pg_ctl.* start/s, '... people are told what to do')
	  or diag($shown);
	move("$folder/missing", $missing) or die $!;
}

# ---- both processes are killed as it goes on ----
{
	append_to_file("$folder/restore", "rm $folder/restore; echo \$\$ >$folder/pid; exec sleep 300\n");
	my $in = '';
	my ($command) = slurp_file("$run/log") =~ m{^\S+ note     (\S*pgops-runner) --resume}m;
	my $resume = IPC::Run::start([ $command, '--resume', "$run/task.json" ], '<', \$in, '>', \my $out, '2>', \my $err);
	ok(wait_until(sub { -s "$folder/pid" }, 30), 'it goes on with the restore');
	my $again = runner('--resume');
	like($again, qr/another process/, '... once at a time');
	my $supervisor = state_of_run($run)->{pid};
	kill 'KILL', $supervisor, map { $_->{pid} } grep { $_->{parent} == $supervisor } processes();
	$resume->finish;
	is(state_of_run($run)->{state}, 'running', 'both killed: nobody could tell');

	runner('--resume');
	is(state_of_run($run)->{state}, 'succeeded', '... and it goes on once more') or diag(slurp_file("$run/log"));
	my $job = job_of($id);
	is($job->{state}, 'succeeded', 'the job has succeeded');
	is(value($node, 'SELECT count(*), max(id) FROM kept'), '5000|5000', '... and the data are those of the backup');
}

# ---- settings with which the restored server does not start ----
{
	append_to_file("$folder/restore", "rm $folder/restore; $program \"\$@\" || exit; echo \"recovery_target_timeline = '77'\" >>$data/postgresql.auto.conf; exit 0\n");
	($id, $run) = restore_until(\&is_over);
	is(state_of_run($run)->{state}, 'failed', 'wrong settings: failed');
	like(join("\n", @{ state_of_run($run)->{instructions} }), qr/The backup is restored, but the server did not start.*--resume/s, '... and what people are told');
	(my $settings = slurp_file("$data/postgresql.auto.conf")) =~ s/^recovery_target_timeline = '77'\n//m;
	unlink "$data/postgresql.auto.conf";
	append_to_file("$data/postgresql.auto.conf", $settings);
	like(runner('--resume'), qr/^$/, '... after repair it goes on');
	my $job = job_of($id);
	is($job->{state}, 'succeeded', '... and the job has succeeded') or diag(explain($job));
}

# ---- a standby, made of the server that was restored ----
{
	wait_for($node, q{SELECT count(*) = 0 FROM pg_file_settings WHERE name LIKE 'recovery_target%'}, 'the target is forgotten');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$node->backup('copy');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->start;
	my (undef, undef, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.restore(in_place => true)");
	like($err, qr/25006/, 'refused: a standby');
	$standby->stop('fast');
}

stop_backup_node($node);
done_testing();
