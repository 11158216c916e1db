/*
 * model_backup.c
 *		The typed declaration of backups, from pgbackrest_*.
 *
 * Not for: whether it is valid (validate_backup.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "spec/backup_option.h"
#include "spec/catalogue.h"
#include "spec/model_backup.h"
#include "spec/model_build.h"
#include "spec/reference.h"
#include "spec/spec.h"

const char *
model_backup_option(const BackupRepo *repo, const char *name)
{
	ListCell   *lc;

	foreach(lc, repo->options)
	{
		const BackupOption *option = lfirst(lc);

		if (strcmp(option->name, name) == 0)
			return option->value;
	}
	return NULL;
}

/* pgBackRest's default is the type posix */
bool
model_backup_is_local(const BackupRepo *repo)
{
	const char *type = model_backup_option(repo, "type");

	return type == NULL || strcmp(type, "posix") == 0 || strcmp(type, "cifs") == 0;
}

/* what a declaration amounts to nothing by; the first reason is kept */
static void
set_problem(BackupSpec *spec, char *problem)
{
	if (spec->problem == NULL)
		spec->problem = problem;
}

/* booleans are y and n, everything else is what stands in the source; NULL: nothing */
static char *
option_value(const BackupOptionDef *def, const SpecNode *value)
{
	const char *text = node_text(value);

	if (def != NULL && def->type == PT_BOOL && value->kind == NODE_BOOL)
		return pstrdup(value->boolean ? "y" : "n");
	if (def != NULL && def->type == PT_BOOL && text != NULL)
	{
		/* 'yes' in quotes */
		bool		on;

		if (parse_bool(text, &on))
			return pstrdup(on ? "y" : "n");
	}
	return text == NULL || text[0] == '\0' ? NULL : pstrdup(text);
}

/* one option; one that is null or empty is not declared */
static void
add_option(BackupSpec *spec, BackupRepo *repo, const SpecEntry *entry)
{
	const BackupOptionDef *def = backup_option(entry->key);
	char	   *value = option_value(def, entry->value);
	BackupOption *option;

	if (spec_is_jinja(entry->value))
		set_problem(spec, psprintf("pgbackrest_repo.%s.%s is a Jinja expression: what it holds is not known",
								   repo->name, entry->key));
	if (spec_reference(entry->value, NULL, NULL))
		set_problem(spec, psprintf("pgbackrest_repo.%s.%s is a reference, which pgbackrest.conf cannot hold: declare the value itself, which is kept in pgops.secret",
								   repo->name, entry->key));
	if (value == NULL || def == NULL)
		return;
	option = palloc0(sizeof(BackupOption));
	option->name = pstrdup(entry->key);
	option->value = value;
	option->secret = catalogue_is_secret("pgbackrest_repo", entry->key);
	option->since = def->since;
	repo->options = lappend(repo->options, option);
}

/* a repository by its name, with its options in the order of the declaration */
static void
add_repo(BackupSpec *spec, const SpecNode *repos, const char *name)
{
	const SpecNode *declared = repos ? node_get(repos, name) : NULL;
	BackupRepo *repo = palloc0(sizeof(BackupRepo));
	ListCell   *lc;

	repo->name = pstrdup(name);
	spec->repos = lappend(spec->repos, repo);
	if (declared == NULL || declared->kind != NODE_MAP)
	{
		set_problem(spec, psprintf("pgbackrest_repo has no repository \"%s\"", name));
		return;
	}
	foreach(lc, declared->entries)
		add_option(spec, repo, lfirst(lc));
	if (model_backup_option(repo, "path") == NULL)
		set_problem(spec, psprintf("repository \"%s\" of pgbackrest_repo has no path", name));
}

/* whether somebody declares a parameter as something */
static bool
is_declared(const ModelBuild *build, const char *param)
{
	const SpecNode *value = model_declared_param(build, param);

	return value != NULL && value->kind != NODE_NULL;
}

/*
 * The catalogue has defaults for all of it, and nobody must find archiving
 * switched on who never spoke of backups.  A word that only Ansible evaluates
 * is no boolean, and switches nothing on by itself.
 */
static bool
is_wanted(const ModelBuild *build)
{
	const SpecNode *enabled = model_declared_param(build, "pgbackrest_enabled");

	if (enabled != NULL && enabled->kind == NODE_BOOL)
		return enabled->boolean;
	return is_declared(build, "pgbackrest_repo") || is_declared(build, "pgbackrest_method");
}

/* Cluster.backup: NULL where backups are not declared, or declared as disabled */
void
model_build_backup(const ModelBuild *build, Cluster *cluster)
{
	BackupSpec *spec;
	const SpecNode *repos = model_param(build, "pgbackrest_repo");
	const SpecNode *method = model_declared_param(build, "pgbackrest_method");
	ListCell   *lc;

	if (!is_wanted(build))
	{
		const SpecNode *enabled = model_declared_param(build, "pgbackrest_enabled");

		cluster->backup_disabled = enabled != NULL && enabled->kind == NODE_BOOL;
		return;
	}
	spec = palloc0(sizeof(BackupSpec));
	if (repos != NULL && spec_is_jinja(repos))
		set_problem(spec, pstrdup("pgbackrest_repo is a Jinja expression: what it holds is not known"));
	if (method != NULL && spec_is_jinja(method))
		set_problem(spec, pstrdup("pgbackrest_method is a Jinja expression: what it holds is not known"));
	foreach(lc, backup_methods(method, repos))
		add_repo(spec, repos, lfirst(lc));
	if (is_declared(build, "pgbackrest_log_dir"))
		spec->log_dir = model_param_text(build, "pgbackrest_log_dir");
	spec->init_backup = model_param_bool(build, "pgbackrest_init_backup");
	cluster->backup = spec;
}
