# PgopsNode.pm: a member of a cluster of PgopsPatroni.pm: a host in the network, its
# patroni.yml, its Patroni and its server
#
# In all that concerns queries it is a PostgreSQL::Test::Cluster.
#
# Not for: what concerns several members (PgopsPatroni.pm).
package PgopsNode;

use strict;
use warnings;

use Cwd ();
use File::Path ();
use JSON::PP;
use PgopsNetwork;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @ISA = ('PostgreSQL::Test::Cluster');

my $count = 0;
my $user = getpwuid $<;    # of the OS, and so the superuser's name

# a host in the network, and folders; nothing runs
sub create
{
	my ($class, $cluster, $number) = @_;
	my $name = "$cluster->{scope}-$number";
	my $address = '10.10.10.' . ($cluster->{first} + $number - 1);
	my $cable = 'cable' . ++$count;
	my $log = PgopsNetwork::log_file("$cluster->{name}_$name");

	# the fields of PostgreSQL::Test::Cluster: not by its new(), which takes a port
	my $self = bless {
		_port => 5432,
		_host => PgopsNetwork::new_name($address, $name),
		_name => $name,
		_basedir => Cwd::abs_path($PostgreSQL::Test::Utils::tmp_check) . '/t_' . PgopsNetwork::test_name()
		  . "_$cluster->{name}_${name}_data",
		_logfile_generation => 0,
		_logfile_base => $log,
		_logfile => "$log.log",
		cluster => $cluster,
		number => $number,
		address => $address,
		our_end => $cable,
		host_process => PgopsNetwork::new_host($address, $cable)
	}, $class;

	$self->_set_pg_version;
	File::Path::make_path($self->basedir);
	return $self;
}

sub address { return $_[0]{address}; }
sub number { return $_[0]{number}; }

# Patroni's own log; logfile() is that of the server (and of Patroni's first words)
sub patroni_log { return "$_[0]{_logfile_base}_patroni/patroni.log"; }

# begin of a command line that is run on the node's host
sub on_host { return PgopsNetwork::on_host($_[0]{host_process}); }

# where things are, in words of an inventory
sub folders
{
	my ($self) = @_;
	return (
		pg_data => $self->data_dir,
		pg_localhost => $self->host,
		pg_dbsu_home => $self->basedir,
		patroni_log_dir => "$self->{_logfile_base}_patroni");
}

# path of the file Patroni is started with
sub yml { return $_[0]->basedir . '/patroni.yml'; }

# ---- patroni.yml ----

# parameters that let a server find pgops where it has been built (test/sandbox.bash)
sub sandbox_parameters
{
	my %found;
	return %found if !$ENV{TEMP_CONFIG};
	for (split /\n/, slurp_file($ENV{TEMP_CONFIG}))
	{
		$found{$1} = $2 if /^\s*(\w+)\s*=\s*'(.*)'\s*$/;
	}
	return %found;
}

# parameters that every node has in its patroni.yml
sub local_parameters
{
	my ($self) = @_;
	return {
		sandbox_parameters(),
		shared_preload_libraries => 'pgops',
		unix_socket_directories => $self->host,
		log_min_messages => 'warning',
		log_line_prefix => '%m [%p] %b ',
		'pgops.retry_delay' => '200ms',
		%{ $self->{cluster}{local} || {} }
	};
}

# the file as a tree
sub configuration
{
	my ($self) = @_;
	my $cluster = $self->{cluster};
	my $replicator = { username => 'replicator', password => 'DBUser.Replicator' };
	return {
		scope => $cluster->{scope},
		name => $self->name,
		log => { dir => "$self->{_logfile_base}_patroni", level => 'INFO' },
		etcd3 => { hosts => '10.10.10.10:2379' },
		restapi => {
			listen => $self->address . ':8008',
			connect_address => $self->address . ':8008',
			authentication => { username => 'patroni', password => $cluster->{password} }
		},
		bootstrap => {
			dcs => $cluster->dynamic,
			initdb => [ { encoding => 'UTF8' }, { locale => 'C' } ],
			pg_hba => [
				'local all all trust',
				'local replication all trust',
				'host replication replicator 10.10.10.0/24 md5',
				'host all replicator 10.10.10.0/24 md5',
				'host all all 10.10.10.0/24 scram-sha-256'
			]
		},
		postgresql => {
			listen => '0.0.0.0:5432',
			connect_address => $self->address . ':5432',
			use_unix_socket => JSON::PP::true,
			data_dir => $self->data_dir,
			bin_dir => $self->config_data('--bindir'),
			pgpass => $self->basedir . '/pgpass',
			basebackup => [ { checkpoint => 'fast' } ],
			authentication => {
				superuser => { username => $user },
				replication => $replicator,
				rewind => $replicator
			},
			parameters => $self->local_parameters
		},
		watchdog => { mode => 'off' },
		tags => $cluster->{tags}{ $self->{number} } || {}
	};
}

# JSON is YAML
sub write_yml
{
	my ($self) = @_;
	my $tree = $self->configuration;
	my $change = $self->{cluster}{yml};
	my $text = $change ? $change->($self, $tree) : undef;

	$text = JSON::PP->new->canonical->pretty->encode($tree) if !defined $text || ref $text || $text !~ /:/;
	unlink $self->yml;
	append_to_file($self->yml, $text);
	chmod 0600, $self->yml;
	return;
}

# ---- processes ----

sub start_patroni
{
	my ($self) = @_;
	return if $self->{patroni};
	$self->write_yml if !-e $self->yml;
	File::Path::make_path("$self->{_logfile_base}_patroni");
	$self->{patroni} = PgopsNetwork::start_process($self->logfile, $self->on_host, 'patroni', $self->yml);
	return;
}

# As that of PostgreSQL::Test::Cluster.  A psql that is refused closes its input, maybe while we
# write to it: that is a refusal, too, and no end of the test.
sub psql
{
	my ($self, $database, $sql, %option) = @_;
	my @result = eval { $self->SUPER::psql($database, $sql, %option) };
	if ($@)
	{
		die $@ if $@ !~ /Broken pipe/ || $option{on_error_die};
		@result = (2, '', $@);
	}
	return wantarray ? @result : $result[0];
}

# whether it is a server that takes writes
sub is_primary
{
	my ($self) = @_;
	my ($code, $out) = $self->psql('postgres', 'SELECT pg_is_in_recovery()');
	return $code == 0 && $out eq 'f';
}

# whether it is a standby that receives WAL right now
sub streams
{
	my ($self) = @_;
	my ($code, $out) = $self->psql('postgres', 'SELECT status FROM pg_stat_wal_receiver');
	return $code == 0 && $out eq 'streaming';
}

# process id of the running postmaster; 0 if there is none
sub postmaster
{
	my ($self) = @_;
	my $file = eval { slurp_file($self->data_dir . '/postmaster.pid') } // return 0;
	my ($pid) = $file =~ /^(\d+)/ or return 0;
	return kill(0, $pid) ? $pid : 0;
}

sub kill_postgres
{
	my ($self, $signal) = @_;
	my $pid = $self->postmaster or return 0;
	my @family = $signal eq 'KILL' ? children($pid) : ();

	kill $signal, $pid, @family;
	PgopsNetwork::poll(sub { !kill(0, $pid) }) if $signal eq 'KILL';
	return $pid;
}

# processes whose parent is that one
sub children
{
	my ($parent) = @_;
	my @found;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		my $stat = eval { slurp_file($file) } // next;
		push @found, $1 if $stat =~ /^(\d+) .*\) \S (\d+) /s && $2 == $parent;
	}
	return @found;
}

sub cable
{
	my ($self, $state) = @_;
	PgopsNetwork::run_or_die("ip link set $self->{our_end} $state");
	$self->{cable_out} = $state eq 'down';
	return;
}

# connection string over the network, as from another host; as who is asked for
sub network_connstr
{
	my ($self, $database, $as) = @_;
	return sprintf 'host=%s port=5432 dbname=%s user=%s sslmode=disable connect_timeout=3'
	  . ' tcp_user_timeout=3000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2',
	  $self->address, $database || 'postgres', $as || $user;
}

1;
