# What goes wrong with backups: cancelled in the middle, its worker killed, the
# server stopped at once, another pgBackRest at work, a program that hangs, the
# repository gone or without the stanza.  After each: the right state and
# message, no process left over, and the next backup works.
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

my $node = backup_node('main', conf => "autovacuum = off\nrestart_after_crash = on\n");
my $config = pgbackrest_config($node);

# a backup that takes its time: text that does not compress, by one slow process
sub slow_down
{
	my $text = slurp_file($config);
	return if $text =~ /compress-level=9/;
	$text =~ s/^compress-type=.*\n//mg;
	$text =~ s/^(\[global\]\n)/$1compress-type=gz\ncompress-level=9\n/m or die "no [global] in $config";
	open(my $file, '>', $config) or die "$config: $!";
	print $file $text;
	close($file);
	return;
}

# pgbackrest processes of this node other than archive-push and archive-get
sub processes
{
	my @found;
	for my $folder (glob '/proc/[0-9]*')
	{
		open(my $file, '<', "$folder/cmdline") or next;
		local $/;
		my $line = <$file> // '';
		close($file);
		next if index($line, $config) < 0 || $line =~ /archive-(push|get)/ || $line !~ /^[^\0]*pgbackrest\0/;
		push @found, $folder =~ s{/proc/}{}r;
	}
	return @found;
}

sub no_process_left
{
	ok(wait_until(sub { return !processes() }, 10), 'no process is left over')
	  or diag(join ' ', processes());
	return;
}

sub next_backup_works
{
	my $job = finish_job($node, 'SELECT pgops.backup()');
	is($job->{state}, 'succeeded', 'the next backup works') or diag(explain($job));
	return;
}

# queues a backup, waits until it copies; the job's id
sub in_the_middle
{
	my ($sql) = @_;
	slow_down();
	my $id = value($node, $sql);
	wait_for($node, "SELECT step = 'copying files' AND state = 'running' FROM pgops.jobs WHERE id = $id", 'a backup is in the middle');
	return $id;
}

sub finished
{
	my ($id) = @_;
	wait_for($node, "SELECT state NOT IN ('queued', 'running', 'cancelling') FROM pgops.jobs WHERE id = $id", 'it is over');
	return row($node, "SELECT * FROM pgops.jobs WHERE id = $id");
}

$node->safe_psql('postgres', <<~'SQL');
	CREATE TABLE big (t text);
	ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
	INSERT INTO big SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 4000) g, generate_series(1, 240) i GROUP BY g;
	VACUUM big;
	SQL

# ---- cancelled ----
my $id = in_the_middle("SELECT pgops.backup('full')");
is(value($node, "SELECT pgops.job_cancel($id)"), 't', 'it is cancelled');
my $job = finished($id);
is($job->{state}, 'cancelled', 'and so its state is') or diag(explain($job));
no_process_left();
is(value($node, "SELECT count(*) FROM pgops.backups WHERE type = 'full'"), 1, 'half a backup is none');
next_backup_works();

# ---- the job's worker is killed: the server restarts all its processes ----
$id = in_the_middle("SELECT pgops.backup('full')");
my $worker = value($node, "SELECT worker_pid FROM pgops.job_slots() WHERE job = $id");
kill 'KILL', $worker;
ok(wait_until(sub { return !kill(0, $worker) }), 'the worker is killed');
wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", 'its job is interrupted');
$job = finished($id);
is("$job->{sqlstate} $job->{attempts}", 'PO504 1', '... which is final') or diag(explain($job));
no_process_left();
next_backup_works();

# ---- the server is stopped at once ----
$id = in_the_middle("SELECT pgops.backup('full')");
$node->stop('immediate');
no_process_left();
$node->start;
$job = finished($id);
is($job->{state}, 'interrupted', 'after an immediate stop the job is interrupted') or diag(explain($job));
next_backup_works();

# ---- another pgBackRest has the lock ----
slow_down();
my ($out, $err) = ('', '');
my $other = IPC::Run::start([ 'pgbackrest', "--config=$config", '--stanza=small', '--type=full', '--log-level-console=info', 'backup' ],
	'<', \undef, '>', \$out, '2>', \$err);
ok(wait_until(sub { $other->pump_nb; return $out =~ /backup start archive/ }), 'somebody makes a backup by hand') or diag($err);
my @stopped = processes();
kill 'STOP', @stopped;
$id = value($node, "SELECT pgops.backup('incr')");
wait_for($node, "SELECT state = 'queued' AND attempts = 1 FROM pgops.jobs WHERE id = $id", 'the job waits for another attempt');
$job = row($node, "SELECT *, not_before > now() AS later FROM pgops.jobs WHERE id = $id");
is("$job->{sqlstate} $job->{exit_code}", 'PO503 50', 'the lock is named as the reason') or diag(explain($job));
like($job->{error}, qr/another pgBackRest process works on stanza "small"/, '... in words');
like($job->{hint}, qr/process (?:@{[ join '|', @stopped ]})\b/, '... and the process is named') or diag("@stopped");
ok($job->{later}, '... it is tried again later');
kill 'CONT', @stopped;
kill 'TERM', $other->{KIDS}[0]{PID};
eval { $other->finish };
no_process_left();
# not to wait for the minute; that another job is asked for wakes the coordinator
$node->safe_psql('postgres', "UPDATE pgops.job SET not_before = now() WHERE id = $id; SELECT pgops.backup_refresh()");
$job = finished($id);
is("$job->{state} $job->{attempts}", 'succeeded 2', 'the second attempt succeeds') or diag(explain($job));

# ---- it hangs ----
$id = in_the_middle("SELECT pgops.backup('full', deadline => '4 s')");
kill 'STOP', processes();
$job = finished($id);
is("$job->{state} $job->{sqlstate}", 'failed PO502', 'a program that hangs is ended at the deadline') or diag(explain($job));
no_process_left();
next_backup_works();

# ---- the repository is gone ----
my $repository = repository($node);
rename $repository, "$repository.away" or die "$repository: $!";
$job = finish_job($node, 'SELECT pgops.backup()');
is("$job->{state} $job->{sqlstate} $job->{exit_code}", 'failed PO506 55', 'without its repository a backup fails') or diag(explain($job));
like($job->{error}, qr/stanza "small" is not in the repository/, '... with the reason');
like($job->{hint}, qr/not mounted, bring it back/, '... and the way out');
like($job->{detail}, qr/backup\.info/, '... and what pgBackRest said');
my $status = row($node, 'SELECT * FROM pgops.backup_status');
is("$status->{state} $status->{backups}", 'error 0', 'the status knows it') or diag(explain($status));
like($status->{message}, qr/repository 1: missing stanza path/, '... too');
no_process_left();
PostgreSQL::Test::Utils::system_or_bail('rm', '-rf', $repository) if -e $repository;
rename "$repository.away", $repository or die "$repository.away: $!";
next_backup_works();
is(value($node, 'SELECT state FROM pgops.backup_status WHERE NOT archive_failing'), 'ok', 'the status is well again')
  or diag(value($node, 'SELECT s::text FROM pgops.backup_status s'));

# ---- it may not be read ----
SKIP:
{
	skip 'permissions do not hold for root', 4 if $> == 0;
	chmod 0, "$repository/backup";
	my $known = value($node, 'SELECT count(*) FROM pgops.backup_set');
	$job = finish_job($node, 'SELECT pgops.backup()');
	is("$job->{state} $job->{sqlstate}", 'failed PO500', 'a repository that may not be read') or diag(explain($job));
	like($job->{error}, qr/may not use a file or directory/, '... is named as the reason');
	$status = row($node, 'SELECT * FROM pgops.backup_status');
	is("$status->{state} $status->{backups}", 'error 0', '... in the status, too') or diag(explain($status));
	is(value($node, 'SELECT count(*) FROM pgops.backup_set'), $known, 'what was known of it is kept');
	chmod 0750, "$repository/backup";
}
next_backup_works();

# ---- the stanza is missing, which info does not count as a failure ----
rename "$repository/$_/small", "$repository/$_/away" or die for qw(backup archive);
is((try_pgbackrest($node, 'info'))[0], 0, 'info exits with 0');
my $before = value($node, 'SELECT max(tried_at) FROM pgops.stanza_state');
$node->safe_psql('postgres', 'SELECT pgops.backup_refresh()');
wait_for($node, "SELECT max(tried_at) > '$before' FROM pgops.stanza_state", 'a look');
is(value($node, 'SELECT status FROM pgops.stanza_state'), 1, 'the missing stanza is found out');
is(value($node, 'SELECT count(*) FROM pgops.backups'), 0, '... and there are no backups');
rename "$repository/$_/away", "$repository/$_/small" or die for qw(backup archive);
next_backup_works();

# ---- pgBackRest is not there ----
$node->append_conf('postgresql.conf', "pgops.pgbackrest = '/nowhere/pgbackrest'\n");
$node->reload;
wait_for($node, "SELECT current_setting('pgops.pgbackrest') ~ 'nowhere'", 'a program that is not there');
like(($node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.backup()"))[2], qr/PO501: .*nowhere/, 'is found out at once');

stop_backup_node($node);
done_testing();
