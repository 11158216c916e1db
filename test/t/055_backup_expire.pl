# What a restore reads is not removed meanwhile.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsBackup;
use PgopsBeside;
use PgopsTest;

my $node = backup_node('keep', repo => { retention_full => 1 });
my ($first) = map { $_->{label} } rows($node, 'SELECT label FROM pgops.backups');

# a restore that begins when it is told to
my $folder = PostgreSQL::Test::Utils::tempdir('slow');
mkfifo("$folder/go", 0600) or die $!;
append_to_file("$folder/pgbackrest", <<~"SH");
	#!/bin/sh
	for word; do
		[ "\$word" = restore ] && read -r line < $folder/go
	done
	exec /usr/bin/pgbackrest "\$@"
	SH
chmod 0755, "$folder/pgbackrest";
$node->append_conf('postgresql.conf', "pgops.pgbackrest = '$folder/pgbackrest'\n");
$node->reload;
wait_for($node, "SELECT current_setting('pgops.pgbackrest') = '$folder/pgbackrest'", 'restores wait');

my $restore = value($node, "SELECT pgops.restore(set => '$first', instance => 'slow')");
wait_for($node, "SELECT state = 'running' AND step = 'restoring' FROM pgops.jobs WHERE id = $restore", 'a restore is at work');
my $job = finish_job($node, "SELECT pgops.backup('full')");
is($job->{state}, 'succeeded', 'a backup is made meanwhile') or diag(explain($job));
is_deeply($job->{result}{removed}, [], 'and nothing is removed');
like(value($node, "SELECT string_agg(text, ' ') FROM pgops.job_log($job->{id})"), qr/nothing is removed: job $restore restores/,
	'which is told');
$job = finish_job($node, 'SELECT pgops.expire()');
is("$job->{state} $job->{sqlstate}", 'failed PO505', 'nor is it on demand');
like($job->{error}, qr/job $restore restores/, 'with the reason');
is(finish_job($node, 'SELECT pgops.expire(dry_run => true)')->{state}, 'succeeded', 'what would go can be asked');

append_to_file("$folder/go", "go\n");
value($node, "SELECT state FROM pgops.job_wait($restore, timeout => '60s')");
is(value($node, "SELECT state FROM pgops.jobs WHERE id = $restore"), 'succeeded', 'the restore finds all it needs');
drop_instance($node, 'slow');
$job = finish_job($node, "SELECT pgops.backup('full')");
ok((grep { $_ eq "repo1 $first" } @{ $job->{result}{removed} }), 'the next backup removes what retention does not keep')
  or diag(explain($job));

stop_backup_node($node);
done_testing();
