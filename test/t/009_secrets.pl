# A plain password given in a declaration is nowhere afterwards: the test runs a
# server that logs and records all it can, declares in every way, lets it be
# refused in every way, and searches for the words.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use File::Find;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = pgops_node('main', start => 0);
$node->append_conf('postgresql.conf', <<'CONF');
log_min_duration_statement = 0
log_statement = ddl
log_error_verbosity = verbose
log_min_messages = debug1
log_min_error_statement = debug1
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
track_activity_query_size = 64kB
pgops.lock_timeout = '300ms'
logging_collector = on
log_destination = 'stderr,csvlog,jsonlog'
log_directory = 'server_log'
log_filename = 'all.log'
CONF
my $have_statements = have_library('pg_stat_statements');
my @libraries = grep { have_library($_) } qw(pg_stat_statements auto_explain);
$node->append_conf('postgresql.conf', "shared_preload_libraries = '" . join(',', @libraries, 'pgops') . "'\n");
$node->append_conf('postgresql.conf', <<'CONF') if $have_statements;
pg_stat_statements.track = all
pg_stat_statements.track_utility = on
CONF
$node->append_conf('postgresql.conf', <<'CONF') if have_library('auto_explain');
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
CONF
# the file that is taken over has a secret, too
append_to_file($node->data_dir . '/pg_hba.conf',
	"host all before 10.9.1.0/24 radius radiusservers=10.9.0.1 \\\n  radiussecrets=\"Before-Radius-wOrd\" radiusports=1\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pgops');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements') if $have_statements;

sub have_library
{
	my ($name) = @_;
	my $directory = $node->config_data('--pkglibdir');
	chomp $directory;
	return -e "$directory/$name.so";
}

# passwords of roles, secrets of components, and one in a raw access rule
my $spec = document('small.yml') . <<'SPEC';
    patroni_password: Small.Api.Secret
    pgbackrest_repo: { local: { path: /backup, cipher_type: aes-256-cbc, cipher_pass: Small.Cipher.Secret } }
    nginx_users: { admin: Small.Nginx.Secret }
    grafana_pgurl: postgres://grafana:Small.Url.Secret@10.10.10.10/grafana
    pg_exporters: { 20001: { pg_cluster: other, pg_seq: 1, pg_host: 10.10.10.10, pg_exporter_url: 'postgres://m:Small.Url.Secret@10.10.10.10/' } }
    pg_hba_rules:
      - title: by a directory
        rules: ['host all ldap_user 10.9.0.0/16 radius radiusservers=10.9.0.1 radiussecrets="Small.Radius.Secret"']
SPEC

# each way has words of its own, so that a leak tells its way
sub spec_with
{
	my ($word) = @_;
	(my $text = $spec) =~ s/Small\.(\w+)\.Secret/$word-$1-wOrd/g;
	return $text;
}
my $word = qr/\w+-(?:Owner|Reader|Api|Cipher|Radius|Nginx|Url)-wOrd/;

sub call { return 'SELECT count(*) FROM pgops.apply_cluster(' . literal($_[0]) . ')'; }

# declares through any statement and waits; the password must work then
sub declared
{
	my ($way, $sql) = @_;
	$node->safe_psql('postgres', $sql);
	my $status = settle($node);
	is($status->{phase}, 'converged', "declared by $way") or diag(explain($status));
	is((tcp_login($node, 'app_owner', "$way-Owner-wOrd"))[0], 0, '... the password works');
	return;
}

# ---- what the workers show of themselves, sampled while they work ----
$node->safe_psql('postgres', 'CREATE TABLE seen (line text); CREATE UNIQUE INDEX ON seen (md5(line)); CREATE TABLE stop (a int)');
my ($sampler_out, $sampler_err) = ('', '');
my $sampler = IPC::Run::start(
	[ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres') . ' application_name=sampler', '-c', <<'SQL' ],
DO $$
BEGIN
	FOR i IN 1 .. 100000 LOOP
		INSERT INTO seen SELECT concat_ws(' ', backend_type, datname, application_name, state, wait_event, query)
			FROM pg_stat_activity WHERE backend_type LIKE 'pgops%' ON CONFLICT DO NOTHING;
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN (SELECT pg_relation_size('stop') > 0);
		PERFORM pg_sleep(0.002);
	END LOOP;
END $$;
SQL
	'<', \undef, '>', \$sampler_out, '2>', \$sampler_err);
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'sampler' AND query LIKE 'DO%'",
	'sampling');

# ---- accepted ----
my $session = $node->background_psql('postgres');
$session->query_safe(call(spec_with('Literal')));
is(settle($node)->{phase}, 'converged', 'declared by a literal');
is((tcp_login($node, 'app_owner', 'Literal-Owner-wOrd'))[0], 0, '... the password works');
unlike(value($node, "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE application_name <> 'sampler' AND pid <> pg_backend_pid()"),
	$word, 'the session that declared shows no document');
$session->quit;

# a parameter of the extended protocol
my $script = PostgreSQL::Test::Utils::tempdir() . '/bound.sql';
append_to_file($script, "SELECT count(*) FROM pgops.apply_cluster(:document);\n");
$node->command_ok([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-D', 'document=' . spec_with('Bound'), '-f', $script, 'postgres' ],
	'bound as a parameter');
settle($node);
is((tcp_login($node, 'app_owner', 'Bound-Owner-wOrd'))[0], 0, '... the password works');

my $file = PostgreSQL::Test::Utils::tempdir() . '/cluster.yml';
append_to_file($file, spec_with('File'));
declared('File', 'SELECT count(*) FROM pgops.apply_cluster(pg_read_file(' . literal($file) . '))');

declared('Block', 'DO ' . literal('BEGIN PERFORM pgops.apply_cluster(' . literal(spec_with('Block')) . '); END'));
declared('Prepared', 'PREPARE p AS ' . call(spec_with('Prepared')) . '; EXECUTE p; EXECUTE p');
declared('Executed', 'PREPARE p(text) AS SELECT count(*) FROM pgops.apply_cluster($1); EXECUTE p('
	  . literal(spec_with('Executed')) . ')');

# functions around it, in whose call nothing tells of pgops
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION declare_it(document text) RETURNS bigint LANGUAGE plpgsql AS
	'BEGIN RETURN (SELECT count(*) FROM pgops.apply_cluster(document)); END';
CREATE FUNCTION declare_dynamic(document text) RETURNS bigint LANGUAGE plpgsql AS
	'DECLARE n bigint; BEGIN EXECUTE format($f$SELECT count(*) FROM pgops.apply_cluster(%L)$f$, document) INTO n; RETURN n; END';
SQL
declared('Wrapped', 'SELECT declare_it(' . literal(spec_with('Wrapped')) . ')');
declared('Dynamic', 'SELECT declare_dynamic(' . literal(spec_with('Dynamic')) . ')');

my %json = (small => {
	hosts => { '10.10.10.10' => { pg_seq => 1, pg_role => 'primary' } },
	vars => {
		pg_cluster => 'small', pg_default_extensions => [], patroni_password => 'Json-Api-wOrd',
		pg_users => [ { name => 'app_owner', password => 'Json-Owner-wOrd', roles => ['dbrole_readwrite'] } ],
		pg_databases => [ { name => 'app', owner => 'app_owner' } ] } });
my $json = JSON::PP->new->encode(\%json);
declared('Json', 'SELECT count(*) FROM pgops.apply_cluster(' . literal($json) . '::jsonb)');
declare($node, spec_with('Dry'), dry_run => 1);

# one secret at a time, without a document
sub set_secret { return 'SELECT pgops.set_secret(\'pg_users[app_owner].password\', ' . literal("$_[0]-Owner-wOrd") . ", 'small')"; }
declared('Single', set_secret('Single'));
declared('SingleBlock', 'DO ' . literal('BEGIN PERFORM pgops.set_secret(\'pg_users[app_owner].password\', ' . literal('SingleBlock-Owner-wOrd') . ", 'small'); END"));
declared('SingleExecuted', "PREPARE p(text) AS SELECT pgops.set_secret('pg_users[app_owner].password', \$1, 'small'); EXECUTE p('SingleExecuted-Owner-wOrd')");
declared('View', "UPDATE pgops.users SET password = 'View-Owner-wOrd' WHERE cluster = 'small' AND name = 'app_owner'");
declared('Path', "SET search_path = pgops; UPDATE users SET password = 'Path-Owner-wOrd' WHERE cluster = 'small' AND name = 'app_owner'");
append_to_file("$script.single", "SELECT pgops.set_secret('pg_users[app_owner].password', :password, 'small');\n");
append_to_file("$script.view", "UPDATE pgops.users SET password = :password WHERE cluster = 'small' AND name = 'app_owner';\n");
for my $way (qw(single view))
{
	for my $mode (qw(extended prepared))
	{
		my $word = ucfirst("$way$mode-Owner-wOrd");
		$node->command_ok([ 'pgbench', '-n', '-t', '1', '-M', $mode, '-D', "password=$word", '-f', "$script.$way", 'postgres' ],
			"$way: bound as a parameter, $mode");
		settle($node);
		is((tcp_login($node, 'app_owner', $word))[0], 0, '... the password works');
	}
}

# ---- refused: wrong elsewhere, wrong at the password, broken there ----
my $refused = '';
my %broken = (
	'an unknown field' => spec_with('Unknown') =~ s/connlimit: 20/connlimits: 20/r,
	'a list for a password' => spec_with('List') =~ s/password: (\S+Owner\S+)/password: [$1]/r,
	'a map for a secret' => spec_with('Map') =~ s/patroni_password: (\S+)/patroni_password: { a: $1 }/r,
	'broken syntax behind the password' => spec_with('Syntax') =~ s/(\S+-Owner-wOrd)/"$1/r,
	'more text behind the password' => spec_with('Behind') =~ s/(\S+-Owner-wOrd)/'$1' $1/r,
	'a tab behind the password' => spec_with('Tab') =~ s/(\S+-Owner-wOrd\n)/$1\t$1/r,
	'broken JSON behind the password' => $json =~ s/"Json-Owner-wOrd"/"JsonSyntax-Owner-wOrd" JsonSyntax-Owner-wOrd/r,
	'a bare password in JSON' => $json =~ s/"Json-Owner-wOrd"/JsonBare-Owner-wOrd}/r,
	'a password without its key' => spec_with('Key') =~ s/password: (\S+-Owner-wOrd)/$1/r,
	'a duplicate key' => spec_with('Twice') =~ s/(password: \S+Owner\S+)/$1\n        $1/r,
	'a rule that the server refuses' => spec_with('Rule') =~ s/radiussecrets="([^"]+)"/radiussecrets $1/r,
	'a rule with a blank in its secret' => spec_with('Blank') =~ s/radiussecrets="([^"]+)"/radiussecrets=a $1/r,
	'an unknown owner' => spec_with('Stranger') =~ s/owner: app_owner\n/owner: nobody_here\n/r);
for my $what (sort keys %broken)
{
	my ($code, $stderr) = try_declare($node, $broken{$what});
	isnt($code, 0, "refused: $what");
	like($stderr, qr/cluster document has/, '... as a document');
	$refused .= $stderr;
	$refused .= value($node, 'SELECT string_agg(to_jsonb(f)::text, E\'\\n\') FROM pgops.validate('
		  . literal($broken{$what}) . ') f');
	isnt(($node->psql('postgres', 'SELECT declare_it(' . literal($broken{$what}) . ')'))[0], 0, '... and in a function');
}
unlike($refused, $word, 'neither errors nor findings repeat a password') or diag($refused =~ /^(.*$word.*)$/m);

isnt( $node->run_log([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-f', $script, '-D',
			'document=' . (spec_with('BoundWrong') =~ s/owner: app_owner\n/owner: nobody_here\n/r), 'postgres' ]),
	1, 'refused as a bound parameter');

# statements that PostgreSQL refuses by itself
for my $statement (
	'SELECT pgops.apply_cluster(' . literal(spec_with('Open')) =~ s/'$//r,
	'SELECT pgops.apply_cluster(' . literal(spec_with('Comma')) . ',, true)',
	'SELECT pgops.apply_cluster(' . literal(spec_with('Boolean')) . q{, 'perhaps')},
	'SELECT pgops.apply_cluster(' . literal(spec_with('Argument')) . ', 1, 2, 3)',
	'SELECT pgops.apply_cluster(' . literal($json =~ s/"Json-Owner-wOrd"/"Cast-Owner-wOrd" Cast-Owner-wOrd/r) . '::jsonb)')
{
	isnt($node->psql('postgres', '', extra_params => [ '-c', $statement ]), 0, 'refused by the server');
}

# ---- statements that fail in a worker ----
my $blocker = $node->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE pg_authid IN SHARE ROW EXCLUSIVE MODE');
declare($node, spec_with('Failing'));
is(settle($node)->{phase}, 'degraded', 'statements with passwords fail');
is(value($node, "SELECT count(*) > 0 FROM pgops.failure WHERE statement LIKE '%<redacted>%' AND sqlstate = '55P03'"),
	't', '... and are recorded redacted');
$blocker->query_safe('COMMIT');
$blocker->quit;
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', 'and succeed later');

declared('Last', call(spec_with('Last')));
unlike(value($node, "SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE application_name <> 'sampler' AND pid <> pg_backend_pid()"),
	$word, 'no session shows one');

$node->safe_psql('postgres', 'INSERT INTO stop VALUES (1)');
$sampler->finish;
like($sampler_err, qr/^$/, 'the sampler ended');
my $seen = value($node, 'SELECT string_agg(line, E\'\\n\') FROM seen');
like($seen, qr/pgops coordinator(?s:.*)pgops worker app/, 'workers were seen at work');
unlike($seen, $word, 'and showed no password');

# ---- where it could be written down ----
my $log = slurp_file($node->logfile);
for my $file (glob($node->data_dir . '/server_log/*'))
{
	my $content = slurp_file($file);
	cmp_ok(length $content, '>', 100_000, "(a log: $file)");
	like($content, qr/nobody_here/, '... with the refusals');
	$log .= $content;
}
my @leaks = $log =~ /^.*$word.*$/mg;
is(scalar(@leaks), 0, 'none in the server log') or diag(join "\n", map { substr($_, 0, 300) } @leaks[ 0 .. 9 ]);
like($log, qr/pgops/, '(the log does tell of pgops)');
like($log, qr/Query Text/, '(auto_explain did log plans)') if have_library('auto_explain');

# PREPARE and DO are recorded whole by pg_stat_statements before anything of
# pgops runs; the README tells not to declare that way.
if ($have_statements)
{
	is( value($node, "SELECT count(*) FROM pg_stat_statements WHERE query ~ '-(Owner|Reader|Api|Cipher|Radius|Nginx|Url)-wOrd'
			AND query !~ '^(DO|PREPARE)'"),
		0, 'none in pg_stat_statements');
	cmp_ok(value($node, "SELECT count(*) FROM pg_stat_statements WHERE query ~* 'pgops'"), '>', 5, '(which knows of pgops)');
}

# every relation of pgops but the one that is for it, and the plan
my @relations = split /\n/, value($node, "SELECT relname FROM pg_class
	WHERE relnamespace = 'pgops'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'secret' ORDER BY 1");
cmp_ok(scalar(@relations), '>=', 15, 'relations to look into');
for my $relation (@relations, 'plan()', 'revisions()', 'coordinator()')
{
	unlike(value($node, "SELECT string_agg(r::text, E'\\n') FROM pgops.$relation r") // '',
		$word, "none in pgops.$relation");
}
is(value($node, 'SELECT string_agg(name, \' \' ORDER BY name) FROM pgops.secret'),
	'grafana_pgurl nginx_users patroni_password pg_exporters pg_hba_rules pgbackrest_repo', 'pgops.secret has those of components, and no role\'s');
is( value($node, "SELECT count(*) FROM aclexplode((SELECT relacl FROM pg_class WHERE oid = 'pgops.secret'::regclass))
		WHERE grantee <> 10"), 0, '... for superusers only');

# the access rule itself has its secret; whoever sees the plan of it does not
like(slurp_file($node->data_dir . '/pg_hba.conf'), qr/^host all ldap_user .* radiussecrets="Last-Radius-wOrd"$/m,
	'pg_hba.conf has the rule as it was declared');
my @changes = rows($node, "SELECT statement FROM pgops.action_log WHERE rule = 'hba.write' ORDER BY id");
cmp_ok(scalar(grep { $_->{statement} =~ /radiussecrets=\*{8}$/m } @changes), '>=', 1, 'the action log shows it masked');
like($changes[0]{statement}, qr/^-  radiussecrets=\*{8}$/m, '... that of the file found before, too');
cmp_ok(scalar(grep { $_->{statement} =~ /only secrets differ/ } @changes), '>=', 1, '... and says when only the secret changed');

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->safe_psql('postgres', 'DROP TABLE seen');
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
unlike(slurp_file($dump), $word, 'none in the dump');
like(slurp_file($dump), qr/SCRAM-SHA-256/, '(which has the verifiers)');

# passwords of roles are in no file at all: nothing plain was ever stored
$node->stop;
my @files;
find({
		no_chdir => 1,
		wanted => sub {
			return unless -f $_ && !m{pgss_query_texts|pg_stat_statements\.stat};
			my $content = slurp_file($_);
			push @files, $_ if $content =~ /\w+-(?:Owner|Reader)-wOrd/;
		}
	}, $node->data_dir);
is("@files", '', 'no password of a role in any file of the data directory');

done_testing();
