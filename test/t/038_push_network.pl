# A fleet whose network breaks: the target lives in a network namespace of its
# own, and its link goes down, so that packets vanish without an answer.
#
# Needs neither root nor a change of the machine: everything happens inside a
# user namespace, in which this script starts itself anew.  Skipped where the
# kernel does not let ordinary users have one.
use strict;
use warnings;

BEGIN
{
	my $probe = 'ip link set lo up && ip link add probe0 type veth peer name probe1 && unshare --net true';

	if (!$ENV{PGOPS_TEST_NAMESPACE} && $> != 0
		&& system("unshare --user --map-current-user --net --keep-caps sh -c '$probe' >/dev/null 2>&1") == 0)
	{
		$ENV{PGOPS_TEST_NAMESPACE} = 1;
		exec qw(unshare --user --map-current-user --net --keep-caps), $^X,
		  (map { "-I$_" } @INC), $0, @ARGV
		  or die "could not start anew: $!";
	}
}

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'no network namespaces for ordinary users here (needs unshare, ip, and the kernel\'s leave)'
  unless $ENV{PGOPS_TEST_NAMESPACE};

my ($here, $there) = ('10.99.0.1', '10.99.0.2');
my $password = 'Push-Admin-wOrd';

# ---- two networks and a cable ----
run_ok('ip link set lo up');
my ($open, $banner) = ('', '');
my $holder = IPC::Run::start([ qw(unshare --net sh -c), 'echo there; exec cat' ],
	'<', \$open, '>', \$banner);
ok(wait_until(sub { $holder->pump_nb; $banner =~ /there/ }), 'another network namespace');
my $pid = $holder->{KIDS}[0]{PID};
my @inside = ('nsenter', "--net=/proc/$pid/ns/net");
run_ok("ip link add cable0 type veth peer name cable1 netns $pid");
run_ok("ip address add $here/24 dev cable0 && ip link set cable0 up");
run_ok("@inside sh -c 'ip link set lo up; ip address add $there/24 dev cable1; ip link set cable1 up'");

sub run_ok
{
	my ($command) = @_;
	is(system("$command >&2"), 0, $command);
	return;
}

# the neighbour is known by heart: else the kernel would tell in seconds that it is gone
sub know_neighbour
{
	my ($address) = qx(@inside ip -o link show dev cable1) =~ m{link/ether (\S+)};
	run_ok("ip neigh replace $there lladdr $address dev cable0 nud permanent");
	return;
}
know_neighbour();

# ---- servers: one on this side of the cable, two beyond ----
my $conf = "pgops.drift_interval = '1h'\nlisten_addresses = '*'\n";
my $center = pgops_node('center', conf => "pgops.instance = 'pg-center-1'\n$conf");
my $near = target('near');
my $far = target('far', @inside);

# starts it by way of the command; the socket is reached from everywhere
sub target
{
	my ($name, @by) = @_;
	my $node = pgops_node($name, conf => $conf, start => 0);
	unlink $node->data_dir . '/pg_hba.conf';
	append_to_file($node->data_dir . '/pg_hba.conf',
		"local all all trust\nhost all all 0.0.0.0/0 scram-sha-256\n");
	PostgreSQL::Test::Utils::system_or_bail(@by, 'pg_ctl', '-w', '-D', $node->data_dir,
		'-l', $node->logfile, 'start');
	$node->_update_pid(1);
	$node->safe_psql('postgres',
		"CREATE EXTENSION pgops; CREATE ROLE dbuser_dba SUPERUSER LOGIN PASSWORD '$password'");
	return $node;
}

sub declare_inventory
{
	my (%vars) = @_;
	my $text = <<"INVENTORY";
all:
  vars:
    admin_ip: $here
    pg_default_extensions: []
    pg_admin_password: $password
    pgops_push_password: $password
    pgops_push: $vars{push}
    pg_hba_rules: [ { user: dbuser_dba, db: all, addr: world, auth: pwd } ]
  children:
    pg-center:
      hosts: { 10.10.10.11: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-center }
    pg-far:
      hosts: { $there: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-far, pg_port: @{[ $far->port ]}, pg_users: [ { name: $vars{user} } ] }
    pg-near:
      hosts: { $here: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-near, pg_port: @{[ $near->port ]}, pg_users: [ { name: $vars{user} } ] }
INVENTORY
	$center->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal($text) . ')');
	return;
}

sub push_all
{
	my ($timeout) = @_;
	my %found = map { $_->{pg_cluster} => $_ }
	  rows($center, "SELECT * FROM pgops.push(timeout => '$timeout')");
	return \%found;
}

sub has_role
{
	my ($name) = @_;
	return "SELECT count(*) = 1 FROM pg_roles WHERE rolname = '$name'";
}

# ---- over the cable ----
declare_inventory(push => 'false', user => 'app_first');
my $found = push_all('60 s');
is($found->{'pg-far'}{phase}, 'converged', 'over the network: pushed by the host\'s address and pg_port')
  or diag(explain($found));
is($found->{'pg-near'}{phase}, 'converged', 'the other one, too');

# ---- packets vanish before the connection is made ----
run_ok("@inside ip link set cable1 down");
declare_inventory(push => 'false', user => 'app_second');
my $started = time;
$found = push_all('4 s');
cmp_ok(time - $started, '<', 60, 'cut off: the deadline holds');
is("$found->{'pg-far'}{state} $found->{'pg-far'}{sqlstate}", 'failed 08001', 'cut off: an error in its row');
is($found->{'pg-near'}{state}, 'succeeded', 'cut off: the other one succeeds');
is(value($near, has_role('app_second')), 't', 'cut off: the other one has it');
is(value($far, has_role('app_second')), 'f', 'cut off: it has not');

# ---- packets vanish in the middle of a delivery ----
run_ok("@inside ip link set cable1 up");
know_neighbour();
my $blocker = $far->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE pgops.cluster IN ACCESS EXCLUSIVE MODE');
my $pusher = $center->background_psql('postgres', on_error_stop => 0);
$pusher->query_until(qr/begun/,
	"\\echo begun\nCREATE TABLE pushed AS SELECT * FROM pgops.push(timeout => '6 s');\n");
ok( $far->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pgops' AND wait_event_type = 'Lock'"),
	'a delivery is under way');
run_ok("@inside ip link set cable1 down");
wait_for($center, q(SELECT to_regclass('pushed') IS NOT NULL), 'cut off in mid-push: the deadline holds');
is( value($center, q(SELECT state || ' ' || sqlstate FROM pushed WHERE pg_cluster = 'pg-far')),
	'failed 57014', 'cut off in mid-push: an error in its row');
is(value($center, q(SELECT state FROM pushed WHERE pg_cluster = 'pg-near')),
	'succeeded', 'cut off in mid-push: the other one succeeds');
$blocker->quit;
$pusher->quit;

# ---- by itself, and the cable comes back ----
declare_inventory(push => 'true', user => 'app_third');
wait_for($near, has_role('app_third'), 'by itself: who is cut off delays nobody');
run_ok("@inside ip link set cable1 up");
know_neighbour();
wait_for($far, has_role('app_third'), 'by itself: once the network is back, it gets what it missed');
wait_for($center,
	q(SELECT phase = 'converged' AND error IS NULL FROM pgops.push_status WHERE cluster = 'pg-far'),
	'and its status comes back');

$far->stop;
$holder->kill_kill;
done_testing();
