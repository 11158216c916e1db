# Adoption: the document of a server that people have made by hand, with names
# that were not chosen for the reader's comfort.  Declared on that server it
# changes nothing, declared on an empty one it makes an equal one, of which the
# same document is generated; and an independent look at the catalogs agrees.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# the document without what is this machine's: its host with the port
sub generated
{
	my ($node) = @_;
	my $text = value($node, 'SELECT pgops.generate()');
	$text =~ s/^  hosts:\n(?:    .*\n)+//m or die "no hosts in the document";
	return "$text\n";
}

# what the catalogs say, asked in another way than pgops asks
my $shared = <<'SQL';
	SELECT 'role ' || rolname || ' ' || to_jsonb(a)::text AS fact
	  FROM (SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
				   rolreplication, rolbypassrls, rolconnlimit, rolpassword,
				   nullif(rolvaliduntil, 'infinity') AS until,
				   shobj_description(oid, 'pg_authid') AS comment
			  FROM pg_authid WHERE rolname !~ '^pg_') a
	UNION ALL
	SELECT 'member ' || member::regrole::text || ' of ' || roleid::regrole::text || ' ' || key || ' ' || bool_or(value::text::boolean)
	  FROM pg_auth_members m, jsonb_each(to_jsonb(m) - 'oid' - 'grantor' - 'roleid' - 'member')
	 WHERE member >= 16384 OR roleid >= 16384 GROUP BY member, roleid, key
	UNION ALL
	SELECT 'setting ' || coalesce(setrole::regrole::text, '') || ' in ' || coalesce(datname, '') || ' ' || lower(one)
	  FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) one
	UNION ALL
	SELECT 'database ' || datname || ' ' || to_jsonb(a)::text
	  FROM (SELECT datname, datdba::regrole::text, encoding, datcollate, datctype, datlocprovider,
				   datistemplate, datallowconn, datconnlimit,
				   to_jsonb(d) - 'oid' -> 'daticulocale' AS icu, to_jsonb(d) -> 'datlocale' AS locale,
				   shobj_description(oid, 'pg_database') AS comment
			  FROM pg_database d) a
	UNION ALL
	SELECT 'grant on ' || datname || ' ' || grantee::regrole::text || ' ' || privilege_type || ' ' || (is_grantable AND grantee <> datdba)
	  FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
SQL
my $local = <<'SQL';
	SELECT 'schema ' || nspname || ' ' || nspowner::regrole::text AS fact FROM pg_namespace WHERE nspname !~ '^pg_|^pgops$'
	UNION ALL
	SELECT 'grant on schema ' || nspname || ' ' || grantee::regrole::text || ' ' || privilege_type || ' ' || (is_grantable AND grantee <> nspowner)
	  FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) WHERE nspname !~ '^pg_|^pgops$'
	UNION ALL
	SELECT 'extension ' || extname || ' in ' || extnamespace::regnamespace::text FROM pg_extension
	UNION ALL
	SELECT 'default of ' || defaclrole::regrole::text || ' in ' || defaclnamespace::regnamespace::text || ' on ' || defaclobjtype::text || ' to ' ||
		   grantee::regrole::text || ' ' || privilege_type || ' ' || (is_grantable AND grantee <> defaclrole)
	  FROM pg_default_acl, aclexplode(defaclacl)
SQL

sub facts
{
	my ($node, @databases) = @_;
	my @facts = split /\n/, value($node, "SELECT fact FROM ($shared) f ORDER BY fact COLLATE \"C\"");
	for my $database (@databases)
	{
		push @facts, map { "$database: $_" } split /\n/,
		  value($node, "SELECT fact FROM ($local) f ORDER BY fact COLLATE \"C\"", database => $database);
	}
	return \@facts;
}

sub open_steps
{
	return [ map { "$_->{rule} $_->{name}" } open_rows(@_) ];
}

# ---- a server as it grew ----
my $source = pgops_node('source', init => { allows_streaming => 1 });
my $major = value($source, "SELECT current_setting('server_version_num')::int / 10000");
my %available = map { $_->{name} => 1 } rows($source, 'SELECT name FROM pg_available_extensions');

my $long = 'x' x 61 . 'é';
$source->safe_psql('postgres', <<~"SQL");
	CREATE ROLE "Group, one" NOLOGIN;
	CREATE ROLE "na""me" LOGIN PASSWORD 'a secret' VALID UNTIL '2001-02-03 04:05:06.789+05' CONNECTION LIMIT 3;
	CREATE ROLE "ünïcödé ☃" CREATEDB CREATEROLE NOINHERIT LOGIN REPLICATION BYPASSRLS;
	CREATE ROLE "SELECT" LOGIN;
	CREATE ROLE "user" LOGIN;
	CREATE ROLE "a.b,c d" LOGIN PASSWORD 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
	CREATE ROLE "off"; CREATE ROLE "123" LOGIN; CREATE ROLE "null"; CREATE ROLE " lead"; CREATE ROLE "- dash: #x";
	CREATE ROLE "all" LOGIN; CREATE ROLE "$long" LOGIN; CREATE ROLE "O'Reilly\\back" VALID UNTIL 'infinity';
	CREATE ROLE expired LOGIN VALID UNTIL '-infinity';
	CREATE ROLE dbrole_admin;
	CREATE ROLE "\${admin}"; COMMENT ON ROLE "\${admin}" IS 'not \${lo}, nor {{ jinja }}';
	GRANT "\${admin}" TO "off";
	COMMENT ON ROLE "na""me" IS E'two\\nlines, "quotes" and ''single''  ';
	GRANT "Group, one" TO "na""me" WITH ADMIN OPTION;
	GRANT "Group, one" TO "a.b,c d";
	GRANT pg_monitor TO "SELECT";
	GRANT "ünïcödé ☃" TO "user";
	CREATE DATABASE "Data ""Base"", X" OWNER "na""me" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
	CREATE DATABASE plain OWNER "user";
	CREATE DATABASE tpl TEMPLATE template0 IS_TEMPLATE true LC_COLLATE 'C' LC_CTYPE 'POSIX';
	CREATE DATABASE closed ALLOW_CONNECTIONS false CONNECTION LIMIT 7 OWNER "ünïcödé ☃";
	COMMENT ON DATABASE plain IS 'it''s: plain # or not';
	COMMENT ON DATABASE postgres IS NULL;
	ALTER ROLE "na""me" SET work_mem TO '64MB';
	ALTER ROLE "na""me" SET "App.Mode" TO 'default';
	ALTER ROLE "na""me" SET DateStyle TO 'ISO, DMY';
	ALTER ROLE "na""me" SET enable_seqscan TO off;
	ALTER ROLE "na""me" SET jit TO 'true';
	ALTER ROLE "na""me" SET statement_timeout TO 5000;
	ALTER ROLE "na""me" SET search_path TO '';
	ALTER ROLE "SELECT" SET search_path TO "\$user", public, "Odd ""Schema"", x", "off", """q""";
	ALTER ROLE "SELECT" SET session_preload_libraries TO 'a, b';
	ALTER ROLE "SELECT" SET TimeZone TO 'Europe/Berlin';
	SET search_path TO public,pg_temp;
	ALTER ROLE "user" SET search_path FROM CURRENT;
	RESET search_path;
	ALTER ROLE "a.b,c d" IN DATABASE "Data ""Base"", X" SET work_mem TO '1MB';
	ALTER ROLE "a.b,c d" IN DATABASE "Data ""Base"", X" SET search_path TO a, "B";
	ALTER ROLE "a.b,c d" IN DATABASE plain SET role TO "Group, one";
	ALTER ROLE CURRENT_USER IN DATABASE plain SET log_min_messages TO 'notice';
	ALTER DATABASE plain SET search_path TO app, public;
	ALTER DATABASE plain SET log_statement TO 'none';
	REVOKE CONNECT ON DATABASE plain FROM PUBLIC;
	GRANT CONNECT ON DATABASE plain TO "a.b,c d" WITH GRANT OPTION;
	SET ROLE "a.b,c d"; GRANT CONNECT ON DATABASE plain TO "SELECT"; RESET ROLE;
	GRANT TEMPORARY, CREATE ON DATABASE plain TO "SELECT";
	GRANT CREATE ON DATABASE "Data ""Base"", X" TO PUBLIC;
	REVOKE ALL ON DATABASE tpl FROM PUBLIC;
	REVOKE CREATE ON DATABASE closed FROM "ünïcödé ☃";
	CREATE SCHEMA here AUTHORIZATION "SELECT";
	SQL

# what only newer servers have: options of memberships, several grantors
$source->safe_psql('postgres', <<~'SQL') if $major >= 16;
	GRANT "Group, one" TO "123" WITH INHERIT FALSE, SET FALSE, ADMIN TRUE;
	SET ROLE "123"; GRANT "Group, one" TO "all" WITH SET FALSE; RESET ROLE;
	SET ROLE "ünïcödé ☃"; CREATE ROLE made; GRANT made TO "ünïcödé ☃" WITH SET TRUE, INHERIT TRUE; RESET ROLE;
	SQL
$source->safe_psql('postgres', q(CREATE DATABASE builtin TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'))
  if $major >= 17;
my $icu = value($source, q(SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i')) eq 't';
$source->safe_psql('postgres', q(CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'))
  if $icu;

$source->safe_psql('Data "Base", X', <<~'SQL');
	CREATE SCHEMA "Ext ""ens" AUTHORIZATION "na""me";
	SQL
$source->safe_psql('plain', <<~'SQL');
	CREATE SCHEMA app AUTHORIZATION "user";
	CREATE SCHEMA "Odd ""Schema"", x";
	CREATE SCHEMA ext;
	GRANT USAGE ON SCHEMA app TO "a.b,c d", PUBLIC;
	GRANT CREATE ON SCHEMA app TO "SELECT" WITH GRANT OPTION;
	ALTER SCHEMA public OWNER TO "user";
	GRANT CREATE ON SCHEMA public TO PUBLIC;
	ALTER DEFAULT PRIVILEGES FOR ROLE "na""me" GRANT SELECT, INSERT ON TABLES TO "a.b,c d" WITH GRANT OPTION;
	ALTER DEFAULT PRIVILEGES FOR ROLE "na""me" GRANT SELECT ON TABLES TO PUBLIC;
	ALTER DEFAULT PRIVILEGES FOR ROLE "na""me" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
	ALTER DEFAULT PRIVILEGES FOR ROLE "SELECT", "user" IN SCHEMA app, "Odd ""Schema"", x" GRANT SELECT ON TABLES TO "123";
	ALTER DEFAULT PRIVILEGES FOR ROLE "user" IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO "123" WITH GRANT OPTION;
	ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO "all";
	ALTER DEFAULT PRIVILEGES FOR ROLE "user" REVOKE INSERT ON TABLES FROM "user";
	ALTER DEFAULT PRIVILEGES FOR ROLE "user" GRANT USAGE ON TYPES TO "123";
	SQL
my @extensions = ([ 'Data "Base", X', 'hstore', '"Ext ""ens"' ],
	[ 'plain', 'earthdistance', 'ext' ], [ 'plain', 'citext', 'app' ]);
for (grep { $available{ $_->[1] } } @extensions)
{
	$source->safe_psql($_->[0], "CREATE EXTENSION $_->[1] SCHEMA $_->[2] CASCADE");
}
$source->safe_psql('tpl', 'DROP SCHEMA public; DROP EXTENSION plpgsql');
$source->safe_psql('template1', 'CREATE SCHEMA in_template');

$source->append_conf('pg_hba.conf', <<~'HBA');

	# odd ones
	host "a.b,c d",+"Group, one","all" all 10.0.0.0/8 scram-sha-256
	host	all,"user"	"na""me"	10.1.0.0	255.255.0.0	md5   # with a mask
	hostssl plain all world.example.com cert map=x
	host all all all reject
	local sameuser "off" md5
	local all \
	   "SELECT" md5
	host plain,replication "user" 0.0.0.0/0 md5
	host plain,replication "user" ::/0 md5
	HBA
my @databases = ('Data "Base", X', 'plain', 'tpl', 'template1', 'postgres');

# ---- declared where it comes from ----
my $document = generated($source);
my $hba = slurp_file($source->data_dir . '/pg_hba.conf');
my $whole = value($source, 'SELECT pgops.generate()') . "\n";
my $facts = facts($source, @databases);

is(value($source, q(SELECT count(*) FROM pgops.validate(pgops.generate()) WHERE severity <> 'notice')), 0,
	'nothing is wrong with the document');
is_deeply(open_steps(declare($source, $whole, dry_run => 1)),
	[ 'hba.write pg_hba.conf', 'hba.reload pg_hba.conf' ],
	'on the server itself only pg_hba.conf is written anew');
unlike($whole, qr/a secret/, 'of a password there is the verifier');
converge($source, $whole, 'converged', 'the server is adopted');
is_deeply(facts($source, @databases), $facts, '... and nothing of it changed');
is(value($source, "SELECT count(*) FROM pgops.action_log WHERE rule !~ '^hba'"), 0, '... by no statement at all');
is(generated($source), $document, '... the document is the same');
is_deeply(open_steps(declare($source, value($source, 'SELECT pgops.generate()'), dry_run => 1)),
	[], 'now that pgops wrote the file, its bytes are right, too');

# the server's parser sees the rules that were there, below the superuser's
sub parsed_rules
{
	my ($node) = @_;
	return [ split /\n/, value($node, q(SELECT concat_ws('|', type, database, user_name, address, netmask, auth_method, options)
		FROM pg_hba_file_rules WHERE error IS NULL OR error ~ 'SSL' ORDER BY line_number)) ];
}
my $rules = parsed_rules($source);
my $written = slurp_file($source->data_dir . '/pg_hba.conf');
rename($source->data_dir . '/pg_hba.conf', $source->data_dir . '/pg_hba.written') or die $!;
append_to_file($source->data_dir . '/pg_hba.conf', $hba);
my $old_rules = parsed_rules($source);
rename($source->data_dir . '/pg_hba.written', $source->data_dir . '/pg_hba.conf') or die $!;
is_deeply([ @$rules[ 1 .. $#$rules ] ], $old_rules, 'the rules are the same, in their order');

# ---- declared on an empty server ----
my $target = pgops_node('target');
is_deeply([ map { $_->{rule} } grep { $_->{destructive} } declare($target, $whole, dry_run => 1) ],
	[], 'to make databases without schema public destroys nothing');
converge($target, $whole, 'converged', 'declared on an empty server');
is(value($target, "SELECT count(*) FROM pgops.action_log WHERE state <> 'succeeded'"), 0, '... without a failure');
is_deeply(facts($target, @databases), $facts, 'it is an equal one');
is(generated($target), $document, 'and its document is the same');
is_deeply(open_steps(plan_rows($target)), [], '... with nothing left to do');

# ---- what is no longer declared is undone, and comes back ----
my $less = $whole;
$less =~ s/^ +- GRANT (?:CREATE TO "SELECT" WITH GRANT OPTION|CREATE, TEMPORARY, CONNECT TO "SELECT")\n//mg;
$less =~ s/^ +- FOR ROLE (?:"na""me" REVOKE|"user" IN SCHEMA app GRANT|postgres GRANT).*\n//mg;
$less =~ s/^( +)plain: \{ role: .*\n//m;
isnt($less, $whole, 'some clauses are left out');
converge($target, $less, 'converged', 'less is declared');
my %after = map { $_ => 1 } @{ facts($target, @databases) };
my @gone = grep { !$after{$_} } @$facts;
is_deeply(
	[ grep { !/^(?:plain: default of (?:"na""me"|"user"|\S+ in - on n)|plain: grant on schema app "SELECT"|grant on plain "SELECT"|setting "a.b,c d" in plain)/ } @gone ],
	[], 'only what was left out is gone');
cmp_ok(scalar(@gone), '>=', 7, '... and all of it') or diag(explain(\@gone));
converge($target, $whole, 'converged', 'all is declared again');
is(generated($target), $document, '... and there again');

# ---- who may, and where ----
my $standby = PostgreSQL::Test::Cluster->new('standby');
$source->backup('copy');
$standby->init_from_backup($source, 'copy', has_streaming => 1);
$standby->start;
is(generated($standby), $document, 'a standby has the same document');
$standby->stop;

my ($code, undef, $stderr) = $source->psql('postgres', 'SET ROLE "user"; SELECT pgops.generate()');
like($stderr, qr/permission denied/, 'it is for superusers');
like(value($source, q(SELECT pgops.generate('other-name'))), qr/\Aother-name:\n  hosts:\n    \S+: \{ pg_seq: 1, pg_role: primary, pg_port: \d+ \}\n/,
	'another name is another cluster');
(undef, undef, $stderr) = $source->psql('postgres', q(\set VERBOSITY verbose
	SELECT pgops.generate('no name')));
like($stderr, qr/PO108/, '... if it can be one');
declare($source, small_document());
(undef, undef, $stderr) = $source->psql('postgres', q(\set VERBOSITY verbose
	SELECT pgops.generate('small')));
like($stderr, qr/PO112: .* belongs to cluster "source"/, '... and is not that of a cluster that is declared, too');
$source->safe_psql('postgres', q(UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'tpl'));
unlike(generated($source), qr/name: tpl$/m, 'an invalid database is left out');
$source->safe_psql('postgres', q(UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'tpl'));
(undef, undef, $stderr) = $source->psql('postgres', 'SELECT pgops.generate()');
unlike($stderr, qr/leaves out/, 'nothing that the language cannot say is left out silently');
(undef, undef, $stderr) = $source->psql('postgres', q(BEGIN;
	ALTER ROLE ALL SET work_mem = '5MB';
	GRANT SET ON PARAMETER log_statement TO "user";
	GRANT CREATE ON TABLESPACE pg_default TO "user";
	SELECT pgops.generate();
	ROLLBACK));
is(scalar(() = $stderr =~ /WARNING:  the document leaves out (?:settings of all roles|privileges on (?:parameters|tablespaces))/g), 3,
	'... but with a warning');
append_to_file($source->data_dir . '/pg_hba.conf', "host all all nonsense\n");
(undef, undef, $stderr) = $source->psql('postgres', "\\set VERBOSITY verbose\nSELECT pgops.generate()");
like($stderr, qr/PO401: line \d+ of/, 'a file that the server would refuse is not taken for its rules');
done_testing();
