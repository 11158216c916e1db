# 054_backup_declare.pl: declared backups that cannot be set up, or not here
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsBackup;
use PgopsTest;

my $json = JSON::PP->new->allow_nonref;

my $node = archiving_node('single', conf => "pgops.pgbackrest = '/nonexistent/pgbackrest'\n");

# ---- what is refused -----------------------------------------------------------

my $bad = <<'YAML';
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pgbackrest_enabled: true
    pgbackrest_method: locl, minio
    pg_parameters: { archive_mode: off, archive_command: cp, wal_level: logical }
    pgbackrest_repo:
      local: { path: relative, retention_ful: 2, retention_full: 0, retention_full_type: weeks }
      minio: { type: s3, path: /x, s3_bucket: b, cipher_type: aes-256-cbc, bundle: maybe, s3_region: " a" }
      third: /pg/backup
      fourth: { path: "/a\nrepo1-path=/b", host: backup.example.com, s3_key_secret: "Plain.Key\n" }
YAML
my @found = rows($node, 'SELECT * FROM pgops.validate(' . literal($bad) . ') WHERE severity = \'error\' ORDER BY line, "column", message');
is_deeply(
	[ map { "$_->{line}:$_->{column} $_->{code} $_->{message}" . ($_->{hint} =~ /^Did you/ ? " $_->{hint}" : '') } @found ],
	[
		'5:24 PO103 pgbackrest_repo has no repository "locl" Did you mean "local"?',
		'6:36 PO112 parameter "archive_mode" contradicts the declared backups',
		'6:58 PO112 parameter "archive_command" contradicts the declared backups',
		'8:22 PO105 option "path" must be an absolute path, not "relative"',
		'8:32 PO103 unknown option "retention_ful" of a backup repository Did you mean "retention_full"?',
		'8:66 PO105 option "retention_full" must be between 1 and 9999999, not 0',
		'8:90 PO105 option "retention_full_type" must be count or time, not "weeks"',
		'9:14 PO106 repository "minio" is to be encrypted and has no cipher_pass',
		'9:14 PO106 repository "minio" of type s3 has no s3_endpoint',
		'9:14 PO106 repository "minio" of type s3 has no s3_key',
		'9:14 PO106 repository "minio" of type s3 has no s3_key_secret',
		'9:84 PO104 option "bundle" must be a boolean (true or false), not text',
		'9:102 PO105 option "s3_region" must neither begin nor end with a blank, and be one line',
		'10:14 PO104 repository "third" must be a map of options',
		qq(11:23 PO105 option "path" must be a path on one line, not "/a\nrepo1-path=/b"),
		'11:23 PO105 option "path" must neither begin nor end with a blank, and be one line',
		'11:44 PO118 option "host": a repository host is not supported',
		'11:85 PO105 option "s3_key_secret" must neither begin nor end with a blank, and be one line'
	],
	'every fault is found, in its place');
is((grep { $json->encode($_) =~ /Plain\.Key/ } @found), 0, 'no finding shows a key');

# ---- no program -------------------------------------------------------------------

my %vars = backup_vars($node);
my $document = small_document(%vars, pg_users => []);
my $config = pgbackrest_config($node);
my $status = converge($node, $document, 'blocked', 'without the program nothing is done');
like($status->{message}, qr{program "/nonexistent/pgbackrest" cannot be started}, 'which is said');
is_deeply([ map { $_->{rule} } grep { $_->{rule} =~ /^(backup|parameter)/ } plan_rows($node) ],
	['backup.config'], 'in one step');
is(value($node, "SELECT setting FROM pg_settings WHERE name = 'archive_command'"), '',
	'archive_command is left alone');
ok(!-e $config, 'nothing is written');

# ---- a file that cannot be written ---------------------------------------------------------

my $closed = PostgreSQL::Test::Utils::tempdir('closed');
chmod 0500, $closed;
$node->append_conf('postgresql.conf',
	"pgops.pgbackrest = '/usr/bin/pgbackrest'\npgops.pgbackrest_config = '$closed/below/pgbackrest.conf'\n");
$node->reload;
wait_for($node, "SELECT current_setting('pgops.pgbackrest') = '/usr/bin/pgbackrest'", 'the program is found');
value($node, 'SELECT pgops.reconcile()');
$status = settle($node);
is($status->{phase}, 'degraded', 'a file that cannot be written is a failure');
like($status->{message}, qr{pgbackrest\.conf.*could not create directory "\Q$closed\E/below": Permission denied}, 'told in words');
is(value($node, "SELECT setting FROM pg_settings WHERE name = 'archive_command'"), '',
	'archive_command does not call for it');
is(value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\''), 0, 'nor does a job');
chmod 0700, $closed;
$node->append_conf('postgresql.conf', "pgops.pgbackrest_config = ''\n");
$node->reload;
wait_for($node, "SELECT current_setting('pgops.pgbackrest_config') = ''", 'the file goes where it can');

# ---- a repository that cannot be written ------------------------------------------------

my $locked = PostgreSQL::Test::Utils::tempdir('locked');
chmod 0500, $locked;
my %unwritable = %vars;
$unwritable{pgbackrest_repo} = { local => { path => "$locked/repository", retention_full => 2 } };
declare($node, small_document(%unwritable, pg_users => []));
$status = settle($node);
is($status->{phase}, 'degraded', 'a repository that cannot be written is a failure');
like($status->{message}, qr{backup repository "\Q$locked\E/repository" cannot be written: Permission denied},
	'told in words');
wait_for($node, "SELECT attempts >= 3 FROM pgops.failure WHERE rule = 'backup.setup'", 'it is tried again');
my @tries = rows($node,
	"SELECT sqlstate, hint, requested_at - lag(finished_at) OVER (ORDER BY id) >= interval '100 ms' AS later"
	. " FROM pgops.job WHERE kind = 'backup_setup' AND args::text LIKE '%$locked%' ORDER BY id");
is($tries[0]{sqlstate}, '42501', 'with its SQLSTATE');
like($tries[0]{hint}, qr/Give the directory to that user/, 'and a hint');
is((grep { defined $_->{later} && !$_->{later} } @tries), 0, 'never at once');
chmod 0700, $locked;
value($node, 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'when it is mended everything is set up');

# ---- somebody else's stanza ------------------------------------------------------------------

my $other = archiving_node('other', conf => "pgops.retry_delay = '1h'\n");
my ($label) = map { $_->{label} } rows($node, 'SELECT label FROM pgops.backups');
declare($other, small_document(%unwritable, pg_users => []));
$status = settle($other);
is($status->{phase}, 'degraded', 'a stanza of another database system is not taken over');
like($status->{message}, qr/a stanza "small" of another database system/, 'which is told');
is(value($other, "SELECT sqlstate FROM pgops.job WHERE kind = 'backup_setup'"), 'PO508', 'with a code');
my $info = (decode_json(pgbackrest($node, '--output=json', 'info')))->[0];
is_deeply([ map { $_->{label} } @{ $info->{backup} } ], [$label], 'its backups are as they were');
is(scalar @{ $info->{db} }, 1, 'its history, too');
$other->stop;

# ---- a standby ------------------------------------------------------------------------------------

my %two = %unwritable;
my $pair = $json->decode(small_document(%two, pg_users => []));
$pair->{small}{hosts}{'10.10.10.11'} = { pg_seq => 2, pg_role => 'replica' };
$pair = JSON::PP->new->canonical->encode($pair);
converge($node, $pair, 'converged', 'a cluster of two');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'small-2'\n");
my $jobs = value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\'');
$standby->start;
$node->wait_for_catchup($standby);
my $there = pgbackrest_config($standby);
ok(wait_until(sub { -e $there }), 'a standby gets its pgbackrest.conf');
like(slurp_file($there), qr/^pg1-port=@{[ $standby->port ]}$/m, 'for its own port');
is((stat($there))[2] & 07777, 0640, 'its mode is as tight');
my $passes = value($standby, 'SELECT passes FROM pgops.coordinator()');
value($standby, 'SELECT pgops.reconcile()');
wait_for($standby, "SELECT passes > $passes FROM pgops.coordinator()", 'the standby looks again');
is(value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\''), $jobs, 'but no job');
$standby->stop;

# ---- switched off -----------------------------------------------------------------------------------

my $identity = file_identity($config);
declare($node, small_document(%unwritable, pg_users => [], pgbackrest_enabled => JSON::PP::false));
settle($node);
is(value($node, "SELECT setting FROM pg_settings WHERE name = 'archive_command'"), '/bin/true',
	'switched off, nothing is archived, and WAL does not pile up');
my ($orphan) = grep { $_->{rule} eq 'backup.orphan' } plan_rows($node);
like($orphan->{blocked}, qr/backups are switched off/, 'the backups are reported');
is(file_identity($config), $identity, 'pgbackrest.conf stays');
$info = (decode_json(pgbackrest($node, '--output=json', 'info')))->[0];
is_deeply([ map { $_->{label} } @{ $info->{backup} } ], [$label], 'and so do the backups');

# and on again
$jobs = value($node, 'SELECT max(id) FROM pgops.job');
converge($node, small_document(%unwritable, pg_users => []), 'converged', 'switched on again');
like(value($node, "SELECT setting FROM pg_settings WHERE name = 'archive_command'"),
	qr/archive-push %p$/, 'WAL is archived again');
is(value($node, "SELECT count(*) FROM pgops.job WHERE kind = 'backup_setup' AND id > $jobs"), 0,
	'without setting up what is there');

# ---- after an upgrade of the server --------------------------------------------------------------------

# its new cluster has another system identifier, and remembers the old one
my $old = value($node, 'SELECT system_identifier FROM pg_control_system()');
$node->stop;
$other->start;
value($other, "INSERT INTO pgops.owned (cluster, kind, name, attribute, value, created) VALUES ('small', 'backup', 'small', 'setup', '- $old', true)");
value($other, 'SELECT pgops.reconcile()');
is(settle($other)->{phase}, 'converged', 'the stanza of a server that was upgraded is taken over')
  or diag(value($other, "SELECT string_agg(error, '; ') FROM pgops.job"));
$info = (decode_json(pgbackrest($other, '--output=json', 'info')))->[0];
is(scalar @{ $info->{db} }, 2, 'by an upgrade of the stanza');
is(scalar(grep { $_->{label} eq $label } @{ $info->{backup} }), 1, 'the old backups are kept');
is(scalar(grep { $_->{database}{id} == 2 } @{ $info->{backup} }), 1, 'and there is a new one');
$other->stop;
stop_backup_node($node);
done_testing();
