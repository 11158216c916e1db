# A REST API that is not well: each way in which what should be Patroni can fail to
# answer is a condition with its SQLSTATE, shown in pgops.ha_status.  Nothing hangs,
# nothing crashes, and no password is told.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsTls;
use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $json = JSON::PP->new->canonical;
my $folder = PostgreSQL::Test::Utils::tempdir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $tls_port = PostgreSQL::Test::Cluster::get_free_port();
my $strict_port = PostgreSQL::Test::Cluster::get_free_port();
my $password = 'Rest-Api-wOrd';
my $wrong_password = 'Wr0ng-Rest-wOrd';

# fault, SQLSTATE, words of the condition
my @faults = (
	[ none => undef, undef ],
	[ garbage => 'PO603', qr/no usable answer/ ],
	[ empty => 'PO603', qr/no usable answer/ ],
	[ html => 'PO603', qr/not Patroni's: invalid JSON/ ],
	[ no_json => 'PO603', qr/not Patroni's: invalid JSON/ ],
	[ nul => 'PO603', qr/does not say which version/ ],
	[ nul_escape => 'PO603', qr/not Patroni's: invalid JSON/ ],
	[ not_utf8 => 'PO603', qr/does not say which version/ ],
	[ deep => 'PO603', qr/invalid JSON/ ],
	[ deep_object => 'PO603', qr/nested/ ],
	[ other_types => 'PO603', qr/is not an object/ ],
	[ number_as_text => 'PO603', qr/"timeline" is not a number/ ],
	[ huge_number => 'PO603', qr/integer/ ],
	[ no_time => 'PO603', qr/does not say which version/ ],
	[ another => 'PO610', qr/runs another server/ ],
	[ cut => 'PO603', qr/no usable answer/ ],
	[ big => 'PO604', qr/longer than/ ],
	[ big_announced => 'PO604', qr/longer than/ ],
	[ big_header => 'PO604', qr/header of the answer .* longer than/ ],
	[ endless => 'PO604', qr/longer than/ ],
	[ endless_header => 'PO604', qr/header of the answer .* longer than/ ],
	[ redirect => 'PO606', qr/redirect/ ],
	[ unavailable => 'PO607', qr/status 503: the store/ ],
	[ deaf => 'PO601', qr/no complete answer/ ],
	[ hang => 'PO601', qr/no complete answer/ ],
	[ hang_in_body => 'PO601', qr/no complete answer/ ],
	[ drip => 'PO601', qr/no complete answer/ ],
);
my %address;
$address{ $faults[$_][0] } = '127.0.7.' . ($_ + 1) for 0 .. $#faults;

# ---- certificates ----
authority($folder, $_) for qw(ca other-ca);
certify($folder, 'server', 'ca', "IP:$address{none}");
certify($folder, 'client', 'ca', 'DNS:pgops');

# ---- servers ----
my @servers;
my $open = '';    # standard input of the servers: they end with this process

sub start_server
{
	my ($at, @arguments) = @_;
	push @servers, IPC::Run::start(
		[ '/usr/bin/python3', "$FindBin::RealBin/../lib/hostile_http.py", $at,
			"$folder/settings.json", @arguments ],
		'<', \$open, '>', "$folder/server.$at.out", '2>', "$folder/server.$at.err");
	wait_until(sub { grep { /listening/ } requests($at) })
	  or die 'no server: ' . slurp_file("$folder/server.$at.err");
	return;
}

# what a server was asked so far: address, method, path, user, body
sub requests
{
	my ($at) = @_;
	return -e "$folder/server.$at.out" ? split /\n/, slurp_file("$folder/server.$at.out") : ();
}

END
{
	my $status = $?;
	$_->kill_kill(grace => 1) for @servers;
	$? = $status;
}

# two members: the leader, which is well, and the one that is asked about itself
my $leader = '127.0.8.1';
my %patroni = (
	server_version => 150000, timeline => 1, dcs_last_seen => time, state => 'running',
	patroni => { version => '3.0.2', scope => 'small' });
my %settings = (
	faults => { $leader => 'none', map { $address{$_} => $_ } keys %address },
	password => "postgres:$password",
	answers => {
		'/patroni' => {
			%patroni, role => 'replica',
			xlog => { received_location => 67108864, replayed_location => 67108864, paused => JSON::PP::false }
		},
		"$leader/patroni" => { %patroni, role => 'master', xlog => { location => 67108864 } },
		'/cluster' => {
			members => [
				{
					name => 'small-1', role => 'leader', state => 'running', timeline => 1,
					api_url => "http://$leader:$port/patroni", host => '10.10.10.10', port => 5432
				},
				{
					name => "small-2\x{fc}", role => 'replica', state => 'running', timeline => 1, lag => 0,
					api_url => "http://$address{none}:$port/patroni", host => '10.10.10.11', port => 5432
				}
			]
		},
		'/config' => { ttl => 30, loop_wait => 10, postgresql => { parameters => {} } },
		'/history' => [],
		'/reload' => {},
		"$leader/primary" => { %patroni, role => 'master', xlog => { location => 67108864 } }
	});

append_to_file("$folder/settings.json", JSON::PP->new->utf8->canonical->encode(\%settings));
start_server($port);
start_server($tls_port, "$folder/server.crt", "$folder/server.key");
start_server($strict_port, "$folder/server.crt", "$folder/server.key", "$folder/ca.crt");

# ---- nodes ----
# not in UTF-8: what comes is in that whatever the server's own encoding
my $primary = pgops_node('small',
	init => { allows_streaming => 1, extra => [ '-E', 'LATIN1', '--locale=C' ] }, conf => <<'CONF');
pgops.ha_interval = '1s'
pgops.drift_interval = '1h'
pgops.manage_hba = off
CONF
$primary->backup('copy');
my $node = PostgreSQL::Test::Cluster->new('standby');
$node->init_from_backup($primary, 'copy', has_streaming => 1);
$node->append_conf('postgresql.conf', "pgops.patroni_url = 'http://$address{none}:$port'\n");
$node->start;

sub status
{
	return row($node, 'SELECT * FROM pgops.ha_status');
}

# has Patroni asked at another address
sub ask_at
{
	my ($url, %file) = @_;
	my %setting = (patroni_url => $url, map { ("patroni_${_}_file" => $file{$_}) } keys %file);
	$node->safe_psql('postgres',
		join "\n", (map { "ALTER SYSTEM SET pgops.$_ = " . literal($setting{$_}) . ';' } sort keys %setting),
		'SELECT pg_reload_conf();');
	return;
}

# waits until the condition is the expected one; while it waits, queries are answered
sub condition_is
{
	my ($where, $sqlstate, $words, $what) = @_;
	my $slowest = 0;
	my $status;
	my $met = wait_until(sub {
		my $begun = Time::HiRes::time();
		$status = status();
		my $took = Time::HiRes::time() - $begun;
		$slowest = $took if $took > $slowest;
		return $status->{patroni} eq 'running' && !defined $status->{problem} if !defined $sqlstate;
		return ($status->{sqlstate} // '') eq $sqlstate && $status->{problem} =~ $words
		  && ($status->{problem} =~ /\Q$where\E/ || $status->{problem} =~ /the answer is not|runs another/);
	}, 20);
	ok($met, $what) or diag($json->encode($status));
	cmp_ok($slowest, '<', 1, "$what: queries are answered meanwhile") if $slowest >= 1;
	return $status;
}

# ---- one fault after the other ----
for my $fault (@faults)
{
	my ($name, $sqlstate, $words) = @$fault;
	my $url = "http://$address{$name}:$port";
	ask_at($url);
	condition_is($url, $sqlstate, $words, "$name: " . ($sqlstate || 'no condition'));
}

# who was seen before still is
is(value($node, "SELECT count(*) FROM pgops.members WHERE name = 'small-2' || chr(252)"), 1,
	'names are in the encoding of the server');

# ---- nobody there, and what is no URL ----
ask_at("http://$address{none}:1");
condition_is("$address{none}:1", 'PO600', qr/could not connect/, 'nobody listens: PO600');
ask_at('ftp://127.0.0.1/x');
condition_is('ftp', 'PO600', qr/could not connect/, 'neither http nor https: PO600');
ask_at('file:///etc/passwd');
condition_is('file', 'PO600', qr/could not connect/, 'a file: PO600');
ok(status()->{problem} !~ /root/, 'which is not read');

# ---- TLS ----
ask_at("https://$address{none}:$tls_port", ca => "$folder/ca.crt");
condition_is('', undef, undef, 'TLS with a CA of our own');
ask_at("https://$address{none}:$tls_port", ca => "$folder/other-ca.crt");
condition_is('', 'PO602', qr/certificate/, 'signed by somebody else: PO602');
ask_at("https://$address{none}:$tls_port", ca => '');
condition_is('', 'PO602', qr/certificate/, 'not signed by who the system knows: PO602');
ask_at("https://$address{none}:$tls_port", ca => "$folder/missing.crt");
condition_is('', 'PO602', qr/certificate|trust anchors/, 'a CA file that is not there: PO602');
ask_at("https://$address{empty}:$tls_port", ca => "$folder/ca.crt");
condition_is('', 'PO602', qr/no secure connection/, 'certificate of another host: PO602');
ask_at("http://$address{none}:$tls_port");
condition_is('', 'PO603', qr/no usable answer/, 'no TLS where TLS is spoken: PO603');
ask_at("https://$address{none}:$strict_port");
condition_is('', 'PO602', qr/no secure connection/, 'a certificate of ours is wanted: PO602');
ask_at("https://$address{none}:$strict_port", cert => "$folder/client.crt", key => "$folder/client.key");
condition_is('', undef, undef, 'and accepted');

# ---- a server that hangs holds nothing up ----
ask_at("http://$address{hang}:$port", cert => '', key => '');
my $asked = requests($port);
ok(wait_until(sub { requests($port) > $asked && (requests($port))[-1] =~ /^$address{hang} / }),
	'a request is under way');
my $begun = Time::HiRes::time();
$node->stop('fast');
cmp_ok(Time::HiRes::time() - $begun, '<', 2, 'the server stops at once all the same');
$node->start;

# ---- a password that Patroni does not accept ----
append_to_file($primary->data_dir . '/patroni.dynamic.json', '{}');
$primary->append_conf('postgresql.conf', "pgops.patroni_url = 'http://$leader:$port'\n");
$primary->reload;
wait_for($primary, "SELECT patroni = 'running' AND leader_is_self FROM pgops.ha_status", 'a primary whose Patroni runs it');

# changes that were asked for with a password: method, path, body
sub changes
{
	my ($with) = @_;
	return map { /^$leader (POST|PATCH) (\S+) postgres:$with (.*)$/ ? "$1 $2 $3" : () } requests($port);
}

my %declared = (
	pg_default_roles => [], pg_default_privileges => [], pg_default_schemas => [],
	patroni_username => 'postgres', pgops_dcs => { ttl => 40 });
declare($primary, small_document(%declared, patroni_password => $wrong_password));
is(settle($primary)->{phase}, 'degraded', 'the configuration cannot be changed');
my $failed = row($primary, "SELECT sqlstate, message, hint FROM pgops.action_log WHERE rule = 'patroni.config' ORDER BY id LIMIT 1");
is($failed->{sqlstate}, 'PO605', 'a PATCH with a wrong password: PO605');
like($failed->{message}, qr/does not accept the user or the password$/, 'in words, and not those of the answer, which tell it');
like($failed->{hint}, qr/patroni_password/, 'and what helps');
my $job = value($primary, "SELECT pgops.reload_member('small-1')");
wait_for($primary, "SELECT state = 'failed' AND sqlstate = 'PO605' FROM pgops.jobs WHERE id = $job", 'a POST with it: PO605');
ok((grep { /^PATCH \/config/ } changes($wrong_password)) && (grep { /^POST/ } changes($wrong_password)), 'both were made');

declare($primary, small_document(%declared, patroni_password => $password));
wait_for($primary, "SELECT phase = 'converged' FROM pgops.status", 'with the right one all is done');
is_deeply([ changes($password) ], ['PATCH /config {"ttl": 40}'], 'by one change');
is(value($primary, "SELECT count(*) FROM pgops.plan()"), 0, 'nothing is left to do');

# neither as it is nor as it travels
my $secret = join '|', map { quotemeta } map { ($_, encode_base64("postgres:$_", '')) } $password, $wrong_password;
for my $server ($primary, $node)
{
	is(log_matches($server, $secret), 0, 'no password in the log of ' . $server->name);
}
for my $place (qw(pgops.action_log pgops.actions pgops.job pgops.job_output pgops.members pgops.ha_status pgops.revision pg_stat_activity))
{
	is(value($primary, "SELECT count(*) FROM $place t WHERE t::text ~ " . literal($secret) . " AND t::text !~ 'count'"), 0, "nor in $place");
}

# ---- afterwards ----
ask_at("http://$address{none}:$port");
condition_is('', undef, undef, 'all is well again');
is(log_matches($node, 'terminated by signal|PANIC|TRAP'), 0, 'no process has crashed');
is(log_matches($node, 'ERROR'), 0, 'what others answer is no error of ours')
  or diag(join "\n", grep { /ERROR/ } split /\n/, slurp_file($node->logfile));
is(scalar(grep { / GET / && !/ - $/ } requests($port)), 0, 'who asks sends no password');
is(log_matches($primary, 'terminated by signal|PANIC|TRAP'), 0, 'nor on the primary');

done_testing();
