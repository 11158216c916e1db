/*
 * validate_patroni_file.c
 *		Values of pgops_patroni: sections that patroni.yml has, and that other
 *		parameters do not give.
 *
 * What is in a section is Patroni's to judge (patroni --validate-config): it
 * differs from version to version, and is never in force before somebody starts
 * Patroni with it.
 *
 * Not for: pgops_dcs, which gets into force by itself (validate_patroni.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/spec.h"
#include "spec/validate.h"

static const char *const sections[] = {
	"bootstrap", "citus", "consul", "ctl", "etcd", "etcd3", "exhibitor", "kubernetes", "log",
	"postgresql", "raft", "restapi", "tags", "watchdog", "zookeeper", NULL
};

/* what says which cluster and which member it is: pgops finds both by it */
static const struct
{
	const char *name;
	const char *hint;
}			fixed[] = {
	{"name", "It follows from pg_cluster and pg_seq."},
	{"namespace", "Declare pg_namespace."},
	{"scope", "Declare pg_cluster, or pg_shard of a Citus group."},
};

static bool
is_section(const char *name)
{
	for (int i = 0; sections[i] != NULL; i++)
	{
		if (strcmp(sections[i], name) == 0)
			return true;
	}
	return false;
}

static const char *
fixed_hint(const char *name)
{
	for (int i = 0; i < lengthof(fixed); i++)
	{
		if (strcmp(fixed[i].name, name) == 0)
			return fixed[i].hint;
	}
	return NULL;
}

static void
check_section(const SpecEntry *entry, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(entry);
	const char *hint = fixed_hint(entry->key);
	const char *nearest;

	if (hint != NULL)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path, hint,
				   "\"%s\" is given by another parameter", entry->key);
	else if (!is_section(entry->key))
	{
		nearest = spec_nearest(entry->key, sections);
		spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at, path,
				   nearest ? psprintf("Did you mean \"%s\"?", nearest) :
				   "See the sections of Patroni's configuration file.",
				   "patroni.yml has no section \"%s\"", entry->key);
	}
	else if (strcmp(entry->key, "bootstrap") == 0 && node_get(entry->value, "dcs") != NULL)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path, "Declare pgops_dcs.",
				   "the dynamic configuration is not declared here");
	else if (entry->value->kind != NODE_MAP && entry->value->kind != NODE_NULL &&
			 !spec_is_jinja(entry->value))
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, entry->value, path, NULL,
				   "\"%s\" must be a map", entry->key);
}

void
spec_check_patroni_file(const SpecNode *value, const char *path, Findings *findings)
{
	ListCell   *cell;

	foreach(cell, value->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		check_section(entry, spec_path_key(path, entry->key), findings);
	}
}
