/*
 * hba_name.h
 *		The "user" and "db" of an HBA rule: comma lists of names, taken apart.
 *
 * Not for: what a name becomes in the file (render/hba_name.c).
 */
#ifndef PGOPS_SPEC_HBA_NAME_H
#define PGOPS_SPEC_HBA_NAME_H

#include "nodes/pg_list.h"

typedef struct HbaName
{
	char	   *name;			/* without quotes and the + */
	bool		quoted;			/* written in double quotes: never a keyword */
	bool		group;			/* +name: members of the role */
} HbaName;

/*
 * hba_names_split
 *		List of HbaName * from "a, +b, ${repl}" in the current context.  An
 *		element in double quotes is taken as it stands ("" is one quote), so
 *		that a name may hold a comma or be a keyword.  Empty elements vanish.
 */
extern List *hba_names_split(const char *str);

/* a name that means itself, whatever it looks like, in the current context */
extern HbaName *hba_name_literal(const char *name);

/* the inverse, as declared text: quotes only where splitting needs them */
extern char *hba_names_join(List *names);

#endif							/* PGOPS_SPEC_HBA_NAME_H */
