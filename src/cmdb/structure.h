/*
 * structure.h
 *		Which group lies in which, as rows of pgops.child.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_STRUCTURE_H
#define PGOPS_CMDB_STRUCTURE_H

#include "cmdb/cmdb.h"
#include "cmdb/query.h"

typedef struct Mention
{
	const char *parent;			/* NULL: all */
	const char *child;
	int			ordinal;		/* among those of the same parent, from 1 */
	bool		defines;
	bool		top;
} Mention;

/*
 * structure_make
 *		Mentions (List of Mention *) as a whole inventory declares them; what only
 *		"stored" has comes after them unless prune.
 */
extern List *structure_make(const Inventory *declared, const Inventory *stored, bool prune);

/* the same of what is stored */
extern List *structure_of(const Inventory *stored);

/* whether two lists say the same */
extern bool structure_equal(const List *a, const List *b);

/* {"all": [names], parent: [names]} for revisions and for people */
extern SpecNode *structure_node(const List *mentions);

/* makes the rows of pgops.child these: all of them */
extern void structure_store(CmdbQuery *query, const List *mentions);

/* a group that lies nowhere yet comes below all, at the end */
extern void structure_append(CmdbQuery *query, const char *group);

#endif							/* PGOPS_CMDB_STRUCTURE_H */
