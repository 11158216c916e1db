/*
 * patroni.h
 *		What a plan knows of the Patroni that runs this server.
 *
 * Not for: asking Patroni (observe/patroni_facts.h).
 */
#ifndef PGOPS_PLAN_PATRONI_H
#define PGOPS_PLAN_PATRONI_H

#include "plan/plan.h"

/* as it was told last; PlanInput.patroni, NULL: Patroni does not run this server */
typedef struct PatroniInput
{
	bool		managed;		/* its configuration is pgops' to change (pgops.manage_ha) */
	bool		leader;			/* this server is the leader, of a standby cluster too: it alone plans */
	bool		asked;			/* an answer can be expected; false: nobody has asked yet */
	int			version;		/* of Patroni, 30002; 0: not known */
	const SpecNode *config;		/* GET /config; NULL: not known, or too old to be relied upon */
	bool		settled;		/* it has been that for so long that all members have done what it says */
	char	   *problem;		/* why it is not known, in a sentence; NULL: there is none */
	int			sqlstate;		/* of problem */
	bool		paused;
	int			members;		/* how many there are; 0: not known */
	List	   *pending;		/* of char *: members that wait for a restart */
} PatroniInput;

#endif							/* PGOPS_PLAN_PATRONI_H */
