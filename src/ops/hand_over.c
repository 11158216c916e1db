/*
 * hand_over.c
 *		A job that stops this server goes on in pgops-runner.
 *
 * Not for: the steps that it carries out, nor what becomes of them
 * (in_place_import.c).
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "io/file.h"
#include "io/wait.h"
#include "ops/hand_over.h"
#include "ops/in_place_parts.h"

#define PRIVATE_MODE	0600

/* ms for the runner to say that it is there, and between two looks */
#define START_PATIENCE	15000
#define START_LOOK		50

#define MAX_STATE_BYTES (16 * 1024 * 1024)

/* ---- which run ---- */

SpecNode *
hand_over_row(int64 id)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	SpecNode   *row;
	char	   *token;

	cmdb_begin(&query);
	cmdb_put_int8(&args, id);
	(void) cmdb_run(&query,
					"SELECT pg_catalog.to_json(j), pg_catalog.gen_random_uuid()::text"
					" FROM pgops.job AS j WHERE j.id = $1", &args);
	row = cmdb_json(&query, 0, 1);
	token = cmdb_text(&query, 0, 2);
	cmdb_end(&query);
	/* only now: between the two, memory is the query's */
	node_map_set(row, "token", node_string(token));
	return row;
}

/*
 * The time at which it was asked for belongs to the name: in a server that was
 * restored, the number may be given to another job.
 */
char *
hand_over_directory(int64 id, const SpecNode *row)
{
	char	   *name = psprintf(INT64_FORMAT "-%s", id, node_text(node_get(row, "requested_at")));

	for (char *at = name; *at != '\0'; at++)
	{
		if (!((*at >= '0' && *at <= '9') || *at == '-' || *at == 'T'))
			*at = '_';
	}
	return ops_path(psprintf(IN_PLACE_FOLDER "/%s", name));
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
start_runner(const char *directory)
{
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
				 errmsg("the program that is to carry it out did not begin"),
				 errdetail("See \"%s\".", log),
				 errhint("Nothing was done. Check pgops.restore_launcher.")));
	return pid;
}

/* ---- handing over ---- */

/*
 * Who may write there decides what is run in our name.  A directory beside the
 * data directory may have been made by somebody else before us.
 */
static void
require_own(const char *path)
{
	struct stat link;
	struct stat st;

	if (lstat(path, &link) != 0 || stat(path, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat directory \"%s\": %m", path)));
	if ((link.st_uid != geteuid() && link.st_uid != 0) ||
		(st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & S_IWOTH) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("directory \"%s\" can be written by others", path),
				 errdetail("What lies there is carried out by this server's operating system user."),
				 errhint("Let it belong to that user and take the right to write from others, or set pgops.directory.")));
}

static void
write_task(const char *directory, SpecNode *row, SpecNode *task)
{
	StringInfoData text;

	node_map_set(task, "token", node_string(node_text(node_get(row, "token"))));
	node_map_unset(row, "token");
	node_map_set(task, "job", row);
	node_map_set(task, "data_directory", node_string(DataDir));
	initStringInfo(&text);
	node_to_json(&text, task);
	ops_make_directory(directory);
	require_own(ops_path(NULL));
	require_own(ops_path(IN_PLACE_FOLDER));
	require_own(directory);
	io_write_file(psprintf("%s/" IN_PLACE_TASK, directory),
				  pg_server_to_any(text.data, text.len, PG_UTF8), PRIVATE_MODE);
}

/*
 * The runner does nothing before it is told to go, so an error up to there
 * leaves everything as it was; it ends by itself.
 */
void
hand_over(Job *job, const char *directory, SpecNode *row, SpecNode *task)
{
	pid_t		pid;

	write_task(directory, row, task);
	pid = start_runner(directory);
	job_flush(job);
	job_hand_over(job, pid);
	ereport(LOG,
			(errmsg("pgops: job " INT64_FORMAT " (%s) goes on in process %d, which stops this server",
					job->id, job->kind->name, (int) pid),
			 errdetail("State, log and instructions are in \"%s\".", directory)));
	io_write_file(psprintf("%s/" IN_PLACE_GO, directory), "", PRIVATE_MODE);
}
