# Instances beside a server cannot harm it, wherever their files came from; they
# outlive it, and what was left half made can be dropped.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PgopsBeside;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- a server with everything that could do harm twice ----
my $outside = PostgreSQL::Test::Utils::tempdir_short();
my $cron = -e (`pg_config --pkglibdir` =~ s/\n//r) . '/pg_cron.so';
my $node = backup_node('main', init => { allows_streaming => 'logical' }, conf => <<"CONF");
shared_preload_libraries = '@{[ $cron ? 'pgops, pg_cron' : 'pgops' ]}'
cron.database_name = 'postgres'
max_prepared_transactions = 7
max_connections = 60
wal_level = logical
CONF
my $superuser = value($node, 'SELECT current_user');

# as on Debian: what configures it is elsewhere
$node->stop;
my $config = "$outside/postgresql.conf";
rename $node->data_dir . '/postgresql.conf', $config or die $!;
symlink $config, $node->data_dir . '/postgresql.conf' or die $!;
append_to_file($config, "include_if_exists = '$outside/more.conf'\ncluster_name = 'main'\n");
append_to_file("$outside/more.conf", "work_mem = '7MB'\n");
my $before = slurp_file($config);
$node->start;

mkdir "$outside/space";
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$outside/space'");
$node->safe_psql('postgres', 'CREATE TABLE spaced TABLESPACE elsewhere AS SELECT generate_series(1, 100) AS i');
$node->safe_psql('postgres', q(SELECT pg_create_logical_replication_slot('held', 'pgoutput')));
$node->safe_psql('postgres', 'CREATE PUBLICATION nothing');
$node->safe_psql('postgres', sprintf q(CREATE SUBSCRIPTION own CONNECTION 'host=%s port=%d dbname=postgres user=%s' PUBLICATION nothing WITH (create_slot = false, slot_name = 'held')),
	$node->host, $node->port, $superuser);
if ($cron)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
	$node->safe_psql('postgres', q(SELECT cron.schedule('never', '0 0 1 1 *', 'SELECT 1')));
}
wait_for($node, 'SELECT count(*) > 0 FROM pg_stat_replication', 'a subscription is at work');

# what is true of each of them
sub harmless
{
	my ($name) = @_;
	my %setting = map { split /=/, $_, 2 } split /\n/, beside($node, $name,
		"SELECT name || '=' || setting FROM pg_settings WHERE name IN ('archive_mode', 'archive_command', 'shared_preload_libraries', 'max_logical_replication_workers', 'primary_conninfo', 'synchronous_standby_names', 'listen_addresses', 'cluster_name', 'logging_collector', 'huge_pages', 'max_prepared_transactions', 'max_connections', 'work_mem')");
	# 15 shows what is not ASCII as question marks, later ones as \xNN
	$setting{cluster_name} =~ s/\\x[0-9a-f]{2}/?/g;
	is_deeply(\%setting, {
			archive_mode => 'off', archive_command => '(disabled)', shared_preload_libraries => '"pgops"',
			max_logical_replication_workers => 0, primary_conninfo => '', synchronous_standby_names => '',
			listen_addresses => 'localhost', cluster_name => $name =~ s/[^ -~]/?/gr, logging_collector => 'off',
			huge_pages => 'off', max_prepared_transactions => 7, max_connections => 60, work_mem => 7168
		}, "$name: settings") or diag(explain(\%setting));
	is(beside($node, $name, 'SELECT count(*) FROM pg_subscription WHERE subenabled'), 1, "$name: the subscription is there");
	is(beside($node, $name, "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'logical|cron'"), 0, '... and nobody applies it, nor is pg_cron there');
	is(beside($node, $name, 'SELECT count(*) FROM pg_replication_slots'), 0, '... no slots came with it');
	# until its coordinator has looked for the first time the row is the original's
	ok(wait_until(sub { beside($node, $name, 'SELECT phase FROM pgops.status') eq 'unbound' }), '... pgops only looks');
	is(beside($node, $name, 'SELECT count(*) FROM pgops.restored_instances'), 0, '... and knows no instances beside it');
	like(beside($node, $name, 'SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = \'elsewhere\''),
		qr/instances\/.*\/tablespaces\//, '... its tablespace is its own');
	is(beside($node, $name, 'INSERT INTO spaced VALUES (0); SELECT count(*) FROM spaced'), 101, '... and can be written');
	is(value($node, 'SELECT count(*) FROM spaced'), 100, '... which this server does not see');
	is(slurp_file($config), $before, '... nor are its settings touched');
	return;
}

# ---- forks ----
my $queued = value($node, "SELECT pgops.job_request('analyze', '{}', at => now() + interval '1 hour')");
my $hostile = qq(it's "a" / ../x \\ \$(id) é);
utf8::encode($hostile) if utf8::is_utf8($hostile);
my $job = finish_job($node, 'SELECT pgops.fork(' . literal($hostile) . ')');
is($job->{state}, 'succeeded', 'a fork, whatever it is called') or diag(explain($job));
ok(defined $job->{result}{reflink} && $job->{result}{bytes} > 1_000_000, '... tells how it was copied');
is_deeply([ map { s/.*\///r } glob "'" . instances_of($node) . "/*'" ], [ $hostile =~ s/([^A-Za-z0-9_.])/sprintf '%%%02X', ord $1/ger ],
	'... and is in one directory of its own');
harmless($hostile);
is(beside($node, $hostile, 'SELECT pg_is_in_recovery()'), 'f', 'it accepts writes');
is(beside($node, $hostile, 'SELECT timeline_id FROM pg_control_checkpoint()'), 2, '... on a timeline of its own');
is(beside($node, $hostile, "SELECT state FROM pgops.job WHERE id = $queued"), 'cancelled', 'what this server was to do is not done there');
is(value($node, 'SELECT count(*) FROM pg_replication_slots'), 1, 'no slot is left here');

# ---- restores ----

# WAL names the directory of the tablespace that came after the backup: the running server's
my $spaced = "$outside/space/" . value($node, "SELECT regexp_replace(pg_relation_filepath('spaced'), '^pg_tblspc/[0-9]+/', '')");
$node->safe_psql('postgres', 'CHECKPOINT');
my $identity = file_identity($spaced);
$job = finish_job($node, "SELECT pgops.restore(instance => 'restored')");
is_deeply([ $job->{state}, $job->{sqlstate} ], [ 'failed', 'PO508' ], 'a tablespace that is not in the backup: recovery stops there') or diag(explain($job));
like($job->{error}, qr/came to a tablespace that is not in the backup/, '... says so');
is(file_identity($spaced), $identity, '... and no file of the running server was touched');
drop_instance($node, 'restored');
is(finish_job($node, "SELECT pgops.backup('incr')")->{state}, 'succeeded', 'a backup that has it');
$job = finish_job($node, "SELECT pgops.restore(instance => 'restored')");
is($job->{state}, 'succeeded', 'a restore') or diag(explain($job));
harmless('restored');

# ---- in a place with a long path ----
my $long = $outside . '/' . ('x' x 100);
$job = finish_job($node, "SELECT pgops.fork('far', directory => '$long')");
is($job->{state}, 'succeeded', 'a fork in a directory with a path too long for a socket') or diag(explain($job));
is(beside($node, 'far', 'SELECT count(*) FROM spaced'), 100, '... can be reached');
my $socket = value($node, q(SELECT socket_directory FROM pgops.instance_beside WHERE name = 'far'));
is((stat $socket)[2] & 07777, 0700, '... only by its owner');
append_to_file("$long/precious", "somebody's");
$job = finish_job($node, q(SELECT pgops.restore_drop('far')));
is($job->{state}, 'failed', 'dropping it stops at a file that is not its own');
is(slurp_file("$long/precious"), "somebody's", '... which stays');
unlink "$long/precious" or die $!;
drop_instance($node, 'far');
ok(!-e $long && !-e $socket, '... then nothing is left');

# ---- a place that is not what the row says ----
$job = finish_job($node, q(SELECT pgops.fork('moved')));
is($job->{state}, 'succeeded', 'one more');
my $moved = instances_of($node) . '/moved';
rename "$moved/pgops-instance", "$outside/mark" or die $!;
$job = finish_job($node, q(SELECT pgops.restore_drop('moved')));
is_deeply([ $job->{state}, $job->{sqlstate} ], [ 'failed', 'PO508' ], 'without its mark nothing is removed');
is(beside($node, 'moved', 'SELECT 1'), 1, '... or stopped');
rename "$outside/mark", "$moved/pgops-instance" or die $!;
symlink "$outside/space", "$moved/data/base/link" or die $!;
drop_instance($node, 'moved');
ok(-d "$outside/space", 'links are not followed');

# ---- the server ends, they do not ----
$node->stop('immediate');
$node->start;
is(beside($node, $hostile, 'SELECT count(*) FROM spaced'), 101, 'an immediate stop of the server leaves them alone');
is(value($node, q(SELECT state FROM pgops.restored_instances WHERE name = 'restored')), 'running', '... and the view finds them');

# ---- the server ends in the middle of a restore ----
my $slow = "$outside/pgbackrest";
append_to_file($slow, "#!/bin/sh\nfor last; do :; done\n[ \"\$last\" = restore ] && exec sleep 4242\nexec pgbackrest \"\$@\"\n");
chmod 0755, $slow;
$node->safe_psql('postgres', "ALTER SYSTEM SET pgops.pgbackrest = '$slow'");
$node->reload;
wait_for($node, "SELECT setting = '$slow' FROM pg_settings WHERE name = 'pgops.pgbackrest'", 'a pgbackrest that hangs');
my $id = value($node, q(SELECT pgops.restore(instance => 'half')));
wait_for($node, "SELECT step = 'restoring' FROM pgops.jobs WHERE id = $id", 'a restore is at work');
wait_for($node, "SELECT child_pid IS NOT NULL FROM pgops.job WHERE id = $id", '... with its program');
my $child = value($node, "SELECT child_pid FROM pgops.job WHERE id = $id");
$node->stop('immediate');
ok(wait_until(sub { !kill 0, $child }), 'its program ends with the server');
$node->start;
wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", 'the job is interrupted');
is(value($node, q(SELECT state FROM pgops.restored_instances WHERE name = 'half')), 'failed', '... the instance failed');
$id = value($node, q(SELECT pgops.restore(instance => 'cancelled')));
wait_for($node, "SELECT step = 'restoring' FROM pgops.jobs WHERE id = $id", 'another one');
$node->safe_psql('postgres', "SELECT pgops.job_cancel($id)");
is(row($node, "SELECT state FROM pgops.job_wait($id)")->{state}, 'cancelled', '... is cancelled');
is(value($node, q(SELECT state FROM pgops.restored_instances WHERE name = 'cancelled')), 'failed', '... the instance failed, too');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pgops.pgbackrest');
$node->reload;
system_or_bail('rm', '-rf', instances_of($node) . '/cancelled');
drop_instance($node, $_) for 'half', 'cancelled', 'restored', $hostile;
is_deeply([ glob "'" . instances_of($node) . "/*'" ], [], 'nothing is left of any of them');

$node->safe_psql('postgres', 'ALTER SUBSCRIPTION own DISABLE');
stop_backup_node($node);
done_testing();
