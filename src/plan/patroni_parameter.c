/*
 * patroni_parameter.c
 *		Parameters of a server that Patroni runs: what its configuration says of
 *		them, what it would not let be said, and the change as part of a PATCH.
 *
 * Not for: when a parameter differs (plan_parameter.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/parameter.h"
#include "plan/patroni_parts.h"

static const char *const parameter_keys[] = {"postgresql", "parameters", NULL};

/* the entry of a parameter, whose letters' case does not count */
static const SpecEntry *
find_entry(const SpecNode *map, const char *name)
{
	ListCell   *cell;

	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	foreach(cell, map->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		if (pg_strcasecmp(entry->key, name) == 0)
			return entry;
	}
	return NULL;
}

const char *
patroni_parameter_said(const Planner *planner, const char *name)
{
	const SpecEntry *entry = find_entry(plan_patroni_value(planner, parameter_keys), name);

	return entry ? node_text(entry->value) : NULL;
}

const char *
patroni_parameter_value(const Planner *planner, const char *name)
{
	const char *said = patroni_parameter_said(planner, name);

	return said ? said : model_patroni_default(name);
}

/* whether Patroni will say who the synchronous standbys are */
static bool
is_synchronous(const Planner *planner)
{
	static const char *const keys[] = {"synchronous_mode", NULL};
	const SpecNode *want = planner->patroni->want;
	const SpecNode *mode = want ? node_get(want, keys[0]) : NULL;
	const char *text;
	bool		on;

	if (mode == NULL)
		mode = plan_patroni_value(planner, keys);
	text = mode ? node_text(mode) : NULL;
	return text != NULL && (strcmp(text, "quorum") == 0 || (parse_bool(text, &on) && on));
}

/*
 * How many standbys a value of synchronous_standby_names wants to confirm: the
 * number in "ANY 2 (*)", "FIRST 2 (a, b)", "2 (a, b)", else 1; 0: none.
 */
static int64
standbys_wanted(const char *value)
{
	const char *rest = value + strspn(value, " \t");

	if (*rest == '\0')
		return 0;
	if (pg_strncasecmp(rest, "ANY ", 4) == 0)
		rest += 4;
	else if (pg_strncasecmp(rest, "FIRST ", 6) == 0)
		rest += 6;
	rest += strspn(rest, " \t");
	return *rest >= '1' && *rest <= '9' && strchr(rest, '(') != NULL ?
		strtoll(rest, NULL, 10) : 1;
}

/* Writes that wait for standbys that there are not; pgops' own would wait, too, and could not take it back. */
static void
block_unconfirmed(const Planner *planner, const Setting *want, Action *action)
{
	int			members = planner->input->patroni->members;
	int64		wanted = standbys_wanted(want->value);

	if (members == 0 || wanted < members)
		return;
	planner->plan->look_ms = PLAN_LOOK_LATER_MS;
	action_block(action, ERRCODE_PGOPS_HA_NOT_READY,
				 "Start more replicas, or declare less; it is done when there are enough.",
				 "the cluster has %d member%s, of which " INT64_FORMAT " standby%s cannot confirm: all writes would wait",
				 members, members == 1 ? "" : "s", wanted, wanted == 1 ? "" : "s");
}

bool
patroni_parameter_refused(Planner *planner, const ServerSetting *now, const Setting *want,
						  Action *action)
{
	const char *least;

	/* what stands there by mistake may be taken away */
	if (want->value == NULL)
		return false;
	least = model_patroni_ignores(want->name, want->value);
	if (model_patroni_owns(want->name))
		action_block(action, ERRCODE_CANT_CHANGE_RUNTIME_PARAM,
					 "Take it out of the declaration; what is each member's own stands in its patroni.yml.",
					 "Patroni sets parameter \"%s\" itself%s%s", want->name,
					 now && now->running ? ", to " : "", now && now->running ? now->running : "");
	else if (pg_strcasecmp(want->name, "synchronous_standby_names") == 0 && is_synchronous(planner))
		action_block(action, ERRCODE_CANT_CHANGE_RUNTIME_PARAM,
					 "Take it out of the declaration, or declare pgops_dcs: {synchronous_mode: false}.",
					 "in synchronous mode Patroni sets parameter \"%s\" itself", want->name);
	else if (least != NULL)
		action_block(action, ERRCODE_INVALID_PARAMETER_VALUE,
					 psprintf("Declare at least %s.", least),
					 "Patroni ignores parameter \"%s\" of %s", want->name, want->value);
	else if (pg_strcasecmp(want->name, "synchronous_standby_names") == 0)
		block_unconfirmed(planner, want, action);
	return action->blocked != NULL;
}

/*
 * Patroni writes postgresql.conf a moment after the PATCH, so what the file says
 * yet does not count; but where file and server agree, as for a value that
 * the server works out for itself, nothing waits.
 */
static bool
is_waiting(const ServerSetting *now, const Setting *want)
{
	return parameter_needs_restart(now) && !parameter_same_value(now, want, now->running) &&
		(now->waits || !parameter_same_value(now, want, now->in_files));
}

/* what overrules the configuration on this member; NULL: nothing does.  *hint: what to do about it */
static const char *
overruling(const Planner *planner, const ServerSetting *now, const Setting *want, char **hint)
{
	if (now->in_auto != NULL && !parameter_same_value(now, want, now->in_auto))
	{
		*hint = psprintf("ALTER SYSTEM RESET %s, on each member that has it.",
						 plan_setting_name(want->name));
		return "was set by ALTER SYSTEM";
	}
	if (now->in_auto == NULL && now->in_files != NULL && planner->input->patroni->settled &&
		!now->waits && !model_patroni_is_shared(now->name) &&
		!parameter_same_value(now, want, now->in_files))
	{
		*hint = "Take it out of postgresql.parameters there and reload Patroni, on each member that has it.";
		return "stands in patroni.yml with another value";
	}
	return NULL;
}

void
patroni_parameter_in_effect(struct Parameters *parameters, const ServerSetting *now,
							const Setting *want)
{
	char	   *hint;
	const char *what = overruling(parameters->planner, now, want, &hint);
	Action	   *action;

	if (what != NULL && want->tuned)
		return;
	if (what != NULL)
	{
		action = action_door(parameters->planner, DOOR_NONE, "patroni.overridden", want->name,
							 NULL, NULL,
							 parameter_change_text(want->name,
												   now->in_auto ? now->in_auto : now->in_files,
												   want));
		action_block(action, ERRCODE_CANT_CHANGE_RUNTIME_PARAM, hint,
					 "parameter \"%s\" %s, which overrules Patroni's configuration on this member",
					 want->name, what);
	}
	else if (now->context != NULL && is_waiting(now, want))
		parameter_add_change(parameters, now, want, want->value, NULL)->waits = true;
}

void
patroni_parameter_note(Planner *planner, Action *action, const Setting *want)
{
	PatroniPlan *plan = planner->patroni;
	const SpecEntry *entry = find_entry(plan_patroni_value(planner, parameter_keys), want->name);

	node_map_set(plan->parameters, entry ? entry->key : want->name,
				 want->value ? model_patroni_value(want->value) : node_null());
	plan->reasons = lappend(plan->reasons, action->reason);
	plan->owned = list_concat(plan->owned, action->owned);
	planner->plan->actions = list_delete_ptr(planner->plan->actions, action);
}
