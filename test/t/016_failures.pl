# One bad object never stops the others.  What the server rejects, what is locked
# and what somebody undoes is reported with SQLSTATE and message, tried again with
# growing delay, and repaired when the cause is gone; everything else converges.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
pgops.drift_interval = '1h'
pgops.lock_timeout = '500ms'
pgops.retry_delay = '200ms'
CONF
my $superuser = value($node, 'SELECT quote_ident(pg_get_userbyid(10))');

# ten good roles around the bad ones, a good database after them
my @good = map { { name => "good_$_", login => JSON::PP::false, comment => "number $_", roles => ['dbrole_readonly'] } } 0 .. 9;
my %rejected = (name => 'rejected', parameters => { work_mem => 'lots', statement_timeout => '10s' }, comment => 'the rest of it');
my %locked = (name => 'locked', connlimit => 5, comment => 'also');
my @databases = (
	{ name => 'good', owner => 'good_1', schemas => [ 'one', { name => 'two', owner => 'good_2' } ], extensions => [ 'pgcrypto', 'btree_gist' ] },
	{ name => 'nowhere', template => 'template0', locale => 'no_SUCH.locale' });

sub cluster { return small_document(pg_users => [ @good[ 0 .. 4 ], \%rejected, \%locked, @good[ 5 .. 9 ] ], pg_databases => \@databases, @_); }

sub failures { return map { $_->{name} => $_ } rows($node, "SELECT *, extract(epoch FROM next_attempt - now()) AS wait FROM pgops.actions WHERE state = 'failing'"); }

sub phase { return value($node, 'SELECT phase FROM pgops.status'); }

sub becomes { my ($phase, $what) = @_; wait_for($node, "SELECT phase = '$phase' FROM pgops.status", $what); return; }

# ---- several at once: each for itself --------------------------------------------------------
$node->safe_psql('postgres', 'CREATE ROLE locked; CREATE DATABASE good');
$node->safe_psql('good', "CREATE FUNCTION digest(text, text) RETURNS bytea LANGUAGE sql AS \$\$ SELECT ''::bytea \$\$");
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; ALTER ROLE locked CONNECTION LIMIT 1');

declare($node, cluster());
my $status = settle($node);
is($status->{phase}, 'degraded', 'bad objects: degraded');
is($status->{failed}, 4, '... four of them');
my %failure = failures();
is_deeply({ map { $_ => "$failure{$_}{rule} $failure{$_}{sqlstate}" } keys %failure },
	{
		rejected => 'role_setting.set 22023', locked => 'role.alter 55P03',
		pgcrypto => 'extension.create 42723', nowhere => 'database.create ' . ($failure{nowhere}{sqlstate} // '')
	},
	'each with its rule and SQLSTATE');
like($failure{rejected}{message}, qr/work_mem/, '... and message');
like($failure{pgcrypto}{message}, qr/digest/, '... the one of the server');
is($failure{pgcrypto}{database}, 'good', '... and where');
like($failure{nowhere}{sqlstate}, qr/^[0-9A-Z]{5}$/, 'a database that the server does not create');
is( value($node, "SELECT count(*) FROM pg_roles r WHERE rolname ~ '^good_' AND shobj_description(oid, 'pg_authid') LIKE 'number%'
		AND pg_has_role(oid, 'dbrole_readonly', 'MEMBER')"),
	10, 'all other roles are as declared');
is(value($node, "SELECT setconfig[1] || ' ' || shobj_description(setrole, 'pg_authid') FROM pg_db_role_setting WHERE setrole = 'rejected'::regrole"),
	'statement_timeout=10s the rest of it', '... and so is the rest of the bad one');
is(value($node, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'good'"), 'good_1', 'the database is');
is( value($node, "SELECT string_agg(nspname || ' ' || nspowner::regrole, ', ' ORDER BY nspname) FROM pg_namespace WHERE nspname IN ('one', 'two')",
		database => 'good'), "one $superuser, two good_2", '... its schemas');
is(value($node, "SELECT count(*) FROM pg_extension WHERE extname = 'btree_gist'", database => 'good'), 1, '... its other extension');
ok(-e $node->data_dir . '/pg_hba.conf.pgops-original', '... and pg_hba.conf');
is( value($node, "SELECT count(*) FROM pgops.action_log WHERE state = 'failed' AND sqlstate = '42723' AND message ~ 'digest' AND finished_at IS NOT NULL") > 0,
	1, 'the log has the failure, too');

# ---- tried again with growing delay -----------------------------------------------------------
wait_for($node, "SELECT min(attempts) >= 4 FROM pgops.failure", 'all are tried again');
is(value($node, 'SELECT count(*) FROM pgops.failure'), 4, '... one row each');
is( value($node, "SELECT bool_and(gap >= 0.2 * 2 ^ (attempt - 2)) AND count(*) >= 3 FROM (
		SELECT row_number() OVER (ORDER BY id) AS attempt,
			extract(epoch FROM started_at - lag(finished_at) OVER (ORDER BY id)) AS gap
		FROM pgops.action_log WHERE name = 'rejected' AND rule = 'role_setting.set' AND state = 'failed') g
		WHERE gap IS NOT NULL"),
	't', '... after longer and longer pauses');
is(value($node, 'SELECT bool_and(next_attempt > now() - interval \'1 minute\') FROM pgops.failure'), 't', '... and the next one is known');

# ---- the causes go away, one by one --------------------------------------------------------------
$holder->query_safe('ROLLBACK');
$holder->quit;
$node->safe_psql('good', 'DROP FUNCTION digest(text, text)');
wait_for($node, "SELECT count(*) = 0 FROM pgops.failure WHERE name IN ('locked', 'pgcrypto')", 'no lock, no conflict: no failure');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'locked'"), 5, 'the locked role is as declared');
is(value($node, "SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'", database => 'good'), 1, 'the extension is there');
is(phase(), 'degraded', 'two are left');
$rejected{parameters}{work_mem} = '8MB';
$databases[1]{locale} = 'C';
converge($node, cluster(), 'converged', 'corrected declarations are tried at once');
is(value($node, 'SELECT count(*) FROM pgops.failure'), 0, '... no failure is left');
is(value($node, 'SELECT count(*) FROM pgops.actions'), 0, '... nothing is unsettled');

# ---- a later retry, and reconcile() before its time ------------------------------------------------
$node->append_conf('postgresql.conf', "pgops.retry_delay = '1h'");
$node->reload;
$node->safe_psql('good', "DROP EXTENSION pgcrypto; CREATE FUNCTION digest(text, text) RETURNS bytea LANGUAGE sql AS \$\$ SELECT ''::bytea \$\$");
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'degraded', 'a conflict again');
%failure = failures();
cmp_ok($failure{pgcrypto}{wait}, '>', 3000, 'the next attempt is in an hour');
$node->safe_psql('good', 'DROP FUNCTION digest(text, text)');
converge($node, cluster(pg_default_schemas => [ 'monitor', 'tools' ]), 'degraded', 'another declaration does not try it again');
is(value($node, 'SELECT attempts FROM pgops.failure'), 1, '... the failure is kept');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'reconcile() does');
is(value($node, "SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'", database => 'good'), 1, '... with success');

# ---- somebody undoes what pgops does ------------------------------------------------------------------
$node->append_conf('postgresql.conf', "pgops.retry_delay = '300ms'");
$node->reload;
$node->safe_psql('good', <<"SQL");
CREATE FUNCTION undo() RETURNS event_trigger LANGUAGE plpgsql AS \$\$
BEGIN
	IF (SELECT nspowner <> 10 FROM pg_namespace WHERE nspname = 'two') THEN
		ALTER SCHEMA two OWNER TO $superuser;
	END IF;
END \$\$;
CREATE EVENT TRIGGER undo ON ddl_command_end WHEN TAG IN ('ALTER SCHEMA') EXECUTE FUNCTION undo();
ALTER SCHEMA two OWNER TO $superuser;
SQL
my $from = value($node, 'SELECT max(id) FROM pgops.action_log');
my $log = -s $node->logfile;
my $done = "SELECT count(*) FROM pgops.action_log WHERE id > $from";
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
$status = settle($node);
is($status->{phase}, 'degraded', 'somebody undoes it: degraded');
%failure = failures();
is_deeply([ keys %failure ], ['two'], '... it is told about what');
is($failure{two}{sqlstate}, 'PO301', '... and that it does not converge');
ok($failure{two}{hint}, '... with a hint');
wait_for($node, 'SELECT attempts >= 4 FROM pgops.failure', 'it is tried again');
my ($attempts, $times) = split /\|/, value($node, "SELECT attempts, ($done) FROM pgops.failure");
cmp_ok($times, '<=', $attempts + 1, '... once per attempt, not in a busy loop');
cmp_ok($times, '>=', $attempts - 1, '... really');
is(phase(), 'degraded', '... and it is not called converged in between');
is(log_matches($node, qr/cluster "small" is /, $log), 1, '... nor is the log full of it');

# two that undo each other by turns
$node->safe_psql('good', <<"SQL");
CREATE OR REPLACE FUNCTION undo() RETURNS event_trigger LANGUAGE plpgsql AS \$\$
BEGIN
	IF (SELECT nspowner = 'good_2'::regrole FROM pg_namespace WHERE nspname = 'two') THEN
		DROP SCHEMA IF EXISTS one;
	END IF;
	IF (SELECT count(*) = 2 AND bool_or(nspname = 'two' AND nspowner <> 10) FROM pg_namespace WHERE nspname IN ('one', 'two')) THEN
		ALTER SCHEMA two OWNER TO $superuser;
	END IF;
END \$\$;
DROP EVENT TRIGGER undo;
CREATE EVENT TRIGGER undo ON ddl_command_end WHEN TAG IN ('ALTER SCHEMA', 'CREATE SCHEMA') EXECUTE FUNCTION undo();
SQL
$from = value($node, 'SELECT max(id) FROM pgops.action_log');
$done = "SELECT count(*) FROM pgops.action_log WHERE id > $from";
my $began = value($node, 'SELECT now()');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
wait_for($node, "SELECT now() > '$began'::timestamptz + interval '3 s' AND count(*) > 0 FROM pgops.failure WHERE sqlstate = 'PO301'",
	'two things that undo each other');
cmp_ok(value($node, $done), '<', 60, '... are no busy loop either');
$node->safe_psql('good', 'ALTER EVENT TRIGGER undo DISABLE');
becomes('converged', 'nobody undoes it any more: converged, without being asked');

# ---- a commit that fails --------------------------------------------------------------------------------------
# actions share transactions, but not the fate of the one that spoils the commit
$node->safe_psql('good', <<'SQL');
DROP EVENT TRIGGER undo;
CREATE TABLE audit (name text UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE made text;
BEGIN
	FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands() LOOP
		INSERT INTO public.audit VALUES (made);
		INSERT INTO public.audit SELECT made WHERE made = 'doomed';
	END LOOP;
END $$;
CREATE EVENT TRIGGER audit ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION audit();
SQL
$databases[0]{schemas} = [ 'one', { name => 'two', owner => 'good_2' }, 'before', { name => 'doomed', owner => 'good_3' }, 'after' ];
converge($node, cluster(pg_default_schemas => [ 'monitor', 'tools' ]), 'degraded', 'a commit that fails');
is(value($node, "SELECT string_agg(name || ' ' || sqlstate, ', ' ORDER BY name) FROM pgops.failure"), 'doomed 23505', '... is the failure of one');
is( value($node, "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname IN ('before', 'doomed', 'after')",
		database => 'good'), 'after before', '... the others are done');
is( value($node, "SELECT string_agg(DISTINCT name || ' ' || state, ', ') FROM pgops.action_log WHERE name IN ('before', 'after')"),
	'after succeeded, before succeeded', '... and logged as that');
$node->safe_psql('good', 'ALTER EVENT TRIGGER audit DISABLE');
becomes('converged', '... which is done when the cause is gone');

# ---- all is well -------------------------------------------------------------------------------------------------
is(value($node, "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'two'", database => 'good'), 'good_2', 'all is as declared');
is(value($node, 'SELECT count(*) FROM pgops.failure'), 0, '... and no failure is left');

done_testing();
