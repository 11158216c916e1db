/*
 * job_program.c
 *		A program that a job runs: its lines become the job's output, its
 *		process is remembered as long as it lives.
 *
 * Not for: how it is started and ended (io/process.h).
 */
#include "postgres.h"

#include <string.h>

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "errors.h"
#include "ops/job_parts.h"

/* how often output is stored and cancel looked for while a program runs, ms */
#define TICK_MS		500

/* how often it is looked whether the job is still wanted, in ticks */
#define TICKS_PER_LOOK	6

typedef struct RunState
{
	Job		   *job;
	const JobProgram *program;
	int			ticks;
} RunState;

static void
on_line(IoStream stream, const char *line, void *arg)
{
	RunState   *state = arg;

	if (state->program->filter &&
		!state->program->filter(state->job, stream, line, state->program->arg))
		return;
	job_add_line(state->job, stream == IO_STDOUT ? "out" : "err", line);
}

/* A program that says nothing must not go on for an extension that was dropped. */
static bool
on_tick(void *arg)
{
	RunState   *state = arg;

	job_check(state->job);
	if (++state->ticks % TICKS_PER_LOOK == 0)
	{
		job_begin(state->job);
		txn_end();
	}
	job_flush(state->job);
	return true;
}

/*
 * Written down as soon as the program runs: should this worker be killed and
 * the kernel not end the program, the next life of the server does.
 */
static void
on_start(pid_t pid, int64 start_time, void *arg)
{
	RunState   *state = arg;

	state->job->host->show_child(pid, start_time);
}

IoProcessResult *
job_run(Job *job, const JobProgram *program)
{
	RunState	state = {job, program, 0};
	IoProcessRequest request = {0};
	IoProcessResult *result;

	request.program = program->program;
	request.argv = program->argv;
	request.environment = program->environment;
	request.input = program->input;
	request.max_capture = program->max_capture;
	request.tick_ms = TICK_MS;
	request.on_tick = on_tick;
	request.on_line = on_line;
	request.on_start = on_start;
	request.arg = &state;
	result = io_process_run(&request);
	job->host->show_child(0, 0);
	job_flush(job);
	return result;
}

/* the last line with something in it, or NULL */
static char *
last_line(const char *text)
{
	const char *end = text + strlen(text);
	const char *start;

	while (end > text && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	start = end;
	while (start > text && start[-1] != '\n')
		start--;
	return end > start ? pnstrdup(start, end - start) : NULL;
}

void
job_require_success(Job *job, const IoProcessResult *result, const char *what)
{
	char	   *said = last_line(result->err[0] ? result->err : result->out);

	if (result->end == IO_PROCESS_EXITED && result->exit_code == 0)
		return;
	if (result->end == IO_PROCESS_NOT_STARTED)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROGRAM_MISSING),
				 errmsg("%s could not be started: %s", what, strerror(result->start_errno))));
	job->exit_code = result->end == IO_PROCESS_EXITED ? result->exit_code : -1;
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_PROCESS),
			 errmsg("%s %s", what, io_process_describe(result)),
			 said ? errdetail_internal("%s", said) : 0,
			 errhint("SELECT * FROM pgops.job_log(" INT64_FORMAT ") shows all that it wrote.",
					 job->id)));
}
