# What a push calls need not be a server of ours: whatever it answers is an
# error in its row, with a SQLSTATE that can be stored and shown.  A crash would
# take the whole server here with it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use IO::Socket::INET;
use Test::More;

my $center = pgops_node('center', conf => "pgops.drift_interval = '1h'\npgops.retry_delay = '1h'\n");

# ---- servers that speak the protocol, and no sense ---------------------------

sub message
{
	my ($type, $body) = @_;
	return $type . pack('N', 4 + length $body) . $body;
}

# rows of texts; the description has as many columns as the row
sub table
{
	my @row = @_;
	my $columns = join '', map { "c$_\0" . pack('NnNnNn', 0, 0, 25, 65535, 0xFFFFFFFF, 0) } 1 .. @row;
	my $values = join '', map { defined $_ ? pack('N', length $_) . $_ : pack('N', 0xFFFFFFFF) } @row;
	return message('T', pack('n', scalar @row) . $columns) . message('D', pack('n', scalar @row) . $values);
}

my $parsed = message('1', '') . message('2', '');
my $done = message('C', "SELECT 1\0");
my @check = ('f', '1', '0.0', 't', 'elsewhere');
my %answer = (
	norows => $parsed . message('T', pack('n', 0)) . $done,
	narrow => $parsed . table('f') . $done,
	nulls => $parsed . table((undef) x 5) . $done,
	uneven => $parsed . table(@check) . $done . $parsed . table('f', '1') . $done,
	nothing => $parsed . message('n', '') . message('I', ''),
	copy => $parsed . message('H', pack('Cn', 0, 0)),
	state => $parsed . message('E', "SERROR\0C\xff\xfe\x01\x02\x03\0Mbad\xffnews\0\0"),
	endless => $parsed . message('N', "SNOTICE\0C00000\0Mpsst\0\0") x 2000 . message('T', pack('n', 0)),
	noise => "\0" x 100);

# answers each batch of messages that ends with a Sync
sub serve
{
	my ($socket, $answer) = @_;
	while (my $client = $socket->accept)
	{
		my $head = '';
		while (sysread($client, $head, 8) && unpack('x4N', $head) == 80877103)
		{
			syswrite $client, 'N';
		}
		sysread $client, my $startup, unpack('N', $head) - 8;
		syswrite $client, message('R', pack('N', 0)) . message('S', "client_encoding\0UTF8\0") . message('Z', 'I');
		my $heard = '';
		while (sysread $client, $heard, 8192, length $heard)
		{
			next unless $heard =~ /S\0\0\0\x04$/;
			$heard = '';
			syswrite $client, $answer . message('Z', 'I');
		}
	}
	return;
}

my (%port, @children);
for my $mode (sort keys %answer)
{
	my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp')
	  or die "could not listen: $!";
	$port{$mode} = $socket->sockport;
	my $child = fork // die "could not fork: $!";
	if ($child == 0)
	{
		local $SIG{PIPE} = 'IGNORE';
		serve($socket, $answer{$mode});
		require POSIX;
		POSIX::_exit(0);
	}
	push @children, $child;
}

END
{
	my $status = $?;
	kill 'KILL', @children;
	$? = $status;
}

# ---- calling them -------------------------------------------------------------

my $number = 0;
my $clusters = join '', map { $number++; <<"YAML" } sort keys %port;
    pg-$_:
      hosts: { 10.11.0.$number: { pg_seq: 1, pg_role: primary, pgops_push_conninfo: 'host=127.0.0.1 port=$port{$_} user=nobody dbname=x' } }
      vars: { pg_cluster: pg-$_ }
YAML
$center->safe_psql('postgres', 'SELECT pgops.apply_inventory(' . literal(<<"YAML") . ')');
all:
  children:
    pg-center:
      hosts: { 10.10.10.11: { pg_seq: 1, pg_role: primary } }
      vars: { pg_cluster: pg-center }
$clusters
YAML

my %found = map { $_->{cluster} => $_ } rows($center,
	"SELECT cluster, state, sqlstate, message FROM pgops.push(timeout => '5s') WHERE cluster <> 'pg-center'");
is(scalar(keys %found), scalar(keys %port), 'each server that answers nonsense has its row');
for my $mode (sort keys %port)
{
	my $row = $found{"pg-$mode"};
	is($row->{state}, 'failed', "$mode: failed");
	like($row->{sqlstate}, $mode eq 'endless' || $mode eq 'noise' ? qr/^(?:57014|08\w\w\w)$/ : qr/^08(?:P01|006)$/,
		"$mode: a SQLSTATE");
	note("$mode: $row->{message}");
}
is(value($center, q{SELECT count(*) FROM pgops.push_status WHERE sqlstate !~ '^[0-9A-Z]{5}$'}), 0,
	'nothing else is stored as one');
ok(!log_matches($center, qr/terminated by signal/), 'and no process of it died');

# ---- a declaration that cannot even be read ------------------------------------

$center->safe_psql('postgres', <<'SQL');
	SELECT pgops.bind('pg-center-1');
	UPDATE pgops.clusters SET push = true WHERE name = 'pg-norows';
SQL
wait_for($center, q{SELECT EXISTS (SELECT FROM pgops.push_status WHERE cluster = 'pg-norows' AND next_attempt IS NOT NULL)},
	'pushed by itself');
$center->safe_psql('postgres', <<'SQL');
	ALTER TABLE pgops.secret RENAME TO hidden;
	UPDATE pgops.cluster SET generation = generation + 1 WHERE name = 'pg-norows';
SQL
wait_for($center, q{SELECT EXISTS (SELECT FROM pgops.push_status WHERE cluster = 'pg-norows' AND sqlstate = '42P01')},
	'a declaration that cannot be read is a failure of its own');
is(value($center, q{SELECT tried_generation = generation AND next_attempt > now() + interval '1 minute'
	FROM pgops.push_status JOIN pgops.cluster ON name = cluster WHERE name = 'pg-norows'}), 't', '... that waits for its next attempt');

done_testing();
