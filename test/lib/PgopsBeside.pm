# PgopsBeside.pm: instances that pgops makes beside a node, for the TAP tests
#
#	use PgopsBeside;
#
#	is(beside($node, 'copy', 'SELECT 1'), 1);
#	drop_instance($node, 'copy');
#
# They outlive the server that made them, and so would outlive a test that fails:
# at its end those that are left are stopped.
package PgopsBeside;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils;
use Test::More;

use PgopsTest;
use PgopsBackup;

our @EXPORT = qw(beside drop_instance instances_of);

my %directory;    # data directories of nodes that have such instances

# folder with the instances of a node
sub instances_of
{
	my ($node) = @_;
	$directory{ $node->data_dir } = 1;
	return $node->data_dir . '.pgops/instances';
}

# what psql prints at an instance: its output, or its errors
sub beside
{
	my ($node, $instance, $sql) = @_;
	my $connection = value($node,
		'SELECT connection FROM pgops.restored_instances WHERE name = ' . literal($instance));

	instances_of($node);
	return "no instance $instance" if $connection eq '';
	my ($code, $out, $err) = $node->psql('postgres', '', connstr => $connection,
		extra_params => [ map { ('-c', $_) } split /;\s*/, $sql ],
		timeout => $PostgreSQL::Test::Utils::timeout_default);
	return $code == 0 ? $out : $err;
}

sub drop_instance
{
	my ($node, $instance) = @_;
	my $job = finish_job($node, 'SELECT pgops.restore_drop(' . literal($instance) . ')');
	is($job->{state}, 'succeeded', "$instance is dropped") or diag(explain($job));
	return;
}

END
{
	my $status = $?;
	for my $pid_file (map { glob "'$_.pgops/instances/*/data/postmaster.pid'" } keys %directory)
	{
		my ($pid) = split /\n/, slurp_file($pid_file);
		kill 'QUIT', $pid if $pid > 1;
	}
	$? = $status;
}

1;
