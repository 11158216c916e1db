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
	SpecNode   *body;
	Findings	findings;
	ServerState *server;
} Document;

/* for cmdb_seal(): the verifier the server has for a role */
static const char *
server_verifier(const char *role, void *arg)
{
	Role	   *found = snapshot_role(arg, role);

	return found ? found->password : NULL;
}

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
examine_rest(Document *document)
{
	SpecNode   *sound = spec_sanitize(document->name, document->body, &document->findings);
	Findings	repeated = {0};
	Cluster    *cluster;

	if (sound == NULL)
		return;
	document->server = observe_shared();
	cluster = situation_model(document->name, sound, NULL, document->server, false, &repeated);
	situation_check(cluster, document->server, sound, &document->findings);
}

/* everything that can be said of a document without storing it */
static void
examine(Document *document, SpecNode *tree)
{
	Cluster    *cluster;

	if (tree == NULL)
		return;
	spec_validate_cluster(tree, &document->findings, &document->name, &document->body);
	if (document->body == NULL)
		return;
	if (document->findings.errors > 0)
	{
		examine_rest(document);
		return;
	}
	document->server = observe_shared();
	cmdb_seal(document->name, document->body, cmdb_load_body(document->name),
			  server_verifier, document->server, &document->findings);
	if (document->findings.errors > 0)
		return;
	cluster = situation_model(document->name, document->body, NULL, document->server,
							  false, &document->findings);
	situation_check(cluster, document->server, document->body, &document->findings);
}

/* the plan of a document, stored or not */
static ActionPlan *
plan_document(Document *document, const char *self, bool stored)
{
	Situation	situation = {0};
	Findings	ignored = {0};

	situation.server = document->server;
	situation.row = cmdb_cluster(document->name);
	situation.owned = situation.row ? cmdb_owned_load(document->name) : NIL;
	situation.cluster = situation_model(document->name, document->body, self,
										document->server, stored, &ignored);
	situation_observe(&situation, NULL, NULL, true);
	return situation_plan(&situation, RecoveryInProgress());
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
	SpecNode   *hosts = node_get(document->body, "hosts");
	SpecEntry  *only;
	SpecNode   *seq;

	if (hosts == NULL || hosts->kind != NODE_MAP || list_length(hosts->entries) != 1)
		return NULL;
	only = linitial(hosts->entries);
	seq = only->value && only->value->kind == NODE_MAP ? node_get(only->value, "pg_seq") : NULL;
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

	examine(document, tree);
	findings_raise(&document->findings, "cluster document");
	self = own_instance(document->name);
	return plan_document(document, self ? self : likely_instance(document), false);
}

/*
 * Stores a document and plans it.  The lock is taken before anything is
 * read: of two sessions the second sees what the first one declared.
 */
static ActionPlan *
declare(Document *document, SpecNode *tree, const char *note)
{
	shared_require();
	PreventCommandDuringRecovery("pgops.apply_cluster()");
	PreventCommandIfReadOnly("pgops.apply_cluster()");
	cmdb_lock_declarations();

	examine(document, tree);
	findings_raise(&document->findings, "cluster document");
	if (cmdb_store_body(document->name, document->body, note))
		wake_at_commit(REQUEST_CHANGED);
	cmdb_bind_first();
	CommandCounterIncrement();
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

static void
require_document(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the document must not be null")));
}

Datum
pgops_apply_cluster(PG_FUNCTION_ARGS)
{
	Document	document = {0};
	SpecNode   *tree;

	secret_hide_statement();
	require_document(fcinfo);
	tree = parse_text(PG_GETARG_TEXT_PP(0), &document.findings);
	return apply_tree(fcinfo, &document, tree);
}

Datum
pgops_apply_cluster_jsonb(PG_FUNCTION_ARGS)
{
	Document	document = {0};
	SpecNode   *tree;

	secret_hide_statement();
	require_document(fcinfo);
	tree = spec_from_jsonb(PG_GETARG_JSONB_P(0), &document.findings);
	return apply_tree(fcinfo, &document, tree);
}

Datum
pgops_validate(PG_FUNCTION_ARGS)
{
	Document	document = {0};

	secret_hide_statement();
	if (!PG_ARGISNULL(0))
		examine(&document, parse_text(PG_GETARG_TEXT_PP(0), &document.findings));
	findings_sort(&document.findings);
	rows_of_findings(fcinfo, &document.findings);
	return (Datum) 0;
}

Datum
pgops_plan(PG_FUNCTION_ARGS)
{
	Document	document = {0};

	document.name = argument_cluster(fcinfo);
	document.body = cmdb_load_body(document.name);
	document.server = observe_shared();
	rows_of_plan(fcinfo, plan_document(&document, own_instance(document.name), false));
	return (Datum) 0;
}
