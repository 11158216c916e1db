/*
 * backup.h
 *		What the parts that make, remove and count on backups share.
 *
 * Not for: calling pgBackRest (stanza.h).
 */
#ifndef PGOPS_OPS_BACKUP_H
#define PGOPS_OPS_BACKUP_H

#include "ops/stanza.h"

/* ERROR PO511 if archive_mode is off */
extern void backup_require_archiving(void);

/* stanza_local() in a transaction of a job's own */
extern Stanza *backup_stanza(Job *job);

/*
 * backup_expire
 *		After a backup: removes what retention does not keep in its repository, unless a
 *		restore is at work, which may need it.  NULL: that went well.
 */
struct BackupLines;
extern StanzaFailure *backup_expire(Job *job, const Stanza *stanza, struct BackupLines *lines);

/* a list of texts as a tree */
extern SpecNode *backup_names(List *names);

/*
 * backup_refresh_due
 *		When the repositories are to be looked into the next time by themselves:
 *		now or later; 0: never, or somebody is at it.  Needs a transaction;
 *		primary only.
 */
extern TimestampTz backup_refresh_due(void);

/*
 * backup_watch
 *		Queues a look into the repositories if one is due, in a transaction of
 *		its own, and returns when to call it again; 0: no such time.  For the
 *		coordinator of a primary.
 */
extern TimestampTz backup_watch(void);

#endif							/* PGOPS_OPS_BACKUP_H */
