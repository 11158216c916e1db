# The configuration of a standby cluster follows the declaration that comes with its
# upstream's WAL; that a cluster becomes one, or ceases to be one, does not follow by itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PgopsPatroni;
use PgopsTest;
use Test::More;

patroni_or_skip();

my %local = (local => { 'pgops.ha_interval' => '1s', 'pgops.drift_interval' => '600s' });
my $main = patroni_cluster('main', scope => 'pg-main', nodes => 1, %local);
my $dr = patroni_cluster('dr', scope => 'pg-dr', nodes => 1, first => 21, %local,
	conf => { standby_cluster => { host => '10.10.10.11', port => 5432, create_replica_methods => ['basebackup'] } });
my ($primary, $standby) = ($main->node(1), $dr->node(1));

# an inventory of both clusters; variables of their only hosts
sub apply
{
	my ($of_main, $of_dr, %vars) = @_;
	my %children = map { %{ $_->declaration(patroni_username => 'patroni', %vars) } } $main, $dr;
	my $host = $children{'pg-dr'}{hosts}{ $standby->address };

	%{ $children{'pg-main'}{hosts}{ $primary->address } } =
	  (%{ $children{'pg-main'}{hosts}{ $primary->address } }, %$of_main);
	%$host = (%$host, pg_upstream => $primary->address, %$of_dr);
	my $text = JSON::PP->new->canonical->encode({ all => { children => \%children } });
	return value($primary, 'SELECT count(*) FROM pgops.apply_inventory(' . literal($text) . ')');
}

sub delay_is
{
	my ($expected, $what) = @_;
	ok($standby->poll_query_until('postgres', "SELECT current_setting('recovery_min_apply_delay') = '$expected'"), $what);
	return;
}

apply({}, {}, pg_parameters => { work_mem => '5MB' });
ok($standby->poll_query_until('postgres', "SELECT current_setting('work_mem') = '5MB'"),
	'the leader of a standby cluster has its parameters set');
ok($primary->poll_query_until('postgres', "SELECT current_setting('work_mem') = '5MB'"), 'and so has its upstream');
my $before = $dr->config;

apply({}, { pg_delay => '100ms' }, pg_parameters => { work_mem => '5MB' });
delay_is('100ms', 'a delay is set');
apply({}, {}, pg_parameters => { work_mem => '5MB' });
delay_is('0', 'and taken away');
is_deeply($dr->config, $before, 'the rest is as it was');

apply({ pg_upstream => '10.10.10.99' }, {});
ok($primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgops.plan('pg-main')
		WHERE rule = 'patroni.refused' AND name = 'standby_cluster' AND blocked LIKE '%would give up what it has written'"),
	'a cluster with a leader of its own does not become a standby cluster because somebody declares an upstream');
is($main->config->{standby_cluster}, undef, 'its configuration does not say so');

done_testing();
