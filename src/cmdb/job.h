/*
 * job.h
 *		Rows of pgops.job and pgops.job_output: asking for a job, starting it,
 *		writing down what became of it.
 *
 * All need a transaction.  Not for: which kinds there are and what they do
 * (ops/), nor for when a job is started (worker/job_watch.c).
 */
#ifndef PGOPS_CMDB_JOB_H
#define PGOPS_CMDB_JOB_H

#include "nodes/pg_list.h"
#include "spec/node.h"
#include "utils/timestamp.h"

/* a job to be stored */
typedef struct CmdbJobNew
{
	const char *kind;
	const SpecNode *args;		/* a map */
	const char *cluster;		/* or NULL, like the two below */
	const char *schedule;
	const char *requested_by;	/* NULL: the session's user */
	TimestampTz not_before;		/* 0: now */
	TimestampTz stop_at;		/* 0: none */
	int64		deadline_ms;	/* 0: none */
	int			max_attempts;
} CmdbJobNew;

/* returns the id */
extern int64 cmdb_job_insert(const CmdbJobNew *job);

/* a job that was started by cmdb_job_claim() */
typedef struct CmdbJobRow
{
	char	   *kind;
	SpecNode   *args;
	char	   *cluster;		/* or NULL */
	char	   *requested_by;
	int			attempts;		/* this one included */
	int			max_attempts;
	TimestampTz stop_at;		/* 0: none */
	int64		deadline_ms;	/* 0: none */
	int			lines;			/* of output that earlier attempts left */
	SpecNode   *memory;			/* of cmdb_job_remember(), a map; or NULL */
	TimestampTz heartbeat;		/* of cmdb_job_beat(); 0: none */
	TimestampTz started_at;		/* of this attempt: its first life, if it was resumed */
} CmdbJobRow;

/*
 * cmdb_job_claim
 *		Makes a queued job a running one of this process.  NULL if it is not
 *		queued any more: no job is started twice.
 */
extern CmdbJobRow *cmdb_job_claim(int64 id, const char *boot);

/* remembers the process of the program that a running job has; pid 0: none any more */
extern void cmdb_job_set_child(int64 id, int pid, int64 start);

/* what a running job must know when it is resumed; NULL: nothing any more */
extern void cmdb_job_remember(int64 id, const SpecNode *memory);

/* writes that the job lives; returns whether it still runs */
extern bool cmdb_job_beat(int64 id);

/*
 * cmdb_job_resume
 *		Queues a running job anew that left a memory, which gets "resumed": since when
 *		this server could write ("at"), its timeline, how often it was.  False: it has no
 *		memory, or was resumed "most" times already.
 */
extern bool cmdb_job_resume(int64 id, TimestampTz at, int timeline, int most);

/* what is written when an attempt is over */
typedef struct CmdbJobEnd
{
	const char *state;			/* queued: there will be another attempt */
	const char *cancelled_by;	/* or NULL, like all texts below */
	const char *step;
	double		done;
	double		total;			/* 0: unknown */
	const char *unit;
	int			exit_code;		/* -1: none */
	int			sqlstate;		/* 0: none */
	const char *error;
	const char *detail;
	const char *hint;
	SpecNode   *result;
	TimestampTz not_before;		/* of the next attempt */
} CmdbJobEnd;

extern void cmdb_job_finish(int64 id, const CmdbJobEnd *end);

/* a quiet job that succeeded leaves nothing */
extern void cmdb_job_delete(int64 id);

/* a queued or running job */
typedef struct CmdbJobOpen
{
	int64		id;
	char	   *kind;
	bool		running;
	bool		due;			/* queued, and its time has come */
	TimestampTz not_before;
	int			worker_pid;		/* running: of this boot, else 0 */
	int			child_pid;		/* likewise */
	int64		child_start;
	char	   *boot;			/* running: or NULL */
} CmdbJobOpen;

/* all of them, those that were to start first first */
extern List *cmdb_job_open(void);

/* fails queued jobs whose stop_at has come; returns how many */
extern int	cmdb_job_fail_late(void);

/* marks a running job as interrupted */
extern void cmdb_job_interrupt(int64 id, const char *reason);

/* deletes jobs that were over more than "days" days ago */
extern void cmdb_job_expire(int days);

/* one line of output */
typedef struct CmdbJobLine
{
	int			number;
	TimestampTz at;
	const char *stream;			/* out, err, note */
	char	   *text;
} CmdbJobLine;

extern void cmdb_job_output(int64 id, List *lines);

#endif							/* PGOPS_CMDB_JOB_H */
