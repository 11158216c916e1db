/*
 * job_slot.c
 *		Running jobs in shared memory.
 *
 * A spinlock protects them: all that is done under it is copying a few
 * hundred bytes.
 */
#include "postgres.h"

#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "worker/job_slot.h"
#include "worker/shared.h"

int
job_slot_take(int64 id, int limit)
{
	TimestampTz now = GetCurrentTimestamp();
	int			used = 0;
	int			free_slot = -1;

	SpinLockAcquire(&pgops_shared->mutex);
	for (int i = 0; i < JOB_SLOTS; i++)
	{
		if (pgops_shared->jobs[i].id != 0)
			used++;
		else if (free_slot < 0)
			free_slot = i;
	}
	if (used >= limit)
		free_slot = -1;
	if (free_slot >= 0)
	{
		memset(&pgops_shared->jobs[free_slot], 0, sizeof(JobSlot));
		pgops_shared->jobs[free_slot].id = id;
		pgops_shared->jobs[free_slot].taken = now;
	}
	SpinLockRelease(&pgops_shared->mutex);
	return free_slot;
}

void
job_slot_free(int slot)
{
	SpinLockAcquire(&pgops_shared->mutex);
	pgops_shared->jobs[slot].id = 0;
	SpinLockRelease(&pgops_shared->mutex);
}

bool
job_slot_enter(int slot, int64 id)
{
	bool		ours;

	SpinLockAcquire(&pgops_shared->mutex);
	ours = pgops_shared->jobs[slot].id == id && pgops_shared->jobs[slot].worker == 0;
	if (ours)
		pgops_shared->jobs[slot].worker = MyProcPid;
	SpinLockRelease(&pgops_shared->mutex);
	return ours;
}

void
job_slot_claimed(int slot)
{
	SpinLockAcquire(&pgops_shared->mutex);
	pgops_shared->jobs[slot].claimed = true;
	SpinLockRelease(&pgops_shared->mutex);
}

/* never half a character; what is copied is cut before the lock is taken */
static void
copy_clipped(char *to, const char *from, size_t size)
{
	int			length = pg_mbcliplen(from, (int) strlen(from), (int) size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

void
job_slot_show(int slot, const JobShown *shown)
{
	JobSlot    *shared = &pgops_shared->jobs[slot];
	char		step[sizeof(shared->step)] = "";
	char		unit[sizeof(shared->unit)] = "";
	TimestampTz now = shown->step ? GetCurrentTimestamp() : 0;

	if (shown->step)
		copy_clipped(step, shown->step, sizeof(step));
	if (shown->unit)
		copy_clipped(unit, shown->unit, sizeof(unit));
	SpinLockAcquire(&pgops_shared->mutex);
	if (shown->step)
	{
		memcpy(shared->step, step, sizeof(step));
		shared->step_started = now;
	}
	memcpy(shared->unit, unit, sizeof(unit));
	shared->done = shown->done;
	shared->total = shown->total;
	SpinLockRelease(&pgops_shared->mutex);
}

bool
job_slot_get(int slot, JobSlot *copy)
{
	SpinLockAcquire(&pgops_shared->mutex);
	memcpy(copy, &pgops_shared->jobs[slot], sizeof(JobSlot));
	SpinLockRelease(&pgops_shared->mutex);
	return copy->id != 0;
}

int
job_slot_find(int64 id, JobSlot *copy)
{
	for (int i = 0; i < JOB_SLOTS; i++)
	{
		if (job_slot_get(i, copy) && copy->id == id)
			return i;
	}
	return -1;
}

/*
 * The name is set before the signal, so that the worker knows whom to blame.
 * The signal goes to the worker alone: ending its program is its own part.
 */
bool
job_slot_cancel(int64 id, const char *role)
{
	JobSlot		copy;
	int			slot = job_slot_find(id, &copy);
	pid_t		worker = 0;

	if (slot < 0)
		return false;
	SpinLockAcquire(&pgops_shared->mutex);
	if (pgops_shared->jobs[slot].id == id)
	{
		strlcpy(pgops_shared->jobs[slot].cancelled_by, role, NAMEDATALEN);
		worker = pgops_shared->jobs[slot].worker;
	}
	SpinLockRelease(&pgops_shared->mutex);
	if (worker != 0 && BackendPidGetProc(worker) != NULL)
		kill(worker, SIGINT);
	return true;
}
