# A real declaration on a bare server: the dry run tells all and does nothing,
# the worker makes the server match, what cannot be is reported with the reason,
# and the declared users log in over TCP with their declared passwords.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main');
my $spec = document('pg-meta.yml');
my @business = qw(grafana bytebase kong gitea wiki);

# ---- the dry run ----
my $before = footprint($node);
my @dry = declare($node, $spec, dry_run => 1);

cmp_ok(scalar(open_rows(@dry)), '>', 50, 'the dry run shows the steps');
same_footprint($before, footprint($node), 'the dry run changes nothing');
is(value($node, 'SELECT count(*) FROM pgops.cluster'), 0, 'and stores nothing');

my ($hba) = grep { ($_->{statement} // '') =~ /^\+\+\+ /m } @dry;
ok($hba, 'the plan has the difference of pg_hba.conf');
like($hba->{statement}, qr/^\+local\s/m, '... with the new rules');
is_deeply([ map { $_->{step} } @dry ], [ 1 .. @dry ], 'steps are numbered from 1');
is(scalar(grep { $_->{destructive} } @dry), 0, 'nothing is destroyed on a bare server');
is(scalar(grep { !defined $_->{rule} } @dry), 0, 'each step names its rule');

# ---- the real one ----
my @plan = declare($node, $spec, note => 'first');
is_deeply(
	[ map { $_->{statement} } @plan ],
	[ map { $_->{statement} } @dry ],
	'what is declared is planned as the dry run showed');

my $status = settle($node);
is($status->{phase}, 'blocked', 'everything is done that can be done');
is($status->{failed}, 0, 'nothing failed');
is($status->{instance}, 'pg-meta-1', 'the only instance was bound');
is( value($node, "SELECT count(*) FROM pgops.action_log WHERE state <> 'succeeded'"),
	0, 'every logged action succeeded');

# ---- blocked: only what this machine cannot give ----
my %available = map { $_->{name} => 1 } rows($node, 'SELECT name FROM pg_available_extensions');
my @blocked = plan_rows($node);
is(scalar(open_rows(@blocked)), 0, 'nothing is left to do');
is($status->{blocked}, scalar(@blocked), 'the status counts the blocked rows');
for my $row (@blocked)
{
	my $what = "$row->{kind} $row->{name}";
	ok($row->{kind} eq 'extension' ? !$available{ $row->{name} } : $row->{kind} eq 'baseline',
		"blocked rightly: $what");
	like($row->{sqlstate} // '', qr/^[0-9A-Z]{5}$/, "$what has an SQLSTATE");
	ok(length($row->{blocked}) && length($row->{hint} // ''), "$what has a reason and a hint");
}
for my $extension (grep { !$available{$_} } qw(postgis timescaledb))
{
	ok( (grep { $_->{kind} eq 'extension' && $_->{name} eq $extension && ($_->{database} // '') eq 'meta' }
		@blocked), "$extension is reported for database meta");
}
ok((grep { $_->{kind} eq 'baseline' } @blocked), 'the missing baseline file is reported');

# ---- roles ----
my $meta = row($node, "SELECT r.*, shobj_description(oid, 'pg_authid') AS comment,
	(rolvaliduntil AT TIME ZONE current_setting('TimeZone'))::date - current_date AS days
	FROM pg_roles r WHERE rolname = 'dbuser_meta'");
ok($meta->{rolcanlogin} && $meta->{rolinherit}, 'dbuser_meta may log in and inherits');
ok(!grep({ $meta->{$_} } qw(rolsuper rolcreatedb rolcreaterole rolreplication rolbypassrls)),
	'and may nothing else');
cmp_ok(abs($meta->{days} - 3650), '<=', 1, 'expire_in wins over expire_at and counts from today');
is($meta->{comment}, 'pigsty admin user', 'its comment');
is( value($node, "SELECT string_agg(m::text, ' ' ORDER BY m::text) FROM (
		SELECT roleid::regrole || '<' || member::regrole AS m FROM pg_auth_members
		WHERE member::regrole::text LIKE 'db%') x"),
	'dbrole_admin<dbuser_bytebase dbrole_admin<dbuser_dba dbrole_admin<dbuser_gitea '
	  . 'dbrole_admin<dbuser_grafana dbrole_admin<dbuser_kong dbrole_admin<dbuser_meta '
	  . 'dbrole_admin<dbuser_wiki dbrole_readonly<dbrole_readwrite dbrole_readonly<dbuser_monitor '
	  . 'dbrole_readonly<dbuser_view dbrole_readwrite<dbrole_admin pg_monitor<dbrole_admin '
	  . 'pg_monitor<dbuser_monitor',
	'memberships of declared and default roles');
is( value($node, "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_authid
		WHERE rolname IN ('replicator', 'dbuser_dba', 'dbuser_monitor') AND rolpassword IS NOT NULL"),
	'', 'system users whose password was not declared have none');
is( value($node, "SELECT count(*) FROM pg_authid
		WHERE rolname LIKE 'dbuser%' AND rolpassword LIKE 'SCRAM-SHA-256\$%'"),
	7, 'passwords are SCRAM verifiers');

# ---- databases and privileges ----
for my $database (@business)
{
	my $found = row($node, "SELECT pg_get_userbyid(datdba) AS owner, shobj_description(oid, 'pg_database') AS comment,
		has_database_privilege('dbuser_view', oid, 'CONNECT') AS public,
		has_database_privilege('dbuser_dba', oid, 'CONNECT WITH GRANT OPTION') AS admin
		FROM pg_database WHERE datname = '$database'");
	is($found->{owner}, "dbuser_$database", "$database: owner");
	like($found->{comment}, qr/^$database|^kong the/, "$database: comment");
	ok(!$found->{public}, "$database: CONNECT revoked from PUBLIC");
}
is( value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pigsty'", database => 'meta'),
	1, 'schema pigsty in meta');
is( value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'monitor'", database => 'template1'),
	1, 'default schema in template1');

$node->safe_psql('grafana', 'SET ROLE dbuser_grafana; CREATE TABLE public.t (a int)');
is( value($node, "SELECT string_agg(r || ' ' || p, ', ' ORDER BY r, p)
		FROM unnest(ARRAY['dbrole_readonly', 'dbrole_readwrite', 'dbrole_admin', 'dbrole_offline']) r,
			 unnest(ARRAY['SELECT', 'INSERT', 'TRUNCATE']) p
		WHERE has_table_privilege(r, 'public.t', p)", database => 'grafana'),
	'dbrole_admin INSERT, dbrole_admin SELECT, dbrole_admin TRUNCATE, dbrole_offline SELECT, '
	  . 'dbrole_readonly SELECT, dbrole_readwrite INSERT, dbrole_readwrite SELECT',
	'default privileges of the owner reach a new table');

# ---- access ----
is( value($node, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL AND error !~ 'SSL'"),
	0, 'the server accepts each line of pg_hba.conf');
my $first = row($node, 'SELECT type, database, user_name FROM pg_hba_file_rules ORDER BY line_number LIMIT 1');
my $superuser = value($node, 'SELECT pg_get_userbyid(10)');
is($first->{type}, 'local', 'its first rule is local');
is_deeply($first->{user_name}, [$superuser], '... and for the superuser');
ok(-f $node->data_dir . '/pg_hba.conf.pgops-original', 'the file found at first is kept');
is(value($node, "SHOW hba_file"), $node->data_dir . '/pg_hba.conf', 'no other file was made the rule file');

my %password = (
	dbuser_meta => 'DBUser.Meta',
	dbuser_view => 'DBUser.Viewer',
	map { ("dbuser_$_" => 'DBUser.' . ucfirst) } @business);
for my $user (sort keys %password)
{
	my ($code, $out) = tcp_login($node, $user, $password{$user});
	is("$code $out", "0 $user", "$user logs in over TCP");
}
for my $database (@business)
{
	my ($code, $out) = tcp_login($node, "dbuser_$database", $password{"dbuser_$database"}, $database);
	is("$code $out", "0 dbuser_$database", "... into $database");
}
my ($code, $error) = tcp_login($node, 'dbuser_view', 'wrong');
isnt($code, 0, 'a wrong password does not');
($code, $error) = tcp_login($node, 'dbuser_view', $password{dbuser_view}, 'grafana');
like($error, qr/permission denied for database/, 'nor does a stranger get into grafana');

is(log_matches($node, qr/PANIC|TRAP|terminated by signal/), 0, 'nothing crashed');
done_testing();
