/*
 * plan_setting.c
 *		Parameters of roles and databases (ALTER ... SET).
 *
 * Declared ones are set, those declared as DEFAULT are reset, those that pgops
 * had set and that are no longer declared are reset; all others stay.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "plan/planner.h"

/* names may be qualified: each part is quoted on its own */
static char *
quote_setting(const char *name)
{
	const char *dot = strchr(name, '.');

	if (dot == NULL)
		return pstrdup(quote_identifier(name));
	return psprintf("%s.%s", quote_identifier(pnstrdup(name, dot - name)),
					quote_setting(dot + 1));
}

/*
 * Server and declaration may differ in the case of a name (TimeZone): the server
 * stores the name as its own table spells it.
 */
static Setting *
find_setting(List *settings, const char *name)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		Setting    *setting = lfirst(lc);

		if (pg_strcasecmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/*
 * The value as SQL.  A list parameter is given element by element: one literal
 * with commas in it would be one element.
 */
static char *
setting_value(const Setting *setting)
{
	StringInfoData sql;
	ListCell   *lc;

	if (setting->elements == NIL)
		return quote_literal_cstr(setting->value);
	initStringInfo(&sql);
	foreach(lc, setting->elements)
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "",
						 quote_literal_cstr(lfirst(lc)));
	return sql.data;
}

/* "tail" is SQL: literals made by setting_value(); NULL makes it a RESET. */
static Action *
setting_action(Planner *planner, const SettingTarget *target, const char *verb,
			   const char *name, const char *tail, char *reason)
{
	bool		is_set = tail != NULL;

	return action_sql(planner, psprintf("%s.%s", target->prefix, verb),
					  target->name, NULL,
					  psprintf("ALTER %s %s %s %s%s%s", target->object,
							   quote_identifier(target->name), is_set ? "SET" : "RESET",
							   quote_setting(name), is_set ? " TO " : "",
							   is_set ? tail : ""),
					  reason);
}

/*
 * Values are compared as the server stores them: the model has brought the
 * declared one into that form.  DEFAULT means "not set here", whoever set it.
 */
static void
setting_declared(Planner *planner, const SettingTarget *target,
				 const Setting *want, const Setting *have)
{
	Action	   *action;
	OwnedItem  *item = plan_owned(planner, target->prefix, NULL, target->name, want->name);

	if (want->value == NULL && have != NULL)
	{
		action = setting_action(planner, target, "reset", want->name, NULL,
								psprintf("%s: %s -> DEFAULT", want->name, have->value));
		if (item != NULL)
			action_forget(action, item);
	}
	if (want->value == NULL)
		return;
	plan_want(planner, target->prefix, NULL, target->name, want->name);
	if (have != NULL && plan_same(have->value, want->value))
		return;
	action = setting_action(planner, target, "set", want->name, setting_value(want),
							psprintf("%s: %s -> %s", want->name,
									 have ? have->value : "DEFAULT", want->value));
	action_record(action, target->prefix, NULL, target->name, want->name, NULL);
}

/*
 * plan_settings
 *		Brings the parameters of one role or database to the declared ones.
 *		Remembered ones that are not declared any more are left to
 *		plan_settings_undo(), which sees all at once.
 */
void
plan_settings(Planner *planner, const SettingTarget *target, List *wanted, List *observed)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		Setting    *want = lfirst(lc);

		setting_declared(planner, target, want, find_setting(observed, want->name));
	}
}

/* a remembered parameter that the declaration does not name any more */
static void
setting_undo(Planner *planner, const SettingTarget *target, const OwnedItem *item,
			 List *observed, List *wanted)
{
	Setting    *have = find_setting(observed, item->attribute);

	/* declared as DEFAULT: reset already by plan_settings() */
	if (have == NULL || find_setting(wanted, item->attribute) != NULL)
	{
		if (have == NULL)
			plan_forget(planner, item);
		return;
	}
	action_forget(setting_action(planner, target, "undo", item->attribute, NULL,
								 psprintf("%s: %s -> DEFAULT", item->attribute,
										  have->value)),
				  item);
}

/*
 * plan_settings_undo
 *		Resets what pgops had set on declared roles (or databases) and is not
 *		declared any more.  Objects that are no longer declared keep what they
 *		have: they are reported as orphaned as a whole.
 */
void
plan_settings_undo(Planner *planner, bool roles)
{
	ListCell   *lc;

	foreach(lc, plan_owned_of(planner, roles ? "role_setting" : "database_setting", NULL))
	{
		OwnedItem  *item = lfirst(lc);
		SettingTarget target = {
			roles ? "ROLE" : "DATABASE", item->kind, item->name
		};

		if (plan_wanted(planner, item))
			continue;
		if (roles)
		{
			Role	   *want = plan_role_declared(planner, item->name);
			Role	   *now = plan_role_now(planner, item->name);

			if (now == NULL)
				plan_forget(planner, item);
			else if (want != NULL)
				setting_undo(planner, &target, item, now->settings, want->settings);
		}
		else
		{
			Database   *want = plan_map_get(planner->declared_databases, item->name);
			Database   *now = plan_database_now(planner, item->name);

			if (now == NULL)
				plan_forget(planner, item);
			else if (want != NULL && want->state != STATE_ABSENT)
				setting_undo(planner, &target, item, now->settings, want->settings);
		}
	}
}

/* parameters of all declared roles */
void
plan_role_settings(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *have = plan_role_now(planner, want->name);
		SettingTarget target = {"ROLE", "role_setting", want->name};

		if (want->state == STATE_CREATE && have != NULL)
			plan_settings(planner, &target, want->settings, have->settings);
	}
	plan_settings_undo(planner, true);
}
