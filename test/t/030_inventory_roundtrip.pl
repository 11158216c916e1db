# A whole inventory goes in and comes out as it was, in the eyes of PyYAML:
# groups, order, values of every kind; secrets masked, or on a superuser's wish as
# they were, passwords of roles as verifiers.  What comes out goes in again and
# changes nothing.
#
# PGOPS_INVENTORIES may name a folder of inventories (*.yml), as in
# 018_inventories.pl; what it names is held to the same.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Basename qw(basename);
use PostgreSQL::Test::Utils;
use Test::More;

my $tool = "$FindBin::RealBin/../lib/inventory.py";
my $folder = PostgreSQL::Test::Utils::tempdir();

# bound to no instance: declarations are stored, and nothing is done about them
my $node = pgops_node('main', conf => <<'CONF');
pgops.drift_interval = '1h'
pgops.instance = 'elsewhere-1'
log_statement = 'none'
CONF

# ---- helpers -------------------------------------------------------------------

# a document out of the server, into a file; its name
sub written
{
	my ($name, $query) = @_;
	my $file = "$folder/$name";
	open my $handle, '>', $file or die "$file: $!";
	print $handle value($node, $query);
	close $handle or die "$file: $!";
	return $file;
}

# the differences that one of the tool's comparisons finds
sub differences
{
	my (@arguments) = @_;
	my ($out, $err) = run_command([ '/usr/bin/python3', $tool, @arguments ]);
	my @lines = split /\n/, $out;
	my $summary = pop(@lines) // '';
	push @lines, "no summary: $summary" unless $summary =~ /: \d+ values, \d+ secrets$/;
	push @lines, split /\n/, $err;
	return ($summary, @lines);
}

sub same
{
	my ($what, @arguments) = @_;
	my ($summary, @lines) = differences(@arguments);
	is_deeply(\@lines, [], $what) or diag(explain([ @lines[ 0 .. ($#lines < 20 ? $#lines : 20) ] ]));
	return $summary =~ /(\d+) secrets$/ ? $1 : 0;
}

# declares a whole inventory in place of the one before; its changes
sub declare_inventory
{
	my ($text) = @_;
	return rows($node, 'SELECT cluster, action, path FROM pgops.apply_inventory('
		  . literal($text) . ', prune => true)');
}

sub unchanged
{
	my ($what, $text) = @_;
	my $revisions = revision_count($node);
	my @changes = declare_inventory($text);
	is_deeply(\@changes, [], "$what: declared again, no difference") or diag(explain(\@changes));
	is(revision_count($node), $revisions, '... and no revision');
	return;
}

sub pgsql_groups
{
	return map { $_->{name} } rows($node, q{SELECT name FROM pgops.cluster WHERE kind = 'pgsql' ORDER BY 1});
}

# one inventory, there and back
sub round_trip
{
	my ($file) = @_;
	my $base = basename($file);
	my $text = slurp_file($file);

	ok(scalar(declare_inventory($text)), "$base is declared");
	my $masked = written("masked-$base", 'SELECT pgops.inventory_yaml()');
	my $secrets = same("$base comes out as it was, secrets masked", 'documents', $file, $masked);
	ok($secrets > 0, '... of which it has some');
	my $plain = written("plain-$base", 'SELECT pgops.inventory_yaml(secrets => true)');
	ok(same("$base comes out as it was, with secrets", 'documents', '--secrets', $file, $plain) > 0,
		'... of which it has some');

	unchanged("$base with its secrets masked", slurp_file($masked));
	unchanged("$base with its secrets", slurp_file($plain));
	unchanged("$base as it was", $text);
	is(value($node, 'SELECT pgops.inventory_yaml()') . "\n", slurp_file($masked) . "\n",
		"$base comes out the same, to the byte");

	my $revisions = revision_count($node);
	for my $group (pgsql_groups())
	{
		my $name = literal($group);
		$node->safe_psql('postgres',
			"SELECT count(*) FROM pgops.apply_cluster(pgops.cluster_spec($name));
			 SELECT count(*) FROM pgops.apply_cluster(pgops.cluster_spec($name, secrets => true))");
	}
	is(revision_count($node), $revisions, "$base: each cluster's own document declares nothing new");
	return $masked;
}

# ---- our own -------------------------------------------------------------------

my $own = "$FindBin::RealBin/../data/inventory.yml";
my $masked = round_trip($own);
unlike(slurp_file($masked), qr/Plain-/, 'no secret is in the masked document');
unlike(value($node, 'SELECT pgops.inventory()'), qr/Plain-/, '... nor in the dynamic inventory');
unlike(value($node, 'SELECT document FROM pgops.revision'), qr/Plain-/, '... nor in a revision');
my $plain = value($node, 'SELECT pgops.inventory_yaml(secrets => true)');
unlike($plain, qr/Plain-(?:Owner|"Batch"|Shard|Admin|Monitor|Replication)/,
	'the plain password of a role is nowhere at all');
is(value($node, q{SELECT pgops.cluster_spec('pg-two')}), <<~'YAML', 'a cluster as people read it');
	pg-two:
	  hosts:
	    10.2.0.13: { pg_seq: 1, pg_role: primary }
	  vars:
	    pg_cluster: pg-two
	    pg_users: []
	    pg_databases:
	      - { name: two }
	    pg_conf: tiny.yml
	YAML
is( value($node, q{SELECT pgops.inventory_yaml('pg-one') = pgops.cluster_spec('pg-one')}),
	't', '... by either name');
is(value($node, q{SELECT pgops.inventory_yaml('etcd')}), <<~'YAML', 'and a group of another module');
	etcd:
	  hosts:
	    10.2.0.10: { etcd_seq: 1 }
	    10.2.0.11: { etcd_seq: 2 }
	    10.2.0.12: { etcd_seq: 3 }
	  vars: { etcd_cluster: etcd, etcd_root_password: '********' }
	YAML

# who strips the last line break of a document, as the shell does, takes none of a text
declare_inventory("all: { children: { g: { hosts: { h: {} }, vars: { v: \"two\\nlines\\n\" } } } }");
my $stripped = value($node, 'SELECT pgops.inventory_yaml()') =~ s/\s+\z//r;
unchanged('a document without its last line break', $stripped);

# whether hosts or children are read first decides which variable of a host is the last one
my $inner = 'children: { c: { hosts: { h: { v: child } } } }';
declare_inventory("all: { children: { g: { hosts: { h: { v: parent } }, $inner } } }");
is(value($node, q{SELECT pgops.inventory() -> '_meta' -> 'hostvars' -> 'h' ->> 'v'}), 'child', 'children are read last');
is_deeply([ declare_inventory("all: { children: { g: { $inner, hosts: { h: { v: parent } } } } }") ],
	[ { cluster => 'g', action => 'changed', path => 'hosts_first' } ], 'their order is a difference');
is(value($node, q{SELECT pgops.inventory() -> '_meta' -> 'hostvars' -> 'h' ->> 'v'}), 'parent', '... and they are read first then');
unchanged('the other order', slurp_file(written('order.yml', 'SELECT pgops.inventory_yaml()')));

# ---- values of any shape --------------------------------------------------------

my ($odd) = run_command([ '/usr/bin/python3', $tool, 'odd', 20, 800 ]);
ok(scalar(declare_inventory($odd)), 'an inventory of odd values is declared');
my $out = written('odd.yml', 'SELECT pgops.inventory_yaml()');
same('... and comes out as it was', 'odd-compare', 20, 800, $out);
unchanged('... in our own eyes, too', slurp_file($out));

# ---- other people's -------------------------------------------------------------
SKIP:
{
	my $others = $ENV{PGOPS_INVENTORIES};
	skip 'PGOPS_INVENTORIES names no folder', 1 unless defined $others && -d $others;
	my @files = sort glob "$others/*.yml";
	ok(@files > 0, 'there are inventories');
	round_trip($_) for @files;
}

is(log_matches($node, qr/PANIC|TRAP|terminated by signal/), 0, 'nothing crashed');
done_testing();
