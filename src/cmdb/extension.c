/*
 * extension.c
 *		The worker's transactions, guarded by a lock on the extension.
 *
 * DROP EXTENSION takes the same lock exclusively: it waits for a short
 * transaction of ours, and we never find half of our tables.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "cmdb/extension.h"

/*
 * Owner of what is held between transactions: a digest being computed, the
 * shared memory of a database worker.
 */
static ResourceOwner idle_owner = NULL;

/*
 * Read from the catalog rather than by SPI: it is asked at the start of
 * every transaction, before it is known whether the extension is there.
 */
char *
extension_installed_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("pgops"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		if (!isnull)
			version = TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* locks the extension and looks again, because DROP may have come between */
static ExtensionState
extension_lock(void)
{
	Oid			oid = get_extension_oid("pgops", true);
	char	   *version;

	if (!OidIsValid(oid))
		return EXTENSION_MISSING;
	LockDatabaseObject(ExtensionRelationId, oid, 0, AccessShareLock);
	if (get_extension_oid("pgops", true) != oid)
		return EXTENSION_MISSING;
	version = extension_installed_version();
	if (version == NULL || strcmp(version, PGOPS_VERSION) != 0)
		return EXTENSION_OTHER_VERSION;
	return EXTENSION_READY;
}

/*
 * The snapshot is taken again after the lock was granted: it may have waited
 * for the transaction that created or dropped the extension.
 */
ExtensionState
txn_begin(void)
{
	MemoryContext caller = CurrentMemoryContext;
	ExtensionState state;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	state = extension_lock();
	MemoryContextSwitchTo(caller);
	if (state != EXTENSION_READY)
	{
		txn_end();
		return state;
	}

	/* the lock may have waited for a DROP or CREATE: look at what holds now */
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());
	return state;
}

void
txn_end(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	if (idle_owner == NULL)
		idle_owner = ResourceOwnerCreate(NULL, "pgops between transactions");
	CurrentResourceOwner = idle_owner;
	MemoryContextSwitchTo(caller);
}

void
txn_abort(void)
{
	AbortCurrentTransaction();
	CurrentResourceOwner = NULL;
	if (idle_owner == NULL)
		return;
	ResourceOwnerRelease(idle_owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, true);
	ResourceOwnerRelease(idle_owner, RESOURCE_RELEASE_LOCKS, false, true);
	ResourceOwnerRelease(idle_owner, RESOURCE_RELEASE_AFTER_LOCKS, false, true);

	/* since 17 an owner that was released takes nothing any more: the next one is new */
	ResourceOwnerDelete(idle_owner);
	idle_owner = NULL;
}

char *
txn_forgive(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		PG_RE_THROW();
	FlushErrorState();
	txn_abort();
	MemoryContextSwitchTo(context);
	return error->message;
}
