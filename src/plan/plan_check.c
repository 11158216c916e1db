/*
 * plan_check.c
 *		plan_check_references(): names in a declaration that are neither
 *		declared nor on the server.
 *
 * It walks the document rather than the model, since a finding must say at
 * which line and path the name stands.  Not for: anything that the document
 * alone decides (spec/).
 */
#include "postgres.h"

#include "errors.h"
#include "plan/plan.h"
#include "plan/planner.h"
#include "spec/placeholder.h"
#include "spec/default_privilege.h"

/* what a check needs to know */
typedef struct Check
{
	const Cluster *cluster;
	ServerState *snapshot;
	const SpecNode *vars;
	PlanMap    *roles;			/* declared to exist */
	PlanMap    *databases;		/* declared to exist */
	Findings   *findings;
} Check;

/* ---- whether a name is known ---- */

/* pg_dbsu stands for the bootstrap superuser, whatever its real name */
static bool
is_dbsu(const Check *check, const char *name)
{
	const char *dbsu = check->vars ? node_text(node_get(check->vars, "pg_dbsu")) : NULL;

	return strcmp(name, dbsu ? dbsu : "postgres") == 0 ||
		plan_same(name, check->cluster->dbsu);
}

static bool
role_known(const Check *check, const char *name)
{
	return plan_map_get(check->roles, name) != NULL || is_dbsu(check, name) ||
		snapshot_role_exists(check->snapshot, name);
}

static bool
database_known(const Check *check, const char *name)
{
	return plan_map_get(check->databases, name) != NULL ||
		snapshot_database(check->snapshot, name) != NULL;
}

/* Tablespaces cannot be declared: pgops makes no directories. */
static bool
tablespace_known(const Check *check, const char *name)
{
	return plan_has_name(check->snapshot->tablespaces, name);
}

/* a kind of reference: how it is called, looked up, and repaired */
typedef struct Reference
{
	const char *what;
	bool		(*known) (const Check *check, const char *name);
	const char *hint;
} Reference;

static const Reference role_reference = {
	"role", role_known, "Declare it in pg_users or pg_default_roles, or correct the name."
};
static const Reference database_reference = {
	"template database", database_known, "Declare it in pg_databases, or correct the name."
};
static const Reference tablespace_reference = {
	"tablespace", tablespace_known, "Create it with CREATE TABLESPACE, or correct the name."
};

/* one name in the document; nothing if there is none */
static void
check_name(const Check *check, const Reference *reference, const SpecNode *node,
		   const char *path)
{
	const char *name = node_text(node);

	if (name != NULL)
		name = placeholder_text(check->cluster->placeholders, name);
	if (name == NULL || name[0] == '\0' || reference->known(check, name))
		return;
	finding_add(check->findings, FINDING_ERROR, ERRCODE_PGOPS_UNRESOLVED, node, path,
				reference->hint, "%s \"%s\" is neither declared nor existing",
				reference->what, name);
}

/* ---- the document ---- */

/* the state of an object or of an item; one that is to go needs nothing */
static bool
is_absent(const SpecNode *node)
{
	const char *state = node ? node_text(node_get(node, "state")) : NULL;

	return state != NULL && (strcmp(state, "absent") == 0 || strcmp(state, "revoke") == 0);
}

/* the databases in which a role has settings */
static void
check_in_databases(const Check *check, const SpecNode *databases, const char *path)
{
	ListCell   *lc;

	if (databases == NULL || databases->kind != NODE_MAP)
		return;
	foreach(lc, databases->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (!database_known(check, entry->key))
			finding_add(check->findings, FINDING_ERROR, ERRCODE_PGOPS_UNRESOLVED, entry->value,
						psprintf("%s.database_parameters", path),
						"Declare it in pg_databases, or correct the name.",
						"database \"%s\" is neither declared nor existing", entry->key);
	}
}

/*
 * The groups are references, and the databases with settings; a user that is
 * itself to go needs none of them.
 */
static void
check_user(const Check *check, const SpecNode *user, const char *path)
{
	const SpecNode *roles;
	ListCell   *lc;
	int			i = 0;

	if (user->kind != NODE_MAP || is_absent(user))
		return;
	check_in_databases(check, node_get(user, "database_parameters"), path);
	roles = node_get(user, "roles");
	if (roles == NULL)
		return;
	foreach(lc, roles->items)
	{
		const SpecNode *item = lfirst(lc);
		char	   *item_path = psprintf("%s.roles[%d]", path, i++);

		if (item->kind != NODE_MAP)
			check_name(check, &role_reference, item, item_path);
		else if (!is_absent(item))
			check_name(check, &role_reference, node_get(item, "name"),
					   psprintf("%s.name", item_path));
	}
}

/* one role that a clause names; "" is PUBLIC */
static void
check_clause_role(const Check *check, const char *name, const SpecNode *node, const char *path)
{
	if (name[0] != '\0' && !role_known(check, name))
		finding_add(check->findings, FINDING_ERROR, ERRCODE_PGOPS_UNRESOLVED, node, path,
					role_reference.hint, "role \"%s\" is neither declared nor existing", name);
}

/* the roles of a field of clauses; "objtype" as in model_build_clauses() */
static void
check_clauses(const Check *check, const SpecNode *entry, const char *field, char objtype,
			  const char *path)
{
	const SpecNode *list = node_get(entry, field);
	ListCell   *lc;
	ListCell   *lr;
	int			i = 0;

	foreach(lc, list && list->kind == NODE_LIST ? list->items : NIL)
	{
		const SpecNode *item = lfirst(lc);
		DefaultPrivilegeProblem problem;
		DefaultPrivilege *clause = NULL;
		char	   *place = psprintf("%s.%s[%d]", path, field, i++);

		const char *str = item->kind == NODE_STRING ?
			placeholder_text(check->cluster->placeholders, item->text) : NULL;

		if (str != NULL)
			clause = objtype == 0 ? own_default_privilege_parse(str, &problem) :
				object_privilege_parse(str, objtype, &problem);
		if (clause == NULL)
			continue;
		foreach(lr, clause->roles)
			check_clause_role(check, lfirst(lr), item, place);
		foreach(lr, clause->grantees)
			check_clause_role(check, lfirst(lr), item, place);
	}
}

/* A schema's owner and grantees: a schema itself is created where it is missing. */
static void
check_schemas(const Check *check, const SpecNode *schemas, const char *path)
{
	ListCell   *lc;
	int			i = 0;

	if (schemas == NULL)
		return;
	foreach(lc, schemas->items)
	{
		const SpecNode *schema = lfirst(lc);
		int			index = i++;

		if (schema->kind != NODE_MAP || is_absent(schema))
			continue;
		check_name(check, &role_reference, node_get(schema, "owner"),
				   psprintf("%s.schemas[%d].owner", path, index));
		check_clauses(check, schema, "privileges", 'n', psprintf("%s.schemas[%d]", path, index));
	}
}

/*
 * Names that do not exist are errors of the document here, before anything is
 * stored; the same names in a plan are blocked steps, since a role may have been
 * dropped since.
 */
static void
check_database(const Check *check, const SpecNode *database, const char *path)
{
	if (database->kind != NODE_MAP || is_absent(database))
		return;
	check_name(check, &role_reference, node_get(database, "owner"),
			   psprintf("%s.owner", path));
	check_name(check, &database_reference, node_get(database, "template"),
			   psprintf("%s.template", path));
	check_name(check, &tablespace_reference, node_get(database, "tablespace"),
			   psprintf("%s.tablespace", path));
	check_clauses(check, database, "privileges", 'd', path);
	check_clauses(check, database, "default_privileges", 0, path);
	check_schemas(check, node_get(database, "schemas"), path);
}

/* every entry of a list parameter of the document */
static void
check_list(const Check *check, const char *param,
		   void (*check_entry) (const Check *check, const SpecNode *entry, const char *path))
{
	const SpecNode *list = check->vars ? node_get(check->vars, param) : NULL;
	ListCell   *lc;
	int			i = 0;

	if (list == NULL)
		return;
	foreach(lc, list->items)
		check_entry(check, lfirst(lc),
					psprintf("%s.%s[%d]", check->cluster->name, param, i++));
}

/*
 * Declared default privileges.  model_build() keeps them in the order of the
 * document, so the place in the list is the place in the document; the
 * built-in list belongs to nobody who could correct it.
 */
static void
check_default_privileges(const Check *check)
{
	const SpecNode *list = check->vars ?
	node_get(check->vars, "pg_default_privileges") : NULL;
	ListCell   *lc;
	int			i = 0;

	if (list == NULL ||
		list_length(list->items) != list_length(check->cluster->default_privileges))
		return;
	foreach(lc, check->cluster->default_privileges)
	{
		DefaultPrivilege *declared = lfirst(lc);
		int			index = i++;
		ListCell   *lg;

		foreach(lg, declared->grantees)
		{
			const char *name = lfirst(lg);

			if (name[0] != '\0' && !role_known(check, name))
				finding_add(check->findings, FINDING_ERROR, ERRCODE_PGOPS_UNRESOLVED,
							list_nth(list->items, index),
							psprintf("%s.pg_default_privileges[%d]", check->cluster->name,
									 index),
							role_reference.hint,
							"role \"%s\" is neither declared nor existing", name);
		}
	}
}

/* names that the declaration itself brings into being */
static void
load_declared(Check *check)
{
	ListCell   *lc;

	check->roles = plan_map_new();
	check->databases = plan_map_new();
	foreach(lc, check->cluster->roles)
	{
		Role	   *role = lfirst(lc);

		if (role->state == STATE_CREATE)
			plan_map_put(check->roles, role->name, role);
	}
	foreach(lc, check->cluster->databases)
	{
		Database   *database = lfirst(lc);

		if (database->state != STATE_ABSENT)
			plan_map_put(check->databases, database->name, database);
	}
}

/*
 * plan_check_references
 *		See plan.h.  Only what the cluster's own vars declare is looked at:
 *		what comes from elsewhere is reported by the plan as blocked.
 */
void
plan_check_references(const Cluster *cluster, ServerState *snapshot,
					  const SpecNode *body, Findings *findings)
{
	Check		check = {.cluster = cluster, .snapshot = snapshot, .findings = findings};

	check.vars = body ? node_get(body, "vars") : NULL;
	load_declared(&check);
	check_list(&check, "pg_default_roles", check_user);
	check_list(&check, "pg_users", check_user);
	check_list(&check, "pg_databases", check_database);
	check_default_privileges(&check);
}
