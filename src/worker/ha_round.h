/*
 * ha_round.h
 *		Private to worker/ha_*.c: questions to Patroni that are asked at the same
 *		time, and what becomes of the answers.
 */
#ifndef PGOPS_WORKER_HA_ROUND_H
#define PGOPS_WORKER_HA_ROUND_H

#include "worker/ha_look.h"

/* one look while it is under way; begun with "look" and "remembered", the rest 0 */
typedef struct HaRound
{
	HaLook	   *look;
	const PatroniCluster *remembered;	/* as it was said before, by whomever; or NULL */
	List	   *requests;		/* of IoHttpRequest *: put together, not made yet */
	bool		slow_due;		/* configuration and history, too */

	/* what came of it */
	PatroniCluster *cluster;	/* as somebody has just said; NULL: nobody has */
	bool		own_said;		/* it was this member's Patroni */
	PatroniNode *own;			/* as this member's Patroni has just said */
	bool		foreign;		/* what answers there runs another server */
	bool		got_slow[2];	/* configuration, history */
	char	   *cluster_problem;	/* why there is no cluster: the first reason */
	int			cluster_sqlstate;

	/* looks in between, while somebody's answer is waited for */
	bool		between;		/* this is one: only what succeeds counts */
	TimestampTz started;		/* when the present requests were made */
	TimestampTz next_between;
	List	   *silent;			/* of HaSlow *: who did not answer them */
} HaRound;

/* a question to this member's Patroni: about itself; about the cluster */
extern void ha_ask_own(HaRound *round);
extern void ha_ask_own_cluster(HaRound *round);

/*
 * ha_ask_others
 *		Questions to the other members of a cluster, but those of "known" (or NULL): about
 *		themselves, about the cluster.
 */
extern void ha_ask_others(HaRound *round, const PatroniCluster *cluster,
						  const PatroniCluster *known, bool about_themselves,
						  bool about_cluster);

/* forgets who was slow, where the pause is over: members come and go */
extern void ha_forget_slow(HaLook *look);

/* makes the requests that were put together, and takes what comes; returns when all are over */
extern void ha_ask_all(HaRound *round);

#endif							/* PGOPS_WORKER_HA_ROUND_H */
