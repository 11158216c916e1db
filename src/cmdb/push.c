/*
 * push.c
 *		What is known of the servers that declarations are pushed to, and which
 *		of them are to be called.
 *
 * Not for: pushing (worker/), nor for what pgops_push comes to where several
 * groups disagree about it (spec/inventory.h).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/push.h"
#include "cmdb/query.h"

bool
cmdb_push_declared(void)
{
	CmdbQuery	query;
	bool		found;

	cmdb_begin(&query);
	found = cmdb_run(&query, "SELECT FROM pgops.variable AS v WHERE v.name = 'pgops_push' LIMIT 1",
					 NULL) > 0;
	cmdb_end(&query);
	return found;
}

/*
 * Groups above a cluster count if the cluster says nothing itself.  A cluster
 * whose rows are complete has one per target with the generation that was
 * tried; the group of several clusters is due as soon as one of them is.
 * Those that answered last time come first: should the dead ones be more than
 * are called at a time, the living need not wait for them.
 */
#define DUE_QUERY \
	"WITH RECURSIVE said AS (" \
	"  SELECT v.cluster, v.value::text NOT IN" \
	"    ('false', '\"false\"', '\"no\"', '\"off\"', '\"n\"', '\"f\"', '0', '\"0\"', 'null') AS wanted" \
	"  FROM pgops.variable AS v WHERE v.name = 'pgops_push' AND v.host IS NULL)," \
	" reached AS (" \
	"  SELECT s.cluster FROM said AS s WHERE s.wanted AND s.cluster IS NOT NULL" \
	"  UNION" \
	"  SELECT k.child FROM reached AS r JOIN pgops.child AS k ON k.parent = r.cluster)," \
	" candidate AS (" \
	"  SELECT c.name, p.count IS NULL OR p.tried <> c.generation OR p.next <= now() AS due," \
	"   p.next, p.attempts" \
	"  FROM pgops.cluster AS c" \
	"  LEFT JOIN (SELECT t.cluster, count(*), min(COALESCE(t.tried_generation, 0)) AS tried," \
	"     min(t.next_attempt) AS next, max(t.attempts) AS attempts" \
	"    FROM pgops.push_status AS t GROUP BY t.cluster) AS p" \
	"   ON p.cluster = c.name" \
	"  WHERE c.kind = 'pgsql' AND NOT c.paused" \
	"   AND (EXISTS (SELECT FROM said AS s WHERE s.wanted AND s.cluster IS NULL)" \
	"    OR c.name IN (SELECT r.cluster FROM reached AS r))" \
	"   AND NOT EXISTS (SELECT FROM said AS s WHERE NOT s.wanted AND s.cluster = c.name)" \
	"   AND (c.name IS DISTINCT FROM $1" \
	"    OR EXISTS (SELECT FROM pgops.variable AS v" \
	"     WHERE v.cluster = c.name AND v.host IS NOT NULL AND v.name = 'pg_cluster')))" \
	" SELECT d.name, d.due, d.next FROM candidate AS d WHERE d.due OR d.next IS NOT NULL" \
	" ORDER BY COALESCE(d.attempts, 0), d.name"

List *
cmdb_push_due(const char *local, TimestampTz *next)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *names = NIL;
	uint64		count;

	*next = 0;
	cmdb_begin(&query);
	cmdb_put_text(&args, local);
	count = cmdb_run(&query, DUE_QUERY, &args);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query.caller);
		TimestampTz time = cmdb_time(i, 3);

		if (cmdb_bool(i, 2))
			names = lappend(names, cmdb_text(&query, i, 1));
		else if (*next == 0 || time < *next)
			*next = time;
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return names;
}

List *
cmdb_push_clusters(void)
{
	CmdbQuery	query;
	List	   *names = NIL;
	uint64		count;

	cmdb_begin(&query);
	count = cmdb_run(&query,
					 "SELECT c.name FROM pgops.cluster AS c WHERE c.kind = 'pgsql'"
					 " ORDER BY (SELECT COALESCE(max(t.attempts), 0) FROM pgops.push_status AS t"
					 "  WHERE t.cluster = c.name), c.name", NULL);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		names = lappend(names, cmdb_text(&query, i, 1));
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return names;
}

static PushStatus *
read_status(CmdbQuery *query, uint64 row)
{
	PushStatus *status = MemoryContextAllocZero(query->caller, sizeof(PushStatus));

	status->cluster = cmdb_text(query, row, 1);
	status->pg_cluster = cmdb_text(query, row, 2);
	status->host = cmdb_text(query, row, 3);
	status->tried_generation = cmdb_int8(row, 4);
	status->pushed_generation = cmdb_int8(row, 5);
	status->remote_generation = cmdb_int8(row, 6);
	status->observed_generation = cmdb_int8(row, 7);
	status->phase = cmdb_text(query, row, 8);
	status->message = cmdb_text(query, row, 9);
	status->sqlstate = cmdb_text(query, row, 10);
	status->error = cmdb_text(query, row, 11);
	status->last_attempt = cmdb_time(row, 12);
	status->last_contact = cmdb_time(row, 13);
	status->attempts = cmdb_int4(row, 14);
	status->next_attempt = cmdb_time(row, 15);
	return status;
}

List *
cmdb_push_status(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *rows = NIL;
	uint64		count;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	count = cmdb_run(&query,
					 "SELECT t.cluster, t.pg_cluster, t.host, t.tried_generation,"
					 "  t.pushed_generation, t.remote_generation, t.observed_generation,"
					 "  t.phase, t.message, t.sqlstate, t.error, t.last_attempt,"
					 "  t.last_contact, t.attempts, t.next_attempt"
					 " FROM pgops.push_status AS t WHERE t.cluster = $1", &args);
	for (uint64 i = 0; i < count; i++)
	{
		PushStatus *status = read_status(&query, i);
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		rows = lappend(rows, status);
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return rows;
}

/* a number that is not known is a null */
static void
put_known(CmdbRow *row, int64 value)
{
	cmdb_put_int8(row, value);
	row->nulls[row->count - 1] = value == 0;
}

/*
 * The cluster may have been forgotten while its server was called: then there
 * is nothing to remember, and the foreign key must not raise.
 */
void
cmdb_push_store(const PushStatus *status)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_text(&args, status->cluster);
	cmdb_put_text(&args, status->pg_cluster);
	cmdb_put_text(&args, status->host);
	put_known(&args, status->tried_generation);
	put_known(&args, status->pushed_generation);
	put_known(&args, status->remote_generation);
	put_known(&args, status->observed_generation);
	cmdb_put_text(&args, status->phase);
	cmdb_put_text(&args, status->message);
	cmdb_put_text(&args, status->sqlstate);
	cmdb_put_text(&args, status->error);
	cmdb_put_time(&args, status->last_attempt);
	cmdb_put_time(&args, status->last_contact);
	cmdb_put_int4(&args, status->attempts);
	cmdb_put_time(&args, status->next_attempt);
	cmdb_run(&query,
			 "INSERT INTO pgops.push_status"
			 " (cluster, pg_cluster, host, tried_generation, pushed_generation,"
			 "  remote_generation, observed_generation, phase, message, sqlstate, error,"
			 "  last_attempt, last_contact, attempts, next_attempt)"
			 " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15"
			 " FROM pgops.cluster AS c WHERE c.name = $1 FOR KEY SHARE"
			 " ON CONFLICT (cluster, pg_cluster) DO UPDATE"
			 " SET host = excluded.host, tried_generation = excluded.tried_generation,"
			 "  pushed_generation = excluded.pushed_generation,"
			 "  remote_generation = excluded.remote_generation,"
			 "  observed_generation = excluded.observed_generation,"
			 "  phase = excluded.phase, message = excluded.message,"
			 "  sqlstate = excluded.sqlstate, error = excluded.error,"
			 "  last_attempt = excluded.last_attempt, last_contact = excluded.last_contact,"
			 "  attempts = excluded.attempts, next_attempt = excluded.next_attempt", &args);
	cmdb_end(&query);
}

void
cmdb_push_retain(const char *cluster, List *pg_clusters)
{
	static const CmdbColumn columns[] = {{"pg_cluster", TEXTOID}};
	CmdbQuery	query;
	CmdbRow		args = {0};
	CmdbRowSet *set;
	ListCell   *cell;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "kept", columns, lengthof(columns));
	foreach(cell, pg_clusters)
	{
		CmdbRow		row = {0};

		cmdb_put_text(&row, lfirst(cell));
		cmdb_row_set_add(set, &row);
	}
	cmdb_put_text(&args, cluster);
	cmdb_run(&query,
			 "DELETE FROM pgops.push_status AS t WHERE t.cluster = $1"
			 " AND t.pg_cluster NOT IN (SELECT k.pg_cluster FROM kept AS k)", &args);
	cmdb_end(&query);
}
