/*
 * in_place_settle.c
 *		What has to be put in order when a server has come back from a restore
 *		in place.
 *
 * pgBackRest leaves the target among the settings (postgresql.auto.conf).  This
 * server pays no attention to it any more, but a standby that is copied from
 * it would: it would stop following at the target, which lies in its past,
 * and promote itself.
 *
 * Not for: the result of the job (in_place_import.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/in_place_parts.h"
#include "ops/statement.h"

/* names of the settings of the target that stand in postgresql.auto.conf: char * */
static List *
target_settings(void)
{
	CmdbQuery	query;
	List	   *names = NIL;
	uint64		count;

	if (txn_begin() != EXTENSION_READY)
		return NIL;
	cmdb_begin(&query);
	count = cmdb_run(&query,
					 "SELECT DISTINCT f.name FROM pg_catalog.pg_file_settings AS f"
					 " WHERE f.name LIKE 'recovery\\_target%'"
					 " AND f.sourcefile LIKE '%/postgresql.auto.conf'", NULL);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		names = lappend(names, cmdb_text(&query, i, 1));
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	txn_end();
	return names;
}

/*
 * The restore is done; that ALTER SYSTEM may be forbidden here must not make it
 * a failure.
 */
void
in_place_settle(void)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		ListCell   *cell;

		foreach(cell, target_settings())
			statement_here(psprintf("ALTER SYSTEM RESET %s", quote_identifier(lfirst(cell))));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}
