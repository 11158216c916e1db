/*
 * sql_history.c
 *		SQL: pgops.diff(), pgops.rollback().
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "cmdb/history.h"
#include "compat.h"
#include "errors.h"
#include "secret.h"
#include "worker/declaration.h"
#include "worker/rows.h"
#include "worker/situation.h"

PG_FUNCTION_INFO_V1(pgops_diff);
PG_FUNCTION_INFO_V1(pgops_rollback);

#define DIFF_COLUMNS	4

/*
 * The group that the first argument names, declared now or not: history outlives
 * what it is about.  NULL is this server's cluster.
 */
static char *
history_name(FunctionCallInfo fcinfo)
{
	char	   *name = PG_ARGISNULL(0) ? cmdb_local_cluster() :
		text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("no cluster is given, and this server belongs to none"),
				 errhint("Name a cluster, or \"all\" for the global variables.")));
	return name;
}

static Datum
node_datum(const SpecNode *node, bool *isnull)
{
	*isnull = node == NULL;
	return node ? JsonbPGetDatum(node_to_jsonb(node)) : (Datum) 0;
}

static void
put_change(ReturnSetInfo *result, const CmdbChange *change)
{
	Datum		values[DIFF_COLUMNS];
	bool		nulls[DIFF_COLUMNS];

	values[0] = row_text(change->path, &nulls[0]);
	values[1] = row_text(change->action, &nulls[1]);
	values[2] = node_datum(change->old, &nulls[2]);
	values[3] = node_datum(change->new, &nulls[3]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
pgops_diff(PG_FUNCTION_ARGS)
{
	char	   *name = history_name(fcinfo);
	int64		b = PG_ARGISNULL(2) ? history_newest(name) : PG_GETARG_INT64(2);
	int64		a = PG_ARGISNULL(1) ? b - 1 : PG_GETARG_INT64(1);
	List	   *changes = history_difference(name, a, b);
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	foreach(cell, changes)
		put_change((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	return (Datum) 0;
}

/* ---- rollback ---- */

/* how many paths a message names */
#define PATHS_SHOWN		20

static char *
join_paths(const List *paths)
{
	StringInfoData joined;
	ListCell   *cell;

	initStringInfo(&joined);
	foreach(cell, paths)
	{
		if (foreach_current_index(cell) == PATHS_SHOWN)
		{
			appendStringInfoString(&joined, ", ...");
			break;
		}
		appendStringInfo(&joined, "%s%s", joined.len > 0 ? ", " : "", (char *) lfirst(cell));
	}
	return joined.data;
}

/* a path that is empty means that the whole group was declared anew */
static bool
whole_declaration(const List *paths)
{
	const ListCell *cell;

	foreach(cell, paths)
	{
		if (*(char *) lfirst(cell) == '\0')
			return true;
	}
	return false;
}

/* The history has no secrets, so they stay as they are: whoever goes back must know. */
static void
tell_secrets(const char *name, int64 revision)
{
	List	   *paths = history_secrets_since(name, revision);

	if (paths == NIL)
		return;
	ereport(NOTICE,
			(errmsg("secrets are not part of the history and keep their present values"),
			 whole_declaration(paths) ?
			 errdetail("\"%s\" was declared from nothing since revision " INT64_FORMAT ".",
					   name, revision) :
			 errdetail("Declared anew since revision " INT64_FORMAT ": %s.",
					   revision, join_paths(paths)),
			 errhint("Set them with pgops.set_secret().")));
}

/* What can be done about a mask that stands for nothing any more. */
static void
advise(Findings *findings)
{
	ListCell   *cell;

	foreach(cell, findings->list)
	{
		Finding    *finding = lfirst(cell);

		if (finding->severity == FINDING_ERROR && finding->sqlstate == ERRCODE_PGOPS_MISSING &&
			strstr(finding->message, SECRET_MASK) != NULL)
			finding->hint = pstrdup("Take the document out of pgops.revision, put the secret in, and declare it with pgops.apply_cluster().");
	}
}

/* The old document takes the place of what is declared now. */
static Declaration *
take_back(const char *name, int64 revision, bool dry)
{
	bool		all = strcmp(name, HISTORY_ALL) == 0;
	SpecNode   *document = history_document(name, revision);
	Declaration *declaration = dry ? declaration_look(all ? NULL : name) :
		declaration_begin(all ? NULL : name, "pgops.rollback()");

	if (all)
		node_map_set(declaration_body(declaration, NULL), "vars", node_get(document, "vars"));
	else
		declaration_put(declaration, name, document);
	declaration_check(declaration);
	advise(&declaration->findings);
	findings_raise(&declaration->findings,
				   psprintf("revision " INT64_FORMAT " of \"%s\"", revision, name));
	return declaration;
}

/* "all" and groups that are no PostgreSQL clusters have no plan of their own */
static bool
has_plan(const Declaration *declaration, const char *name)
{
	const InventoryGroup *group = inventory_group(declaration->declared, name);

	return group != NULL && strcmp(group->kind, INVENTORY_PGSQL) == 0;
}

Datum
pgops_rollback(PG_FUNCTION_ARGS)
{
	char	   *name = history_name(fcinfo);
	bool		dry = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	int64		revision;
	Declaration *declaration;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the revision must not be null")));
	revision = PG_GETARG_INT64(1);
	declaration = take_back(name, revision, dry);
	declaration->note = PG_ARGISNULL(3) ?
		psprintf("rollback to revision " INT64_FORMAT, revision) :
		text_to_cstring(PG_GETARG_TEXT_PP(3));
	tell_secrets(name, revision);
	if (!dry)
		(void) declaration_store(declaration);

	if (has_plan(declaration, name))
		rows_of_plan(fcinfo, situation_session_plan(declaration->declared, name,
													declaration->server,
													dry ? SITUATION_DRY_RUN : SITUATION_DECLARED));
	else
		pgops_init_srf(fcinfo);
	return (Datum) 0;
}
