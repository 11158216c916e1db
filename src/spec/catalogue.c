/*
 * catalogue.c
 *		Looking things up in the parameter catalogue.
 *
 * Not for: the catalogue itself (catalogue_table.c, _fields.c, _defaults.c),
 * nor for checking values against it (validate*.c).
 */
#include "postgres.h"

#include "utils/formatting.h"
#include "utils/memutils.h"

#include "spec/catalogue_data.h"
#include "spec/document.h"
#include "spec/names.h"
#include "spec/spec.h"

/*
 * What the names of other modules' parameters begin with.  pgops records
 * such parameters and leaves their meaning to their module.
 */
static const char *const foreign_prefixes[] = {
	"alertmanager_", "ansible_", "app", "blackbox_", "bbox_", "ca_", "cert_", "certbot_", "chrony_",
	"consul_", "dns_", "docker_", "etcd_", "exporter_", "ferret_", "grafana_", "haproxy_",
	"infra_", "juice_", "kafka_", "keepalived_", "loki_", "minio_", "mysql_", "nginx_", "node_",
	"nodename", "prometheus_", "promtail_", "proxy_", "pushgateway_", "redis_", "repo_",
	"vector_", "vibe_", "victoria_", "vip_", "vlogs_", "vmalert_", "vmetrics_", "vtraces_",
	NULL
};

/* words in a key that say its value is a secret */
static const char *const secret_words[] = {
	"password", "passwd", "passphrase", "secret", "cipher_pass", "private_key", "account_key",
	"azure_key", "s3_key", "gcs_key", "customer_key", "enc_key", "api_key", "apikey", "crypto_key", "role_key", "token", "conninfo", "credential",
	"pgurl", "nginx_users", NULL
};

/* a word that is one only at the end: ansible_become_pass, but neither bypass nor pass_rate */
static const char *const secret_ends[] = {"_pass", "requirepass", NULL};

/* keys with such a word that only say how, where or how long */
static const char *const harmless_keys[] = {"password_encryption", "password_min_length", NULL};
static const char *const harmless_ends[] = {"_file", "_path", "_command", "_type", "_ttl", NULL};

/* what is kept of a parameter for the life of the process */
typedef struct ParamSlot
{
	const ParamDef *def;
	const SpecNode *value;		/* the default; NULL: none, or not asked for yet */
} ParamSlot;

/*
 * Made when the first name is looked up: a document of megabytes asks for a
 * hundred thousand of them.
 */
static SpecNames *
slots(void)
{
	static SpecNames *names = NULL;
	SpecNames  *made;
	MemoryContext old;

	if (names != NULL)
		return names;
	old = MemoryContextSwitchTo(TopMemoryContext);
	made = spec_names_create();
	for (const ParamDef *def = catalogue_parameters; def->name != NULL; def++)
	{
		ParamSlot  *slot = palloc0(sizeof(ParamSlot));

		slot->def = def;
		(void) spec_names_add(made, def->name, slot);
	}
	MemoryContextSwitchTo(old);
	names = made;
	return names;
}

const ParamDef *
catalogue_find(const char *name)
{
	const ParamSlot *slot = spec_names_find(slots(), name);

	return slot == NULL ? NULL : slot->def;
}

/*
 * The text is JSON.  It runs through validation like a declared value, which
 * also means that a mistake in the table shows in the first test with
 * assertions.
 */
static SpecNode *
make_default(const ParamDef *def)
{
	Findings	findings = {0};
	SpecNode   *value = spec_json_read(def->default_json, strlen(def->default_json), &findings);

	/* the same types as a declared value would have after validation */
	spec_validate_param(def->name, value, def->name, &findings);
	Assert(findings.errors == 0);
	return value;
}

const SpecNode *
catalogue_default_value(const char *name)
{
	ParamSlot  *slot = spec_names_find(slots(), name);

	if (slot == NULL || slot->def->default_json == NULL)
		return NULL;
	if (slot->value == NULL)
	{
		/* copied when it is complete: an error in between leaves nothing behind */
		SpecNode   *made = make_default(slot->def);
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		slot->value = node_copy(made);
		MemoryContextSwitchTo(old);
	}
	return slot->value;
}

/* Callers may change what they get. */
SpecNode *
catalogue_default(const char *name)
{
	const SpecNode *value = catalogue_default_value(name);

	return value == NULL ? NULL : node_copy(value);
}

/* one word per type, for people and for the documentation */
static const char *const type_names[] = {
	[PT_STRING] = "string",
	[PT_BOOL] = "bool",
	[PT_INT] = "int",
	[PT_FLOAT] = "float",
	[PT_ENUM] = "enum",
	[PT_NAME] = "name",
	[PT_PASSWORD] = "password",
	[PT_IP] = "ip",
	[PT_CIDR] = "cidr",
	[PT_PORT] = "port",
	[PT_PATH] = "path",
	[PT_INTERVAL] = "interval",
	[PT_SIZE] = "size",
	[PT_DATE] = "date",
	[PT_DICT] = "dict",
	[PT_LIST] = "string[]",
	[PT_INT_OR_STRING] = "int|string",
	[PT_STRING_OR_LIST] = "string|string[]",
	[PT_ANY] = "any",
	[PT_OBJECTS] = NULL			/* called after what the list holds */
};

const char *
catalogue_type_name(const ParamDef *def)
{
	return def->type == PT_OBJECTS ? psprintf("%s[]", def->object->name) : type_names[def->type];
}

/* for keys in lower case */
static bool
ends_with(const char *string, const char *end)
{
	size_t		length = strlen(string);
	size_t		end_length = strlen(end);

	return length >= end_length && strcmp(string + length - end_length, end) == 0;
}

/*
 * Keys that have a secret's word in them, but hold the name of a file, a kind
 * or a length.  Masking those would only hide what everybody may know.
 */
static bool
is_harmless(const char *key)
{
	for (int i = 0; harmless_keys[i] != NULL; i++)
	{
		if (strcmp(key, harmless_keys[i]) == 0)
			return true;
	}
	for (int i = 0; harmless_ends[i] != NULL; i++)
	{
		if (ends_with(key, harmless_ends[i]))
			return true;
	}
	return false;
}

/*
 * Keys inside dicts, and other modules' parameters: by their name.  A dotted
 * name is an extension's setting ("credcheck.password_min_length"): there the
 * word must be its end.
 */
static bool
sounds_secret(const char *name)
{
	char	   *lower = asc_tolower(name, strlen(name));
	bool		setting = strchr(lower, '.') != NULL;

	if (is_harmless(lower))
		return false;
	for (int i = 0; secret_words[i] != NULL; i++)
	{
		if (setting ? ends_with(lower, secret_words[i]) : strstr(lower, secret_words[i]) != NULL)
			return true;
	}
	for (int i = 0; secret_ends[i] != NULL; i++)
	{
		if (ends_with(lower, secret_ends[i]))
			return true;
	}
	return strcmp(lower, "pass") == 0;
}

/*
 * Errs on the side of masking: a key that nobody knows is judged by its name,
 * one that is in a table, or a parameter elsewhere, by the table.
 */
bool
catalogue_is_secret(const char *param, const char *key)
{
	const ParamDef *def = catalogue_find(param);

	if (key == NULL)
		return def != NULL ? def->secret : sounds_secret(param);
	if (def != NULL && def->type == PT_OBJECTS)
	{
		const FieldDef *field = catalogue_field(def->object, key);

		if (field != NULL)
			return field->secret;
	}
	def = catalogue_find(key);
	return (def != NULL && def->secret) || sounds_secret(key);
}

/*
 * By prefix, because the other modules' parameters change with every release
 * of theirs.
 */
bool
catalogue_foreign(const char *name)
{
	for (int i = 0; foreign_prefixes[i] != NULL; i++)
	{
		if (strncmp(name, foreign_prefixes[i], strlen(foreign_prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* Tables of fields have at most forty rows. */
const FieldDef *
catalogue_field(const ObjectDef *object, const char *name)
{
	for (const FieldDef *field = object->fields; field->name != NULL; field++)
	{
		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

/*
 * Made once for the life of the process: it is asked for with every name that
 * is not known, and a document may hold very many of those.
 */
const char *const *
catalogue_names(void)
{
	static const char **names = NULL;
	int			count = 0;

	if (names != NULL)
		return names;
	while (catalogue_parameters[count].name != NULL)
		count++;
	names = MemoryContextAllocZero(TopMemoryContext, (count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		names[i] = catalogue_parameters[i].name;
	return names;
}

/* For hints only, and so made when one is needed. */
const char *const *
catalogue_field_names(const ObjectDef *object)
{
	int			count = 0;
	const char **names;

	while (object->fields[count].name != NULL)
		count++;
	names = palloc0((count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		names[i] = object->fields[i].name;
	return names;
}

/* The parts point into one copy of the text. */
const char *const *
catalogue_choices(const char *choices)
{
	char	   *copy = pstrdup(choices);
	int			count = 1;
	const char **names;

	for (const char *p = choices; *p != '\0'; p++)
		count += *p == ',';
	names = palloc0((count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		char	   *comma = strchr(copy, ',');

		if (comma != NULL)
			*comma = '\0';
		names[i] = copy;
		copy = comma == NULL ? copy : comma + 1;
	}
	return names;
}
