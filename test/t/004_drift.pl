# Somebody changes the server by hand: the drift view shows it, the next pass
# repairs it and says so in the action log.  Under the policy observe it is
# shown and left alone.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# no pass of its own accord: the view must be seen before the repair
my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $spec = document('small.yml');
my $superuser = value($node, 'SELECT quote_ident(pg_get_userbyid(10))');
my $hba_file = $node->data_dir . '/pg_hba.conf';

converge($node, $spec, 'converged', 'declared');
is(value($node, 'SELECT count(*) FROM pgops.drift'), 0, 'no drift to begin with');
my $hba = slurp_file($hba_file);

# name in the view, what somebody does, and a query that is true when it is repaired
my @changes = (
	{
		what => 'role attribute',
		name => 'app_reader',
		sql => 'ALTER ROLE app_reader SUPERUSER CREATEDB',
		good => "SELECT NOT rolsuper AND NOT rolcreatedb FROM pg_roles WHERE rolname = 'app_reader'"
	},
	{
		what => 'membership',
		name => 'app_reader',
		sql => 'REVOKE dbrole_readonly FROM app_reader',
		good => "SELECT count(*) = 1 FROM pg_auth_members
			WHERE member = 'app_reader'::regrole AND roleid = 'dbrole_readonly'::regrole"
	},
	{
		what => 'role parameter',
		name => 'app_owner',
		sql => 'ALTER ROLE app_owner SET statement_timeout = 0',
		good => "SELECT 'statement_timeout=30s' = ANY (rolconfig) FROM pg_roles WHERE rolname = 'app_owner'"
	},
	{
		what => 'list parameter',
		name => 'app_owner',
		sql => "ALTER ROLE app_owner SET search_path = 'app, public'",
		good => "SELECT 'search_path=app, public' = ANY (rolconfig) FROM pg_roles WHERE rolname = 'app_owner'"
	},
	{
		what => 'password',
		name => 'app_owner',
		sql => "ALTER ROLE app_owner PASSWORD 'somebody else''s'",
		good => sub { (tcp_login($node, 'app_owner', 'Small.Owner.Secret'))[0] == 0 }
	},
	{
		what => 'database owner',
		name => 'app',
		sql => "ALTER DATABASE app OWNER TO $superuser",
		good => "SELECT pg_get_userbyid(datdba) = 'app_owner' FROM pg_database WHERE datname = 'app'"
	},
	{
		what => 'database parameter',
		name => 'app',
		sql => 'ALTER DATABASE app RESET work_mem',
		good => "SELECT count(*) = 1 FROM pg_db_role_setting WHERE 'work_mem=8MB' = ANY (setconfig) AND setrole = 0"
	},
	{
		what => 'CONNECT granted back to PUBLIC',
		name => 'app',
		sql => 'GRANT CONNECT ON DATABASE app TO PUBLIC',
		good => "SELECT count(*) = 0 FROM pg_database, aclexplode(datacl)
			WHERE datname = 'app' AND grantee = 0 AND privilege_type = 'CONNECT'"
	},
	{
		what => 'dropped default privilege',
		name => 'app_owner',
		database => 'app',
		sql => 'ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE SELECT ON TABLES FROM dbrole_readonly',
		good => "SELECT count(*) = 1 FROM pg_default_acl, aclexplode(defaclacl)
			WHERE defaclrole = 'app_owner'::regrole AND defaclobjtype = 'r' AND defaclnamespace = 0
			AND grantee = 'dbrole_readonly'::regrole AND privilege_type = 'SELECT'"
	},
	{
		what => 'dropped schema',
		name => 'audit',
		database => 'app',
		sql => 'DROP SCHEMA audit',
		good => "SELECT count(*) = 1 FROM pg_namespace WHERE nspname = 'audit'"
	},
	{
		what => 'schema owner',
		name => 'app',
		database => 'app',
		sql => "ALTER SCHEMA app OWNER TO $superuser",
		good => "SELECT nspowner = 'app_owner'::regrole FROM pg_namespace WHERE nspname = 'app'"
	},
	{
		what => 'dropped extension',
		name => 'btree_gist',
		database => 'app',
		sql => 'DROP EXTENSION btree_gist',
		good => "SELECT count(*) = 1 FROM pg_extension WHERE extname = 'btree_gist'"
	},
	{
		what => 'dropped role',
		name => 'app_reader',
		sql => 'DROP ROLE app_reader',
		good => "SELECT count(*) = 1 FROM pg_roles WHERE rolname = 'app_reader'"
	},
	{
		what => 'edited pg_hba.conf',
		kind => 'hba',
		edit => sub { append_to_file($hba_file, "host all all 0.0.0.0/0 trust\n") },
		good => sub { slurp_file($hba_file) eq $hba }
	});

sub make_change
{
	my ($change) = @_;
	return $change->{edit}->() if $change->{edit};
	$node->safe_psql($change->{database} || 'postgres', $change->{sql});
	return;
}

sub is_good
{
	my ($change) = @_;
	return $change->{good}->() if ref $change->{good};
	return value($node, $change->{good}, database => $change->{database}) eq 't';
}

sub shown_in_drift
{
	my ($change) = @_;
	return scalar grep {
		$change->{kind} ? $_->{kind} =~ /$change->{kind}/ : ($_->{name} // '') =~ /\b$change->{name}\b/
	} rows($node, 'SELECT * FROM pgops.drift');
}

# ---- each is shown and repaired ----
for my $change (@changes)
{
	my $what = $change->{what};
	my $actions = action_count($node);
	make_change($change);
	ok(shown_in_drift($change), "$what: shown in drift");
	ok(!is_good($change), "$what: not repaired by looking");

	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	ok(wait_until(sub { is_good($change) }), "$what: repaired");
	ok(wait_until(sub { value($node, 'SELECT count(*) FROM pgops.drift') eq '0' }),
		"$what: no drift is left");
	cmp_ok(action_count($node), '>', $actions, "$what: logged");
}
is( value($node, "SELECT count(*) FROM pgops.action_log WHERE state <> 'succeeded'"),
	0, 'every repair worked');

# ---- the timer finds it too ----
$node->append_conf('postgresql.conf', "pgops.drift_interval = '1s'");
$node->reload;
make_change($changes[0]);
ok(wait_until(sub { is_good($changes[0]) }), 'repaired by the timer alone');

# the same once more, after it had gone: no sign of somebody who fights pgops
settle($node);
make_change($changes[0]);
ok(wait_until(sub { is_good($changes[0]) }), 'repaired again');
settle($node);
is(log_matches($node, qr/is degraded/), 0, 'a difference that comes back later is an ordinary one');

# ---- observe ----
(my $observe = $spec) =~ s/pg_cluster: small/pg_cluster: small\n    pgops_policy: observe/;
converge($node, $observe, 'converged', 'policy observe, nothing to observe yet');
my $actions = action_count($node);
for my $change (@changes)
{
	next if $change->{what} =~ /^dropped (role|extension)/;    # would hide others
	make_change($change);
	ok(shown_in_drift($change), "observe: $change->{what} is shown");
}
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
pass_twice($node, 'observe: passes go on');
for my $change (@changes)
{
	next if $change->{what} =~ /^dropped (role|extension)/;
	ok(!is_good($change), "observe: $change->{what} is left alone");
}
is(action_count($node), $actions, 'observe: nothing was done');
is(value($node, 'SELECT phase FROM pgops.status'), 'observing', 'observe: the status says so');

# ---- and back ----
converge($node, $spec, 'converged', 'policy additive again');
ok(is_good($_), "then repaired: $_->{what}") for @changes;

done_testing();
