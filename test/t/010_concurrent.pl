# Sessions that declare at the same time: one waits for the other, each
# declaration is a revision, and the last one holds.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main');
my $spec = document('small.yml');

sub with_limit { my ($limit) = @_; return $spec =~ s/connlimit: 20/connlimit: $limit/r; }

sub call
{
	my ($text, $note) = @_;
	return 'SELECT count(*) FROM pgops.apply_cluster(' . literal($text) . ', note => ' . literal($note) . ')';
}

converge($node, $spec, 'converged', 'declared');

# ---- two: the second waits until the first commits ----
my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
$first->query_safe('BEGIN');
$first->query_safe(call(with_limit(31), 'first'));

$second->query_until(qr/started/, "\\echo started\n" . call(with_limit(32), 'second') . ";\n");
wait_for($node,
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'",
	'the second session waits');
is(revision_count($node), 1, 'neither is visible yet');

$first->query_safe('COMMIT');
$second->query_safe('SELECT 1');    # returns after the waiting call
$first->quit;
$second->quit;

is( value($node, "SELECT string_agg(note, ' ' ORDER BY revision) FROM pgops.revision WHERE note IS NOT NULL"),
	'first second', 'both revisions are there, in order');
is(settle($node)->{phase}, 'converged', 'converged');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'"), 32, 'the last one holds');

# ---- a rolled back one leaves no trace in the waiting one ----
$first = $node->background_psql('postgres');
$second = $node->background_psql('postgres');
$first->query_safe('BEGIN');
$first->query_safe(call(with_limit(41), 'third'));
$second->query_until(qr/started/, "\\echo started\n" . call(with_limit(42), 'fourth') . ";\n");
wait_for($node,
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'",
	'the fourth waits for the third');
$first->query_safe('ROLLBACK');
$second->query_safe('SELECT 1');
$first->quit;
$second->quit;
is( value($node, "SELECT string_agg(note, ' ' ORDER BY revision) FROM pgops.revision WHERE note IS NOT NULL"),
	'first second fourth', 'the rolled back one is no revision');
is(settle($node)->{phase}, 'converged', 'converged');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'"), 42, 'the fourth holds');

# ---- a crowd, while the worker is at work ----
my @crowd = map { $node->background_psql('postgres') } 1 .. 6;
for my $n (1 .. @crowd)
{
	$crowd[ $n - 1 ]->query_until(qr/started/,
		"\\echo started\n" . call(with_limit(50 + $n), "crowd $n") . ";\n");
}
$_->query_safe('SELECT 1') for @crowd;
$_->quit for @crowd;
is(value($node, "SELECT count(*) FROM pgops.revision WHERE note LIKE 'crowd%'"), 6, 'six at once: six revisions');
is(settle($node)->{phase}, 'converged', 'converged');
my $last = value($node, "SELECT note FROM pgops.revision ORDER BY revision DESC LIMIT 1");
is('crowd ' . (value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'") - 50),
	$last, 'the newest revision is what holds');
is(log_matches($node, qr/deadlock detected/), 0, 'no deadlock on the way');

done_testing();
