# Backups that are not declared any more: nothing is lost by omission; switched
# off, the server gets back what archived before.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsBackup;
use PgopsTest;

my $node = archiving_node('omitted');
my $shelf = PostgreSQL::Test::Utils::tempdir('shelf');
my $foreign = "cp %p $shelf/%f";

sub setting
{
	return value($node, "SELECT setting FROM pg_settings WHERE name = 'archive_command'");
}

# the next file is archived, by whatever archive_command is
sub archives
{
	my ($what) = @_;
	my $wal = value($node, 'SELECT pg_walfile_name(pg_current_wal_lsn())');
	value($node, 'SELECT txid_current(); SELECT pg_switch_wal()');
	wait_for($node, "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver", $what);
	return $wal;
}

sub steps
{
	return { map { ("$_->{rule} $_->{name}" => $_) } grep { $_->{rule} =~ /^(backup|parameter)\./ } @_ };
}

# ---- another tool archives; then backups are declared ----
value($node, "ALTER SYSTEM SET archive_command = '$foreign'");
value($node, 'SELECT pg_reload_conf()');
wait_for($node, "SELECT setting = '$foreign' FROM pg_settings WHERE name = 'archive_command'", 'another tool archives');
my $plan = steps(declare($node, small_document(backup_vars($node))));
like($plan->{'parameter.set archive_command'}{reason}, qr/^archive_command: \Q$foreign\E -> .*archive-push/,
	'the plan says what archives now, and what will');
is(settle($node)->{phase}, 'converged', 'backups are set up');
my $ours = setting();
like($ours, qr/archive-push %p$/, 'pgBackRest archives');

# ---- left out of the declaration ----
$plan = steps(declare($node, small_document()));
is(settle($node)->{phase}, 'converged', 'backups are left out of the declaration');
is_deeply([ sort keys %$plan ], ['backup.orphan small'], 'which changes nothing');
like($plan->{'backup.orphan small'}{blocked}, qr/no longer declared: WAL is archived as before/, 'and is told');
is($plan->{'backup.orphan small'}{hint},
	'Declare them again, or pgbackrest_enabled: false to stop archiving.', '... with what can be done');
is(setting(), $ours, 'archive_command is as it was');
my $wal = archives('WAL is archived as before');
like(pgbackrest($node, '--output=json', 'info'), qr/"max":"$wal"/, '... in the repository');
converge($node, small_document(backup_vars($node)), 'converged', 'declared again');
is(value($node, "SELECT count(*) FROM pgops.job WHERE kind = 'backup_setup'"), 1, 'there is nothing to set up');

# ---- not pgops' for a while ----
value($node, 'ALTER SYSTEM SET pgops.manage_backup = off');
value($node, 'SELECT pg_reload_conf()');
value($node, 'SELECT pgops.reconcile()');
settle($node);
is(setting(), $ours, 'hands off means that archiving goes on');
value($node, 'ALTER SYSTEM RESET pgops.manage_backup');
value($node, 'SELECT pg_reload_conf()');

# ---- switched off ----
my %off = (pgbackrest_enabled => JSON::PP::false);
$plan = steps(declare($node, small_document(backup_vars($node), %off)));
like($plan->{'parameter.undo archive_command'}{reason}, qr/^archive_command: .*archive-push %p -> \Q$foreign\E$/,
	'switched off, what archived before comes back');
settle($node);
is(setting(), $foreign, '... really');
ok(-e "$shelf/" . archives('and archives'), '... to where it did');
value($node, 'SELECT pgops.reconcile()');
settle($node);
is(setting(), $foreign, 'it is not pgops\' any more');

# ---- what archived before stands in another file ----
value($node, 'ALTER SYSTEM RESET archive_command');
$node->append_conf('postgresql.conf', "archive_command = '$foreign'\n");
$node->reload;
converge($node, small_document(backup_vars($node)), 'converged', 'declared once more');
is(setting(), $ours, 'pgBackRest archives');
declare($node, small_document(backup_vars($node), %off));
settle($node);
is(setting(), $foreign, 'it comes back as well');

# ---- nothing did ----
$node->append_conf('postgresql.conf', "archive_command = ''\n");
$node->reload;
converge($node, small_document(backup_vars($node)), 'converged', 'and again');
$plan = steps(declare($node, small_document(backup_vars($node), %off)));
like($plan->{'parameter.set archive_command'}{reason}, qr{-> /bin/true \(WAL is let go until a restart ends archive_mode},
	'without any the plan says what becomes of WAL');
settle($node);
archives('it is let go');
is(value($node, "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"), 0, '... and does not pile up');
$node->adjust_conf('postgresql.conf', 'archive_mode', 'off');
$node->restart;
settle($node);
is(value($node, "SELECT count(*) FROM pg_file_settings WHERE name = 'archive_command' AND sourcefile LIKE '%auto.conf'"), 0,
	'after the restart nothing is left of it');

stop_backup_node($node);
done_testing();
