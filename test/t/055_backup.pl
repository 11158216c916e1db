# Backups from SQL: full, incremental and differential ones with progress that is
# seen while they are made, a full one where there is none to build upon,
# annotations, what retention and expire() remove, the views, and what is refused.
use strict;
use warnings;

use File::Path qw(remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;

my $node = backup_node(
	'main',
	conf => "autovacuum = off\n",
	vars => { pgops_maintenance_window => { cron => '0 2 * * sat', duration => '3h' } },
	init => { extra => [ '-E', 'UTF8', '--locale=C', '--data-checksums' ] });

# ---- what there is from the start ----
is(finish_job($node, 'SELECT pgops.backup_refresh()')->{state}, 'succeeded', 'a look that was asked for is waited for like any other job');
is(value($node, "SELECT count(*) FROM pgops.backups WHERE type = 'full' AND good"), 1, 'it finds the first full backup');
$node->safe_psql('postgres', "ALTER SYSTEM SET pgops.backup_refresh_interval = '1s'");
$node->reload;
my $looked = value($node, 'SELECT max(observed_at) FROM pgops.backups');
wait_for($node, "SELECT max(observed_at) > '$looked' FROM pgops.backups", 'pgops looks by itself');
wait_for($node, "SELECT count(*) = 0 FROM pgops.job WHERE args ? 'unasked' AND state NOT IN ('queued', 'running')",
	'such a look leaves no row');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pgops.backup_refresh_interval');
$node->reload;
my $full = value($node, 'SELECT label FROM pgops.backups');
my $status = row($node, 'SELECT * FROM pgops.backup_status');
is($status->{state}, 'ok', 'the state in a word') or diag($status->{message});
is($status->{last_label}, $full, '... with the last backup');

# ---- in the maintenance window ----
for my $ask ("pgops.backup('diff', in_window => true)", 'pgops.verify_backup(in_window => true)')
{
	# not committed: should the window be open, it would start
	is($node->safe_psql('postgres', "BEGIN; SELECT $ask AS job \\gset
		SELECT j.stop_at = w.window_end AND j.not_before = greatest(w.window_start, j.not_before) AND j.cluster = 'small'
		FROM pgops.job j, pgops.next_window() w WHERE j.id = :job; ROLLBACK"), 't', "$ask waits for the window, ends with it, and is the cluster's");
}

# ---- progress ----
# text that does not compress takes its time
$node->safe_psql('postgres', <<~'SQL');
	CREATE TABLE big (t text);
	ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
	INSERT INTO big SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 7000) g, generate_series(1, 240) i GROUP BY g;
	VACUUM big;
	CHECKPOINT;
	SQL
my $id = value($node, q(SELECT pgops.backup('full', annotations => '{"reason": "before \"it\", = all", "n": 7}')));
my (%steps, %percent, $bar);
wait_until(
	sub {
		my $now = row($node, "SELECT state, step, progress, percent, done, total, unit FROM pgops.jobs WHERE id = $id");
		$steps{ $now->{step} } = 1 if $now->{step};
		if ($now->{unit} && $now->{percent} && $now->{state} eq 'running')
		{
			$percent{ $now->{percent} } = $now;
			$bar = $now->{progress};
		}
		return $now->{state} !~ /queued|running/;
	});
my $job = row($node, "SELECT * FROM pgops.jobs WHERE id = $id");
is($job->{state}, 'succeeded', 'a full backup') or diag(value($node, "SELECT string_agg(text, E'\n') FROM pgops.job_log($id)"));
cmp_ok(scalar(keys %percent), '>', 2, 'its progress is seen while it runs')
  or diag(join ', ', sort keys %steps);
my @done = sort { $a->{percent} <=> $b->{percent} } values %percent;
ok($done[0]{unit} eq 'bytes' && $done[-1]{total} > 50e6 && $done[-1]{done} > $done[0]{done}, '... in bytes')
  or diag(explain($done[-1]));
like($bar, qr/^\[[#.]{20}\] +\d+% +\d+ MB of \d+ MB/, '... as a line for people') and note($bar);
ok($steps{'copying files'}, '... with the step') or diag(join ', ', sort keys %steps);
my $result = $job->{result};
is("$result->{type} $result->{asked}", 'full full', 'the result says what it is');
cmp_ok($result->{size}, '>', 50e6, '... how big');
ok($result->{wal_start} && $result->{lsn_stop} && $result->{stopped_at}, '... and what it needs') or diag(explain($result));
is(value($node, "SELECT count(*) FROM pgops.job_log($id) WHERE text ~ 'DETAIL'"), 0, 'single files are not in its output');
like(value($node, "SELECT string_agg(text, E'\n') FROM pgops.job_log($id)"), qr/new backup label = \Q$result->{label}\E/, '... what matters is');

my $row = row($node, "SELECT * FROM pgops.backups WHERE label = '$result->{label}'");
is_deeply($row->{annotations}, { reason => 'before "it", = all', n => '7' }, 'annotations are kept');
is("$row->{size} $row->{wal_start} $row->{lsn_stop}", "$result->{size} $result->{wal_start} $result->{lsn_stop}", 'the view has the same');

# ---- those that build upon others ----
$node->safe_psql('postgres', "CREATE TABLE small AS SELECT 1 AS a");
my $incr = finish_job($node, 'SELECT pgops.backup()');
is("$incr->{state} $incr->{result}{type}", 'succeeded incr', 'an incremental backup is the default') or diag($incr->{error});
is($incr->{result}{prior}, $result->{label}, '... it builds upon the last one');
cmp_ok($incr->{result}{delta}, '<', $result->{delta} / 2, '... and copies less');
my $diff = finish_job($node, "SELECT pgops.backup('diff')");
is("$diff->{state} $diff->{result}{type}", 'succeeded diff', 'a differential backup') or diag($diff->{error});
is($diff->{result}{prior}, $result->{label}, '... it builds upon the full one');

# ---- retention ----
is(value($node, "SELECT string_agg(type, ' ' ORDER BY stop) FROM pgops.backups"), 'full full incr diff', 'retention keeps two full ones');
my $third = finish_job($node, "SELECT pgops.backup('full')");
is($third->{state}, 'succeeded', 'a third full backup') or diag($third->{error});
is_deeply($third->{result}{removed}, ["repo1 $full"], '... and the oldest one is gone') or diag(explain($third->{result}));
is(value($node, "SELECT count(*) FROM pgops.backups WHERE label = '$full'"), 0, '... in the view');
unlike(pgbackrest($node, 'info'), qr/\Q$full\E$/m, '... and in the repository');
is(value($node, "SELECT string_agg(type, ' ' ORDER BY stop) FROM pgops.backups"), 'full incr diff full', 'nothing else is');

# ---- expire ----
my $label = $incr->{result}{label};
$job = finish_job($node, "SELECT pgops.expire(set => '$label', dry_run => true)");
is_deeply([ $job->{state}, $job->{result}{removed} ], [ 'succeeded', ["repo1 $label"] ], 'a dry run tells what would go')
  or diag(explain($job));
is(value($node, "SELECT count(*) FROM pgops.backups WHERE label = '$label'"), 1, '... and removes nothing');
$job = finish_job($node, "SELECT pgops.expire(set => '$result->{label}')");
is($job->{state}, 'succeeded', 'a chosen backup is removed') or diag($job->{error});
is(join(' ', sort @{ $job->{result}{removed} }), join(' ', sort map { "repo1 $_" } $result->{label}, $label, $diff->{result}{label}),
	'... with those that build upon it');
is(value($node, "SELECT string_agg(label, ' ') FROM pgops.backups"), $third->{result}{label}, '... which leaves one');
$job = finish_job($node, "SELECT pgops.expire(set => '$third->{result}{label}')");
is("$job->{state} $job->{sqlstate}", 'failed PO507', 'the only full backup stays') or diag(explain($job));
like($job->{detail}, qr/cannot be expired until another full backup/, '... and it says why');

# ---- a full one where there is none ----
# as after the repository was lost: a new stanza.  An asynchronous archive-push may be at work
remove_tree(map { repository($node) . "/$_" } qw(archive backup));
ok(wait_until(sub { return (try_pgbackrest($node, 'stanza-create'))[0] == 0 }), 'a new stanza');
$job = finish_job($node, "SELECT pgops.backup('diff')");
is("$job->{state} $job->{result}{type} $job->{result}{asked}", 'succeeded full diff', 'without a full backup a differential one becomes it')
  or diag(explain($job));
is(value($node, "SELECT string_agg(type, ' ' ORDER BY stop) FROM pgops.backups"), 'full', '... and it is all there is');

# ---- asked for twice ----
my ($code, $out, $err) = $node->psql('postgres', <<~'SQL');
	SET client_min_messages = notice;
	SELECT pgops.backup('incr', at => now() + interval '1 hour') AS job \gset
	SELECT pgops.backup('incr', at => now() + interval '2 hours') = :job;
	SELECT pgops.backup('diff', at => now() + interval '2 hours') = :job AS other \gset
	SELECT pgops.job_cancel(:job);
	\echo :other
	SQL
is($out, "t\nt\nf", 'an equal backup that waits is not asked for twice, another one is') or diag("$code $err");
like($err, qr/NOTICE: .*has not started yet/, '... which is told');
$node->safe_psql('postgres', "SELECT pgops.job_cancel(id) FROM pgops.job WHERE state = 'queued'");

# ---- status ----
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
wait_for($node, 'SELECT archive_lag_files = 0 AND latest IS NOT NULL FROM pgops.backup_status', 'WAL is archived');
$status = row($node, 'SELECT *, latest >= earliest AS window_open, latest <= now() AS not_later FROM pgops.backup_status');
is("$status->{state} $status->{backups}", 'ok 1', 'the state afterwards') or diag($status->{message});
ok($status->{window_open} && $status->{not_later}, 'there is a recovery window') or diag(explain($status));
$node->safe_psql('postgres', 'CREATE ROLE watcher; GRANT pg_monitor TO watcher; CREATE ROLE nobody');
for my $view (qw(backups backup_status))
{
	is(($node->psql('postgres', "SET ROLE watcher; SELECT count(*) > 0 FROM pgops.$view"))[1], 't', "pg_monitor reads pgops.$view");
	like(($node->psql('postgres', "SET ROLE nobody; SELECT * FROM pgops.$view"))[2], qr/permission denied/, '... others do not');
}
like(($node->psql('postgres', 'SET ROLE watcher; SELECT pgops.backup()'))[2], qr/permission denied/, 'nor does it ask for backups');

# ---- what is refused ----
my @refused = (
	[ "pgops.backup('partial')", '22023', qr/no type of backup 'partial'/ ],
	[ 'pgops.backup(NULL)', '22023', qr/no type of backup null/ ],
	[ 'pgops.backup(repo => 3)', '22023', qr/no repository 3/ ],
	[ 'pgops.backup(repo => 0)', '22023', qr/no repository 0/ ],
	[ q(pgops.backup(annotations => '[1]')), '22023', qr/annotations are an object/ ],
	[ q(pgops.backup(annotations => '{"a=b": "c"}')), '22023', qr/annotation "a=b" cannot be stored/ ],
	[ q(pgops.backup(annotations => '{"a": {}}')), '22023', qr/annotation "a" cannot be stored/ ],
	[ q(pgops.backup(annotations => '{"a": "b\nc"}')), '22023', qr/annotation "a" cannot be stored/ ],
	[ "pgops.expire(set => '20200101-000000F')", '42704', qr/no backup "20200101-000000F"/ ],
	[ "pgops.expire(set => '--help')", '42704', qr/no backup "--help"/ ],
);
for my $case (@refused)
{
	my ($call, $state, $message) = @$case;
	like(($node->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call"))[2], qr/ERROR: +$state: .*$message/, "refused: $call");
}
is(value($node, "SELECT count(*) FROM pgops.job WHERE state = 'queued'"), 0, 'nothing refused is a job');

# ---- damaged pages ----
# a page of a table, on disk, which the server would not notice before it reads it
my $file = $node->data_dir . '/' . value($node, "SELECT pg_relation_filepath('big')");
$node->stop('fast');
open(my $handle, '+<', $file) or die "$file: $!";
binmode $handle;
seek $handle, 5 * 8192 + 4000, 0;
print $handle "\x55" x 64;
close($handle);
$node->start;
my $good = "SELECT count(*) FROM pgops.backups WHERE type = 'full' AND good";
my $before = value($node, $good);
finish_job($node, "SELECT pgops.backup('full')") for 1 .. 2;
is(value($node, $good), $before, 'damaged backups push out no good one, whatever retention says');
$job = finish_job($node, "SELECT pgops.backup('full')");
is("$job->{state} $job->{sqlstate}", 'failed PO509', 'a backup that meets damaged pages fails loudly') or diag(explain($job));
like($job->{detail}, qr/invalid page checksum found in file .*base.* at page 5/, '... and says where');
is(value($node, "SELECT error AND NOT good FROM pgops.backups WHERE label = '$job->{result}{label}'"), 't',
	'... it is there, but no good one');

# ---- a stale one, and one that is not declared any more ----
$node->append_conf('postgresql.conf', "pgops.require_backup_age = '1s'\n");
$node->reload;
wait_for($node, "SELECT state = 'stale' FROM pgops.backup_status", 'a backup can be too old');
declare($node, small_document(pgbackrest_enabled => JSON::PP::false, pgbackrest_method => 'local'));
is(value($node, 'SELECT state FROM pgops.backup_status'), 'none', 'backups that are declared not to be are none');
like(($node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.backup()"))[2], qr/PO506: .*no backups are declared/, '... and refused');

# ---- a standby ----
my $standby = PostgreSQL::Test::Cluster->new('standby');
# it has the damaged page, too
$node->backup('copy', backup_options => ['--no-verify-checksums']);
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "archive_mode = off\n");
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
for my $call ('pgops.backup()', 'pgops.expire()', 'pgops.backup_refresh()')
{
	like(($standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call"))[2], qr/ERROR: +25006: .*standby/, "on a standby: $call");
}
is(value($standby, 'SELECT count(*) FROM pgops.backups'), value($node, 'SELECT count(*) FROM pgops.backups'), 'a standby shows the backups');
is(value($standby, 'SELECT latest IS NULL AND archive_lag_bytes IS NULL FROM pgops.backup_status'), 't', '... and no archive');
$standby->stop;

stop_backup_node($node);
done_testing();
