/*
 * job_slot.h
 *		Running jobs in shared memory: who does them and how far they are.
 *
 * Every function locks for itself.  Not for: what must survive (cmdb/job.h).
 */
#ifndef PGOPS_WORKER_JOB_SLOT_H
#define PGOPS_WORKER_JOB_SLOT_H

#include "ops/job.h"

#define JOB_SLOTS	16			/* upper bound of pgops.max_jobs */

typedef struct JobSlot
{
	int64		id;				/* 0: free */
	pid_t		worker;			/* 0: not started yet */
	bool		claimed;		/* the job has become the worker's */
	TimestampTz taken;			/* when it was given to the job */
	char		cancelled_by[NAMEDATALEN];	/* empty: nobody */
	char		step[96];
	char		unit[16];		/* empty: no progress is known */
	double		done;
	double		total;
	TimestampTz step_started;
} JobSlot;

/* takes a free slot for a job; -1: none, or "limit" of them are in use */
extern int	job_slot_take(int64 id, int limit);

extern void job_slot_free(int slot);

/* the worker says that it is there; false: the slot is not for this job any more */
extern bool job_slot_enter(int slot, int64 id);

/* the worker says that the job is its own now */
extern void job_slot_claimed(int slot);

/* step NULL: stays.  A new step begins a new measurement */
extern void job_slot_show(int slot, const JobShown *shown);

/* copy of a slot; returns whether it is in use */
extern bool job_slot_get(int slot, JobSlot *copy);

/* finds the slot of a job; -1: it has none */
extern int	job_slot_find(int64 id, JobSlot *copy);

/*
 * job_slot_cancel
 *		Tells the worker of a job to end it, in the name of a role.  False if it
 *		has no worker.
 */
extern bool job_slot_cancel(int64 id, const char *role);

#endif							/* PGOPS_WORKER_JOB_SLOT_H */
