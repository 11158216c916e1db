# The cluster as it is seen from each member: members, state, replication, endpoints;
# what is said of it while the leader moves, while a Patroni hangs, and when one is dead.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

patroni_or_skip();

my $ha = patroni_cluster(
	'main',
	nodes => 3,
	local => { 'pgops.ha_interval' => '1s', 'pgops.drift_interval' => '1h' },
	tags => { 3 => { nofailover => JSON::PP::true } });
my @nodes = $ha->nodes;
my ($first, $second, $third) = @nodes;

sub status
{
	my ($node) = @_;
	return row($node, 'SELECT * FROM pgops.ha_status');
}

# waits until pgops.ha_status of a node is as it should be: values, or patterns; how long that took, s
sub status_becomes
{
	my ($node, $what, %wanted) = @_;
	my $begun = Time::HiRes::time();
	my $status;
	my $met = wait_until(sub {
		$status = eval { status($node) } or return 0;
		return !grep { !is_as($status->{$_}, $wanted{$_}) } keys %wanted;
	}, 30);
	ok($met, $node->name . ": $what") or diag(explain($status));
	return Time::HiRes::time() - $begun;
}

sub is_as
{
	my ($value, $wanted) = @_;
	return !defined $value if !defined $wanted;
	return defined $value && (ref $wanted eq 'Regexp' ? $value =~ $wanted : $value eq $wanted);
}

# where a service's connections go
sub serving
{
	my ($node, $service) = @_;
	return value($node, "SELECT string_agg(instance, ' ' ORDER BY instance) FROM pgops.endpoints"
		  . " WHERE service = '$service' AND serving");
}

# ---- every member sees the same ----
declare($first, $ha->document(
	hosts => { 3 => { pg_role => 'offline' } },
	pg_users => [ { name => 'watcher', roles => ['pg_monitor'] } ]));
settle($first);
status_becomes($_, 'sees the cluster', leader => 'pg-test-1', member => $_->name, patroni => 'running',
	problem => undef, members => 3, members_running => 3, can_failover => JSON::PP::true)
  for @nodes;

for my $node (@nodes)
{
	wait_for($node, "SELECT count(*) = 2 FROM pgops.members WHERE state = 'streaming'",
		$node->name . ': sees two replicas that stream');
	is( value($node, q(SELECT string_agg(concat_ws(' ', name, instance, host, port, role, state, timeline,
			sync_state, is_self), E'\n' ORDER BY name) FROM pgops.members)),
		join("\n", map {
			my $leads = $_ == $first;
			join ' ', $_->name, $_->name, $_->address, 5432, $leads ? 'leader running 1' : 'replica streaming 1 async',
			  $_ == $node ? 't' : 'f';
		} @nodes),
		$node->name . ': members');
	is( value($node, q(SELECT count(*) FROM pgops.members WHERE problem IS NULL AND lag_bytes < 1048576
			AND receive_lsn >= replay_lsn AND replay_lsn > '0/0' AND patroni_version ~ '^\d+\.\d+'
			AND server_version >= 150000 AND api_url = 'http://' || host || ':8008/patroni'
			AND observed_at > clock_timestamp() - interval '20 s')),
		'3', $node->name . ': and how far they are');
	is(value($node, q(SELECT string_agg(name, ' ') FROM pgops.members WHERE (tags ->> 'nofailover')::boolean)),
		'pg-test-3', $node->name . ': and their tags');
	my $status = status($node);
	is_deeply([ @$status{qw(cluster scope sync_mode timeline maximum_lag_on_failover)} ],
		[ 'pg-test', 'pg-test', 'off', 1, 1048576 ], $node->name . ': status');
	ok(!$status->{paused} && !$status->{failsafe_active} && $status->{dcs_reachable},
		$node->name . ': neither paused nor without its store');
	is_deeply($status->{candidates}, ['pg-test-2'], $node->name . ': who could take over');
	cmp_ok($status->{max_loss_bytes}, '<', 1048576, $node->name . ': hardly anything would be lost');
}

# ---- what replication says ----
is( value($first, q(SELECT string_agg(concat_ws(' ', kind, member, client_addr, state, sync_state, slot, slot_type),
		E'\n' ORDER BY member) FROM pgops.replication)),
	"standby pg-test-2 10.10.10.12 streaming async pg_test_2 physical\n"
	  . 'standby pg-test-3 10.10.10.13 streaming async pg_test_3 physical',
	'the leader: who receives, through which slot');
is(value($first, q(SELECT count(*) FROM pgops.replication WHERE replay_lag_bytes >= 0 AND wal_kept_bytes >= 0)),
	'2', 'and how far they are');
is(value($second, q(SELECT concat_ws(' ', kind, member, state, slot) FROM pgops.replication WHERE kind <> 'slot')),
	'upstream pg-test-1 streaming pg_test_2', 'a replica: where its WAL comes from');
$first->safe_psql('postgres', q(SELECT pg_create_physical_replication_slot('forgotten', true)));
is(value($first, q(SELECT concat_ws(' ', kind, state, wal_status) FROM pgops.replication WHERE slot = 'forgotten'
		AND wal_kept_bytes >= 0)),
	'slot inactive reserved', 'a slot that nobody uses');
is(value($third, q(SELECT count(*) FROM pgops.ha_history)), '0', 'no timeline has ended yet');

# ---- where services are ----
for my $node ($first, $third)
{
	is(serving($node, $_->[0]), $_->[1], $node->name . ": service $_->[0]")
	  for [ primary => 'pg-test-1' ], [ default => 'pg-test-1' ], [ replica => 'pg-test-2' ],
	  [ offline => 'pg-test-3' ];
}
is(value($first, q(SELECT string_agg(DISTINCT concat_ws(' ', port, host, dest_port, "check"), ',')
		FROM pgops.endpoints WHERE service = 'primary' AND serving)),
	'5433 10.10.10.11 6432 /primary', 'with the ports');

# ---- who may look, and what it costs ----
is($second->safe_psql('postgres', "SET ROLE watcher; SELECT count(*) > 0 FROM pgops.$_"), $_ eq 'ha_history' ? 'f' : 't',
	"a member of pg_monitor may read $_")
  for qw(members ha_status ha_history replication endpoints);
is( value($second, q(SELECT string_agg(DISTINCT backend_type, ',') FROM pg_stat_activity
		WHERE backend_type LIKE 'pgops ha%' AND xact_start IS NULL AND backend_xmin IS NULL)),
	'pgops ha worker', 'the worker holds nothing');

# ---- a member that is behind ----
# A replay that is paused by SQL would be resumed by Patroni 4.
my $startup = value($second, q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'));
kill 'STOP', $startup;
$first->safe_psql('postgres', "CREATE TABLE filled AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)");
wait_for($first, q(SELECT lag_seconds > 0 AND receive_lsn > replay_lsn FROM pgops.members WHERE name = 'pg-test-2'),
	'what is received and not replayed is told');
wait_for($first, q(SELECT count(*) = 1 FROM pgops.replication WHERE member = 'pg-test-2' AND replay_lag_bytes > 1000000
		AND flush_lag_bytes = 0), 'by replication, too');
is(status($first)->{max_loss_bytes}, 0, 'it would not be lost');
kill 'CONT', $startup;
wait_for($first, q(SELECT lag_bytes = 0 FROM pgops.members WHERE name = 'pg-test-2'), 'it has caught up');
my $receiver = value($second, 'SELECT pid FROM pg_stat_wal_receiver');
kill 'STOP', $receiver;
$first->safe_psql('postgres', "CREATE TABLE lost AS SELECT repeat('x', 1000) FROM generate_series(1, 300)");
is(value($first, q(SELECT max_loss_bytes > 300000 AND max_loss_seconds IS DISTINCT FROM 0 FROM pgops.ha_status)), 't',
	'the leader knows at once what would be lost, and does not say that it took no time');
wait_for($third, q(SELECT max_loss_bytes > 300000 AND max_loss_seconds > 0 FROM pgops.ha_status), 'the others soon');
kill 'CONT', $receiver;

# ---- the leader moves ----
my $switchover = fork // die "could not fork: $!";
if ($switchover == 0)
{
	$ha->rest(1, 'POST', '/switchover', { leader => 'pg-test-1', candidate => 'pg-test-2' }, timeout => 20);
	POSIX::_exit(0);
}
my ($promoted, $lied);
my %seen_at;
my $met = wait_until(sub {
	$promoted //= Time::HiRes::time() if value($second, 'SELECT pg_is_in_recovery()') eq 'f';
	for my $node ($second, $third)
	{
		my ($leader, $tells) = split /\|/, value($node, q(SELECT concat_ws('|', (SELECT leader FROM pgops.ha_status),
			(SELECT instance FROM pgops.endpoints WHERE service = 'default' AND serving))));
		$seen_at{ $node->name } //= Time::HiRes::time() if ($tells // '') eq 'pg-test-2';
		$lied = "$leader $tells" if $promoted && !$seen_at{ $node->name }
		  && Time::HiRes::time() - $promoted > 2;
	}
	return keys %seen_at == 2 && $promoted;
}, 30);
waitpid $switchover, 0;
ok($met, 'the leader moves, and endpoints follow');
is($lied, undef, 'nobody is sent to the old one for longer than it takes');
cmp_ok($seen_at{ $_->name } - $promoted, '<', 2, $_->name . ': at once') for $second, $third;
$ha->wait_all_running;
status_becomes($_, 'sees the new leader', leader => 'pg-test-2', timeline => 2, problem => undef) for @nodes;
is(serving($_, 'replica'), 'pg-test-1', $_->name . ': the old leader serves what replicas do') for @nodes;
wait_for($third, q(SELECT count(*) = 1 FROM pgops.ha_history WHERE timeline = 1 AND ended_at > '0/0'
		AND reason <> '' AND at > now() - interval '5 min' AND new_leader = 'pg-test-2'),
	'history');

# ---- a Patroni that hangs ----
$ha->kill_patroni($third, 'STOP');
status_becomes($third, 'its own Patroni hangs: others are asked', patroni => 'not answering', leader => 'pg-test-2',
	sqlstate => 'PO601', problem => qr/Patroni of this member does not answer/, member => 'pg-test-3');
is(value($third, q(SELECT concat_ws(' ', role, state) FROM pgops.members WHERE name = 'pg-test-1')),
	'replica streaming', 'what they say is shown');
wait_for($first, q(SELECT count(*) = 1 FROM pgops.members WHERE name = 'pg-test-3' AND problem ~ 'no complete answer|could not connect'),
	'others are told that it does not answer');
$ha->kill_patroni($third, 'CONT');
status_becomes($third, 'it goes on', patroni => 'running', problem => undef, leader => 'pg-test-2');

# ---- a Patroni that is dead, beside a server that is not ----
$ha->kill_patroni($second, 'KILL');
status_becomes($second, 'a primary without Patroni', sqlstate => 'PO706', patroni => 'not answering',
	problem => qr/a primary whose Patroni does not answer/);
status_becomes($second, 'and another leader', sqlstate => 'PO706', leader => 'pg-test-1', leader_is_self => JSON::PP::false,
	problem => qr/primary that Patroni does not run any more, and the leader is "pg-test-1"/);
is(value($second, 'SELECT pg_is_in_recovery()'), 'f', 'which it still is');
is(serving($second, 'primary'), 'pg-test-1', 'it sends nobody to itself');
$ha->start_patroni($second);
$ha->wait_all_running;
status_becomes($_, 'sees it back', leader => 'pg-test-1', problem => undef, members_running => 3) for @nodes;

# ---- the worker's own doing ----
my $error = 'pgops [a-z ]+ (?:ERROR|PANIC)|PANIC|TRAP|terminated by signal';
is(log_matches($_, $error), 0, $_->name . ': no error of pgops')
  or diag(join "\n", grep { /$error/ } split /\n/, slurp_file($_->logfile))
  for @nodes;

done_testing();
