/*
 * patroni_followers.h
 *		Whether new HBA rules let the cluster's members go on replicating.
 *
 * Not for: the rules themselves (render/hba.c).
 */
#ifndef PGOPS_WORKER_PATRONI_FOLLOWERS_H
#define PGOPS_WORKER_PATRONI_FOLLOWERS_H

#include "plan/plan.h"

/*
 * patroni_check_hba
 *		io_hba_check() of the text; and where Patroni runs the server, whether members that
 *		can replicate by the rules of now still could: of HbaError *, NIL if all is well.  Needs a
 *		transaction.
 */
extern List *patroni_check_hba(const PlanInput *input, const char *text);

#endif							/* PGOPS_WORKER_PATRONI_FOLLOWERS_H */
