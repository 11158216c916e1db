# Jobs as such, whatever they do: they start after the commit, once; they are
# watched, waited for and cancelled; whatever ends one early is told, and leaves
# no process behind.  The work is a real pg_dump, which a locked table holds up.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
restart_after_crash = on
pgops.drift_interval = '1h'
pgops.max_jobs = 2
autovacuum = off
CONF

$node->safe_psql('postgres', <<'SQL');
CREATE DATABASE app;
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
CREATE ROLE nobody_special LOGIN;
SQL
$node->safe_psql('app', 'CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 1000) g');

my $folders = PostgreSQL::Test::Utils::tempdir('dumps');
my $number = 0;

# a session that keeps everybody from reading the table
sub lock_table
{
	my $session = $node->background_psql('app');
	$session->query_safe('BEGIN; LOCK TABLE t');
	return $session;
}

# asks for a dump; the job's number
sub ask
{
	my (%option) = @_;
	my $more = join '', map { ", $_ => $option{$_}" } sort keys %option;
	return value($node, sprintf q{SELECT pgops.dump_database('app', '%s/%d'%s)}, $folders, ++$number, $more);
}

sub job
{
	my ($id) = @_;
	return row($node, "SELECT *, duration > interval '0' AS took FROM pgops.jobs WHERE id = $id");
}

sub finished
{
	my ($id) = @_;
	return row($node, "SELECT * FROM pgops.job_wait($id, '60 s')");
}

# asks for a dump that cannot go on; its number and the process of the program
sub ask_running
{
	my $id = ask(@_);
	wait_for($node, "SELECT EXISTS (SELECT FROM pgops.job WHERE id = $id AND child_pid IS NOT NULL)
		AND EXISTS (SELECT FROM pg_locks WHERE NOT granted)", "job $id runs and waits");
	return ($id, value($node, "SELECT child_pid FROM pgops.job WHERE id = $id"));
}

# a zombie whose parent does not look is no process any more
sub is_gone
{
	my ($pid, $what) = @_;
	ok(wait_until(sub {
		my $stat = eval { slurp_file("/proc/$pid/stat") };
		return !defined $stat || $stat =~ /\) Z /;
	}, 20), $what);
	return;
}

# ---- asking ----
{
	my ($code, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT pgops.job_request('no such kind', '{}')");
	like($stderr, qr/22023: there is no kind of job "no such kind"/, 'unknown kind');

	$node->safe_psql('postgres',
		"BEGIN; SELECT pgops.dump_database('app', '$folders/never'); ROLLBACK");
	is(value($node, 'SELECT count(*) FROM pgops.jobs'), 0, 'a rolled back job never was');

	my $id = ask();
	my $job = finished($id);
	is($job->{state}, 'succeeded', 'a job succeeds') or diag explain $job;
	is($job->{requested_by}, value($node, 'SELECT session_user'), 'who asked for it');
	ok(-e "$folders/$number/toc.dat", 'its work is done');
	ok($job->{result}, 'its result is there');

	(undef, undef, $stderr) = $node->psql('postgres',
		"BEGIN; SELECT pgops.dump_database('app', '$folders/own') AS job \\gset\nSELECT * FROM pgops.job_wait(:job)");
	like($stderr, qr/cannot wait for a job of its own transaction/, 'own transaction');

	(undef, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT * FROM pgops.job_wait(4711)");
	like($stderr, qr/PO510: there is no job 4711/, 'unknown job');
}

# ---- later ----
{
	my $id = ask(at => "now() + interval '1 hour'");
	is(job($id)->{state}, 'queued', 'one for later waits');
	my (undef, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT * FROM pgops.job_wait($id, '100 ms')");
	like($stderr, qr/PO705: job $id is not over yet.*It is queued/s, 'waiting has an end');
	is(value($node, "SELECT pgops.job_cancel($id)"), 't', 'it is cancelled');
	my $job = finished($id);
	is("$job->{state} $job->{attempts}", 'cancelled 0', 'and was never started');
	is(value($node, "SELECT pgops.job_cancel($id)"), 'f', 'a second time does nothing');

	$id = ask(at => "now() + interval '1 second'");
	is(finished($id)->{state}, 'succeeded', 'one for soon is done');
	is(value($node, "SELECT started_at >= not_before FROM pgops.jobs WHERE id = $id"), 't', 'not too early');
}

# ---- running: seen, limited in number, cancelled ----
{
	my $session = lock_table();
	my ($first, $pid) = ask_running();
	my $job = job($first);
	is("$job->{state} $job->{took}", 'running 1', 'it is seen');
	ok($job->{step}, 'and what it is doing');

	my ($second) = ask_running();
	my $third = ask();
	is(job($third)->{state}, 'queued', 'no more than pgops.max_jobs at a time');

	is(value($node, "SELECT pgops.job_cancel($first)"), 't', 'the first is cancelled');
	$job = finished($first);
	is($job->{state}, 'cancelled', 'it was') or diag explain $job;
	is($job->{cancelled_by}, value($node, 'SELECT session_user'), 'by whom');
	is_gone($pid, 'its program is gone');
	ok(!-e "$folders/" . ($number - 2), 'and what it had begun');
	wait_for($node, "SELECT state = 'running' FROM pgops.jobs WHERE id = $third", 'the next one begins');

	$session->quit;
	is(finished($_)->{state}, 'succeeded', "job $_ goes on") for $second, $third;
}

# ---- the deadline; pg_cancel_backend(); pg_terminate_backend() ----
{
	my $session = lock_table();
	my ($id, $pid) = ask_running(deadline => "'2 s'");
	my $job = finished($id);
	is("$job->{state} $job->{sqlstate}", 'failed PO502', 'the deadline ends it');
	is_gone($pid, 'and its program');

	for my $way (qw(cancel terminate))
	{
		($id, $pid) = ask_running();
		value($node, "SELECT pg_${way}_backend(worker_pid) FROM pgops.job WHERE id = $id");
		$job = finished($id);
		is($job->{state}, $way eq 'cancel' ? 'cancelled' : 'interrupted', "pg_${way}_backend() of the worker");
		is_gone($pid, "pg_${way}_backend(): its program is gone");
	}
	$session->quit;
}

# ---- the worker is killed; the server is stopped at once ----
for my $way ('kill -9', 'immediate stop')
{
	my $session = lock_table();
	my ($id, $pid) = ask_running();
	my $worker = value($node, "SELECT worker_pid FROM pgops.job WHERE id = $id");
	my $queued = ask(at => "now() + interval '1 hour'");
	if ($way eq 'kill -9')
	{
		kill 'KILL', $worker;
	}
	else
	{
		$node->stop('immediate');
		$node->start;
	}
	wait_for($node, 'SELECT true', "$way: the server is back");
	eval { $session->quit };
	wait_for($node, "SELECT state NOT IN ('running', 'queued') FROM pgops.jobs WHERE id = $id", "$way: the job is over");
	my $job = job($id);
	is("$job->{state} $job->{sqlstate} $job->{attempts}", 'interrupted PO504 1', "$way: interrupted, not run again");
	is_gone($pid, "$way: its program is gone");
	is(job($queued)->{state}, 'queued', "$way: what waited still waits");
	value($node, "SELECT pgops.job_cancel($queued)");
	is(finished(ask())->{state}, 'succeeded', "$way: the next job works");
}

# ---- who may see what ----
{
	my $id = value($node, 'SELECT max(id) FROM pgops.job_output o JOIN pgops.job j ON j.id = o.job');
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM pgops.jobs; SELECT count(*) > 0 FROM pgops.job_log($id)",
		extra_params => [ '-U', 'watcher' ]), "t\nt", 'pg_monitor sees jobs and their output') if $id;
	for my $sql ('SELECT pgops.job_cancel(1)', "SELECT pgops.dump_database('app')", 'SELECT * FROM pgops.job',
		"SELECT pgops.job_request('vacuum', '{}')")
	{
		for my $role (qw(watcher nobody_special))
		{
			my (undef, undef, $stderr) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
			like($stderr, qr/permission denied/, "$role: $sql");
		}
	}
}

# ---- old ones go ----
{
	my $old = value($node, "UPDATE pgops.job SET finished_at = now() - interval '91 days'
		WHERE id = (SELECT min(id) FROM pgops.job) RETURNING id");
	$node->restart;
	wait_for($node, "SELECT NOT EXISTS (SELECT FROM pgops.job WHERE id = $old)", 'jobs older than pgops.job_retention are deleted');
	is(value($node, "SELECT count(*) FROM pgops.job_output WHERE job = $old"), 0, 'with their output');
	cmp_ok(value($node, 'SELECT count(*) FROM pgops.job'), '>', 5, 'others stay');
}

# ---- the extension is dropped under a job ----
{
	my $session = lock_table();
	my (undef, $pid) = ask_running();
	$node->safe_psql('postgres', 'DROP EXTENSION pgops');
	is_gone($pid, 'DROP EXTENSION: the program ends');
	$session->quit;
	$node->safe_psql('postgres', 'CREATE EXTENSION pgops');
	is(finished(ask())->{state}, 'succeeded', 'created anew: jobs work');
}

$node->stop;
done_testing();
