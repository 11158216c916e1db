# What breaks in a cluster of three: its leader is killed, etcd stands still.  At each
# moment every member that runs says what is true, only a leader acts, and what was
# declared on a leader is there in the end.
#
# The other half is 087_ha_cut_off.pl.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

patroni_or_skip();

my $ha = patroni_cluster('main', local => { 'pgops.drift_interval' => '1s', 'pgops.ha_interval' => '1s' });
my @users;

# declares one more role on a node; its name
sub declare_user
{
	my ($node) = @_;
	push @users, { name => 'user_' . @users };
	declare($node, $ha->document(pg_users => \@users));
	return $users[-1]{name};
}

# declares one more role on the leader, which has it at once
sub leader_acts
{
	my ($leader, $when) = @_;
	my $name = declare_user($leader);
	$ha->converged($leader, "$when: what is declared on the leader is done");
	is(value($leader, "SELECT count(*) FROM pg_roles WHERE rolname = '$name'"), '1', "$when: role $name is there");
	return;
}

my $first = $ha->leader;
leader_acts($first, 'to begin with');
$ha->all_well($first, 'to begin with');

# ---- the leader is killed, server and Patroni ----
$ha->kill_patroni($first, 'KILL');
$ha->kill_postgres($first, 'KILL');
$ha->says($_, { leader => $first->name, members_running => 2, sqlstate => 'PO611' },
	'the lock is still held, by a leader that does not answer')
  for $ha->others($first);
my $second = $ha->wait_for_leader(undef, not => $first);
leader_acts($second, 'killed');
$ha->says($_, { leader => $second->name, patroni => 'running', dcs_reachable => 't' }, $second->name . ' leads now')
  for $ha->others($first);
$ha->start_patroni($first);
$ha->wait_all_running;
$ha->all_well($second, 'the killed one is back');
is(value($first, 'SELECT count(*) FROM pg_roles WHERE rolname LIKE ' . literal('user_%')), scalar @users,
	'and has what was declared without it');

# ---- etcd stands still: without it nobody may lead ----
$ha->stop_etcd;
ok(wait_until(sub { !grep { $_->is_primary } $ha->nodes }), 'etcd stopped: no server takes writes any more');
for my $node ($ha->nodes)
{
	wait_for($node,
		'SELECT leader_is_self IS NOT TRUE AND dcs_reachable IS NOT TRUE AND problem IS NOT NULL FROM pgops.ha_status',
		$node->name . ' says: it is not known who leads, and why');
	my ($code, $error) = try_declare($node, $ha->document(pg_users => [ @users, { name => 'nobody' } ]));
	like($error, qr/25006/, $node->name . ': nothing can be declared');
}
$ha->cont_etcd;
my $third = $ha->wait_for_leader;
leader_acts($third, 'etcd goes on');
$ha->wait_all_running;
$ha->all_well($third, 'etcd goes on');

# nothing that was declared on a leader is lost
is(value($_, q(SELECT count(*) FROM pg_roles WHERE rolname LIKE 'user\_%')), scalar @users,
	$_->name . ': all that was declared is there')
  for $ha->nodes;
done_testing();
