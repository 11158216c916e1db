/*
 * sql_views.c
 *		SQL: pgops.show_declared(), pgops.show_settings(): declared objects and
 *		effective parameters as rows, for the typed views.
 *
 * Not for: writing through the views, nor what the server has.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "spec/catalogue.h"
#include "worker/declared_rows.h"
#include "worker/effective.h"
#include "worker/rows.h"

PG_FUNCTION_INFO_V1(pgops_show_declared);
PG_FUNCTION_INFO_V1(pgops_show_settings);

/*
 * A query without a condition on the cluster calls once per group.  From so
 * many calls on, the whole inventory is read at once and kept: its price is
 * that of about twenty groups.
 */
#define CALLS_BEFORE_WHOLE	16

/* what the calls of one query share; in the memory of the query */
typedef struct Reading
{
	int			calls;
	Inventory  *whole;
	bool		knows_local;
	char	   *local;			/* cluster of this server, or NULL */
	char	   *dbsu;			/* its bootstrap superuser */
	List	   *defaults;		/* of DefaultValue *, in the order of the catalogue */
} Reading;

/* a default of the catalogue, which is the same for every instance */
typedef struct DefaultValue
{
	InventorySetting setting;
	Datum		value;			/* jsonb, masked */
	bool		resolves;		/* has placeholders: differs from instance to instance */
} DefaultValue;

/* columns of pgops.show_settings() */
enum
{
	COL_HOST,
	COL_NAME,
	COL_VALUE,
	COL_RESOLVED,
	COL_SCOPE,
	COL_ORIGIN,
	COL_MODULE,
	COL_SECTION,
	N_COLS
};

static Reading *
reading_of(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;

	if (flinfo->fn_extra == NULL)
		flinfo->fn_extra = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Reading));
	return flinfo->fn_extra;
}

/* The inventory, or that part of it which has a say in the group. */
static const Inventory *
read_inventory(FunctionCallInfo fcinfo, const char *group)
{
	Reading    *reading = reading_of(fcinfo);
	MemoryContext old;

	if (reading->whole != NULL)
		return reading->whole;
	if (++reading->calls < CALLS_BEFORE_WHOLE)
		return cmdb_load_scope(group);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	reading->whole = cmdb_load_inventory();
	MemoryContextSwitchTo(old);
	return reading->whole;
}

/* what ${dbsu} is in a group: only of this server's cluster is the real name known */
static const char *
superuser_of(FunctionCallInfo fcinfo, const char *group)
{
	Reading    *reading = reading_of(fcinfo);

	if (!reading->knows_local)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		reading->local = cmdb_local_cluster();
		reading->dbsu = GetUserNameFromId(BOOTSTRAP_SUPERUSERID, true);
		reading->knows_local = true;
		MemoryContextSwitchTo(old);
	}
	if (reading->local == NULL || strcmp(reading->local, group) != 0)
		return NULL;
	return reading->dbsu;
}

Datum
pgops_show_declared(PG_FUNCTION_ARGS)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Inventory *inventory;
	const InventoryGroup *group;

	if (result == NULL || !IsA(result, ReturnSetInfo) || result->expectedDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the columns of %s must be named", "pgops.show_declared()"),
				 errhint("Write FROM pgops.show_declared('user', 'pg-meta') AS u(name text, connlimit integer).")));
	pgops_init_srf_expected(fcinfo);
	declared_rows_check(kind, result->setDesc);

	inventory = read_inventory(fcinfo, name);
	group = inventory_group(inventory, name);
	if (group != NULL)
		declared_rows(kind, inventory, group, superuser_of(fcinfo, name), result);
	return (Datum) 0;
}

/* ---- effective parameters ---- */

/*
 * Made once for a query: reading a hundred defaults from their text for each of
 * thousands of hosts would take longer than all the rest.
 */
static List *
default_values(FunctionCallInfo fcinfo)
{
	Reading    *reading = reading_of(fcinfo);
	MemoryContext old;

	if (reading->defaults != NIL)
		return reading->defaults;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	for (const ParamDef *def = catalogue_parameters; def->name != NULL; def++)
	{
		DefaultValue *value;

		if (def->default_json == NULL)
			continue;
		value = palloc0(sizeof(DefaultValue));
		value->setting.name = def->name;
		value->setting.value = catalogue_default(def->name);
		value->setting.scope = "default";
		value->value = JsonbPGetDatum(node_to_jsonb(effective_declared(&value->setting)));
		value->resolves = placeholder_in(def->default_json);
		reading->defaults = lappend(reading->defaults, value);
	}
	MemoryContextSwitchTo(old);
	return reading->defaults;
}

/* One parameter of one host. */
static void
put_setting(ReturnSetInfo *result, const char *host, const InventorySetting *setting,
			Datum value, Datum resolved)
{
	const ParamDef *def = catalogue_find(setting->name);
	Datum		values[N_COLS];
	bool		nulls[N_COLS] = {false};

	values[COL_HOST] = CStringGetTextDatum(host);
	values[COL_NAME] = CStringGetTextDatum(setting->name);
	values[COL_VALUE] = value;
	values[COL_RESOLVED] = resolved;
	values[COL_SCOPE] = CStringGetTextDatum(setting->scope);
	values[COL_ORIGIN] = row_text(setting->origin, &nulls[COL_ORIGIN]);
	values[COL_MODULE] = row_text(def ? def->module : NULL, &nulls[COL_MODULE]);
	values[COL_SECTION] = row_text(def ? def->section : NULL, &nulls[COL_SECTION]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* the value as it is used, as jsonb */
static Datum
used_datum(const Effective *effective, const InventorySetting *setting)
{
	return JsonbPGetDatum(node_to_jsonb(effective_used(effective, setting)));
}

/* What is in effect for one host: the defaults that nobody overrides, and the rest. */
static void
put_host(FunctionCallInfo fcinfo, const Effective *effective, const char *host)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	foreach(cell, effective->pgsql ? default_values(fcinfo) : NIL)
	{
		const DefaultValue *value = lfirst(cell);

		if (spec_names_find(effective->by_name, value->setting.name) == NULL)
			put_setting(result, host, &value->setting, value->value,
						value->resolves ? used_datum(effective, &value->setting) :
						value->value);
	}
	foreach(cell, effective->settings)
	{
		const InventorySetting *setting = lfirst(cell);

		put_setting(result, host, setting,
					JsonbPGetDatum(node_to_jsonb(effective_declared(setting))),
					used_datum(effective, setting));
	}
}

Datum
pgops_show_settings(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const Inventory *inventory;
	const InventoryGroup *group;
	MemoryContext each;
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	inventory = read_inventory(fcinfo, name);
	group = inventory_group(inventory, name);
	if (group == NULL)
		return (Datum) 0;

	each = AllocSetContextCreate(CurrentMemoryContext, "pgops settings of a host",
								 ALLOCSET_DEFAULT_SIZES);
	foreach(cell, group->hosts->entries)
	{
		const SpecEntry *host = lfirst(cell);
		MemoryContext old = MemoryContextSwitchTo(each);

		put_host(fcinfo, effective_read(inventory, group, host->key,
										superuser_of(fcinfo, name)), host->key);
		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
	}
	MemoryContextDelete(each);
	return (Datum) 0;
}
