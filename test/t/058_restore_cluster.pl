# Restores of another cluster's backups, from a repository that both use.  Its
# superuser has another name, its system identifier is another one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsBackup;
use PgopsBeside;
use PgopsTest;

my $node = backup_node('near');
my $far = PostgreSQL::Test::Cluster->new('far');
my $stranger = 'far dba';
$far->init(allows_streaming => 1, extra => [ '-E', 'UTF8', '--locale=C', '-U', $stranger ]);
# a command that fails is not tried again for a minute
$far->append_conf('postgresql.conf', "archive_mode = on\narchive_command = '/bin/true'\n");
my $command = "/usr/bin/pgbackrest --stanza=far --repo1-path=@{[ repository($node) ]}"
  . " --log-level-console=off --log-level-file=off --lock-path=@{[ PostgreSQL::Test::Utils::tempdir('lock') ]}"
  . " --pg1-path=@{[ $far->data_dir ]}";
$far->start;
my @run;
{
	local $ENV{PGUSER} = $stranger;
	$far->safe_psql('postgres', 'CREATE TABLE theirs AS SELECT g AS id FROM generate_series(1, 7) AS g');
	@run = (split(/ /, $command), "--pg1-user=$stranger", '--pg1-port=' . $far->port, '--pg1-socket-path=' . $far->host);
	system_or_bail(@run, 'stanza-create');
	$far->append_conf('postgresql.conf', "archive_command = '$command archive-push %p'\n");
	$far->reload;
	$far->poll_query_until('postgres', "SELECT setting LIKE '%archive-push%' FROM pg_settings WHERE name = 'archive_command'");
	system_or_bail(@run, '--repo1-retention-full=9', '--start-fast', 'backup');
	$far->safe_psql('postgres', 'INSERT INTO theirs VALUES (8)');
	my $wal = $far->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
	$far->poll_query_until('postgres', "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver");
}

for my $try (
	[ '', 'f|8' ],
	[ ", target_immediate => true, action => 'pause'", 't|7' ])
{
	my $job = finish_job($node, "SELECT pgops.restore(cluster => 'far', instance => 'copy'$try->[0])");
	is($job->{state}, 'succeeded', "another cluster's backup is restored$try->[0]") or diag(explain($job));
	my $at = $job->{result}{connection};
	$at =~ s/user='[^']*'/user='$stranger'/;
	is($node->safe_psql('postgres', 'SELECT pg_is_in_recovery(), count(*) FROM theirs', connstr => $at), $try->[1],
		'... to where it should');
	is($node->safe_psql('postgres', 'SHOW archive_mode', connstr => $at), 'off', '... and archives nothing');
	like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($job->{id})"),
		qr/connect as a superuser of the server that was backed up/, '... as whom to connect is told');
	is(value($node, "SELECT state FROM pgops.restored_instances WHERE name = 'copy'"), 'running', '... it runs');
	drop_instance($node, 'copy');
}

# it was restored, and its newest backup is of the timeline that it left then
{
	local $ENV{PGUSER} = $stranger;
	my $time = $far->safe_psql('postgres', 'SELECT clock_timestamp()');
	$far->safe_psql('postgres', 'INSERT INTO theirs VALUES (9)');
	system_or_bail(@run, '--repo1-retention-full=9', '--start-fast', '--type=full', 'backup');
	$far->stop;
	system_or_bail(split(/ /, $command), '--delta', '--type=time', "--target=$time", '--target-action=promote', 'restore');
	$far->start;
	$far->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	$far->safe_psql('postgres', 'INSERT INTO theirs VALUES (100)');
	my $wal = $far->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
	$far->poll_query_until('postgres', "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver");
}
my $job = finish_job($node, "SELECT pgops.restore(cluster => 'far', instance => 'copy')");
is($job->{state}, 'succeeded', 'a cluster that has left its newest backup behind is restored') or diag(explain($job));
(my $at = $job->{result}{connection} // '') =~ s/user='[^']*'/user='$stranger'/;
is($node->safe_psql('postgres', 'SELECT count(*), max(id) FROM theirs', connstr => $at), '9|100', '... to where it is now');
drop_instance($node, 'copy');

$job = finish_job($node, "SELECT pgops.restore(cluster => 'nobody', instance => 'copy')");
is("$job->{state} $job->{sqlstate}", 'failed PO506', 'a cluster without backups') or diag(explain($job));

$far->stop;
stop_backup_node($node);
done_testing();
