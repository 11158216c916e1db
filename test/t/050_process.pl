# Programs that jobs run: whatever one does, its job ends with the right state, its
# output is bounded text, and no process is left.  A script stands in for
# pgbackrest's "expire" and does what a file tells it; all else is the real program.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = PostgreSQL::Test::Utils::tempdir('process');
my ($program) = grep { -x } map { "$_/pgbackrest" } split /:/, $ENV{PATH};
append_to_file("$folder/program", <<"SH");
#!/bin/sh
for command; do :; done
[ "\$command" = expire ] || exec $program "\$@"
. $folder/do
SH
chmod 0755, "$folder/program";

my $node = backup_node('process', conf => "restart_after_crash = on\n");
$node->append_conf('postgresql.conf', "pgops.pgbackrest = '$folder/program'\n");
$node->reload;
wait_for($node, "SELECT current_setting('pgops.pgbackrest') = '$folder/program'", 'the script is in place');

# what the program does from now on
sub program_does
{
	my ($script) = @_;
	unlink "$folder/do";
	append_to_file("$folder/do", "$script\n");
	return;
}

sub request
{
	my ($deadline) = @_;
	return "SELECT pgops.job_request('expire', '{}', deadline => " . ($deadline ? "'$deadline')" : 'NULL)');
}

# a zombie is gone: only its number is left for its parent to read
sub alive
{
	my ($pid) = @_;
	return -r "/proc/$pid/stat" && slurp_file("/proc/$pid/stat") !~ /\) [ZX] /;
}

# a pid that the program wrote
sub pid_of
{
	my ($name) = @_;
	wait_until(sub { -s "$folder/$name" });
	my ($pid) = slurp_file("$folder/$name") =~ /(\d+)/;
	return $pid;
}

sub started
{
	unlink map { "$folder/$_" } qw(child grandchild);
	my $id = value($node, request(@_));
	return ($id, pid_of('child'), pid_of('grandchild'));
}

# ---- what it is given ----
program_does("env | sort >$folder/env; ls -l /proc/self/fd >$folder/fds; cat >$folder/stdin; grep Sig /proc/self/status >$folder/signals");
is(finish_job($node, request())->{state}, 'succeeded', 'a program runs');
is(join(',', grep { !/^(?:PWD|OLDPWD|SHLVL|_)$/ } slurp_file("$folder/env") =~ /^(\w+)=/mg), 'HOME,LC_ALL,PATH', '... with a small environment');
is(scalar(() = slurp_file("$folder/fds") =~ / \d+ -> /g), 4, '... no descriptors but its three (and that of ls)')
  or diag(slurp_file("$folder/fds"));
is(slurp_file("$folder/stdin"), '', '... and nothing to read');
# but 32 and 33, which the C library keeps for itself and lets nobody reset
is_deeply([ map { hex($_) & ~(3 << 31) } slurp_file("$folder/signals") =~ /Sig(?:Blk|Ign):\s+([0-9a-f]+)/g ], [ 0, 0 ], '... no signal is blocked or ignored');

# ---- what it writes ----
program_does(<<'SH');
head -c 50000000 /dev/zero | tr '\0' x
echo
i=0; while [ $i -lt 6000 ]; do echo line $i; i=$((i+1)); done
printf 'a\000b\377c \303\244\r\nlast'
printf 'to stderr\n' >&2
SH
my $job = finish_job($node, request());
is($job->{state}, 'succeeded', 'a program may write whatever it likes') or diag(explain($job));
is(value($node, "SELECT max(length(text)), count(*) <= 5000 FROM pgops.job_output WHERE job = $job->{id}"), '2000|t', 'its lines are cut, and not too many');
program_does(q{printf 'a\000b\377c \303\244\r\nlast'; echo to stderr >&2});
$job = finish_job($node, request());
is(value($node, "SELECT string_agg(stream || ':' || text, '|' ORDER BY stream DESC, line) FROM pgops.job_output WHERE job = $job->{id} AND stream <> 'note'"),
	"out:a?b?c \xc3\xa4|out:last|err:to stderr", 'its text is valid, line by line, by stream');

# ---- how it ends ----
program_does('echo "what went wrong" >&2; exit 7');
$job = finish_job($node, request());
is("$job->{state} $job->{exit_code}", 'failed 7', 'an exit code');
like("$job->{error} $job->{detail}", qr/what went wrong/, '... comes with what the program said');
program_does('kill -9 $$');
$job = finish_job($node, request());
like("$job->{state}: $job->{error}", qr/^failed: .*ended by signal 9/, 'a signal');
program_does("sleep 300 & echo \$! >$folder/grandchild; exit 0");
my $before = time;
unlink "$folder/grandchild";
$job = finish_job($node, request());
is($job->{state}, 'succeeded', 'what a program left behind, with its output open, holds nobody up');
cmp_ok(time - $before, '<', 30, '... for long');
kill 'KILL', pid_of('grandchild');
program_does('exec 1>&- 2>&-; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 3');
$job = finish_job($node, request());
is("$job->{state} $job->{exit_code}", 'failed 3', 'one that closes its output is waited for');

# ---- how it is ended: it ignores SIGTERM, and has a child ----
program_does("trap '' TERM INT; sleep 300 & echo \$! >$folder/grandchild; echo \$\$ >$folder/child; wait; wait; sleep 300");
{
	my ($id, @pids) = started('1 second');
	wait_for($node, "SELECT state = 'failed' AND sqlstate = 'PO502' FROM pgops.jobs WHERE id = $id", 'the deadline ends it');
	is_deeply([ grep { alive($_) } @pids ], [], '... with its children');
}
program_does("sleep 300 & echo \$! >$folder/grandchild; echo \$\$ >$folder/child; wait");
{
	my ($id, @pids) = started();
	wait_for($node, "SELECT child_pid = $pids[0] FROM pgops.job WHERE id = $id", 'its pid is known');
	is(value($node, "SELECT pgops.job_cancel($id)"), 't', 'cancel');
	wait_for($node, "SELECT state = 'cancelled' FROM pgops.jobs WHERE id = $id", '... is told');
	is_deeply([ grep { alive($_) } @pids ], [], '... no process is left');
}
program_does("trap '' TERM INT QUIT; echo \$\$ >$folder/grandchild; echo \$\$ >$folder/child; while :; do sleep 1; done");
{
	my ($id, $pid) = started();
	kill 'KILL', value($node, "SELECT worker_pid FROM pgops.job WHERE id = $id");
	ok(wait_until(sub { !alive($pid) }), 'kill -9 of the worker ends it');
	wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", '... the job was interrupted');
}
{
	my ($id, $pid) = started();
	$node->stop('immediate');
	ok(wait_until(sub { !alive($pid) }), 'an immediate stop of the server ends it');
	$node->start;
	wait_for($node, "SELECT state = 'interrupted' FROM pgops.jobs WHERE id = $id", '... the job was interrupted');
}

# ---- none ----
program_does('exit 0');
is(finish_job($node, request())->{state}, 'succeeded', 'the next one works');
unlink "$folder/program";
$job = finish_job($node, request());
is("$job->{state} $job->{sqlstate}", 'failed PO501', 'a program that is missing');

stop_backup_node($node);
done_testing();
