/*
 * backup_watch.c
 *		When to look into the repositories again.
 *
 * Not for: looking (stanza_store.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "guc.h"
#include "ops/backup.h"

/* a value of one statement without parameters; 0: no row, or a null */
static TimestampTz
ask_time(const char *sql)
{
	CmdbQuery	query;
	TimestampTz time = 0;

	cmdb_begin(&query);
	if (cmdb_run(&query, sql, NULL) > 0)
		time = cmdb_time(0, 1);
	cmdb_end(&query);
	return time;
}

/*
 * The last look, or 0.  After a restore in place what is known is of the past: that
 * counts as never looked.  Not after one that failed before it touched anything,
 * maybe since the repository is out of reach.
 */
static TimestampTz
last_look(void)
{
	return ask_time("SELECT max(t.tried_at) FROM pgops.stanza_state AS t"
					" HAVING NOT EXISTS (SELECT FROM pgops.job AS j"
					"  WHERE j.kind = 'restore_in_place' AND j.result->>'data' = 'restored'"
					"  AND j.finished_at > max(t.tried_at))");
}

/*
 * The cheap questions first: the declaration is read only when it is time.
 * A look that is open answers for the next one, too.
 */
TimestampTz
backup_refresh_due(void)
{
	TimestampTz last;
	TimestampTz due;

	if (ask_time("SELECT now() WHERE EXISTS (SELECT FROM pgops.variable AS v WHERE v.name LIKE"
				 " 'pgbackrest\\_%') AND NOT EXISTS (SELECT FROM pgops.job AS j"
				 " WHERE j.kind = 'backup_refresh' AND j.state IN ('queued', 'running'))") == 0)
		return 0;
	last = last_look();
	due = TimestampTzPlusMilliseconds(last, pgops_guc_backup_refresh_interval * INT64CONST(1000));
	if (last != 0 && due > GetCurrentTimestamp())
		return due;
	return stanza_is_declared() ? GetCurrentTimestamp() : 0;
}

/*
 * Without the file there is nothing to look with: it is written when backups
 * are set up, which ends with a look of its own.
 */
static void
request_refresh(void)
{
	JobRequest	request = {0};
	SpecNode   *args = node_map();

	if (access(stanza_config_path(), R_OK) != 0)
		return;
	request.kind = "backup_refresh";
	request.cluster = stanza_local()->name;
	request.args = args;
	node_map_set(args, JOB_UNASKED, node_bool(true));
	(void) job_queue(&request);
}

TimestampTz
backup_watch(void)
{
	TimestampTz due;

	if (RecoveryInProgress() || txn_begin() != EXTENSION_READY)
		return 0;
	due = backup_refresh_due();
	if (due != 0 && due <= GetCurrentTimestamp())
	{
		request_refresh();
		due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										  pgops_guc_backup_refresh_interval * INT64CONST(1000));
	}
	txn_end();
	return due;
}
