/*
 * shared.h
 *		What the coordinator tells all sessions through shared memory, and how
 *		they ask it for a pass.
 *
 * Only flags, a pid and a condition variable: never pointers, latches or
 * handles.  Not for: anything that must survive a restart (cmdb/).
 */
#ifndef PGOPS_WORKER_SHARED_H
#define PGOPS_WORKER_SHARED_H

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "worker/job_slot.h"

/* why a pass is wanted: bits of PgopsShared.requests */
#define REQUEST_CHANGED		0x01	/* a declaration was committed */
#define REQUEST_FULL		0x02	/* compare everything, forget retry times */
#define REQUEST_JOBS		0x04	/* a job was asked for, or one is over */
#define REQUEST_GUARD		0x08	/* Patroni says something else of this member: whether it may act is asked anew */

typedef struct PgopsShared
{
	slock_t		mutex;			/* protects all up to jobs */
	pid_t		pid;			/* of the coordinator, 0: not running */
	bool		in_recovery;
	TimestampTz started;
	TimestampTz last_pass;
	int			failed_starts;	/* in a row: it could not connect */
	char		state[64];		/* starting, idle, working, ... */
	char		last_error[256];
	char		waiting[512];	/* why a primary does nothing (gate.h); empty: it may */
	char		pgbackrest[64]; /* which program file the version is of */
	int			pgbackrest_version; /* 2.45 is 245; 0: not known */
	JobSlot		jobs[JOB_SLOTS];

	pg_atomic_uint32 requests;
	pg_atomic_uint64 passes;	/* completed */
	ConditionVariable pass_done;
	ConditionVariable job_changed;	/* a job is in another state */
} PgopsShared;

/* NULL if the library was not preloaded */
extern PgopsShared *pgops_shared;

/* in the postmaster: asks for the memory and hooks its initialisation */
extern void shared_request(void);

/* ERROR (ERRCODE_PGOPS_NOT_LOADED) if the library was not preloaded */
extern void shared_require(void);

/* what the coordinator is doing now, for pgops.coordinator() */
extern void shared_set_state(const char *state);

/* NULL or empty: no error */
extern void shared_set_error(const char *message);

/* why this primary may do nothing now, and NULL when it may; who waits for passes is woken */
extern void shared_set_waiting(const char *reason);

/* that, palloc'd; NULL: it may, or is a standby, or pgops is not loaded */
extern char *shared_waiting(void);

#endif							/* PGOPS_WORKER_SHARED_H */
