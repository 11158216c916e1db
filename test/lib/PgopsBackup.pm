# PgopsBackup.pm: nodes with real backups, for the TAP tests of jobs
#
#	use PgopsTest;
#	use PgopsBackup;
#
#	my $node = backup_node('main', vars => { pg_databases => [ ... ] }, conf => "work_mem = '8MB'\n");
#	my $job = finish_job($node, "SELECT pgops.backup('incr')");
#	is($job->{state}, 'succeeded');
#	my $text = pgbackrest($node, 'info');
#	stop_backup_node($node);
#
# backup_node() returns when the stanza "small" exists, WAL is archived and the
# first full backup is there.  The repository is a folder of its own, repository($node);
# the options of pgbackrest_repo.local can be given as repo => {...}.
#
# Not for: knowledge of a single test.
package PgopsBackup;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(remove_tree);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsTest;

our @EXPORT = qw(
  archiving_node backup_node backup_vars repository pgbackrest pgbackrest_config try_pgbackrest
  finish_job stop_backup_node
);

my %repository;    # name of a node => folder of its repository

# folder of a node's (first) repository; exists from the first call on
sub repository
{
	my ($node) = @_;
	return $repository{ $node->name } ||= PostgreSQL::Test::Utils::tempdir('repository');
}

# path of the pgbackrest.conf that pgops writes for a node
sub pgbackrest_config
{
	my ($node) = @_;
	return $node->data_dir . '.pgops/pgbackrest.conf';
}

# vars of a cluster whose backups go into the node's repository
sub backup_vars
{
	my ($node, %option) = @_;
	return (
		pgbackrest_enabled => JSON::PP::true,
		pgbackrest_method => 'local',
		pgbackrest_repo => {
			local => {
				path => repository($node),
				retention_full_type => 'count',
				retention_full => 2,
				%{ $option{repo} || {} }
			}
		},
		%{ $option{vars} || {} });
}

# archiving_node(NAME, conf => TEXT, init => {...})
#
# A started pgops_node on which backups and parameters are pgops' to set up, with
# archive_mode on (so that no restart is needed) and nothing declared yet.
sub archiving_node
{
	my ($name, %option) = @_;
	return pgops_node(
		$name,
		init => { allows_streaming => 1, %{ $option{init} || {} } },
		conf => <<~'CONF' . ($option{conf} || ''));
			archive_mode = on
			pgops.drift_interval = '1h'
			pgops.manage_backup = on
			pgops.manage_settings = on
			CONF
}

# backup_node(NAME, vars => {...}, conf => TEXT, repo => {...}, init => {...})
#
# A started pgops_node with a declared, archived and backed up cluster "small".
# archive_mode and wal_level are what they must be from the start, so that it
# needs no restart; everything else pgops does (see 053_backup_setup.pl).
sub backup_node
{
	my ($name, %option) = @_;
	my $node = archiving_node(
		$name,
		init => $option{init},
		conf => <<~'CONF' . ($option{conf} || ''));
			archive_timeout = '60s'
			pgops.backup_refresh_interval = '1h'
			CONF
	declare($node, small_document(backup_vars($node, %option)));
	my $status = settle($node);
	return $node if $status->{phase} eq 'converged';

	my $log = value($node, "SELECT string_agg(text, E'\n' ORDER BY job, line) FROM pgops.job_output");
	die "backups were not set up: $status->{phase}: $status->{message}\n$log\n";
}

# runs pgbackrest for a node: (exit code, standard output, standard error)
sub try_pgbackrest
{
	my ($node, @arguments) = @_;
	my ($out, $err);
	IPC::Run::run(
		[ 'pgbackrest', '--config=' . pgbackrest_config($node), '--stanza=small', @arguments ],
		'<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $out, $err);
}

# the same, where it has to succeed; what it wrote
sub pgbackrest
{
	my ($node, @arguments) = @_;
	my ($code, $out, $err) = try_pgbackrest($node, @arguments);
	die "pgbackrest @arguments: exit code $code: $err$out\n" if $code != 0;
	return $out;
}

# runs a query that returns a job's id, waits for its end; the row of pgops.jobs
sub finish_job
{
	my ($node, $sql) = @_;
	my $id = value($node, $sql);
	my $timeout = $PostgreSQL::Test::Utils::timeout_default;
	$node->safe_psql('postgres', "SELECT pgops.job_wait($id, timeout => '$timeout s')");
	return row($node, "SELECT * FROM pgops.jobs WHERE id = $id");
}

# stops a node and removes its repository, which no test needs any more
sub stop_backup_node
{
	my ($node) = @_;
	$node->stop('fast', fail_ok => 1);
	remove_tree($repository{ $node->name }) if $repository{ $node->name };
	delete $repository{ $node->name };
	return;
}

1;
