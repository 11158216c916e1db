# What the declaration no longer names.  Memberships, parameters and privileges
# that pgops had set are undone, those of others stay.  Whole objects are
# reported as orphaned and kept; the policy authoritative plans their removal,
# within the limits of pg_safeguard and pgops.max_destructive.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => "pgops.max_destructive = 0\n");

my $head = <<'EOT';
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: small
    pg_default_extensions: []
EOT
my $privileges = <<'EOT';
    pg_default_privileges:
      - GRANT SELECT ON TABLES TO dbrole_readonly
EOT
my $more_privileges = $privileges . "      - GRANT INSERT ON TABLES TO dbrole_readwrite\n";
my $full = $head . $more_privileges . <<'EOT';
    pg_users:
      - name: keeper
        roles: [dbrole_readonly, dbrole_offline]
        parameters: { work_mem: 8MB, statement_timeout: 30s }
      - { name: leaver, roles: [dbrole_readonly] }
    pg_databases:
      - { name: kept, owner: keeper, parameters: { work_mem: 16MB } }
      - { name: left, owner: leaver }
EOT
my $less = $head . $privileges . <<'EOT';
    pg_users:
      - name: keeper
        roles: [dbrole_readonly]
        parameters: { work_mem: 8MB }
    pg_databases:
      - { name: kept, owner: keeper }
EOT

sub with { my ($text, $line) = @_; $text =~ s/^    pg_cluster: small\n/$&    $line\n/m; return $text; }

sub exists_now
{
	my ($what) = @_;
	return value($node, "SELECT count(*) FROM pg_roles WHERE rolname = '$what'")
	  + value($node, "SELECT count(*) FROM pg_database WHERE datname = '$what'");
}

converge($node, $full, 'converged', 'declared in full');

# somebody's own additions, which are none of pgops' business
$node->safe_psql('postgres',
	"GRANT pg_monitor TO keeper; ALTER ROLE keeper SET lock_timeout = '3s'; CREATE ROLE foreigner");
$node->safe_psql('kept',
	'ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT TRIGGER ON TABLES TO dbrole_offline');

# ---- additive: undone in parts, kept as a whole ----
declare($node, $less);
my $status = settle($node);
is($status->{failed}, 0, 'nothing failed');
my $keeper = row($node, "SELECT rolconfig, pg_has_role('keeper', 'dbrole_offline', 'MEMBER') AS offline,
	pg_has_role('keeper', 'dbrole_readonly', 'MEMBER') AS readonly,
	pg_has_role('keeper', 'pg_monitor', 'MEMBER') AS monitor FROM pg_roles WHERE rolname = 'keeper'");
ok(!$keeper->{offline}, 'the membership that is not declared any more is revoked');
ok($keeper->{readonly}, '... the other one stays');
ok($keeper->{monitor}, '... and so does one that somebody else gave');
is_deeply([ sort @{ $keeper->{rolconfig} } ], [ 'lock_timeout=3s', 'work_mem=8MB' ],
	'the parameter is reset, a foreign one stays');
is( value($node, "SELECT count(*) FROM pg_db_role_setting WHERE 'work_mem=16MB' = ANY (setconfig)"),
	0, "the database's parameter is reset");
is( value($node, "SELECT string_agg(grantee::regrole || ' ' || privilege_type, ', ' ORDER BY 1)
		FROM (SELECT a.* FROM pg_default_acl, aclexplode(defaclacl) a
			WHERE defaclrole = 'keeper'::regrole AND defaclobjtype = 'r' AND a.grantee <> defaclrole
			ORDER BY grantee::regrole::text) x", database => 'kept'),
	'dbrole_offline TRIGGER, dbrole_readonly SELECT',
	'the default privilege is taken back, a foreign one stays');

for my $orphan (qw(leaver left))
{
	is(exists_now($orphan), 1, "$orphan is not dropped");
	my ($row) = grep { $_->{name} eq $orphan } plan_rows($node);
	ok($row, "$orphan is reported");
	is($row->{sqlstate}, 'PO208', '... as orphaned');
}
ok(!(grep { $_->{name} eq 'foreigner' } plan_rows($node)), 'what pgops never made is not reported');

# ---- authoritative, but guarded ----
declare($node, with(with($less, 'pgops_policy: authoritative'), 'pg_safeguard: true'));
settle($node);
my ($guarded) = grep { $_->{name} eq 'leaver' && $_->{destructive} } plan_rows($node);
ok($guarded, 'authoritative: the removal is planned');
is($guarded->{sqlstate}, 'PO202', '... and held back by the safeguard');
is(exists_now($_), 1, "safeguard: $_ stays") for qw(leaver left foreigner);

# ---- authoritative, above the limit ----
declare($node, with($less, 'pgops_policy: authoritative'));
$status = settle($node);
is($status->{phase}, 'blocked', 'above pgops.max_destructive it waits');
like($status->{destructive_digest} // '', qr/^[0-9a-f]{64}$/, '... for approval of a digest');
is(exists_now($_), 1, "not approved: $_ stays") for qw(leaver left foreigner);
my ($waiting) = grep { $_->{name} eq 'leaver' && $_->{destructive} } plan_rows($node);
is($waiting->{sqlstate}, 'PO203', 'the rows say that they need approval');

my ($code, undef, $error) = $node->psql('postgres', "SELECT pgops.approve('small', repeat('0', 64))");
isnt($code, 0, 'a wrong digest is refused');
is(exists_now('leaver'), 1, '... and releases nothing');

# ---- approved ----
$node->safe_psql('postgres', "SELECT pgops.approve('small', '$status->{destructive_digest}')");
$status = settle($node);
is(exists_now($_), 0, "approved: $_ is gone") for qw(leaver left foreigner);
is(exists_now($_), 1, "$_ stays") for qw(keeper kept);
ok( value($node, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'dbrole%' OR rolname = 'replicator'") >= 5,
	'the default roles stay');
is($status->{phase}, 'converged', 'and that was all');
is( value($node, "SELECT count(*) FROM pgops.action_log WHERE destructive AND state = 'succeeded'") > 0,
	1, 'the log tells what was destroyed');

# ---- declared again, it is made again ----
converge($node, $full, 'converged', 'declared in full again');
is(exists_now($_), 1, "$_ is back") for qw(leaver left);

# ---- attributes of what pgops created go back to what CREATE gives ----
sub attributes
{
	return value($node, <<~'SQL');
		SELECT concat_ws(' ', rolconnlimit, rolcreatedb, coalesce(rolvaliduntil, 'infinity')::text,
			datconnlimit, datistemplate)
		FROM pg_roles, pg_database WHERE rolname = 'keeper' AND datname = 'kept'
		SQL
}
my $special = $full =~ s/- name: keeper/$&\n        connlimit: 7\n        createdb: true\n        expire_at: '2031-01-01'/r
  =~ s/name: kept, /$&connlimit: 9, is_template: true, /r;
converge($node, $special, 'converged', 'attributes are declared');
like(attributes(), qr/^7 t 2031-01-01 \S+ 9 t$/, '... and there');
converge($node, $full, 'converged', 'they are declared no longer');
is(attributes(), '-1 f infinity -1 f', '... and gone');

# what was there before pgops is left alone
$node->safe_psql('postgres', 'CREATE DATABASE found CONNECTION LIMIT 5');
my $found = $full . "      - { name: found }\n";
converge($node, $found, 'converged', 'a database that was there is declared');
is(value($node, "SELECT datconnlimit FROM pg_database WHERE datname = 'found'"), 5,
	'... what the declaration does not say of it is left alone');

done_testing();
