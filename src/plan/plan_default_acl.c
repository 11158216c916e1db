/*
 * plan_default_acl.c
 *		Default privileges of one database.
 *
 * pg_default_privileges holds for what the bootstrap superuser, the admin
 * user, dbrole_admin and the database's owner will create.  The server keeps
 * no row where the ACL is the built-in one, so a missing row is compared as
 * that.  What one statement changes is remembered privilege by privilege, each
 * with the statement that undoes it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

#define OBJECT_CREATOR	"dbrole_admin"

/* the privileges of an object type, what its owner has and PUBLIC gets built in */
typedef struct TypePrivilege
{
	char		objtype;
	const char *privilege;
	int			min_major;
	bool		to_public;
} TypePrivilege;

static const TypePrivilege type_privileges[] = {
	{'r', "INSERT", 15, false},
	{'r', "SELECT", 15, false},
	{'r', "UPDATE", 15, false},
	{'r', "DELETE", 15, false},
	{'r', "TRUNCATE", 15, false},
	{'r', "REFERENCES", 15, false},
	{'r', "TRIGGER", 15, false},
	{'r', "MAINTAIN", 17, false},
	{'S', "USAGE", 15, false},
	{'S', "SELECT", 15, false},
	{'S', "UPDATE", 15, false},
	{'f', "EXECUTE", 15, true},
	{'T', "USAGE", 15, true},
	{'n', "USAGE", 15, false},
	{'n', "CREATE", 15, false},
	{'L', "SELECT", 18, false},
	{'L', "UPDATE", 18, false},
};

typedef struct TypeKeyword
{
	char		objtype;
	const char *keyword;
} TypeKeyword;

static const TypeKeyword type_keywords[] = {
	{'r', "TABLES"},
	{'S', "SEQUENCES"},
	{'f', "FUNCTIONS"},
	{'T', "TYPES"},
	{'n', "SCHEMAS"},
	{'L', "LARGE OBJECTS"},
};

/* what is being planned: one role's default privileges in one database */
typedef struct DefaultTarget
{
	Planner    *planner;
	Database   *now;
	const char *role;
} DefaultTarget;

static const char *
type_keyword(char objtype)
{
	for (int i = 0; i < lengthof(type_keywords); i++)
	{
		if (type_keywords[i].objtype == objtype)
			return type_keywords[i].keyword;
	}
	return "TABLES";
}

static bool
server_has(Planner *planner, char objtype, const char *privilege)
{
	for (int i = 0; i < lengthof(type_privileges); i++)
	{
		const TypePrivilege *type = &type_privileges[i];

		if (type->objtype == objtype && strcmp(type->privilege, privilege) == 0)
			return planner->snapshot->server_major >= type->min_major;
	}
	return false;
}

/* the privileges of a declaration, ALL spelled out for this server version */
static List *
expand_privileges(Planner *planner, const DefaultPrivilege *declared)
{
	List	   *result = NIL;

	if (list_length(declared->privileges) != 1 ||
		strcmp(linitial(declared->privileges), "ALL") != 0)
		return declared->privileges;
	for (int i = 0; i < lengthof(type_privileges); i++)
	{
		const TypePrivilege *type = &type_privileges[i];

		if (type->objtype == declared->objtype &&
			planner->snapshot->server_major >= type->min_major)
			result = lappend(result, unconstify(char *, type->privilege));
	}
	return result;
}

/* the ACL that holds without any row: the owner has all, PUBLIC what is built in */
static List *
built_in_acl(Planner *planner, const char *role, char objtype)
{
	List	   *acl = NIL;

	for (int i = 0; i < lengthof(type_privileges); i++)
	{
		const TypePrivilege *type = &type_privileges[i];

		if (type->objtype != objtype || planner->snapshot->server_major < type->min_major)
			continue;
		acl = plan_acl_add(acl, role, role, type->privilege, false);
		if (type->to_public)
			acl = plan_acl_add(acl, NULL, role, type->privilege, false);
	}
	return acl;
}

/* the row of a role and object type, made up if the server has none */
static DefaultAcl *
default_acl(const DefaultTarget *target, char objtype)
{
	LocalState *local = target->now->local;
	DefaultAcl *row;
	ListCell   *lc;

	foreach(lc, local->default_acls)
	{
		row = lfirst(lc);
		if (row->schema == NULL && row->objtype == objtype &&
			strcmp(row->role, target->role) == 0)
			return row;
	}
	row = palloc0(sizeof(DefaultAcl));
	row->role = pstrdup(target->role);
	row->objtype = objtype;
	row->acl = built_in_acl(target->planner, target->role, objtype);
	local->default_acls = lappend(local->default_acls, row);
	return row;
}

/* ---- units: what is remembered ---- */

static char *
unit_text(bool is_grant, const char *privilege, char objtype, const char *grantee,
		  bool grantable)
{
	return psprintf("%s %s ON %s %s %s%s", is_grant ? "GRANT" : "REVOKE", privilege,
					type_keyword(objtype), is_grant ? "TO" : "FROM", plan_grantee(grantee),
					is_grant && grantable ? " WITH GRANT OPTION" : "");
}

static char *
unit_undo(const DefaultTarget *target, bool is_grant, const char *privilege,
		  char objtype, const char *grantee)
{
	return psprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s %s",
					quote_identifier(target->role),
					unit_text(!is_grant, privilege, objtype, grantee, false));
}

/* ---- undo ---- */

/* the entry that a remembered unit names, and its row; NULL if there is none */
static AclEntry *
entry_of_unit(const DefaultTarget *target, const OwnedItem *item, bool is_grant,
			  DefaultAcl **row)
{
	for (int i = 0; i < lengthof(type_keywords); i++)
	{
		ListCell   *lc;

		/* only the type that the unit is about */
		if (strstr(item->attribute, psprintf(" ON %s ", type_keywords[i].keyword)) == NULL)
			continue;
		*row = default_acl(target, type_keywords[i].objtype);
		foreach(lc, (*row)->acl)
		{
			AclEntry   *entry = lfirst(lc);

			if (strcmp(item->attribute, unit_text(is_grant, entry->privilege, (*row)->objtype,
												  entry->grantee, false)) == 0 ||
				(is_grant && strcmp(item->attribute,
									unit_text(true, entry->privilege, (*row)->objtype,
											  entry->grantee, true)) == 0))
				return entry;
		}
	}
	return NULL;
}

/* what pgops set in this database and nobody declares any more */
static void
default_undo(Planner *planner, Database *now)
{
	ListCell   *lc;

	foreach(lc, plan_owned_of(planner, "default_privilege", now->name))
	{
		OwnedItem  *item = lfirst(lc);
		DefaultTarget target = {planner, now, item->name};
		bool		is_grant = strncmp(item->attribute, "GRANT ", 6) == 0;
		DefaultAcl *row = NULL;
		AclEntry   *entry;

		if (plan_wanted(planner, item))
			continue;
		entry = plan_role_exists(planner, item->name) ?
			entry_of_unit(&target, item, is_grant, &row) : NULL;
		if (item->value == NULL || !plan_role_exists(planner, item->name) ||
			(entry != NULL) != is_grant)
		{
			plan_forget(planner, item);
			continue;
		}
		action_forget(action_sql(planner, "default_privilege.undo", item->name, now->name,
								 pstrdup(item->value),
								 psprintf("no longer declared: %s", item->attribute)),
					  item);
		if (entry != NULL)
			row->acl = list_delete_ptr(row->acl, entry);
	}
}

/* ---- declared ones ---- */

/* whether grantee and server know what is declared; said once for the cluster */
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
						   type_keyword(declared->objtype), planner->snapshot->server_major);
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

static void
add_name(StringInfo list, List **names, const char *name, const char *shown)
{
	ListCell   *lc;

	foreach(lc, *names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return;
	}
	*names = lappend(*names, pstrdup(name));
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", shown);
}

/* the state that the planned statement makes, and what is remembered of it */
static void
default_assume(const DefaultTarget *target, const DefaultPrivilege *declared,
			   DefaultAcl *row, const char *privilege, const char *grantee,
			   Action *action)
{
	AclEntry   *entry = plan_acl_find(row->acl, grantee, privilege);

	action_record(action, "default_privilege", target->now->name, target->role,
				  unit_text(declared->is_grant, privilege, declared->objtype, grantee,
							declared->grant_option),
				  unit_undo(target, declared->is_grant, privilege, declared->objtype,
							grantee));
	if (declared->is_grant)
		row->acl = plan_acl_add(row->acl, grantee, target->role, privilege,
								declared->grant_option);
	else if (entry != NULL)
		row->acl = list_delete_ptr(row->acl, entry);
}

/*
 * A clone brings the default privileges of its template along: they are pgops'
 * to undo in the clone, too.
 */
static void
default_inherited(const DefaultTarget *target, const DefaultPrivilege *declared,
				  const char *privilege, const char *grantee)
{
	if (target->now->local->assumed && !plan_same(grantee, target->role))
		plan_adopt(target->planner, "default_privilege", target->now->name, target->role,
				   unit_text(declared->is_grant, privilege, declared->objtype, grantee,
							 declared->grant_option), true,
				   unit_undo(target, declared->is_grant, privilege, declared->objtype,
							 grantee));
}

/* one declared default privilege: at most one statement */
static void
default_declared(const DefaultTarget *target, const DefaultPrivilege *declared)
{
	Planner    *planner = target->planner;
	DefaultAcl *row = default_acl(target, declared->objtype);
	List	   *expanded = expand_privileges(planner, declared);
	List	   *privilege_names = NIL;
	List	   *grantee_names = NIL;
	StringInfoData privileges;
	StringInfoData grantees;
	Action	   *action = NULL;

	initStringInfo(&privileges);
	initStringInfo(&grantees);
	for (int pass = 0; pass < 2; pass++)
	{
		ListCell   *lp;

		/* first find what is missing, then make the statement and assume it */
		if (pass == 1 && privilege_names == NIL)
			break;
		if (pass == 1)
			action = action_sql(planner, "default_privilege.set", target->role,
								target->now->name,
								psprintf("ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s ON %s %s %s%s",
										 quote_identifier(target->role),
										 declared->is_grant ? "GRANT" : "REVOKE",
										 privileges.data, type_keyword(declared->objtype),
										 declared->is_grant ? "TO" : "FROM", grantees.data,
										 declared->is_grant && declared->grant_option ?
										 " WITH GRANT OPTION" : ""),
								psprintf("%s: %s", declared->is_grant ? "missing" : "extra",
										 declared->text));
		foreach(lp, expanded)
		{
			const char *privilege = lfirst(lp);
			ListCell   *lg;

			foreach(lg, declared->grantees)
			{
				const char *name = lfirst(lg);
				const char *grantee = name[0] == '\0' ? NULL : name;

				if (!can_be_set(planner, declared, privilege, name))
					continue;
				if (pass == 0)
					plan_want(planner, "default_privilege", target->now->name, target->role,
							  unit_text(declared->is_grant, privilege, declared->objtype,
										grantee, declared->grant_option));
				if (is_satisfied(target, declared, row, privilege, grantee))
				{
					if (pass == 0)
						default_inherited(target, declared, privilege, grantee);
					continue;
				}
				if (pass == 1)
				{
					default_assume(target, declared, row, privilege, grantee, action);
					continue;
				}
				add_name(&privileges, &privilege_names, privilege, privilege);
				add_name(&grantees, &grantee_names, name, plan_grantee(grantee));
			}
		}
	}
}

static List *
add_role(List *roles, const char *name)
{
	ListCell   *lc;

	if (name == NULL)
		return roles;
	foreach(lc, roles)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return roles;
	}
	return lappend(roles, pstrdup(name));
}

/* the roles whose future objects the declared default privileges are about */
List *
plan_default_privilege_roles(const Cluster *cluster, const char *owner)
{
	List	   *roles = NIL;

	roles = add_role(roles, cluster->dbsu);
	roles = add_role(roles, cluster->admin_user);
	roles = add_role(roles, OBJECT_CREATOR);
	return add_role(roles, owner);
}

/* default privileges of one database */
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
		foreach(lp, planner->cluster->default_privileges)
			default_declared(&target, lfirst(lp));
	}
	default_undo(planner, now);
}
