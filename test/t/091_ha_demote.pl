# A standby cluster becomes one of its own and follows again, both told by SQL.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use Test::More;

patroni_or_skip();

my %local = (nodes => 1, local => { 'pgops.ha_interval' => '1s' });
my $main = patroni_cluster('main', scope => 'pg-main', %local);
my $dr = patroni_cluster('dr', scope => 'pg-dr', first => 21, %local,
	conf => { standby_cluster => { host => '10.10.10.11', port => 5432, create_replica_methods => ['basebackup'] } });
my ($there, $here) = ($main->node(1), $dr->node(1));

# an inventory of both, in which the second one follows nobody: what it does is told by SQL alone
my %children = map { %{ $_->declaration(patroni_username => 'patroni') } } $main, $dr;
my $inventory = JSON::PP->new->canonical->encode({ all => { children => \%children } });
$there->safe_psql('postgres', 'SELECT * FROM pgops.apply_inventory(' . literal($inventory) . ')');
is_role('standby_leader', 'it follows');

sub is_role
{
	my ($role, $what) = @_;
	wait_for($here, "SELECT m.role = '$role' AND s.problem IS NULL FROM pgops.members AS m, pgops.ha_status AS s", $what);
	return;
}

sub refusal
{
	my ($call) = @_;
	my (undef, $out, $err) = $here->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.$call");
	return $err =~ /ERROR:\s+(.*)/ ? $1 : "not refused: $out";
}

like(refusal(q{demote_cluster('10.10.10.11')}), qr/^PO611: this is a standby cluster already/, 'it cannot follow twice');
like(refusal(q{demote_cluster('10.10.10.11', 0)}), qr/^22023: the port must be/, 'a port that is none');

my $job = value($here, 'SELECT pgops.promote_cluster()');
wait_for($here, 'SELECT NOT pg_is_in_recovery()', 'it is promoted');
wait_for($here, "SELECT state = 'succeeded' AND result ->> 'leader' = 'pg-dr-1' FROM pgops.jobs WHERE id = $job", 'by a job');
is_role('leader', 'it leads');
like(refusal('promote_cluster()'), qr/^PO611: this is no standby cluster/, 'it cannot be promoted twice');
$here->safe_psql('postgres', 'CREATE TABLE own ()');

$job = value($here, q(SELECT pgops.demote_cluster('10.10.10.11')));
is_role('standby_leader', 'it follows again');
$there->safe_psql('postgres', 'CREATE TABLE theirs ()');
wait_for($here, q(SELECT to_regclass('theirs') IS NOT NULL), 'and gets what is written there');
is(value($here, q(SELECT to_regclass('own') IS NULL)), 't', 'what it wrote itself is gone');
ok($there->is_primary, 'the other one takes writes');

done_testing();
