# pgops.require_backup_age: what would lose data waits for a backup that is new
# enough, and goes on by itself when there is one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsBackup;
use PgopsTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = backup_node(
	'main',
	vars => {
		pg_databases => [ { name => 'app', schemas => ['kept'], extensions => [ { name => 'pg_trgm' } ] }, { name => 'old' } ],
		pg_users => [ { name => 'leaver' } ]
	},
	conf => "pgops.max_destructive = 100\n");

sub with_vars { my (%vars) = @_; return small_document(backup_vars($node, vars => \%vars)); }
sub has_database { return value($node, "SELECT count(*) FROM pg_database WHERE datname = '$_[0]'"); }
sub setting { $node->safe_psql('postgres', "ALTER SYSTEM SET $_[0]"); $node->reload; return; }

# the steps of the plan that are blocked with PO210, as "kind name"
sub held_back
{
	return join(', ', map { "$_->{kind} $_->{name}" }
		  grep { $_->{destructive} && ($_->{sqlstate} // '') eq 'PO210' } plan_rows($node));
}

# standard error of a query
sub try_in_session { return ($node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]"))[2]; }

is(value($node, 'SELECT count(*) FROM pgops.rules WHERE loses_data'), 7, 'rules say which steps lose data');
is(value($node, "SELECT string_agg(id, ',' ORDER BY id) FROM pgops.rules WHERE destructive AND NOT loses_data"), 'role.drop,role.drop_extra', 'dropping a role does not');
is(value($node, "SELECT count(*) FROM pgops.rules WHERE loses_data AND NOT destructive"), 0, 'what loses data is destructive');

# ---- a backup that is too old ----
finish_job($node, 'SELECT pgops.backup_refresh()') if value($node, 'SELECT count(*) FROM pgops.backups') == 0;
cmp_ok(value($node, 'SELECT count(*) FROM pgops.backups WHERE good'), '>=', 1, 'there is a backup');
setting("pgops.require_backup_age = '1s'");
ok(wait_until(sub { value($node, "SELECT max(stop) < now() - interval '1 s' FROM pgops.backups") eq 't' }), '... of more than a second ago');

declare($node, with_vars(
	pg_databases => [ { name => 'app', schemas => [ { name => 'kept', state => 'absent' } ], extensions => [ { name => 'pg_trgm', state => 'absent' } ] },
		{ name => 'old', state => 'absent' }, { name => 'new' } ],
	pg_users => [ { name => 'leaver', state => 'absent' } ]));
my $status = settle($node);
is($status->{phase}, 'blocked', 'destroying is declared');
is(held_back(), 'extension pg_trgm, schema kept, database old', 'what loses data is held back');
is(has_database('old'), 1, '... the database is there');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'kept'", database => 'app'), 1, '... the schema, too');
is(value($node, "SELECT count(*) FROM pg_roles WHERE rolname = 'leaver'"), 0, 'a role is dropped: it holds no data');
is(has_database('new'), 1, 'what is new is made');
my ($blocked) = grep { $_->{name} eq 'old' && $_->{destructive} } plan_rows($node);
like($blocked->{blocked}, qr/^the newest good backup is of \d{4}-.*, and pgops\.require_backup_age is 1s$/, 'the step says why');
like($blocked->{hint}, qr/SELECT pgops\.backup\(\)/, '... and what to do');
is((grep { $_->{name} eq 'old' && $_->{destructive} } plan_rows($node))[0]{blocked}, $blocked->{blocked}, '... in the same words a moment later');
is(value($node, "SELECT count(*) FROM pgops.actions WHERE sqlstate = 'PO210'") > 0 ? 1 : 0, 1, 'pgops.actions shows it');

# ---- released by a backup, by nobody else ----
setting("pgops.require_backup_age = '30s'");
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET stopped_at = stopped_at - interval '1 day'; SELECT pgops.reconcile()");
settle($node);
is(has_database('old'), 1, 'backups of yesterday are too old');
my $job = finish_job($node, "SELECT pgops.backup('incr')");
is($job->{state}, 'succeeded', 'a backup is made');
wait_for($node, "SELECT count(*) = 0 FROM pg_database WHERE datname = 'old'", 'the database goes, without anybody asking again');
is(settle($node)->{phase}, 'converged', '... and all is done');
is(value($node, "SELECT count(*) FROM pg_namespace WHERE nspname = 'kept'", database => 'app'), 0, '... the schema, too');

# ---- recreate ----
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET stopped_at = stopped_at - interval '1 day'");
declare($node, with_vars(pg_databases => [ { name => 'app', state => 'recreate' } ]));
is(settle($node)->{phase}, 'blocked', 'recreate');
is(held_back(), 'database app', '... loses data, too');
like(try_in_session('SELECT pgops.check_backup_age()'), qr/PO210: .*the newest good backup is of/, 'check_backup_age() says the same');

# ---- a backup that may not be there any more is none ----
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET stopped_at = now()");
is(held_back(), '', 'a new one');
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET error = true");
like(try_in_session('SELECT pgops.check_backup_age()'), qr/there is no good backup, and pgops\.require_backup_age is 30s/, 'with page errors it is none');
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET error = false, system_identifier = '1'");
like(try_in_session('SELECT pgops.check_backup_age()'), qr/there is no good backup/, 'nor if it is of another server');
$node->safe_psql('postgres', "UPDATE pgops.backup_set SET system_identifier = (SELECT system_identifier::text FROM pg_control_system()); UPDATE pgops.stanza_state SET observed_at = now() - interval '1 day'");
like(try_in_session('SELECT pgops.check_backup_age()'), qr/no good backup is known \(the repositories were last looked into at/, 'nor if nobody has looked for long');
$node->safe_psql('postgres', "UPDATE pgops.stanza_state SET observed_at = now(), error = 'gone'");
like(try_in_session('SELECT pgops.check_backup_age()'), qr/no good backup is known \(repository 1: gone\)/, 'nor if the repository cannot be read');
is(has_database('app'), 1, 'the database is still there');

# ---- switched off ----
setting("pgops.require_backup_age = 0");
is(try_in_session('SELECT pgops.check_backup_age()'), '', 'without the setting nothing is asked for');
$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
is(settle($node)->{phase}, 'converged', '... and it is recreated');

stop_backup_node($node);
done_testing();
