# Declaring the same again is no work at all: no action, no file write, no
# reload, no new verifier, no revision; whatever the format, the comments, the
# blanks and the order of the keys.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main');
my $spec = document('pg-meta.yml');

converge($node, $spec, 'blocked', 'first declaration');
is(revision_count($node), 1, 'one revision');
my $before = footprint($node);

# the same text with a comment on each line, blank lines, and other blanks
sub respelled
{
	my ($text) = @_;
	$text =~ s/^(?=\s*\S)([^#\n]*)$/$1   # as before/mg;
	$text =~ s/ ,(\w+: )/,   $1/g;
	$text =~ s/\n/\n\n/g;
	return "---\n# somebody wrote it anew\n$text";
}

my %again = (
	'the same text' => $spec,
	'other comments and blanks' => respelled($spec),
	'JSON with its keys sorted' => document('pg-meta.json'));
for my $form (sort keys %again)
{
	my @plan = declare($node, $again{$form}, note => $form);
	is(scalar(open_rows(@plan)), 0, "$form: no row but blocked ones");
	my $status = settle($node);
	is($status->{phase}, 'blocked', "$form: the phase stays");
	same_footprint($before, footprint($node), "$form: nothing moved");
}

# as jsonb, without any positions
$node->safe_psql('postgres',
	'SELECT pgops.apply_cluster(' . literal(document('pg-meta.json')) . '::jsonb)');
settle($node);
same_footprint($before, footprint($node), 'jsonb: nothing moved');

# a pass on demand finds nothing to do
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
settle($node);
same_footprint($before, footprint($node), 'reconcile(): nothing moved');

# nor does the pass after a restart
$node->restart;
$before->{load_time} = value($node, 'SELECT pg_conf_load_time()');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
settle($node);
same_footprint($before, footprint($node), 'restart: nothing moved');

# a change of one word is one revision and one action, and no other verifier moves
my $passwords = $before->{passwords};
(my $changed = $spec) =~ s/read-only viewer for meta database/looks only/;
my @plan = declare($node, $changed);
is_deeply([ map { "$_->{kind} $_->{name}" } open_rows(@plan) ], ['role dbuser_view'], 'one word: one step');
settle($node);
is(revision_count($node), 2, '... one revision');
is(action_count($node), $before->{actions} + 1, '... one action');
is(footprint($node)->{passwords}, $passwords, '... no role row rewritten for a comment');
is(footprint($node)->{hba}, $before->{hba}, '... no file written');

done_testing();
