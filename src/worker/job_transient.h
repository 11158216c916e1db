/*
 * job_transient.h
 *		Jobs of a standby: they live in shared memory, for there no row can be
 *		written.
 *
 * A cluster without leader is the very case in which a job must be asked for on a
 * standby (a failover).  Such jobs have negative numbers; those that were started
 * are kept in a file beside the data directory, too, since some of them
 * restart the very server they run on.
 *
 * Not for: jobs of a primary (cmdb/job.h), how far a running one is (job_slot.h).
 */
#ifndef PGOPS_WORKER_JOB_TRANSIENT_H
#define PGOPS_WORKER_JOB_TRANSIENT_H

#include "cmdb/job.h"
#include "ops/job.h"

#define TRANSIENT_JOBS		8
#define TRANSIENT_LINES		32	/* of output: the last ones */

typedef enum TransientState
{
	TRANSIENT_FREE,
	TRANSIENT_ASKED,			/* by a transaction that has not committed yet */
	TRANSIENT_QUEUED,
	TRANSIENT_RUNNING,
	TRANSIENT_SUCCEEDED,
	TRANSIENT_FAILED,
	TRANSIENT_CANCELLED,
	TRANSIENT_INTERRUPTED
} TransientState;

typedef struct TransientLine
{
	TimestampTz at;
	char		stream[8];
	char		text[240];
} TransientLine;

/* texts are empty where a row would have a null */
typedef struct TransientJob
{
	int64		id;				/* negative */
	TransientState state;
	pid_t		asker;			/* the session, while "asked" */
	char		kind[32];
	char		args[1024];		/* JSON, like memory and result */
	char		memory[2048];
	char		result[2048];
	char		cluster[NAMEDATALEN];
	char		requested_by[NAMEDATALEN];
	char		cancelled_by[NAMEDATALEN];
	TimestampTz requested_at;
	TimestampTz started_at;		/* 0: not yet, like the next */
	TimestampTz finished_at;
	TimestampTz heartbeat;
	int64		deadline_ms;	/* 0: none */
	int			attempts;
	char		step[96];
	char		sqlstate[6];
	char		error[512];
	char		detail[512];
	char		hint[512];
	int			lines;			/* so far: the last ones are kept */
	TransientLine line[TRANSIENT_LINES];	/* number n is at (n - 1) % TRANSIENT_LINES */
} TransientJob;

/* queued, running, ... as in pgops.job */
extern const char *job_transient_state(TransientState state);

/* in the postmaster's hooks for shared memory (shared.c) */
extern Size job_transient_size(void);
extern void job_transient_request(void);
extern void job_transient_init(void);

/*
 * job_transient_queue
 *		Asks for a job of a kind that may run on a standby: it starts after the
 *		commit of this transaction, and never if that, or its savepoint, is rolled
 *		back.  Returns its number.  ERROR 25006 for other kinds and for one that is to start later,
 *		PO505 if all places are taken, 54000 for arguments that are too long.
 */
extern int64 job_transient_queue(const JobRequest *request);

/* copies of the one at a place, or of that number; false: there is none (that was committed) */
extern bool job_transient_get(int place, TransientJob *copy);
extern bool job_transient_find(int64 id, TransientJob *copy);

/* one that waits is not started; false: it does not wait (any more) */
extern bool job_transient_cancel(int64 id, const char *role);

/* like their namesakes in cmdb/job.h, of a job's worker */
extern CmdbJobRow *job_transient_claim(int64 id);
extern void job_transient_output(int64 id, List *lines);
extern void job_transient_remember(int64 id, const SpecNode *memory);
extern void job_transient_beat(int64 id);
extern void job_transient_finish(int64 id, const CmdbJobEnd *end);

/*
 * job_transient_settle
 *		The coordinator: one that runs without a worker is resumed if it can be,
 *		else it was interrupted; places of sessions that are gone are free again.
 *		Outside of transactions.
 */
extern void job_transient_settle(void);

/* the file (job_transient_file.c): writes all that were started; reads them, once after a start of the server */
extern void job_transient_save(void);
extern void job_transient_load(void);

#endif							/* PGOPS_WORKER_JOB_TRANSIENT_H */
