/*
 * validate_patroni.c
 *		Values of pgops_dcs and pg_rto_plan: keys that Patroni knows, of the
 *		types that it takes, and time limits that go together.
 *
 * Patroni itself takes what it does not know or like without a word; so what
 * would have no effect is refused here, where there is a line to point at.
 *
 * Not for: what depends on other parameters or on the members (validate_ha.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "spec/model_patroni.h"
#include "spec/spec.h"
#include "spec/validate.h"

/* the least that Patroni 3.2 and newer takes */
#define LEAST_TTL	20
#define LEAST_RETRY	3

#define PLAN_FORM	"A plan is a list of 10: ttl, loop_wait, retry_timeout, primary_start_timeout, safety margin, inter, fastinter, downinter, rise, fall."
#define PLAN_LENGTH	10

typedef enum DcsType
{
	DCS_NUMBER,					/* not less than "least" */
	DCS_BOOL,
	DCS_SYNC,					/* a boolean, or quorum */
	DCS_TEXT,
	DCS_MAP,
	DCS_LIST,
	DCS_POSTGRESQL,				/* a map of postgresql_keys */
	DCS_STANDBY,				/* a map of standby_keys */
	DCS_PARAMETERS,				/* parameters of the server */
	DCS_SLOTS,					/* a map of maps */
	DCS_REFUSED					/* told why by "hint" */
} DcsType;

typedef struct DcsKey
{
	const char *name;
	DcsType		type;
	int64		least;
	const char *hint;
} DcsKey;

#define LOCAL	"It is each member's own: patroni.yml has it."

static const DcsKey top_keys[] = {
	{"ttl", DCS_NUMBER, 1},
	{"loop_wait", DCS_NUMBER, 1},
	{"retry_timeout", DCS_NUMBER, 1},
	{"maximum_lag_on_failover", DCS_NUMBER, 0},
	{"maximum_lag_on_syncnode", DCS_NUMBER, -1},
	{"max_timelines_history", DCS_NUMBER, 0},
	{"primary_start_timeout", DCS_NUMBER, 0},
	{"primary_stop_timeout", DCS_NUMBER, 0},
	{"primary_race_backoff", DCS_NUMBER, 0},
	{"synchronous_mode", DCS_SYNC},
	{"synchronous_mode_strict", DCS_BOOL},
	{"synchronous_node_count", DCS_NUMBER, 1},
	{"failsafe_mode", DCS_BOOL},
	{"check_timeline", DCS_BOOL},
	{"slots", DCS_SLOTS},
	{"ignore_slots", DCS_LIST},
	{"member_slots_ttl", DCS_TEXT},
	{"standby_cluster", DCS_STANDBY},
	{"postgresql", DCS_POSTGRESQL},
	{"master_start_timeout", DCS_REFUSED, 0, "Its name is primary_start_timeout."},
	{"master_stop_timeout", DCS_REFUSED, 0, "Its name is primary_stop_timeout."},
	{"pause", DCS_REFUSED, 0, "SELECT pgops.pause_ha() pauses Patroni."},
	{"watchdog", DCS_REFUSED, 0, "Declare patroni_watchdog_mode."},
	{"tags", DCS_REFUSED, 0, LOCAL},
	{"restapi", DCS_REFUSED, 0, LOCAL},
	{"bootstrap", DCS_REFUSED, 0, LOCAL},
	{NULL}
};

static const DcsKey postgresql_keys[] = {
	{"parameters", DCS_PARAMETERS},
	{"pg_hba", DCS_LIST},
	{"pg_ident", DCS_LIST},
	{"use_pg_rewind", DCS_BOOL},
	{"use_slots", DCS_BOOL},
	{"use_unix_socket", DCS_BOOL},
	{"use_unix_socket_repl", DCS_BOOL},
	{"remove_data_directory_on_rewind_failure", DCS_BOOL},
	{"remove_data_directory_on_diverged_timelines", DCS_BOOL},
	{"pg_ctl_timeout", DCS_NUMBER, 1},
	{"create_replica_methods", DCS_LIST},
	{"recovery_conf", DCS_MAP},
	{"callbacks", DCS_MAP},
	{"custom_conf", DCS_TEXT},
	{"bin_dir", DCS_TEXT},
	{"bin_name", DCS_MAP},
	{"krbsrvname", DCS_TEXT},
	{"before_stop", DCS_TEXT},
	{"pre_promote", DCS_TEXT},
	{"listen", DCS_REFUSED, 0, LOCAL},
	{"connect_address", DCS_REFUSED, 0, LOCAL},
	{"proxy_address", DCS_REFUSED, 0, LOCAL},
	{"config_dir", DCS_REFUSED, 0, LOCAL},
	{"data_dir", DCS_REFUSED, 0, LOCAL},
	{"pgpass", DCS_REFUSED, 0, LOCAL},
	{"authentication", DCS_REFUSED, 0, LOCAL},
	{NULL}
};

static const DcsKey standby_keys[] = {
	{"host", DCS_TEXT},
	{"port", DCS_TEXT},
	{"primary_slot_name", DCS_TEXT},
	{"create_replica_methods", DCS_LIST},
	{"restore_command", DCS_TEXT},
	{"archive_cleanup_command", DCS_TEXT},
	{"recovery_min_apply_delay", DCS_TEXT},
	{NULL}
};

/* ---- single values ---- */

/* what only a resolved declaration tells is looked at no further */
static bool
is_open(const SpecNode *value)
{
	const char *text = node_text(value);

	return value->kind == NODE_NULL || spec_is_jinja(value) ||
		(text != NULL && spec_has_placeholder(text));
}

static bool
is_boolean(const SpecNode *value)
{
	bool		ignored;

	return value->kind == NODE_BOOL ||
		(value->kind == NODE_STRING && parse_bool(value->text, &ignored));
}

static void
wrong_type(const SpecNode *value, const char *path, const char *expected, Findings *findings)
{
	const char *key = strrchr(path, '.');

	spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, value, path,
			   "The keys are those of Patroni's dynamic configuration, with its types.",
			   "\"%s\" must be %s", key ? key + 1 : path, expected);
}

static void
check_number(const DcsKey *key, const SpecNode *value, const char *path, Findings *findings)
{
	int64		number;

	if (!spec_integer(value, &number))
		wrong_type(value, path, "a whole number", findings);
	else if (number < key->least)
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "\"%s\" must be at least " INT64_FORMAT ", not " INT64_FORMAT,
				   key->name, key->least, number);
}

/* ---- parameters of the server ---- */

static void
check_parameter(const SpecEntry *entry, const char *path, Findings *findings)
{
	const char *value = node_text(entry->value);
	const char *least;

	if (entry->value->kind == NODE_LIST || entry->value->kind == NODE_MAP)
		wrong_type(entry->value, path, "a single value, as in a configuration file", findings);
	else if (model_patroni_owns(entry->key) && entry->value->kind != NODE_NULL &&
			 (model_patroni_default(entry->key) == NULL || value == NULL ||
			  pg_strcasecmp(value, "on") != 0))
	{
		SpecNode	at = spec_place_of_key(entry);

		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path,
				   "Leave it out: Patroni would ignore it.",
				   "\"%s\" is set by Patroni itself", entry->key);
	}
	else if (value != NULL && (least = model_patroni_ignores(entry->key, value)) != NULL)
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, entry->value, path,
				   psprintf("Declare at least %s.", least),
				   "Patroni ignores \"%s\" of %s", entry->key, value);
}

static void
check_parameters(const SpecNode *value, const char *path, Findings *findings)
{
	ListCell   *cell;

	foreach(cell, value->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		if (!is_open(entry->value))
			check_parameter(entry, spec_path_key(path, entry->key), findings);
	}
}

/* ---- slots ---- */

static void
check_slot(const SpecEntry *entry, const char *path, Findings *findings)
{
	const SpecNode *type = node_get(entry->value, "type");
	const char *kind = type ? node_text(type) : "physical";

	if (entry->value->kind != NODE_MAP)
		wrong_type(entry->value, path, "a map with the slot's type", findings);
	else if (kind == NULL || (strcmp(kind, "physical") != 0 && strcmp(kind, "logical") != 0))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, type, spec_path_key(path, "type"), NULL,
				   "a slot's type is physical or logical");
	else if (strcmp(kind, "logical") == 0 &&
			 (node_get(entry->value, "database") == NULL ||
			  node_get(entry->value, "plugin") == NULL))
		spec_error(findings, ERRCODE_PGOPS_MISSING, entry->value, path,
				   "{type: logical, database: app, plugin: pgoutput}",
				   "logical slot \"%s\" needs a database and a plugin", entry->key);
}

static void
check_slots(const SpecNode *value, const char *path, Findings *findings)
{
	ListCell   *cell;

	foreach(cell, value->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		if (!is_open(entry->value))
			check_slot(entry, spec_path_key(path, entry->key), findings);
	}
}

/* ---- maps of known keys ---- */

static void check_keys(const DcsKey *keys, const SpecNode *map, const char *path,
					   Findings *findings);

/* what the type of a key asks for; false: the value is of another kind */
static bool
has_kind(const DcsKey *key, const SpecNode *value)
{
	switch (key->type)
	{
		case DCS_BOOL:
			return is_boolean(value);
		case DCS_SYNC:
			return is_boolean(value) ||
				(value->kind == NODE_STRING && strcmp(value->text, "quorum") == 0);
		case DCS_LIST:
			return value->kind == NODE_LIST;
		case DCS_TEXT:
		case DCS_NUMBER:
			return value->kind != NODE_LIST && value->kind != NODE_MAP;
		default:
			return value->kind == NODE_MAP;
	}
}

static const char *
kind_text(DcsType type)
{
	return type == DCS_BOOL ? "true or false" : type == DCS_SYNC ? "true, false or quorum" :
		type == DCS_LIST ? "a list" : type == DCS_TEXT ? "a text" :
		type == DCS_NUMBER ? "a whole number" : "a map";
}

static void
check_key(const DcsKey *key, const SpecNode *value, const char *path, Findings *findings)
{
	if (!has_kind(key, value))
		wrong_type(value, path, kind_text(key->type), findings);
	else if (key->type == DCS_NUMBER)
		check_number(key, value, path, findings);
	else if (key->type == DCS_POSTGRESQL)
		check_keys(postgresql_keys, value, path, findings);
	else if (key->type == DCS_STANDBY)
		check_keys(standby_keys, value, path, findings);
	else if (key->type == DCS_PARAMETERS)
		check_parameters(value, path, findings);
	else if (key->type == DCS_SLOTS)
		check_slots(value, path, findings);
}

static const DcsKey *
find_key(const DcsKey *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
	{
		if (strcmp(keys->name, name) == 0)
			return keys;
	}
	return NULL;
}

static void
unknown_key(const DcsKey *keys, const SpecEntry *entry, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(entry);
	const char *names[lengthof(postgresql_keys) + lengthof(top_keys)];
	int			count = 0;

	/* ways of making a replica are maps of any name */
	if (keys == postgresql_keys && entry->value->kind == NODE_MAP)
		return;
	for (; keys->name != NULL; keys++)
	{
		if (keys->type != DCS_REFUSED)
			names[count++] = keys->name;
	}
	names[count] = NULL;
	spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at, path,
			   spec_did_you_mean(entry->key, names),
			   "Patroni's dynamic configuration has no \"%s\" here", entry->key);
}

static void
check_keys(const DcsKey *keys, const SpecNode *map, const char *path, Findings *findings)
{
	ListCell   *cell;

	foreach(cell, map->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const DcsKey *key = find_key(keys, entry->key);
		char	   *below = spec_path_key(path, entry->key);

		if (key == NULL)
			unknown_key(keys, entry, below, findings);
		else if (key->type == DCS_REFUSED)
		{
			SpecNode	at = spec_place_of_key(entry);

			spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, below, key->hint,
					   "\"%s\" is no part of the dynamic configuration that can be declared",
					   entry->key);
		}
		else if (!is_open(entry->value))
			check_key(key, entry->value, below, findings);
	}
}

/* ---- time limits ---- */

void
spec_check_timing(const SpecNode *at, const char *path, int64 ttl, int64 loop_wait,
				  int64 retry_timeout, Findings *findings)
{
	if (ttl < loop_wait + 2 * retry_timeout)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, at, path,
				   psprintf("A ttl of " INT64_FORMAT " would do, or shorter intervals.",
							loop_wait + 2 * retry_timeout),
				   "ttl of " INT64_FORMAT " s is less than loop_wait + 2 * retry_timeout ("
				   INT64_FORMAT " + 2 * " INT64_FORMAT "): the leader would lose its lock to a short outage",
				   ttl, loop_wait, retry_timeout);
	else if (ttl < LEAST_TTL || retry_timeout < LEAST_RETRY)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_OUT_OF_RANGE, at, path, NULL,
					"Patroni 3.2 and newer takes a ttl of at least %d s and a retry_timeout of at least %d s, and raises what is less",
					LEAST_TTL, LEAST_RETRY);
}

void
spec_check_dcs(const SpecNode *value, const char *path, Findings *findings)
{
	check_keys(top_keys, value, path, findings);
}

/* the numbers of a plan that say for how long; false: one is none, which is told */
static bool
check_plan_numbers(const SpecNode *plan, const char *path, int64 numbers[4], Findings *findings)
{
	for (int i = 0; i < PLAN_LENGTH; i++)
	{
		const SpecNode *item = list_nth(plan->items, i);
		bool		duration = i >= 5 && i <= 7;
		int64		number = 0;
		const char *text = node_text(item);

		if (is_open(item) && item->kind != NODE_NULL)
			return false;
		if (duration ? text == NULL || strtod(text, NULL) <= 0 :
			!spec_integer(item, &number) || number < (i == 3 || i == 4 ? 0 : 1))
		{
			spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, item, spec_path_item(path, i),
					   PLAN_FORM, duration ? "a check's interval is a duration, as 1s" :
					   "a time limit is a whole number of seconds, more than 0");
			return false;
		}
		if (i < 4)
			numbers[i] = number;
	}
	return true;
}

void
spec_check_rto_plan(const SpecNode *value, const char *path, Findings *findings)
{
	ListCell   *cell;

	foreach(cell, value->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const SpecNode *plan = entry->value;
		char	   *below = spec_path_key(path, entry->key);
		int64		numbers[4];

		if (is_open(plan))
			continue;
		if (plan->kind != NODE_LIST || list_length(plan->items) != PLAN_LENGTH)
			spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, plan, below, PLAN_FORM,
					   "plan \"%s\" must be a list of %d", entry->key, PLAN_LENGTH);
		else if (check_plan_numbers(plan, below, numbers, findings))
			spec_check_timing(plan, below, numbers[0], numbers[1], numbers[2], findings);
	}
}
