/*
 * gate.c
 *		Whether the coordinator may act as primary.
 *
 * While Patroni says no, nothing is written to tables, not even that: on an old
 * primary it would be lost, and with synchronous replication it would hang.  So
 * it is told in shared memory.
 *
 * Not for: what Patroni is asked (ops/guard.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "io/wait.h"
#include "observe/patroni_facts.h"
#include "ops/guard.h"
#include "worker/gate.h"
#include "worker/shared.h"

/* an answer serves that long, ms: a pass, a look at jobs, a push in one go */
#define GOOD_FOR_MS		300

/*
 * Until it is asked again, ms: after a promotion Patroni needs a moment to know of
 * it, and the new leader is to act at once; later it is no news.
 */
#define SOON_MS			100
#define SOON_FOR_MS		5000
#define LATER_MS		1000

/* this long nobody is told in the log: it is a promotion */
#define QUIET_MS		2000

/* for how long the worker that looks at Patroni hurries, ms */
#define HURRY_MS		3000

static void
close_gate(Gate *gate, const char *reason, TimestampTz now)
{
	bool		recent;

	if (!gate->known || gate->open)
	{
		gate->closed_since = now;
		gate->told = false;
		patroni_facts_hurry(HURRY_MS);
	}
	gate->known = true;
	gate->open = false;
	recent = !TimestampDifferenceExceeds(gate->closed_since, now, SOON_FOR_MS);
	gate->next = TimestampTzPlusMilliseconds(now, recent ? SOON_MS : LATER_MS);
	shared_set_waiting(reason);
	if (!gate->told && TimestampDifferenceExceeds(gate->closed_since, now, QUIET_MS))
	{
		ereport(LOG,
				(errmsg("pgops: nothing is done on this server: %s", reason)));
		gate->told = true;
	}
}

static void
open_gate(Gate *gate)
{
	if (gate->known && !gate->open)
	{
		gate->opened = true;
		shared_set_waiting(NULL);
		if (gate->told)
			ereport(LOG,
					(errmsg("pgops: this server is the leader and goes on")));
	}
	gate->known = true;
	gate->open = true;
	gate->told = false;
}

/* in memory of its own: it may be asked every 100 ms for days */
static void
ask(Gate *gate)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pgops gate",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	char	   *reason = NULL;
	uint32		held = QueryCancelHoldoffCount;
	GuardState	state;

	/* there is nothing to cancel, and an error would end the process; one that was caught has set the count to 0 */
	QueryCancelHoldoffCount++;
	state = guard_ask(&reason);
	QueryCancelHoldoffCount = held;

	/* after the answer: how long it took is no part of how old it is */
	gate->asked = GetCurrentTimestamp();
	if (state == GUARD_FREE || state == GUARD_LEADER)
		open_gate(gate);
	else
		close_gate(gate, reason, gate->asked);
	/* waiting for the answer has reset the latch, which may have been set for another cause */
	if (state != GUARD_FREE)
		SetLatch(MyLatch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* what comes later than it can was made by a clock that was put back since */
static bool
is_within(TimestampTz time, long ms)
{
	long		left = io_remaining_ms(time);

	return left > 0 && left <= ms;
}

bool
gate_is_open(Gate *gate)
{
	/* a promoted server is asked anew */
	if (RecoveryInProgress())
	{
		gate->known = false;
		return true;
	}
	if (gate->known && gate->open &&
		is_within(TimestampTzPlusMilliseconds(gate->asked, GOOD_FOR_MS), GOOD_FOR_MS))
		return true;
	if (gate->known && !gate->open && is_within(gate->next, LATER_MS))
		return false;
	ask(gate);
	return gate->open;
}

void
gate_doubt(Gate *gate)
{
	gate->asked = 0;
	gate->next = 0;
	if (gate->open)
		gate->known = false;
}

bool
gate_was_opened(Gate *gate)
{
	bool		opened = gate->opened;

	gate->opened = false;
	return opened;
}

long
gate_ms(const Gate *gate)
{
	if (!gate->known || gate->open)
		return -1;
	return Min(io_remaining_ms(gate->next), LATER_MS);
}
