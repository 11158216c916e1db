# PgopsNetwork.pm: a network of a test's own, with hosts, cables, and etcd
#
# "use PgopsNetwork" starts the test script anew in user, network, mount and process
# namespaces of its own, which needs no root and changes nothing of the machine.  When the
# test ends, be it killed, the kernel ends every process of the namespace.
#
# Not for: what runs on the hosts (PgopsPatroni.pm, which is what tests use).
package PgopsNetwork;

use strict;
use warnings;

# What comes after this, and the test, runs in the second life only.
BEGIN
{
	my @unshare = qw(unshare --user --map-current-user --net --mount --pid
	  --fork --kill-child --mount-proc --keep-caps);
	my $probe = 'ip link set lo up && ip link add probe0 type bridge && unshare --net true';

	if (!$ENV{PGOPS_TEST_NAMESPACE} && $> != 0
		&& system("@unshare sh -c '$probe' >/dev/null 2>&1") == 0)
	{
		$ENV{PGOPS_TEST_NAMESPACE} = 1;
		exec @unshare, $^X, (map { "-I$_" } @INC), $0, @ARGV
		  or die "could not start anew: $!";
	}

	# The first process of a process namespace inherits all orphans.  It does nothing
	# but to bury them: a postmaster that stays a zombie would be taken for alive.
	if ($ENV{PGOPS_TEST_NAMESPACE} && $$ == 1)
	{
		require POSIX;
		my $test = fork // die "could not fork: $!";
		if ($test != 0)
		{
			$SIG{$_} = sub { kill shift, $test } for qw(TERM INT HUP);
			while (1)
			{
				my $ended = wait;
				next if $ended != $test && ($ended > 0 || $!{EINTR});
				POSIX::_exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
			}
		}
	}
}

use Cwd qw(abs_path);
use File::Path qw(remove_tree);
use File::Temp ();
use HTTP::Tiny;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes ();

my $etcd;       # PgopsNetwork::Etcd, common to all clusters of a test
my $sockets;    # folder of the nodes' socket folders; short

# full path of a program, or nothing
sub program
{
	my ($name) = @_;
	return (grep { -x } map { "$_/$name" } split /:/, $ENV{PATH})[0];
}

sub run_or_die
{
	my (@command) = @_;
	system("@command >&2") == 0 or die "failed: @command\n";
	return;
}

# Bridge, names and etcd; once.  Names are looked up in vain otherwise, and each look-up
# lasts 10 seconds: so that no resolver is asked, there is none.
sub prepare_network
{
	return if $etcd;
	$SIG{TERM} = $SIG{INT} = sub { die "ended by signal $_[0]\n" };    # and so by way of END
	$sockets = File::Temp::mkdtemp('/tmp/pgops-ha-XXXXXX');
	append_to_file("$sockets/hosts", "127.0.0.1 localhost\n10.10.10.1 test\n10.10.10.10 etcd\n");
	append_to_file("$sockets/resolv.conf", '');
	run_or_die("mount --bind $sockets/hosts /etc/hosts");
	run_or_die("mount --bind $sockets/resolv.conf /etc/resolv.conf") if -e '/etc/resolv.conf';
	run_or_die('ip link set lo up && ip link add cluster type bridge'
		  . ' && ip address add 10.10.10.1/24 dev cluster && ip link set cluster up');
	$etcd = PgopsNetwork::Etcd->new;
	return;
}

# a network namespace with an address, held by a process that does nothing else;
# its process id.  "cable" is the name of our end of its cable.
sub new_host
{
	my ($address, $cable) = @_;
	pipe(my $ready, my $tell) or die "pipe: $!";
	my $pid = fork // die "could not fork: $!";

	if ($pid == 0)
	{
		close $ready;
		open STDOUT, '>&', $tell or POSIX::_exit(1);
		exec qw(unshare --net sh -c), 'ip link set lo up && echo; exec >/dev/null; exec sleep infinity'
		  or POSIX::_exit(1);
	}
	close $tell;
	defined readline $ready or die "no network namespace for $address\n";
	run_or_die("ip link add $cable type veth peer name eth0 netns $pid && ip link set $cable master cluster up"
		  . " && nsenter --net=/proc/$pid/ns/net sh -c 'ip address add $address/24 dev eth0 && ip link set eth0 up'");
	return $pid;
}

# command line that runs another one on a host, as an ordinary process
sub on_host
{
	my ($pid) = @_;
	return ('nsenter', "--net=/proc/$pid/ns/net", qw(setpriv --inh-caps=-all --ambient-caps=-all));
}

# starts a command as leader of a process group, output appended to a file; its process id
sub start_process
{
	my ($log, @command) = @_;
	my $pid = fork // die "could not fork: $!";

	return $pid if $pid != 0;
	POSIX::setsid();
	open STDIN, '<', '/dev/null' or POSIX::_exit(1);
	open STDOUT, '>>', $log or POSIX::_exit(1);
	open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
	exec @command or POSIX::_exit(1);
}

# polls until a condition is true; whether it became so
sub poll
{
	my ($condition, $seconds) = @_;
	my $deadline = Time::HiRes::time() + ($seconds || $PostgreSQL::Test::Utils::timeout_default);
	while (Time::HiRes::time() < $deadline)
	{
		my $result = $condition->();
		return $result if $result;
		Time::HiRes::usleep(50_000);
	}
	return $condition->();
}

# name of the test file; process numbers are the same in all of them
sub test_name
{
	return $0 =~ m{([^/]+?)(?:\.pl)?$} ? $1 : 'test';
}

# where a test's log files are
sub log_file
{
	my ($name) = @_;
	return abs_path($PostgreSQL::Test::Utils::log_path) . '/' . test_name() . "_$name";
}

# etcd of the network
sub etcd
{
	return $etcd;
}

# gives an address a name, and a folder whose path is short enough for sockets
sub new_name
{
	my ($address, $name) = @_;
	append_to_file("$sockets/hosts", "$address $name\n");
	mkdir "$sockets/$name" or die "could not create $sockets/$name: $!\n";
	return "$sockets/$name";
}

# Runs after the END of whoever uses this.
END
{
	my $status = $?;
	$etcd->stop if $etcd;
	remove_tree($sockets) if $sockets;
	$? = $status;
}

# ---- etcd -------------------------------------------------------------------------

package PgopsNetwork::Etcd;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

# a started etcd of one member, quick to elect itself
sub new
{
	my ($class) = @_;
	my $self = bless { host_process => PgopsNetwork::new_host('10.10.10.10', 'cable0') }, $class;
	my $url = 'http://10.10.10.10';

	$self->{pid} = PgopsNetwork::start_process(
		PgopsNetwork::log_file('etcd.log'), PgopsNetwork::on_host($self->{host_process}),
		qw(etcd --name etcd --heartbeat-interval 50 --election-timeout 500 --logger zap),
		'--data-dir' => PostgreSQL::Test::Utils::tempdir('etcd'),
		'--listen-client-urls' => "$url:2379",
		'--advertise-client-urls' => "$url:2379",
		'--listen-peer-urls' => "$url:2380",
		'--initial-advertise-peer-urls' => "$url:2380",
		'--initial-cluster' => "etcd=$url:2380");
	PgopsNetwork::poll(sub { HTTP::Tiny->new(timeout => 1)->get("$url:2379/health")->{success} })
	  or die "etcd does not answer\n";
	return $self;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

1;
