/*
 * stanza.c
 *		Which stanza is this server's, and how pgBackRest is called for it.
 *
 * Not for: what the declaration says besides (spec/model_backup.h), running it
 * (stanza_run.c).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "ops/stanza.h"
#include "spec/inventory.h"
#include "spec/spec.h"

#define ENABLED		"pgbackrest_enabled"

/* each of these, declared at any level, makes backups a matter of pgops */
static const char *const declaring[] = {
	ENABLED, "pgbackrest_repo", "pgbackrest_method"
};

/* host of an instance, as the inventory names it */
static char *
host_of(const char *cluster, const char *instance)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *host = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_put_text(&args, instance);
	if (cmdb_run(&query,
				 "SELECT i.host FROM pgops.instance AS i WHERE i.cluster = $1 AND i.name = $2",
				 &args) > 0)
		host = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return host;
}

/* value in effect, of its type; NULL: not declared, or declared as null */
static SpecNode *
declared_value(const Inventory *inventory, const InventoryGroup *group,
			   const char *host, const char *name)
{
	const SpecNode *value = inventory_value(inventory, group, host, name);
	Findings	ignored = {0};
	SpecNode   *copy;

	if (value == NULL || value->kind == NODE_NULL)
		return NULL;
	copy = node_copy(value);
	spec_validate_param(name, copy, name, &ignored);
	return copy;
}

/*
 * Whether the declaration of this instance asks for backups: something about
 * them is declared, and it is not that there are none.
 */
static bool
is_declared(const char *cluster, const char *instance)
{
	Inventory  *inventory = cmdb_load_scope(cluster);
	InventoryGroup *group = inventory_group(inventory, cluster);
	char	   *host = host_of(cluster, instance);
	SpecNode   *enabled;

	if (group == NULL)
		return false;
	enabled = declared_value(inventory, group, host, ENABLED);
	if (enabled != NULL && enabled->kind == NODE_BOOL && !enabled->boolean)
		return false;
	for (int i = 0; i < lengthof(declaring); i++)
	{
		if (declared_value(inventory, group, host, declaring[i]) != NULL)
			return true;
	}
	return false;
}

bool
stanza_is_declared(void)
{
	Binding    *binding = cmdb_binding();

	return binding->state == BINDING_BOUND && is_declared(binding->cluster, binding->instance);
}

Stanza *
stanza_local(void)
{
	Binding    *binding = cmdb_binding();
	Stanza	   *stanza;

	if (binding->state != BINDING_BOUND)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("it is not known which declared instance this server is"),
				 binding->reason ? errdetail("%s", binding->reason) : 0,
				 binding->hint ? errhint("%s", binding->hint) : 0));
	if (!is_declared(binding->cluster, binding->instance))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("no backups are declared for cluster \"%s\"", binding->cluster),
				 errhint("Declare pgbackrest_enabled: true among the variables of the cluster; pgbackrest_repo and pgbackrest_method say where they go.")));

	stanza = palloc0(sizeof(Stanza));
	stanza->name = pstrdup(binding->cluster);
	stanza->config = stanza_config_path();
	stanza->program = pstrdup(pgops_guc_pgbackrest);
	return stanza;
}

/* Options stand before the command, so that a list of processes is read easily. */
const char *const *
stanza_argv(const Stanza *stanza, const char *command, List *options)
{
	const char **argv = palloc0(sizeof(char *) * (list_length(options) + 5));
	int			count = 0;
	ListCell   *cell;

	argv[count++] = stanza->program;
	argv[count++] = psprintf("--config=%s", stanza->config);
	argv[count++] = psprintf("--stanza=%s", stanza->name);
	foreach(cell, options)
		argv[count++] = lfirst(cell);
	argv[count++] = command;
	return argv;
}
