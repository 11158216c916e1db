/*
 * in_place.c
 *		The job that restores this server in place: it checks, writes the task
 *		down and hands over to a program that outlives the server.
 *
 * Not for: the steps (in_place_task.c), the result (in_place_import.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "io/wait.h"
#include "ops/connect.h"
#include "ops/hand_over.h"
#include "ops/in_place_parts.h"
#include "ops/kinds.h"

/* s, for a job without deadline */
#define LONGEST			(7 * 24 * 3600)

typedef struct InPlace
{
	Job		   *job;
	InPlaceTask task;
	RestoreTarget *target;
	SpecNode   *row;			/* the job's row, to be put back into the restored server */
	SpecNode   *beside;			/* rows of the instances beside it, likewise */
} InPlace;

/* ---- what is to be done ---- */

static int64
seconds_left(const Job *job)
{
	if (job->deadline == 0)
		return LONGEST;
	return Max(io_remaining_ms(job->deadline) / 1000, 1);
}

/* needs a transaction; naming the own cluster is naming none */
static RestoreTarget *
read_target(const Job *job, const Stanza *stanza)
{
	RestoreTarget *target = restore_target(job->args);

	if (target->stanza != NULL && strcmp(target->stanza, stanza->name) == 0)
		target->stanza = NULL;
	return target;
}

/* what the repositories hold now, of the cluster that is restored from */
static StanzaState *
look_at_backups(Job *job)
{
	RestoreTarget *target;
	Stanza	   *stanza;

	job_begin(job);
	stanza = stanza_local();
	target = read_target(job, stanza);
	txn_end();
	return stanza_read(job, stanza, target->stanza);
}

/* rows of pgops.instance_beside that are this server's, a list */
static SpecNode *
instances_beside(void)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	SpecNode   *rows;

	cmdb_begin(&query);
	cmdb_put_text(&args, DataDir);
	(void) cmdb_run(&query,
					"SELECT COALESCE(pg_catalog.json_agg(i), '[]') FROM pgops.instance_beside AS i"
					" WHERE i.maker = $1", &args);
	rows = cmdb_json(&query, 0, 1);
	cmdb_end(&query);
	return rows;
}

/* Everything that needs tables, in one transaction. */
static void
prepare(InPlace *run, const StanzaState *state)
{
	Job		   *job = run->job;
	InPlaceTask *task = &run->task;

	job_begin(job);
	task->stanza = stanza_local();
	run->target = read_target(job, task->stanza);
	in_place_check_job(run->target, job->args, job->id, state);
	task->target = run->target;
	task->sets = restore_candidates(run->target, state);
	task->server = in_place_server();
	task->superuser = psprintf("%s connect_timeout=5",
							   connect_conninfo(connect_superuser(), "postgres"));
	task->copy = in_place_flag(job->args, "backup", false);
	task->archive = in_place_flag(job->args, "archive", run->target->stanza == NULL);
	task->seconds = seconds_left(job);
	run->row = hand_over_row(job->id);
	run->beside = instances_beside();
	task->directory = hand_over_directory(job->id, run->row);
	txn_end();
}

/*
 * A restore may lead to the very time at which its own job was waiting.  Then
 * the job is found again, and must not be done again.
 */
static void
refuse_second_time(const InPlace *run)
{
	if (access(run->task.directory, F_OK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INTERRUPTED),
				 errmsg("this restore was carried out already"),
				 errdetail("See directory \"%s\".", run->task.directory)));
}

static SpecNode *
make_task(const InPlace *run)
{
	SpecNode   *map = node_map();

	node_map_set(map, "target", node_string(restore_describe(run->target)));
	node_map_set(map, "timeline", node_int(GetWALInsertionTimeLine()));
	if (run->task.copy)
		node_map_set(map, "old_data", node_string(in_place_copy_path()));
	node_map_set(map, "replaces_from", node_int(run->task.copy ? 3 : 2));
	node_map_set(map, "beside", run->beside);
	node_map_set(map, "steps", in_place_steps(&run->task));
	return map;
}

/* Nothing is touched before the runner is told to go. */
void
restore_in_place_run(Job *job)
{
	InPlace		run = {.job = job};
	StanzaState *state;

	job_step(job, "looking at the backups");
	state = look_at_backups(job);
	job_step(job, "checking");
	prepare(&run, state);
	refuse_second_time(&run);
	job_step(job, "archiving what was written up to now");
	restore_flush_archive(job);

	job_step(job, "restoring to %s", restore_describe(run.target));
	job_note(job, "The server is going to be stopped and restored by another program; see %s.",
			 run.task.directory);
	hand_over(job, run.task.directory, run.row, make_task(&run));
}
