/*
 * restart.h
 *		Restarts of this server, for parameters that wait for one.
 *
 * Not for: which parameters those are (plan/plan_parameter.c).
 */
#ifndef PGOPS_OPS_RESTART_H
#define PGOPS_OPS_RESTART_H

#include "postgres.h"

/*
 * restart_check
 *		ERROR if this server cannot be restarted from within: 25006 on a standby,
 *		55000 where somebody runs it who would interfere, PO501 without programs,
 *		PO505 with another job than "own" (0: none) at work.  Needs a transaction.
 */
extern void restart_check(int64 own);

/*
 * restart_ask
 *		Asks for a restart where the policy (pgops_restart_policy) says so and
 *		nothing is in the way; once for the same parameters.  In a transaction of
 *		its own.
 */
extern void restart_ask(const char *cluster, const char *policy, const char *parameters);

#endif							/* PGOPS_OPS_RESTART_H */
