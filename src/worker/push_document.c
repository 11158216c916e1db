/*
 * push_document.c
 *		The part of the inventory that a cluster's own server is to know.
 *
 * Not for: where it goes (push_target.c).
 */
#include "postgres.h"

#include "worker/push_target.h"

/* parameters that are about reaching the server: they mean nothing there */
#define PUSH_PREFIX		"pgops_push"

/* the variables without those; values are shared */
static SpecNode *
without_push(const SpecNode *vars)
{
	SpecNode   *copy = node_map();
	ListCell   *cell;

	foreach(cell, vars->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		if (strncmp(entry->key, PUSH_PREFIX, strlen(PUSH_PREFIX)) != 0)
			copy->entries = lappend(copy->entries, entry);
	}
	return copy;
}

/* the hosts of one group that the cluster has, too, with their variables */
static SpecNode *
common_hosts(const SpecNode *hosts, const InventoryGroup *cluster)
{
	SpecNode   *copy = node_map();
	ListCell   *cell;

	foreach(cell, hosts->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		SpecEntry  *kept;

		if (node_get(cluster->hosts, entry->key) == NULL)
			continue;
		kept = palloc(sizeof(SpecEntry));
		*kept = *entry;
		if (entry->value->kind == NODE_MAP)
			kept->value = without_push(entry->value);
		copy->entries = lappend(copy->entries, kept);
	}
	return copy;
}

/* the group and all above it, each once */
static List *
with_parents(const InventoryGroup *cluster)
{
	List	   *groups = list_make1(unconstify(InventoryGroup *, cluster));

	/* the list grows while it is walked through */
	for (int i = 0; i < list_length(groups); i++)
		groups = list_concat_unique_ptr(groups, ((InventoryGroup *) list_nth(groups, i))->parents);
	return groups;
}

/* Mentions of groups that are part of it; the parent's copy is NULL for all. */
static void
add_children(Inventory *part, InventoryGroup *parent, const List *children)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		const InventoryChild *child = lfirst(cell);
		InventoryGroup *group = inventory_group(part, child->group->name);

		if (group != NULL)
			inventory_add_child(part, parent, group, child->defines);
	}
}

/*
 * The groups first, then which lies in which.  Another cluster on the same host
 * is left out: what it says has no say in this one, and with two of them
 * declared the server could not tell by itself which it is.
 */
static Inventory *
part_of(const Inventory *whole, const InventoryGroup *cluster)
{
	Inventory  *part = inventory_create();
	List	   *own = with_parents(cluster);
	ListCell   *cell;

	part->vars = without_push(whole->vars);
	part->has_vars = whole->has_vars;
	foreach(cell, whole->groups)
	{
		const InventoryGroup *group = lfirst(cell);
		InventoryGroup *copy;

		if (strcmp(group->kind, INVENTORY_PGSQL) == 0 && !list_member_ptr(own, group))
			continue;
		copy = inventory_add_group(part, group->name);
		copy->hosts = common_hosts(group->hosts, cluster);
		copy->vars = without_push(group->vars);
		copy->defined = group->defined;
		copy->top = group->top;
		copy->hosts_first = group->hosts_first;
	}
	add_children(part, NULL, whole->children);
	foreach(cell, whole->groups)
	{
		const InventoryGroup *group = lfirst(cell);
		InventoryGroup *parent = inventory_group(part, group->name);

		if (parent != NULL)
			add_children(part, parent, group->children);
	}
	return part;
}

char *
push_document(const Inventory *inventory, const InventoryGroup *group)
{
	StringInfoData out;

	initStringInfo(&out);
	node_to_json(&out, inventory_document(part_of(inventory, group)));
	return out.data;
}
