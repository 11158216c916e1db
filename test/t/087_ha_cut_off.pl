# Primaries that are none any more, in a cluster of three: Patroni alone dies, the
# leader's cable is pulled.  At each moment every member that runs says what is true, only
# a leader acts, and what was declared on a leader is there in the end.
#
# The other half is 087_ha_failures.pl.
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

my $third = $ha->leader;
leader_acts($third, 'to begin with');
$ha->all_well($third, 'to begin with');

# ---- Patroni alone is killed: its server remains a primary, which must not act ----
$ha->kill_patroni($third, 'KILL');
$ha->says($third, { patroni => 'not answering', sqlstate => 'PO706' }, 'a primary without Patroni');
my $fourth = $ha->wait_for_leader(undef, not => $third);
$ha->says($third, { leader => $fourth->name, leader_is_self => 'f', sqlstate => 'PO706' }, 'another one leads');
ok($third->is_primary, 'the old primary takes writes nevertheless');
my ($code, $error) = try_declare($third, $ha->document(pg_users => [ @users, { name => 'zombie' } ]));
isnt($code, 0, 'what is declared there would be lost, so it is refused');
like($error, qr/PO706: .*@{[ $fourth->name ]}/s, 'with the name of the leader');
wait_for($third, q(SELECT phase = 'waiting' FROM pgops.status WHERE cluster = 'pg-test'),
	'there pgops waits, and says so');
my $actions = action_count($third);
leader_acts($fourth, 'Patroni killed');
is(value($third, q(SELECT count(*) FROM pg_roles WHERE rolname = 'zombie')), '0', 'nothing is done there');
is(action_count($third), $actions, 'nor was anything begun');
$ha->start_patroni($third);
$ha->wait_all_running;
$ha->all_well($fourth, 'Patroni is back');

# ---- the leader's cable is pulled ----
$ha->link_down($fourth);
$ha->says($_, { members_running => 2, sqlstate => 'PO611' }, 'a leader that does not answer') for $ha->others($fourth);
my $fifth = $ha->wait_for_leader(undef, not => $fourth);
($code, my $out) = $fourth->psql('postgres',
	'SELECT count(*) FROM pgops.ha_status WHERE leader_is_self AND problem IS NULL');
ok($code != 0 || $out eq '0', 'the one that is cut off does not believe that all is well');
leader_acts($fifth, 'cut off');
ok(wait_until(sub { !$fourth->is_primary }), 'the one that is cut off takes no writes any more');
$ha->link_up($fourth);
$ha->wait_all_running;
$ha->all_well($fifth, 'the cable is back');

# nothing that was declared on a leader is lost
is(value($_, q(SELECT count(*) FROM pg_roles WHERE rolname LIKE 'user\_%')), scalar @users,
	$_->name . ': all that was declared is there')
  for $ha->nodes;
done_testing();
