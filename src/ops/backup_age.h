/*
 * backup_age.h
 *		Whether there is a backup that is new enough to lose data (the setting
 *		pgops.require_backup_age).
 *
 * Not for: looking into the repositories; what is stored of the last look counts.
 */
#ifndef PGOPS_OPS_BACKUP_AGE_H
#define PGOPS_OPS_BACKUP_AGE_H

#include "postgres.h"

/*
 * backup_age_problem
 *		Why nothing may be done that loses data; NULL: it may.  The text stays
 *		the same until there is another backup or another problem.  Needs a
 *		transaction.
 */
extern char *backup_age_problem(const char *stanza);

#endif							/* PGOPS_OPS_BACKUP_AGE_H */
