# Documents damaged at random: pgops.validate() never raises, never crashes the
# server, and a faulty document is never declared.  The seed is fixed, so a
# failure can be repeated; PGOPS_MUTATIONS sets how many are tried.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{PGOPS_MUTATIONS} || 400;
srand(20221);

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $started = value($node, 'SELECT pg_postmaster_start_time()');
my @documents = map { document($_) } qw(small.yml pair.yml pg-meta.yml pg-meta.json);

# what YAML, JSON, HBA and SQL could trip over
my @morsels = (
	'{', '}', '[', ']', ':', ': ', ',', '-', '- ', '"', "'", '#', '&a ', '*a', '!!str ', '<<: ',
	'|', '>', '%', '@', '`', '?', "\t", "\n", "\n\n---\n", '...', '\\', '\\u0000', '\\ud800', '$',
	'null', '~', 'off', '0755', '1:20', '1e999', '-1', '99999999999999999999', '.inf', "\x{e9}",
	"\x{1f418}", 'pg_users', 'state: recreate', 'a' x 70, '{{ x }}', '${admin_ip}', '/', '+all');

sub random_of { return $_[ int rand @_ ] }

sub mutate
{
	my ($text) = @_;
	for (1 .. 1 + int rand 4)
	{
		my $at = int rand length $text;
		my $way = int rand 5;
		if ($way == 0) { substr($text, $at, 1 + int rand 8) = '' }
		elsif ($way == 1) { substr($text, $at, 0) = random_of(@morsels) }
		elsif ($way == 2) { substr($text, $at, 1) = random_of(@morsels) }
		elsif ($way == 3) { $text = substr($text, 0, $at) if rand() < 0.2 }
		else { substr($text, $at, 0) = substr($text, int rand length $text, int rand 60) }
		$text = ' ' if $text eq '';
	}
	return $text;
}

# one psql for all: every statement must answer with a row
my $script = '';
for my $number (1 .. $count)
{
	my $text = mutate(random_of(@documents));
	utf8::encode($text) if utf8::is_utf8($text);
	$text =~ s/\0//g;
	$script .= "SELECT 'valid', $number, count(*) FILTER (WHERE severity = 'error') FROM pgops.validate("
	  . literal($text) . ");\n";
}
my ($code, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
my @answers = grep { /^valid\|/ } split /\n/, $out;
my @errors = grep { /ERROR|FATAL|PANIC/ } split /\n/, $err;

# text that is no valid UTF-8 any more is refused by the server, not by us
my @foreign = grep { /invalid byte sequence/ } @errors;
is(scalar(@errors), scalar(@foreign), 'validate() raised nothing') or diag(join "\n", grep { !/invalid byte/ } @errors);
is(scalar(@answers) + scalar(@foreign), $count, 'every document was answered');
cmp_ok(scalar(grep { !/\|0$/ } @answers), '>', $count / 4, 'many of them were faulty');
is(value($node, 'SELECT pg_postmaster_start_time()'), $started, 'the server was never restarted');
is(value($node, 'SELECT count(*) FROM pgops.revision'), 0, 'nothing was declared');

$node->stop;
is(log_matches($node, qr/signal 11|TRAP:|was terminated/), 0, 'nothing crashed');
done_testing();
