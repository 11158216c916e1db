/*
 * sql_declare.c
 *		SQL: pgops.apply_cluster(), pgops.validate(), pgops.plan(): a session
 *		declares, or asks what a declaration means.
 *
 * Everything happens in the session's transaction.  What is stored here is
 * carried out by the coordinator after the commit, from a plan of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "observe/snapshot.h"
#include "secret.h"
#include "spec/spec.h"
#include "worker/argument.h"
#include "worker/declaration.h"
#include "worker/rows.h"
#include "worker/shared.h"
#include "worker/situation.h"
#include "worker/wake.h"

PG_FUNCTION_INFO_V1(pgops_apply_cluster);
PG_FUNCTION_INFO_V1(pgops_apply_cluster_jsonb);
PG_FUNCTION_INFO_V1(pgops_validate);
PG_FUNCTION_INFO_V1(pgops_plan);

/* a document on its way: parsed, validated, its passwords sealed */
typedef struct Document
{
	char	   *name;
	Declaration *declaration;
	Findings	findings;
	ServerState *server;
} Document;

/* The text as it is: neither copied nor converted first. */
static SpecNode *
parse_text(text *document, Findings *findings)
{
	return spec_parse(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), findings);
}

static Declaration *
open_declaration(const char *cluster, bool dry)
{
	return dry ? declaration_look(cluster) :
		declaration_begin(cluster, "pgops.apply_cluster()");
}

/* whether a body has hosts that are not declared for the group yet */
static bool
brings_hosts(const Declaration *declaration, const char *name, const SpecNode *body)
{
	const InventoryGroup *group = inventory_group(declaration->stored, name);
	const SpecNode *hosts = node_get(body, "hosts");
	ListCell   *cell;

	foreach(cell, hosts != NULL && hosts->kind == NODE_MAP ? hosts->entries : NIL)
	{
		if (group == NULL || node_get(group->hosts, ((SpecEntry *) lfirst(cell))->key) == NULL)
			return true;
	}
	return false;
}

/*
 * What is stored, to be changed or only to be compared with.  Of a host that is
 * new to the cluster nobody knows yet who else is on it: then all of it.
 */
static Declaration *
open_for(Document *document, const SpecNode *body, bool dry)
{
	Declaration *declaration = open_declaration(document->name, dry);

	if (brings_hosts(declaration, document->name, body))
		declaration = open_declaration(NULL, dry);
	return declaration;
}

/*
 * Everything that can be said of a document without storing it.  The document's
 * own errors come first: what is found between clusters needs a sound one.
 */
static void
examine(Document *document, SpecNode *tree, bool dry)
{
	SpecNode   *body;

	if (tree == NULL)
		return;
	spec_validate_cluster(tree, &document->findings, &document->name, &body);
	if (body == NULL)
		return;
	if (document->findings.errors > 0)
	{
		declaration_check_rest(cmdb_load_scope(document->name), document->name, body,
							   &document->server, &document->findings);
		return;
	}
	memset(&document->findings, 0, sizeof(document->findings));
	document->declaration = open_for(document, body, dry);
	spec_restore_declared(body);
	declaration_put(document->declaration, document->name, body);
	declaration_check(document->declaration);
	findings_append(&document->findings, &document->declaration->findings);
	document->server = document->declaration->server;
}

/*
 * Plans a document for the instance that it would be bound to, stores
 * nothing and takes no lock.
 */
static ActionPlan *
dry_run(Document *document, SpecNode *tree)
{
	examine(document, tree, true);
	findings_raise(&document->findings, "cluster document");
	return situation_session_plan(document->declaration->declared, document->name,
								  document->server, SITUATION_DRY_RUN);
}

/* Stores a document and plans it. */
static ActionPlan *
declare(Document *document, SpecNode *tree, char *note)
{
	examine(document, tree, false);
	findings_raise(&document->findings, "cluster document");
	document->declaration->note = note;
	(void) declaration_store(document->declaration);
	return situation_session_plan(document->declaration->declared, document->name,
								  document->server, SITUATION_DECLARED);
}

/* What both forms of pgops.apply_cluster() do once there is a tree. */
static Datum
apply_tree(FunctionCallInfo fcinfo, Document *document, SpecNode *tree)
{
	bool		dry = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	char	   *note = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	rows_of_plan(fcinfo, dry ? dry_run(document, tree) : declare(document, tree, note));
	return (Datum) 0;
}

Datum
pgops_apply_cluster(PG_FUNCTION_ARGS)
{
	Document	document = {0};
	SpecNode   *tree;

	secret_hide_statement();
	argument_require_document(fcinfo);
	tree = parse_text(PG_GETARG_TEXT_PP(0), &document.findings);
	return apply_tree(fcinfo, &document, tree);
}

Datum
pgops_apply_cluster_jsonb(PG_FUNCTION_ARGS)
{
	Document	document = {0};
	SpecNode   *tree;

	secret_hide_statement();
	argument_require_document(fcinfo);
	tree = spec_from_jsonb(PG_GETARG_JSONB_P(0), &document.findings);
	return apply_tree(fcinfo, &document, tree);
}

Datum
pgops_validate(PG_FUNCTION_ARGS)
{
	Document	document = {0};
	SpecNode   *tree = NULL;

	secret_hide_statement();
	if (!PG_ARGISNULL(0))
		tree = parse_text(PG_GETARG_TEXT_PP(0), &document.findings);
	if (inventory_is_document(tree))
		findings_append(&document.findings,
						&declaration_document(tree, true, "pgops.validate()")->findings);
	else
		examine(&document, tree, true);
	findings_sort(&document.findings);
	rows_of_findings(fcinfo, &document.findings);
	return (Datum) 0;
}

Datum
pgops_plan(PG_FUNCTION_ARGS)
{
	char	   *name = argument_cluster(fcinfo);

	rows_of_plan(fcinfo, situation_session_plan(cmdb_load_scope(name), name, NULL,
												SITUATION_LOOK));
	return (Datum) 0;
}
