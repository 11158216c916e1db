# Privileges: default privileges of everybody who creates objects, in every
# database and in template1; what goes with a declared database and its schema
# public; default schemas and extensions.  Compared as parsed ACLs, so that the
# second apply does nothing, and an ACL that needs nothing stays NULL.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $superuser = value($node, 'SELECT pg_get_userbyid(10)');
my $major = value($node, "SELECT current_setting('server_version_num')::int / 10000");

my @users = map { { name => $_, login => $false } } ('app owner', 'next owner', 'some reader', 'guest');
my %app = (name => 'app', owner => 'app owner');

sub cluster { my (%vars) = @_; return small_document(pg_users => \@users, pg_databases => [ \%app, { name => 'other' } ], %vars); }

sub reconciled { $node->safe_psql('postgres', 'SELECT pgops.reconcile()'); return settle($node); }

sub no_change
{
	my ($spec, $what) = @_;
	my $before = footprint($node);
	my @plan = open_rows(declare($node, $spec));
	is_deeply([ map { "$_->{rule}: $_->{name}: $_->{statement}" } @plan ], [],
		"$what: the second plan is empty");
	settle($node);
	same_footprint($before, footprint($node), "$what: the second apply touches nothing");
	is(reconciled()->{phase}, 'converged', "$what: a full comparison");
	same_footprint($before, footprint($node), "$what: ... finds nothing either");
	return;
}

# default privileges of a database as sorted lines, without what the owner of an
# object has anyway; "PUBLIC" where the built-in ones differ
sub defaults
{
	my ($database, $where) = @_;
	$where ||= 'true';
	return $node->safe_psql($database, "
		SELECT role || ' ' || type || ' ' || grantee || ' ' || privilege FROM (
			SELECT defaclrole::regrole::text AS role, defaclobjtype::text AS type,
				CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
				privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END AS privilege
			FROM pg_default_acl, aclexplode(defaclacl) WHERE grantee <> defaclrole AND defaclnamespace = 0) d
		WHERE $where ORDER BY 1");
}

# the lines for one role that a list of "TYPE GRANTEE PRIVILEGE" makes
sub expected { my ($roles, @units) = @_; return join "\n", sort map { my $r = $_; map { "$r $_" } @units } @$roles; }

my @field = (
	(map { my $g = $_; ("f $g EXECUTE", "n $g USAGE", "r $g SELECT", "S $g SELECT") } qw(dbrole_offline dbrole_readonly)),
	(map { "r dbrole_readwrite $_" } qw(INSERT UPDATE DELETE)), (map { "S dbrole_readwrite $_" } qw(USAGE UPDATE)),
	(map { "r dbrole_admin $_" } qw(TRUNCATE REFERENCES TRIGGER)), 'n dbrole_admin CREATE', 'f PUBLIC EXECUTE');

sub sorted { my ($text) = @_; return join "\n", sort split /\n/, $text; }

# dbrole_admin's own objects are its own anyway
sub is_field
{
	my ($database, $owner, $what) = @_;
	my @roles = grep { defined } $superuser, 'dbuser_dba', $owner;
	is(sorted(defaults($database)),
		join("\n", sort split(/\n/, expected(\@roles, @field)), split(/\n/, expected(['dbrole_admin'], grep { !/ dbrole_admin / } @field))),
		$what);
	return;
}

# ---- an ACL that needs nothing stays NULL --------------------------------------------------
my @nobody = (pg_default_roles => [], pg_default_privileges => [], pg_default_schemas => [],
	pg_databases => [ { name => 'plain_one' } ]);
converge($node, small_document(@nobody), 'converged', 'no roles: nobody to give anything');
is(value($node, 'SELECT count(*) FROM pg_default_acl'), 0, '... no default privileges');
is(value($node, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datacl IS NULL"), 'plain_one postgres',
	'... a database that needs no privilege has a NULL ACL');
no_change(small_document(@nobody), 'NULL ACL');
$node->safe_psql('postgres', 'DROP DATABASE plain_one');

# ---- the field's default privileges, everywhere ------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE foreign_one; CREATE DATABASE closed_one; ALTER DATABASE closed_one ALLOW_CONNECTIONS false');
my $untouched = "SELECT coalesce(datacl::text, 'NULL') || (SELECT count(*) FROM pg_database WHERE datacl IS NULL AND datname IN ('postgres', 'foreign_one', 'closed_one'))
	FROM pg_database WHERE datname = 'foreign_one'";
my $spec = cluster();
converge($node, $spec, 'converged', 'declared');
is_field($_, undef, "$_: default privileges of superuser, admin and dbrole_admin") for qw(postgres template1 foreign_one other);
is_field('app', '"app owner"', 'app: those of its owner, too');
is(value($node, $untouched), 'NULL3', 'databases that are not declared keep their NULL ACL');
is($node->safe_psql('foreign_one', "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public'"),
	$node->safe_psql('postgres', "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public'"),
	'... and their schema public');
no_change($spec, 'declared');

# what it is for
$node->safe_psql('app', q(SET ROLE "app owner"; CREATE SCHEMA s; CREATE TABLE s.t (id int); CREATE SEQUENCE s.q;));
is( $node->safe_psql('app', "SELECT has_table_privilege('dbrole_readonly', 's.t', 'SELECT'), has_table_privilege('dbrole_readonly', 's.t', 'INSERT'),
		has_table_privilege('dbrole_readwrite', 's.t', 'DELETE'), has_schema_privilege('dbrole_readonly', 's', 'USAGE'),
		has_sequence_privilege('dbrole_readwrite', 's.q', 'USAGE'), has_table_privilege('guest', 's.t', 'SELECT')"),
	't|f|t|t|t|f', 'what the owner creates is readable and writable for whom it should');

# ---- a new database inherits ------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE by_hand');
is_field('by_hand', undef, 'a database that somebody creates has them at once');
my $count = action_count($node);
is(reconciled()->{phase}, 'converged', '... and needs nothing');
is(action_count($node), $count, '... no action at all');
$spec = cluster(pg_databases => [ \%app, { name => 'other' }, { name => 'later', owner => 'next owner' } ]);
converge($node, $spec, 'converged', 'a new declared database');
is_field('later', '"next owner"', '... has those of its owner, too');
no_change($spec, 'new database');

# ---- somebody else changes them ------------------------------------------------------------------
$node->safe_psql('app', q(
	ALTER DEFAULT PRIVILEGES FOR ROLE "app owner" REVOKE SELECT ON TABLES FROM dbrole_readonly;
	ALTER DEFAULT PRIVILEGES FOR ROLE dbrole_admin REVOKE ALL ON SCHEMAS FROM dbrole_readonly, dbrole_offline;
	ALTER DEFAULT PRIVILEGES FOR ROLE "app owner" IN SCHEMA s GRANT SELECT ON TABLES TO guest;
	ALTER DEFAULT PRIVILEGES FOR ROLE guest GRANT SELECT ON TABLES TO guest, "some reader"));
is(reconciled()->{phase}, 'converged', 'repaired');
is( sorted(defaults('app', "role <> 'guest'")), sorted(do { is_field('later', '"next owner"', 'the other database is as before'); my $t = defaults('later'); $t =~ s/next owner/app owner/g; $t }),
	'... default privileges are as declared');
is( $node->safe_psql('app', "SELECT count(*) FROM pg_default_acl WHERE defaclnamespace <> 0 OR defaclrole = 'guest'::regrole"),
	2, '... those of other roles and of one schema are none of its business');

# ---- the owner changes --------------------------------------------------------------------------------
%app = (%app, owner => 'next owner');
converge($node, $spec = cluster(), 'converged', 'another owner');
is(defaults('app', q(role = '"app owner"')), '', 'what was set for the owner before is taken back');
is(sorted(defaults('app', q(role = '"next owner"'))), expected(['"next owner"'], @field), '... and set for the new one');
is(value($node, q(SELECT string_agg(grantee::regrole || ' ' || privilege_type, ', ' ORDER BY grantee::regrole::text || privilege_type) FROM pg_database, aclexplode(datacl)
		WHERE datname = 'app' AND grantee <> 0)),
	'"next owner" CONNECT, "next owner" CREATE, "next owner" TEMPORARY, dbrole_admin CREATE', 'privileges on the database follow');
no_change($spec, 'another owner');

# ---- all forms ----------------------------------------------------------------------------------------------
my @forms = (
	'REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', 'revoke usage on types from public',
	'GRANT ALL ON TABLES TO dbrole_readwrite', 'GRANT ALL PRIVILEGES ON SEQUENCES TO dbrole_readwrite',
	'GRANT SELECT ON TABLES TO PUBLIC', 'GRANT SELECT, INSERT ON TABLES TO dbrole_readonly, "some reader"',
	'GRANT USAGE ON SCHEMAS TO "some reader" WITH GRANT OPTION', 'GRANT ALL ON SCHEMAS TO guest',
	'GRANT EXECUTE ON ROUTINES TO guest', 'GRANT USAGE ON TYPES TO guest;');
my @all = ((map { "r dbrole_readwrite $_" } qw(INSERT SELECT UPDATE DELETE TRUNCATE REFERENCES TRIGGER), $major >= 17 ? 'MAINTAIN' : ()),
	(map { "S dbrole_readwrite $_" } qw(USAGE SELECT UPDATE)), 'r PUBLIC SELECT',
	(map { my $g = $_; map { "r $g $_" } qw(SELECT INSERT) } 'dbrole_readonly', '"some reader"'),
	'n "some reader" USAGE*', 'n guest USAGE', 'n guest CREATE', 'f guest EXECUTE', 'T guest USAGE');
converge($node, $spec = cluster(pg_default_privileges => \@forms), 'converged', 'every form of a default privilege');
for my $database (qw(app template1 foreign_one other))
{
	is(sorted(defaults($database, "role = 'dbuser_dba'")), expected(['dbuser_dba'], @all),
		"$database: what is no longer declared is undone, every form is set");
}
no_change($spec, 'every form');
$node->safe_psql('app', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$');
is($node->safe_psql('app', q(SELECT has_function_privilege('app owner', 'f()', 'EXECUTE'), has_function_privilege('guest', 'f()', 'EXECUTE'))),
	'f|t', 'a REVOKE from PUBLIC holds');

# ---- none at all: as if pgops had never been there ------------------------------------------------------------
converge($node, $spec = cluster(pg_default_privileges => []), 'converged', 'no default privileges');
is($node->safe_psql($_, "SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = 0 AND defaclrole <> 'guest'::regrole"), 0,
	"$_: no row is left") for qw(app other template1 postgres foreign_one later);
no_change($spec, 'no default privileges');

# ---- schema public and the database itself -----------------------------------------------------------------------
$node->safe_psql($_, 'GRANT CREATE ON SCHEMA public TO PUBLIC') for qw(app foreign_one template1);
$node->safe_psql('postgres', 'GRANT ALL ON DATABASE app TO PUBLIC; REVOKE CREATE ON DATABASE app FROM dbrole_admin;
	REVOKE ALL ON DATABASE app FROM "next owner"; GRANT TEMPORARY ON DATABASE app TO guest; GRANT CREATE ON DATABASE foreign_one TO PUBLIC');
is(reconciled()->{phase}, 'converged', 'repaired');
sub may { my ($database, $role, $on) = @_;
	return $node->safe_psql($database, "SELECT has_" . ($on eq 'schema' ? "schema_privilege('$role', 'public'" : "database_privilege('$role', '$database'") . ", 'CREATE')"); }
is(may('app', 'guest', 'schema'), 'f', 'CREATE on schema public is taken from PUBLIC');
is(may('app', 'dbrole_admin', 'schema'), 't', '... and given to dbrole_admin');
is(may('template1', 'guest', 'schema'), 'f', '... taken in template1, too');
is(may('foreign_one', 'guest', 'schema'), 't', '... in a database that is not declared it stays');
is(may('app', 'guest', 'database'), 'f', 'CREATE on the database is taken from PUBLIC');
is(may('app', 'dbrole_admin', 'database'), 't', '... and given to dbrole_admin');
is(may('app', 'next owner', 'database'), 't', '... the owner has it again');
is(may('foreign_one', 'guest', 'database'), 't', '... on one that is not declared it stays');
is(value($node, "SELECT count(*) FROM pg_database, aclexplode(datacl) WHERE datname = 'app' AND grantee = 'guest'::regrole"), 1,
	'what somebody gave to a role stays');

# ---- revokeconn: those who may let others in have done so ------------------------------------------------------------
$app{revokeconn} = $true;
converge($node, $spec = cluster(), 'converged', 'revokeconn');
is( value($node, "SELECT string_agg(grantee::regrole || CASE WHEN is_grantable THEN '*' ELSE '' END, ' ' ORDER BY grantee::regrole::text) FROM
		(SELECT a.* FROM pg_database, aclexplode(datacl) a WHERE datname = 'app' AND privilege_type = 'CONNECT' AND grantee <> 0) x"),
	value($node, q(SELECT string_agg(r, ' ' ORDER BY r) FROM unnest(ARRAY['dbuser_dba*', 'dbuser_monitor', '"next owner"*', 'replicator']) r)),
	'CONNECT for admin, monitor, owner and replication')
  or diag(value($node, "SELECT datacl FROM pg_database WHERE datname = 'app'"));
$node->safe_psql('postgres', 'SET ROLE dbuser_dba; GRANT CONNECT ON DATABASE app TO guest');
no_change($spec, 'revokeconn, and the admin has let somebody in');
is(value($node, "SELECT has_database_privilege('guest', 'app', 'CONNECT')"), 't', '... who stays');
delete $app{revokeconn};
converge($node, $spec = cluster(), 'converged', 'revokeconn is no longer declared');
is(value($node, "SELECT has_database_privilege('some reader', 'app', 'CONNECT')"), 't', 'anybody may connect again');
no_change($spec, 'revokeconn no longer declared');

# ---- default schemas and extensions -----------------------------------------------------------------------------------------
sub inside { my ($database) = @_;
	return $node->safe_psql($database, "SELECT (SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname IN ('monitor', 'tools')),
		(SELECT string_agg(extname || ' ' || extnamespace::regnamespace, ', ' ORDER BY extname) FROM pg_extension WHERE extname <> 'plpgsql' AND extname <> 'pgops')"); }
converge($node, $spec = cluster(pg_default_schemas => ['monitor'], pg_default_extensions => [ { name => 'pgcrypto', schema => 'monitor' } ]),
	'converged', 'default schemas and extensions');
is(inside($_), 'monitor|pgcrypto monitor', "$_ has them") for qw(template1 postgres);
is(inside('app'), 'monitor|', 'a database that was there does not get them');
no_change($spec, 'defaults');
converge($node, $spec = cluster(pg_default_schemas => [ 'monitor', 'tools' ],
	pg_default_extensions => [ { name => 'pgcrypto', schema => 'tools' }, 'btree_gist' ]), 'converged', 'changed later');
is(inside($_), 'monitor tools|btree_gist public, pgcrypto tools', "$_ follows") for qw(template1 postgres);
no_change($spec, 'changed defaults');
$node->safe_psql('postgres', 'CREATE DATABASE newest');
is(inside('newest'), 'monitor tools|btree_gist public, pgcrypto tools', 'a new database begins with them');
declare($node, cluster(pg_default_schemas => ['monitor'], pg_default_extensions => []));
settle($node);
is(inside('template1'), 'monitor tools|btree_gist public, pgcrypto tools', 'what is no longer declared is not dropped');
is_deeply([ sort map { "$_->{name} $_->{database} $_->{sqlstate}" } grep { $_->{database} } plan_rows($node) ],
	[ map { ("$_ postgres PO208", "$_ template1 PO208") } qw(btree_gist pgcrypto tools) ],
	'... but reported');

is(value($node, "SELECT count(*) FROM pgops.action_log WHERE state <> 'succeeded'"), 0, 'no action failed');

done_testing();
