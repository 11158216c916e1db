# No secret of an inventory is shown anywhere, but to a superuser who asks for it:
# each inventory goes in with words of its own in the place of every secret,
# twice, and then every view, every function, the tables, a dump, the server log
# and pg_stat_activity are searched for the words.  Likewise for secrets that are
# declared one by one.
#
# PGOPS_INVENTORIES may name a folder of inventories (*.yml).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Basename qw(basename);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', conf => <<'CONF');
log_statement = all
log_min_duration_statement = 0
log_min_error_statement = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_min_messages = debug1
track_activity_query_size = 64kB
pgops.instance = 'nobody-1'
CONF
my $word = qr/word\d+x\d+y\d+-wOrd/;
my $verifier = qr/SCRAM-SHA-256\$/;

# ---- inventories with words for secrets --------------------------------------

# keys whose values are secrets, by what people call them
my $secret_key = qr/[\w-]*(?:password|passwd|passphrase|secret|token|cipher_pass|private_key|account_key
	|enc_key|api_key|crypto_key|role_key|credential|pgurl|conninfo)[\w-]*/xi;
my $harmless_key = qr/(?:_file|_path|_type|_ttl|encryption|_command)$/i;

# (text with words, number of words)
sub with_words
{
	my ($text, $file, $round) = @_;
	my $count = 0;
	my $put = sub {
		my ($key, $between, $value) = @_;
		my ($quote) = $value =~ /^(["'])/;
		return "$key$between$value" if $key =~ $harmless_key || $value =~ /^["']?(?:|true|false|yes|no|null|[|>{\[&*].*)["']?$/;
		$quote //= '';
		return sprintf '%s%s%sword%dx%dy%d-wOrd%s', $key, $between, $quote, $file, ++$count, $round, $quote;
	};
	my $value = qr/"[^"\n]*"|'[^'\n]*'|[^\s,}\]#]+/;
	$text =~ s/^(.*?)(\s#.*)?$/my ($line, $rest) = ($1, $2 \/\/ ''); $line =~ s{\b($secret_key)("?\s*:\s+)($value)}{$put->($1, $2, $3)}ge unless $line =~ m{^\s*#}; $line . $rest/gem;

	# users of the web server: a map of names to passwords
	$text =~ s/(nginx_users\s*:\s*\{)([^}]*)\}/my ($head, $users) = ($1, $2); $users =~ s{(:\s+)($value)}{$put->('', $1, $2)}ge; "$head$users}"/ge;
	return ($text, $count);
}

# ---- everything that can be looked at ----------------------------------------

# calls that need nothing, or a cluster: all functions of the schema that there are
sub calls
{
	my @clusters = map { $_->{name} } rows($node, "SELECT name FROM pgops.cluster WHERE kind = 'pgsql' ORDER BY name LIMIT 3");
	my @calls;
	for my $function (rows($node, <<'SQL'))
SELECT p.proname AS name, p.pronargs - p.pronargdefaults AS needed, p.pronargs > 0 AS has_arguments,
	coalesce(p.proargnames[1], '') AS first
FROM pg_proc p
WHERE p.pronamespace = 'pgops'::regnamespace AND p.prorettype <> 'trigger'::regtype
	AND p.proname NOT IN ('wait', 'push', 'bind', 'unbind', 'forget')
ORDER BY 1
SQL
	{
		push @calls, "pgops.$function->{name}()" if $function->{needed} == 0;
		push @calls, map { "pgops.$function->{name}(" . literal($_) . ')' } 'all', @clusters
		  if $function->{needed} <= 1 && $function->{has_arguments} && $function->{first} eq 'cluster';
	}
	for my $cluster ('all', @clusters)
	{
		push @calls, map { sprintf $_, literal($cluster) } 'pgops.diff(%s, 1)', 'pgops.diff(%s, NULL)',
		  'pgops.revision_actions(%s, 1)', 'pgops.rollback(%s, 1, dry_run => true)', 'pgops.show_declared(NULL, %s)';
	}
	return @calls;
}

# what psql prints of a statement in a transaction that is rolled back, errors included
sub printed
{
	my ($sql) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "BEGIN;\n$sql;\nROLLBACK;");
	return ($out // '') . ($err // '');
}

sub nowhere_shown
{
	my ($what) = @_;
	my $asked = 0;
	my %relation = map { $_->{name} => $_->{kind} } rows($node, <<'SQL');
SELECT relname AS name, relkind AS kind FROM pg_class
WHERE relnamespace = 'pgops'::regnamespace AND relkind IN ('r', 'v', 'm')
SQL
	my (@leaks, @verifiers);
	my @sources = ((map { "pgops.$_" } grep { $_ ne 'secret' } sort keys %relation), calls());
	my $script = "SET statement_timeout = '20s';\n"
	  . join('', map { "\\echo >>>$_\nBEGIN;\nSELECT t::text FROM $_ AS t;\nROLLBACK;\n" } @sources);
	my (undef, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
	my (undef, %shown) = split /^>>>(.*)\n/m, "$out\n";
	for my $source (@sources)
	{
		push @leaks, $source if $shown{$source} =~ $word;

		# generate() tells a superuser what the server has, as pg_dumpall does
		push @verifiers, $source if $source !~ /^pgops\.(?:variable$|generate\()/ && $shown{$source} =~ $verifier;
		$asked++ if $shown{$source} =~ /\S/;
	}
	cmp_ok($asked, '>', 20, "$what: asked everything");
	unlike($err, qr/$word|$verifier/, "$what: no error shows one");
	is("@leaks", '', "$what: no relation or function shows a secret");
	is("@verifiers", '', "$what: ... nor a verifier");
	unlike(value($node, "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid()"), $word,
		"$what: no session shows one");
	return;
}

sub declared_by
{
	my ($session, $text) = @_;
	my $function = $text =~ /^all:/m ? 'apply_inventory' : 'apply_cluster';
	my $arguments = $function eq 'apply_inventory' ? ', prune => true' : '';
	$session->query_safe("SET client_min_messages = error; SELECT count(*) FROM pgops.$function(" . literal($text) . "$arguments)");
	return;
}

my @files = map { "$FindBin::RealBin/../data/$_" } qw(pg-meta.yml platform.yml small.yml);
my $folder = $ENV{PGOPS_INVENTORIES};
push @files, sort glob "$folder/*.yml" if defined $folder && -d $folder;

for my $number (0 .. $#files)
{
	my $base = basename($files[$number]);
	my $text = slurp_file($files[$number]);
	my ($first, $count) = with_words($text, $number, 1);
	my ($second) = with_words($text, $number, 2);
	cmp_ok($count, '>', 1, "$base has secrets");

	my $session = $node->background_psql('postgres');
	declared_by($session, $first);
	declared_by($session, $second);
	nowhere_shown($base);
	$session->quit;

	# they are there all the same, or all this would prove nothing
	my $stored = value($node, 'SELECT count(*) FROM pgops.secret');
	my $verifiers = value($node, "SELECT count(*) FROM pgops.variable WHERE source::text ~ 'SCRAM-SHA-256'");
	cmp_ok($stored + $verifiers, '>', 0, "$base: $stored secrets and $verifiers parameters with verifiers are stored");
	unlike(value($node, 'SELECT string_agg(value, \' \') FROM pgops.secret') // '', qr/y1-wOrd/, "$base: ... the later ones");
	if ($stored > 0)
	{
		my $asked = value($node, 'SELECT pgops.inventory(secrets => true)');
		my $missing = value($node, 'SELECT count(*) FROM pgops.secret WHERE position(value IN ' . literal($asked) . ') = 0');
		is($missing, 0, "$base: a superuser who asks gets them");
	}

	my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
	$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], "$base: pg_dump");
	unlike(slurp_file($dump), $word, "$base: no secret in a dump");
	$node->safe_psql('postgres', 'SELECT pgops.forget(name) FROM pgops.cluster');
}

# ---- who may ask ----
$node->safe_psql('postgres', "SELECT FROM pgops.apply_inventory('all: { vars: { region: north } }', prune => true); CREATE ROLE looker LOGIN IN ROLE pg_monitor");
my ($small) = with_words(document('small.yml') . "    patroni_password: Small.Api.Secret\n", 100, 1);
my $session = $node->background_psql('postgres');
declared_by($session, $small);
for my $call ('pgops.inventory(secrets => true)', "pgops.inventory_yaml('small', secrets => true)", "pgops.cluster_spec('small', secrets => true)")
{
	my $out = printed("SET ROLE looker; SELECT $call");
	unlike($out, $word, "not for everybody: $call");
	like($out, qr/ERROR/, '... but refused');
	like(printed("SELECT $call"), qr/word100x3y1-wOrd/, '... a superuser gets it');
}

# ---- secrets one by one ----
my %statement = (
	'set_secret()' => "SELECT pgops.set_secret('patroni_password', 'word101x1y1-wOrd', 'small')",
	'set_secret() of a role' => "SELECT pgops.set_secret('pg_users[app_owner].password', 'word101x2y1-wOrd', 'small')",
	'set_secret() of all' => "SELECT pgops.set_secret('grafana_admin_password', 'word101x3y1-wOrd')",
	'set_secret() of a host' => "SELECT pgops.set_secret('pg_monitor_password', 'word101x4y1-wOrd', 'small', '10.10.10.10')",
	'a written view' => "UPDATE pgops.users SET password = 'word101x5y1-wOrd' WHERE cluster = 'small' AND name = 'app_owner'",
	'an inserted row' => "INSERT INTO \"pgops\".\"users\" (cluster, name, password) VALUES ('small', 'inserted', 'word101x6y1-wOrd')",
	'a search path' => "SET log_statement = none; SET search_path = pgops; UPDATE users SET password = 'word101x7y1-wOrd' WHERE name = 'app_owner'; RESET ALL",
);
for my $how (sort keys %statement)
{
	my $before = value($node, 'SELECT count(*) FROM pgops.revision');
	$session->query_safe("SET client_min_messages = error; $statement{$how}");
	is(value($node, 'SELECT count(*) FROM pgops.revision'), $before + 1, "declared by $how");
	unlike(value($node, "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid()"), $word, '... not in pg_stat_activity');
}
my %refused = (
	'no secret' => "SELECT pgops.set_secret('pg_version', 'word102x1y1-wOrd', 'small')",
	'a field that is none' => "SELECT pgops.set_secret('pg_users[app_owner].comment', 'word102x2y1-wOrd', 'small')",
	'an unknown user' => "SELECT pgops.set_secret('pg_users[nobody].password', 'word102x3y1-wOrd', 'small')",
	'an unknown cluster' => "SELECT pgops.set_secret('patroni_password', 'word102x4y1-wOrd', 'nowhere')",
	'an unknown host' => "SELECT pgops.set_secret('patroni_password', 'word102x5y1-wOrd', 'small', '10.9.9.9')",
	'a host without a cluster' => "SELECT pgops.set_secret('patroni_password', 'word102x6y1-wOrd', host => '10.10.10.10')",
	'an open bracket' => "SELECT pgops.set_secret('pg_users[app_owner', 'word102x7y1-wOrd', 'small')",
	'the mask' => "SELECT pgops.set_secret('patroni_password', '********', 'small')",
	'an empty text' => "SELECT pgops.set_secret('patroni_password', '', 'small')",
	'a syntax error' => "SELECT pgops.set_secret('patroni_password', 'word102x8y1-wOrd' 'small')",
	'a wrong view' => "UPDATE pgops.users SET password = 'word102x9y1-wOrd', no_such_column = 1",
);
for my $how (sort keys %refused)
{
	my $out = printed($refused{$how});
	like($out, qr/ERROR/, "refused: $how");
	unlike($out =~ s/^LINE \d+:.*$//mr, $word, '... without repeating the secret');
}
nowhere_shown('one by one');
is(value($node, "SELECT string_agg(concat_ws('/', scope, host, name, value), ' ' ORDER BY value) FROM pgops.secret"),
	'cluster/patroni_password/word101x1y1-wOrd global/grafana_admin_password/word101x3y1-wOrd', 'what is stored plain');
is(value($node, "SELECT pgops.set_secret('patroni_password', 'word101x1y1-wOrd', 'small')"), 'f', 'the same again is no change');
is(value($node, "SELECT pgops.set_secret('pg_users[app_owner].password', 'word101x2y1-wOrd', 'small')"), 'f', '... of a role neither');
is(value($node, "SELECT pgops.set_secret('patroni_password', NULL, 'small')"), 't', 'taken away');
is(value($node, "SELECT count(*) FROM pgops.variable WHERE name = 'patroni_password'"), 0, '... it is declared no more');
$session->quit;

# ---- where it could be written down ----
my @lines = slurp_file($node->logfile) =~ /^.*$word.*$/mg;
is(scalar(@lines), 0, 'none in the server log') or diag(join "\n", map { substr($_, 0, 300) } @lines[ 0 .. ($#lines > 9 ? 9 : $#lines) ]);
cmp_ok(log_matches($node, qr/<hidden by pgops>/), '>', 10, '(which hides them)');

# ---- a password that nobody has typed ----
$node->append_conf('postgresql.conf', "pgops.instance = 'small-1'\n");
$node->restart;
$node->safe_psql('postgres', "SELECT pgops.bind('small-1')");
is(settle($node)->{phase}, 'converged', 'the server is bound and follows');
like(printed("SELECT pgops.rotate_password('small', 'dbuser_monitor')"), qr/host "10\.10\.10\.10" has its own "pg_monitor_password"/,
	'a password that would not count is not made');
is(value($node, "SELECT pgops.set_secret('pg_monitor_password', NULL, 'small', '10.10.10.10')"), 't', 'it is taken from the host');
my %seen;
for my $user (qw(app_owner dbuser_monitor))
{
	my $password = value($node, "SELECT pgops.rotate_password('small', '$user')");
	like($password, qr/^[2-9A-HJ-NP-Za-kmnp-z]{32}$/, "$user: generated");
	$seen{$password} = 1;
	is(settle($node)->{phase}, 'converged', '... set on the server');
	is((tcp_login($node, $user, $password, 'postgres'))[0], 0, '... works');
	unlike(value($node, "SELECT string_agg(v::text, ' ') FROM pgops.variable v") . value($node, "SELECT string_agg(r::text, ' ') FROM pgops.revision r"),
		qr/\Q$password\E/, '... is stored nowhere');
	is(log_matches($node, qr/\Q$password\E/), 0, '... and not logged');
}
is(scalar(keys %seen), 2, 'each is another one');
is(length(value($node, "SELECT pgops.rotate_password('small', 'app_reader', 12)")), 12, 'of another length');
for my $wrong ("'small', 'nobody'", "'nowhere', 'app_owner'", "'small', 'app_owner', 11", "'small', 'app_owner', 257", "'small', 'dbrole_readonly'")
{
	isnt($node->psql('postgres', "SELECT pgops.rotate_password($wrong)"), 0, "refused: rotate_password($wrong)");
}

done_testing();
