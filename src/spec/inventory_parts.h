/*
 * inventory_parts.h
 *		Private to src/spec/inventory*.c: what its files share.
 */
#ifndef PGOPS_SPEC_INVENTORY_PARTS_H
#define PGOPS_SPEC_INVENTORY_PARTS_H

#include "spec/inventory.h"

/* keys with a meaning of their own in Ansible's inventories */
#define INVENTORY_ALL		"all"
#define INVENTORY_PRIORITY	"ansible_group_priority"

/* what a group is, by the markers that its hosts and variables have */
extern const char *inventory_kind(const InventoryGroup *group);

/*
 * inventory_expand_hosts
 *		A group's "hosts" as a map of a host to a map of variables: patterns
 *		(node[01:03], node:2222) are expanded, a null becomes an empty map.  It is
 *		the given map itself wherever there was nothing to expand.
 */
extern SpecNode *inventory_expand_hosts(SpecNode *hosts, const char *path, Findings *findings);

/*
 * inventory_check_names
 *		That no name is both a group's and a host's.  asked: groups that have to
 *		do with what is reported; NULL: all.
 */
extern void inventory_check_names(const Inventory *inventory, const SpecNames *asked,
								  Findings *findings);

/* what paths of findings about a group begin with: its name, or all for the hosts of all */
extern const char *inventory_path(const Inventory *inventory, const InventoryGroup *group);

/* whether a mention is the body of a group beside "all" */
extern bool inventory_is_top(const InventoryChild *child);

/* remembers where the mention of a child stands, if none was remembered yet */
extern void inventory_place_child(const Inventory *inventory, const InventoryGroup *parent,
								  const InventoryGroup *child, int line, int column);

/* reports each group that lies in itself, and takes the mention out that closes the circle */
extern void inventory_cut_circles(Inventory *inventory, Findings *findings);

/* value of ansible_group_priority in the variables of a group; false: it is no number */
extern bool inventory_priority(const SpecNode *vars, int *priority);

/*
 * What counts in the group "group" (NULL: in none in particular) of another
 * group that lists the host: what that one sets for the host, and (belongs)
 * its own variables and those of the groups above it.
 */
extern bool inventory_counts(const InventoryHost *host, const InventoryGroup *other,
							 const InventoryGroup *group);
extern bool inventory_belongs(const InventoryHost *host, const InventoryGroup *other,
							  const InventoryGroup *group);

/* the given groups and all above them, weakest first; a fresh list */
extern List *inventory_with_parents(const List *groups);

#endif							/* PGOPS_SPEC_INVENTORY_PARTS_H */
