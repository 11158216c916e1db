# A whole inventory is declared at once: what it means for the cluster of this
# server by Ansible's precedence, what a part of it leaves alone, what prune
# takes away, and that none of it is half done.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\npgops.instance = 'pg-a-1'\n");
my $team = document('team.yml');

sub call
{
	my ($text, $options) = @_;
	return 'SELECT * FROM pgops.apply_inventory(' . literal($text) . ($options ? ", $options" : '') . ')';
}
sub apply { my ($text, $options) = @_; return rows($node, call($text, $options)); }
sub settled { return settle($node)->{phase}; }
sub generations
{
	return { map { $_->{name} => $_->{generation} } rows($node, 'SELECT name, generation FROM pgops.cluster') };
}

# everything that is declared, as one value
sub declared
{
	return value($node, <<~'SQL');
		SELECT md5(concat((SELECT json_agg(c ORDER BY name) FROM pgops.cluster c),
			(SELECT json_agg(c ORDER BY parent, child) FROM pgops.child c),
			(SELECT json_agg(i ORDER BY cluster, host) FROM pgops.instance i),
			(SELECT json_agg(v ORDER BY cluster, host, name) FROM pgops.variable v),
			(SELECT json_agg(s ORDER BY cluster, host, name, path) FROM pgops.secret s),
			(SELECT count(*) FROM pgops.revision)))
		SQL
}

# ---- the whole, and what it means here ----
my $before = declared();
my @dry = apply($team, 'dry_run => true');
is(declared(), $before, 'a dry run stores nothing');
$node->safe_psql('postgres', 'BEGIN; ' . call($team) . '; ROLLBACK');
is(declared(), $before, 'nor does a transaction that is rolled back');

my @rows = apply($team);
is_deeply(\@rows, \@dry, 'the dry run told the differences');
is_deeply([ sort map { $_->{cluster} } grep { $_->{path} eq '' } @rows ],
	[qw(cache infra pg-a pg-b prod shards)], 'groups of every module were added');
is_deeply(
	[ map { "$_->{name} $_->{kind}" } rows($node, 'SELECT name, kind FROM pgops.cluster ORDER BY name') ],
	[ 'cache redis', 'infra infra', 'pg-a pgsql', 'pg-b pgsql', 'prod group', 'shards pgsql' ],
	'each has its kind');
is(value($node, "SELECT string_agg(name, ' ' ORDER BY name) FROM pgops.instance WHERE cluster = 'shards'"),
	'shard0-1 shard0-2 shard1-1', 'a group can hold instances of several clusters');

is(settled(), 'converged', 'the cluster of this server converges');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'"), 7,
	'with the users that the group above declares');
is(value($node, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop'"),
	'asks 10.10.10.8', 'placeholders are resolved with global variables');
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
like($hba, qr/^host\s+all\s+shop\s+\Q$_\E\/32\s/m, "rules for infra open to $_") for '10.10.10.8', '10.10.10.9';

my $state = declared();
is_deeply([ apply($team) ], [], 'applied again: no difference');
is_deeply([ apply($team, 'prune => true') ], [], '... nor anything to prune');
is(declared(), $state, '... and no revision');

# ---- what a change reaches ----
my $old = generations();
apply($team =~ s/connlimit: 7/connlimit: 9/r);
my $new = generations();
cmp_ok($new->{'pg-a'}, '>', $old->{'pg-a'}, 'a variable of the group above is a new declaration of the cluster');
is($new->{shards}, $old->{shards}, '... but not of a cluster elsewhere');
is(settled(), 'converged', 'which converges');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'"), 9, 'to the new value');

$old = generations();
apply(($team =~ s/connlimit: 7/connlimit: 9/r) =~ s/admin_ip: 10.10.10.8/admin_ip: 10.10.10.7/r);
$new = generations();
ok(!(grep { $new->{$_} <= $old->{$_} } qw(pg-a pg-b shards)), 'a global variable is one of all clusters');
is(settled(), 'converged', 'which converges');
is(value($node, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop'"),
	'asks 10.10.10.7', 'to the new value');

$old = generations();
apply(($team =~ s/connlimit: 7/connlimit: 9/r) =~
	s/admin_ip: 10.10.10.8/admin_ip: 10.10.10.7/r =~ s/(pg_cluster: pg-b)/$1, pg_version: 17/r);
$new = generations();
cmp_ok($new->{'pg-b'}, '>', $old->{'pg-b'}, 'what is changed in one cluster is a new declaration of it');
is($new->{'pg-a'}, $old->{'pg-a'}, '... and of no other');

# of the groups of a host the one whose name sorts last wins among equals; the
# group of the cluster is deeper than "cache" and wins against it
apply('all: {children: {cache: {hosts: {10.10.10.10: {redis_node: 1}}, vars: '
	. '{redis_cluster: cache, pg_users: [{name: shop, connlimit: 1}]}}}}');
is(settled(), 'converged', 'another group of the host has a say');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'"), 9,
	'but a deeper group wins, as in Ansible');
apply('all: {children: {cache: {hosts: {10.10.10.10: {redis_node: 1, pg_users: [{name: shop, connlimit: 3}]}}, '
	. 'vars: {redis_cluster: cache}}}}');
is(settled(), 'converged', 'a host variable under another group');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'"), 3,
	'wins against any group, as in Ansible');

# ---- a part of the inventory, and prune ----
apply($team);
is(settled(), 'converged', 'as at first');
$state = declared();
my $part = 'all: {children: {cache: {hosts: {10.10.10.10: {redis_node: 1}}, '
	. "vars: {redis_cluster: cache, redis_password: 'Cache/Secret'}}}}";
my @kept = apply($part);
is_deeply([ map { $_->{action} } @kept ], [ ('kept') x @kept ], 'what a part does not have is reported');
is(scalar(grep { !defined $_->{cluster} } @kept), 1, '... also of the global variables');
is(declared(), $state, '... and kept');

my @pruned = apply($part, 'prune => true');
is_deeply(
	[ sort map { $_->{cluster} } grep { $_->{action} eq 'removed' && $_->{path} eq '' } @pruned ],
	[qw(infra pg-a pg-b prod shards)], 'prune removes it');
is(value($node, "SELECT string_agg(name, ' ') FROM pgops.cluster"), 'cache', '... from the tables');
is(value($node, "SELECT count(*) FROM pgops.variable WHERE cluster IS NULL OR cluster <> 'cache'"), 0,
	'... with its variables');
is(value($node, "SELECT count(*) FROM pg_database WHERE datname = 'shop'"), 1, 'nothing on the server is dropped');
is(value($node, "SELECT count(DISTINCT cluster) FROM pgops.revision"), 7, 'and history stays');

# ---- one fault, and nothing is stored ----
$state = declared();
my ($code, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\n" .
	call($team =~ s/(pg_cluster: pg-b)/$1, pg_version: [1]/r));
isnt($code, 0, 'a fault in one group');
like($error, qr/pg-b\.pg_version/, '... is named');
is(declared(), $state, '... and of the others nothing is stored');

# ---- one cluster by itself is seen beside the others ----
$node->safe_psql('postgres', 'SELECT * FROM pgops.apply_cluster('
	. literal('pg-c: {hosts: {10.10.10.30: {pg_seq: 1, pg_role: primary}}}') . ')');
($code, $error) = try_declare($node, 'pg-d: {hosts: {10.10.10.30: {pg_seq: 1, pg_role: primary}}}');
isnt($code, 0, 'a second cluster on the port of the first is refused');
like($error, qr/pg-c/, '... and told who has it');

# ---- a number in quotes numbers an instance as well ----
$node->safe_psql('postgres', 'SELECT * FROM pgops.apply_cluster('
	. literal('shard: {hosts: {10.10.10.31: {pg_seq: "4", pg_role: primary}}, vars: {pg_cluster: pg-q}}') . ')');
is(value($node, "SELECT name || ' ' || seq FROM pgops.instance WHERE cluster = 'shard'"), 'pg-q-4 4',
	'the instance has its name from pg_cluster and the number');
$node->safe_psql('postgres', "SELECT pgops.forget('shard')");

# ---- two sessions ----
my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
$first->query_safe('BEGIN');
$first->query_safe(call('all: {children: {one: {hosts: {h1: {}}}}}'));
$second->query_until(qr/started/, "\\echo started\n" . call('all: {children: {two: {hosts: {h1: {}}}}}') . ";\n");
wait_for($node,
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'",
	'the second session waits');
$first->query_safe('COMMIT');
$second->query_safe('SELECT 1');    # returns after the waiting call
$_->quit for $first, $second;
is(value($node, "SELECT string_agg(child, ' ' ORDER BY ordinal) FROM pgops.child WHERE parent IS NULL"),
	'cache pg-c one two', 'both are there, in order');

done_testing();
