/*
 * stanza_run.c
 *		Running pgBackRest in a job.
 *
 * Not for: what its failures mean (stanza_failure.c), what it answers
 * (stanza_info.c).
 */
#include "postgres.h"

#include "ops/stanza_parts.h"

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
