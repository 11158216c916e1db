/*
 * sql_backup_setup.c
 *		SQL: pgops.backup_setup().
 *
 * Not for: the job itself (ops/setup.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "cmdb/query.h"
#include "ops/stanza.h"
#include "plan/backup.h"
#include "worker/shared.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_backup_setup);

/*
 * What is remembered of the last set-up becomes that of nothing, except for
 * the database system it was for, which tells an upgraded server from a
 * foreign one; the next pass asks for the job.
 */
Datum
pgops_backup_setup(PG_FUNCTION_ARGS)
{
	Stanza	   *stanza;
	CmdbQuery	query;
	CmdbRow		args = {0};

	shared_require();
	PreventCommandDuringRecovery("pgops.backup_setup()");
	PreventCommandIfReadOnly("pgops.backup_setup()");
	stanza = stanza_local();
	cmdb_begin(&query);
	cmdb_put_text(&args, stanza->name);
	cmdb_put_text(&args, BACKUP_OWNED);
	(void) cmdb_run(&query,
					"UPDATE pgops.owned AS o SET value = '- ' OPERATOR(pg_catalog.||) pg_catalog.split_part(o.value, ' ', 2)"
					" WHERE o.cluster OPERATOR(pg_catalog.=) $1 AND o.kind OPERATOR(pg_catalog.=) $2", &args);
	cmdb_end(&query);
	wake_at_commit(REQUEST_CHANGED | REQUEST_FULL);
	PG_RETURN_VOID();
}
