# What a program writes is kept as the job's output and error: never with a secret
# of the repositories in it, wherever in a line that stands.  (pgBackRest masks
# its options, but prints what an object store answers.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PgopsBackup;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = 'Cipher.Pass.Of.Output.88';
my $folder = PostgreSQL::Test::Utils::tempdir('secrets');
my ($program) = grep { -x } map { "$_/pgbackrest" } split /:/, $ENV{PATH};
append_to_file("$folder/program", <<"SH");
#!/bin/sh
for command; do :; done
[ "\$command" = expire ] || exec $program "\$@"
echo 'whole $secret whole'
printf '%1990s' ' '; echo '$secret'
printf 'in pieces Cipher.Pass'; sleep 1; echo '.Of.Output.88'
echo 'ERROR: [039]: <Key>$secret</Key>' >&2
exit 39
SH
chmod 0755, "$folder/program";

my $node = backup_node('output', conf => "pgops.pgbackrest = '$folder/program'\n",
	repo => { cipher_type => 'aes-256-cbc', cipher_pass => $secret });

my $job = finish_job($node, "SELECT pgops.job_request('expire', '{}')");
is($job->{state}, 'failed', 'a program that writes a secret and fails');
my $output = value($node, "SELECT string_agg(text, E'\\n' ORDER BY line) FROM pgops.job_output WHERE job = $job->{id}");
like($output, qr/^whole \S+ whole$/m, 'the secret is masked');
like($output, qr/^in pieces \S+$/m, '... also where it was written in pieces');
unlike($output, qr/Cip/, '... and where the line was cut off in its middle');
my $row = value($node, "SELECT j::text FROM pgops.job AS j WHERE id = $job->{id}");
like($row, qr/<Key>/, 'what the program said is the detail of the error');
unlike($row . slurp_file($node->logfile), qr/\Q$secret\E/, '... without the secret, as in the log');

stop_backup_node($node);
done_testing();
