/*
 * plan_keep.c
 *		What stays although nobody declares it, or although its removal is
 *		declared: because the rest of the declaration stands on it.
 *
 * Every removal of a whole object asks here first.  A declaration that names a
 * role as owner, or a database as template, says that it is to be there as
 * clearly as an entry of its own; and DROP ... CASCADE does not ask whether
 * what it takes along is declared elsewhere, so that is asked before.
 *
 * Not for: what is protected by its name alone (plan_role_protected() and
 * plan_database_protected()), nor limits and policy (plan_limit.c).
 */
#include "postgres.h"

#include "plan/planner.h"

/* a map used as a set only needs some pointer */
static char named[] = "";

/* ---- roles ---- */

static void
name_it(PlanMap *names, const char *name)
{
	if (name != NULL && name[0] != '\0')
		plan_map_put(names, name, named);
}

/* groups of declared members; a membership that is to go keeps nothing */
static void
name_groups(PlanMap *names, const Role *role)
{
	ListCell   *lc;

	foreach(lc, role->memberships)
	{
		const Membership *membership = lfirst(lc);

		if (membership->state == STATE_CREATE)
			name_it(names, membership->role);
	}
}

/* who is granted something, and for whose objects */
static void
name_clauses(PlanMap *names, List *clauses)
{
	ListCell   *lc;
	ListCell   *lg;

	foreach(lc, clauses)
	{
		const DefaultPrivilege *clause = lfirst(lc);

		foreach(lg, clause->roles)
			name_it(names, lfirst(lg));
		foreach(lg, clause->grantees)
			name_it(names, lfirst(lg));
	}
}

/* Also the owners of schemas inside: a role cannot be dropped from under them. */
static void
name_owners(PlanMap *names, const Database *database)
{
	ListCell   *lc;

	name_it(names, database->owner);
	name_clauses(names, database->privileges);
	name_clauses(names, database->default_privileges);
	foreach(lc, database->schemas)
	{
		const Schema *schema = lfirst(lc);

		if (schema->state != STATE_CREATE)
			continue;
		name_it(names, schema->owner);
		name_clauses(names, schema->privileges);
	}
}

/* What is itself declared as absent names nobody. */
static PlanMap *
referenced_roles(const Cluster *cluster)
{
	PlanMap    *names = plan_map_new();
	ListCell   *lc;

	foreach(lc, cluster->roles)
	{
		if (((Role *) lfirst(lc))->state == STATE_CREATE)
			name_groups(names, lfirst(lc));
	}
	foreach(lc, cluster->databases)
	{
		if (((Database *) lfirst(lc))->state != STATE_ABSENT)
			name_owners(names, lfirst(lc));
	}
	foreach(lc, cluster->default_schemas)
		name_it(names, ((Schema *) lfirst(lc))->owner);
	name_clauses(names, cluster->default_privileges);
	return names;
}

/*
 * plan_role_referenced
 *		Whether the declaration names a role without declaring it: as owner,
 *		group or grantee.  The authoritative policy does not drop such a role;
 *		it would have to be reported as missing the moment after.
 */
bool
plan_role_referenced(Planner *planner, const char *name)
{
	if (planner->referenced_roles == NULL)
		planner->referenced_roles = referenced_roles(planner->cluster);
	return plan_map_get(planner->referenced_roles, name) != NULL;
}

/* ---- databases ---- */

/* the same for databases: as template, and as the one that gets the defaults */
static bool
database_referenced(Planner *planner, const char *name)
{
	if (planner->referenced_databases == NULL)
	{
		ListCell   *lc;

		planner->referenced_databases = plan_map_new();
		name_it(planner->referenced_databases, planner->cluster->primary_db);
		foreach(lc, planner->cluster->databases)
		{
			const Database *want = lfirst(lc);

			if (want->state != STATE_ABSENT)
				name_it(planner->referenced_databases, want->template);
		}
	}
	return plan_map_get(planner->referenced_databases, name) != NULL;
}

/* indexes the databases that exist, and those remembered, by oid */
static void
index_databases(Planner *planner)
{
	ListCell   *lc;

	if (planner->database_names != NULL)
		return;
	planner->database_names = plan_map_new();
	planner->remembered_databases = plan_map_new();
	foreach(lc, planner->snapshot->databases)
	{
		const Database *database = lfirst(lc);

		plan_map_put(planner->database_names, psprintf("%u", database->oid),
					 database->name);
	}
	foreach(lc, plan_owned_of(planner, "database", NULL))
	{
		OwnedItem  *item = lfirst(lc);

		if (item->value != NULL)
			plan_map_put(planner->remembered_databases, item->value, item);
	}
}

static bool
is_declared(Planner *planner, const char *name)
{
	const Database *want = plan_map_get(planner->declared_databases, name);

	return want != NULL && want->state != STATE_ABSENT;
}

/*
 * plan_database_renamed
 *		The present name of a declared database that is missing because
 *		somebody renamed it (its remembered oid has another name now); NULL if
 *		that is not why.  It must neither be created empty beside its own data
 *		nor, under its new name, be taken for one that nobody declares.  Once
 *		the declaration has the new name too, both are what they say.
 */
const char *
plan_database_renamed(Planner *planner, const char *name)
{
	const OwnedItem *item = plan_owned(planner, "database", NULL, name, NULL);
	const char *present;

	if (item == NULL || item->value == NULL)
		return NULL;
	index_databases(planner);
	present = plan_map_get(planner->database_names, item->value);
	if (present == NULL || strcmp(present, name) == 0 ||
		plan_map_get(planner->declared_databases, present) != NULL)
		return NULL;
	return present;
}

/*
 * plan_database_is_extra
 *		Whether the authoritative policy drops a database: one that no
 *		declaration names, in whatever place or under an earlier name.
 *		Templates are outside its scope.
 */
bool
plan_database_is_extra(Planner *planner, const Database *now)
{
	const OwnedItem *item;

	if (!plan_authoritative(planner) || now->is_template ||
		plan_database_protected(planner, now) ||
		plan_map_get(planner->declared_databases, now->name) != NULL ||
		database_referenced(planner, now->name))
		return false;
	index_databases(planner);
	item = plan_map_get(planner->remembered_databases, psprintf("%u", now->oid));
	return item == NULL || strcmp(item->name, now->name) == 0 ||
		!is_declared(planner, item->name);
}

/* ---- inside a database ---- */

/* whether an extension of this database requires another one, over any number of steps */
static bool
requires(const LocalState *local, const Extension *extension, const char *name, int depth)
{
	ListCell   *lc;

	if (extension == NULL || depth > 16)
		return false;
	foreach(lc, extension->requires)
	{
		const char *required = lfirst(lc);

		if (strcmp(required, name) == 0 ||
			requires(local, model_find_extension(local->extensions, required), name,
					 depth + 1))
			return true;
	}
	return false;
}

/* pgops would drop its own declarations, and what of itself carries them */
static const char *
own_obstacle(Planner *planner, const Database *now, const char *kind, const char *name)
{
	bool		own = strcmp(name, "pgops") == 0 ||
	(strcmp(kind, "extension") == 0 && strcmp(name, "plpgsql") == 0);

	return own && plan_same(now->name, planner->input->cmdb_database) ?
		"pgops itself is made of it" : NULL;
}

/*
 * plan_local_obstacle
 *		Why a schema or extension cannot be dropped, palloc'd; NULL if nothing
 *		stands in the way.  "extensions": those desired in this database.  What
 *		is dropped goes with CASCADE, and a declared extension that went with
 *		it would come back without the columns of its types.
 */
const char *
plan_local_obstacle(Planner *planner, const Database *now, const char *kind,
					const char *name, List *extensions)
{
	const char *own = own_obstacle(planner, now, kind, name);
	bool		schema = strcmp(kind, "schema") == 0;
	ListCell   *lc;

	if (own != NULL)
		return own;
	foreach(lc, extensions)
	{
		Extension  *want = lfirst(lc);
		Extension  *have = model_find_extension(now->local->extensions, want->name);

		if (want->state == STATE_ABSENT || have == NULL)
			continue;
		if (schema && plan_same(have->schema, name))
			return psprintf("extension \"%s\", which is declared, is in it", want->name);
		if (!schema && strcmp(want->name, name) != 0 &&
			requires(now->local, have, name, 0))
			return psprintf("extension \"%s\", which is declared, requires it", want->name);
	}
	return NULL;
}
