# Every field of a database, one by one: at creation, changed in the declaration,
# and what can only be chosen once.  Templates with sessions, baselines, schemas
# and extensions as objects, recreation, removal, invalid databases, hostile names.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my $baselines = PostgreSQL::Test::Utils::tempdir();
my $outside = PostgreSQL::Test::Utils::tempdir();
my $node = pgops_node('main', conf => <<"CONF");
pgops.baseline_directory = '$baselines'
pgops.retry_delay = '1h'
pgops.drift_interval = '1h'
allow_in_place_tablespaces = on
CONF
my $major = value($node, "SELECT current_setting('server_version_num')::int / 10000");
my $superuser = value($node, 'SELECT pg_get_userbyid(10)');
my $have_icu = value($node, "SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i'") eq 't';

my @users = map { { name => $_, login => $false } } ('app owner', 'other owner', 'nobody');

sub databases { return small_document(pg_users => \@users, pg_databases => [@_]); }

sub reconciled { $node->safe_psql('postgres', 'SELECT pgops.reconcile()'); return settle($node); }

sub database
{
	my ($name) = @_;
	return row($node, "SELECT d.oid, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
			datcollate, datctype, datlocprovider, datistemplate, datallowconn, datconnlimit, spcname AS tablespace,
			shobj_description(d.oid, 'pg_database') AS comment, ARRAY(SELECT unnest(setconfig) ORDER BY 1) AS settings,
			has_database_privilege('nobody', d.oid, 'CONNECT') AS anybody, to_json(d.*) AS whole
		FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
		LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0
		WHERE datname = " . literal($name));
}

sub database_exists { return value($node, 'SELECT count(*) FROM pg_database WHERE datname = ' . literal($_[0])); }

sub blocked { my ($name) = @_; return grep { $_->{name} eq $name && defined $_->{blocked} && $_->{sqlstate} ne 'PO208' } plan_rows($node); }

sub no_change
{
	my ($spec, $what) = @_;
	my $before = footprint($node);
	my @plan = open_rows(declare($node, $spec));
	is_deeply([ map { "$_->{rule}: $_->{name}: $_->{statement}" } @plan ], [],
		"$what: the second plan is empty");
	settle($node);
	same_footprint($before, footprint($node), "$what: the second apply touches nothing");
	return;
}

$node->safe_psql('postgres', "CREATE TABLESPACE first LOCATION ''");
$node->safe_psql('postgres', q(CREATE TABLESPACE "second one" LOCATION ''));

# ---- every field, at creation -------------------------------------------------------
my %full = (
	name => 'full', owner => 'app owner', template => 'template0', encoding => 'latin1', locale => 'C',
	strategy => 'file_copy', tablespace => 'first', is_template => $true, allowconn => $false,
	revokeconn => $true, connlimit => 5, comment => q(it's the "full" one),
	parameters => { work_mem => '8MB', search_path => [ 'a b', 'public' ], DateStyle => 'ISO, DMY' },
	schemas => [ 'plain', { name => 'A b', owner => 'app owner' } ],
	extensions => [ 'btree_gist', { name => 'pgcrypto', schema => 'crypto' } ]);
my @parts = (
	{ name => 'latin', encoding => 'LATIN1' },
	{ name => 'ctype', lc_collate => 'C', lc_ctype => 'C.UTF-8', template => 'template0' },
	{ name => 'brief' });
push @parts, { name => 'icu', template => 'template0', locale_provider => 'icu', icu_locale => 'en-US',
	locale => 'C', encoding => 'UTF8' } if $have_icu;
push @parts, { name => 'builtin', template => 'template0', locale_provider => 'builtin',
	builtin_locale => 'C.UTF-8', encoding => 'UTF8' } if $major >= 17;
my $spec = databases(\%full, @parts);

converge($node, $spec, 'converged', 'every field is declared');
my $full = database('full');
is($full->{owner}, 'app owner', 'created: owner');
is($full->{encoding}, 'LATIN1', 'created: encoding');
is($full->{datcollate} . $full->{datctype}, 'CC', 'created: locale');
is($full->{tablespace}, 'first', 'created: tablespace');
ok($full->{datistemplate}, 'created: is_template');
ok(!$full->{datallowconn}, 'created: allowconn false, although it has an inside');
ok(!$full->{anybody}, 'created: revokeconn');
is($full->{datconnlimit}, 5, 'created: connlimit');
is($full->{comment}, $full{comment}, 'created: comment');
is_deeply($full->{settings}, [ 'DateStyle=ISO, DMY', 'search_path="a b", public', 'work_mem=8MB' ], 'created: parameters');
$node->safe_psql('postgres', 'ALTER DATABASE "full" ALLOW_CONNECTIONS true');
is( value($node, "SELECT string_agg(nspname || ' ' || nspowner::regrole, ', ' ORDER BY nspname) FROM pg_namespace
		WHERE oid >= 16384 AND nspname !~ '^pg_'", database => 'full'),
	qq(A b "app owner", crypto $superuser, plain $superuser), 'created: schemas, one with an owner, one for an extension');
is( value($node, "SELECT string_agg(extname || ' ' || extnamespace::regnamespace, ', ' ORDER BY extname) FROM pg_extension
		WHERE extname <> 'plpgsql'", database => 'full'),
	'btree_gist public, pgcrypto crypto', 'created: extensions');
$node->safe_psql('postgres', 'ALTER DATABASE "full" ALLOW_CONNECTIONS false');
is(database('latin')->{encoding}, 'LATIN1', 'another encoding than that of template1 comes from template0');
is(database('ctype')->{datctype}, 'C.UTF-8', 'collation and character type apart');
my $brief = database('brief');
ok($brief->{owner} eq $superuser && $brief->{datallowconn} && $brief->{anybody} && $brief->{datconnlimit} == -1,
	'a name alone is a database with the defaults');
SKIP:
{
	skip 'server without ICU', 1 unless $have_icu;
	my $icu = database('icu');
	like($icu->{datlocprovider} . ($icu->{whole}{datlocale} // $icu->{whole}{daticulocale}), qr/^ien-US$/, 'ICU locale');
}
SKIP:
{
	skip 'provider builtin is of PostgreSQL 17 and later', 1 if $major < 17;
	is(database('builtin')->{whole}{datlocale}, 'C.UTF-8', 'builtin locale');
}
no_change($spec, 'every field');

# ---- each field changes in the declaration ---------------------------------------------
my $session = $node->background_psql('brief');
%full = (
	%full, owner => 'other owner', tablespace => 'second one', is_template => $false, allowconn => $true,
	revokeconn => $false, connlimit => -1, comment => '', strategy => 'wal_log',
	parameters => { work_mem => 'DEFAULT', search_path => ['public'] },
	schemas => [ { name => 'plain', owner => 'other owner' }, { name => 'A b', state => 'absent' } ],
	extensions => [ { name => 'btree_gist', state => 'absent' }, { name => 'pgcrypto', schema => 'plain' } ]);
my @brief = ({ name => 'brief', tablespace => 'first', revokeconn => $true, owner => 'app owner' });
$spec = databases(\%full, @parts[ 0, 1, 3 .. $#parts ], @brief);
converge($node, $spec, 'converged', 'every field changes');
my $changed = database('full');
is($changed->{oid}, $full->{oid}, 'changed: it is the same database');
is($changed->{owner}, 'other owner', 'changed: owner');
is($changed->{tablespace}, 'second one', 'changed: tablespace');
ok(!$changed->{datistemplate}, 'changed: is_template');
ok($changed->{datallowconn}, 'changed: allowconn');
ok($changed->{anybody}, 'changed: revokeconn false lets anybody in');
is($changed->{datconnlimit}, -1, 'changed: connlimit');
is($changed->{comment}, undef, 'changed: an empty comment removes it');
is_deeply($changed->{settings}, ['search_path=public'], 'changed: parameters');
is( value($node, "SELECT string_agg(nspname || ' ' || nspowner::regrole, ', ' ORDER BY nspname) FROM pg_namespace
		WHERE oid >= 16384 AND nspname !~ '^pg_' AND nspname <> 'crypto'", database => 'full'),
	q(plain "other owner"), 'changed: owner of a schema; an absent one is dropped');
is( value($node, "SELECT string_agg(extname || ' ' || extnamespace::regnamespace, ', ' ORDER BY extname) FROM pg_extension
		WHERE extname <> 'plpgsql'", database => 'full'),
	'pgcrypto plain', 'changed: schema of an extension; an absent one is dropped');
is(database('brief')->{tablespace}, 'first', 'a database with a session is moved');
ok(!database('brief')->{anybody}, '... and closed to anybody');
ok(!eval { $session->query_safe('SELECT 1'); 1 }, '... the session has ended');
no_change($spec, 'every field changed');
delete @full{qw(schemas extensions)};
delete $brief[0]{revokeconn};
declare($node, databases(\%full, @parts[ 0, 1, 3 .. $#parts ], @brief));
settle($node);
ok(database('brief')->{anybody}, 'revokeconn no longer declared: what pgops had revoked is granted again');
is( value($node, "SELECT string_agg(DISTINCT grantee::regrole::text, ' ') FROM pg_database, aclexplode(datacl)
		WHERE datname = 'brief' AND privilege_type = 'CONNECT' AND grantee NOT IN (0, datdba)"),
	'', '... and what it had granted is revoked');

# ---- what can only be chosen at creation --------------------------------------------------
$spec = databases(
	{ name => 'latin', encoding => 'UTF8', comment => 'the rest is done' },
	{ name => 'ctype', lc_collate => 'C', lc_ctype => 'C', template => 'template1', connlimit => 3 },
	$major >= 17 ? () : { name => 'nowhere', locale_provider => 'builtin', builtin_locale => 'C' });
declare($node, $spec);
my $status = settle($node);
is($status->{phase}, 'blocked', 'create-only fields differ: blocked');
my ($row) = blocked('latin');
is($row->{sqlstate}, 'PO201', 'encoding: told');
like($row->{reason}, qr/^encoding: LATIN1 -> UTF8$/, '... with both values');
like($row->{hint}, qr/state: recreate/, '... and the way out');
is(database('latin')->{comment}, 'the rest is done', '... the other fields are set');
($row) = blocked('ctype');
like($row->{reason}, qr/^lc_ctype: C\.UTF-?8 -> C$/i, 'lc_ctype: told');
is(database('ctype')->{datconnlimit}, 3, '... the other fields are set');
SKIP:
{
	skip 'this version has the builtin provider', 1 if $major >= 17;
	($row) = blocked('nowhere');
	is($row->{sqlstate}, 'PO118', 'what the server version does not have is told');
}
is(database_exists('nowhere'), 0, '... and the database not created');

# ---- a business database as template ----------------------------------------------------------
converge($node, databases({ name => 'base', schemas => ['kept'] }), 'converged', 'a database to be a template');
$node->safe_psql('base', 'CREATE TABLE kept.data AS SELECT generate_series(1, 100) AS id');
$session = $node->background_psql('base');
$session->query_safe('SELECT 1');
my @base = ({ name => 'clone', template => 'base', owner => 'app owner', schemas => [ 'kept', 'added' ] }, { name => 'base', schemas => ['kept'] });
my @plan = declare($node, databases(@base), dry_run => 1);
is_deeply([ map { $_->{rule} } grep { $_->{rule} =~ /^database\.(template_sessions|create)$/ } @plan ],
	[ 'database.template_sessions', 'database.create' ], 'the plan shows that its sessions end');
converge($node, databases(@base), 'converged', 'a clone of it');
is(value($node, 'SELECT count(*) FROM kept.data', database => 'clone'), 100, 'the clone has its data');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'added'", database => 'clone'), 1, '... and its own schemas');
ok(!eval { $session->query_safe('SELECT 1'); 1 }, 'the session in the template has ended');
no_change(databases(@base), 'clone');

# ---- recreate: once for each text of the entry ---------------------------------------------------
my %again = (name => 'clone', state => 'recreate', owner => 'app owner');
@plan = declare($node, databases(\%again, $base[1]), dry_run => 1);
is_deeply([ map { $_->{rule} } grep { $_->{destructive} } @plan ], ['database.recreate'], 'recreate is destructive');
is(value($node, 'SELECT count(*) FROM kept.data', database => 'clone'), 100, '... a dry run destroys nothing');
my $old = database('clone')->{oid};
converge($node, databases(\%again, $base[1]), 'converged', 'recreate');
my $new = database('clone')->{oid};
isnt($new, $old, '... makes a new database');
is(value($node, "SELECT to_regclass('kept.data') IS NULL", database => 'clone'), 't', '... without the old data');
no_change(databases(\%again, $base[1]), 'recreate');
converge($node, databases(\%again, { %{ $base[1] }, comment => 'unrelated' }), 'converged', 'an unrelated change');
is(database('clone')->{oid}, $new, '... does not recreate it');
is(reconciled()->{phase}, 'converged', 'a full comparison');
is(database('clone')->{oid}, $new, '... neither');
$again{comment} = 'once more';
converge($node, databases(\%again, $base[1]), 'converged', 'another text of the entry');
isnt(database('clone')->{oid}, $new, '... recreates it');
$new = database('clone')->{oid};
converge($node, databases({ %again, state => 'create' }, $base[1]), 'converged', 'create again');
is(database('clone')->{oid}, $new, '... leaves it');

# ---- an invalid database ----------------------------------------------------------------------------
$node->safe_psql('postgres', "SET allow_system_table_mods = on; UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'clone'");
is(reconciled()->{phase}, 'converged', 'what an interrupted DROP DATABASE left');
isnt(database('clone')->{oid}, $new, '... is replaced');
is(database('clone')->{comment}, 'once more', '... by what is declared');
$node->safe_psql('postgres', "SET allow_system_table_mods = on; UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'brief'");
is(reconciled()->{failed}, 0, 'an undeclared one is nobody\'s failure');
is(database_exists('brief'), 1, '... and stays');
$node->safe_psql('postgres', 'DROP DATABASE brief');

# ---- removal --------------------------------------------------------------------------------------------
$session = $node->background_psql('clone');
$session->query_safe('SELECT 1');
$node->safe_psql('postgres', 'ALTER DATABASE latin IS_TEMPLATE true');
converge($node, databases(map { { name => $_, state => 'absent' } } qw(clone latin full never)), 'converged', 'absent');
is(database_exists($_), 0, "$_ is gone") for qw(clone latin full);
ok(!eval { $session->query_safe('SELECT 1'); 1 }, 'its session has ended');
is(database_exists('base'), 1, 'what is not mentioned stays');
declare($node, databases(map { { name => $_, state => 'absent' } } qw(postgres template1)));
settle($node);
for my $name (qw(postgres template1))
{
	($row) = blocked($name);
	is($row->{sqlstate}, 'PO204', "$name: removing it is refused");
	is(database_exists($name), 1, "$name: is still there");
}

# ---- schemas as objects ------------------------------------------------------------------------------------
my @names = ('q"uote', q(it's), 'two words', '1st', 'select', 'CamelCase', 'a;b--', 'back\\slash', '%s',
	"\xc3\x9cn\xc3\xaf", 'x' x 63);
$spec = databases({ name => 'base', schemas => [ map { { name => $_, owner => 'app owner' } } @names ] });
converge($node, $spec, 'converged', 'schemas with hostile names');
is_deeply([ sort map { $_->{nspname} } rows($node, "SELECT nspname FROM pg_namespace WHERE nspowner = '\"app owner\"'::regrole",
		database => 'base') ], [ sort @names ], '... exist, with their owner');
no_change($spec, 'hostile schemas');
converge($node, databases({ name => 'base', schemas => [ map { { name => $_, state => 'absent' } } @names ] }),
	'blocked', 'more removals than pgops.max_destructive');
$node->safe_psql('postgres', 'SELECT pgops.approve(cluster, destructive_digest) FROM pgops.status');
is(settle($node)->{phase}, 'converged', 'approved');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspowner = '\"app owner\"'::regrole", database => 'base'), 0, '... and dropped');

# ---- extensions: version and schema --------------------------------------------------------------------------
SKIP:
{
	my $versions = value($node, "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'pg_stat_statements' AND version IN ('1.9', '1.10')");
	skip 'no extension with two versions', 8 if $versions < 2;
	my %extension = (name => 'pg_stat_statements', version => '1.9', schema => 'monitoring');
	my $extension = sub { return value($node, "SELECT extversion || ' ' || extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_stat_statements'", database => 'base'); };

	converge($node, databases({ name => 'base', extensions => [ {%extension} ] }), 'converged', 'an extension in an old version');
	is($extension->(), '1.9 monitoring', '... and its schema');
	$extension{version} = '1.10';
	converge($node, databases({ name => 'base', extensions => [ {%extension} ] }), 'converged', 'a newer version');
	is($extension->(), '1.10 monitoring', '... is updated to');
	$extension{schema} = 'Other schema';
	converge($node, databases({ name => 'base', extensions => [ {%extension} ] }), 'converged', 'another schema');
	is($extension->(), '1.10 "Other schema"', '... it moves there');
	no_change(databases({ name => 'base', extensions => [ {%extension} ] }), 'extension');
	$extension{version} = '99.9';
	converge($node, databases({ name => 'base', extensions => [ {%extension} ] }), 'blocked', 'a version that the server does not have');
	($row) = blocked('pg_stat_statements');
	is($row->{sqlstate}, 'PO206', '... is told');
	converge($node, databases({ name => 'base', extensions => [ { name => 'pg_stat_statements', state => 'absent' } ] }), 'converged', 'absent');
	is($extension->(), '', '... is dropped');
}
# an extension whose control file says where it goes
my $plpgsql = sub { return value($node, "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'plpgsql'", database => 'base'); };
$node->safe_psql('base', 'DROP EXTENSION plpgsql');
converge($node, databases({ name => 'base', extensions => ['plpgsql'] }), 'converged', 'no schema is declared for it');
is($plpgsql->(), 'pg_catalog', '... it is where it belongs');
$node->safe_psql('base', 'DROP EXTENSION plpgsql');
$spec = databases({ name => 'base', extensions => [ { name => 'plpgsql', schema => 'elsewhere' } ] });
@plan = declare($node, $spec);
is_deeply([ map { "$_->{rule} " . ($_->{sqlstate} // '') } grep { $_->{kind} =~ /^(extension|schema)$/ && $_->{rule} !~ /orphan/ } @plan ],
	[ 'extension.create ', 'extension.schema PO201' ], 'another schema is declared: the plan says at once that it cannot be');
is(settle($node)->{phase}, 'blocked', '... and the status');
is($plpgsql->(), 'pg_catalog', '... it is where it belongs');
converge($node, databases({ name => 'base', extensions => [ { name => 'no such extension' } ] }), 'blocked', 'an extension that is not there');
($row) = blocked('no such extension');
is($row->{sqlstate}, 'PO206', '... is told');

# ---- baseline ---------------------------------------------------------------------------------------------------
sub baseline { my ($name, $text, $folder) = @_; append_to_file(($folder || $baselines) . "/$name", $text); return; }

sub based { return map { { name => $_->[0], baseline => $_->[1], comment => $_->[2] // 'c' } } @_; }

baseline('good.sql', <<'SQL');
-- a script as people write them
CREATE TABLE runs (at timestamptz DEFAULT now(), note text);
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN i * 2; END; $$;
INSERT INTO runs (note) SELECT 'semi;colon ' || twice(21);
SQL
mkdir "$baselines/folder" or die $!;
baseline('folder/below.sql', 'CREATE TABLE runs AS SELECT 1 AS note');
baseline('bad.sql', "CREATE TABLE before_error ();\nSELECT 1 / 0;\n");
baseline('out.sql', 'CREATE TABLE escaped ()', $outside);
symlink("$outside/out.sql", "$baselines/link.sql") or die $!;
symlink($outside, "$baselines/linked") or die $!;

my @good = (based([ 'b_good', 'good.sql' ], [ 'b_folder', 'folder/below.sql' ]));
my @bad = (based([ 'b_late', 'late.sql' ], [ 'b_bad', 'bad.sql' ], [ 'b_link', 'link.sql' ], [ 'b_linked', 'linked/out.sql' ]));
declare($node, databases(@good, @bad));
$status = settle($node);
is($status->{phase}, 'degraded', 'baselines, good and bad');
is(value($node, 'SELECT note FROM public.runs', database => 'b_good'), 'semi;colon 42', 'a baseline has run');
is(value($node, 'SELECT count(*) FROM public.runs', database => 'b_folder'), 1, '... and one of a folder below');
is(database_exists($_->{name}), 1, "$_->{name}: exists all the same") for @bad;
($row) = blocked('b_late');
is($row->{sqlstate}, '58P01', 'a missing file is told');
my $failure = row($node, "SELECT name, sqlstate, message FROM pgops.failure");
is_deeply($failure, { name => 'b_bad', sqlstate => '22012', message => 'division by zero' }, 'a script that fails is told');
is(value($node, "SELECT to_regclass('public.before_error') IS NULL", database => 'b_bad'), 't', '... and leaves nothing behind');
for my $name (qw(b_link b_linked))
{
	is(value($node, "SELECT to_regclass('public.escaped') IS NULL", database => $name), 't', "$name: a link out of the folder is not followed");
	is(scalar(blocked($name)), 1, "$name: ... and told");
}
my ($code, $error) = try_declare($node, databases(@good, @bad, based([ 'b_up', '../out.sql' ])));
my $refused = $code;
if (!$refused)
{
	settle($node);
	is(scalar(blocked('b_up')), 1, 'a path out of the folder is told');
	is(value($node, "SELECT to_regclass('public.escaped') IS NULL", database => 'b_up'), 't', '... and not followed');
}
else
{
	like($error, qr/\.\./, 'a path out of the folder is refused');
	is(database_exists('b_up'), 0, '... at once');
}

baseline('late.sql', 'CREATE TABLE runs AS SELECT 2 AS note');
unlink "$baselines/bad.sql";
baseline('bad.sql', 'CREATE TABLE after_error ()');
declare($node, databases(@good, @bad[ 0, 1 ]));
$status = reconciled();
is($status->{phase}, 'converged', 'the missing file is there, the bad one is good');
is(value($node, 'SELECT note FROM public.runs', database => 'b_late'), 2, 'the late one has run');
is(value($node, "SELECT to_regclass('public.after_error') IS NOT NULL", database => 'b_bad'), 't', 'the other one, too');
no_change(databases(@good, @bad[ 0, 1 ]), 'baselines');
$_->{comment} = 'changed' for @good;
converge($node, databases(@good, @bad[ 0, 1 ]), 'converged', 'another field changes');
is(reconciled()->{phase}, 'converged', '... and a full comparison');
is(value($node, 'SELECT count(*) FROM public.runs', database => 'b_good'), 1, 'a baseline runs once');
$node->safe_psql('postgres', 'CREATE DATABASE found');
converge($node, databases(@good, @bad[ 0, 1 ], based([ 'found', 'good.sql' ])), 'converged', 'a baseline for a database that was there');
is(value($node, "SELECT to_regclass('public.runs') IS NULL", database => 'found'), 't', '... does not run');

$node->append_conf('postgresql.conf', "pgops.baseline_directory = ''");
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('pgops.baseline_directory') = ''");
converge($node, databases(based([ 'b_nowhere', 'good.sql' ])), 'blocked', 'no folder is configured');
is(database_exists('b_nowhere'), 1, '... the database is made');
is((blocked('b_nowhere'))[0]{sqlstate}, 'PO402', '... its baseline does not run');

# ---- names ------------------------------------------------------------------------------------------------------------
@names = (q(q"uote), q(it's), 'two words', ' leading', '1st', 'select', 'CamelCase', 'a;b--', 'back\\slash',
	'$1', '%s', 'a=b', "\xc3\x9cn\xc3\xaf\xe2\x82\xac", 'x' x 63);
$spec = databases(map { { name => $_, owner => 'app owner', revokeconn => $true, connlimit => 4, comment => $_,
	parameters => { application_name => $_ }, schemas => [$_] } } @names);
converge($node, $spec, 'converged', 'hostile names');
for my $name (@names)
{
	my $is = database($name);
	is_deeply([ @$is{qw(owner anybody datconnlimit comment)}, $is->{settings}[0] ],
		[ 'app owner', $false, 4, $name, "application_name=$name" ], "name <$name>");
}
no_change($spec, 'hostile names');
$spec = databases(map { { name => $_, state => 'absent' } } @names[ 0 .. 4 ]);
converge($node, $spec, 'converged', 'hostile names, absent');
is(database_exists($_), 0, "gone: <$_>") for @names[ 0 .. 4 ];

done_testing();
