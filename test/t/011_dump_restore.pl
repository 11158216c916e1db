# The declarations travel with pg_dump; the right to act on them does not.  A
# restored CMDB shows everything and does nothing until somebody claims the
# server for it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $conf = "pgops.drift_interval = '1s'\n";
my $source = pgops_node('source', conf => $conf);
my $spec = document('small.yml');
converge($source, $spec, 'converged', 'declared at the source');
(my $changed = $spec) =~ s/connlimit: 20/connlimit: 21/;
declare($source, $changed, note => 'second');
settle($source);
is(revision_count($source), 2, 'two revisions');

# Roles do not travel with one database's dump, so neither can privileges.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/cmdb.sql';
$source->command_ok([ 'pg_dump', '--no-owner', '--no-privileges', '-f', $dump, 'postgres' ], 'pg_dump of the CMDB');

my $target = pgops_node('target', conf => $conf, extension => 0);
my $hba = file_identity($target->data_dir . '/pg_hba.conf');
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'postgres' ], 'restored elsewhere');

# ---- it is there ----
is(value($target, 'SELECT string_agg(name, \' \') FROM pgops.cluster'), 'small', 'the cluster is declared');
is(revision_count($target), 2, 'with its revisions');
is( value($target, "SELECT note FROM pgops.revision ORDER BY revision DESC LIMIT 1"),
	'second', '... and their notes');
is(action_count($target), 0, 'what was done elsewhere is not');
is( value($target, 'SELECT jsonb_agg(value ORDER BY scope, name) FROM pgops.variable'),
	value($source, 'SELECT jsonb_agg(value ORDER BY scope, name) FROM pgops.variable'),
	'every variable is as it was');

# ---- it does nothing ----
wait_for($target, "SELECT count(*) = 1 FROM pgops.status WHERE cluster = 'small' AND phase = 'unbound'",
	'the server says that it is nobody');
ok( value($target, "SELECT message ~ 'bind' OR message <> '' FROM pgops.status") eq 't',
	'... and tells more');
cmp_ok(scalar(open_rows(rows($target, "SELECT * FROM pgops.plan('small')"))), '>', 10,
	'the plan can be read');
$target->safe_psql('postgres', 'SELECT pgops.reconcile()');
cmp_ok(scalar(declare($target, $spec, dry_run => 1)), '>', 10, 'so can that of another declaration');
pass_twice($target, 'passes come and go');
is(value($target, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^(app|dbrole|dbuser)'"), 0, 'no role was made');
is(value($target, "SELECT count(*) FROM pg_database WHERE datname = 'app'"), 0, 'no database was made');
is(file_identity($target->data_dir . '/pg_hba.conf'), $hba, 'pg_hba.conf is the old one');
is(action_count($target), 0, 'no action');

# ---- claimed ----
$target->safe_psql('postgres', "SELECT pgops.bind('small-1')");
my $status = settle($target);
is($status->{phase}, 'converged', 'claimed, it acts');
is($status->{instance}, 'small-1', '... as the instance it was bound to');
is((tcp_login($target, 'app_owner', 'Small.Owner.Secret', 'app'))[0], 0,
	'the verifiers came along: the old password works');

# ---- and a copy of the files is nobody either ----
$source->stop;
my $clone = PostgreSQL::Test::Cluster->new('clone');
PostgreSQL::Test::Utils::system_or_bail('cp', '-a', $source->data_dir, $clone->data_dir);
$clone->append_conf('postgresql.conf',
	'port = ' . $clone->port . "\nunix_socket_directories = '" . $clone->host . "'\n");
$clone->start;
$clone->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB');
$clone->safe_psql('postgres', 'SELECT pgops.reconcile()');
wait_for($clone, "SELECT count(*) = 1 FROM pgops.status WHERE cluster = 'small' AND phase = 'unbound'",
	'a clone in another data directory says that it is nobody');
is(value($clone, "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'app_reader'"), 't', '... and repairs nothing');

done_testing();
