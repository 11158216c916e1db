# Parameters by template: pgops.tune() against the formulas, written down here a
# second time; real servers run with all of its values; a declared pg_conf is
# applied, once, below what is declared by itself, without what this server
# cannot have, and undone when it is not declared any more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PgopsTest;
use POSIX qw(ceil floor);
use PostgreSQL::Test::Utils;
use Test::More;

my $GB = 2**30;

# ---- the formulas once more ------------------------------------------------

sub least { my ($a, $b) = @_; return $a < $b ? $a : $b }
sub most { my ($a, $b) = @_; return $a > $b ? $a : $b }
sub clamp { my ($x, $low, $high) = @_; return least(most($x, $low), $high) }

# one value for each template
sub by
{
	my ($template, %value) = @_;
	return exists $value{$template} ? $value{$template} : $value{other};
}

# what is the same everywhere; undef as version: all
my @constants = (
	[ undef, superuser_reserved_connections => 10, track_commit_timestamp => 'on', wal_level => 'logical',
		wal_log_hints => 'on', wal_compression => 'lz4', max_wal_senders => 50, max_replication_slots => 50, ssl => 'on',
		hash_mem_multiplier => 8, huge_pages => 'try', bgwriter_delay => '10ms', bgwriter_lru_maxpages => 800,
		bgwriter_lru_multiplier => '5.0', wal_buffers => '16MB', commit_delay => 20, commit_siblings => 10,
		checkpoint_timeout => '15min', checkpoint_completion_target => 0.95, hot_standby_feedback => 'on',
		max_standby_archive_delay => '10min', max_standby_streaming_delay => '3min', wal_receiver_timeout => '60s',
		wal_receiver_status_interval => '1s', max_logical_replication_workers => 8, max_sync_workers_per_subscription => 6,
		random_page_cost => 1.1, effective_io_concurrency => 200, maintenance_io_concurrency => 100,
		log_destination => 'csvlog', logging_collector => 'on', log_filename => 'postgresql-%a.log', log_file_mode => '0640',
		log_timezone => 'UTC', log_rotation_age => '1d', log_rotation_size => 0, log_truncate_on_rotation => 'on',
		log_checkpoints => 'on', log_lock_waits => 'on', log_temp_files => 1024, log_replication_commands => 'on',
		log_statement => 'ddl', log_autovacuum_min_duration => '1s', track_io_timing => 'on', track_functions => 'all',
		autovacuum_naptime => '1min', autovacuum_vacuum_cost_delay => -1, autovacuum_vacuum_cost_limit => -1,
		autovacuum_freeze_max_age => 1_000_000_000, deadlock_timeout => '50ms', password_encryption => 'scram-sha-256',
		archive_mode => 'on', archive_timeout => 300, archive_command => 'pgbackrest --stanza=pg-test archive-push %p',
		log_directory => '/pg/log/postgres', shared_preload_libraries => 'pg_stat_statements, auto_explain, pgops',
		'pg_stat_statements.track' => 'all', 'pg_stat_statements.track_utility' => 'off',
		'pg_stat_statements.track_planning' => 'off', 'auto_explain.log_min_duration' => '1s',
		'auto_explain.log_analyze' => 'on', 'auto_explain.log_verbose' => 'on', 'auto_explain.log_timing' => 'on',
		'auto_explain.log_nested_statements' => 'on', 'pg_wait_sampling.profile_pid' => 'off',
		'pg_wait_sampling.profile_queries' => 'all', 'pg_wait_sampling.history_size' => 100000,
		'cron.database_name' => 'postgres' ],
	[ 17, sync_replication_slots => 'on' ],
	[ 18, io_method => 'worker', file_copy_method => 'clone' ]);

# (name => value) by template, size and options
sub expected
{
	my ($template, $cpu, $mem, $disk, $version, %option) = @_;
	my %is;
	for my $part (@constants)
	{
		my ($from, %more) = @$part;
		%is = (%is, %more) if !defined $from || $version >= $from;
	}
	my $citus = ($option{libs} || '') =~ /citus/;
	my $crowded = $citus || ($option{libs} || '') =~ /timescaledb/;
	my $direct = ($option{dest} || 'pgbouncer') ne 'pgbouncer';
	my $conn = by($template, olap => 500, tiny => 250, other => $direct ? 1000 : 500);
	$conn = $option{max_conn} if $option{max_conn} && $option{max_conn} >= 20;
	my $buffers = ceil($mem * ($option{shared_buffer_ratio} || 0.25));
	my $workers = by($template, olap => most($cpu + 12, 20), tiny => most($cpu + 4, 12), other => most($cpu + 8, 16));
	my $T = clamp(ceil($disk / 21474836480), 1, 100);

	$is{max_connections} = $conn;
	$is{max_prepared_transactions} = $citus ? $conn : 0;
	$is{max_locks_per_transaction} = $conn * ($template eq 'olap' ? 2 : 1) * ($crowded ? 2 : 1);
	$is{shared_buffers} = "${buffers}MB";
	$is{maintenance_work_mem} = ceil($buffers * ($template eq 'olap' ? 0.5 : 0.25)) . 'MB';
	$is{effective_cache_size} = ($mem - $buffers) . 'MB';
	$is{work_mem} = clamp(floor($buffers / $conn), by($template, tiny => 16, other => 64),
		by($template, olap => 8192, tiny => 256, other => 1024)) . 'MB';
	$is{max_worker_processes} = $workers + 8;
	$is{max_parallel_workers} = by($template, olap => most(ceil($cpu * 0.8), 2), tiny => most(floor($cpu * 0.5), 1),
		other => most(ceil($cpu * 0.5), 2));
	$is{max_parallel_workers_per_gather} = by($template, oltp => clamp(floor($cpu * 0.2), 2, 8),
		olap => most(floor($cpu * 0.5), 2), other => 0);
	$is{max_parallel_maintenance_workers} = by($template, tiny => most(floor($cpu * 0.33), 1), other => most(ceil($cpu * 0.33), 2));
	$is{min_wal_size} = least($T, 200) . 'GB';
	$is{max_wal_size} = least(4 * $T, 2000) . 'GB';
	$is{max_slot_wal_keep_size} = least(6 * $T, 3000) . 'GB';
	$is{temp_file_limit} = by($template, olap => least(4 * $T, 2000), other => least($T, 200)) . 'GB';
	$is{default_statistics_target} = by($template, olap => 1000, tiny => 200, other => 400);
	$is{log_min_duration_statement} = by($template, olap => 1000, other => 100);
	$is{idle_in_transaction_session_timeout} = by($template, olap => 0, crit => '1min', other => '10min');
	$is{vacuum_cost_delay} = by($template, olap => '10ms', other => '20ms');
	$is{vacuum_cost_limit} = by($template, olap => 10000, other => 2000);
	$is{autovacuum_max_workers} = by($template, tiny => 2, other => 3);
	$is{autovacuum_vacuum_threshold} = by($template, olap => 1000, other => 500);
	$is{autovacuum_analyze_threshold} = by($template, olap => 500, other => 250);
	$is{wal_writer_delay} = by($template, crit => '10ms', other => '20ms');
	$is{wal_writer_flush_after} = by($template, crit => 0, other => '1MB');
	$is{track_activity_query_size} = by($template, crit => 32768, other => 8192);
	$is{'pg_stat_statements.max'} = by($template, tiny => 2500, other => 10000);
	if ($template ne 'tiny')
	{
		$is{autovacuum_vacuum_scale_factor} = 0.08;
		$is{autovacuum_analyze_scale_factor} = 0.04;
	}
	if ($template eq 'oltp' || $template eq 'crit')
	{
		@is{qw(parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size min_parallel_index_scan_size)} =
			(2000, 0.2, '32MB', '2MB');
		$is{log_lock_failures} = 'on' if $version >= 18;
	}
	@is{qw(enable_partitionwise_join enable_partitionwise_aggregate)} = ('on', 'on') if $template eq 'olap';
	$is{track_cost_delay_timing} = 'on' if $version >= 18 && ($template eq 'olap' || $template eq 'crit');
	if ($template eq 'crit')
	{
		$is{log_disconnections} = 'on';
		$is{log_connections} = 'on' if $version < 18;
		$is{vacuum_defer_cleanup_age} = 500000 if $version <= 15;
	}
	if ($version >= 18)
	{
		$is{io_workers} = by($template, oltp => clamp(ceil($cpu * 0.25), 4, 16), olap => clamp(ceil($cpu * 0.5), 4, 32),
			crit => clamp(ceil($cpu * 0.25), 4, 8), tiny => 3);
		$is{idle_replication_slot_timeout} = by($template, crit => '3d', other => '7d');
		$is{log_connections} = 'authorization' if $template eq 'oltp' || $template eq 'olap';
		$is{log_connections} = 'receipt,authentication,authorization' if $template eq 'crit';
	}
	if (($option{storage} || 'SSD') eq 'HDD')
	{
		delete @is{qw(random_page_cost effective_io_concurrency maintenance_io_concurrency)};
	}
	if (defined $option{libs})
	{
		$is{shared_preload_libraries} = "$option{libs}, pgops";
		@is{'timescaledb.telemetry_level', 'timescaledb.max_background_workers'} = ('off', $workers)
			if $option{libs} =~ /timescaledb/;
	}
	return \%is;
}

# ---- machines: processors, MB, bytes ----
my @machines = (
	[ 1, 512, 10 * $GB ], [ 1, 1000, 20 * $GB ], [ 1, 1024, 20 * $GB + 1 ], [ 1, 2003, 21474836479 ],
	[ 2, 2048, 40 * $GB ], [ 2, 3907, 40 * $GB - 1 ], [ 2, 4096, 50 * $GB ], [ 3, 4099, 61 * $GB ],
	[ 3, 7777, 80 * $GB ], [ 4, 8192, 100 * $GB ], [ 4, 15999, 128 * $GB ], [ 5, 16001, 133333333333 ],
	[ 6, 16384, 200 * $GB ], [ 7, 24106, 252 * $GB ], [ 8, 32000, 500 * $GB ], [ 8, 31999, 511 * $GB ],
	[ 9, 32768, 512 * $GB ], [ 10, 40001, 640 * $GB ], [ 11, 47104, 777777777777 ], [ 12, 48000, 750 * $GB ],
	[ 13, 50021, 800 * $GB ], [ 14, 64000, 900 * $GB ], [ 15, 64007, 960 * $GB ], [ 16, 65536, 1024 * $GB ],
	[ 20, 81921, 1200 * $GB ], [ 23, 96000, 1500 * $GB ], [ 24, 98304, 1536 * $GB ], [ 25, 100003, 1999 * $GB ],
	[ 28, 114688, 2000 * $GB ], [ 32, 131072, 2000 * $GB + 1 ], [ 40, 160000, 2048 * $GB ], [ 48, 196608, 3000 * $GB ],
	[ 63, 257777, 3333 * $GB ], [ 64, 524288, 4096 * $GB ], [ 65, 262144, 5000 * $GB ], [ 96, 393216, 6001 * $GB ],
	[ 100, 786431, 8 * 1024 * $GB ], [ 128, 1048576, 10 * 1024 * $GB ], [ 192, 1572864, 12345 * $GB ],
	[ 256, 2097152, 16 * 1024 * $GB ]);
my @templates = qw(oltp olap crit tiny);

my $node = pgops_node('main', conf => <<'CONF');
pgops.drift_interval = '1h'
pgops.manage_settings = on
shared_preload_libraries = 'pgops, pg_prewarm'
CONF

# what pgops.tune() gives for a list of [template, cpu, mem, disk, version], each as (name => value)
sub tuned
{
	my ($arguments, @asked) = @_;
	my $list = join ', ', map { my ($template, @number) = @$_; "('$template', " . join(', ', @number) . ')' } @asked;
	my $text = value($node, "SELECT string_agg(t.parameter || '=' || t.value, E'\\t') FROM (VALUES $list)
		AS q (template, cpu, mem_mb, disk_bytes, version) CROSS JOIN LATERAL
		pgops.tune(q.template, q.cpu, q.mem_mb, q.disk_bytes::bigint, cluster => 'pg-test',
			log_directory => '/pg/log/postgres', version => q.version $arguments) AS t
		GROUP BY q.template, q.cpu, q.mem_mb, q.disk_bytes, q.version
		ORDER BY array_position(ARRAY['oltp', 'olap', 'crit', 'tiny'], q.template), q.cpu, q.mem_mb, q.version");
	return map { +{ map { split /=/, $_, 2 } split /\t/ } } split /\n/, $text;
}

# compares all machines for some versions and options; the count of differences is 0
sub compare
{
	my ($what, $machines, $versions, $arguments, %option) = @_;
	my @asked;
	for my $template (@templates)
	{
		for my $machine (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @$machines)
		{
			push @asked, [ $template, @$machine, $_ ] for @$versions;
		}
	}
	my @found = tuned($arguments, @asked);
	is(scalar(@found), scalar(@asked), "$what: an answer for each");
	my @wrong;
	for my $i (0 .. $#asked)
	{
		my $is = expected(@{ $asked[$i] }, %option);
		my %names = (%$is, %{ $found[$i] });
		for my $name (sort keys %names)
		{
			my ($want, $have) = ($is->{$name} // 'nothing', $found[$i]{$name} // 'nothing');
			push @wrong, "@{ $asked[$i] }: $name is $have, not $want" if $want ne $have;
		}
	}
	is_deeply([ splice @wrong, 0, 10 ], [], "$what: every parameter is what the formula says");
	return;
}

is(scalar(@machines), 40, 'forty machines');
compare('plain', \@machines, [ 15, 17, 18 ], '');
my @some = @machines[ 0, 3, 12, 14, 22, 27, 33, 39 ];
compare('connections', \@some, [15], ', max_conn => 333', max_conn => 333);
compare('few connections', \@some, [15], ', max_conn => 19', max_conn => 19);
compare('direct', \@some, [16], ", dest => 'postgres'", dest => 'postgres');
compare('share', \@some, [15], ", shared_buffer_ratio => $_", shared_buffer_ratio => $_) for 0.1, 0.33, 0.4, 0.7;
compare('Citus', \@some, [17], ", libs => 'citus, pg_cron'", libs => 'citus, pg_cron');
compare('TimescaleDB', \@some, [18], ", libs => 'timescaledb'", libs => 'timescaledb');
compare('disks', \@some, [15], ", storage => 'HDD'", storage => 'HDD');

# values that were calculated elsewhere
my %known = (
	oltp => { shared_buffers => '8000MB', max_wal_size => '100GB', work_mem => '64MB' },
	tiny => { shared_buffers => '8000MB', max_wal_size => '100GB', work_mem => '32MB' });
for my $template (sort keys %known)
{
	my ($found) = tuned('', [ $template, 8, 32000, 500 * $GB, 15 ]);
	is_deeply({ map { $_ => $found->{$_} } keys %{ $known{$template} } }, $known{$template},
		"8 processors, 32000 MB, 500 GB, $template");
}
my $here = row($node, "SELECT max(explanation) FILTER (WHERE parameter = 'shared_buffers') AS memory,
	max(explanation) FILTER (WHERE parameter = 'max_parallel_workers') AS cpu,
	max(explanation) FILTER (WHERE parameter = 'min_wal_size') AS disk FROM pgops.tune()");
my ($kb) = slurp_file('/proc/meminfo') =~ /^MemTotal:\s+(\d+) kB/m;
my ($megabytes) = $here->{memory} =~ /^ceil\((\d+) MB/;
cmp_ok($megabytes, '<=', ceil($kb / 1024), 'nothing given: the memory of this machine, or the limit of its control group');
cmp_ok($megabytes, '>=', 64, '... and not nothing');
my $processors = () = slurp_file('/proc/cpuinfo') =~ /^processor\s*:/mg;
like($here->{cpu}, qr/^max\(ceil\($processors \* /, '... its processors') if $processors;
my $blocks = (split /\n/, `df -k --output=size '@{[ $node->data_dir ]}'`)[1];
like($here->{disk}, qr{ceil\(@{[ $blocks * 1024 ]} / }, '... the disk of the data directory');

# ---- real servers with all of it -------------------------------------------

# a value in the unit that pg_settings has
sub in_unit
{
	my ($value, $unit) = @_;
	my %bytes = (B => 1, kB => 2**10, '8kB' => 2**13, MB => 2**20, GB => $GB, TB => 2**40, '16MB' => 2**24);
	my %ms = (ms => 1, s => 1000, min => 60_000, h => 3_600_000, d => 86_400_000);
	my ($number, $has) = $value =~ /^(-?[\d.]+)([A-Za-z]*)$/ or return $value;
	return $value if !defined $unit || $has eq '';
	return $number * $bytes{$has} / $bytes{$unit} if exists $bytes{$has};
	return $number * $ms{$has} / $ms{$unit};
}

# the parameters of a running server that are not as they should be
sub not_as_tuned
{
	my (%want) = @_;
	my %have = map { $_->{name} => $_ } rows($node, 'SELECT name, setting, unit FROM pg_settings');
	my @wrong;
	for my $name (sort keys %want)
	{
		my $is = $have{$name} ? $have{$name}{setting} : value($node, "SELECT current_setting('$name', true)");
		my $want = in_unit($want{$name}, $have{$name} ? $have{$name}{unit} : undef);
		push @wrong, "$name is $is, not $want"
		  unless $is eq $want || ($is =~ /^-?[\d.]+$/ && $want =~ /^-?[\d.]+$/ && $is == $want);
	}
	return \@wrong;
}

my $data = $node->data_dir;
$node->append_conf('postgresql.conf', "include_if_exists = 'tuned.conf'\n");
for my $template (@templates)
{
	# of all there is only the certificate is missing
	my %want = map { $_->{parameter} => $_->{value} } grep { $_->{parameter} ne 'ssl' }
	  rows($node, "SELECT parameter, value FROM pgops.tune('$template', 2, 512, 10::bigint << 30, max_conn => 60,
		cluster => 'nothing', log_directory => 'tuned_log')");
	$want{archive_command} = '/bin/true';
	$want{shared_preload_libraries} = "$want{shared_preload_libraries}, pg_prewarm";
	open my $file, '>', "$data/tuned.conf" or die $!;
	for my $name (sort keys %want)
	{
		(my $value = $want{$name}) =~ s/'/''/g;
		print $file "$name = '$value'\n";
	}
	close $file;
	$node->restart;
	is(value($node, 'SHOW deadlock_timeout'), '50ms', "a server starts with all of template $template");
	is(value($node, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL AND error <> 'setting could not be applied'"),
		0, '... takes each value');
	is_deeply(not_as_tuned(%want), [], '... and has it');
	is(value($node, "SELECT string_agg(parameter, ', ') FROM pgops.tune('$template', 2, 512, 10::bigint << 30, max_conn => 60,
		cluster => 'nothing', log_directory => 'tuned_log') WHERE differs AND parameter NOT IN ('ssl', 'archive_command', 'shared_preload_libraries')"),
		'', '... which pgops.tune() finds, too');
}
unlink "$data/tuned.conf";
$node->restart;

# ---- declared --------------------------------------------------------------

sub tuned_document
{
	my (%vars) = @_;
	return small_document(pg_shared_buffer_ratio => 0.01, pg_max_conn => 50, %vars);
}

sub in_auto
{
	my ($name) = @_;
	my @found = rows($node, "SELECT setting FROM pg_file_settings
		WHERE sourcefile LIKE '%auto.conf' AND lower(name) = lower(" . literal($name) . ')');
	return @found ? $found[0]{setting} : undef;
}

sub reconcile
{
	$node->safe_psql('postgres', 'SELECT pgops.reconcile()');
	return settle($node);
}

is_deeply([ grep { $_->{kind} eq 'parameter' } declare($node, tuned_document(), dry_run => 1) ], [],
	'the default of pg_conf sets nothing: only a declared one does');
my @plan = declare($node, tuned_document(pg_conf => 'crit.yml'), dry_run => 1);
my %step = map { $_->{name} => $_ } grep { $_->{kind} eq 'parameter' } @plan;
is($step{deadlock_timeout}{statement}, q{ALTER SYSTEM SET deadlock_timeout TO '50ms'}, 'the plan shows each step');
is($step{deadlock_timeout}{reason}, 'deadlock_timeout: DEFAULT -> 50ms', '... and what it changes');
is_deeply([ map { $_->{name} } grep { defined $_->{blocked} && $_->{sqlstate} ne 'PO511' } values %step ], [], 'nothing is in the way');
is($step{$_}, undef, "$_ is left out") for qw(ssl archive_mode archive_command cron.database_name pg_wait_sampling.history_size);
is($step{password_encryption}, undef, 'what is so by default needs no step');
is($step{shared_preload_libraries}{statement},
	q{ALTER SYSTEM SET shared_preload_libraries TO 'pgops', 'pg_prewarm', 'pg_stat_statements', 'auto_explain'},
	'libraries that are there stay');
is(in_auto('deadlock_timeout'), undef, 'a dry run sets nothing');
@plan = declare($node, tuned_document(pg_conf => 'crit.yml', pg_parameters => { max_connections => 9 }), dry_run => 1);
%step = map { $_->{name} => $_ } @plan;
is($step{max_connections}{blocked}, undef, 'fewer connections than the template reserves can be declared');
is($step{superuser_reserved_connections}, undef, '... and the template gives way');

my $status = converge($node, tuned_document(pg_conf => 'crit', pg_parameters => { work_mem => '5MB', log_statement => 'DEFAULT',
			min_parallel_table_scan_size => '9MB' }), 'blocked', 'a template and parameters on top');
like($status->{message}, qr/a restart of the server is needed for .*shared_buffers/, 'what needs a restart waits for it');
is($status->{blocked}, 1, '... and nothing else is in the way');
is(in_auto('work_mem'), '5MB', 'what is declared by itself wins');
is(in_auto('min_parallel_table_scan_size'), '9MB', '... also over what the template wants otherwise');
is(in_auto('log_statement'), undef, '... also as DEFAULT');
is(in_auto('deadlock_timeout'), '50ms', 'the rest is the template');
is(value($node, "SELECT count(*) FROM pgops.pending_restart WHERE NOT declared"), 0, 'what waits is declared');
my $footprint = footprint($node);
reconcile();
same_footprint($footprint, footprint($node), 'a second pass does nothing');
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'the server starts with all of it');
is(value($node, 'SELECT count(*) FROM pgops.pending_restart'), 0, 'and nothing waits');
is(value($node, "SELECT string_agg(parameter, ', ' ORDER BY parameter COLLATE \"C\") FROM pgops.tune('crit', shared_buffer_ratio => 0.01, max_conn => 50)
	WHERE differs AND problem IS NULL"), 'log_statement, min_parallel_table_scan_size, shared_preload_libraries, work_mem',
	'it has what pgops.tune() says, but for what is declared otherwise');
$footprint = footprint($node);
reconcile();
same_footprint($footprint, footprint($node), 'and again nothing is done');

# ---- by hand; a machine that is nearly the same ----
$node->safe_psql('postgres', "ALTER SYSTEM SET deadlock_timeout = '2s'");
is((plan_rows($node))[0]{reason}, 'deadlock_timeout: 2s -> 50ms', 'what is changed by hand is seen');
reconcile();
is(in_auto('deadlock_timeout'), '50ms', '... and repaired');
my ($buffers) = in_auto('shared_buffers') =~ /^(\d+)MB$/;
my $near = int($buffers * 1024 * 1.005);
$node->safe_psql('postgres', "ALTER SYSTEM SET shared_buffers = '${near}kB'");
is_deeply([ grep { $_->{name} eq 'shared_buffers' } plan_rows($node) ], [], 'some MB more or less are no difference');
$node->safe_psql('postgres', "ALTER SYSTEM SET shared_buffers = '" . ($buffers * 2) . "MB'");
is((grep { $_->{name} eq 'shared_buffers' } plan_rows($node))[0]{reason}, "shared_buffers: @{[ $buffers * 2 ]}MB -> ${buffers}MB", 'another size is');
reconcile();

# ---- a slot that keeps more WAL than it may would be lost ----
$node->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('late', true)");
$node->safe_psql('postgres', "SELECT pg_logical_emit_message(false, 'pgops', 'filled'), pg_switch_wal()") for 1 .. 3;
my ($keep) = grep { $_->{name} eq 'max_slot_wal_keep_size' }
  declare($node, tuned_document(pg_conf => 'crit', pg_parameters => { max_slot_wal_keep_size => '20MB' }), dry_run => 1);
like($keep->{blocked} // '', qr/replication slot "late" keeps \d+ MB of WAL/, 'a slot that is behind stands in the way');
is(value($node, "SELECT problem FROM pgops.tune('crit') WHERE parameter = 'max_slot_wal_keep_size'"), '', '... of less than it keeps');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('late')");

# ---- what comes later ----
append_to_file("$data/$_", '') for qw(server.crt server.key);
is((grep { $_->{name} eq 'ssl' } plan_rows($node))[0]{statement}, q{ALTER SYSTEM SET ssl TO 'on'}, 'with a certificate there is TLS');
unlink "$data/server.crt", "$data/server.key";
is_deeply([ plan_rows($node) ], [], '... without there is not');

# ---- libraries ----
converge($node, tuned_document(pg_conf => 'tiny.yml', pg_libs => 'pg_stat_statements, no_such_library'), 'blocked', 'libraries that are declared');
my ($libraries) = grep { $_->{name} eq 'shared_preload_libraries' } plan_rows($node);
like($libraries->{blocked} // '', qr/there is no library "no_such_library"/, 'must be there');
converge($node, tuned_document(pg_conf => 'tiny.yml', pg_libs => 'pg_stat_statements'), 'blocked', 'others');
is(in_auto('shared_preload_libraries'), 'pg_stat_statements, pgops', 'are the list, with pgops');
is(in_auto('autovacuum_vacuum_scale_factor'), undef, 'what the other template leaves alone is undone');
is(in_auto('max_parallel_workers_per_gather'), '0', '... and what it has is set');

# ---- no longer ----
$node->safe_psql('postgres', "ALTER SYSTEM SET cpu_tuple_cost = 3");
my (undef, $stderr) = try_declare($node, tuned_document(pg_conf => 'ours.yml'));
like($stderr, qr/WARNING:.*pg_conf: "ours\.yml" is none of the templates/, 'a template of the team is told');
settle($node);
is(value($node, "SELECT string_agg(name, ', ') FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'"), 'cpu_tuple_cost',
	'what the template had set is undone, and only that');
is(value($node, "SELECT count(*) FROM pgops.owned WHERE kind = 'parameter'"), 0, '... and forgotten');
$node->restart;
wait_for($node, "SELECT phase = 'converged' FROM pgops.status", 'the server starts as it was before');
is(value($node, 'SHOW deadlock_timeout'), '1s', '... with its own values');
is(log_matches($node, qr/PANIC|TRAP|terminated by signal/), 0, 'nothing crashed');
is_deeply([ grep { slurp_file($_) =~ /PANIC|TRAP|terminated by signal/ } glob "'$data'/{log,tuned_log}/*" ], [],
	'... neither while the server wrote its log itself');

done_testing();
