# Secrets by reference, {file: path} and {env: NAME}: the worker reads them where
# it uses them; what cannot be read stops nothing else; nothing of what was read
# is kept.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Path qw(mkpath);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $owner_file = "$folder/owner.password";
my $monitor_file = "$folder/monitor.password";

sub write_file
{
	my ($path, $text, $mode) = @_;
	unlink $path;
	append_to_file($path, $text);
	chmod $mode // 0600, $path;
	return;
}
write_file($owner_file, "First-Owner-wOrd\n");
write_file($monitor_file, "First-Monitor-wOrd");

local $ENV{PGOPS_TEST_READER} = 'First-Reader-wOrd';
my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");

sub spec
{
	my (%change) = @_;
	my $limit = $change{connlimit} // 20;
	my $owner = $change{owner} // "{ file: $owner_file }";
	return <<"SPEC";
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: small
    pg_default_extensions: []
    pg_monitor_password: { file: $monitor_file }
    patroni_password: { env: PATRONI_WORD }
    pgbackrest_repo: { minio: { type: s3, path: /backup, s3_bucket: b, s3_endpoint: e, s3_region: r, s3_key_type: auto, s3_key_secret: { file: /etc/pgops/minio.key } } }
    pg_users:
      - { name: app_owner, password: $owner, connlimit: $limit, roles: [ dbrole_readonly ] }
      - { name: app_reader, password: { env: PGOPS_TEST_READER }, roles: [ dbrole_readonly ] }
SPEC
}

sub reconciled
{
	my ($phase, $what) = @_;
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	my $status = settle($node);
	is($status->{phase}, $phase, $what) or diag(explain([ $status, plan_rows($node) ]));
	return;
}

sub logs_in
{
	my ($user, $password, $what) = @_;
	is((tcp_login($node, $user, $password))[0], 0, $what);
	return;
}

# ---- what a reference may look like ----
my %faulty = (
	'{ file: relative/path }' => 'PO105 small.pg_users[0].password.file',
	'{ env: lower_case }' => 'PO105 small.pg_users[0].password.env',
	'{ file: /a, env: B }' => 'PO104 small.pg_users[0].password',
	'{ path: Plain-Owner-wOrd }' => 'PO104 small.pg_users[0].password',
	'{ file: [ /a ] }' => 'PO104 small.pg_users[0].password.file',
	'{}' => 'PO104 small.pg_users[0].password',
	'[ /a ]' => 'PO104 small.pg_users[0].password');
for my $owner (sort keys %faulty)
{
	my @found = rows($node, 'SELECT * FROM pgops.validate(' . literal(spec(owner => $owner)) . ") WHERE severity = 'error'");
	is(join('; ', map { "$_->{code} $_->{path}" } @found), $faulty{$owner}, "finding for $owner");
	unlike($found[0]{message} . $found[0]{hint}, qr/wOrd|lower_case/, '... without what stands there');
}

# ---- read, used, and not kept ----
converge($node, spec(), 'converged', 'declared by reference');
logs_in('app_owner', 'First-Owner-wOrd', 'password out of a file');
logs_in('app_reader', 'First-Reader-wOrd', 'password out of the environment');
logs_in('dbuser_monitor', 'First-Monitor-wOrd', 'password of a system user out of a file');

my $stored = value($node, "SELECT string_agg(value::text, ' ') FROM pgops.variable")
  . value($node, "SELECT string_agg(document::text || difference::text, ' ') FROM pgops.revision");
like($stored, qr/\Q$owner_file\E/, 'the declaration shows where the password stands');
like($stored, qr/"PATRONI_WORD".*minio\.key/, '... those of components, too');
unlike($stored, qr/SCRAM-SHA-256|wOrd|\*{8}/, '... and holds neither password nor verifier nor mask');
is(value($node, 'SELECT count(*) FROM pgops.secret'), 0, 'no secret is stored');

my $before = footprint($node);
declare($node, spec());
reconciled('converged', 'a second time');
same_footprint(footprint($node), $before, '... changes nothing');
is(scalar(plan_rows($node)), 0, '... nor would it, seen from another process');

# ---- in the views, which can be written to ----
is( value($node, "SELECT string_agg(concat_ws(' ', name, password), ', ' ORDER BY name) FROM pgops.users WHERE name LIKE 'app%'"),
	'app_owner ********, app_reader ********', 'the view says that there are passwords');
$node->safe_psql('postgres', "UPDATE pgops.users SET connlimit = 21 WHERE name = 'app_owner'");
is(settle($node)->{phase}, 'converged', 'another field is written');
is( value($node, "SELECT value #>> '{0,password,file}' FROM pgops.variable WHERE name = 'pg_users'"), $owner_file,
	'... the reference stays');
is(value($node, "SELECT rolconnlimit FROM pg_authid WHERE rolname = 'app_owner'"), 21, '... and the server follows');
declare($node, spec());
is(settle($node)->{phase}, 'converged', 'as before');

# ---- the file changes ----
write_file($owner_file, "Second-Owner-wOrd\r\n");
is(join(' ', map { $_->{statement} } plan_rows($node)), q{ALTER ROLE app_owner PASSWORD '<redacted>'}, 'a new password is planned')
  or diag(explain([ rows($node, 'SELECT * FROM pgops.status'), rows($node, 'SELECT * FROM pgops.coordinator()'),
	rows($node, 'SELECT cluster, revision, generation, created_at, difference FROM pgops.revision ORDER BY created_at DESC LIMIT 3'),
	rows($node, 'SELECT generation, pass, statement, state, message, started_at, finished_at FROM pgops.action_log ORDER BY id DESC LIMIT 5') ]));
reconciled('converged', 'a new password in the file');
logs_in('app_owner', 'Second-Owner-wOrd', '... works');

# ---- what cannot be read stops nothing else ----
my $limit = 30;

sub unreadable
{
	my ($what, $pattern) = @_;
	$limit++;
	my ($code, undef, $stderr) = $node->psql('postgres',
		'SELECT count(*) FROM pgops.apply_cluster(' . literal(spec(connlimit => $limit)) . ')');
	is($code, 0, "declared with $what");
	like($stderr, qr/WARNING:.*$pattern; the password of role "app_owner" is left as it is/, '... with a warning');
	is(settle($node)->{phase}, 'blocked', '... and the worker says so');
	my @blocked = plan_rows($node);
	is(scalar(@blocked), 1, '... one step is left');
	is("$blocked[0]{kind} $blocked[0]{name} $blocked[0]{rule} $blocked[0]{sqlstate}", 'role app_owner role.password PO209', '... the password');
	like($blocked[0]{blocked}, qr/^$pattern$/, '... with its reason');
	is(value($node, "SELECT rolconnlimit FROM pg_authid WHERE rolname = 'app_owner'"), $limit, '... the rest is done');
	return;
}
unlink $owner_file;
unreadable('a missing file', qr/file "\Q$owner_file\E" does not exist/);
mkdir $owner_file;
unreadable('a folder', qr/"\Q$owner_file\E" is not a regular file/);
rmdir $owner_file;
mkfifo($owner_file, 0600) or die "mkfifo: $!";
unreadable('a pipe', qr/"\Q$owner_file\E" is not a regular file/);
write_file($owner_file, "\n");
unreadable('an empty file', qr/file "\Q$owner_file\E" is empty/);
write_file($owner_file, "Wrong-Owner-wOrd\nfile\n");
unreadable('the wrong file', qr/file "\Q$owner_file\E" holds more than one line/);
write_file($owner_file, 'x' x 65537);
unreadable('a large file', qr/file "\Q$owner_file\E" is larger than 65536 bytes/);
write_file($owner_file, 'x', 0000);
unreadable('a forbidden file', qr/could not open file "\Q$owner_file\E": .*/) if $> != 0;
logs_in('app_owner', 'Second-Owner-wOrd', 'the old password has worked all the time');

my @warnings = rows($node, 'SELECT * FROM pgops.validate(' . literal(spec(owner => '{ env: PGOPS_TEST_UNSET }')) . ") WHERE severity <> 'notice'");
is(join('; ', map { "$_->{severity} $_->{path}: $_->{message}" } @warnings),
	'warning small.pg_users[0].password: environment variable "PGOPS_TEST_UNSET" is not set for the server; the password of role "app_owner" is left as it is',
	'an unset variable');

# a role that does not exist yet is created without a password
$node->safe_psql('postgres', 'DROP ROLE app_owner');
reconciled('blocked', 'created while the file cannot be read');
is(value($node, "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'app_owner'"), 't', '... without a password');

# ---- readable by everybody ----
write_file($owner_file, 'Third-Owner-wOrd', 0644);
@warnings = rows($node, 'SELECT * FROM pgops.validate(' . literal(spec()) . ") WHERE severity <> 'notice'");
is(join('; ', map { "$_->{severity} $_->{code} $_->{path}" } @warnings), 'warning PO117 small.pg_users[0].password', 'a warning');
reconciled('converged', 'no obstacle');
logs_in('app_owner', 'Third-Owner-wOrd', '... the password works');

# ---- from a reference to a plain text and back ----
converge($node, spec(owner => 'Plain-Owner-wOrd'), 'converged', 'a plain text instead');
logs_in('app_owner', 'Plain-Owner-wOrd', '... works');
converge($node, spec(), 'converged', 'a reference again');
logs_in('app_owner', 'Third-Owner-wOrd', '... works');
is(value($node, 'SELECT count(*) FROM pgops.secret'), 0, 'no secret is stored');

# ---- through the functions ----
for my $user (qw(app_owner dbuser_monitor))
{
	my ($code, undef, $stderr) = $node->psql('postgres', "SELECT pgops.rotate_password('small', '$user')");
	like($stderr, qr/ERROR:  the password of "$user" is declared by reference/, "$user: the reference is not overwritten");
}
is(value($node, "SELECT pgops.set_secret('pg_users[app_owner].password', 'Plain-Owner-wOrd', 'small')"), 't', '... unless one asks for it');
is(settle($node)->{phase}, 'converged', '... which the server follows');
logs_in('app_owner', 'Plain-Owner-wOrd', '... the password works');
$node->safe_psql('postgres', "SELECT FROM pgops.rollback('small', (SELECT max(revision) - 1 FROM pgops.revision WHERE cluster = 'small'))");
is(settle($node)->{phase}, 'converged', 'rolled back to the reference');
logs_in('app_owner', 'Third-Owner-wOrd', '... works');

# ---- nowhere ----
for my $relation (split /\n/, value($node, "SELECT relname FROM pg_class WHERE relnamespace = 'pgops'::regnamespace AND relkind IN ('r', 'v')"))
{
	unlike(value($node, "SELECT string_agg(r::text, E'\\n') FROM pgops.$relation r") // '', qr/\w+-wOrd/, "nothing in pgops.$relation");
}
is(log_matches($node, qr/(?:First|Second|Third|Wrong)-\w+-wOrd/), 0, 'nothing in the server log');

done_testing();
