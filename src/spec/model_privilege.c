/*
 * model_privilege.c
 *		Declared default privileges, and the default schemas and extensions of
 *		template1 and the primary database.
 *
 * Not for: reading one (default_privilege.c), nor on which roles and databases
 * they are set (plan/).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "spec/default_privilege.h"
#include "spec/model_build.h"

/* ${dbsu}'s name and the like are the server's from here on; PUBLIC is "" */
static void
resolve_grantees(const ModelBuild *build, DefaultPrivilege *privilege)
{
	ListCell   *cell;

	foreach(cell, privilege->grantees)
	{
		const char *name = lfirst(cell);

		if (name[0] != '\0')
			lfirst(cell) = model_role_name(build, name);
	}
}

/*
 * The statement's text in one spelling, however it was declared: it names the
 * privilege in plans and in what pgops remembers.
 */
static char *
canonical_text(const DefaultPrivilege *privilege)
{
	StringInfoData str;
	ListCell   *cell;

	initStringInfo(&str);
	appendStringInfoString(&str, privilege->is_grant ? "GRANT " : "REVOKE ");
	foreach(cell, privilege->privileges)
		appendStringInfo(&str, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 (char *) lfirst(cell));
	appendStringInfo(&str, " ON %s %s ", default_privilege_keyword(privilege->objtype),
					 privilege->is_grant ? "TO" : "FROM");
	foreach(cell, privilege->grantees)
	{
		const char *grantee = lfirst(cell);

		appendStringInfo(&str, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 grantee[0] ? quote_identifier(grantee) : "PUBLIC");
	}
	if (privilege->grant_option)
		appendStringInfoString(&str, " WITH GRANT OPTION");
	return str.data;
}

/*
 * Parsed again although validation did so: the tree holds text, and the model
 * must not be built from what nobody checked (a value written directly into
 * the tables of the CMDB).
 */
static void
add_default_privilege(const ModelBuild *build, Cluster *cluster,
					  const SpecNode *item, int index)
{
	DefaultPrivilegeProblem problem = {ERRCODE_PGOPS_WRONG_TYPE, "a text is expected", NULL};
	DefaultPrivilege *privilege = NULL;

	if (item->kind == NODE_STRING)
		privilege = default_privilege_parse(item->text, &problem);
	if (privilege == NULL)
	{
		finding_add(build->findings, FINDING_ERROR, problem.sqlstate, item,
					model_item_path(build, "pg_default_privileges", index), problem.hint,
					"%s", problem.message);
		return;
	}
	resolve_grantees(build, privilege);
	privilege->text = canonical_text(privilege);
	cluster->default_privileges = lappend(cluster->default_privileges, privilege);
}

/*
 * model_build_privileges
 *		Fills default_privileges, default_schemas and default_extensions.
 */
void
model_build_privileges(const ModelBuild *build, Cluster *cluster)
{
	ListCell   *cell;

	foreach(cell, model_param_items(build, "pg_default_privileges"))
		add_default_privilege(build, cluster, lfirst(cell), foreach_current_index(cell));

	cluster->default_schemas =
		model_build_schemas(build, model_param_items(build, "pg_default_schemas"));
	cluster->default_extensions =
		model_build_extensions(model_param_items(build, "pg_default_extensions"));
}
