/*
 * in_place.c
 *		The job that restores this server in place: it checks, writes the task
 *		down and hands over to a program that outlives the server.
 *
 * Not for: the steps (in_place_task.c), the result (in_place_import.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "io/file.h"
#include "io/wait.h"
#include "ops/connect.h"
#include "ops/in_place_parts.h"
#include "ops/kinds.h"

#define PRIVATE_MODE	0600

/* ms for the runner to say that it is there, and between two looks */
#define START_PATIENCE	15000
#define START_LOOK		50

#define MAX_STATE_BYTES (16 * 1024 * 1024)

/* s, for a job without deadline */
#define LONGEST			(7 * 24 * 3600)

typedef struct InPlace
{
	Job		   *job;
	InPlaceTask task;
	RestoreTarget *target;
	SpecNode   *row;			/* the job's row, to be put back into the restored server */
	char	   *token;			/* tells this run from all others */
} InPlace;

/* ---- what is to be done ---- */

static SpecNode *
read_row(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	SpecNode   *row;

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	(void) cmdb_run(&query,
					"SELECT pg_catalog.to_json(j), pg_catalog.gen_random_uuid()::text"
					" FROM pgops.job AS j WHERE j.id = $1", &args);
	row = cmdb_json(&query, 0, 1);
	node_map_set(row, "token", node_string(cmdb_text(&query, 0, 2)));
	cmdb_end(&query);
	return row;
}

/*
 * The time at which it was asked for belongs to the name: in a server that was
 * restored, the number may be given to another job.
 */
static char *
run_directory(int64 id, const SpecNode *row)
{
	char	   *name = psprintf(INT64_FORMAT "-%s", id, node_text(node_get(row, "requested_at")));

	for (char *at = name; *at != '\0'; at++)
	{
		if (!((*at >= '0' && *at <= '9') || *at == '-' || *at == 'T'))
			*at = '_';
	}
	return ops_path(psprintf(IN_PLACE_FOLDER "/%s", name));
}

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
	run->row = read_row(job->id);
	run->token = pstrdup(node_text(node_get(run->row, "token")));
	node_map_unset(run->row, "token");
	task->directory = run_directory(job->id, run->row);
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

static void
write_task(const InPlace *run)
{
	SpecNode   *map = node_map();
	StringInfoData text;

	node_map_set(map, "token", node_string(run->token));
	node_map_set(map, "job", run->row);
	node_map_set(map, "target", node_string(restore_describe(run->target)));
	node_map_set(map, "data_directory", node_string(DataDir));
	if (run->task.copy)
		node_map_set(map, "old_data", node_string(in_place_copy_path()));
	node_map_set(map, "replaces_from", node_int(run->task.copy ? 3 : 2));
	node_map_set(map, "steps", in_place_steps(&run->task));
	initStringInfo(&text);
	node_to_json(&text, map);
	ops_make_directory(run->task.directory);
	io_write_file(psprintf("%s/" IN_PLACE_TASK, run->task.directory),
				  pg_server_to_any(text.data, text.len, PG_UTF8), PRIVATE_MODE);
}

/* ---- starting the runner ---- */

/* the words of pgops.restore_launcher, then the runner's */
static const char *const *
runner_argv(const char *task_path)
{
	char	   *launcher = pstrdup(pgops_guc_restore_launcher);
	const char **argv = palloc0((strlen(launcher) + 3) * sizeof(char *));
	int			count = 0;

	for (char *at = launcher; *at != '\0';)
	{
		size_t		length = strcspn(at, " ");
		bool		end = at[length] == '\0';

		at[length] = '\0';
		if (length > 0)
			argv[count++] = at;
		at += end ? length : length + 1;
	}
	argv[count++] = io_own_program(IN_PLACE_RUNNER);
	argv[count++] = task_path;
	return argv;
}

/* pid of the runner, when it has begun; 0: not yet */
static pid_t
read_pid(const char *directory)
{
	char	   *text = io_read_file(psprintf("%s/" IN_PLACE_STATE, directory), MAX_STATE_BYTES);
	const SpecNode *pid;

	if (text == NULL)
		return 0;
	pid = node_get(node_from_json(text, strlen(text)), "pid");
	return pid != NULL && pid->kind == NODE_INT ? (pid_t) pid->integer : 0;
}

/*
 * With a launcher it is not our child's child, so only its own word tells its
 * number.
 */
static pid_t
start_runner(const InPlace *run)
{
	const char *directory = run->task.directory;
	char	   *log = psprintf("%s/" IN_PLACE_LOG, directory);
	const char *const *argv = runner_argv(psprintf("%s/" IN_PLACE_TASK, directory));
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), START_PATIENCE);
	int			reason;
	pid_t		pid = 0;

	if (!io_process_detach(argv[0], argv, log, &reason))
	{
		errno = reason;
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROCESS),
				 errmsg("could not start \"%s\": %m", argv[0])));
	}
	while ((pid = read_pid(directory)) == 0 && io_remaining_ms(until) > 0)
		io_wait(START_LOOK, IO_WAIT_PROCESS);
	if (pid == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROCESS),
				 errmsg("the program that restores did not begin"),
				 errdetail("See \"%s\".", log),
				 errhint("Nothing was done. Check pgops.restore_launcher.")));
	return pid;
}

/*
 * The runner does nothing before it is told to go, so an error up to there
 * leaves everything as it was; it ends by itself.
 */
void
restore_in_place_run(Job *job)
{
	InPlace		run = {.job = job};
	StanzaState *state;
	pid_t		pid;

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
	write_task(&run);
	pid = start_runner(&run);
	job_flush(job);
	job_hand_over(job, pid);
	ereport(LOG,
			(errmsg("pgops: this server is being restored in place by process %d", (int) pid),
			 errdetail("Target: %s. State, log and instructions are in \"%s\".",
					   restore_describe(run.target), run.task.directory)));
	io_write_file(psprintf("%s/" IN_PLACE_GO, run.task.directory), "", PRIVATE_MODE);
}
