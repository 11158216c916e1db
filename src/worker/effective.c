/*
 * effective.c
 *		Values in effect for a group or a host, as they can be shown.
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "spec/catalogue.h"
#include "spec/spec.h"
#include "worker/effective.h"

/* what is not in the settings is a default where the catalogue's count */
static const InventorySetting *
default_setting(const Effective *effective, const char *name)
{
	SpecNode   *value = effective->pgsql ? catalogue_default(name) : NULL;
	InventorySetting *setting;

	if (value == NULL)
		return NULL;
	setting = palloc0(sizeof(InventorySetting));
	setting->name = pstrdup(name);
	setting->value = value;
	setting->scope = "default";
	return setting;
}

const InventorySetting *
effective_setting(const Effective *effective, const char *name)
{
	const InventorySetting *setting = spec_names_find(effective->by_name, name);

	return setting ? setting : default_setting(effective, name);
}

/*
 * Brings a value to its type, in place.  What is faulty stays as it is; it was
 * reported when it was declared.
 */
static void
normalise(const char *name, SpecNode *value)
{
	Findings	ignored = {0};

	if (catalogue_find(name) != NULL)
		spec_validate_param(name, value, name, &ignored);
}

/*
 * The variable that a placeholder names: of the host whose address ${ip} is,
 * which may be the only one of a group that is looked at as such.
 */
static const SpecNode *
variable(const char *name, void *arg)
{
	const Effective *effective = arg;
	const SpecNode *declared = inventory_value(effective->inventory, effective->group,
											   effective->placeholders.host, name);
	SpecNode   *value;

	if (declared == NULL)
		return NULL;
	value = node_copy(declared);
	normalise(name, value);
	return value;
}

/* the only host of a group; NULL if there are none or several */
static const char *
only_host(const InventoryGroup *group)
{
	if (list_length(group->hosts->entries) != 1)
		return NULL;
	return ((const SpecEntry *) linitial(group->hosts->entries))->key;
}

Effective *
effective_read(const Inventory *inventory, const InventoryGroup *group, const char *host,
			   const char *dbsu)
{
	Effective  *effective = palloc0(sizeof(Effective));
	ListCell   *cell;

	effective->inventory = inventory;
	effective->group = group;
	effective->pgsql = strcmp(group->kind, INVENTORY_PGSQL) == 0;
	effective->settings = inventory_settings(inventory, group, host, false);
	effective->by_name = spec_names_create();
	foreach(cell, effective->settings)
	{
		InventorySetting *setting = lfirst(cell);

		(void) spec_names_add(effective->by_name, setting->name, setting);
	}
	effective->placeholders.host = host ? host : only_host(group);
	effective->placeholders.cluster = effective->pgsql ? group->name : NULL;
	effective->placeholders.dbsu = dbsu;
	effective->placeholders.variable = variable;
	effective->placeholders.arg = effective;
	return effective;
}

SpecNode *
effective_masked(const SpecNode *vars)
{
	SpecNode   *body = node_map();

	node_map_set(body, "vars", unconstify(SpecNode *, vars));
	return node_get(cmdb_mask(body), "vars");
}

SpecNode *
effective_declared(const InventorySetting *setting)
{
	SpecNode   *vars = node_map();

	node_map_set(vars, setting->name, unconstify(SpecNode *, setting->value));
	return node_get(effective_masked(vars), setting->name);
}

/*
 * A value with its placeholders resolved; the tree is the caller's.  Brought to its
 * type twice, because a placeholder may stand for a number.
 */
static SpecNode *
resolve(const Effective *effective, const char *name, SpecNode *value)
{
	SpecNode   *resolved;

	normalise(name, value);
	resolved = placeholder_tree(&effective->placeholders, name, value);
	if (resolved == value)
		return value;
	resolved = node_copy(resolved);
	normalise(name, resolved);
	return resolved;
}

/*
 * Masked before anything else: nothing that is done to a secret's text can
 * then bring any of it out.
 */
SpecNode *
effective_used(const Effective *effective, const InventorySetting *setting)
{
	return resolve(effective, setting->name, effective_declared(setting));
}

SpecNode *
effective_plain(const Effective *effective, const InventorySetting *setting)
{
	return resolve(effective, setting->name, node_copy(setting->value));
}
