/*
 * stanza_run.c
 *		Running pgBackRest in a job.
 *
 * Not for: what its failures mean (stanza_failure.c), what it answers
 * (stanza_info.c).
 */
#include "postgres.h"

#include "ops/stanza_parts.h"

/* its output is worth a row unless a filter says otherwise */
static bool
all_lines(Job *job, IoStream stream, const char *line, void *arg)
{
	return true;
}

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
void
stanza_run_filtered(Job *job, const Stanza *stanza, const char *command, List *options,
					JobLineFilter filter, void *arg)
{
	JobProgram	program = {0};
	const StanzaFailure *failure;

	program.program = stanza->program;
	program.argv = stanza_argv(stanza, command,
							   lcons(pstrdup("--log-level-stderr=warn"), list_copy(options)));
	program.filter = filter ? filter : all_lines;
	program.arg = arg;
	failure = stanza_failure(stanza, command, job_run(job, &program));
	if (failure != NULL)
		stanza_raise(failure);
}

void
stanza_run(Job *job, const Stanza *stanza, const char *command, List *options)
{
	stanza_run_filtered(job, stanza, command, options, NULL, NULL);
}
