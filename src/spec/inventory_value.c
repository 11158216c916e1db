/*
 * inventory_value.c
 *		One variable of one host, by the precedence of inventory.h.
 *
 * Not for: all variables of a host (inventory_order.c).
 */
#include "postgres.h"

#include "spec/inventory_parts.h"

/*
 * Host variables beat those of any group; of the groups that list the host the
 * last one read counts.
 */
static const SpecNode *
host_value(const InventoryHost *host, const InventoryGroup *group, const char *param)
{
	const SpecNode *result = NULL;
	ListCell   *cell;

	foreach(cell, host->groups)
	{
		const InventoryGroup *other = lfirst(cell);
		const SpecNode *value;

		if (!inventory_counts(host, other, group))
			continue;
		value = node_get(node_get(other->hosts, host->name), param);
		result = value ? value : result;
	}
	return result;
}

/* without a host the group itself and what lies above it */
static const SpecNode *
group_value(const InventoryHost *host, const InventoryGroup *group, const char *param)
{
	List	   *groups = NIL;
	const SpecNode *result = NULL;
	ListCell   *cell;

	if (host == NULL)
		groups = list_make1(unconstify(InventoryGroup *, group));
	foreach(cell, host ? host->groups : NIL)
	{
		if (inventory_belongs(host, lfirst(cell), group))
			groups = lappend(groups, lfirst(cell));
	}
	foreach(cell, inventory_with_parents(groups))
	{
		const SpecNode *value = node_get(((InventoryGroup *) lfirst(cell))->vars, param);

		result = value ? value : result;
	}
	return result;
}

/*
 * A null counts as a value: it hides what is weaker.  Looks only at what can
 * hold the variable, so asking for two of them for each of thousands of hosts
 * is cheap.
 */
const SpecNode *
inventory_value(const Inventory *inventory, const InventoryGroup *group, const char *host,
				const char *param)
{
	const InventoryHost *entry = host ? spec_names_find(inventory->host_by_name, host) : NULL;
	const SpecNode *value = entry ? host_value(entry, group, param) : NULL;

	if (value == NULL)
		value = group_value(entry, group, param);
	return value ? value : node_get(inventory->vars, param);
}

/*
 * A number in quotes is one, as for validation; without a number the instance is
 * the one with 0, which validation does not let pass.
 */
char *
inventory_instance(const Inventory *inventory, const InventoryGroup *group, const char *host,
				   int *seq)
{
	const char *cluster = node_text(inventory_value(inventory, group, host, "pg_cluster"));
	const char *number = node_text(inventory_value(inventory, group, host, "pg_seq"));

	*seq = number ? (int) strtol(number, NULL, 10) : 0;
	return psprintf("%s-%d", cluster && cluster[0] != '\0' ? cluster : group->name, *seq);
}
