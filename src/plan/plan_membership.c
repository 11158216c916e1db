/*
 * plan_membership.c
 *		Memberships, with their options and per grantor.
 *
 * Since PostgreSQL 16 a role can be a member of another by several grants,
 * one per grantor, each with its own options; grants by any superuser are
 * recorded as the bootstrap superuser's.  That one is pgops' to manage; one of
 * another grantor counts as membership and is left as it is, unless the
 * membership is declared as absent.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

#define PER_GRANTOR_MAJOR	16	/* also the first with SET and INHERIT */

/* one option of a membership, as data: where it is and what it is called */
typedef struct OptionName
{
	const char *keyword;
	size_t		offset;
	int			min_major;
} OptionName;

static const OptionName option_names[] = {
	{"ADMIN", offsetof(Membership, admin), 15},
	{"INHERIT", offsetof(Membership, inherit), PER_GRANTOR_MAJOR},
	{"SET", offsetof(Membership, set_option), PER_GRANTOR_MAJOR},
};

/*
 * The observed side has every option set on servers that have it, so unset means
 * "not declared" only on the wanted side.
 */
static Tri
option_of(const Membership *membership, const OptionName *name)
{
	return *(const Tri *) ((const char *) membership + name->offset);
}

static bool
has_grantors(Planner *planner)
{
	return planner->snapshot->server_major >= PER_GRANTOR_MAJOR;
}

/* whether a grant has every declared option that this server knows */
static bool
options_match(Planner *planner, const Membership *want, const Membership *have)
{
	for (int i = 0; i < lengthof(option_names); i++)
	{
		const OptionName *name = &option_names[i];

		if (planner->snapshot->server_major >= name->min_major &&
			option_of(want, name) != TRI_UNSET &&
			option_of(want, name) != option_of(have, name))
			return false;
	}
	return true;
}

/*
 * The grant to compare with: the bootstrap superuser's own one; else another
 * one, preferably one that satisfies the declaration.
 */
static Membership *
find_grant(Planner *planner, List *grants, const Membership *want)
{
	Membership *found = NULL;
	ListCell   *lc;

	foreach(lc, grants)
	{
		Membership *have = lfirst(lc);

		if (strcmp(have->role, want->role) != 0)
			continue;
		if (!has_grantors(planner) ||
			plan_same(have->grantor, planner->snapshot->bootstrap_superuser))
			return have;
		if (found == NULL || options_match(planner, want, have))
			found = have;
	}
	return found;
}

/*
 * Whether all grants of a membership together give what is declared: what one
 * of them allows is allowed.  So a role that 16's CREATEROLE made, with ADMIN
 * by the superuser and SET by its maker, is as "admin: true" declares it.
 */
static bool
grants_match(Planner *planner, List *grants, const Membership *want)
{
	Membership	all = *want;
	ListCell   *lc;

	all.admin = all.inherit = all.set_option = TRI_FALSE;
	foreach(lc, grants)
	{
		const Membership *have = lfirst(lc);

		if (strcmp(have->role, want->role) != 0)
			continue;
		all.admin = Max(all.admin, have->admin);
		all.inherit = Max(all.inherit, have->inherit);
		all.set_option = Max(all.set_option, have->set_option);
	}
	return options_match(planner, want, &all);
}

/* " WITH ADMIN TRUE, SET FALSE": the declared options that "have" lacks */
static char *
options_clause(Planner *planner, const Membership *want, const Membership *have,
			   StringInfo reason)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < lengthof(option_names); i++)
	{
		const OptionName *name = &option_names[i];
		Tri			value = option_of(want, name);

		if (value == TRI_UNSET || planner->snapshot->server_major < name->min_major ||
			(have != NULL && option_of(have, name) == value))
			continue;
		/* before 16 there is only WITH ADMIN OPTION, which cannot say FALSE */
		if (!has_grantors(planner) && value == TRI_FALSE)
			continue;
		appendStringInfo(&sql, "%s%s %s", sql.len > 0 ? ", " : " WITH ", name->keyword,
						 !has_grantors(planner) ? "OPTION" :
						 value == TRI_TRUE ? "TRUE" : "FALSE");
		if (have != NULL)
			appendStringInfo(reason, "%s%s option: %s -> %s", reason->len > 0 ? ", " : "",
							 name->keyword, value == TRI_TRUE ? "false" : "true",
							 value == TRI_TRUE ? "true" : "false");
	}
	return sql.data;
}

static char *
grant_statement(const Membership *want, const char *options)
{
	return psprintf("GRANT %s TO %s%s", quote_identifier(want->role),
					quote_identifier(want->member), options);
}

/* one grant is taken back, in the name of who made it */
static char *
revoke_statement(Planner *planner, const Membership *have)
{
	return psprintf("REVOKE %s FROM %s%s%s", quote_identifier(have->role),
					quote_identifier(have->member),
					has_grantors(planner) && have->grantor ? " GRANTED BY " : "",
					has_grantors(planner) && have->grantor ?
					quote_identifier(have->grantor) : "");
}

/*
 * In the name of the bootstrap superuser, whoever pgops' worker is: the server
 * records a superuser's grants so.  Undeclared options are left to the server,
 * whose default of INHERIT is the member's own attribute.
 */
static void
membership_grant(Planner *planner, Role *now, Membership *want)
{
	StringInfoData reason;
	Membership *granted = palloc(sizeof(Membership));
	Action	   *action;

	initStringInfo(&reason);
	action = action_sql(planner, "membership.grant", want->member, NULL,
						grant_statement(want, options_clause(planner, want, NULL, &reason)),
						psprintf("missing: member of %s", want->role));
	action_record(action, "membership", NULL, want->member, want->role, NULL);
	*granted = *want;
	granted->grantor = planner->snapshot->bootstrap_superuser;
	now->memberships = lappend(now->memberships, granted);
}

/* the grant is there, its options differ */
static void
membership_options(Planner *planner, Role *now, Membership *want, Membership *have)
{
	StringInfoData reason;
	char	   *statement;

	/* another's grant is left alone: a new one of our own needs every option */
	if (has_grantors(planner) &&
		!plan_same(have->grantor, planner->snapshot->bootstrap_superuser))
	{
		membership_grant(planner, now, want);
		return;
	}
	initStringInfo(&reason);
	if (!has_grantors(planner) && want->admin == TRI_FALSE)
	{
		statement = psprintf("REVOKE ADMIN OPTION FOR %s FROM %s",
							 quote_identifier(want->role),
							 quote_identifier(want->member));
		appendStringInfoString(&reason, "ADMIN option: true -> false");
	}
	else
		statement = grant_statement(want, options_clause(planner, want, have, &reason));
	action_record(action_sql(planner, "membership.options", want->member, NULL, statement,
							 psprintf("member of %s, %s", want->role, reason.data)),
				  "membership", NULL, want->member, want->role, NULL);
}

/*
 * Options that this server does not have, said rather than dropped silently: a
 * declared "inherit: false" that does nothing is a privilege too many.
 */
static void
membership_unsupported(Planner *planner, Membership *want)
{
	for (int i = 0; i < lengthof(option_names); i++)
	{
		const OptionName *name = &option_names[i];
		Tri			value = option_of(want, name);

		if (value == TRI_UNSET || planner->snapshot->server_major >= name->min_major)
			continue;
		action_block(action_sql(planner, "membership.unsupported", want->member, NULL,
								psprintf("GRANT %s TO %s WITH %s %s",
										 quote_identifier(want->role),
										 quote_identifier(want->member), name->keyword,
										 value == TRI_TRUE ? "TRUE" : "FALSE"),
								psprintf("member of %s, %s option: declared %s", want->role,
										 name->keyword, value == TRI_TRUE ? "true" : "false")),
					 ERRCODE_PGOPS_NOT_SUPPORTED,
					 psprintf("Remove the option, or upgrade the server to PostgreSQL %d.",
							  name->min_major),
					 "not supported before PostgreSQL %d", name->min_major);
	}
}

/* A group that is missing blocks this membership alone. */
static void
membership_declared(Planner *planner, Role *now, Membership *want)
{
	Membership *have = find_grant(planner, now->memberships, want);

	plan_want(planner, "membership", NULL, want->member, want->role);
	if (!plan_role_exists(planner, want->role))
	{
		action_block(action_sql(planner, "membership.grant", want->member, NULL,
								grant_statement(want, ""),
								psprintf("missing: member of %s", want->role)),
					 ERRCODE_UNDEFINED_OBJECT, "Declare the role, or remove the membership.",
					 "role \"%s\" does not exist", want->role);
		return;
	}
	if (have == NULL)
		membership_grant(planner, now, want);
	else if (!options_match(planner, want, have) &&
			 !grants_match(planner, now->memberships, want))
		membership_options(planner, now, want, have);
	membership_unsupported(planner, want);
}

/*
 * Every grant of this membership is revoked, whoever made it: with one of several
 * left, the member would still be one.
 */
static void
membership_revoke(Planner *planner, Role *now, const char *group, const char *rule,
				  const char *reason, const OwnedItem *item)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, now->memberships)
	{
		Membership *have = lfirst(lc);
		Action	   *action;

		if (strcmp(have->role, group) != 0)
		{
			kept = lappend(kept, have);
			continue;
		}
		action = action_sql(planner, rule, have->member, NULL,
							revoke_statement(planner, have),
							psprintf("%s: member of %s", reason, group));
		if (item != NULL)
			action_forget(action, item);
	}
	now->memberships = kept;
}

/*
 * What pgops granted and nobody declares any more.  Only the bootstrap superuser's
 * own grant is taken back: a second grant by somebody else is that person's.  Of a
 * role that is not declared at all the memberships stay, as the role does.
 */
static void
memberships_undo(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, plan_owned_of(planner, "membership", NULL))
	{
		OwnedItem  *item = lfirst(lc);
		Role	   *now = plan_role_now(planner, item->name);
		Membership	probe = {.role = item->attribute, .member = item->name,
			.admin = TRI_UNSET, .set_option = TRI_UNSET, .inherit = TRI_UNSET
		};
		Membership *have;

		if (plan_wanted(planner, item))
			continue;
		have = now ? find_grant(planner, now->memberships, &probe) : NULL;
		if (have == NULL || (has_grantors(planner) &&
							 !plan_same(have->grantor,
										planner->snapshot->bootstrap_superuser)))
			plan_forget(planner, item);
		else if (plan_role_declared(planner, item->name) != NULL)
		{
			action_forget(action_sql(planner, "membership.undo", item->name, NULL,
									 revoke_statement(planner, have),
									 psprintf("no longer declared: member of %s", have->role)),
						  item);
			now->memberships = list_delete_ptr(now->memberships, have);
		}
	}
}

static bool
names_group(List *memberships, const char *group)
{
	ListCell   *lc;

	foreach(lc, memberships)
	{
		if (strcmp(((Membership *) lfirst(lc))->role, group) == 0)
			return true;
	}
	return false;
}

/*
 * The authoritative policy: only declared memberships of declared roles.  A
 * role has few groups, and there are many roles: no map is made for each.
 */
static void
memberships_extra(Planner *planner, Role *want, Role *now)
{
	List	   *observed = list_copy(now->memberships);
	ListCell   *lc;

	foreach(lc, observed)
	{
		Membership *have = lfirst(lc);

		if (!names_group(want->memberships, have->role))
			membership_revoke(planner, now, have->role, "membership.extra", "extra",
							  plan_owned(planner, "membership", NULL, have->member,
										 have->role));
	}
}

/*
 * One that is declared as absent is revoked even if pgops never granted it: that
 * is what absent says, unlike leaving it out.
 */
static void
memberships_of_role(Planner *planner, Role *want, Role *now)
{
	ListCell   *lc;

	foreach(lc, want->memberships)
	{
		Membership *membership = lfirst(lc);

		if (membership->state == STATE_CREATE)
			membership_declared(planner, now, membership);
		else
			membership_revoke(planner, now, membership->role, "membership.revoke", "absent",
							  plan_owned(planner, "membership", NULL,
										 membership->member, membership->role));
	}
}

/*
 * plan_memberships
 *		Memberships of all declared roles; all roles exist by now.
 */
void
plan_memberships(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *now = plan_role_now(planner, want->name);

		if (want->state == STATE_CREATE && now != NULL)
			memberships_of_role(planner, want, now);
	}
	memberships_undo(planner);
	if (!plan_authoritative(planner))
		return;
	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *now = plan_role_now(planner, want->name);

		if (want->state == STATE_CREATE && now != NULL &&
			!plan_same(want->name, planner->snapshot->bootstrap_superuser))
			memberships_extra(planner, want, now);
	}
}
