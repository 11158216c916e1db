/*
 * compare.h
 *		What differs between the inventory that is stored and one that is
 *		declared, group by group.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_COMPARE_H
#define PGOPS_CMDB_COMPARE_H

#include "cmdb/cmdb.h"

/* name under which revisions and changes of globals and structure go */
#define CMDB_ALL		"all"

typedef struct GroupDifference
{
	const char *name;			/* CMDB_ALL: global variables and structure */
	const InventoryGroup *group;	/* NULL: all */
	const Inventory *inventory; /* in which the group lies */
	bool		added;			/* was not stored before */
	SpecNode   *body;			/* canonical copy that shares nothing; secrets in it */
	SpecNode   *masked;			/* the same to be shown */
	SpecNode   *difference;		/* list of {path, old, new}, secrets masked */
} GroupDifference;

/*
 * compare_inventories
 *		List of GroupDifference *, for the groups of "declared" that differ from
 *		those of "stored".  Groups that only "stored" has are not in it.
 *		globals: whether the global variables count, too.
 */
extern List *compare_inventories(const Inventory *declared, const Inventory *stored,
								 bool globals);

/* {vars} of all, sharing the tree */
extern SpecNode *compare_globals_body(const Inventory *inventory);

/* adds a CmdbChange for each entry of a difference to the list */
extern List *compare_changes(List *changes, const GroupDifference *difference);

#endif							/* PGOPS_CMDB_COMPARE_H */
