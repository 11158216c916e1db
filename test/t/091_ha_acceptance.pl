# What a cluster of three does besides: its backups go on from whoever leads, Patroni
# moves the leader at a time that was given, slots and synchronous replication are there
# where they are declared, restarts wait for their window; and what steering says where
# there is no Patroni.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

patroni_or_skip();
plan skip_all => 'not installed: pgbackrest' unless PgopsNetwork::program('pgbackrest');

# ---- without Patroni everything says so ----
my $scratch = idle_node('scratch');
for my $call ('switchover()', q{switchover('a', now() + interval '1 h')}, q{failover('a', true)}, 'cancel_switchover()',
	q{restart_member('a')}, q{cancel_restart('a')}, q{reload_member('a')}, q{reinit_member('a')}, 'pause_ha()', 'resume_ha()',
	'promote_cluster()', q{demote_cluster('10.10.10.99')}, 'rolling_restart()', q{rolling_restart(at => now() + interval '1 h')},
	'rolling_restart(in_window => true)', 'accept_topology()')
{
	like(refusal($scratch, $call), qr/^PO610: Patroni does not run this server/, "without Patroni: $call");
}

# what a call is refused with
sub refusal
{
	my ($node, $call) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.$call");
	return $err =~ /ERROR:\s+(.*)/ ? $1 : "not refused: $out";
}

# ---- a cluster with backups, from rendered files ----
my $repository = PostgreSQL::Test::Utils::tempdir('repository');
my $ha = patroni_cluster('main', nodes => 3, start => 0);
$ha->from_inventory($scratch);

sub inventory
{
	my (%vars) = @_;
	my %parameters = ('pgops.ha_interval' => '1s', %{ delete $vars{pg_parameters} || {} });
	return $ha->inventory(
		pg_parameters => \%parameters,
		pgbackrest_enabled => JSON::PP::true,
		pgbackrest_repo => { local => { path => $repository, retention_full => 2 } },
		pg_databases => [ { name => 'app' } ],
		hosts => { 3 => { pg_role => 'offline' } },
		%vars);
}

sub declare_inventory
{
	my ($node, %vars) = @_;
	$node->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal(inventory(%vars)) . ')');
	return;
}

declare_inventory($scratch);
$ha->start;
$scratch->stop;
my ($one, $two, $three) = $ha->nodes;
is(value($one, 'SHOW archive_mode'), 'on', 'backups need no restart of the new cluster');
declare_inventory($one);
$ha->converged($one, 'backups are set up');
is_deeply(backups($one), ['full'], 'the first one is there');

# types of the backups that are good, in their order; empty while nobody has looked
sub backups
{
	my ($node) = @_;
	return [ split ' ', value($node, q(SELECT string_agg(type, ' ' ORDER BY label) FROM pgops.backups WHERE good)) ];
}

# ---- the leader moves by the clock; who leads then archives and makes backups ----
my $at = value($one, q(SELECT date_trunc('second', clock_timestamp()) + interval '4 s'));
my $id = value($one, "SELECT pgops.switchover('pg-test-2', at => '$at')");
wait_for($one, "SELECT state = 'succeeded' FROM pgops.jobs WHERE id = $id", 'a switchover is given to Patroni');
wait_for($_, "SELECT scheduled_switchover_at = '$at' AND scheduled_switchover_to = 'pg-test-2' FROM pgops.ha_status",
	$_->name . ' knows of it')
  for $one, $three;
$ha->wait_for_leader(30, not => 'pg-test-1');
is(value($two, 'SELECT pg_is_in_recovery()'), 'f', 'it is done');
$ha->wait_all_running;
my $happened = q(SELECT extract(epoch FROM max(at) - '%s') FROM pgops.ha_history WHERE new_leader = 'pg-test-2');
wait_for($two, sprintf("SELECT (%s) >= 0", sprintf $happened, $at), 'not before its time');
my $late = value($two, sprintf $happened, $at);
cmp_ok($late, '<', 10, 'and soon after');
note("$late s after its time");
is(value($two, 'SELECT scheduled_switchover_at FROM pgops.ha_status'), '', 'nothing is scheduled any more');

my $segment = value($two, q(SELECT pg_walfile_name(pg_switch_wal()) FROM (SELECT pg_logical_emit_message(true, 'a', 'b')) AS m));
wait_for($two, "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver", 'the new leader archives');
like($segment, qr/^00000002/, 'its own timeline');
$id = value($two, q(SELECT pgops.backup('incr')));
$two->safe_psql('postgres', "SELECT pgops.job_wait($id, '60s')");
is(value($two, "SELECT state || coalesce(error, '') FROM pgops.jobs WHERE id = $id"), 'succeeded', 'a backup on the new leader');
is_deeply(backups($two), [ 'full', 'incr' ], 'which builds upon that of the old one');

# ---- what is declared of slots, synchronous replication and restarts is in force ----
my $day = (value($two, 'SELECT extract(dow FROM now())::int') + 3) % 7;
declare_inventory($two,
	pg_parameters => { max_locks_per_transaction => 300 },
	pgops_restart_policy => 'window',
	pgops_maintenance_window => { cron => "0 1 * * $day", duration => '2h' },
	pgops_dcs => {
		synchronous_mode => JSON::PP::true, synchronous_mode_strict => JSON::PP::true,
		slots => { cdc => { type => 'physical' }, feed => { type => 'logical', database => 'app', plugin => 'pgoutput' } }
	});
wait_for($two, q(SELECT string_agg(concat_ws(' ', kind, name, slot_type, database, state), ', ' ORDER BY name) =
		'slot cdc physical inactive, slot feed logical app inactive'
	FROM pgops.replication WHERE kind = 'slot'), 'the leader has the slots');
wait_for($two, q(SELECT sync_mode = 'strict' AND sync_standbys = '{pg-test-1}' FROM pgops.ha_status), 'and a standby that confirms');
wait_for($two, q(SELECT count(*) = 1 FROM pgops.job WHERE kind = 'rolling_restart' AND state = 'queued'
		AND not_before > now() + interval '1 day' AND stop_at = not_before + interval '2 hours'), 'a restart waits for the window');
$ha->kill_patroni($one, 'TERM');
wait_for($two, q(SELECT NOT can_failover AND failover_reason LIKE '%pg-test-3 is tagged nofailover%' FROM pgops.ha_status),
	'without it nobody could take over, which is told');
like(refusal($two, 'switchover()'), qr/^PO611: the cluster has no member that could take over/, 'and a switchover is refused');

# ---- no backups any more: archive_mode, with which the cluster was rendered, goes, too ----
declare_inventory($two, pgbackrest_enabled => JSON::PP::false);
wait_for($two, q(SELECT setting = '/bin/true' FROM pg_settings WHERE name = 'archive_command'), 'switched off, WAL is let go');
wait_for($two, q(SELECT count(*) = 1 FROM pgops.pending_restart WHERE name = 'archive_mode' AND pending_value = 'off'),
	'until a restart ends archiving');

done_testing();

