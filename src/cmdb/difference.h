/*
 * difference.h
 *		What differs between two bodies, as a list for people and programs.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_DIFFERENCE_H
#define PGOPS_CMDB_DIFFERENCE_H

#include "spec/node.h"

/*
 * difference_canonical
 *		A copy of a body in the form in which it comes back from the tables:
 *		{hosts, vars} with only maps below, values as jsonb keeps them, secrets
 *		as text.  Two bodies mean the same if their canonical forms are equal.
 */
extern SpecNode *difference_canonical(const SpecNode *body);

/*
 * difference_make
 *		A list of {path, old, new} for two canonical bodies ("before" may be
 *		NULL); empty if they mean the same.  Secrets are compared as they are
 *		and shown masked.  List items with names are compared by name.
 */
extern SpecNode *difference_make(const SpecNode *before, const SpecNode *after);

#endif							/* PGOPS_CMDB_DIFFERENCE_H */
