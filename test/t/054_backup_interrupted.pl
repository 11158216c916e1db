# 054_backup_interrupted.pl: the set-up of backups is broken off in the first full backup
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsBackup;
use PgopsTest;

my $node = archiving_node('main');

sub in_first_backup
{
	my ($what) = @_;
	wait_for($node, <<~'SQL', $what);
		SELECT coalesce((SELECT step ~ 'first full' AND state = 'running' FROM pgops.jobs
			WHERE kind = 'backup_setup' ORDER BY id DESC LIMIT 1), false)
		SQL
	return;
}

declare($node, small_document(backup_vars($node), pg_users => []));
in_first_backup('the first backup is being made');
my $status = row($node, 'SELECT phase, message FROM pgops.status');
is($status->{phase}, 'progressing', 'meanwhile the cluster is progressing');
like($status->{message}, qr/^job \d+ sets backups up$/, 'which says by what');

value($node, "SELECT pgops.job_cancel(max(id)) FROM pgops.job WHERE kind = 'backup_setup'");
$status = settle($node);
is($status->{phase}, 'degraded', 'cancelled it is a failure');
like($status->{message}, qr/backup "small": the job was cancelled/, 'told as what it is');
is(value($node, "SELECT next_attempt > now() + interval '30 min' FROM pgops.failure WHERE rule = 'backup.setup'"),
	't', 'and not repeated against the will of who cancelled it');

value($node, 'SELECT pgops.reconcile()');
in_first_backup('but when somebody asks');
$node->stop('immediate');
$node->start;
is(settle($node)->{phase}, 'converged', 'after a crash it is begun again by itself');
is_deeply(
	[ map { $_->{state} } rows($node, "SELECT state FROM pgops.job WHERE kind = 'backup_setup' ORDER BY requested_at") ],
	[ 'cancelled', 'interrupted', 'succeeded' ], 'each job says what became of it');
is(value($node, 'SELECT count(*) FROM pgops.backups'), 1, 'there is one backup');

stop_backup_node($node);
done_testing();
