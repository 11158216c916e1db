/*
 * in_place.h
 *		Restores over this server's own data directory.
 *
 * The job checks, writes down what is to be done and hands over to
 * pgops-runner, which outlives the server; the server that comes back finds the
 * result and puts it among its jobs, for its own table of jobs is of the past.
 *
 * Not for: where a restore ends (restore.h).
 */
#ifndef PGOPS_OPS_IN_PLACE_H
#define PGOPS_OPS_IN_PLACE_H

#include "ops/restore.h"

/*
 * in_place_check
 *		Whether this server can be restored in place now; changes nothing but
 *		target->set, which is chosen if it is not given.  args: those of the
 *		job; besides the target's, "backup" (keep a copy of the data, default
 *		false) and "archive" (default true).  Needs a transaction.
 *		ERROR: 25006 on a standby, PO202 under pg_safeguard, PO505 with a job in
 *		the way, PO507 for a target that cannot be reached, 53100 without space
 *		for the copy, 55000 where the server is run by somebody who would
 *		interfere, PO501 without programs, and what stanza_local() raises.
 */
extern void in_place_check(RestoreTarget *target, const SpecNode *args);

/*
 * in_place_import
 *		Takes results of restores in place, and of restarts, into pgops.job: those that are over,
 *		for good; one that is still at work as a running job.  Jobs that had been
 *		waiting when this server was restored and come back with the past are
 *		ended.  Transactions of its own; only on a primary.  Returns when to call
 *		it again, 0: not needed.
 */
extern TimestampTz in_place_import(void);

#endif							/* PGOPS_OPS_IN_PLACE_H */
