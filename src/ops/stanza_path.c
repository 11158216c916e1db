/*
 * stanza_path.c
 *		Where pgops keeps files of its own.
 *
 * Not for: what is in them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port.h"

#include "guc.h"
#include "ops/stanza.h"

/* for the owner alone: below it lie copies of the data */
#define DIRECTORY_MODE	0700

/*
 * Beside the data directory, not inside: a restore in place empties that one,
 * and a backup would copy what lies there.
 */
char *
ops_path(const char *name)
{
	char	   *base;

	if (pgops_guc_directory != NULL && *pgops_guc_directory != '\0')
		base = pstrdup(pgops_guc_directory);
	else
		base = psprintf("%s.pgops", DataDir);
	canonicalize_path(base);
	return name == NULL ? base : psprintf("%s/%s", base, name);
}

/* An existing directory keeps its mode: somebody may have chosen it. */
void
ops_make_directory(const char *path)
{
	char	   *copy = pstrdup(path);

	/* it writes into its argument */
	if (pg_mkdir_p(copy, DIRECTORY_MODE) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path),
				 errhint("pgops keeps its own files below \"%s\" (setting pgops.directory), where the server's operating system user must be able to write.",
						 ops_path(NULL))));
	pfree(copy);
}

char *
stanza_config_path(void)
{
	if (pgops_guc_pgbackrest_config != NULL && *pgops_guc_pgbackrest_config != '\0')
		return pstrdup(pgops_guc_pgbackrest_config);
	return ops_path("pgbackrest.conf");
}
