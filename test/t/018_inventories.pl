# Whole declarations of real life, each on a bare server of its own: what can be done is done, what the machine lacks is blocked with a
# reason, and the second declaration finds nothing left.
#
# PGOPS_INVENTORIES may name a folder of inventories (*.yml): each PostgreSQL
# group in them must be valid, and those of $converging converge as well.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Basename qw(basename);
use PostgreSQL::Test::Utils;
use Test::More;

my $converging = qr/^(?:meta|supabase|pg-meta-seed)\.yml$/;

# ---- a group out of an inventory, as it stands there ----

# lines from one that begins a key to the next one that is not indented deeper
sub block
{
	my ($lines, $at) = @_;
	my ($indent) = $lines->[$at] =~ /^( *)/;
	my @block = ($lines->[$at]);
	for my $line (@$lines[ $at + 1 .. $#$lines ])
	{
		last if $line =~ /^( *)[^\s#]/ && length($1) <= length($indent);
		push @block, $line;
	}
	return @block;
}

# name => text of each group with a PostgreSQL cluster; the whole inventory may
# be such a group itself
sub postgres_groups
{
	my ($text) = @_;
	my @lines = map { "$_\n" } split /\n/, $text;
	my ($children) = grep { $lines[$_] =~ /^ *children:/ } 0 .. $#lines;
	my @inside = defined $children ? block(\@lines, $children) : ("\n", @lines);
	my ($indent) = map { /^( *)[^\s#-]/ ? $1 : () } @inside[ 1 .. $#inside ];
	my %groups;
	for my $at (1 .. $#inside)
	{
		next unless $inside[$at] =~ /^$indent([\w-]+):/;
		my $name = $1;
		my $group = join '', block(\@inside, $at);
		$groups{$name} = $group if $group =~ /\bpg_cluster:\s*$name\b/;
	}
	return %groups;
}

# ---- one declaration on a bare server ----

# pg_cron, where it is installed, can be created only if it is preloaded
my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
my $preload = -e "$sharedir/extension/pg_cron.control" ?
  "shared_preload_libraries = 'pg_cron, pgops'\n" : '';

sub converges
{
	my ($what, $spec) = @_;
	(my $name = $what) =~ s/\W/_/g;
	my $node = pgops_node($name, conf => $preload);

	declare($node, $spec);
	my $status = settle($node);
	like($status->{phase}, qr/^(?:converged|blocked)$/, "$what: settled") or diag(explain($status));
	is($status->{failed}, 0, "$what: nothing failed");
	my @unsuccessful = rows($node, "SELECT * FROM pgops.action_log WHERE state <> 'succeeded'");
	is(scalar(@unsuccessful), 0, "$what: each action succeeded") or diag(explain(\@unsuccessful));

	is(value($node, 'SELECT count(DISTINCT pass) FROM pgops.action_log'), 1,
		"$what: the first plan was the whole plan");

	my %available = map { $_->{name} => 1 } rows($node, 'SELECT name FROM pg_available_extensions');
	my @left = plan_rows($node);
	is(scalar(open_rows(@left)), 0, "$what: only blocked rows are left") or diag(explain([ open_rows(@left) ]));
	my @wrong = grep {
		!($_->{kind} eq 'baseline' || ($_->{kind} eq 'extension' && !$available{ $_->{name} })
			# newer versions of pg_cron say where they want to be
			|| ($_->{name} eq 'pg_cron' && $_->{rule} eq 'extension.schema'))
		  || ($_->{sqlstate} // '') !~ /^[0-9A-Z]{5}$/ || !length($_->{hint} // '')
	} @left;
	is_deeply(\@wrong, [], "$what: ... each rightly, with SQLSTATE and hint") or diag(explain(\@wrong));

	my $before = footprint($node);
	declare($node, "# declared once more\n$spec");
	is(settle($node)->{phase}, $status->{phase}, "$what: the second time ends the same");
	same_footprint($before, footprint($node), "$what: and does nothing");
	is(log_matches($node, qr/PANIC|TRAP|terminated by signal/), 0, "$what: nothing crashed");
	return $node;
}

# ---- our own ----
my $one = converges('one node', document('one-node.yml'));
is((tcp_login($one, 'one_view', 'One.Viewer.Secret', 'one'))[1], 'one_view', 'its viewer logs in');
is(value($one, "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension WHERE extname IN ('btree_gin', 'vector', 'postgis')",
		database => 'one') =~ s/ (?:postgis|vector)//gr, 'btree_gin', 'what there is of its extensions is created');
$one->stop;

my $platform = converges('platform', document('platform.yml'));
is( value($platform, "SELECT string_agg(pg_get_userbyid(datdba), ' ') FROM pg_database WHERE datname IN ('postgres', '_platform')"),
	'platform_admin platform_admin', 'the second superuser owns both databases');
# (a server may be built without uuid-ossp)
is( value($platform, "SELECT count(*) FROM pg_available_extensions a
		LEFT JOIN pg_extension e ON e.extname = a.name AND e.extnamespace::regnamespace::text = 'extensions'
		WHERE a.name IN ('pgcrypto', 'uuid-ossp') AND e.oid IS NULL"),
	0, 'extensions are in their schema');
is(value($platform, "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pgcrypto'", database => '_platform'),
	'extensions', '... also where only the extension names it');
is( value($platform, "SELECT string_agg(roleid::regrole::text, ' ' ORDER BY roleid::regrole::text) FROM pg_auth_members WHERE member = 'gateway'::regrole"),
	'dbrole_admin guest service signed_in', 'memberships among the declared roles');
is( value($platform, "SELECT string_agg(rolname || ' ' || rolcanlogin || ' ' || rolinherit || ' ' || rolbypassrls || ' ' || rolcreaterole, ', ' ORDER BY rolname)
		FROM pg_roles WHERE rolname IN ('guest', 'gateway', 'service', 'storage_admin')"),
	'gateway true false false false, guest false true false false, service false true true false, storage_admin true false false true',
	'attributes of roles');
is((tcp_login($platform, 'platform_admin', 'Platform.Admin.Secret', '_platform'))[1], 'platform_admin', 'its administrator logs in');
is(value($platform, 'SELECT count(*) FROM pgops.cluster'), 1, 'the CMDB works on in a database that has another owner');
$platform->stop;

# ---- other people's ----
SKIP:
{
	my $folder = $ENV{PGOPS_INVENTORIES};
	skip 'PGOPS_INVENTORIES names no folder', 1 unless defined $folder && -d $folder;
	my @files = sort glob "$folder/*.yml";
	my %group;
	ok(@files > 0, 'there are inventories');
	# one that has nothing declared: another cluster there could have the same hosts
	my $blank = pgops_node('blank');

	for my $file (@files)
	{
		my $base = basename($file);
		my %found = postgres_groups(slurp_file($file));
		my @whole = rows($blank, 'SELECT * FROM pgops.validate(' . literal(slurp_file($file))
			  . ") WHERE severity = 'error'");
		is_deeply(\@whole, [], "$base as a whole is valid") or diag(explain(\@whole));
		ok(keys %found > 0, "$base has PostgreSQL groups");
		for my $name (sort keys %found)
		{
			my @errors = rows($blank, 'SELECT * FROM pgops.validate(' . literal($found{$name})
				  . ") WHERE severity = 'error'");
			is_deeply(\@errors, [], "$base: $name is valid") or diag(explain(\@errors));
			$group{"$base $name"} = $found{$name} if $base =~ $converging;
		}
	}
	$blank->stop;
	for my $what (sort keys %group)
	{
		converges($what, $group{$what})->stop;
	}
}

done_testing();
