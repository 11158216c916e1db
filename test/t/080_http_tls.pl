# A cluster whose REST APIs speak TLS with certificates of its own authority, and want
# one of who asks: seen, configured and steered like any other; what a wrong
# authority leads to.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use PgopsTls;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;
use Test::More;

patroni_or_skip();

my $folder = PostgreSQL::Test::Utils::tempdir;
authority($folder, $_) for qw(ca other-ca);

# each node has one certificate, for who asks it and for whom it asks
sub with_tls
{
	my ($node, $yml) = @_;
	my $own = "$folder/" . $node->name;
	my %pair = (certfile => "$own.crt", keyfile => "$own.key");
	certify($folder, $node->name, 'ca', 'IP:' . $node->address);
	$yml->{restapi} = { %{ $yml->{restapi} }, %pair, cafile => "$folder/ca.crt", verify_client => 'required' };
	$yml->{ctl} = { %pair, cacert => "$folder/ca.crt" };
	$yml->{postgresql}{parameters} = {
		%{ $yml->{postgresql}{parameters} },
		'pgops.patroni_ca_file' => "$folder/ca.crt",
		'pgops.patroni_cert_file' => "$own.crt",
		'pgops.patroni_key_file' => "$own.key"
	};
	return;
}

my $ha = patroni_cluster(
	'main',
	nodes => 3,
	start => 0,
	yml => \&with_tls,
	local => { 'pgops.ha_interval' => '1s', 'pgops.drift_interval' => '1h' });
my ($first, $second, $third) = $ha->nodes;

# the harness asks without TLS, so the servers say how far they are
sub says
{
	my ($node, $sql) = @_;
	return wait_until(sub { my ($code, $out) = $node->psql('postgres', $sql); defined $out && $out eq 't' }, 60);
}

$ha->start_patroni(1);
ok(says($first, 'SELECT NOT pg_is_in_recovery()'), 'the first node leads');
$ha->start_patroni($_) for 2, 3;
$first->safe_psql('postgres', 'CREATE EXTENSION pgops');
ok(says($first, "SELECT count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'"), 'two follow');

# ---- seen ----
my %declared = (patroni_username => 'patroni', patroni_ssl_enabled => JSON::PP::true);
declare($first, $ha->document(%declared, pgops_dcs => { maximum_lag_on_failover => 2097152 }));
wait_for($first, "SELECT phase = 'converged' FROM pgops.status", 'declared: https by patroni_ssl_enabled');
wait_for($_, "SELECT patroni = 'running' AND problem IS NULL AND members = 3 AND leader = 'pg-test-1' FROM pgops.ha_status", $_->name . ' sees it')
  for $ha->nodes;
wait_for($third, "SELECT count(*) = 3 AND bool_and(problem IS NULL AND patroni_version IS NOT NULL AND api_url LIKE 'https:%') FROM pgops.members", 'and each member');

# ---- configured ----
is(value($first, "SELECT count(*) FROM pgops.action_log WHERE rule = 'patroni.config' AND state = 'succeeded'"), 1, 'its configuration was changed');
wait_for($second, 'SELECT maximum_lag_on_failover = 2097152 FROM pgops.ha_status', 'as all can see');

# ---- a wrong authority ----
$third->safe_psql('postgres', "ALTER SYSTEM SET pgops.patroni_ca_file = '$folder/other-ca.crt'; SELECT pg_reload_conf()");
wait_for($third, "SELECT problem LIKE '%no secure connection to https://10.10.10.13:8008/%certificate%' AND patroni = 'not answering' FROM pgops.ha_status",
	'the certificates are not trusted');
is(value($third, 'SELECT count(*) FROM pgops.members WHERE problem IS NULL'), 0, 'neither is anybody else\'s');
$third->safe_psql('postgres', "ALTER SYSTEM RESET pgops.patroni_ca_file; SELECT pg_reload_conf()");
wait_for($third, 'SELECT problem IS NULL FROM pgops.ha_status', 'trusted again, nothing is left of it');

# ---- no certificate of ours ----
$third->safe_psql('postgres', "ALTER SYSTEM SET pgops.patroni_cert_file = ''; ALTER SYSTEM SET pgops.patroni_key_file = ''; SELECT pg_reload_conf()");
wait_for($third, "SELECT problem LIKE '%no secure connection%' FROM pgops.ha_status", 'who shows none is not let in');
$third->safe_psql('postgres', "ALTER SYSTEM RESET pgops.patroni_cert_file; ALTER SYSTEM RESET pgops.patroni_key_file; SELECT pg_reload_conf()");
wait_for($third, 'SELECT problem IS NULL FROM pgops.ha_status', 'with it one is');

# ---- steered ----
my $id = value($third, "SELECT pgops.switchover('pg-test-2')");
my $job = row($third, "SELECT * FROM pgops.job_wait($id, '60s')");
is($job->{state}, 'succeeded', 'a switchover, asked for on a standby') or diag(explain($job));
wait_for($second, "SELECT leader = 'pg-test-2' AND leader_is_self FROM pgops.ha_status", 'the new leader knows');

# neither as it is nor as it travels
my $secret = join '|', map { quotemeta } 'Patroni.API', encode_base64('patroni:Patroni.API', '');
for my $node ($ha->nodes)
{
	is(log_matches($node, $secret), 0, 'no password in the log of ' . $node->name);
}

done_testing();
