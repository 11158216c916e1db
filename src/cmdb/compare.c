/*
 * compare.c
 *		What differs between two inventories, group by group.
 *
 * Not for: what differs inside a group (difference.c), which group lies in
 * which (structure.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cmdb/compare.h"
#include "cmdb/difference.h"

/*
 * A declaration by SQL shares the trees of all groups that it did not touch, so
 * one changed cluster among a thousand is found without looking into the others.
 */
static bool
is_same_tree(const InventoryGroup *a, const InventoryGroup *b)
{
	return b != NULL && a->hosts == b->hosts && a->vars == b->vars;
}

/* of a group that is new its being there is the difference, not each of its parts */
static SpecNode *
everything(void)
{
	SpecNode   *list = node_list();
	SpecNode   *entry = node_map();

	node_map_set(entry, "path", node_string(""));
	node_map_set(entry, "new", node_map());
	node_list_add(list, entry);
	return list;
}

/* without the difference itself */
static GroupDifference *
make_difference(const char *name, const SpecNode *after)
{
	GroupDifference *result = palloc0(sizeof(GroupDifference));

	result->name = name;
	result->body = difference_canonical(after);
	result->masked = cmdb_mask(result->body);
	return result;
}

/* NULL: they mean the same */
static GroupDifference *
compare_bodies(const char *name, const SpecNode *before, const SpecNode *after)
{
	GroupDifference *result;

	if (before != NULL && node_equal(before, after))
		return NULL;
	result = make_difference(name, after);
	result->added = before == NULL;
	result->difference = result->added ? everything() :
		difference_make(difference_canonical(before), result->body);
	return result->difference->items == NIL ? NULL : result;
}

/*
 * Hosts that are read before the children instead of after them: of two that
 * set a variable of the same host the other one has the last word then.
 */
static bool
order_differs(const Inventory *inventory, const InventoryGroup *after,
			  const InventoryGroup *before)
{
	bool		matters = inventory_group_mentioned(inventory, after) ?
		after->children != NIL : inventory->children != NIL;

	return matters && after->hosts->entries != NIL && before != NULL &&
		after->hosts_first != before->hosts_first;
}

static SpecNode *
order_difference(const InventoryGroup *after)
{
	SpecNode   *entry = node_map();

	node_map_set(entry, "path", node_string("hosts_first"));
	node_map_set(entry, "old", node_bool(!after->hosts_first));
	node_map_set(entry, "new", node_bool(after->hosts_first));
	return entry;
}

static GroupDifference *
compare_group(const Inventory *inventory, const InventoryGroup *after,
			  const InventoryGroup *before)
{
	GroupDifference *result;

	result = compare_bodies(after->name, before ? inventory_body(before) : NULL,
							inventory_body(after));
	if (order_differs(inventory, after, before))
	{
		if (result == NULL)
		{
			result = make_difference(after->name, inventory_body(after));
			result->difference = node_list();
		}
		node_list_add(result->difference, order_difference(after));
	}
	if (result == NULL)
		return NULL;
	result->group = after;
	result->inventory = inventory;
	return result;
}

SpecNode *
compare_globals_body(const Inventory *inventory)
{
	SpecNode   *body = node_map();

	node_map_set(body, "vars", inventory->vars);
	return body;
}

List *
compare_inventories(const Inventory *declared, const Inventory *stored, bool globals)
{
	List	   *result = NIL;
	ListCell   *cell;

	if (globals && declared->vars != stored->vars)
	{
		GroupDifference *all = compare_bodies(CMDB_ALL, compare_globals_body(stored),
											  compare_globals_body(declared));

		if (all != NULL)
			result = lappend(result, all);
	}
	foreach(cell, declared->groups)
	{
		const InventoryGroup *after = lfirst(cell);
		const InventoryGroup *before = inventory_group(stored, after->name);
		GroupDifference *difference;

		CHECK_FOR_INTERRUPTS();
		if (is_same_tree(after, before))
			continue;
		difference = compare_group(declared, after, before);
		if (difference != NULL)
			result = lappend(result, difference);
	}
	return result;
}

/* a missing side means that the value was added or removed: see difference.c */
static const char *
action_of(const SpecNode *old, const SpecNode *new)
{
	if (old == NULL)
		return "added";
	return new == NULL ? "removed" : "changed";
}

/* A new group is one change, however much it holds: its path is empty. */
List *
compare_changes(List *changes, const GroupDifference *difference)
{
	ListCell   *cell;

	if (difference->added)
	{
		CmdbChange *change = palloc0(sizeof(CmdbChange));

		change->group = difference->name;
		change->action = "added";
		change->path = "";
		change->new = difference->masked;
		return lappend(changes, change);
	}
	foreach(cell, difference->difference->items)
	{
		const SpecNode *entry = lfirst(cell);
		CmdbChange *change = palloc0(sizeof(CmdbChange));

		change->group = difference->group ? difference->name : NULL;
		change->old = node_get(entry, "old");
		change->new = node_get(entry, "new");
		change->path = node_text(node_get(entry, "path"));
		change->action = action_of(change->old, change->new);
		changes = lappend(changes, change);
	}
	return changes;
}
