/*
 * maintain_choose.c
 *		What needs maintenance in a database: one query per kind, on catalogs and
 *		statistics, so that people can run it and see (pgops.maintenance()).
 *
 * Whoever runs them has pg_catalog alone in the search_path.  Sizes are asked for
 * last, of what was chosen, and not of what somebody has locked: asking for the
 * size of a table waits for its lock.
 *
 * Not for: doing it (maintain_run.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "compat.h"
#include "ops/maintain.h"

/*
 * What all of them have: o, the options; g, settings; locked, tables with an
 * exclusive lock on them or on one of their indexes; rel, tables.
 *
 * vacuum_at and analyze_at are the numbers of rows at which autovacuum would come.
 */
static const char *const common =
"g AS MATERIALIZED (\n"
"	SELECT current_setting('block_size')::float8 AS block,\n"
"		   current_setting('autovacuum_vacuum_threshold')::float8 AS vacuum_base,\n"
"		   current_setting('autovacuum_vacuum_scale_factor')::float8 AS vacuum_scale,\n"
"		   CASE WHEN current_setting('autovacuum_vacuum_max_threshold', true)::float8 >= 0\n"
"				THEN current_setting('autovacuum_vacuum_max_threshold', true)::float8\n"
"				ELSE 'infinity' END AS vacuum_most,\n"
"		   current_setting('autovacuum_analyze_threshold')::float8 AS analyze_base,\n"
"		   current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_scale,\n"
"		   current_setting('autovacuum_freeze_max_age')::float8 AS xid_limit,\n"
"		   current_setting('autovacuum_multixact_freeze_max_age')::float8 AS mxid_limit\n"
"), locked AS MATERIALIZED (\n"
"	SELECT unnest(ARRAY[l.relation, i.indrelid]) AS relid\n"
"	FROM pg_locks l\n"
"	LEFT JOIN pg_index i ON i.indexrelid = l.relation\n"
"	WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'\n"
"	  AND l.pid IS DISTINCT FROM pg_backend_pid()\n"
"	  AND l.database IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))\n"
"), rel AS (\n"
"	SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS name,\n"
"		   greatest(least(COALESCE(p.vacuum_base, g.vacuum_base)\n"
"						  + COALESCE(p.vacuum_scale, g.vacuum_scale) * greatest(c.reltuples, 0),\n"
"						  g.vacuum_most), 1) AS vacuum_at,\n"
"		   greatest(COALESCE(p.analyze_base, g.analyze_base)\n"
"					+ COALESCE(p.analyze_scale, g.analyze_scale) * greatest(c.reltuples, 0), 1)\n"
"			   AS analyze_at,\n"
"		   least(p.xid_limit, g.xid_limit) AS xid_limit,\n"
"		   least(p.mxid_limit, g.mxid_limit) AS mxid_limit,\n"
"		   COALESCE(p.fillfactor, 100) AS fillfactor,\n"
"		   g.block\n"
"	FROM pg_class c\n"
"	JOIN pg_namespace n ON n.oid = c.relnamespace\n"
"	CROSS JOIN g\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (\n"
"		SELECT max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'autovacuum_analyze_threshold')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'autovacuum_analyze_scale_factor')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'autovacuum_freeze_max_age')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'autovacuum_multixact_freeze_max_age')::float8,\n"
"			   max(option_value) FILTER (WHERE option_name = 'fillfactor')::float8\n"
"		FROM pg_options_to_table(c.reloptions))\n"
"		AS p (vacuum_base, vacuum_scale, analyze_base, analyze_scale, xid_limit, mxid_limit, fillfactor)\n"
"	WHERE c.relpersistence <> 't'\n"
"	  AND c.relpages * g.block >= pg_size_bytes(o.min_size)\n"
"), ";

/*
 * Dead rows (of the table or of its TOAST table), as a share of the number at
 * which autovacuum would come; or it was never vacuumed, as far as can be known.
 */
static const char *const choose_vacuum =
"found AS (\n"
"	SELECT r.oid, r.name, r.relpages, r.block, 'VACUUM (SKIP_LOCKED' || o.vacuum || ') ' || r.name AS statement,\n"
"		   greatest(d.dead / r.vacuum_at, t.dead / t.vacuum_at) AS urgency,\n"
"		   CASE WHEN greatest(d.dead / r.vacuum_at, t.dead / t.vacuum_at) > o.threshold\n"
"				THEN format('%s dead rows, %s live', d.dead + COALESCE(t.dead, 0),\n"
"							pg_stat_get_live_tuples(r.oid))\n"
"				ELSE 'never vacuumed' END AS reason\n"
"	FROM rel r\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (SELECT pg_stat_get_dead_tuples(r.oid)) AS d (dead)\n"
"	LEFT JOIN LATERAL (\n"
"		SELECT pg_stat_get_dead_tuples(s.oid),\n"
"			   greatest(g.vacuum_base + g.vacuum_scale * greatest(s.reltuples, 0), 1)\n"
"		FROM pg_class s CROSS JOIN g\n"
"		WHERE s.oid = r.reltoastrelid) AS t (dead, vacuum_at) ON true\n"
"	WHERE r.relkind IN ('r', 'm')\n"
"	  AND (greatest(d.dead / r.vacuum_at, t.dead / t.vacuum_at) > o.threshold\n"
"		   OR r.relallvisible = 0\n"
"			  AND (r.relpages > 0 OR pg_stat_get_live_tuples(r.oid) > 0)\n"
"			  AND pg_stat_get_vacuum_count(r.oid) + pg_stat_get_autovacuum_count(r.oid) = 0)\n"
")";

/*
 * Age of the oldest row, as a share of the age at which the server insists.  Shared
 * catalogs have an age of their own in each database.
 */
static const char *const choose_freeze =
"found AS (\n"
"	SELECT r.oid, r.name, r.relpages, r.block,\n"
"		   'VACUUM (FREEZE, SKIP_LOCKED' || o.vacuum || ') ' || r.name AS statement,\n"
"		   a.urgency,\n"
"		   format('oldest transaction %s, multixact %s old', a.xid, a.mxid) AS reason\n"
"	FROM rel r\n"
"	CROSS JOIN o\n"
"	LEFT JOIN pg_class t ON t.oid = r.reltoastrelid\n"
"	CROSS JOIN LATERAL (\n"
"		SELECT greatest(age(r.relfrozenxid), age(t.relfrozenxid)),\n"
"			   greatest(mxid_age(r.relminmxid), mxid_age(t.relminmxid)),\n"
"			   greatest(age(r.relfrozenxid) / r.xid_limit, age(t.relfrozenxid) / r.xid_limit,\n"
"						mxid_age(r.relminmxid) / r.mxid_limit,\n"
"						mxid_age(t.relminmxid) / r.mxid_limit)) AS a (xid, mxid, urgency)\n"
"	WHERE r.relkind IN ('r', 'm') AND r.relfrozenxid <> '0' AND a.urgency > o.threshold\n"
")";

/*
 * Changed rows as a share of the number at which autovacuum would come; or it has
 * no statistics.  autovacuum never comes to a partitioned table: that counts
 * as changed when so many rows of its partitions are, or when one of them was analyzed
 * since.  ANALYZE of it does its partitions, too.
 */
static const char *const choose_analyze =
"stale AS (\n"
"	SELECT r.oid, r.name, r.relpages, r.block, r.relispartition,\n"
"		   c.changed / r.analyze_at AS urgency,\n"
"		   CASE WHEN c.changed > o.threshold * r.analyze_at\n"
"				THEN format('%s changed rows of about %s', c.changed, greatest(r.reltuples, c.live)::int8)\n"
"				WHEN c.last IS NULL THEN 'never analyzed'\n"
"				ELSE 'its partitions were analyzed since' END AS reason\n"
"	FROM rel r\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (\n"
"		SELECT sum(pg_stat_get_mod_since_analyze(x.relid)) AS changed,\n"
"			   sum(pg_stat_get_live_tuples(x.relid)) AS live,\n"
"			   greatest(pg_stat_get_last_analyze_time(r.oid),\n"
"						pg_stat_get_last_autoanalyze_time(r.oid)) AS last,\n"
"			   max(greatest(pg_stat_get_last_analyze_time(x.relid),\n"
"							pg_stat_get_last_autoanalyze_time(x.relid))) AS last_leaf\n"
"		FROM (SELECT r.oid WHERE r.relkind <> 'p'\n"
"			  UNION ALL\n"
"			  SELECT p.relid FROM pg_partition_tree(CASE WHEN r.relkind = 'p' THEN r.oid END) p\n"
"			  WHERE p.isleaf) AS x (relid)) AS c\n"
"	WHERE r.relkind IN ('r', 'm', 'p') AND r.oid <> 'pg_statistic'::regclass\n"
"	  AND (c.changed > o.threshold * r.analyze_at\n"
"		   OR c.last IS NULL AND c.live > 0\n"
"			  AND NOT EXISTS (SELECT FROM pg_statistic s\n"
"							  WHERE s.starelid = r.oid AND s.stainherit = (r.relkind = 'p'))\n"
"		   OR r.relkind = 'p' AND c.last < c.last_leaf)\n"
"), found AS (\n"
"	SELECT s.oid, s.name, s.relpages, s.block, 'ANALYZE (SKIP_LOCKED) ' || s.name AS statement,\n"
"		   s.urgency, s.reason\n"
"	FROM stale s\n"
"	WHERE NOT (s.relispartition AND EXISTS (\n"
"		SELECT FROM pg_partition_ancestors(s.oid) a JOIN stale p ON p.oid = a.relid\n"
"		WHERE a.relid <> s.oid))\n"
")";

/*
 * Bloat of a table: the share of its pages that its rows would not need if they
 * were written anew.
 *
 *		row = align(header 23 + bitmap of nulls if there are any)
 *			+ align(sum over columns of (share of not null * (width + padding)))
 *			+ line pointer 4
 *		pages = rows / ((block - page header 24) * fillfactor / row)
 *
 * width is the type's, or the average that ANALYZE has found; padding is on the
 * average half of what the type's alignment could take when the column before is aligned
 * to less.  A table without statistics is not judged.  Only a table with a key of
 * columns that are not null can be repacked.
 */
static const char *const choose_repack =
"estimate AS (\n"
"	SELECT r.*, w.row_bytes,\n"
"		   1 - ceil(r.reltuples / ((r.block - 24) * r.fillfactor / 100 / w.row_bytes)) / r.relpages AS bloat\n"
"	FROM rel r\n"
"	CROSS JOIN LATERAL (\n"
"		SELECT 4 + 8 * ceil((23 + CASE WHEN bool_or(a.nullfrac > 0) THEN (count(*) + 7) / 8 ELSE 0 END) / 8.0)\n"
"				 + 8 * ceil(sum((1 - a.nullfrac) * (a.width\n"
"							+ CASE WHEN a.align > a.before THEN (a.align - a.before) / 2.0 ELSE 0 END)) / 8)\n"
"				   AS row_bytes,\n"
"			   bool_and(a.known) AS known\n"
"		FROM (SELECT COALESCE(s.stanullfrac, 0) AS nullfrac,\n"
"					 CASE WHEN t.attlen > 0 THEN t.attlen ELSE s.stawidth END AS width,\n"
"					 t.attlen > 0 OR s.stawidth IS NOT NULL AS known,\n"
"					 x.align, lag(x.align, 1, 8) OVER (ORDER BY t.attnum) AS before\n"
"			  FROM pg_attribute t\n"
"			  LEFT JOIN pg_statistic s ON s.starelid = t.attrelid AND s.staattnum = t.attnum\n"
"									  AND NOT s.stainherit\n"
"			  CROSS JOIN LATERAL (SELECT CASE WHEN t.attlen < 0 THEN 1\n"
"				ELSE CASE t.attalign WHEN 'd' THEN 8 WHEN 'i' THEN 4 WHEN 's' THEN 2 ELSE 1 END END)\n"
"				AS x (align)\n"
"			  WHERE t.attrelid = r.oid AND t.attnum > 0 AND NOT t.attisdropped) AS a) AS w\n"
"	WHERE r.relkind = 'r' AND r.relpersistence = 'p' AND r.relpages > 0 AND r.reltuples >= 0 AND w.known\n"
"	  AND r.relam = (SELECT oid FROM pg_am WHERE amname = 'heap')\n"
"	  AND r.nspname NOT IN ('pg_catalog', 'information_schema', 'repack', 'pgops')\n"
"), found AS (\n"
"	SELECT e.oid, e.name, e.relpages, e.block,\n"
"		   CASE WHEN k.has THEN e.name END AS statement, e.bloat AS urgency,\n"
"		   format('%s %% of its pages are not needed%s', round((100 * e.bloat)::numeric),\n"
"				  CASE WHEN k.has THEN '' ELSE ', but pg_repack needs a primary key or a unique key that is not null' END)\n"
"			   AS reason\n"
"	FROM estimate e\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (SELECT EXISTS (\n"
"		SELECT FROM pg_index i\n"
"		WHERE i.indrelid = e.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL\n"
"		  AND 0 <> ALL (i.indkey)\n"
"		  AND NOT EXISTS (SELECT FROM pg_attribute a\n"
"						  WHERE a.attrelid = e.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull))) AS k (has)\n"
"	WHERE e.bloat > o.threshold\n"
")";

/*
 * Bloat of a B-tree likewise:
 *
 *		entry = align(header 8, 16 if there are nulls) + align(sum of widths) + line pointer 4
 *		pages = entries / floor((block - 24 - 16) * fillfactor (90) / entry), 0.5 % for
 *				inner pages, the meta page
 *
 * Duplicates that the server has merged make an index smaller than this, so that
 * it is chosen later, never without need.  Invalid indexes come first; not what
 * cannot be rebuilt while it is used: catalogs, exclusion constraints.  What
 * somebody else works on is not waited for.
 */
static const char *const choose_reindex =
"estimate AS (\n"
"	SELECT i.oid, format('%I.%I', r.nspname, i.relname) AS name, r.oid AS tableid, i.relpages, r.block,\n"
"		   x.indisvalid AND x.indisready AS valid,\n"
"		   CASE WHEN w.known AND i.relpages > 0 AND i.reltuples >= 0 THEN\n"
"			   1 - (ceil(i.reltuples / floor((r.block - 40) * w.fillfactor / 100 / w.entry)) * 1.005 + 1)\n"
"				   / i.relpages END AS bloat\n"
"	FROM (SELECT * FROM pg_class WHERE relkind IN ('r', 'm') AND relpersistence <> 't') AS t\n"
"	JOIN pg_namespace n ON n.oid = t.relnamespace\n"
"	CROSS JOIN LATERAL (SELECT t.oid, n.nspname, g.block FROM g) AS r\n"
"	JOIN pg_index x ON x.indrelid = r.oid\n"
"	JOIN pg_class i ON i.oid = x.indexrelid AND i.relkind = 'i'\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (\n"
"		SELECT 4 + CASE WHEN bool_or(a.nullfrac > 0) THEN 16 ELSE 8 END\n"
"				 + 8 * ceil(sum((1 - a.nullfrac) * a.width) / 8) AS entry,\n"
"			   bool_and(a.known) AND bool_and(m.amname = 'btree') AS known,\n"
"			   COALESCE((SELECT option_value::float8 FROM pg_options_to_table(i.reloptions)\n"
"						 WHERE option_name = 'fillfactor'), 90) AS fillfactor\n"
"		FROM pg_am m\n"
"		CROSS JOIN LATERAL (\n"
"			SELECT COALESCE(s.stanullfrac, 0) AS nullfrac,\n"
"				   CASE WHEN c.attlen > 0 THEN c.attlen ELSE s.stawidth END AS width,\n"
"				   c.attlen > 0 OR s.stawidth IS NOT NULL AS known\n"
"			FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)\n"
"			JOIN pg_attribute c ON c.attrelid = i.oid AND c.attnum = k.place\n"
"			LEFT JOIN pg_statistic s ON NOT s.stainherit\n"
"				AND s.starelid = CASE WHEN k.attnum = 0 THEN i.oid ELSE x.indrelid END\n"
"				AND s.staattnum = CASE WHEN k.attnum = 0 THEN k.place ELSE k.attnum END) AS a\n"
"		WHERE m.oid = i.relam) AS w\n"
"	WHERE NOT x.indisexclusion\n"
"	  AND r.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')\n"
"	  AND (NOT (x.indisvalid AND x.indisready) OR i.relpages * r.block >= pg_size_bytes(o.min_size))\n"
"), found AS (\n"
"	SELECT e.oid, e.name, e.relpages, e.block,\n"
"		   CASE WHEN NOT b.busy THEN 'REINDEX INDEX CONCURRENTLY ' || e.name END AS statement,\n"
"		   CASE WHEN e.valid THEN e.bloat ELSE 2 END AS urgency,\n"
"		   CASE WHEN b.busy THEN 'locked by another session'\n"
"				WHEN e.valid THEN format('%s %% of its pages are not needed', round((100 * e.bloat)::numeric))\n"
"				ELSE 'invalid' END AS reason\n"
"	FROM estimate e\n"
"	CROSS JOIN o\n"
"	CROSS JOIN LATERAL (SELECT EXISTS (\n"
"		SELECT FROM pg_locks l\n"
"		WHERE l.locktype = 'relation' AND l.relation IN (e.tableid, e.oid)\n"
"		  AND l.pid IS DISTINCT FROM pg_backend_pid()\n"
"		  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())\n"
"		  AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))) AS b (busy)\n"
"	WHERE NOT e.valid OR e.bloat > o.threshold\n"
")";

/* urgency, then name: the same choice twice in the same state */
static const char *const ending =
"\n"
"SELECT f.name, f.statement, f.reason,\n"
"	   CASE WHEN EXISTS (SELECT FROM locked l WHERE l.relid = f.oid) THEN (f.relpages * f.block)::int8\n"
"			ELSE COALESCE(pg_total_relation_size(f.oid), 0) END AS bytes\n"
"FROM found f\n"
"ORDER BY f.urgency DESC NULLS LAST, f.name COLLATE \"C\"";

/*
 * What a broken off REINDEX CONCURRENTLY leaves: an invalid copy of an index that
 * is there, too.  Not one that is being built now; TOAST's are left in the same way.
 */
static const char *const leftover_reindex =
"SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname) AS statement\n"
"FROM pg_index x\n"
"JOIN pg_class c ON c.oid = x.indexrelid AND c.relkind = 'i' AND c.relpersistence <> 't'\n"
"JOIN pg_namespace n ON n.oid = c.relnamespace\n"
"WHERE NOT x.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'\n"
"  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)\n"
"  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p\n"
"				  WHERE p.datname = current_database() AND p.relid = x.indrelid)\n"
"  AND EXISTS (SELECT FROM pg_index y JOIN pg_class d ON d.oid = y.indexrelid\n"
"			  WHERE y.indrelid = x.indrelid AND y.indexrelid <> x.indexrelid\n"
"				AND (y.indisvalid OR d.relname !~ '_cc(new|old)[0-9]*$')\n"
"				AND y.indkey = x.indkey AND y.indclass = x.indclass\n"
"				AND y.indcollation = x.indcollation AND y.indoption = x.indoption\n"
"				AND pg_get_expr(y.indexprs, y.indrelid) IS NOT DISTINCT FROM pg_get_expr(x.indexprs, x.indrelid)\n"
"				AND pg_get_expr(y.indpred, y.indrelid) IS NOT DISTINCT FROM pg_get_expr(x.indpred, x.indrelid))";

/* columns of a progress query: phase, done and total in bytes; null in a phase that blocks do not measure */
#define BLOCKS(done, total) \
	done " * current_setting('block_size')::int8, " total " * current_setting('block_size')::int8"

static const char *const progress_vacuum =
"SELECT phase, "
BLOCKS("CASE phase WHEN 'scanning heap' THEN heap_blks_scanned WHEN 'vacuuming heap' THEN heap_blks_vacuumed END",
	   "CASE WHEN phase IN ('scanning heap', 'vacuuming heap') THEN heap_blks_total END")
" FROM pg_stat_progress_vacuum WHERE pid = $1";

static const char *const progress_analyze =
"SELECT phase, " BLOCKS("sample_blks_scanned", "CASE WHEN phase ~ '^acquiring' THEN sample_blks_total END")
" FROM pg_stat_progress_analyze WHERE pid = $1";

static const char *const progress_reindex =
"SELECT phase, " BLOCKS("blocks_done", "blocks_total")
" FROM pg_stat_progress_create_index WHERE pid = $1";

/*
 * REINDEX CONCURRENTLY waits for transactions that are older than it, which stops
 * nobody; when one of them takes longer than this, the index is left for another night.
 */
#define REINDEX_LOCK_TIMEOUT	"SET lock_timeout = '60s'"

const MaintainKind maintain_kinds[] = {
	{.name = "vacuum",.objects = "tables",.threshold = "min_dead",.threshold_default = "0.5",
		.min_size_default = "0",.choose = choose_vacuum,.progress = progress_vacuum,
	.vacuums = true,.shrinks = true},
	{.name = "freeze",.objects = "tables",.threshold = "min_age",.threshold_default = "0.4",
		.min_size_default = "0",.choose = choose_freeze,.progress = progress_vacuum,
	.vacuums = true,.by_age = true},
	{.name = "analyze",.objects = "tables",.threshold = "min_changed",.threshold_default = "0.5",
	.min_size_default = "0",.choose = choose_analyze,.progress = progress_analyze},
	{.name = "repack",.objects = "tables",.threshold = "min_bloat",.threshold_default = "0.5",
	.min_size_default = "64MB",.choose = choose_repack,.shrinks = true,.program = true},
	{.name = "reindex",.objects = "indexes",.threshold = "min_bloat",.threshold_default = "0.5",
		.min_size_default = "16MB",.choose = choose_reindex,.prelude = REINDEX_LOCK_TIMEOUT,
	.leftover = leftover_reindex,.progress = progress_reindex,.shrinks = true},
	{NULL}
};

const MaintainKind *
maintain_kind(const char *name)
{
	for (const MaintainKind *kind = maintain_kinds; kind->name != NULL; kind++)
	{
		if (strcmp(kind->name, name) == 0)
			return kind;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no kind of maintenance \"%s\"", name),
			 errhint("It is one of vacuum, freeze, analyze, repack, reindex.")));
}

/*
 * Since 16 the age of the database need not be found out after each table, which
 * reads pg_class each time, but once at the end.
 */
static const struct
{
	int			min_major;
	const char *option;
	const char *finale;
}			database_stats[] = {
	{16, ", SKIP_DATABASE_STATS", "VACUUM (ONLY_DATABASE_STATS)"},
	{0, "", NULL},
};

static int
database_stats_row(void)
{
	int			row = 0;

	while (database_stats[row].min_major > PGOPS_SERVER_MAJOR)
		row++;
	return row;
}

const char *
maintain_finale(const MaintainKind *kind)
{
	return kind->vacuums ? database_stats[database_stats_row()].finale : NULL;
}

/* options of VACUUM beyond those of the kind, each after a comma */
static char *
vacuum_options(const MaintainOptions *options)
{
	const char *stats = database_stats[database_stats_row()].option;

	if (options->parallel >= 0)
		return psprintf(", PARALLEL %d%s", options->parallel, stats);
	return pstrdup(stats);
}

char *
maintain_choose(const MaintainKind *kind, const MaintainOptions *options, int64 limit)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out,
					 "WITH o AS MATERIALIZED (\n"
					 "	SELECT %s::float8 AS threshold, %s AS min_size, %s AS vacuum\n"
					 "), %s%s%s",
					 quote_literal_cstr(options->threshold),
					 quote_literal_cstr(options->min_size),
					 quote_literal_cstr(vacuum_options(options)),
					 common, kind->choose, ending);
	if (limit > 0)
		appendStringInfo(&out, "\nLIMIT " INT64_FORMAT, limit);
	return out.data;
}
