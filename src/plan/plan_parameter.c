/*
 * plan_parameter.c
 *		Parameters of the server: ALTER SYSTEM, the reload after it, and what
 *		waits for a restart.
 *
 * What is compared is what the configuration files say, not what runs: a
 * value that only a restart brings about is written once, and then reported
 * as waiting.  A parameter that the files give the declared value needs no
 * ALTER SYSTEM, whichever file it is.
 *
 * Each parameter is a step of its own: one that the server refuses does not
 * hold back the others.
 *
 * Not for: settings of roles and databases (plan_setting.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "errors.h"
#include "plan/planner.h"
#include "spec/catalogue.h"
#include "spec/spec.h"
#include "secret.h"

#define KIND	"parameter"

/* a standby that has less of these than its primary does not start */
static const char *const not_less_than_primary[] = {
	"max_connections", "max_worker_processes", "max_wal_senders",
	"max_prepared_transactions", "max_locks_per_transaction", NULL
};

/* ---- comparing values ---- */

/*
 * Whether the server reads two texts as the same value: "128MB" and 16384
 * (blocks), "on" and true.  What is not recognised as equal is set once, and has
 * the declared text from then on.
 */
static bool
same_number(const ServerSetting *setting, const char *a, const char *b)
{
	bool		on[2];
	int			integer[2];
	double		real[2];

	if (strcmp(setting->type, "bool") == 0)
		return parse_bool(a, &on[0]) && parse_bool(b, &on[1]) && on[0] == on[1];
	if (strcmp(setting->type, "integer") == 0)
		return parse_int(a, &integer[0], setting->flags, NULL) &&
			parse_int(b, &integer[1], setting->flags, NULL) && integer[0] == integer[1];
	if (strcmp(setting->type, "real") == 0)
		return parse_real(a, &real[0], setting->flags, NULL) &&
			parse_real(b, &real[1], setting->flags, NULL) && real[0] == real[1];
	if (strcmp(setting->type, "enum") == 0)
		return pg_strcasecmp(a, b) == 0;
	return false;
}

/* what a file says, in the form that declared settings have */
static Setting *
setting_in_file(const char *name, const char *value)
{
	Setting    *setting = palloc0(sizeof(Setting));

	setting->name = pstrdup(name);
	setting->value = pstrdup(value);
	if (!model_is_list_setting(name) ||
		!SplitGUCList(pstrdup(value), ',', &setting->elements))
		setting->elements = NIL;
	return setting;
}

static bool
same_value(const ServerSetting *now, const Setting *want, const char *have)
{
	if (have == NULL)
		return false;
	return same_number(now, want->value, have) ||
		plan_setting_same(want, setting_in_file(want->name, have));
}

/* what the server will have when it has read its files; NULL: they do not say */
static const char *
value_in_files(const ServerSetting *now)
{
	return now->in_auto != NULL ? now->in_auto : now->in_files;
}

/* whether the running value beats all files: they are not asked */
static bool
is_overridden(const ServerSetting *now)
{
	return now->source != NULL &&
		(strcmp(now->source, "command line") == 0 ||
		 strcmp(now->source, "environment variable") == 0);
}

static bool
needs_restart(const ServerSetting *now)
{
	return now->context != NULL && strcmp(now->context, "postmaster") == 0;
}

/* ---- what is shown ---- */

/* a value that nobody is to read in plans and logs: by its name, or a connection string with a password */
static bool
is_secret(const Setting *want)
{
	return catalogue_is_secret("pg_parameters", want->name) ||
		(want->value != NULL && strstr(want->value, "password") != NULL);
}

/* "setting: old -> new", as far as it may be shown */
static char *
change_text(const char *name, const char *from, const Setting *to)
{
	if (to->value != NULL && is_secret(to))
		return psprintf("%s: %s", name, from ? "another value" : "not set");
	return psprintf("%s: %s -> %s", name, from ? from : "DEFAULT",
					to->value ? to->value : "DEFAULT");
}

/* ---- the state of one planning ---- */

typedef struct Parameters
{
	Planner    *planner;
	bool		changes;		/* a step changes a file */
	StringInfoData waiting;		/* "name (old -> new), ..." that wait for a restart */
} Parameters;

/* a setting that will have its value after the next start only */
static void
note_waiting(Parameters *parameters, const ServerSetting *now, const Setting *want)
{
	appendStringInfo(&parameters->waiting, "%s%s", parameters->waiting.len > 0 ? ", " : "",
					 now->name);
	if (!is_secret(want))
		appendStringInfo(&parameters->waiting, " (%s -> %s)", now->running ? now->running : "",
						 want->value ? want->value : "DEFAULT");
}

/* ---- steps ---- */

/* ALTER SYSTEM SET or RESET (want->value NULL); the caller may still block it */
static Action *
alter_system(Parameters *parameters, const char *rule, const Setting *want, char *reason)
{
	bool		secret = want->value != NULL && is_secret(want);
	const char *name = plan_setting_name(want->name);
	Action	   *action;

	action = action_sql(parameters->planner, rule, want->name, NULL,
						want->value == NULL ? psprintf("ALTER SYSTEM RESET %s", name) :
						psprintf("ALTER SYSTEM SET %s TO %s", name,
								 secret ? quote_literal_cstr(SECRET_REDACTED) :
								 plan_setting_value(want)),
						reason);
	if (secret)
		action->password = want->value;
	return action;
}

/* Did you mean ...? */
static char *
nearest_hint(const ServerState *snapshot, const char *name)
{
	const char **names = palloc((list_length(snapshot->settings) + 1) * sizeof(char *));
	const char *nearest;
	int			count = 0;
	ListCell   *lc;

	foreach(lc, snapshot->settings)
	{
		const ServerSetting *now = lfirst(lc);

		if (now->context != NULL)
			names[count++] = now->name;
	}
	names[count] = NULL;
	nearest = spec_nearest(name, names);
	return nearest == NULL ?
		pstrdup("See pg_settings for the parameters of this server; those of an extension have a dot in their name.") :
		psprintf("Did you mean \"%s\"?", nearest);
}

/*
 * Taking away what keeps pgops running, or what a standby needs to start: the
 * server would not come back with it, and nobody could repair that by a
 * declaration.  "value": what will hold at the next start.
 */
static const char *
hazard(const Planner *planner, const ServerSetting *now, const Setting *value)
{
	ListCell   *lc;
	int			less;
	int			running;

	if (strcmp(now->name, "shared_preload_libraries") == 0)
	{
		foreach(lc, value->elements)
		{
			if (model_library_is_own(lfirst(lc)))
				return NULL;
		}
		return "pgops would be gone after the next start";
	}
	for (int i = 0; not_less_than_primary[i] != NULL; i++)
	{
		if (planner->snapshot->in_recovery &&
			strcmp(not_less_than_primary[i], now->name) == 0 &&
			parse_int(value->value, &less, now->flags, NULL) &&
			parse_int(now->running, &running, now->flags, NULL) && less < running)
			return "a standby does not start with less than its primary has";
	}
	return NULL;
}

/* what stands in the way of a step; true: it is blocked now */
static bool
blocked_by_server(Parameters *parameters, const ServerSetting *now, const Setting *want,
				  Action *action)
{
	Planner    *planner = parameters->planner;
	const ServerState *snapshot = planner->snapshot;
	const ServerSetting *allowed = snapshot_setting(snapshot, "allow_alter_system");
	char	   *hint = NULL;
	char	   *problem;

	if (allowed != NULL && plan_same(allowed->running, "off"))
		action_block(action, ERRCODE_FEATURE_NOT_SUPPORTED,
					 "Set allow_alter_system to on, or pgops.manage_settings to off.",
					 "ALTER SYSTEM is switched off on this server");
	else if (now == NULL && strchr(want->name, '.') == NULL)
		action_block(action, ERRCODE_UNDEFINED_OBJECT, nearest_hint(snapshot, want->name),
					 "this server has no parameter \"%s\"", want->name);
	else if (now != NULL && now->context != NULL &&
			 (strcmp(now->context, "internal") == 0 ||
			  (now->flags & (GUC_DISALLOW_IN_FILE | GUC_DISALLOW_IN_AUTO_FILE)) != 0))
		action_block(action, ERRCODE_CANT_CHANGE_RUNTIME_PARAM, NULL,
					 "parameter \"%s\" cannot be set by ALTER SYSTEM", want->name);
	else if (want->value != NULL && planner->input->setting_problem != NULL &&
			 (problem = planner->input->setting_problem(want, now != NULL && now->context != NULL,
														&hint)) != NULL)
		action_block(action, ERRCODE_INVALID_PARAMETER_VALUE, hint, "%s",
					 is_secret(want) ? "the server does not take the value" : problem);
	return action->blocked != NULL;
}

/* what cannot be overruled by a file is said, not tried */
static void
block_overridden(const ServerSetting *now, Action *action)
{
	action_block(action, ERRCODE_CANT_CHANGE_RUNTIME_PARAM,
				 "Take it out of there, or declare the value it has.",
				 "parameter \"%s\" is given by the %s, which no configuration file overrules",
				 now->name, now->source);
}

/* why a value is not to be taken lightly; "" where there is nothing to say */
static const char *
warning_text(const ServerSetting *now, const Setting *want)
{
	int			less;
	int			running;

	if (strcmp(now->name, "max_worker_processes") == 0 &&
		parse_int(want->value, &less, now->flags, NULL) &&
		parse_int(now->running, &running, now->flags, NULL) && less < running)
		return " (less than now: pgops' workers and jobs take slots of these)";
	return "";
}

/* the value that the files of this server do not have yet */
static void
parameter_set(Parameters *parameters, const ServerSetting *now, const Setting *want)
{
	const char *have = now ? value_in_files(now) : NULL;
	Action	   *action;
	const char *danger;

	action = alter_system(parameters, "parameter.set", want,
						  psprintf("%s%s", change_text(want->name, have, want),
								   now && now->context ? warning_text(now, want) : ""));
	if (blocked_by_server(parameters, now, want, action))
		return;
	if (now != NULL && is_overridden(now) && !same_value(now, want, now->running))
	{
		block_overridden(now, action);
		return;
	}
	if (now != NULL && now->context != NULL &&
		(danger = hazard(parameters->planner, now, want)) != NULL)
	{
		action_block(action, ERRCODE_PGOPS_PROTECTED, NULL, "%s", danger);
		return;
	}
	action_record(action, KIND, NULL, want->name, NULL, NULL);
	parameters->changes = true;
	if (now != NULL && needs_restart(now) && !same_value(now, want, now->running))
		note_waiting(parameters, now, want);
}

/* the files say what is declared; whether the server does is another question */
static void
parameter_in_effect(Parameters *parameters, const ServerSetting *now, const Setting *want)
{
	if (is_overridden(now) && !same_value(now, want, now->running))
		block_overridden(now, action_door(parameters->planner, DOOR_NONE,
										  "parameter.overridden", want->name, NULL, NULL,
										  change_text(want->name, now->running, want)));
	else if (needs_restart(now) && now->waits)
		note_waiting(parameters, now, want);
}

/*
 * ALTER SYSTEM RESET, for what is declared as DEFAULT and for what pgops had
 * set.  What holds then is what the other files say.
 */
static void
parameter_reset(Parameters *parameters, const char *rule, const ServerSetting *now,
				const OwnedItem *item)
{
	Setting		want = {now->name};
	const char *below = now->in_files ? now->in_files : now->boot;
	Action	   *action = alter_system(parameters, rule, &want,
									  change_text(now->name, is_secret(setting_in_file(now->name, now->in_auto)) ?
												  SECRET_MASK : now->in_auto, &want));
	const char *danger;

	if (blocked_by_server(parameters, now, &want, action))
		return;
	danger = hazard(parameters->planner, now, setting_in_file(now->name, below ? below : ""));
	if (danger != NULL)
	{
		action_block(action, ERRCODE_PGOPS_PROTECTED,
					 "Put it into postgresql.conf first.", "%s", danger);
		return;
	}
	if (item != NULL)
		action_forget(action, item);
	parameters->changes = true;
	if (needs_restart(now) && below != NULL &&
		!same_value(now, setting_in_file(now->name, below), now->running))
		note_waiting(parameters, now, &want);
}

static void
parameter_declared(Parameters *parameters, const Setting *want)
{
	Planner    *planner = parameters->planner;
	const ServerSetting *now = snapshot_setting(planner->snapshot, want->name);

	if (want->value == NULL)
	{
		if (now != NULL && now->in_auto != NULL)
			parameter_reset(parameters, "parameter.reset", now,
							plan_owned(planner, KIND, NULL, want->name, NULL));
		return;
	}
	plan_want(planner, KIND, NULL, want->name, NULL);
	if (now != NULL && same_value(now, want, value_in_files(now)))
		parameter_in_effect(parameters, now, want);
	else
		parameter_set(parameters, now, want);
}

/*
 * What pgops had set and nobody declares any more.  Only a primary knows: what
 * is remembered is its own, and a standby cannot forget it.
 */
static void
parameters_undo(Parameters *parameters)
{
	Planner    *planner = parameters->planner;
	ListCell   *lc;

	if (planner->input->local_only)
		return;
	foreach(lc, plan_owned_of(planner, KIND, NULL))
	{
		OwnedItem  *item = lfirst(lc);
		const ServerSetting *now = snapshot_setting(planner->snapshot, item->name);
		ListCell   *declared;
		bool		reset = false;

		foreach(declared, planner->cluster->parameters)
			reset |= strcmp(((Setting *) lfirst(declared))->name, item->name) == 0;
		if (plan_wanted(planner, item))
			continue;
		if (now == NULL || now->in_auto == NULL)
			plan_forget(planner, item);
		else if (!reset)
			parameter_reset(parameters, "parameter.undo", now, item);
	}
}

/* ---- all of them ---- */

/* a row that only says something */
static void
report(Planner *planner, const char *rule, int sqlstate, const char *hint, const char *what,
	   const char *reason)
{
	action_block(action_door(planner, DOOR_NONE, rule, "server", NULL, NULL, pstrdup(reason)),
				 sqlstate, hint, "%s", what);
}

/* whether there is anything here that concerns this server */
static bool
can_be_planned(Planner *planner)
{
	const ServerState *snapshot = planner->snapshot;

	if (!planner->input->settings_managed ||
		(planner->cluster->parameters == NIL && plan_owned_of(planner, KIND, NULL) == NIL))
		return false;
	if (snapshot->patroni)
	{
		report(planner, "parameter.patroni", ERRCODE_PGOPS_NOT_SUPPORTED,
			   "Change them with patronictl edit-config.",
			   "Patroni runs this server and sets its parameters", "parameters are declared");
		return false;
	}
	if (snapshot->settings_error != NULL)
		report(planner, "parameter.files", ERRCODE_CONFIG_FILE_ERROR,
			   "Correct the file: until then the server ignores all changes of its configuration.",
			   snapshot->settings_error, "the server does not accept its configuration files");
	return snapshot->settings_known;
}

/*
 * plan_parameters
 *		Brings the configuration of the server to cluster->parameters, which
 *		other parts of the plan may have added to.
 */
void
plan_parameters(Planner *planner)
{
	Parameters	parameters = {planner};
	ListCell   *lc;

	if (!can_be_planned(planner))
		return;
	initStringInfo(&parameters.waiting);
	foreach(lc, planner->cluster->parameters)
		parameter_declared(&parameters, lfirst(lc));
	parameters_undo(&parameters);
	if (parameters.changes)
		action_door(planner, DOOR_RELOAD, "parameter.reload", "server", NULL,
					pstrdup("SELECT pg_catalog.pg_reload_conf()"),
					pstrdup("parameters are set"))->only_after_work = true;
	if (parameters.waiting.len > 0)
		report(planner, "parameter.restart", ERRCODE_PGOPS_RESTART_NEEDED,
			   "They are in the configuration file and take effect when the server is restarted; see pgops.pending_restart.",
			   psprintf("a restart of the server is needed for %s", parameters.waiting.data),
			   "parameters wait for a restart");
}
