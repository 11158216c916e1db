/*
 * restore.h
 *		Where a restore ends: targets, what is possible, and the options that
 *		pgBackRest gets for them.  Shared by restores beside this server, in
 *		place, and by restore tests.
 *
 * Not for: where it is restored to (instance.h, in_place.c).
 */
#ifndef PGOPS_OPS_RESTORE_H
#define PGOPS_OPS_RESTORE_H

#include "ops/stanza.h"

typedef enum RestoreType
{
	RESTORE_LATEST,				/* end of the archive */
	RESTORE_IMMEDIATE,			/* as soon as it is consistent */
	RESTORE_TIME,
	RESTORE_XID,
	RESTORE_LSN,
	RESTORE_NAME
} RestoreType;

typedef struct RestoreTarget
{
	RestoreType type;
	char	   *value;			/* as pgBackRest and the server take it; NULL: LATEST, IMMEDIATE */
	TimestampTz time;			/* TIME */
	char	   *set;			/* label of the backup; NULL: pgBackRest or we choose */
	char	   *timeline;		/* a number, "latest", "current"; NULL: latest */
	bool		exclusive;
	char	   *action;			/* pause, promote, shutdown */
	char	   *stanza;			/* another cluster's; NULL: this server's */
	int			repo;			/* 0: any */
	List	   *db_include;		/* of char * */
	List	   *db_exclude;
	SpecNode   *link_map;		/* a map name -> path, or NULL */
	int			processes;		/* 0: as configured */
	bool		delta;
} RestoreTarget;

/*
 * restore_target
 *		From the arguments of a job or of pgops.restore() (the keys of pg_pitr:
 *		cluster, type, time, xid, lsn, name, set, timeline, exclusive, action, db_include,
 *		db_exclude, link_map, process, repo, delta).  ERROR for what contradicts
 *		itself or cannot be read, all such things at once, with a hint.
 */
extern RestoreTarget *restore_target(const SpecNode *args);

/*
 * restore_check
 *		Whether the backups can reach the target: chooses the set if none is
 *		given.  ERROR PO507 if not, with what would be possible (recovery window, labels).
 *		latest: newest time that is known to be archived, 0: unknown.
 */
extern void restore_check(RestoreTarget *target, const StanzaState *state, TimestampTz latest);

/*
 * restore_leads_here
 *		Whether a recovery leads from a backup that ended on "timeline" (0: unknown) at
 *		"stop" to where this server is now.  After a restore in place there may be
 *		backups of what it has left.  true where nobody knows, as on a standby.
 */
extern bool restore_leads_here(TimeLineID timeline, XLogRecPtr stop);

/*
 * restore_candidates
 *		Labels (char *), newest first, of the backups from which the target may
 *		be reached; where that cannot be told (xid, name) there are several, and
 *		only trying shows which one it is.
 */
extern List *restore_candidates(const RestoreTarget *target, const StanzaState *state);

/*
 * restore_flush_archive
 *		Closes the WAL file that is being written and waits until it is archived, so
 *		that what happened up to now can be restored.  Not in a transaction.
 *		ERROR PO507 if archiving fails meanwhile.
 */
extern void restore_flush_archive(Job *job);

/* options of "pgbackrest restore" for the target: of char * */
extern List *restore_options(const RestoreTarget *target);

/* the target in words, for steps, logs and results: "time 2026-11-20 14:00:00+00, exclusive" */
extern char *restore_describe(const RestoreTarget *target);

#endif							/* PGOPS_OPS_RESTORE_H */
