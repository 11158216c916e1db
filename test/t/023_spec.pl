# What declared values become, where only a running server can show it: dates in
# sessions of any DateStyle, numbers of any size, and files that are no files.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;

my $baselines = PostgreSQL::Test::Utils::tempdir();
my $node = pgops_node('main', conf => <<"CONF");
pgops.drift_interval = '1h'
pgops.baseline_directory = '$baselines'
log_timezone = 'UTC'
CONF

# ---- dates -------------------------------------------------------------------

my $dates = small_document(pg_users => [
	{ name => 'slash', expire_at => '2030/02/01' },
	{ name => 'word', expire_at => '1 Feb 2030 10:00' },
	{ name => 'short', expire_at => '30-02-01' } ]);
my %planned;
for my $style ('ISO, MDY', 'ISO, DMY', 'SQL, YMD', 'German')
{
	my $rows = value($node, "SET DateStyle = '$style'; SET TimeZone = 'Asia/Tokyo';
		SELECT string_agg(statement, ';' ORDER BY step) FROM pgops.apply_cluster("
		  . literal($dates) . ", true) WHERE statement LIKE '%VALID UNTIL%'");
	$planned{$rows}++;
}
is(scalar(keys %planned), 1, 'a date means the same in sessions of any DateStyle and TimeZone');
like((keys %planned)[0],
	qr/slash .*'2030-02-01 00:00:00\+00'.*word .*'2030-02-01 10:00:00\+00'.*short .*'2030-02-01 00:00:00\+00'/s,
	'the year comes first');

# ---- values that change their looks on the way through the tables --------------

my $numbers = small_document(
	pg_users => [ { name => 'nobody', login => undef } ],
	pg_parameters => { big => 1, exponent => 2, tiny => 3, inf => 4 });
$numbers =~ s/"big":1\b/'"big":' . '9' x 400/e;
$numbers =~ s/"exponent":2/"exponent":1e+20/;
$numbers =~ s/"tiny":3/"tiny":0.000000000000001/;
$numbers =~ s/"inf":4/"inf": .inf/;
converge($node, $numbers, 'converged', 'numbers of any size are kept');
my $before = footprint($node);
converge($node, $numbers, 'converged', 'and declared again');
same_footprint($before, footprint($node), 'which is no change');
is(value($node, q{SELECT rolcanlogin FROM pg_roles WHERE rolname = 'nobody'}), 't',
	'"login:" with nothing behind it declares nothing: an entry is a user');

# ---- files that are none -------------------------------------------------------

mkfifo("$baselines/pipe.sql", 0644) or die $!;
chmod 0644, "$baselines/pipe.sql";
converge($node, small_document(pg_databases => [ { name => 'piped', baseline => 'pipe.sql' } ]),
	'degraded', 'a named pipe in place of a baseline is not waited for');
is(value($node, q{SELECT string_agg(DISTINCT sqlstate, ',') FROM pgops.action_log WHERE kind = 'baseline'}),
	'42809', 'but reported as what it is');
is(value($node, q{SELECT count(*) FROM pg_database WHERE datname = 'piped'}), 1, 'the database is there');

# ---- messages of databases in other encodings -----------------------------------

$node->safe_psql('postgres', q{CREATE DATABASE odd ENCODING 'WIN1252' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
my $odd = small_document(pg_databases => [ { name => 'odd', schemas => ['refused'] } ]);
for my $case ([ q{'no form ' || chr(129)}, 'no form ?' ], [ q{'price ' || chr(128)}, "price \xe2\x82\xac" ])
{
	my ($message, $expected) = @$case;
	$node->safe_psql('odd', <<"SQL");
DROP EVENT TRIGGER IF EXISTS refuse;
CREATE OR REPLACE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
\$\$BEGIN RAISE EXCEPTION '%', $message; END\$\$;
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION refuse();
SQL
	declare($node, $odd);
	$node->safe_psql('postgres', q{SELECT pgops.reconcile('small')});
	wait_for($node, "SELECT message LIKE '%$expected' FROM pgops.status", 'a character without a form in UTF-8 hides nothing')
	  if $expected =~ /\?/;
	wait_for($node, "SELECT message LIKE '%$expected' FROM pgops.status", 'one that has a form keeps it')
	  if $expected !~ /\?/;
}

# ---- a document's statement, however it is written -------------------------------

my $secret = small_document(pg_users => [ { name => 'quiet', password => 'Unqualified-wOrd' } ]);
$node->safe_psql('postgres', "SET log_statement = 'all'; SET search_path = pgops, pg_catalog;
	SELECT count(*) FROM validate(" . literal($secret) . ');
	SELECT count(*) FROM "pgops"."validate"(' . literal($secret) . ");
	SELECT 'somebody else''s' AS validate;");
my $log = slurp_file($node->logfile);
unlike($log, qr/wOrd/, 'a document is not logged, with or without the name of the schema before the function');
like($log, qr/somebody else''s' AS validate/, 'and other statements are');

done_testing();
