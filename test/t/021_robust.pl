# What is done to the processes of pgops and to the files they need: they are
# cancelled, terminated, signalled; files cannot be read or written; databases
# have other encodings; and after many passes they have not grown.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use POSIX ();
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

$ENV{PGCLIENTENCODING} = 'UTF8';

my $node = pgops_node('main', start => 0, conf => <<'CONF');
pgops.drift_interval = '1h'
pgops.lock_timeout = '60s'
CONF

# the rule file in a folder of its own, which can be taken away from the server
my $folder = $node->basedir . '/rules';
my $hba = "$folder/pg_hba.conf";
mkdir $folder or die "mkdir $folder: $!";
rename $node->data_dir . '/pg_hba.conf', $hba or die "rename: $!";
$node->append_conf('postgresql.conf', "hba_file = '$hba'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pgops');

# the cluster, with what a part of the test adds to it
sub spec
{
	my (%more) = @_;
	return small_document(
		pg_users => [ { name => 'owner', connlimit => $more{limit} // 20 } ],
		pg_databases => [
			{ name => 'one', owner => 'owner', schemas => [ { name => 'inside', owner => $more{owner} // 'owner' } ] },
			@{ $more{databases} // [] }
		],
		pg_hba_rules => $more{rules} // []);
}

sub coordinator { return value($node, 'SELECT pid FROM pgops.coordinator()') }
sub passes { return value($node, 'SELECT passes FROM pgops.coordinator()') }
sub set_conf { $node->append_conf('postgresql.conf', $_[0]); $node->reload; return }

sub limit_is
{
	my ($limit, $what) = @_;
	wait_for($node, "SELECT rolconnlimit = $limit FROM pg_roles WHERE rolname = 'owner'", $what);
	return;
}

# a session that holds what a declared change needs, and the declaration:
# the action is "running" until the session ends
sub hold
{
	my ($database, $statement, $text) = @_;
	my $holder = $node->background_psql($database);
	$holder->query_safe("BEGIN; $statement");
	declare($node, $text);
	wait_for($node, "SELECT count(*) = 1 FROM pgops.action_log WHERE state = 'running'",
		'an action is running');
	return $holder;
}

sub release
{
	my ($holder) = @_;
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	return;
}

my $superuser = value($node, 'SELECT pg_get_userbyid(10)');
converge($node, spec(), 'converged', 'declared');
my $pid = coordinator();

# ---- signals to a coordinator with nothing to do ----
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)") for 1 .. 3;
$node->safe_psql('postgres', 'SELECT count(pg_reload_conf()) FROM generate_series(1, 200)');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'cancelled and reloaded while idle: a pass works');
is(coordinator(), $pid, '... in the same process');

# ---- an action is cancelled ----
{
	my $holder = hold('postgres', 'ALTER ROLE owner CONNECTION LIMIT 99', spec(limit => 21));
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	wait_for($node, "SELECT count(*) > 0 FROM pgops.action_log WHERE state = 'failed' AND sqlstate = '57014'",
		'cancelled: the action has failed');
	release($holder);
	limit_is(21, 'cancelled: tried again');
	is(settle($node)->{phase}, 'converged', 'cancelled: converges');
	is(coordinator(), $pid, '... in the same process');
}

# ---- what is asked during a pass is not forgotten ----
{
	set_conf("pgops.retry_delay = '1h'\npgops.lock_timeout = '1s'");
	my $holder = hold('postgres', 'ALTER ROLE owner CONNECTION LIMIT 99', spec(limit => 25));
	my $before = passes();
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	wait_for($node, 'SELECT passes >= ' . ($before + 2) . ' FROM pgops.coordinator()',
		'asked during a pass: another one follows');
	my $again = passes();
	set_conf("pgops.drift_interval = '1s'");
	wait_for($node, 'SELECT passes >= ' . ($again + 2) . ' FROM pgops.coordinator()',
		'reloaded: the timer is the new one');
	is(settle($node)->{phase}, 'degraded', 'the action waits for its next attempt');
	release($holder);
	set_conf("pgops.retry_delay = '200ms'\npgops.drift_interval = '1h'\npgops.lock_timeout = '60s'");
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	is(settle($node)->{phase}, 'converged', 'converges');
	converge($node, spec(limit => 21), 'converged', 'declared');
}

# ---- a database worker is cancelled, is ended ----
for my $signal ([ 'pg_cancel_backend', '57014' ], [ 'pg_terminate_backend', 'PO302' ])
{
	my ($function, $sqlstate) = @$signal;
	my $owner = $function =~ /cancel/ ? $superuser : 'owner';
	my $holder = hold('one', 'ALTER SCHEMA inside RENAME TO elsewhere', spec(limit => 21, owner => $owner));
	wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgops worker' AND wait_event_type = 'Lock'",
		"$function: a worker waits");
	$node->safe_psql('postgres', "SELECT $function(pid) FROM pg_stat_activity WHERE backend_type = 'pgops worker'");
	wait_for($node, "SELECT count(*) > 0 FROM pgops.action_log WHERE state = 'failed' AND sqlstate = '$sqlstate' AND database = 'one'",
		"$function: the action has failed");
	release($holder);
	ok($node->poll_query_until('postgres', "SELECT phase = 'converged' FROM pgops.status"),
		"$function: converges");
}

# ---- sessions ----
{
	my $holder = hold('postgres', 'ALTER ROLE owner CONNECTION LIMIT 99', spec(limit => 22));
	for my $function ('pg_cancel_backend', 'pg_terminate_backend')
	{
		my $waiter = $node->background_psql('postgres', on_error_stop => 0);
		$waiter->query_until(qr/started/,
			"\\echo started\nSELECT * FROM pgops.wait(timeout => '1 hour');\n");
		my $waits = "query LIKE 'SELECT * FROM pgops.wait%' AND wait_event_type = 'Extension'";
		wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE $waits", "$function: a session waits");
		$node->safe_psql('postgres', "SELECT $function(pid) FROM pg_stat_activity WHERE $waits");
		wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE $waits", "$function: no longer");
		eval { $waiter->quit };
	}
	release($holder);
	limit_is(22, 'the coordinator did not notice');
	settle($node);

	# a session that looks into databases, and gives up
	my $locker = $node->background_psql('one');
	$locker->query_safe('BEGIN; LOCK TABLE pg_catalog.pg_default_acl IN ACCESS EXCLUSIVE MODE');
	my ($code, undef, $stderr) = $node->psql('postgres',
		"SET statement_timeout = '500ms'; SELECT count(*) FROM pgops.plan()");
	like($stderr, qr/statement timeout/, 'plan() heeds statement_timeout');
	is(value($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgops worker'"),
		0, '... and leaves no worker behind');
	release($locker);
}

# ---- files ----
my $rule = { title => 'more', role => 'common', rules => ['host all all 10.1.2.3/32 scram-sha-256'] };
my $before = slurp_file($hba);
{
	# what a writer leaves that was killed in the middle: there before the file can be written
	my $child = fork();
	POSIX::_exit(0) if $child == 0;
	waitpid($child, 0);
	my $litter = "$folder/pgsql_tmp_pgops_${child}_pg_hba.conf";
	append_to_file($litter, "local all all tr");

	chmod 0555, $folder or die "chmod: $!";
	declare($node, spec(limit => 23, rules => [$rule]));
	my $status = settle($node);
	is($status->{phase}, 'degraded', 'folder not writable: degraded');
	is( value($node, "SELECT DISTINCT sqlstate FROM pgops.failure WHERE kind = 'hba'"),
		'42501', '... with its SQLSTATE');
	limit_is(23, '... the rest is done');
	is(slurp_file($hba), $before, '... the file is as it was');

	chmod 0755, $folder or die "chmod: $!";
	ok($node->poll_query_until('postgres', "SELECT phase = 'converged' FROM pgops.status"),
		'folder writable again: converges');
	like(slurp_file($hba), qr{10\.1\.2\.3/32}, '... the rule is there');
	ok(!-e $litter, '... a half-written file of a process that is gone is removed');
	my @left = grep { !/^pg_hba\.conf(\.pgops-original)?$/ && !/^\./ } slurp_dir($folder);
	is("@left", '', '... and nothing else is left in the folder');
}

SKIP:
{
	skip 'root reads everything', 4 if $> == 0;
	my $present = slurp_file($hba);
	chmod 0000, $hba or die "chmod: $!";
	declare($node, spec(limit => 24));
	my $status = settle($node);
	is($status->{phase}, 'blocked', 'file not readable: blocked');
	like($status->{message}, qr/could not open file.*Permission denied/, '... the status says why');
	limit_is(24, '... the rest is done');
	chmod 0600, $hba or die "chmod: $!";
	is(slurp_file($hba), $present, '... the file is as it was');
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	is(settle($node)->{phase}, 'converged', 'file readable again: converges');
}

# ---- a database of another encoding ----
{
	my $large = 'größe';
	my $latin = {
		name => 'latin', template => 'template0', encoding => 'LATIN1',
		lc_collate => 'C', lc_ctype => 'C', schemas => [ $large, 'plain' ]
	};
	my $schema = "FROM pg_namespace WHERE nspname LIKE 'gr%e'";

	converge($node, spec(limit => 24, databases => [$latin]),
		'converged', 'LATIN1: converges');
	is(value($node, "SELECT nspname $schema", database => 'latin'), $large, '... the schema has its name');
	is(value($node, "SELECT octet_length(nspname::text) $schema", database => 'latin'),
		5, '... in the encoding of its database');
	is(scalar(plan_rows($node)), 0, '... nothing is left to do');

	push @{ $latin->{schemas} }, 'имя', 'other';
	declare($node, spec(limit => 24, databases => [$latin]));
	is(settle($node)->{phase}, 'degraded', 'a name that LATIN1 does not have: degraded');
	is(value($node, 'SELECT DISTINCT sqlstate FROM pgops.failure'), '22P05', '... with its SQLSTATE');
	is( value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'other'", database => 'latin'),
		1, '... the others are made');
	converge($node, spec(limit => 24), 'converged', 'declared without it');
}

# ---- nothing grows ----
sub memory_used
{
	my $offset = -s $node->logfile;
	my $used;
	$pid = coordinator();
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	ok( wait_until(
			sub { ($used) = slurp_file($node->logfile, $offset) =~ /Grand total:.*; (\d+) used/; defined $used }),
		'the coordinator tells its memory');
	return $used;
}

sub open_files { my @files = glob "/proc/$pid/fd/*"; return scalar @files }

sub many_passes
{
	my ($count) = @_;
	$node->safe_psql('postgres', "SELECT pgops.reconcile(); SELECT FROM pgops.wait();\n" x $count);
	return;
}

many_passes(20);
my $used = memory_used();
my $files = open_files();
my $passes = passes();
many_passes(200);
cmp_ok(passes() - $passes, '>=', 200, '200 passes');
cmp_ok(memory_used() - $used, '<', 65536, '... took no memory');
cmp_ok(open_files() - $files, '<', 8, '... and no files');

# ---- the database of the declarations is not there ----
$node->append_conf('postgresql.conf', "pgops.database = 'nowhere'");
$node->restart;
wait_for($node, "SELECT state LIKE 'waiting%' FROM pgops.coordinator()", 'no such database: the coordinator waits');
is(log_matches($node, qr/FATAL:  database "nowhere" does not exist/), 1, '... it was told once so far');

# ---- the postmaster dies ----
$node->adjust_conf('postgresql.conf', 'pgops.database', "'postgres'");
$node->restart;
wait_for($node, "SELECT state LIKE 'idle%' OR state = 'converged' FROM pgops.coordinator()", 'it is back');
$pid = coordinator();
$node->kill9;
ok(wait_until(sub { !kill 0, $pid }), 'the coordinator does not outlive the postmaster');

is(log_matches($node, qr/TRAP:|signal 11| leak: /), 0, 'no assertion, no segmentation fault, no leak');
done_testing();
