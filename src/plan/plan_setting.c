/*
 * plan_setting.c
 *		Parameters of roles, databases, and roles in databases (ALTER ... SET).
 *
 * Declared ones are set, those declared as DEFAULT are reset, those that pgops
 * had set and that are no longer declared are reset; all others stay.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* names may be qualified: each part is quoted on its own */
char *
plan_setting_name(const char *name)
{
	const char *dot = strchr(name, '.');

	if (dot == NULL)
		return pstrdup(quote_identifier(name));
	return psprintf("%s.%s", quote_identifier(pnstrdup(name, dot - name)),
					plan_setting_name(dot + 1));
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
char *
plan_setting_value(const Setting *setting)
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

/*
 * Whether two values are one: the same text, or the same elements of a list.
 * SET ... FROM CURRENT keeps a list as a configuration file spells it.
 */
bool
plan_setting_same(const Setting *want, const Setting *have)
{
	ListCell   *lw;
	ListCell   *lh;

	if (plan_same(have->value, want->value))
		return true;
	if (want->elements == NIL || list_length(want->elements) != list_length(have->elements))
		return false;
	forboth(lw, want->elements, lh, have->elements)
	{
		if (strcmp(lfirst(lw), lfirst(lh)) != 0)
			return false;
	}
	return true;
}

/* "tail" is SQL: literals made by plan_setting_value(); NULL makes it a RESET. */
static Action *
setting_action(Planner *planner, const SettingTarget *target, const char *verb,
			   const char *name, const char *tail, char *reason)
{
	bool		is_set = tail != NULL;

	return action_sql(planner, psprintf("%s.%s", target->prefix, verb),
					  target->name, target->database,
					  psprintf("ALTER %s %s%s%s %s %s%s%s", target->object,
							   quote_identifier(target->name),
							   target->database ? " IN DATABASE " : "",
							   target->database ? quote_identifier(target->database) : "",
							   is_set ? "SET" : "RESET",
							   plan_setting_name(name), is_set ? " TO " : "",
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
	OwnedItem  *item = plan_owned(planner, target->prefix, target->database, target->name,
								  want->name);

	if (want->value == NULL && have != NULL)
	{
		action = setting_action(planner, target, "reset", want->name, NULL,
								psprintf("%s: %s -> DEFAULT", want->name, have->value));
		if (item != NULL)
			action_forget(action, item);
	}
	if (want->value == NULL)
		return;
	plan_want(planner, target->prefix, target->database, target->name, want->name);
	if (have != NULL && plan_setting_same(want, have))
		return;
	action = setting_action(planner, target, "set", want->name, plan_setting_value(want),
							psprintf("%s: %s -> %s", want->name,
									 have ? have->value : "DEFAULT", want->value));
	action_record(action, target->prefix, target->database, target->name, want->name, NULL);
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

/* ---- one role in one database ---- */

/* of a list, what is there for one database; NIL if nothing is */
static List *
settings_in(List *in_databases, const char *database)
{
	ListCell   *lc;

	foreach(lc, in_databases)
	{
		const RoleInDatabase *place = lfirst(lc);

		if (strcmp(place->database, database) == 0)
			return place->settings;
	}
	return NIL;
}

/* a database that is not there blocks these settings, not the role's others */
static void
in_missing_database(Planner *planner, const Role *want, const RoleInDatabase *place)
{
	action_block(action_door(planner, DOOR_NONE, "role_in_database.set", want->name, NULL,
							 NULL, psprintf("settings in database %s", place->database)),
				 ERRCODE_UNDEFINED_DATABASE, "Declare the database, or remove the settings.",
				 "database \"%s\" does not exist", place->database);
}

/* remembered settings in databases that the declaration does not name any more */
static void
in_databases_undo(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->input->owned)
	{
		OwnedItem  *item = lfirst(lc);
		SettingTarget target = {"ROLE", item->kind, item->name, item->database};
		Role	   *want;
		Role	   *now;

		if (strcmp(item->kind, "role_in_database") != 0 || plan_wanted(planner, item))
			continue;
		want = plan_role_declared(planner, item->name);
		now = plan_role_now(planner, item->name);
		if (now == NULL)
			plan_forget(planner, item);
		else if (want != NULL && plan_database_now(planner, item->database) != NULL)
			setting_undo(planner, &target, item,
						 settings_in(now->in_databases, item->database),
						 settings_in(want->in_databases, item->database));
	}
}

/*
 * plan_roles_in_databases
 *		Parameters of roles in single databases, which all exist by now.
 */
void
plan_roles_in_databases(Planner *planner)
{
	ListCell   *lc;
	ListCell   *lp;

	foreach(lc, planner->cluster->roles)
	{
		Role	   *want = lfirst(lc);
		Role	   *now = plan_role_now(planner, want->name);

		if (want->state != STATE_CREATE || now == NULL)
			continue;
		foreach(lp, want->in_databases)
		{
			const RoleInDatabase *place = lfirst(lp);
			SettingTarget target = {"ROLE", "role_in_database", want->name, place->database};

			if (plan_database_now(planner, place->database) == NULL)
				in_missing_database(planner, want, place);
			else
				plan_settings(planner, &target, place->settings,
							  settings_in(now->in_databases, place->database));
		}
	}
	in_databases_undo(planner);
}
