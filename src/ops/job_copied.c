/*
 * job_copied.c
 *		Jobs that came with a copy of another server's data.
 *
 * A restored or forked server has the original's table of jobs, with those that
 * wait.  They were asked of the original, where they will be done.
 *
 * Not for: restores in place (in_place_import.c), after which this server is
 * the original.
 */
#include "postgres.h"

#include "access/xlog.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/job_copied.h"

/* What was asked for since this server was started was asked of this one. */
static void
end_jobs(void)
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

void
job_end_copied(void)
{
	static bool looked = false;

	if (looked || RecoveryInProgress() || txn_begin() != EXTENSION_READY)
		return;
	if (cmdb_binding()->state == BINDING_CLONED)
		end_jobs();
	txn_end();
	looked = true;
}
