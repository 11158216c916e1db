# A declared template on a standby: it sets its own files by its own machine, and
# leaves out what it would not start with.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = pgops_node('primary', init => { allows_streaming => 1 },
	conf => "pgops.instance = 'pair-1'\npgops.drift_interval = '1s'\npgops.manage_settings = on\n");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'pair-2'");
$standby->start;

(my $pair = document('pair.yml')) =~ s/^(\s+)pg_cluster:.*\n/$&$1pg_conf: tiny.yml\n$1pg_shared_buffer_ratio: 0.01\n$1pg_max_conn: 30\n/m
  or die "document has no pg_cluster";
my $status = converge($primary, $pair, 'blocked', 'a template for a pair');
like($status->{message}, qr/a restart of the server is needed for max_connections \(40 -> 30\)/, 'the primary waits for its restart');
ok($standby->poll_query_until('postgres', "SELECT current_setting('deadlock_timeout') = '50ms'"), 'the standby sets its own');

sub in_auto
{
	my ($node, $name) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(setting, ', ') FROM pg_file_settings
		WHERE name = '$name' AND sourcefile LIKE '%auto.conf'");
}

# (pgops.plan() is of the place where it is asked)
my @standby_plan = plan_rows($standby);
is_deeply([ grep { $_->{name} eq 'max_connections' } @standby_plan ], [], 'but not what it would not start with');
is_deeply([ map { $_->{rule} } @standby_plan ], ['parameter.restart'], '... of which nothing more is said');
is(in_auto($standby, 'max_connections'), '', '... and which is not written');
isnt(in_auto($standby, 'max_worker_processes'), '', 'what is more than its primary has is written');
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'it starts with the rest');

$primary->restart;
wait_for($primary, "SELECT phase = 'converged' FROM pgops.status", 'the primary has it after its restart');

done_testing();
