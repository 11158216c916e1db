/*
 * verify_leftover.c
 *		Scratch instances of restore tests that a crash or an immediate stop has
 *		ended: nothing could run then, and their postmaster lives on.
 *
 * Not for: tests that end by themselves, however badly (verify.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/finally.h"
#include "ops/verify.h"
#include "ops/verify_parts.h"

/* a test that runs may have lost its worker: that is known a moment later, ms */
#define LOOK_AGAIN_MS	5000

/* instances of tests, $1 being this server; j is the job that made them, if it is not over */
#define SCRATCH_INSTANCES \
	" FROM pgops.instance_beside AS i" \
	" LEFT JOIN pgops.job AS j ON j.id = i.job AND j.state IN ('queued', 'running')" \
	" WHERE i.origin = 'verify' AND i.maker = $1"

/* names of the scratch instances, whose tests are over and that nobody drops; *running: others there are */
static List *
find_leftovers(bool *running)
{
	List	   *names = NIL;
	CmdbQuery	query;
	CmdbRow		args = {0};
	uint64		count;

	*running = false;
	cmdb_begin(&query);
	cmdb_put_text(&args, DataDir);
	count = cmdb_run(&query,
					 "SELECT i.name, j.id IS NOT NULL" SCRATCH_INSTANCES
					 " AND NOT EXISTS (SELECT FROM pgops.job AS d"
					 "  WHERE d.kind = 'restore_drop' AND d.args->>'instance' = i.name"
					 "  AND (d.state IN ('queued', 'running')"
					 "   OR d.finished_at > now() - interval '1 hour'))", &args);

	/* the list outlives the query, as its names do */
	MemoryContextSwitchTo(query.caller);
	for (uint64 row = 0; row < count; row++)
	{
		if (cmdb_bool(row, 2))
			*running = true;
		else
			names = lappend(names, cmdb_text(&query, row, 1));
	}
	cmdb_end(&query);
	return names;
}

TimestampTz
verify_watch(void)
{
	bool		running;
	ListCell   *cell;

	if (txn_begin() != EXTENSION_READY)
		return 0;
	foreach(cell, find_leftovers(&running))
	{
		JobRequest	request = {.kind = "restore_drop",.requested_by = "pgops"};
		SpecNode   *args = node_map();

		node_map_set(args, "instance", node_string(lfirst(cell)));
		request.args = args;
		(void) job_queue(&request);
	}
	txn_end();
	return running ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_AGAIN_MS) : 0;
}

static void
drop_one(Job *job, void *arg)
{
	BesideInstance *instance;

	job_begin(job);
	instance = instance_find(arg);
	txn_end();
	if (instance != NULL)
		instance_remove(job, instance);
}

/*
 * The watch has asked for that already; this is for the one whose dropping
 * failed.  Two tests never run at once, so all that are not ours are leftovers.
 */
void
verify_drop_leftovers(Job *job)
{
	List	   *names = NIL;
	CmdbQuery	query;
	CmdbRow		args = {0};
	uint64		count;
	ListCell   *cell;

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, DataDir);
	count = cmdb_run(&query, "SELECT i.name" SCRATCH_INSTANCES " AND j.id IS NULL", &args);
	MemoryContextSwitchTo(query.caller);
	for (uint64 row = 0; row < count; row++)
		names = lappend(names, cmdb_text(&query, row, 1));
	cmdb_end(&query);
	txn_end();

	foreach(cell, names)
	{
		ErrorData  *error = job_attempt(job, drop_one, lfirst(cell));

		job_check(job);
		if (error != NULL)
			job_note(job, "instance \"%s\", left by an earlier test, could not be removed: %s",
					 (char *) lfirst(cell), error->message);
	}
}
