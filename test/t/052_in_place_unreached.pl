# Restore in place to a target that no backup and no WAL leads to, which nobody can
# know before recovery has looked everywhere: the server comes back by itself with
# all that it had, and the job says what was wrong.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('unreached');
$node->safe_psql('postgres', 'CREATE TABLE kept AS SELECT g AS id FROM generate_series(1, 1000) g');
my $timeline = value($node, 'SELECT timeline_id FROM pg_control_checkpoint()');

# the last words before the server is stopped must come back, too
my $id = value($node, q{SELECT pgops.restore(target_name => 'never made', in_place => true)});
$node->safe_psql('postgres', 'INSERT INTO kept VALUES (1001)');

my $job;
ok(wait_until(sub {
	$job = eval { row($node, "SELECT * FROM pgops.jobs WHERE id = $id") };
	return $job && $job->{state} !~ /^(?:queued|running)$/;
}, 120), 'the server comes back by itself') or diag(map { slurp_file($_) } glob($node->data_dir . '.pgops/restore/*/log'));
$node->_update_pid(1);
is($job->{state}, 'failed', 'the job has failed');
like($job->{hint} . $job->{error} . ($job->{detail} // ''), qr/never made.*was not reached.*restored to the end of the archive/s, 'and says why, and where the server is now')
  or diag explain $job;
is(value($node, 'SELECT count(*), max(id) FROM kept'), '1001|1001', 'nothing is lost');
cmp_ok(value($node, 'SELECT timeline_id FROM pg_control_checkpoint()'), '>', $timeline, 'it lives on a timeline of its own');
is(value($node, 'SHOW archive_mode'), 'on', 'it archives');
is(value($node, "SELECT count(*) FROM pg_settings WHERE name LIKE 'recovery\\_target%' AND setting <> boot_val AND source <> 'default'"),
	0, 'no target is left behind');
is(finish_job($node, 'SELECT pgops.backup()')->{state}, 'succeeded', 'the next backup works');

stop_backup_node($node);
done_testing();
