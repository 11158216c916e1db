# Every field of a role, one by one: created, changed, changed by somebody else,
# applied again without effect.  Expiration dates are fixed when first declared;
# passwords are verifiers, and a plain one that matches is no change; a name may
# be anything that the server takes.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my $node = pgops_node('main');
my $major = value($node, "SELECT current_setting('server_version_num')::int / 10000");
my $superuser = value($node, 'SELECT pg_get_userbyid(10)');

sub users { return small_document(pg_users => [@_]); }

sub role
{
	my ($name) = @_;
	return row($node, "SELECT a.*, shobj_description(a.oid, 'pg_authid') AS comment,
			ARRAY(SELECT unnest(s.setconfig) ORDER BY 1) AS settings
		FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
		WHERE rolname = " . literal($name));
}

sub groups
{
	my ($name) = @_;
	return value($node, "SELECT coalesce(string_agg(roleid::regrole || CASE WHEN admin_option THEN '*' ELSE '' END, ' ' ORDER BY roleid::regrole::text), '')
		FROM pg_auth_members WHERE member = " . literal($name) . '::regrole');
}

# declared once more, nothing happens
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

# ---- what was there before pgops ------------------------------------------------
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE found LOGIN CREATEDB BYPASSRLS CONNECTION LIMIT 9 PASSWORD 'Found.Secret.1';
COMMENT ON ROLE found IS 'by hand';
ALTER ROLE found SET lock_timeout = '3s';
ALTER ROLE found SET work_mem = '5MB';
CREATE ROLE other PASSWORD 'Other.Secret.1';
SET password_encryption = md5;
CREATE ROLE found_md5 LOGIN PASSWORD 'Found.Secret.2';
SQL
my $scram = role('other')->{rolpassword};
my $found = role('found');
my $found_md5 = role('found_md5');
my $md5 = 'md5' . md5_hex('Md5.Secretmd5er');

# ---- every field, at creation ------------------------------------------------------
my @groups = map { { name => $_, login => $false } } qw(g1 g2 g3);
my %every = (
	name => 'every', password => 'Every.Secret.1',
	login => $true, superuser => $false, createdb => $true, createrole => $true,
	inherit => $false, replication => $true, bypassrls => $true,
	connlimit => 7, expire_in => 30, comment => q(it's "quoted" \\ 100%),
	roles => [ 'g1', { name => 'g2', admin => $true }, { name => 'g3', state => 'create' } ],
	parameters => {
		search_path => q("$user", "A b", plain, "x,y", "say ""hi"""),
		work_mem => '9MB',
		application_name => q(it's; -- \\ "app"),
		DateStyle => 'ISO, DMY',
		TimeZone => 'Europe/Vienna',
		'my.option' => 'Any Value',
		statement_timeout => 1500,
		jit => $false
	});
my @rest = (
	{ name => 'forever', expire_at => 'infinity' },
	{ name => 'dated', expire_at => '2031-05-06 07:08:09+02' },
	{ name => 'scram', password => $scram },
	{ name => 'md5er', password => $md5 },
	{ name => 'found', password => 'Found.Secret.1', parameters => { lock_timeout => 'DEFAULT' } },
	{ name => 'found_md5', password => 'Found.Secret.2' },
	{ name => 'brief' });
my $spec = users(@groups, \%every, @rest);

converge($node, $spec, 'converged', 'every field is declared');
my $every = role('every');
is($every->{$_} ? 1 : 0, { rolsuper => 0, rolinherit => 0 }->{$_} // 1, "created: $_")
  for qw(rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls);
is($every->{rolconnlimit}, 7, 'created: connlimit');
is($every->{comment}, $every{comment}, 'created: comment');
like($every->{rolpassword}, qr/^SCRAM-SHA-256\$/, 'created: a plain password is a SCRAM verifier');
is_deeply($every->{settings},
	[
		'DateStyle=ISO, DMY', 'TimeZone=Europe/Vienna', q(application_name=it's; -- \\ "app"), 'jit=off',
		'my.option=Any Value', q(search_path="$user", "A b", plain, "x,y", "say ""hi"""),
		'statement_timeout=1500', 'work_mem=9MB'
	],
	'created: parameters, a list element by element');
is(groups('every'), 'g1 g2* g3', 'created: memberships, one with admin option');
is( value($node, "SELECT rolvaliduntil = ((now() AT TIME ZONE 'UTC')::date + 30)::timestamp AT TIME ZONE 'UTC'
		FROM pg_authid WHERE rolname = 'every'"),
	't', 'created: expire_in is midnight UTC after so many days');
is(role('forever')->{rolvaliduntil}, 'infinity', 'expire_at infinity');
is(value($node, "SELECT rolvaliduntil = '2031-05-06 05:08:09+00' FROM pg_authid WHERE rolname = 'dated'"),
	't', 'expire_at with an offset');
is(role('scram')->{rolpassword}, $scram, 'a SCRAM verifier is taken as it is');
is(role('md5er')->{rolpassword}, $md5, 'an md5 verifier is taken as it is');
my $brief = role('brief');
ok($brief->{rolcanlogin} && !$brief->{rolpassword} && $brief->{rolconnlimit} == -1,
	'a name alone is a user without password and limits');

# ---- found, not created: what is not declared stays; the password matches already -----
my $adopted = role('found');
is($adopted->{rolpassword}, $found->{rolpassword}, 'a plain password that matches the verifier changes nothing');
is(role('found_md5')->{rolpassword}, $found_md5->{rolpassword}, '... an md5 verifier neither');
ok($adopted->{rolcreatedb} && $adopted->{rolbypassrls} && $adopted->{rolconnlimit} == 9,
	'found: undeclared attributes stay');
is($adopted->{comment}, 'by hand', 'found: the undeclared comment stays');
is_deeply($adopted->{settings}, ['work_mem=5MB'], 'found: DEFAULT resets, an undeclared parameter stays');
is(value($node, "SELECT string_agg(name || ' ' || created, ', ' ORDER BY name) FROM pgops.owned
		WHERE kind = 'role' AND name IN ('brief', 'found')"),
	'brief true, found false', 'remembered: which was created, and which was found');
no_change($spec, 'every field');

# ---- system users --------------------------------------------------------------------
is( value($node, "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL
		AND rolname IN ('dbuser_dba', 'dbuser_monitor', 'replicator')"),
	0, 'a system user whose password is not declared gets none');
is(value($node, "SELECT count(*) FROM pg_authid WHERE rolname IN ('dbuser_dba', 'dbuser_monitor', 'replicator')"),
	3, '... but it is there');

# ---- changed by somebody else ---------------------------------------------------------
$node->safe_psql('postgres', <<'SQL');
ALTER ROLE every NOLOGIN SUPERUSER NOCREATEDB NOCREATEROLE INHERIT NOREPLICATION NOBYPASSRLS
	CONNECTION LIMIT 1 VALID UNTIL 'infinity' PASSWORD NULL;
COMMENT ON ROLE every IS 'somebody was here';
ALTER ROLE every SET search_path = '"$user", "A b", plain';
ALTER ROLE every RESET "my.option";
REVOKE ADMIN OPTION FOR g2 FROM every;
REVOKE g1 FROM every;
ALTER ROLE brief CREATEROLE CONNECTION LIMIT 3;
ALTER ROLE found CREATEROLE;
SQL
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'repaired');
my $repaired = role('every');
is($repaired->{$_}, $every->{$_}, "repaired: $_")
  for qw(rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls
  rolconnlimit rolvaliduntil rolpassword comment);
is_deeply($repaired->{settings}, $every->{settings}, 'repaired: parameters');
is(groups('every'), 'g1 g2* g3', 'repaired: memberships');
$brief = role('brief');
ok(!$brief->{rolcreaterole} && $brief->{rolconnlimit} == -1,
	'created by pgops: what is not declared stands for the defaults of CREATE ROLE');
ok(role('found')->{rolcreaterole}, 'found: what is not declared is its own affair');

# ---- expire_in is counted once ---------------------------------------------------------
# as if it had been declared ten days ago
$node->safe_psql('postgres', <<'SQL');
UPDATE pgops.resolution SET resolved = to_char((now() AT TIME ZONE 'UTC')::date + 20, 'YYYY-MM-DD') || ' 00:00:00+00'
	WHERE name = 'every' AND attribute = 'expire_in';
SELECT format('ALTER ROLE every VALID UNTIL %L', resolved) FROM pgops.resolution WHERE name = 'every' \gexec
SQL
no_change($spec, 'ten days later');
my $expires_in = "SELECT (rolvaliduntil AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date
	FROM pg_authid WHERE rolname = 'every'";
is(value($node, $expires_in), 20, 'the date of the first declaration holds');
converge($node, users(@groups, { %every, comment => 'another comment' }, @rest), 'converged', 'another field changes');
is(value($node, $expires_in), 20, '... and the date still holds');
$every{expire_in} = 31;
converge($node, users(@groups, \%every, @rest), 'converged', 'another number of days');
is(value($node, $expires_in), 31, '... is counted from now');

# ---- each field changes in the declaration -----------------------------------------------
%every = (
	name => 'every', password => 'Every.Secret.2',
	login => $false, superuser => $true, createdb => $false, createrole => $false,
	inherit => $true, replication => $false, bypassrls => $false,
	connlimit => -1, expire_at => 'infinity', comment => '',
	roles => [ { name => 'g2', admin => $false }, { name => 'g3', state => 'absent' } ],
	parameters => {
		search_path => [ '$user', 'A b', '', 'semi;colon', "quo'te", 'UPPER' ],
		work_mem => 'DEFAULT',
		temp_tablespaces => '',
		application_name => 'plain'
	});
$spec = users(@groups, \%every, @rest);
converge($node, $spec, 'converged', 'every field changes');
my $changed = role('every');
is($changed->{$_} ? 1 : 0, { rolsuper => 1, rolinherit => 1 }->{$_} // 0, "changed: $_")
  for qw(rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolbypassrls);
is($changed->{rolconnlimit}, -1, 'changed: connlimit');
is($changed->{rolvaliduntil}, 'infinity', 'changed: expire_at in place of expire_in');
is($changed->{comment}, undef, 'changed: an empty comment removes it');
isnt($changed->{rolpassword}, $every->{rolpassword}, 'changed: password');
is_deeply($changed->{settings},
	[
		'application_name=plain', q(search_path="$user", "A b", "", "semi;colon", "quo'te", "UPPER"),
		'temp_tablespaces=""'
	],
	'changed: parameters; one no longer declared is reset');
is(groups('every'), 'g2', 'changed: admin option and memberships; one no longer declared is revoked');
no_change($spec, 'every field changed');
is(value($node, "SELECT count(*) FROM pgops.resolution"), 0, 'no date is remembered that nobody declares');

# ---- options of a membership: from PostgreSQL 16 on -----------------------------------------
$every{roles} = [ { name => 'g1', set => $false, inherit => $false }, 'g2' ];
declare($node, users(@groups, \%every, @rest));
my $status = settle($node);
if ($major >= 16)
{
	is($status->{phase}, 'converged', 'options of a membership');
	is( value($node, "SELECT set_option::text || inherit_option FROM pg_auth_members
			WHERE member = 'every'::regrole AND roleid = 'g1'::regrole"),
		'falsefalse', '... are set');
}
else
{
	is($status->{phase}, 'blocked', 'options that the server does not have');
	is_deeply([ map { "$_->{name} $_->{sqlstate}" } grep { defined $_->{blocked} } plan_rows($node) ],
		[ 'every PO118', 'every PO118' ], '... are reported, one by one');
}
is(groups('every'), 'g1 g2', '... and the membership is granted');

# ---- system users with declared passwords ----------------------------------------------------
converge($node, small_document(pg_replication_password => 'Repl.Secret.1', pg_monitor_password => $scram),
	'converged', 'credentials of system users');
like(role('replicator')->{rolpassword}, qr/^SCRAM-SHA-256\$/, 'a declared plain credential');
is(role('dbuser_monitor')->{rolpassword}, $scram, 'a declared verifier');
is(role('dbuser_dba')->{rolpassword}, undef, 'an undeclared one');

# ---- the bootstrap superuser is not taken its powers -------------------------------------------
declare($node,
	small_document(
		pg_default_roles => [ { name => 'postgres', login => $false, superuser => $false, comment => 'dbsu' } ],
		pg_default_privileges => []));
$status = settle($node);
is($status->{phase}, 'blocked', 'taking the powers of the bootstrap superuser is not done');
my $dbsu = role($superuser);
ok($dbsu->{rolsuper} && $dbsu->{rolcanlogin}, '... it keeps them');
is($dbsu->{comment}, 'dbsu', '... and gets the rest, by its real name');

# ---- names ---------------------------------------------------------------------------------------
my @names = (
	q(q"uote), q(it's), 'two words', ' leading', 'trailing ', '1st', 'select', 'user', 'CamelCase',
	'a;DROP ROLE g1;--', 'back\\slash', '$dollar$', '%s%n', '${braces}', 'a.b', 'a,b', '*', '/* c */',
	"\xc3\x9cn\xc3\xaf\xe2\x82\xac \xe6\x97\xa5\xe6\x9c\xac", 'x' x 63, ("\xc3\xa9" x 31) . 'e');
$spec = users(
	(map { { name => $_, login => $false, comment => "it is $_" } } @names),
	(map { { name => "m $_->[0]", password => 'Name.Secret.1', roles => [ $_->[1] ], connlimit => 2,
		parameters => { search_path => [ $_->[1] ], application_name => $_->[1] } } }
		map { [ $_, $names[$_] ] } 0 .. $#names));
converge($node, $spec, 'converged', 'hostile names');
for my $i (0 .. $#names)
{
	my $name = $names[$i];
	my $is = row($node, "SELECT count(*) AS roles, min(shobj_description(r.oid, 'pg_authid')) AS comment,
			min(m.member::regrole::text) AS member, bool_or(" . literal("application_name=$name") . " = ANY (s.setconfig)) AS setting
		FROM pg_roles r JOIN pg_auth_members m ON m.roleid = r.oid
		JOIN pg_db_role_setting s ON s.setrole = m.member
		WHERE r.rolname = " . literal($name));
	is_deeply($is,
		{ roles => 1, comment => "it is $name", member => qq("m $i"), setting => $true },
		"name <$name>");
}
no_change($spec, 'hostile names');
my ($code, $error) = try_declare($node, users({ name => 'x' x 64 }));
isnt($code, 0, 'a name of 64 bytes is refused');
($code, $error) = try_declare($node, users({ name => 'pg_mine' }));
isnt($code, 0, 'a name that begins with pg_ is refused');

# ---- a password never gets into a statement -----------------------------------------------------
is( value($node, "SELECT count(*) FROM pgops.action_log WHERE statement ~ 'Secret|SCRAM|md5[0-9a-f]{32}'
		OR reason ~ 'Secret|SCRAM|md5[0-9a-f]{32}'"),
	0, 'no password or verifier in the action log');
is(value($node, "SELECT count(*) FROM pgops.action_log WHERE state <> 'succeeded'"), 0, 'no action failed');

done_testing();
