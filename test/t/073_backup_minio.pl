# 073_backup_minio.pl: a repository in MinIO, as inventories declare it, on a machine without its certificate
#
# Nothing answers here: shown is that the message names what is wrong, that it is
# tried again with growing delay, and that neither log nor file tells a key to
# whom it does not concern.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node(
	'main',
	init => { allows_streaming => 1 },
	conf => <<~'CONF');
		archive_mode = on
		pgops.manage_backup = on
		pgops.manage_settings = on
		pgops.retry_delay = '300ms'
		log_statement = 'none'
		CONF
my %minio = (
	type => 's3', path => '/pgbackrest', s3_endpoint => 'sss.example', s3_region => 'us-east-1', s3_bucket => 'pgsql',
	s3_key => 'pgbackrest', s3_key_secret => 'S3User.Not.The.Default', s3_uri_style => 'path',
	storage_host => '127.0.0.1', storage_port => 9, storage_ca_file => '/nowhere/ca.crt',
	bundle => 'y', cipher_type => 'aes-256-cbc', cipher_pass => 'Cipher.Not.The.Default',
	retention_full_type => 'time', retention_full => 14);
declare($node, small_document(pgbackrest_method => 'minio', pgbackrest_repo => { minio => \%minio }));

wait_for($node, "SELECT count(*) >= 3 FROM pgops.jobs WHERE kind = 'backup_setup' AND state = 'failed'", 'it is tried again');
my $job = row($node, "SELECT * FROM pgops.jobs WHERE kind = 'backup_setup' AND state = 'failed' ORDER BY id LIMIT 1");
like($job->{error}, qr/cannot read the certificates/, 'the message names the certificate, not the passphrase');
like($job->{hint}, qr/storage_ca_file/, '... and what is to be changed');
is(value($node, <<~'SQL'), 't', 'each time it waits longer');
	SELECT bool_and(pause > before) FROM (SELECT pause, lag(pause) OVER (ORDER BY id) AS before
		FROM (SELECT id, requested_at - lag(finished_at) OVER (ORDER BY id) AS pause
			FROM pgops.jobs WHERE kind = 'backup_setup' ORDER BY id LIMIT 3) AS p) AS q WHERE before IS NOT NULL
	SQL
my $status = row($node, 'SELECT phase, message FROM pgops.status');
like($status->{phase}, qr/degraded|progressing/, 'the status knows it');
cmp_ok(log_matches($node, qr/backup_setup\) failed/), '<=', value($node, "SELECT count(*) FROM pgops.jobs WHERE kind = 'backup_setup'"),
	'one message in the log for each attempt');

# ---- secrets ----
my $file = pgbackrest_config($node);
like(slurp_file($file), qr/^repo1-s3-key-secret=S3User\.Not\.The\.Default$/m, 'the key is where pgBackRest reads it');
is(sprintf('%04o', (stat $file)[2] & 07777), '0640', '... with mode 0640');
is(log_matches($node, qr/Not\.The\.Default/), 0, '... and not in the log');
is(value($node, "SELECT count(*) FROM pgops.job_output WHERE text ~ 'Not.The.Default'"), 0, '... nor in the output of jobs');
is(value($node, "SELECT count(*) FROM pgops.action_log AS l WHERE l::text ~ 'Not.The.Default'"), 0, '... nor in the log of actions');

# ---- repaired by declaring what is there: no wait for the next attempt ----
declare($node, small_document(backup_vars($node)));
is(settle($node)->{phase}, 'converged', 'another repository is set up at once') or diag(settle($node)->{message});
stop_backup_node($node);
done_testing();
