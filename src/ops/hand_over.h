/*
 * hand_over.h
 *		A job that stops this server goes on in pgops-runner, which outlives it;
 *		the server that comes back finds the result (in_place_import()).
 *
 * Not for: the steps that are carried out meanwhile.
 */
#ifndef PGOPS_OPS_HAND_OVER_H
#define PGOPS_OPS_HAND_OVER_H

#include "ops/job.h"

/* the row of a job and, as "token", what tells this run from all others.  Needs a transaction */
extern SpecNode *hand_over_row(int64 id);

/* directory of the run, palloc'd; it is made by hand_over() */
extern char *hand_over_directory(int64 id, const SpecNode *row);

/*
 * hand_over
 *		Writes the task down (a map: "target", what it is about, in words;
 *		"steps"; "replaces_from", number of the first step after which the data
 *		are not the old ones), starts the runner and lets it go.  row: from
 *		hand_over_row().  To be called last, outside a transaction.  ERROR as long
 *		as nothing was done.
 */
extern void hand_over(Job *job, const char *directory, SpecNode *row, SpecNode *task);

#endif							/* PGOPS_OPS_HAND_OVER_H */
