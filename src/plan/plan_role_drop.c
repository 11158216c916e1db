/*
 * plan_role_drop.c
 *		Removing roles: a visible sequence of steps.
 *
 * No login, sessions ended, objects handed over and privileges dropped in each
 * database where there are any, memberships revoked, then the role.  The steps are a
 * sequence: DROP OWNED after a REASSIGN OWNED that failed would destroy the
 * role's objects, so the first failure ends it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* ---- memberships by the other end ---- */

/* indexes all memberships, when the first role is to be dropped */
static void
index_memberships(Planner *planner)
{
	ListCell   *lc;

	if (planner->members_of != NULL)
		return;
	planner->members_of = plan_map_new();
	planner->granted_by = plan_map_new();
	foreach(lc, planner->snapshot->roles)
	{
		Role	   *role = lfirst(lc);
		ListCell   *lm;

		foreach(lm, role->memberships)
		{
			Membership *membership = lfirst(lm);

			plan_map_put(planner->members_of, membership->role,
						 lappend(plan_map_get(planner->members_of, membership->role),
								 membership));
			if (membership->grantor != NULL)
				plan_map_put(planner->granted_by, membership->grantor,
							 lappend(plan_map_get(planner->granted_by, membership->grantor),
									 membership));
		}
	}
}

/*
 * GRANTED BY as soon as the server knows it: without it only the grant of the
 * bootstrap superuser would go, and the role could not be dropped.
 */
static void
revoke_membership(Planner *planner, const char *dropped, const Membership *membership)
{
	bool		by = planner->snapshot->server_major >= 16 && membership->grantor != NULL;

	/* a grant may be met from both of its ends */
	if (!plan_once(planner, psprintf("revoke\001%s\001%s\001%s", membership->role,
									 membership->member,
									 by ? membership->grantor : "")))
		return;
	action_sql(planner, "role.revoke_membership", dropped, NULL,
			   psprintf("REVOKE %s FROM %s%s%s", quote_identifier(membership->role),
						quote_identifier(membership->member), by ? " GRANTED BY " : "",
						by ? quote_identifier(membership->grantor) : ""),
			   psprintf("%s is a member of %s", membership->member, membership->role));
}

/*
 * Those that the role granted come first: since PostgreSQL 16 they depend on
 * its own admin option.
 */
static void
revoke_memberships(Planner *planner, const Role *role)
{
	ListCell   *lc;

	index_memberships(planner);
	if (planner->snapshot->server_major >= 16)
	{
		foreach(lc, (List *) plan_map_get(planner->granted_by, role->name))
			revoke_membership(planner, role->name, lfirst(lc));
	}
	foreach(lc, (List *) plan_map_get(planner->members_of, role->name))
		revoke_membership(planner, role->name, lfirst(lc));
	foreach(lc, role->memberships)
		revoke_membership(planner, role->name, lfirst(lc));
}

/* ---- the steps ---- */

/*
 * Hands over and drops in one database; NULL: in the one pgops is connected to.
 * Two steps rather than one statement: each is logged, and the second, which
 * destroys what is left, is only reached when the first has left nothing but
 * privileges.
 */
static void
release_in(Planner *planner, const Role *role, const char *database)
{
	const char *heir = quote_identifier(planner->snapshot->bootstrap_superuser);
	const char *name = quote_identifier(role->name);

	action_sql(planner, "role.reassign", role->name, database,
			   psprintf("REASSIGN OWNED BY %s TO %s", name, heir),
			   psprintf("objects go to %s", heir));
	action_sql(planner, "role.drop_owned", role->name, database,
			   psprintf("DROP OWNED BY %s", name), pstrdup("privileges are dropped"));
}

/*
 * Where nothing depends on the role there is nothing to release: with ten
 * thousand roles and a thousand databases, two steps for each pair would be a
 * plan that nobody can hold, let alone read.  Of a database that this plan
 * creates nothing is known yet; its template may hold something.
 */
static bool
may_have_dependents(Planner *planner, const Role *role, const Database *database)
{
	return !planner->snapshot->dependents_known || !OidIsValid(database->oid) ||
		plan_has_name(role->databases, database->name);
}

/*
 * The first time also does what belongs to the whole server: databases and
 * tablespaces of the role, and privileges on others.  The workers that do the
 * rest side by side would get in each other's way there.
 */
static void
release_in_databases(Planner *planner, const Role *role)
{
	ListCell   *lc;

	release_in(planner, role, NULL);
	foreach(lc, planner->database_list)
	{
		Database   *database = lfirst(lc);

		if (!database->invalid && strcmp(database->name, "template0") != 0 &&
			!plan_same(database->name, planner->input->cmdb_database) &&
			may_have_dependents(planner, role, database))
			release_in(planner, role, database->name);
	}
}

/*
 * What is remembered of the role goes with it, when the role is dropped: a role of
 * the same name that somebody makes later is not pgops' own.
 */
static void
forget_role(Planner *planner, Action *action, const Role *role)
{
	static const char *const kinds[] = {"role", "role_setting", "membership"};

	for (int i = 0; i < lengthof(kinds); i++)
	{
		ListCell   *lc;

		foreach(lc, plan_owned_named(planner, kinds[i], NULL, role->name))
			action_forget(action, lfirst(lc));
	}
}

/*
 * NOLOGIN is committed before the sessions end, or they would be back at once.
 * All of it is one sequence: blocked together, and ended by the first failure.
 */
static void
role_drop(Planner *planner, const Role *role, const char *rule, const char *reason)
{
	const char *name = quote_identifier(role->name);

	plan_sequence_begin(planner);
	if (role->flags[ROLE_LOGIN])
		action_sql(planner, "role.nologin", role->name, NULL,
				   psprintf("ALTER ROLE %s NOLOGIN", name), pstrdup("login: true -> false"));
	action_sql(planner, "role.sessions", role->name, NULL,
			   psprintf("SELECT pg_catalog.pg_terminate_backend(pid, 5000) "
						"FROM pg_catalog.pg_stat_activity "
						"WHERE usename = %s AND pid <> pg_catalog.pg_backend_pid()",
						quote_literal_cstr(role->name)),
			   pstrdup("its sessions end"));
	release_in_databases(planner, role);
	revoke_memberships(planner, role);
	forget_role(planner,
				action_sql(planner, rule, role->name, NULL,
						   psprintf("DROP ROLE %s", name), pstrdup(reason)),
				role);
	plan_sequence_end(planner);
}

/* A role that does not exist, never did, or is gone already needs no step. */
static void
role_absent(Planner *planner, const Role *want)
{
	Role	   *role = snapshot_role(planner->snapshot, want->name);

	if (role == NULL)
		return;
	if (plan_role_protected(planner, role->name))
		action_block(action_sql(planner, "role.drop", role->name, NULL,
								psprintf("DROP ROLE %s", quote_identifier(role->name)),
								pstrdup("absent")),
					 ERRCODE_PGOPS_PROTECTED, "Remove its entry from the declaration.",
					 "role \"%s\" is never dropped", role->name);
	else
		role_drop(planner, role, "role.drop", "absent");
}

/* roles that are not declared, by policy */
static void
roles_undeclared(Planner *planner, PlanMap *named)
{
	ListCell   *lc;

	if (plan_authoritative(planner))
	{
		foreach(lc, planner->snapshot->roles)
		{
			Role	   *role = lfirst(lc);

			if (plan_map_get(named, role->name) == NULL &&
				!plan_role_protected(planner, role->name) &&
				!plan_role_referenced(planner, role->name))
				role_drop(planner, role, "role.drop_extra", "not declared");
		}
	}
	foreach(lc, plan_owned_of(planner, "role", NULL))
	{
		OwnedItem  *item = lfirst(lc);

		if (plan_wanted(planner, item))
			continue;
		if (!plan_role_exists(planner, item->name))
			plan_forget(planner, item);
		else if (plan_map_get(named, item->name) == NULL &&
				 !plan_role_protected(planner, item->name) &&
				 (!plan_authoritative(planner) ||
				  plan_role_referenced(planner, item->name)))
			action_orphan(planner, "role.orphan", item->name, NULL);
	}
}

/*
 * plan_drops_roles
 *		Whether a plan may remove roles, so that the planner must know where
 *		something depends on them (observe_dependents()).
 */
bool
plan_drops_roles(const Cluster *cluster, ServerState *snapshot)
{
	ListCell   *lc;

	if (cluster->policy == POLICY_AUTHORITATIVE)
		return true;
	foreach(lc, cluster->roles)
	{
		Role	   *want = lfirst(lc);

		if (want->state == STATE_ABSENT && snapshot_role(snapshot, want->name) != NULL)
			return true;
	}
	return false;
}

/* roles declared as absent, and those that are not declared, by policy */
void
plan_role_drops(Planner *planner)
{
	PlanMap    *named = plan_map_new();
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);

		plan_map_put(named, want->name, want);
		if (want->state == STATE_ABSENT)
			role_absent(planner, want);
	}
	roles_undeclared(planner, named);
}
