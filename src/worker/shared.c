/*
 * shared.c
 *		Shared memory of pgops: one small struct, and beside it what Patroni said
 *		(observe/patroni_facts.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "errors.h"
#include "observe/patroni_facts.h"
#include "worker/job_transient.h"
#include "worker/shared.h"

PgopsShared *pgops_shared = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/*
 * Asks for the memory; hooks of libraries that were loaded earlier go first.
 */
static void
shared_request_hook(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(PgopsShared)));
	patroni_facts_request();
	job_transient_request();
}

/*
 * Creates or attaches.  After a crash the postmaster runs it again with
 * fresh memory, so nothing here is a memory of the past.
 */
static void
shared_startup_hook(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	pgops_shared = ShmemInitStruct("pgops", sizeof(PgopsShared), &found);
	if (!found)
	{
		memset(pgops_shared, 0, sizeof(PgopsShared));
		SpinLockInit(&pgops_shared->mutex);
		strlcpy(pgops_shared->state, "not running", sizeof(pgops_shared->state));
		pg_atomic_init_u32(&pgops_shared->requests, 0);
		pg_atomic_init_u64(&pgops_shared->passes, 0);
		ConditionVariableInit(&pgops_shared->pass_done);
		ConditionVariableInit(&pgops_shared->job_changed);
	}
	patroni_facts_init();
	job_transient_init();
	LWLockRelease(AddinShmemInitLock);
}

void
shared_request(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = shared_request_hook;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shared_startup_hook;
}

void
shared_require(void)
{
	if (pgops_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NOT_LOADED),
				 errmsg("pgops is not loaded"),
				 errhint("Add \"pgops\" to shared_preload_libraries and restart the server.")));
}

void
shared_set_state(const char *state)
{
	SpinLockAcquire(&pgops_shared->mutex);
	strlcpy(pgops_shared->state, state, sizeof(pgops_shared->state));
	SpinLockRelease(&pgops_shared->mutex);
}

/* Cut at a character's end, for the text goes to clients: never half a character. */
static void
set_text(char *target, size_t size, const char *text)
{
	int			length = text ? pg_mbcliplen(text, (int) strlen(text), (int) size - 1) : 0;

	SpinLockAcquire(&pgops_shared->mutex);
	if (length > 0)
		memcpy(target, text, length);
	target[length] = '\0';
	SpinLockRelease(&pgops_shared->mutex);
}

void
shared_set_error(const char *message)
{
	set_text(pgops_shared->last_error, sizeof(pgops_shared->last_error), message);
}

void
shared_set_waiting(const char *reason)
{
	set_text(pgops_shared->waiting, sizeof(pgops_shared->waiting), reason);
	ConditionVariableBroadcast(&pgops_shared->pass_done);
}

char *
shared_waiting(void)
{
	char		copy[sizeof(pgops_shared->waiting)];

	if (pgops_shared == NULL)
		return NULL;
	SpinLockAcquire(&pgops_shared->mutex);
	strlcpy(copy, pgops_shared->waiting, sizeof(copy));
	SpinLockRelease(&pgops_shared->mutex);
	return copy[0] != '\0' ? pstrdup(copy) : NULL;
}
