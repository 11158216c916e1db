/*
 * sql_document.c
 *		SQL: pgops.inventory(), inventory_yaml(), cluster_spec(): what is
 *		declared, as documents.  With whose rights: see caller.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "cmdb/cmdb.h"
#include "cmdb/document.h"
#include "errors.h"
#include "spec/yaml_write.h"
#include "worker/argument.h"
#include "worker/caller.h"

PG_FUNCTION_INFO_V1(pgops_inventory);
PG_FUNCTION_INFO_V1(pgops_inventory_yaml);
PG_FUNCTION_INFO_V1(pgops_cluster_spec);

/* everything that is declared */
static Inventory *
read_inventory(bool secrets)
{
	Inventory  *inventory;
	Caller		caller;

	caller_begin_reading(&caller);
	inventory = cmdb_load_inventory();
	caller_end_reading(&caller);
	if (!secrets)
		cmdb_mask_inventory(inventory);
	return inventory;
}

/* the document of one group; name NULL: of the cluster that the first argument means */
static SpecNode *
read_group(FunctionCallInfo fcinfo, const char *name, bool secrets)
{
	SpecNode   *body;
	Caller		caller;

	caller_begin_reading(&caller);
	if (name == NULL)
		name = argument_cluster(fcinfo);
	body = cmdb_load_body(name);
	caller_end_reading(&caller);
	if (body == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("group \"%s\" is not declared", name),
				 errhint("pgops.inventory_yaml() without a name shows all groups.")));
	return cmdb_body_document(name, secrets ? body : cmdb_mask(body));
}

static Datum
return_yaml(const SpecNode *document)
{
	StringInfoData yaml;

	initStringInfo(&yaml);
	spec_write_yaml(&yaml, document);
	return PointerGetDatum(cstring_to_text_with_len(yaml.data, yaml.len));
}

Datum
pgops_inventory(PG_FUNCTION_ARGS)
{
	bool		secrets = caller_wants_secrets(fcinfo, 0);
	StringInfoData json;

	initStringInfo(&json);
	cmdb_inventory_json(&json, read_inventory(secrets));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

Datum
pgops_inventory_yaml(PG_FUNCTION_ARGS)
{
	bool		secrets = caller_wants_secrets(fcinfo, 1);

	if (PG_ARGISNULL(0))
	{
		Inventory  *inventory = read_inventory(secrets);

		/* that there are none needs no mention */
		inventory->has_vars = inventory->vars->entries != NIL;
		return return_yaml(inventory_document(inventory));
	}
	return return_yaml(read_group(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)), secrets));
}

Datum
pgops_cluster_spec(PG_FUNCTION_ARGS)
{
	bool		secrets = caller_wants_secrets(fcinfo, 1);

	return return_yaml(read_group(fcinfo, NULL, secrets));
}
