# Members of a Patroni cluster know which instance they are without a setting; a primary
# that Patroni does not call the leader does nothing, and says so; after a failover
# the new leader goes on, and the declared roles can be made those that are true.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

patroni_or_skip();
my $ha = patroni_cluster('guard', nodes => 3, local => { 'pgops.ha_interval' => '1s' });
my ($one, $two, $three) = $ha->nodes;

sub document_with
{
	my ($users, %more) = @_;
	return $ha->document(
		hosts => { 3 => { pg_offline_query => JSON::PP::true } },
		pg_users => [ map { { name => $_ } } @$users ],
		pg_hba_rules => [
			{ title => 'writers', user => 'app', db => 'all', addr => '10.1.0.0/16', auth => 'pwd', role => 'primary' },
			{ title => 'readers', user => 'app', db => 'all', addr => '10.2.0.0/16', auth => 'pwd', role => 'replica' }
		],
		%more);
}

sub hba { return slurp_file($_[0]->data_dir . '/pg_hba.conf') }
sub has_role { return value($_[0], "SELECT count(*) FROM pg_roles WHERE rolname = '$_[1]'") }
sub phase { return value($_[0], "SELECT phase || ': ' || message FROM pgops.status") }
sub problems
{
	my ($node) = @_;
	return value($node, q{SELECT coalesce(string_agg(format('%s/%s: %s', instance, member, problem), '; ' ORDER BY instance, member), '')
		FROM pgops.topology_drift});
}

# ---- which member is this ----
is($ha->leader->name, 'pg-test-1', 'the first node leads');
is(value($_, 'SHOW pgops.instance'), '', $_->name . ' has no setting of its own') for $ha->nodes;

my $start = time();
declare($one, document_with(['app']));
$ha->converged($one, 'the leader binds at the first declaration, and does it');
note(sprintf 'declared and converged after %.2f s', time() - $start);
is(value($one, "SELECT string_agg(instance, ' ') FROM pgops.identity"), 'pg-test-1', '... as itself');
for my $node ($two, $three)
{
	ok(wait_until(sub { hba($node) =~ /^# pg_hba.conf of ${\$node->name}, written by pgops/m }, 10),
		$node->name . ' follows by replication, as itself');
	like(hba($node), qr/^host\s+all\s+app\s+10\.2\.0\.0/m, '... with the rules of a replica');
	unlike(hba($node), qr/^host\s+all\s+app\s+10\.1\.0\.0/m, '... and not those of a primary');
}
is(value($one, "SELECT count(*) FROM pgops.coordinator() WHERE waits_for IS NOT NULL"), 0, 'the leader waits for nothing');
like(($two->psql('postgres', "SELECT pgops.bind('pg-test-1')"))[2], qr/recovery/, 'a replica is not bound by hand');
like(($one->psql('postgres', "SELECT pgops.bind('pg-test-2')"))[2],
	qr/cannot bind this server to instance "pg-test-2"\n.*by address and port it is "pg-test-1"/,
	'nor a leader as what it is not');
ok(wait_until(sub { problems($two) eq '' && value($two, 'SELECT count(*) FROM pgops.show_topology()') == 3 }, 10),
	'the topology is as declared, seen from a replica');

# ---- Patroni of the leader hangs, then dies, and another member takes over ----
$ha->kill_patroni($one, 'STOP');
declare($one, document_with([ 'app', 'lost' ]));
ok(wait_until(sub { phase($one) =~ /^waiting: nothing is done on this server: Patroni of this member does not say/ }, 10),
	'a primary whose Patroni hangs waits') or diag phase($one);
like(value($one, 'SELECT waits_for FROM pgops.coordinator()'), qr/does not say whether it is the leader/, '... and tells why');
my $stderr = ($one->psql('postgres', "SELECT * FROM pgops.wait(timeout => '100ms')"))[2];
like($stderr, qr/did not settle in time\nDETAIL:  Nothing is done on this server/, '... to who waits for it');
is(value($one, "SELECT string_agg(DISTINCT sqlstate, ' ') FROM pgops.plan() WHERE name = 'lost'"), 'PO706', '... and in the plan');
my $job = value($one, 'SELECT pgops.analyze()');

# one that is woken after its time would take the leader's lock back: it never is
$ha->kill_patroni($one, 'KILL');
my $new = $ha->wait_for_leader(30, not => $one);
note($new->name . ' leads');
ok(wait_until(sub { phase($new) =~ /^converged/ && value($new, 'SELECT instance FROM pgops.status') eq $new->name }, 10),
	'the new leader goes on') or diag phase($new);
ok(wait_until(sub { value($new, 'SELECT count(*) FROM pgops.identity WHERE instance = ' . literal($new->name)) == 1 }, 10),
	'... and has its own row');
ok(wait_until(sub { hba($new) =~ /^host\s+all\s+app\s+10\.1\.0\.0/m && hba($new) !~ /^host\s+all\s+app\s+10\.2\.0\.0/m }, 10),
	'... and the rules of a primary');
declare($new, document_with([ 'app', 'kept' ]));
is(settle($new)->{phase}, 'converged', 'the new leader carries out declarations');
is(has_role($new, 'kept'), 1, '... and makes roles');

# the old one had all the time to do what it must not do
is(value($one, 'SELECT pg_is_in_recovery()'), 'f', 'the old primary still takes itself for one');
is(has_role($one, 'lost'), 0, '... and does nothing about what was declared there');
like(value($one, "SELECT state || ': ' || hint FROM pgops.jobs WHERE id = $job"),
	qr/^queued: It waits: Patroni of this member does not say whether it is the leader/, '... nor about a job');
$ha->start_patroni($one);
$ha->wait_all_running(30);
ok(wait_until(sub { hba($one) =~ /^host\s+all\s+app\s+10\.2\.0\.0/m && hba($one) !~ /^host\s+all\s+app\s+10\.1\.0\.0/m }, 20),
	'demoted, it has the rules of a replica');
is(has_role($one, 'kept'), 1, 'and follows the new leader');

# ---- declared and true roles ----
my $leader = $new->name;
my $expected = "pg-test-1/pg-test-1: declared as primary, and is a replica: \"$leader\" leads the cluster; "
  . "$leader/$leader: leads the cluster, and is declared as replica";
for my $node ($ha->nodes)
{
	ok(wait_until(sub { problems($node) eq $expected }, 10), 'topology_drift of ' . $node->name . ' tells what differs')
	  or diag problems($node);
}
like(($one->psql('postgres', 'SELECT * FROM pgops.accept_topology()'))[2],
	qr/during recovery\nHINT:  Call it on the leader, "$leader"/, 'a replica says where it is accepted');
is(join(' ', map { "$_->{instance}:$_->{old_role}>$_->{new_role}" } rows($new, "SELECT * FROM pgops.accept_topology('after the failover') ORDER BY 1")),
	"pg-test-1:primary>replica $leader:replica>primary", 'the leader accepts it');
ok(wait_until(sub { problems($_[0] // $new) eq '' }, 10), 'then it is as declared');
is(value($new, "SELECT note FROM pgops.revisions() ORDER BY revision DESC LIMIT 1"), 'after the failover', '... by one revision');
is(value($new, "SELECT count(*) FROM pgops.accept_topology()"), 0, 'a second time changes nothing');
is(value($new, "SELECT role || ' ' || offline_query FROM pgops.instances WHERE name = 'pg-test-3'"),
	$leader eq 'pg-test-3' ? 'primary true' : 'replica true', 'what fits is left alone');

# ---- a copy of such a server that Patroni does not run ----
{
	my $copy = $new->basedir . '/copy';
	my @options = ('-p 5544', "-k " . $new->host, "-c listen_addresses=''", '-c archive_mode=off');

	run_log([ 'pg_basebackup', '-D', $copy, '-c', 'fast', '-h', $new->host, '-p', 5432, '--no-sync' ]);
	ok(-e "$copy/patroni.dynamic.json", 'a copy has what Patroni leaves behind');
	unlink "$copy/standby.signal";
	run_log([ $new->on_host, 'pg_ctl', '-D', $copy, '-l', "$copy.log", '-w', '-o', "@options", 'start' ]);
	my $ask = sub {
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'psql', '-XAtq', '-h', $new->host, '-p', 5544, '-d', 'postgres', '-c', $_[0] ], '>', \$out, '2>', \$err);
		chomp $out;
		return $out;
	};
	ok(wait_until(sub { $ask->('SELECT state FROM pgops.coordinator()') eq 'unbound' }, 10), 'it is bound to nothing');
	is($ask->("SELECT phase || ' ' || (message ~ 'copy or a standby of instance') FROM pgops.status"), 'unbound true', '... and says what it is');
	is($ask->("SELECT count(*) FROM pgops.show_topology()"), 0, '... with no topology');
	run_log([ 'pg_ctl', '-D', $copy, '-m', 'immediate', '-w', 'stop' ]);
}

# ---- which one it is cannot be told ----
declare($new, document_with([ 'app', 'kept' ], pg_port => 5433,
	hosts => { map { $_ => { pg_seq => 10 + $_, $new->name eq "pg-test-$_" ? (pg_role => 'primary') : (pg_role => 'replica') } } 1 .. 3 }));
ok(wait_until(sub { phase($new) =~ /^unbound: Patroni runs this server as a member of "pg-test", and it is not known which one: .*pg-test-11 is 10\.10\.10\.11:5433/ }, 10),
	'no address and no name fits: nothing is done, and why is said') or diag phase($new);
declare($new, document_with([ 'app', 'kept' ], hosts => { map { $_ => { $new->name eq "pg-test-$_" ? (pg_role => 'primary') : (pg_role => 'replica') } } 1 .. 3 }));
is(settle($new)->{phase}, 'converged', 'declared as it is, it goes on');

# ---- Patroni stopped for maintenance of a paused cluster ----
is($ha->rest($new, 'PATCH', '/config', { pause => JSON::PP::true })->{status}, 200, 'the cluster is paused');
ok(wait_until(sub { $ha->rest($new, 'GET', '/patroni')->{json}{pause} }, 10), '... as the leader knows');
$ha->kill_patroni($new, 'TERM');
declare($new, document_with([ 'app', 'kept', 'later' ]));
ok(wait_until(sub { phase($new) =~ /^waiting: .*does not say/ }, 10), 'without Patroni nothing is done, be it paused or not') or diag phase($new);
is(has_role($new, 'later'), 0, '... for now');
$ha->start_patroni($new);
ok(wait_until(sub { has_role($new, 'later') }, 20), 'Patroni is back, and so is pgops');
is(settle($new)->{phase}, 'converged', '... by itself');
$ha->rest($new, 'PATCH', '/config', { pause => undef });

done_testing();
