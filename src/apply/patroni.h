/*
 * patroni.h
 *		Making Patroni do something: the requests that change anything.
 *
 * Not for: asking (observe/patroni.h), why (plan/, ops/).
 */
#ifndef PGOPS_APPLY_PATRONI_H
#define PGOPS_APPLY_PATRONI_H

#include "observe/patroni.h"

/*
 * apply_patroni
 *		A request with user and password; waits for the answer.  "body": a map, or NULL.
 *		Raises what patroni_problem() says (its SQLSTATE, message, hint) unless
 *		the answer is a success (2xx).  Asks the HA worker to hurry afterwards.  Not in a transaction.
 *		timeout_ms: a switchover answers when it is done, so give it time.
 */
extern IoHttpResult *apply_patroni(const PatroniAccess *access, const char *method,
								   const char *path, const SpecNode *body, int timeout_ms);

/*
 * apply_patroni_watched
 *		The same; tick (see IoHttpRequest) is called every tick_ms until the answer is there.
 */
extern IoHttpResult *apply_patroni_watched(const PatroniAccess *access, const char *method,
										   const char *path, const SpecNode *body, int timeout_ms,
										   IoHttpTick tick, int tick_ms, void *arg);

/*
 * apply_patroni_config
 *		PATCH /config; the answer is the new configuration and becomes the kept one
 *		(patroni_fact_put), so that the next pass sees it.
 */
extern void apply_patroni_config(const PatroniAccess *access, const SpecNode *patch);

#endif							/* PGOPS_APPLY_PATRONI_H */
