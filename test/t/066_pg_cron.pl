# Schedules as jobs of pg_cron: made, run, changed, repaired, removed; those of
# others are left alone.  With the real pg_cron.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($share) = run_command([ 'pg_config', '--sharedir' ]);
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

my $node = pgops_node('cron', conf => <<'CONF');
shared_preload_libraries = 'pgops,pg_cron'
cron.use_background_workers = on
max_worker_processes = 32
pgops.drift_interval = '1h'
log_timezone = 'UTC'
log_min_messages = log
CONF

sub calls
{
	my ($name) = @_;
	return "SELECT pgops.run_schedule('$name', by_clock => true)|postgres|1";
}

sub runner
{
	my ($name) = @_;
	my $found = row($node, 'SELECT runner, reason FROM pgops.schedules WHERE name = ' . literal($name));
	return join('|', $found->{runner}, $found->{reason} // '');
}

sub reconciled
{
	my ($what) = @_;
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	return settle($node)->{phase};
}

# ---- before the extension is there, pgops runs schedules itself ----------------------
my %minutely = (name => 'minutely', cron => '* * * * *', what => 'reconcile');
my %nightly = (name => 'nightly', cron => '0 1 * * *', what => 'analyze');
declare($node, small_document(pgops_schedules => [ { %nightly, cron => '5 1 * * *' } ]));
is(settle($node)->{phase}, 'converged', 'a schedule is declared before CREATE EXTENSION pg_cron');
is(runner('nightly'), 'pgops|extension pg_cron is not created in database "postgres"', 'pgops runs it');

# ---- jobs of others --------------------------------------------------------------------
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_cron;
SELECT cron.schedule('mine', '0 0 1 1 *', 'SELECT 1');
SELECT cron.schedule('pgops:small:taken', '0 0 1 1 *', 'SELECT 2');
SELECT cron.schedule('pgops:small:extra', '0 0 1 1 *', 'SELECT 3');
CREATE ROLE other LOGIN;
GRANT USAGE ON SCHEMA cron TO other;
SET ROLE other;
SELECT cron.schedule('pgops:small:nightly', '0 0 1 1 *', 'SELECT 4');
SQL
my $others = "SELECT string_agg(j::text, chr(10) ORDER BY jobid) FROM cron.job j WHERE command LIKE 'SELECT _'";
my $before = value($node, $others);

# ---- made --------------------------------------------------------------------------------
my @plan = grep { $_->{kind} eq 'schedule' } declare($node, small_document(pgops_schedules => [ \%minutely, \%nightly ]));
is_deeply(
	[ map { $_->{statement} } @plan ],
	[
		q{SELECT cron.schedule('pgops:small:minutely', '* * * * *', 'SELECT pgops.run_schedule(''minutely'', by_clock => true)')},
		q{SELECT cron.schedule('pgops:small:nightly', '0 1 * * *', 'SELECT pgops.run_schedule(''nightly'', by_clock => true)')}
	],
	'the plan shows the jobs that will be made');
is(settle($node)->{phase}, 'converged', 'they are made');
my $jobs = "SELECT string_agg(concat_ws('|', jobname, schedule, command, database, active), chr(10) ORDER BY jobname)
	FROM cron.job WHERE command LIKE '%run_schedule%'";
is(value($node, $jobs), 'pgops:small:minutely|* * * * *|' . (calls('minutely') =~ s/1$/t/r) . "\n"
	  . 'pgops:small:nightly|0 1 * * *|' . (calls('nightly') =~ s/1$/t/r), 'pg_cron has them');
is(runner('minutely'), 'pg_cron|', 'and runs them');
my $made = value($node, "SELECT now()");
is_deeply([ plan_rows($node) ], [], 'nothing is left to do');

# ---- changed -----------------------------------------------------------------------------
@plan = grep { $_->{kind} eq 'schedule' }
  declare($node, small_document(pgops_schedules => [ \%minutely, { %nightly, cron => '30 2 * * sun' } ]));
like($plan[0]{statement}, qr/^SELECT cron\.alter_job\(\d+, schedule => '30 2 \* \* sun'\)$/, 'the plan shows the change');
is($plan[0]{reason}, 'schedule: 0 1 * * * -> 30 2 * * sun', 'with what it was');
is(settle($node)->{phase}, 'converged', 'it is changed');
like(value($node, $jobs), qr/^pgops:small:nightly\|30 2 \* \* sun\|/m, 'in pg_cron, too');

# ---- drift ---------------------------------------------------------------------------------
my $ours = value($node, $jobs);
my $id = "(SELECT jobid FROM cron.job WHERE jobname = 'pgops:small:nightly' AND command LIKE '%run_schedule%')";
$node->safe_psql('postgres', "SELECT cron.alter_job($id, schedule => '0 0 1 1 *', command => 'SELECT 5', active => false)");
$node->safe_psql('postgres', "UPDATE cron.job SET command = 'SELECT 5' WHERE jobid = (SELECT jobid FROM cron.job WHERE jobname = 'pgops:small:minutely')");
is(reconciled(), 'converged', 'jobs that somebody changed');
is(value($node, $jobs), $ours, 'are what they were');
$node->safe_psql('postgres', "SELECT cron.unschedule($id)");
is(reconciled(), 'converged', 'one that somebody removed');
is(value($node, $jobs), $ours, 'is made again');

# ---- a name that is taken --------------------------------------------------------------------
declare($node, small_document(pgops_schedules => [ \%minutely, \%nightly, { %nightly, name => 'taken' } ]));
my $status = settle($node);
is($status->{phase}, 'blocked', 'a job of that name which pgops did not make');
like(runner('taken'), qr/^pgops\|pg_cron has a job of that name, number 2, which pgops did not make$/,
	'is left alone, and pgops runs the schedule itself');

# ---- another clock ---------------------------------------------------------------------------
# pg_cron goes by UTC here: it is asked to call at every minute that can be meant
declare($node, small_document(pgops_schedules => [ \%minutely, \%nightly ]));
is(settle($node)->{phase}, 'converged', 'without that name');
$node->safe_psql('postgres', "ALTER SYSTEM SET log_timezone = 'Asia/Kolkata'");
$node->reload;
wait_for($node, "SELECT current_setting('log_timezone') = 'Asia/Kolkata'", 'the server moves to another time zone');
is(reconciled(), 'converged', 'schedules follow');
like(value($node, $jobs), qr/^pgops:small:nightly\|30 \* \* \* \*\|/m, 'pg_cron calls each hour at the minute that counts there');
is(value($node, "SELECT to_char(next_run AT TIME ZONE 'UTC', 'HH24:MI') FROM pgops.schedules WHERE name = 'nightly'"),
	'19:30', 'and it is due at one in the morning over there');
is(value($node, "SELECT pgops.run_schedule('nightly', by_clock => true) IS NULL"), 't', 'other calls do nothing')
  if value($node, "SELECT NOT EXTRACT(hour FROM now() AT TIME ZONE 'Asia/Kolkata') = 1") eq 't';
$node->safe_psql('postgres', 'ALTER SYSTEM RESET log_timezone');
$node->reload;
wait_for($node, "SELECT current_setting('log_timezone') = 'UTC'", 'and back');
is(reconciled(), 'converged', 'schedules follow again');

# ---- run -----------------------------------------------------------------------------------
wait_for($node, "SELECT last_state = 'succeeded' FROM pgops.schedules WHERE name = 'minutely'", 'a declared schedule runs');
wait_for($node, "SELECT EXISTS (SELECT FROM cron.job_run_details WHERE status = 'succeeded'
	AND command LIKE 'SELECT pgops.run_schedule(''minutely''%')", 'pg_cron says that it was him');
is(value($node, "SELECT count(*) FROM (SELECT date_trunc('minute', requested_at) FROM pgops.job
	WHERE schedule = 'minutely' GROUP BY 1 HAVING count(*) > 1) AS twice"), 0, 'once a minute');

# what pg_cron does not do, the coordinator makes up for after two minutes
my $missed = value($node, "SELECT to_char((now() - interval '4 min') AT TIME ZONE 'UTC', 'FMMI FMHH24 \"* * *\"')");
declare($node, small_document(pgops_schedules => [ { %minutely, name => 'missed', cron => $missed } ]));
is(settle($node)->{phase}, 'converged', 'another schedule');
is(runner('missed'), 'pg_cron|', 'of pg_cron');
$node->safe_psql('postgres', "UPDATE pgops.schedule_state SET since = now() - interval '1 hour' WHERE name = 'missed'");
$node->safe_psql('postgres', "SELECT pgops.job_request('reconcile', '{}')");
wait_for($node, "SELECT last_state = 'succeeded' FROM pgops.schedules WHERE name = 'missed'", 'which pgops runs when pg_cron did not');
is(log_matches($node, qr/schedule "missed" was due, and pg_cron has not asked for it/), 1, 'and says so');

# ---- removed ---------------------------------------------------------------------------------
@plan = grep { $_->{kind} eq 'schedule' } declare($node, small_document());
like($plan[0]{statement}, qr/^SELECT cron\.unschedule\(\d+\)$/, 'the plan shows the removal');
is(settle($node)->{phase}, 'converged', 'what is no longer declared');
is(value($node, $jobs), '', 'is removed from pg_cron');
is(value($node, "SELECT count(*) FROM pgops.owned WHERE kind = 'cron_job'"), 0, 'and forgotten');
is(value($node, $others), $before, 'the jobs of others are what they were all along');

# ---- left over -------------------------------------------------------------------------------
# a job that pgops does not remember: from a dump, or of a schedule that was forgotten
my $left = "SELECT count(*) FROM cron.job WHERE command LIKE '%run_schedule%'";
my $again = small_document(pgops_schedules => [ \%minutely, \%nightly ]);
converge($node, $again, 'converged', 'schedules once more');
$ours = value($node, $jobs);
$node->safe_psql('postgres', "DELETE FROM pgops.owned WHERE kind = 'cron_job'");
is(reconciled(), 'converged', 'jobs that came with a dump');
is(value($node, $jobs), $ours, 'are taken for what they are');
is(runner('nightly'), 'pg_cron|', 'and go on');

# by the clock, what is not declared here removes itself instead of failing for ever
my $call = q{SELECT pgops.run_schedule('it''s gone', by_clock => true)};
$node->safe_psql('postgres', "SELECT cron.schedule(name, '0 0 1 1 *', " . literal($call) . ")
	FROM unnest(ARRAY['pgops:gone:nightly', 'not of pgops']) AS name");
is(value($node, "$call IS NULL"), 't', 'a call for a schedule that nobody declares');
is(value($node, "SELECT string_agg(jobname, ',') FROM cron.job WHERE command LIKE '%gone%'"), 'not of pgops', 'is the last one');
$node->safe_psql('postgres', "SELECT cron.unschedule('not of pgops')");
is(value($node, $left), '2', 'the others stay');
like(($node->psql('postgres', "SELECT pgops.run_schedule('it''s gone')"))[2], qr/is not declared/, 'a person is told');

$node->safe_psql('postgres', "SELECT pgops.unbind('small-1')");
is(value($node, "SELECT pgops.run_schedule('nightly', by_clock => true) IS NULL"), 't', 'on a server that was unbound');
is(value($node, $left), '1', 'it is the same');
$node->safe_psql('postgres', "SELECT pgops.bind('small-1')");
is(reconciled(), 'converged', 'bound again');
is(value($node, $jobs), $ours, 'it has its jobs again');

$node->safe_psql('postgres', "SELECT pgops.forget('small')");
is(value($node, $left), '0', 'a cluster that is forgotten leaves none');
is(value($node, 'SELECT count(*) FROM pgops.schedules'), '0', 'and shows none');
converge($node, $again, 'converged', 'declared anew');
is(value($node, $jobs), $ours, 'it has them again');
$node->safe_psql('postgres', "ALTER SYSTEM SET pgops.drift_interval = '1s'");
$node->reload;
$node->safe_psql('postgres', 'DROP EXTENSION pgops');
wait_for($node, "SELECT ($left) = 0", 'nor does an extension that is dropped');
is(value($node, $others), $before, 'the jobs of others are still what they were');

$node->stop;
done_testing();
