# Schedules and crontabs: what is refused and where, what lines amount to, what
# is told of those that pgops does not run, and the maintenance window.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('schedules', conf => "pgops.drift_interval = '1h'\nlog_timezone = 'UTC'\n");

# ---- what is refused: all at once, each in its place ---------------------------
my $faulty = <<'YAML';
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: small
    pgops_maintenance_window: { cron: '0 2 * *', duration: 3h }
    pgops_schedules:
      - { name: a, cron: '* 25 * * *', what: reconcile }
      - { name: b, cron: '* * * * *', what: dance }
      - { name: c, cron: '* * * * *', what: backup full, options: { type: diff } }
      - { name: d, cron: '* * * * *', what: reconcile, options: { databases: [ app ] } }
      - { name: d, cron: '* * * * *', what: vacuum, window: 0 }
      - { name: e, what: vacuum }
YAML
my @found = rows($node, 'SELECT path, line, "column", message FROM pgops.validate('
	  . literal($faulty) . ") WHERE severity = 'error' ORDER BY line, \"column\"");
is_deeply(
	[ map { "$_->{line}:$_->{column} $_->{path}: $_->{message}" } @found ],
	[
		q{5:39 small.pgops_maintenance_window.cron: cron expression "0 2 * *": five fields are expected, not 4},
		q{7:26 small.pgops_schedules[0].cron: cron expression "* 25 * * *": hour must be 0 to 23, not "25"},
		q{8:45 small.pgops_schedules[1].what: field "what" must be backup, backup full, backup diff, backup incr, }
		  . q{verify_backup, vacuum, freeze, analyze, repack, reindex, expire or reconcile, not "dance"},
		q{9:75 small.pgops_schedules[2].options.type: the schedule asks for "backup full" and for the type "diff"},
		q{10:67 small.pgops_schedules[3].options.databases: unknown field "databases" of reconcile},
		q{11:9 small.pgops_schedules[4]: schedule "d" is declared twice, first at small.pgops_schedules[3]},
		q{11:61 small.pgops_schedules[4].window: field "window" must be longer than nothing},
		q{12:9 small.pgops_schedules[5]: schedule lacks the field "cron"}
	],
	'what is wrong with schedules is told with its place');

@found = rows($node, 'SELECT path, message FROM pgops.validate(' . literal(
		small_document(pgops_maintenance_window => { cron => '0 2 * * *' })) . ") WHERE severity = 'error'");
is_deeply([ map { "$_->{path}: $_->{message}" } @found ],
	['small.pgops_maintenance_window: maintenance window lacks the field "duration"'],
	'a window needs a duration');

# ---- lines of crontabs ----------------------------------------------------------
my @lines = (
	# line, what it amounts to
	[ '00 01 * * * /pg/bin/pg-backup full', 'backup {"type": "full"}' ],
	[ '00 01 * * 2,3,4,5,6,7 /pg/bin/pg-backup', 'backup {"type": "incr"}' ],
	[ '@daily pg-backup diff >> /pg/log/backup.log 2>&1', 'backup {"type": "diff"}' ],
	[ '0 1 * * * pgbackrest --stanza=small --type=full backup', 'backup {"type": "full"}' ],
	[ '0 1 * * * /usr/bin/pgbackrest --stanza=small expire', 'expire {}' ],
	[ '0 3 * * 0 /pg/bin/pg-vacuum', 'freeze {}' ],
	[ '0 3 * * 0 /pg/bin/pg-repack app "other db"', 'repack {"databases": ["app", "other db"]}' ],
	[ "0 3 * * 0 psql -c 'VACUUM FREEZE;' app", 'freeze {"databases": ["app"]}' ],
	[ "0 3 * * 0 psql -d app -c 'analyze'", 'analyze {"databases": ["app"]}' ],
	[ '0 3 * * 0 vacuumdb --all --freeze', 'freeze {}' ],
	[ '0 3 * * 0 reindexdb --dbname=app --concurrently', 'reindex {"databases": ["app"]}' ],

	# left to cron, with the reason
	[ '0 1 * * * pg-backup full && rm -rf /tmp/x', 'it takes a shell, and pgops runs none' ],
	[ '0 1 * * * pg-backup $(cat /tmp/type)', 'it takes a shell, and pgops runs none' ],
	[ '0 1 * * * pg-backup full | mail -s x root', 'it takes a shell, and pgops runs none' ],
	[ '0 1 * * * pg-backup full > /dev/null; reboot', 'it takes a shell, and pgops runs none' ],
	[ '0 1 * * * pg-backup fast', 'pgops does not know these arguments of pg-backup' ],
	[ "0 1 * * * psql -c 'DROP TABLE t' app", 'pgops does not know these arguments of psql' ],
	[ '0 1 * * * pg-repack -n', 'pgops does not know these arguments of pg-repack' ],
	[ "0 3 * * 0 psql postgresql://me:hidden\@elsewhere/app -c 'VACUUM'", 'pgops does not know these arguments of psql' ],
	[ "0 3 * * 0 vacuumdb -d 'host=elsewhere password=hidden dbname=app'", 'pgops does not know these arguments of vacuumdb' ],
	[ '0 1 * * * /usr/local/bin/report --password=hidden', 'the command is none that pgops knows' ],
	[ '0 99 * * * pg-backup', '"0 99 * * *" is no cron expression: hour must be 0 to 23, not "99"' ],
);
my @silent = ('# a comment', 'MAILTO=""', 'PATH = /usr/bin', '   ');
my $warnings = () = rows($node, 'SELECT message FROM pgops.validate(' . literal(
		small_document(pg_crontab => [ (map { $_->[0] } @lines), @silent ])) . ") WHERE severity = 'warning'");
is($warnings, scalar(grep { $_->[1] !~ /[{]/ } @lines), 'each line that pgops does not run is a warning');

# the order of the view is not that of the lines: one by one
my %of;
declare($node, small_document(
		pg_crontab => [ (map { $_->[0] } @lines), @silent ],
		node_crontab => [ '0 5 * * * root /usr/sbin/logrotate', '0 6 * * * postgres /pg/bin/pg-backup full',
			'0 7 * * * postgres pgbackrest --stanza=other expire' ]));
is(settle($node)->{phase}, 'converged', 'crontabs are declared');
my @schedules = rows($node, 'SELECT * FROM pgops.schedule_state ORDER BY source DESC');
my %expected;
$expected{ ($_->[1] =~ /[{]/ ? '' : 'not run: ') . $_->[1] }++ for @lines;
$expected{'not run: it is one of the host, for the user root'}++;
$expected{'not run: it is about the stanza "other"'}++;
$expected{'backup {"type": "full"}'}++;
for my $schedule (@schedules)
{
	my $options = value($node, 'SELECT ' . literal(JSON::PP->new->canonical->encode($schedule->{options})) . '::jsonb');
	$of{ defined $schedule->{what} ? "$schedule->{what} $options" : "not run: $schedule->{reason}" }++;
}
is_deeply(\%of, \%expected, 'lines amount to jobs, or to a reason why not');
is(scalar(@schedules), @lines + 3, 'comments and variables are none');
unlike(value($node, 'SELECT string_agg(s::text, chr(10)) FROM pgops.schedules s'), qr/hidden/,
	'the text of a command that is not known is shown nowhere');

# backups that nobody declared are not tried every night
is(value($node, "SELECT string_agg(DISTINCT runner || ': ' || reason, ';') FROM pgops.schedules WHERE what = 'backup'"),
	'not run: backups are not declared (pgbackrest_enabled, pgbackrest_repo, pgbackrest_method)',
	'without declared backups the view says why there are none');
is(value($node, "SELECT count(*) FROM pgops.schedules WHERE runner = 'not run' AND next_run IS NOT NULL"), 0,
	'what is not run has no next time');

# what does not run can be asked for by nobody
my ($code, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.run_schedule('pg_crontab.line')");
like($stderr, qr/ERROR:  PO118: pgops cannot run schedule "pg_crontab.line": it takes a shell/,
	'a line that pgops does not run');
(undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.run_schedule('nothing')");
like($stderr, qr/ERROR:  42704: schedule "nothing" of cluster "small" is not declared/, 'an unknown schedule');

# ---- the maintenance window ------------------------------------------------------
is(value($node, 'SELECT window_start FROM pgops.next_window()'), '', 'no window is declared');
my $hour = value($node, "SELECT EXTRACT(hour FROM now() AT TIME ZONE 'UTC')");
declare($node, small_document(pgops_maintenance_window => { cron => "0 $hour * * *", duration => '1d' }));
is(row($node, 'SELECT window_start <= now() AND now() < window_end AND window_end - window_start = interval \'1 day\' AS open
	FROM pgops.next_window()')->{open}, 1, 'a window that is open now');
my $later = ($hour + 2) % 24;
declare($node, small_document(pgops_maintenance_window => { cron => "0 $later * * *", duration => '30min' }));
is(row($node, "SELECT window_start > now() AND window_start < now() + interval '2 hours 1 minute'
	AND EXTRACT(hour FROM window_start AT TIME ZONE 'UTC') = $later
	AND window_end - window_start = interval '30 minutes' AS next
	FROM pgops.next_window('small')")->{next}, 1, 'else the next one');
(undef, undef, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.next_window('nowhere')");
like($stderr, qr/ERROR:  PO704/, 'of an unknown cluster');

$node->stop;
done_testing();
