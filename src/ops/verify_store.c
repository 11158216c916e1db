/*
 * verify_store.c
 *		Rows of pgops.verification.
 *
 * Not for: what is in them (verify.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/verify_parts.h"

void
verify_store_begin(Job *job, Verification *test)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_int8(&args, job->id);
	cmdb_put_text(&args, test->stanza->name);
	cmdb_put_int4(&args, test->set->repo);
	cmdb_put_text(&args, test->set->label);
	cmdb_put_text(&args, test->target->type == RESTORE_IMMEDIATE ? "immediate" : "latest");
	(void) cmdb_run(&query,
					"INSERT INTO pgops.verification (job, stanza, repo, label, target)"
					" VALUES ($1, $2, $3, $4, $5) RETURNING id", &args);
	test->id = cmdb_int8(0, 1);
	cmdb_end(&query);
	txn_end();
}

static const char *
state_of(const ErrorData *error)
{
	if (error == NULL)
		return "succeeded";
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ? "cancelled" : "failed";
}

/* seconds as text, for an interval; 0: not reached */
static void
put_seconds(CmdbRow *row, double seconds)
{
	cmdb_put_text(row, seconds > 0 ? psprintf("%.3f s", seconds) : NULL);
}

static void
put_tree(CmdbRow *row, const SpecNode *tree)
{
	cmdb_put_jsonb(row, tree ? node_to_jsonb(tree) : NULL);
}

void
verify_store_end(Job *job, const Verification *test, const ErrorData *error)
{
	List	   *findings = list_concat_copy(test->damage, test->failed_probes);
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_int8(&args, test->id);
	cmdb_put_text(&args, state_of(error));
	put_seconds(&args, test->restore_seconds);
	put_seconds(&args, test->recovery_seconds);
	put_seconds(&args, test->check_seconds);
	cmdb_put_int8(&args, test->bytes);
	cmdb_put_text(&args, test->reached_lsn);
	cmdb_put_text(&args, test->reached_time);
	put_tree(&args, test->checksums);
	put_tree(&args, test->amcheck);
	put_tree(&args, test->probes);
	cmdb_put_text(&args, error ? unpack_sql_state(error->sqlerrcode) : NULL);
	cmdb_put_text(&args, error ? error->message : NULL);
	cmdb_put_names(&args, findings, findings == NIL);
	(void) cmdb_run(&query,
					"UPDATE pgops.verification AS v SET finished_at = now(), state = $2,"
					"  restore_time = $3::interval, recovery_time = $4::interval,"
					"  check_time = $5::interval, bytes = NULLIF($6, 0),"
					"  reached_lsn = $7::pg_lsn, reached_time = $8::timestamptz,"
					"  checksums = $9, amcheck = $10, probes = $11,"
					"  sqlstate = $12, error = $13, findings = $14"
					" WHERE v.id = $1", &args);
	cmdb_end(&query);
	txn_end();
}
