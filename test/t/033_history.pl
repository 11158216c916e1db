# The history of declarations: who declared what and what the worker did for it,
# what lies between two revisions, and going back to one, which the server follows.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\npgops.lock_timeout = '300ms'\n");

# the vars that differ between revisions
sub spec
{
	my (%with) = @_;
	my $users = join '', map { "      - $_\n" } @{ $with{users} };
	my $more = join '', map { "    $_\n" } @{ $with{more} || [] };
	return <<"SPEC";
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: small
    pg_default_extensions: []
$more    pg_users:
$users    pg_databases: [ { name: app, connlimit: $with{limit} } ]
SPEC
}

sub refused
{
	my ($sql, $pattern, $what) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	isnt($code, 0, "refused: $what");
	like($stderr, $pattern, '... with the reason');
	return $stderr;
}

# converged state of what the revisions change
sub state_of_server
{
	return value($node, <<'SQL');
SELECT concat_ws('; ',
	(SELECT datconnlimit FROM pg_database WHERE datname = 'app'),
	(SELECT string_agg(roleid::regrole::text, ' ' ORDER BY roleid::regrole::text) FROM pg_auth_members WHERE member = 'one'::regrole),
	(SELECT rolconfig::text FROM pg_roles WHERE rolname = 'one'))
SQL
}
sub newest { return value($node, "SELECT max(revision) FROM pgops.revision WHERE cluster = 'small'"); }

# statements over one connection, psql's messages
sub messages
{
	my ($sql) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres', "SET client_min_messages = notice;\n$sql");
	is($code, 0, "done: $sql");
	return $stderr;
}

# ---- three revisions ----
my $one = '{ name: one, password: First-One-wOrd, roles: [ dbrole_readonly ], parameters: { work_mem: 8MB } }';
my $two = '{ name: two, password: First-Two-wOrd, roles: [ dbrole_readonly ] }';

declare($node, spec(limit => 10, users => [$one, $two], more => ['patroni_password: First-Api-wOrd']), note => 'first');
is(settle($node)->{phase}, 'converged', 'first revision');
my $first_state = state_of_server();
is($first_state, '10; dbrole_readonly; {work_mem=8MB}', '... on the server');

my $changed = $one =~ s/\[ dbrole_readonly \]/[ dbrole_readonly, dbrole_readwrite ]/r =~ s/8MB/16MB/r;
$node->safe_psql('postgres', "SET application_name = 'the editor'; SELECT FROM pgops.apply_cluster("
	  . literal(spec(limit => 50, users => [$changed, $two], more => ['patroni_password: First-Api-wOrd'])) . ", note => 'second')");
is(settle($node)->{phase}, 'converged', 'second revision');
is(state_of_server(), '50; dbrole_readonly dbrole_readwrite; {work_mem=16MB}', '... on the server');

my $blocker = $node->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE');
declare($node, spec(limit => 50, users => [ $changed =~ s/First-One/Second-One/r, $two ], more => ['patroni_password: Second-Api-wOrd']), note => 'third');
is(settle($node)->{phase}, 'degraded', 'third revision: a statement fails');
$blocker->query_safe('COMMIT');
$blocker->quit;
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', '... and succeeds later');

# ---- revisions ----
my @revisions = rows($node, "SELECT *, started_at >= created_at AS after, finished_at >= started_at AS ends FROM pgops.revisions('small')");
is(join(' ', map { "$_->{revision} $_->{note}" } @revisions), '3 third 2 second 1 first', 'newest first');
is(join(' ', map { $_->{application_name} } @revisions), '033_history.pl the editor 033_history.pl', '... declared from where');
is($revisions[1]{role}, value($node, 'SELECT session_user'), '... and by whom');
is($revisions[1]{changes}, 3, '... number of changes');
is($revisions[1]{summary},
	'pg_users[one].roles: ["dbrole_readonly"] -> ["dbrole_readonly", "dbrole_readwrite"], pg_users[one].parameters.work_mem: 8MB -> 16MB, pg_databases[app].connlimit: 10 -> 50'
	  =~ s/(\["dbrole_readonly", "dbrole_readwrite"\])/length($1) > 40 ? substr($1, 0, 37) . '...' : $1/er,
	'... in a line');
is($revisions[2]{summary}, 'declared for the first time', '... of the first one');
is($revisions[0]{summary}, 'patroni_password: changed, pg_users[one].password: changed', '... secrets without their values');
is(join(' ', map { $_->{after} && $_->{ends} ? 't' : 'f' } @revisions), 't t t', 'carried out after they were declared');
is(join(' ', map { $_->{failed} > 0 ? 'f' : '-' } @revisions), 'f - -', 'failures are counted');
is( join(' ', map { $_->{succeeded} } @revisions),
	value($node, "SELECT string_agg(n::text, ' ' ORDER BY g DESC) FROM (SELECT generation, count(*) FROM pgops.action_log
		WHERE state = 'succeeded' GROUP BY 1) a (g, n)"),
	'... and successes');
is( value($node, "SELECT string_agg(kind || ' ' || action || ' ' || name, ', ' ORDER BY kind) FROM pgops.revision_actions('small', 2)"),
	'database alter app, membership grant one, role setting set one', 'what was done for the second one');
is(value($node, "SELECT count(*) FROM pgops.revisions() WHERE cluster = 'small'"), 3, 'revisions of everything');

# a pass between two revisions belongs to the older one
$node->safe_psql('postgres', "ALTER DATABASE app CONNECTION LIMIT 7");
$node->safe_psql('postgres', "SELECT pgops.pause('small'); SELECT pgops.resume('small')");
is(settle($node)->{phase}, 'converged', 'drift is repaired');
is(value($node, "SELECT count(*) FROM pgops.revision_actions('small', 3) WHERE kind = 'database'"), 1, '... in the newest revision');
is(value($node, "SELECT sum(succeeded) FROM pgops.revisions('small')"),
	value($node, "SELECT count(*) FROM pgops.action_log WHERE state = 'succeeded'"), 'each action belongs to one revision');

# ---- diff ----
sub difference { return value($node, "SELECT string_agg(concat_ws(' ', action, path, old, '->', new), '; ') FROM pgops.diff($_[0])"); }

is(difference("'small', 1, 2"), 'changed pg_users[one].roles ["dbrole_readonly"] -> ["dbrole_readonly", "dbrole_readwrite"]; '
	  . 'changed pg_users[one].parameters.work_mem "8MB" -> "16MB"; changed pg_databases[app].connlimit 10 -> 50', 'from one to the next');
is(difference("'small', 2, 1"), 'changed pg_users[one].roles ["dbrole_readonly", "dbrole_readwrite"] -> ["dbrole_readonly"]; '
	  . 'changed pg_users[one].parameters.work_mem "16MB" -> "8MB"; changed pg_databases[app].connlimit 50 -> 10', '... and back');
is(difference("'small', 2"), 'changed patroni_password "********" -> "********"; changed pg_users[one].password "********" -> "********"',
	'to the newest: secrets that changed');
is(difference("'small', NULL"), difference("'small', 2, 3"), 'the last change');
is(difference("NULL, 1"), difference("'small', 1, 3"), 'of this server\'s cluster');
is(difference("'small', 2, 2"), '', 'equal');
refused("SELECT * FROM pgops.diff('small', 1, 9)", qr/42704: "small" has no revision 9\nDETAIL:  It has revisions 1 to 3\./, 'an unknown revision');
refused("SELECT * FROM pgops.diff('nowhere', 1)", qr/PO704: nothing was ever declared for "nowhere"/, 'an unknown cluster');

# ---- rollback ----
my $before = footprint($node);
my @plan = rows($node, "SELECT * FROM pgops.rollback('small', 1, dry_run => true)");
is(join(', ', sort map { "$_->{kind} $_->{name} $_->{action}" } @plan),
	'database app alter, membership one revoke, role setting one set', 'a dry run shows the plan');
$node->safe_psql('postgres', "BEGIN; SELECT FROM pgops.rollback('small', 1); ROLLBACK");
same_footprint(footprint($node), $before, 'neither it nor ROLLBACK leaves a trace');
refused("SELECT * FROM pgops.rollback('small', 9)", qr/42704: "small" has no revision 9/, 'an unknown revision');
refused("SELECT * FROM pgops.rollback('nowhere', 1)", qr/PO704: nothing was ever declared for "nowhere"/, 'an unknown cluster');

my $text = messages("SELECT FROM pgops.rollback('small', 1)");
like($text, qr/NOTICE:.*keep their present values\nDETAIL:  Declared anew since revision 1: patroni_password, pg_users\[one\]\.password\./, 'tells which secrets were not rolled back');
unlike($text, qr/wOrd|SCRAM/, '... but not the secrets');
is(settle($node)->{phase}, 'converged', 'rolled back');
is(state_of_server(), $first_state, 'the server is what it was');
is(value($node, "SELECT revision || ' ' || note FROM pgops.revisions('small') LIMIT 1"), '4 rollback to revision 1', 'a new revision');
is(difference("'small', 1, 4"), 'changed patroni_password "********" -> "********"; changed pg_users[one].password "********" -> "********"',
	'... with the old document');
is((tcp_login($node, 'one', 'Second-One-wOrd'))[0], 0, 'the password is the present one');
is(value($node, "SELECT value FROM pgops.secret WHERE name = 'patroni_password'"), 'Second-Api-wOrd', '... so is a component\'s');

$before = footprint($node);
is(messages("SELECT FROM pgops.rollback('small', 4)"), '', 'rollback to the newest');
is(settle($node)->{phase}, 'converged', '... is nothing to do');
same_footprint(footprint($node), $before, '... and no revision');
$node->safe_psql('postgres', "SELECT FROM pgops.rollback('small', 2, note => 'ticket 4711')");
is(settle($node)->{phase}, 'converged', 'forward again');
is(state_of_server(), '50; dbrole_readonly dbrole_readwrite; {work_mem=16MB}', '... to the second state');
is(value($node, "SELECT note FROM pgops.revisions('small') LIMIT 1"), 'ticket 4711', '... with a note');

# order and kinds of values survive
is( value($node, "SELECT string_agg(name, ' ' ORDER BY ordinal) FROM pgops.variable WHERE host IS NULL"),
	'pg_cluster pg_default_extensions patroni_password pg_users pg_databases', 'parameters stand where they stood');
is( value($node, "SELECT source #>> '{1}' FROM pgops.variable WHERE name = 'pg_users'") =~ s/SCRAM[^"]*/V/r =~ s/\s//gr,
	'{"name":"two","password":"V","roles":["dbrole_readonly"]}', '... so do keys');

# ---- secrets that are no longer stored ----
declare($node, spec(limit => 50, users => [$one =~ s/First/Second/r]));
is(settle($node)->{phase}, 'converged', 'a user and a secret are not declared any more');
my $stderr = refused("SELECT * FROM pgops.rollback('small', 2)", qr/small\.patroni_password: .*none is stored.*\nHINT:  Take the document out of pgops\.revision/, 'a secret that is gone');
unlike($stderr, qr/pg_users/, '... which is all: the server knows the password of the role');
is(value($node, "SELECT pgops.set_secret('patroni_password', 'Third-Api-wOrd', 'small')"), 't', 'the secret is given');
$node->safe_psql('postgres', "SELECT FROM pgops.rollback('small', 2)");
is(settle($node)->{phase}, 'converged', 'then it can be rolled back');
is((tcp_login($node, 'two', 'First-Two-wOrd'))[0], 0, 'the user kept its password');
$node->safe_psql('postgres', "ALTER ROLE two PASSWORD NULL");
declare($node, spec(limit => 50, users => [$one =~ s/First/Second/r], more => ['patroni_password: Third-Api-wOrd']));
refused("SELECT * FROM pgops.rollback('small', 2)", qr/small\.pg_users\[1\]\.password: .*none is stored/, 'a password that nobody has');

# ---- a forgotten cluster ----
$node->safe_psql('postgres', "SELECT pgops.forget('small')");
is(value($node, "SELECT count(*) > 0 FROM pgops.revisions('small')"), 't', 'its history stays');
refused("SELECT * FROM pgops.rollback('small', 2)", qr/none is stored/, 'its secrets do not');
my $newest = newest();
declare($node, spec(limit => 12, users => [$one, $two], more => ['patroni_password: Fourth-Api-wOrd']));
is(settle($node)->{phase}, 'converged', 'declared again');
is(newest(), $newest + 1, '... the history goes on');
is( value($node, "SELECT count(*) > 0 AND bool_and(started_at >= created_at) FROM pgops.revision_actions('small', " . newest() . ") a
		JOIN pgops.revision r ON r.cluster = 'small' AND r.revision = " . newest()),
	't', '... and its actions are told from those of the generation with the same number');
is(value($node, "SELECT sum(succeeded) FROM pgops.revisions('small')"),
	value($node, "SELECT count(*) FROM pgops.action_log WHERE state = 'succeeded'"), 'each action belongs to one revision still');

# ---- global variables ----
$node->safe_psql('postgres', "SELECT FROM pgops.apply_inventory('all: { vars: { pg_users: [ { name: everywhere, connlimit: 3 } ], region: north } }')");
$node->safe_psql('postgres', "SELECT FROM pgops.apply_inventory('all: { vars: { pg_users: [ { name: everywhere, connlimit: 4 } ], region: south } }')");
is(difference("'all', NULL"), 'changed pg_users[everywhere].connlimit 3 -> 4; changed region "north" -> "south"', 'difference of global variables');
my $all = value($node, "SELECT max(revision) FROM pgops.revision WHERE cluster = 'all'");
$node->safe_psql('postgres', "SELECT FROM pgops.rollback('all', $all - 1)");
is( value($node, "SELECT string_agg(name || ' ' || value, ', ' ORDER BY ordinal) FROM pgops.variable WHERE cluster IS NULL"),
	'pg_users [{"name": "everywhere", "connlimit": 3}], region "north"', '... which can be rolled back, too');
is(value($node, "SELECT count(*) FROM pgops.revisions('all') WHERE note = 'rollback to revision ' || ($all - 1)"), 1, '... as a revision of "all"');

# ---- who may look ----
$node->safe_psql('postgres', 'CREATE ROLE looker IN ROLE pg_monitor; CREATE ROLE stranger');
for my $call ("revisions('small')", "diff('small', 1)", "revision_actions('small', 2)")
{
	is($node->safe_psql('postgres', "SET ROLE looker; SELECT count(*) > 0 FROM pgops.$call"), 't', "pg_monitor reads $call");
	refused("SET ROLE stranger; SELECT FROM pgops.$call", qr/42501: permission denied/, "$call by others");
}
refused("SET ROLE looker; SELECT FROM pgops.$_", qr/42501: permission denied/, "pg_monitor and $_")
  for "rollback('small', 1)", "set_secret('patroni_password', 'x', 'small')", "rotate_password('small', 'one')", 'revision';

# ---- several statements, one revision ----
$node->safe_psql('postgres', "UPDATE pgops.users SET password = 'Third-One-wOrd' WHERE cluster = 'small' AND name = 'one'");
$newest = newest();
$node->safe_psql('postgres', <<'SQL');
BEGIN;
UPDATE pgops.users SET password = 'Fourth-One-wOrd' WHERE cluster = 'small' AND name = 'one';
UPDATE pgops.users SET password = 'Fifth-One-wOrd', connlimit = 5 WHERE cluster = 'small' AND name = 'one';
UPDATE pgops.users SET connlimit = NULL WHERE cluster = 'small' AND name = 'one';
COMMIT;
SQL
is(newest(), $newest + 1, 'a transaction is one revision');
is(difference("'small', NULL"), 'changed pg_users[one].password "********" -> "********"', '... with the secret that changed twice');
is(value($node, "SELECT summary FROM pgops.revisions('small') LIMIT 1"), 'pg_users[one].password: changed', '... which its summary says');

# ---- groups of other kinds ----
$node->safe_psql('postgres', "SELECT FROM pgops.apply_inventory('etcd: { hosts: { 10.10.10.20: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd, etcd_safeguard: $_ } }')")
  for qw(false true);
is(difference("'etcd', 0, 1"), 'added hosts["10.10.10.20"] -> {}; added hosts["10.10.10.20"].etcd_seq -> 1; '
	  . 'added etcd_cluster -> "etcd"; added etcd_safeguard -> false', 'all that a first revision declares');
is(value($node, "SELECT count(*) FROM pgops.rollback('etcd', 1)"), 0, 'rollback of a group without a plan');
is(value($node, "SELECT value FROM pgops.variable WHERE cluster = 'etcd' AND name = 'etcd_safeguard'"), 'false', '... brings its variables back');
refused("BEGIN READ ONLY; SELECT * FROM pgops.rollback('etcd', 2)", qr/25006: cannot execute pgops\.rollback\(\) in a read-only transaction/, 'a read-only transaction');

is(log_matches($node, qr/\w+-(?:One|Two|Api)-wOrd/), 0, 'no secret in the server log');

done_testing();
