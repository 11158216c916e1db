# 053_backup_setup.pl: from a declaration to working backups
#
# A bare server, whose superuser has a hostile name, gets an encrypted
# repository, then a second one.  Nothing here calls pgBackRest but to look.
use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsBackup;
use PgopsTest;

my $passphrase = 'Ganz=geheim;#[x] 100%';
# as hostile as initdb and CREATE EXTENSION take it: no quotes, no backslash
my $superuser = q{dba ü = #1;%p};
utf8::encode($superuser);
$ENV{PGUSER} = $superuser;
delete $ENV{PGDATABASE};

my $node = pgops_node(
	'bare',
	init => { extra => [ '-E', 'UTF8', '--locale=C', '-U', $superuser ] },
	conf => <<~'CONF');
		pgops.drift_interval = '1h'
		pgops.manage_backup = on
		pgops.manage_settings = on
		log_statement = 'all'
		CONF
my %encrypted = (repo => { cipher_type => 'aes-256-cbc', cipher_pass => $passphrase });
my $document = small_document(backup_vars($node, %encrypted), pg_users => []);
my $config = pgbackrest_config($node);

sub backup_steps
{
	return grep { $_->{rule} =~ /^backup|^parameter/ } @_;
}

sub mode_of
{
	my ($path) = @_;
	return sprintf('%04o', (stat($path))[2] & 07777);
}

# ---- the plan ----------------------------------------------------------------

my @plan = backup_steps(declare($node, $document, dry_run => 1));
is_deeply(
	[ map { "$_->{rule} $_->{name}" } @plan ],
	[
		'backup.config pgbackrest.conf',
		'parameter.set archive_mode',
		'parameter.set wal_level',
		'parameter.set archive_command',
		'parameter.reload server',
		'parameter.restart server',
		'backup.setup small'
	],
	'file, parameters, then the job');
like($plan[0]{statement}, qr/^\+repo1-cipher-pass=\*{8}$/m, 'the passphrase is masked in the difference');
like($plan[0]{statement}, qr/^\+pg1-user=dba /m, 'the superuser is not');
like($plan[-1]{blocked}, qr/a restart is needed: archive_mode is off/, 'the job waits for a restart');
like($plan[-1]{statement},
	qr/stanza-create\n.* check\n.* --type=full backup$/, 'the job shows what it will run');
ok(!-e $config, 'a dry run writes nothing');

# ---- before the restart --------------------------------------------------------

my $status = converge($node, $document, 'blocked', 'the restart is the database administrator\'s');
like($status->{message}, qr/restart .* archive_mode/, 'which the status says');
is(mode_of($config), '0640', 'pgbackrest.conf has mode 0640');
is(mode_of($node->data_dir . '.pgops'), '0700', 'its directory is the server\'s alone');
like(slurp_file($config), qr/^repo1-cipher-pass=\Q$passphrase\E$/m, 'the passphrase is written as it is');
is(value($node, 'SELECT count(*) FROM pgops.job WHERE NOT args ? \'unasked\''), 0, 'no job runs in vain');
# ---- after it --------------------------------------------------------------------

$node->restart;
$status = settle($node);
is($status->{phase}, 'converged', 'everything else is done by itself')
  or diag($status->{message}, value($node, 'SELECT string_agg(text, chr(10)) FROM pgops.job_output'));

my $job = row($node, "SELECT * FROM pgops.job WHERE kind = 'backup_setup'");
is($job->{state}, 'succeeded', 'by a job');
my $info = (decode_json(pgbackrest($node, '--output=json', 'info')))->[0];
is($info->{status}{code}, 0, 'the stanza is fine');
is($info->{cipher}, 'aes-256-cbc', 'and encrypted');
is_deeply([ map { $_->{type} } @{ $info->{backup} } ], ['full'], 'it has one full backup');
is($info->{backup}[0]{annotation}{pg_cluster}, 'small', 'which says whose it is');
is_deeply([ rows($node, 'SELECT type, repo FROM pgops.backups') ],
	[ { type => 'full', repo => 1 } ], 'SQL lists it');
my $first = $info->{backup}[0]{label};

value($node, 'CREATE TABLE t AS SELECT 1; SELECT pg_switch_wal()');
my $wal = value($node, 'SELECT pg_walfile_name(pg_current_wal_lsn() - 1)');
wait_for($node, "SELECT last_archived_wal >= '$wal' AND failed_count = 0 FROM pg_stat_archiver",
	'WAL is archived');

# ---- applied again -----------------------------------------------------------------

my $file = file_identity($config);
my $before = footprint($node);
is_deeply([ open_rows(declare($node, $document)) ], [], 'applied again there is nothing to do');
is(settle($node)->{phase}, 'converged', 'and nothing is done');
value($node, 'SELECT pgops.reconcile()');
settle($node);
same_footprint($before, footprint($node), 'to the byte');
is(file_identity($config), $file, 'pgbackrest.conf is not touched');

# ---- what others do to the file ------------------------------------------------------

append_to_file($config, "[global:backup]\nprocess-max=99\n");
chmod 0644, $config;
is_deeply([ map { $_->{reason} } backup_steps(plan_rows($node)) ], ['different'], 'a changed file is seen');
value($node, 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'and put right');
unlike(slurp_file($config), qr/process-max=99/, 'with its text');
is(mode_of($config), '0640', 'and its mode');
chmod 0666, $config;
is_deeply([ map { $_->{reason} } backup_steps(plan_rows($node)) ], ['mode: 0666 -> 0640'], 'so is a mode alone');
value($node, 'SELECT pgops.reconcile()');
settle($node);
is(mode_of($config), '0640', 'which is taken back');

# ---- options that an older pgBackRest lacks --------------------------------------------

my %new = backup_vars($node, repo => { %{ $encrypted{repo} }, bundle => 'y', block => 'y', bundle_limit => '4MiB' });
my ($said) = run_command([ 'pgbackrest', 'version' ]);
my ($version) = $said =~ /(\d+\.\d+)/;
my @steps = backup_steps(declare($node, small_document(%new, pg_users => []), dry_run => 1));
my ($write) = grep { $_->{rule} eq 'backup.config' } @steps;
like($write->{statement}, qr/^\+repo1-bundle=y\n\+repo1-bundle-limit=4MiB$/m, 'known options are written');
if ($version < 2.46)
{
	my ($option) = grep { $_->{rule} eq 'backup.option' } @steps;
	is($option->{blocked}, "block of repository \"local\" needs pgBackRest 2.46, this is $version", 'an unknown one is reported');
	unlike($write->{statement}, qr/repo1-block/, 'and left out');
}
else
{
	like($write->{statement}, qr/^\+repo1-block=y$/m, 'block incremental backups, too');
}

# ---- another repository ---------------------------------------------------------------

my $second = PostgreSQL::Test::Utils::tempdir('second');
my %both = backup_vars($node, %encrypted);
$both{pgbackrest_repo}{second} = { path => "$second/deep/er", retention_full => 1 };
$both{pgbackrest_method} = [ 'local', 'second' ];
converge($node, small_document(%both, pg_users => []), 'converged', 'a second repository is set up');
$info = (decode_json(pgbackrest($node, '--output=json', 'info')))->[0];
is_deeply([ map { $_->{status}{code} } @{ $info->{repo} } ], [ 0, 0 ], 'both have the stanza');
is_deeply([ sort map { $_->{database}{'repo-key'} } @{ $info->{backup} } ],
	[ 1, 2 ], 'and one full backup each');
ok((grep { $_->{label} eq $first } @{ $info->{backup} }), 'the first backup is still there');
is(value($node, "SELECT count(*) FROM pgops.job WHERE kind = 'backup_setup' AND state = 'succeeded'"),
	2, 'by one more job');

# ---- a repository that is lost ------------------------------------------------------------

rename "$second/deep", "$second/away" or die $!;
value($node, 'SELECT pgops.backup_refresh()');
wait_for($node, 'SELECT status <> 0 FROM pgops.stanza_state WHERE repo = 2', 'which a look finds');
my ($gone) = grep { $_->{rule} eq 'backup.gone' } plan_rows($node);
like($gone->{blocked}, qr/repository 2 has no stanza "small" any more/, 'a lost repository is reported');
ok(!-e "$second/deep", 'and not begun anew by itself');
value($node, 'SELECT pgops.backup_setup()');
is(settle($node)->{phase}, 'converged', 'but when somebody says so');
ok(-e "$second/deep/er/backup/small/backup.info", 'it is there again');

# ---- secrets --------------------------------------------------------------------------------

# what processes show while a backup runs
my $id = value($node, "SELECT pgops.backup('full')");
my %seen;
wait_until(sub {
	foreach my $path (glob '/proc/[0-9]*/cmdline')
	{
		my $text = eval { slurp_file($path) } // '';
		$seen{$text} = 1 if $text =~ /pgbackrest/;
	}
	return value($node, "SELECT state NOT IN ('queued', 'running') FROM pgops.jobs WHERE id = $id") eq 't';
});
is(value($node, "SELECT state FROM pgops.jobs WHERE id = $id"), 'succeeded', 'a backup is made');
cmp_ok(scalar(keys %seen), '>', 0, 'pgBackRest was seen in the list of processes');
is_deeply([ grep { /\Q$passphrase\E/ } keys %seen ], [], 'without the passphrase');

foreach my $relation (
	'pgops.action_log', 'pgops.job', 'pgops.job_output', 'pgops.owned',
	'pgops.variable', 'pgops.revision', 'pgops.cluster_status', 'pg_stat_activity')
{
	is( value($node,
			"SELECT count(*) FROM $relation AS r WHERE strpos(r::text, 'Ganz=' || 'geheim') > 0"),
		0, "no passphrase in $relation");
}
is(log_matches($node, qr/Ganz=geheim/), 0, 'none in the server\'s log')
  or diag(join "\n", grep { /Ganz=geheim/ } split /\n/, slurp_file($node->logfile));
my @wide = grep { (stat($_))[2] & 0137 && -f $_ } glob($node->data_dir . '.pgops/*');
is_deeply(\@wide, [], 'no file of pgops is readable by others');

stop_backup_node($node);
done_testing();
