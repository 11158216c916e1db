/*
 * job_copied.c
 *		Jobs that came with the data of another server or of another time.
 *
 * A restored or forked server has the table of jobs of the original, with those
 * that wait.  They were asked of the original, where they will be done; and a
 * server that was taken back to an earlier time has done them already.  A standby
 * that is promoted has neither: it goes on with them.
 *
 * Not for: the result of a restore in place (in_place_import.c).
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/timeline.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "io/file.h"
#include "ops/instance.h"
#include "ops/job_copied.h"
#include "ops/stanza.h"

/* below ops_path(): jobs that came with this copy were ended */
#define ENDED_FILE			"copied-jobs-ended"

#define MAX_HISTORY_BYTES	(16 * 1024 * 1024)

/* what the server writes where recovery had no target: a promoted standby, or all that there was */
#define NO_TARGET			"no recovery target specified"

/* ---- a copy ---- */

static void
end_copied(void)
{
	CmdbQuery	query;

	cmdb_begin(&query);
	(void) cmdb_run(&query,
					"UPDATE pgops.job AS j SET state = 'cancelled', finished_at = clock_timestamp(),"
					"  error = 'it was asked of the server of which this one is a copy'"
					" WHERE j.state = 'queued' AND j.requested_at < pg_catalog.pg_postmaster_start_time()",
					NULL);
	cmdb_end(&query);
}

/*
 * One that pgops made beside another server may have no declaration that would
 * tell that it is a copy.  What is asked of it later is its own, so this is for
 * its first start alone.
 */
static bool
is_new_beside(void)
{
	return instance_is_beside() && access(ops_path(ENDED_FILE), F_OK) != 0;
}

/* ---- the past ---- */

/*
 * When this server was taken to a chosen point of its past, by whomever: its
 * timeline began with that.  0: it was not.
 */
static TimestampTz
taken_back_at(void)
{
	TimeLineID	timeline = GetWALInsertionTimeLine();
	char		path[MAXPGPATH];
	struct stat st;
	char	   *history;
	char	   *line;

	TLHistoryFilePath(path, timeline);
	if (timeline == 1 || stat(path, &st) != 0 ||
		(history = io_read_file(path, MAX_HISTORY_BYTES)) == NULL)
		return 0;
	while (*history != '\0' && history[strlen(history) - 1] == '\n')
		history[strlen(history) - 1] = '\0';
	line = strrchr(history, '\n');
	if (strstr(line ? line : history, NO_TARGET) != NULL)
		return 0;
	return time_t_to_timestamptz((pg_time_t) st.st_mtime);
}

/*
 * As for a restore in place by pgops: what was due by then was done then; what
 * is for later is still to come, unless it would end the server or replace its
 * data, and may have been cancelled since.
 */
static void
end_past(TimestampTz when)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_time(&args, when);
	cmdb_put_text(&args, unpack_sql_state(ERRCODE_PGOPS_INTERRUPTED));
	(void) cmdb_run(&query,
					"UPDATE pgops.job AS j SET state = 'interrupted', finished_at = clock_timestamp(),"
					" sqlstate = $2, error = 'the server was restored to a time at which this job was waiting',"
					" hint = 'It is not started again by itself: ask for it once more.'"
					" WHERE j.state = 'queued' AND j.requested_at < $1"
					" AND (j.not_before <= $1 OR j.kind IN ('restore_in_place', 'restart'))", &args);
	cmdb_end(&query);
}

void
job_end_copied(void)
{
	static bool looked = false;
	bool		beside;
	TimestampTz past;

	if (looked || RecoveryInProgress() || txn_begin() != EXTENSION_READY)
		return;
	beside = is_new_beside();
	past = taken_back_at();
	if (beside || cmdb_binding()->state == BINDING_CLONED)
		end_copied();
	else if (past != 0)
		end_past(past);
	txn_end();
	if (beside)
	{
		ops_make_directory(ops_path(NULL));
		io_write_file(ops_path(ENDED_FILE), "", 0600);
	}
	looked = true;
}
