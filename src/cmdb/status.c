/*
 * status.c
 *		What holds now: one row per cluster.
 *
 * Not for: how the phase is found (worker/).
 */
#include "postgres.h"

#include "cmdb/log.h"
#include "cmdb/query.h"

/*
 * One row per cluster is updated in place, and only when something in it differs
 * (the caller compares): an idle pgops writes nothing.
 */
void
cmdb_status_store(const ClusterStatus *status)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_text(&args, status->cluster);
	cmdb_put_text(&args, status->instance);
	cmdb_put_text(&args, status->phase);
	cmdb_put_text(&args, status->message);
	cmdb_put_int8(&args, status->generation);
	cmdb_put_int4(&args, status->actions);
	cmdb_put_int4(&args, status->failed);
	cmdb_put_int4(&args, status->blocked);
	cmdb_put_int4(&args, status->drifted);
	cmdb_put_text(&args, status->destructive_digest);
	cmdb_put_time(&args, status->last_pass);
	cmdb_put_time(&args, status->converged_at);
	cmdb_run(&query,
			 "INSERT INTO pgops.cluster_status"
			 " (cluster, instance, phase, message, generation, actions, failed, blocked,"
			 "  drifted, destructive_digest, last_pass, converged_at)"
			 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
			 " ON CONFLICT (cluster) DO UPDATE"
			 " SET instance = excluded.instance, phase = excluded.phase,"
			 "  message = excluded.message, generation = excluded.generation,"
			 "  actions = excluded.actions, failed = excluded.failed,"
			 "  blocked = excluded.blocked, drifted = excluded.drifted,"
			 "  destructive_digest = excluded.destructive_digest,"
			 "  last_pass = excluded.last_pass, converged_at = excluded.converged_at", &args);
	cmdb_end(&query);
}

/*
 * Read with the snapshot of a new statement, not of the caller's: wait() polls
 * it inside of one function call and must see what the coordinator committed.
 */
ClusterStatus *
cmdb_status(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	ClusterStatus *status = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	if (cmdb_run(&query,
				 "SELECT s.cluster, s.instance, s.phase, s.message, s.generation, s.actions,"
				 "  s.failed, s.blocked, s.drifted, s.destructive_digest, s.last_pass,"
				 "  s.converged_at"
				 " FROM pgops.cluster_status AS s WHERE s.cluster = $1", &args) > 0)
	{
		status = MemoryContextAllocZero(query.caller, sizeof(ClusterStatus));
		status->cluster = cmdb_text(&query, 0, 1);
		status->instance = cmdb_text(&query, 0, 2);
		status->phase = cmdb_text(&query, 0, 3);
		status->message = cmdb_text(&query, 0, 4);
		status->generation = cmdb_int8(0, 5);
		status->actions = cmdb_int4(0, 6);
		status->failed = cmdb_int4(0, 7);
		status->blocked = cmdb_int4(0, 8);
		status->drifted = cmdb_int4(0, 9);
		status->destructive_digest = cmdb_text(&query, 0, 10);
		status->last_pass = cmdb_time(0, 11);
		status->converged_at = cmdb_time(0, 12);
	}
	cmdb_end(&query);
	return status;
}
