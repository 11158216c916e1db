/*
 * tune_table.c
 *		The parameters of the templates oltp, olap, crit and tiny, as data: for
 *		each its constants or formulas, the versions that have it, and why.
 *
 * Rows of one group stand together, in the order in which they are shown.
 *
 * Not for: how a formula is evaluated (tune_formula.c), values that are chosen
 * (tune_value.c).
 */
#include "postgres.h"

#include "spec/tune_parts.h"

/* one constant for all templates, or one for each: oltp, olap, crit, tiny */
#define ALL(value)					{value, value, value, value}
#define EACH(oltp, olap, crit, tiny) {oltp, olap, crit, tiny}

/* the same formula for all */
#define SAME(...)	{{__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}, {__VA_ARGS__}}

const TuneRow tune_rows[] = {
	/* ---- connections ---- */
	{"connections", "max_connections", .value = tune_max_connections},
	{"connections", "superuser_reserved_connections", .text = ALL("10"),
	.why = "superusers and pgops get in when everything else is taken"},
	{"connections", "idle_in_transaction_session_timeout",
		.text = EACH("10min", "0", "1min", "10min"),
	.why = "an open transaction that does nothing holds locks and keeps vacuum from its work; analysts may take their time"},
	{"connections", "password_encryption", .value = tune_password_encryption},
	{"connections", "ssl", .text = ALL("on"),
	.why = "connections may be encrypted; needs a certificate"},

	/* ---- locks and transactions ---- */
	{"transactions", "max_prepared_transactions", .value = tune_prepared_transactions},
	{"transactions", "max_locks_per_transaction", .value = tune_locks},
	{"transactions", "deadlock_timeout", .text = ALL("50ms"),
	.why = "deadlocks end, and long waits for locks are logged, soon"},
	{"transactions", "track_commit_timestamp", .text = ALL("on"),
	.why = "tells when a transaction was committed, which helps finding a point in time"},

	/* ---- memory ---- */
	{"memory", "shared_buffers", "MB",
	.formula = SAME(.of = TUNE_MEM,.op = '*',.by = TUNE_RATIO,.round = 'c')},
	{"memory", "maintenance_work_mem", "MB",
		.formula = {
			{.of = TUNE_BUFFERS,.op = '*',.factor = 0.25,.round = 'c'},
			{.of = TUNE_BUFFERS,.op = '*',.factor = 0.5,.round = 'c'},
			{.of = TUNE_BUFFERS,.op = '*',.factor = 0.25,.round = 'c'},
			{.of = TUNE_BUFFERS,.op = '*',.factor = 0.25,.round = 'c'}
	}},
	{"memory", "effective_cache_size", "MB",
		.formula = SAME(.of = TUNE_MEM,.op = '-',.by = TUNE_BUFFERS),
	.why = "what the system can use as cache, for the planner"},
	{"memory", "work_mem", "MB",
		.formula = {
			{.of = TUNE_BUFFERS,.op = '/',.by = TUNE_CONNECTIONS,.round = 'f',.low = 64,.high = 1024},
			{.of = TUNE_BUFFERS,.op = '/',.by = TUNE_CONNECTIONS,.round = 'f',.low = 64,.high = 8192},
			{.of = TUNE_BUFFERS,.op = '/',.by = TUNE_CONNECTIONS,.round = 'f',.low = 64,.high = 1024},
			{.of = TUNE_BUFFERS,.op = '/',.by = TUNE_CONNECTIONS,.round = 'f',.low = 16,.high = 256}
	}},
	{"memory", "hash_mem_multiplier", .text = ALL("8"),
	.why = "hash joins and aggregates may use 8 times work_mem before they go to disk"},
	{"memory", "huge_pages", .text = ALL("try"),
	.why = "fewer page table entries, where the system has huge pages to give"},
	{"memory", "temp_file_limit", "GB",
		.formula = {
			{.of = TUNE_TWENTIETH,.high = 200},
			{.of = TUNE_TWENTIETH,.op = '*',.factor = 4,.high = 2000},
			{.of = TUNE_TWENTIETH,.high = 200},
			{.of = TUNE_TWENTIETH,.high = 200}
		},
	.why = "one query cannot fill the disk"},

	/* ---- parallelism ---- */
	{"parallelism", "max_worker_processes",
		.formula = SAME(.of = TUNE_WORKERS,.op = '+',.factor = 8),
	.why = "background workers of all kinds"},
	{"parallelism", "max_parallel_workers",
		.formula = {
			{.of = TUNE_CPU,.op = '*',.factor = 0.5,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.8,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.5,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.5,.round = 'f',.low = 1}
	}},
	{"parallelism", "max_parallel_workers_per_gather",
		.text = EACH(NULL, NULL, "0", "0"),
		.formula = {
			{.of = TUNE_CPU,.op = '*',.factor = 0.2,.round = 'f',.low = 2,.high = 8},
			{.of = TUNE_CPU,.op = '*',.factor = 0.5,.round = 'f',.low = 2}
		},
	.why = "processes that one query may have besides its own; 0: it takes no other session's processor"},
	{"parallelism", "max_parallel_maintenance_workers",
		.formula = {
			{.of = TUNE_CPU,.op = '*',.factor = 0.33,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.33,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.33,.round = 'c',.low = 2},
			{.of = TUNE_CPU,.op = '*',.factor = 0.33,.round = 'f',.low = 1}
	}},

	/* ---- planner ---- */
	{"planner", "parallel_setup_cost", .text = EACH("2000", NULL, "2000", NULL),
	.why = "twice the default: short queries stay in one process"},
	{"planner", "parallel_tuple_cost", .text = EACH("0.2", NULL, "0.2", NULL),
	.why = "twice the default: short queries stay in one process"},
	{"planner", "min_parallel_table_scan_size", .text = EACH("32MB", NULL, "32MB", NULL),
	.why = "four times the default: short queries stay in one process"},
	{"planner", "min_parallel_index_scan_size", .text = EACH("2MB", NULL, "2MB", NULL),
	.why = "four times the default: short queries stay in one process"},
	{"planner", "enable_partitionwise_join", .text = EACH(NULL, "on", NULL, NULL),
	.why = "big partitioned tables are joined partition by partition"},
	{"planner", "enable_partitionwise_aggregate", .text = EACH(NULL, "on", NULL, NULL),
	.why = "big partitioned tables are aggregated partition by partition"},
	{"planner", "random_page_cost", .text = ALL("1.1"),.applies = tune_on_ssd,
	.why = "on SSD a random page costs hardly more than the next one"},
	{"planner", "default_statistics_target", .text = EACH("400", "1000", "400", "200"),
	.why = "finer statistics than the default of 100, for estimates on large tables"},

	/* ---- input and output ---- */
	{"io", "effective_io_concurrency", .text = ALL("200"),.applies = tune_on_ssd,
	.why = "an SSD serves many requests at a time"},
	{"io", "maintenance_io_concurrency", .text = ALL("100"),.applies = tune_on_ssd,
	.why = "an SSD serves many requests at a time"},
	{"io", "io_method", .value = tune_io_method,.min_major = 18},
	{"io", "io_workers",.min_major = 18,.max_major = 18,
		.text = EACH(NULL, NULL, NULL, "3"),
		.formula = {
			{.of = TUNE_CPU,.op = '*',.factor = 0.25,.round = 'c',.low = 4,.high = 16},
			{.of = TUNE_CPU,.op = '*',.factor = 0.5,.round = 'c',.low = 4,.high = 32},
			{.of = TUNE_CPU,.op = '*',.factor = 0.25,.round = 'c',.low = 4,.high = 8}
		},
	.why = "processes that read for others, where io_method is worker"},
	{"io", "file_copy_method", .text = ALL("clone"),.min_major = 18,
	.why = "CREATE DATABASE shares blocks on file systems that can do that"},
	{"io", "bgwriter_delay", .text = ALL("10ms"),
	.why = "the background writer looks often, so that sessions need not write"},
	{"io", "bgwriter_lru_maxpages", .text = ALL("800"),
	.why = "the background writer may write much each time"},
	{"io", "bgwriter_lru_multiplier", .text = ALL("5.0"),
	.why = "the background writer works ahead of what was needed lately"},

	/* ---- WAL ---- */
	{"wal", "wal_level", .text = ALL("logical"),
	.why = "logical replication is possible without a restart"},
	{"wal", "wal_log_hints", .text = ALL("on"),
	.why = "pg_rewind can bring a former primary back"},
	{"wal", "wal_compression", .text = ALL("lz4"),.min_major = 15,
	.why = "full page images take a fraction of the space"},
	{"wal", "wal_buffers", .text = ALL("16MB"),
	.why = "one segment"},
	{"wal", "wal_writer_delay", .text = EACH("20ms", "20ms", "10ms", "20ms"),
	.why = "how much an asynchronous commit may lose"},
	{"wal", "wal_writer_flush_after", .text = EACH("1MB", "1MB", "0", "1MB"),
	.why = "how much an asynchronous commit may lose; 0: flushed each time"},
	{"wal", "commit_delay", .text = ALL("20"),
	.why = "under load several commits share a flush, for 20 microseconds each"},
	{"wal", "commit_siblings", .text = ALL("10"),
	.why = "commit_delay holds only while so many transactions are open"},
	{"wal", "min_wal_size", "GB",
		.formula = SAME(.of = TUNE_TWENTIETH,.high = 200),
	.why = "segments up to this are used again, not removed"},
	{"wal", "max_wal_size", "GB",
		.formula = SAME(.of = TUNE_TWENTIETH,.op = '*',.factor = 4,.high = 2000),
	.why = "checkpoints come by the clock, not by the amount of WAL"},
	{"wal", "max_slot_wal_keep_size", "GB",
		.formula = SAME(.of = TUNE_TWENTIETH,.op = '*',.factor = 6,.high = 3000),
	.why = "a replication slot that nobody reads cannot fill the disk"},
	{"wal", "checkpoint_timeout", .text = ALL("15min"),
	.why = "fewer full page images; a crash takes longer to recover from"},
	{"wal", "checkpoint_completion_target", .text = ALL("0.95"),
	.why = "writing is spread over nearly all the time until the next checkpoint"},

	/* ---- archiving ---- */
	{"archiving", "archive_mode", .text = ALL("on"),.applies = tune_archives,
	.why = "WAL goes to the repository of backups"},
	{"archiving", "archive_timeout", .text = ALL("300"),.applies = tune_archives,
	.why = "at most 5 minutes of work are not in the archive"},
	{"archiving", "archive_command", .value = tune_archive_command,.applies = tune_archives},

	/* ---- replication ---- */
	{"replication", "max_wal_senders", .text = ALL("50"),
	.why = "standbys, backups and logical subscribers, without a restart"},
	{"replication", "max_replication_slots", .text = ALL("50"),
	.why = "standbys and logical subscribers, without a restart"},
	{"replication", "max_logical_replication_workers", .text = ALL("8"),
	.why = "a subscription's tables are copied by several at a time"},
	{"replication", "max_sync_workers_per_subscription", .text = ALL("6"),
	.why = "a subscription's tables are copied by several at a time"},
	{"replication", "sync_replication_slots", .text = ALL("on"),.min_major = 17,
	.why = "logical slots survive a failover"},
	{"replication", "idle_replication_slot_timeout",
		.text = EACH("7d", "7d", "3d", "7d"),.min_major = 18,
	.why = "a forgotten slot lets go of its WAL"},
	{"replication", "hot_standby_feedback", .text = ALL("on"),
	.why = "queries on standbys are not cancelled by vacuum on the primary"},
	{"replication", "vacuum_defer_cleanup_age",
		.text = EACH(NULL, NULL, "500000", NULL),.max_major = 15,
	.why = "rows stay for the last 500000 transactions, for standbys that are behind"},
	{"replication", "max_standby_archive_delay", .text = ALL("10min"),
	.why = "how long a standby that reads the archive waits for its queries"},
	{"replication", "max_standby_streaming_delay", .text = ALL("3min"),
	.why = "how long a standby that streams waits for its queries"},
	{"replication", "wal_receiver_status_interval", .text = ALL("1s"),
	.why = "standbys tell often how far they are"},
	{"replication", "wal_receiver_timeout", .text = ALL("60s"),
	.why = "a standby notices a dead connection within a minute"},

	/* ---- vacuum ---- */
	{"vacuum", "vacuum_cost_delay", .text = EACH("20ms", "10ms", "20ms", "20ms"),
	.why = "vacuum pauses after so much work"},
	{"vacuum", "vacuum_cost_limit", .text = EACH("2000", "10000", "2000", "2000"),
	.why = "vacuum does so much between two pauses"},
	{"vacuum", "autovacuum_max_workers", .text = EACH("3", "3", "3", "2"),
	.why = "tables that are vacuumed at a time"},
	{"vacuum", "autovacuum_naptime", .text = ALL("1min"),
	.why = "how often each database is looked at"},
	{"vacuum", "autovacuum_vacuum_threshold", .text = EACH("500", "1000", "500", "500"),
	.why = "small tables are left alone for longer"},
	{"vacuum", "autovacuum_analyze_threshold", .text = EACH("250", "500", "250", "250"),
	.why = "small tables are left alone for longer"},
	{"vacuum", "autovacuum_vacuum_scale_factor", .text = EACH("0.08", "0.08", "0.08", NULL),
	.why = "large tables are vacuumed when 8 % of them changed, not 20 %"},
	{"vacuum", "autovacuum_analyze_scale_factor", .text = EACH("0.04", "0.04", "0.04", NULL),
	.why = "large tables are analyzed when 4 % of them changed, not 10 %"},
	{"vacuum", "autovacuum_vacuum_cost_delay", .text = ALL("-1"),
	.why = "as vacuum_cost_delay"},
	{"vacuum", "autovacuum_vacuum_cost_limit", .text = ALL("-1"),
	.why = "as vacuum_cost_limit"},
	{"vacuum", "autovacuum_freeze_max_age", .text = ALL("1000000000"),
	.why = "age at which tables are frozen by force: half of what there can be"},

	/* ---- logging ---- */
	{"logging", "logging_collector", .text = ALL("on"),
	.why = "the server writes its log itself, as CSV"},
	{"logging", "log_destination", .text = ALL("csvlog"),
	.why = "programs can read it"},
	{"logging", "log_directory", .value = tune_log_directory},
	{"logging", "log_filename", .text = ALL("postgresql-%a.log"),
	.why = "a file for each day of the week"},
	{"logging", "log_file_mode", .text = ALL("0640"),
	.why = "the group may read it"},
	{"logging", "log_rotation_age", .text = ALL("1d"),
	.why = "a file for each day of the week"},
	{"logging", "log_rotation_size", .text = ALL("0"),
	.why = "a file for each day of the week"},
	{"logging", "log_truncate_on_rotation", .text = ALL("on"),
	.why = "last week's file of the day is begun anew"},
	{"logging", "log_timezone", .text = ALL("UTC"),
	.why = "one clock for all logs"},
	{"logging", "log_checkpoints", .text = ALL("on"),
	.why = "what checkpoints cost"},
	{"logging", "log_lock_waits", .text = ALL("on"),
	.why = "who waits longer than deadlock_timeout, and for whom"},
	{"logging", "log_lock_failures", .text = EACH("on", NULL, "on", NULL),.min_major = 18,
	.why = "locks that NOWAIT did not get"},
	{"logging", "log_temp_files", .text = ALL("1024"),
	.why = "sorts and hashes that took more than 1 MB of disk (the number is in kB)"},
	{"logging", "log_replication_commands", .text = ALL("on"),
	.why = "who replicates"},
	{"logging", "log_statement", .text = ALL("ddl"),
	.why = "who changed which definition"},
	{"logging", "log_min_duration_statement", .text = EACH("100", "1000", "100", "100"),
	.why = "statements that took longer (milliseconds)"},
	{"logging", "log_connections",
		.text = EACH("authorization", "authorization", "receipt,authentication,authorization", NULL),
		.min_major = 18,
	.why = "who logs in"},
	{"logging", "log_connections", .text = EACH(NULL, NULL, "on", NULL),.max_major = 17,
	.why = "who logs in"},
	{"logging", "log_disconnections", .text = EACH(NULL, NULL, "on", NULL),
	.why = "who leaves, and after how long"},
	{"logging", "log_autovacuum_min_duration", .text = ALL("1s"),
	.why = "autovacuum's longer work"},

	/* ---- statistics ---- */
	{"statistics", "track_io_timing", .text = ALL("on"),
	.why = "time spent on reading and writing, in EXPLAIN and pg_stat_statements"},
	{"statistics", "track_cost_delay_timing", .text = EACH(NULL, "on", "on", NULL),.min_major = 18,
	.why = "how long vacuum was made to pause"},
	{"statistics", "track_functions", .text = ALL("all"),
	.why = "calls and time of functions"},
	{"statistics", "track_activity_query_size",
		.text = EACH("8192", "8192", "32768", "8192"),
	.why = "bytes of a statement that pg_stat_activity shows"},

	/* ---- libraries and their parameters ---- */
	{"libraries", "shared_preload_libraries", .value = tune_libraries},
	{"libraries", "pg_stat_statements.max", .text = EACH("10000", "10000", "10000", "2500"),
	.why = "statements that are told apart"},
	{"libraries", "pg_stat_statements.track", .text = ALL("all"),
	.why = "statements in functions, too"},
	{"libraries", "pg_stat_statements.track_utility", .text = ALL("off"),
	.why = "queries are counted, other statements are not"},
	{"libraries", "pg_stat_statements.track_planning", .text = ALL("off"),
	.why = "counting plans costs something in each query"},
	{"libraries", "auto_explain.log_min_duration", .text = ALL("1s"),
	.why = "plans of statements that took longer are logged"},
	{"libraries", "auto_explain.log_analyze", .text = ALL("on"),
	.why = "plans in the log have numbers of rows"},
	{"libraries", "auto_explain.log_verbose", .text = ALL("on"),
	.why = "plans in the log have columns"},
	{"libraries", "auto_explain.log_timing", .text = ALL("on"),
	.why = "plans in the log have times"},
	{"libraries", "auto_explain.log_nested_statements", .text = ALL("on"),
	.why = "statements in functions have their plans logged, too"},
	{"libraries", "pg_wait_sampling.profile_pid", .text = ALL("off"),
	.why = "waits are summed up over processes"},
	{"libraries", "pg_wait_sampling.profile_queries", .text = ALL("all"),
	.why = "waits are told apart by query"},
	{"libraries", "pg_wait_sampling.history_size", .text = ALL("100000"),
	.why = "waits that are kept one by one"},
	{"libraries", "timescaledb.telemetry_level", .text = ALL("off"),.library = "timescaledb",
	.why = "nothing is reported to its maker"},
	{"libraries", "timescaledb.max_background_workers",.library = "timescaledb",
	.formula = SAME(.of = TUNE_WORKERS)},
	{"libraries", "pgsodium.enable_event_trigger", .text = ALL("off"),.library = "pgsodium",
	.why = "it would hold up every change of a definition"},
	{"libraries", "duckdb.allow_community_extensions",
		.text = EACH("on", "on", NULL, "on"),.library = "pg_duckdb",
	.why = "extensions of others may be loaded"},
	{"libraries", "cron.database_name", .value = tune_cron_database},
};

const int	tune_nrows = lengthof(tune_rows);
