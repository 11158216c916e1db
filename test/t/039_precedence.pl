# Which value of a variable wins, is what Ansible says: inventories made at random,
# with groups inside, beside and across each other, hosts in many of them or in
# none, priorities, ranges, and hosts before or after children.  What
# pgops.settings shows of each host is compared with ansible-inventory's listing of
# the same document.
#
# PGOPS_SEED may name the first of the inventories, PGOPS_ROUNDS how many.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $first = $ENV{PGOPS_SEED} // 1;
my $rounds = $ENV{PGOPS_ROUNDS} // 8;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new->canonical->allow_nonref;

prepare_ansible($folder);
my $node = idle_node('main');

# ---- inventories at random --------------------------------------------------------

# a generator of our own: the same numbers wherever the test runs
my $state;

sub random
{
	my ($below) = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % $below;
}

sub chance { return random(100) < $_[0]; }
sub pick { return $_[ random(scalar @_) ]; }

sub shuffled
{
	my @list = @_;
	for my $i (reverse 1 .. $#list)
	{
		my $j = random($i + 1);
		@list[ $i, $j ] = @list[ $j, $i ];
	}
	return @list;
}

# some of a list, in an order of their own
sub some { my ($count, @list) = @_; return (shuffled(@list))[ 0 .. $count - 1 ]; }

# a map in YAML's flow style, of pairs; a value that is not defined is null
sub flow
{
	my @pairs = @_;
	my @text;
	while (my ($key, $value) = splice @pairs, 0, 2)
	{
		push @text, "'$key': " . ($value // 'null');
	}
	return '{ ' . join(', ', @text) . ' }';
}

sub variables
{
	my ($of_group) = @_;
	my @pairs = map { ($_, pick('1', '2', "'text'", 'null', '{ m: 1 }', '[ 1 ]', 'true', "'1'")) }
	  some(random(5), qw(a b c d e));
	push @pairs, ansible_group_priority => pick(0, 2, 10, "'5'", -1) if $of_group && chance(30);
	return flow(@pairs);
}

sub some_hosts
{
	my %hosts = map { ($_, chance(40) ? undef : variables()) } some(random(5), map { "h$_" } 1 .. 7);
	$hosts{'h[01:03]'} = variables() if chance(15);
	$hosts{'h[1:7:2]'} = variables() if chance(15);
	$hosts{'x[a:c]-[1:2]'} = variables() if chance(10);
	$hosts{'p:2222'} = variables() if chance(10);
	return flow(map { ($_, $hosts{$_}) } shuffled(sort keys %hosts));
}

# the body of a group: its parts in any order, children still to come
sub make_group
{
	my ($name) = @_;
	my @parts = grep { chance(70) } shuffled(qw(hosts children vars));
	@parts = grep { $_ ne 'children' } @parts if $name eq 'ungrouped';
	return {
		name => $name,
		parts => \@parts,
		may_have => scalar(grep { $_ eq 'children' } @parts),
		children => [],
		hosts => chance(10) ? 'h' . (1 + random(7)) : chance(10) ? undef : some_hosts(),
		vars => chance(10) ? undef : variables(1),
	};
}

sub group_text
{
	my ($group) = @_;
	my %part = (
		hosts => $group->{hosts},
		vars => $group->{vars},
		children => flow(map { ($_->[0]{name}, $_->[1] ? group_text($_->[0]) : undef) } @{ $group->{children} }));
	return flow(map { ($_, $part{$_}) } @{ $group->{parts} });
}

# the document of a seed: each group is defined once and may be mentioned elsewhere
sub inventory
{
	my ($seed) = @_;
	$state = $seed * 7919;
	my @names = map { "g$_" } 1 .. 3 + random(7);
	push @names, 'ungrouped' if chance(30);
	my $loose = chance(50) && $names[-1] ne 'ungrouped';
	my (@done, @below, @beside);

	for my $name (shuffled(@names))
	{
		my $group = make_group($name);
		my @parents = $name eq 'ungrouped' ? () : grep { $_->{may_have} } @done;
		my $place = pick('all', 'top', @parents, @parents);
		if ($place eq 'all') { push @below, [ $group, 1 ]; }
		elsif ($place eq 'top') { push @beside, [ $name, $group ]; }
		else { push @{ $place->{children} }, [ $group, 1 ]; }
		for my $parent (@parents)
		{
			push @{ $parent->{children} }, [ $group, 0 ] if $parent ne $place && chance(30);
		}
		push @done, $group;
	}
	my %part = (
		children => flow(map { ($_->[0]{name}, group_text($_->[0])) } @below),
		vars => variables(1),
		hosts => some_hosts());
	my @parts = grep { $_ ne 'hosts' || $loose } shuffled(qw(hosts children vars));
	my @text = map { "$_->[0]: " . group_text($_->[1]) } @beside;
	splice @text, random(@text + 1), 0, 'all: ' . flow(map { ($_, $part{$_}) } @parts);
	return join("\n", @text) . "\n";
}

# ---- the comparison ------------------------------------------------------------------

# what Ansible says: host -> variables
sub listed
{
	my ($process, $file) = @_;
	$process->finish or die "ansible-inventory: " . slurp_file("$file.err");
	return decode_json(slurp_file("$file.out"))->{_meta}{hostvars};
}

# what pgops.settings says: group and host -> variables
sub shown
{
	return decode_json(value($node, <<'SQL'));
SELECT coalesce(json_object_agg(cluster || ' ' || host, variables), '{}')
FROM (SELECT i.cluster, i.host, coalesce(json_object_agg(s.name, s.value) FILTER (WHERE s.name IS NOT NULL), '{}') AS variables
	FROM pgops.instance AS i LEFT JOIN pgops.settings AS s USING (cluster, host)
	WHERE s.scope IS DISTINCT FROM 'default'
	GROUP BY 1, 2) AS x
SQL
}

my $compared = 0;
for my $seed ($first .. $first + $rounds - 1)
{
	my $text = inventory($seed);
	my $file = "$folder/$seed.yml";
	append_to_file($file, $text);
	my $process = IPC::Run::start([ 'ansible-inventory', '-i', $file, '--list' ],
		'<', \undef, '>', "$file.out", '2>', "$file.err");
	$node->safe_psql('postgres', 'SELECT count(*) FROM pgops.apply_inventory(' . literal($text) . ', prune => true)');
	my $ours = shown();
	my $theirs = listed($process, $file);
	my %seen;
	my @wrong;

	for my $place (sort keys %$ours)
	{
		my ($group, $host) = split / /, $place;
		my ($a, $b) = map { $json->encode($_ // {}) } $ours->{$place}, $theirs->{$host};
		$seen{$host} = 1;
		$compared++;
		push @wrong, "$host of $group: pgops $a, Ansible $b" if $a ne $b;
	}
	push @wrong, "$_: unknown" for grep { !$seen{$_} } sort keys %$theirs;
	is_deeply(\@wrong, [], "inventory $seed: every host of every group has the variables that Ansible gives it")
	  or diag($text);
}
cmp_ok($compared, '>', 10 * $rounds, 'hosts were compared');

# ---- the one exception: an instance does not see what other clusters say of its host ---

my $shared = <<'YAML';
all:
  children:
    pg-a: { hosts: { 10.0.0.1: { pg_seq: 1, pg_role: primary, node_id: 1 } }, vars: { pg_cluster: pg-a, pg_port: 5432, node_group_a: 1 } }
    pg-b: { hosts: { 10.0.0.1: { pg_seq: 7, pg_role: primary, node_id: 2 } }, vars: { pg_cluster: pg-b, pg_port: 5440, node_group_b: 1 } }
    above-b: { vars: { over_b: 1 }, children: { pg-b: } }
    nodes: { hosts: { 10.0.0.1: { node_cluster: all } }, vars: { of_nodes: 1 } }
YAML
$node->safe_psql('postgres', 'SET client_min_messages = error; SELECT count(*) FROM pgops.apply_inventory('
	  . literal($shared) . ', prune => true)');
is(value($node, q{SELECT string_agg(instance || ' ' || name || '=' || value, ', ' ORDER BY instance, name COLLATE "C")
	FROM pgops.settings WHERE cluster IN ('pg-a', 'pg-b') AND scope <> 'default'}),
	'pg-a-1 node_cluster="all", pg-a-1 node_group_a=1, pg-a-1 node_id=1, pg-a-1 of_nodes=1, pg-a-1 pg_cluster="pg-a", '
	  . 'pg-a-1 pg_port=5432, pg-a-1 pg_role="primary", pg-a-1 pg_seq=1, '
	  . 'pg-b-7 node_cluster="all", pg-b-7 node_group_b=1, pg-b-7 node_id=2, pg-b-7 of_nodes=1, pg-b-7 over_b=1, '
	  . 'pg-b-7 pg_cluster="pg-b", pg-b-7 pg_port=5440, pg-b-7 pg_role="primary", pg-b-7 pg_seq=7',
	'two clusters on one host');

done_testing();
