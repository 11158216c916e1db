# 072_pitr_examples.pl: pg_pitr as inventories and manuals have it
#
# Every form that the field's manuals show is taken as it stands; what it means is
# shown by a dry run, which does nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node('main');
my $xid = value($node, 'SELECT pg_current_xact_id()');
my $lsn = value($node, 'SELECT pg_current_wal_insert_lsn()');
my $label = value($node, 'SELECT label FROM pgops.backups');
my $time = value($node, 'SELECT date_trunc(\'milliseconds\', clock_timestamp())');
my $other = PostgreSQL::Test::Utils::tempdir_short();
my $all = q("timeline": "latest", "exclusive": false, "archive": false, "db_exclude": ["template0", "template1"],
	"db_include": [], "link_map": {}, "process": 4, "repo": {}, "data": "/pg/data", "port": 5432);

# what a dry run says: the notice, or the error
sub dry_run
{
	my ($pitr, $where) = @_;
	my (undef, undef, $err) = $node->psql('postgres',
		'SET client_min_messages = notice; SELECT pgops.restore(pitr => ' . literal($pitr) . ", $where, dry_run => true)");
	return $err;
}

my @examples = (
	[ 'nothing', '{}', qr/the end of the archive/ ],
	[ 'time', qq({"time": "$time"}), qr/time \Q$time\E/ ],
	[ 'lsn', qq({"lsn": "$lsn"}), qr/lsn \Q$lsn\E/ ],
	[ 'xid as text', qq({"xid": "$xid"}), qr/xid $xid/ ],
	[ 'xid as a number', qq({"xid": $xid}), qr/xid $xid/ ],
	[ 'name', '{"name": "some_restore_point"}', qr/restore point "some_restore_point"/ ],
	[ 'immediate', '{"type": "immediate"}', qr/the first consistent state/ ],
	[ 'type and value', qq({"type": "lsn", "lsn": "$lsn", "timeline": 1}), qr/lsn \Q$lsn\E, timeline 1/ ],
	[ 'set', qq({"set": "$label", "type": "immediate"}), qr/from backup $label/ ],
	[ 'all keys', qq({"cluster": "small", "type": "latest", "action": "pause", $all}), qr/the end of the archive, timeline latest/ ],
	[ 'all keys, a time', qq({"type": "time", "time": "$time", "action": "pause", $all}), qr/time \Q$time\E/ ]);
for my $example (@examples)
{
	my ($what, $pitr, $pattern) = @$example;
	like(dry_run($pitr, 'in_place => true'), qr/would restore to .*$pattern.*own data directory/, "$what: in place");
	like(dry_run($pitr =~ s/, "port": 5432//r, "instance => 'copy'"), qr/would restore to .*$pattern.*instance "copy"/, "$what: beside");
}

# ---- where the data go ----
my $own = $node->data_dir;
like(dry_run(qq({"data": "$own"}), 'in_place => true'), qr/would restore/, 'data: this server\'s own directory');
symlink $own, "$other/link";
like(dry_run(qq({"data": "$other/link"}), 'in_place => true'), qr/would restore/, '... a link to it, too');
like(dry_run(qq({"data": "$other"}), 'in_place => true'), qr/not this server's data directory.*"\Q$own\E" would be overwritten/s,
	'... another one is refused, for it is not what would be overwritten');
like(dry_run(qq({"data": "$other/copy"}), "instance => 'copy'"), qr/directory "\Q$other\E\/copy"/, '... and taken beside the server');
is(value($node, "SELECT count(*) FROM pgops.jobs WHERE kind LIKE 'restore%'"), 0, 'no job was asked for');

stop_backup_node($node);
done_testing();
