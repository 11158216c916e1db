# A repository without room: a small file system that is mounted for this server
# alone.  The job says what it is, and works when there is room again.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;

# A name space of mounts needs no root; inside it another one gives the server
# its user back, because it does not run as root.
my $folder = PostgreSQL::Test::Utils::tempdir('full');
my $mounted = "$folder/repository";
mkdir $mounted;
my @inside = ('unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec',
	"mount -t tmpfs -o size=48m pgops '$mounted'; exec unshare --user --map-user=$> --map-group=@{[ (split / /, $))[0] ]} \"\$@\"", 'sh');
SKIP:
{
	my $user = '';
	my $possible = IPC::Run::run([ @inside, 'id', '-u' ], '<', \undef, '>', \$user, '2>', \my $ignored);
	skip 'this machine does not let users mount', 8 if !$possible || $user ne "$>\n";

	my $pg_ctl = (split /\n/, `sh -c 'command -v pg_ctl'`)[0];
	mkdir "$folder/bin";
	open(my $script, '>', "$folder/bin/pg_ctl") or die $!;
	print $script "#!/bin/sh\nfor word\ndo\n\tif [ \"\$word\" = start ]\n\tthen\n\t\texec ",
	  join(' ', map { my $word = $_; $word =~ s/'/'\\''/g; "'$word'" } @inside),
	  " '$pg_ctl' \"\$\@\"\n\tfi\ndone\nexec '$pg_ctl' \"\$\@\"\n";
	close($script);
	chmod 0755, "$folder/bin/pg_ctl";
	local $ENV{PATH} = "$folder/bin:$ENV{PATH}";

	my $small = backup_node('small', conf => "autovacuum = off\n", repo => { path => $mounted });
	ok(!-e "$mounted/backup", 'a server with a repository of its own');
	# all of it is filled, then a little room is left: enough for WAL, not for a backup
	my $fill = "COPY (SELECT repeat('x', 999) FROM generate_series(1, %d)) TO '$mounted/ballast'";
	like(($small->psql('postgres', sprintf($fill, 100_000)))[2], qr/No space left/, 'it is filled');
	my $size = value($small, "SELECT size FROM pg_stat_file('$mounted/ballast')");
	$small->safe_psql('postgres', sprintf($fill, ($size - 1_500_000) / 1000));
	# pgBackRest itself tries again, which takes it half a minute
	my $id = value($small, "SELECT pgops.backup('full')");
	wait_for($small, "SELECT state = 'queued' AND attempts = 1 FROM pgops.jobs WHERE id = $id", 'a backup waits for another attempt');
	my $job = row($small, "SELECT * FROM pgops.jobs WHERE id = $id");
	is($job->{sqlstate}, '53100', '... because the disk is full') or diag(explain($job));
	like($job->{error}, qr/no space is left/, '... in words');
	like($job->{hint}, qr/Make room/, '... with the way out');
	$small->safe_psql('postgres', sprintf($fill, 1));
	$small->safe_psql('postgres', "UPDATE pgops.job SET not_before = now() WHERE id = $id; SELECT pgops.backup_refresh()");
	wait_for($small, "SELECT state = 'succeeded' FROM pgops.jobs WHERE id = $id", 'with room again the next attempt succeeds');
	is(value($small, "SELECT count(*) FROM pgops.backups WHERE type = 'full'"), 2, '... and there are two');
	stop_backup_node($small);
}

done_testing();
