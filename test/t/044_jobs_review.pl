# Jobs in company: beside a copy of the server on the same machine, with a
# coordinator that is started anew, with a database that lets no worker in, with
# sessions that hold locks on pgops' own tables.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('company', init => { allows_streaming => 1 }, conf => <<'CONF');
restart_after_crash = on
pgops.drift_interval = '1h'
pgops.max_jobs = 2
pgops.lock_timeout = '300ms'
autovacuum = off
CONF
my $folders = PostgreSQL::Test::Utils::tempdir('dumps');
my $number = 0;

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 1000) g');

sub lock_table
{
	my $session = $node->background_psql('app');
	$session->query_safe('BEGIN; LOCK TABLE t');
	return $session;
}

sub ask
{
	my (%option) = @_;
	my $more = join '', map { ", $_ => $option{$_}" } sort keys %option;
	return value($node, sprintf q{SELECT pgops.dump_database('app', '%s/%d'%s)}, $folders, ++$number, $more);
}

# a dump that cannot go on; its number and the process of the program
sub ask_running
{
	my $id = ask();
	wait_for($node, "SELECT EXISTS (SELECT FROM pgops.job WHERE id = $id AND child_pid IS NOT NULL)
		AND EXISTS (SELECT FROM pg_locks WHERE NOT granted)", "job $id runs and waits");
	return ($id, value($node, "SELECT child_pid FROM pgops.job WHERE id = $id"));
}

sub finished
{
	my ($id) = @_;
	return row($node, "SELECT * FROM pgops.job_wait($id, '60 s')");
}

sub state_of
{
	my ($id) = @_;
	return value($node, "SELECT state FROM pgops.job WHERE id = $id");
}

# ---- a copy beside this server has its rows, and must not touch its processes ----
{
	my $session = lock_table();
	my ($id, $pid) = ask_running();
	my $soon = ask(at => "now() + interval '1 hour'");
	my $job = finished(value($node, "SELECT pgops.fork('copy')"));
	is($job->{state}, 'succeeded', 'the server is forked while a job runs') or diag explain $job;
	my ($directory, $port) = split /\|/,
	  value($node, "SELECT socket_directory, port FROM pgops.instance_beside WHERE name = 'copy'");
	my $ask = sub {
		my ($sql) = @_;
		my $out = '';
		IPC::Run::run([ 'psql', '-XAtq', '-h', $directory, '-p', $port, '-d', 'postgres', '-c', $sql ], '>', \$out);
		chomp $out;
		return $out;
	};
	ok(wait_until(sub { $ask->("SELECT state FROM pgops.job WHERE id = $id") eq 'interrupted' }), 'the copy knows that it does not do that job');
	like($ask->("SELECT error FROM pgops.job WHERE id = $id"), qr/ended before the job was over$/, '... and has ended nothing');
	is($ask->("SELECT state FROM pgops.job WHERE id = $soon"), 'cancelled', 'nor does it do what was asked of the original, declared or not');
	ok(kill(0, $pid), 'the program of the original lives');
	is(state_of($id), 'running', '... and its job runs');

	# what is asked of the copy itself is its own
	my $own = $ask->("SELECT pgops.dump_database('app', '$folders/own', at => now() + interval '1 hour')");
	$ask->("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgops coordinator'");
	ok(wait_until(sub { $ask->("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgops coordinator'") eq '1' }), 'the coordinator of the copy comes back');
	$ask->("SELECT pgops.job_request('reconcile', '{}')");
	ok(wait_until(sub { $ask->("SELECT bool_and(state = 'succeeded') FROM pgops.job WHERE kind = 'reconcile'") eq 't' }), 'the copy does its own jobs');
	is($ask->("SELECT state FROM pgops.job WHERE id = $own"), 'queued', '... and keeps its own for later');

	$session->quit;
	is(finished($id)->{state}, 'succeeded', 'the job of the original succeeds');
	value($node, "SELECT pgops.job_cancel($soon)");
	is(finished(value($node, "SELECT pgops.restore_drop('copy')"))->{state}, 'succeeded', 'the copy is dropped');
}

# ---- a coordinator that is started anew hears of no end ----
{
	my $session = lock_table();
	my @running = map { (ask_running())[0] } 1 .. 2;
	my $waiting = ask();
	my $killed = value($node, "SELECT worker_pid FROM pgops.job WHERE id = $running[0]");
	my $before = value($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgops coordinator'});
	value($node, "SELECT pg_terminate_backend($before)");
	wait_for($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pgops coordinator' AND pid <> $before)
		AND (SELECT state NOT IN ('starting', 'working') FROM pgops.coordinator())", 'another coordinator');
	is(join(' ', map { state_of($_) } @running, $waiting), 'running running queued', 'jobs go on');
	value($node, "SELECT pg_terminate_backend($killed)");
	is(finished($running[0])->{state}, 'interrupted', 'a worker whose end nobody tells of is found');
	wait_for($node, "SELECT state = 'running' FROM pgops.job WHERE id = $waiting", 'and the next job begins');
	$session->quit;
	is(finished($_)->{state}, 'succeeded', "job $_ succeeds") for $running[1], $waiting;
}

# ---- workers that cannot connect are not started again and again ----
{
	my $offset = -s $node->logfile;
	# somebody who is connected already asks
	my $inside = $node->background_psql('postgres');
	$inside->query_safe('SELECT 1');
	$node->safe_psql('app', 'ALTER DATABASE postgres ALLOW_CONNECTIONS false');
	$inside->query_safe(sprintf q{SELECT pgops.dump_database('app', '%s/%d')}, $folders, ++$number);
	wait_until(sub { slurp_file($node->logfile, $offset) =~ /not currently accepting connections.*not currently accepting connections/s });
	my $failures = () = slurp_file($node->logfile, $offset) =~ /not currently accepting connections/g;
	cmp_ok($failures, '<', 10, 'a worker that cannot connect is not started again at once');
	$node->safe_psql('app', 'ALTER DATABASE postgres ALLOW_CONNECTIONS true');
	$inside->quit;
	is(finished(value($node, 'SELECT max(id) FROM pgops.job'))->{state}, 'succeeded', 'when it can, the job is done');
}

# ---- somebody holds locks on the rows and tables of jobs for longer than pgops.lock_timeout ----
{
	my $session = lock_table();
	my ($id) = ask_running();
	my $reader = $node->background_psql('postgres');
	$reader->query_safe("BEGIN; SELECT FROM pgops.job WHERE id = $id FOR UPDATE; LOCK TABLE pgops.job_output");
	$session->quit;
	my $worker = value($node, "SELECT worker_pid FROM pgops.job WHERE id = $id");
	wait_for($node, "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $worker AND NOT granted)", 'the job waits to store what became of it');
	ok(!wait_until(sub { !kill(0, $worker) }, 1), 'longer than statements of pgops wait');
	$reader->quit;
	is(finished($id)->{state}, 'succeeded', 'what it did is not lost');
}

$node->stop;
done_testing();
