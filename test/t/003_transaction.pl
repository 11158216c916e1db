# A declaration is data: rolled back, it never was.  A dry run stores nothing.
# And a plan is made anew when it is carried out: what somebody else changed
# between declaring and committing is found, not stumbled over.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $spec = document('small.yml');
my $before = footprint($node);

sub untouched
{
	my ($what) = @_;
	$node->psql('postgres', 'SELECT pgops.reconcile()');    # may say that there is nothing
	same_footprint($before, footprint($node), "$what: nothing changed");
	is(value($node, 'SELECT count(*) FROM pgops.cluster'), 0, "$what: no cluster is declared");
	is(value($node, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'app%'"), 0, "$what: no role");
	return;
}

# ---- rollback ----
my $rows = $node->safe_psql('postgres',
	"BEGIN;\nSELECT count(*) FROM pgops.apply_cluster(" . literal($spec) . ");\nROLLBACK;");
cmp_ok($rows, '>', 10, 'inside the transaction there was a plan');
untouched('ROLLBACK');

$node->safe_psql('postgres',
	"BEGIN;\nSAVEPOINT s;\nSELECT count(*) FROM pgops.apply_cluster(" . literal($spec)
	  . ");\nROLLBACK TO s;\nCOMMIT;");
untouched('ROLLBACK TO SAVEPOINT');

# ---- dry run ----
declare($node, $spec, dry_run => 1);
untouched('dry run');

# ---- refused ----
my ($code, $error) = try_declare($node, "small: {hosts: {10.10.10.10: {pg_seq: 1}}, vars: {pg_users: 7}}\n");
isnt($code, 0, 'a wrong document is refused');
like($error, qr/ERROR:\s+PO1\d\d:/, '... with an SQLSTATE of its own');
untouched('refusal');

# ---- somebody else's change between the plan and its execution ----
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
my $planned = $session->query_safe(
	"SELECT statement FROM pgops.apply_cluster(" . literal($spec) . ") WHERE kind = 'role' AND name = 'app_reader'");
like($planned, qr/^CREATE ROLE/, 'planned: to create the role');
$node->safe_psql('postgres', 'CREATE ROLE app_reader NOLOGIN');
$session->query_safe('COMMIT');
$session->quit;

my $status = settle($node);
is($status->{phase}, 'converged', 'the plan was made anew') or diag(join ' ', %$status);
is(value($node, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'app_reader'"), 't', 'the role is as declared');
is( value($node, "SELECT string_agg(DISTINCT state, ' ') FROM pgops.action_log"),
	'succeeded', 'no statement failed on the way');
is( value($node, "SELECT count(*) FROM pgops.action_log
		WHERE kind = 'role' AND name = 'app_reader' AND statement LIKE 'CREATE ROLE%'"),
	0, 'what was planned first was not executed');

# ---- a change and its rollback leave the converged server alone ----
$before = footprint($node);
(my $changed = $spec) =~ s/connlimit: 20/connlimit: 30/;
$node->safe_psql('postgres',
	"BEGIN;\nSELECT pgops.apply_cluster(" . literal($changed) . ");\nROLLBACK;\nSELECT pgops.reconcile()");
settle($node);
same_footprint($before, footprint($node), 'a rolled back change of a converged cluster');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'"), 20, 'the limit is the old one');

done_testing();
