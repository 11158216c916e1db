# Moves of the leader that would lose what was committed: to a replica that receives nothing, that is on
# another timeline, that was given the leader's place just now by somebody else; a rolling restart
# of a cluster in which a member goes down on the way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use Test::More;

patroni_or_skip();

# who has written on a timeline of its own stays as it is
my $ha = patroni_cluster(
	'main',
	nodes => 3,
	conf => { postgresql => { use_pg_rewind => JSON::PP::false } },
	local => { 'pgops.ha_interval' => '1s' });
my ($one, $two, $three) = $ha->nodes;
declare($one, $ha->document(patroni_username => 'patroni'));
$ha->converged($one, 'declared');
wait_for($one, q(SELECT count(*) = 2 FROM pgops.members WHERE state = 'streaming'), 'both replicas stream');

# ---- replicas that receive nothing, and are near enough for Patroni ----
$one->safe_psql('postgres', 'ALTER ROLE replicator NOLOGIN');
$one->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
$one->safe_psql('postgres', "CREATE TABLE precious AS SELECT repeat('x', 100) FROM generate_series(1, 1000)");
wait_for($one, q(SELECT count(*) = 2 FROM pgops.members WHERE state = 'running' AND role = 'replica' AND lag_bytes > 100000), 'both are behind');
like(refused_with($one, q(pgops.switchover('pg-test-2'))),
	qr{^PO613 "pg-test-2" cannot become the leader: it does not stream.*\(\d{6} bytes by now\).*No member could take over}, 'one that would lack what was committed is refused');
like(refused_with($two, 'pgops.switchover()'), qr{^PO611 .*no member that could take over.*"pg-test-2" does not stream.*"pg-test-3" does not stream}, 'nobody else is chosen');
like(refused_with($one, 'pgops.rolling_restart(only_pending => false)'), qr{^PO611 the leader "pg-test-1" has nobody to hand over to}, 'nor is there anybody for a rolling restart');
$one->safe_psql('postgres', 'ALTER ROLE replicator LOGIN');
$ha->wait_all_running;
wait_for($one, q(SELECT count(*) = 2 FROM pgops.members WHERE state = 'streaming' AND lag_bytes = 0), 'both have caught up');

# ---- two who ask at once mean the same leader ----
my ($first, $second) = map { value($one, 'SELECT pgops.switchover()') } 1, 2;
my $new = $ha->wait_for_leader(30, not => $one);
is(ended_job($new, $first)->{state}, 'succeeded', 'of two switchovers that were asked for the first one is done') or diag(explain(ended_job($new, $first)));
my $job = ended_job($new, $second);
is($job->{state}, 'failed', 'the second one is not') or diag(explain($job));
is($job->{sqlstate}, 'PO611', 'for it is another cluster by now');
is($job->{error}, 'the leader was "pg-test-1" when this was asked for, and is "' . $new->name . '" now', 'it says so');
$ha->wait_all_running;
is($ha->members->{ $new->name }{timeline}, 2, 'the leader was moved once');
is(value($new, 'SELECT count(*) FROM precious'), '1000', 'nothing is lost');

# ---- a member goes down in the middle of a rolling restart ----
my ($replica, $other) = $ha->others($new);
wait_for($new, q(SELECT count(*) = 2 FROM pgops.members WHERE state = 'streaming' AND lag_bytes = 0), 'all are up');
my %before = map { $_->name => value($_, 'SELECT pg_postmaster_start_time()') } $ha->nodes;
my $id = value($new, q(SELECT pgops.rolling_restart(only_pending => false, deadline => '8s')));
wait_for($new, "SELECT count(*) > 0 FROM pgops.job_log($id) WHERE text LIKE '%was restarted%'", 'the first one is restarted');
my ($done) = value($new, "SELECT text FROM pgops.job_log($id) WHERE text LIKE '%was restarted%' ORDER BY line LIMIT 1") =~ /"(.*?)"/;
$ha->kill_patroni($done, 'KILL');
$ha->kill_postgres($done);

SKIP:
{
	# on a machine that is busy the other one may have been restarted before this one was dead
	my (undef, $lines) = $new->psql('postgres', "SELECT count(*) FROM pgops.job_log($id) WHERE text LIKE '%was restarted%'");
	skip 'the rolling restart was faster', 3 if $lines ne '1';
	$job = ended_job($new, $id);
	is($job->{state}, 'failed', 'then it is down, and the rolling restart ends') or diag(explain($job));
	is($ha->find_leader->name, $new->name, 'the leader has not handed over to the last one that was left');
	is(value($new, 'SELECT pg_postmaster_start_time()'), $before{ $new->name }, 'nor was it restarted');
}
ended_job($new, $id);
$ha->start_patroni($done);
$ha->wait_all_running;
$new = $ha->leader;
my $begun = $ha->members->{ $new->name }{timeline};

# ---- who has written on a timeline of its own ----
$ha->link_down($new);
$new->psql('postgres', "INSERT INTO precious SELECT repeat('y', 1000) FROM generate_series(1, 5000)");
my $last = $ha->wait_for_leader(40, not => $new);
$ha->link_up($new);
$last->safe_psql('postgres', "INSERT INTO precious VALUES ('z')");
my $old = literal($new->name);
# one that has already heard of the new timeline when it is started does not start at all
ok(wait_until(sub { value($last, "SELECT (state = 'running' AND timeline = $begun OR state = 'start failed') AND problem IS NULL FROM pgops.members WHERE name = $old") eq 't' }, 60), 'the old leader is back, on its own timeline')
  or diag(value($last, 'SELECT string_agg(m::text, chr(10)) FROM pgops.members AS m'));
is(value($last, "SELECT lag_bytes IS NULL FROM pgops.members WHERE name = $old"), 't', 'how far it is behind cannot be said');
is(value($last, "SELECT $old = ANY (candidates) FROM pgops.ha_status"), 'f', 'it could not take over');
like(refused_with($last, "pgops.switchover($old)"), qr{^PO613 .* cannot become the leader: it is (?:on timeline $begun, and the leader on \d|start failed)}, 'a switchover to it is refused');

# ---- the same when there is no leader ----
is(ended_job($last, value($last, 'SELECT pgops.pause_ha()'))->{state}, 'succeeded', 'paused');
my ($third) = grep { $_ != $new && $_ != $last } $ha->nodes;
$ha->kill_patroni($last, 'KILL');
$ha->kill_postgres($last);
ok(wait_until(sub { refused_with($third, 'pgops.switchover()') =~ /^PO611 the cluster has no leader/ }, 40), 'no leader');
my $refusal = refused_with($third, "pgops.failover($old)");
like($refusal, qr{^(?:PO612 (?:.* is on timeline $begun, and lacks what was written on timeline \d|nobody knows on which timeline)|PO613 .* start failed)}, 'a failover to it loses data')
  or diag(value($third, 'SELECT string_agg(m::text, chr(10)) FROM pgops.members AS m'),
	value($third, 'SELECT string_agg(h::text, chr(10)) FROM pgops.ha_history AS h'));

done_testing();
