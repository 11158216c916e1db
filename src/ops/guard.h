/*
 * guard.h
 *		Whether this server may do now what only a leader may: Patroni is asked.
 *
 * A server that is not in recovery may be an old primary that nobody follows
 * any more.  Where Patroni runs the server, its word counts: no answer is a no.
 *
 * Not for: standbys, which do only what is local to them anyway.
 */
#ifndef PGOPS_OPS_GUARD_H
#define PGOPS_OPS_GUARD_H

#include "postgres.h"

typedef enum GuardState
{
	GUARD_FREE,					/* Patroni has nothing to do with this server */
	GUARD_LEADER,				/* Patroni says that it is the leader */
	GUARD_NOT_LEADER,			/* Patroni says that it is not */
	GUARD_UNKNOWN				/* Patroni of this member does not answer */
} GuardState;

/*
 * guard_ask
 *		Asks Patroni of this member (GET /primary, at most 2 s).  *reason: a sentence for people, palloc'd, NULL
 *		for the first two.  Not in a transaction.  Raises nothing but what ends the process or cancels.
 */
extern GuardState guard_ask(char **reason);

/* whether it may act: the first two */
extern bool guard_may_act(char **reason);

/* in a session, for what acts outside at once: ERROR (PO706) if it may not.  Before any lock is taken */
extern void guard_require(void);

/*
 * guard_declaring
 *		Before a declaration is stored, in the session's transaction and before any lock is
 *		taken: ERROR (PO706) if Patroni says that this server is not the leader, for 2 s, or another
 *		member is known to be; WARNING if it cannot be known.  Nothing without Patroni.
 */
extern void guard_declaring(void);

#endif							/* PGOPS_OPS_GUARD_H */
