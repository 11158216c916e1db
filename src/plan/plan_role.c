/*
 * plan_role.c
 *		Roles: created or altered in declared order, passwords and comments.
 *
 * Not for: memberships, parameters (plan_membership.c, plan_setting.c), and
 * dropping (plan_role_drop.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"
#include "secret.h"

static void
add_reason(StringInfo reason, const char *attribute, const char *old, const char *new)
{
	appendStringInfo(reason, "%s%s: %s -> %s", reason->len > 0 ? ", " : "",
					 attribute, old, new);
}

/*
 * As declared where it was declared, so that the statement shows what the
 * document says; observed dates in the log's time zone.
 */
static const char *
valid_until_text(const Role *role)
{
	if (role->valid_until_text != NULL)
		return role->valid_until_text;
	return TIMESTAMP_IS_NOEND(role->valid_until) ? "infinity" :
		pstrdup(timestamptz_to_str(role->valid_until));
}

/*
 * The bootstrap superuser keeps its powers whatever is declared: without them
 * nobody could repair the server.
 */
static bool
flag_is_fixed(Planner *planner, const Role *role, RoleFlag flag)
{
	return (flag == ROLE_SUPERUSER || flag == ROLE_LOGIN) &&
		plan_same(role->name, planner->snapshot->bootstrap_superuser);
}

/* ---- create ---- */

/*
 * The text is shown and logged; the verifier only takes the place of the mask in
 * the parse tree, see apply/.  Without a declared password the role gets none.
 */
static char *
create_statement(const Role *want)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE ROLE %s WITH", quote_identifier(want->name));

	/* as CREATE USER does it: a role that says nothing about LOGIN has it */
	if (!(want->set & ROLE_SET_FLAG(ROLE_LOGIN)))
		appendStringInfoString(&sql, " LOGIN");
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		if (want->set & ROLE_SET_FLAG(flag))
			appendStringInfo(&sql, " %s", want->flags[flag] ?
							 role_flag_names[flag].on : role_flag_names[flag].off);
	}
	if (want->set & ROLE_SET_CONNLIMIT)
		appendStringInfo(&sql, " CONNECTION LIMIT %d", want->connlimit);
	if ((want->set & ROLE_SET_PASSWORD) && want->password != NULL)
		appendStringInfo(&sql, " PASSWORD '%s'", SECRET_REDACTED);
	if (want->set & ROLE_SET_VALIDUNTIL)
		appendStringInfo(&sql, " VALID UNTIL %s",
						 quote_literal_cstr(valid_until_text(want)));
	return sql.data;
}

/*
 * Memberships, settings and comment follow as steps of their own, when all roles
 * are there: that is what lets roles name each other in any order.
 */
static void
role_create(Planner *planner, Role *want)
{
	Role	   *now = palloc0(sizeof(Role));
	Action	   *action = action_sql(planner, "role.create", want->name, NULL,
									create_statement(want), pstrdup("missing"));

	if (want->set & ROLE_SET_PASSWORD)
		action->password = want->password;
	action_record(action, "role", NULL, want->name, NULL, NULL);

	/* from here on it exists, with nothing granted to it */
	*now = *want;
	now->comment = NULL;
	now->settings = NIL;
	now->in_databases = NIL;
	now->memberships = NIL;
	plan_map_put(planner->created_roles, want->name, now);
}

/* ---- alter ---- */

static void
alter_flags(Planner *planner, const Role *want, const Role *have,
			StringInfo sql, StringInfo reason)
{
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		const RoleFlagName *name = &role_flag_names[flag];

		if (!(want->set & ROLE_SET_FLAG(flag)) ||
			want->flags[flag] == have->flags[flag] ||
			flag_is_fixed(planner, want, flag))
			continue;
		appendStringInfo(sql, " %s", want->flags[flag] ? name->on : name->off);
		add_reason(reason, name->field, have->flags[flag] ? "true" : "false",
				   want->flags[flag] ? "true" : "false");
	}
}

/*
 * One statement for all attributes that differ: a role is never seen half-way
 * between two declarations.
 */
static void
role_alter(Planner *planner, const Role *want, const Role *have)
{
	StringInfoData sql;
	StringInfoData reason;

	initStringInfo(&sql);
	initStringInfo(&reason);
	alter_flags(planner, want, have, &sql, &reason);
	if ((want->set & ROLE_SET_CONNLIMIT) && want->connlimit != have->connlimit)
	{
		appendStringInfo(&sql, " CONNECTION LIMIT %d", want->connlimit);
		add_reason(&reason, "connlimit", psprintf("%d", have->connlimit),
				   psprintf("%d", want->connlimit));
	}
	if ((want->set & ROLE_SET_VALIDUNTIL) && want->valid_until != have->valid_until)
	{
		appendStringInfo(&sql, " VALID UNTIL %s",
						 quote_literal_cstr(valid_until_text(want)));
		add_reason(&reason, "valid until", valid_until_text(have), valid_until_text(want));
	}
	if (sql.len > 0)
		action_sql(planner, "role.alter", want->name, NULL,
				   psprintf("ALTER ROLE %s WITH%s", quote_identifier(want->name), sql.data),
				   reason.data);
	else
	{
		/* most roles need nothing, and there may be very many */
		pfree(sql.data);
		pfree(reason.data);
	}
}

/* a password's change is a step of its own: its reason never shows a verifier */
static void
role_password(Planner *planner, const Role *want, const Role *have)
{
	Action	   *action;

	if (!(want->set & ROLE_SET_PASSWORD) || plan_same(want->password, have->password))
		return;
	if (want->password == NULL)
	{
		action_sql(planner, "role.password", want->name, NULL,
				   psprintf("ALTER ROLE %s PASSWORD NULL", quote_identifier(want->name)),
				   pstrdup("password: removed"));
		return;
	}
	action = action_sql(planner, "role.password", want->name, NULL,
						psprintf("ALTER ROLE %s PASSWORD '%s'",
								 quote_identifier(want->name), SECRET_REDACTED),
						pstrdup(have->password ? "password: changed" : "password: set"));
	action->password = want->password;
}

/* a password by reference that could not be read: the role keeps what it has */
static void
role_unread(Planner *planner, const Role *want)
{
	if (want->password_problem != NULL)
		action_block(action_sql(planner, "role.password", want->name, NULL,
								psprintf("ALTER ROLE %s PASSWORD '%s'",
										 quote_identifier(want->name), SECRET_REDACTED),
								pstrdup("password: by reference")),
					 ERRCODE_PGOPS_SECRET_UNREAD, want->password_hint,
					 "%s", want->password_problem);
}

/*
 * A declaration that would take SUPERUSER or LOGIN from the bootstrap
 * superuser is reported rather than dropped silently.
 */
static void
role_fixed(Planner *planner, const Role *want, const Role *have)
{
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		const RoleFlagName *name = &role_flag_names[flag];

		if ((want->set & ROLE_SET_FLAG(flag)) &&
			want->flags[flag] != have->flags[flag] &&
			flag_is_fixed(planner, want, flag))
			action_block(action_sql(planner, "role.alter", want->name, NULL,
									psprintf("ALTER ROLE %s WITH %s",
											 quote_identifier(want->name),
											 want->flags[flag] ? name->on : name->off),
									psprintf("%s: %s -> %s", name->field,
											 have->flags[flag] ? "true" : "false",
											 want->flags[flag] ? "true" : "false")),
						 ERRCODE_PGOPS_PROTECTED, NULL,
						 "%s of the bootstrap superuser is not changed", name->on);
	}
}

/*
 * A role that pgops created was created with CREATE ROLE's defaults for what
 * the declaration does not say, so these defaults are what it stands for: a
 * SUPERUSER that somebody adds later is a difference, and so is what an earlier
 * declaration said and this one does not.  The undeclared
 * attributes of a role that was found are its owner's affair.
 */
static void
complete_created(Planner *planner, Role *want)
{
	const OwnedItem *owned = plan_owned(planner, "role", NULL, want->name, NULL);

	if (owned == NULL || !owned->created)
		return;
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		if (!(want->set & ROLE_SET_FLAG(flag)))
			want->flags[flag] = role_flag_names[flag].default_value;
		want->set |= ROLE_SET_FLAG(flag);
	}
	if (!(want->set & ROLE_SET_CONNLIMIT))
		want->connlimit = -1;
	if (!(want->set & ROLE_SET_VALIDUNTIL))
		want->valid_until = DT_NOEND;
	want->set |= ROLE_SET_CONNLIMIT | ROLE_SET_VALIDUNTIL;
}

/*
 * Roles that must exist are created or altered, in declared order, system users
 * and the bootstrap superuser like all others.
 */
void
plan_roles(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *have;

		if (want->state != STATE_CREATE)
			continue;
		plan_want(planner, "role", NULL, want->name, NULL);
		have = plan_role_now(planner, want->name);
		if (have == NULL)
		{
			role_create(planner, want);
			role_unread(planner, want);
			continue;
		}
		plan_adopt(planner, "role", NULL, want->name, NULL);
		complete_created(planner, want);
		role_alter(planner, want, have);
		role_fixed(planner, want, have);
		role_password(planner, want, have);
		role_unread(planner, want);
	}
}

/* declared comments that differ */
void
plan_role_comments(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *have = plan_role_now(planner, want->name);

		if (want->state != STATE_CREATE || have == NULL ||
			!(want->set & ROLE_SET_COMMENT) || plan_same(want->comment, have->comment))
			continue;
		action_sql(planner, "role.comment", want->name, NULL,
				   psprintf("COMMENT ON ROLE %s IS %s", quote_identifier(want->name),
							want->comment ? quote_literal_cstr(want->comment) : "NULL"),
				   psprintf("comment: %s -> %s", have->comment ? have->comment : "none",
							want->comment ? want->comment : "none"));
	}
}
