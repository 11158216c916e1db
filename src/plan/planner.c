/*
 * planner.c
 *		Lookups of one planning: what is declared, what will exist when an
 *		action runs, what pgops remembers.
 *
 * Every lookup is by hash: a cluster may have ten thousand roles and a
 * thousand databases.  Not for: deciding anything but what is protected.
 */
#include "postgres.h"

#include "plan/planner.h"

/* marks a key as present in a map that is used as a set */
static char present[] = "";

/* whether two names are equal, either of which may be NULL */
bool
plan_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* whether a short list of char * has a name */
bool
plan_has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/* the declared role that is to exist, or NULL */
Role *
plan_role_declared(Planner *planner, const char *name)
{
	return plan_map_get(planner->declared_roles, name);
}

/*
 * The role as it will be when the next action runs, or NULL; never a pg_* one.  It
 * may be changed: what an action will do to the role is what later ones find.
 */
Role *
plan_role_now(Planner *planner, const char *name)
{
	Role	   *role = plan_map_get(planner->created_roles, name);

	return role ? role : snapshot_role(planner->snapshot, name);
}

/*
 * plan_role_exists
 *		Whether a role will exist when the next action runs.  Roles are
 *		dropped at the end of a plan, so dropping needs no care here.
 */
bool
plan_role_exists(Planner *planner, const char *name)
{
	return plan_map_get(planner->created_roles, name) != NULL ||
		snapshot_role_exists(planner->snapshot, name);
}

/*
 * Roles outside every scope: never dropped, whatever is declared.  By oid what
 * initdb made, whatever it was renamed to, and by name those that backups,
 * monitoring and people's access depend on.
 */
bool
plan_role_protected(Planner *planner, const char *name)
{
	Cluster    *cluster = planner->cluster;
	Role	   *role = snapshot_role(planner->snapshot, name);

	return strncmp(name, "pg_", 3) == 0 ||
		(role != NULL && role->oid < PLAN_FIRST_ORDINARY_OID) ||
		plan_same(name, planner->snapshot->bootstrap_superuser) ||
		plan_same(name, cluster->dbsu) ||
		plan_same(name, cluster->replication_user) ||
		plan_same(name, cluster->monitor_user) ||
		plan_same(name, cluster->admin_user);
}

/* the database as it will be when the next action runs, or NULL */
Database *
plan_database_now(Planner *planner, const char *name)
{
	return plan_map_get(planner->databases, name);
}

/* a database exists from here on */
void
plan_database_add(Planner *planner, Database *database)
{
	plan_map_put(planner->databases, database->name, database);
	planner->database_list = lappend(planner->database_list, database);
}

/* a database is gone from here on */
void
plan_database_remove(Planner *planner, Database *database)
{
	plan_map_put(planner->databases, database->name, NULL);
	planner->database_list = list_delete_ptr(planner->database_list, database);
}

/*
 * Databases outside every scope: never dropped, whatever is declared.  postgres is
 * where tools connect that know no other name.
 */
bool
plan_database_protected(Planner *planner, const Database *database)
{
	return strcmp(database->name, "postgres") == 0 ||
		strcmp(database->name, "template0") == 0 ||
		strcmp(database->name, "template1") == 0 ||
		plan_same(database->name, planner->input->cmdb_database);
}

bool
plan_authoritative(const Planner *planner)
{
	return planner->cluster->policy == POLICY_AUTHORITATIVE;
}

/* true for the first time that "what" is asked for */
bool
plan_once(Planner *planner, const char *what)
{
	if (plan_map_get(planner->reported, what) != NULL)
		return false;
	plan_map_put(planner->reported, what, present);
	return true;
}

/*
 * Numbers are never used twice in a plan, so that a sequence can be continued
 * later (a recreated database's inside) and still be told from all others.
 */
void
plan_sequence_begin(Planner *planner)
{
	planner->sequence = ++planner->last_sequence;
}

void
plan_sequence_end(Planner *planner)
{
	planner->sequence = 0;
}

/*
 * The identity of an owned item as one string.  The separator cannot be part
 * of an identifier that anybody uses, and the map compares whole strings.
 */
static char *
owned_key(const char *kind, const char *database, const char *name,
		  const char *attribute)
{
	return psprintf("%s\001%s\001%s\001%s", kind, database ? database : "",
					name, attribute ? attribute : "");
}

static char *
owned_group(const char *kind, const char *database)
{
	return psprintf("%s\001%s", kind, database ? database : "");
}

/* an item that pgops remembers, or NULL */
OwnedItem *
plan_owned(Planner *planner, const char *kind, const char *database,
		   const char *name, const char *attribute)
{
	char	   *key = owned_key(kind, database, name, attribute);
	OwnedItem  *item = plan_map_get(planner->owned, key);

	pfree(key);
	return item;
}

/* all remembered items of a kind in a database (NULL: of the whole server) */
List *
plan_owned_of(Planner *planner, const char *kind, const char *database)
{
	return plan_map_get(planner->owned_of, owned_group(kind, database));
}

/* those of one object */
List *
plan_owned_named(Planner *planner, const char *kind, const char *database,
				 const char *name)
{
	return plan_map_get(planner->owned_of, owned_key(kind, database, name, NULL));
}

/*
 * The declaration still names this item: it is not undone.  Called for everything
 * declared, whether or not it differs.
 */
void
plan_want(Planner *planner, const char *kind, const char *database,
		  const char *name, const char *attribute)
{
	char	   *key = owned_key(kind, database, name, attribute);

	/* only a remembered item is ever asked for */
	if (plan_map_get(planner->owned, key) != NULL)
		plan_map_put(planner->wanted, key, present);
	pfree(key);
}

/*
 * Only meaningful when everything that could name the item has been planned: what
 * is undone comes after what is declared, in each part.
 */
bool
plan_wanted(Planner *planner, const OwnedItem *item)
{
	return plan_map_get(planner->wanted,
						owned_key(item->kind, item->database, item->name,
								  item->attribute)) != NULL;
}

/* fills the maps from the input */
static void
planner_load(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *role = lfirst(lc);

		if (role->state == STATE_CREATE)
			plan_map_put(planner->declared_roles, role->name, role);
	}
	foreach(lc, planner->cluster->databases)
	{
		Database   *database = lfirst(lc);

		plan_map_put(planner->declared_databases, database->name, database);
	}
	foreach(lc, planner->snapshot->databases)
		plan_database_add(planner, lfirst(lc));
	foreach(lc, planner->input->owned)
	{
		OwnedItem  *item = lfirst(lc);
		char	   *group = owned_group(item->kind, item->database);
		char	   *object = owned_key(item->kind, item->database, item->name, NULL);

		plan_map_put(planner->owned,
					 owned_key(item->kind, item->database, item->name, item->attribute),
					 item);
		plan_map_put(planner->owned_of, group,
					 lappend(plan_map_get(planner->owned_of, group), item));
		plan_map_put(planner->owned_of, object,
					 lappend(plan_map_get(planner->owned_of, object), item));
	}
}

/*
 * planner_new
 *		The state of one planning, in the current memory context.
 */
Planner *
planner_new(PlanInput *input)
{
	Planner    *planner = palloc0(sizeof(Planner));

	planner->input = input;
	planner->cluster = input->cluster;
	planner->snapshot = input->snapshot;
	planner->plan = palloc0(sizeof(ActionPlan));
	planner->declared_roles = plan_map_new();
	planner->declared_databases = plan_map_new();
	planner->created_roles = plan_map_new();
	planner->databases = plan_map_new();
	planner->owned = plan_map_new();
	planner->owned_of = plan_map_new();
	planner->wanted = plan_map_new();
	planner->reported = plan_map_new();
	planner->sequences = plan_map_new();
	planner->insides = plan_map_new();
	planner_load(planner);
	return planner;
}
