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

/* adds the next revision of a cluster; body and difference hold no secret */
extern void revision_add(CmdbQuery *query, const char *cluster, const SpecNode *masked,
						 const SpecNode *difference, const char *note);

#endif							/* PGOPS_CMDB_REVISION_H */
