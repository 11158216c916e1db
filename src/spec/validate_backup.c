/*
 * validate_backup.c
 *		Declared backups: the options of each repository, the repositories that
 *		are used, and parameters of the server that would contradict them.
 *
 * Not for: whether this machine's pgBackRest has an option (plan_backup.c).
 * No message shows the value of a secret.
 */
#include "postgres.h"

#include <ctype.h>

#include "errors.h"
#include "spec/backup_option.h"
#include "spec/catalogue.h"
#include "spec/reference.h"
#include "spec/spec.h"
#include "spec/validate.h"

/* what a type of repository cannot do without, unless another option says so */
typedef struct NeededOption
{
	const char *type;
	const char *option;
	const char *unless;			/* or NULL */
	const char *otherwise;		/* values of it that make the option superfluous: "auto,web-id" */
} NeededOption;

static const NeededOption needed_options[] = {
	{"s3", "s3_bucket", NULL, NULL},
	{"s3", "s3_endpoint", NULL, NULL},
	{"s3", "s3_region", NULL, NULL},
	{"s3", "s3_key", "s3_key_type", "auto,web-id,pod-id"},
	{"s3", "s3_key_secret", "s3_key_type", "auto,web-id,pod-id"},
	{"azure", "azure_account", NULL, NULL},
	{"azure", "azure_container", NULL, NULL},
	{"azure", "azure_key", "azure_key_type", "auto"},
	{"gcs", "gcs_bucket", NULL, NULL},
	{"gcs", "gcs_key", "gcs_key_type", "auto"},
	{"sftp", "sftp_host", NULL, NULL},
	{"sftp", "sftp_host_user", NULL, NULL},
	{"sftp", "sftp_host_key_hash_type", NULL, NULL},
	{"sftp", "sftp_private_key_file", NULL, NULL},
};

/* text of an option; NULL: missing, null or empty */
static const char *
option_text(const SpecNode *repo, const char *name)
{
	const SpecNode *value = node_get(repo, name);
	const char *text = value ? node_text(value) : NULL;

	return text == NULL || text[0] == '\0' ? NULL : text;
}

/* whether there is something; a secret by reference counts, whatever becomes of it */
static bool
has_option(const SpecNode *repo, const char *name)
{
	return option_text(repo, name) != NULL ||
		spec_reference(node_get(repo, name), NULL, NULL);
}

/* pgbackrest.conf has one line a value, and cuts blanks off */
static void
check_writable(const char *name, const SpecNode *value, const char *path, Findings *findings)
{
	const char *text = node_text(value);
	size_t		length = text ? strlen(text) : 0;
	bool		blank = length > 0 &&
		(isspace((unsigned char) text[0]) || isspace((unsigned char) text[length - 1]));

	if (length > 0 && (blank || strpbrk(text, "\r\n") != NULL))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path,
				   "The format of pgbackrest.conf cannot hold such a value.",
				   "option \"%s\" must neither begin nor end with a blank, and be one line", name);
}

/* pgBackRest's own words, which YAML takes for texts */
static bool
is_yes_or_no(const SpecNode *value)
{
	const char *text = node_text(value);

	return text != NULL && (strcmp(text, "y") == 0 || strcmp(text, "n") == 0);
}

/* Checked on a copy: what is inside a map stays as it was declared. */
static void
check_option(const SpecEntry *entry, const char *path, Findings *findings)
{
	const BackupOptionDef *def = backup_option(entry->key);
	ValueRule	rule = {.what = "option", .name = entry->key};

	if (def == NULL)
	{
		SpecNode	at = spec_place_of_key(entry);
		bool		host = strncmp(entry->key, "host", 4) == 0;

		spec_error(findings, host ? ERRCODE_PGOPS_NOT_SUPPORTED : ERRCODE_PGOPS_UNKNOWN_NAME,
				   &at, path,
				   host ? "Declare the storage itself: a mounted directory, s3, azure, gcs or sftp." :
				   spec_did_you_mean(entry->key, backup_option_names()),
				   host ? "option \"%s\": a repository host is not supported" :
				   "unknown option \"%s\" of a backup repository", entry->key);
		return;
	}
	if (entry->value->kind == NODE_NULL || spec_is_jinja(entry->value) ||
		(def->type == PT_BOOL && is_yes_or_no(entry->value)))
		return;
	rule.type = def->type;
	rule.choices = def->choices;
	rule.min = def->min;
	rule.max = def->max;
	rule.secret = catalogue_is_secret("pgbackrest_repo", entry->key);
	spec_check_value(&rule, node_copy(entry->value), path, findings);
	check_writable(entry->key, entry->value, path, findings);
}

/* whether a word is one of "a,b,c" */
static bool
is_one_of(const char *word, const char *words)
{
	const char *const *names = catalogue_choices(words);

	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(names[i], word) == 0)
			return true;
	}
	return false;
}

/* what a repository that is used must have */
static void
check_needed(const SpecEntry *repo, const char *path, Findings *findings)
{
	const SpecNode *options = repo->value;
	const char *type = option_text(options, "type");

	if (option_text(options, "path") == NULL)
		spec_error(findings, ERRCODE_PGOPS_MISSING, options, path,
				   "Add path: the folder, or the prefix within a bucket, where the backups go.",
				   "repository \"%s\" has no path", repo->key);
	for (int i = 0; type != NULL && i < lengthof(needed_options); i++)
	{
		const NeededOption *needed = &needed_options[i];
		const char *unless = needed->unless ? option_text(options, needed->unless) : NULL;

		if (strcmp(needed->type, type) != 0 || has_option(options, needed->option) ||
			(unless != NULL && is_one_of(unless, needed->otherwise)))
			continue;
		spec_error(findings, ERRCODE_PGOPS_MISSING, options, path, NULL,
				   "repository \"%s\" of type %s has no %s", repo->key, type, needed->option);
	}
}

/* an encrypted repository without its passphrase, and a passphrase for nothing */
static void
check_cipher(const SpecEntry *repo, const char *path, Findings *findings)
{
	const char *type = option_text(repo->value, "cipher_type");
	bool		encrypted = type != NULL && strcmp(type, "none") != 0;
	bool		has_pass = has_option(repo->value, "cipher_pass");

	if (encrypted && !has_pass)
		spec_error(findings, ERRCODE_PGOPS_MISSING, repo->value, path,
				   "Add cipher_pass, and keep it elsewhere, too: without it no backup can be read.",
				   "repository \"%s\" is to be encrypted and has no cipher_pass", repo->key);
	else if (has_pass && !encrypted)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, repo->value, path,
					"Add cipher_type: aes-256-cbc.",
					"repository \"%s\" has a cipher_pass, but is not encrypted", repo->key);
}

/* see validate.h */
void
spec_check_backup_repos(const SpecNode *repos, const char *path, Findings *findings)
{
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, repos->entries)
	{
		const SpecEntry *repo = lfirst(lc);
		char	   *below = spec_path_key(path, repo->key);

		if (repo->value->kind == NODE_NULL || spec_is_jinja(repo->value))
			continue;
		if (repo->value->kind != NODE_MAP)
		{
			spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, repo->value, below,
					   "Write its options as a map, local: { path: /pg/backup, retention_full: 2 }.",
					   "repository \"%s\" must be a map of options", repo->key);
			continue;
		}
		foreach(lo, repo->value->entries)
		{
			const SpecEntry *option = lfirst(lo);

			check_option(option, spec_path_key(below, option->key), findings);
		}
	}
}

/* a text, or a list of them */
void
spec_check_text_or_list(const ValueRule *rule, SpecNode *value, const char *path,
						Findings *findings)
{
	ValueRule	either = *rule;

	either.type = value->kind == NODE_LIST ? PT_LIST : PT_STRING;
	spec_check_value(&either, value, path, findings);
}

/* ---- what the parameters mean together ---- */

/* whether the level itself declares one of them: what it only inherits was checked there */
static bool
declares_any(const GroupView *view, const char *const *params)
{
	const SpecNode *vars = view->group == NULL ? view->inventory->vars : view->group->vars;

	for (int i = 0; params[i] != NULL; i++)
	{
		if (node_get(vars, params[i]) != NULL)
			return true;
	}
	return false;
}

/* names of the repositories, for hints */
static const char *const *
repo_names(const SpecNode *repos)
{
	const char **names = palloc0((list_length(repos->entries) + 1) * sizeof(char *));
	ListCell   *lc;
	int			i = 0;

	foreach(lc, repos->entries)
		names[i++] = ((SpecEntry *) lfirst(lc))->key;
	return names;
}

/* "local, minio" */
static char *
joined(const char *const *names)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "" : ", ", names[i]);
	return text.data;
}

/* each name must be a repository, and be there once */
static void
check_methods(List *methods, const SpecNode *repos, const SpecNode *at, const char *path,
			  Findings *findings)
{
	List	   *seen = NIL;
	ListCell   *lc;
	const char *const *names = repo_names(repos);

	foreach(lc, methods)
	{
		const char *name = lfirst(lc);
		char	   *nearest = spec_did_you_mean(name, names);
		ListCell   *other;

		if (node_get(repos, name) == NULL)
			spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, at, path,
					   nearest ? nearest :
					   psprintf("pgbackrest_repo has these repositories: %s.", joined(names)),
					   "pgbackrest_repo has no repository \"%s\"", name);
		foreach(other, seen)
		{
			if (strcmp(lfirst(other), name) == 0)
				spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, at, path, NULL,
						   "repository \"%s\" is named twice", name);
		}
		seen = lappend(seen, pstrdup(name));
	}
}

/* those that are used; the others may be half-written examples */
static void
check_used(List *methods, const SpecNode *repos, const char *path, Findings *findings)
{
	ListCell   *lc;

	foreach(lc, methods)
	{
		const SpecEntry *repo = node_entry(repos, lfirst(lc));
		char	   *below = spec_path_key(path, lfirst(lc));

		if (repo == NULL || repo->value->kind != NODE_MAP)
			continue;
		check_needed(repo, below, findings);
		check_cipher(repo, below, findings);
	}
}

/* two repositories in one place would overwrite each other */
static void
check_places(List *names, const SpecNode *repos, const char *path, Findings *findings)
{
	static const char *const place[] = {"type", "path", "s3_bucket", "s3_endpoint",
		"azure_container", "azure_account", "gcs_bucket", "sftp_host"};

	for (int i = 1; i < list_length(names); i++)
	{
		for (int j = 0; j < i; j++)
		{
			const SpecNode *a = node_get(repos, list_nth(names, i));
			const SpecNode *b = node_get(repos, list_nth(names, j));
			bool		same = a != NULL && b != NULL && a != b;

			for (int k = 0; same && k < lengthof(place); k++)
			{
				const char *left = option_text(a, place[k]);
				const char *right = option_text(b, place[k]);

				same = strcmp(left ? left : "", right ? right : "") == 0;
			}
			if (same)
				spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, a, path, NULL,
						   "repositories \"%s\" and \"%s\" are the same place",
						   (char *) list_nth(names, j), (char *) list_nth(names, i));
		}
	}
}

/* whether backups are declared and not switched off: as in model_backup.c */
static bool
is_wanted(const GroupView *view)
{
	const SpecNode *enabled = spec_view_value(view, "pgbackrest_enabled", NULL);

	if (enabled != NULL && enabled->kind == NODE_BOOL)
		return enabled->boolean;
	return spec_view_value(view, "pgbackrest_repo", NULL) != NULL ||
		spec_view_value(view, "pgbackrest_method", NULL) != NULL;
}

/* parameters of the server that backups decide about */
typedef struct DecidedParameter
{
	const char *name;
	const char *allowed;		/* values that agree with backups, or NULL: none */
} DecidedParameter;

static const DecidedParameter decided_parameters[] = {
	{"archive_mode", "on,always,true,yes,1"},
	{"archive_command", NULL},
	{"archive_library", NULL},
	{"wal_level", "replica,logical"},
};

static void
check_parameters(const GroupView *view, Findings *findings)
{
	const char *origin = view->path;
	const SpecNode *parameters = spec_view_value(view, "pg_parameters", &origin);

	if (parameters == NULL || parameters->kind != NODE_MAP)
		return;
	for (int i = 0; i < lengthof(decided_parameters); i++)
	{
		const DecidedParameter *decided = &decided_parameters[i];
		const SpecNode *value = node_get(parameters, decided->name);
		const char *text = value ? node_text(value) : NULL;

		if (text == NULL || text[0] == '\0' || spec_has_placeholder(text) ||
			(decided->allowed && is_one_of(text, decided->allowed)))
			continue;
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, value,
				   spec_path_key(spec_path_key(origin, "pg_parameters"), decided->name),
				   "Leave the parameter out, or set pgbackrest_enabled to false.",
				   "parameter \"%s\" contradicts the declared backups", decided->name);
	}
}

/* "global" is a section of pgbackrest.conf */
static void
check_stanza(const GroupView *view, Findings *findings)
{
	SpecNode	at = {0};

	if (view->group == NULL || strcmp(view->group->name, "global") != 0)
		return;
	at.line = view->group->line;
	at.column = view->group->column;
	spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, view->path,
			   "Give the cluster another name, or set pgbackrest_enabled to false.",
			   "pgBackRest can have no stanza named \"global\"");
}

/*
 * spec_check_backup
 *		What the parameters say together.  A level above the clusters may leave
 *		the repositories, or the choice between them, to those.
 */
void
spec_check_backup(const GroupView *view, Findings *findings)
{
	static const char *const params[] = {
		"pgbackrest_enabled", "pgbackrest_method", "pgbackrest_repo", "pg_parameters", NULL
	};
	const char *repos_at = view->path;
	const char *method_at = view->path;
	const SpecNode *repos;
	const SpecNode *method;
	List	   *methods;

	if (!declares_any(view, params) || !is_wanted(view))
		return;
	check_parameters(view, findings);
	check_stanza(view, findings);
	repos = spec_view_value(view, "pgbackrest_repo", &repos_at);
	method = spec_view_value(view, "pgbackrest_method", &method_at);
	if (view->group == NULL && (repos == NULL || method == NULL))
		return;
	if (repos == NULL)
		repos = catalogue_default_value("pgbackrest_repo");
	if (repos == NULL || repos->kind != NODE_MAP || (method != NULL && spec_is_jinja(method)))
		return;
	methods = backup_methods(method, repos);
	repos_at = spec_path_key(repos_at, "pgbackrest_repo");
	check_methods(methods, repos, method ? method : repos,
				  method ? spec_path_key(method_at, "pgbackrest_method") : repos_at, findings);
	check_used(methods, repos, repos_at, findings);
	check_places(methods, repos, repos_at, findings);
}
