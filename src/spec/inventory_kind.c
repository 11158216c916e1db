/*
 * inventory_kind.c
 *		What a group is: the module whose markers its hosts and variables have.
 *
 * The document does not say it; the field's playbooks are run on groups by
 * name.  Every module numbers its hosts or names its cluster, and that is
 * what is looked at here.
 *
 * Not for: whether those markers are right (validate_inventory.c).
 */
#include "postgres.h"

#include "spec/inventory_parts.h"

/* a parameter that tells the module, at a host or in the group's variables */
typedef struct Marker
{
	const char *name;
	const char *kind;
	bool		host;			/* counts where a host has it */
	bool		group;			/* counts in the group's variables */
} Marker;

/* the first one that is met decides: a host often has several modules */
static const Marker markers[] = {
	{"pg_seq", INVENTORY_PGSQL, true, false},
	{"pg_instances", INVENTORY_PGSQL, true, false},
	{"pg_cluster", INVENTORY_PGSQL, true, true},
	{"infra_seq", "infra", true, false},
	{"etcd_seq", "etcd", true, false},
	{"etcd_cluster", "etcd", true, true},
	{"minio_seq", "minio", true, false},
	{"minio_cluster", "minio", true, true},
	{"redis_node", "redis", true, false},
	{"redis_instances", "redis", true, false},
	{"redis_cluster", "redis", true, true},
	{"mongo_seq", "ferret", true, false},
	{"mongo_cluster", "ferret", true, true},
	{"node_cluster", INVENTORY_NODE, true, true},
	{"haproxy_services", "haproxy", true, true},
};

/* whether one of the hosts has the variable; most groups have few hosts, with few variables */
static bool
a_host_has(const SpecNode *hosts, const char *name)
{
	ListCell   *lc;

	foreach(lc, hosts->entries)
	{
		if (node_get(((SpecEntry *) lfirst(lc))->value, name) != NULL)
			return true;
	}
	return false;
}

/* a group that switches docker on, and has no other purpose that we know */
static bool
has_docker(const InventoryGroup *group)
{
	const SpecNode *enabled = node_get(group->vars, "docker_enabled");

	return enabled != NULL && enabled->kind == NODE_BOOL && enabled->boolean;
}

/*
 * A group without hosts and groups below it that nevertheless names a cluster
 * is a cluster whose hosts were forgotten, and must be seen as one to be told so.
 */
const char *
inventory_kind(const InventoryGroup *group)
{
	if (group->hosts->entries == NIL)
		return group->children == NIL && node_get(group->vars, "pg_cluster") != NULL ?
			INVENTORY_PGSQL : INVENTORY_GROUP;

	/* what lies directly below "all" has not been made a cluster */
	if (strcmp(group->name, INVENTORY_UNGROUPED) == 0)
		return INVENTORY_NODE;

	for (int i = 0; i < lengthof(markers); i++)
	{
		const Marker *marker = &markers[i];

		if ((marker->host && a_host_has(group->hosts, marker->name)) ||
			(marker->group && node_get(group->vars, marker->name) != NULL))
			return marker->kind;
	}
	return has_docker(group) ? "docker" : INVENTORY_NODE;
}
