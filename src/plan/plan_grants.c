/*
 * plan_grants.c
 *		Which privileges on a database and on its schemas are declared, or
 *		follow from what is.
 *
 * Not for: comparing and granting them (plan_acl.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* the role that may create objects, where a cluster has it */
#define OBJECT_CREATOR	"dbrole_admin"

static List *
want(List *wants, bool is_grant, const char *grantee, const char *privilege,
	 bool grantable)
{
	AclWant    *unit = palloc(sizeof(AclWant));

	unit->is_grant = is_grant;
	unit->grantee = grantee;
	unit->privilege = privilege;
	unit->grantable = grantable;
	return lappend(wants, unit);
}

/* the same, if there is such a role: system users may be undeclared */
static List *
want_grant(Planner *planner, List *wants, const char *grantee,
		   const char *privilege, bool grantable)
{
	if (grantee == NULL || !plan_role_exists(planner, grantee))
		return wants;
	return want(wants, true, grantee, privilege, grantable);
}

/* whether the wants have the grant option of a privilege for a grantee already */
static bool
has_grantable(List *wants, const char *grantee, const char *privilege)
{
	ListCell   *lc;

	foreach(lc, wants)
	{
		AclWant    *unit = lfirst(lc);

		if (unit->is_grant && unit->grantable && plan_same(unit->grantee, grantee) &&
			strcmp(unit->privilege, privilege) == 0)
			return true;
	}
	return false;
}

/* revokeconn: only those who need it may connect, and owner and admin may let others in */
static List *
connect_wants(Planner *planner, const Database *declared, const Database *now, List *wants)
{
	Cluster    *cluster = planner->cluster;

	if (!(declared->set & DB_SET_REVOKECONN))
		return wants;
	if (!declared->revokeconn)
		return want(wants, true, NULL, "CONNECT", false);
	wants = want(wants, false, NULL, "CONNECT", false);
	if (declared->set & DB_SET_PRIVILEGES)
		return wants;
	wants = want_grant(planner, wants, cluster->admin_user, "CONNECT", true);
	if (!has_grantable(wants, now->owner, "CONNECT"))
		wants = want_grant(planner, wants, now->owner, "CONNECT", true);
	if (!has_grantable(wants, cluster->replication_user, "CONNECT"))
		wants = want_grant(planner, wants, cluster->replication_user, "CONNECT", false);
	if (!has_grantable(wants, cluster->monitor_user, "CONNECT"))
		wants = want_grant(planner, wants, cluster->monitor_user, "CONNECT", false);
	return wants;
}

/* A grantee that is missing blocks its own privilege alone. */
static void
missing_grantee(Planner *planner, const AclTarget *target, const DefaultPrivilege *clause,
				const char *name)
{
	if (plan_once(planner, psprintf("%s\001%s\001%s", target->on, clause->text, name)))
		action_block(action_door(planner, DOOR_NONE, psprintf("%s.grant", target->prefix),
								 target->name, target->database, NULL,
								 psprintf("declared: %s", clause->text)),
					 ERRCODE_UNDEFINED_OBJECT, "Declare the role, or remove the privilege.",
					 "role \"%s\" does not exist", name);
}

/* units of declared clauses */
static List *
clause_wants(Planner *planner, const AclTarget *target, List *clauses, List *wants)
{
	ListCell   *lc;
	ListCell   *lp;
	ListCell   *lg;

	foreach(lc, clauses)
	{
		const DefaultPrivilege *clause = lfirst(lc);

		foreach(lp, plan_clause_privileges(planner, clause))
		{
			foreach(lg, clause->grantees)
			{
				const char *name = lfirst(lg);

				if (name[0] != '\0' && !plan_role_exists(planner, name))
					missing_grantee(planner, target, clause, name);
				else
					wants = want(wants, clause->is_grant, name[0] == '\0' ? NULL : name,
								 lfirst(lp), clause->grant_option);
			}
		}
	}
	return wants;
}

/*
 * PUBLIC creates nothing: in no database, and in no schema public, unless it is
 * declared in so many words.
 */
static List *
want_no_public_create(List *wants)
{
	ListCell   *lc;

	foreach(lc, wants)
	{
		const AclWant *unit = lfirst(lc);

		if (unit->grantee == NULL && strcmp(unit->privilege, "CREATE") == 0)
			return wants;
	}
	return want(wants, false, NULL, "CREATE", false);
}

/* what follows from a declared database that does not say its privileges itself */
static List *
implied_wants(Planner *planner, const Database *declared, const Database *now, List *wants)
{
	wants = want_grant(planner, wants, OBJECT_CREATOR, "CREATE", false);
	if ((declared->set & DB_SET_OWNER) == 0)
		return wants;
	wants = want_grant(planner, wants, now->owner, "CREATE", false);
	wants = want_grant(planner, wants, now->owner, "TEMPORARY", false);
	if (!has_grantable(wants, now->owner, "CONNECT"))
		wants = want_grant(planner, wants, now->owner, "CONNECT", false);
	return wants;
}

/*
 * plan_database_grants
 *		Privileges on a declared database.
 */
void
plan_database_grants(Planner *planner, const Database *declared, Database *now)
{
	AclTarget	target = {
		.prefix = "database", .owned_kind = "database_grant",
		.on = psprintf("DATABASE %s", quote_identifier(now->name)),
		.name = now->name, .database = NULL, .owner = now->owner
	};
	List	   *wants = NIL;

	if (declared->set & DB_SET_PRIVILEGES)
		wants = clause_wants(planner, &target, declared->privileges, wants);
	wants = want_no_public_create(wants);
	wants = connect_wants(planner, declared, now, wants);
	if ((declared->set & DB_SET_PRIVILEGES) == 0)
		wants = implied_wants(planner, declared, now, wants);
	plan_acl(planner, &target, wants, &now->acl);
}

/*
 * What is wanted of one schema: what its entry says; else, of schema public
 * and where the database is declared or template1, that PUBLIC creates nothing.
 */
static List *
schema_wants(Planner *planner, const Database *now, const Schema *entry,
			 const AclTarget *target)
{
	bool		declared = plan_map_get(planner->declared_databases, now->name) != NULL;
	bool		own = entry != NULL && entry->state == STATE_CREATE &&
	(entry->set & SCHEMA_SET_PRIVILEGES);
	List	   *wants = NIL;

	if (own)
		wants = clause_wants(planner, target, entry->privileges, NIL);
	if (strcmp(target->name, "public") != 0 ||
		(!declared && strcmp(now->name, "template1") != 0))
		return wants;
	wants = want_no_public_create(wants);
	if (declared && !own)
		wants = want_grant(planner, wants, OBJECT_CREATOR, "CREATE", false);
	return wants;
}

/*
 * plan_schema_grants
 *		Privileges on the schemas of a database; "schemas" are those desired.
 *		A schema about which nothing is wanted or remembered is passed over.
 */
void
plan_schema_grants(Planner *planner, Database *now, List *schemas)
{
	bool		known = plan_map_get(planner->declared_databases, now->name) != NULL ||
	strcmp(now->name, "template1") == 0;
	ListCell   *lc;

	foreach(lc, now->local->schemas)
	{
		Schema	   *have = lfirst(lc);
		AclTarget	target = {
			.prefix = "schema", .owned_kind = "schema_grant",
			.on = psprintf("SCHEMA %s", quote_identifier(have->name)),
			.name = have->name, .database = now->name, .owner = have->owner
		};
		List	   *wants = schema_wants(planner, now, model_find_schema(schemas, have->name),
										 &target);

		if (wants != NIL ||
			(known && plan_owned_named(planner, "schema_grant", now->name, have->name) != NIL))
			plan_acl(planner, &target, wants, &have->acl);
	}
}
