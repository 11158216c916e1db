# Declared backups that change: a passphrase, which no repository takes; a
# standby, which is promoted; backups that are declared no more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsBackup;
use PgopsTest;

my $node = backup_node('main', repo => { cipher_type => 'aes-256-cbc', cipher_pass => 'The.First.Phrase' });
my $config = pgbackrest_config($node);

sub document_with
{
	my (%repo) = @_;
	return small_document(backup_vars($node, repo => { cipher_type => 'aes-256-cbc', cipher_pass => 'The.First.Phrase', %repo }));
}

sub setting
{
	my ($on, $name) = @_;
	return value($on, "SELECT setting FROM pg_settings WHERE name = '$name'");
}

sub archives
{
	my ($on, $what) = @_;
	my $wal = value($on, 'SELECT pg_walfile_name(pg_current_wal_lsn())');
	value($on, 'SELECT txid_current(); SELECT pg_switch_wal()');
	wait_for($on, "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver", $what);
	return;
}

# ---- a repository that would be encrypted otherwise ------------------------------

my $identity = file_identity($config);
foreach my $change (
	[ 'another passphrase' => { cipher_pass => 'The.Second.Phrase', retention_full => 3 } ],
	[ 'no encryption' => { cipher_type => 'none', cipher_pass => undef } ])
{
	my ($what, $options) = @$change;
	my $status = converge($node, document_with(%$options), 'blocked', "$what for a repository that is there");
	my ($step) = grep { $_->{rule} eq 'backup.config' } plan_rows($node);
	is($step->{sqlstate}, 'PO204', '... is refused') or diag explain $step;
	like($step->{blocked}, qr/repository "local" is there with another cipher_type or cipher_pass/, '... in words');
	unlike(encode_json($step) . $status->{message}, qr/Phrase/, '... which do not show it');
	is(file_identity($config), $identity, '... pgbackrest.conf stays as it was');
}
archives($node, 'WAL is archived all the while');
is(finish_job($node, "SELECT pgops.backup('incr')")->{state}, 'succeeded', 'and backups are made');

# the same repository under another number is none the less the same
my $second = PostgreSQL::Test::Utils::tempdir('second');
my $both = JSON::PP->new->decode(document_with(cipher_pass => 'The.Second.Phrase'));
$both->{small}{vars}{pgbackrest_repo}{second} = { path => "$second/new", retention_full => 1 };
$both->{small}{vars}{pgbackrest_method} = [ 'second', 'local' ];
converge($node, JSON::PP->new->canonical->encode($both), 'blocked', 'a new repository before it');
like((grep { $_->{rule} eq 'backup.config' } plan_rows($node))[0]{blocked} // '', qr/"local"/, 'does not hide it');

# what is not about the encryption can be changed
converge($node, document_with(retention_full => 3), 'converged', 'another retention');
like(slurp_file($config), qr/^repo1-retention-full=3$/m, 'is written');
converge($node, document_with(path => "$second/other", cipher_pass => 'The.Second.Phrase'),
	'converged', 'another passphrase in another place begins a new repository')
  or diag(value($node, "SELECT string_agg(text, E'\n') FROM pgops.job_output"));
archives($node, 'which WAL goes into');
converge($node, document_with(), 'converged', 'and back to the old one');

# ---- a standby ---------------------------------------------------------------------

my $pair = JSON::PP->new->decode(document_with());
$pair->{small}{hosts}{'10.10.10.11'} = { pg_seq => 2, pg_role => 'replica' };
my $without = JSON::PP->new->decode(encode_json($pair));
$without->{small}{vars}{pgbackrest_enabled} = JSON::PP::false;
($pair, $without) = map { JSON::PP->new->canonical->encode($_) } $pair, $without;
# as one that was made before there were backups
converge($node, $without, 'converged', 'a cluster of two, without backups');
$node->adjust_conf('postgresql.conf', 'archive_mode', 'off');
$node->restart;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'small-2'\n");
$standby->start;
is(setting($standby, 'archive_mode'), 'off', 'its standby does not archive');
converge($node, $pair, 'blocked', 'backups wait for a restart of the primary');
ok(wait_until(sub { -e pgbackrest_config($standby) }), 'the standby has its pgbackrest.conf');
my $theirs = pgbackrest_config($standby);
wait_for($standby, "SELECT string_agg(name || '=' || pending_value, ' ' ORDER BY name) = 'archive_mode=on' FROM pgops.pending_restart",
	'archive_mode waits for a restart of the standby, too');
# what is shown as archive_command while archive_mode is off is not what it is
my $in_file = "SELECT COALESCE(max(setting) FILTER (WHERE name = 'archive_command' AND sourcefile LIKE '%auto.conf'), '') FROM pg_file_settings";
wait_for($standby, "SELECT ($in_file) LIKE '%--config=$theirs --stanza=small archive-push \%p'",
	'its archive_command is for its own file');
is(value($node, "SELECT string_agg(name || '=' || pending_value, ' ') FROM pgops.pending_restart"), 'archive_mode=on',
	'the primary, too');
my @waits = grep { $_->{rule} eq 'parameter.undo' } declare($node, $without);
is(scalar(grep { $_->{name} eq 'archive_command' && !$_->{blocked} } @waits), 1,
	'before the restart, what was begun is simply undone');
settle($node);
converge($node, $pair, 'blocked', 'declared again');
$node->restart;
is(settle($node)->{phase}, 'converged', 'after the restart of the primary');
my $waiting = "SELECT EXISTS (SELECT FROM pgops.pending_restart WHERE name = 'archive_mode' AND pending_value = 'on')";
wait_for($standby, $waiting, 'the standby waits again');
$standby->restart;
is(setting($standby, 'archive_mode'), 'on', 'the standby is ready to be promoted');
my $passes = value($standby, 'SELECT passes FROM pgops.coordinator()');
value($standby, 'SELECT pgops.reconcile()');
wait_for($standby, "SELECT passes > $passes FROM pgops.coordinator()", 'it looks again');
is_deeply([ map { $_->{rule} } grep { $_->{rule} =~ /^(parameter|backup)/ } plan_rows($standby) ], [], 'and has nothing to do');

# ---- declared no more, while archive_mode is on ------------------------------------------

my ($command) = grep { $_->{name} eq 'archive_command' } declare($node, $without);
like($command->{reason} // '', qr{archive-push %p -> /bin/true \(WAL is let go until a restart ends archive_mode},
	'nothing is archived any more, and the plan says what becomes of WAL');
is(settle($node)->{phase}, 'converged', 'backups are switched off');
archives($node, 'WAL does not pile up until the restart');
wait_for($standby, "SELECT NOT EXISTS (SELECT FROM pg_file_settings WHERE name = 'archive_mode' AND sourcefile LIKE '%auto.conf')",
	'the standby leaves archive_mode as well');
like(setting($standby, 'archive_command'), qr/archive-push/, 'and keeps the command for as long');
$node->restart;
ok(wait_until(sub { return settle($node)->{phase} eq 'converged' }), 'after the restart');
is(setting($node, 'archive_mode') . value($node, $in_file), 'off', 'nothing of it is left');
$standby->restart;
wait_for($standby, "SELECT ($in_file) = ''", 'nor on the standby');

# ---- promoted ----------------------------------------------------------------------------

converge($node, $pair, 'blocked', 'declared once more');
$node->restart;
is(settle($node)->{phase}, 'converged', 'backups are made again');
wait_for($standby, $waiting, 'the standby waits');
$standby->restart;
$node->wait_for_catchup($standby);
$node->stop;
$standby->promote;
archives($standby, 'a promoted standby archives at once, without a restart');

$standby->stop;
stop_backup_node($node);
done_testing();
