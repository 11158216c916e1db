# Jobs of a standby that end their own server, or lose their worker; a cluster with
# synchronous replication; a wrong password; names that are not Patroni's.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PgopsPatroni;
use PgopsTest;
use PostgreSQL::Test::Utils;
use JSON::PP;
use Test::More;

patroni_or_skip();

my $ha = patroni_cluster(
	'main',
	nodes => 3,
	conf => { synchronous_mode => JSON::PP::true },
	local => { 'pgops.ha_interval' => '1s' });
my ($one, $two, $three) = $ha->nodes;

# the second instance has another name than Patroni's member
declare($one, $ha->document(patroni_username => 'patroni', hosts => { 2 => { pg_seq => 7 } }));
$ha->converged($one, 'declared');

sub refusal
{
	my ($node, $call) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call");
	return $err =~ /ERROR:\s+(.*)/ ? $1 : "not refused: $out";
}

# ---- names ----
my $job = ended_job($one, value($one, q(SELECT pgops.reload_member('pg-test-7'))));
is($job->{state}, 'succeeded', 'a declared instance is found by its address') or diag(explain($job));
is($job->{arguments}{name}, 'pg-test-2', 'under the name that Patroni has for it');

# ---- synchronous replication ----
wait_for($one, q(SELECT count(*) = 1 FROM pgops.members WHERE role = 'sync_standby'), 'there is a synchronous standby');
my $sync = value($one, q(SELECT name FROM pgops.members WHERE role = 'sync_standby'));
my ($async) = grep { $_->name ne $sync && $_ != $one } $ha->nodes;
like(refusal($async, 'pgops.switchover(' . literal($async->name) . ')'), qr/^PO613: .*is no synchronous standby/, 'another one cannot become the leader');
$sync = $ha->node($sync);

# ---- a standby that copies itself anew ----
my $id = value($async, 'SELECT pgops.reinit_member(' . literal($async->name) . ')');
$job = ended_job($async, $id);
is($job->{state}, 'succeeded', 'the job is there when the data directory is a new one') or diag(explain($job));
$ha->wait_all_running;

# ---- its worker is killed ----
# a replica that cannot stream is never what it was, so its restart is not over
$one->safe_psql('postgres', 'SET synchronous_commit = local; ALTER ROLE replicator NOLOGIN');
$one->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = ' . literal($async->name));
$one->safe_psql('postgres', "SET synchronous_commit = local; CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)");
$id = value($sync, 'SELECT pgops.restart_member(' . literal($async->name) . ')');
wait_for($sync, "SELECT state = 'running' AND step LIKE 'waiting for%' FROM pgops.jobs WHERE id = $id", 'a job of a standby waits');
kill 'KILL', value($sync, "SELECT worker_pid FROM pgops.job_slots() WHERE job = $id");
wait_until(sub { !eval { value($sync, 'SELECT 1'); 1 } }, 10);
$one->safe_psql('postgres', 'SET synchronous_commit = local; ALTER ROLE replicator LOGIN');
$job = ended_job($sync, $id);
is($job->{state}, 'succeeded', 'the server is there again, and the job goes on to its end') or diag(explain($job));
cmp_ok(value($sync, 'SELECT pgops.reload_member(' . literal($sync->name) . ')'), '<', $id, 'numbers go on');
$ha->wait_all_running;

# ---- a time that Patroni keeps ----
my $name = literal($async->name);
$job = ended_job($sync, value($sync, "SELECT pgops.restart_member($name, at => now() + interval '1 h')"));
is($job->{state}, 'succeeded', 'a restart is scheduled') or diag(explain($job));
ok(wait_until(sub { refusal($one, "pgops.restart_member($name, at => now() + interval '2 h')") =~ /^PO611: a restart of .* is scheduled already/ }, 10), 'one at a time');
is(ended_job($one, value($one, "SELECT pgops.cancel_restart($name)"))->{state}, 'succeeded', 'and taken back');

# ---- Patroni of the member that is asked is gone ----
$ha->kill_patroni($async, 'KILL');
wait_for($async, q(SELECT patroni = 'not answering' FROM pgops.ha_status), 'a member without its Patroni');
$job = ended_job($async, value($async, 'SELECT pgops.pause_ha(false)'));
is($job->{state}, 'succeeded', 'has others do it') or diag(explain($job));
is($ha->config->{pause}, JSON::PP::true, 'and it is done');
like(refusal($one, "pgops.restart_member($name)"), qr/^PO611: Patroni of .* does not answer/, 'what only its own can do is refused');
is(ended_job($one, value($one, 'SELECT pgops.resume_ha(false)'))->{state}, 'succeeded', 'resumed');

# ---- it comes back under a name that needs care ----
my $hostile = qq(o'b "2" \x{fc} %s; DROP);
my $yml = slurp_file($async->yml);
my $quoted = JSON::PP->new->ascii->allow_nonref->encode($hostile);
$yml =~ s/"name" : "@{[ $async->name ]}"/"name" : $quoted/ or die 'no name in patroni.yml';
unlink $async->yml;
append_to_file($async->yml, $yml);
$ha->rest(1, 'PATCH', '/config', { synchronous_mode => undef });
$ha->start_patroni($async);
$hostile = q(U&'o''b "2" \00fc %s; DROP');
ok(wait_until(sub { value($one, "SELECT state = 'streaming' AND lag_bytes = 0 FROM pgops.members WHERE name = $hostile") eq 't' }, 30), 'a member with a hostile name is seen as it is')
  or diag(value($one, 'SELECT string_agg(m::text, chr(10)) FROM pgops.members AS m'));
$job = ended_job($one, value($one, "SELECT pgops.reload_member($hostile)"));
is($job->{state}, 'succeeded', 'and does what it is asked') or diag(explain($job));
$job = ended_job($one, value($one, "SELECT pgops.switchover($hostile, now() + interval '1 h')"));
is($job->{state}, 'succeeded', 'the leader could hand over to it') or diag(explain($job));
is(ended_job($one, value($one, 'SELECT pgops.cancel_switchover()'))->{state}, 'succeeded', 'which is taken back');

# ---- a wrong password ----
declare($one, $ha->document(patroni_username => 'patroni', patroni_password => 'Another.One', hosts => { 2 => { pg_seq => 7 } }));
settle($one);
$job = ended_job($one, value($one, q(SELECT pgops.pause_ha())));
is($job->{state}, 'failed', 'with a wrong password nothing is done');
is($job->{sqlstate}, 'PO605', 'the condition says which trouble it is');
unlike($job->{error} . ($job->{detail} // '') . $job->{hint}, qr/Another/, 'the password is not told');

done_testing();
