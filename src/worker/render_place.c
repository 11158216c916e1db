/*
 * render_place.c
 *		The declaration as an instance sees it, which need not be this server's.
 *
 * Not for: what a file is made of (render_file.c).
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "spec/spec.h"
#include "worker/effective.h"
#include "worker/render_place.h"
#include "worker/situation.h"

/* so many instances are named in an error */
#define NAMED_IN_ERROR	20

/* ---- which instance ---- */

/* host of that instance in the group, or NULL */
static const char *
host_of(const Inventory *inventory, const InventoryGroup *group, const char *instance)
{
	ListCell   *lc;

	foreach(lc, group->hosts->entries)
	{
		const char *host = ((const SpecEntry *) lfirst(lc))->key;
		int			seq;

		if (strcmp(inventory_instance(inventory, group, host, &seq), instance) == 0)
			return host;
	}
	return NULL;
}

/* adds the group's instances to an enumeration of at most so many */
static void
enumerate(StringInfo out, int *count, const Inventory *inventory, const InventoryGroup *group)
{
	ListCell   *lc;

	foreach(lc, group->hosts->entries)
	{
		int			seq;

		if ((*count)++ >= NAMED_IN_ERROR)
			continue;
		appendStringInfo(out, "%s%s", out->len > 0 ? ", " : "",
						 inventory_instance(inventory, group,
											((const SpecEntry *) lfirst(lc))->key, &seq));
	}
}

static bool
has_instances(const InventoryGroup *group)
{
	return strcmp(group->kind, INVENTORY_PGSQL) == 0;
}

static void
no_such_instance(const Inventory *inventory, const char *instance)
{
	StringInfoData names;
	int			count = 0;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, inventory->groups)
	{
		if (has_instances(lfirst(lc)))
			enumerate(&names, &count, inventory, lfirst(lc));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("instance \"%s\" is not declared", instance),
			 count == 0 ? errdetail("No cluster is declared.") :
			 count > NAMED_IN_ERROR ?
			 errdetail("Declared are %s and %d others.", names.data, count - NAMED_IN_ERROR) :
			 errdetail("Declared: %s.", names.data),
			 errhint("pgops.instances shows them all.")));
}

const InventoryGroup *
render_find(const Inventory *inventory, const char *instance)
{
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		const InventoryGroup *group = lfirst(lc);

		if (has_instances(group) && host_of(inventory, group, instance) != NULL)
			return group;
	}
	no_such_instance(inventory, instance);
	return NULL;				/* not reached */
}

/* ---- as it sees the declaration ---- */

/*
 * The superuser's real name is known of this server alone.  Merely being the
 * only cluster that is declared does not make it this one's: files are
 * rendered, above all, for clusters that there are not yet.
 */
static const char *
superuser_of(const InventoryGroup *group)
{
	Binding    *binding = cmdb_binding();

	if (binding->state != BINDING_BOUND || binding->cluster == NULL ||
		strcmp(binding->cluster, group->name) != 0)
		return NULL;
	return GetUserNameFromId(BOOTSTRAP_SUPERUSERID, true);
}

static SpecNode *
variables_of(const Inventory *inventory, const InventoryGroup *group, const char *host,
			 const char *dbsu)
{
	const Effective *effective = effective_read(inventory, group, host, dbsu);
	SpecNode   *vars = node_map();
	ListCell   *lc;

	foreach(lc, effective->settings)
	{
		const InventorySetting *setting = lfirst(lc);

		node_map_set(vars, setting->name, effective_plain(effective, setting));
	}
	return vars;
}

static Cluster *
model_of(const Inventory *inventory, const InventoryGroup *group, const char *instance,
		 const char *dbsu)
{
	Findings	told_before = {0};
	SpecNode   *inherited;
	SpecNode   *body;

	inventory_levels(inventory, group, &inherited, &body);
	inherited = node_copy(inherited);
	body = node_copy(body);
	spec_normalise_vars(inherited);
	spec_normalise_body(body);
	return model_build(group->name, body, inherited, instance,
					   situation_infra_hosts(inventory), dbsu, &told_before);
}

/* Which server it will be is said by pg_version; without it one like this. */
static int
server_major(const SpecNode *vars)
{
	const SpecNode *version = node_get(vars, "pg_version");
	const char *text = version ? node_text(version) : NULL;
	int			major = text ? (int) strtol(text, NULL, 10) : 0;

	return major > 0 ? major : PGOPS_SERVER_MAJOR;
}

RenderPlace *
render_place(const Inventory *inventory, const InventoryGroup *group, const char *instance,
			 const RenderOptions *options)
{
	RenderPlace *place = palloc0(sizeof(RenderPlace));
	const char *host = host_of(inventory, group, instance);
	const char *dbsu = superuser_of(group);

	if (host == NULL)
		no_such_instance(inventory, instance);
	place->inventory = inventory;
	place->group = group;
	place->options = options;
	place->vars = variables_of(inventory, group, host, dbsu);
	place->cluster = model_of(inventory, group, instance, dbsu);
	place->instance = place->cluster->self;
	place->server_major = server_major(place->vars);
	if (place->instance == NULL)
		elog(ERROR, "instance \"%s\" is not in its model", instance);
	return place;
}
