# A standby runs the coordinator too and writes only its own pg_hba.conf;
# promoted, it takes over within a second.  Rules with a role filter follow
# the role the server really has.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $spec = document('pair.yml');

my $primary = pgops_node('primary',
	init => { allows_streaming => 1 },
	conf => "pgops.instance = 'pair-1'\npgops.drift_interval = '1h'\n");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pgops.instance = 'pair-2'");
$standby->start;
my $standby_hba = $standby->data_dir . '/pg_hba.conf';
my $before = slurp_file($standby_hba);

# the standby streams over the socket; a managed file must keep that possible
converge($primary, $spec, 'converged', 'the primary converges');
$primary->wait_for_catchup($standby);

# ---- the standby ----
ok(wait_until(sub { slurp_file($standby_hba) ne $before }), 'the standby writes its own file');
my $hba = slurp_file($standby_hba);
like($hba, qr/^host\s+all\s+app_reader\s+10\.1\.0\.0\/16/m, 'rule for replicas is live on the standby');
unlike($hba, qr/^host\s+all\s+app_writer\s+10\.2\.0\.0\/16/m, 'rule for the primary is not');
my $primary_hba = slurp_file($primary->data_dir . '/pg_hba.conf');
like($primary_hba, qr/^host\s+all\s+app_writer\s+10\.2\.0\.0\/16/m, 'and the other way round on the primary');
unlike($primary_hba, qr/^host\s+all\s+app_reader\s+10\.1\.0\.0\/16/m, 'rule for replicas is not live on the primary');

ok($standby->poll_query_until('postgres', "SELECT role = 'standby' FROM pgops.coordinator()"),
	'the coordinator knows that it is on a standby');
my $sqlstate = ($standby->psql('postgres', 'SELECT * FROM pgops.apply_cluster(' . literal($spec) . ')'))[2];
like($sqlstate, qr/during recovery/, 'declaring on a standby is refused');
is( value($standby, "SELECT count(*) FROM pgops.plan() WHERE kind <> 'hba'"),
	0, 'the plan of a standby holds files only');
is( value($standby, q{SELECT pgops.inventory() -> '_meta' -> 'hostvars' -> '10.10.10.12' ->> 'pg_role'}),
	'replica', 'Ansible may take its inventory from a standby');

# somebody edits the file of the standby
append_to_file($standby_hba, "local all all trust\n");
$standby->safe_psql('postgres', 'SELECT pgops.reconcile()');
ok(wait_until(sub { slurp_file($standby_hba) eq $hba }), 'the standby repairs its file');

# ---- a coordinator that ended between the write and the reload ----
# A standby can log nothing, and the file is as it must be: only a reload at the
# next coordinator's start brings its rules into force.
{
	my $loaded = value($standby, 'SELECT pg_conf_load_time()');
	my $pid = value($standby, 'SELECT pid FROM pgops.coordinator()');
	$standby->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	ok($standby->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$loaded'"),
		'a new coordinator on a standby has the file loaded');
	is(slurp_file($standby_hba), $hba, '... and need not write it');
}

# ---- promotion ----
# a difference that only a primary may repair is there at that moment
# (the drift interval is an hour: the old primary does not see it)
$primary->safe_psql('postgres', 'ALTER ROLE app_reader CREATEDB');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');

my $start = time();
$standby->promote;
ok( wait_until(sub {
			slurp_file($standby_hba) =~ /^host\s+all\s+app_writer\s+10\.2\.0\.0\/16/m }, 10),
	'after promotion the file is that of a primary');
my $elapsed = time() - $start;
note(sprintf 'promotion to refreshed file: %.3f s', $elapsed);
unlike(slurp_file($standby_hba), qr/^host\s+all\s+app_reader\s+10\.1\.0\.0\/16/m, 'and no longer that of a replica');
ok( $standby->poll_query_until('postgres', "SELECT phase = 'converged' AND instance = 'pair-2' FROM pgops.status"),
	'the new primary says that it converged');

is(value($standby, "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'app_reader'"),
	'f', 'the difference found at promotion is repaired');
declare($standby, ($spec =~ s/app_reader, password/app_reader, connlimit: 7, password/r));
is(settle($standby)->{phase}, 'converged', 'the new primary carries out declarations');
is(value($standby, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_reader'"), 7,
	'and changes roles');

$standby->stop;
done_testing();
