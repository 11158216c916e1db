# PgopsTest.pm: what the TAP tests of pgops share
#
# On top of PostgreSQL::Test::Cluster: a node with pgops preloaded, declaring a
# document, waiting for its outcome, and looking at what pgops did and did not
# touch.  Every wait polls with a deadline; nothing sleeps for a fixed time.
#
# Not for: knowledge of a single test.  Documents live in test/data.
package PgopsTest;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(
  pgops_node idle_node prepare_ansible document small_document literal
  rows row value declare try_declare plan_rows open_rows
  settle converge wait_for wait_until pass_twice
  file_identity footprint same_footprint
  ended_job refused_with tcp_login log_matches action_count revision_count processes
);

my $json = JSON::PP->new->allow_nonref;

# ---- nodes -------------------------------------------------------------------

# pgops_node(NAME, conf => TEXT, init => {...}, start => 0, extension => 0)
#
# A started node that listens on 127.0.0.1 besides its socket, with pgops
# preloaded and created in database postgres.  The superuser has the name of the
# OS user who runs the test; documents call it postgres (pg_dbsu) all the same.
sub pgops_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(
		extra => [ '-E', 'UTF8', '--locale=C' ],
		%{ $option{init} || {} });
	$node->append_conf('postgresql.conf', <<~'CONF');
		shared_preload_libraries = 'pgops'
		listen_addresses = '127.0.0.1'
		max_worker_processes = 16
		max_connections = 40
		shared_buffers = 16MB
		log_min_messages = warning
		client_min_messages = warning
		pgops.retry_delay = '200ms'
		pgops.manage_backup = off
		pgops.manage_settings = off
		CONF
	$node->append_conf('postgresql.conf', $option{conf}) if $option{conf};
	return $node if exists $option{start} && !$option{start};

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pgops')
	  unless exists $option{extension} && !$option{extension};
	return $node;
}

# a node that is bound to no instance: declarations are stored, and nothing is
# done about them
sub idle_node
{
	my ($name) = @_;
	return pgops_node($name, conf => <<~'CONF');
		pgops.drift_interval = '1h'
		pgops.instance = 'elsewhere-1'
		log_statement = 'none'
		CONF
}

# Ansible wants a home to write to, and no settings of whoever runs the test
sub prepare_ansible
{
	my ($folder) = @_;
	delete @ENV{ grep { /^ANSIBLE_/ } keys %ENV };
	$ENV{HOME} = $ENV{ANSIBLE_LOCAL_TEMP} = $folder;
	$ENV{ANSIBLE_CONFIG} = "$folder/ansible.cfg";
	$ENV{ANSIBLE_NOCOLOR} = 1;
	append_to_file($ENV{ANSIBLE_CONFIG}, '');
	return;
}

# ---- documents ---------------------------------------------------------------

# text of a file of test/data
sub document
{
	my ($name) = @_;
	return slurp_file(dirname(abs_path(__FILE__)) . "/../data/$name");
}

# a cluster "small" of this one server, with these vars (a Perl structure, as JSON:
# names may hold anything, as bytes in UTF-8) and no extension that the server
# might lack
sub small_document
{
	my (%vars) = @_;
	my $text = JSON::PP->new->canonical->encode(
		{
			small => {
				hosts => { '10.10.10.10' => { pg_seq => 1, pg_role => 'primary' } },
				vars => { pg_cluster => 'small', pg_default_extensions => [], %vars }
			}
		});
	utf8::downgrade($text);    # else it would be sent to psql encoded twice
	return $text;
}

# a string constant of SQL, standard_conforming_strings being on
sub literal
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

# ---- queries -----------------------------------------------------------------

# result of a query as a list of hash references; the query may have effects
sub rows
{
	my ($node, $sql, %option) = @_;
	my $text = $node->safe_psql($option{database} || 'postgres',
		"SELECT coalesce(json_agg(to_json(q)), '[]') FROM ($sql) q");
	return @{ $json->decode($text) };
}

# the only row
sub row
{
	my @found = rows(@_);
	die 'one row expected, not ' . scalar(@found) . ": $_[1]\n" if @found != 1;
	return $found[0];
}

# the only column of the only row, as psql prints it
sub value
{
	my ($node, $sql, %option) = @_;
	return $node->safe_psql($option{database} || 'postgres', $sql);
}

# declares a document; the plan's rows
sub declare
{
	my ($node, $text, %option) = @_;
	my $arguments = literal($text);
	$arguments .= ", dry_run => true" if $option{dry_run};
	$arguments .= ", note => " . literal($option{note}) if defined $option{note};
	return rows($node, "SELECT * FROM pgops.apply_cluster($arguments)");
}

# declares what may be refused: (exit code, standard error)
sub try_declare
{
	my ($node, $text) = @_;
	my ($code, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT * FROM pgops.apply_cluster(" . literal($text) . ")");
	return ($code, $stderr);
}

# the row of a job that is over by now or soon, whatever becomes of the server meanwhile
sub ended_job
{
	my ($node, $id) = @_;
	my $job;
	wait_until(
		sub {
			($job) = eval { rows($node, "SELECT * FROM pgops.jobs WHERE id = $id") };
			return $job && $job->{state} !~ /^(?:queued|running|cancelling)$/;
		}, 60);
	return $job || { state => 'unknown' };
}

# what a call is refused with: "SQLSTATE message / detail / hint"
sub refused_with
{
	my ($node, $call) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call");
	my ($state, $message) = $err =~ /ERROR:\s+(\w{5}): (.*)/ or return "not refused: $out";
	my ($detail) = $err =~ /^DETAIL:\s+(.*)/m;
	my ($hint) = $err =~ /^HINT:\s+(.*)/m;
	return join ' / ', "$state $message", map { $_ // '' } $detail, $hint;
}

# the plan as it is now
sub plan_rows
{
	my ($node) = @_;
	return rows($node, 'SELECT * FROM pgops.plan()');
}

# those rows of a plan that something is to be done about
sub open_rows
{
	return grep { !defined $_->{blocked} } @_;
}

# ---- waiting -----------------------------------------------------------------

# waits for the present generation; its status row
sub settle
{
	my ($node, $timeout) = @_;
	$timeout ||= "$PostgreSQL::Test::Utils::timeout_default s";
	return row($node, "SELECT * FROM pgops.wait(timeout => '$timeout')");
}

# declares, waits, and tests that the outcome is the expected phase
sub converge
{
	my ($node, $text, $phase, $what) = @_;
	declare($node, $text);
	my $status = settle($node);
	is($status->{phase}, $phase, $what || "outcome is $phase")
	  or diag($json->encode($status));
	return $status;
}

# polls until a query gives 't'; tests it under the name.  A psql that a server
# refuses, which is starting again, may close its input under our hands, which
# kills the poll, so that another one is begun.
sub wait_for
{
	my ($node, $sql, $what, %option) = @_;
	my $deadline = Time::HiRes::time() + $PostgreSQL::Test::Utils::timeout_default;
	my $met;
	until (defined $met || Time::HiRes::time() > $deadline)
	{
		$met = eval { $node->poll_query_until($option{database} || 'postgres', $sql) ? 1 : 0 };
	}
	ok($met, $what);
	return;
}

# polls a Perl condition until it is true or the deadline has passed
sub wait_until
{
	my ($condition, $seconds) = @_;
	my $deadline = Time::HiRes::time() + ($seconds || $PostgreSQL::Test::Utils::timeout_default);
	while (Time::HiRes::time() < $deadline)
	{
		return 1 if $condition->();
		Time::HiRes::usleep(20_000);
	}
	return $condition->();
}

# waits until two passes have ended that began after now: what they left undone
# is not going to be done.  Needs a short pgops.drift_interval.
sub pass_twice
{
	my ($node, $what) = @_;
	my $passes = value($node, 'SELECT passes FROM pgops.coordinator()');
	wait_for($node, "SELECT passes >= $passes + 3 FROM pgops.coordinator()", $what);
	return;
}

# ---- what was touched --------------------------------------------------------

# a file's inode, modification time and size: what tells a rewrite from none
sub file_identity
{
	my ($path) = @_;
	my @stat = Time::HiRes::stat($path);
	return @stat ? sprintf('%d/%.6f/%d', @stat[ 1, 9, 7 ]) : 'missing';
}

# everything that a pass without work must leave as it is
sub footprint
{
	my ($node) = @_;
	my $data = $node->data_dir;
	return {
		hba => file_identity("$data/pg_hba.conf"),
		original => file_identity("$data/pg_hba.conf.pgops-original"),
		auto => file_identity("$data/postgresql.auto.conf"),
		load_time => value($node, 'SELECT pg_conf_load_time()'),
		passwords => value($node,
			"SELECT md5(string_agg(rolname || coalesce(rolpassword, '-') || xmin::text, ',' ORDER BY rolname)) FROM pg_authid"),
		databases => value($node,
			"SELECT md5(string_agg(datname || xmin::text, ',' ORDER BY datname)) FROM pg_database"),
		actions => action_count($node),
		revisions => revision_count($node)
	};
}

# tests that nothing moved between two footprints
sub same_footprint
{
	my ($before, $after, $what) = @_;
	return is_deeply($after, $before, $what);
}

sub action_count
{
	my ($node) = @_;
	return value($node, 'SELECT count(*) FROM pgops.action_log');
}

sub revision_count
{
	my ($node) = @_;
	return value($node, 'SELECT count(*) FROM pgops.revision');
}

# ---- access ------------------------------------------------------------------

# logs in over TCP with a password; (exit code, current_user or the error)
sub tcp_login
{
	my ($node, $user, $password, $database) = @_;
	my $connstr = sprintf('host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable connect_timeout=10',
		$node->port, $user, $database || 'postgres');
	local $ENV{PGPASSWORD} = $password;

	# not through its standard input, which a refused psql closes under our hands
	my ($code, $out, $err) = $node->psql($database || 'postgres', '',
		connstr => $connstr, extra_params => [ '-c', 'SELECT current_user' ]);
	return ($code, $code ? $err : $out);
}

# how often a pattern occurs in the server's log, from an offset on
sub log_matches
{
	my ($node, $pattern, $offset) = @_;
	my $log = slurp_file($node->logfile, $offset || 0);
	my @found = $log =~ /$pattern/g;
	return scalar @found;
}

# ---- processes ---------------------------------------------------------------

# what runs on this machine: hash references with pid, parent and command line
sub processes
{
	my @found;
	for my $folder (glob '/proc/[0-9]*')
	{
		# it may end while we look
		my $stat = eval { slurp_file("$folder/stat") } // next;
		my $command = eval { slurp_file("$folder/cmdline") } // next;
		my ($pid, $parent) = $stat =~ /^(\d+) .*\) \S (\d+) /s or next;
		push @found, { pid => $pid, parent => $parent, command => $command =~ tr/\0/ /r };
	}
	return @found;
}

1;
