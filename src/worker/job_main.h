/*
 * job_main.h
 *		The worker of one job, seen from the coordinator.
 */
#ifndef PGOPS_WORKER_JOB_MAIN_H
#define PGOPS_WORKER_JOB_MAIN_H

#include "postmaster/bgworker.h"

/*
 * job_worker_start
 *		Starts a worker for the job that has this slot.  NULL: no free slot of
 *		max_worker_processes.  The handle is in TopMemoryContext.
 */
extern BackgroundWorkerHandle *job_worker_start(int slot, int64 id, const char *kind);

#endif							/* PGOPS_WORKER_JOB_MAIN_H */
