# What an inventory must withstand besides: names that mean something else to
# Ansible, structure alone, secrets that a dump left behind, secrets of other
# tools, and a declaration that goes away while it is being looked at.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");

sub call
{
	my ($text, $options) = @_;
	return 'SELECT cluster, action, path FROM pgops.apply_inventory(' . literal($text) . ($options ? ", $options" : '') . ')';
}

# differences as text: "cluster action path"
sub apply
{
	return join '; ', map { join ' ', map { $_ // '-' } @$_{qw(cluster action path)} } rows($node, call(@_));
}
sub yaml { return value($node, 'SELECT pgops.inventory_yaml()'); }

sub refused
{
	my ($sql, $pattern, $what) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres', $sql);
	isnt($code, 0, "$what is refused");
	like($stderr, $pattern, '... with the reason');
	return;
}

# ---- names that are taken ----
for my $name (qw(all ungrouped _meta))
{
	my $hosts = '{"hosts": {"10.9.9.9": {"pg_seq": 1, "pg_role": "primary", "pg_cluster": "x"}}}';
	refused('SELECT * FROM pgops.apply_cluster(' . literal("{\"$name\": $hosts}") . ')',
		$name eq 'all' ? qr/document is an inventory/ : qr/"$name" cannot be a cluster/, "a cluster \"$name\"");
	refused("INSERT INTO pgops.clusters (name, kind) VALUES ('$name', 'node')", qr/"$name"/, "... in the view, too,");
}
refused(call('{"all": {"children": {"_meta": {"hosts": {"h": {}}}}}}'), qr/"_meta" cannot be a group/, 'a group "_meta"');

apply('{all: {children: {taken: {hosts: {node1: {}}}}}}');
for my $pair ([ 'taken', 'pg-n', 'taken' ], [ 'node1', 'node1', 'node2' ])
{
	my ($what, $cluster, $host) = @$pair;
	refused('SELECT * FROM pgops.apply_cluster('
		  . literal("{\"$cluster\": {\"hosts\": {\"$host\": {\"pg_seq\": 1, \"pg_role\": \"primary\"}}, \"vars\": {\"pg_cluster\": \"$cluster\"}}}") . ')',
		qr/host "$what" is called as a group is/, "\"$what\" as a host and a group of a cluster document");
}
apply('{}', 'prune => true');

# ---- which group lies in which, and nothing else ----
my $apart = '{all: {children: {a: {children: {c: {}}}, b: {hosts: {h: {}}}}}}';
apply($apart);
is(apply($apart =~ s/c: \{\}/c: {}, b: null/r), 'a changed children', 'a group gets a second place');
is(apply($apart), 'a changed children', '... and loses it');
is(apply('{all: {children: {a: {}, b: {children: {c: {}}, hosts: {h: {}}}}}}'), 'b added children; a removed children',
	'from one group into another');
is( value($node, "SELECT summary FROM pgops.revisions('all') LIMIT 1"), 'children[b]: added, children[a]: removed',
	'... is told by the history')
  or diag(value($node, "SELECT difference FROM pgops.revision WHERE cluster = 'all' ORDER BY revision DESC LIMIT 1"));
is(apply('{}', 'prune => true') =~ tr/;//, 2, 'all of it is taken away');

# ---- variables of the hosts that lie in no group ----
apply('{all: {hosts: {h1: {}}, children: {b: {hosts: {h2: {}}}}}}');
is(value($node, "SELECT pgops.set_secret('some_password', 'Ungrouped-Secret', 'ungrouped')"), 't', 'hosts of no group have a variable');
is(apply(yaml(), 'prune => true'), '', 'what comes out goes in again');
is(value($node, 'SELECT pgops.inventory_yaml(secrets => true)') =~ tr/U//, 1, '... and it is still there');
apply('{}', 'prune => true');

# ---- secrets: of others, and those that a dump does not hold ----
my $secrets = <<'YAML';
all:
  vars:
    ansible_become_pass: Sudo-Secret
    ansible_ssh_pass: Login-Secret
    vip_auth_pass: Vip-Secret
    app: { apikey: Key-Secret, login: { user: u, pass: Pass-Secret }, bypass: harmless }
  children:
    infra: { hosts: { 10.0.0.1: { infra_seq: 1 } } }
    pg-s:
      hosts: { 10.0.0.2: { pg_seq: 1, pg_role: primary } }
      vars:
        pg_cluster: pg-s
        pg_default_extensions: []
        pg_users: [ { name: app, password: Role-Secret } ]
        pgbackrest_repo: { minio: { type: s3, path: /backup, s3_bucket: b, s3_endpoint: e, s3_region: r, s3_key: k, s3_key_secret: First-Secret, cipher_type: aes-256-cbc, cipher_pass: Second-Secret } }
YAML
apply($secrets);
my $shown = yaml() . value($node, 'SELECT pgops.inventory()')
  . value($node, "SELECT json_agg(v) || (SELECT json_agg(r) FROM pgops.revision r)::text FROM pgops.variable v");
unlike($shown, qr/-Secret/, 'no secret of any tool is shown');
like($shown, qr/harmless/, '... but what only sounds like one');
is(settle($node)->{phase}, 'converged', 'the cluster converges');

my $all = value($node, 'SELECT pgops.inventory_yaml(secrets => true)');
$node->safe_psql('postgres', 'DELETE FROM pgops.secret');
is(apply(yaml(), 'prune => true'), '', 'a restored inventory without its secrets goes in again');
$node->safe_psql('postgres', "UPDATE pgops.users SET connlimit = 7 WHERE name = 'app'");
is(settle($node)->{phase}, 'converged', '... its clusters can be changed');
is(value($node, "SELECT pgops.set_secret('pgbackrest_repo.minio.cipher_pass', 'Second-Secret', 'pg-s')"), 't',
	'... and its secrets declared one by one');
is( value($node, "SELECT string_agg(path, ' ') FROM pgops.secret"), 'minio.cipher_pass', '... which are stored then');
refused(call($secrets =~ s/Vip-Secret/'********'\n    new_password: '********'/r), qr/new_password: .* none is stored/,
	'a mask that never stood for anything');
apply($all);
is(value($node, 'SELECT pgops.inventory_yaml(secrets => true)'), $all,
	'declared in full they are all there again');

my ($code, undef, $stderr) = $node->psql('postgres', 'SELECT * FROM pgops.apply_cluster('
	  . literal(small_document(pg_hba_rules => [ { user => 'u', db => 'all', addr => 'world', auth => 'ldap ldapbindpasswd=Rule-Secret' } ])) . ')');
like($stderr, qr/pg_hba_rules\[0\]\.auth: .*ldapbindpasswd=/, 'a secret at the wrong place of an access rule');
unlike($stderr, qr/-Secret/, '... is not shown');

# ---- access rules may mean the hosts of "infra" ----
my $old = value($node, "SELECT generation FROM pgops.cluster WHERE name = 'pg-s'");
apply($secrets =~ s/(10\.0\.0\.)1: \{ infra_seq: 1 \}/${1}1: { infra_seq: 1 }, ${1}3: { infra_seq: 2 }/r);
cmp_ok(value($node, "SELECT generation FROM pgops.cluster WHERE name = 'pg-s'"), '>', $old,
	'a new host of infra is a new declaration of every cluster');

# ---- a dump of a whole inventory ----
apply(document('team.yml') =~ s/^all:\n/all:\n  hosts: { 10.9.0.1: {} }\n/r, 'prune => true');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/inventory.sql';
$node->command_ok([ 'pg_dump', '--no-owner', '--no-privileges', '-f', $dump, 'postgres' ], 'pg_dump of a whole inventory');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'restored' ], 'restored elsewhere');
is(value($node, 'SELECT pgops.inventory_yaml()', database => 'restored'), yaml(), '... it is the same inventory');
is(value($node, 'SELECT pgops.inventory()', database => 'restored'), value($node, 'SELECT pgops.inventory()'), '... for Ansible, too');
is_deeply([ rows($node, call(yaml(), 'prune => true'), database => 'restored') ], [], '... and goes in again');
apply($all, 'prune => true');

# ---- a server whose own cluster is taken away is not given to another one ----
my $other = <<'YAML';
all:
  children:
    pg-t:
      hosts: { 10.0.0.7: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-t, pg_default_extensions: [], pg_users: [ { name: of_another } ] }
YAML
apply($other, 'prune => true');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
wait_for($node, "SELECT phase = 'unbound' FROM pgops.status", 'the only cluster that is left is not this server\'s');
apply($other =~ s/of_another/another/r);
is( value($node, "SELECT count(*) FROM pgops.identity WHERE cluster = 'pg-t'") . value($node, "SELECT count(*) FROM pg_roles WHERE rolname ~ 'another'"),
	'00', '... nor does it become that by the next declaration');
apply($all);
is(settle($node)->{instance}, 'pg-s-1', 'its own cluster is declared again: it is what it was');
apply($other);
$node->safe_psql('postgres', "SELECT pgops.forget('pg-s')");
apply($other =~ s/of_another/another/r);
is( value($node, "SELECT count(*) FROM pgops.identity WHERE cluster = 'pg-t'") . value($node, "SELECT count(*) FROM pg_roles WHERE rolname ~ 'another'"),
	'00', 'nor when its own cluster is forgotten');
apply('{}', 'prune => true');

# ---- a part of an inventory must get along with the rest ----
my $first = <<'YAML';
all:
  children:
    site:
      children:
        pg-k:
          hosts: { 10.7.0.1: { pg_seq: 1, pg_role: primary } }
          vars: { pg_cluster: pg-k, pg_users: [ { name: keeper } ] }
YAML
apply($first);
my $second = '{all: {children: {pg-l: {hosts: {HOST: {pg_seq: 1, pg_role: primary}}, vars: {pg_cluster: pg-l}}}}}';
refused(call($second =~ s/HOST/10.7.0.1/r), qr/pg-k.*10\.7\.0\.1|10\.7\.0\.1.*pg-k/, 'a host and port that another cluster has');
refused(call('{all: {children: {site: {vars: {pg_version: none}}}}}'), qr/pg_version/, 'a value that a cluster below would inherit');
like(apply($second =~ s/HOST/10.7.0.2/r), qr/^pg-l added/, 'another host is declared');
is(value($node, "SELECT name FROM pgops.users WHERE cluster = 'pg-k' AND scope = 'cluster'"), 'keeper', '... the rest stays');
is(apply(yaml()), '', '... and all of it goes in again');
apply('{}', 'prune => true');

# ---- forgotten while a pass looks at it ----
# The lock makes the pass stop where it reads that table; what it read before is
# gone when it goes on.
sub forgotten_at
{
	my ($table) = @_;
	apply($all);
	settle($node);
	$node->safe_psql('postgres', 'DROP ROLE app');
	$node->safe_psql('postgres', <<~"SQL");
		BEGIN;
		LOCK TABLE pgops.$table;
		SELECT pgops.reconcile();
		DO \$\$
		BEGIN
			FOR i IN 1 .. 1000 LOOP
				EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE relation = 'pgops.$table'::regclass AND NOT granted);
				PERFORM pg_sleep(0.01);
			END LOOP;
		END
		\$\$;
		SELECT count(*) FROM pgops.apply_inventory('{}', prune => true);
		COMMIT;
		SQL
	wait_for($node, "SELECT state LIKE 'idle%' FROM pgops.coordinator()", "forgotten while a pass reads $table: the pass ends");
	is( value($node, 'SELECT count(*) FROM pgops.cluster_status') . value($node, 'SELECT count(*) FROM pgops.owned')
		  . value($node, 'SELECT count(*) FROM pgops.failure'),
		'000', '... and leaves nothing behind');
	return;
}
forgotten_at('cluster_status');
forgotten_at('failure');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process crashed');

done_testing();
