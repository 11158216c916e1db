/*
 * task.h
 *		Work inside another database: short-lived dynamic workers that observe
 *		or execute there and send rows back through shared memory.
 *
 * Usable from the coordinator (outside any transaction) and from a session's
 * backend (inside its transaction).  Not for: what the work means.
 */
#ifndef PGOPS_WORKER_TASK_H
#define PGOPS_WORKER_TASK_H

#include "nodes/pg_list.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

typedef enum TaskKind
{
	TASK_OBSERVE = 'o',			/* reply: one message, observe_local_here() */
	TASK_APPLY = 'a',			/* request: apply_encode_request(); reply: a message per action */
	TASK_STATEMENT = 's'		/* request and a reply per statement: see task_statement.h */
} TaskKind;

/* a WARNING that the worker raised */
typedef struct TaskWarning
{
	int			replies;		/* how many replies had arrived before it */
	int			sqlstate;
	char	   *message;
} TaskWarning;

typedef struct Task
{
	/* in */
	TaskKind	kind;
	char	   *database;		/* name, for messages */
	Oid			dboid;
	StringInfo	request;		/* or NULL */

	/* out */
	List	   *replies;		/* of StringInfo: messages in order */
	List	   *warnings;		/* of TaskWarning *, in order: only of TASK_STATEMENT */
	bool		done;			/* the worker finished and said so */
	int			sqlstate;		/* if !done: why not */
	char	   *message;
	char	   *hint;
} Task;

/*
 * task_run_all
 *		Runs all tasks, at most pgops.max_workers at a time, waiting at most
 *		until the deadline; a task that could not be started (no free worker
 *		slot), whose worker died, or that is late has done = false and the
 *		reason.  Every worker is gone when this returns (terminated if late).
 *		Raises only what CHECK_FOR_INTERRUPTS raises, after terminating.
 */
extern void task_run_all(List *tasks, TimestampTz deadline);

/* somebody who looks on while a task runs */
typedef struct TaskWatch
{
	long		tick_ms;

	/*
	 * Called every tick_ms with the worker's process and the number of replies
	 * so far; may use transactions of its own.  false: the worker is to stop.
	 */
	bool		(*on_tick) (int pid, int replies, void *arg);
	void	   *arg;
} TaskWatch;

/*
 * task_run_watched
 *		Runs one task, for as long as it takes.  When the watch wants it to stop,
 *		the worker's statement is cancelled and it begins no other: then it is
 *		done like a task that came to its end.  Raises what CHECK_FOR_INTERRUPTS
 *		and the watch raise, after terminating; the worker is gone in any case.
 */
extern void task_run_watched(Task *task, const TaskWatch *watch);

#endif							/* PGOPS_WORKER_TASK_H */
