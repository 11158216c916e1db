# patroni.yml for every kind of member: as PyYAML reads it, as Patroni's own
# validation takes it, with passwords and names that would break a pasted text;
# and what is refused.  Whether a cluster starts from it is in 085_render_start.pl.
#
# PGOPS_INVENTORIES may name a folder of inventories (*.yml), as in
# 018_inventories.pl: a file of each of their instances is validated, too.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use File::Basename qw(basename);
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $json = JSON::PP->new->canonical->utf8;
my $in_namespace = $ENV{PGOPS_TEST_NAMESPACE} && system('patroni --version >/dev/null 2>&1') == 0;
my @etcd;    # sockets that stand for it: validation wants to reach it

# ---- helpers --------------------------------------------------------------------

if ($in_namespace)
{
	system('ip link set lo up') == 0 or die;
	system("ip address add 10.10.10.$_/32 dev lo") == 0 || die for 2, 3, 10 .. 50;
	push @etcd, IO::Socket::INET->new(LocalAddr => "10.10.10.$_", LocalPort => 2379, Listen => 100, ReuseAddr => 1) || die
	  for 10 .. 12;
}

my $node = idle_node('main');
my ($bin_dir) = run_command([ 'pg_config', '--bindir' ]);
my $standard = 'DBUser.Replicator';

# declares an inventory, and nothing else that was before
sub declare_all
{
	my ($inventory) = @_;
	my $text = ref $inventory ? $json->encode($inventory) : $inventory;
	$node->safe_psql('postgres', 'SELECT count(*) FROM pgops.apply_inventory(' . literal($text) . ', prune => true)');
	return;
}

# the text of a file, and its tree as PyYAML reads it
sub rendered
{
	my ($instance, $arguments) = @_;
	my $text = $node->safe_psql('postgres', 'SELECT pgops.render(' . literal($instance) . ($arguments ? ", $arguments" : '') . ')');
	my $file = "$folder/$instance.yml";

	unlink $file;
	append_to_file($file, "$text\n");
	my ($out, $err) = run_command(
		[ '/usr/bin/python3', '-c', 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))', $file ]);
	is($err, '', "$instance: is YAML");
	return wantarray ? ($json->decode($out), $text, $file) : $json->decode($out);
}

# what Patroni says of a file: nothing, if all is well
sub validation
{
	my ($file) = @_;
	my ($out, $err) = run_command([ 'patroni', '--validate-config', $file ]);
	return "$out$err";
}

# the same of many files, by what that command calls; a command each would take long
sub validations
{
	my (@files) = @_;
	my ($out, $err) = run_command([ '/usr/bin/python3', '-c', <<~'PYTHON', @files ]);
		import sys
		from patroni.config import Config
		from patroni.validator import schema
		for name in sys.argv[1:]:
		    try:
		        Config(name, validator=schema)
		    except Exception as e:
		        print(name, e)
		PYTHON
	return "$out$err";
}

# a query that fails: "SQLSTATE message"
sub refused
{
	my ($sql) = @_;
	my ($code, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $code == 0 ? 'done' : $err =~ /ERROR: +(\w{5}: .*?)\n/s ? $1 : $err;
}

sub hosts
{
	my (%hosts) = @_;
	return { map { ("10.10.10.$_" => $hosts{$_}) } keys %hosts };
}

# ---- every kind of member ---------------------------------------------------------

my $nasty_user = q{it's "ein: #Replikator" \\ };
my $nasty_password = "p'a\"ss: #{w}\\o%r \$d & - ?!\t";
my $nasty_api = "- 'é': \"ü\" #\x{20ac}, [x] {y} & *z | > %s \\n";
my $reference = "$folder/password";
append_to_file($reference, "Aus.Datei: '#'\n");

my %vars = (pg_bin_dir => $bin_dir, pg_data => '/pg/data', pg_replication_password => $standard, patroni_password => 'Rest.Secret');
my $all = {
	all => {
		children => {
			etcd => { hosts => hosts(10 => { etcd_seq => 1 }, 11 => { etcd_seq => 2 }), vars => { etcd_cluster => 'etcd' } },
			infra => { hosts => hosts(10 => { infra_seq => 1 }) },
			'pg-all' => {
				hosts => hosts(
					21 => { pg_seq => 1, pg_role => 'primary' },
					22 => { pg_seq => 2, pg_role => 'replica' },
					23 => { pg_seq => 3, pg_role => 'offline' },
					24 => { pg_seq => 4, pg_role => 'replica', pg_upstream => '10.10.10.22' },
					25 => { pg_seq => 5, pg_role => 'delayed', pg_upstream => '10.10.10.21', pg_delay => '30min', pg_port => 5499 }),
				vars => {
					pg_cluster => 'pg-all', pg_rpo => 0, pg_rto => 'fast', pg_namespace => '/ns',
					pg_parameters => { log_line_prefix => q{%m '#': "x" }, 'shared_preload_libraries' => 'auto_explain, pgops' },
					pgops_patroni => { watchdog => { mode => 'required' }, log => undef, tags => { note => 'off', number => '0755' } }
				}
			},
			'pg-quorum' => {
				hosts => hosts(map { (30 + $_ => { pg_seq => $_, pg_role => $_ == 1 ? 'primary' : 'replica' }) } 1 .. 3),
				vars => { pg_cluster => 'pg-quorum', pgops_dcs => { synchronous_mode => 'quorum', synchronous_node_count => 2 }, pg_conf => 'tiny', pgbackrest_method => 'minio', pg_data => q{/pg/it's 100%} }
			},
			'pg-follow' => {
				hosts => hosts(34 => { pg_seq => 1, pg_role => 'primary', pg_upstream => '10.10.10.21' }, 35 => { pg_seq => 2, pg_role => 'replica' }),
				vars => { pg_cluster => 'pg-follow', pgbackrest_method => 'local' }
			},
			'pg-late' => {
				hosts => hosts(36 => { pg_seq => 1, pg_role => 'primary', pg_upstream => '10.10.10.21', pg_delay => '1h' }),
				vars => { pg_cluster => 'pg-late' }
			},
			'pg-shard0' => {
				hosts => hosts(37 => { pg_seq => 1, pg_role => 'primary' }),
				vars => { pg_cluster => 'pg-shard0', pg_mode => 'citus', pg_shard => 'pg-shard', pg_group => 0, pg_primary_db => 'meta', pg_dbsu_password => { file => $reference } }
			},
			'pg-shard1' => {
				hosts => hosts(38 => { pg_seq => 1, pg_role => 'primary' }, 39 => { pg_seq => 2, pg_role => 'replica' }),
				vars => { pg_cluster => 'pg-shard1', pg_mode => 'citus', pg_shard => 'pg-shard', pg_group => 1, pg_primary_db => 'meta', pg_dbsu_password => 'Super.Secret' }
			},
			'pg-odd' => {
				hosts => hosts(40 => { pg_seq => 1, pg_role => 'primary' }),
				vars => {
					pg_cluster => 'pg-odd', pg_replication_username => $nasty_user, pg_replication_password => $nasty_password,
					patroni_username => 'yes', patroni_password => $nasty_api, pg_listen => '${ip}, ${vip},${lo}', pg_vip_address => '10.10.10.3/24',
					pg_default_hba_rules => [ { user => '${repl}', db => 'replication', addr => 'intra', auth => 'pwd' } ],
					pg_default_roles => [ { name => $nasty_user, replication => JSON::PP::true } ],
					pg_locale => 'de_DE.UTF-8', pg_checksum => JSON::PP::false, patroni_log_dir => '/var/log/patroni', pg_dbsu_home => '/var/lib/pg',
					patroni_ssl_enabled => JSON::PP::true, pg_etcd_password => ''
				}
			},
			'pg-plain' => {
				hosts => hosts(41 => { pg_seq => 1, pg_role => 'primary' }),
				vars => { pg_cluster => 'pg-plain', patroni_enabled => JSON::PP::false }
			},
			'pg-jinja' => {
				hosts => hosts(42 => { pg_seq => 1, pg_role => 'primary' }),
				vars => { pg_cluster => 'pg-jinja', pg_data => '{{ somewhere }}' }
			}
		},
		vars => { %vars, admin_ip => '10.10.10.10' }
	}
};
declare_all($all);

my $machine = 'cpu => 8, mem_mb => 32000, disk_bytes => 536870912000';
my (%tree, %file);
for my $name (split /\n/, value($node, "SELECT name FROM pgops.instances WHERE kind = 'pgsql' AND cluster NOT IN ('pg-odd', 'pg-plain', 'pg-jinja', 'pg-shard1')"))
{
	($tree{$name}, undef, $file{$name}) = rendered($name, $machine);
}
is(scalar keys %tree, 12, 'there is a file for each instance');

my $one = $tree{'pg-all-1'};
is_deeply([ @$one{qw(scope namespace name)} ], [ 'pg-all', '/ns/', 'pg-all-1' ], 'scope, namespace, name');
is_deeply($one->{etcd3}, { hosts => [ '10.10.10.10:2379', '10.10.10.11:2379' ] }, 'etcd as it is declared, without a password');
is_deeply(
	$one->{restapi},
	{
		listen => '10.10.10.21:8008', connect_address => '10.10.10.21:8008',
		authentication => { username => 'postgres', password => 'Rest.Secret' },
		allowlist => [ '10.10.10.10', map { "10.10.10.2$_" } 1 .. 5 ], allowlist_include_members => JSON::PP::true
	},
	'the REST API, and who may use it');
my $dcs = $one->{bootstrap}{dcs};
is_deeply([ @$dcs{qw(ttl loop_wait retry_timeout primary_start_timeout)} ], [ 20, 5, 5, 15 ], 'time limits of the plan');
is_deeply([ $dcs->{synchronous_mode}, $dcs->{failsafe_mode}, exists $dcs->{standby_cluster} ], [ JSON::PP::true, JSON::PP::true, '' ],
	'an objective of 0 bytes is synchronous');
my $parameters = $dcs->{postgresql}{parameters};
is($parameters->{shared_buffers}, '8000MB', 'parameters are those of the machine that was given');
is($parameters->{log_line_prefix}, q{%m '#': "x" }, 'declared parameters are on top');
is($parameters->{shared_preload_libraries}, 'auto_explain, pgops', 'pgops is preloaded');
ok(!exists $parameters->{ssl}, 'no TLS without a certificate');
is_deeply([ grep { !defined $parameters->{$_} } keys %$parameters ], [], 'nothing is null in a new configuration');
is_deeply([ grep { ref $_ && exists $_->{'auth-local'} } @{ $one->{bootstrap}{initdb} } ], [ { 'auth-local' => 'peer' } ], 'initdb trusts nobody');
ok((grep { $_ eq 'data-checksums' } @{ $one->{bootstrap}{initdb} }), 'with checksums');
my @rules = @{ $one->{bootstrap}{pg_hba} };
like($rules[0], qr/^local +all +postgres +peer$/, 'first rule is the superuser\'s');
ok((grep { /^host +replication +replicator +10\.0\.0\.0\/8 +scram-sha-256$/ } @rules), 'members may replicate');
my $server = $one->{postgresql};
is_deeply([ @$server{qw(listen connect_address data_dir bin_dir)} ], [ '0.0.0.0:5432', '10.10.10.21:5432', '/pg/data', $bin_dir ], 'where the server is');
is_deeply(
	$server->{authentication},
	{ superuser => { username => 'postgres' }, map { ($_ => { username => 'replicator', password => $standard }) } qw(replication rewind) },
	'who logs in');
is_deeply($server->{parameters}, { unix_socket_directories => '/var/run/postgresql' }, 'the member\'s own parameters');
is_deeply([ $server->{create_replica_methods}, $server->{recovery_conf} ], [ ['basebackup'], undef ], 'without backups there is one way to copy');
is_deeply([ $one->{watchdog}{mode}, exists $one->{log} ], [ 'required', '' ], 'pgops_patroni goes over it, a null takes away');
is_deeply(
	$one->{tags},
	{
		nofailover => JSON::PP::false, clonefrom => JSON::PP::true, noloadbalance => JSON::PP::false, nosync => JSON::PP::false,
		version => (run_command([ 'pg_config', '--version' ]))[0] =~ /(\d+)/, spec => '8C.32G.500G', conf => 'oltp.yml', note => 'off', number => '0755'
	},
	'tags; a text stays one');

my %tags = map { $_ => $tree{"pg-all-$_"}{tags} } 1 .. 5;
is_deeply([ map { $tags{$_}{nofailover} ? 1 : 0 } 1 .. 5 ], [ 0, 0, 1, 0, 1 ], 'offline and delayed members never lead');
is_deeply([ map { $tags{$_}{nosync} ? 1 : 0 } 1 .. 5 ], [ 0, 0, 1, 0, 1 ], '... and are never waited for');
is_deeply([ map { $tags{$_}{replicatefrom} } 1 .. 5 ], [ undef, undef, undef, 'pg-all-2', 'pg-all-1' ], 'a cascade follows a member, by its name');
is_deeply($tree{'pg-all-5'}{postgresql}{recovery_conf}, { recovery_min_apply_delay => '30min' }, 'a member that lags');
is($tree{'pg-all-5'}{postgresql}{connect_address}, '10.10.10.25:5499', 'its own port');

is($tree{'pg-quorum-1'}{bootstrap}{dcs}{synchronous_mode}, 'quorum', 'quorum commit with a new Patroni');
is_deeply([ map { $tree{'pg-quorum-1'}{$_->[0]}{$_->[1]} } [ 'tags', 'conf' ], [ 'watchdog', 'mode' ] ], [ 'tiny.yml', 'off' ], 'a template without suffix; no watchdog');
my $old = rendered('pg-quorum-1', "patroni_version => '3.0.2'")->{bootstrap}{dcs};
is_deeply([ $old->{synchronous_mode}, $old->{postgresql}{parameters}{synchronous_standby_names} ], [ JSON::PP::false, 'ANY 2 (*)' ], '... and with an old one');

# backups: in a parameter of the server a percent sign is doubled, in Patroni's command it is not
my $repository = $tree{'pg-quorum-1'}{postgresql};
my $pgbackrest = q{pgbackrest '--config=/pg/it'\''s 100%s.pgops/pgbackrest.conf' --stanza=pg-quorum };
is($repository->{recovery_conf}{restore_command}, sprintf($pgbackrest, '%%') . 'archive-get %f "%p"', 'WAL from the repository');
is_deeply([ map { $tree{$_}{bootstrap}{dcs}{postgresql}{parameters}{archive_mode} } qw(pg-quorum-1 pg-all-1) ], [ 'on', undef ],
	'with backups archive_mode needs no restart later');
is_deeply([ $repository->{create_replica_methods}, $repository->{pgbackrest} ],
	[ [qw(basebackup pgbackrest)], { command => sprintf($pgbackrest, '%') . '--delta restore', keep_data => JSON::PP::true, no_params => JSON::PP::true } ],
	'... and new members, if nobody else has the data');
is_deeply([ $tree{'pg-follow-1'}{postgresql}{create_replica_methods}, exists $tree{'pg-follow-1'}{postgresql}{pgbackrest} ], [ ['basebackup'], '' ],
	'a repository of one host is of no use to another');
like(value($node, "SELECT pgops.render('pg-quorum-2', 'pgbackrest.conf')"), qr/^pg1-path=\/pg\/it's 100%$/m, 'pgbackrest.conf');

my @standby = map { $tree{$_}{bootstrap}{dcs}{standby_cluster} } qw(pg-follow-1 pg-follow-2 pg-late-1);
is_deeply(
	\@standby,
	[
		(map { +{ host => '10.10.10.21', port => 5432, create_replica_methods => ['basebackup'] } } 1 .. 2),
		{ host => '10.10.10.21', port => 5432, create_replica_methods => ['basebackup'], recovery_min_apply_delay => '1h' }
	],
	'standby clusters, one of them delayed');
is_deeply($tree{'pg-late-1'}{tags}{nofailover}, JSON::PP::false, 'the leader of a delayed cluster leads it');
is_deeply([ @{ $tree{'pg-shard0-1'} }{qw(scope name citus)} ], [ 'pg-shard', 'pg-shard0-1', { group => 0, database => 'meta' } ], 'a group of a Citus cluster');
is($tree{'pg-shard0-1'}{postgresql}{authentication}{superuser}{password}, q{Aus.Datei: '#'}, 'a password out of a file');
like(refused("SELECT pgops.render('pg-shard1-1')"), qr/^PO209: the plain password of role "postgres"/, 'Citus needs the superuser\'s password');
($tree{'pg-shard1-2'}, undef, $file{'pg-shard1-2'}) = rendered('pg-shard1-2', q{passwords => '{"postgres": "Super.Secret"}'});
is_deeply($tree{'pg-shard1-2'}{citus}, { group => 1, database => 'meta' }, '... and has it from the caller');

# ---- hostile texts -----------------------------------------------------------------

like(refused("SELECT pgops.render('pg-odd-1')"), qr/^PO209: the plain password of role .* is not known/, 'of a declared password only a verifier is kept');
my $passwords = 'passwords => ' . literal($json->encode({ $nasty_user => $nasty_password }));
my ($odd, $text);
($odd, $text, $file{'pg-odd-1'}) = rendered('pg-odd-1', $passwords);
is_deeply($odd->{postgresql}{authentication}{rewind}, { username => $nasty_user, password => $nasty_password }, 'name and password with quotes, colons, hashes');
is_deeply($odd->{restapi}{authentication}, { username => 'yes', password => $nasty_api }, '... and letters beyond ASCII');
is_deeply([ @{ $odd->{restapi} }{qw(certfile keyfile cafile)} ], [ '/pg/cert/server.crt', '/pg/cert/server.key', '/pg/cert/ca.crt' ], 'TLS of the REST API');
is($odd->{bootstrap}{dcs}{postgresql}{parameters}{ssl_cert_file}, '/pg/cert/server.crt', '... whose certificate is the server\'s');
is($odd->{postgresql}{listen}, '10.10.10.40,10.10.10.3,127.0.0.1:5432', 'addresses to listen on');
is_deeply($odd->{etcd3}, { hosts => [ '10.10.10.10:2379', '10.10.10.11:2379' ], username => 'pg-odd', password => 'pg-odd' }, 'accounts of etcd');
is_deeply([ $odd->{log}{dir}, $odd->{postgresql}{pgpass} ], [ '/var/log/patroni', '/var/lib/pg/.pgpass.pg-odd-1' ], 'log and password file');
ok(!(grep { $_ eq 'data-checksums' } @{ $odd->{bootstrap}{initdb} }), 'no checksums, as declared');

my ($masked, $shown) = rendered('pg-odd-1', 'secrets => false');
is_deeply([ map { $_->{password} } $masked->{restapi}{authentication}, $masked->{etcd3}, @{ $masked->{postgresql}{authentication} }{qw(replication rewind)} ],
	[ ('********') x 4 ], 'masked on demand');
like($shown, qr/masked/, '... which the file says');
is(refused("SELECT pgops.render('pg-odd-1', passwords => '{\"x\": \"y\"}')") =~ s/ of cluster.*//sr, '22023: no file', 'a password of somebody else');
like(refused('SELECT pgops.render(\'pg-odd-1\', passwords => ' . literal($json->encode({ $nasty_user => 'wrong' })) . ')'), qr/^28P01: /, 'a wrong password');
is(log_matches($node, qr/\Q$nasty_password\E|Super\.Secret|Aus\.Datei/), 0, 'no password is in the log');

# ---- who may, and what is refused -----------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; CREATE ROLE nobody LOGIN');
like(refused("SET ROLE watcher; SELECT pgops.render('pg-all-1')"), qr/^42501: permission denied to show secrets/, 'pg_monitor does not see secrets');
unlike($node->safe_psql('postgres', "SET ROLE watcher; SELECT pgops.render('pg-all-1', secrets => false)"), qr/Rest\.Secret|\Q$standard\E/, '... but the rest');
like(refused("SET ROLE nobody; SELECT pgops.render('pg-all-1', secrets => false)"), qr/^42501: /, 'others see nothing');
is(value($node, "SELECT string_agg(DISTINCT file, ' ' ORDER BY file) || ' ' || count(*) FROM pgops.rendered('pg-all')"),
	'patroni.yml pg_hba.conf 10', 'a whole cluster');
is(value($node, "SELECT string_agg(file, ' ') FROM pgops.rendered('pg-plain')"), 'pg_hba.conf', 'one without Patroni has no patroni.yml');
like(value($node, "SELECT pgops.render('pg-all-3', 'pg_hba.conf')"), qr/^# pg_hba\.conf of pg-all-3, .*offline/s, 'pg_hba.conf');

like(refused("SELECT pgops.render('pg-none-1')"), qr/^42704: instance "pg-none-1" is not declared/, 'unknown instance');
like(refused("SELECT pgops.render('pg-all-1', 'my.cnf')"), qr/^22023: there is no file/, 'unknown file');
like(refused("SELECT pgops.render('pg-all-1', cpu => -1)"), qr/^22023: /, 'a machine without processors');
like(refused("SELECT pgops.render('pg-all-1', patroni_version => '2.1.7')"), qr/^22023: /, 'too old a Patroni');
like(refused("SELECT pgops.render('pg-plain-1')"), qr/^55000: .* without Patroni/, 'no Patroni');
like(refused("SELECT pgops.render('pg-jinja-1')"), qr/^PO109: "pg_data" is a Jinja expression/, 'what only Ansible evaluates');
like(refused("SELECT pgops.render('pg-all-1', 'pgbackrest.conf')"), qr/^PO506: no backups/, 'no backups');
like(refused('SELECT pgops.render(NULL)'), qr/^PO700: /, 'this server is no instance');

# what goes over the file is examined when it is declared
my %wrong = (
	'{ watchdgo: {} }' => qr/PO103.*no section "watchdgo".*"watchdog"/s,
	'{ scope: other }' => qr/PO108.*"scope" is given by another parameter/s,
	'{ bootstrap: { dcs: { ttl: 30 } } }' => qr/PO108.*pgops_dcs/s,
	'{ tags: nosync }' => qr/PO104.*"tags" must be a map/s
);
for my $value (sort keys %wrong)
{
	my $document = "x: { hosts: { 10.10.10.49: { pg_seq: 1, pg_role: primary } }, vars: { pg_cluster: x, pgops_patroni: $value } }";
	like(value($node, "SELECT string_agg(code || ' ' || message || ' ' || coalesce(hint, ''), '; ') FROM pgops.validate("
			  . literal($document) . ") WHERE severity = 'error'"), $wrong{$value}, "refused: $value");
}

# ---- Patroni's own opinion ---------------------------------------------------------------

SKIP:
{
	skip 'no namespaces, or no Patroni', 1 unless $in_namespace;
	# 4.0 has quorum commit, but what examines its files does not know of it
	my $told = validations(map { $file{$_} } sort keys %file);
	$told =~ s/^\S+ \S+synchronous_mode quorum is not a boolean\n?//mg if patroni_version() < 40100;
	is($told, '', 'Patroni takes all of them');
	is(validation($file{'pg-all-4'}), '', '... also as its command says it');

	my $broken = "$folder/broken.yml";
	append_to_file($broken, slurp_file($file{'pg-all-1'}) =~ s/^    rewind:.*\n//mr =~ s/ttl: 20/ttl: soon/r);
	# which of the two faults is told first, or alone, differs between versions
	like($_->($broken), qr/rewind|ttl/, '... and sees what is wrong with another') for \&validation, \&validations;
}

# ---- other people's ------------------------------------------------------------------------

SKIP:
{
	my $inventories = $ENV{PGOPS_INVENTORIES};
	skip 'PGOPS_INVENTORIES names no folder', 1 unless defined $inventories && -d $inventories;
	my @here;
	for my $path (sort glob "$inventories/*.yml")
	{
		my $base = basename($path);
		my $document = slurp_file($path);
		next unless $document =~ /etcd_seq/;
		my ($secret) = $document =~ /^ *pg_replication_password: *(\S+)/m;
		declare_all($document);
		my $given = $secret && $secret ne $standard ? 'passwords => ' . literal($json->encode({ replicator => $secret })) : '';
		for my $name (split /\n/, value($node, "SELECT name FROM pgops.instances WHERE kind = 'pgsql' ORDER BY 1"))
		{
			my ($tree, undef, $file) = rendered($name, $given);
			is_deeply([ $tree->{name}, $tree->{postgresql}{authentication}{replication}{password} ], [ $name, $secret || $standard ], "$base: $name");
			push @here, "$folder/$base-$name";
			append_to_file($here[-1], slurp_file($file) =~ s/^  bin_dir: .*$/  bin_dir: $bin_dir/mr);
		}
	}
	cmp_ok(scalar(@here), '>', 0, 'there were instances');
	is(validations(@here), '', '... and Patroni takes the files of all') if $in_namespace;
}

# ---- no etcd ---------------------------------------------------------------------------------

my $children = $all->{all}{children};
my $consul = { %{ $children->{'pg-late'}{vars} }, pgops_patroni => { consul => { host => '10.10.10.10:8500' } } };
declare_all({ all => { children => { 'pg-all' => $children->{'pg-all'}, 'pg-late' => { %{ $children->{'pg-late'} }, vars => $consul } }, vars => $all->{all}{vars} } });
like(refused("SELECT pgops.render('pg-all-1')"), qr/^PO106: no etcd is declared, which Patroni of cluster "pg-all" needs/, 'no etcd');
my $other = rendered('pg-late-1');
is_deeply([ $other->{consul}, exists $other->{etcd3} ], [ { host => '10.10.10.10:8500' }, '' ], 'another store');

$node->stop;
done_testing();
