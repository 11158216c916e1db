# The store of the cluster is away, and in failsafe mode the leader goes on: what is said
# of it, and what can be done meanwhile.  Before that, a restart that Patroni does at a
# time that was given.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use Test::More;

patroni_or_skip();

my $ha = patroni_cluster('main', nodes => 2, conf => { failsafe_mode => JSON::PP::true },
	local => { 'pgops.ha_interval' => '1s', 'pgops.drift_interval' => '1h' });
my ($one, $two) = $ha->nodes;
my %base = (patroni_username => 'patroni');
declare($one, $ha->document(%base));
$ha->all_well($one, 'at first');

# ---- a restart by the clock ----
my $at = value($one, q(SELECT date_trunc('second', clock_timestamp()) + interval '3 s'));
my $job = value($one, "SELECT pgops.restart_member('pg-test-2', at => '$at')");
wait_for($one, q(SELECT scheduled_restart IS NOT NULL FROM pgops.members WHERE name = 'pg-test-2'), 'a restart is scheduled');
wait_for($two, "SELECT pg_postmaster_start_time() >= '$at'", 'and done, not before its time');
is(value($one, "SELECT state FROM pgops.jobs WHERE id = $job"), 'succeeded', 'its job was over when Patroni had it');
$ha->wait_all_running;
wait_for($one, q(SELECT count(scheduled_restart) = 0 FROM pgops.members), 'it is scheduled no more');

# ---- without the store ----
$ha->stop_etcd;
wait_for($_, q(SELECT failsafe_active AND NOT dcs_reachable AND sqlstate IS NOT NULL FROM pgops.ha_status),
	$_->name . ' says that the store is away, and failsafe mode active')
  for $one, $two;
ok($one->is_primary, 'the leader takes writes');
declare($one, $ha->document(%base, pg_users => [ { name => 'meanwhile' } ]));
wait_for($one, q(SELECT count(*) = 1 FROM pg_roles WHERE rolname = 'meanwhile'), 'and what is declared is done');
wait_for($two, q(SELECT count(*) = 1 FROM pg_roles WHERE rolname = 'meanwhile'), 'on the replica, too');
my (undef, undef, $refused) = $one->psql('postgres', 'SELECT pgops.switchover()');
like($refused, qr/no member's Patroni says how the cluster is|ERROR:.*(?:store|failsafe)/, 'but the leader cannot be moved');
$ha->cont_etcd;
$ha->all_well($one, 'the store is back');

done_testing();
