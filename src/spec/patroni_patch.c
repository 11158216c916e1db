/*
 * patroni_patch.c
 *		The difference between Patroni's dynamic configuration as it is and as it
 *		is to be, and what Patroni takes for the same.
 *
 * Not for: what it is to be (model_patroni.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "spec/model_patroni.h"

/* ---- what Patroni does with parameters of the server ---- */

typedef struct PatroniParameter
{
	const char *name;
	bool		owned;			/* Patroni alone says what it is */
	const char *value;			/* what holds where nobody says anything, or NULL */
	int			minimum;		/* less is ignored */
	int			flags;			/* unit of the number (utils/guc.h) */
} PatroniParameter;

/*
 * Those that go on the command line of each member, since all must have the same,
 * and those that make a member what it is.
 */
static const PatroniParameter patroni_parameters[] = {
	{"listen_addresses", true},
	{"port", true},
	{"cluster_name", true},
	{"hot_standby", true, "on"},
	{"wal_log_hints", true, "on"},
	{"primary_conninfo", true},
	{"primary_slot_name", true},
	{"promote_trigger_file", true},
	{"data_directory", true},
	{"config_file", true},
	{"hba_file", true},
	{"ident_file", true},
	{"max_connections", false, "100", 25},
	{"max_locks_per_transaction", false, "64", 32},
	{"max_worker_processes", false, "8", 2},
	{"max_prepared_transactions", false, "0", 0},
	{"max_wal_senders", false, "10", 3},
	{"max_replication_slots", false, "10", 4},
	{"wal_keep_size", false, "128MB", 16, GUC_UNIT_MB},
	{"wal_level", false, "replica"},
	{"track_commit_timestamp", false, "off"},
};

static const PatroniParameter *
find_parameter(const char *name)
{
	for (int i = 0; i < lengthof(patroni_parameters); i++)
	{
		if (pg_strcasecmp(patroni_parameters[i].name, name) == 0)
			return &patroni_parameters[i];
	}
	return NULL;
}

bool
model_patroni_owns(const char *parameter)
{
	const PatroniParameter *known = find_parameter(parameter);

	return known != NULL && known->owned;
}

bool
model_patroni_is_shared(const char *parameter)
{
	const PatroniParameter *known = find_parameter(parameter);

	return known != NULL && (!known->owned || pg_strcasecmp(parameter, "wal_log_hints") == 0);
}

const char *
model_patroni_default(const char *parameter)
{
	const PatroniParameter *known = find_parameter(parameter);

	return known ? known->value : NULL;
}

const char *const model_patroni_followed[] = {
	"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
	"max_locks_per_transaction", NULL
};

bool
model_patroni_lowers(const char *parameter, const char *from, const char *to)
{
	int			before;
	int			after;

	for (int i = 0; model_patroni_followed[i] != NULL; i++)
	{
		if (pg_strcasecmp(model_patroni_followed[i], parameter) == 0)
			return from != NULL && to != NULL && parse_int(from, &before, 0, NULL) &&
				parse_int(to, &after, 0, NULL) && after < before;
	}
	return false;
}

/* Patroni goes on with its default instead of telling anybody */
const char *
model_patroni_ignores(const char *parameter, const char *value)
{
	const PatroniParameter *known = find_parameter(parameter);
	int			number;

	if (known == NULL || known->owned)
		return NULL;
	if (strcmp(known->name, "wal_level") == 0)
		return pg_strcasecmp(value, "minimal") == 0 ? "replica" : NULL;
	if (known->minimum > 0 && parse_int(value, &number, known->flags, NULL) &&
		number < known->minimum)
		return psprintf("%d%s", known->minimum, known->flags == GUC_UNIT_MB ? "MB" : "");
	return NULL;
}

/* ---- what holds where /config says nothing ---- */

static const struct
{
	const char *key;
	const char *value;
	const char *older;			/* name of it that Patroni still takes, or NULL */
}			defaults[] = {
	{"ttl", "30"},
	{"loop_wait", "10"},
	{"retry_timeout", "10"},
	{"maximum_lag_on_failover", "1048576"},
	{"maximum_lag_on_syncnode", "-1"},
	{"check_timeline", "false"},
	{"primary_start_timeout", "300", "master_start_timeout"},
	{"primary_stop_timeout", "0", "master_stop_timeout"},
	{"synchronous_mode", "false"},
	{"synchronous_mode_strict", "false"},
	{"synchronous_node_count", "1"},
	{"failsafe_mode", "false"},
};

const char *
model_patroni_key_default(const char *key)
{
	for (int i = 0; i < lengthof(defaults); i++)
	{
		if (strcmp(defaults[i].key, key) == 0)
			return defaults[i].value;
	}
	return NULL;
}

/* the name under which the configuration has a key; NULL: it has it not */
static const char *
key_there(const SpecNode *have, const char *key)
{
	if (node_get(have, key) != NULL)
		return key;
	for (int i = 0; i < lengthof(defaults); i++)
	{
		if (defaults[i].older != NULL && strcmp(defaults[i].key, key) == 0 &&
			node_get(have, defaults[i].older) != NULL)
			return defaults[i].older;
	}
	return NULL;
}

/* ---- when two values are the same ---- */

static bool
same_text(const char *a, const char *b)
{
	bool		on[2];
	char	   *end[2];
	double		number[2];

	if (strcmp(a, b) == 0)
		return true;
	number[0] = strtod(a, &end[0]);
	number[1] = strtod(b, &end[1]);
	if (end[0] != a && end[1] != b && *end[0] == '\0' && *end[1] == '\0')
		return number[0] == number[1];
	return parse_bool(a, &on[0]) && parse_bool(b, &on[1]) && on[0] == on[1];
}

/* as Patroni reads them: true is "on", 30 is "30"; of maps all keys count */
static bool
same_value(const SpecNode *a, const SpecNode *b)
{
	const char *left = node_text(a);
	const char *right = node_text(b);

	return left != NULL && right != NULL ? same_text(left, right) : node_equal(a, b);
}

/* ---- the difference ---- */

/* where in the configuration a map is */
typedef enum Level
{
	LEVEL_TOP,					/* the configuration itself */
	LEVEL_POSTGRESQL,			/* postgresql: */
	LEVEL_BELOW					/* anything else */
} Level;

typedef struct Comparison
{
	PatroniSameValue same;
	void	   *arg;
} Comparison;

/* a map without the nulls, for a place where nothing is that they could take away; NULL: nothing is left of it */
static SpecNode *
without_nulls(const SpecNode *want)
{
	SpecNode   *out;
	ListCell   *cell;

	if (want->kind == NODE_NULL)
		return NULL;
	if (want->kind != NODE_MAP)
		return node_copy(want);
	out = node_map();
	foreach(cell, want->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		SpecNode   *value = without_nulls(entry->value);

		if (value != NULL)
			node_map_set(out, entry->key, value);
	}
	return out->entries != NIL || want->entries == NIL ? out : NULL;
}

/* the entry of a parameter, whose letters' case does not count */
static const SpecEntry *
find_entry(const SpecNode *map, const char *name)
{
	ListCell   *cell;

	foreach(cell, map->kind == NODE_MAP ? map->entries : NIL)
	{
		const SpecEntry *entry = lfirst(cell);

		if (pg_strcasecmp(entry->key, name) == 0)
			return entry;
	}
	return NULL;
}

static bool
same_parameter(const Comparison *comparison, const char *name, const char *have,
			   const char *want)
{
	return comparison->same ? comparison->same(name, have, want, comparison->arg) :
		strcmp(have, want) == 0;
}

/* parameters of the server: what is the same is for the caller to know */
static SpecNode *
parameter_difference(const Comparison *comparison, const SpecNode *have, const SpecNode *want)
{
	SpecNode   *out = node_map();
	ListCell   *cell;

	foreach(cell, want->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const SpecEntry *there = have ? find_entry(have, entry->key) : NULL;
		const char *old = there ? node_text(there->value) :
			model_patroni_default(entry->key);
		const char *new = node_text(entry->value);

		if (entry->value->kind == NODE_NULL ? there == NULL :
			old != NULL && new != NULL && same_parameter(comparison, entry->key, old, new))
			continue;
		node_map_set(out, there ? there->key : entry->key, node_copy(entry->value));
	}
	return out->entries != NIL ? out : NULL;
}

static SpecNode *map_difference(const Comparison *comparison, const SpecNode *have,
								const SpecNode *want, Level level);

/* one key that both may have; "there" is the value it has, or NULL */
static SpecNode *
value_difference(const Comparison *comparison, const SpecNode *there, const SpecEntry *want,
				 Level level)
{
	if (there == NULL || there->kind == NODE_NULL)
	{
		const char *unsaid = level == LEVEL_TOP ? model_patroni_key_default(want->key) : NULL;
		const char *text = node_text(want->value);

		if (unsaid != NULL && text != NULL && same_text(unsaid, text))
			return NULL;
		return without_nulls(want->value);
	}
	if (want->value->kind == NODE_NULL)
		return node_null();
	if (want->value->kind == NODE_MAP && there->kind == NODE_MAP)
		return map_difference(comparison, there, want->value, LEVEL_BELOW);
	if (want->value->kind == NODE_MAP)
		return without_nulls(want->value);
	return same_value(there, want->value) ? NULL : node_copy(want->value);
}

/* one key of a map; key: as the configuration has it, or NULL */
static SpecNode *
entry_difference(const Comparison *comparison, const SpecNode *have, const char *key,
				 const SpecEntry *want, Level level)
{
	const SpecNode *there = key ? node_get(have, key) : NULL;

	if (want->value->kind == NODE_MAP && level == LEVEL_TOP &&
		strcmp(want->key, "postgresql") == 0)
		return map_difference(comparison, there ? there : node_map(), want->value,
							  LEVEL_POSTGRESQL);
	if (want->value->kind == NODE_MAP && level == LEVEL_POSTGRESQL &&
		strcmp(want->key, "parameters") == 0)
		return parameter_difference(comparison, there, want->value);
	return value_difference(comparison, there, want, level);
}

static SpecNode *
map_difference(const Comparison *comparison, const SpecNode *have, const SpecNode *want,
			   Level level)
{
	SpecNode   *out = node_map();
	ListCell   *cell;

	foreach(cell, want->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const char *key = level == LEVEL_TOP ? key_there(have, entry->key) : entry->key;
		SpecNode   *difference = entry_difference(comparison, have, key, entry, level);

		/* what is taken away goes by the name it has, what is set by its present one */
		if (difference != NULL)
			node_map_set(out, difference->kind == NODE_NULL ? key : entry->key, difference);
	}
	return out->entries != NIL ? out : NULL;
}

SpecNode *
model_patroni_patch(const SpecNode *have, const SpecNode *want, PatroniSameValue same,
					void *arg)
{
	Comparison	comparison = {same, arg};

	return map_difference(&comparison, have, want, LEVEL_TOP);
}
