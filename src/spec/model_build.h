/*
 * model_build.h
 *		What the parts of model_build() share: the place where a parameter's
 *		value is looked up, and reading the fields of a declared entry.
 *
 * Private to src/spec/model*.c.  Not for: the model itself (model.h).
 */
#ifndef PGOPS_SPEC_MODEL_BUILD_H
#define PGOPS_SPEC_MODEL_BUILD_H

#include "spec/model.h"
#include "spec/names.h"
#include "spec/placeholder.h"

typedef struct ModelBuild
{
	const char *name;			/* of the cluster, for paths of findings */
	const SpecNode *vars;			/* cluster level, or NULL */
	const SpecNode *globals;		/* or NULL */
	const SpecNode *self_vars;		/* instance level, or NULL */
	const char *declared_dbsu;	/* what pg_dbsu holds */
	const char *real_dbsu;		/* the bootstrap superuser */
	bool		dbsu_is_ordinary;	/* pg_users declares a role named as pg_dbsu */
	Placeholders placeholders;	/* what texts are resolved with */
	SpecNames  *resolved;		/* SpecNode: parameters that hold placeholders, resolved */
	Findings   *findings;
} ModelBuild;

/* a parameter's value by precedence, placeholders resolved, or NULL; the second
 * never looks at the catalogue */
extern const SpecNode *model_param(const ModelBuild *build, const char *param);
extern const SpecNode *model_declared_param(const ModelBuild *build, const char *param);

/* the same as a palloc'd text: NULL when missing, null, empty or no scalar */
extern char *model_param_text(const ModelBuild *build, const char *param);
extern bool model_param_bool(const ModelBuild *build, const char *param);

/* items of a list parameter; NIL if it is missing or null */
extern List *model_param_items(const ModelBuild *build, const char *param);

/* the same items, each in its place, as they are written: placeholders are not resolved */
extern List *model_written_items(const ModelBuild *build, const char *param);

/* as model_param_text, but "otherwise" (copied) instead of NULL */
extern char *model_param_text_or(const ModelBuild *build, const char *param,
								 const char *otherwise);

/* name of the list item at an index: cluster.pg_users[3] */
extern char *model_item_path(const ModelBuild *build, const char *param, int index);

/* the role that a declared name means on this server (see pg_dbsu); palloc'd */
extern char *model_role_name(const ModelBuild *build, const char *declared);

/* fields of an entry; text: NULL when missing, null or empty; the others tell
 * whether the field is declared and leave *value alone if it is not */
extern char *model_field_text(const SpecNode *entry, const char *field);
extern bool model_field_bool(const SpecNode *entry, const char *field, bool *value);
extern bool model_field_int(const SpecNode *entry, const char *field, int *value);
extern ObjectState model_field_state(const SpecNode *entry);

/* name of an entry in short ("x") or long ({name: x}) form; NULL if it has none */
extern char *model_entry_name(const SpecNode *entry);

/* the parts, one per kind of object */
extern void model_build_roles(const ModelBuild *build, Cluster *cluster);
extern void model_build_databases(const ModelBuild *build, Cluster *cluster);
extern void model_build_privileges(const ModelBuild *build, Cluster *cluster);
extern void model_build_hba(const ModelBuild *build, Cluster *cluster);
extern void model_build_schedules(const ModelBuild *build, Cluster *cluster);
extern void model_build_backup(const ModelBuild *build, Cluster *cluster);
extern void model_build_parameters(const ModelBuild *build, Cluster *cluster);
extern void model_build_tune(const ModelBuild *build, Cluster *cluster);
extern void model_build_patroni(const ModelBuild *build, Cluster *cluster, const SpecNode *body);
extern List *model_build_settings(const ModelBuild *build, const SpecNode *parameters,
								  const char *path);

/* adds a setting, or replaces the one of the same name in its place */
extern List *model_add_setting(List *settings, Setting *setting);
extern List *model_build_schemas(const ModelBuild *build, List *items);

/*
 * List of DefaultPrivilege * from a field: clauses about one object ('d', 'n'),
 * or (objtype 0) of ALTER DEFAULT PRIVILEGES.  *declared: whether it is a list.
 */
extern List *model_build_clauses(const ModelBuild *build, const SpecNode *entry,
								 const char *field, char objtype, bool *declared);
extern List *model_build_extensions(List *items);

#endif							/* PGOPS_SPEC_MODEL_BUILD_H */
