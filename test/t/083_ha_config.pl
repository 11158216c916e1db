# Patroni's dynamic configuration follows the declaration: by the smallest PATCH, once,
# on all members; what it must not touch stays, what cannot be done is told.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use JSON::PP;
use PgopsPatroni;
use PgopsTest;
use Test::More;

patroni_or_skip();

# time limits that Patroni 4 takes, too, and does not raise
my $ha = patroni_cluster('config', ttl => 20, retry_timeout => 3,
	local => { 'pgops.drift_interval' => '600s', 'pgops.ha_interval' => '1s' },
	conf => { slots => { keep => { type => 'physical' } }, maximum_lag_on_syncnode => -1 });
my $leader = $ha->leader;
my %base = (patroni_username => 'patroni');
my $first = $ha->config;
my $seen = 0;

# declares on the leader and waits until it is done; the PATCHes that it took, one a line
sub patches
{
	my (%vars) = @_;
	declare($leader, $ha->document(%base, %vars));
	wait_for_pass();
	return new_patches();
}

sub new_patches
{
	my $rows = value($leader, "SELECT coalesce(string_agg(statement, E'\\n' ORDER BY id), '')
		FROM pgops.action_log WHERE rule = 'patroni.config' AND id > $seen");
	$seen = value($leader, 'SELECT coalesce(max(id), 0) FROM pgops.action_log');
	return $rows;
}

# a pass that looks at everything
sub look_again
{
	value($leader, 'SELECT pgops.reconcile()');
	wait_for_pass();
	return new_patches();
}

sub wait_for_pass
{
	value($leader, "SELECT phase FROM pgops.wait('pg-test', '30s')");
	return;
}

sub slurp_log
{
	return join '', map { PostgreSQL::Test::Utils::slurp_file($_->logfile) } $ha->nodes;
}

# the rows of the plan that are about Patroni
sub told
{
	return value($leader, "SELECT coalesce(string_agg(rule || ' ' || name || ': ' || blocked, E'\\n' ORDER BY step), '')
		FROM pgops.plan() WHERE rule LIKE 'patroni.%'");
}

# waits until every member has a value
sub all_have
{
	my ($name, $value) = @_;
	return !grep { !poll_value($_, "SELECT current_setting('$name')", $value) } $ha->nodes;
}

sub poll_value
{
	my ($node, $query, $value) = @_;
	return $node->poll_query_until('postgres', "SELECT ($query) = '$value'");
}

# ---- what is not declared ----
is(patches(), '', 'nothing is declared about Patroni: nothing is patched');
is(told(), '', 'nor told');

# ---- time limits and parameters ----
is(patches(pg_parameters => { work_mem => '7MB', 'my.own' => 'x', random_page_cost => 4 },
		pg_rto => 'mine', pg_rto_plan => { mine => [ 25, 1, 3, 300, 1, '1s', '1s', '1s', 3, 3 ] }),
	'PATCH /config {"ttl": 25, "postgresql": {"parameters": {"my.own": "x", "random_page_cost": 4, "work_mem": "7MB"}}}',
	'what differs is one PATCH: neither what is the same nor what Patroni takes anyway');
ok(all_have('work_mem', '7MB'), 'it holds on all members');
my %want = (%$first, ttl => 25);
my $now = $ha->config;
is($now->{postgresql}{parameters}{work_mem}, '7MB', 'it is in the configuration');
delete @{ $now->{postgresql}{parameters} }{ 'work_mem', 'my.own', 'random_page_cost' };
is_deeply($now, \%want, 'the rest of the configuration is as it was');
is(look_again(), '', 'a second pass changes nothing');
is(value($leader, "SELECT reason FROM pgops.action_log WHERE rule = 'patroni.config'"),
	'my.own: DEFAULT -> x, random_page_cost: DEFAULT -> 4, work_mem: DEFAULT -> 7MB, ttl: 20 -> 25',
	'the reason has old and new values');

# ---- what somebody else changes ----
$ha->rest(1, 'PATCH', '/config', { ttl => 40, failsafe_mode => JSON::PP::true,
		postgresql => { parameters => { work_mem => '7168kB', log_min_duration_statement => 500 } } });
ok(poll_value($leader, "SELECT count(*) FROM pgops.plan() WHERE rule = 'patroni.config'", 1), 'the plan of a session shows it');
is(look_again(), 'PATCH /config {"ttl": 25}', 'what is declared comes back; another unit is the same value');
is($ha->config->{failsafe_mode}, JSON::PP::true, 'what is not declared stays');
$ha->rest(1, 'PATCH', '/config', { failsafe_mode => undef, postgresql => { parameters => { log_min_duration_statement => undef } } });

# ---- synchronous replication, slots; undone when no longer declared ----
my $patch = patches(pgops_dcs => { synchronous_mode => 'quorum', synchronous_node_count => 2, slots => { cdc => { type => 'physical' } } });
like($patch, qr/"slots": \{"cdc": \{"type": "physical"\}\}/, 'slots are declared one by one');
like($patch, qr/"ttl": 20\b/, 'what is not declared any more gets back what it was');
SKIP:
{
	skip 'this Patroni has quorum commit itself', 1 if patroni_version() >= 40000;
	ok(poll_value($leader, "SELECT current_setting('synchronous_standby_names')", 'ANY 2 (*)'),
		'quorum commit without Patroni\'s help');
}
ok($leader->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'quorum'"),
	'two standbys confirm');
like(patches(pg_rpo => 0), qr/"synchronous_mode": true/, 'an objective of 0 bytes is synchronous mode');
ok($leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
	'a standby is synchronous');
like(told(), qr/^patroni.orphan slots.cdc: the slot is kept: Patroni would drop it/m,
	'a slot that is not declared any more is kept, and told');
is_deeply($ha->config->{slots}{cdc}, { type => 'physical' }, '... in the configuration, too');
is(patches(pgops_dcs => { slots => { cdc => undef } }), 'PATCH /config {"slots": {"cdc": null}, "synchronous_mode": null}',
	'declared as null it goes');
patches();
is_deeply($ha->config, $first, 'with nothing declared the configuration is what it was at first');

# ---- what cannot be ----
is(patches(pg_parameters => { port => 5433, hot_standby => 'on', max_wal_senders => 2, synchronous_standby_names => '*',
			no_such_thing => 1, work_mem => '8MB' },
		pgops_dcs => { ttl => 4, synchronous_mode => \1 }),
	'PATCH /config {"synchronous_mode": true, "postgresql": {"parameters": {"work_mem": "8MB"}}}', 'what can be done is done');
my $told = told();
like($told, qr/^patroni.parameter port: Patroni sets parameter "port" itself/m, 'what is Patroni\'s own is told');
like($told, qr/^patroni.parameter max_wal_senders: Patroni ignores parameter "max_wal_senders" of 2/m, 'so is what it would ignore');
like($told, qr/^patroni.parameter synchronous_standby_names: in synchronous mode/m, 'and what is its own in synchronous mode');
like($told, qr/^patroni.parameter no_such_thing: this server has no parameter/m, 'and what there is not');
like($told, qr/^patroni.refused ttl: ttl 4 would be less than loop_wait \+ 2 \* retry_timeout \(1 \+ 2 \* 3\)/m, 'and limits with which the leader would lose its lock');
unlike($told, qr/hot_standby/, 'what is as it would be anyway is not told');
is(value($leader, 'SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE \'%auto.conf\' AND name = \'work_mem\''), 0,
	'nothing is set by ALTER SYSTEM');
value($leader, "ALTER SYSTEM SET work_mem = '9MB'");
like(told(), qr/^patroni.overridden work_mem: parameter "work_mem" was set by ALTER SYSTEM/m, 'what overrules the configuration is told');
value($leader, 'ALTER SYSTEM RESET work_mem');

# ---- HBA rules ----
my @hba = ('local all all trust', 'local replication all trust', 'host replication replicator 10.10.10.0/24 md5',
	'host all replicator 10.10.10.0/24 md5', 'host all all 10.10.10.0/24 scram-sha-256');
my @rules = (
	{ title => 'all', user => 'all', db => 'all', addr => 'local', auth => 'trust' },
	{ title => 'replication', rules => [ @hba[ 1 .. 3 ] ] },
	{ title => 'one role', role => 'replica', user => 'app', db => 'all', addr => 'world', auth => 'pwd' },
	{ title => 'secret', rules => ['host all app 10.9.0.0/16 ldap ldapserver=x ldapbasedn=y ldapbinddn=z ldapbindpasswd=hidden'] }
);
$ha->rest(1, 'PATCH', '/config', { postgresql => { pg_hba => \@hba } });
ok($leader->poll_query_until('postgres', "SELECT count(*) > 0 FROM pgops.plan() WHERE rule = 'patroni.config' AND statement LIKE '%pg_hba%'"),
	'it is seen that Patroni writes the rules');
$seen = value($leader, 'SELECT coalesce(max(id), 0) FROM pgops.action_log');
my $before = $seen;
$patch = patches(pg_default_hba_rules => [], pg_hba_rules => \@rules);
like($patch, qr/^PATCH \/config \{.*"postgresql": \{.*"pg_hba": \["local /, 'rules go the same way where Patroni writes the file');
unlike($patch, qr/hidden/, 'their secrets are masked');
is(value($leader, "SELECT count(*) FROM pgops.action_log WHERE rule LIKE 'hba.%' AND id > $before"), 0, 'the file is left to Patroni');
like(told(), qr/^patroni.hba one role: the rule is for role replica only/m, 'rules of one role are told');
for my $node ($ha->nodes)
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_hba_file_rules WHERE 'ldapbindpasswd=hidden' = ANY (options)"),
		$node->name . ' has the rules');
}
is(look_again(), '', 'a second pass changes nothing');
like(told(), qr/patroni.hba/, 'but tells it again');

# ---- a password that Patroni does not take ----
$base{pg_default_hba_rules} = [];
$base{pg_hba_rules} = \@rules;
patches(patroni_password => 'wrong', pg_users => [ { name => 'late' } ], pg_parameters => { work_mem => '6MB' });
is(value($leader, "SELECT state || ' ' || sqlstate || ' ' || hint FROM pgops.action_log
		WHERE rule = 'patroni.config' ORDER BY id DESC LIMIT 1"),
	'failed PO605 patroni_username and patroni_password must be what restapi.authentication says in Patroni\'s configuration.',
	'it is told which step failed');
is(value($leader, "SELECT count(*) FROM pg_roles WHERE rolname = 'late'"), 1, 'the rest was done');
is($ha->config->{postgresql}{parameters}{work_mem}, undef, 'nothing was changed');
unlike(slurp_log(), qr/wrong/, 'the password is in no log');
like(patches(pg_parameters => { work_mem => '6MB' }), qr/"work_mem": "6MB"/, 'with the right one it is done');

# ---- what waits for a restart ----
patches(pg_parameters => { max_connections => 60 }, pgops_restart_policy => 'never');
ok($leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgops.plan() WHERE rule = 'patroni.restart'
		AND blocked LIKE '%max_connections (50 -> 60)' AND reason = 'members that wait: pg-test-1, pg-test-2, pg-test-3'"),
	'what waits is told with the members');
is(value($leader, "SELECT name || ' ' || value || ' ' || pending_value || ' ' || declared FROM pgops.pending_restart"),
	'max_connections 50 60 true', 'and in pgops.pending_restart');
is(value($leader, 'SELECT count(*) FROM pgops.job'), 0, 'with the policy "never" no restart is asked for');

# ---- Patroni is paused, and then silent; nobody takes over meanwhile ----
is(patches(pg_parameters => { max_connections => 60 }, patroni_mode => 'pause', pgops_restart_policy => 'always'),
	'PATCH /config {"pause": true}', 'a pause is declared like the rest');
is(value($leader, 'SELECT count(*) FROM pgops.job'), 0, 'while Patroni is paused no restart is asked for');
$ha->kill_patroni($_, 'STOP') for $ha->nodes;
ok($leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgops.plan() WHERE rule = 'patroni.unreachable'"),
	'that Patroni does not answer is told');
is(value($leader, "SELECT count(*) FROM pgops.plan() WHERE rule LIKE 'patroni.%' AND rule <> 'patroni.unreachable'"), 0,
	'and nothing is planned with what it once said');
$ha->kill_patroni($_, 'CONT') for $ha->nodes;
ok($leader->poll_query_until('postgres', "SELECT count(*) = 0 FROM pgops.plan() WHERE rule = 'patroni.unreachable'"),
	'it answers again');

# ---- policy ----
is(patches(pg_parameters => { max_connections => 60 }, pgops_restart_policy => 'always'), 'PATCH /config {"pause": null}',
	'the pause ends with its declaration');
ok($leader->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgops.job WHERE kind = 'rolling_restart'
		AND args = '{\"only_pending\": true, \"parameters\": \"max_connections (50 -> 60)\"}'"),
	'with the policy "always" a restart of the members is asked for, once');

done_testing();
