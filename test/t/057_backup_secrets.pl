# Secrets of repositories (the passphrase of an encrypted one, the keys of an
# object store) are in pgbackrest.conf, which others cannot read, and nowhere
# else: no argument or environment of a process, no log, no row, no file that is
# open to all.
use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;

my %secret = (
	passphrase => 'Cipher.Pass.Of.Local.77',
	key => 'AKIA0SECRETACCESSKEY',
	'secret key' => 's3cretKey/With+Signs=99',
);
my $any = join '|', map { quotemeta } values %secret;

my $node = backup_node(
	'main',
	conf => "autovacuum = off\nlog_statement = 'all'\nlog_min_messages = debug1\npgops.retry_delay = '1s'\n",
	repo => { cipher_type => 'aes-256-cbc', cipher_pass => $secret{passphrase} });
my $config = pgbackrest_config($node);
is(value($node, 'SELECT cipher FROM pgops.stanza_state'), 'aes-256-cbc', 'an encrypted repository');
like(slurp_file($config), qr/\Q$secret{passphrase}\E/, 'its passphrase is in pgbackrest.conf');

# ---- processes ----
my (%leaks, $samples, $seen);

# arguments and environments of all processes of this user
sub sample
{
	for my $process (glob '/proc/[0-9]*')
	{
		next if $process eq "/proc/$$";
		for my $file ("$process/cmdline", "$process/environ")
		{
			open(my $handle, '<', $file) or next;
			local $/;
			my $text = <$handle> // '';
			close($handle);
			$seen = 1 if $text =~ /^\S*pgbackrest\0.*backup/s && index($text, $config) >= 0;
			$leaks{ $text =~ tr/\0/ /r } = 1 if $text =~ /$any/;
		}
	}
	$samples++;
	return;
}

sub sample_until_over
{
	my ($id) = @_;
	return wait_until(
		sub {
			sample();
			return value($node, "SELECT state IN ('succeeded', 'failed', 'cancelled', 'interrupted') FROM pgops.job WHERE id = $id") eq 't';
		});
}

my $id = value($node, "SELECT pgops.backup('full')");
ok(sample_until_over($id), 'a backup into it');
is(value($node, "SELECT state FROM pgops.jobs WHERE id = $id"), 'succeeded', '... succeeds');
ok($seen, '... its processes were looked at') or diag($samples);
is(join("\n", keys %leaks), '', 'no process has a secret among its arguments or in its environment');

# ---- an object store that is not there: what fails tells no secret, either ----
my %vars = backup_vars($node, repo => { cipher_type => 'aes-256-cbc', cipher_pass => $secret{passphrase} });
$vars{pgbackrest_method} = [ 'local', 'store' ];
$vars{pgbackrest_repo}{store} = {
	type => 's3', path => '/pgbackrest', s3_endpoint => '127.0.0.1', storage_port => 1, s3_bucket => 'b', s3_region => 'us-east-1',
	s3_uri_style => 'path', s3_key => $secret{key}, s3_key_secret => $secret{'secret key'},
	cipher_type => 'aes-256-cbc', cipher_pass => $secret{passphrase},
};
declare($node, small_document(%vars));
ok(wait_until(sub { return slurp_file($config) =~ /\Q$secret{'secret key'}\E/ }), 'keys of an object store are in pgbackrest.conf');
my ($code, $out, $err) = try_pgbackrest($node, '--repo=2', '--log-level-console=info', '--io-timeout=1', '--repo2-storage-verify-tls=n', 'info');
unlike("$out$err", qr/$any/, 'pgBackRest itself masks them');
sample();
$node->safe_psql('postgres', 'SELECT pgops.backup_refresh()');
sample();
is(join("\n", keys %leaks), '', 'still no process has one');

# ---- rows ----
for my $table (rows($node, <<~'SQL'))
	SELECT c.oid::regclass::text AS name FROM pg_class AS c
	WHERE c.relnamespace = 'pgops'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'secret' ORDER BY 1
	SQL
{
	my $found = value($node, "SELECT count(*) FROM $table->{name} AS t WHERE t::text ~ " . literal($any));
	is($found, 0, "no secret in $table->{name}");
}

# ---- files ----
my (@open, @told);
find(
	{
		no_chdir => 1,
		wanted => sub {
			my @stat = lstat $_ or return;
			return if -l _;
			push @open, sprintf('%s %04o', $_, $stat[2] & 07777) if -d _ ? $stat[2] & 0027 : $stat[2] & 0137;
			return unless -f _ && $_ ne $config;
			push @told, $_ if slurp_file($_) =~ /$any/;
		}
	},
	$node->data_dir . '.pgops');
is(join(' ', @open), '', 'no file of pgops is wider than 0640, no directory than 0750');
is(join(' ', @told), '', 'no other file below pgops.directory has a secret: not the logs of pgBackRest');
is(sprintf('%04o', (stat $config)[2] & 07777), '0640', 'the mode of pgbackrest.conf');

# what people declare is in the statements that they log themselves: everything after that is ours
my $log = join "\n", grep { !/apply_cluster\(/ } split /\n(?=\d{4}-)/, slurp_file($node->logfile);
unlike($log, qr/$any/, 'no secret in the log of the server, but in what was declared with log_statement = all');

# ---- what would be a second line of pgbackrest.conf ----
my @found = rows($node, 'SELECT path, message FROM pgops.validate('
	  . literal(small_document(%vars, pgbackrest_log_dir => "/tmp/log\nrepo1-cipher-pass=other")) . ") WHERE severity = 'error'");
is_deeply([ map { $_->{path} } @found ], ['small.pgbackrest_log_dir'], 'a path with a line break is refused');
like($found[0]{message}, qr/must be a path on one line/, 'in words');

# a fast stop would wait for the store that is not there: the last WAL is to be archived,
# which is what an asynchronous archive-push goes on with
$node->stop('immediate');
for my $process (glob '/proc/[0-9]*')
{
	open(my $handle, '<', "$process/cmdline") or next;
	local $/;
	kill 'TERM', $process =~ s{/proc/}{}r if index(<$handle> // '', $config) >= 0;
}
done_testing();
