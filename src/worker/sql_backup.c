/*
 * sql_backup.c
 *		What the SQL functions about backups cannot find out in SQL.
 *
 * Not for: making a backup (ops/backup.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog_internal.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "errors.h"
#include "ops/backup.h"
#include "ops/restore.h"
#include "worker/shared.h"

PG_FUNCTION_INFO_V1(pgops_backup_declared);
PG_FUNCTION_INFO_V1(pgops_backup_stanza);
PG_FUNCTION_INFO_V1(pgops_backup_require_archiving);
PG_FUNCTION_INFO_V1(pgops_backup_leads_here);

Datum
pgops_backup_declared(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(stanza_is_declared());
}

/* What is not there now may be a moment later: set-up is a job, too. */
Datum
pgops_backup_stanza(PG_FUNCTION_ARGS)
{
	const Stanza *stanza;

	shared_require();
	stanza = stanza_local();
	if (access(stanza->program, X_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROGRAM_MISSING),
				 errmsg("could not access program \"%s\": %m", stanza->program),
				 errhint("Install pgBackRest, or say with the setting pgops.pgbackrest where it is.")));
	if (access(stanza->config, R_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("pgBackRest is not set up on this server yet: could not access file \"%s\": %m",
						stanza->config),
				 errhint("Backups are declared, so pgops sets it up: SELECT * FROM pgops.wait() waits for that, pgops.actions says what is in its way.")));
	PG_RETURN_TEXT_P(cstring_to_text(stanza->name));
}

Datum
pgops_backup_require_archiving(PG_FUNCTION_ARGS)
{
	backup_require_archiving();
	PG_RETURN_VOID();
}

/* pgops.backup_leads_here(wal text, stop pg_lsn): last WAL file of a backup, and where it ended in it */
Datum
pgops_backup_leads_here(PG_FUNCTION_ARGS)
{
	char	   *wal = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	XLogRecPtr	stop = PG_ARGISNULL(1) ? InvalidXLogRecPtr : PG_GETARG_LSN(1);
	TimeLineID	timeline = 0;

	if (wal != NULL && strlen(wal) >= XLOG_FNAME_LEN)
		timeline = (TimeLineID) strtoul(pnstrdup(wal, 8), NULL, 16);
	PG_RETURN_BOOL(restore_leads_here(timeline, stop));
}
