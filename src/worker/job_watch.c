/*
 * job_watch.c
 *		The coordinator's part of jobs.
 *
 * One look: workers that ended are taken note of, running rows without a
 * process are marked, what is due by itself is asked for, what is queued and
 * due gets a worker.  Each look begins with the tables: nothing is done from
 * memory.
 *
 * Not for: doing a job (job_main.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "guc.h"
#include "io/process.h"
#include "io/wait.h"
#include "ops/in_place.h"
#include "ops/job.h"
#include "worker/job_main.h"
#include "worker/job_sources.h"
#include "worker/job_transient.h"
#include "worker/job_watch.h"
#include "worker/shared.h"
#include "worker/wake.h"

/* a program left behind gets this long to end by itself, ms */
#define LEFTOVER_GRACE_MS	5000

/* until the next look after one that failed, ms: doubled up to the maximum */
#define FAILURE_DELAY_MS		1000
#define MAX_FAILURE_DELAY_MS	(60 * 1000)

/* until the next look where nobody tells us of an end, ms */
#define UNHEARD_DELAY_MS	1000

/* s until the next look after as many workers that did not begin, at most */
#define MAX_UNCLAIMED		10

/* a job is resumed this often at most: what ends its server each time would never end */
#define MOST_RESUMED		10

#define EXPIRE_INTERVAL_MS	(3600 * INT64CONST(1000))

/* ---- workers ---- */

/*
 * Frees the slots of workers that ended.  A worker that another coordinator
 * has started is known by its process; one that never began, by its age.
 */
#define SLOT_START_MS	60000

static bool
worker_is_gone(const JobWatch *watch, int slot, const JobSlot *copy)
{
	pid_t		pid;

	if (watch->workers[slot] != NULL)
		return GetBackgroundWorkerPid(watch->workers[slot], &pid) == BGWH_STOPPED;
	if (copy->worker != 0)
		return BackendPidGetProc(copy->worker) == NULL;
	return io_remaining_ms(TimestampTzPlusMilliseconds(copy->taken, SLOT_START_MS)) == 0;
}

/*
 * Returns whether one ended.  Workers that end before their job is theirs (the
 * database lets nobody in, a lock is held) would be started again at once, and
 * for ever: they are counted.
 */
static bool
collect_ended(JobWatch *watch)
{
	bool		any = false;
	JobSlot		copy;

	for (int i = 0; i < JOB_SLOTS; i++)
	{
		if (!job_slot_get(i, &copy) || !worker_is_gone(watch, i, &copy))
			continue;
		if (watch->workers[i] != NULL)
			pfree(watch->workers[i]);
		watch->workers[i] = NULL;
		watch->unclaimed = copy.claimed ? 0 : watch->unclaimed + 1;
		job_slot_free(i);
		any = true;
	}
	return any;
}

/* The end of a worker that another coordinator has started is not told to us. */
static bool
has_unheard(const JobWatch *watch)
{
	JobSlot		copy;

	for (int i = 0; i < JOB_SLOTS; i++)
	{
		if (watch->workers[i] == NULL && job_slot_get(i, &copy))
			return true;
	}
	return false;
}

/* ---- what was left ---- */

/*
 * Whether the recorded program still is that process, on this boot.  One whose
 * worker lives, too, was not left behind: the row came with a copy of a server
 * on this machine, which is still at it.  (The worker's number is that of the
 * program's group, and so cannot be another process's by now.)
 */
static bool
child_lives(const CmdbJobOpen *job)
{
	return job->child_pid != 0 && job->boot != NULL &&
		strcmp(job->boot, io_boot_id()) == 0 &&
		io_process_start_time(job->child_pid) == job->child_start &&
		job->child_start != 0 &&
		(job->worker_pid == 0 || io_process_start_time(job->worker_pid) == 0);
}

/*
 * One whose work ends its own server goes on, here or, after a promotion, where
 * the new leader is.  It has no program that could have been left.
 */
static bool
resume(const JobWatch *watch, CmdbJobOpen *job)
{
	bool		done;

	if (txn_begin() != EXTENSION_READY)
		return false;
	done = cmdb_job_resume(job->id, watch->promoted, GetWALInsertionTimeLine(), MOST_RESUMED);
	txn_end();
	if (done)
	{
		ereport(LOG,
				(errmsg("pgops: job " INT64_FORMAT " (%s) goes on", job->id, job->kind)));
		job->running = false;
		job->due = true;
	}
	return done;
}

/*
 * A running row without a worker: the worker, the server or the machine ended,
 * or a standby was promoted.  The program must be gone before anything else
 * of its group may start.  One to which a job was handed over goes on.
 */
static void
settle_leftover(const JobWatch *watch, CmdbJobOpen *job)
{
	const JobKind *kind = job_kind(job->kind);
	bool		lives = child_lives(job);

	if (kind != NULL && kind->resumes && resume(watch, job))
		return;
	if (lives && kind != NULL && kind->outlives)
		return;
	/*
	 * It may have ended since results were taken in: then this row is none that
	 * runs.  Or the process that is recorded has ended, and another one of the
	 * run is still at work.
	 */
	if (kind != NULL && kind->outlives && in_place_import() != 0)
		return;
	if (lives)
	{
		ereport(LOG,
				(errmsg("pgops: job " INT64_FORMAT " (%s) left process %d behind, which is ended",
						job->id, job->kind, job->child_pid)));
		(void) io_process_end(job->child_pid, job->child_start, job->boot, LEFTOVER_GRACE_MS);
	}
	(void) io_process_end_group(job->worker_pid, job->child_start, job->boot);
	if (txn_begin() != EXTENSION_READY)
		return;
	cmdb_job_interrupt(job->id, lives ?
					   "the server or the job's worker ended; its program was still running and was ended" :
					   "the server or the job's worker ended before the job was over");
	txn_end();
	job->running = false;
	ConditionVariableBroadcast(&pgops_shared->job_changed);
	wake_now(REQUEST_CHANGED);
}

static void
sooner(TimestampTz *next, TimestampTz time)
{
	if (time != 0 && (*next == 0 || time < *next))
		*next = time;
}

static TimestampTz
soon(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), UNHEARD_DELAY_MS);
}

/*
 * Open jobs, with the running ones that nobody does any more settled.  *next: when
 * to look again because of those that go on in a process of their own.
 */
static List *
read_open(const JobWatch *watch, TimestampTz *next)
{
	List	   *jobs;
	ListCell   *cell;
	JobSlot		copy;

	if (txn_begin() != EXTENSION_READY)
		return NIL;
	(void) cmdb_job_fail_late();
	jobs = cmdb_job_open();
	txn_end();
	foreach(cell, jobs)
	{
		CmdbJobOpen *job = lfirst(cell);

		if (!job->running || job_slot_find(job->id, &copy) >= 0)
			continue;
		settle_leftover(watch, job);
		if (job->running)
			sooner(next, soon());
	}
	return jobs;
}

/* ---- starting ---- */

/* whether a job of the same group runs, or was given a worker */
static bool
group_is_busy(List *jobs, const CmdbJobOpen *wanted, const char *group)
{
	ListCell   *cell;
	JobSlot		copy;

	if (group == NULL)
		return false;
	foreach(cell, jobs)
	{
		const CmdbJobOpen *job = lfirst(cell);
		const JobKind *kind = job_kind(job->kind);

		if (job == wanted || kind == NULL || kind->group == NULL ||
			strcmp(kind->group, group) != 0)
			continue;
		if (job->running || job_slot_find(job->id, &copy) >= 0)
			return true;
	}
	return false;
}

/* false: there is no free worker slot in the server */
static bool
start_job(JobWatch *watch, const CmdbJobOpen *job)
{
	const JobKind *kind = job_kind(job->kind);

	/* long work must not keep the leader from being moved */
	int			slot = job_slot_take(job->id, kind != NULL && kind->resumes ? JOB_SLOTS : pgops_guc_max_jobs);

	/* all are busy: one of them wakes us when it ends */
	if (slot < 0)
		return true;
	watch->workers[slot] = job_worker_start(slot, job->id, job->kind);
	if (watch->workers[slot] != NULL)
		return true;
	job_slot_free(slot);
	if (watch->failures == 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("pgops: no free slot for a job worker"),
				 errhint("Raise \"max_worker_processes\".")));
	return false;
}

/* returns when the next one is due by time, 0: none; false in *started: no worker to be had */
static TimestampTz
start_due(JobWatch *watch, List *jobs, bool may_act, bool *started)
{
	TimestampTz next = 0;
	ListCell   *cell;
	JobSlot		copy;

	*started = true;
	foreach(cell, jobs)
	{
		const CmdbJobOpen *job = lfirst(cell);
		const JobKind *kind = job_kind(job->kind);

		if (job->running || kind == NULL || job_slot_find(job->id, &copy) >= 0 ||
			!(may_act || kind->unguarded))
			continue;
		if (!job->due)
			sooner(&next, job->not_before);
		else if (!group_is_busy(jobs, job, kind->group) && !start_job(watch, job))
			*started = false;
	}
	return next;
}

/* ---- jobs of a standby ---- */

static List *
open_transient(void)
{
	TransientJob *copy = palloc(sizeof(TransientJob));
	List	   *jobs = NIL;

	for (int i = 0; i < TRANSIENT_JOBS; i++)
	{
		CmdbJobOpen *job;

		if (!job_transient_get(i, copy) || copy->state > TRANSIENT_RUNNING)
			continue;
		job = palloc0(sizeof(CmdbJobOpen));
		job->id = copy->id;
		job->kind = pstrdup(copy->kind);
		job->running = copy->state == TRANSIENT_RUNNING;
		job->due = true;
		jobs = lappend(jobs, job);
	}
	return jobs;
}

/*
 * Also on a primary: one may have been asked for just before the promotion.  The
 * file of the standby's jobs is read at the first look.
 */
static void
look_transient(JobWatch *watch)
{
	bool		started;

	watch->next_transient = soon();
	job_transient_settle();
	(void) start_due(watch, open_transient(), true, &started);
	if (started && !has_unheard(watch))
		watch->next_transient = 0;
}

static bool
transient_is_due(JobWatch *watch, bool ended)
{
	if (ended && watch->unclaimed > 0)
	{
		watch->next_transient = soon();
		return false;
	}
	return ended || watch->asked || !watch->looked ||
		(watch->next_transient != 0 && io_remaining_ms(watch->next_transient) == 0);
}

/* ---- one look ---- */

static void
expire_old(JobWatch *watch)
{
	if (io_remaining_ms(watch->next_expire) > 0)
		return;
	watch->next_expire = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), EXPIRE_INTERVAL_MS);
	if (txn_begin() != EXTENSION_READY)
		return;
	cmdb_job_expire(pgops_guc_job_retention);
	txn_end();
}

/* the next look after one that did not get what it wanted */
static void
put_off(JobWatch *watch)
{
	long		delay = FAILURE_DELAY_MS;

	for (int i = 0; i < watch->failures && delay < MAX_FAILURE_DELAY_MS; i++)
		delay *= 2;
	watch->failures++;
	watch->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  Min(delay, MAX_FAILURE_DELAY_MS));
}

/*
 * The look of a primary that may not act: it writes nothing by itself.  What was
 * left by others is settled when it may act again.
 */
static void
look_while_shut(JobWatch *watch)
{
	List	   *jobs;
	bool		started;

	watch->next = soon();
	if (txn_begin() != EXTENSION_READY)
		return;
	jobs = cmdb_job_open();
	txn_end();
	(void) start_due(watch, jobs, false, &started);
}

static void
look(JobWatch *watch)
{
	TimestampTz next;
	List	   *jobs;
	bool		started;

	next = job_sources_run();
	expire_old(watch);
	jobs = read_open(watch, &next);
	sooner(&next, start_due(watch, jobs, true, &started));
	if (!started)
	{
		put_off(watch);
		return;
	}
	watch->failures = 0;
	if (has_unheard(watch))
		sooner(&next, soon());
	sooner(&next, TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  pgops_guc_drift_interval * INT64CONST(1000)));
	watch->next = next;
}

/* a look whose errors are told and tried again, in memory of its own */
static void
look_safely(JobWatch *watch, void (*do_look) (JobWatch *watch))
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pgops jobs",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	PG_TRY();
	{
		do_look(watch);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		QueryCancelPending = false;
		if (watch->failures == 0)
			EmitErrorReport();
		FlushErrorState();
		txn_abort();
		put_off(watch);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * A worker's end sets our latch (bgw_notify_pid), so a look at the slots comes
 * with each wake-up; it costs a spinlock for each.
 */
void
job_watch(JobWatch *watch, Gate *gate)
{
	bool		may_act;
	bool		ended;

	ended = collect_ended(watch);
	if (transient_is_due(watch, ended))
	{
		look_safely(watch, look_transient);
		watch->looked = true;
	}
	if (RecoveryInProgress())
	{
		watch->was_standby = true;
		watch->asked = false;
		return;
	}
	if (watch->was_standby)
	{
		watch->asked = true;
		if (watch->promoted == 0)
			watch->promoted = GetCurrentTimestamp();
	}
	if (ended && watch->unclaimed > 0)
	{
		watch->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  Min(watch->unclaimed, MAX_UNCLAIMED) * 1000);
		ended = false;
	}
	if (!ended && !watch->asked && watch->next != 0 && io_remaining_ms(watch->next) > 0)
		return;
	/* when it opens again, the coordinator asks for a whole look */
	may_act = gate_is_open(gate);
	watch->was_standby = false;
	watch->asked = false;
	look_safely(watch, may_act ? look : look_while_shut);
}

long
job_watch_ms(const JobWatch *watch)
{
	long		ms = watch->next == 0 ? -1 : io_remaining_ms(watch->next);

	if (watch->next_transient != 0)
		ms = ms < 0 ? io_remaining_ms(watch->next_transient) :
			Min(ms, io_remaining_ms(watch->next_transient));
	return ms;
}
