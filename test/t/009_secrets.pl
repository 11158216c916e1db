# A plain password given in a declaration is nowhere afterwards: the test runs a
# server that logs and records all it can, declares in every way, lets it be
# refused in every way, and searches for the words.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Find;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', start => 0);
$node->append_conf('postgresql.conf', <<'CONF');
log_min_duration_statement = 0
log_statement = ddl
log_error_verbosity = verbose
log_min_messages = debug1
log_min_error_statement = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
track_activity_query_size = 64kB
CONF
my $have_statements = have_library('pg_stat_statements');
$node->append_conf('postgresql.conf', <<'CONF') if $have_statements;
shared_preload_libraries = 'pg_stat_statements,pgops'
pg_stat_statements.track = all
pg_stat_statements.track_utility = on
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pgops');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements') if $have_statements;

sub have_library
{
	my ($name) = @_;
	my $directory = $node->config_data('--pkglibdir');
	chomp $directory;
	return -e "$directory/$name.so";
}

# each way has words of its own, so that a leak tells its way
my $spec = document('small.yml');
sub spec_with
{
	my ($word) = @_;
	(my $text = $spec) =~ s/Small\.(\w+)\.Secret/$word-$1-wOrd/g;
	return $text;
}
my $word = qr/\w+-(?:Owner|Reader)-wOrd/;

# what sessions show, sampled on the way
my $activity = '';
sub sample
{
	$activity .= value($node, "SELECT string_agg(query || ' ' || application_name, E'\\n')
		FROM pg_stat_activity WHERE pid <> pg_backend_pid()") . "\n";
	return;
}

# ---- accepted: as a literal, by the extended protocol, from a file, as jsonb ----
converge($node, spec_with('Literal'), 'converged', 'declared by a literal');
sample();
is((tcp_login($node, 'app_owner', 'Literal-Owner-wOrd'))[0], 0, 'the password works');

$node->safe_psql('postgres', "SELECT count(*) FROM pgops.apply_cluster(\$1) \\bind "
	  . literal(spec_with('Bound')) . " \\g") if $node->pg_version >= 16;
settle($node);

my $file = PostgreSQL::Test::Utils::tempdir() . '/cluster.yml';
append_to_file($file, spec_with('File'));
$node->safe_psql('postgres', 'SELECT count(*) FROM pgops.apply_cluster(pg_read_file(' . literal($file) . '))');
settle($node);
sample();
is((tcp_login($node, 'app_owner', 'File-Owner-wOrd'))[0], 0, 'declared by pg_read_file, the password works');

$node->safe_psql('postgres', 'DO ' . literal('BEGIN PERFORM pgops.apply_cluster('
	  . literal(spec_with('Block')) . '); END'));
settle($node);

$node->safe_psql('postgres', 'PREPARE p AS SELECT count(*) FROM pgops.apply_cluster(' . literal(spec_with('Prepared')) . ');'
	  . 'EXECUTE p; EXECUTE p');
settle($node);
declare($node, spec_with('Dry'), dry_run => 1);

# ---- refused: wrong elsewhere, wrong at the password, broken there ----
my $refused = '';
my %broken = (
	'an unknown field' => spec_with('Unknown') =~ s/connlimit: 20/connlimits: 20/r,
	'a list for a password' => spec_with('List') =~ s/password: (\S+Owner\S+)/password: [$1]/r,
	'broken syntax behind the password' => spec_with('Syntax') =~ s/(\S+-Owner-wOrd)/"$1/r,
	'a duplicate key' => spec_with('Twice') =~ s/(password: \S+Owner\S+)/$1\n        $1/r,
	'an unknown owner' => spec_with('Owner') =~ s/owner: app_owner,? *\n/owner: nobody_here\n/r);
for my $what (sort keys %broken)
{
	my ($code, $stderr) = try_declare($node, $broken{$what});
	isnt($code, 0, "refused: $what");
	$refused .= $stderr;
	$refused .= value($node, 'SELECT string_agg(to_jsonb(f)::text, E\'\\n\') FROM pgops.validate('
		  . literal($broken{$what}) . ') f');
}
unlike($refused, $word, 'neither errors nor findings repeat a password');

# a statement that fails in the worker, its error context and all
$node->safe_psql('postgres', 'ALTER ROLE app_reader RENAME TO app_other');
$node->safe_psql('postgres', 'SELECT count(*) FROM pgops.apply_cluster('
	  . literal(spec_with('Again') =~ s/work_mem: 8MB/work_mem: 8 parsecs/r) . ')');
settle($node);
sample();

# a role whose password changes
converge($node, spec_with('Last'), 'converged', 'declared for the last time');
sample();
unlike($activity, $word, 'no session or worker shows one');

# ---- where it could be written down ----
my $log = slurp_file($node->logfile);
my @leaks = $log =~ /^.*$word.*$/mg;
is(scalar(@leaks), 0, 'none in the server log') or diag(join "\n", map { substr($_, 0, 300) } @leaks[ 0 .. 4 ]);
like($log, qr/pgops/, '(the log does tell of pgops)');

# PREPARE and DO are recorded whole by pg_stat_statements before anything of
# pgops runs; the README tells not to declare that way.
if ($have_statements)
{
	is( value($node, "SELECT count(*) FROM pg_stat_statements WHERE query ~ '-(Owner|Reader)-wOrd'
			AND query !~ '^(DO|PREPARE)'"),
		0, 'none in pg_stat_statements');
}
for my $relation (qw(action_log revision variable status failure actions drift plan()))
{
	next unless $relation eq 'plan()' || value($node, "SELECT to_regclass('pgops.$relation') IS NOT NULL") eq 't';
	unlike(value($node, "SELECT string_agg(to_jsonb(r)::text, E'\\n') FROM pgops.$relation r") // '',
		$word, "none in pgops.$relation");
}

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
unlike(slurp_file($dump), $word, 'none in the dump');
like(slurp_file($dump), qr/SCRAM-SHA-256/, '(which has the verifiers)');

$node->stop;
my @files;
find({
		no_chdir => 1,
		wanted => sub {
			return unless -f $_ && !m{pgss_query_texts|pg_stat_statements\.stat};
			my $content = slurp_file($_);
			push @files, $_ if $content =~ $word;
		}
	}, $node->data_dir);
is("@files", '', 'none in any file of the data directory');

done_testing();
