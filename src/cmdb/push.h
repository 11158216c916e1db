/*
 * push.h
 *		What is known of the servers that declarations are pushed to: table
 *		pgops.push_status.
 *
 * All need a transaction.  Not for: pushing (worker/push.h).
 */
#ifndef PGOPS_CMDB_PUSH_H
#define PGOPS_CMDB_PUSH_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* numbers of 0 and texts of NULL are not known; times of 0 never were */
typedef struct PushStatus
{
	const char *cluster;
	const char *pg_cluster;
	const char *host;
	int64		tried_generation;
	int64		pushed_generation;
	int64		remote_generation;
	int64		observed_generation;
	const char *phase;
	const char *message;
	const char *sqlstate;		/* of the last attempt if it failed */
	const char *error;
	TimestampTz last_attempt;
	TimestampTz last_contact;
	int			attempts;		/* that failed since the last success */
	TimestampTz next_attempt;	/* 0: not by itself */
} PushStatus;

/* whether pgops_push is declared anywhere: one look into a small index */
extern bool cmdb_push_declared(void);

/*
 * cmdb_push_due
 *		Names (char *) of clusters with pgops_push whose declaration was not
 *		tried yet, or whose time for another attempt or look has come; *next is
 *		the first time of the others (0: none).  "local" is this server's own
 *		cluster, which is left out unless its group holds others, too.  It may
 *		name a cluster too many, where groups disagree: the settings in effect
 *		decide.
 */
extern List *cmdb_push_due(const char *local, TimestampTz *next);

/* names (char *) of all pgsql clusters, those that failed before at the end */
extern List *cmdb_push_clusters(void);

/* rows (PushStatus *) of a cluster */
extern List *cmdb_push_status(const char *cluster);

/* inserts or updates the row */
extern void cmdb_push_store(const PushStatus *status);

/* deletes the rows of a cluster's targets other than these (names, char *) */
extern void cmdb_push_retain(const char *cluster, List *pg_clusters);

#endif							/* PGOPS_CMDB_PUSH_H */
