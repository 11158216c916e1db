# Ansible sees the same through contrib-configs/ansible/pgops-inventory as in the
# file that was declared: groups, children, and every variable of every host; by
# ansible-inventory's own listing of both.
#
# PGOPS_INVENTORIES may name a folder of inventories (*.yml), as in
# 018_inventories.pl.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Basename qw(basename);
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $tool = "$FindBin::RealBin/../lib/inventory.py";
my $script = "$FindBin::RealBin/../../contrib-configs/ansible/pgops-inventory";
my $folder = PostgreSQL::Test::Utils::tempdir();

prepare_ansible($folder);
my $node = idle_node('main');
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
delete @ENV{qw(PGUSER PGDATABASE PGSERVICE PGOPS_SECRETS)};

# ---- helpers -------------------------------------------------------------------

# runs a program: (exit code, standard output, standard error)
sub run_program
{
	my (@command) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub declare_inventory
{
	my ($text) = @_;
	$node->safe_psql('postgres', 'SELECT count(*) FROM pgops.apply_inventory(' . literal($text) . ', prune => true)');
	return;
}

# starts ansible-inventory --list; its output goes into a file
sub list_into
{
	my ($source, $file) = @_;
	return IPC::Run::start([ 'ansible-inventory', '-i', $source, '--list' ],
		'<', \undef, '>', $file, '2>', "$file.err");
}

sub listed
{
	my ($what, $process, $file) = @_;
	ok($process->finish, $what) or diag(slurp_file("$file.err"));
	return;
}

# both listings of one inventory; the file's is made only once
my %listing_of_file;

sub listings
{
	my ($file) = @_;
	my $base = basename($file);
	my $ours = "$folder/$base.ours";
	my $theirs = "$folder/$base.theirs";

	declare_inventory(slurp_file($file));
	my @processes = ([ "$base through the script", list_into($script, $ours), $ours ]);
	push @processes, [ "$base as a file", list_into($file, $theirs), $theirs ] unless $listing_of_file{$file}++;
	listed(@$_) for @processes;
	return ($theirs, $ours);
}

sub same_listing
{
	my ($file, @option) = @_;
	my ($out, $err) = run_command([ '/usr/bin/python3', $tool, 'listings', @option, listings($file) ]);
	my @lines = split /\n/, "$out$err";
	my $summary = pop(@lines) // '';
	like($summary, qr/: [1-9]\d* values, \d+ secrets$/, basename($file) . ": compared @option");
	is_deeply(\@lines, [], basename($file) . ': every host has the same variables, every group the same hosts and children')
	  or diag(explain([ @lines[ 0 .. ($#lines < 20 ? $#lines : 20) ] ]));
	return;
}

# ---- inventories ----------------------------------------------------------------

my $own = "$FindBin::RealBin/../data/inventory.yml";
same_listing("$FindBin::RealBin/../data/inventory-ranges.yml");
{
	local $ENV{PGOPS_SECRETS} = 1;
	same_listing($own, '--secrets');
}
SKIP:
{
	my $others = $ENV{PGOPS_INVENTORIES};
	skip 'PGOPS_INVENTORIES names no folder', 1 unless defined $others && -d $others;
	my @files = sort glob "$others/*.yml";
	ok(@files > 0, 'there are inventories');
	same_listing($_) for @files;
}
same_listing($own);

# ---- the script by itself ---------------------------------------------------------

my ($code, $out, $err) = run_program($script, '--list');
is("$code $err", '0 ', '--list succeeds and complains about nothing');
is($out =~ tr/\n//, 1, '... in one line');
my $list = JSON::PP->new->decode($out);
is_deeply($list->{nothing}, { hosts => [] }, 'an empty group is no host');
is_deeply($list->{monitored}{vars}{ansible_group_priority}, 20, 'variables of groups stay with the group');
is_deeply($list->{databases}{children}, [ 'pg-one', 'pg-two', 'monitored' ], 'children in their order');
is_deeply([ sort @{ $list->{ungrouped}{hosts} } ], [ '10.2.0.10', '10.2.0.99' ], 'hosts of no group');
unlike($out, qr/Plain-/, 'secrets are masked');

($code, $out) = run_program($script, '--host', '10.2.0.99');
is($code, 0, '--host succeeds');
is_deeply(JSON::PP->new->decode($out), $list->{_meta}{hostvars}{'10.2.0.99'}, '... with the variables of the host');
($code, $out) = run_program($script, '--host', q{no'body"});
is("$code $out", "0 {}\n", 'an unknown host has none');
($code, $out) = run_program($script, '--help');
is($code, 0, '--help succeeds');
like($out, qr/^Usage: /, '... and says how');
for my $wrong ([], ['--lost'], [ '--list', 'x' ], ['--host'])
{
	($code, $out, $err) = run_program($script, @$wrong);
	is("$code $out", '2 ', "wrong usage: @$wrong");
	like($err, qr/Usage: /, '... is told on standard error');
}

# ---- Ansible at work -----------------------------------------------------------------

($code, $out, $err) = run_program('ansible', 'pg-one', '-i', $script, '-c', 'local', '-m', 'debug', '-a', 'var=pg_cluster');
is($code, 0, 'a real run') or diag($err);
is(() = $out =~ /"pg_cluster": "pg-one"/g, 2, '... that sees the variable on both hosts');

# ---- who may ask ---------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE nobody LOGIN');
{
	local $ENV{PGUSER} = 'watcher';
	($code, $out) = run_program($script, '--list');
	is($code, 0, 'a member of pg_monitor may read the inventory');
	unlike($out, qr/Plain-|SCRAM-SHA-256/, '... without secrets');
	local $ENV{PGOPS_SECRETS} = 1;
	($code, $out, $err) = run_program($script, '--list');
	is("$code $out", '1 ', '... which it may not have');
	like($err, qr/permission denied to show secrets/, '... and is told so');
	$ENV{PGUSER} = 'nobody';
	delete local $ENV{PGOPS_SECRETS};
	($code, $out, $err) = run_program($script, '--list');
	is("$code $out", '1 ', 'others may not read it');
	like($err, qr/permission denied for schema pgops/, '... and are told so');
}

# a password is in no argument
{
	my $bin = "$folder/bin";
	mkdir $bin or die $!;
	append_to_file("$bin/psql", qq{#!/bin/sh\nprintf '%s ' "\$0" "\$@" >'$folder/arguments'\n});
	chmod 0755, "$bin/psql" or die $!;
	local $ENV{PATH} = "$bin:$ENV{PATH}";
	local $ENV{PGPASSWORD} = 'Not-In-Arguments';
	run_program($script, '--host', 'x');
	my $arguments = slurp_file("$folder/arguments");
	like($arguments, qr/ -w .*-f/, 'psql is asked not to prompt');
	unlike($arguments, qr/Not-In-Arguments/, '... and the password is in none of its arguments');
}

# ---- no server -------------------------------------------------------------------------

$node->stop;
($code, $out, $err) = run_program($script, '--list');
is("$code $out", '3 ', 'without a server the script fails');
like($err, qr/connection to server .* failed.*cannot connect; PGSERVICE/s, '... and says what is wrong');
{
	local $ENV{ANSIBLE_CONFIG} = "$FindBin::RealBin/../../contrib-configs/ansible/ansible.cfg";
	($code, $out, $err) = run_program('ansible', 'all', '-m', 'debug');
	isnt($code, 0, 'with the example ansible.cfg a run on nothing fails');
	$err =~ s/\s+/ /g;
	like($err, qr/cannot connect; PGSERVICE/, '... and Ansible shows why');
}

done_testing();
