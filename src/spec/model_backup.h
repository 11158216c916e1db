/*
 * model_backup.h
 *		What is declared about backups: repositories, in their order, with the
 *		options of each.
 *
 * Not for: the text of pgbackrest.conf (render/render.h), how pgBackRest is
 * called (ops/stanza.h).
 */
#ifndef PGOPS_SPEC_MODEL_BACKUP_H
#define PGOPS_SPEC_MODEL_BACKUP_H

#include "nodes/pg_list.h"

typedef struct BackupOption
{
	char	   *name;			/* as declared: retention_full */
	char	   *value;			/* as pgBackRest takes it: booleans are y and n */
	bool		secret;
	int			since;			/* the pgBackRest that has it: 246; 0: any */
} BackupOption;

typedef struct BackupRepo
{
	char	   *name;			/* in pgbackrest_repo */
	List	   *options;		/* of BackupOption *, as declared */
} BackupRepo;

typedef struct BackupSpec
{
	List	   *repos;			/* of BackupRepo *: repo1, repo2 ... */
	char	   *log_dir;		/* NULL: undeclared, that of pgops.directory */
	bool		init_backup;	/* a first full backup is made */
	char	   *problem;		/* why nothing can be done about it (Jinja, ...), or NULL */
} BackupSpec;

/* value of an option, or NULL */
extern const char *model_backup_option(const BackupRepo *repo, const char *name);

/* whether a repository is a directory of this machine (or mounted there) */
extern bool model_backup_is_local(const BackupRepo *repo);

#endif							/* PGOPS_SPEC_MODEL_BACKUP_H */
