/*
 * inventory.c
 *		Putting an inventory together: groups, the mentions of one below
 *		another, and what follows from them - depths, the order in which hosts
 *		are read, kinds.
 *
 * Not for: documents (inventory_read.c, inventory_document.c), questions of
 * precedence (inventory_order.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "spec/inventory_parts.h"

/* Nothing in it, and ready to be asked: every map and table is there. */
Inventory *
inventory_create(void)
{
	Inventory  *inventory = palloc0(sizeof(Inventory));

	inventory->vars = node_map();
	inventory->by_name = spec_names_create();
	inventory->pairs = spec_names_create();
	inventory->host_by_name = spec_names_create();
	return inventory;
}

/*
 * A group that is only mentioned so far is a group all the same, with nothing
 * in it: whoever finds its body fills it in.
 */
InventoryGroup *
inventory_add_group(Inventory *inventory, const char *name)
{
	InventoryGroup *group = spec_names_find(inventory->by_name, name);

	if (group != NULL)
		return group;
	group = palloc0(sizeof(InventoryGroup));
	group->name = pstrdup(name);
	group->hosts = node_map();
	group->vars = node_map();
	group->depth = 1;
	group->priority = 1;
	(void) spec_names_add(inventory->by_name, group->name, group);
	inventory->groups = lappend(inventory->groups, group);
	return group;
}

/*
 * A key that no two pairs of parent and child share, because the length of
 * the parent's name comes first.  palloc'd.
 */
static char *
pair_key(const InventoryGroup *parent, const InventoryGroup *child)
{
	const char *above = parent == NULL ? "" : parent->name;

	return psprintf("%zu %s %s", strlen(above), above, child->name);
}

/*
 * Pairs are found by a table: "all" has thousands of children, too many to
 * look through for each new one.
 */
void
inventory_add_child(Inventory *inventory, InventoryGroup *parent, InventoryGroup *child,
					bool defines)
{
	char	   *key = pair_key(parent, child);
	InventoryChild *mention = spec_names_find(inventory->pairs, key);

	if (mention != NULL)
	{
		/* the place of the body decides when it is read */
		if (parent == NULL && defines && !mention->defines)
			inventory->children = lappend(list_delete_ptr(inventory->children, mention), mention);
		mention->defines |= defines;
		pfree(key);
		return;
	}
	mention = palloc0(sizeof(InventoryChild));
	mention->group = child;
	mention->defines = defines;
	(void) spec_names_add(inventory->pairs, key, mention);
	if (parent == NULL)
		inventory->children = lappend(inventory->children, mention);
	else
	{
		parent->children = lappend(parent->children, mention);
		child->parents = lappend(child->parents, parent);
	}
}

/* The first place counts: it is the one that a second mention is told about. */
void
inventory_place_child(const Inventory *inventory, const InventoryGroup *parent,
					  const InventoryGroup *child, int line, int column)
{
	char	   *key = pair_key(parent, child);
	InventoryChild *mention = spec_names_find(inventory->pairs, key);

	pfree(key);
	if (mention->line != 0)
		return;
	mention->line = line;
	mention->column = column;
}

/*
 * Whether the group is written as a group somewhere.  Only "ungrouped" may not
 * be: its hosts then stand directly below "all".
 */
bool
inventory_group_mentioned(const Inventory *inventory, const InventoryGroup *group)
{
	char	   *key = pair_key(NULL, group);
	bool		below_all = spec_names_find(inventory->pairs, key) != NULL;

	pfree(key);
	return below_all || group->parents != NIL;
}

const char *
inventory_path(const Inventory *inventory, const InventoryGroup *group)
{
	return strcmp(group->name, INVENTORY_UNGROUPED) == 0 &&
		!inventory_group_mentioned(inventory, group) ? INVENTORY_ALL : group->name;
}

InventoryGroup *
inventory_group(const Inventory *inventory, const char *name)
{
	return spec_names_find(inventory->by_name, name);
}

/*
 * As validation and model_build() take a cluster.  The trees are those of the
 * group: what is changed in the body is changed in the group.
 */
SpecNode *
inventory_body(const InventoryGroup *group)
{
	SpecNode   *body = node_map();

	body->line = group->line;
	body->column = group->column;
	node_map_set(body, "hosts", group->hosts);
	node_map_set(body, "vars", group->vars);
	return body;
}

/*
 * As Ansible's int() takes it: a number, also in quotes; a fraction is cut.
 * Absent means 1.
 */
bool
inventory_priority(const SpecNode *vars, int *priority)
{
	const SpecNode *value = node_get(vars, INVENTORY_PRIORITY);
	int64		number;

	*priority = 1;
	if (value == NULL)
		return true;
	switch (value->kind)
	{
		case NODE_INT:
			number = value->integer;
			break;
		case NODE_BOOL:
			number = value->boolean;
			break;
		case NODE_FLOAT:
			if (!(value->number > PG_INT32_MIN && value->number < PG_INT32_MAX))
				return false;
			number = (int64) value->number;
			break;
		case NODE_STRING:
			{
				char	   *end;

				errno = 0;
				number = strtoi64(value->text, &end, 10);
				if (errno != 0 || end == value->text || *end != '\0')
					return false;
				break;
			}
		default:
			return false;
	}
	if (number < PG_INT32_MIN || number > PG_INT32_MAX)
		return false;
	*priority = (int) number;
	return true;
}

/*
 * Depths from above, each group after all its parents, so that every mention
 * is looked at once.  A group on a circle, which readers have cut, keeps 1.
 */
static void
measure_depths(const Inventory *inventory)
{
	List	   *ready = NIL;
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);

		group->depth = 1;
		group->waiting = list_length(group->parents);
		if (group->waiting == 0)
			ready = lappend(ready, group);
	}
	/* the list grows while it is walked */
	for (int i = 0; i < list_length(ready); i++)
	{
		const InventoryGroup *group = list_nth(ready, i);

		foreach(lc, group->children)
		{
			InventoryGroup *child = ((InventoryChild *) lfirst(lc))->group;

			child->depth = Max(child->depth, group->depth + 1);
			if (--child->waiting == 0)
				ready = lappend(ready, child);
		}
	}
	list_free(ready);
}

/* numbers the groups in the order in which their hosts are read, from *next on */
static void
number_group(InventoryGroup *group, int *next)
{
	ListCell   *lc;

	check_stack_depth();
	if (group->visit != 0)
		return;
	/* a mark for a circle in tables; replaced below */
	group->visit = *next;
	if (group->hosts_first)
		group->visit = (*next)++;
	foreach(lc, group->children)
	{
		const InventoryChild *child = lfirst(lc);

		if (child->defines)
			number_group(child->group, next);
	}
	if (!group->hosts_first)
		group->visit = (*next)++;
}

/* whether a mention is a group's body beside "all" */
bool
inventory_is_top(const InventoryChild *child)
{
	return child->defines && child->group->top;
}

/*
 * Where among inventory->children the hosts of "all" itself are read: before
 * or after the groups below it.  If there are none, before or after all that
 * stands beside it.
 */
static int
place_of_ungrouped(const Inventory *inventory, const InventoryGroup *ungrouped)
{
	int			first = -1;
	int			last = -1;
	int			i = 0;
	ListCell   *lc;

	foreach(lc, inventory->children)
	{
		if (!inventory_is_top(lfirst(lc)))
			last = i;
		if (first < 0)
			first = last;
		i++;
	}
	if (ungrouped->hosts_first)
		return first < 0 ? 0 : first;
	return last < 0 ? i : last + 1;
}

/*
 * Ansible reads a group where its body stands, and there what comes first of
 * its hosts and its children.  "ungrouped" that nobody mentions is the hosts
 * of "all" itself.  Groups without a place come last, so that a part of an
 * inventory is in order, too.
 */
static void
number_groups(const Inventory *inventory)
{
	InventoryGroup *ungrouped = inventory_group(inventory, INVENTORY_UNGROUPED);
	int			place = -1;
	int			next = 1;
	int			i = 0;
	ListCell   *lc;

	foreach(lc, inventory->groups)
		((InventoryGroup *) lfirst(lc))->visit = 0;
	if (ungrouped != NULL && !inventory_group_mentioned(inventory, ungrouped))
		place = place_of_ungrouped(inventory, ungrouped);
	foreach(lc, inventory->children)
	{
		const InventoryChild *child = lfirst(lc);

		if (i++ == place)
			number_group(ungrouped, &next);
		if (child->defines)
			number_group(child->group, &next);
	}
	if (i == place)
		number_group(ungrouped, &next);
	foreach(lc, inventory->groups)
		number_group(lfirst(lc), &next);
}

static int
visit_order(const ListCell *a, const ListCell *b)
{
	const InventoryGroup *left = lfirst(a);
	const InventoryGroup *right = lfirst(b);

	return left->visit - right->visit;
}

/* hosts with the groups that list them, both in order of visit */
static void
collect_hosts(Inventory *inventory)
{
	List	   *groups = list_copy(inventory->groups);
	ListCell   *lg;

	inventory->hosts = NIL;
	inventory->host_by_name = spec_names_create();
	list_sort(groups, visit_order);
	foreach(lg, groups)
	{
		InventoryGroup *group = lfirst(lg);
		ListCell   *lh;

		foreach(lh, group->hosts->entries)
		{
			const SpecEntry *entry = lfirst(lh);
			InventoryHost *host = spec_names_find(inventory->host_by_name, entry->key);

			if (host == NULL)
			{
				host = palloc0(sizeof(InventoryHost));
				host->name = entry->key;
				(void) spec_names_add(inventory->host_by_name, host->name, host);
				inventory->hosts = lappend(inventory->hosts, host);
			}
			host->groups = lappend(host->groups, group);
			host->vars = lappend(host->vars, entry->value);
		}
	}
	list_free(groups);
}

/*
 * Can be called again after a change of the parts: all that it sets is set
 * anew, except a kind that a group has.
 */
void
inventory_finish(Inventory *inventory)
{
	ListCell   *lc;

	measure_depths(inventory);
	number_groups(inventory);
	collect_hosts(inventory);
	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);

		(void) inventory_priority(group->vars, &group->priority);
		if (group->kind == NULL)
			group->kind = inventory_kind(group);
	}
}
