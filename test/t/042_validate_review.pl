# A host that hundreds of clusters share (a machine for tests) is looked at in a
# time that is worth waiting for, and the look can be cancelled.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");

sub shared_host
{
	my ($count) = @_;
	return "all:\n  children:\n" . join '', map { <<"YAML" } 1 .. $count;
    pg-$_:
      hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-$_, pg_port: @{[ 10000 + $_ ]} }
YAML
}

my ($code, $out, $err) = $node->psql('postgres',
	"SET statement_timeout = '15s'; SELECT count(*) FROM pgops.validate(" . literal(shared_host(400)) . ')');
is($err, '', '400 clusters on one host are checked');
cmp_ok($out, '>', 400, '... against each other');

($code, $out, $err) = $node->psql('postgres',
	"SET statement_timeout = '1ms'; SELECT count(*) FROM pgops.validate(" . literal(shared_host(100)) . ')');
like($err, qr/canceling statement due to statement timeout/, 'the check can be cancelled');

done_testing();
