/*
 * task.c
 *		Starts database workers, collects what they send, and sees them out.
 *
 * Nothing here blocks: all workers are looked at in turn, and in between there
 * is the one wait.  Works without a transaction and without a resource owner.
 *
 * Not for: what happens in the worker (task_main.c).
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/memutils.h"

#include "errors.h"
#include "guc.h"
#include "io/wait.h"
#include "wire.h"
#include "worker/start.h"
#include "worker/task_wire.h"

/* ms between two looks while nobody sets our latch for sure */
#define POLL_MS				1000
#define POLL_STARVED_MS		20

/* ms to wait for a free worker slot when none of ours will free one */
#define STARVED_MS			2000

/* ms that a terminated worker may take to be gone */
#define GRACE_MS			10000

/* ms that a worker whose statement was cancelled may take before it is terminated */
#define STOP_MS				30000

/* "for as long as it takes", in a form that can be calculated with: ten years */
#define LONG_MS				(INT64CONST(10) * 366 * SECS_PER_DAY * 1000)

typedef enum RunState
{
	RUN_WAITING,				/* not started yet */
	RUN_WORKING,				/* started, queue open */
	RUN_LEAVING,				/* queue closed, process not yet gone */
	RUN_OVER
} RunState;

typedef struct TaskRun
{
	Task	   *task;
	RunState	state;
	bool		judged;			/* the task's outcome is known */
	bool		terminated;		/* by us, for being late */
	dsm_segment *segment;
	TaskHeader *header;			/* in the segment */
	shm_mq_handle *queue;
	BackgroundWorkerHandle *worker;
} TaskRun;

typedef struct TaskPool
{
	TaskRun    *runs;
	int			count;
	int			next;			/* first that is not started */
	int			active;			/* working or leaving */
	TimestampTz deadline;
	TimestampTz starved_until;	/* 0: slots are to be had */
	const TaskWatch *watch;		/* of the only task, or NULL */
	TimestampTz next_tick;
	bool		stopping;		/* the watch has seen enough */
	MemoryContext context;		/* handles and buffers */
	MemoryContext result;		/* replies and messages */
} TaskPool;

/* ---- outcomes ---- */

/* the first outcome counts: what follows is only a consequence */
static void
judge_failed(TaskPool *pool, TaskRun *run, int sqlstate, const char *message,
			 const char *hint)
{
	MemoryContext old;

	if (run->judged)
		return;
	old = MemoryContextSwitchTo(pool->result);
	run->judged = true;
	run->task->done = false;
	run->task->sqlstate = sqlstate;
	run->task->message = message ? pstrdup(message) : NULL;
	run->task->hint = hint ? pstrdup(hint) : NULL;
	MemoryContextSwitchTo(old);
}

static void
judge_lost(TaskPool *pool, TaskRun *run, const char *what, const char *hint)
{
	MemoryContext old = MemoryContextSwitchTo(pool->context);

	judge_failed(pool, run, ERRCODE_PGOPS_WORKER_LOST,
				 psprintf("worker for database \"%s\" %s", run->task->database, what),
				 hint);
	MemoryContextSwitchTo(old);
}

static void
judge_done(TaskRun *run)
{
	if (run->judged)
		return;
	run->judged = true;
	run->task->done = true;
}

/* ---- starting ---- */

/* false: the server has no free segment */
static bool
create_segment(TaskRun *run)
{
	int			length = run->task->request ? run->task->request->len : 0;
	shm_toc_estimator estimator;
	shm_toc    *toc;
	TaskHeader *header;
	char	   *request;
	shm_mq	   *queue;
	Size		size;

	shm_toc_initialize_estimator(&estimator);
	shm_toc_estimate_chunk(&estimator, sizeof(TaskHeader));
	shm_toc_estimate_chunk(&estimator, length + 1);
	shm_toc_estimate_chunk(&estimator, TASK_QUEUE_SIZE);
	shm_toc_estimate_keys(&estimator, 3);
	size = shm_toc_estimate(&estimator);

	run->segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (run->segment == NULL)
		return false;
	toc = shm_toc_create(TASK_MAGIC, dsm_segment_address(run->segment), size);

	header = shm_toc_allocate(toc, sizeof(TaskHeader));
	header->kind = run->task->kind;
	header->dboid = run->task->dboid;
	header->request_length = length;
	pg_atomic_init_u32(&header->stop, 0);
	shm_toc_insert(toc, TASK_KEY_HEADER, header);
	run->header = header;

	request = shm_toc_allocate(toc, length + 1);
	if (length > 0)
		memcpy(request, run->task->request->data, length);
	request[length] = '\0';
	shm_toc_insert(toc, TASK_KEY_REQUEST, request);

	queue = shm_mq_create(shm_toc_allocate(toc, TASK_QUEUE_SIZE), TASK_QUEUE_SIZE);
	shm_toc_insert(toc, TASK_KEY_QUEUE, queue);
	shm_mq_set_receiver(queue, MyProc);
	run->queue = shm_mq_attach(queue, run->segment, NULL);
	return true;
}

/* false: the server has no free slot for a worker */
static bool
register_worker(TaskRun *run)
{
	char		name[BGW_MAXLEN];
	WorkerStart start = {
		.name = name,
		.type = "pgops worker",
		.function = "pgops_task_main",
		.on_standby = true,
		.arg = UInt32GetDatum(dsm_segment_handle(run->segment)),
	};

	/* the name may be cut off, a database's name in the middle of a character */
	snprintf(name, sizeof(name), "pgops worker (database %u)", run->task->dboid);
	run->worker = worker_start(&start);
	return run->worker != NULL;
}

/* Detaching wakes a worker that still writes: it then ends by itself. */
static void
drop_segment(TaskRun *run)
{
	if (run->segment)
		dsm_detach(run->segment);
	run->segment = NULL;
	run->header = NULL;
	run->queue = NULL;
}

/* A free worker slot is needed; false if there is none now. */
static bool
start_run(TaskPool *pool, TaskRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(pool->context);
	bool		started = create_segment(run) && register_worker(run);

	if (started)
	{
		/* tells the queue of a worker that dies before it attaches */
		shm_mq_set_handle(run->queue, run->worker);
		run->state = RUN_WORKING;
		pool->active++;
	}
	else
		drop_segment(run);
	MemoryContextSwitchTo(old);
	return started;
}

/* gives up all that were not started */
static void
fail_waiting(TaskPool *pool, bool starved)
{
	for (; pool->next < pool->count; pool->next++)
	{
		TaskRun    *run = &pool->runs[pool->next];

		if (starved)
			judge_failed(pool, run, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
						 "no free slot for a pgops worker",
						 "Raise \"max_worker_processes\": pgops needs at least one free slot.");
		else
			judge_lost(pool, run, "was not started in time", NULL);
		run->state = RUN_OVER;
	}
}

/* starts what may run; returns whether any did */
static bool
start_waiting(TaskPool *pool)
{
	bool		progress = false;

	while (pool->next < pool->count && pool->active < Max(pgops_guc_max_workers, 1))
	{
		if (!start_run(pool, &pool->runs[pool->next]))
		{
			TimestampTz now = GetCurrentTimestamp();

			/* one of ours that leaves frees a slot, others' slots are a matter of luck */
			if (pool->active > 0)
				break;
			if (pool->starved_until == 0)
				pool->starved_until = Min(TimestampTzPlusMilliseconds(now, STARVED_MS),
										  pool->deadline);
			else if (now >= pool->starved_until)
				fail_waiting(pool, true);
			break;
		}
		pool->next++;
		pool->starved_until = 0;
		progress = true;
	}
	return progress;
}

/* ---- collecting ---- */

static void
take_reply(TaskPool *pool, TaskRun *run, const char *data, int length)
{
	MemoryContext old = MemoryContextSwitchTo(pool->result);
	StringInfo	reply = makeStringInfo();

	appendBinaryStringInfo(reply, data, length);
	run->task->replies = lappend(run->task->replies, reply);
	MemoryContextSwitchTo(old);
}

/* The worker's own words about why it could not do its work. */
static void
take_failure(TaskPool *pool, TaskRun *run, const char *data, int length)
{
	WireReader	reader;
	int			sqlstate;
	char	   *message;
	char	   *hint;

	wire_read(&reader, data, length);
	sqlstate = (int) wire_get_int(&reader);
	message = wire_get_message(&reader);
	hint = wire_get_message(&reader);
	judge_failed(pool, run, sqlstate, message, hint);
}

/*
 * A FATAL error that the server reported on the worker's behalf: it could not
 * connect, or somebody ended it.  The latter is a lost worker, whatever code
 * the server has for it.
 */
static void
take_server_error(TaskPool *pool, TaskRun *run, const char *data, int length)
{
	StringInfoData message;
	ErrorData	error;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, data, length);
	pq_parse_errornotice(&message, &error);
	if (ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		judge_lost(pool, run, "was ended by an administrator or by a shutdown",
				   "What it had not yet committed is tried again.");
	else
		judge_failed(pool, run, error.sqlerrcode,
					 psprintf("could not work in database \"%s\": %s",
							  run->task->database, wire_readable(error.message)),
					 wire_readable(error.hint));
}

static void
take_notice(TaskPool *pool, TaskRun *run, const char *data, int length)
{
	StringInfoData message;
	ErrorData	error;
	TaskWarning *warning;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, data, length);
	pq_parse_errornotice(&message, &error);
	if (error.elevel < WARNING)
		return;					/* nothing that anybody asked for */
	MemoryContextSwitchTo(pool->result);
	warning = palloc(sizeof(TaskWarning));
	warning->replies = list_length(run->task->replies);
	warning->sqlstate = error.sqlerrcode;
	warning->message = pstrdup(wire_readable(error.message));
	run->task->warnings = lappend(run->task->warnings, warning);
}

static void
take_message(TaskPool *pool, TaskRun *run, const char *data, int length)
{
	MemoryContext old = MemoryContextSwitchTo(pool->context);

	if (length < 1)
		elog(ERROR, "empty message from a pgops worker");
	switch (data[0])
	{
		case TASK_MESSAGE_REPLY:
			take_reply(pool, run, data + 1, length - 1);
			break;
		case TASK_MESSAGE_FAILED:
			take_failure(pool, run, data + 1, length - 1);
			break;
		case TASK_MESSAGE_SERVER_ERROR:
			take_server_error(pool, run, data + 1, length - 1);
			break;
		case TASK_MESSAGE_SERVER_NOTICE:
			take_notice(pool, run, data + 1, length - 1);
			break;
		case TASK_MESSAGE_DONE:
			judge_done(run);
			break;
		default:
			break;
	}
	MemoryContextSwitchTo(old);
}

/* Whether the process has ended: only then a template database is free. */
static bool
worker_is_gone(TaskRun *run)
{
	pid_t		pid;

	return GetBackgroundWorkerPid(run->worker, &pid) == BGWH_STOPPED;
}

static void
finish_run(TaskPool *pool, TaskRun *run)
{
	judge_lost(pool, run, "ended without an answer",
			   "The server log may tell why.");
	drop_segment(run);
	run->state = RUN_OVER;
	pool->active--;
}

/*
 * One look at a worker; returns whether anything happened.  A worker that
 * closed its queue is waited for until its process is gone: till then it
 * counts as a session of its database.
 */
static bool
poll_run(TaskPool *pool, TaskRun *run)
{
	bool		progress = false;

	if (run->state == RUN_WORKING)
	{
		shm_mq_result result;
		Size		length;
		void	   *data;

		while ((result = shm_mq_receive(run->queue, &length, &data, true)) == SHM_MQ_SUCCESS)
		{
			take_message(pool, run, data, (int) length);
			progress = true;
		}
		if (result == SHM_MQ_DETACHED)
			run->state = RUN_LEAVING;
	}
	if (run->state == RUN_LEAVING && worker_is_gone(run))
	{
		finish_run(pool, run);
		progress = true;
	}
	return progress;
}

/* ---- looking on ---- */

/* The flag keeps the worker from the next statement; it is set before the signal for this one. */
static void
stop_run(TaskPool *pool, TaskRun *run)
{
	pg_atomic_write_u32(&run->header->stop, 1);
	pg_memory_barrier();
	pool->stopping = true;
	pool->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_MS);
}

/*
 * The watch's turn, if it is time.  The signal is repeated at each tick, for
 * a statement may swallow one (a loop of PL/pgSQL with an exception handler).
 */
static void
look_on(TaskPool *pool)
{
	TaskRun    *run = &pool->runs[0];
	TimestampTz now = GetCurrentTimestamp();
	pid_t		pid;

	if (pool->watch == NULL || now < pool->next_tick)
		return;
	pool->next_tick = TimestampTzPlusMilliseconds(now, pool->watch->tick_ms);
	if (run->state != RUN_WORKING || run->terminated ||
		GetBackgroundWorkerPid(run->worker, &pid) != BGWH_STARTED)
		return;
	if (!pool->stopping &&
		!pool->watch->on_tick((int) pid, list_length(run->task->replies), pool->watch->arg))
		stop_run(pool, run);
	if (pool->stopping)
		(void) kill(pid, SIGINT);
}

/* ---- the end of the time, and of everything ---- */

/* terminates what is late; what does not even leave then is given up after the grace */
static void
enforce_deadline(TaskPool *pool)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		no_grace = now >= TimestampTzPlusMilliseconds(pool->deadline, GRACE_MS);

	if (now < pool->deadline)
		return;
	fail_waiting(pool, false);
	for (int i = 0; i < pool->count; i++)
	{
		TaskRun    *run = &pool->runs[i];

		if (run->state != RUN_WORKING && run->state != RUN_LEAVING)
			continue;
		if (!run->terminated)
		{
			judge_lost(pool, run, "did not finish in time", NULL);
			TerminateBackgroundWorker(run->worker);
			run->terminated = true;
		}
		else if (no_grace)
			finish_run(pool, run);
	}
}

/*
 * How long to sleep: short while no slot is free or late workers are to leave,
 * for nobody announces either; messages set the latch.
 */
static long
wait_ms(TaskPool *pool)
{
	long		remaining = io_remaining_ms(pool->deadline);

	if (pool->starved_until != 0)
		return POLL_STARVED_MS;
	if (remaining == 0)
		return POLL_STARVED_MS; /* terminated workers are to leave now */
	if (pool->watch != NULL)
		remaining = Min(remaining, io_remaining_ms(pool->next_tick));
	return Min(remaining, POLL_MS);
}

/*
 * Runs on ERROR and on the way out of the process: no worker may go on
 * without a launcher.  After an ERROR it also waits until they are gone, with
 * interrupts held off, because another one would cut the waiting short.
 */
static void
abandon(int code, Datum arg)
{
	TaskPool   *pool = (TaskPool *) DatumGetPointer(arg);
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), GRACE_MS);

	for (int i = 0; i < pool->count; i++)
	{
		if (pool->runs[i].state == RUN_WORKING || pool->runs[i].state == RUN_LEAVING)
			TerminateBackgroundWorker(pool->runs[i].worker);
	}
	if (proc_exit_inprogress)
		return;

	HOLD_INTERRUPTS();
	for (int i = 0; i < pool->count; i++)
	{
		TaskRun    *run = &pool->runs[i];

		if (run->state != RUN_WORKING && run->state != RUN_LEAVING)
			continue;
		while (!worker_is_gone(run) && io_remaining_ms(until) > 0)
			(void) io_wait(POLL_STARVED_MS, IO_WAIT_DATABASE_WORKER);
		drop_segment(run);
		run->state = RUN_OVER;
	}
	RESUME_INTERRUPTS();
}

static void
run_pool(TaskPool *pool)
{
	for (;;)
	{
		bool		progress;

		CHECK_FOR_INTERRUPTS();
		progress = start_waiting(pool);
		for (int i = 0; i < pool->count; i++)
			progress |= poll_run(pool, &pool->runs[i]);
		look_on(pool);
		enforce_deadline(pool);

		if (pool->active == 0 && pool->next == pool->count)
			return;
		if (!progress)
			(void) io_wait(wait_ms(pool), IO_WAIT_DATABASE_WORKER);
	}
}

static void
run_tasks(List *tasks, TimestampTz deadline, const TaskWatch *watch)
{
	MemoryContext context;
	TaskPool   *pool;

	context = AllocSetContextCreate(CurrentMemoryContext, "pgops tasks",
									ALLOCSET_DEFAULT_SIZES);
	pool = MemoryContextAllocZero(context, sizeof(TaskPool));
	pool->context = context;
	pool->result = CurrentMemoryContext;
	pool->deadline = deadline;
	pool->watch = watch;
	if (watch)
		pool->next_tick = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), watch->tick_ms);
	pool->count = list_length(tasks);
	pool->runs = MemoryContextAllocZero(context, pool->count * sizeof(TaskRun));
	for (int i = 0; i < pool->count; i++)
		pool->runs[i].task = list_nth(tasks, i);

	PG_ENSURE_ERROR_CLEANUP(abandon, PointerGetDatum(pool));
	{
		run_pool(pool);
	}
	PG_END_ENSURE_ERROR_CLEANUP(abandon, PointerGetDatum(pool));
	MemoryContextDelete(context);
}

void
task_run_all(List *tasks, TimestampTz deadline)
{
	if (tasks != NIL)
		run_tasks(tasks, deadline, NULL);
}

void
task_run_watched(Task *task, const TaskWatch *watch)
{
	run_tasks(list_make1(task),
			  TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LONG_MS), watch);
}
