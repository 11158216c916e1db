/*
 * revision.h
 *		The history of declarations.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_REVISION_H
#define PGOPS_CMDB_REVISION_H

#include "cmdb/query.h"
#include "spec/node.h"

/* one revision to be made; document and difference hold no secret */
typedef struct Revision
{
	const char *name;			/* of the group, or "all" */
	const SpecNode *document;
	const SpecNode *difference;	/* list of {path, old, new} */
} Revision;

/*
 * revision_add
 *		Adds the next revision of each.  join: where the newest one was made by
 *		this very transaction it becomes this one, with both differences.
 */
extern void revision_add(CmdbQuery *query, const List *revisions, const char *note, bool join);

#endif							/* PGOPS_CMDB_REVISION_H */
