# Parameters of the server: declared ones become true through ALTER SYSTEM, to
# the byte and once; what by hand is changed is repaired; what needs a restart is
# told until it was; what the server would refuse, or would not start with, is
# never written.
use strict;
use warnings;

use FindBin;
use IO::Socket::INET;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
pgops.drift_interval = '1h'
pgops.manage_settings = on
pgops.manage_backup = off
dynamic_shared_memory_type = posix
CONF
my $auto = $node->data_dir . '/postgresql.auto.conf';

# what the file of ALTER SYSTEM holds for a parameter; undef: nothing
sub in_auto
{
	my ($name) = @_;
	my @found = rows($node, "SELECT setting FROM pg_file_settings
		WHERE sourcefile LIKE '%auto.conf' AND lower(name) = lower(" . literal($name) . ')');
	return @found ? $found[0]{setting} : undef;
}

# a parameter as a new session has it, once the server has read its files
sub becomes
{
	my ($name, $value, $what) = @_;
	wait_for($node, "SELECT current_setting('$name') = " . literal($value), $what || "$name is $value");
	return;
}

sub parameters
{
	my (%parameter) = @_;
	return small_document(pg_parameters => \%parameter);
}

sub blocked_of
{
	my ($name) = @_;
	my ($row) = grep { $_->{name} eq $name && defined $_->{blocked} } plan_rows($node);
	return $row || {};
}

# a pass now, and its end
sub reconcile
{
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	return settle($node);
}

# ---- every class of parameters, every form of values ----
my %all = (
	work_mem => '8MB',                                    # user, unit
	log_min_duration_statement => 250,                    # superuser, unit
	checkpoint_timeout => '600',                          # sighup, unit
	log_connections => JSON::PP::true,                    # superuser-backend
	post_auth_delay => 0,                                 # backend
	random_page_cost => 1.1,                              # real
	wal_compression => 'pglz',                            # enum
	jit => JSON::PP::false,
	DateStyle => 'ISO, DMY',                              # a list that is no list of names
	search_path => [ '$user', 'public', 'Odd "Name"' ],
	temp_tablespaces => '',
	log_line_prefix => q{%m [%p] it's a \\ "prefix"  },
	archive_command => q{cp '%p' "/backup of it/%f"},
	'Some.Extension_parameter' => 'as declared');
my @before = declare($node, parameters(%all), dry_run => 1);
is(in_auto('work_mem'), undef, 'a dry run sets nothing');
is((grep { $_->{rule} eq 'parameter.set' && !defined $_->{blocked} } @before), scalar(keys %all),
	'the plan has a step for each');
my ($step) = grep { $_->{name} eq 'work_mem' } @before;
is($step->{statement}, q{ALTER SYSTEM SET work_mem TO '8MB'}, '... with its statement');
is($step->{reason}, 'work_mem: DEFAULT -> 8MB', '... and reason');

converge($node, parameters(%all), 'converged', 'parameters of all classes');
is(value($node, "SELECT count(*) FROM pgops.action_log WHERE rule = 'parameter.reload'"), 1, 'with a single reload');
is(value($node, 'SELECT count(DISTINCT pass) FROM pgops.action_log'), 1, '... the first plan was the whole plan');
becomes('work_mem', '8MB');
becomes('log_min_duration_statement', '250ms');
becomes('checkpoint_timeout', '10min');
becomes('log_connections', 'on');
becomes('random_page_cost', '1.1');
becomes('wal_compression', 'pglz');
becomes('jit', 'off');
becomes('datestyle', 'ISO, DMY');
becomes('search_path', q{"$user", public, "Odd ""Name"""});
becomes('temp_tablespaces', '""');
becomes('log_line_prefix', q{%m [%p] it's a \\ "prefix"  });
is(in_auto('archive_command'), q{cp '%p' "/backup of it/%f"}, 'quotes of all kinds arrive in the file');
is(in_auto('Some.Extension_parameter'), 'as declared', 'also of an extension that is not loaded');

# ---- once ----
my $footprint = footprint($node);
declare($node, "# declared once more\n" . parameters(%all));
is(settle($node)->{phase}, 'converged', 'the second time ends the same');
reconcile();
same_footprint($footprint, footprint($node), 'and does nothing, to the byte');

# ---- by hand ----
$node->safe_psql('postgres', "ALTER SYSTEM SET work_mem = '8192kB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET checkpoint_timeout = '10min'");
$node->safe_psql('postgres', "ALTER SYSTEM SET jit = 'no'");
is_deeply([ plan_rows($node) ], [], 'the same value in other words is no difference');
$node->safe_psql('postgres', "ALTER SYSTEM SET work_mem = '1MB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET effective_cache_size = '123MB'");
is((plan_rows($node))[0]{reason}, 'work_mem: 1MB -> 8MB', 'another one is');
reconcile();
is(in_auto('work_mem'), '8MB', '... and is repaired');
is(in_auto('effective_cache_size'), '123MB', 'what nobody declares is left alone');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
is(scalar(open_rows(plan_rows($node))), keys(%all) + 1, 'RESET ALL is seen');
reconcile();
is_deeply([ plan_rows($node) ], [], '... and repaired');
becomes('work_mem', '8MB', 'work_mem is 8MB again');

# ---- no longer declared, and declared as DEFAULT ----
$node->safe_psql('postgres', "ALTER SYSTEM SET effective_cache_size = '123MB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET seq_page_cost = 2");
$node->safe_psql('postgres', "ALTER SYSTEM SET cpu_tuple_cost = 3");
delete @all{qw(work_mem Some.Extension_parameter)};
converge($node, parameters(%all, seq_page_cost => 'DEFAULT', cpu_tuple_cost => undef), 'converged', 'some are gone');
is(in_auto('work_mem'), undef, 'what pgops had set is reset');
is(in_auto('some.extension_parameter'), undef, '... also of an extension that is not loaded');
is(in_auto('seq_page_cost'), undef, 'what is declared as DEFAULT is reset, whoever set it');
is(in_auto('cpu_tuple_cost'), undef, '... and so is null');
is(in_auto('effective_cache_size'), '123MB', 'what others have set stays');
becomes('work_mem', '4MB', 'work_mem has its default again');
is(value($node, "SELECT count(*) FROM pgops.owned WHERE kind = 'parameter' AND name = 'work_mem'"), 0, 'and is forgotten');

# ---- values that another file has already ----
converge($node, parameters(dynamic_shared_memory_type => 'posix', max_connections => '40'), 'converged',
	'values that postgresql.conf has');
is(in_auto('max_connections'), undef, 'need no ALTER SYSTEM');
is(in_auto('checkpoint_timeout'), undef, 'and the others are undone');

# ---- restart ----
my $status = converge($node, parameters(max_connections => 55, wal_buffers => -1, work_mem => '5MB'), 'blocked',
	'a parameter that needs a restart');
like($status->{message}, qr/a restart of the server is needed for max_connections \(40 -> 55\)/, 'it is named');
is($status->{blocked}, 1, '... and nothing else is in the way');
my $blocked = blocked_of('server');
is($blocked->{sqlstate}, 'PO511', 'SQLSTATE of a needed restart');
becomes('work_mem', '5MB', 'the others are in effect');
my $pending = row($node, 'SELECT * FROM pgops.pending_restart');
is_deeply([ @{$pending}{qw(name value pending_value)} ], [ 'max_connections', '40', '55' ], 'pgops.pending_restart has it');
ok($pending->{declared} && $pending->{since}, '... as declared, with its time');
like($pending->{source}, qr/postgresql\.auto\.conf$/, '... and its file');
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_prepared_transactions = 7');
is(value($node, "SELECT declared FROM pgops.pending_restart WHERE name = 'max_prepared_transactions'"), 'f', 'what others set waits there, too');
is(value($node, 'SET ROLE pg_monitor; SELECT count(*) FROM pgops.pending_restart'), 2, 'pg_monitor may look');
$footprint = footprint($node);
reconcile();
same_footprint($footprint, footprint($node), 'waiting is not doing it again');
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'after the restart all is as declared');
is(value($node, 'SELECT count(*) FROM pgops.pending_restart'), 0, 'and nothing waits');
becomes('max_connections', '55');

# ---- libraries and their parameters: one restart ----
converge($node, parameters(
		shared_preload_libraries => [ 'pgops', 'auto_explain' ], 'auto_explain.log_min_duration' => '1h'),
	'blocked', 'a library and its parameter');
is(in_auto('shared_preload_libraries'), 'pgops, auto_explain', 'the list is in the file');
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'one restart is enough for both');
becomes('auto_explain.log_min_duration', '1h');

# ---- what is refused, one by one ----
$status = converge($node, parameters(
		work_mem => 'much',
		wrok_mem => '4MB',
		server_version => '99',
		random_page_cost => -1,
		wal_level => 'most',
		session_preload_libraries => 'no_such_library',
		dynamic_library_path => '/nowhere',
		unix_socket_directories => '/nowhere/at all',
		'pgops.nonsense' => 1,
		cluster_name => 'other',
		checkpoint_timeout => '5min',
		jit => JSON::PP::false),
	'blocked', 'bad values');
is($status->{failed}, 0, 'nothing failed');
my %bad = (
	work_mem => qr/invalid value for parameter "work_mem": "much"/,
	wrok_mem => qr/no parameter "wrok_mem"/,
	server_version => qr/cannot be set by ALTER SYSTEM/,
	random_page_cost => qr/-1 is outside the valid range/,
	wal_level => qr/invalid value for parameter "wal_level": "most"/,
	session_preload_libraries => qr/there is no library "no_such_library"/,
	dynamic_library_path => qr/library "pgops", which is preloaded, would not be found/,
	unix_socket_directories => qr{no socket can be made in directory "/nowhere/at all"},
	'pgops.nonsense' => qr/no parameter "pgops.nonsense"/,
	cluster_name => qr/given by the command line/);
for my $name (sort keys %bad)
{
	like(blocked_of($name)->{blocked} // '', $bad{$name}, "$name is blocked");
	is(in_auto($name), undef, '... and not in the file');
}
like(blocked_of('wrok_mem')->{hint}, qr/"work_mem"/, 'the nearest name is told');
is(in_auto('checkpoint_timeout'), '5min', 'the good ones are set');
is(in_auto('jit'), 'off', '... all of them');
ok($node->safe_psql('postgres', 'SELECT 1'), 'sessions start');

# ---- what the server would not start with ----
# (the server of these tests has wal_level minimal and max_wal_senders 0)
converge($node, parameters(archive_mode => JSON::PP::true, max_wal_senders => 5, max_connections => 2),
	'blocked', 'values that do not go together');
like(blocked_of('archive_mode')->{blocked} // '', qr/archive_mode and wal_level minimal/, 'archiving without the WAL for it');
like(blocked_of('max_wal_senders')->{blocked} // '', qr/max_wal_senders above 0 and wal_level minimal/, 'streaming neither');
like(blocked_of('max_connections')->{blocked} // '', qr/reserved connections/, 'fewer connections than are reserved');
is(in_auto($_), undef, "$_ is not in the file") for qw(archive_mode max_wal_senders max_connections);
converge($node, parameters(archive_mode => JSON::PP::true, max_wal_senders => 5, wal_level => 'replica'),
	'blocked', 'values that go together');
is(in_auto('archive_mode'), 'on', 'are set');
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'and the server starts with them');

# what is checked only when it starts, and nothing but a person could repair then
my $there = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
$node->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('kept')");
my %start = (
	min_wal_size => [ '10MB' => qr/the server needs two segments of WAL, 32 MB/ ],
	max_replication_slots => [ 0 => qr/there are 1 replication slots/ ],
	listen_addresses => [ '198.51.100.1' => qr/address "198\.51\.100\.1" is none of this machine/ ],
	port => [ $there->sockport => qr/port \d+ cannot be had: Address already in use/ ],
	unix_socket_group => [ 'no such group' => qr/there is no group "no such group"/ ],
	unix_socket_directories => [ '/' . 'long' x 30 => qr/too long/ ],
	log_directory => [ '/nowhere/at/all' => qr{cannot write its log into directory "/nowhere/at/all": No such file} ],
	shared_buffers => [ '15TB' => qr/this machine has \d+ MB of memory/ ],
	ssl => [ JSON::PP::true => qr/file "server\.crt" cannot be read/ ]);
converge($node, parameters(map { $_ => $start{$_}[0] } keys %start), 'blocked', 'values that the server would not start with');
for my $name (sort keys %start)
{
	like(blocked_of($name)->{blocked} // '', $start{$name}[1], "$name is blocked");
	is(in_auto($name), undef, '... and not in the file');
}
converge($node, parameters(listen_addresses => '', unix_socket_directories => ''), 'blocked', 'no socket at all');
like(blocked_of('listen_addresses')->{blocked} // '', qr/without a socket/, 'is not written either');
like(blocked_of('wal_level')->{blocked} // '', qr/there are replication slots/, 'nor is what is no longer declared taken away');
converge($node, parameters(wal_level => 'replica', min_wal_size => '32MB', max_replication_slots => 1, listen_addresses => [ '127.0.0.1', '198.51.100.1' ], log_directory => 'not_there_yet'),
	'blocked', 'values with which it does');
is(blocked_of($_)->{blocked}, undef, "$_ is set") for qw(min_wal_size max_replication_slots listen_addresses log_directory);
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'it starts with them');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('kept')");

# ---- refused with the declaration, all at once ----
my ($code, $stderr) = try_declare($node, <<'YAML');
small:
  hosts: { 10.10.10.10: { pg_seq: 1, pg_role: primary } }
  vars:
    pg_cluster: small
    pg_parameters:
      data_directory: /elsewhere
      shared_preload_libraries: pg_stat_statements
      local_preload_libraries: []
      "drop table": 1
      log_line_prefix: "two\nlines"
      work_mem: { value: 1 }
      Recovery_target_time: 2030-01-01
      pgops.database: elsewhere
      ext.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg: 1
YAML
isnt($code, 0, 'such a declaration is refused');
like($stderr, qr/line 6, column \d+: small\.pg_parameters\.data_directory: "data_directory" cannot be set while the server runs/, 'where files are');
like($stderr, qr/line 7.*without pgops would take pgops away/, 'pgops itself');
like($stderr, qr/line 8.*must not have an empty element/, 'no library at all');
like($stderr, qr/line 9.*is not a name of a setting/, 'names that are none');
like($stderr, qr/line 10.*must be a single line/, 'line breaks');
like($stderr, qr/line 11.*not a map/, 'maps');
like($stderr, qr/line 12.*belongs to a restore/, 'targets of recovery');
like($stderr, qr/line 13.*pgops finds the declaration by it/, 'what would take pgops away');
like($stderr, qr/line 14.*at most 63 bytes/, 'names that would be cut');

# ---- secrets ----
converge($node, parameters(primary_conninfo => 'host=nowhere password=Hidden.Secret.1',
		'thing.api_password' => 'Hidden.Secret.2', restore_command => 'AWS_SECRET_ACCESS_KEY=Hidden.Secret.4 fetch %f %p',
		archive_cleanup_command => 'clean s3://user:Hidden.Secret.5@store/'), 'converged', 'secrets in values');
is(in_auto('restore_command'), 'AWS_SECRET_ACCESS_KEY=Hidden.Secret.4 fetch %f %p', 'keys in commands');
converge($node, parameters(primary_conninfo => 'host=nowhere password=Hidden.Secret.1',
		'thing.api_password' => 'Hidden.Secret.2', restore_command => 'fetch %f %p'), 'converged', 'taken out again');
is(in_auto('primary_conninfo'), 'host=nowhere password=Hidden.Secret.1', 'it arrives in the file');
is(in_auto('thing.api_password'), 'Hidden.Secret.2', '... the other one, too');
is(value($node, "SELECT count(*) FROM pgops.action_log AS l WHERE l::text ~ 'Hidden'"), 0, 'and is not in the log');
$node->safe_psql('postgres', "ALTER SYSTEM SET primary_conninfo = 'host=other password=Hidden.Secret.3'");
is(value($node, "SELECT count(*) FROM pgops.plan() AS p WHERE p::text ~ 'Hidden'"), 0, 'nor in plans');
is(log_matches($node, qr/changed to "host=nowhere|parameter "thing.api_password" changed to "Hidden/), 0, 'nor in the server log');
reconcile();

# ---- a file that the server does not accept ----
my $conf = $node->data_dir . '/postgresql.conf';
my $good = slurp_file($conf);
append_to_file($conf, "\nno_such_parameter_at_all = 1\n");
like(blocked_of('server')->{blocked} // '', qr/postgresql\.conf", line \d+: unrecognized/, 'an entry that stops all reloads is told');
append_to_file($conf, "= = =\n");
like(blocked_of('server')->{blocked} // '', qr/syntax error/, 'so is one that cannot be parsed');
is(scalar(open_rows(plan_rows($node))), 0, '... and nothing is done about what cannot be read');
unlink $conf;
append_to_file($conf, $good);

# ---- a coordinator that ended between ALTER SYSTEM and the reload ----
converge($node, parameters(work_mem => '6MB'), 'converged', 'one parameter');
becomes('work_mem', '6MB');
$node->safe_psql('postgres', "ALTER SYSTEM SET work_mem = '7MB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET work_mem = '6MB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET maintenance_work_mem = '33MB'");
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pgops.coordinator()');
becomes('maintenance_work_mem', '33MB', 'the next one has the server read what is written');

# ---- switched off ----
$node->append_conf('postgresql.conf', 'pgops.manage_settings = off');
$node->reload;
wait_for($node, "SELECT current_setting('pgops.manage_settings') = 'off'", 'parameters can be left alone');
declare($node, parameters(work_mem => '99MB'));
is(settle($node)->{phase}, 'converged', 'then there is nothing to do');
is(in_auto('work_mem'), '6MB', '... and nothing is done');
is(log_matches($node, qr/PANIC|TRAP|terminated by signal/), 0, 'nothing crashed');

done_testing();
