/*
 * ha_watch.c
 *		The coordinator's part of the HA worker: one runs where there is a
 *		Patroni, and nothing is spent where there is none.
 *
 * Not for: looking at Patroni (ha_main.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "guc.h"
#include "io/wait.h"
#include "observe/patroni_facts.h"
#include "worker/ha_main.h"
#include "worker/start.h"

/* until the next worker after one that ended, ms: doubled up to the maximum by each that did not live long */
#define FAILURE_DELAY_MS		1000
#define MAX_FAILURE_DELAY_MS	(5 * 60 * 1000)
#define LONG_LIFE_MS			60000

/* between two looks at a worker that another coordinator has started, whose end is not told to us, ms */
#define UNHEARD_DELAY_MS		5000

bool
ha_is_wanted(bool *managed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgops ha wanted",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	*managed = patroni_runs_server();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return *managed || (pgops_guc_patroni_url != NULL && pgops_guc_patroni_url[0] != '\0');
}

static TimestampTz
in_ms(int64 ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

/* false: no free slot */
static bool
start_worker(HaWatch *watch)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	WorkerStart start = {
		.name = "pgops ha worker",
		.type = "pgops ha worker",
		.function = "pgops_ha_main",
		.on_standby = true,
	};

	watch->worker = worker_start(&start);
	watch->started = GetCurrentTimestamp();
	MemoryContextSwitchTo(old);
	return watch->worker != NULL;
}

static void
put_off(HaWatch *watch)
{
	int64		delay = FAILURE_DELAY_MS;

	for (int i = 0; i < watch->failures && delay < MAX_FAILURE_DELAY_MS; i++)
		delay *= 2;
	watch->failures++;
	watch->next = in_ms(Min(delay, MAX_FAILURE_DELAY_MS));
}

/* Takes note of a worker that ended. */
static void
collect_ended(HaWatch *watch)
{
	pid_t		pid;

	if (watch->worker == NULL ||
		GetBackgroundWorkerPid(watch->worker, &pid) != BGWH_STOPPED)
		return;
	pfree(watch->worker);
	watch->worker = NULL;
	if (io_remaining_ms(TimestampTzPlusMilliseconds(watch->started, LONG_LIFE_MS)) == 0)
		watch->failures = 0;
	put_off(watch);
}

/* whether one is at work; it is told what changed */
static bool
is_running(HaWatch *watch)
{
	bool		foreign = watch->worker == NULL && patroni_facts_worker_pid() != 0;

	if (watch->worker == NULL && !foreign)
		return false;
	if (watch->changed || watch->reloaded)
		patroni_facts_tell();
	if (foreign)
		watch->next = in_ms(UNHEARD_DELAY_MS);
	return true;
}

/* Starts one if it is wanted. */
static void
start_if_wanted(HaWatch *watch)
{
	bool		managed;

	if (!ha_is_wanted(&managed))
	{
		watch->failures = 0;
		watch->next = in_ms(pgops_guc_drift_interval * INT64CONST(1000));
		return;
	}
	if (start_worker(watch))
		return;
	if (watch->failures == 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("pgops: no free slot for the HA worker"),
				 errhint("Raise \"max_worker_processes\".")));
	put_off(watch);
}

/*
 * Whether there is a Patroni is asked anew after a reload and at the drift interval: it may
 * take over a server that runs.  A worker that keeps ending is waited for longer and longer.
 */
void
ha_watch(HaWatch *watch)
{
	bool		due;

	collect_ended(watch);

	/* the clock may have been put back since */
	watch->next = Min(watch->next, in_ms(Max(MAX_FAILURE_DELAY_MS,
											 pgops_guc_drift_interval * INT64CONST(1000))));
	due = watch->next == 0 || io_remaining_ms(watch->next) == 0 ||
		(watch->reloaded && watch->failures == 0);
	if (watch->worker == NULL && !due)
	{
		watch->changed = false;
		return;
	}
	if (!is_running(watch))
		start_if_wanted(watch);
	watch->changed = watch->reloaded = false;
}

long
ha_watch_ms(const HaWatch *watch)
{
	return watch->worker != NULL || watch->next == 0 ? -1 : io_remaining_ms(watch->next);
}
