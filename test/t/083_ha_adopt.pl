# A cluster that somebody else has made and configured is taken over: what nobody declares stays
# as it is, and nothing that is declared cuts its members off or has all writes wait.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PgopsPatroni;
use PgopsTest;
use Test::More;

patroni_or_skip();

# Patroni replicates as "standby", which no default rule is for
my @hba = ('local all all trust', 'local replication all trust', 'host replication standby 127.0.0.1/32 trust',
	'host replication standby 10.10.10.0/24 trust', 'host all all 10.10.10.0/24 scram-sha-256');
my $ha = patroni_cluster('adopt',
	nodes => 2,
	local => { 'pgops.drift_interval' => '600s', 'pgops.ha_interval' => '1s' },
	conf => {
		maximum_lag_on_failover => 12345,
		master_start_timeout => 33,
		synchronous_mode => JSON::PP::true,
		slots => { keep => { type => 'physical' } },
		ignore_slots => [ { name => 'theirs', type => 'physical' } ],
		postgresql => { callbacks => { on_reload => '/bin/true' }, pg_hba => \@hba, parameters => { work_mem => '5MB' } }
	},
	yml => sub { my ($node, $yml) = @_; $yml->{postgresql}{authentication}{replication}{username} = 'standby'; return; });
my $leader = $ha->leader;
my $first = $ha->config;

sub declared
{
	my (%vars) = @_;
	declare($leader, $ha->document(patroni_username => 'patroni', %vars));
	value($leader, "SELECT phase FROM pgops.wait('pg-test', '30s')");
	return;
}

# what the plan says of a step, once it does
sub says
{
	my ($rule, $name, $what, $test) = @_;
	ok($leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgops.plan() WHERE rule = '$rule'
		AND name = '$name' AND blocked LIKE " . literal($what)), $test)
	  or diag(value($leader, 'SELECT rule, name, blocked FROM pgops.plan()'));
	return;
}

# whether the callbacks become so; Patroni tells its configuration of a moment ago
sub callbacks_are
{
	my ($want) = @_;
	my $json = JSON::PP->new->canonical;
	return PgopsNetwork::poll(sub { $json->encode($ha->config->{postgresql}{callbacks}) eq $json->encode($want) }, 10);
}

# whether a member connects anew
sub replicates
{
	my $pid = value($leader, 'SELECT pid FROM pg_stat_replication');
	value($leader, "SELECT pg_terminate_backend($pid)");
	return $leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE pid <> $pid");
}

# ---- rules by which the replicas could not come back ----
declared();
says('hba.write', 'pg_hba.conf',
	'member "pg-test-2" could not replicate any more: no rule lets role "standby" in from 10.10.10.12 for replication',
	'rules without the replication role of Patroni are not taken over');
is_deeply($ha->config, $first, 'the configuration is as it was');
ok(replicates(), 'the replica connects anew');
declared(pg_hba_rules => [ { title => 'members', user => 'standby', db => 'replication', addr => '10.10.10.0/24', auth => 'trust' } ]);
ok($leader->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_hba_file_rules WHERE user_name = '{standby}'
	AND NOT EXISTS (SELECT FROM pg_hba_file_rules WHERE database = '{all}' AND user_name = '{all}')"),
	'with a rule for it they are');
ok(replicates(), 'and the replica connects anew');

# ---- a list that somebody declares as a whole ----
my $rules = $ha->config->{postgresql}{pg_hba};
declared(pgops_dcs => { postgresql => { pg_hba => [ @hba, 'nonsense line' ], use_slots => JSON::PP::true } });
says('hba.write', 'pg_hba.conf', 'line 6 of the new rules: %', 'a line with which no member would start again is refused');
declared(pgops_dcs => { postgresql => { pg_hba => [ $hba[0] ] } });
says('hba.write', 'pg_hba.conf', 'member "pg-test-2" could not replicate%', 'so are rules that cut off members');
is_deeply($ha->config->{postgresql}{pg_hba}, $rules, 'the rules are as they were');
declared(pgops_dcs => { postgresql => { pg_hba => \@hba } });
ok($leader->poll_query_until('postgres', "SELECT count(*) = 5 FROM pg_hba_file_rules"), 'what is good is done');

# ---- writes that would wait for standbys that there are not ----
my %hba = (pg_default_hba_rules => [], pg_hba_rules => [ { title => 'all', rules => \@hba } ]);
declared(%hba, pg_parameters => { synchronous_standby_names => 'ANY 2 (*)' }, pgops_dcs => { synchronous_mode => JSON::PP::false });
says('patroni.parameter', 'synchronous_standby_names',
	'the cluster has 2 members, of which 2 standbys cannot confirm: all writes would wait',
	'more confirmations than standbys are refused');
is($ha->config->{postgresql}{parameters}{synchronous_standby_names}, undef, 'and not configured');

# ---- a map that was there gets back what it was, no more and no less ----
declared(%hba, pgops_dcs => { postgresql => { callbacks => { on_reload => '/bin/echo', on_stop => '/bin/true' } } });
ok(callbacks_are({ on_reload => '/bin/echo', on_stop => '/bin/true' }), 'a map that was there is declared anew');
declared(%hba);
ok(callbacks_are({ on_reload => '/bin/true' }), 'not declared any more it is what it was');
my %without = map { $_ => $ha->config->{$_} } grep { $_ ne 'postgresql' } keys %{ $ha->config };
is_deeply(\%without, { map { $_ => $first->{$_} } grep { $_ ne 'postgresql' } keys %$first }, 'and so is all else');

for my $node ($ha->nodes)
{
	my $auto = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postgresql.auto.conf');
	is(join('', grep { !/^#/ } split /^/, $auto), '', 'nothing is set by ALTER SYSTEM on ' . $node->name);
}

done_testing();
