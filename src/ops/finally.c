/*
 * finally.c
 *		Work of a job, and what has to be done after it in every case.
 *
 * Not for: knowing what that is.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cmdb/extension.h"
#include "ops/finally.h"

/*
 * The error is copied and its state flushed before anything else runs: what
 * follows runs statements and programs of its own.
 */
ErrorData *
job_attempt(Job *job, JobWork work, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		work(job, arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(job->context);
		error = CopyErrorData();
		FlushErrorState();
		txn_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	/* an empty one: leaves behind what may be held between transactions */
	if (error != NULL && txn_begin() == EXTENSION_READY)
		txn_end();
	return error;
}

typedef struct Cleanup
{
	JobCleanup	function;
	void	   *arg;
	bool		failed;
} Cleanup;

static void
clean_up(Job *job, void *arg)
{
	Cleanup    *cleanup = arg;

	cleanup->function(job, cleanup->arg, cleanup->failed);
}

/* A second cancel must not keep what is left from being removed. */
void
job_finally(Job *job, JobWork work, JobCleanup cleanup, void *arg)
{
	Cleanup		after = {cleanup, arg, false};
	ErrorData  *error = job_attempt(job, work, arg);
	ErrorData  *late;

	after.failed = error != NULL;
	HOLD_CANCEL_INTERRUPTS();
	late = job_attempt(job, clean_up, &after);
	if (late == NULL)			/* an ERROR has done so */
		RESUME_CANCEL_INTERRUPTS();
	if (error != NULL && late != NULL)
		job_note(job, "cleaning up failed: %s", late->message);
	if (error != NULL || late != NULL)
		ReThrowError(error != NULL ? error : late);
}
