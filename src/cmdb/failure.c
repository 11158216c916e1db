/*
 * failure.c
 *		Actions that failed, and when they are tried again.
 *
 * Not for: when that is (worker/).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/log.h"
#include "cmdb/query.h"

static const CmdbColumn failure_columns[] = {
	{"rule", TEXTOID}, {"kind", TEXTOID}, {"name", TEXTOID}, {"database", TEXTOID},
	{"statement", TEXTOID}, {"attempts", INT4OID}, {"next_attempt", TIMESTAMPTZOID},
	{"sqlstate", TEXTOID}, {"message", TEXTOID}, {"hint", TEXTOID}
};

/* equalities first, so that the sets are joined by hashing */
#define SAME_FAILURE \
	"n.rule = f.rule AND n.kind = f.kind AND n.name = f.name" \
	" AND (n.database, n.statement, n.attempts, n.next_attempt, n.sqlstate, n.message, n.hint)" \
	" IS NOT DISTINCT FROM" \
	" (f.database, f.statement, f.attempts, f.next_attempt, f.sqlstate, f.message, f.hint)"

/*
 * SQLSTATE as the server's packed number, 0 if the row does not hold five
 * characters: nobody can write there but superusers, and one who did must not
 * crash the coordinator.
 */
static Failure *
read_failure(CmdbQuery *query, uint64 row)
{
	Failure    *failure = MemoryContextAllocZero(query->caller, sizeof(Failure));
	char	   *sqlstate = cmdb_text(query, row, 8);

	failure->rule = cmdb_text(query, row, 1);
	failure->kind = cmdb_text(query, row, 2);
	failure->name = cmdb_text(query, row, 3);
	failure->database = cmdb_text(query, row, 4);
	failure->statement = cmdb_text(query, row, 5);
	failure->attempts = cmdb_int4(row, 6);
	failure->next_attempt = cmdb_time(row, 7);
	if (strlen(sqlstate) == 5)
		failure->sqlstate = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
										  sqlstate[3], sqlstate[4]);
	failure->message = cmdb_text(query, row, 9);
	failure->hint = cmdb_text(query, row, 10);
	return failure;
}

/*
 * Sorted by what identifies a failure, so that a pass finds its earlier attempts
 * in a stable order.  Empty if the last pass went well, which is the usual case.
 */
List *
cmdb_failures(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *failures = NIL;
	uint64		count;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	count = cmdb_run(&query,
					 "SELECT f.rule, f.kind, f.name, f.database, f.statement, f.attempts,"
					 "  f.next_attempt, f.sqlstate, f.message, f.hint"
					 " FROM pgops.failure AS f WHERE f.cluster = $1"
					 " ORDER BY f.kind, f.name, f.database, f.rule, f.statement", &args);
	for (uint64 i = 0; i < count; i++)
	{
		Failure    *failure = read_failure(&query, i);
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		failures = lappend(failures, failure);
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return failures;
}

/*
 * The statement is the redacted one: it is compared with the next plan's, which
 * is redacted in the same way, to see whether the same thing failed again.
 */
static void
add_failure(CmdbRowSet *set, const Failure *failure)
{
	CmdbRow		row = {0};

	cmdb_put_text(&row, failure->rule);
	cmdb_put_text(&row, failure->kind);
	cmdb_put_text(&row, failure->name);
	cmdb_put_text(&row, failure->database);
	cmdb_put_text(&row, failure->statement);
	cmdb_put_int4(&row, failure->attempts);
	cmdb_put_time(&row, failure->next_attempt);
	cmdb_put_text(&row, unpack_sql_state(failure->sqlstate));
	cmdb_put_text(&row, failure->message);
	cmdb_put_text(&row, failure->hint);
	cmdb_row_set_add(set, &row);
}

/*
 * Whole rows are compared and only changed ones are written: a pass that fails
 * the same way every minute must not leave a dead row per failure and minute.
 * DISTINCT, since two steps of one plan may fail with the same statement.
 */
void
cmdb_failures_store(const char *cluster, List *failures)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	CmdbRow		args = {0};
	ListCell   *lc;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "new_failure", failure_columns, lengthof(failure_columns));
	foreach(lc, failures)
		add_failure(set, lfirst(lc));

	cmdb_put_text(&args, cluster);
	cmdb_run(&query,
			 "DELETE FROM pgops.failure AS f WHERE f.cluster = $1"
			 " AND NOT EXISTS (SELECT FROM new_failure AS n WHERE " SAME_FAILURE ")", &args);
	if (failures != NIL)
		cmdb_run(&query,
				 "INSERT INTO pgops.failure"
				 " (cluster, rule, kind, name, database, statement, attempts, next_attempt,"
				 "  sqlstate, message, hint)"
				 " SELECT DISTINCT $1, n.rule, n.kind, n.name, n.database, n.statement,"
				 "  n.attempts, n.next_attempt, n.sqlstate, n.message, n.hint"
				 " FROM new_failure AS n"
				 " WHERE NOT EXISTS (SELECT FROM pgops.failure AS f"
				 "  WHERE f.cluster = $1 AND " SAME_FAILURE ")", &args);
	cmdb_end(&query);
}
