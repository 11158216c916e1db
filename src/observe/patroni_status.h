/*
 * patroni_status.h
 *		The state of a cluster in one row: who leads, what could take over, what
 *		would be lost.
 *
 * Not for: each member (patroni_view.h).
 */
#ifndef PGOPS_OBSERVE_PATRONI_STATUS_H
#define PGOPS_OBSERVE_PATRONI_STATUS_H

#include "observe/patroni_view.h"

/* answers that may be unknown */
typedef enum PatroniKnown
{
	PATRONI_NOT_KNOWN,
	PATRONI_NO,
	PATRONI_YES
} PatroniKnown;

typedef struct PatroniStatus
{
	const char *patroni;		/* running, not answering, absent, unknown */
	char	   *problem;		/* sentences, worst first; NULL: none */
	int			sqlstate;		/* of the first of them; 0: none */
	PatroniKnown paused;
	PatroniKnown failsafe;
	PatroniKnown dcs_reachable;
	TimestampTz dcs_last_seen;	/* 0: not known */
	int			members;
	int			running;		/* of them: those whose server is known to run */
	const char *sync_mode;		/* off, on, strict, quorum; NULL: not known */
	List	   *sync_standbys;	/* names, of char * */
	List	   *candidates;		/* of PatroniSeen *: who could take over, the one that lost least first */
	int64		max_lag;		/* maximum_lag_on_failover, bytes */
	PatroniKnown can_failover;
	char	   *reason;			/* why not; NULL if it can */
	bool		guarded;		/* nothing is lost: synchronous replication sees to it */
	int64		loss;			/* bytes; -1: not known */
	double		loss_seconds;	/* -1: not known */
} PatroniStatus;

/* in_recovery: whether this server is a standby now.  In the current memory context */
extern PatroniStatus *patroni_status(const PatroniView *view, bool in_recovery);

/* whether Patroni itself keeps the list of synchronous standbys, and promotes none but those */
extern bool patroni_keeps_sync(const PatroniView *view);

/* why this member could not take over, as a phrase; NULL: it could */
extern char *patroni_not_candidate(const PatroniView *view, const PatroniStatus *status,
								   const PatroniSeen *seen);

#endif							/* PGOPS_OBSERVE_PATRONI_STATUS_H */
