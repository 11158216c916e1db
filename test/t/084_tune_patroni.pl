# A declared template under Patroni: its values get into the configuration of all
# members by a PATCH, and stay the same when another member leads.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsPatroni;
use PgopsTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

patroni_or_skip();

my $ha = patroni_cluster('main', nodes => 2, local => { 'pgops.drift_interval' => '1h', 'pgops.ha_interval' => '1s' });
my $leader = $ha->wait_for_leader;
my %access = (patroni_username => 'patroni');
my %sizes = (%access, pg_shared_buffer_ratio => 0.01, pg_max_conn => 50);

sub parameters { return $ha->config->{postgresql}{parameters} }

# a pass now, and its end
sub reconcile
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	return settle($node);
}

my $before = parameters();
declare($leader, $ha->document(%sizes));
settle($leader);
is_deeply(parameters(), $before, 'the default of pg_conf sets nothing');

my $status = converge($leader, $ha->document(%sizes, pg_conf => 'tiny.yml', pg_parameters => { work_mem => '5MB' }),
	'blocked', 'a template is declared');
like($status->{message}, qr/a restart of the members is needed for .*shared_buffers/, 'what needs a restart is told');
my %value = map { $_->{parameter} => $_ } rows($leader, "SELECT * FROM pgops.tune('tiny', shared_buffer_ratio => 0.01, max_conn => 50)");
my $has = parameters();
is($has->{work_mem}, '5MB', 'what is declared by itself wins');
is($has->{$_}, $value{$_}{value}, "$_ is in Patroni's configuration") for qw(deadlock_timeout shared_buffers max_locks_per_transaction effective_cache_size);
is($has->{$_}, undef, "$_ is not") for qw(ssl archive_mode archive_command cron.database_name);
wait_for($_, "SELECT current_setting('deadlock_timeout') = '50ms'", $_->name . ' has it') for $ha->nodes;
is(value($_, "SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'"), 0, $_->name . ': nothing by ALTER SYSTEM') for $ha->nodes;

my $actions = action_count($leader);
reconcile($leader);
is(action_count($leader), $actions, 'a second pass does nothing');
is_deeply(parameters(), $has, '... nothing at all');

# ---- machines of different sizes ----
like(value($leader, "SELECT value FROM pgops.owned WHERE kind = 'tuning'"), qr/^pg-test-1 \d+ \d+ \d+ tiny 0\.01 50 /, 'the machine is remembered');
$leader->safe_psql('postgres', "UPDATE pgops.owned SET value = regexp_replace(value, '^pg-test-1 \\d+ \\d+', 'pg-test-7 2 1000') WHERE kind = 'tuning'");
like((open_rows(plan_rows($leader)))[0]{statement}, qr/"shared_buffers": ?"10MB"/, 'that of another member would decide, as it was');
my @other = declare($leader, $ha->document(%sizes, pg_conf => 'oltp.yml'), dry_run => 1);
unlike((grep { $_->{kind} eq 'patroni' } open_rows(@other))[0]{statement}, qr/"shared_buffers"/, 'until something else is declared');
$leader->safe_psql('postgres', "UPDATE pgops.owned SET value = regexp_replace(value, '^pg-test-7 2 1000', 'pg-test-1 2 1000') WHERE kind = 'tuning'");
unlike(join(' ', map { $_->{statement} // '' } plan_rows($leader)), qr/"shared_buffers"/, 'its own size is looked at anew');
reconcile($leader);

# ---- no longer ----
declare($leader, $ha->document(%access));
settle($leader);
is_deeply(parameters(), $before, 'not declared any more: Patroni has what it had before');
is(value($leader, "SELECT count(*) FROM pgops.owned WHERE kind IN ('tuning', 'parameter')"), 0, 'and nothing is remembered');

done_testing();
