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

/*
 * A faulty document: what else is wrong with it that only the server can
 * tell, so that all errors are reported at once.
 */
static void
examine_rest(Document *document, SpecNode *body)
{
	SpecNode   *sound = spec_sanitize(document->name, body, &document->findings);
	Inventory  *inventory;
	InventoryGroup *group;
	Findings	repeated = {0};

	if (sound == NULL)
		return;
	inventory = cmdb_load_scope(document->name);
	group = inventory_add_group(inventory, document->name);
	group->vars = node_get(sound, "vars") ? node_get(sound, "vars") : node_map();
	group->hosts = node_map();
	inventory_finish(inventory);
	document->server = observe_shared();
	situation_check(situation_model(inventory, document->name, NULL, document->server,
									false, &repeated),
					document->server, sound, &document->findings);
}

/* what is stored, to be changed or only to be compared with */
static Declaration *
open_declaration(Document *document, bool dry)
{
	return dry ? declaration_look(document->name) :
		declaration_begin(document->name, "pgops.apply_cluster()");
}

/*
 * Everything that can be said of a document without storing it.  The document's
 * own errors come first: what is found between clusters needs a sound one.
 */
static void
examine(Document *document, SpecNode *tree, bool dry)
{
	SpecNode   *declared;
	SpecNode   *body;

	if (tree == NULL)
		return;
	declared = node_copy(tree);
	spec_validate_cluster(tree, &document->findings, &document->name, &body);
	if (body == NULL)
		return;
	if (document->findings.errors > 0)
	{
		examine_rest(document, body);
		return;
	}
	memset(&document->findings, 0, sizeof(document->findings));
	document->declaration = open_declaration(document, dry);
	declaration_put(document->declaration, document->name,
					spec_declared(node_get(declared, document->name), body));
	declaration_check(document->declaration);
	findings_append(&document->findings, &document->declaration->findings);
	document->server = document->declaration->server;
}

/* the plan of an inventory's cluster, stored or not */
static ActionPlan *
plan_cluster(const char *name, const Inventory *inventory, ServerState *server,
			 const char *self, bool stored)
{
	Situation	situation = {0};
	Findings	ignored = {0};

	situation.server = server ? server : observe_shared();
	situation.row = cmdb_cluster(name);
	situation.owned = situation.row ? cmdb_owned_load(name) : NIL;
	situation.cluster = situation_model(inventory, name, self, situation.server, stored,
										&ignored);
	situation_observe(&situation, NULL, NULL, true);
	return situation_plan(&situation, RecoveryInProgress());
}

static ActionPlan *
plan_document(Document *document, const char *self, bool stored)
{
	return plan_cluster(document->name, document->declaration->declared, document->server,
						self, stored);
}

/* the instance whose variables count: this server's, if it belongs to the cluster */
static char *
own_instance(const char *cluster)
{
	Binding    *binding = cmdb_binding();

	if (binding->instance && binding->cluster && cluster &&
		strcmp(binding->cluster, cluster) == 0)
		return binding->instance;
	return NULL;
}

/* of an unbound server: the only instance there is, as the first apply would bind it */
static char *
likely_instance(const Document *document)
{
	const Inventory *inventory = document->declaration->declared;
	const InventoryGroup *group = inventory_group(inventory, document->name);
	const SpecEntry *only;
	const SpecNode *seq;

	if (list_length(group->hosts->entries) != 1)
		return NULL;
	only = linitial(group->hosts->entries);
	seq = inventory_value(inventory, group, only->key, "pg_seq");
	if (seq == NULL || node_text(seq) == NULL)
		return NULL;
	return psprintf("%s-%s", document->name, node_text(seq));
}

/*
 * Plans a document for the instance that it would be bound to, stores
 * nothing and takes no lock.
 */
static ActionPlan *
dry_run(Document *document, SpecNode *tree)
{
	char	   *self;

	examine(document, tree, true);
	findings_raise(&document->findings, "cluster document");
	self = own_instance(document->name);
	return plan_document(document, self ? self : likely_instance(document), false);
}

/* Stores a document and plans it. */
static ActionPlan *
declare(Document *document, SpecNode *tree, char *note)
{
	examine(document, tree, false);
	findings_raise(&document->findings, "cluster document");
	document->declaration->note = note;
	(void) declaration_store(document->declaration);
	return plan_document(document, own_instance(document->name), true);
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

	secret_hide_statement();
	if (!PG_ARGISNULL(0))
		examine(&document, parse_text(PG_GETARG_TEXT_PP(0), &document.findings), true);
	findings_sort(&document.findings);
	rows_of_findings(fcinfo, &document.findings);
	return (Datum) 0;
}

Datum
pgops_plan(PG_FUNCTION_ARGS)
{
	char	   *name = argument_cluster(fcinfo);

	rows_of_plan(fcinfo, plan_cluster(name, cmdb_load_scope(name), NULL, own_instance(name),
									  false));
	return (Datum) 0;
}
