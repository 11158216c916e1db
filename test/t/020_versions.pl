# What differs between PostgreSQL 15 to 18: each server is asked for what it has,
# and has to say clearly what it has not.  The tables below hold the differences.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use FindBin;
use JSON::PP;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# no pass of its own accord: what is shown must be seen before it is repaired
my $node = pgops_node('main', conf => "pgops.drift_interval = '1h'\n");
my $major = value($node, "SELECT current_setting('server_version_num')::int / 10000");
my $superuser = value($node, 'SELECT pg_get_userbyid(10)');
my $has_icu = value($node, "SELECT count(*) > 0 FROM pg_collation WHERE collprovider = 'i'") eq 't';
my @no_login = map { { name => $_, login => $false } } qw(grp grp2);

# what is blocked, and why; objects of earlier documents are orphans
sub blocked
{
	return [ sort map { "$_->{name}: $_->{blocked} ($_->{sqlstate})" }
		  grep { defined $_->{blocked} && $_->{sqlstate} ne 'PO208' } plan_rows($node) ];
}

# nothing is left to do
sub is_settled
{
	my ($what) = @_;
	is_deeply([ map { "$_->{rule}: $_->{statement}" } open_rows(plan_rows($node)) ], [],
		"$what: nothing is left to do");
	return;
}

# a manual change is shown by these statements, and repaired
sub drifts
{
	my ($what, $sql, $statements, %option) = @_;
	$node->safe_psql($option{database} || 'postgres', $sql);
	is_deeply([ map { $_->{statement} } open_rows(plan_rows($node)) ],
		$statements, "$what: shown");
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	settle($node);
	is_settled("$what, repaired");
	return;
}

# ---- membership options, and who granted (16) -------------------------------------

# member: its grants, one per grantor, with the options that are not the default
sub grants
{
	my ($member) = @_;
	my $options = $major >= 16
	  ? "CASE WHEN NOT inherit_option THEN ' noinherit' ELSE '' END || CASE WHEN NOT set_option THEN ' noset' ELSE '' END"
	  : "''";
	return value($node, "SELECT coalesce(string_agg(roleid::regrole || CASE WHEN admin_option THEN ' admin' ELSE '' END || $options
			|| CASE WHEN grantor = 10 THEN '' ELSE ' by ' || grantor::regrole END, ', ' ORDER BY roleid::regrole::text, grantor), 'none')
		FROM pg_auth_members WHERE member = '$member'::regrole");
}

sub membership_document
{
	my (%members) = @_;
	return small_document(pg_users =>
		  [ @no_login, map { { name => $_, roles => $members{$_} } } sort keys %members ]);
}

# declared options, and the grants they make on servers with and without SET and INHERIT
my @memberships = (
	[ plain => {}, 'grp', 'grp' ],
	[ noset => { set => $false }, 'grp noset', 'grp' ],
	[ noinherit => { inherit => $false }, 'grp noinherit', 'grp' ],
	[ chief => { admin => $true }, 'grp admin', 'grp admin' ],
	[ all_off => { admin => $false, set => $false, inherit => $false }, 'grp noinherit noset', 'grp' ],
	[ all_on => { admin => $true, set => $true, inherit => $true }, 'grp admin', 'grp admin' ]);
my $not_before_16 = 'not supported before PostgreSQL 16 (PO118)';
my %members = map { $_->[0] => [ { name => 'grp', %{ $_->[1] } } ] } @memberships;

converge($node, membership_document(%members), $major >= 16 ? 'converged' : 'blocked',
	'memberships with options');
is(grants($_->[0]), $_->[ $major >= 16 ? 2 : 3 ], "membership of $_->[0]") for @memberships;
is_settled('memberships');
is_deeply(blocked(),
	$major >= 16 ? [] : [ map { "$_: $not_before_16" } qw(all_off all_off all_on all_on noinherit noset) ],
	'options that the server lacks are said');

drifts('admin option', 'GRANT grp TO all_off WITH ADMIN OPTION',
	[ $major >= 16 ? 'GRANT grp TO all_off WITH ADMIN FALSE' : 'REVOKE ADMIN OPTION FOR grp FROM all_off' ]);
drifts('no admin option', 'REVOKE ADMIN OPTION FOR grp FROM chief',
	[ $major >= 16 ? 'GRANT grp TO chief WITH ADMIN TRUE' : 'GRANT grp TO chief WITH ADMIN OPTION' ]);
if ($major >= 16)
{
	drifts('options', 'GRANT grp TO all_off WITH SET TRUE, INHERIT TRUE; REVOKE SET OPTION FOR grp FROM all_on',
		[ 'GRANT grp TO all_off WITH INHERIT FALSE, SET FALSE', 'GRANT grp TO all_on WITH SET TRUE' ]);
	is(grants('plain'), 'grp', 'what is not declared is left alone');
	$node->safe_psql('postgres', 'GRANT grp TO plain WITH SET FALSE');
	is_settled('an option that is not declared');

	# a declared option that changes
	$members{noset} = [ { name => 'grp', set => $true } ];
	converge($node, membership_document(%members), 'converged', 'an option changes');
	is(grants('noset'), 'grp', 'the option has changed');

	# a membership that somebody else granted: left as it is, but it counts
	$node->safe_psql('postgres', 'CREATE ROLE guest; GRANT grp TO guest WITH SET FALSE GRANTED BY chief');
	$members{guest} = ['grp'];
	converge($node, membership_document(%members), 'converged', 'a membership of another grantor is declared');
	is(grants('guest'), 'grp noset by chief', 'it is not granted twice');
	$members{guest} = [ { name => 'grp', set => $true } ];
	converge($node, membership_document(%members), 'converged', 'with an option that it lacks');
	is(grants('guest'), 'grp, grp noset by chief', 'the option comes by a grant of its own');

	# undeclared: what pgops granted goes, what chief granted stays; absent: all go
	delete $members{guest}[0];
	$members{guest} = [];
	converge($node, membership_document(%members), 'converged', 'a membership is not declared any more');
	is(grants('guest'), 'grp noset by chief', 'the grant of pgops is gone, that of chief stays');
	$node->safe_psql('postgres', 'GRANT grp TO guest');
	$members{guest} = [ { name => 'grp', state => 'absent' } ];
	is_deeply([ map { $_->{statement} } open_rows(declare($node, membership_document(%members))) ],
		[ 'REVOKE grp FROM guest GRANTED BY chief', "REVOKE grp FROM guest GRANTED BY $superuser" ],
		'absent: taken back grantor by grantor');
	settle($node);
	is(grants('guest'), 'none', 'absent: no grant is left');
	drifts('granted again by chief', 'GRANT grp TO guest GRANTED BY chief',
		['REVOKE grp FROM guest GRANTED BY chief']);

	# others depend on the grant to chief: it fails alone, and says why
	$node->safe_psql('postgres', 'GRANT grp TO plain GRANTED BY chief');
	$members{chief} = [ { name => 'grp', state => 'absent' } ];
	$members{late} = ['grp2'];
	my $status = converge($node, membership_document(%members), 'degraded', 'a grant that others depend on');
	like($status->{message}, qr/dependent privileges exist/, 'the server\'s reason is in the status');
	is(grants('late'), 'grp2', 'the rest is done');
	$node->safe_psql('postgres', 'REVOKE grp FROM plain GRANTED BY chief');
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	is(settle($node)->{phase}, 'converged', 'once they are gone, it is revoked');
	is(grants('chief'), 'none', 'from chief');

	# a role that is removed has granted memberships: they go with it
	$node->safe_psql('postgres', 'CREATE ROLE boss ADMIN chief; CREATE ROLE child;
		GRANT grp TO boss WITH ADMIN OPTION; GRANT grp TO child GRANTED BY boss');
	converge($node, small_document(pg_users => [ @no_login, { name => 'boss', state => 'absent' } ]),
		'converged', 'the grantor is removed');
	is(grants('child'), 'none', 'and with it what it granted');
}

# ---- default privileges: MAINTAIN (17), LARGE OBJECTS (18) ---------------------------

# declared, first version that has it, the letter of the objects, what the role gets
my @privileges = (
	[ 'ALL ON TABLES', 15, 'r', $major >= 17 ? 'arwdDxtm' : 'arwdDxt' ],
	[ 'MAINTAIN ON TABLES', 17, 'r', 'm' ],
	[ 'ALL ON LARGE OBJECTS', 18, 'L', 'rw' ],
	[ 'SELECT ON LARGE OBJECTS', 18, 'L', 'r' ]);

# what grp has by default on what the superuser creates
sub default_acl
{
	my ($letter) = @_;
	return value($node, "SELECT coalesce(max(substring(a::text FROM '^grp=([a-zA-Z]+)/')), 'none')
		FROM pg_default_acl, unnest(defaclacl) a
		WHERE defaclrole = 10 AND defaclobjtype = '$letter'", database => 'v_db');
}

sub privilege_document
{
	my ($text) = @_;
	return small_document(pg_users => \@no_login, pg_databases => [ { name => 'v_db' } ],
		pg_default_privileges => [ $text ? "GRANT $text TO grp" : () ]);
}

for my $privilege (@privileges)
{
	my ($text, $since, $letter, $acl) = @$privilege;
	my ($what) = $text =~ /^(\w+)/;
	(my $objects = $text) =~ s/^\w+ ON //;

	if ($major < $since)
	{
		converge($node, privilege_document($text), 'blocked', "$text: blocked before $since");
		is_deeply(blocked(), ["small: $what on $objects is not supported by PostgreSQL $major (PO118)"],
			"$text: said clearly");
		is_settled($text);
		next;
	}
	converge($node, privilege_document($text), 'converged', "$text: declared");
	is(default_acl($letter), $acl, "$text: set");
	my $before = footprint($node);
	is_deeply([ open_rows(declare($node, privilege_document(lc $text), dry_run => 1)) ], [],
		"$text: in another spelling, nothing to do");
	is_deeply([ open_rows(declare($node, privilege_document($text))) ], [], "$text: applied again, nothing to do");
	settle($node);
	same_footprint($before, footprint($node), "$text: nothing was touched");
	converge($node, privilege_document(''), 'converged', "$text: not declared any more");
	is(default_acl($letter), 'none', "$text: undone");
}

# what a server upgraded from 16 has: everything but MAINTAIN
if ($major >= 17)
{
	converge($node, privilege_document('ALL ON TABLES'), 'converged', 'ALL, before an upgrade');
	drifts('only what is missing is granted',
		"ALTER DEFAULT PRIVILEGES FOR ROLE $superuser REVOKE MAINTAIN ON TABLES FROM grp",
		["ALTER DEFAULT PRIVILEGES FOR ROLE $superuser GRANT MAINTAIN ON TABLES TO grp"],
		database => 'v_db');
}

# ---- databases: icu_rules (16), provider builtin (17) --------------------------------

my $utf8 = { encoding => 'UTF8', template => 'template0' };
my @databases = (
	{
		name => 'v_rules', since => 16, need => $has_icu,
		fields => { locale_provider => 'icu', icu_locale => 'en-US', icu_rules => q(&V << w <<< W) },
		lacks => 'icu_rules is',
		good => q(datlocprovider = 'i' AND daticurules = '&V << w <<< W')
	},
	{
		# the server keeps the name as a language tag since 16
		name => 'v_icu', since => 15, need => $has_icu,
		fields => { locale_provider => 'icu', icu_locale => 'de_DE@collation=phonebook' },
		good => q(datlocprovider = 'i')
	},
	{
		name => 'v_builtin', since => 17, need => 1,
		fields => { locale_provider => 'builtin', builtin_locale => 'C.UTF8' },
		lacks => 'locale_provider builtin is',
		good => q(datlocprovider = 'b' AND datlocale = 'C.UTF-8')
	},
	{
		name => 'v_fast', since => 18, need => 1,
		fields => { locale_provider => 'builtin', builtin_locale => 'PG_UNICODE_FAST' },
		lacks => $major < 17 ? 'locale_provider builtin is' : 'builtin_locale PG_UNICODE_FAST is',
		good => q(datlocprovider = 'b' AND datlocale = 'PG_UNICODE_FAST')
	});

for my $database (grep { $_->{need} } @databases)
{
	my $name = $database->{name};
	my $has = $major >= $database->{since};
	my $spec = small_document(pg_databases => [ { name => $name, %$utf8, %{ $database->{fields} } } ]);

	converge($node, $spec, $has ? 'converged' : 'blocked', "database $name");
	is(value($node, "SELECT count(*) FROM pg_database WHERE datname = '$name'" . ($has ? " AND $database->{good}" : '')),
		$has ? 1 : 0, "$name: " . ($has ? 'is as declared' : 'is not made'));
	is_deeply(blocked(), $has ? [] : ["$name: $database->{lacks} not supported by PostgreSQL $major (PO118)"],
		"$name: what is said");
	is_settled($name);
}

if ($major >= 17)
{
	declare($node, small_document(pg_databases =>
			  [ { name => 'v_builtin', %$utf8, locale_provider => 'builtin', builtin_locale => 'C' } ]));
	is(settle($node)->{phase}, 'blocked', 'another builtin locale than at creation is blocked');
	is_deeply([ map { $_->{reason} } grep { $_->{name} eq 'v_builtin' } plan_rows($node) ],
		['builtin_locale: C.UTF-8 -> C'], 'with both values');
}

# ---- passwords: md5 is warned about, verifiers have a limit (18) -----------------------

my $md5 = 'md5' . md5_hex('Old.Style.Secretold_style');
my $long = 'Long.' . 'x' x 300;
my $passwords = sub {
	return small_document(pg_users => [
			{ name => 'old_style', password => $md5, roles => ['dbrole_readonly'] },
			{ name => 'long_words', password => $long, roles => ['dbrole_readonly'] }, @_ ]);
};
converge($node, $passwords->(), 'converged', 'an md5 verifier, and a long password');
is(value($node, "SELECT rolpassword FROM pg_authid WHERE rolname = 'old_style'"), $md5, 'md5: as declared');
is((tcp_login($node, 'long_words', $long))[0], 0, 'the long password works');
my $before = footprint($node);
declare($node, $passwords->());
settle($node);
same_footprint($before, footprint($node), 'passwords: applied again, nothing was touched');

# a valid verifier, with a salt that makes it longer than 512 bytes
my $verifier = 'SCRAM-SHA-256$4096:' . 'QUJD' x 120 . '$' . 'A' x 43 . '=:' . 'A' x 43 . '=';
my $limit = $major >= 18;
my $status = converge($node, $passwords->({ name => 'long_verifier', password => $verifier }, { name => 'after' }),
	$limit ? 'degraded' : 'converged', 'a verifier of ' . length($verifier) . ' bytes');
if ($limit)
{
	like($status->{message}, qr/encrypted password is too long/, 'the server\'s reason is in the status');
	unlike($status->{message}, qr/QUJDQUJD/, 'without the verifier');
	is(value($node, "SELECT sqlstate FROM pgops.actions WHERE name = 'long_verifier'"), '54000', 'with its SQLSTATE');
}
is(value($node, "SELECT count(*) FROM pg_roles WHERE rolname = 'after'"), 1, 'the roles behind it are made');

# ---- pg_hba.conf: regular expressions, included files (16) ------------------------------

my $extra = $node->data_dir . '/extra.conf';
append_to_file($extra, "host all v_extra 10.0.0.0/8 reject\n");
append_to_file($node->data_dir . '/broken.conf', "host all\n");
my $hba = sub {
	return small_document(pg_hba_rules => [ map { ref $_ ? $_ : { title => 't', rules => [$_] } } @_ ]);
};

# what is declared, and what the server says to it from 16 on and before; undef: accepted
my @rules = (
	[ { title => 't', user => '/^a', addr => 'intra', auth => 'pwd' }, qr/would be a regular expression/, undef ],
	[ { title => 't', user => 'all', db => '/^a', addr => 'intra', auth => 'pwd' }, qr/would be a regular expression/, undef ],
	[ 'host "/^v_[a-z]+$" "/^(a|b)$" 10.0.0.0/8 reject', undef, undef ],
	[ 'host all "/^(a$" 10.0.0.0/8 reject', qr/cannot parse this HBA line: invalid regular expression/, undef ],
	[ 'include extra.conf', undef, qr/cannot parse this HBA line: invalid connection type/ ],
	[ 'include_if_exists nowhere.conf', undef, qr/cannot parse this HBA line: invalid connection type/ ],
	[ 'include nowhere.conf', qr/cannot parse this HBA line: could not open file/, qr/invalid connection type/ ],
	[ 'include broken.conf', qr/cannot parse this HBA line: .*broken.conf.*end-of-line before/s, qr/invalid connection type/ ]);
my @accepted;
for my $rule (@rules)
{
	my ($declared, @says) = @$rule;
	my $says = $says[ $major >= 16 ? 0 : 1 ];
	my ($code, $stderr) = try_declare($node, $hba->($declared));
	my $name = ref $declared ? "a rule for " . ($declared->{db} // $declared->{user}) : $declared;

	push @accepted, $declared if !defined $says;
	is($code, 0, "$name: accepted") or diag($stderr) if !defined $says;
	like($stderr, $says, "$name: refused") if defined $says;
}
converge($node, $hba->(@accepted), 'converged', 'all accepted rules');

# a record for SSL on a server without it is read, and never matches
my $errors = "SELECT count(*) FROM pg_hba_file_rules WHERE error !~ 'record cannot match because SSL is disabled'";
is(value($node, $errors), 0, 'the server reads each of them');
is(value($node, "SELECT count(*) FROM pg_hba_file_rules WHERE 'v_extra' = ANY (user_name)"), $major >= 16 ? 1 : 0,
	'the included file is part of them');
is_settled('rules');

# the parser's memory is per call: ours and the server's own use of it, in one session
is( $node->safe_psql('postgres', join(';', map {
		'SELECT count(*) FROM pgops.validate(' . literal($hba->(@accepted, 'host all "/^(a$" 10.0.0.0/8 reject')) . ')
			WHERE severity = ' . literal('error'),
		$errors } 1 .. 3)),
	join("\n", ($major >= 16 ? 1 : 0, 0) x 3), 'checking and reading rules in turn');

# the superuser's method is found by the rule that the server goes by: a pattern, an included file
{
	local $ENV{PGUSER} = 'boss_man';
	my $found = pgops_node('found', start => 0,
		init => { extra => [ '-E', 'UTF8', '--locale=C', '-U', 'boss_man' ] });
	my $file = $found->data_dir . '/pg_hba.conf';
	append_to_file($found->data_dir . '/more.conf', qq(local all "/^boss_" trust\n));
	unlink $file or die $!;
	append_to_file($file, $major >= 16
		? qq(local "/^nothing\$" all reject\ninclude more.conf\nlocal all all reject\n)
		: qq(local all "/^boss_" reject\nlocal all all trust\n));
	$found->start;
	$found->safe_psql('postgres', 'CREATE EXTENSION pgops');
	converge($found, small_document(), 'converged', 'a server with patterns in its rules');
	is(value($found, 'SELECT user_name[1] || $$ $$ || auth_method FROM pg_hba_file_rules ORDER BY line_number LIMIT 1'),
		'boss_man trust', 'the superuser keeps the method of the rule that held');
	$found->stop;
}

# ---- waiting has a name (17) -------------------------------------------------------------

wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgops coordinator'
	AND wait_event_type = 'Extension' AND wait_event = '" . ($major >= 17 ? 'PgopsMain' : 'Extension') . "'",
	'pg_stat_activity says what the coordinator waits for');

# ---- timeouts of the whole server: statement_timeout, transaction_timeout (17) -----------

my @timeouts = (('statement_timeout', 'idle_in_transaction_session_timeout'), $major >= 17 ? 'transaction_timeout' : ());
my $pid = value($node, 'SELECT pid FROM pgops.coordinator()');
converge($node, small_document(pg_users => [ { name => 'patient', connlimit => 1 } ], pg_databases => [ { name => 'v_db' } ]),
	'converged', 'before timeouts');
$node->append_conf('postgresql.conf', "$_ = '1s'") for @timeouts;
$node->reload;
wait_for($node, "SELECT current_setting('$timeouts[-1]') = '1s'", 'timeouts of the server');

# somebody holds the role and a database's schema for longer than that
my $sessions = join '', map { "SET $_ = 0;" } @timeouts;
my @holders = map { $node->background_psql($_, on_error_stop => 1) } qw(postgres v_db);
$_->query_safe("$sessions BEGIN") for @holders;
$holders[0]->query_safe('ALTER ROLE patient CONNECTION LIMIT 5');
$holders[1]->query_safe('CREATE SCHEMA held');
declare($node, small_document(pg_users => [ { name => 'patient', connlimit => 2 } ],
		pg_databases => [ { name => 'v_db', schemas => ['held'] } ]));
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgops coordinator'
	AND xact_start < clock_timestamp() - interval '1.5 s'", 'a transaction of the coordinator lasts longer');
$holders[0]->query_safe('ROLLBACK');
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type LIKE 'pgops worker%'
	AND datname = 'v_db' AND xact_start < clock_timestamp() - interval '1.5 s'", 'and one of a database worker');
$holders[1]->query_safe('ROLLBACK');
$_->quit for @holders;
$node->append_conf('postgresql.conf', "$_ = 0") for @timeouts;
$node->reload;
is(settle($node)->{phase}, 'converged', 'both were waited for');
is(value($node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'patient'"), 2, 'the role is as declared');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'held'", database => 'v_db'), 1, 'the schema, too');
is(value($node, 'SELECT pid FROM pgops.coordinator()'), $pid, 'the coordinator is the one it was');
is(log_matches($node, qr/pgops\S* .*(?:timeout|FATAL)|terminating background worker/), 0, 'no worker ran into a timeout');

done_testing();
