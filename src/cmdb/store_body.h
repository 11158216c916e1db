/*
 * store_body.h
 *		Hosts, variables and secrets of groups as rows.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_STORE_BODY_H
#define PGOPS_CMDB_STORE_BODY_H

#include "cmdb/compare.h"
#include "cmdb/query.h"

/*
 * store_bodies
 *		Makes the rows of the given groups (GroupDifference *) what their bodies
 *		say.  The bodies are changed: plain secrets go to pgops.secret and leave
 *		a mask.  Raises if an instance has the name of one in another cluster.
 */
extern void store_bodies(CmdbQuery *query, const List *differences);

#endif							/* PGOPS_CMDB_STORE_BODY_H */
