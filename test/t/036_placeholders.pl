# Placeholders: ${name} reaches the server as what it stands for, in names,
# owners, comments, settings, access rules and default privileges; a password is
# taken literally; what stands for nothing stays; what comes out is checked like
# anything that is declared; a variable that changes changes what mentions it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('placeholders');
my $os_user = getpwuid($<);
my %vars = (
	admin_ip => '10.7.7.7',
	app_name => 'shop',
	app_team => '${app_name}_team',
	node_limit => 17,
	node_limit_text => '18',
	node_loop => '<${node_loop}>',
	node_later => '{{ later }}',
	grafana_admin_password => 'Grafana.Secret',
	pg_admin_username => 'all',
	pg_vip_address => '10.7.0.9/24',
	pg_default_roles => [
		map({ { name => $_ } } qw(dbrole_admin all)),
		map({ { name => $_, replication => JSON::PP::true } } 'replicator') ],
	pg_users => [
		{ name => '${app_team}', login => JSON::PP::false },
		{
			name => '${app_name}_owner',
			password => 'pw${app_name}',
			connlimit => '${node_limit}',
			roles => [ '${app_team}', { name => 'dbrole_admin', admin => JSON::PP::true } ],
			parameters => { search_path => '${app_name},public', application_name => '${pg_cluster}/${ip}' },
			comment => '${app_name} ${ip} ${vip} ${lo} ${dbsu} ${repl} ${admin} ${pg_cluster} ${pg_seq}'
		},
		{ name => 'odd', comment => '${nothing} ${grafana_admin_password} ${node_later} ${pg_users} ${} ${a-b} $${app_name} ${app_name' },
		{ name => 'endless', comment => '${node_loop}' } ],
	pg_databases => [
		{
			name => '${app_name}',
			owner => '${app_name}_owner',
			connlimit => '${node_limit_text}',
			comment => 'of ${app_name}',
			schemas => [ { name => '${app_name}', owner => '${app_team}' } ]
		} ],
	pg_default_privileges => ['GRANT SELECT ON TABLES TO "${app_team}"'],
	pg_default_hba_rules => [
		{ user => '${dbsu}', db => 'all', addr => 'local', auth => 'trust' },
		{ user => '${dbsu}', db => 'all', addr => 'localhost', auth => 'trust' } ],
	pg_hba_rules => [
		{ user => '${app_name}_owner,+${repl},${admin},"${repl}"', db => '${app_name}', addr => '${admin_ip}/32', auth => 'pwd', title => 'for ${app_name}' },
		{ user => 'all', db => 'all', addr => '127.0.0.1/32', auth => 'pwd' },
		{ rules => ['host all all ${vip}/32 reject'] } ]);

# a comment as the server has it
sub comment
{
	my ($role) = @_;
	return value($node, "SELECT shobj_description('$role'::regrole, 'pg_authid')");
}

converge($node, small_document(%vars), 'converged', 'a document full of placeholders converges');

# ---- texts ----
is(comment('shop_owner'), "shop 10.10.10.10 10.7.0.9 127.0.0.1 $os_user replicator all small 1",
	'what each of them stands for');
is(comment('odd'),
	'${nothing} ${grafana_admin_password} ${node_later} ${pg_users} ${} ${a-b} ${app_name} ${app_name',
	'unknown ones, secrets, Jinja, lists and what is none at all stay as they are');
is(comment('endless'), ('<' x 8) . '${node_loop}' . ('>' x 8), 'one that names itself ends');

# ---- names, numbers, settings ----
my $owner = row($node, "SELECT r.rolconnlimit, s.setconfig FROM pg_roles r
	JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = 'shop_owner'");
is($owner->{rolconnlimit}, 17, 'a number');
is_deeply([ sort @{ $owner->{setconfig} } ],
	[ 'application_name=small/10.10.10.10', 'search_path=shop, public' ], 'settings');
is( value($node, "SELECT string_agg(roleid::regrole::text || admin_option::text, ' ' ORDER BY roleid::regrole::text)
			FROM pg_auth_members WHERE member = 'shop_owner'::regrole"),
	'dbrole_admintrue shop_teamfalse', 'groups');
my $database = row($node, "SELECT pg_get_userbyid(datdba) AS owner, datconnlimit,
	shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = 'shop'");
is_deeply($database, { owner => 'shop_owner', datconnlimit => 18, comment => 'of shop' }, 'a database');
is( value($node, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'shop'",
		database => 'shop'), 'shop_team', 'a schema and its owner');
is( value($node, "SELECT count(*) > 0 FROM pg_default_acl
		WHERE defaclacl::text LIKE '%shop_team=r/%'", database => 'shop'), 't', 'default privileges');

# ---- access rules ----
my $text = slurp_file($node->data_dir . '/pg_hba.conf');
like($text, qr{^# for shop \[default\]\nhost +shop +shop_owner,\+replicator,"all","\$\{repl\}" +10\.7\.7\.7/32 +scram-sha-256$}m,
	'a system user called "all" is that user, and a name in quotes is literal');
like($text, qr{^host all all 10\.7\.0\.9/32 reject$}m, 'a line that is taken as it is');
like($text, qr{^local +all +"?\Q$os_user\E"? +trust$}m, '${dbsu} is the bootstrap superuser');

# ---- the typed views show what the server has ----
is( value($node, "SELECT comment FROM pgops.users WHERE name = 'shop_owner'"),
	comment('shop_owner'), 'pgops.users');
is( value($node, "SELECT DISTINCT \"user\" FROM pgops.hba_rules WHERE parameter = 'pg_default_hba_rules'"),
	$os_user, 'pgops.hba_rules knows the bootstrap superuser of its own cluster');

# ---- passwords are literal ----
my ($code, $out) = tcp_login($node, 'shop_owner', 'pw${app_name}', 'shop');
is("$code $out", '0 shop_owner', 'the password is what was written');
($code) = tcp_login($node, 'shop_owner', 'pwshop', 'shop');
isnt($code, 0, '... and nothing else');

# ---- nothing to do, and then what a variable changes ----
my $before = footprint($node);
declare($node, small_document(%vars));
value($node, 'SELECT pgops.reconcile()');
settle($node);
same_footprint($before, footprint($node), 'declared again, nothing is done');

my $oid = value($node, "SELECT oid FROM pg_database WHERE datname = 'shop'");
$vars{pg_databases}[0]{state} = 'recreate';
converge($node, small_document(%vars), 'converged', 'the database is made anew');
my $anew = value($node, "SELECT oid FROM pg_database WHERE datname = 'shop'");
isnt($anew, $oid, '... once');
$vars{node_limit_text} = '19';
$vars{node_limit} = -1;
converge($node, small_document(%vars), 'converged', 'variables change');
is_deeply(
	row($node, "SELECT d.oid::int, datconnlimit, rolconnlimit FROM pg_database d, pg_roles
		WHERE datname = 'shop' AND rolname = 'shop_owner'"),
	{ oid => $anew, datconnlimit => 19, rolconnlimit => -1 },
	'... and with them what mentions them, but no database is made anew');

# ---- what comes out is checked ----
for my $case (
	[ { node_limit => 'many' }, qr/"connlimit" must be an integer/, 'no number' ],
	[ { node_limit => -7 }, qr/"connlimit" must be between -1 and/, 'a number out of its range' ],
	[ { app_team => 'x' x 70 }, qr/63/, 'a name that is too long' ],
	[ { admin_ip => undef }, qr/\$\{admin_ip\}/, 'an example address of the manual is not taken for one that was declared' ])
{
	my ($change, $error, $what) = @$case;
	my ($failed, $stderr) = try_declare($node, small_document(%vars, %$change));
	isnt($failed, 0, "refused: $what");
	like($stderr, $error, '... with the reason');
}

done_testing();
