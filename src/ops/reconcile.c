/*
 * reconcile.c
 *		The job "reconcile": asks the coordinator for a pass, so that a schedule
 *		can.  What the pass does is in the action log.
 */
#include "postgres.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/kinds.h"

void
reconcile_run(Job *job)
{
	CmdbQuery	query;

	job_step(job, "asking for a pass");
	job_begin(job);
	cmdb_begin(&query);
	(void) cmdb_run(&query, "SELECT pgops.reconcile()", NULL);
	cmdb_end(&query);
	txn_end();
	job_note(job, "a pass was asked for; see pgops.action_log");
}
