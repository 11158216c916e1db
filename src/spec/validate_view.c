/*
 * validate_view.c
 *		How checks look at a level of an inventory: a variable by precedence,
 *		and where it was set.
 *
 * Not for: precedence itself (inventory_order.c, inventory_value.c), checks.
 */
#include "postgres.h"

#include "spec/inventory_parts.h"
#include "spec/validate.h"

/* The variables of all are many, and are asked for with every group: hence a table. */
static SpecNames *
index_entries(const SpecNode *map)
{
	SpecNames  *names = spec_names_create();
	ListCell   *lc;

	foreach(lc, map == NULL ? NIL : map->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		(void) spec_names_add(names, entry->key, entry);
	}
	return names;
}

GroupView *
spec_view_create(const Inventory *inventory, const InventoryGroup *group,
				 const GroupView *like)
{
	GroupView  *view = palloc0(sizeof(GroupView));

	view->inventory = inventory;
	view->group = group;
	view->path = group == NULL ? INVENTORY_ALL : inventory_path(inventory, group);
	view->levels = group == NULL ? NIL : inventory_group_levels(group);
	view->globals = like != NULL ? like->globals : index_entries(inventory->vars);
	view->reported = like != NULL ? like->reported : spec_names_create();
	view->asked = true;
	return view;
}

/* nothing, where a null hides what is weaker */
static const SpecNode *
not_null(const SpecNode *value)
{
	return value == NULL || value->kind == NODE_NULL ? NULL : value;
}

const SpecNode *
spec_view_value(const GroupView *view, const char *param, const char **origin)
{
	const SpecEntry *global;

	for (int i = list_length(view->levels) - 1; i >= 0; i--)
	{
		const InventoryGroup *group = list_nth(view->levels, i);
		const SpecNode *value = node_get(group->vars, param);

		if (value == NULL)
			continue;
		if (origin != NULL)
			*origin = group->name;
		return not_null(value);
	}
	if (origin != NULL)
		*origin = INVENTORY_ALL;
	global = spec_names_find(view->globals, param);
	return global == NULL ? NULL : not_null(global->value);
}

/*
 * Nearly every host is in one group only, and then there is nothing to weigh:
 * its own variables win over the group's.
 */
const SpecNode *
spec_view_host_value(const GroupView *view, const SpecEntry *host, const char *param)
{
	const InventoryHost *known = spec_names_find(view->inventory->host_by_name, host->key);
	const SpecNode *value;

	if (known != NULL && list_length(known->groups) > 1)
		return not_null(inventory_value(view->inventory, view->group, host->key, param));
	value = node_get(host->value, param);
	return value != NULL ? not_null(value) : spec_view_value(view, param, NULL);
}

/* Values of groups that are not being validated may still be as they were written. */
bool
spec_integer(const SpecNode *value, int64 *number)
{
	const SpecNode *plain = value;

	if (value == NULL)
		return false;
	if (value->kind == NODE_STRING)
		plain = spec_resolve_plain(pstrdup(value->text));
	if (plain->kind != NODE_INT)
		return false;
	*number = plain->integer;
	return true;
}

const char *
spec_plain_text(const SpecNode *value)
{
	if (value == NULL || value->text == NULL || value->text[0] == '\0' ||
		value->kind == NODE_NULL || value->kind == NODE_LIST || value->kind == NODE_MAP ||
		spec_has_placeholder(value->text))
		return NULL;
	return value->text;
}
