/*
 * instance_run.c
 *		The processes of an instance beside this server: started, watched until
 *		its recovery is where it should end, stopped.
 *
 * The postmaster is nobody's child: it outlives the job and this server, as a
 * server of its own does.
 *
 * Not for: what it is made of.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "compat.h"
#include "errors.h"
#include "io/file.h"
#include "io/remote.h"
#include "io/wait.h"
#include "ops/connect.h"
#include "ops/instance_parts.h"

/* how often it is looked at, and how long a question may take, ms */
#define LOOK_MS			100
#define ANSWER_MS		5000

/* a postmaster has made its pid file by then, ms */
#define BIRTH_MS		15000

/* a fast stop may write a checkpoint; then it is an immediate one, ms */
#define STOP_MS			120000
#define KILL_MS			10000

#define LOG_TAIL		((size_t) 16 * 1024)
#define PROBLEM_LINES	4

/* what it says of itself */
typedef struct Progress
{
	bool		answered;
	bool		in_recovery;
	bool		paused;
	bool		stranger;		/* it does not know the role that asks */
	XLogRecPtr	replayed;
	char		time[32];		/* of the last transaction replayed: microseconds since 1970, or "" */
} Progress;

/* ---- is it there? ---- */

/*
 * A number in a file may be that of another process by now.  A postmaster works in
 * its data directory, which on Linux can be asked for; elsewhere the number
 * has to do.
 */
pid_t
instance_pid(const char *data_directory)
{
	char	   *text = io_read_file(psprintf("%s/postmaster.pid", data_directory), 8192);
	char		where[MAXPGPATH];
	ssize_t		length;
	pid_t		pid;

	pid = text != NULL ? (pid_t) strtol(text, NULL, 10) : 0;
	if (pid <= 1 || pid == PostmasterPid || (kill(pid, 0) != 0 && errno == ESRCH))
		return 0;
	length = readlink(psprintf("/proc/%d/cwd", (int) pid), where, sizeof(where) - 1);
	if (length > 0)
	{
		struct stat real;
		struct stat own;

		where[length] = '\0';
		if (stat(where, &real) != 0 || stat(data_directory, &own) != 0 ||
			real.st_ino != own.st_ino || real.st_dev != own.st_dev)
			return 0;
	}
	return pid;
}

/* ---- its log ---- */
char *
instance_log_tail(const BesideInstance *instance, size_t bytes)
{
	char	   *text = io_read_file(instance_path(instance, INSTANCE_LOG), MaxAllocSize - 1);
	size_t		length = text != NULL ? strlen(text) : 0;

	return length > bytes ? text + length - bytes : text;
}

/* what our own questions are answered while it starts is no problem, nor is an ordered end */
static bool
is_problem(const char *line)
{
	return (strstr(line, "FATAL:  ") != NULL || strstr(line, "PANIC:  ") != NULL) &&
		strstr(line, "the database system is ") == NULL &&
		strstr(line, "the database system is not ") == NULL &&
		strstr(line, "due to administrator command") == NULL;
}

/* without time and pid */
static const char *
message_of(const char *line)
{
	const char *at = strstr(line, ":  ");

	while (at != NULL && at > line && at[-1] >= 'A' && at[-1] <= 'Z')
		at--;
	return at != NULL ? at : line;
}

char *
instance_log_problem(const BesideInstance *instance)
{
	char	   *tail = instance_log_tail(instance, LOG_TAIL);
	StringInfoData problems;
	int			count = 0;
	char	   *rest;

	initStringInfo(&problems);
	for (char *line = tail ? strtok_r(tail, "\n", &rest) : NULL; line != NULL;
		 line = strtok_r(NULL, "\n", &rest))
	{
		if (!is_problem(line) || count++ >= PROBLEM_LINES)
			continue;
		appendStringInfo(&problems, "%s%s", problems.len > 0 ? "\n" : "", message_of(line));
	}
	return problems.len > 0 ? problems.data : NULL;
}

/* where recovery ended, in the server's own words */
static void
note_end(Job *job, const BesideInstance *instance)
{
	char	   *tail = instance_log_tail(instance, LOG_TAIL);
	char	   *rest;

	for (char *line = tail ? strtok_r(tail, "\n", &rest) : NULL; line != NULL;
		 line = strtok_r(NULL, "\n", &rest))
	{
		if (strstr(line, "recovery stopping") != NULL || strstr(line, "last completed trans") != NULL ||
			strstr(line, "redo done at") != NULL || strstr(line, "selected new timeline") != NULL)
			job_note(job, "%s", message_of(line));
	}
}

/* ---- asking it ---- */

static void
read_answer(const Remote *remote, Progress *progress)
{
	char	  **row;
	uint32		high;
	uint32		low;

	if (list_length(remote->rows) != 1 || remote->columns != 4)
		return;
	row = linitial(remote->rows);
	progress->answered = true;
	progress->in_recovery = row[0] != NULL && *row[0] == 't';
	if (row[1] != NULL && sscanf(row[1], "%X/%X", &high, &low) == 2)
		progress->replayed = ((uint64) high) << 32 | low;
	strlcpy(progress->time, row[2] != NULL ? row[2] : "", sizeof(progress->time));
	progress->paused = row[3] != NULL && strcmp(row[3], "paused") == 0;
}

/*
 * In another cluster's data, or in those from before it was renamed, there may be
 * no role of the name that this server's superuser has.  Then the control file and
 * the log say how far it is.
 */
static void
read_from_outside(const BesideInstance *instance, const Remote *remote, Progress *progress)
{
	bool		crc_ok;
	ControlFileData *control;
	char	   *log;

	if (remote == NULL || remote->message == NULL || strstr(remote->message, "role \"") == NULL ||
		strstr(remote->message, "\" does not exist") == NULL)
		return;
	control = get_controlfile(instance->data_directory, &crc_ok);
	log = instance_log_tail(instance, LOG_TAIL);
	progress->stranger = true;
	progress->answered = crc_ok;
	progress->in_recovery = control->state != DB_IN_PRODUCTION;
	progress->paused = progress->in_recovery && log != NULL &&
		strstr(log, "pausing at the end of recovery") != NULL;
}

/* template1 is in every backup, also in one of chosen databases */
static void
ask(Job *job, const BesideInstance *instance, Progress *progress)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "pgops question",
												  ALLOCSET_SMALL_SIZES);
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ANSWER_MS);
	RemoteSet  *set;
	Remote	   *remote;
	bool		valid;

	memset(progress, 0, sizeof(*progress));
	MemoryContextSwitchTo(context);
	set = remote_set_create();
	remote = remote_connect(set, remote_parse(instance_conninfo(instance, "template1"), &valid),
							deadline, NULL);
	if (remote != NULL && connect_finish(job, set, remote))
	{
		remote_query(remote,
					 "SELECT r.r, pg_catalog.pg_last_wal_replay_lsn(),"
					 " (EXTRACT(epoch FROM pg_catalog.pg_last_xact_replay_timestamp())"
					 "  OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8,"
					 " CASE WHEN r.r THEN pg_catalog.pg_get_wal_replay_pause_state() END"
					 " FROM pg_catalog.pg_is_in_recovery() AS r (r)", 0, NULL, deadline);
		if (connect_finish(job, set, remote))
			read_answer(remote, progress);
	}
	else
		read_from_outside(instance, remote, progress);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* ---- starting ---- */
static void
launch(const BesideInstance *instance)
{
	const char *argv[] = {"postgres", "-D", instance->data_directory, NULL};
	char	   *log = instance_path(instance, INSTANCE_LOG);
	int			start_errno = 0;

	/* what an earlier start wrote is not this one's */
	(void) unlink(log);
	if (!io_process_detach(io_server_program("postgres"), argv, log, &start_errno))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROGRAM_MISSING),
				 errmsg("could not start \"%s\": %s", io_server_program("postgres"),
						strerror(start_errno))));
}

/* ERROR: it is not there any more, and should be */
pg_noreturn static void raise_ended(const BesideInstance *instance, const RestoreTarget *target);

static void
raise_ended(const BesideInstance *instance, const RestoreTarget *target)
{
	char	   *why = instance_log_problem(instance);
	bool		early = why != NULL && strstr(why, "recovery ended before configured") != NULL;
	bool		before = why != NULL && strstr(why, "before consistent recovery point") != NULL;
	bool		elsewhere = why != NULL &&
		(strstr(why, "could not locate required checkpoint record") != NULL ||
		 strstr(why, "is not a child of this server's history") != NULL);
	bool		space = why != NULL && strstr(why, "\"pg_tblspc/") != NULL;

	if (target != NULL && (early || before || elsewhere))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_TARGET),
				 errmsg("recovery ended without having met %s", restore_describe(target)),
				 errdetail_internal("%s", why),
				 errhint("Either the target is older than the backup (name an older one with set => '...'; pgops.backups lists them), or it is not in the archive.")));
	if (space)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("recovery of instance \"%s\" came to a tablespace that is not in the backup",
						instance->name),
				 errdetail("It was created later, and recovery would write into its directory, which is that of the running server.\n%s", why),
				 errhint("Make a backup, which has the tablespace, and restore from that; or choose a target before it was created.")));
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_PROCESS),
			 errmsg("instance \"%s\" did not come up", instance->name),
			 why != NULL ? errdetail_internal("%s", why) : 0,
			 errhint("Its log is \"%s\".", instance_path(instance, INSTANCE_LOG))));
}

static bool
was_shut_down(const BesideInstance *instance)
{
	bool		crc_ok;
	ControlFileData *control = get_controlfile(instance->data_directory, &crc_ok);

	return crc_ok && (control->state == DB_SHUTDOWNED ||
					  control->state == DB_SHUTDOWNED_IN_RECOVERY);
}

static bool
wants(const RestoreTarget *target, const char *action)
{
	return target != NULL && target->type != RESTORE_LATEST &&
		strcmp(target->action, action) == 0;
}

static bool
is_there(const Progress *progress, const RestoreTarget *target)
{
	if (!progress->answered)
		return false;
	if (wants(target, "pause"))
		return progress->in_recovery && progress->paused;
	return !progress->in_recovery;
}

/* of how much WAL nobody knows before, but for an LSN */
static void
show_replay(Job *job, const Progress *progress, const RestoreTarget *target, XLogRecPtr *from)
{
	uint32		high;
	uint32		low;
	double		total = 0;

	if (XLogRecPtrIsInvalid(progress->replayed))
		return;
	if (XLogRecPtrIsInvalid(*from))
		*from = progress->replayed;
	if (target != NULL && target->type == RESTORE_LSN &&
		sscanf(target->value, "%X/%X", &high, &low) == 2)
		total = (double) ((((uint64) high) << 32 | low) - *from);
	job_progress(job, (double) (progress->replayed - *from), Max(total, 0), "bytes");
}

/*
 * Until recovery has ended where it should.  Returns what is known of that end;
 * after a shutdown nothing can be asked.
 */
static void
watch(Job *job, const BesideInstance *instance, const RestoreTarget *target, Progress *progress)
{
	TimestampTz birth = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BIRTH_MS);
	XLogRecPtr	from = InvalidXLogRecPtr;
	bool		seen = false;

	for (;;)
	{
		job_check(job);
		if (instance_pid(instance->data_directory) != 0)
			seen = true;
		else if (seen || instance_log_problem(instance) != NULL || GetCurrentTimestamp() > birth)
		{
			if (seen && wants(target, "shutdown") && was_shut_down(instance) &&
				instance_log_problem(instance) == NULL)
				return;
			raise_ended(instance, target);
		}
		if (seen)
			ask(job, instance, progress);
		show_replay(job, progress, target, &from);
		if (is_there(progress, target))
			return;
		(void) io_wait(LOOK_MS, IO_WAIT_PROCESS);
	}
}

/* a row for people: how far it came */
static void
record_reached(Job *job, const BesideInstance *instance, const RestoreTarget *target,
			   const Progress *progress)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *lsn = XLogRecPtrIsInvalid(progress->replayed) ? NULL :
		psprintf("%X/%X", LSN_FORMAT_ARGS(progress->replayed));
	char	   *time;

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, instance->name);
	cmdb_put_text(&args, target != NULL ? restore_describe(target) : NULL);
	cmdb_put_text(&args, lsn);
	cmdb_put_text(&args, *progress->time != '\0' ? progress->time : NULL);
	cmdb_put_text(&args, DataDir);
	cmdb_put_text(&args, progress->answered ? "running" : "stopped");
	(void) cmdb_run(&query,
					"UPDATE pgops.instance_beside AS i SET target = $2, reached_lsn = $3::pg_catalog.pg_lsn,"
					" reached_time = pg_catalog.to_timestamp($4::pg_catalog.numeric / 1000000),"
					" state = $6"
					" WHERE i.name = $1 AND i.maker = $5"
					" RETURNING i.reached_time::pg_catalog.text", &args);
	time = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	txn_end();
	if (lsn != NULL)
		job_result(job, "reached_lsn", node_string(lsn));
	if (time != NULL)
		job_result(job, "reached_time", node_string(time));
}

void
instance_start(Job *job, const BesideInstance *instance, const RestoreTarget *target)
{
	Progress	progress = {0};

	job_step(job, "recovering instance \"%s\"", instance->name);
	instance_guard_tablespaces(instance, true);
	launch(instance);
	watch(job, instance, target, &progress);

	/* what a person makes there now is made on purpose */
	if (progress.answered && !progress.in_recovery)
		instance_guard_tablespaces(instance, false);
	note_end(job, instance);
	if (progress.stranger)
		job_note(job, "the role as which this server connects does not exist there: connect as a superuser of the server that was backed up");
	if (progress.paused)
		job_note(job, "paused: locks of transactions that were under way are held until pg_wal_replay_resume()");
	record_reached(job, instance, target, &progress);
}

/* ---- stopping ---- */

/* whether it is gone in time */
static bool
stop_by(const BesideInstance *instance, int signal, long patience_ms)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), patience_ms);
	pid_t		pid = instance_pid(instance->data_directory);

	if (pid != 0)
		(void) kill(pid, signal);
	while (pid != 0 && instance_pid(instance->data_directory) != 0)
	{
		if (GetCurrentTimestamp() > end)
			return false;
		(void) io_wait(LOOK_MS, IO_WAIT_PROCESS);
	}
	return true;
}

void
instance_stop(Job *job, const BesideInstance *instance)
{
	if (instance_pid(instance->data_directory) == 0)
		return;
	job_step(job, "stopping instance \"%s\"", instance->name);
	if (!stop_by(instance, SIGINT, STOP_MS) && !stop_by(instance, SIGQUIT, KILL_MS))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("instance \"%s\" does not stop", instance->name),
				 errdetail("Its postmaster is process %d.",
						   (int) instance_pid(instance->data_directory))));
}

void
instance_end(const BesideInstance *instance)
{
	(void) stop_by(instance, SIGQUIT, KILL_MS);
}

/* ---- removing ---- */
static void
forget(Job *job, const BesideInstance *instance)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, instance->name);
	cmdb_put_text(&args, DataDir);
	(void) cmdb_run(&query,
					"DELETE FROM pgops.instance_beside AS i WHERE i.name = $1 AND i.maker = $2",
					&args);
	cmdb_end(&query);
	txn_end();
}

/* The row goes last: while there is one, what is left can be removed by another try. */
void
instance_remove(Job *job, BesideInstance *instance)
{
	if (instance_is_ours(instance))
	{
		instance_record(job, instance, "dropping");
		/* what it would write before it ends is removed anyway */
		if (!stop_by(instance, SIGQUIT, KILL_MS))
			instance_stop(job, instance);
		job_step(job, "removing the files of instance \"%s\"", instance->name);
		if (!instance_unmake(job, instance))
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_INSTANCE),
					 errmsg("directory \"%s\" could not be removed", instance_base(instance)),
					 errdetail("There are files that pgops did not make, or it may not remove."),
					 errhint("Remove what is left there, then drop the instance again.")));
	}
	forget(job, instance);
}
