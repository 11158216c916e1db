# Restarts: what waits for one gets it, by pgops_restart_policy or on request; the
# server comes back by itself, and the job says how it went.  One that does not
# start with its new parameters comes back with the old ones.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
pgops.drift_interval = '1s'
pgops.manage_settings = on
pgops.manage_backup = off
CONF

# The server ends below the test's feet, so nothing can be waited for in a session.
sub answers
{
	my ($sql, $what, $expected) = @_;
	my $answer = '';
	my $ok = ok(wait_until(sub {
		# a psql that finds no server may be gone before the query is written to it
		my ($code, $out) = eval { $node->psql('postgres', $sql) };
		$answer = $out // '';
		return defined $code && $code == 0 && $answer eq $expected;
	}, 60), $what);
	diag("last answer: $answer") if !$ok;
	return $ok;
}

sub last_job
{
	return row($node, "SELECT * FROM pgops.jobs WHERE kind = 'restart' ORDER BY id DESC LIMIT 1");
}

sub runner_log
{
	return join "\n", map { slurp_file($_) } glob($node->data_dir . '.pgops/restore/*/log');
}

# ---- by itself ----
my %on = (wal_level => 'replica', max_wal_senders => 4, archive_mode => JSON::PP::true);
declare($node, small_document(pg_parameters => \%on, pgops_restart_policy => 'always'));
answers('SHOW archive_mode', 'from declared to archive_mode = on without a hand', 'on');
$node->_update_pid(1);
answers("SELECT string_agg(state, ' ') FROM pgops.jobs WHERE kind = 'restart'", 'the job succeeded', 'succeeded')
  or diag(runner_log());
answers('SELECT phase FROM pgops.status', 'everything is as declared', 'converged');
is(value($node, 'SELECT count(*) FROM pgops.pending_restart'), 0, 'nothing waits any more');
my $job = last_job();
like(value($node, "SELECT args ->> 'parameters' FROM pgops.job WHERE id = $job->{id}"), qr/archive_mode \(off -> on\)/, 'the job says what it was for');
ok(grep({ $_->{text} =~ /stop the server/ } rows($node, "SELECT * FROM pgops.job_log($job->{id})")), 'and how it went');
is(value($node, "SELECT count(*) FROM pg_settings WHERE name = 'cluster_name' AND setting = 'main' AND source = 'command line'"),
	1, 'the server was started as before');

# ---- once for the same reason ----
# (what nobody can foresee: memory that the machine does not have)
my %too_much = (%on, max_locks_per_transaction => 1000000000);
declare($node, small_document(pg_parameters => \%too_much, pgops_restart_policy => 'always'));
answers("SELECT string_agg(state, ' ' ORDER BY id) FROM pgops.jobs WHERE kind = 'restart'",
	'a server that does not start with its parameters comes back with the old ones', 'succeeded failed');
$node->_update_pid(1);
$job = last_job();
like($job->{error}, qr/start the server/, 'the job says which step failed');
like($job->{hint}, qr/runs with the old ones again/, '... and what holds now');
is(value($node, 'SHOW max_locks_per_transaction'), '64', 'the old value runs');
answers("SELECT blocked FROM pgops.plan() WHERE rule = 'parameter.restart'", 'the declared one waits',
	'a restart of the server is needed for max_locks_per_transaction (64 -> 1000000000)');
pass_twice($node, 'passes go on');
is(value($node, "SELECT count(*) FROM pgops.jobs WHERE kind = 'restart'"), 2, '... and do not try it again');
is(value($node, 'SHOW archive_mode'), 'on', 'what had taken effect stays');

# ---- on request ----
$node->append_conf('postgresql.conf', "pgops.drift_interval = '1h'");
$node->reload;
declare($node, small_document(pg_parameters => { %on, max_connections => 50 }));
is(settle($node)->{phase}, 'blocked', 'by default a restart is asked for');
is(value($node, 'SHOW max_connections'), '40', '... and until then nothing happens');
my ($row) = grep { $_->{rule} eq 'parameter.restart' } plan_rows($node);
like($row->{hint}, qr/SELECT pgops\.restart\(\)/, 'the hint says how');
my $id = value($node, "SELECT pgops.restart(at => now() + interval '1 day')");
is(value($node, "SELECT pgops.restart(at => now() + interval '2 days')"), $id, 'two of them are one');
my (undef, undef, $stderr) = $node->psql('postgres', 'SELECT pgops.restart(in_window => true)');
like($stderr, qr/no maintenance window is declared/, 'without a window there is none to wait for');
$node->safe_psql('postgres', "SELECT pgops.job_cancel($id)");
my $vacuum = value($node, "SELECT pgops.job_request('vacuum', '{}', at => now() + interval '1 day')");
$id = value($node, 'SELECT pgops.restart()');
answers('SHOW max_connections', 'asked for, it is done', '50');
$node->_update_pid(1);
answers("SELECT state FROM pgops.jobs WHERE id = $id", '... and told', 'succeeded');
is(value($node, "SELECT state FROM pgops.jobs WHERE id = $vacuum"), 'queued', 'what waits for later still waits');

# ---- in the maintenance window ----
my %night = (pg_parameters => { %on, max_connections => 60 }, pgops_restart_policy => 'window');
declare($node, small_document(%night));
settle($node);
is(value($node, "SELECT count(*) FROM pgops.jobs WHERE kind = 'restart' AND state IN ('queued', 'running')"), 0,
	'without a window nothing is restarted');
my $day = (value($node, 'SELECT extract(dow FROM now())::int') + 3) % 7;
declare($node, small_document(%night, pgops_maintenance_window => { cron => "0 1 * * $day", duration => '2h' }));
settle($node);
wait_for($node, "SELECT count(*) = 1 FROM pgops.job WHERE kind = 'restart' AND state = 'queued'
	AND not_before > now() + interval '1 day' AND stop_at = not_before + interval '2 hours'", 'it waits for the window');
$node->safe_psql('postgres', "SELECT pgops.job_cancel(id) FROM pgops.jobs WHERE kind = 'restart' AND state = 'queued'");
declare($node, small_document(%night, pg_parameters => { %on, max_connections => 61 },
		pgops_maintenance_window => { cron => '0 0 * * *', duration => '1d' }));
answers('SHOW max_connections', 'and is done in it', '61');
$node->_update_pid(1);
answers("SELECT state FROM pgops.jobs WHERE kind = 'restart' ORDER BY id DESC LIMIT 1", '... by a job', 'succeeded');

# ---- never ----
declare($node, small_document(pg_parameters => \%on, pgops_restart_policy => 'never'));
settle($node);
(undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.restart()");
like($stderr, qr/PO204.*pgops_restart_policy of cluster "small" is never/, 'never is never');
is(log_matches($node, qr/PANIC|TRAP/), 0, 'nothing crashed');

done_testing();
