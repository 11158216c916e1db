/*
 * pgbackrest.h
 *		The text of pgbackrest.conf.
 *
 * Pure.  Not for: where it is written.
 */
#ifndef PGOPS_RENDER_PGBACKREST_H
#define PGOPS_RENDER_PGBACKREST_H

#include "spec/model_backup.h"

/* what the file says about this server besides the declaration */
typedef struct BackupPlace
{
	const char *stanza;
	const char *data_directory;
	int			port;
	const char *socket_directory;	/* NULL: the server has none */
	const char *user;			/* the bootstrap superuser */
	const char *database;		/* one that is there */
	const char *log_path;
	const char *lock_path;
	const char *spool_path;
	int			processors;
	int			version;		/* of pgBackRest: 2.45 is 245; 0: not known, has everything */
} BackupPlace;

/*
 * render_pgbackrest
 *		The whole file, secrets in plain text: palloc'd.
 */
extern char *render_pgbackrest(const BackupSpec *spec, const BackupPlace *place);

/* whether a text begins as those do that render_pgbackrest() makes */
extern bool render_pgbackrest_is_ours(const char *text);

/* a copy of such a text with the values of secrets masked: for people */
extern char *render_pgbackrest_masked(const char *text);

/* the values of secrets in such a text: palloc'd, of char * */
extern List *render_pgbackrest_secrets(const char *text);

/* the repositories without their secrets, for comparing: other text, other repositories */
extern char *render_pgbackrest_repos(const BackupSpec *spec, const BackupPlace *place);

/* why there can be no such file for this server, or NULL; palloc'd */
extern char *render_pgbackrest_problem(const BackupPlace *place);

/* so many repositories can be told apart in a text: more than pgBackRest has */
#define RENDER_PGBACKREST_REPOS	256

/*
 * render_pgbackrest_recoded
 *		The number that a repository of the text "after" has in the text
 *		"before", if it is encrypted otherwise there; 0: it is not, or is not there.
 */
extern int	render_pgbackrest_recoded(const char *before, const char *after, int repo);

/*
 * render_pgbackrest_left_out
 *		Declared options that are left out of the file, since this pgBackRest
 *		does not have them or they mean nothing without another one: of char *,
 *		each a sentence.
 */
extern List *render_pgbackrest_left_out(const BackupSpec *spec, const BackupPlace *place);

#endif							/* PGOPS_RENDER_PGBACKREST_H */
