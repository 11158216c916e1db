/*
 * plan_parameter.c
 *		Parameters of the server: ALTER SYSTEM, the reload after it, and what
 *		waits for a restart; where Patroni runs the server, part of a PATCH of
 *		its configuration instead.
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

#include "errors.h"
#include "plan/parameter.h"
#include "plan/patroni_parts.h"
#include "secret.h"

#define KIND	"parameter"

/*
 * Remembers what a step changes (action NULL: nothing, the files say it already),
 * for what is asked when all steps are known.  While a change is only planned,
 * that it takes a restart is an estimate; afterwards the server says so.
 */
Change *
parameter_add_change(Parameters *parameters, const ServerSetting *now, const Setting *want,
					 const char *value, Action *action)
{
	Change	   *change = palloc0(sizeof(Change));

	change->now = now;
	change->want = want;
	change->value = value;
	change->action = action;
	change->waits = now != NULL && parameter_needs_restart(now) &&
		(action == NULL ? now->waits : value != NULL &&
		 !parameter_same_value(now, parameter_in_file(now->name, value), now->running));
	parameters->changes = lappend(parameters->changes, change);
	return change;
}

/* ---- steps ---- */

/* whether they go through Patroni */
static bool
is_patroni(const Planner *planner)
{
	return planner->input->patroni != NULL;
}

/* what a step of pgops would replace or take away; NULL: nothing is said there */
static const char *
said_value(const Planner *planner, const char *name, const ServerSetting *now)
{
	if (is_patroni(planner))
		return patroni_parameter_said(planner, name);
	return now ? now->in_auto : NULL;
}

/* a row of its own for a parameter only if it is blocked; else it becomes part of a PATCH */
static Action *
patch_parameter(Parameters *parameters, const Setting *want, char *reason)
{
	return action_door(parameters->planner, DOOR_HTTP, "patroni.parameter", want->name, NULL,
					   pstrdup("PATCH /config"), reason);
}

/* ALTER SYSTEM SET or RESET (want->value NULL); the caller may still block it */
static Action *
alter_system(Parameters *parameters, const char *rule, const Setting *want, char *reason)
{
	bool		secret = want->value != NULL && parameter_is_secret(want);
	const char *name = plan_setting_name(want->name);
	Action	   *action;

	if (is_patroni(parameters->planner))
		action = patch_parameter(parameters, want, reason);
	else
		action = action_sql(parameters->planner, rule, want->name, NULL,
							want->value == NULL ? psprintf("ALTER SYSTEM RESET %s", name) :
							psprintf("ALTER SYSTEM SET %s TO %s", name,
									 secret ? quote_literal_cstr(SECRET_REDACTED) :
									 plan_setting_value(want)),
							reason);
	if (secret)
		action->password = want->value;
	if (want->tuned)
		parameters->tuned = lappend(parameters->tuned, action);
	return action;
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
	if (strcmp(now->name, "archive_command") == 0 &&
		strcmp(want->value, PLAN_ARCHIVE_NOTHING) == 0)
		return " (WAL is let go until a restart ends archive_mode: without a command it would fill the disk)";
	return "";
}

/*
 * What stood in postgresql.auto.conf before pgops set it, to be put back some day,
 * or NULL.  Of what archives only: without it WAL is neither archived nor let go.
 * In Patroni's configuration nothing lies below: there all of it is put back.
 */
static const char *
value_before(Planner *planner, const ServerSetting *now, const char *name)
{
	const OwnedItem *item = plan_owned(planner, KIND, NULL, name, NULL);

	if (item != NULL)
		return item->value;
	if (is_patroni(planner))
	{
		const char *said = patroni_parameter_said(planner, name);

		return said != NULL && !parameter_is_secret(parameter_in_file(name, said)) ? said : NULL;
	}
	return now != NULL && now->in_auto != NULL && now->in_auto[0] != '\0' &&
		(strcmp(name, "archive_command") == 0 || strcmp(name, "archive_library") == 0) ?
		now->in_auto : NULL;
}

/* the value that the files of this server do not have yet */
static void
parameter_set(Parameters *parameters, const ServerSetting *now, const Setting *want)
{
	const char *have = is_patroni(parameters->planner) ?
		patroni_parameter_value(parameters->planner, want->name) :
		now ? parameter_file_value(now) : NULL;
	Action	   *action;
	const char *danger;

	action = alter_system(parameters, "parameter.set", want,
						  psprintf("%s%s", parameter_change_text(want->name, have, want),
								   now && now->context ? warning_text(now, want) : ""));
	if (parameter_refused(parameters, now, want, action))
		return;
	if (now != NULL && parameter_is_overridden(now) &&
		!(is_patroni(parameters->planner) && model_patroni_is_shared(now->name)) &&
		!parameter_same_value(now, want, now->running))
	{
		block_overridden(now, action);
		return;
	}
	if (now != NULL && now->context != NULL &&
		(danger = parameter_danger(parameters->planner, now, want)) != NULL)
	{
		action_block(action, ERRCODE_PGOPS_PROTECTED, NULL, "%s", danger);
		return;
	}
	action_record(action, KIND, NULL, want->name, NULL,
				  value_before(parameters->planner, now, want->name));
	parameter_add_change(parameters, now, want, want->value, action);
}

/* back to what ALTER SYSTEM had said before pgops came */
static void
parameter_put_back(Parameters *parameters, const ServerSetting *now, const OwnedItem *item)
{
	Setting    *want = parameter_in_file(now->name, item->value);
	Action	   *action = alter_system(parameters, "parameter.undo", want,
									  parameter_change_text(now->name,
															said_value(parameters->planner,
																	   now->name, now),
															want));

	if (parameter_refused(parameters, now, want, action))
		return;
	action_forget(action, item);
	parameter_add_change(parameters, now, want, want->value, action);
}

/*
 * What a template wants need not be in a file where it is the default: that
 * would be a page of steps which change nothing.
 */
static const char *
present_value(const Planner *planner, const ServerSetting *now, const Setting *want)
{
	const char *value = is_patroni(planner) ?
		patroni_parameter_value(planner, want->name) : parameter_file_value(now);

	return value == NULL && want->tuned && now->context != NULL ? now->boot : value;
}

/* the files say what is declared; whether the server does is another question */
static void
parameter_in_effect(Parameters *parameters, const ServerSetting *now, const Setting *want)
{
	if (is_patroni(parameters->planner))
	{
		patroni_parameter_in_effect(parameters, now, want);
		return;
	}
	if (want->tuned && parameter_is_overridden(now))
		return;
	if (parameter_is_overridden(now) && !parameter_same_value(now, want, now->running))
		block_overridden(now, action_door(parameters->planner, DOOR_NONE,
										  "parameter.overridden", want->name, NULL, NULL,
										  parameter_change_text(want->name, now->running, want)));
	else if (now->waits)
		parameter_add_change(parameters, now, want,
							 present_value(parameters->planner, now, want), NULL);
}

/*
 * ALTER SYSTEM RESET, for what is declared as DEFAULT and for what pgops had
 * set.  What holds then is what the other files say.
 */
static void
parameter_reset(Parameters *parameters, const char *rule, const ServerSetting *now,
				const OwnedItem *item)
{
	Setting    *want = palloc0(sizeof(Setting));
	const char *said = said_value(parameters->planner, now->name, now);
	Setting    *have = parameter_in_file(now->name, said);
	/* of Patroni's own files only what overrules its configuration stays */
	const char *below = now->in_files != NULL &&
		(!is_patroni(parameters->planner) || !parameter_same_value(now, have, now->in_files)) ?
		now->in_files : now->boot;
	const char *shown = parameter_is_secret(have) ? SECRET_MASK : said;
	Action	   *action;
	const char *danger;

	if (is_patroni(parameters->planner) && below == now->boot &&
		model_patroni_default(now->name) != NULL)
		below = model_patroni_default(now->name);
	want->name = now->name;
	action = alter_system(parameters, rule, want,
						  parameter_change_text(now->name, shown, want));
	if (parameter_refused(parameters, now, want, action))
		return;
	danger = parameter_danger(parameters->planner, now,
							  parameter_in_file(now->name, below ? below : ""));
	if (danger != NULL)
	{
		action_block(action, ERRCODE_PGOPS_PROTECTED,
					 "Put it into postgresql.conf first.", "%s", danger);
		return;
	}
	if (item != NULL)
		action_forget(action, item);
	parameter_add_change(parameters, now, want, below, action);
}

static void
parameter_declared(Parameters *parameters, const Setting *want)
{
	Planner    *planner = parameters->planner;
	const ServerSetting *now = snapshot_setting(planner->snapshot, want->name);

	if (want->value == NULL)
	{
		if (now != NULL && said_value(planner, want->name, now) != NULL)
			parameter_reset(parameters, "parameter.reset", now,
							plan_owned(planner, KIND, NULL, want->name, NULL));
		return;
	}
	plan_want(planner, KIND, NULL, want->name, NULL);
	/* what Patroni sets itself may be declared as it is */
	if (is_patroni(planner) && model_patroni_owns(want->name) && now != NULL &&
		now->running != NULL && parameter_same_value(now, want, now->running))
		return;
	if (now != NULL && parameter_same_value(now, want, present_value(planner, now, want)))
		parameter_in_effect(parameters, now, want);
	else if (now != NULL || !plan_same(said_value(planner, want->name, now), want->value))
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
		if (now == NULL || said_value(planner, item->name, now) == NULL)
			plan_forget(planner, item);
		else if (!reset && item->value != NULL)
			parameter_put_back(parameters, now, item);
		else if (!reset)
			parameter_reset(parameters, "parameter.undo", now, item);
	}
}

/*
 * A template is made for any server: what of it this one cannot have is left
 * out without a word.  pgops.tune() tells what that is, and why.
 */
static void
leave_out_blocked(Parameters *parameters)
{
	ActionPlan *plan = parameters->planner->plan;
	ListCell   *lc;

	foreach(lc, parameters->tuned)
	{
		const Action *action = lfirst(lc);

		if (action->blocked != NULL)
			plan->actions = list_delete_ptr(plan->actions, (void *) action);
	}
}

/* whose size the parameters of all members follow (worker/tuned.c) */
static void
remember_machine(Planner *planner)
{
	ListCell   *lc;

	if (planner->input->local_only)
		return;
	if (planner->cluster->tuned_machine != NULL)
	{
		plan_adopt(planner, "tuning", NULL, "machine", planner->cluster->tuned_machine);
		return;
	}
	foreach(lc, plan_owned_of(planner, "tuning", NULL))
		plan_forget(planner, lfirst(lc));
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
	if (is_patroni(planner) && !plan_patroni_usable(planner))
		return false;
	if (snapshot->settings_error != NULL)
		report(planner, "parameter.files", ERRCODE_CONFIG_FILE_ERROR,
			   "Correct the file: until then the server ignores all changes of its configuration.",
			   snapshot->settings_error, "the server does not accept its configuration files");
	return snapshot->settings_known;
}

/* what comes next, by pgops_restart_policy */
static const char *
restart_hint(const char *policy)
{
	if (strcmp(policy, "always") == 0)
		return "pgops restarts the server once by itself (pgops_restart_policy), see pgops.jobs; SELECT pgops.restart() tries it again.";
	if (strcmp(policy, "window") == 0)
		return "pgops restarts the server in the maintenance window (pgops_restart_policy).";
	if (strcmp(policy, "never") == 0)
		return "Restart the server; see pgops.pending_restart.";
	return "SELECT pgops.restart() restarts the server; see pgops.pending_restart.";
}

/* names and values of what takes a restart; whether anything is going to be changed */
static bool
collect_changes(Parameters *parameters, StringInfo waiting)
{
	bool		work = false;
	ListCell   *lc;

	foreach(lc, parameters->changes)
	{
		const Change *change = lfirst(lc);

		if (change->action != NULL && change->action->blocked != NULL)
			continue;
		work |= change->action != NULL;
		if (!change->waits)
			continue;
		appendStringInfo(waiting, "%s%s", waiting->len > 0 ? ", " : "", change->now->name);
		if (!parameter_is_secret(change->want))
			appendStringInfo(waiting, " (%s -> %s)", change->now->running, change->value);
	}
	return work;
}

/* the steps become parts of one PATCH, which reloads and reports by itself */
static void
hand_to_patroni(Parameters *parameters)
{
	PatroniPlan *plan = parameters->planner->patroni;
	ListCell   *lc;

	plan->work = collect_changes(parameters, &plan->waiting_text);
	foreach(lc, parameters->changes)
	{
		const Change *change = lfirst(lc);

		if (change->waits && (change->action == NULL || change->action->blocked == NULL) &&
			model_patroni_lowers(change->now->name, change->now->running, change->value))
			plan->lowered = change->now->name;
		if (change->action != NULL && change->action->blocked == NULL)
			patroni_parameter_note(parameters->planner, change->action, change->want);
	}
}

/* one reload for all that is set, and one row for all that waits */
static void
conclude(Parameters *parameters)
{
	StringInfoData waiting;
	bool		work;

	initStringInfo(&waiting);
	work = collect_changes(parameters, &waiting);
	if (work)
		action_door(parameters->planner, DOOR_RELOAD, "parameter.reload", "server", NULL,
					pstrdup("SELECT pg_catalog.pg_reload_conf()"),
					pstrdup("parameters are set"))->only_after_work = true;
	if (waiting.len == 0)
		return;
	report(parameters->planner, "parameter.restart", ERRCODE_PGOPS_RESTART_NEEDED,
		   restart_hint(parameters->planner->cluster->restart_policy),
		   psprintf("a restart of the server is needed for %s", waiting.data),
		   "parameters wait for a restart");
	if (!work)
		parameters->planner->plan->restart_for = waiting.data;
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
	foreach(lc, planner->cluster->parameters)
		parameter_declared(&parameters, lfirst(lc));
	parameters_undo(&parameters);
	parameter_block_contradictions(&parameters);
	parameter_keep_archiving(&parameters);
	leave_out_blocked(&parameters);
	remember_machine(planner);
	if (is_patroni(planner))
		hand_to_patroni(&parameters);
	else
		conclude(&parameters);
}
