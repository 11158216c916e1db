/*
 * ha_main.h
 *		The HA worker: when it is started, seen from the coordinator.
 */
#ifndef PGOPS_WORKER_HA_MAIN_H
#define PGOPS_WORKER_HA_MAIN_H

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

/* how long it looks as often as it can after a change of role, ms */
#define HA_HURRY_MS		10000

/* what the coordinator remembers of it; begun as {0} */
typedef struct HaWatch
{
	BackgroundWorkerHandle *worker; /* NULL: none that we have started */
	TimestampTz started;		/* when that was */
	bool		changed;		/* something was declared: a running worker is told */
	bool		reloaded;		/* settings were read: it is told, too, and may be needed now */
	TimestampTz next;			/* when to look again whether one is needed; 0: now */
	int			failures;		/* workers in a row that did not live long */
} HaWatch;

/*
 * ha_is_wanted
 *		Whether there is a Patroni to be looked at: it runs this server, or
 *		pgops.patroni_url says where it is.  *managed: the former.  Looks at files; no transaction.
 */
extern bool ha_is_wanted(bool *managed);

/*
 * ha_watch
 *		Starts the worker where one is wanted and none runs; tells a running one
 *		what changed.  On primaries and standbys.  Raises nothing but what
 *		ends the process.
 */
extern void ha_watch(HaWatch *watch);

/* milliseconds until ha_watch() is to be called again without a cause; -1: not */
extern long ha_watch_ms(const HaWatch *watch);

#endif							/* PGOPS_WORKER_HA_MAIN_H */
