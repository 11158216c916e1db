# Who acts, when, and on what: policies, pause and resume, servers that are
# nobody yet, clusters that are another server's, copies; and who may look.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $spec = document('small.yml');
my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $hba = $node->data_dir . '/pg_hba.conf';

sub with_policy { my ($policy, $text) = @_; return ($text // $spec) =~ s/pg_cluster: small/$&\n    pgops_policy: $policy/r; }
sub look { my ($phase, $what) = @_; $node->safe_psql('postgres', 'SELECT pgops.reconcile()'); my $s = settle($node); is($s->{phase}, $phase, $what) or diag($s->{message}); return $s; }
sub createdb { return value($node, "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'app_reader'"); }
sub has_role { return value($node, "SELECT count(*) FROM pg_roles WHERE rolname = '$_[0]'"); }

# ---- observe from the beginning: a server that nobody wants changed ----
my $before = footprint($node);
declare($node, with_policy('observe'));
my $status = settle($node);
is($status->{phase}, 'observing', 'declared to be observed');
is($status->{policy}, 'observe', '... says the status');
cmp_ok($status->{drifted}, '>', 20, '... with what differs');
my @plan = plan_rows($node);
is_deeply([ grep { !defined $_->{blocked} } @plan ], [], 'no step may be done');
is(scalar(grep { $_->{sqlstate} eq 'PO205' } @plan), scalar(@plan), '... because of the policy');
my $after = footprint($node);
$after->{revisions} = $before->{revisions};
same_footprint($before, $after, 'and nothing was: no role, database, file, reload');

# ---- additive ----
converge($node, with_policy('additive'), 'converged', 'additive: it is made');
$node->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB; CREATE ROLE foreigner; CREATE DATABASE foreign_db');
look('converged', 'an attribute of ours is repaired');
is(createdb(), 'f', '... indeed');
is(has_role('foreigner'), 1, 'strangers stay');

# ---- observe, with differences old and new ----
converge($node, with_policy('observe'), 'converged', 'observe again: nothing to see');
$node->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB');
$status = look('observing', 'somebody changes a role');
is($status->{drifted}, 1, 'one difference');
is(value($node, "SELECT string_agg(kind || ' ' || name || ' ' || sqlstate, ',') FROM pgops.drift"), 'role app_reader PO205', 'drift shows it');
declare($node, with_policy('observe', $spec =~ s/pg_users:\n/pg_users:\n      - { name: newcomer }\n/r));
settle($node);
is(has_role('newcomer'), 0, 'a new role is not made');
is(createdb(), 't', 'the old difference is not repaired');

# ---- authoritative: strangers go, within limits ----
my ($code, $stderr) = try_declare($node, with_policy('tyrannic'));
isnt($code, 0, 'an unknown policy is refused');
like($stderr, qr/observe, additive or authoritative/, '... with those that there are');

declare($node, with_policy("authoritative\n    pg_safeguard: true"));
$status = settle($node);
is($status->{phase}, 'blocked', 'authoritative with a safeguard');
is(createdb(), 'f', 'repairs');
is( value($node, "SELECT string_agg(DISTINCT kind || ' ' || name || ' ' || sqlstate, ', ') FROM pgops.plan() WHERE destructive"),
	'database foreign_db PO202, role foreigner PO202', '... plans what to remove, and removes nothing');
is(has_role('foreigner'), 1, '... indeed');
converge($node, with_policy('authoritative'), 'converged', 'without a safeguard');
is(has_role('foreigner'), 0, 'the stranger is gone');
is(value($node, "SELECT count(*) FROM pg_database WHERE datname = 'foreign_db'"), 0, 'so is its database');
is(value($node, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^pg_' OR oid = 10"),
	value($node, "SELECT count(*) FROM pg_roles WHERE oid < 16384"), 'what initdb made is all there');

# ---- pause and resume ----
converge($node, $spec, 'converged', 'back to the default policy');
$node->safe_psql('postgres', 'SELECT pgops.pause()');
$status = settle($node);
is($status->{phase}, 'paused', 'paused');
ok($status->{paused}, '... in its column, too');
$node->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB');
my $actions = action_count($node);
declare($node, $spec =~ s/connlimit: 20/connlimit: 33/r, note => 'while paused');
look('paused', 'still paused');
is(action_count($node), $actions, 'nothing is done');
is(value($node, "SELECT string_agg(name || ' ' || sqlstate, ', ' ORDER BY name) FROM pgops.drift WHERE kind = 'role'"),
	'app_owner PO701, app_reader PO701', 'drift shows what is put off') or diag(value($node, 'SELECT string_agg(d::text, E\'\n\') FROM pgops.drift d'));
is(value($node, 'SELECT note FROM pgops.revision ORDER BY revision DESC LIMIT 1'), 'while paused', 'declaring goes on');
$node->safe_psql('postgres', 'SELECT pgops.pause()');
is(settle($node)->{phase}, 'paused', 'pausing twice is pausing once');
$node->safe_psql('postgres', 'SELECT pgops.resume()');
is(settle($node)->{phase}, 'converged', 'resumed');
is(createdb() . value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'"), 'f33', 'all of it is done');

# ---- unbind and forget ----
$node->safe_psql('postgres', "SELECT pgops.unbind('small-1')");
$status = settle($node);
is($status->{phase}, 'unbound', 'unbound');
like($status->{message}, qr/pgops\.bind\(/, '... and told how to bind');
$node->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB');
look('unbound', 'a look does not bind');
is(createdb(), 't', '... nor repair');
like(($node->psql('postgres', "SELECT pgops.unbind('small-1')"))[2], qr/is not bound/, 'unbinding twice is an error');
$node->safe_psql('postgres', "SELECT pgops.bind('small-1')");
is(settle($node)->{phase}, 'converged', 'bound again');
is(createdb(), 'f', '... it repairs');

$node->safe_psql('postgres', "SELECT pgops.forget('small')");
is(value($node, 'SELECT count(*) FROM pgops.status'), 0, 'forgotten');
is(value($node, 'SELECT count(*) FROM pgops.secret') + value($node, 'SELECT count(*) FROM pgops.variable'), 0, '... with all that was declared');
cmp_ok(revision_count($node), '>', 5, '... but not its history');
my $file = file_identity($hba);
$node->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB; SELECT pgops.reconcile()');
pass_once($node);
is(createdb(), 't', 'it is looked after no more');
is(file_identity($hba), $file, 'and nothing is taken back');
converge($node, $spec, 'converged', 'declared anew');
is(createdb(), 't', '... what it does not say of a role that is there stays as it is found');

# waits for a pass that began after now
sub pass_once
{
	my ($which) = @_;
	my $passes = value($which, 'SELECT passes FROM pgops.coordinator()');
	$which->safe_psql('postgres', 'SELECT pgops.reconcile()');
	wait_for($which, "SELECT passes > $passes AND state !~ 'working' FROM pgops.coordinator()", 'a pass');
	return;
}

# ---- who may look, who may act: every function and relation ----
$node->safe_psql('postgres', 'CREATE ROLE nobody; CREATE ROLE watcher IN ROLE pg_monitor');
my @functions = rows($node, "SELECT p.oid::regprocedure::text AS name, p.prorettype = 'trigger'::regtype AS trigger,
	has_function_privilege('nobody', p.oid, 'EXECUTE') AS nobody,
	has_function_privilege('watcher', p.oid, 'EXECUTE') AS watcher
	FROM pg_proc p WHERE pronamespace = 'pgops'::regnamespace ORDER BY 1");
my @relations = rows($node, "SELECT c.oid::regclass::text AS name, c.relkind,
	has_table_privilege('nobody', c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER') AS nobody,
	has_table_privilege('watcher', c.oid, 'SELECT') AS watcher,
	has_table_privilege('watcher', c.oid, 'INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER') AS writes
	FROM pg_class c WHERE relnamespace = 'pgops'::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p') ORDER BY 1");
is_deeply([ map { $_->{name} } grep { $_->{nobody} } @functions, @relations ], [], 'nobody may nothing');
is_deeply([ map { $_->{name} } grep { $_->{writes} } @relations ], [], 'members of pg_monitor write nothing');
is_deeply([ map { $_->{name} } grep { $_->{watcher} } @functions ],
	[ map { "pgops.$_" } 'amount(double precision,text)', 'archive_state()', 'backup_declared()',
		'backup_leads_here(text,pg_lsn)', 'cluster_spec(text,boolean)', 'coordinator()',
		'cron_next(text,timestamp with time zone,integer,text)', 'diff(text,bigint,bigint)',
		'health_check(text,text,text,bigint,jsonb)', 'instance_alive(text)', 'inventory(boolean)',
		'inventory_yaml(text,boolean)', 'job_kinds()', 'job_log(bigint,integer)', 'job_slots()', 'local_cluster()',
		'local_instance()', 'plan(text)', 'progress_text(double precision,double precision,text,double precision,interval)',
		'render(text,text,boolean,jsonb,integer,integer,bigint,text)',
		'rendered(text,boolean,jsonb,integer,integer,bigint,text)', 'revision_actions(text,bigint)', 'revisions(text)',
		'show_declared(text,text)', 'show_endpoints()', 'show_ha_history()', 'show_ha_status()', 'show_members()',
		'show_parameters()', 'show_pending_restart()', 'show_rules()', 'show_settings(text)', 'show_topology()',
		'standby_jobs()',
		'tune(text,integer,integer,bigint,integer,double precision,text,text,text,text,text,text,text,integer)',
		'version()' ],
	'they call what only looks');
is_deeply([ map { $_->{name} } grep { $_->{watcher} } @relations ],
	[ map { "pgops.$_" } qw(action_log actions backup_status backups clusters databases default_privileges drift
		endpoints extensions ha_history ha_status hba_rules instances jobs members parameter pending_restart
		push_status replication restored_instances rules schedules schemas services settings status topology_drift
		users verifications) ],
	'and read what holds no secret');

for my $relation (grep { $_->{relkind} eq 'v' || $_->{watcher} } @relations)
{
	my ($exit, undef, $error) = $node->psql('postgres', "SET ROLE watcher; SELECT count(*) FROM $relation->{name}");
	is("$exit$error", '0', "$relation->{name} works for a member of pg_monitor");
}
for my $statement ("SELECT pgops.apply_cluster('a: {}')", "SELECT pgops.apply_cluster('{}'::jsonb)", "SELECT pgops.validate('a')",
	"SELECT pgops.bind('small-1')", "SELECT pgops.forget('small')", 'SELECT pgops.pause()', 'SELECT pgops.reconcile()',
	'SELECT pgops.wait()', 'SELECT * FROM pgops.secret', 'SELECT * FROM pgops.variable', 'SELECT * FROM pgops.revision',
	'UPDATE pgops.cluster SET paused = true')
{
	for my $user (qw(nobody watcher))
	{
		my ($exit, undef, $error) = $node->psql('postgres', "SET ROLE $user; $statement");
		like($error, qr/permission denied/, "$user: $statement");
	}
}

# ---- everything says what it is ----
is( value($node, "SELECT string_agg(o, ', ' ORDER BY o) FROM (
		SELECT d.classid::regclass || ' ' || d.objid AS o FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pgops'
		WHERE d.deptype = 'e' AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass)
			AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('i', 'S', 't') FROM pg_class WHERE oid = d.objid))
			AND obj_description(d.objid, d.classid::regclass::name) IS NULL
		UNION ALL
		SELECT c.oid::regclass || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped
		WHERE relnamespace = 'pgops'::regnamespace AND relkind IN ('r', 'v') AND col_description(c.oid, a.attnum) IS NULL
		UNION ALL
		SELECT 'extension' WHERE (SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'pgops') IS NULL) x"),
	'', 'every object and column has a comment');

# ---- a copy of the data directory is nobody until somebody says who ----
$node->stop;
my $copy = PostgreSQL::Test::Cluster->new('copy');
PostgreSQL::Test::Utils::system_or_bail('cp', '-a', $node->data_dir, $copy->data_dir);
$copy->append_conf('postgresql.conf', 'port = ' . $copy->port . "\nunix_socket_directories = '" . $copy->host . "'\n");
$copy->start;
$copy->safe_psql('postgres', 'ALTER DATABASE app OWNER TO app_reader');
$file = file_identity($copy->data_dir . '/pg_hba.conf');
pass_once($copy);
$status = row($copy, 'SELECT * FROM pgops.wait()');
is($status->{phase}, 'unbound', 'a copy is unbound');
like($status->{message}, qr/copy.*"small-1".*pgops\.bind\('small-1'\)/, '... says of what it is one, and how to bind it');
declare($copy, $spec =~ s/connlimit: 20/connlimit: 44/r);
is(settle($copy)->{phase}, 'unbound', 'declaring there is possible, and does not bind');
cmp_ok(scalar(open_rows(plan_rows($copy))), '>=', 2, 'the plan works');
is(value($copy, "SELECT pg_get_userbyid(datdba) || ' ' || rolconnlimit FROM pg_database, pg_roles WHERE datname = 'app' AND rolname = 'app_owner'"),
	'app_reader 20', 'nothing is done');
is(file_identity($copy->data_dir . '/pg_hba.conf'), $file, '... nor to the file');
# nor does the setting, which came along with the files of many a copy
$copy->append_conf('postgresql.conf', "pgops.instance = 'small-1'");
$copy->reload;
wait_for($copy, "SELECT current_setting('pgops.instance') = 'small-1'", 'a setting says which instance it is');
pass_once($copy);
$status = row($copy, 'SELECT * FROM pgops.wait()');
is($status->{phase}, 'unbound', '... of which there is another server');
like($status->{message}, qr/"small-1" is another server.*pgops\.bind\('small-1'\)/, '... which is said');
like(($copy->psql('postgres', "SELECT pgops.bind('small-2')"))[2], qr/pgops\.instance says that it is "small-1"/,
	'binding against the setting is an error');
$copy->safe_psql('postgres', "SELECT pgops.bind('small-1')");
is(settle($copy)->{phase}, 'converged', 'bound, it acts');
is(value($copy, "SELECT pg_get_userbyid(datdba) || ' ' || rolconnlimit FROM pg_database, pg_roles WHERE datname = 'app' AND rolname = 'app_owner'"),
	'app_owner 44', '... on all that was put off');
$copy->stop;

# ---- two instances are declared: which one is this? ----
my $pair = pgops_node('pair', conf => "pgops.drift_interval = '1h'\n");
my $pair_file = file_identity($pair->data_dir . '/pg_hba.conf');
my @declared = declare($pair, document('pair.yml'));
cmp_ok(scalar(open_rows(@declared)), '>', 20, 'declared with two instances: there is a plan');
$status = row($pair, 'SELECT * FROM pgops.wait()');
is($status->{phase}, 'unbound', 'it is not known which one this server is');
like($status->{message}, qr/pgops\.bind\(.*pgops\.instance/, '... and how to say it');
is(action_count($pair) . value($pair, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^(app|dbrole|dbuser)'"), '00', 'nothing is done');
is(file_identity($pair->data_dir . '/pg_hba.conf'), $pair_file, '... nor to the file');
like(($pair->psql('postgres', "SELECT pgops.bind('pair-3')"))[2], qr/instance "pair-3" is not declared/, 'binding to what is not declared is an error');
is(value($pair, 'SELECT count(*) FROM pgops.identity'), 0, '... and binds nothing');

# a second cluster before this server is anybody
declare($pair, $spec);
is(value($pair, "SELECT string_agg(cluster || ' ' || phase || ' ' || (message ~ 'pgops.bind')::text, ', ' ORDER BY cluster) FROM pgops.status"),
	'pair unbound true, small unbound true', 'with two clusters it is nobody, too');
$pair->safe_psql('postgres', "SELECT pgops.bind('pair-1')");
is(settle($pair)->{phase}, 'converged', 'bound, it acts');
is(value($pair, 'SELECT instance FROM pgops.wait()'), 'pair-1', '... as the one it was bound to');

# the other cluster is stored, planned, and none of this server's business
$actions = action_count($pair);
declare($pair, $spec =~ s/connlimit: 20/connlimit: 55/r);
my $other = row($pair, "SELECT * FROM pgops.wait('small', '5 s')");
is("$other->{phase}: $other->{message}", 'unbound: this server belongs to cluster "pair"', 'the other cluster is not this server\'s');
cmp_ok(scalar(open_rows(rows($pair, "SELECT * FROM pgops.plan('small')"))), '>', 1, 'its plan works');
pass_once($pair);
is(action_count($pair), $actions, 'nothing is done for it');
is(value($pair, "SELECT count(*) FROM pg_roles WHERE rolname = 'app_owner'"), 0, '... indeed');
is(value($pair, "SELECT count(*) FROM pgops.revision WHERE cluster = 'small'"), 2, 'its declarations are there');
is(value($pair, 'SELECT count(*) FROM pgops.drift'), 0, 'drift is of this server\'s cluster');

# bound elsewhere, the roles change
$pair->safe_psql('postgres', "SELECT pgops.bind('small-1')");
is(row($pair, 'SELECT * FROM pgops.wait()')->{instance}, 'small-1', 'bound to the other one');
is(value($pair, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'"), 55, '... it acts on that');
is(value($pair, "SELECT phase FROM pgops.status WHERE cluster = 'pair'"), 'unbound', '... and no longer on the first');
is(value($pair, 'SELECT count(*) FROM pgops.identity'), 1, 'a server is one instance');

done_testing();
