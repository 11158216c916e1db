/*
 * push_lock.c
 *		Who may push: one process per cluster, one push worker per server.
 *
 * With two processes an older declaration could arrive after a newer one, and
 * stay.  The locks are advisory ones of a kind that users cannot take.
 *
 * Not for: what is done under them (push.c).
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "worker/push.h"
#include "worker/push_parts.h"

/* our own kinds of advisory locks: users' have 1 or 2 in this place */
#define LOCK_KIND_CLUSTER	7
#define LOCK_KIND_WORKER	8

/* Two clusters whose names have one hash would wait for each other: no harm. */
static void
lock_tag(const char *cluster, LOCKTAG *tag)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) cluster, strlen(cluster), 0);

	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash,
						 LOCK_KIND_CLUSTER);
}

bool
push_lock_cluster(const char *cluster, bool session)
{
	LOCKTAG		tag;

	lock_tag(cluster, &tag);
	return LockAcquire(&tag, ExclusiveLock, session, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
push_unlock_cluster(const char *cluster)
{
	LOCKTAG		tag;

	lock_tag(cluster, &tag);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

bool
push_lock_worker(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, LOCK_KIND_WORKER);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}
