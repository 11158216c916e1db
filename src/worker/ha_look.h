/*
 * ha_look.h
 *		One look at Patroni: what the HA worker does again and again.
 */
#ifndef PGOPS_WORKER_HA_LOOK_H
#define PGOPS_WORKER_HA_LOOK_H

#include "observe/patroni_facts.h"

/* what the worker remembers from one look to the next; begun as {0} */
typedef struct HaLook
{
	MemoryContext memory;		/* for what is remembered */
	PatroniAccess *access;		/* of this member's Patroni; NULL: not known */
	char		instance[NAMEDATALEN];	/* declared instance that this server is; empty: not known */
	PatroniSelf self;			/* what is told of this server */
	bool		others_asked;	/* this member's Patroni did not say what the cluster is: others are asked at once */
	TimestampTz next_slow;		/* when configuration and history are asked for again */
	List	   *slow;			/* of HaSlow *: who took long to give no answer */
	char	   *scene;			/* what the last look saw */
	TimestampTz scene_since;
} HaLook;

/*
 * ha_look
 *		Asks this member's Patroni and those of the others, and keeps what they
 *		say.  Returns how many ms the next look may wait.  Not in a transaction; takes
 *		what it needs from the current memory context.
 */
extern long ha_look(HaLook *look);

/* what can be seen from here when something happens to the cluster (ha_sign.c) */
typedef struct HaSign
{
	bool		recovery;
	int			receiver;		/* process that receives WAL; 0: none */
	int			receiver_state;
	uint32		timeline;		/* that it receives */
	uint64		senders;		/* a digest of those that send WAL, and whether it has caught up */
} HaSign;

/* reads shared memory and nothing else */
extern void ha_sign_read(HaSign *sign);

#endif							/* PGOPS_WORKER_HA_LOOK_H */
