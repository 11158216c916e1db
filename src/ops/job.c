/*
 * job.c
 *		A job's arguments, steps, progress and result.
 *
 * Not for: its output (job_output.c), programs (job_program.c), asking for
 * one (job_queue.c).
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "errors.h"
#include "format.h"
#include "ops/job.h"

/*
 * Class 08: the other side of a connection, class 53: memory, disk, slots.
 * Anything else would fail in the same way again.
 */
bool
job_may_retry(int sqlstate)
{
	return sqlstate == ERRCODE_PGOPS_LOCKED ||
		sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_CONNECTION_EXCEPTION ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_INSUFFICIENT_RESOURCES;
}

const char *
job_arg(const Job *job, const char *name)
{
	const SpecNode *value = node_get(job->args, name);

	if (value == NULL || value->kind == NODE_NULL)
		return NULL;
	return node_text(value);
}

/* ERROR for an argument that does not read as what it must be: our own SQL has stored it */
static void
wrong_argument(const Job *job, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"%s\" of the job cannot be read", name)));
}

bool
job_arg_bool(const Job *job, const char *name, bool otherwise)
{
	const char *text = job_arg(job, name);
	bool		value = otherwise;

	if (text != NULL && !parse_bool(text, &value))
		wrong_argument(job, name);
	return value;
}

int64
job_arg_int(const Job *job, const char *name, int64 otherwise)
{
	const char *text = job_arg(job, name);
	char	   *end;
	int64		value;

	if (text == NULL)
		return otherwise;
	errno = 0;
	value = strtoi64(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		wrong_argument(job, name);
	return value;
}

/*
 * Cancel and deadline both come as a pending cancel, so that a statement, a
 * wait and a program answer to them in the same way; which of them it was, the
 * worker finds out (worker/job_main.c).
 */
void
job_check(Job *job)
{
	CHECK_FOR_INTERRUPTS();
}

void
job_step(Job *job, const char *format,...)
{
	JobShown	shown = {0};
	StringInfoData text;

	initStringInfo(&text);
	FORMAT_ARGUMENTS(&text, format);
	strlcpy(job->step, text.data, sizeof(job->step));
	shown.step = text.data;
	job->host->show(&shown);
	pfree(text.data);
	job_check(job);
}

void
job_progress(Job *job, double done, double total, const char *unit)
{
	JobShown	shown = {.done = done,.total = total,.unit = unit};

	job->host->show(&shown);
}

void
job_result(Job *job, const char *name, SpecNode *value)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	if (job->result == NULL)
		job->result = node_map();
	node_map_set(job->result, pstrdup(name), node_copy(value));
	MemoryContextSwitchTo(old);
}

/* The program, statements and directory of a database other than ours are the worker's to reach. */
void
job_in_database(Job *job, const char *database, List *statements, JobTick on_tick, void *arg)
{
	job->host->in_database(job, database, statements, on_tick, arg);
}

void
job_remember(Job *job, const SpecNode *memory)
{
	job_flush(job);
	job->host->store_memory(job, memory);
}

void
job_beat(Job *job)
{
	job->host->store_beat(job);
}

void
job_hand_over(Job *job, pid_t pid)
{
	job->host->show_child(pid, io_process_start_time(pid));
	job->handed_over = true;
}
