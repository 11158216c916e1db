/*
 * plan_grants.c
 *		Which privileges on a database and on its schema public follow from a
 *		declaration.
 *
 * Not for: comparing and granting them (plan_acl.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

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
	wants = want_grant(planner, wants, cluster->admin_user, "CONNECT", true);
	if (!has_grantable(wants, now->owner, "CONNECT"))
		wants = want_grant(planner, wants, now->owner, "CONNECT", true);
	if (!has_grantable(wants, cluster->replication_user, "CONNECT"))
		wants = want_grant(planner, wants, cluster->replication_user, "CONNECT", false);
	if (!has_grantable(wants, cluster->monitor_user, "CONNECT"))
		wants = want_grant(planner, wants, cluster->monitor_user, "CONNECT", false);
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

	wants = want(wants, false, NULL, "CREATE", false);
	wants = connect_wants(planner, declared, now, wants);
	wants = want_grant(planner, wants, OBJECT_CREATOR, "CREATE", false);
	if (declared->set & DB_SET_OWNER)
	{
		wants = want_grant(planner, wants, now->owner, "CREATE", false);
		wants = want_grant(planner, wants, now->owner, "TEMPORARY", false);
		if (!has_grantable(wants, now->owner, "CONNECT"))
			wants = want_grant(planner, wants, now->owner, "CONNECT", false);
	}
	plan_acl(planner, &target, wants, &now->acl);
}

/*
 * plan_public_grants
 *		Privileges on schema public: of declared databases, and of template1,
 *		where only PUBLIC loses what it must not have.
 */
void
plan_public_grants(Planner *planner, Database *now, bool declared)
{
	Schema	   *public = model_find_schema(now->local->schemas, "public");
	AclTarget	target = {
		.prefix = "schema", .owned_kind = "schema_grant", .on = "SCHEMA public",
		.name = "public", .database = now->name
	};
	List	   *wants = NIL;

	if (public == NULL)
		return;
	target.owner = public->owner;
	wants = want(wants, false, NULL, "CREATE", false);
	if (declared)
		wants = want_grant(planner, wants, OBJECT_CREATOR, "CREATE", false);
	plan_acl(planner, &target, wants, &public->acl);
}
