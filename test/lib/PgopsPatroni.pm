# PgopsPatroni.pm: real Patroni clusters in a network of their own, for the TAP tests
# of high availability
#
#	use FindBin;
#	use lib "$FindBin::RealBin/../lib";
#	use PgopsPatroni;		# first: starts the script anew, see below
#	use PgopsTest;
#	use Test::More;
#
#	patroni_or_skip();
#	my $ha = patroni_cluster('main', nodes => 3);
#	declare($ha->leader, $ha->document(pg_users => [ { name => 'app' } ]));
#	is(value($ha->node(2), 'SELECT pg_is_in_recovery()'), 't');
#	$ha->kill_patroni('pg-test-1', 'KILL');
#	$ha->kill_postgres('pg-test-1', 'KILL');
#	my $new = $ha->wait_for_leader(30, not => 'pg-test-1');
#
# Where it happens.  "use PgopsPatroni" starts the test script anew in user, network,
# mount and process namespaces of its own, which needs no root and changes nothing of
# the machine.  In there is a bridge 10.10.10.0/24; the test itself is 10.10.10.1, etcd
# 10.10.10.10, the first cluster's nodes 10.10.10.11, .12, ...  Each node has a network
# namespace, so each has its own port 5432 and 8008, and a cable that can be pulled.  Files
# and process numbers are common: a node's unix socket is reached also when its cable is
# out.  All are ordinary processes without capabilities.  When the test ends, be it killed,
# the kernel ends every process of the namespace.  Any number of such tests can run at once.
#
# Where the kernel does not let ordinary users have namespaces, or patroni, etcd, ip are
# missing, patroni_or_skip() skips the whole file.
#
# Nodes are PostgreSQL::Test::Cluster in all that concerns queries (psql, safe_psql,
# poll_query_until, background_psql, connstr, data_dir, logfile, wait_for_log), so what
# PgopsTest offers works with them.  Starting and stopping is done by the cluster's methods
# below.  Wherever a method takes a node, its name ("pg-test-1"), its number (1) or the node
# itself will do.
#
# Not for: knowledge of a single test.
package PgopsPatroni;

use strict;
use warnings;

use PgopsNetwork;    # first: see there

use Exporter qw(import);
use File::Path qw(remove_tree);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use MIME::Base64 ();
use PgopsNode;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(patroni_or_skip patroni_cluster patroni_version);

my $json = JSON::PP->new->canonical;
my $user = getpwuid $<;    # of the OS, and so the superuser's name
my @clusters;

# skips the file where there can be no such cluster
sub patroni_or_skip
{
	my $missing = join ', ', grep { !PgopsNetwork::program($_) } qw(ip unshare nsenter setpriv patroni etcd);

	plan skip_all => "not installed: $missing" if $missing ne '';
	plan skip_all => 'Patroni has no Python module for etcd here' if !speaks_etcd();
	plan skip_all => 'no namespaces for ordinary users here'
	  unless $ENV{PGOPS_TEST_NAMESPACE};
	return;
}

# Patroni's package may come without what it needs for etcd: asked is the Python that runs it.
sub speaks_etcd
{
	my ($first) = split /\n/, slurp_file(PgopsNetwork::program('patroni'));
	my ($python) = $first =~ /^#!\s*(\S.*?)\s*$/ or return 0;
	return system("$python -c 'import etcd' >/dev/null 2>&1") == 0;
}

# Patroni's version as a number: 30002 is 3.0.2
sub patroni_version
{
	my ($major, $minor, $patch) = qx(patroni --version) =~ /(\d+)\.(\d+)(?:\.(\d+))?/
	  or die "no version of patroni\n";
	return $major * 10000 + $minor * 100 + ($patch || 0);
}

# Everything is ended here in good order; what dies before it comes here is cleaned up
# by the kernel.
END
{
	my $status = $?;
	$_->stop for @clusters;
	if ($status == 0 && !defined $ENV{PG_TEST_NOCLEAN} && PostgreSQL::Test::Utils::all_tests_passing())
	{
		remove_tree($_->basedir) for map { $_->nodes } @clusters;
	}
	$? = $status;
}

# ---- the cluster ------------------------------------------------------------------

# patroni_cluster(NAME, option => value, ...)
#
# A cluster of Patroni nodes, by default started, all members running, with extension
# pgops created in database postgres.  NAME is for log files and data directories.
#
#	nodes => 3			how many
#	scope => 'pg-test'	name of the cluster; nodes are SCOPE-1, SCOPE-2, ...
#	first => 11			the first node is 10.10.10.11; a second cluster of a test needs others
#	ttl => 5, loop_wait => 1, retry_timeout => 2		seconds
#	conf => {...}		what else is to be in Patroni's dynamic configuration
#	parameters => {...}	parameters of PostgreSQL, in the dynamic configuration
#	local => {...}		parameters of PostgreSQL in each node's patroni.yml, like pgops.drift_interval
#	tags => { 2 => { nofailover => JSON::PP::true } }		tags of nodes, by number
#	yml => sub { my ($node, $yml) = @_; ... }		last word on a node's patroni.yml: the
#						tree (to be changed in place), or a text that is returned takes its place
#	password => TEXT	of the REST API
#	start => 0			write nothing, start nothing: call start() later
#	extension => 0		do not create the extension
sub patroni_cluster
{
	my ($name, %option) = @_;
	PgopsNetwork::prepare_network();
	my $cluster = PgopsPatroni::Cluster->new($name, %option);
	push @clusters, $cluster;
	$cluster->start unless exists $option{start} && !$option{start};
	return $cluster;
}

package PgopsPatroni::Cluster;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

# parameters of servers that live for a minute
my %small = (
	max_connections => 50,
	max_worker_processes => 32,
	shared_buffers => '16MB',
	wal_keep_size => '64MB',
	wal_retrieve_retry_interval => '500ms',
	fsync => 'off');

sub new
{
	my ($class, $name, %option) = @_;
	my $self = bless {
		name => $name,
		scope => 'pg-test',
		first => 11,
		password => 'Patroni.API',
		nodes => [],
		ttl => 5,
		loop_wait => 1,
		retry_timeout => 2,
		%option
	}, $class;

	my $count = $option{nodes} || 3;
	$self->{nodes} = [ map { PgopsNode->create($self, $_) } 1 .. $count ];
	return $self;
}

# list of all nodes; one by its number, name, or itself
sub nodes { my ($self) = @_; return @{ $self->{nodes} }; }

sub node
{
	my ($self, $which) = @_;
	return $which if ref $which;
	return $self->{nodes}[ $which - 1 ] if $which =~ /^\d+$/;
	my ($node) = grep { $_->name eq $which } $self->nodes;
	return $node || die "no node $which\n";
}

sub others
{
	my ($self, $which) = @_;
	my $node = $self->node($which);
	return grep { $_ != $node } $self->nodes;
}

sub scope { return $_[0]{scope}; }
sub etcd { return PgopsNetwork::etcd(); }

# ---- what is declared, what is configured ----

# a declaration of this cluster for pgops, as JSON text: nodes with their addresses, the first
# one as primary; vars go over it.  hosts => { 3 => { pg_role => 'offline' } } adds variables of hosts.
sub declaration
{
	my ($self, %vars) = @_;
	my $more = delete $vars{hosts} || {};
	my %hosts = map {
		$_->address => {
			pg_seq => $_->{number},
			pg_role => $_->{number} == 1 ? 'primary' : 'replica',
			%{ $more->{ $_->{number} } || {} }
		}
	} $self->nodes;
	return {
		$self->scope => {
			hosts => \%hosts,
			vars => {
				pg_cluster => $self->scope,
				pg_dbsu => $user,
				pg_port => 5432,
				patroni_port => 8008,
				patroni_password => $self->{password},
				pg_default_extensions => [],
				pgbackrest_enabled => JSON::PP::false,
				%vars
			}
		}
	};
}

sub document
{
	my ($self, %vars) = @_;
	my $text = $json->encode($self->declaration(%vars));
	utf8::downgrade($text);
	return $text;
}

# The same as a whole inventory that patroni.yml can be rendered from (from_inventory): with
# etcd, the folders of each node, and what a small cluster from the sandbox needs.  Of
# pg_parameters and pgops_dcs, vars are added; other vars replace.  with => [ CLUSTER, ... ]: the
# declarations (see there) of further clusters, made with site(...).
sub inventory
{
	my ($self, %vars) = @_;
	my $with = delete $vars{with} || [];
	my $text = $json->encode(
		{
			all => {
				vars => { admin_ip => '10.10.10.1' },
				children => {
					etcd => { hosts => { '10.10.10.10' => { etcd_seq => 1 } }, vars => { etcd_cluster => 'etcd' } },
					%{ $self->site(%vars) },
					map { %$_ } @$with
				}
			}
		});
	utf8::downgrade($text);
	return $text;
}

sub site
{
	my ($self, %vars) = @_;
	my %parameters = (
		PgopsNode::sandbox_parameters(),
		%small,
		logging_collector => 'off',
		log_destination => 'stderr',
		log_min_messages => 'warning',
		'pgops.retry_delay' => '200ms',
		%{ delete $vars{pg_parameters} || {} });
	my $more = delete $vars{hosts} || {};
	my %hosts = map { $_->number => { $_->folders, %{ $more->{ $_->number } || {} } } } $self->nodes;

	return $self->declaration(
		hosts => \%hosts,
		pg_listen => '0.0.0.0',
		pg_conf => 'tiny.yml',
		pg_replication_password => 'DBUser.Replicator',
		pg_parameters => \%parameters,
		pgops_dcs => {
			(map { $_ => $self->{$_} } qw(ttl loop_wait retry_timeout)),
			%{ delete $vars{pgops_dcs} || {} }
		},
		%vars);
}

# takes the patroni.yml of all nodes from pgops.render() of a server on which an inventory has
# been declared: before start()
sub from_inventory
{
	my ($self, $server) = @_;
	my $version = POSIX::floor(PgopsPatroni::patroni_version() / 10000) . '.'
	  . POSIX::floor(PgopsPatroni::patroni_version() / 100) % 100 . '.' . PgopsPatroni::patroni_version() % 100;
	$self->{yml} = sub {
		my ($node) = @_;
		return $server->safe_psql('postgres',
			"SELECT pgops.render('" . $node->name . "', patroni_version => '$version')");
	};
	return;
}

# Patroni's dynamic configuration for the start
sub dynamic
{
	my ($self) = @_;
	my %more = %{ $self->{conf} || {} };
	my $postgresql = delete $more{postgresql} || {};
	return {
		ttl => $self->{ttl},
		loop_wait => $self->{loop_wait},
		retry_timeout => $self->{retry_timeout},
		maximum_lag_on_failover => 1048576,
		postgresql => {
			use_pg_rewind => JSON::PP::true,
			use_slots => JSON::PP::true,
			%$postgresql,
			parameters => {
				%small,
				%{ $postgresql->{parameters} || {} },
				%{ $self->{parameters} || {} }
			}
		},
		%more
	};
}

# ---- starting and stopping ----

# Writes what is missing, starts all nodes, waits until they run.  The first one starts with
# a lead, so that it is the one that becomes the leader of a new cluster.
sub start
{
	my ($self) = @_;
	$self->start_patroni(1);
	PgopsNetwork::poll(sub { $self->check_alive; $self->rest(1, 'GET', '/liveness', undef, timeout => 1)->{status} != 599 });
	$self->start_patroni($_) for $self->others(1);
	$self->wait_all_running;
	return if exists $self->{extension} && !$self->{extension};
	return if $self->{conf}{standby_cluster};
	$self->leader->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS pgops');
	return;
}

# Ends all without mercy: for the end of a test.
sub stop
{
	my ($self) = @_;
	for my $node ($self->nodes)
	{
		$self->kill_patroni($node, 'KILL');
		$node->kill_postgres('QUIT');
	}
	for my $node ($self->nodes)
	{
		next if PgopsNetwork::poll(sub { !$node->postmaster }, 10);
		$node->kill_postgres('KILL');
		PgopsNetwork::poll(sub { !$node->postmaster }, 10);
	}
	return;
}

sub start_patroni
{
	my ($self, $which) = @_;
	return $self->node($which)->start_patroni;
}

# signal 'TERM' (the default) is a clean stop of Patroni and its server.  Waits for its end
# with TERM, INT and KILL; with others, like STOP and CONT, there is none.
sub kill_patroni
{
	my ($self, $which, $signal) = @_;
	my $node = $self->node($which);
	$signal ||= 'TERM';
	my $pid = $node->{patroni} or return;

	kill $signal, $pid;
	return if $signal !~ /^(?:TERM|INT|KILL)$/;
	PgopsNetwork::poll(sub { waitpid($pid, POSIX::WNOHANG()) != 0 }) or die "Patroni of " . $node->name . " does not end\n";
	delete $node->{patroni};
	return;
}

# the server of a node by a signal to its postmaster: KILL (the default), QUIT ...
# With KILL everything is gone when it returns; 0 if there was none.
sub kill_postgres
{
	my ($self, $which, $signal) = @_;
	return $self->node($which)->kill_postgres($signal || 'KILL');
}

# pulls a node's cable, and puts it in again.  Its unix socket is still reached.
sub link_down { my ($self, $which) = @_; return $self->node($which)->cable('down'); }
sub link_up { my ($self, $which) = @_; return $self->node($which)->cable('up'); }

# etcd stands still (connections hang, as they do), and goes on; its cable
sub stop_etcd { kill 'STOP', PgopsNetwork::etcd()->{pid}; return; }
sub cont_etcd { kill 'CONT', PgopsNetwork::etcd()->{pid}; return; }

# Waits until a member has done what is declared; tests it.  A pass right after a start may not
# know Patroni's configuration yet: then the phase is "blocked" for a moment.
sub converged
{
	my ($self, $which, $what) = @_;
	my $node = $self->node($which);
	my $scope = $self->scope;
	my $done = PgopsNetwork::poll(
		sub {
			my ($code, $out) = $node->psql('postgres',
				"SELECT phase = 'converged' AND observed_generation = generation FROM pgops.status WHERE cluster = '$scope'");
			return $code == 0 && $out eq 't';
		});
	Test::More::ok($done, $what) or Test::More::diag($node->psql('postgres',
		'SELECT kind, name, rule, blocked FROM pgops.plan()'));
	return;
}

# Waits until a member's pgops.ha_status has these values (undef: NULL); tests it.
sub says
{
	my ($self, $which, $expected, $what) = @_;
	my $node = $self->node($which);
	my $condition = join ' AND ', map {
		defined $expected->{$_} ? "$_ = '$expected->{$_}'" : "$_ IS NULL"
	} sort keys %$expected;
	my $said = PgopsNetwork::poll(
		sub { ($node->psql('postgres', "SELECT $condition FROM pgops.ha_status"))[1] eq 't' });
	Test::More::ok($said, $node->name . " says: $what")
	  or Test::More::diag($node->psql('postgres', '\x on\nSELECT * FROM pgops.ha_status'));
	return;
}

# the same of all members, which run, for a cluster that is well
sub all_well
{
	my ($self, $leader, $when) = @_;
	for my $node ($self->nodes)
	{
		$self->says($node,
			{
				leader => $leader->name,
				leader_is_self => $node == $leader ? 't' : 'f',
				patroni => 'running',
				dcs_reachable => 't',
				members => scalar $self->nodes,
				members_running => scalar $self->nodes,
				can_failover => 't',
				problem => undef
			},
			"$when: " . $leader->name . ' leads, all is well');
	}
	return;
}

# ---- what Patroni says ----

# rest(NODE, METHOD, PATH, BODY, option => value, ...)
#
# A request to a node's Patroni: { status, content, json } with status 599 if nobody answers.
# BODY: a structure or text.  user => 0: without user and password; inside => 1: made on the host
# itself, so that a pulled cable does not matter; timeout => 5 seconds.
sub rest
{
	my ($self, $which, $method, $path, $body, %option) = @_;
	my $node = $self->node($which);
	my %headers = ('Content-Type' => 'application/json');
	$headers{Authorization} = 'Basic ' . MIME::Base64::encode_base64("patroni:$self->{password}", '')
	  unless exists $option{user} && !$option{user};
	my @request = ($method || 'GET', 'http://' . $node->address . ':8008' . ($path || '/patroni'),
		{ headers => \%headers, defined $body ? (content => ref $body ? $json->encode($body) : $body) : () });
	my $timeout = $option{timeout} || 5;

	my $answer = $option{inside} ? inside($node, $timeout, @request)
	  : HTTP::Tiny->new(timeout => $timeout, max_redirect => 0)->request(@request);
	my $decoded = eval { JSON::PP->new->allow_nonref->decode($answer->{content}) };
	return { status => $answer->{status}, content => $answer->{content}, json => $decoded };
}

sub inside
{
	my ($node, $timeout, @request) = @_;
	my $code = 'my $r = decode_json(shift); print encode_json(HTTP::Tiny->new(timeout => $r->[0],'
	  . ' max_redirect => 0)->request(@{ $r->[1] }))';
	my $out = '';
	IPC::Run::run(
		[ $node->on_host, $^X, '-MHTTP::Tiny', '-MJSON::PP', '-e', $code, $json->encode([ $timeout, \@request ]) ],
		'<', \undef, '>', \$out) or return { status => 599, content => 'not run' };
	return $json->decode($out);
}

# the dynamic configuration, as Patroni tells it
sub config
{
	my ($self) = @_;
	for my $node ($self->nodes)
	{
		my $answer = $self->rest($node, 'GET', '/config', undef, timeout => 2);
		return $answer->{json} if $answer->{status} == 200;
	}
	die "no Patroni tells the configuration\n";
}

# members as /cluster of the first node that answers tells them, by name
sub members
{
	my ($self) = @_;
	for my $node ($self->nodes)
	{
		next if !$node->{patroni} || $node->{cable_out};
		my $answer = $self->rest($node, 'GET', '/cluster', undef, timeout => 2);
		next if $answer->{status} != 200 || !$answer->{json};
		return { map { $_->{name} => $_ } @{ $answer->{json}{members} } };
	}
	return {};
}

# ---- who leads ----

# node that is the leader and takes writes (or leads a standby cluster), and says so itself; undef if
# there is none
sub find_leader
{
	my ($self, %option) = @_;
	my $not = defined $option{not} ? $self->node($option{not}) : 0;
	for my $node (grep { $_ != $not } $self->nodes)
	{
		next if !$node->{patroni} || $node->{cable_out};
		my $role = $self->rest($node, 'GET', '/leader', undef, timeout => 2);
		next if $role->{status} != 200;

		# who has just got the lock is promoted yet
		return $node if ($role->{json}{role} || '') eq 'standby_leader' || $node->is_primary;
	}
	return;
}

# the same, which must be
sub leader
{
	my ($self) = @_;
	return $self->wait_for_leader;
}

# wait_for_leader(SECONDS, not => NODE): waits for a leader that is another one than NODE
sub wait_for_leader
{
	my ($self, $timeout, %option) = @_;
	my $found;
	PgopsNetwork::poll(sub { $found = $self->find_leader(%option) }, $timeout)
	  or die "no leader\n" . $self->tell;
	return $found;
}

# replicas: nodes that are not the leader
sub replicas
{
	my ($self) = @_;
	return $self->others($self->leader);
}

# waits until there is a leader that takes writes (but in a standby cluster), and all nodes
# but those in the list except => [...] run on its timeline and stream
sub wait_all_running
{
	my ($self, $timeout, %option) = @_;
	my %except = map { $self->node($_)->name => 1 } @{ $option{except} || [] };
	my @names = grep { !$except{$_} } map { $_->name } $self->nodes;

	PgopsNetwork::poll(sub { $self->check_alive; $self->all_running(@names) }, $timeout)
	  or die "not all run\n" . $self->tell;
	return;
}

# a Patroni that ended by itself will not come
sub check_alive
{
	my ($self) = @_;
	for my $node (grep { $_->{patroni} } $self->nodes)
	{
		next if waitpid($node->{patroni}, POSIX::WNOHANG()) == 0;
		delete $node->{patroni};
		die 'Patroni of ' . $node->name . " has ended: see $node->{_logfile}\n";
	}
	return;
}

sub all_running
{
	my ($self, @names) = @_;
	my $members = $self->members;
	my ($leader) = grep { $_->{role} =~ /leader|master|primary/ } values %$members;
	return 0 if !$leader;
	return 0 if grep { !$_ || $_->{state} !~ /^(?:running|streaming)$/ || ($_->{timeline} || 0) != $leader->{timeline} }
	  map { $members->{$_} } @names;

	# "running" says little of a replica: it may look for its leader yet
	my $is_standby_cluster = $leader->{role} eq 'standby_leader';
	return 0 if grep { !$_->streams } map { $self->node($_) } grep { $is_standby_cluster || $_ ne $leader->{name} } @names;
	return $is_standby_cluster || $self->node($leader->{name})->is_primary;
}

# what is known, for the message of a failure
sub tell
{
	my ($self) = @_;
	return join '', map {
		my $node = $_;
		my $answer = $self->rest($node, 'GET', '/cluster', undef, timeout => 1);
		$node->name . ": $answer->{status} $answer->{content}\n";
	} $self->nodes;
}

1;
