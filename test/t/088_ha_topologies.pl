# More than one leader and its replicas, all from rendered files: commits that a quorum
# confirms, a replica that follows another one, a standby cluster, a delayed one.
#
# Citus is rendered and validated in 085_render_patroni.pl: Debian has no package.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

patroni_or_skip();

my $delay = 6;    # seconds that the delayed cluster lags

my $scratch = idle_node('scratch');
my $ha = patroni_cluster('main', nodes => 3, start => 0);
my $standby = patroni_cluster('standby', scope => 'pg-sb', first => 21, nodes => 1, start => 0, extension => 0);
my $delayed = patroni_cluster('delayed', scope => 'pg-delay', first => 31, nodes => 1, start => 0, extension => 0);
$_->from_inventory($scratch) for $ha, $standby, $delayed;

# the inventory, with what is declared of the third node, and of the standby cluster
sub inventory
{
	my ($third, $site) = @_;
	my %site = (hosts => { 1 => { pg_upstream => '10.10.10.11' } }, %{ $site || {} });
	return $ha->inventory(
		hosts => { 3 => $third || {} },
		pgops_dcs => { synchronous_mode => 'quorum' },
		pg_users => [ { name => 'app' } ],
		with => [
			$standby->site(pg_users => [ { name => 'app' }, { name => 'own' } ], %site),
			$delayed->site(hosts => { 1 => { pg_upstream => '10.10.10.11', pg_delay => "${delay}s" } })
		]);
}

sub declare_inventory
{
	my ($node, @what) = @_;
	$node->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal(inventory(@what)) . ')');
	return;
}

declare_inventory($scratch);
$ha->start;
my $leader = $ha->leader;
declare_inventory($leader);
$ha->converged($leader, 'the cluster is as declared');

# ---- a quorum confirms ----
my $third = $ha->node(3);
wait_for($leader, q(SELECT count(*) FILTER (WHERE sync_state = 'quorum') = 2 FROM pg_stat_replication),
	'a quorum of the replicas confirms commits');
is(value($_, 'SELECT sync_mode FROM pgops.ha_status'), 'quorum', $_->name . ' says so') for $leader;
$leader->safe_psql('postgres', 'CREATE TABLE mark (name text, at timestamptz DEFAULT clock_timestamp())');
$ha->kill_patroni($third, 'KILL');
$ha->kill_postgres($third, 'KILL');
my $begun = time;
$leader->safe_psql('postgres', q(SET statement_timeout = '20s'; INSERT INTO mark VALUES ('without the third')));
cmp_ok(time - $begun, '<', 5, 'commits go on without one of them');

# ---- a replica that follows a replica ----
my %cascade = (pg_upstream => $ha->node(2)->address);
declare_inventory($_, \%cascade) for $scratch, $leader;
unlink $third->yml;
$ha->start_patroni($third);
$ha->wait_all_running;
wait_for($third, q(SELECT sender_host = '10.10.10.12' AND status = 'streaming' FROM pg_stat_wal_receiver),
	'the third one follows the second one');
wait_for($ha->node(2), q(SELECT count(*) = 1 FROM pgops.replication WHERE kind = 'standby' AND member = 'pg-test-3'),
	'which knows it');

# ---- other clusters follow ----
$_->start for $standby, $delayed;
$scratch->stop;
my $there = $standby->node(1);
my $late = $delayed->node(1);
wait_for($there, q(SELECT concat_ws(' ', pgops.local_instance(), s.leader, m.role, s.problem) = 'pg-sb-1 pg-sb-1 standby_leader'
	FROM pgops.ha_status s, pgops.members m), 'a standby cluster knows what it is');
wait_for($late, q(SELECT concat_ws(' ', pgops.local_instance(), s.leader, m.role, s.problem) = 'pg-delay-1 pg-delay-1 standby_leader'
	FROM pgops.ha_status s, pgops.members m), 'so does a delayed one');
is(value($late, 'SHOW recovery_min_apply_delay'), "${delay}s", 'which waits as long as declared');
$leader->safe_psql('postgres', q(INSERT INTO mark VALUES ('followed')));
wait_for($there, q(SELECT count(*) = 1 FROM mark WHERE name = 'followed'), 'the standby cluster follows');
is(value($late, q(SELECT count(*) FROM mark WHERE name = 'followed')), '0', 'the delayed one has not got there yet');
wait_for($late, q(SELECT count(*) = 1 FROM mark WHERE name = 'followed'), 'but gets there');
cmp_ok(value($late, q(SELECT extract(epoch FROM clock_timestamp() - at) FROM mark WHERE name = 'followed')),
	'>=', $delay, 'not before its delay is over');

# ---- the standby cluster becomes one of its own ----
is(value($there, q(SELECT count(*) FROM pg_roles WHERE rolname = 'own')), '0', 'what is declared for it cannot be there yet');
my $job = value($there, 'SELECT pgops.promote_cluster()');
wait_for($there, 'SELECT NOT pg_is_in_recovery()', 'it is promoted by SQL');
wait_for($there, q(SELECT count(*) = 1 FROM pg_roles WHERE rolname = 'own'), 'and does what is declared for it');
wait_for($there, q(SELECT role = 'leader' AND problem IS NULL FROM pgops.members), 'it knows that it leads');
is( join(' ', map { "$_->{rule} $_->{sqlstate}" } grep { $_->{kind} eq 'patroni' } plan_rows($there)),
	'patroni.refused PO204', 'that it is still declared as a standby cluster is told');
ok(!defined $standby->config->{standby_cluster}, 'and Patroni is not told to follow again');
declare_inventory($there, \%cascade, { hosts => {} });
$standby->converged($there, 'once it is declared as what it is, all is as declared');
ok($_->is_primary, $_->name . ' takes writes') for $leader, $there;
done_testing();
