/*
 * job_queue.c
 *		Asking for a job.
 *
 * Not for: starting it (worker/job_watch.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"

#include "cmdb/job.h"
#include "ops/job.h"

const JobKind *
job_make(const JobRequest *request, CmdbJobNew *job)
{
	const JobKind *kind = job_kind(request->kind);

	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no kind of job \"%s\"", request->kind),
				 errhint("See pgops.job_kinds().")));
	memset(job, 0, sizeof(*job));
	job->kind = kind->name;
	job->args = request->args ? request->args : node_map();
	job->cluster = request->cluster;
	job->schedule = request->schedule;
	job->requested_by = request->requested_by;
	job->not_before = request->not_before;
	job->stop_at = request->stop_at;
	job->deadline_ms = request->deadline_ms > 0 ? request->deadline_ms :
		request->deadline_ms < 0 ? 0 : kind->deadline * INT64CONST(1000);
	job->max_attempts = kind->attempts;
	return kind;
}

int64
job_queue(const JobRequest *request)
{
	CmdbJobNew	job;

	PreventCommandDuringRecovery("a job of pgops");
	(void) job_make(request, &job);
	return cmdb_job_insert(&job);
}
