# Parameters on a standby: it sets its own, since its files are its own, and
# leaves those that it would not start with until its primary has them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = pgops_node('primary', init => { allows_streaming => 1 },
	conf => "pgops.instance = 'pair-1'\npgops.drift_interval = '1h'\npgops.manage_settings = on\n");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'pair-2'");
$standby->start;
(my $pair = document('pair.yml')) =~ s/^(\s+)pg_cluster:.*\n/$&$1pg_parameters: { work_mem: 9MB, max_connections: 30 }\n/m
  or die "document has no pg_cluster";
converge($primary, $pair, 'blocked', 'parameters of a pair');
ok($standby->poll_query_until('postgres', "SELECT current_setting('work_mem') = '9MB'"), 'the standby sets its own');
my ($less) = grep { $_->{name} eq 'max_connections' } plan_rows($standby);
like($less->{blocked} // '', qr/a standby does not start with less/, 'but not what it would not start with');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_file_settings WHERE name = 'max_connections' AND sourcefile LIKE '%auto.conf'"),
	0, '... which is not written');
$primary->restart;
ok($primary->poll_query_until('postgres', "SELECT phase = 'converged' FROM pgops.status"), 'the primary has it after its restart');

# what is not declared any more is undone where it is remembered
$pair =~ s/^\s+pg_parameters:.*\n//m;
declare($primary, $pair);
settle($primary);
is(value($primary, "SELECT count(*) FROM pg_file_settings WHERE name = 'work_mem'"), 0, 'no longer declared: the primary resets it');
$pair =~ s/^(\s+)pg_cluster:.*\n/$&$1pg_parameters: { work_mem: DEFAULT }\n/m;
declare($primary, $pair);
ok($standby->poll_query_until('postgres', "SELECT current_setting('work_mem') = '4MB'"), 'the standby, when it is declared as DEFAULT');

done_testing();
