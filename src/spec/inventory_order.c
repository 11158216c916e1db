/*
 * inventory_order.c
 *		Which of several values wins: all, the groups of a host, the host.  The
 *		only place that knows it.
 *
 * Not for: building inventories, what parameters mean.
 */
#include "postgres.h"

#include "spec/catalogue.h"
#include "spec/inventory_parts.h"

/*
 * Stamps of searches over groups: one that has the current number was seen.
 * Cheaper than a table for each of thousands of questions, and a backend asks
 * one at a time.
 */
static uint64 last_search = 0;

/*
 * Ansible's order: what is deeper below "all" is more special, then the
 * priority somebody gave, then the name by its characters (in UTF-8 the same
 * as by bytes).
 */
static int
group_order(const ListCell *a, const ListCell *b)
{
	const InventoryGroup *left = lfirst(a);
	const InventoryGroup *right = lfirst(b);

	if (left->depth != right->depth)
		return left->depth < right->depth ? -1 : 1;
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return strcmp(left->name, right->name);
}

List *
inventory_with_parents(const List *groups)
{
	List	   *all = NIL;
	uint64		search = ++last_search;
	ListCell   *lc;

	foreach(lc, groups)
	{
		InventoryGroup *group = lfirst(lc);

		if (group->seen != search)
			all = lappend(all, group);
		group->seen = search;
	}
	/* the list grows while it is walked */
	for (int i = 0; i < list_length(all); i++)
	{
		foreach(lc, ((InventoryGroup *) list_nth(all, i))->parents)
		{
			InventoryGroup *parent = lfirst(lc);

			if (parent->seen != search)
				all = lappend(all, parent);
			parent->seen = search;
		}
	}
	list_sort(all, group_order);
	return all;
}

static bool
is_ungrouped(const InventoryGroup *group)
{
	return strcmp(group->name, INVENTORY_UNGROUPED) == 0;
}

/* Another cluster on the host has no say about this one. */
bool
inventory_counts(const InventoryHost *host, const InventoryGroup *other,
				 const InventoryGroup *group)
{
	return group == NULL || other == group || strcmp(group->kind, INVENTORY_PGSQL) != 0 ||
		strcmp(other->kind, INVENTORY_PGSQL) != 0;
}

/*
 * What stands with the host in "ungrouped" is the host's in any case, but it is
 * a member, with the variables of that group, only if it is in no other one.
 */
bool
inventory_belongs(const InventoryHost *host, const InventoryGroup *other,
				  const InventoryGroup *group)
{
	return inventory_counts(host, other, group) &&
		(other == group || !is_ungrouped(other) || list_length(host->groups) == 1);
}

/* the groups that a host belongs to, in order of visit */
static List *
listing_groups(const InventoryHost *host, const InventoryGroup *group)
{
	List	   *groups = NIL;
	ListCell   *lc;

	foreach(lc, host == NULL ? NIL : host->groups)
	{
		if (inventory_belongs(host, lfirst(lc), group))
			groups = lappend(groups, lfirst(lc));
	}
	return groups;
}

static const InventoryHost *
find_host(const Inventory *inventory, const char *name)
{
	return spec_names_find(inventory->host_by_name, name);
}

/* What is above is less deep, so the group itself is the strongest. */
List *
inventory_group_levels(const InventoryGroup *group)
{
	return inventory_with_parents(list_make1(unconstify(InventoryGroup *, group)));
}

/*
 * Sets a variable in a map that has a table beside it; the later value takes
 * the earlier one's place, as in a Python dictionary.
 */
static void
merge_variable(SpecNode *map, SpecNames *names, const SpecEntry *variable)
{
	SpecEntry  *entry = palloc(sizeof(SpecEntry));
	SpecEntry  *other;

	*entry = *variable;
	other = spec_names_add(names, entry->key, entry);
	if (other == NULL)
		map->entries = lappend(map->entries, entry);
	else
		other->value = variable->value;
}

/*
 * The variables that groups set for a host, the last of them on top; only
 * those groups that count in "group", or all of them.
 */
static SpecNode *
merge_host(const InventoryHost *host, bool all, const InventoryGroup *group)
{
	SpecNode   *map = node_map();
	SpecNames  *names = spec_names_create();
	ListCell   *lg;
	ListCell   *lv;
	ListCell   *lc;

	if (host == NULL)
		return map;
	forboth(lg, host->groups, lv, host->vars)
	{
		const SpecNode *vars = lfirst(lv);

		if (!all && !inventory_counts(host, lfirst(lg), group))
			continue;
		foreach(lc, vars->entries)
			merge_variable(map, names, lfirst(lc));
	}
	return map;
}

/*
 * All that any group says for the host.  Where it is in several clusters that
 * is more than one instance sees; inventory_settings() tells those apart.
 */
SpecNode *
inventory_host_vars(const Inventory *inventory, const char *host)
{
	return merge_host(find_host(inventory, host), true, NULL);
}

/* effective settings while they are collected */
typedef struct SettingList
{
	List	   *list;			/* InventorySetting; those that were hidden have no value */
	SpecNames  *names;			/* SettingSlot */
} SettingList;

/* which setting a name has now */
typedef struct SettingSlot
{
	InventorySetting *setting;
} SettingSlot;

/*
 * A stronger value hides the one before.  It comes behind it in the list, so
 * that the list is in order of levels in the end.
 */
static void
add_setting(SettingList *settings, const char *name, const SpecNode *value,
			const char *scope, const char *origin)
{
	InventorySetting *setting = palloc(sizeof(InventorySetting));
	SettingSlot *slot = spec_names_find(settings->names, name);

	setting->name = name;
	setting->value = value;
	setting->scope = scope;
	setting->origin = origin;
	settings->list = lappend(settings->list, setting);
	if (slot != NULL)
		slot->setting->value = NULL;
	else
	{
		slot = palloc(sizeof(SettingSlot));
		(void) spec_names_add(settings->names, name, slot);
	}
	slot->setting = setting;
}

/* one level; a group's priority is Ansible's own and no variable */
static void
add_level(SettingList *settings, const SpecNode *vars, bool host, const char *scope,
		  const char *origin)
{
	ListCell   *lc;

	foreach(lc, vars->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (host || strcmp(entry->key, INVENTORY_PRIORITY) != 0)
			add_setting(settings, entry->key, entry->value, scope, origin);
	}
}

static void
add_defaults(SettingList *settings)
{
	for (const ParamDef *def = catalogue_parameters; def->name != NULL; def++)
	{
		const SpecNode *value = catalogue_default_value(def->name);

		if (value != NULL)
			add_setting(settings, def->name, value, "default", NULL);
	}
}

/* those whose values were not hidden */
static List *
visible_settings(const SettingList *settings)
{
	List	   *visible = NIL;
	ListCell   *lc;

	foreach(lc, settings->list)
	{
		if (((InventorySetting *) lfirst(lc))->value != NULL)
			visible = lappend(visible, lfirst(lc));
	}
	return visible;
}

List *
inventory_settings(const Inventory *inventory, const InventoryGroup *group, const char *host,
				   bool defaults)
{
	SettingList settings = {NIL, spec_names_create()};
	const InventoryHost *found = host == NULL ? NULL : find_host(inventory, host);
	List	   *listing = host != NULL ? listing_groups(found, group) :
		group != NULL ? list_make1(unconstify(InventoryGroup *, group)) : NIL;
	ListCell   *lc;

	if (defaults)
		add_defaults(&settings);
	add_level(&settings, inventory->vars, false, "global", NULL);
	foreach(lc, inventory_with_parents(listing))
	{
		const InventoryGroup *level = lfirst(lc);

		add_level(&settings, level->vars, false, level == group ? "cluster" : "group",
				  level->name);
	}
	if (host != NULL)
		add_level(&settings, merge_host(found, false, group), true, "instance", host);
	return visible_settings(&settings);
}

/* all's variables and those of groups, weakest first, as one map */
static SpecNode *
merge_levels(const Inventory *inventory, const List *groups)
{
	SpecNode   *map = node_map();
	SpecNames  *names = spec_names_create();
	ListCell   *lg;
	ListCell   *lc;

	foreach(lc, inventory->vars->entries)
	{
		if (strcmp(((SpecEntry *) lfirst(lc))->key, INVENTORY_PRIORITY) != 0)
			merge_variable(map, names, lfirst(lc));
	}
	foreach(lg, groups)
	{
		foreach(lc, ((InventoryGroup *) lfirst(lg))->vars->entries)
		{
			if (strcmp(((SpecEntry *) lfirst(lc))->key, INVENTORY_PRIORITY) != 0)
				merge_variable(map, names, lfirst(lc));
		}
	}
	return map;
}

/*
 * What a host has that the group and those above it do not give it: its own
 * variables, and those of its other groups that no stronger one of them hides.
 * "common" are the groups that count for the whole cluster.
 */
static SpecNode *
merge_instance(const InventoryHost *host, const InventoryGroup *group, const List *common)
{
	SpecNode   *map = merge_host(host, false, group);
	List	   *groups = inventory_with_parents(listing_groups(host, group));
	List	   *others = list_difference_ptr(groups, common);
	SpecNames  *names;
	ListCell   *lc;

	if (others == NIL)
		return map;

	/* from the strongest to the weakest: the first one to name a variable has it */
	names = spec_names_create();
	foreach(lc, map->entries)
		(void) spec_names_add(names, ((SpecEntry *) lfirst(lc))->key, lfirst(lc));
	for (int i = list_length(groups) - 1; i >= 0; i--)
	{
		const InventoryGroup *level = list_nth(groups, i);
		bool		other = list_member_ptr(others, level);

		foreach(lc, level->vars->entries)
		{
			SpecEntry  *variable = lfirst(lc);

			if (strcmp(variable->key, INVENTORY_PRIORITY) != 0 &&
				spec_names_add(names, variable->key, variable) == NULL && other)
				map->entries = lappend(map->entries, variable);
		}
	}
	return map;
}

/*
 * Exact for every host: "inherited" holds only what all hosts of the group
 * have in common, and what a host has from groups of its own, weaker or
 * stronger, stands with the host unless the group or one above it wins.
 */
void
inventory_levels(const Inventory *inventory, const InventoryGroup *group,
				 SpecNode **inherited, SpecNode **body)
{
	List	   *common = inventory_group_levels(group);
	SpecNode   *hosts = node_map();
	ListCell   *lc;

	*inherited = merge_levels(inventory, list_truncate(list_copy(common), list_length(common) - 1));
	foreach(lc, group->hosts->entries)
	{
		SpecEntry  *entry = palloc(sizeof(SpecEntry));

		*entry = *(SpecEntry *) lfirst(lc);
		entry->value = merge_instance(find_host(inventory, entry->key), group, common);
		hosts->entries = lappend(hosts->entries, entry);
	}
	*body = node_map();
	(*body)->line = group->line;
	(*body)->column = group->column;
	hosts->line = group->hosts->line;
	hosts->column = group->hosts->column;
	node_map_set(*body, "hosts", hosts);
	node_map_set(*body, "vars", group->vars);
}
