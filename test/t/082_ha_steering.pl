# Steering a cluster from SQL: what is refused and with which words, on the leader and
# on a standby; jobs of a standby; times that Patroni keeps; a switchover with the time
# in which nobody could write; a failover when the leader is dead.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

patroni_or_skip();

my $ha = patroni_cluster(
	'main',
	nodes => 3,
	tags => { 3 => { nofailover => JSON::PP::true } },
	local => { 'pgops.ha_interval' => '1s', wal_receiver_timeout => '5min' });
my ($one, $two, $three) = $ha->nodes;
is($ha->leader->name, 'pg-test-1', 'the first node leads');
declare($one, $ha->document(patroni_username => 'patroni'));
$ha->converged($one, 'declared');
wait_for($_, 'SELECT count(*) = 3 FROM pgops.members WHERE role IS NOT NULL', $_->name . ' knows all members') for $one, $two;

sub refused
{
	my ($node, $call, $expected) = @_;
	like(refused_with($node, $call), $expected, $node->name . ": $call");
	return;
}

# the row of a job when it is over
sub over
{
	my ($node, $id) = @_;
	return row($node, "SELECT * FROM pgops.job_wait($id, '60s')");
}

# asks for a job and tests that it succeeds; its row
sub succeeds
{
	my ($node, $call, $what) = @_;
	my $job = over($node, value($node, "SELECT $call"));
	is($job->{state}, 'succeeded', $what || $node->name . ": $call") or diag(explain($job));
	return $job;
}

# ---- refused at once ----
for my $node ($one, $two)
{
	refused($node, "pgops.switchover('nobody')", qr{^PO613 "nobody" is no member.*Members: pg-test-1 \(leader\), pg-test-2, pg-test-3});
	refused($node, "pgops.switchover('pg-test-1')", qr{^PO613 "pg-test-1" is the leader already.*pg-test-2 \(\d+ bytes behind\)});
	refused($node, "pgops.switchover('pg-test-3')", qr{^PO613 "pg-test-3" cannot become the leader: it is tagged nofailover});
	refused($node, "pgops.switchover(at => now() - interval '1 min')", qr{^22023 the time of the switchover is in the past.*/.*6\d s ago});
	refused($node, "pgops.failover('pg-test-2')", qr{^PO612 the leader "pg-test-1" is alive.*pgops\.switchover\('pg-test-2'\) loses nothing});
	refused($node, "pgops.failover('pg-test-3', true)", qr{^PO613 .*nofailover});
	refused($node, "pgops.failover(NULL)", qr{^22023 a failover needs a candidate});
	refused($node, "pgops.restart_member('nobody')", qr{^22023 "nobody" is no member.*Members: });
	refused($node, "pgops.restart_member('pg-test-2', at => 'yesterday')", qr{^22023 the time of the restart is in the past});
	refused($node, "pgops.rolling_restart(at => '$_')", qr{^22023 the time of the rolling restart, .* is none that is to come}) for qw(yesterday infinity);
	refused($node, "pgops.reinit_member('pg-test-1')", qr{^PO611 "pg-test-1" is the leader: its data are the cluster's});
	refused($node, 'pgops.cancel_switchover()', qr{^PO611 no switchover is scheduled});
	refused($node, "pgops.cancel_restart('pg-test-2')", qr{^PO611 no restart of "pg-test-2" is scheduled});
	refused($node, 'pgops.promote_cluster()', qr{^PO611 this is no standby cluster});
	refused($node, "pgops.demote_cluster('')", qr{^22023 });
	refused($node, "pgops.demote_cluster('10.10.10.12')", qr{^22023 10\.10\.10\.12 is a member of this very cluster});
}
like(refused_with($one, 'pgops.restart()'), qr{^55000 .*Patroni.*pgops\.restart_member\(\)}, 'the restart without Patroni names the one with it');

# ---- jobs of a standby ----
is(value($two, 'SELECT count(*) FROM pgops.jobs'), '0', 'no job yet');
$two->safe_psql('postgres', "BEGIN; SELECT pgops.reload_member('pg-test-2'); ROLLBACK");
$two->safe_psql('postgres', "BEGIN; SAVEPOINT s; SELECT pgops.reload_member('pg-test-2'); ROLLBACK TO s; COMMIT");
is(value($two, 'SELECT count(*) FROM pgops.jobs'), '0', 'one that was rolled back never was');
my $job = succeeds($two, "pgops.reload_member('pg-test-2')");
cmp_ok($job->{id}, '<', 0, 'a job of a standby has a negative number');
like(value($two, "SELECT text FROM pgops.job_log($job->{id})"), qr/reload scheduled/, 'its log has what Patroni said');
is($job->{cluster}, 'pg-test', 'it names its cluster');
refused($two, "* FROM pgops.job_wait(-1000, '1s')", qr{^PO510 });
refused($two, "pgops.job_request('vacuum', '{}')", qr{^25006 });
refused($two, "pgops.rolling_restart(at => now() + interval '1 h')", qr{^25006 });
is(value($one, 'SELECT count(*) FROM pgops.jobs'), '0', 'nobody else knows it');

# ---- lagging, degraded ----
my $receiver = value($two, 'SELECT pid FROM pg_stat_wal_receiver');
kill 'STOP', $receiver;
$one->safe_psql('postgres', "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)");
ok( wait_until(sub { refused_with($one, "pgops.switchover('pg-test-2')") =~ /^PO613 .*it is \d{7} bytes behind, more than maximum_lag_on_failover \(1048576\)/ }, 15),
	'a candidate that lags is refused with the numbers') or diag(refused_with($one, "pgops.switchover('pg-test-2')"));
refused($one, 'pgops.switchover()', qr{^PO611 the cluster has no member that could take over.*"pg-test-2" is \d+ bytes behind.*"pg-test-3" is tagged nofailover});
kill 'CONT', $receiver;

# ---- paused, scheduled ----
succeeds($two, 'pgops.pause_ha()', 'paused by a standby');
is($ha->config->{pause}, JSON::PP::true, 'it is in the configuration');
refused($one, 'pgops.switchover()', qr{^PO611 the cluster is paused});
refused($one, "pgops.switchover('pg-test-2', now() + interval '1 h')", qr{^PO611 nothing can be scheduled in a paused cluster});
succeeds($one, 'pgops.resume_ha()', 'resumed by the leader');
ok(!exists $ha->config->{pause}, 'nothing of it is left in the configuration');

ok(wait_until(sub { refused_with($one, "pgops.switchover('pg-test-2', now() - interval '1 s')") =~ /^22023/ && value($one, q(SELECT lag_bytes = 0 FROM pgops.members WHERE name = 'pg-test-2')) eq 't' }, 15), 'the replica has caught up');
$job = succeeds($one, "pgops.switchover('pg-test-2', now() + interval '1 h')", 'a switchover is scheduled');
is($job->{result}{candidate}, 'pg-test-2', 'with its candidate');
wait_until(sub { refused_with($two, 'pgops.switchover()') =~ /scheduled already/ });
refused($two, 'pgops.switchover()', qr{^PO611 a switchover is scheduled already.*cancel_switchover});
succeeds($two, 'pgops.cancel_switchover()', 'and taken back by a standby');
is($ha->rest(1, 'GET', '/cluster')->{json}{scheduled_switchover}, undef, 'Patroni knows nothing of it any more');

# ---- a switchover, measured ----
my ($last, $first) = (0, 0);
$one->safe_psql('postgres', 'CREATE TABLE beat (at float8)');
my $id = value($one, "SELECT pgops.switchover('pg-test-2')");
cmp_ok($id, '>', 0, 'a job of the leader has a row');
while (!$first)
{
	for my $node ($one, $two)
	{
		my $now = time;
		# a server that is shut down may close the pipe under psql's hands
		my ($code) = eval { $node->psql('postgres', "INSERT INTO beat VALUES ($now)") };
		next if !defined $code || $code != 0;
		$node == $one ? ($last = time) : ($first ||= time);
	}
	last if $last && time > $last + 30;
}
$ha->wait_for_leader(30, not => $one);
$job = over($two, $id);
is($job->{state}, 'succeeded', 'the new leader has finished what the old one began') or diag(explain($job));
is($job->{result}{from}, 'pg-test-1', 'from');
is($job->{result}{to}, 'pg-test-2', 'to');
is($job->{result}{timeline}, 2, 'timeline');
is($job->{result}{measured_by}, 'writes', 'measured by writes');
cmp_ok(abs($job->{result}{without_writer} - ($first - $last)), '<', 1, 'the time without a writer is what others saw')
  or diag("seen: " . ($first - $last), explain($job->{result}));
is($job->{attempts}, 1, 'in one attempt');
is(value($two, "SELECT duration >= (result ->> 'without_writer')::float8 * interval '1 s' FROM pgops.jobs WHERE id = $id"), 't', 'whose time has both parts');
is(value($two, "SELECT memory IS NULL FROM pgops.job WHERE id = $id"), 't', 'nothing of it is remembered');

# ---- back, asked for on a standby ----
$ha->wait_all_running;
ok(wait_until(sub { refused_with($three, "pgops.switchover('pg-test-1', now() - interval '1 s')") =~ /^22023/ && value($three, q(SELECT lag_bytes = 0 FROM pgops.members WHERE name = 'pg-test-1')) eq 't' }, 20), 'the old leader follows');
$job = succeeds($three, "pgops.switchover('pg-test-1')", 'asked for on a standby');
is($job->{result}{to}, 'pg-test-1', 'the leader is where it was');
like($job->{result}{measured_by}, qr/answers/, 'measured by what Patroni answers') or diag(explain($job));
cmp_ok($job->{result}{without_writer}, '<', 15, 'with a result');

# ---- the leader is dead ----
$ha->wait_all_running;
succeeds($one, 'pgops.pause_ha()', 'paused, so that Patroni does not take over by itself');
$ha->kill_patroni($one, 'KILL');
$ha->kill_postgres($one);
ok(wait_until(sub { refused_with($two, 'pgops.switchover()') =~ /^PO611 the cluster has no leader/ }, 40), 'a switchover needs a leader')
  or diag(refused_with($two, 'pgops.switchover()'));
refused($two, "pgops.failover('pg-test-3')", qr{^PO613 });
$job = succeeds($two, "pgops.failover('pg-test-2')", 'a failover does not');
is($job->{result}{to}, 'pg-test-2', 'the standby that was asked is the leader');
is(value($two, 'SELECT pg_is_in_recovery()'), 'f', 'and writes');
succeeds($two, 'pgops.resume_ha()', 'resumed');

done_testing();
