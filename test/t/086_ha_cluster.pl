# A cluster of three that is started from rendered files: pgops is there, binds itself,
# and does on each member what is that member's.  Then the leader is moved from SQL.
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

# ---- patroni.yml, from a server that holds the inventory ----
my $scratch = idle_node('scratch');
my $ha = patroni_cluster('main', nodes => 3, start => 0);
my $inventory = $ha->inventory(
	hosts => { 2 => { pg_offline_query => JSON::PP::true } },
	pg_users => [
		{ name => 'app', password => 'App.Pass', roles => ['dbrole_admin'] },
		{ name => 'reporter', roles => ['dbrole_offline'] }
	],
	pg_databases => [ { name => 'app', owner => 'app', schemas => ['ledger'] } ],
	pg_hba_rules => [
		{ user => 'app', db => 'app', addr => 'intra', auth => 'pwd' },
		{ user => 'app', db => 'all', addr => '192.0.2.1/32', auth => 'pwd', role => 'primary' },
		{ user => 'app', db => 'all', addr => '192.0.2.2/32', auth => 'pwd', role => 'replica' }
	]);
$scratch->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal($inventory) . ')');
$ha->from_inventory($scratch);
$ha->start;
$scratch->stop;
pass('a cluster is started from rendered files');

my @nodes = $ha->nodes;
my $old = $ha->leader;
my $new = $ha->node(2);
is($old->name, 'pg-test-1', 'the declared primary leads');
is(value($_, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pgops coordinator'"),
	'1', $_->name . ': pgops is there')
  for @nodes;

# ---- what is declared is done: on the leader what is the cluster's, on each its files ----
my %untouched = map { $_->name => other_files($_) } @nodes;
$old->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal($inventory) . ')');
$ha->converged($old, 'what is declared converges on the leader');
wait_for($_, q(SELECT pgops.local_instance() = ) . literal($_->name),
	$_->name . ': binds itself without a setting')
  for @nodes;
is( value($old, q(SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app')),
	'app', 'a declared database of a declared role');
is(value($old, q(SELECT count(*) FROM pg_namespace WHERE nspname = 'ledger'), database => 'app'),
	'1', 'with its schema');
hba_is($old, 'primary', 'the leader');
hba_is($_, 'replica', $_->name) for $ha->others($old);
is_deeply(other_files($_), $untouched{ $_->name }, $_->name . ': no other file of the configuration was touched')
  for @nodes;
is(log_matches($_, qr/read-only transaction/), 0, $_->name . ': no replica tried to write')
  for $ha->others($old);
is(network_login($_), 'app', 'logs in over the network: ' . $_->name) for @nodes;

# files of a server's configuration that are not pgops' under Patroni
sub other_files
{
	my ($node) = @_;
	return { map { $_ => file_identity($node->data_dir . "/$_") } qw(postgresql.auto.conf pg_ident.conf postgresql.base.conf) };
}

# waits until pg_hba.conf is that of the role, and in force
sub hba_is
{
	my ($node, $role, $name) = @_;
	my $expected = $role eq 'primary' ? '192.0.2.1' : '192.0.2.2';
	wait_for($node,
		"SELECT string_agg(address, ',') = '$expected' FROM pg_hba_file_rules WHERE address LIKE '192.0.2.%'",
		"$name: rules of access for a $role");
	return;
}

sub network_login
{
	my ($node) = @_;
	local $ENV{PGPASSWORD} = 'App.Pass';
	my ($code, $out, $err) = $node->psql('app', '', connstr => $node->network_connstr('app', 'app'),
		extra_params => [ '-c', 'SELECT current_user' ]);
	return $code == 0 ? $out : $err;
}

# ---- each member knows the cluster ----
members_are($_, 'pg-test-1') for @nodes;

# waits until a member sees the cluster as it is: who leads, everybody's state, itself
sub members_are
{
	my ($node, $leader) = @_;
	my $seen = q(SELECT string_agg(concat_ws(' ', name, instance, host, port, role,
		CASE WHEN state IN ('running', 'streaming') THEN 'runs' ELSE state END,
		is_self, problem), ', ' ORDER BY name) FROM pgops.members);
	my $expected = join ', ', map {
		join ' ', $_->name, $_->name, $_->address, 5432,
		  ($_->name eq $leader ? 'leader' : 'replica'), 'runs', ($_ == $node ? 't' : 'f')
	} $ha->nodes;
	wait_for($node, "SELECT ($seen) = " . literal($expected), $node->name . ' sees the members');
	wait_for($node, q(SELECT concat_ws(' ', leader, leader_is_self, members, members_running, patroni, paused,
			dcs_reachable, problem) = ) . literal(join ' ', $leader, ($node->name eq $leader ? 't' : 'f'),
			'3 3 running f t') . ' FROM pgops.ha_status',
		'and their state');
	return;
}

# who serves a service, as all members say
sub serves
{
	my ($service, @names) = @_;
	wait_for($_,
		"SELECT string_agg(instance, ' ' ORDER BY instance) = '@names' FROM pgops.endpoints"
		  . " WHERE service = '$service' AND serving",
		$_->name . " says: service $service is @names")
	  for $ha->nodes;
	return;
}
serves('primary', 'pg-test-1');
serves('offline', 'pg-test-2');

# ---- the leader moves, and somebody writes all the time ----
$old->safe_psql('app', 'CREATE TABLE beat (at timestamptz); ALTER TABLE beat OWNER TO app');
my $writer = start_writer();
wait_for($old, 'SELECT count(*) > 5 FROM beat', 'a client writes', database => 'app');

my $job = value($old, q(SELECT pgops.switchover('pg-test-2')));
wait_until(sub { $new->is_primary })
  or die "no switchover\n";

# at once, while the job still has things to see to
my $promoted = time;
declare_late($new);
my $needed = time - $promoted;
is($needed < 3 ? 'soon' : "$needed s", 'soon', "the new leader's pgops acts");
note("role of the late declaration after $needed s");

wait_for($new, "SELECT state IN ('succeeded', 'failed') FROM pgops.jobs WHERE id = $job", 'the job is over');
my $result = row($new, "SELECT * FROM pgops.jobs WHERE id = $job");
is($result->{state}, 'succeeded', 'the switchover succeeds') or diag(explain($result));
is("$result->{result}{from} $result->{result}{to}", 'pg-test-1 pg-test-2', 'with its result');
$ha->wait_all_running;

wait_for($new, q(SELECT max(at) > clock_timestamp() - interval '1 s' FROM beat), 'the client writes again',
	database => 'app');
stop_writer($writer);
my $gap = value($new, q(SELECT extract(epoch FROM max(at - before)) FROM
	(SELECT at, lag(at) OVER (ORDER BY at) AS before FROM beat) AS b), database => 'app');
my $said = $result->{result}{without_writer};
note("time without a writer: the client says $gap s, the job $said s");
cmp_ok(abs($gap - $said), '<', 1.5, 'the time without a writer is what a client has seen');
cmp_ok($said, '>', 0, 'and it was measured');

# ---- what depends on roles has moved ----
hba_is($new, 'primary', 'the new leader');
hba_is($_, 'replica', $_->name) for $ha->others($new);
members_are($_, 'pg-test-2') for @nodes;
serves('primary', 'pg-test-2');
serves('offline', 'pg-test-1', 'pg-test-3');
is( value($old, q(SELECT string_agg(concat_ws(' ', instance, declared_role, actual_role), ', ' ORDER BY instance)
		FROM pgops.topology_drift)),
	'pg-test-1 primary replica, pg-test-2 replica leader', 'roles differ from the declared ones');
$new->safe_psql('postgres', 'SELECT * FROM pgops.accept_topology()');
is(value($new, 'SELECT count(*) FROM pgops.topology_drift'), '0', 'until that is accepted');
wait_for($_, q(SELECT count(*) = 1 FROM pg_roles WHERE rolname = 'late'), $_->name . ': nothing is lost')
  for @nodes;

# declares one more role by the typed view, and waits until it is there
sub declare_late
{
	my ($node) = @_;
	$node->safe_psql('postgres', q(INSERT INTO pgops.users (cluster, name) VALUES ('pg-test', 'late')));
	wait_until(sub { value($node, q(SELECT count(*) FROM pg_roles WHERE rolname = 'late')) eq '1' })
	  or die "no role\n";
	return;
}

# a process that inserts the time, again and again, wherever it can
sub start_writer
{
	my $hosts = join ',', map { $_->address } $ha->nodes;
	my $pid = fork // die "could not fork: $!";
	return $pid if $pid != 0;

	$ENV{PGPASSWORD} = 'App.Pass';
	open STDERR, '>', '/dev/null';
	while (1)
	{
		system('psql', '-Xqc', 'INSERT INTO beat VALUES (clock_timestamp())',
			"host=$hosts port=5432 user=app dbname=app target_session_attrs=read-write connect_timeout=2");
		Time::HiRes::usleep(50_000);
	}
}

sub stop_writer
{
	my ($pid) = @_;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

done_testing();
