# Databases as a whole: cloned, dumped, loaded, whatever their names are; what is
# not complete never has the name of what is.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsBackup;
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
converge($node, small_document(), 'converged', 'a server without databases of its own');

my $hostile = q(we'ird \\ "ü = x);    # as bytes
my $dumps = PostgreSQL::Test::Utils::tempdir('dumps');

sub ident { my ($name) = @_; $name =~ s/"/""/g; return qq("$name"); }
# a query in a database of any name
sub there
{
	my ($database, $sql) = @_;
	my $connstr = "dbname='" . ($database =~ s/(['\\])/\\$1/gr) . "'";
	my ($code, $out, $err) = $node->psql('postgres', $sql, connstr => $node->connstr . " $connstr", on_error_die => 1);
	return $out;
}
sub try_sql { return ($node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]"))[2]; }
sub has_database { return value($node, 'SELECT count(*) FROM pg_database WHERE datname = ' . literal($_[0])); }
# what is in a database: tables with rows, owners, and the rest of what a dump carries
sub contents
{
	my ($database) = @_;
	return there($database, <<~'SQL');
		SELECT string_agg(x, ';' ORDER BY x COLLATE "C") FROM (
			SELECT format('%s.%s %s %s %s', n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner),
				CASE WHEN c.relkind = 'r' THEN (xpath('/row/c/text()', query_to_xml(format('SELECT md5(string_agg(t::text, %L ORDER BY t::text)) AS c FROM %I.%I t', ',', n.nspname, c.relname), false, true, '')))[1]::text END)
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
			UNION ALL SELECT extname || ' ' || extversion FROM pg_extension) AS s (x)
		SQL
}

$node->safe_psql('postgres', 'CREATE ROLE "o\'wner"; CREATE ROLE reader; CREATE DATABASE ' . ident($hostile) . " TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'");
there($hostile, <<~'SQL');
	CREATE EXTENSION pgcrypto;
	CREATE SCHEMA "Sch ema; Owner: x";
	CREATE TABLE "Sch ema; Owner: x"."t;able" (id int PRIMARY KEY, x text);
	INSERT INTO "Sch ema; Owner: x"."t;able" SELECT i, md5(i::text) FROM generate_series(1, 2000) i;
	ALTER TABLE "Sch ema; Owner: x"."t;able" OWNER TO "o'wner";
	GRANT SELECT ON "Sch ema; Owner: x"."t;able" TO reader;
	CREATE TABLE plain (a int); INSERT INTO plain VALUES (1), (2);
	CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM plain;
	CREATE SEQUENCE numbers; SELECT nextval('numbers');
	SQL
my $contents = contents($hostile);
like($contents, qr/t;able r o'wner \w{32}/, 'a database with a hostile name and things in it');

# ---- clone ----
my $job = finish_job($node, 'SELECT pgops.clone_database(' . literal($hostile) . q{, 'copy', owner => 'o''wner', strategy => 'file_copy')});
is($job->{state}, 'succeeded', 'it is cloned') or diag(explain($job));
is($job->{result}{database}, 'copy', '... says the result');
cmp_ok($job->{result}{bytes}, '>', 5_000_000, '... with its size');
is(contents('copy'), $contents, '... all of it');
is(value($node, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'copy'"), "o'wner", '... for its owner');

my $session = $node->background_psql('copy');
$session->query_safe("SET application_name = 'reporting tool'");
my $error = try_sql("SELECT pgops.clone_database('copy', 'copy2')");
like($error, qr/55006: .*"copy" is used by others/, 'a database in use is not cloned');
like($error, qr/DETAIL: .*pid \d+ \([^)]*, reporting tool, idle\)/, '... by whom it is used');
like($error, qr/terminate => true/, '... and how to do it all the same');
$job = finish_job($node, "SELECT pgops.clone_database('copy', 'copy2', at => now())");
is("$job->{state} $job->{sqlstate}", 'failed 55006', '... nor when the job finds that out');
$job = finish_job($node, "SELECT pgops.clone_database('copy', 'copy2', terminate => true)");
is($job->{state}, 'succeeded', 'with leave its sessions are ended') or diag(explain($job));
like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($job->{id})"), qr/ending pid \d+/, '... which the log tells');
eval { $session->quit };

for my $refused (
	[ "'nowhere', 'x'", '3D000', qr/does not exist/ ],
	[ "'copy', 'copy2'", '42P04', qr/exists already/ ],
	[ "'copy', 'x', owner => 'nobody'", '42704', qr/role "nobody"/ ],
	[ "'copy', 'x', strategy => 'magic'", '22023', qr/no strategy "magic".*wal_log, file_copy/s ],
	[ "'copy', ''", '22023', qr/1 to 63 bytes/ ],
	[ "'copy', repeat('x', 64)", '22023', qr/1 to 63 bytes/ ],
	[ "'postgres', 'x'", '55006', qr/pgops itself is connected/ ])
{
	$error = try_sql("SELECT pgops.clone_database($refused->[0])");
	like($error, qr/$refused->[1]: /, "clone $refused->[0]: $refused->[1]");
	like($error, $refused->[2], '... and says why');
}

# ---- dump, load: the whole way round ----
$job = finish_job($node, 'SELECT pgops.dump_database(' . literal($hostile) . ", '$dumps/first', jobs => 3)");
is($job->{state}, 'succeeded', 'it is dumped') or diag(explain($job));
is($job->{result}{directory}, "$dumps/first", '... into the directory');
is($job->{result}{tables}, 2, '... its tables are counted');
ok(-s "$dumps/first/toc.dat", '... which holds a dump');
is(sprintf('%o', (stat "$dumps/first")[2] & 07777), '700', '... for the server alone');
is_deeply([ grep { (stat $_)[2] & 077 } glob("$dumps/first/*") ], [], '... file by file');
is_deeply([ glob("$dumps/*") ], ["$dumps/first"], '... and nothing else is there');

$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'l\"oad''ed', \"create\" => true, jobs => 3, owner => 'reader')");
is($job->{state}, 'succeeded', 'it is loaded into a new database') or diag(explain($job));
is($job->{result}{tables}, 2, '... all tables');
is(contents(q(l"oad'ed)), $contents, '... with all that was in it');
is( value($node, q(SELECT pg_get_userbyid(datdba) || datcollate || datctype FROM pg_database WHERE datname = 'l"oad''ed')),
	'readerCC.UTF-8', '... its owner, the locale of the dumped one');
is(there(q(l"oad'ed), q(SELECT has_table_privilege('reader', '"Sch ema; Owner: x"."t;able"', 'SELECT'))), 't', '... privileges');
is(value($node, "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgops_load%'"), 0, '... and no other name is left');

# into an existing one: a declared database, whose schemas are there already
converge($node, small_document(pg_databases => [ { name => 'declared', schemas => [ 'Sch ema; Owner: x' ], extensions => ['pgcrypto'] } ]), 'converged', 'a declared database');
$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'declared')");
is($job->{state}, 'succeeded', 'it is loaded into a declared one') or diag(explain($job));
is(there('declared', 'SELECT count(*) FROM "Sch ema; Owner: x"."t;able"'), 2000, '... although it has schemas of the dump');
$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'declared')");
is("$job->{state} $job->{sqlstate}", 'failed 55000', 'a second time it is refused');
like($job->{error}, qr/"declared" is not empty: there are \d+ tables/, '... for it is not empty');
$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'declared', clean => true)");
is($job->{state}, 'succeeded', 'clean => true drops what is there') or diag(explain($job));
$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'declared', merge => true)");
is("$job->{state} $job->{sqlstate} $job->{exit_code}", 'failed PO500 1', 'merge => true stops at what is there');
like($job->{detail}, qr/already exists/, '... and says so');
like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($job->{id})"), qr/a part of the dump may be in database "declared" now: 0 of 2 tables were begun, 1 errors/, '... with counts');

# ---- part of a database, default directory ----
$job = finish_job($node, 'SELECT pgops.dump_database(' . literal($hostile) . q[, tables => '{plain}')]);
is($job->{state}, 'succeeded', 'one table, no directory given');
is($job->{result}{tables}, 1, '... one table');
like($job->{result}{directory}, qr{\Q@{[ $node->data_dir ]}\E\.pgops/dumps/we_ird_[_a-z]*-\d{8}T\d{6}Z$}, '... has a harmless name');
$job = finish_job($node, "SELECT pgops.load_database('$job->{result}{directory}', 'part', \"create\" => true)");
is(there('part', 'SELECT count(*) FROM plain'), 2, '... and can be loaded');

# ---- roles that are not there ----
there($hostile, 'CREATE ROLE "go ne"; ALTER TABLE plain OWNER TO "go ne"');
finish_job($node, 'SELECT pgops.dump_database(' . literal($hostile) . ", '$dumps/second')");
there($hostile, 'REASSIGN OWNED BY "go ne" TO "o\'wner"; DROP ROLE "go ne"');
$job = finish_job($node, "SELECT pgops.load_database('$dumps/second', 'orphan', \"create\" => true)");
is("$job->{state} $job->{sqlstate}", 'failed 42704', 'owners that do not exist are told before');
like($job->{error}, qr/do not exist: "go ne"$/, '... by name');
is(has_database('orphan'), 0, '... nothing was made');
$job = finish_job($node, "SELECT pgops.load_database('$dumps/second', 'orphan', \"create\" => true, no_owner => true)");
is($job->{state}, 'succeeded', 'no_owner => true does without') or diag(explain($job));

# ---- refused ----
mkdir "$dumps/empty";
append_to_file("$dumps/file", 'x');
for my $refused (
	[ "dump_database('nowhere')", '3D000', qr/does not exist/ ],
	[ "dump_database('template0')", '55000', qr/takes no connections/ ],
	[ "dump_database('copy', jobs => 0)", '22023', qr/between 1 and 64/ ],
	[ "dump_database('copy', 'relative')", '22023', qr/not an absolute path/ ],
	[ "dump_database('copy', '$dumps/empty')", '22023', qr/it exists/ ],
	[ "dump_database('copy', '$dumps/no/such')", '22023', qr/there is no directory/ ],
	[ "dump_database('copy', current_setting('data_directory') || '/dump')", '22023', qr/lies in the data directory/ ],
	[ "load_database('$dumps/nothing', 'x', \"create\" => true)", '22023', qr/there is no such directory/ ],
	[ "load_database('$dumps/empty', 'x', \"create\" => true)", '22023', qr/it has no toc\.dat/ ],
	[ "load_database('$dumps/file', 'x', \"create\" => true)", '22023', qr/it is not a directory/ ],
	[ "load_database('$dumps/first', 'nowhere')", '3D000', qr/"create" => true/ ],
	[ "load_database('$dumps/first', 'copy', \"create\" => true)", '42P04', qr/exists already/ ],
	[ "load_database('$dumps/first', 'copy', owner => 'reader')", '22023', qr/owner is for/ ],
	[ "load_database('$dumps/first', 'postgres', clean => true)", '55006', qr/pgops itself works in it/ ])
{
	$error = try_sql("SELECT pgops.$refused->[0]");
	like($error, qr/$refused->[1]: /, "$refused->[0]: $refused->[1]");
	like($error, $refused->[2], '... and says why');
}
converge($node, small_document(pg_databases => [ { name => 'declared' }, { name => 'away', state => 'absent' } ]), 'converged', 'one is declared as absent');
like(try_sql("SELECT pgops.clone_database('copy', 'away')"), qr/PO204: .*declared as absent/, 'what pgops would drop is not made');
my $overdue = small_document(pgops_policy => 'authoritative', pg_safeguard => JSON::PP::true, pg_databases => [ { name => 'declared' } ]);
declare($node, $overdue);
settle($node);
like(try_sql("SELECT pgops.clone_database('copy', 'stranger')"), qr/PO204: .*under the policy authoritative/, '... nor under a policy that drops it');
declare($node, small_document(pg_databases => [ { name => 'declared' } ]));
settle($node);

# a dump that is damaged
PostgreSQL::Test::Utils::system_or_bail('cp', '-r', "$dumps/first", "$dumps/damaged");
unlink("$dumps/damaged/pgops.json");
truncate("$dumps/damaged/toc.dat", 100);
$job = finish_job($node, "SELECT pgops.load_database('$dumps/damaged', 'x', \"create\" => true)");
is("$job->{state} $job->{sqlstate}", 'failed PO500', 'a damaged table of contents is an error of pg_restore');
my ($data) = sort { -s $b <=> -s $a } glob("$dumps/first/*.gz");
PostgreSQL::Test::Utils::system_or_bail('rm', '-r', "$dumps/damaged");
PostgreSQL::Test::Utils::system_or_bail('cp', '-r', "$dumps/first", "$dumps/damaged");
truncate($data =~ s/first/damaged/r, 1000);
$job = finish_job($node, "SELECT pgops.load_database('$dumps/damaged', 'x', \"create\" => true)");
is("$job->{state} $job->{sqlstate}", 'failed PO509', 'a table whose file was cut off is found');
is(has_database('x') + value($node, "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgops_load%'"), 0, '... and no database is left');

# ---- cancelled, crashed ----
# a dump waits for this lock as long as it is held
my $blocker = $node->background_psql('copy2');
$blocker->query_safe('BEGIN; LOCK TABLE plain');
my $id = value($node, "SELECT pgops.dump_database('copy2', '$dumps/cancelled')");
wait_for($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pgops' AND datname = 'copy2' AND wait_event_type = 'Lock'", 'a dump is at work');
value($node, "SELECT pgops.job_cancel($id)");
is(value($node, "SELECT state FROM pgops.job_wait($id)"), 'cancelled', 'it is cancelled');
is_deeply([ glob("$dumps/cancelled*") ], [], '... and leaves nothing');

$id = value($node, "SELECT pgops.dump_database('copy2', '$dumps/crashed')");
wait_for($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pgops' AND datname = 'copy2' AND wait_event_type = 'Lock'", 'another one');
$node->stop('immediate');
$node->start;
wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", 'an immediate stop interrupts it');
ok(!-e "$dumps/crashed", '... what it has written is not taken for a dump');
is(scalar(glob("$dumps/crashed.pgops-partial-*-$id")) ? 1 : 0, 1, '... it has another name');
eval { $blocker->quit };
append_to_file("$dumps/crashed.pgops-partial-1-2-$id", 'that of another server');
$job = finish_job($node, "SELECT pgops.dump_database('copy2', '$dumps/crashed')");
is($job->{state}, 'succeeded', 'the next one is made') or diag(explain($job));
is_deeply([ glob("$dumps/crashed*") ], [ "$dumps/crashed", "$dumps/crashed.pgops-partial-1-2-$id" ], '... and what was left is removed, but nothing of another server');

# the same of a load
$id = value($node, "INSERT INTO pgops.job (kind, args, requested_by, state) VALUES ('load_database', '{}', 'test', 'interrupted') RETURNING id");
$node->safe_psql('postgres', "CREATE DATABASE pgops_load_$id");
$job = finish_job($node, "SELECT pgops.load_database('$dumps/first', 'after', \"create\" => true)");
is($job->{state}, 'succeeded', 'a load after one that was interrupted');
is(has_database("pgops_load_$id"), 0, '... drops what that one left');

# ---- a dump of a table with secrets in it tells none in its log ----
$node->safe_psql('postgres', 'CREATE DATABASE secrets');
there('secrets', "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE USER MAPPING FOR reader SERVER s OPTIONS (user 'u', password 'Geheim-4711')");
finish_job($node, "SELECT pgops.dump_database('secrets', '$dumps/secrets')");
$node->safe_psql('postgres', 'CREATE DATABASE secrets2');
there('secrets2', "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE USER MAPPING FOR reader SERVER s");
$job = finish_job($node, "SELECT pgops.load_database('$dumps/secrets', 'secrets2', merge => true)");
is($job->{state}, 'failed', 'a statement with a password in it fails');
is(value($node, "SELECT count(*) FROM pgops.job_output WHERE text ~ 'Geheim'") + value($node, "SELECT count(*) FROM pgops.job j WHERE j::text ~ 'Geheim'"), 0, '... the password is nowhere');

$node->stop;
done_testing();
