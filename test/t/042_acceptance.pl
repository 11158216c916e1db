# What somebody tries with an inventory of their own: numbers in quotes, Jinja
# where a list belongs, secrets of Ansible's vault, and taking the last group away.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");

# a cluster of this server among other variables, as JSON text
sub inventory
{
	my ($vars) = @_;
	return <<"YAML";
all:
  vars: { admin_ip: 127.0.0.1 }
  children:
    pg-j:
      hosts: { 127.0.0.1: { pg_seq: "1", pg_role: primary } }
      vars:
        pg_cluster: pg-j
        pgops_policy: authoritative
        pg_default_extensions: []
        $vars
YAML
}

sub apply
{
	my ($text, $options) = @_;
	return map { join ' ', map { $_ // '-' } @$_{qw(cluster action path)} }
	  rows($node, 'SELECT cluster, action, path FROM pgops.apply_inventory(' . literal($text) . ($options ? ", $options" : '') . ')');
}

# ---- the groups that come first and go last are part of the history ----
my $last = "SELECT summary FROM pgops.revisions('all') LIMIT 1";
is_deeply([ apply('{all: {children: {a: {}}}}') ], ['a added '], 'the first group');
is(value($node, $last), 'children: added', '... is in the history of the whole');
is_deeply([ apply('{}', 'prune => true') ], ['a removed '], 'the last group goes');
is(value($node, $last), 'children: removed', '... and that is in the history, too');
is(value($node, "SELECT path || ' ' || action FROM pgops.diff('all', 1)"), 'children changed', '... and a difference');
is_deeply([ apply('{}', 'prune => true') ], [], 'then there is nothing to do');
is(revision_count($node), 3, '... and no revision is made');

# ---- a number in quotes is used as a number and stays the text it is ----
apply(inventory('pg_port: "5499", pg_users: [{name: ju, connlimit: "3"}], pg_databases: [{name: jdb}]'
		  =~ s/, (?=pg_)/\n        /gr));
my $yaml = value($node, 'SELECT pgops.inventory_yaml()');
like($yaml, qr/pg_seq: '1'.*pg_port: '5499'.*connlimit: '3'/s, 'a number in quotes comes out in quotes');
is(value($node, "SELECT jsonb_path_query(pgops.inventory()::jsonb, '\$.*.vars.pg_port')"), '"5499"', '... for Ansible, too');
is_deeply([ apply($yaml) ], [], '... and goes in again');
is(settle($node)->{phase}, 'converged', 'it is reconciled');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'ju'"), 3, '... as a number');

# ---- Jinja in place of lists is kept, and nothing is done as if they were empty ----
my $rules = $node->data_dir . '/pg_hba.conf';
my $before = slurp_file($rules);
my @lists = map { "$_: '{{ them }}'" }
  qw(pg_users pg_databases pg_hba_rules pg_default_hba_rules pg_services pg_parameters pg_shared_buffer_ratio);
my $jinja = inventory(join "\n        ", @lists);
my $findings = "FROM pgops.validate(" . literal($jinja) . ')';
is(value($node, "SELECT count(*) $findings WHERE severity IN ('error', 'warning')"), 0, 'Jinja may stand in place of any list or map');
is(value($node, "SELECT count(*) $findings WHERE code = 'PO118' AND line > 0 AND \"column\" > 0"), scalar(@lists), '... is reported with its place');
apply($jinja);
like(value($node, 'SELECT pgops.inventory_yaml()'), qr/pg_users: '\{\{ them \}\}'/, '... and kept');
my $status = settle($node);
is($status->{phase}, 'blocked', 'what it stands for is not guessed');
like($status->{message}, qr/parameter "pg_users" is a Jinja expression/, '... and the status says so');
is(value($node, 'SELECT count(*) FROM pgops.plan() WHERE blocked IS NULL'), 0, '... for each step');
cmp_ok(value($node, q{SELECT count(*) FROM pgops.plan() WHERE sqlstate = 'PO118'}), '>', 1, '... that there would be');
is(value($node, "SELECT count(*) FROM pg_roles, pg_database WHERE rolname = 'ju' AND datname = 'jdb'"), 1, 'nothing is dropped');
is(slurp_file($rules), $before, 'access rules stay');
is(value($node, "SELECT count(*) FROM pgops.users WHERE scope = 'cluster'"), 0, 'the views show no row of it');
my ($code, undef, $stderr) = $node->psql('postgres', "INSERT INTO pgops.users (cluster, name) VALUES ('pg-j', 'x')");
like($stderr, qr/declared as an expression, not as a list/, '... and do not write into it');

(my $admin = inventory('pg_users: []')) =~ s/admin_ip: 127.0.0.1/admin_ip: '{{ admin }}'/;
is(value($node, 'SELECT count(*) FROM pgops.validate(' . literal($admin) . ") WHERE severity = 'error'"), 0, 'so may the admin node');
apply($admin);
like(settle($node)->{message}, qr/parameter "admin_ip" is a Jinja expression/, '... and access rules wait for its address');
is(slurp_file($rules), $before, '... unchanged');

# inside an object pgops has to know what there is
is(value($node, 'SELECT code FROM pgops.validate('
	  . literal(inventory("pg_databases: [{name: d, schemas: '{{ them }}'}]")) . ") WHERE severity = 'error'"),
	'PO104', 'a field that is a list must be one');

# ---- a password that Ansible would make is none: everybody can read the expression ----
my $vaulted = inventory(q(pg_users: [{name: ju, connlimit: 3, password: "{{ vault_ju }}"}, {name: braces, password: "b{{b"}]));
(undef, undef, $stderr) = $node->psql('postgres', 'SELECT FROM pgops.apply_inventory(' . literal($vaulted) . ')');
like($stderr, qr/the password of role "ju" is a Jinja expression; it is left as it is/, 'a password of Jinja is told');
settle($node);
is(value($node, "SELECT string_agg(rolname || ' ' || (rolpassword IS NULL), ', ' ORDER BY rolname)
	FROM pg_authid WHERE rolname IN ('ju', 'braces')"), 'braces false, ju true', '... and given to nobody');
unlike(value($node, 'SELECT pgops.inventory_yaml()'), qr/vault_ju/, '... masked as any password');
like(value($node, 'SELECT pgops.inventory_yaml(secrets => true)'), qr/password: '\{\{ vault_ju \}\}'/, '... and kept for Ansible');
is_deeply([ apply(value($node, 'SELECT pgops.inventory_yaml()')) ], [], 'a mask means the expression');
is_deeply([ apply($vaulted) ], [], 'declared again it is no change');

# ---- vault ----
like(value($node, 'SELECT hint FROM pgops.validate('
	  . literal("all:\n  vars:\n    grafana_admin_password: !vault |\n      \$ANSIBLE_VAULT;1.1;AES256\n      6231\n") . ') WHERE line = 3'),
	qr/Only Ansible can decrypt it/, 'a secret of the vault is refused with the way out');

done_testing();
