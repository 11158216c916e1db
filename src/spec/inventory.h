/*
 * inventory.h
 *		A whole inventory: groups inside groups, hosts that lie in many of
 *		them, variables at every level, and which of two levels wins.
 *
 * The same structure is made from a document (inventory_read) and from tables
 * (cmdb/), so precedence is decided in one place.  Trees hang below it as they
 * were declared: not copied, not normalised.  Everything is palloc'd and lives
 * in the context current at the call.
 *
 * Precedence is Ansible's: default < all < groups of the host < the host.  Of
 * the groups of a host the one that is deeper below "all" wins, then the one
 * with the higher ansible_group_priority, then the one whose name sorts last.
 * Host variables are one set for each host, whatever group they are written
 * under; of two groups that set the same one the later in the document wins.
 * The one exception: where a host is in several pgsql clusters, what the other
 * ones say (as groups, or for the host below them) is not this cluster's.
 *
 * Not for: what a parameter means (catalogue.h), findings about values
 * (validate.h), tables.
 */
#ifndef PGOPS_SPEC_INVENTORY_H
#define PGOPS_SPEC_INVENTORY_H

#include "spec/finding.h"
#include "spec/names.h"
#include "spec/node.h"

/* kinds of groups, as in pgops.cluster.kind */
#define INVENTORY_PGSQL		"pgsql"	/* has instances that pgops knows how to reconcile */
#define INVENTORY_GROUP		"group"	/* no hosts of its own: only variables and children */
#define INVENTORY_NODE		"node"	/* hosts that no other kind fits */

/* name under which hosts directly below "all" are kept, as Ansible calls their group */
#define INVENTORY_UNGROUPED	"ungrouped"

/* key of a dynamic inventory that is no group's */
#define INVENTORY_META		"_meta"

typedef struct InventoryGroup InventoryGroup;

/* one mention of a group below another */
typedef struct InventoryChild
{
	InventoryGroup *group;
	bool		defines;		/* the group's body stands here */
	int			line,			/* of the key; 0: unknown */
				column;
} InventoryChild;

struct InventoryGroup
{
	char	   *name;
	const char *kind;			/* set by inventory_finish() unless it was given */
	SpecNode   *hosts;			/* map: host -> map of its variables; never NULL */
	SpecNode   *vars;			/* map; never NULL */
	List	   *children;		/* of InventoryChild *, in the order of the document */
	List	   *parents;		/* of InventoryGroup *; "all" is none of them */
	bool		defined;		/* has a body somewhere */
	bool		top;			/* written beside "all" rather than below it */
	bool		hosts_first;	/* "hosts" stand before "children" (of "ungrouped": before
								 * those of all), and Ansible reads them first */
	int			line,			/* of the key where it is defined; 0: unknown */
				column;

	/* by inventory_finish() */
	int			depth;			/* longest way from "all", from 1 */
	int			priority;		/* ansible_group_priority, else 1 */
	int			visit;			/* place in the order in which Ansible reads hosts */

	/* of the searches inside spec/ */
	uint64		seen;			/* the last one that came by */
	int			waiting;		/* parents whose depth is not known yet */
};

typedef struct InventoryHost
{
	char	   *name;
	List	   *groups;			/* of InventoryGroup *: those that list it, in order of visit */
	List	   *vars;			/* of SpecNode *: the variables that each of these gives it */
} InventoryHost;

typedef struct Inventory
{
	SpecNode   *vars;			/* of all; never NULL */
	bool		has_vars;		/* "all" has the key "vars" */
	List	   *children;		/* of InventoryChild *: below all, or beside it (top) */
	List	   *groups;			/* of InventoryGroup *, in order of first mention */
	SpecNames  *by_name;		/* InventoryGroup */
	SpecNames  *pairs;			/* InventoryChild, by parent and child */

	/* by inventory_finish() */
	List	   *hosts;			/* of InventoryHost *, in order of first visit */
	SpecNames  *host_by_name;	/* InventoryHost */
} Inventory;

/* ---- building ---- */

extern Inventory *inventory_create(void);

/* the group of that name, made if it is not there (name is copied) */
extern InventoryGroup *inventory_add_group(Inventory *inventory, const char *name);

/* parent NULL: all.  A second mention of the same pair is kept once. */
extern void inventory_add_child(Inventory *inventory, InventoryGroup *parent,
								InventoryGroup *child, bool defines);

/*
 * Kinds, depths, order of visit, hosts.  Cycles must have been cut
 * (inventory_read does).  To be called again when groups, hosts or their maps
 * were added, replaced or removed; a kind that a group has stays.
 */
extern void inventory_finish(Inventory *inventory);

/*
 * inventory_read
 *		From a document as spec_parse() returns it: a map of groups, of which
 *		"all" is the root.  Ranges of hosts (node[01:03]) are expanded, a host
 *		without variables gets an empty map.  Values are shared with the
 *		document, so a later normalisation is seen by both.
 *		Findings (with line and column) for everything about its structure:
 *		shape, unknown keys of a group, a group defined twice, a child that is
 *		defined nowhere, cycles (cut where found), a name that is group and host
 *		at once.  NULL if there is nothing to go on with: the document is no map, or
 *		its groups are nested beyond the limit of documents.
 */
extern Inventory *inventory_read(SpecNode *document, Findings *findings);

/* whether a document is an inventory rather than one cluster: has "all", or several groups,
 * or a group with children */
extern bool inventory_is_document(const SpecNode *document);

/*
 * inventory_document
 *		The reverse: a tree {all: {hosts, children, vars}, ...} in the order of
 *		the inventory, that inventory_read() makes the same inventory of.
 *		Empty parts are left out, a host without variables is {}.
 */
extern SpecNode *inventory_document(const Inventory *inventory);

/* ---- asking ---- */

extern InventoryGroup *inventory_group(const Inventory *inventory, const char *name);	/* or NULL */

/*
 * inventory_group_mentioned
 *		Whether the group is written below or beside "all" or below another
 *		group: false for the hosts directly below "all" alone.
 */
extern bool inventory_group_mentioned(const Inventory *inventory, const InventoryGroup *group);

/* {hosts, vars} of a group as one body, sharing the trees */
extern SpecNode *inventory_body(const InventoryGroup *group);

/* the group and all groups above it, weakest first: itself is the last one */
extern List *inventory_group_levels(const InventoryGroup *group);

/* the host's own variables, merged over all groups that list it (a fresh map sharing values) */
extern SpecNode *inventory_host_vars(const Inventory *inventory, const char *host);

/* where an effective value came from */
typedef struct InventorySetting
{
	const char *name;
	const SpecNode *value;
	const char *scope;			/* "default", "global", "group", "cluster", "instance" */
	const char *origin;			/* name of the group ("group", "cluster") or host ("instance"); else NULL */
} InventorySetting;

/*
 * inventory_settings
 *		Effective variables of a host as a member of "group" (host NULL: of the
 *		group as such: defaults, all, the groups above it, itself; group NULL: of
 *		the host as Ansible sees it, all its clusters together), each with its
 *		origin, in the order of origins: default, all, groups, host.  defaults:
 *		whether the catalogue's ones are included.
 */
extern List *inventory_settings(const Inventory *inventory, const InventoryGroup *group,
								const char *host, bool defaults);

/*
 * inventory_value
 *		One of them, never a default: for a host as a member of "group" (host
 *		NULL: the group as such).  NULL if nobody declares it.
 */
extern const SpecNode *inventory_value(const Inventory *inventory, const InventoryGroup *group,
									   const char *host, const char *param);

/*
 * inventory_instance
 *		Name of the instance that a host of a pgsql group is: pg_cluster (or the
 *		group's name) and pg_seq, as "pg-meta-1"; palloc'd.  Sets *seq.
 */
extern char *inventory_instance(const Inventory *inventory, const InventoryGroup *group,
								const char *host, int *seq);

/*
 * inventory_levels
 *		The same as the three levels that model_build() takes: what the group
 *		inherits (all and the groups above it), and a body in which each host
 *		has what is stronger than the group for it besides its own variables.
 *		Fresh maps, shared values.
 */
extern void inventory_levels(const Inventory *inventory, const InventoryGroup *group,
							 SpecNode **inherited, SpecNode **body);

#endif							/* PGOPS_SPEC_INVENTORY_H */
