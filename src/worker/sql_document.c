/*
 * sql_document.c
 *		SQL: pgops.inventory(), inventory_yaml(), cluster_spec(): what is
 *		declared, as documents.
 *
 * The tables are superusers' only, as they hold verifiers and secrets; members
 * of pg_monitor may read these documents, masked.  So the functions run with
 * the rights of their caller and take a superuser's only for the tables: a
 * SECURITY DEFINER function could not tell any more who calls it, and that is
 * what decides about secrets.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "cmdb/cmdb.h"
#include "cmdb/document.h"
#include "errors.h"
#include "spec/yaml_write.h"
#include "worker/argument.h"

PG_FUNCTION_INFO_V1(pgops_inventory);
PG_FUNCTION_INFO_V1(pgops_inventory_yaml);
PG_FUNCTION_INFO_V1(pgops_cluster_spec);

/* who we were before reading the tables */
typedef struct Caller
{
	Oid			user;
	int			context;
} Caller;

/*
 * Whether the boolean argument asks for secrets; an ERROR if the caller may not
 * have them.  Both must be superusers, the user whose rights hold here and the
 * one whose rights hold outside of all functions: else a superuser's SECURITY
 * DEFINER function would hand secrets to whoever may call it, and a monitoring
 * user's would get them when a superuser calls that.
 */
static bool
wants_secrets(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument) || !PG_GETARG_BOOL(argument))
		return false;
	if (!superuser() || !superuser_arg(GetOuterUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to show secrets"),
				 errdetail("Only superusers may see them, and only by a call that runs with their own rights."),
				 errhint("Without \"secrets\" they are shown as ********.")));
	return true;
}

/*
 * Nothing runs between this and end_reading() but our own queries.  An error
 * puts the user back with the end of the (sub)transaction.
 */
static void
begin_reading(Caller *caller)
{
	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   caller->context | SECURITY_LOCAL_USERID_CHANGE);
}

static void
end_reading(const Caller *caller)
{
	SetUserIdAndSecContext(caller->user, caller->context);
}

/* everything that is declared */
static Inventory *
read_inventory(bool secrets)
{
	Inventory  *inventory;
	Caller		caller;

	begin_reading(&caller);
	inventory = cmdb_load_inventory();
	end_reading(&caller);
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

	begin_reading(&caller);
	if (name == NULL)
		name = argument_cluster(fcinfo);
	body = cmdb_load_body(name);
	end_reading(&caller);
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
	bool		secrets = wants_secrets(fcinfo, 0);
	StringInfoData json;

	initStringInfo(&json);
	cmdb_inventory_json(&json, read_inventory(secrets));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json.data, json.len));
}

Datum
pgops_inventory_yaml(PG_FUNCTION_ARGS)
{
	bool		secrets = wants_secrets(fcinfo, 1);

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
	bool		secrets = wants_secrets(fcinfo, 1);

	return return_yaml(read_group(fcinfo, NULL, secrets));
}
