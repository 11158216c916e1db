/*
 * stanza_run.c
 *		Running pgBackRest in a job.
 *
 * Not for: what its failures mean (stanza_failure.c), what it answers
 * (stanza_info.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "io/file.h"
#include "ops/stanza_parts.h"
#include "render/pgbackrest.h"

#define MAX_CONFIG_BYTES	(1024 * 1024)

void
stanza_raise(const StanzaFailure *failure)
{
	ereport(ERROR,
			(errcode(failure->sqlstate),
			 errmsg_internal("%s", failure->message),
			 failure->detail ? errdetail_internal("%s", failure->detail) : 0,
			 failure->hint ? errhint("%s", failure->hint) : 0));
}

/*
 * pgBackRest masks what it prints of its options, but passes on what an object
 * store answers, which may hold a key.
 */
void
stanza_keep_secrets(Job *job)
{
	char	   *path = stanza_config_path();
	char	   *text = access(path, R_OK) == 0 ? io_read_file(path, MAX_CONFIG_BYTES) : NULL;
	ListCell   *cell;

	foreach(cell, text ? render_pgbackrest_secrets(text) : NIL)
		job_secret(job, lfirst(cell));
}

/*
 * Errors go to stderr whatever its configuration says: that is where
 * stanza_failure() reads them.
 */
StanzaFailure *
stanza_try(Job *job, const Stanza *stanza, const char *command, List *options,
		   JobLineFilter filter, void *arg)
{
	JobProgram	program = {0};
	const IoProcessResult *result;
	StanzaFailure *failure;

	program.program = stanza->program;
	program.argv = stanza_argv(stanza, command,
							   lcons(pstrdup("--log-level-stderr=warn"), list_copy(options)));
	program.filter = filter;
	program.arg = arg;
	stanza_keep_secrets(job);
	result = job_run(job, &program);
	failure = stanza_failure(stanza, command, result);
	if (failure != NULL && result->end == IO_PROCESS_EXITED)
		job->exit_code = result->exit_code;
	return failure;
}

void
stanza_run(Job *job, const Stanza *stanza, const char *command, List *options)
{
	const StanzaFailure *failure = stanza_try(job, stanza, command, options, NULL, NULL);

	if (failure != NULL)
		stanza_raise(failure);
}
