# 074_wait_after_restart.pl: wait() never tells of the time before the server was started
#
# The first look after the start is held up by a lock that outlives the restart, so
# that wait() meets the status of before.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "max_prepared_transactions = 2\npgops.manage_settings = on\n");
converge($node, small_document(pg_parameters => { max_connections => 45 }), 'blocked', 'a restart is needed');

$node->safe_psql('postgres', "BEGIN; LOCK TABLE pgops.owned; PREPARE TRANSACTION 'hold'");
$node->restart;
my ($code, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT phase, message FROM pgops.wait(timeout => '300 ms')");
like($err, qr/PO705/, 'before the first look after the start wait() does not say that a restart is needed');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'hold'");
is(settle($node)->{phase}, 'converged', '... and after it tells what is');

$node->stop;
done_testing();
