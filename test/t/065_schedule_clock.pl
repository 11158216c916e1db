# Schedules without pg_cron: the coordinator asks for their jobs, each time once,
# also over a restart; what was missed is made up for within its deadline.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('clock',
	init => { allows_streaming => 1 },
	conf => "pgops.drift_interval = '1h'\nlog_timezone = 'UTC'\npgops.instance = 'small-1'\n");

# the cluster of this server and a standby
sub pair_document
{
	my $text = small_document(@_);
	$text =~ s/("10\.10\.10\.10":\{.*?\})/$1,"10.10.10.11":{"pg_role":"replica","pg_seq":2}/;
	return $text;
}

# minute and hour of some minutes ago, as a daily expression
sub ago
{
	my ($minutes) = @_;
	return value($node, "SELECT to_char((now() - interval '$minutes min') AT TIME ZONE 'UTC', 'FMMI FMHH24 \"* * *\"')");
}

sub schedule_row
{
	my ($name) = @_;
	return row($node, 'SELECT * FROM pgops.schedules WHERE name = ' . literal($name));
}

sub job_count
{
	my ($name) = @_;
	return value($node, 'SELECT count(*) FROM pgops.job WHERE schedule = ' . literal($name));
}

# the coordinator looks at the clock whenever a job is asked for
sub look
{
	my $job = value($node, "SELECT pgops.job_request('reconcile', '{}')");
	is(value($node, "SELECT state FROM pgops.job_wait($job, '60 s')"), 'succeeded', 'the coordinator looks');
	return;
}

my @schedules = (
	{ name => 'minutely', cron => '* * * * *', what => 'reconcile' },
	{ name => 'past', cron => ago(30), what => 'reconcile' },
	{ name => 'late', cron => ago(30), what => 'reconcile', deadline => '2h' },
	{ name => 'too late', cron => ago(30), what => 'reconcile', deadline => '10min' },
	{ name => 'windowed', cron => '0 0 1 1 *', what => 'analyze', window => '90min' },
	{ name => 'plain', cron => '0 0 1 1 *', what => 'analyze' },
	{ name => 'gone', cron => '* * * * *', what => 'reconcile', state => 'absent' },
);
declare($node, pair_document(pgops_schedules => \@schedules));
is(settle($node)->{phase}, 'converged', 'schedules are declared');
is(value($node, "SELECT string_agg(name, ',' ORDER BY name) FROM pgops.schedules WHERE runner = 'pgops'"),
	'late,minutely,past,plain,too late,windowed', 'all but the absent one, run by pgops');
is(schedule_row('minutely')->{reason}, 'pg_cron is not in shared_preload_libraries', 'and why not by pg_cron');

# ---- what was due before a schedule was declared is not made up for --------------
look();
is(job_count('late'), 0, 'a schedule begins when it is declared');

# ---- as if the server had been down: within the deadline, once ---------------------
$node->safe_psql('postgres', "UPDATE pgops.schedule_state SET since = now() - interval '3 hours' WHERE name <> 'minutely'");
look();
wait_for($node, "SELECT last_state = 'succeeded' FROM pgops.schedules WHERE name = 'late'",
	'what was missed is made up for within the deadline');
is(schedule_row('past')->{skipped}, 'it would have begun 30 min late, and no deadline is declared',
	'without one it is skipped, and that is told');
is(schedule_row('too late')->{skipped}, 'it would have begun 30 min late, the deadline is 10 min', 'or when it is over');
is(job_count('past') + job_count('too late'), 0, 'no job of those');
look();
is(job_count('late'), 1, 'and not a second time');

# ---- as if the clock had been ahead by a year, and was put back ----------------------
$node->safe_psql('postgres', "UPDATE pgops.schedule_state SET since = now() + interval '1 year', last_due = now() + interval '1 year' WHERE name = 'minutely'");
value($node, 'SELECT pgops.reconcile()');
settle($node);
is(value($node, 'SELECT bool_and(since <= now() AND last_due <= now()) FROM pgops.schedule_state WHERE name = \'minutely\''), 't',
	'times that are still to come are not taken for past ones');
my $runs = job_count('minutely');
wait_for($node, "SELECT count(*) > $runs FROM pgops.job WHERE schedule = 'minutely'", 'and schedules go on');

# ---- asked for by hand --------------------------------------------------------------
my $job = value($node, "SELECT pgops.run_schedule('past')");
my $done = row($node, "SELECT * FROM pgops.job_wait($job, '60 s')");
is_deeply([ @$done{qw(kind state schedule cluster)} ], [ 'reconcile', 'succeeded', 'past', 'small' ],
	'run_schedule() asks for the job now');
is(schedule_row('past')->{last_job}, $job, 'the view knows it');

$node->safe_psql('postgres', "INSERT INTO pgops.job (kind, args, cluster, schedule, requested_by, not_before)
	VALUES ('reconcile', '{}', 'small', 'past', 'nobody', now() + interval '1 hour')");
my ($code, $out, $stderr) = $node->psql('postgres', "SET client_min_messages = notice;
	SELECT pgops.run_schedule('past') IS NULL");
like("$out$stderr", qr/t.*NOTICE:  schedule "past" is skipped: job \d+ of this schedule is not over yet/s,
	'but not while the last one is not over');
is(value($node, "SELECT pgops.run_schedule('past', by_clock => true) IS NULL"), 't', 'by the clock only when it is due');

# ---- windows ---------------------------------------------------------------------------
# in one transaction that is rolled back: the jobs themselves are another test's
is($node->safe_psql('postgres', "BEGIN; SELECT pgops.run_schedule('windowed') IS NOT NULL;
	SELECT stop_at - requested_at BETWEEN interval '90 min' AND interval '91 min' FROM pgops.job WHERE schedule = 'windowed';
	SELECT pgops.run_schedule('plain') IS NOT NULL; SELECT stop_at IS NULL FROM pgops.job WHERE schedule = 'plain'; ROLLBACK"),
	"t\nt\nt\nt", 'the window of a schedule ends its job');
declare($node, pair_document(pgops_schedules => \@schedules,
		pgops_maintenance_window => { cron => '* * * * *', duration => '45min' }));
settle($node);
is($node->safe_psql('postgres', "BEGIN; SELECT pgops.run_schedule('plain') IS NOT NULL;
	SELECT stop_at - requested_at BETWEEN interval '44 min' AND interval '46 min' FROM pgops.job WHERE schedule = 'plain'; ROLLBACK"),
	"t\nt", 'else the maintenance window it begins in');

# ---- paused ------------------------------------------------------------------------------
$node->safe_psql('postgres', "SELECT pgops.pause(); UPDATE pgops.schedule_state SET last_due = NULL WHERE name = 'late'");
look();
is(schedule_row('late')->{skipped}, 'the cluster is paused', 'a paused cluster runs nothing');
is(job_count('late'), 1, 'really');
$node->safe_psql('postgres', 'SELECT pgops.resume()');

# ---- the clock itself, over a restart -------------------------------------------------------
wait_for($node, "SELECT last_state = 'succeeded' FROM pgops.schedules WHERE name = 'minutely'",
	'what is due every minute has run within one');
$node->stop('immediate');
$node->start;
look();
is(value($node, "SELECT count(*) FROM (SELECT date_trunc('minute', requested_at) FROM pgops.job
	WHERE schedule = 'minutely' GROUP BY 1 HAVING count(*) > 1) AS twice"), 0, 'never twice for one minute');
is(value($node, "SELECT bool_and(EXTRACT(second FROM requested_at) < 10) FROM pgops.job WHERE schedule = 'minutely'
	AND id = (SELECT min(id) FROM pgops.job WHERE schedule = 'minutely')"), 't', 'and on time');

# ---- a standby runs nothing; promoted, it takes over -----------------------------------------
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('clock_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'small-2'");
$standby->start;
wait_for($standby, "SELECT role = 'standby' FROM pgops.coordinator()", 'a standby');
(undef, undef, $stderr) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.run_schedule('past', by_clock => true)");
like($stderr, qr/ERROR:  25006: cannot execute pgops\.run_schedule\(\) during recovery/, 'runs no schedules');
$node->wait_for_catchup($standby);
my $jobs = job_count('late');
$node->stop('immediate');
$standby->promote;
$node = $standby;
wait_for($node, "SELECT role = 'primary' FROM pgops.coordinator()", 'is promoted');
$node->safe_psql('postgres', "UPDATE pgops.schedule_state SET last_due = NULL WHERE name = 'late'");
look();
wait_for($node, "SELECT count(*) = $jobs + 1 FROM pgops.job WHERE schedule = 'late' AND state = 'succeeded'",
	'and runs what is due');

# ---- no longer declared ------------------------------------------------------------------------
declare($node, pair_document());
settle($node);
is(value($node, 'SELECT count(*) FROM pgops.schedules'), 0, 'what is no longer declared is gone');

$node->stop;
done_testing();
