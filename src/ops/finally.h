/*
 * finally.h
 *		Work of a job that leaves things behind which have to go, however the
 *		work ends.
 *
 * Not for: what a crash or an immediate stop leaves: nothing can run then, and
 * the next job of the kind looks for it.
 */
#ifndef PGOPS_OPS_FINALLY_H
#define PGOPS_OPS_FINALLY_H

#include "ops/job.h"

typedef void (*JobWork) (Job *job, void *arg);
typedef void (*JobCleanup) (Job *job, void *arg, bool failed);

/*
 * job_finally
 *		Calls work, then cleanup, also after an ERROR (a cancel, a deadline),
 *		which is raised again after it.  cleanup is called outside any
 *		transaction.  What fails in cleanup is told in the job's output if the
 *		work had failed, else raised.
 */
extern void job_finally(Job *job, JobWork work, JobCleanup cleanup, void *arg);

/* runs one of them; the error that it raised, in job->context, or NULL */
extern ErrorData *job_attempt(Job *job, JobWork work, void *arg);

#endif							/* PGOPS_OPS_FINALLY_H */
