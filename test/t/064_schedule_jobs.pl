# Every kind of job that a schedule can ask for is done when a schedule asks for
# it, with the options of the schedule; the field's backup line among them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;

my %maintenance = (databases => ['app'], max_tables => 5);
my %kinds = (
	'backup diff' => { annotations => { why => 'nightly' } },
	verify_backup => { target => 'immediate', probes => [ { database => 'app', query => 'SELECT count(*) FROM t', expect => 3 } ] },
	vacuum => { %maintenance, min_dead => 0 },
	freeze => { %maintenance, min_age => 0 },
	analyze => { %maintenance, min_changed => 0 },
	reindex => { %maintenance, min_bloat => 0.9 },
	expire => {},
	reconcile => {});
my $node = backup_node('jobs',
	vars => {
		pg_databases => [ { name => 'app' } ],
		pg_crontab => ['00 01 * * * /pg/bin/pg-backup full'],
		pgops_maintenance_window => { cron => '* * * * *', duration => '1h' },
		pgops_schedules => [ map { { name => $_, cron => '0 0 1 1 *', what => $_, options => $kinds{$_} } } sort keys %kinds ]
	});
$node->safe_psql('app', 'CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)');

is(value($node, "SELECT string_agg(name, ',' ORDER BY name COLLATE \"C\") FROM pgops.schedules WHERE runner = 'pgops'"),
	join(',', sort(keys %kinds, 'pg_crontab.backup_full')), 'all of them run where backups are declared');

# in this order: what was dumped in the backup is what is looked for in it
my %done;
for my $name ('pg_crontab.backup_full', 'backup diff', grep { $_ ne 'backup diff' } sort keys %kinds)
{
	$done{$name} = finish_job($node, 'SELECT pgops.run_schedule(' . literal($name) . ')');
	is($done{$name}{state}, 'succeeded', "schedule $name")
	  or diag(value($node, "SELECT string_agg(text, chr(10) ORDER BY line) FROM pgops.job_log($done{$name}{id})"),
		$done{$name}{error});
}
is($done{'pg_crontab.backup_full'}{result}{type}, 'full', 'the line of the crontab makes a full backup');
is($done{'backup diff'}{result}{type}, 'diff', 'the schedule a differential one');
is(value($node, "SELECT annotations->>'why' FROM pgops.backups WHERE type = 'diff'"), 'nightly', 'with its options');
isnt($done{vacuum}{deadline}, undef, 'maintenance of tables ends with the window');
is(value($node, 'SELECT count(*) FROM pgops.job WHERE schedule IS NOT NULL AND cluster = \'small\''),
	keys(%kinds) + 1, 'jobs know their schedules');

stop_backup_node($node);
done_testing();
