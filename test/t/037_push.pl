# A fleet: declarations are pushed to the servers of other clusters, which
# converge and tell so.  A server that cannot take it - no extension, another
# version of it, wrong password, a standby, one that never answers, one that is
# killed in the middle - is an error in its own row, and the others go on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $password = 'Push-Admin-wOrd';
my $plain = 'Application-wOrd';

# everything that could show a secret is logged
my $conf = <<'CONF';
pgops.drift_interval = '1h'
log_statement = all
log_min_duration_statement = 0
log_min_messages = log
log_parameter_max_length_on_error = -1
CONF

my $center = pgops_node('center', conf => $conf);
my $alpha = target('alpha');
my $beta = target('beta', extension => 0, init => { allows_streaming => 1 });

# a server as an administrator prepares it: a superuser who comes in by password
sub target
{
	my ($name, %option) = @_;
	my $node = pgops_node($name, conf => $conf, %option, start => 0);
	unlink $node->data_dir . '/pg_hba.conf';
	append_to_file($node->data_dir . '/pg_hba.conf', <<~'HBA');
		local all all trust
		local replication all trust
		host all all 127.0.0.1/32 scram-sha-256
		HBA
	$node->start;
	$node->safe_psql('postgres', "CREATE ROLE dbuser_dba SUPERUSER LOGIN PASSWORD '$password'");
	$node->safe_psql('postgres', 'CREATE EXTENSION pgops')
	  unless exists $option{extension} && !$option{extension};
	return $node;
}

# one of the passwords is declared by reference
my $secret_file = PostgreSQL::Test::Utils::tempdir() . '/push.password';
append_to_file($secret_file, "$password\n");
chmod 0600, $secret_file;

# accepts connections (the kernel does) and never says a word
my $mute = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', Proto => 'tcp')
  or die "could not listen: $!";

my %change = (push => 'false', user => 'app_first', beta_hosts => '', patience => 1);

sub inventory
{
	(%change) = (%change, @_);
	my $hosts = $change{beta_hosts}
	  || "10.10.10.13: { pg_seq: 1, pg_role: primary, pgops_push_conninfo: '@{[ port($beta) ]}' }";
	return <<"INVENTORY";
all:
  vars:
    admin_ip: 10.10.10.10
    pg_default_extensions: []
    pg_admin_password: $password
    pgops_push: $change{push}
    pgops_push_password: $password
  children:
    pg-center:
      hosts: { 10.10.10.11: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-center }
    fleet:
      vars: { pg_version: 15 }
      children: { pg-alpha: , pg-beta: , pg-mute: }
    pg-alpha:
      hosts: { 10.10.10.12: { pg_seq: 1, pg_role: primary } }
      vars:
        pg_cluster: pg-alpha
        pgops_push_conninfo: '@{[ port($alpha) ]}'
        pg_users: [ { name: $change{user}, password: $plain, roles: [ dbrole_readonly ] } ]
        pg_databases: [ { name: db_alpha, owner: $change{user} } ]
    pg-beta:
      hosts:
        $hosts
      vars:
        pg_cluster: pg-beta
        pgops_push_password: { file: $secret_file }
        pg_users: [ { name: $change{user}, password: $plain, roles: [ dbrole_readonly ] } ]
    pg-mute:
      hosts: { 10.10.10.14: { pg_seq: 1, pg_role: primary } }
      vars:
        pg_cluster: pg-mute
        pgops_push_conninfo: 'host=127.0.0.1 port=@{[ $mute->sockport ]} connect_timeout=$change{patience}'
    redis-other:
      hosts: { 10.10.10.12: { redis_node: 1 }, 10.10.10.15: { redis_node: 2 } }
      vars: { redis_cluster: redis-other }
INVENTORY
}

sub port { return 'host=127.0.0.1 port=' . $_[0]->port; }

sub declare_inventory
{
	my $text = literal(inventory(@_));
	return $center->safe_psql('postgres', "SELECT * FROM pgops.apply_inventory($text)");
}

# pgops.push() as a hash of rows by cluster
sub push_all
{
	my ($arguments) = @_;
	$arguments //= "timeout => '60 s'";
	my %found = map { $_->{pg_cluster} => $_ } rows($center, "SELECT * FROM pgops.push($arguments)");
	return \%found;
}

# one row went wrong in this way, the others did not suffer
sub only_beta_fails
{
	my ($found, $sqlstate, $message, $what) = @_;
	is($found->{'pg-beta'}{state}, 'failed', "$what: an error in its row");
	is($found->{'pg-beta'}{sqlstate}, $sqlstate, "$what: its SQLSTATE");
	like($found->{'pg-beta'}{message}, $message, "$what: its message");
	is($found->{'pg-alpha'}{state}, 'succeeded', "$what: the other one succeeds");
	return;
}

sub push_row
{
	my ($cluster) = @_;
	return row($center,
		"SELECT p.*, c.generation FROM pgops.push_status p JOIN pgops.cluster c ON c.name = p.cluster WHERE p.cluster = '$cluster'");
}

sub role_sql
{
	my ($name) = @_;
	return "SELECT count(*) = 1 FROM pg_roles WHERE rolname = '$name'";
}

# ---- by hand: one converges, one has no extension, one never answers ----
declare_inventory();
$center->safe_psql('postgres', q(SELECT pgops.bind('pg-center-1')));
my $started = time;
my $found = push_all();
cmp_ok(time - $started, '<', 60, 'a server that never answers has a deadline');
only_beta_fails($found, '42704', qr/not installed in database "postgres"/, 'extension missing');
is($found->{'pg-mute'}{state}, 'failed', 'no answer: an error in its row');
is($found->{'pg-mute'}{sqlstate}, '08001', 'no answer: its SQLSTATE');
like($found->{'pg-mute'}{message}, qr/did not answer in time/, 'no answer: its message');
ok(!exists $found->{'pg-center'}, 'its own cluster is nobody to be pushed to');

is($found->{'pg-alpha'}{phase}, 'converged', 'the status of the other server comes back');
is(value($alpha, role_sql('app_first')), 't', 'the role is there');
is(value($alpha, q(SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'db_alpha')),
	'app_first', 'the database is there');
my $view = row($center, q(SELECT * FROM pgops.clusters WHERE name = 'pg-alpha'));
is($view->{phase}, 'converged', 'pgops.clusters: phase');
is($view->{pushed_generation}, $view->{generation}, 'pgops.clusters: pushed generation');
is($view->{observed_generation}, $view->{generation}, 'pgops.clusters: observed generation');
is($view->{remote_observed_generation}, $view->{remote_generation}, 'pgops.clusters: observed there');
ok(defined $view->{last_contact}, 'pgops.clusters: last contact');
like( row($center, q(SELECT * FROM pgops.clusters WHERE name = 'pg-mute'))->{error},
	qr/did not answer/, 'pgops.clusters: error');

# ---- what was delivered ----
is(value($alpha, q(SELECT string_agg(name, ' ' ORDER BY name) FROM pgops.cluster)),
	'fleet pg-alpha redis-other', 'only what concerns the cluster is delivered');
is(value($alpha, q(SELECT string_agg(host, ' ') FROM pgops.instance WHERE cluster = 'redis-other')),
	'10.10.10.12', 'of other groups only its hosts');
is(value($alpha, q(SELECT count(*) FROM pgops.variable WHERE name LIKE 'pgops_push%')),
	0, 'nothing about pushing');
like(value($alpha, q(SELECT note FROM pgops.revision WHERE cluster = 'pg-alpha')),
	qr/^pushed from .* \(revision 1\)$/, 'the revision there says where it came from');
is((tcp_login($alpha, 'app_first', $plain, 'db_alpha'))[1], 'app_first',
	'the password arrived as a verifier that fits');

# ---- again ----
my $before = footprint($alpha);
is(push_all(q('pg-alpha'))->{'pg-alpha'}{changes}, 0, 'pushing again finds no difference');
same_footprint($before, footprint($alpha), 'and touches nothing');

# ---- its own transaction, its own cluster, unknown ones ----
my $stderr = ($center->psql('postgres',
	"BEGIN; SELECT count(*) FROM pgops.apply_inventory("
	  . literal(inventory(user => 'app_never')) . "); SELECT * FROM pgops.push('pg-alpha');"))[2];
like($stderr, qr/cannot deliver a declaration of its own transaction/, 'what is not committed is not pushed');
is(value($alpha, role_sql('app_never')), 'f', 'and did not arrive');
inventory(user => 'app_first');
is(push_all(q('pg-center'))->{'pg-center'}{state}, 'skipped', 'its own cluster is not pushed');
$stderr = ($center->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM pgops.push('nowhere')"))[2];
like($stderr, qr/PO704/, 'an unknown cluster is an error');

# ---- another version of the extension: as an older script leaves it ----
$beta->safe_psql('postgres', 'CREATE EXTENSION pgops');
my $version = value($beta, q(SELECT extversion FROM pg_extension WHERE extname = 'pgops'));
$beta->safe_psql('postgres', q(UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'pgops'));
only_beta_fails(push_all(), 'PO703', qr/version 0\.0\.9, here it is \Q$version\E/, 'old extension');
$beta->safe_psql('postgres', qq(UPDATE pg_extension SET extversion = '$version' WHERE extname = 'pgops'));

# ---- wrong password, no superuser ----
$beta->safe_psql('postgres', q(ALTER ROLE dbuser_dba PASSWORD 'Something-else'));
only_beta_fails(push_all(), '28P01', qr/password authentication failed/, 'wrong password');
$beta->safe_psql('postgres', qq(ALTER ROLE dbuser_dba PASSWORD '$password' NOSUPERUSER));
only_beta_fails(push_all(), '42501', qr/no superuser/, 'no superuser');
$beta->safe_psql('postgres', q(ALTER ROLE dbuser_dba SUPERUSER));

rename $secret_file, "$secret_file.gone" or die "could not rename: $!";
only_beta_fails(push_all(), 'PO106', qr/push\.password" does not exist/, 'password file missing');
rename "$secret_file.gone", $secret_file or die "could not rename: $!";

# ---- a standby, alone and as the first of two ----
$beta->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($beta, 'base', has_streaming => 1);
$standby->start;
my $first = "10.10.10.13: { pg_seq: 1, pg_role: primary, pgops_push_conninfo: '@{[ port($standby) ]}' }";
my $second = "10.10.10.23: { pg_seq: 2, pg_role: replica, pgops_push_conninfo: '@{[ port($beta) ]}' }";
declare_inventory(beta_hosts => $first);
only_beta_fails(push_all(), '25006', qr/is a standby/, 'standby');
declare_inventory(beta_hosts => "$first\n        $second");
$found = push_all()->{'pg-beta'};
is($found->{state}, 'succeeded', 'of two instances the one that is the primary is found');
is($found->{host}, '10.10.10.23', 'it is the second one');
is($found->{phase}, 'unbound', 'with two instances declared it does not know which one it is');
like($found->{message}, qr/SELECT pgops\.bind\('pg-beta-2'\)/, 'the row says how to tell it');
$standby->stop('immediate');
is(push_all()->{'pg-beta'}{state}, 'succeeded', 'nor does a dead first one matter');
declare_inventory(beta_hosts => '');

# ---- stuck, then killed, in mid-push ----
my $holder = $beta->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE pgops.cluster IN ACCESS EXCLUSIVE MODE');
$found = push_all(q('pg-beta', '1 s'))->{'pg-beta'};
is("$found->{state} $found->{sqlstate}", 'failed 57014', 'a delivery that gets stuck has a deadline');
ok( $beta->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgops'"),
	'and does not go on there');

my $pusher = $center->background_psql('postgres', on_error_stop => 0);
$pusher->query_until(qr/begun/,
	"\\echo begun\nCREATE TABLE pushed AS SELECT * FROM pgops.push(timeout => '60 s');\n");
ok( $beta->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pgops' AND wait_event_type = 'Lock'"),
	'a delivery is under way');
$beta->stop('immediate');
eval { $holder->quit };

wait_for($center, q(SELECT to_regclass('pushed') IS NOT NULL), 'the push ends');
$found = { map { $_->{pg_cluster} => $_ } rows($center, 'SELECT * FROM pushed') };
only_beta_fails($found, $found->{'pg-beta'}{sqlstate}, qr/./, 'killed');
like($found->{'pg-beta'}{sqlstate}, qr/^(08006|57P0[12])$/, 'killed: the connection was lost');
eval { $pusher->quit };

# ---- by itself ----
# a server that does not know which instance it is may be the copy of a CMDB
$center->safe_psql('postgres', q(SELECT pgops.unbind('pg-center-1')));
declare_inventory(push => 'true', user => 'app_second', patience => 60);
my $passes = value($center, 'SELECT passes FROM pgops.coordinator()');
$center->safe_psql('postgres', 'SELECT pgops.reconcile()');
wait_for($center, "SELECT passes > $passes FROM pgops.coordinator()", 'a pass of the unbound center ends');
cmp_ok(push_row('pg-alpha')->{pushed_generation}, '<', push_row('pg-alpha')->{generation},
	'an unbound server pushes nothing by itself');

$center->safe_psql('postgres', q(SELECT pgops.bind('pg-center-1')));
wait_for($alpha, role_sql('app_second'), 'bound, it pushes at commit');
ok( $center->poll_query_until('postgres',
		"SELECT p.phase = 'converged' AND p.pushed_generation = c.generation AND p.error IS NULL"
		  . " FROM pgops.push_status p JOIN pgops.cluster c ON c.name = p.cluster WHERE p.cluster = 'pg-alpha'"),
	'and the status comes back');

# the one that never answers is still being waited for
is(value($center, q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgops push worker')),
	1, 'the push worker is at work');
declare_inventory(user => 'app_third');
wait_for($alpha, role_sql('app_third'), 'a declaration does not wait for a server that hangs');
is(value($center, q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgops push worker')),
	1, 'which the one push worker still waits for');
cmp_ok(push_row('pg-mute')->{tried_generation} // 0, '<', push_row('pg-mute')->{generation},
	'and it was not given up for that');

# the dead one is tried again, with growing delay, until it is back
wait_for($center, q(SELECT attempts >= 2 AND next_attempt > last_attempt AND sqlstate = '08001' FROM pgops.push_status WHERE cluster = 'pg-beta'),
	'a dead server is tried again');
$beta->start;
wait_for($beta, role_sql('app_third'), 'back again, it gets what it missed');
wait_for($center, q(SELECT phase = 'converged' AND error IS NULL AND attempts = 0 FROM pgops.push_status WHERE cluster = 'pg-beta'),
	'and its error is gone');

# a pause holds back what is declared after it, and nothing else
$center->safe_psql('postgres', q(SELECT pgops.pause('pg-alpha')));
declare_inventory(user => 'app_paused');
wait_for($beta, role_sql('app_paused'), 'a paused cluster delays no other');
is(value($alpha, role_sql('app_paused')), 'f', 'what is paused is not pushed');
$center->safe_psql('postgres', q(SELECT pgops.resume('pg-alpha')));
wait_for($alpha, role_sql('app_paused'), 'but when it is resumed');

# the worker answers to termination, and another one takes up what is left
$center->safe_psql('postgres',
	q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgops push worker'));
declare_inventory(user => 'app_fourth');
wait_for($alpha, role_sql('app_fourth'), 'a terminated push worker has a successor');

# a server that came back with an older state is found out when it is asked again
wait_for($center, q(SELECT phase = 'converged' AND error IS NULL AND pushed_generation = generation
		AND next_attempt - last_attempt BETWEEN '9 min' AND '11 min'
	FROM pgops.push_status JOIN pgops.cluster ON name = cluster WHERE cluster = 'pg-alpha'),
	'all is well: it is asked again in ten minutes');
$alpha->safe_psql('postgres', <<~'SQL');
	UPDATE pgops.variable SET source = replace(source::text, 'app_fourth', 'app_older')::json WHERE name = 'pg_users';
	UPDATE pgops.cluster SET generation = generation - 1 WHERE name = 'pg-alpha';
	SQL
$center->safe_psql('postgres', q(UPDATE pgops.push_status SET next_attempt = now() WHERE cluster = 'pg-alpha'));
$center->safe_psql('postgres', 'SELECT pgops.reconcile()');
wait_for($alpha, q(SELECT source::text ~ 'app_fourth' FROM pgops.variable WHERE name = 'pg_users'),
	'it gets its part again');

# DROP EXTENSION does not wait for a server that hangs
$started = time;
$center->safe_psql('postgres', 'DROP EXTENSION pgops');
cmp_ok(time - $started, '<', 20, 'DROP EXTENSION does not wait for a push');
$center->safe_psql('postgres',
	q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgops push worker'));
wait_for($center, q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pgops push worker'),
	'no push worker is left');

# ---- discretion ----
foreach my $node ($center, $alpha, $beta)
{
	is(log_matches($node, qr/\Q$password\E(?!')|\Q$plain\E/), 0, 'no secret in the log of ' . $node->name);
	is(log_matches($node, qr/PANIC|TRAP:|was terminated by signal/), 0, 'no crash of ' . $node->name);
}

done_testing();
