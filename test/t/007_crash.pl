# Nothing hangs, nothing is lost: the coordinator is killed, the server is
# stopped at once in the middle of an action, the extension is dropped while it
# works, another database vanishes, no worker slot is free.  Each time the
# server lives and converges afterwards, from observation.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
restart_after_crash = on
pgops.drift_interval = '1h'
pgops.lock_timeout = '60s'
CONF
my $spec = document('small.yml');

converge($node, $spec, 'converged', 'declared');

# declares another connection limit while a session holds the role's row:
# the action is "running" until that session ends
sub declare_blocked
{
	my ($limit) = @_;
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; ALTER ROLE app_owner CONNECTION LIMIT 99');
	(my $changed = $spec) =~ s/connlimit: 20/connlimit: $limit/;
	declare($node, $changed);
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pgops.action_log WHERE state = 'running'"),
		"connlimit $limit: the action is running");
	return $holder;
}

sub limit_is
{
	my ($limit, $what) = @_;
	wait_for($node, "SELECT rolconnlimit = $limit FROM pg_roles WHERE rolname = 'app_owner'", $what);
	return;
}

sub end_session
{
	my ($holder) = @_;
	# the server may have ended it already
	eval { $holder->quit };
	return;
}

# ---- kill -9 of the coordinator ----
{
	my $holder = declare_blocked(21);
	my $pid = value($node, 'SELECT pid FROM pgops.coordinator()');
	kill 'KILL', $pid;
	wait_for($node, 'SELECT true', 'kill -9: the server is back');
	end_session($holder);
	limit_is(21, 'kill -9: converges');
	isnt(settle($node)->{phase}, 'progressing', 'kill -9: settled');
	is(value($node, "SELECT count(*) FROM pgops.action_log WHERE state = 'interrupted'"),
		1, 'kill -9: the action is marked as interrupted');
}

# ---- terminated politely ----
{
	my $holder = declare_blocked(22);
	my $pid = value($node, 'SELECT pid FROM pgops.coordinator()');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	ok( $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"),
		'terminated: it ends though it waits for a lock');
	$holder->query_safe('ROLLBACK');
	end_session($holder);
	limit_is(22, 'terminated: converges after its restart');
}

# ---- immediate stop in the middle ----
{
	my $holder = declare_blocked(23);
	$node->stop('immediate');
	end_session($holder);
	$node->start;
	limit_is(23, 'immediate stop: converges after the start');
	is(settle($node)->{phase}, 'converged', 'immediate stop: converged');
}

# ---- fast stop in the middle does not hang ----
{
	my $holder = declare_blocked(24);
	$node->stop('fast');
	end_session($holder);
	$node->start;
	limit_is(24, 'fast stop: converges after the start');
}

# ---- DROP EXTENSION while it works ----
{
	my $holder = declare_blocked(25);
	$node->safe_psql('postgres', 'DROP EXTENSION pgops');
	$holder->query_safe('ROLLBACK');
	end_session($holder);
	$node->safe_psql('postgres', 'CREATE EXTENSION pgops');
	wait_for($node, "SELECT state LIKE 'idle%' FROM pgops.coordinator()",
		'DROP EXTENSION: the coordinator is idle');
	(my $changed = $spec) =~ s/connlimit: 20/connlimit: 26/;
	converge($node, $changed, 'converged', 'CREATE EXTENSION again: converges');
	limit_is(26, 'CREATE EXTENSION again: the role is as declared');
}

# ---- another database is dropped while pgops works in it ----
{
	(my $more = $spec) =~ s/(pg_databases:)/$1\n      - { name: short_lived, schemas: [one] }/;
	converge($node, $more, 'converged', 'a database that will be dropped');
	my $holder = $node->background_psql('short_lived');
	$holder->query_safe('BEGIN; ALTER SCHEMA one OWNER TO app_reader');
	(my $owner = $more) =~ s/schemas: \[one\]/schemas: [{ name: one, owner: app_owner }]/;
	declare($node, $owner);
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pgops.action_log WHERE state = 'running'"),
		'DROP DATABASE: an action runs inside');
	$node->safe_psql('postgres', 'DROP DATABASE short_lived WITH (FORCE)');
	end_session($holder);
	wait_for($node, "SELECT count(*) = 1 FROM pg_database WHERE datname = 'short_lived'",
		'DROP DATABASE: it is created again');
	ok( $node->poll_query_until('postgres', "SELECT phase = 'converged' FROM pgops.status"),
		'DROP DATABASE: converges');
}

# ---- no worker slot is free ----
{
	$node->append_conf('postgresql.conf', <<'CONF');
max_worker_processes = 1
max_logical_replication_workers = 0
CONF
	$node->restart;
	(my $changed = $spec) =~ s/name: audit/name: audit }, { name: more/;
	declare($node, $changed);
	my $status = settle($node);
	is($status->{phase}, 'degraded', 'no slot: degraded, not hanging');
	my ($failure) = rows($node, 'SELECT DISTINCT sqlstate, hint FROM pgops.failure');
	is($failure->{sqlstate}, '53400', 'no slot: SQLSTATE of a configuration limit');
	like($failure->{hint}, qr/max_worker_processes/, 'no slot: the hint names the setting');

	$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
	$node->restart;
	ok($node->poll_query_until('postgres', "SELECT phase = 'converged' FROM pgops.status"),
		'slots again: converges');
	is( value($node, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('audit', 'more')",
			database => 'app'), 2, 'slots again: the schema is there');
}

is(log_matches($node, qr/TRAP:|signal 11/), 0, 'no assertion, no segmentation fault');
$node->stop;
done_testing();
