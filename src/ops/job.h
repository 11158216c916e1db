/*
 * job.h
 *		What a kind of job has to work with: its arguments, steps, progress,
 *		output, programs, statements in other databases.
 *
 * A job runs in a worker of its own, outside any transaction: what it stores
 * it stores in short transactions (txn_begin() ... txn_end() of
 * cmdb/extension.h).  It fails by raising an ERROR, whose SQLSTATE, message and hint become
 * those of the job; it must be ready for an ERROR out of every call here, which is how a
 * cancel, a deadline and the end of the server reach it.
 *
 * Not for: when and where jobs run (worker/job_*.c), which kinds there are (kinds.c).
 */
#ifndef PGOPS_OPS_JOB_H
#define PGOPS_OPS_JOB_H

#include "io/process.h"
#include "nodes/pg_list.h"
#include "spec/node.h"
#include "utils/timestamp.h"

struct JobHost;
struct CmdbJobNew;

typedef struct Job
{
	int64		id;
	const struct JobKind *kind;
	SpecNode   *args;			/* a map, as given to job_queue() */
	char	   *cluster;		/* name, or NULL */
	char	   *requested_by;	/* role */
	int			attempt;		/* 1, 2, ... */
	bool		last_attempt;
	TimestampTz started;		/* this attempt, or this life of one that was resumed */
	TimestampTz deadline;		/* 0: none */
	TimestampTz stop_at;		/* end of the window it runs in, 0: none; deadline is not later */
	MemoryContext context;		/* lives as long as the job */

	/* kept by job*.c */
	Oid			extension;		/* the one that the job belongs to */
	const struct JobHost *host;
	SpecNode   *result;			/* a map, or NULL */
	List	   *secrets;		/* of char *: texts that no output may hold */
	List	   *pending;		/* of JobLine *: output not stored yet */
	int			lines;			/* of output, stored or not */
	int			exit_code;		/* of the last program that failed; -1: none */
	char		step[96];
	bool		handed_over;	/* see job_hand_over() */
	SpecNode   *memory;			/* what an earlier life of it remembered, a map; NULL: none */
	TimestampTz heartbeat;		/* when that one wrote last; 0: not known */
} Job;

/* ---- kinds ---- */
typedef struct JobKind
{
	const char *name;
	void		(*run) (Job *job);
	const char *group;			/* at most one job of a group runs; NULL: any number */
	int			deadline;		/* seconds; 0: none.  Unless the job says otherwise */
	int			attempts;		/* how often it is tried; 1: once */
	int			retry_delay;	/* seconds, doubled each time */
	bool		quiet;			/* the row of one that nobody asked for is removed when it succeeds */
	bool		outlives;		/* its program may outlive the server: see job_hand_over() */
	const char *summary;
	bool		unguarded;		/* is done by a primary, too, that Patroni does not call the leader (guard.h) */
	bool		standby;		/* may be asked for on a standby, too: see worker/job_transient.h */
	bool		resumes;		/* goes on after the end of its server: see job_remember() */
} JobKind;

extern const JobKind job_kinds[];	/* ends with name NULL */
extern const JobKind *job_kind(const char *name);	/* NULL if there is none */

/*
 * By default a failure is final.  An ERROR with one of these SQLSTATEs may
 * go away by itself and is tried again while attempts are left: PO503 (locked
 * by another process), 53xxx (resources), 55P03 (lock not available), 08xxx (connection).
 */
extern bool job_may_retry(int sqlstate);

/* ---- arguments ---- */

/* true in the arguments of a job that pgops does by itself, often, and of no interest to people */
#define JOB_UNASKED		"unasked"

/* text of a scalar argument; NULL: absent or null */
extern const char *job_arg(const Job *job, const char *name);
extern bool job_arg_bool(const Job *job, const char *name, bool otherwise);
extern int64 job_arg_int(const Job *job, const char *name, int64 otherwise);

/* ---- telling ---- */

/* names what is being done ("restoring"); progress begins anew.  Checks for cancel and deadline */
extern void job_step(Job *job, const char *format,...) pg_attribute_printf(2, 3);

/* total 0: unknown.  unit: "bytes", "files", "tables", "percent" ...; cheap, call it as often as you like */
extern void job_progress(Job *job, double done, double total, const char *unit);

/* a line of the job's output, stream "note" */
extern void job_note(Job *job, const char *format,...) pg_attribute_printf(2, 3);

/* a field of the job's result (jsonb), shown when it is over */
extern void job_result(Job *job, const char *name, SpecNode *value);

/* from now on this text is replaced by a mask in all that the job tells */
extern void job_secret(Job *job, const char *text);

/* ERROR if the job was cancelled, its deadline is over or the server stops */
extern void job_check(Job *job);

/* ---- doing ---- */

/* a line of a program, before it is stored; false: not worth storing */
typedef bool (*JobLineFilter) (Job *job, IoStream stream, const char *line, void *arg);

typedef struct JobProgram
{
	const char *program;
	const char *const *argv;
	const char *const *environment;
	const char *input;
	JobLineFilter filter;		/* or NULL: all lines are stored */
	void	   *arg;
	size_t		max_capture;	/* see IoProcessRequest */
} JobProgram;

/*
 * job_run
 *		Runs a program: its lines become the job's output, the job's deadline
 *		and cancel are its own; then an ERROR is raised.  Whatever else becomes
 *		of it is the result's.  Not in a transaction.
 */
extern IoProcessResult *job_run(Job *job, const JobProgram *program);

/* ERROR (PO500, PO501 if it is missing) unless it exited with 0; the last line it wrote on stderr is the detail */
extern void job_require_success(Job *job, const IoProcessResult *result, const char *what);

/* txn_begin() of a job: ERROR PO504 if the extension is gone.  Ended by txn_end() */
extern void job_begin(Job *job);

/*
 * job_hand_over
 *		The job goes on in another process, which outlives the server; the row
 *		stays "running" until that process is gone or has told how it ended.
 *		To be called last.
 */
extern void job_hand_over(Job *job, pid_t pid);

/*
 * job_remember
 *		What the job must know to go on if its server ends now, which is part of
 *		what it does (it moves the leader, it restarts this server): it is then
 *		queued anew, on this server or the one that leads instead, and finds this map in
 *		Job.memory, with "resumed": {at, timeline, times} added.  NULL: nothing any more.  Output so far is
 *		stored, too; in transactions of their own.  For kinds that resume.
 */
extern void job_remember(Job *job, const SpecNode *memory);

/* writes the time: what is known of the last moment in which this server could write */
extern void job_beat(Job *job);

/* a statement to run in another database, at top level there (so VACUUM may be one) */
typedef struct JobStatement
{
	char	   *text;
	int			timeout_s;		/* statement_timeout; 0: none */
	/* out */
	bool		done;			/* false: not reached */
	bool		ok;
	char	   *rows;			/* what it returned: JSON array of objects; NULL: nothing */
	int			sqlstate;
	char	   *message;
} JobStatement;

/* called every half second while statements run, with the pid of the process that does; false: stop */
typedef bool (*JobTick) (Job *job, int pid, int running, void *arg);

/*
 * job_in_database
 *		Runs statements one by one in a worker that is connected to a database
 *		(also one that does not allow connections).  One that fails does not
 *		stop those after it.  ERROR if there is no worker to be had or it died,
 *		and for cancel and deadline, after the running statement was cancelled.
 */
extern void job_in_database(Job *job, const char *database, List *statements,
							JobTick on_tick, void *arg);

/* ---- asking for jobs ---- */
typedef struct JobRequest
{
	const char *kind;
	const SpecNode *args;		/* a map */
	const char *cluster;		/* or NULL */
	const char *requested_by;	/* role; NULL: the session's user */
	const char *schedule;		/* name of the schedule it comes from, or NULL */
	TimestampTz not_before;		/* 0: at once */
	TimestampTz stop_at;		/* it ends at this time at the latest (a window's end); 0: not */
	int64		deadline_ms;	/* from its start; 0: the kind's, < 0: none */
} JobRequest;

/*
 * job_make
 *		Checks a request against its kind and fills in what the kind says.  ERROR for
 *		an unknown kind (22023).
 */
extern const JobKind *job_make(const JobRequest *request, struct CmdbJobNew *job);

/*
 * job_queue
 *		Stores a job; it starts after the commit.  Returns its id.  Needs a
 *		transaction that may write.  ERROR for an unknown kind (22023) and on a
 *		standby (25006).
 */
extern int64 job_queue(const JobRequest *request);

/* ---- what the worker lends (worker/job_main.c) ---- */
typedef struct JobShown
{
	const char *step;
	double		done;
	double		total;
	const char *unit;
} JobShown;

typedef struct JobHost
{
	void		(*show) (const JobShown *shown);
	void		(*show_child) (pid_t pid, int64 start_time);	/* 0: none any more */
	void		(*in_database) (Job *job, const char *database, List *statements,
								JobTick on_tick, void *arg);
	void		(*store_lines) (Job *job);	/* those of Job.pending; these three outside of transactions */
	void		(*store_memory) (Job *job, const SpecNode *memory);
	void		(*store_beat) (Job *job);
} JobHost;

/* stores pending output in a transaction of its own; called at ticks and at the end */
extern void job_flush(Job *job);

#endif							/* PGOPS_OPS_JOB_H */
