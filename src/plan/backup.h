/*
 * backup.h
 *		What the planner is told about backups on this server, besides the
 *		declaration.
 *
 * Not for: what is in the repositories (ops/stanza.h).
 */
#ifndef PGOPS_PLAN_BACKUP_H
#define PGOPS_PLAN_BACKUP_H

#include "datatype/timestamp.h"
#include "nodes/bitmapset.h"
#include "render/pgbackrest.h"

/* kind of the job that sets backups up, and of what pgops remembers of it */
#define BACKUP_SETUP_JOB	"backup_setup"
#define BACKUP_OWNED		"backup"
#define BACKUP_OWNED_SETUP	"setup"

/* the last job of a kind */
typedef struct JobOutcome
{
	int64		id;
	char	   *state;			/* as in pgops.job */
	char	   *digest;			/* what it was to set up */
	int			failures;		/* jobs in a row, this one included, that ended badly for this digest */
	TimestampTz finished;
	int			sqlstate;
	char	   *message;
	char	   *hint;			/* or NULL */
} JobOutcome;

typedef struct BackupFacts
{
	char	   *program;
	char	   *program_error;	/* why it cannot be started, or NULL */
	BackupPlace place;
	bool		settings_managed;	/* parameters of the server are pgops' to set */

	char	   *config_path;
	char	   *config_text;	/* NULL: missing, or config_error */
	int			config_mode;	/* permission bits */
	char	   *config_error;	/* why it cannot be read, or NULL */
	int			config_sqlstate;

	/* as the server runs now */
	const char *archive_mode;
	const char *archive_command;
	const char *archive_library;
	const char *wal_level;
	char	   *system_identifier;
	bool		repos_known;	/* somebody has looked into the repositories: */
	Bitmapset  *repos_in_use;	/* numbers of those that have the stanza, or may have */
	char	   *stanza_gone;	/* a repository that had the stanza and has lost it, or NULL */
	JobOutcome *job;			/* NULL: never tried */
} BackupFacts;

#endif							/* PGOPS_PLAN_BACKUP_H */
