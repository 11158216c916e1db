/*
 * log.h
 *		What was done and what holds: action log, failures with their next
 *		attempt, status of a cluster.
 *
 * All need a transaction.  Rows are written in sets (unnest), not one by one.
 */
#ifndef PGOPS_CMDB_LOG_H
#define PGOPS_CMDB_LOG_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

typedef struct LogEntry
{
	int64		id;				/* set by cmdb_log_start */
	int			step;
	const char *kind;
	const char *name;
	const char *database;		/* or NULL */
	const char *action;
	bool		destructive;
	const char *statement;		/* redacted */
	const char *reason;
	const char *rule;
	const char *state;			/* running, succeeded, failed, interrupted */
	int			sqlstate;		/* 0: none */
	const char *message;		/* or NULL, like detail and hint */
	const char *detail;
	const char *hint;
	TimestampTz started;
	TimestampTz finished;		/* 0: not yet */
} LogEntry;

/* inserts all entries (of LogEntry *) and sets their ids */
extern void cmdb_log_insert(const char *cluster, int64 generation, int64 pass, List *entries);

/* updates state, error and finished of all entries by id */
extern void cmdb_log_finish(List *entries);

/* marks rows left 'running' by an earlier life as 'interrupted'; returns how many;
 * *reload says whether a file write or reload was among them */
extern int	cmdb_log_interrupt(bool *reload);

/* deletes rows older than "days" days, at most 10000 */
extern void cmdb_log_expire(int days);

/* ---- failures: an object's action that did not work, and when to try again ---- */
typedef struct Failure
{
	char	   *rule;
	char	   *kind;
	char	   *name;
	char	   *database;		/* or NULL */
	char	   *statement;		/* a changed statement is tried at once */
	int			attempts;
	TimestampTz next_attempt;
	int			sqlstate;
	char	   *message;
	char	   *hint;
} Failure;

extern List *cmdb_failures(const char *cluster);

/* replaces the failures of a cluster by this list (of Failure *); no-op to the row if nothing differs */
extern void cmdb_failures_store(const char *cluster, List *failures);

/* ---- status: one row per cluster, for people ---- */
typedef struct ClusterStatus
{
	char	   *cluster;
	char	   *instance;		/* or NULL */
	char	   *phase;			/* converged, progressing, degraded, blocked, paused, unbound, observing */
	char	   *message;		/* one sentence */
	int64		generation;		/* declared generation that was looked at */
	int			actions;		/* of the last pass that did something */
	int			failed;
	int			blocked;
	int			drifted;		/* planned and not executed (observe, paused) */
	char	   *destructive_digest; /* waits for approve(), or NULL */
	TimestampTz last_pass;
	TimestampTz converged_at;	/* 0: not yet */
} ClusterStatus;

extern void cmdb_status_store(const ClusterStatus *status);
extern ClusterStatus *cmdb_status(const char *cluster); /* NULL: no row */

/* id of the next pass */
extern int64 cmdb_next_pass(void);

#endif							/* PGOPS_CMDB_LOG_H */
