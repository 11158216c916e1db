# Writing to the typed views: a statement is a declaration.  It is validated with
# the columns' names, it is one revision for each transaction, it reaches the
# server, and what is rolled back never was.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\nlog_statement = 'all'\nlog_min_messages = notice\n");
my $mine = "cluster = 'small'";

sub run_sql { return $node->safe_psql('postgres', join "\n", @_) }

# what may be refused, as psql tells it in full
sub refused
{
	my ($sql, $pattern, $what) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
	isnt($code, 0, "$what: refused");
	like($stderr, $pattern, "$what: with the reason");
	return $stderr;
}

# the list parameter of the cluster as it is declared
sub items { my ($param) = @_; return value($node, "SELECT source FROM pgops.variable WHERE $mine AND host IS NULL AND name = '$param'") }

sub revisions { my ($cluster) = @_; return value($node, "SELECT count(*) FROM pgops.revision WHERE cluster = '" . ($cluster // 'small') . "'") }

# everything that a declaration leaves
sub trace
{
	return row($node, <<~'SQL');
		SELECT (SELECT md5(string_agg(v::text, '|' ORDER BY v::text)) FROM pgops.variable v) AS variables,
			   (SELECT md5(string_agg(i::text, '|' ORDER BY i::text)) FROM pgops.instance i) AS instances,
			   (SELECT md5(string_agg(c::text, '|' ORDER BY c::text)) FROM pgops.cluster c) AS clusters,
			   (SELECT md5(string_agg(s::text, '|' ORDER BY s::text)) FROM pgops.secret s) AS secrets,
			   (SELECT count(*) FROM pgops.revision) AS revisions
		SQL
}

converge($node, document('small.yml'), 'converged', 'declared by a document');

# ---- the server follows ----
my $before = revisions();
run_sql("UPDATE pgops.databases SET connlimit = 50 WHERE $mine AND name = 'app'");
wait_for($node, "SELECT datconnlimit = 50 FROM pg_database WHERE datname = 'app'", 'an UPDATE reaches the server');
is(settle($node)->{phase}, 'converged', '... and settles');
is(revisions(), $before + 1, '... as one revision');
is(value($node, "SELECT difference FROM pgops.revision WHERE $mine ORDER BY revision DESC LIMIT 1"),
	'[{"new": 50, "path": "pg_databases[app].connlimit"}]', '... that says what was changed')
  or diag(value($node, "SELECT difference FROM pgops.revision WHERE $mine ORDER BY revision DESC LIMIT 1"));
like(items('pg_databases'), qr/"revokeconn":\s*true,\s*"connlimit":\s*50,\s*"schemas"/, 'a new field has its place among the others');

run_sql("UPDATE pgops.databases SET connlimit = NULL WHERE $mine AND name = 'app'");
unlike(items('pg_databases'), qr/connlimit/, 'NULL: no longer declared');
$before = trace();
run_sql("UPDATE pgops.databases SET connlimit = NULL, comment = comment WHERE $mine");
run_sql("UPDATE pgops.databases SET connlimit = 1 WHERE $mine AND name = 'nobody'");
is_deeply(trace(), $before, 'what changes nothing leaves nothing');

# ---- refusals ----
my $error = refused("UPDATE pgops.databases SET connlimit = -5 WHERE $mine AND name = 'app'",
	qr/ERROR:\s+PO105: invalid value for column "connlimit" of pgops.databases/, 'a value out of range');
like($error, qr/DETAIL:\s+cluster "small", database "app": field "connlimit" must be between/, '... names the row');
like($error, qr/SCHEMA NAME:\s+pgops\nTABLE NAME:\s+databases\nCOLUMN NAME:\s+connlimit/, '... has its parts as fields');
$error = refused("INSERT INTO pgops.users (cluster, name, connlimit, pool_mode) VALUES ('small', 'a', 1, 'no'), ('small', 'b', -9, NULL)",
	qr/PO100: invalid value for column/, 'several wrong values');
like($error, qr/user "a": field "pool_mode".*user "b": field "connlimit"/s, '... are told all at once');
refused("INSERT INTO pgops.users (cluster, name) VALUES ('small', 'app_owner')",
	qr/PO107: invalid value for column "name" of pgops.users/, 'a name that is there');
refused("INSERT INTO pgops.users (cluster, connlimit) VALUES ('small', 1)", qr/PO106: invalid value for column "name"/, 'no name');
refused("INSERT INTO pgops.users (name) VALUES ('x')", qr/23502: invalid value for column "cluster"/, 'no cluster');
refused("INSERT INTO pgops.users (cluster, name) VALUES ('nowhere', 'x')", qr/PO704: invalid value for column "cluster"/, 'an unknown cluster');
refused("INSERT INTO pgops.schemas (cluster, database, name) VALUES ('small', 'nowhere', 'x')", qr/PO109: invalid value for column "database"/, 'an unknown database');
refused("INSERT INTO pgops.users (cluster, name, parameter) VALUES ('small', 'x', 'pg_databases')", qr/PO103: invalid value for column "parameter"/, 'a list of other things');
refused("UPDATE pgops.users SET cluster = 'other' WHERE $mine", qr/0A000: cannot write to column "cluster" of pgops.users.*HINT:\s+Delete the row/s, 'moving to another cluster');
refused("UPDATE pgops.clusters SET generation = 1 WHERE name = 'small'", qr/0A000: cannot write to column "generation" of pgops.clusters/, 'a computed column');
refused("UPDATE pgops.default_privileges SET grantees = 'x' WHERE $mine", qr/0A000: cannot write to column "grantees"/, 'a part of a definition');
refused("UPDATE pgops.default_privileges SET definition = 'GRANT nonsense' WHERE $mine AND ordinal = 1", qr/column "definition" of pgops.default_privileges/, 'a definition that says nothing');
refused("INSERT INTO pgops.users (cluster, name, password) VALUES ('small', 'x', '********')", qr/column "password" of pgops.users/, 'a mask with nothing behind it');
is_deeply(trace(), $before, 'refused statements leave nothing');

# ---- transactions ----
run_sql("BEGIN; UPDATE pgops.users SET connlimit = 1 WHERE $mine; INSERT INTO pgops.users (cluster, name, password) VALUES ('small', 'ghost', 'Ghost.Secret.1'); ROLLBACK;");
is_deeply(trace(), $before, 'ROLLBACK leaves no trace');
run_sql("BEGIN; SAVEPOINT s; UPDATE pgops.users SET connlimit = 1 WHERE $mine; ROLLBACK TO s; COMMIT;");
is_deeply(trace(), $before, 'nor does ROLLBACK TO SAVEPOINT');

my $count = revisions();
my $generation = value($node, "SELECT generation FROM pgops.cluster WHERE name = 'small'");
run_sql("BEGIN; UPDATE pgops.users SET connlimit = 7 WHERE $mine AND name = 'app_reader'; SAVEPOINT s;",
	"DELETE FROM pgops.databases WHERE $mine; ROLLBACK TO s;",
	"INSERT INTO pgops.databases (cluster, name, owner) VALUES ('small', 'second', 'app_owner');",
	"INSERT INTO pgops.schemas (cluster, database, name) VALUES ('small', 'second', 'inner'); COMMIT;");
is(revisions(), $count + 1, 'several statements of a transaction are one revision');
my $paths = value($node, "SELECT jsonb_agg(d ->> 'path') FROM pgops.revision, jsonb_array_elements(difference) d WHERE $mine AND revision = $count + 1");
like($paths, qr/pg_users\[app_reader\]\.connlimit.*pg_databases\[second\]/, '... with all they changed');
unlike($paths, qr/pg_databases\[app\]/, '... and nothing of what was rolled back');
wait_for($node, "SELECT count(*) = 1 FROM pg_database WHERE datname = 'second'", 'the database is made');
is(settle($node)->{phase}, 'converged', 'converged');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'inner'", database => 'second'), 1, 'with its schema');
is(value($node, "SELECT count(*) FROM pg_database WHERE datname = 'app'"), 1, 'the other one is still there');

# ---- statements within statements ----
run_sql(<<'SQL');
CREATE FUNCTION public.inner_edit(fail boolean) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		UPDATE pgops.databases SET connlimit = 61 WHERE cluster = 'small' AND name = 'second';
		IF fail THEN RAISE EXCEPTION 'no'; END IF;
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
	RETURN 62;
END $$
SQL
run_sql("UPDATE pgops.users SET connlimit = public.inner_edit(true) WHERE $mine AND parameter = 'pg_users'");
is(value($node, "SELECT string_agg(connlimit::text, ' ' ORDER BY name) FROM pgops.users WHERE $mine AND parameter = 'pg_users'"),
	'62 62', 'a failing inner statement does not take the outer one along');
is(value($node, "SELECT connlimit FROM pgops.databases WHERE $mine AND name = 'second'"), '', '... and leaves nothing');
run_sql("UPDATE pgops.users SET connlimit = public.inner_edit(false) + 1 WHERE $mine AND parameter = 'pg_users'");
is(value($node, "SELECT (SELECT max(connlimit) FROM pgops.users WHERE $mine) || ' ' || (SELECT connlimit FROM pgops.databases WHERE $mine AND name = 'second')"),
	'63 61', 'inner and outer statement both hold');

$count = revisions();
run_sql("WITH u AS (INSERT INTO pgops.users (cluster, name) VALUES ('small', 'with_user') RETURNING name),",
	"d AS (UPDATE pgops.databases SET comment = 'by WITH' WHERE $mine AND name = 'second' RETURNING 1)",
	"INSERT INTO pgops.databases (cluster, name, owner) SELECT 'small', 'with_db', name FROM u");
is(revisions(), $count + 1, 'WITH that writes to several views is one revision');
like(items('pg_databases'), qr/by WITH.*with_db/s, '... of all of them');

run_sql("COPY pgops.users (cluster, name, connlimit) FROM stdin;\nsmall\tcopied_1\t1\nsmall\tcopied_2\t2\n\\.\n");
is(value($node, "SELECT count(*) FROM pgops.users WHERE $mine AND name LIKE 'copied%'"), 2, 'COPY declares');
refused("COPY pgops.users (cluster, name, connlimit) FROM stdin;\nsmall\tcopied_3\t1\nsmall\tcopied_4\t-2\n\\.\n",
	qr/user "copied_4"/, 'a wrong row of COPY');
run_sql("UPDATE pgops.users u SET connlimit = x.l FROM (VALUES ('copied_1', 11), ('copied_2', 12)) x (n, l) WHERE $mine AND u.name = x.n");
is(value($node, "SELECT sum(connlimit) FROM pgops.users WHERE $mine AND name LIKE 'copied%'"), 23, 'UPDATE ... FROM');
run_sql("UPDATE pgops.users SET name = CASE name WHEN 'copied_1' THEN 'copied_2' ELSE 'copied_1' END WHERE $mine AND name LIKE 'copied%'");
is(value($node, "SELECT string_agg(name || connlimit, ' ' ORDER BY ordinal) FROM pgops.users WHERE $mine AND name LIKE 'copied%'"),
	'copied_211 copied_112', 'names can be swapped');
is(run_sql("DELETE FROM pgops.users WHERE $mine AND name IN ('copied_1', 'copied_2', 'with_user') RETURNING name"),
	"with_user\ncopied_2\ncopied_1", 'DELETE ... RETURNING');
run_sql("DELETE FROM pgops.databases WHERE $mine AND name = 'with_db'");

run_sql("CREATE VIEW public.mine AS SELECT * FROM pgops.users WHERE $mine; UPDATE public.mine SET comment = 'by a view' WHERE name = 'app_reader'");
is(value($node, "SELECT comment FROM pgops.users WHERE $mine AND name = 'app_reader'"), 'by a view', 'through a view on the view');
run_sql("DROP VIEW public.mine");

# ---- each view ----
run_sql("INSERT INTO pgops.extensions (cluster, database, name, schema) VALUES ('small', 'app', 'pg_trgm', 'public')");
run_sql("UPDATE pgops.schemas SET owner = 'app_reader' WHERE $mine AND database = 'app' AND name = 'audit'");
run_sql("UPDATE pgops.extensions SET state = 'absent' WHERE $mine AND database = 'app' AND name = 'pg_trgm'");
like(items('pg_databases'), qr/\{"name":\s*"audit",\s*"owner":\s*"app_reader"\}.*\{"name":\s*"pg_trgm",\s*"schema":\s*"public",\s*"state":\s*"absent"\}/s, 'what is inside a database');
run_sql("DELETE FROM pgops.extensions WHERE $mine AND database = 'app' AND name = 'pg_trgm'");
run_sql("DELETE FROM pgops.schemas WHERE $mine AND database = 'second'");
unlike(items('pg_databases'), qr/pg_trgm|inner/, 'is deleted');

run_sql("INSERT INTO pgops.hba_rules (cluster, title, \"user\", db, addr, auth) VALUES ('small', 'one', 'app_owner', 'app', '10.1.0.0/16', 'pwd'), ('small', 'two', 'app_reader', 'app', '10.2.0.0/16', 'pwd')");
run_sql("INSERT INTO pgops.hba_rules (cluster, ordinal, title, rules) VALUES ('small', 2, 'between', '[\"host all all 10.3.0.0/16 reject\"]')");
run_sql("UPDATE pgops.hba_rules SET addr = '10.4.0.0/16' WHERE $mine AND parameter = 'pg_hba_rules' AND ordinal = 3");
is(value($node, "SELECT string_agg(title || '=' || coalesce(addr, '-'), ' ' ORDER BY ordinal) FROM pgops.hba_rules WHERE $mine AND parameter = 'pg_hba_rules'"),
	'one=10.1.0.0/16 between=- two=10.4.0.0/16', 'rules by their places');
run_sql("DELETE FROM pgops.hba_rules WHERE $mine AND parameter = 'pg_hba_rules' AND ordinal < 3");
settle($node);
like(slurp_file($node->data_dir . '/pg_hba.conf'), qr/10\.4\.0\.0/, '... reach the file');
run_sql("INSERT INTO pgops.services (cluster, name, port, dest, selector) VALUES ('small', 'extra', 5999, '5432', '[]')");
like(items('pg_services'), qr/"port":\s*5999,\s*"dest":\s*5432/, 'a service');
run_sql("DELETE FROM pgops.services WHERE $mine AND name = 'extra'");
is(items('pg_services'), '', 'an empty list that hides nothing goes away');

# ---- copied from a weaker level ----
my (undef, undef, $notice) = $node->psql('postgres', "SET client_min_messages = notice; UPDATE pgops.users SET comment = 'our readers' WHERE $mine AND name = 'dbrole_readonly'");
like($notice, qr/NOTICE:  cluster "small" declares "pg_default_roles" itself from here on/, 'a default that is changed is copied, with a word about it');
is(value($node, "SELECT count(*) || ' ' || count(*) FILTER (WHERE comment = 'our readers') FROM pgops.users WHERE $mine AND scope = 'cluster' AND parameter = 'pg_default_roles'"),
	value($node, "SELECT jsonb_array_length(default_value) FROM pgops.parameter WHERE name = 'pg_default_roles'") . ' 1', '... whole');
run_sql("DELETE FROM pgops.default_privileges WHERE $mine AND ordinal = 2");
run_sql("INSERT INTO pgops.default_privileges (cluster, definition) VALUES ('small', 'GRANT SELECT ON TABLES TO app_reader')");
run_sql("UPDATE pgops.default_privileges SET definition = 'GRANT INSERT ON TABLES TO app_reader' WHERE $mine AND grantees = 'app_reader'");
like(items('pg_default_privileges'), qr/GRANT INSERT ON TABLES TO app_reader"\]$/, 'default privileges');
run_sql("DELETE FROM pgops.default_privileges WHERE $mine");
is(items('pg_default_privileges'), '[]', 'an empty list that hides the default stays');
is(settle($node)->{phase}, 'converged', 'converged');

# ---- what a column cannot show stays ----
run_sql("UPDATE pgops.clusters SET variables = variables || '{\"pg_parameters\": {\"z\": 1, \"a\": 2}, \"patroni_password\": \"Patroni.Secret.1\"}' WHERE name = 'small'");
declare($node, small_document(
	pg_admin_username => 'boss', patroni_password => 'Patroni.Secret.2',
	pg_users => [ { name => 'j', comment => '{{ secret_comment }}', connlimit => '5' }, { name => '${admin}', comment => 'c' } ]));
run_sql("UPDATE pgops.users SET pgbouncer = true WHERE $mine AND parameter = 'pg_users'");
like(items('pg_users'), qr/\Q{{ secret_comment }}\E.*\$\{admin\}/s, 'expressions and placeholders stay');
run_sql("UPDATE pgops.clusters SET policy = 'observe', variables = variables || '{\"pg_port\": 5432}' WHERE name = 'small'");
is(value($node, "SELECT value FROM pgops.secret WHERE name = 'patroni_password'"), 'Patroni.Secret.2', 'masked secrets stay');
is(value($node, "SELECT policy || port FROM pgops.clusters WHERE name = 'small'"), 'observe5432', 'variables of a cluster');
run_sql("UPDATE pgops.clusters SET policy = NULL, paused = true WHERE name = 'small'");
is(value($node, "SELECT policy || paused FROM pgops.clusters WHERE name = 'small'"), 'additivetrue', 'null: not declared; pausing');
run_sql("UPDATE pgops.clusters SET paused = false WHERE name = 'small'");

# ---- passwords ----
my $offset = -s $node->logfile;
declare($node, document('small.yml'));
run_sql("UPDATE pgops.users SET password = 'New.Reader.Secret' WHERE $mine AND name = 'app_reader'");
run_sql("UPDATE pgops.users SET password = password, comment = 'kept' WHERE $mine AND name = 'app_reader'");
refused("UPDATE pgops.users SET password = 'Other.Reader.Secret', connlimit = -7 WHERE $mine AND name = 'app_reader'", qr/connlimit/, 'a password beside a wrong value');
refused("UPDATE pgops.users SET password = 'Typo.Reader.Secret', connlimit = 'many' WHERE $mine", qr/invalid input syntax/, 'a password beside no number');
run_sql("PREPARE p (text) AS UPDATE pgops.users SET password = \$1 WHERE $mine AND name = 'app_owner'; EXECUTE p ('Prepared.Reader.Secret')");
is(settle($node)->{phase}, 'converged', 'converged');
is((tcp_login($node, 'app_reader', 'New.Reader.Secret', 'postgres'))[1], 'app_reader', 'the new password lets in');
is(value($node, "SELECT password FROM pgops.users WHERE $mine AND name = 'app_reader'"), '********', 'and is shown masked');
is(log_matches($node, qr/Reader\.Secret/, $offset), 0, 'no password is in the log');
is(value($node, "SELECT count(*) FROM pgops.revision WHERE document::text || difference::text ~ 'Reader.Secret|SCRAM'"), 0, 'nor in a revision');

# ---- clusters by SQL ----
my $new = "BEGIN; INSERT INTO pgops.clusters (name) VALUES ('made'); INSERT INTO pgops.users (cluster, name) VALUES ('made', 'm');";
run_sql("$new INSERT INTO pgops.instances (cluster, host, seq, role) VALUES ('made', '10.9.0.1', 1, 'primary'), ('made', '10.9.0.2', 2, NULL);",
	"UPDATE pgops.instances SET variables = variables || '{\"pg_weight\": 50}' WHERE cluster = 'made' AND host = '10.9.0.2'; COMMIT;");
is(value($node, "SELECT string_agg(name || ' ' || role || ' ' || weight, ', ' ORDER BY ordinal) FROM pgops.instances WHERE cluster = 'made'"),
	'made-1 primary 100, made-2 replica 50', 'a cluster made by SQL');
is(value($node, "SELECT kind || ' ' || instances || ' ' || primary_host FROM pgops.clusters WHERE name = 'made'"), 'pgsql 2 10.9.0.1', '... is one of PostgreSQL');
is(revisions('made'), 1, '... in one revision');
$before = trace();
refused("$new COMMIT;" =~ s/'made'/'unmade'/gr, qr/cluster "unmade" has no hosts/, 'one without hosts');
refused(("$new INSERT INTO pgops.instances (cluster, host, seq) VALUES ('made', '10.9.1.1', 1); COMMIT;") =~ s/'made'/'unmade'/gr,
	qr/cluster "unmade" has no primary/, 'one without a primary');
refused(("$new SET CONSTRAINTS ALL IMMEDIATE; SELECT 'too late'; COMMIT;") =~ s/'made'/'unmade'/gr, qr/has no hosts/, 'one asked for before the commit');
refused("DELETE FROM pgops.instances WHERE cluster = 'made' AND role = 'primary'", qr/cluster "made" has no primary/, 'taking away the primary');
refused("INSERT INTO pgops.instances (cluster, host, seq) VALUES ('made', '10.9.0.1', 3)", qr/column "host" of pgops.instances/, 'a host that is there');
refused("UPDATE pgops.instances SET seq = 1 WHERE cluster = 'made' AND seq = 2", qr/column "seq" of pgops.instances/, 'a number that is taken');
refused("UPDATE pgops.instances SET role = 'boss' WHERE cluster = 'made' AND seq = 2", qr/column "role" of pgops.instances/, 'a role that is none');
refused("INSERT INTO pgops.instances (cluster, host, seq) VALUES ('made', '10.10.10.10', 3)", qr/column "host" of pgops.instances.*10\.10\.10\.10/s, 'a host of another cluster, on the same port');
refused("INSERT INTO pgops.clusters (name) VALUES ('made')", qr/column "name" of pgops.clusters/, 'a name that is there');
is_deeply(trace(), $before, 'none of them leaves a trace');
run_sql("BEGIN; UPDATE pgops.instances SET role = 'replica' WHERE cluster = 'made' AND seq = 1; UPDATE pgops.instances SET role = 'primary' WHERE cluster = 'made' AND seq = 2; COMMIT");
is(value($node, "SELECT primary_host FROM pgops.clusters WHERE name = 'made'"), '10.9.0.2', 'the primary can be another');
run_sql("UPDATE pgops.instances SET host = '10.9.0.3' WHERE cluster = 'made' AND seq = 1; DELETE FROM pgops.instances WHERE cluster = 'made' AND seq = 1");
run_sql("UPDATE pgops.users SET comment = 'of all' WHERE parameter = 'pg_users'");
is(value($node, "SELECT count(DISTINCT cluster) FROM pgops.users WHERE comment = 'of all'"), 2, 'a statement over several clusters');
run_sql("DELETE FROM pgops.clusters WHERE name = 'made'");
is(value($node, "SELECT count(*) FROM pgops.cluster WHERE name = 'made'"), 0, 'a cluster is forgotten');

# ---- levels above ----
run_sql("SELECT pgops.apply_inventory(" . literal(<<'YAML') . ")");
all:
  vars:
    pg_users: [ { name: everywhere } ]
  children:
    upper:
      vars: { pg_hba_rules: [ { title: upper, user: all, db: all, addr: intra, auth: pwd } ] }
      children: { lower: }
    lower:
      hosts: { 10.8.0.1: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: lower }
YAML
run_sql("INSERT INTO pgops.users (cluster, name) VALUES ('lower', 'own')");
run_sql("UPDATE pgops.hba_rules SET title = 'lower' WHERE cluster = 'lower' AND parameter = 'pg_hba_rules'");
is(value($node, "SELECT (SELECT string_agg(name, ' ' ORDER BY ordinal) FROM pgops.users WHERE cluster = 'lower' AND parameter = 'pg_users') || ' ' || (SELECT title FROM pgops.hba_rules WHERE cluster = 'lower' AND parameter = 'pg_hba_rules')"),
	'everywhere own lower', 'what a group or all declares is copied with the change');
is(value($node, "SELECT value -> 0 ->> 'title' FROM pgops.variable WHERE cluster = 'upper'"), 'upper', '... and stays as it was there');
run_sql("DELETE FROM pgops.users WHERE cluster = 'lower' AND parameter = 'pg_users'");
is(value($node, "SELECT value FROM pgops.variable WHERE cluster = 'lower' AND name = 'pg_users'"), '[]', 'an empty list hides what all declares');

# ---- a thousand rows ----
$count = revisions();
my $started = Time::HiRes::time();
run_sql("INSERT INTO pgops.users (cluster, name, state) SELECT 'small', 'many_' || n, 'absent' FROM generate_series(1, 1000) n");
run_sql("UPDATE pgops.users SET comment = name WHERE $mine AND name LIKE 'many%'");
is(value($node, "SELECT count(*) FROM pgops.users WHERE $mine AND comment = name"), 1000, 'a thousand rows at once');
run_sql("DELETE FROM pgops.users WHERE $mine AND name LIKE 'many%'");
is(revisions(), $count + 3, '... are one revision each time');
note(sprintf('a thousand users inserted, updated, deleted in %.2f s', Time::HiRes::time() - $started));

# ---- two sessions ----
my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres', on_error_stop => 0);
$first->query_safe('BEGIN');
$first->query_safe("INSERT INTO pgops.databases (cluster, ordinal, name) VALUES ('small', 1, 'front')");
$second->query_until(qr/started/, "\\echo started\nUPDATE pgops.databases SET connlimit = 33 WHERE $mine AND name = 'app';\n");
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'", 'the second session waits');
is(value($node, "SELECT query ~ 'connlimit' FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'"), 'f', 'its statement is not shown');
$first->query_safe('COMMIT');
$second->query_safe('SELECT 1');
is(value($node, "SELECT string_agg(name || coalesce(connlimit::text, ''), ' ' ORDER BY ordinal) FROM pgops.databases WHERE $mine"),
	'front app33', 'both hold, though the rows have moved meanwhile');
$first->query_safe('BEGIN');
$first->query_safe("DELETE FROM pgops.databases WHERE $mine AND name = 'front'");
$second->query_until(qr/started/, "\\echo started\nUPDATE pgops.databases SET connlimit = 34 WHERE $mine AND name = 'front';\n");
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'", 'it waits again');
$first->query_safe('COMMIT');
$second->query('SELECT 1');
like($second->{stderr}, qr/database "front" was changed by another declaration/, 'what is gone meanwhile is told');
$first->quit;
$second->quit;

# ---- who may ----
run_sql('CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
my (undef, undef, $denied) = $node->psql('postgres', "SET ROLE watcher; UPDATE pgops.databases SET connlimit = 1", on_error_stop => 1);
like($denied, qr/permission denied for view databases/, 'who may read may not write');
run_sql('GRANT UPDATE ON pgops.databases TO watcher');
(undef, undef, $denied) = $node->psql('postgres', "SET ROLE watcher; UPDATE pgops.databases SET connlimit = 1", on_error_stop => 1);
like($denied, qr/permission denied/, '... not even with the right on the view');

is(settle($node)->{phase}, 'converged', 'converged in the end');
# ---- what is wrong with a row is told at once, and RETURNING shows no secret ----
my (undef, $returned, $told) = $node->psql('postgres',
	"UPDATE pgops.users SET password = 'Returned/Secret' WHERE cluster = 'small' AND name = 'app_owner' RETURNING password");
is($returned, '********', 'RETURNING masks a password');
(undef, undef, $told) = $node->psql('postgres',
	"UPDATE pgops.databases SET connlimit = -7, owner = 'nobody_at_all' WHERE cluster = 'small' AND name = 'app'");
like($told, qr/must be between -1 and/, 'a value that is wrong in itself is told');
like($told, qr/"nobody_at_all" is neither declared nor existing/, '... together with a role that is nowhere');

done_testing();
