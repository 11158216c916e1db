/*
 * sql_render.c
 *		SQL: pgops.render(), pgops.rendered(): the files of an instance, of a whole
 *		cluster.  With whose rights: see caller.h.
 *
 * Not for: what is in the files (render_file.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "observe/patroni.h"
#include "secret.h"
#include "worker/argument.h"
#include "worker/caller.h"
#include "worker/render_place.h"

PG_FUNCTION_INFO_V1(pgops_render);
PG_FUNCTION_INFO_V1(pgops_rendered);

#define RENDERED_COLUMNS	3

/* ---- arguments ---- */

/* what is given of the machine, or 0 */
static int64
size_argument(FunctionCallInfo fcinfo, int n, bool wide, const char *name)
{
	int64		value;

	if (PG_ARGISNULL(n))
		return 0;
	value = wide ? PG_GETARG_INT64(n) : PG_GETARG_INT32(n);
	if (value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", name)));
	return value;
}

/* an object of texts; what is wrong with one of them is told where its role is known */
static const SpecNode *
passwords_argument(FunctionCallInfo fcinfo, int n)
{
	SpecNode   *passwords;

	if (PG_ARGISNULL(n))
		return NULL;
	passwords = node_from_jsonb(PG_GETARG_JSONB_P(n));
	if (passwords->kind != NODE_MAP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("passwords must be an object of roles and their passwords"),
				 errhint("For example: passwords => '{\"replicator\": \"...\"}'.")));
	return passwords;
}

static int
version_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *given;
	int			version;

	if (PG_ARGISNULL(n))
		return 0;
	given = text_to_cstring(PG_GETARG_TEXT_PP(n));
	version = patroni_version(given);
	if (version < 30000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a version of Patroni that is supported", given),
				 errhint("Versions since 3.0 are, for example 3.0.2 or 4.1.0.")));
	return version;
}

/* The options of both functions, from the argument of that number on. */
static void
read_options(FunctionCallInfo fcinfo, int first, RenderOptions *options)
{
	options->secrets = caller_wants_secrets(fcinfo, first);
	options->passwords = passwords_argument(fcinfo, first + 1);
	options->cpu = (int) size_argument(fcinfo, first + 2, false, "cpu");
	options->mem_mb = (int) size_argument(fcinfo, first + 3, false, "mem_mb");
	options->disk_bytes = size_argument(fcinfo, first + 4, true, "disk_bytes");
	options->patroni_version = version_argument(fcinfo, first + 5);
}

/* all that is declared: the consensus store is a group of its own, on hosts of its own */
static Inventory *
read_inventory(const RenderOptions *options)
{
	Inventory  *inventory = cmdb_load_inventory();

	if (!options->secrets)
		cmdb_mask_inventory(inventory);
	return inventory;
}

/* ---- render ---- */

/* the argument, else what this server is */
static char *
instance_argument(FunctionCallInfo fcinfo)
{
	Binding    *binding;

	if (!PG_ARGISNULL(0))
		return text_to_cstring(PG_GETARG_TEXT_PP(0));
	binding = cmdb_binding();
	if (binding->state != BINDING_BOUND)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("no instance is given, and this server is none"),
				 errhint("Name one: pgops.instances shows those that are declared.")));
	return binding->instance;
}

static char *
file_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? pstrdup(render_file_names[0]) :
		text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Datum
pgops_render(PG_FUNCTION_ARGS)
{
	RenderOptions options = {0};
	const Inventory *inventory;
	char	   *instance;
	char	   *file = file_argument(fcinfo, 1);
	char	   *content;
	Caller		caller;

	secret_hide_statement();
	read_options(fcinfo, 2, &options);
	caller_begin_reading(&caller);
	instance = instance_argument(fcinfo);
	inventory = read_inventory(&options);
	content = render_file(render_place(inventory, render_find(inventory, instance), instance,
									   &options), file);
	caller_end_reading(&caller);
	PG_RETURN_TEXT_P(cstring_to_text(content));
}

/* ---- rendered ---- */

static void
put_file(ReturnSetInfo *result, const char *instance, const char *file, const char *content)
{
	Datum		values[RENDERED_COLUMNS];
	bool		nulls[RENDERED_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(instance);
	values[1] = CStringGetTextDatum(file);
	values[2] = CStringGetTextDatum(content);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* the files of one instance, those that it has */
static void
put_instance(ReturnSetInfo *result, const Inventory *inventory, const InventoryGroup *group,
			 const char *instance, const RenderOptions *options)
{
	RenderPlace *place = render_place(inventory, group, instance, options);

	for (int i = 0; render_file_names[i] != NULL; i++)
	{
		if (render_has_file(place, render_file_names[i]))
			put_file(result, instance, render_file_names[i],
					 render_file(place, render_file_names[i]));
	}
}

Datum
pgops_rendered(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RenderOptions options = {0};
	const Inventory *inventory;
	const InventoryGroup *group;
	ListCell   *lc;
	Caller		caller;

	secret_hide_statement();
	pgops_init_srf(fcinfo);
	read_options(fcinfo, 1, &options);
	caller_begin_reading(&caller);
	inventory = read_inventory(&options);
	group = inventory_group(inventory, argument_cluster(fcinfo));
	foreach(lc, group->hosts->entries)
	{
		int			seq;

		CHECK_FOR_INTERRUPTS();
		put_instance(result, inventory, group,
					 inventory_instance(inventory, group,
										((const SpecEntry *) lfirst(lc))->key, &seq),
					 &options);
	}
	caller_end_reading(&caller);
	return (Datum) 0;
}
