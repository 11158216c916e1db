# What is read out of Patroni's answers, of version 4 too, whose answers are served
# here by a small program; and the views where there is no Patroni at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $json = JSON::PP->new->utf8->canonical;
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $folder = PostgreSQL::Test::Utils::tempdir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my %address = map { ("small-$_" => "127.0.9.$_") } 1 .. 3;
my $mb = 1024 * 1024;

# ---- no Patroni ----
my $node = pgops_node('main', conf => <<'CONF');
pgops.ha_interval = '1s'
pgops.drift_interval = '1h'
pgops.manage_hba = off
CONF

sub status
{
	return row($node, 'SELECT * FROM pgops.ha_status');
}

my $status = status();
is_deeply([ @$status{qw(patroni sqlstate leader member can_failover observed_at)} ],
	[ 'absent', 'PO610', undef, undef, undef, undef ], 'no Patroni: one row that says so');
is(value($node, "SELECT count(*) FROM pgops.$_"), 0, "nothing in $_")
  for qw(members ha_history replication endpoints);
is(value($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'"), 0,
	'and no process for it');
declare($node, small_document(pg_port => $node->port));
settle($node);
is(value($node, q(SELECT string_agg(service || ' ' || instance || ' ' || dest_port, ', ' ORDER BY service)
		FROM pgops.endpoints WHERE serving)),
	"default small-1 @{[ $node->port ]}, primary small-1 6432, replica small-1 6432",
	'endpoints of a single server');

# ---- answers of Patroni 4.1 ----
my $system = value($node, 'SELECT system_identifier FROM pg_control_system()');
my $lsn = 5 * 16 * $mb;
my %replicas = ('small-2' => 0, 'small-3' => 3 * $mb);    # bytes behind
my %settings = (faults => { map { $_ => 'none' } values %address }, password => '-', answers => {});
my (%cluster, %config, %nodes);

sub reset_answers
{
	%config = (ttl => 30, loop_wait => 10, retry_timeout => 10, maximum_lag_on_failover => 10 * $mb,
		postgresql => { parameters => {} });
	%cluster = (scope => 'small', members => []);
	for my $name (sort keys %address)
	{
		my $lag = $replicas{$name};
		push @{ $cluster{members} },
		  {
			name => $name, host => $address{$name}, port => 5432, timeline => 7,
			api_url => "http://$address{$name}:$port/patroni",
			role => defined $lag ? 'replica' : 'leader',
			state => defined $lag ? 'streaming' : 'running',
			tags => {}, defined $lag ? (lag => $lag, lsn => '0/1') : ()
		  };
		$nodes{$name} = {
			state => 'running', role => defined $lag ? 'replica' : 'primary', server_version => 180001, timeline => 7,
			dcs_last_seen => time, database_system_identifier => $system,
			patroni => { version => '4.1.0', scope => 'small', name => $name },
			defined $lag
			? (
				replication_state => 'streaming',
				xlog => {
					received_location => $lsn - $lag, replayed_location => $lsn - $lag,
					replayed_timestamp => '2026-01-02 03:04:05.678901+00:00', paused => $no
				})
			: ( xlog => { location => $lsn },
				replication => [
					map { { usename => 'replicator', application_name => $_, client_addr => $address{$_}, state => 'streaming',
							sync_state => 'async', sync_priority => 0 } } sort keys %replicas ])
		};
	}
	return;
}

sub answer
{
	my %answers = ('/cluster' => \%cluster, '/config' => \%config, '/history' => [
			[ 1, 25623960, 'no recovery target specified', '2026-01-01T10:00:00.123456+00:00', 'small-2' ],
			[ 2, 25624000, 'no recovery target specified' ] ],
		map { ("$address{$_}/patroni" => $nodes{$_}) } keys %nodes);
	$settings{answers} = \%answers;
	unlink "$folder/new.json";
	append_to_file("$folder/new.json", $json->encode(\%settings));
	rename "$folder/new.json", "$folder/settings.json" or die "rename: $!";
	return;
}

# changes the answers, and waits until the status is what follows from them
sub follows
{
	my ($what, $change, %wanted) = @_;
	my $found;
	reset_answers();
	$change->();
	answer();
	my $met = wait_until(sub {
		$found = status();
		return !grep { $json->allow_nonref->encode($found->{$_}) ne $json->encode($wanted{$_}) } keys %wanted;
	}, 20);
	ok($met, $what) or diag($json->encode($found));
	return;
}

reset_answers();
answer();
my $server = IPC::Run::start(
	[ '/usr/bin/python3', "$FindBin::RealBin/../lib/hostile_http.py", $port, "$folder/settings.json" ],
	'<', \undef, '>', "$folder/server.out", '2>', "$folder/server.err");
END
{
	my $status = $?;
	$server->kill_kill(grace => 1) if $server;
	$? = $status;
}
wait_until(sub { -s "$folder/server.out" }) or die 'no server: ' . slurp_file("$folder/server.err");
$node->safe_psql('postgres',
	"ALTER SYSTEM SET pgops.patroni_url = 'http://$address{'small-1'}:$port'; SELECT pg_reload_conf()");

follows('a cluster that is well', sub { },
	scope => 'small', cluster => 'small', member => 'small-1', leader => 'small-1', leader_is_self => $yes,
	timeline => 7, patroni => 'running', problem => undef, sqlstate => undef, paused => $no,
	failsafe_active => $no, members => 3, members_running => 3, dcs_reachable => $yes, sync_mode => 'off',
	sync_standbys => [], max_loss_bytes => 0, max_loss_seconds => 0, can_failover => $yes,
	failover_reason => undef, candidates => [ 'small-2', 'small-3' ], maximum_lag_on_failover => 10 * $mb);
is( value($node, q(SELECT string_agg(concat_ws(' ', name, role, state, timeline, lag_bytes, receive_lsn, replay_lsn,
		sync_state, patroni_version, server_version, is_self), E'\n' ORDER BY name) FROM pgops.members)),
	"small-1 leader running 7 0 0/5000000 0/5000000 4.1.0 180001 t\n"
	  . "small-2 replica streaming 7 0 0/5000000 0/5000000 async 4.1.0 180001 f\n"
	  . 'small-3 replica streaming 7 3145728 0/4D00000 0/4D00000 async 4.1.0 180001 f',
	'its members');
is( value($node, q(SELECT string_agg(concat_ws(' ', name, lag_seconds > 0), ',' ORDER BY name) FROM pgops.members)),
	'small-1 f,small-2 f,small-3 t', 'who has replayed everything is not behind, however old that is');
is( value($node, q(SELECT string_agg(concat_ws(' ', timeline, ended_at, at AT TIME ZONE 'UTC', new_leader), E'\n' ORDER BY timeline)
		FROM pgops.ha_history)),
	"1 0/186FD98 2026-01-01 10:00:00.123456 small-2\n2 0/186FDC0", 'its history');

# ---- what would be lost, and who could take over ----
follows('all are behind', sub { $nodes{'small-2'}{xlog}{$_} -= 5 * $mb for qw(received_location replayed_location) },
	max_loss_bytes => 3 * $mb, candidates => [ 'small-3', 'small-2' ], can_failover => $yes);
ok(status()->{max_loss_seconds} > 1000, 'and for how long');
follows('too far behind', sub { $config{maximum_lag_on_failover} = 1; $cluster{members}[1]{tags} = { nofailover => $yes } },
	can_failover => $no, candidates => [], max_loss_bytes => undef,
	failover_reason => "small-2 is tagged nofailover; small-3 is 3145728 bytes behind, more than maximum_lag_on_failover (1)");
follows('a priority of 0 is as good as the tag', sub { $cluster{members}[1]{tags} = { failover_priority => 0 } },
	candidates => ['small-3'], max_loss_bytes => 3 * $mb);
follows('one replica does not run, the other one lags behind', sub { $cluster{members}[1]{state} = 'stopped'; $nodes{'small-2'}{state} = 'stopped';
		@{ $nodes{'small-1'}{replication} } = grep { $_->{application_name} ne 'small-2' } @{ $nodes{'small-1'}{replication} } },
	candidates => ['small-3'], members_running => 2, max_loss_bytes => 3 * $mb);

# ---- synchronous replication ----
follows('synchronous replication', sub { $config{synchronous_mode} = $yes; $cluster{members}[2]{role} = 'sync_standby';
		$nodes{'small-1'}{replication}[1]{sync_state} = 'sync'; $nodes{'small-3'}{sync_standby} = $yes },
	sync_mode => 'on', sync_standbys => ['small-3'], candidates => ['small-3'], max_loss_bytes => 0, max_loss_seconds => 0);
follows('without a standby', sub { $config{synchronous_mode} = $yes; $config{synchronous_mode_strict} = $yes },
	sync_mode => 'strict', sync_standbys => [], candidates => [], can_failover => $no,
	failover_reason => 'small-2 is no synchronous standby; small-3 is no synchronous standby');
follows('quorum of Patroni 4', sub { $config{synchronous_mode} = 'quorum'; $cluster{members}[$_]{role} = 'quorum_standby' for 1, 2;
		$_->{sync_state} = 'quorum' for @{ $nodes{'small-1'}{replication} } },
	sync_mode => 'quorum', sync_standbys => [ 'small-2', 'small-3' ], max_loss_bytes => 0);
follows('quorum by a parameter', sub { $config{postgresql}{parameters}{synchronous_standby_names} = 'ANY 1 (*)';
		$_->{sync_state} = 'quorum' for @{ $nodes{'small-1'}{replication} } },
	sync_mode => 'quorum', sync_standbys => [ 'small-2', 'small-3' ], max_loss_bytes => 0);
follows('whose one witness may not take over', sub { $config{postgresql}{parameters}{synchronous_standby_names} = 'ANY 1 (*)';
		$cluster{members}[1]{tags} = { nofailover => $yes }; $_->{sync_state} = 'quorum' for @{ $nodes{'small-1'}{replication} } },
	sync_mode => 'quorum', candidates => ['small-3'], max_loss_bytes => 3 * $mb);

# ---- what Patroni was told ----
follows('paused, with a switchover scheduled', sub { $cluster{pause} = $yes;
		$cluster{scheduled_switchover} = { at => '2031-01-01T10:00:00+00:00', from => 'small-1', to => 'small-2' } },
	paused => $yes, can_failover => $no, failover_reason => 'the cluster is paused: Patroni does nothing by itself',
	scheduled_switchover_from => 'small-1', scheduled_switchover_to => 'small-2');
is(value($node, q(SELECT scheduled_switchover_at = '2031-01-01 10:00:00+00' FROM pgops.ha_status)), 't', 'when');
follows('restarts that are waited for', sub { $nodes{'small-2'}{pending_restart} = $yes;
		$nodes{'small-2'}{pending_restart_reason} = { max_connections => { old_value => '100', new_value => '200' } };
		$cluster{members}[2]{scheduled_restart} = { schedule => '2031-01-01T10:00:00+00:00', restart_pending => $yes } },
	problem => undef);
wait_for($node, q(SELECT pending_restart AND pending_restart_reason -> 'max_connections' ->> 'new_value' = '200'
	FROM pgops.members WHERE name = 'small-2'), 'and why');
is(value($node, q(SELECT scheduled_restart ->> 'schedule' FROM pgops.members WHERE name = 'small-3')),
	'2031-01-01T10:00:00+00:00', 'one is scheduled');

# ---- a leader that is none ----
follows('nobody leads', sub { $_->{role} = 'replica' for @{ $cluster{members} } },
	leader => undef, leader_is_self => undef, sqlstate => 'PO706', max_loss_bytes => undef);
like(status()->{problem}, qr/this server is a primary, but nobody confirms.*the cluster has no leader/, 'in words');
follows('somebody else leads', sub { @{ $cluster{members}[$_] }{qw(role state)} = $_ == 1 ? qw(leader running) : qw(replica running) for 0 .. 2;
		$nodes{'small-2'}{role} = 'primary'; $nodes{'small-2'}{xlog} = { location => $lsn } },
	leader => 'small-2', leader_is_self => $no, sqlstate => 'PO706',
	problem => 'this server is a primary, but the leader is "small-2"');
follows('the leader is being promoted', sub { @{ $cluster{members}[$_] }{qw(role state)} = $_ == 1 ? qw(leader running) : qw(replica running) for 0 .. 2 },
	leader => 'small-2', members_running => 2);
is(value($node, q(SELECT state FROM pgops.members WHERE name = 'small-2')), 'promoting', 'and is no primary yet');
follows('failsafe mode', sub { $nodes{'small-1'}{failsafe_mode_is_active} = $yes }, failsafe_active => $yes, sqlstate => 'PO611');

# ---- health checks ----
is( value($node, q(SELECT string_agg("check" || ' ' || concat_ws('',
		pgops.health_check("check", 'leader', 'running', 0, '{}')::int, pgops.health_check("check", 'standby_leader', 'streaming', 0, '{}')::int,
		pgops.health_check("check", 'replica', 'streaming', 2, '{}')::int, pgops.health_check("check", 'sync_standby', 'streaming', 0, '{}')::int,
		pgops.health_check("check", 'replica', 'streaming', 0, '{"noloadbalance": true}')::int,
		pgops.health_check("check", 'replica', 'starting', 0, '{}')::int), E'\n')
	FROM unnest('{/,/primary,/read-write,/leader,/standby_leader,/replica,/replica?lag=1,/read-only,/sync,/async,/read-only-sync,/health}'::text[]) AS c ("check"))),
	"/ 100000\n/primary 100000\n/read-write 100000\n/leader 110000\n/standby_leader 010000\n/replica 001100\n/replica?lag=1 000100\n"
	  . "/read-only 111100\n/sync 000100\n/async 001000\n/read-only-sync 110100\n/health 111110",
	'health checks answer as Patroni does');
is(value($node, q(SELECT pgops.health_check('/nonsense', 'leader', 'running', 0, '{}') IS NULL
		AND pgops.health_check('/replica', NULL, 'unknown', 0, '{}') IS NULL)), 't', 'what is not known is not said');

# ---- more than there is room for ----
follows('an answer that is too long', sub { $nodes{'small-3'}{tags}{"t$_"} = 'x' x 1000 for 1 .. 10 },
	candidates => ['small-2'], leader => 'small-1');
like(value($node, q(SELECT problem FROM pgops.members WHERE name = 'small-3')), qr/longer than/, 'is a problem of that member');
follows('forty members', sub { push @{ $cluster{members} }, { name => "more-$_", role => 'replica', state => 'streaming', timeline => 7, lag => 1,
			api_url => "http://$address{'small-2'}:$port/patroni" } for 1 .. 37 },
	members => 40, leader => 'small-1');

# ---- old facts are not new ones ----
$server->kill_kill(grace => 1);
my $met = wait_until(sub {
	$status = status();
	return !defined $status->{leader} && $status->{patroni} eq 'not answering';
}, 20);
ok($met, 'nobody answers: the leader is not known') or diag($json->encode($status));
like($status->{problem}, qr/this server is a primary whose Patroni does not answer.*the last one that was known is "small-1".*nobody has said how the cluster is since/,
	'in words');
is_deeply([ @$status{qw(sqlstate can_failover max_loss_bytes)} ], [ 'PO706', undef, undef ], 'nothing is claimed');
is(value($node, q(SELECT count(*) FROM pgops.members WHERE role IS NOT NULL OR state <> 'unknown' OR problem IS NULL)), 0,
	'members are those of the last answer, with a problem');
is(value($node, q(SELECT count(*) FROM pgops.endpoints WHERE up)), 0, 'no endpoint is said to be there');

# ---- the worker goes when there is no Patroni any more, and comes back ----
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pgops.patroni_url; SELECT pg_reload_conf()');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'", 'no setting, no worker');
is(status()->{patroni}, 'absent', 'and the status says so');
$node->safe_psql('postgres',
	"ALTER SYSTEM SET pgops.patroni_url = 'http://$address{'small-1'}:$port'; SELECT pg_reload_conf()");
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'", 'it comes back');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'");
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'
	AND backend_start > now() - interval '20 s'", 'also after it was terminated');
my $worker = value($node, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'");
my $coordinator = value($node, 'SELECT pid FROM pgops.coordinator()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($coordinator)");
wait_for($node, "SELECT pid <> $coordinator AND last_pass > started_at FROM pgops.coordinator()", 'another coordinator');
is(value($node, "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE backend_type = 'pgops ha worker'"), $worker,
	'goes on with the same worker');
$node->safe_psql('postgres', 'DROP EXTENSION pgops');
pass('it is not in the way of DROP EXTENSION');
is(log_matches($node, 'ERROR|PANIC|TRAP|terminated by signal'), 0, 'no error of pgops')
  or diag(join "\n", grep { /ERROR|PANIC/ } split /\n/, slurp_file($node->logfile));

done_testing();
