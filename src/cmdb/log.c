/*
 * log.c
 *		The action log: what was done, with its result.
 *
 * Not for: what is to be tried again (failure.c), nor what holds (status.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/log.h"
#include "cmdb/query.h"

static const CmdbColumn entry_columns[] = {
	{"ordinal", INT4OID}, {"step", INT4OID}, {"kind", TEXTOID}, {"name", TEXTOID},
	{"database", TEXTOID}, {"action", TEXTOID}, {"destructive", BOOLOID},
	{"statement", TEXTOID}, {"reason", TEXTOID}, {"rule", TEXTOID}, {"state", TEXTOID},
	{"sqlstate", TEXTOID}, {"message", TEXTOID}, {"detail", TEXTOID}, {"hint", TEXTOID},
	{"started_at", TIMESTAMPTZOID}, {"finished_at", TIMESTAMPTZOID}
};

static const CmdbColumn result_columns[] = {
	{"id", INT8OID}, {"state", TEXTOID}, {"sqlstate", TEXTOID}, {"message", TEXTOID},
	{"detail", TEXTOID}, {"hint", TEXTOID}, {"started_at", TIMESTAMPTZOID},
	{"finished_at", TIMESTAMPTZOID}
};

/* deleting old rows must not make one pass long */
#define EXPIRE_AT_MOST	"10000"

/*
 * In the order in which result_columns and the tail of entry_columns have them.
 */
static void
put_result(CmdbRow *row, const LogEntry *entry)
{
	cmdb_put_text(row, entry->state);
	cmdb_put_text(row, entry->sqlstate ? unpack_sql_state(entry->sqlstate) : NULL);
	cmdb_put_text(row, entry->message);
	cmdb_put_text(row, entry->detail);
	cmdb_put_text(row, entry->hint);
	cmdb_put_time(row, entry->started);
	cmdb_put_time(row, entry->finished);
}

/* The entry's texts may be in the memory of a pass; the set copies them. */
static void
add_entry(CmdbRowSet *set, int ordinal, const LogEntry *entry)
{
	CmdbRow		row = {0};

	cmdb_put_int4(&row, ordinal);
	cmdb_put_int4(&row, entry->step);
	cmdb_put_text(&row, entry->kind);
	cmdb_put_text(&row, entry->name);
	cmdb_put_text(&row, entry->database);
	cmdb_put_text(&row, entry->action);
	cmdb_put_bool(&row, entry->destructive);
	cmdb_put_text(&row, entry->statement);
	cmdb_put_text(&row, entry->reason);
	cmdb_put_text(&row, entry->rule);
	put_result(&row, entry);
	cmdb_row_set_add(set, &row);
}

/*
 * Ids are drawn in the order of the list and come back in it: the rows are
 * sorted before the identity column gets its value.
 */
void
cmdb_log_insert(const char *cluster, int64 generation, int64 pass, List *entries)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	CmdbRow		args = {0};
	uint64		count;
	int			ordinal = 0;
	ListCell   *lc;

	if (entries == NIL)
		return;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "entry", entry_columns, lengthof(entry_columns));
	foreach(lc, entries)
		add_entry(set, ++ordinal, lfirst(lc));

	cmdb_put_text(&args, cluster);
	cmdb_put_int8(&args, generation);
	cmdb_put_int8(&args, pass);
	count = cmdb_run(&query,
					 "INSERT INTO pgops.action_log"
					 " (cluster, generation, pass, step, kind, name, database, action,"
					 "  destructive, statement, reason, rule, state, sqlstate, message,"
					 "  detail, hint, started_at, finished_at)"
					 " SELECT $1, $2, $3, e.step, e.kind, e.name, e.database, e.action,"
					 "  e.destructive, e.statement, e.reason, e.rule, e.state, e.sqlstate,"
					 "  e.message, e.detail, e.hint, COALESCE(e.started_at, clock_timestamp()),"
					 "  e.finished_at"
					 " FROM entry AS e ORDER BY e.ordinal"
					 " RETURNING id", &args);
	if (count != list_length(entries))
		elog(ERROR, "the action log took " UINT64_FORMAT " of %d rows",
			 count, list_length(entries));
	for (uint64 i = 0; i < count; i++)
		((LogEntry *) list_nth(entries, (int) i))->id = cmdb_int8(i, 1);
	cmdb_end(&query);
}

/*
 * A row that retention deleted meanwhile is simply not found: how an action
 * ended is no reason to fail a pass.
 */
void
cmdb_log_finish(List *entries)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	ListCell   *lc;

	if (entries == NIL)
		return;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "result", result_columns, lengthof(result_columns));
	foreach(lc, entries)
	{
		LogEntry   *entry = lfirst(lc);
		CmdbRow		row = {0};

		cmdb_put_int8(&row, entry->id);
		put_result(&row, entry);
		cmdb_row_set_add(set, &row);
	}
	cmdb_run(&query,
			 "UPDATE pgops.action_log AS l"
			 " SET state = r.state, sqlstate = r.sqlstate, message = r.message,"
			 "  detail = r.detail, hint = r.hint,"
			 "  started_at = COALESCE(r.started_at, l.started_at),"
			 "  finished_at = r.finished_at"
			 " FROM result AS r WHERE l.id = r.id", NULL);
	cmdb_end(&query);
}

/*
 * Called once per life of the coordinator, before anything is done.  Whether the
 * action took effect is not known and not needed: the next observation shows it.
 * A reload leaves no trace to observe, so that one is asked to be repeated.
 */
int
cmdb_log_interrupt(bool *reload)
{
	CmdbQuery	query;
	uint64		count;

	*reload = false;
	cmdb_begin(&query);
	count = cmdb_run(&query,
					 "UPDATE pgops.action_log AS l"
					 " SET state = 'interrupted', finished_at = clock_timestamp()"
					 " WHERE l.state = 'running'"
					 " RETURNING l.action IN ('write', 'reload')", NULL);
	for (uint64 i = 0; i < count; i++)
		*reload = *reload || cmdb_bool(i, 1);
	cmdb_end(&query);
	return (int) count;
}

/*
 * Running rows stay whatever their age, for cmdb_log_interrupt().  0 days and
 * more; what exceeds one call's share is left for the next pass.
 */
void
cmdb_log_expire(int days)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_int4(&args, days);
	cmdb_run(&query,
			 "DELETE FROM pgops.action_log AS l WHERE l.id IN"
			 " (SELECT o.id FROM pgops.action_log AS o"
			 "  WHERE o.started_at < now() - make_interval(days => $1)"
			 "  AND o.state <> 'running'"
			 "  ORDER BY o.started_at LIMIT " EXPIRE_AT_MOST ")", &args);
	cmdb_end(&query);
}

/*
 * A sequence: numbers of passes that were rolled back are skipped, never reused,
 * so that a number in the server log names one pass only.
 */
int64
cmdb_next_pass(void)
{
	CmdbQuery	query;
	int64		pass;

	cmdb_begin(&query);
	cmdb_run(&query, "SELECT nextval('pgops.pass')", NULL);
	pass = cmdb_int8(0, 1);
	cmdb_end(&query);
	return pass;
}
