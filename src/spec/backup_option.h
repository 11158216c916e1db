/*
 * backup_option.h
 *		The options of a backup repository: which there are, what values they
 *		take, since which pgBackRest.
 *
 * They are declared as pgBackRest calls them, without "repoN-" and with
 * underscores (retention_full).  Pure data; whether an option is a secret,
 * catalogue_is_secret() tells.
 */
#ifndef PGOPS_SPEC_BACKUP_OPTION_H
#define PGOPS_SPEC_BACKUP_OPTION_H

#include "spec/catalogue.h"

typedef struct BackupOptionDef
{
	const char *name;
	ParamType	type;
	const char *choices;		/* PT_ENUM */
	double		min,
				max;			/* PT_INT; both 0: unbounded */
	int			since;			/* pgBackRest's version as a number: 2.46 is 246 */
} BackupOptionDef;

extern const BackupOptionDef backup_options[];	/* ends with name NULL */

/* the option, or NULL */
extern const BackupOptionDef *backup_option(const char *name);

/* names of all, for hints; ends with NULL; palloc'd */
extern const char *const *backup_option_names(void);

/*
 * backup_methods
 *		The repositories that are used, of char *, in order: the names in a
 *		declared pgbackrest_method (one, several as a list, or several in one text
 *		with commas between).  Where it says nothing (NULL, null, empty): the only
 *		one of "repos" (may be NULL), else "local".
 */
extern List *backup_methods(const SpecNode *method, const SpecNode *repos);

#endif							/* PGOPS_SPEC_BACKUP_OPTION_H */
