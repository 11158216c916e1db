/*
 * plan_default_acl.c
 *		Default privileges of one database.
 *
 * pg_default_privileges holds for what the bootstrap superuser, the admin
 * user, dbrole_admin and the database's owner will create; a database's own
 * default_privileges for the roles and schemas that they name.  The server keeps
 * no row where the ACL is the built-in one, so a missing row is compared as
 * that.  What one statement changes is remembered privilege by privilege, each
 * with the statement that undoes it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/default_unit.h"
#include "plan/planner.h"
#include "spec/default_privilege.h"

#define OBJECT_CREATOR	"dbrole_admin"

/* what is being planned: one role's default privileges in one database */
typedef struct DefaultTarget
{
	Planner    *planner;
	Database   *now;
	const char *role;
	const char *schema;			/* NULL: all */
	bool		remembered;		/* pgops set something here before */
} DefaultTarget;

/*
 * Types of objects and privileges came with versions: large objects have default
 * privileges since 18, MAINTAIN exists since 17.
 */
static bool
server_has(Planner *planner, char objtype, const char *privilege)
{
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		if (type->objtype == objtype && strcmp(type->privilege, privilege) == 0)
			return planner->snapshot->server_major >= type->min_major;
	}
	return false;
}

/*
 * The privileges of a declaration, ALL spelled out for this server version; it
 * stays ALL where the server has no default privileges on such objects.
 */
List *
plan_clause_privileges(Planner *planner, const DefaultPrivilege *declared)
{
	List	   *result = NIL;

	if (list_length(declared->privileges) != 1 ||
		strcmp(linitial(declared->privileges), "ALL") != 0)
		return declared->privileges;
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		if (type->objtype == declared->objtype &&
			planner->snapshot->server_major >= type->min_major)
			result = lappend(result, unconstify(char *, type->privilege));
	}
	return result != NIL ? result : declared->privileges;
}

/* the ACL that holds without any row: the owner has all, PUBLIC what is built in */
static List *
built_in_acl(Planner *planner, const char *role, char objtype)
{
	List	   *acl = NIL;

	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		if (type->objtype != objtype || planner->snapshot->server_major < type->min_major)
			continue;
		acl = plan_acl_add(acl, role, role, type->privilege, false);
		if (type->to_public)
			acl = plan_acl_add(acl, NULL, role, type->privilege, false);
	}
	return acl;
}

/*
 * The row of a role, schema and object type, made up if the server has none.
 * That of a single schema only adds to the one of all schemas, so it begins
 * empty.
 */
static DefaultAcl *
default_acl(const DefaultTarget *target, char objtype)
{
	LocalState *local = target->now->local;
	DefaultAcl *row;
	ListCell   *lc;

	foreach(lc, local->default_acls)
	{
		row = lfirst(lc);
		if (plan_same(row->schema, target->schema) && row->objtype == objtype &&
			strcmp(row->role, target->role) == 0)
			return row;
	}
	row = palloc0(sizeof(DefaultAcl));
	row->role = pstrdup(target->role);
	row->objtype = objtype;
	if (target->schema == NULL)
		row->acl = built_in_acl(target->planner, target->role, objtype);
	else
		row->schema = pstrdup(target->schema);
	local->default_acls = lappend(local->default_acls, row);
	return row;
}

/* ---- units: what is remembered ---- */

/*
 * The whole statement is stored, not made again later: by then the role may have
 * left the declaration that says which roles are meant.
 */
static char *
unit_undo(const DefaultTarget *target, bool is_grant, const char *privilege,
		  char objtype, const char *grantee)
{
	return psprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s %s%s",
					quote_identifier(target->role), plan_default_unit_prefix(target->schema),
					plan_default_unit(!is_grant, privilege, objtype, grantee, false));
}

/* ---- undo ---- */

/* the entry of a row that a unit (without its schema) names, or NULL */
static AclEntry *
entry_in_row(const DefaultAcl *row, const char *clause, bool is_grant)
{
	ListCell   *lc;

	foreach(lc, row->acl)
	{
		AclEntry   *entry = lfirst(lc);

		if (strcmp(clause, plan_default_unit(is_grant, entry->privilege, row->objtype,
									 entry->grantee, false)) == 0 ||
			(is_grant && strcmp(clause, plan_default_unit(true, entry->privilege, row->objtype,
												  entry->grantee, true)) == 0))
			return entry;
	}
	return NULL;
}

/* the entry that a remembered unit names, and its row; NULL if there is none */
static AclEntry *
entry_of_unit(const DefaultTarget *target, const OwnedItem *item, bool is_grant,
			  DefaultAcl **row)
{
	const char *clause = plan_default_unit_clause(item->attribute);
	char		objtype = plan_default_unit_objtype(clause);
	ListCell   *lc;

	if (objtype == 0)
		return NULL;
	if (clause == item->attribute)
	{
		*row = default_acl(target, objtype);
		return entry_in_row(*row, clause, is_grant);
	}
	foreach(lc, target->now->local->default_acls)
	{
		const char *prefix;

		*row = lfirst(lc);
		prefix = plan_default_unit_prefix((*row)->schema);
		if ((*row)->schema != NULL && (*row)->objtype == objtype &&
			strcmp((*row)->role, target->role) == 0 &&
			strncmp(item->attribute, prefix, clause - item->attribute) == 0 &&
			strlen(prefix) == clause - item->attribute)
			return entry_in_row(*row, clause, is_grant);
	}
	return NULL;
}

/*
 * One remembered unit of this database, or of the template it was cloned from.
 * Forgotten without a statement where the server no longer has it, or where the
 * role or the grantee is gone: then there is nothing that could be undone.
 */
static void
undo_unit(Planner *planner, Database *now, OwnedItem *item)
{
	DefaultTarget target = {planner, now, item->name};
	bool		is_grant = strncmp(plan_default_unit_clause(item->attribute), "GRANT ", 6) == 0;
	bool		own = plan_same(item->database, now->name);
	DefaultAcl *row = NULL;
	AclEntry   *entry;
	Action	   *action;

	entry = plan_role_exists(planner, item->name) ?
		entry_of_unit(&target, item, is_grant, &row) : NULL;
	if (item->value == NULL || !plan_role_exists(planner, item->name) ||
		(entry != NULL) != is_grant || !plan_unit_undoable(planner, item))
	{
		if (own)
			plan_forget(planner, item);
		return;
	}
	action = action_sql(planner, "default_privilege.undo", item->name, now->name,
						pstrdup(item->value),
						psprintf("no longer declared: %s", item->attribute));
	if (own)
		action_forget(action, item);
	if (entry != NULL)
		row->acl = list_delete_ptr(row->acl, entry);
}

/*
 * What pgops set in this database and nobody declares any more.  A database
 * that pgops created brought the default privileges of template1 along; they
 * are remembered there only, and undone here at the same time.
 */
static void
default_undo(Planner *planner, Database *now)
{
	OwnedItem  *database = plan_owned(planner, "database", NULL, now->name, NULL);
	Database   *template1 = plan_database_now(planner, "template1");
	ListCell   *lc;

	foreach(lc, plan_owned_of(planner, "default_privilege", now->name))
	{
		if (!plan_wanted(planner, lfirst(lc)))
			undo_unit(planner, now, lfirst(lc));
	}

	/* what template1 wants is only known when its inside was planned */
	if (database == NULL || !database->created ||
		template1 == NULL || template1 == now || template1->local == NULL)
		return;
	foreach(lc, plan_owned_of(planner, "default_privilege", "template1"))
	{
		if (!plan_wanted(planner, lfirst(lc)))
			undo_unit(planner, now, lfirst(lc));
	}
}

/* ---- declared ones ---- */

/*
 * Whether grantee and server know what is declared; said once for the cluster and
 * not for each of a thousand databases.
 */
static bool
can_be_set(Planner *planner, const DefaultPrivilege *declared, const char *privilege,
		   const char *grantee)
{
	char	   *problem = NULL;
	int			sqlstate = ERRCODE_UNDEFINED_OBJECT;
	const char *hint = "Declare the role, or remove the default privilege.";

	if (grantee[0] != '\0' && !plan_role_exists(planner, grantee))
		problem = psprintf("role \"%s\" does not exist", grantee);
	else if (!server_has(planner, declared->objtype, privilege))
	{
		problem = psprintf("%s on %s is not supported by PostgreSQL %d", privilege,
						   default_privilege_keyword(declared->objtype),
						   planner->snapshot->server_major);
		sqlstate = ERRCODE_PGOPS_NOT_SUPPORTED;
		hint = "Remove the default privilege, or upgrade the server.";
	}
	if (problem == NULL)
		return true;
	if (plan_once(planner, psprintf("%s\001%s", declared->text, problem)))
		action_block(action_door(planner, DOOR_NONE, "default_privilege.unresolved",
								 planner->cluster->name, NULL,
								 psprintf("ALTER DEFAULT PRIVILEGES %s", declared->text),
								 pstrdup("declared")),
					 sqlstate, hint, "%s", problem);
	return false;
}

/* whether the row already is as one privilege of one grantee is declared */
static bool
is_satisfied(const DefaultTarget *target, const DefaultPrivilege *declared,
			 const DefaultAcl *row, const char *privilege, const char *grantee)
{
	AclEntry   *entry = plan_acl_find(row->acl, grantee, privilege);

	if (!declared->is_grant)
		return entry == NULL;
	return entry != NULL && (entry->grantable || !declared->grant_option ||
							 plan_same(grantee, target->role));
}

/* one privilege of one grantee; grantee NULL: PUBLIC */
typedef struct DefaultUnit
{
	const char *privilege;
	const char *grantee;
} DefaultUnit;

static char *
declared_unit(const DefaultTarget *target, const DefaultPrivilege *declared,
			  const DefaultUnit *unit)
{
	return psprintf("%s%s", plan_default_unit_prefix(target->schema),
					plan_default_unit(declared->is_grant, unit->privilege, declared->objtype,
							  unit->grantee, declared->grant_option));
}

/*
 * The units of a declaration that the server lacks.  All that it names are wanted,
 * also those that are there: wanting is what keeps them from being undone.
 */
static List *
missing_units(const DefaultTarget *target, const DefaultPrivilege *declared,
			  const DefaultAcl *row)
{
	Planner    *planner = target->planner;
	List	   *missing = NIL;
	ListCell   *lp;
	ListCell   *lg;

	foreach(lp, plan_clause_privileges(planner, declared))
	{
		foreach(lg, declared->grantees)
		{
			const char *name = lfirst(lg);
			DefaultUnit unit = {lfirst(lp), name[0] == '\0' ? NULL : name};

			if (!can_be_set(planner, declared, unit.privilege, name))
				continue;
			if (target->remembered)
				plan_want(planner, "default_privilege", target->now->name, target->role,
						  declared_unit(target, declared, &unit));
			if (!is_satisfied(target, declared, row, unit.privilege, unit.grantee))
				missing = lappend(missing, memcpy(palloc(sizeof(unit)), &unit, sizeof(unit)));
		}
	}
	return missing;
}

/* "a, b" of names that may come more than once */
static char *
join_names(List *names)
{
	StringInfoData joined;
	List	   *seen = NIL;
	ListCell   *lc;

	initStringInfo(&joined);
	foreach(lc, names)
	{
		const char *name = lfirst(lc);

		if (plan_has_name(seen, name))
			continue;
		seen = lappend(seen, lfirst(lc));
		appendStringInfo(&joined, "%s%s", joined.len > 0 ? ", " : "", name);
	}
	return joined.data;
}

/*
 * Privileges times grantees, from the units that are missing: where some of the
 * product is there already, granting it again changes nothing.
 */
static char *
set_statement(const DefaultTarget *target, const DefaultPrivilege *declared, List *missing)
{
	List	   *privileges = NIL;
	List	   *grantees = NIL;
	ListCell   *lc;

	foreach(lc, missing)
	{
		DefaultUnit *unit = lfirst(lc);

		privileges = lappend(privileges, unconstify(char *, unit->privilege));
		grantees = lappend(grantees, unconstify(char *, plan_grantee(unit->grantee)));
	}
	return psprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s %s%s %s ON %s %s %s%s",
					quote_identifier(target->role), plan_default_unit_prefix(target->schema),
					declared->is_grant ? "GRANT" : "REVOKE",
					join_names(privileges), default_privilege_keyword(declared->objtype),
					declared->is_grant ? "TO" : "FROM", join_names(grantees),
					declared->is_grant && declared->grant_option ?
					" WITH GRANT OPTION" : "");
}

/* one declared default privilege: at most one statement */
static void
default_declared(const DefaultTarget *target, const DefaultPrivilege *declared)
{
	DefaultAcl *row = default_acl(target, declared->objtype);
	List	   *missing = missing_units(target, declared, row);
	Action	   *action;
	ListCell   *lc;

	if (missing == NIL)
		return;
	action = action_sql(target->planner, "default_privilege.set", target->role,
						target->now->name, set_statement(target, declared, missing),
						psprintf("%s: %s", declared->is_grant ? "missing" : "extra",
								 declared->text));
	foreach(lc, missing)
	{
		DefaultUnit *unit = lfirst(lc);
		AclEntry   *entry = plan_acl_find(row->acl, unit->grantee, unit->privilege);

		action_record(action, "default_privilege", target->now->name, target->role,
					  declared_unit(target, declared, unit),
					  unit_undo(target, declared->is_grant, unit->privilege,
								declared->objtype, unit->grantee));
		if (declared->is_grant)
			row->acl = plan_acl_add(row->acl, unit->grantee, target->role,
									unit->privilege, declared->grant_option);
		else if (entry != NULL)
			row->acl = list_delete_ptr(row->acl, entry);
	}
}

/*
 * An owner is often one of the others; a second turn for it would find nothing to
 * do, but there may be a thousand databases.
 */
static List *
add_role(List *roles, const char *name)
{
	return name == NULL || plan_has_name(roles, name) ? roles :
		lappend(roles, pstrdup(name));
}

/*
 * The roles whose future objects the declared default privileges are about: those
 * that create objects in such a cluster.  Objects of anybody else have the
 * privileges that they give them.
 */
List *
plan_default_privilege_roles(const Cluster *cluster, const char *owner)
{
	List	   *roles = NIL;

	roles = add_role(roles, cluster->dbsu);
	roles = add_role(roles, cluster->admin_user);
	roles = add_role(roles, OBJECT_CREATOR);
	return add_role(roles, owner);
}

/* what is done for one declared default privilege of a database's own */
typedef void (*OwnDefault) (const DefaultTarget *target, const DefaultPrivilege *declared);

/* a role or schema that is not there blocks this clause alone */
static bool
own_target_exists(const DefaultTarget *target, const DefaultPrivilege *declared)
{
	Planner    *planner = target->planner;
	char	   *problem = NULL;

	if (!plan_role_exists(planner, target->role))
		problem = psprintf("role \"%s\" does not exist", target->role);
	else if (target->schema != NULL &&
			 model_find_schema(target->now->local->schemas, target->schema) == NULL)
		problem = psprintf("schema \"%s\" does not exist", target->schema);
	if (problem == NULL)
		return true;
	if (plan_once(planner, psprintf("%s\001%s\001%s", target->now->name, declared->text, problem)))
		action_block(action_door(planner, DOOR_NONE, "default_privilege.unresolved",
								 target->role, target->now->name,
								 psprintf("ALTER DEFAULT PRIVILEGES %s", declared->text),
								 pstrdup("declared")),
					 ERRCODE_UNDEFINED_OBJECT,
					 "Declare it, or remove the default privilege.", "%s", problem);
	return false;
}

/* calls "visit" for each role and schema that a clause of the database's own names */
static void
visit_own(Planner *planner, Database *now, OwnDefault visit)
{
	Database   *want = plan_map_get(planner->declared_databases, now->name);
	ListCell   *lc;
	ListCell   *lr;
	ListCell   *ls;

	foreach(lc, want && want->state != STATE_ABSENT ? want->default_privileges : NIL)
	{
		const DefaultPrivilege *declared = lfirst(lc);
		List	   *roles = declared->roles ? declared->roles :
			plan_default_privilege_roles(planner->cluster, now->owner);
		List	   *schemas = declared->schemas ? declared->schemas : list_make1(NULL);

		foreach(lr, roles)
		{
			foreach(ls, schemas)
			{
				DefaultTarget target = {planner, now, lfirst(lr), lfirst(ls)};

				target.remembered = plan_owned_named(planner, "default_privilege", now->name,
													 target.role) != NIL;
				visit(&target, declared);
			}
		}
	}
}

/* what is declared is not undone, though it is set only when its schemas are there */
static void
own_wanted(const DefaultTarget *target, const DefaultPrivilege *declared)
{
	ListCell   *lp;
	ListCell   *lg;

	foreach(lp, target->remembered ? plan_clause_privileges(target->planner, declared) : NIL)
	{
		foreach(lg, declared->grantees)
		{
			const char *name = lfirst(lg);
			DefaultUnit unit = {lfirst(lp), name[0] == '\0' ? NULL : name};

			plan_want(target->planner, "default_privilege", target->now->name, target->role,
					  declared_unit(target, declared, &unit));
		}
	}
}

static void
own_declared(const DefaultTarget *target, const DefaultPrivilege *declared)
{
	if (own_target_exists(target, declared))
		default_declared(target, declared);
}

/* those of the cluster, in one database; and what pgops once set there is undone */
void
plan_default_privileges(Planner *planner, Database *now)
{
	List	   *roles = plan_default_privilege_roles(planner->cluster, now->owner);
	ListCell   *lc;

	foreach(lc, roles)
	{
		DefaultTarget target = {planner, now, lfirst(lc)};
		ListCell   *lp;

		if (!plan_role_exists(planner, target.role))
			continue;
		target.remembered = plan_owned_named(planner, "default_privilege", now->name,
											 target.role) != NIL;
		foreach(lp, planner->cluster->default_privileges)
			default_declared(&target, lfirst(lp));
	}
	visit_own(planner, now, own_wanted);
	default_undo(planner, now);
}

/* those that the database declares for itself */
void
plan_own_default_privileges(Planner *planner, Database *now)
{
	visit_own(planner, now, own_declared);
}
