# Removing a role: a visible sequence of steps that ends its sessions, hands over
# what it owns in every database, takes its privileges and memberships, and drops
# it last.  No data is lost, and while handing over fails in one database, nothing
# is dropped.  Some names are never dropped; many drops need an approval, which is
# good for one time.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# a failed action is tried again when the test asks for it
my $node = pgops_node('main', conf => <<'CONF');
pgops.lock_timeout = '1s'
pgops.retry_delay = '1h'
pgops.drift_interval = '1h'
pgops.max_destructive = 1
allow_in_place_tablespaces = on
CONF
my $superuser = value($node, 'SELECT quote_ident(pg_get_userbyid(10))');
my @databases = qw(one two closed postgres);

sub role_exists { return value($node, 'SELECT count(*) FROM pg_roles WHERE rolname = ' . literal($_[0])); }

sub reconciled { $node->safe_psql('postgres', 'SELECT pgops.reconcile()'); return settle($node); }

# a database that refuses connections is opened for the look
sub within
{
	my ($database, $sql) = @_;
	my $closed = $database eq 'closed';
	$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true') if $closed;
	my $result = $node->safe_psql($database, $sql);
	$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false') if $closed;
	return $result;
}

# ---- a role with roots everywhere -------------------------------------------------------
my $setup = <<"SQL";
CREATE SCHEMA vault AUTHORIZATION "the victim";
CREATE TABLE vault.data AS SELECT g AS id, 'row ' || g AS text FROM generate_series(1, 1000) g;
ALTER TABLE vault.data OWNER TO "the victim";
CREATE INDEX ON vault.data (id);
CREATE SEQUENCE vault.numbers;
ALTER SEQUENCE vault.numbers OWNER TO "the victim";
CREATE TYPE vault.pair AS (a int, b int);
ALTER TYPE vault.pair OWNER TO "the victim";
CREATE FUNCTION vault.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION vault.one() OWNER TO "the victim";
CREATE VIEW vault.view AS SELECT * FROM vault.data;
ALTER VIEW vault.view OWNER TO "the victim";
SELECT lo_from_bytea(4711, 'large');
ALTER LARGE OBJECT 4711 OWNER TO "the victim";
SET ROLE "the victim";
GRANT SELECT ON vault.data TO bystander;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bystander;
RESET ROLE;
CREATE TABLE public.foreign_table (id int);
INSERT INTO public.foreign_table VALUES (1);
GRANT ALL ON public.foreign_table TO "the victim" WITH GRANT OPTION;
GRANT CREATE ON SCHEMA public TO "the victim";
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "the victim";
ALTER TABLE public.foreign_table ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_victim ON public.foreign_table TO "the victim" USING (true);
CREATE POLICY shared ON public.foreign_table TO "the victim", bystander USING (true);
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper OPTIONS (host 'nowhere');
ALTER SERVER elsewhere OWNER TO "the victim";
CREATE USER MAPPING FOR "the victim" SERVER elsewhere;
SQL
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE "the victim" LOGIN CREATEROLE;
CREATE ROLE bystander;
CREATE ROLE a_group;
CREATE ROLE a_member;
GRANT a_group TO "the victim" WITH ADMIN OPTION;
GRANT pg_read_all_data TO "the victim";
GRANT "the victim" TO a_member;
ALTER ROLE "the victim" SET work_mem = '8MB';
COMMENT ON ROLE "the victim" IS 'soon gone';
SET ROLE "the victim";
GRANT a_group TO bystander;
RESET ROLE;
CREATE DATABASE one OWNER "the victim";
CREATE DATABASE two;
CREATE DATABASE closed;
GRANT CREATE ON DATABASE two TO "the victim";
CREATE TABLESPACE victims OWNER "the victim" LOCATION '';
ALTER ROLE "the victim" IN DATABASE two SET work_mem = '9MB';
SQL
$node->safe_psql($_, $setup) for @databases;
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');

# its sessions, of before pg_hba.conf changes
my @sessions = map { $node->background_psql($_, extra_params => [ '-U', 'the victim' ]) } qw(postgres two);
is($_->query_safe('SELECT 1'), 1, 'the role has a session') for @sessions;

my @others = ({ name => 'bystander', login => JSON::PP::false }, { name => 'a_member', login => JSON::PP::false });
my $present = small_document(pg_users => [ @others, { name => 'the victim', roles => ['a_group'] } ]);
my $absent = small_document(pg_users => [ @others, { name => 'the victim', state => 'absent' } ]);
converge($node, $present, 'converged', 'declared while it is there');

# ---- one visible sequence -----------------------------------------------------------------
my @plan = declare($node, $absent, dry_run => 1);
is_deeply(
	[ map { $_->{rule} . ($_->{database} ? " in $_->{database}" : '') } grep { $_->{kind} eq 'role' } @plan ],
	[
		'role.nologin', 'role.sessions', 'role.reassign', 'role.drop_owned',
		(map { ("role.reassign in $_", "role.drop_owned in $_") } qw(closed one two)),
		('role.revoke_membership') x grep({ $_->{rule} eq 'role.revoke_membership' } @plan),
		'role.drop'
	],
	'the plan shows every step, in order');
cmp_ok(scalar(grep { $_->{rule} eq 'role.revoke_membership' } @plan), '>=', 3, '... memberships both ways');
is_deeply([ map { $_->{rule} } grep { $_->{destructive} } @plan ], ['role.drop'], '... the drop is the destructive one');

# ---- it fails in one database: nothing is dropped ---------------------------------------------
my $holder = $node->background_psql('two');
$holder->query_safe('BEGIN; LOCK TABLE vault.data IN ACCESS SHARE MODE');
declare($node, $absent);
my $status = settle($node);
is($status->{phase}, 'degraded', 'a lock is in the way: degraded');
my $failure = row($node, 'SELECT rule, name, database, sqlstate, attempts FROM pgops.failure');
is_deeply($failure,
	{ rule => 'role.reassign', name => 'the victim', database => 'two', sqlstate => '55P03', attempts => 1 },
	'the failure is told');
is(role_exists('the victim'), 1, 'the role is still there');
is(value($node, "SELECT count(*) FROM pgops.action_log WHERE statement ~ '^DROP ROLE'
		OR statement ~ '^DROP OWNED' AND database = 'two' AND state <> 'skipped'"),
	0, '... and nothing was dropped there');
is( $node->safe_psql('two',
		"SELECT relowner::regrole::text, has_table_privilege('the victim', 'public.foreign_table', 'SELECT'),
			(SELECT count(*) FROM pg_default_acl WHERE defaclrole = '\"the victim\"'::regrole)
		FROM pg_class WHERE oid = 'vault.data'::regclass"),
	'"the victim"|t|1', 'there it still has what it had');
is(value($node, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'the victim'"), 'f', 'but it cannot log in any more');
is(value($node, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'the victim'"), 0, 'and has no session');
is($node->safe_psql('one', "SELECT relowner FROM pg_class WHERE oid = 'vault.data'::regclass"),
	10, 'another database did not wait for it');
$status = reconciled();
is($status->{phase}, 'degraded', 'tried again, the lock still held');
is(value($node, 'SELECT attempts FROM pgops.failure'), 2, '... is counted');
is(role_exists('the victim'), 1, '... and the role is still there');

# ---- the lock is gone ------------------------------------------------------------------------------
$holder->query_safe('COMMIT');
$holder->quit;
is(reconciled()->{phase}, 'converged', 'the lock is gone: converged');
is(role_exists('the victim'), 0, 'the role is gone');
is(value($node, 'SELECT count(*) FROM pgops.failure'), 0, 'and the failure with it');
is(value($node, "SELECT datdba FROM pg_database WHERE datname = 'one'"), 10, 'its database belongs to the superuser');
is(value($node, "SELECT spcowner FROM pg_tablespace WHERE spcname = 'victims'"), 10, '... and its tablespace');
for my $database (@databases)
{
	is( within($database,
			"SELECT (SELECT count(*) || ' ' || min(text) || ' ' || max(id) FROM vault.data),
				(SELECT string_agg(DISTINCT relowner::text, ' ') FROM pg_class WHERE relnamespace = 'vault'::regnamespace),
				(SELECT nspowner FROM pg_namespace WHERE nspname = 'vault'),
				(SELECT typowner FROM pg_type WHERE oid = 'vault.pair'::regtype),
				(SELECT proowner FROM pg_proc WHERE oid = 'vault.one'::regproc),
				(SELECT srvowner FROM pg_foreign_server),
				(SELECT lomowner || ' ' || encode(lo_get(oid), 'escape') FROM pg_largeobject_metadata)"),
		'1000 row 1 1000|10|10|10|10|10|10 large', "$database: nothing is lost, all belongs to the superuser");
	is( within($database,
			"SELECT has_table_privilege('bystander', 'vault.data', 'SELECT'),
				(SELECT count(*) FROM public.foreign_table),
				(SELECT count(*) FROM pg_user_mapping),
				(SELECT string_agg(polname || ' ' || array_to_string(polroles::regrole[], ','), ', ') FROM pg_policy),
				(SELECT count(*) FROM pg_default_acl WHERE defaclrole NOT IN (SELECT oid FROM pg_roles)),
				(SELECT count(*) FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass
					AND s.refobjid NOT IN (SELECT oid FROM pg_authid))"),
		't|1|0|shared bystander|0|0', "$database: privileges of others stay, its own are gone");
}
is(value($node, 'SELECT count(*) FROM pg_auth_members WHERE member NOT IN (SELECT oid FROM pg_roles)
		OR roleid NOT IN (SELECT oid FROM pg_roles)'), 0, 'no membership is left over');
is(value($node, 'SELECT count(*) FROM pg_db_role_setting WHERE setrole <> 0 AND setrole NOT IN (SELECT oid FROM pg_roles)'),
	0, 'no parameter is left over');
is(value($node, "SELECT count(*) FROM pgops.owned WHERE name = 'the victim' OR attribute ~ 'the victim'"),
	0, 'pgops remembers nothing of it');
is_deeply([ open_rows(plan_rows($node)) ], [], 'nothing is left to do');
is_deeply(
	[ map { $_->{rule} } rows($node, "SELECT rule FROM pgops.action_log WHERE rule IN ('role.nologin', 'role.drop')
		AND state = 'succeeded' ORDER BY id") ],
	[ 'role.nologin', 'role.drop' ], 'the log has the first and the last step once');
$_->{run}->kill_kill for @sessions;

# ---- a database that nobody can look into -----------------------------------------------------------
# (its owner must not be dropped from under it)
$node->safe_psql('postgres', 'CREATE ROLE gone; CREATE DATABASE broken OWNER gone');
$node->safe_psql('postgres', "SET allow_system_table_mods = on;
	UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'");
declare($node, small_document(pg_users => [ @others, { name => 'gone', state => 'absent' } ]));
$status = settle($node);
is(role_exists('gone'), value($node, "SELECT count(*) FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
	WHERE d.datname = 'broken' AND r.rolname = 'gone'"), 'an invalid database does not lose its owner');
$node->safe_psql('postgres', 'DROP DATABASE broken');
is(reconciled()->{phase}, 'converged', 'the invalid database is gone: converged');
is(role_exists('gone'), 0, '... and the role is dropped');

# ---- names that are never dropped ----------------------------------------------------------------------
my @protected = qw(postgres replicator dbuser_dba dbuser_monitor);
converge($node, small_document(), 'converged', 'the default roles');
declare($node, small_document(pg_default_roles => [ map { { name => $_, state => 'absent' } } @protected ],
	pg_default_privileges => []));
$status = settle($node);
my %row = map { $_->{name} => $_ } grep { $_->{rule} eq 'role.drop' } plan_rows($node);
for my $name (@protected)
{
	my $real = $name eq 'postgres' ? value($node, 'SELECT pg_get_userbyid(10)') : $name;
	is($row{$real}{sqlstate}, 'PO204', "$name: removing it is refused");
	is(role_exists($real), 1, "$name: is still there");
}
my ($code, $error) = try_declare($node, small_document(pg_users => [ { name => 'pg_monitor', state => 'absent' } ]));
like($error, qr/pg_monitor/, "roles of the server's own are refused at once");

# ---- authoritative: what is not declared is removed, within limits -----------------------------------------
my %authoritative = (pgops_policy => 'authoritative', pg_databases => [ map { { name => $_ } } qw(one two closed) ]);
my $strict = small_document(%authoritative);

sub make_extra
{
	$node->safe_psql('postgres', 'CREATE ROLE extra_a LOGIN; CREATE ROLE extra_b LOGIN;
		GRANT pg_monitor TO dbrole_readonly; GRANT dbrole_readonly TO extra_a');
	$node->safe_psql('two', 'CREATE TABLE IF NOT EXISTS public.extra AS SELECT 1 AS id;
		ALTER TABLE public.extra OWNER TO extra_a');
	return;
}
make_extra();
declare($node, small_document(%authoritative, pg_safeguard => JSON::PP::true));
$status = settle($node);
is($status->{phase}, 'blocked', 'safeguard: blocked');
is(value($node, "SELECT string_agg(rolname || ' ' || rolcanlogin, ', ' ORDER BY rolname) FROM pg_roles WHERE rolname ~ '^extra'"),
	'extra_a true, extra_b true', '... the roles stay and may log in');
is_deeply([ map { $_->{rule} } open_rows(plan_rows($node)) ], [], '... no step of the sequence is done');

declare($node, $strict);
$status = settle($node);
is($status->{phase}, 'blocked', 'more than pgops.max_destructive: blocked');
my $digest = $status->{destructive_digest} // '';
like($digest, qr/^[0-9a-f]{64}$/, '... until this digest is approved');
is(role_exists('extra_a') + role_exists('extra_b'), 2, '... the roles stay');
my $hint = row($node, "SELECT DISTINCT hint FROM pgops.plan() WHERE sqlstate = 'PO203'")->{hint};
like($hint, qr/pgops\.approve\('small', '$digest'\)/, '... the hint says how');

($code, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.approve('small', repeat('0', 64))");
like($error, qr/PO207/, 'a wrong digest is refused');
# something else is to be removed by now: what was approved is not what waits
$node->safe_psql('postgres', 'CREATE ROLE extra_c');
$node->safe_psql('postgres', "SELECT pgops.approve('small', '$digest')");
$status = reconciled();
is(role_exists('extra_a') + role_exists('extra_b') + role_exists('extra_c'), 3, 'an approval holds for exactly these steps');
isnt($status->{destructive_digest}, $digest, '... another digest waits');
is(value($node, 'SELECT approved_digest FROM pgops.cluster'), $digest, '... and the approval is not used up');
$node->safe_psql('postgres', 'DROP ROLE extra_c');

# the first of its roles cannot be dropped yet: the approval stands as long as nothing is dropped
$holder = $node->background_psql('two');
$holder->query_safe('BEGIN; LOCK TABLE public.extra IN ACCESS SHARE MODE');
$node->safe_psql('postgres', 'ALTER ROLE extra_b SUPERUSER');
$status = reconciled();
is($status->{phase}, 'degraded', 'approved, but a lock is in the way');
is(role_exists('extra_a') . role_exists('extra_b'), '10', '... one role is dropped');
is(value($node, 'SELECT approved_digest FROM pgops.cluster'), $digest, '... the approval is not used up');
$holder->query_safe('COMMIT');
$holder->quit;
is(reconciled()->{phase}, 'converged', 'the rest is within the limit: converged');
is(role_exists('extra_a') + role_exists('extra_b'), 0, 'the roles are gone');
is($node->safe_psql('two', "SELECT id, (SELECT relowner FROM pg_class WHERE oid = 'public.extra'::regclass) FROM public.extra"),
	'1|10', 'the data is not');
is(value($node, "SELECT count(*) FROM pg_auth_members WHERE member = 'dbrole_readonly'::regrole"), 0,
	'a membership of a declared role that is not declared is revoked');

# ---- an approval is good for one time ---------------------------------------------------------------------
make_extra();
$status = reconciled();
is($status->{phase}, 'blocked', 'the same roles again wait again');
$digest = $status->{destructive_digest};
$node->safe_psql('postgres', "SELECT pgops.approve('small', '$digest')");
is(settle($node)->{phase}, 'converged', 'approved');
is(role_exists('extra_a') + role_exists('extra_b'), 0, '... and dropped');
is(value($node, 'SELECT approved_digest IS NULL FROM pgops.cluster'), 't', '... the approval is used up');
make_extra();
$status = reconciled();
is($status->{destructive_digest}, $digest, 'the very same steps again');
is($status->{phase}, 'blocked', '... need another approval');
is(role_exists('extra_a') + role_exists('extra_b'), 2, '... and are not done');

done_testing();
