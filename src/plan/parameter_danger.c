/*
 * parameter_danger.c
 *		Values that must not be written: those that the server refuses, and
 *		those that it takes and would not start with.
 *
 * The second kind is what nobody could repair by a declaration any more.
 *
 * Not for: values that differ (plan_parameter.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "errors.h"
#include "plan/parameter.h"
#include "plan/patroni_parts.h"
#include "spec/spec.h"

/* a standby that has less of these than its primary does not start */
static const char *const not_less_than_primary[] = {
	"max_connections", "max_worker_processes", "max_wal_senders",
	"max_prepared_transactions", "max_locks_per_transaction", NULL
};

/* ---- values that the server refuses ---- */

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
 * Whether a name that the server does not know cannot be one of an extension
 * that is not loaded: it has no dot, or what is before the dot is loaded.
 */
static bool
is_unknown(const ServerState *snapshot, const char *name)
{
	const char *dot = strchr(name, '.');
	ListCell   *lc;

	if (dot == NULL)
		return true;
	foreach(lc, snapshot->settings)
	{
		const ServerSetting *now = lfirst(lc);

		if (now->context != NULL && pg_strncasecmp(now->name, name, dot - name + 1) == 0)
			return true;
	}
	return false;
}

/* what stands in the way of a step; true: it is blocked now */
bool
parameter_refused(Parameters *parameters, const ServerSetting *now, const Setting *want,
				  Action *action)
{
	Planner    *planner = parameters->planner;
	const ServerState *snapshot = planner->snapshot;
	const ServerSetting *allowed = snapshot_setting(snapshot, "allow_alter_system");
	char	   *hint = NULL;
	char	   *problem;

	if (planner->input->patroni != NULL &&
		patroni_parameter_refused(planner, now, want, action))
		return true;
	if (planner->input->patroni == NULL && allowed != NULL && plan_same(allowed->running, "off"))
		action_block(action, ERRCODE_FEATURE_NOT_SUPPORTED,
					 "Set allow_alter_system to on, or pgops.manage_settings to off.",
					 "ALTER SYSTEM is switched off on this server");
	else if ((now == NULL || now->context == NULL) && want->value != NULL &&
			 is_unknown(snapshot, want->name))
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
					 parameter_is_secret(want) ? "the server does not take the value" : problem);
	return action->blocked != NULL;
}

/*
 * Taking away what keeps pgops running, or what a standby needs to start: the
 * server would not come back with it, and nobody could repair that by a
 * declaration.  "value": what will hold at the next start.
 */
const char *
parameter_danger(const Planner *planner, const ServerSetting *now, const Setting *value)
{
	ListCell   *lc;
	char	   *hint;
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
	if (strcmp(now->name, "max_prepared_transactions") == 0 &&
		parse_int(value->value, &less, now->flags, NULL) &&
		less < planner->snapshot->prepared_transactions)
		return psprintf("the server would not start with the %d prepared transactions that there are",
						planner->snapshot->prepared_transactions);
	for (int i = 0; not_less_than_primary[i] != NULL; i++)
	{
		if (planner->snapshot->in_recovery &&
			strcmp(not_less_than_primary[i], now->name) == 0 &&
			parse_int(value->value, &less, now->flags, NULL) &&
			parse_int(now->running, &running, now->flags, NULL) && less < running)
			return "a standby does not start with less than its primary has";
	}
	/* what holds after a reset nobody has looked at yet */
	if (now->context == NULL || value->value[0] == '\0' || planner->input->setting_problem == NULL)
		return NULL;
	return planner->input->setting_problem(value, true, &hint);
}

/* ---- values that do not go together ---- */

/* what a parameter will be after the next start, as far as that is known */
static const char *
value_after(const Parameters *parameters, const char *name)
{
	const ServerSetting *now = snapshot_setting(parameters->planner->snapshot, name);
	ListCell   *lc;

	foreach(lc, parameters->changes)
	{
		const Change *change = lfirst(lc);

		if (strcmp(change->want->name, name) == 0 &&
			(change->action == NULL || change->action->blocked == NULL))
			return change->value;
	}
	if (now == NULL)
		return NULL;
	if (parameters->planner->input->patroni != NULL)
	{
		const char *value = patroni_parameter_value(parameters->planner, name);

		return value ? value : now->running;
	}
	if (parameter_is_overridden(now) || parameter_file_value(now) == NULL)
		return now->running;
	return parameter_file_value(now);
}

static int
number_after(const Parameters *parameters, const char *name)
{
	const char *value = value_after(parameters, name);
	int			number;

	return value != NULL && parse_int(value, &number, 0, NULL) ? number : 0;
}

/* "off", or no such parameter on this server */
static bool
is_off_after(const Parameters *parameters, const char *name)
{
	const char *value = value_after(parameters, name);
	bool		on;

	return value == NULL || (parse_bool(value, &on) && !on);
}

/* pairs of which the server checks when it starts, and not before, that they go together */
static bool
archives_minimal(const Parameters *parameters)
{
	return !is_off_after(parameters, "archive_mode");
}

static bool
streams_minimal(const Parameters *parameters)
{
	return number_after(parameters, "max_wal_senders") > 0;
}

static bool
summarizes_minimal(const Parameters *parameters)
{
	return !is_off_after(parameters, "summarize_wal");
}

static bool
is_minimal(const Parameters *parameters)
{
	const char *level = value_after(parameters, "wal_level");

	return level != NULL && pg_strcasecmp(level, "minimal") == 0;
}

static bool
reserves_all(const Parameters *parameters)
{
	return number_after(parameters, "superuser_reserved_connections") +
		number_after(parameters, "reserved_connections") >=
		number_after(parameters, "max_connections");
}

static bool
listens_nowhere(const Parameters *parameters)
{
	const char *addresses = value_after(parameters, "listen_addresses");
	const char *directories = value_after(parameters, "unix_socket_directories");

	return addresses != NULL && strspn(addresses, " \"") == strlen(addresses) &&
		directories != NULL && strspn(directories, " \"") == strlen(directories);
}

/* what the server does not start with, and the parameters that it is about */
static const struct
{
	const char *names[4];
	bool		(*applies) (const Parameters *parameters);
	bool		minimal;		/* only where wal_level will be minimal */
	const char *message;
}			contradictions[] = {
	{{"archive_mode", "wal_level"}, archives_minimal, true,
	"the server does not start with archive_mode and wal_level minimal"},
	{{"max_wal_senders", "wal_level"}, streams_minimal, true,
	"the server does not start with max_wal_senders above 0 and wal_level minimal"},
	{{"summarize_wal", "wal_level"}, summarizes_minimal, true,
	"the server does not start with summarize_wal and wal_level minimal"},
	{{"max_connections", "superuser_reserved_connections", "reserved_connections"},
		reserves_all, false,
	"the server does not start with more reserved connections than max_connections"},
	{{"listen_addresses", "unix_socket_directories"}, listens_nowhere, false,
	"the server does not start without a socket"},
};

/* blocks the steps about the parameters of one contradiction */
static void
block_contradiction(Parameters *parameters, int index, bool only_tuned)
{
	ListCell   *lc;

	foreach(lc, parameters->changes)
	{
		const Change *change = lfirst(lc);

		if (change->action == NULL || change->action->blocked != NULL ||
			(only_tuned && !change->want->tuned))
			continue;
		for (int n = 0; n < lengthof(contradictions[index].names); n++)
		{
			if (contradictions[index].names[n] != NULL &&
				strcmp(contradictions[index].names[n], change->want->name) == 0)
			{
				action_block(change->action, ERRCODE_PGOPS_PROTECTED,
							 "Declare values that go together.", "%s",
							 contradictions[index].message);
				break;
			}
		}
	}
}

/*
 * The steps of this plan that would bring such a state about are blocked, all
 * those about its parameters: which of them was the mistake is not known.  What
 * only a template wants gives way first.
 */
void
parameter_block_contradictions(Parameters *parameters)
{
	for (int i = 0; i < 2 * lengthof(contradictions); i++)
	{
		int			index = i / 2;

		if ((!contradictions[index].minimal || is_minimal(parameters)) &&
			contradictions[index].applies(parameters))
			block_contradiction(parameters, index, i % 2 == 0);
	}
}

/*
 * As long as archive_mode is on, WAL that nothing archives is kept: until the disk
 * is full.  Where a restart will end archiving, what archives stays until then.
 */
void
parameter_keep_archiving(Parameters *parameters)
{
	const ServerSetting *mode = snapshot_setting(parameters->planner->snapshot, "archive_mode");
	const char *command = value_after(parameters, "archive_command");
	const char *library = value_after(parameters, "archive_library");
	ListCell   *lc;

	if (mode == NULL || strcmp(mode->running, "off") == 0 ||
		!is_off_after(parameters, "archive_mode") ||
		(command != NULL && command[0] != '\0') || (library != NULL && library[0] != '\0'))
		return;
	foreach(lc, parameters->changes)
	{
		const Change *change = lfirst(lc);

		if (change->action != NULL && change->action->blocked == NULL &&
			(strcmp(change->want->name, "archive_command") == 0 ||
			 strcmp(change->want->name, "archive_library") == 0))
			action_block(change->action, ERRCODE_PGOPS_RESTART_NEEDED,
						 "It is done after a restart of the server.",
						 "archive_mode is on until the server is restarted: WAL that nothing archives would fill the disk");
	}
}
