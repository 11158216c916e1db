/*
 * inventory_document.c
 *		An inventory as a document again.
 *
 * Not for: writing the document as text (yaml_write.h).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "spec/inventory_parts.h"

/* adds a key whose value is there and, as a map, not empty; keys do not repeat here */
static void
add_entry(SpecNode *map, const char *key, SpecNode *value)
{
	SpecEntry  *entry;

	if (value == NULL || (value->kind == NODE_MAP && value->entries == NIL))
		return;
	entry = palloc0(sizeof(SpecEntry));
	entry->key = pstrdup(key);
	entry->value = value;
	map->entries = lappend(map->entries, entry);
}

static SpecNode *group_document(InventoryGroup *group, SpecNames *written);

/*
 * One mention: the body where the group is defined, else nothing but the name.
 * An empty group's body is {}, as a reference would be a bare name.
 */
static void
add_mention(SpecNode *map, const InventoryChild *child, SpecNames *written)
{
	SpecEntry  *entry = palloc0(sizeof(SpecEntry));
	InventoryGroup *group = child->group;

	entry->key = pstrdup(group->name);
	entry->value = child->defines && spec_names_add(written, group->name, group) == NULL ?
		group_document(group, written) : node_null();
	map->entries = lappend(map->entries, entry);
}

/* hosts and children in the order in which they were read: it decides about variables of hosts */
static SpecNode *
make_body(bool hosts_first, SpecNode *hosts, SpecNode *children, SpecNode *vars)
{
	SpecNode   *body = node_map();

	if (hosts_first)
		add_entry(body, "hosts", hosts);
	add_entry(body, "children", children);
	if (!hosts_first)
		add_entry(body, "hosts", hosts);
	add_entry(body, "vars", vars);
	return body;
}

static SpecNode *
group_document(InventoryGroup *group, SpecNames *written)
{
	SpecNode   *children = node_map();
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, group->children)
		add_mention(children, lfirst(lc), written);
	return make_body(group->hosts_first, group->hosts, children, group->vars);
}

/* a part of an inventory may have groups that are defined below a group it lacks */
static void
add_homeless(const Inventory *inventory, SpecNode *children, SpecNames *written)
{
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);
		InventoryChild child = {group, true};

		if (!group->defined || spec_names_find(written, group->name) != NULL)
			continue;
		if (strcmp(group->name, INVENTORY_UNGROUPED) == 0 &&
			!inventory_group_mentioned(inventory, group))
			continue;
		node_map_unset(children, group->name);
		add_mention(children, &child, written);
	}
}

/*
 * "all" stands where its first child does among the groups beside it, which
 * keeps the order of reading; see number_groups() in inventory.c.  The trees are shared with the inventory.
 */
SpecNode *
inventory_document(const Inventory *inventory)
{
	SpecNode   *before = node_map();
	SpecNode   *below = node_map();
	SpecNode   *after = node_map();
	SpecNode   *all;
	SpecNames  *written = spec_names_create();
	InventoryGroup *ungrouped = inventory_group(inventory, INVENTORY_UNGROUPED);
	ListCell   *lc;

	if (ungrouped != NULL && inventory_group_mentioned(inventory, ungrouped))
		ungrouped = NULL;
	foreach(lc, inventory->children)
	{
		const InventoryChild *child = lfirst(lc);

		if (!inventory_is_top(child))
			add_mention(below, child, written);
		else if (below->entries == NIL)
			add_mention(before, child, written);
		else
			add_mention(after, child, written);
	}
	add_homeless(inventory, below, written);

	all = make_body(ungrouped != NULL && ungrouped->hosts_first,
					ungrouped == NULL ? NULL : ungrouped->hosts, below, inventory->vars);
	if (inventory->has_vars && inventory->vars->entries == NIL)
		node_map_set(all, "vars", node_map());
	if (all->entries != NIL || (before->entries == NIL && after->entries == NIL))
	{
		SpecEntry  *entry = palloc0(sizeof(SpecEntry));

		entry->key = pstrdup(INVENTORY_ALL);
		entry->value = all;
		if (below->entries == NIL && ungrouped != NULL && ungrouped->hosts_first)
			before->entries = lcons(entry, before->entries);
		else
			before->entries = lappend(before->entries, entry);
	}
	before->entries = list_concat(before->entries, after->entries);
	return before;
}
