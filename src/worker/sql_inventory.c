/*
 * sql_inventory.c
 *		SQL: pgops.apply_inventory(): a session declares everything at once.
 *
 * Not for: one cluster (sql_declare.c), changing what is stored
 * (declaration.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "secret.h"
#include "spec/spec.h"
#include "worker/argument.h"
#include "worker/declaration.h"
#include "worker/rows.h"

PG_FUNCTION_INFO_V1(pgops_apply_inventory);
PG_FUNCTION_INFO_V1(pgops_apply_inventory_jsonb);

#define CHANGE_COLUMNS	5

static Datum
row_node(const SpecNode *node, bool *isnull)
{
	*isnull = node == NULL;
	return node ? JsonbPGetDatum(node_to_jsonb(node)) : (Datum) 0;
}

static void
rows_of_changes(FunctionCallInfo fcinfo, const List *changes)
{
	ReturnSetInfo *info;
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	info = (ReturnSetInfo *) fcinfo->resultinfo;
	foreach(cell, changes)
	{
		const CmdbChange *change = lfirst(cell);
		Datum		values[CHANGE_COLUMNS];
		bool		nulls[CHANGE_COLUMNS];

		values[0] = row_text(change->group, &nulls[0]);
		values[1] = row_text(change->action, &nulls[1]);
		values[2] = row_text(change->path, &nulls[2]);
		values[3] = row_node(change->old, &nulls[3]);
		values[4] = row_node(change->new, &nulls[4]);
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
	}
}

/* What both forms of pgops.apply_inventory() do once there is a tree. */
static Datum
apply_tree(FunctionCallInfo fcinfo, SpecNode *tree, Findings *findings)
{
	bool		dry_run = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	Declaration *declaration = NULL;

	if (tree != NULL)
	{
		declaration = declaration_document(tree, dry_run, "pgops.apply_inventory()");
		declaration->prune = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
		if (!declaration->prune && declaration->findings.errors == 0)
			declaration_check_kept(declaration);
		findings_append(findings, &declaration->findings);
	}
	findings_raise(findings, "inventory");
	declaration->note = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	rows_of_changes(fcinfo, declaration_store(declaration));
	return (Datum) 0;
}

Datum
pgops_apply_inventory(PG_FUNCTION_ARGS)
{
	Findings	findings = {0};
	text	   *document;
	SpecNode   *tree;

	secret_hide_statement();
	argument_require_document(fcinfo);
	document = PG_GETARG_TEXT_PP(0);
	tree = spec_parse(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), &findings);
	return apply_tree(fcinfo, tree, &findings);
}

Datum
pgops_apply_inventory_jsonb(PG_FUNCTION_ARGS)
{
	Findings	findings = {0};
	SpecNode   *tree;

	secret_hide_statement();
	argument_require_document(fcinfo);
	tree = spec_from_jsonb(PG_GETARG_JSONB_P(0), &findings);
	return apply_tree(fcinfo, tree, &findings);
}
