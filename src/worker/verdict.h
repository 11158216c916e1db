/*
 * verdict.h
 *		The status row: what a pass amounts to, in one word and one sentence.
 */
#ifndef PGOPS_WORKER_VERDICT_H
#define PGOPS_WORKER_VERDICT_H

#include "cmdb/cmdb.h"
#include "cmdb/log.h"
#include "worker/execution.h"

/* nothing is done: "unbound", "paused"; earlier may be NULL */
extern void verdict_rest(ClusterStatus *status, const CmdbCluster *row,
						 const ClusterStatus *earlier, const char *instance,
						 const char *phase, const char *message);

/* a plan with "actions" runnable actions is about to be carried out */
extern void verdict_progress(ClusterStatus *status, const CmdbCluster *row,
							 const ClusterStatus *earlier, const char *instance, int actions);

/* after execution: converged, degraded, blocked, observing */
extern void verdict_make(ClusterStatus *status, const CmdbCluster *row, const char *instance,
						 const Execution *execution);

/* whether the row must be written: a pass without news writes nothing.  before may be NULL */
extern bool verdict_differs(const ClusterStatus *before, const ClusterStatus *now);

#endif							/* PGOPS_WORKER_VERDICT_H */
