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
resolve_roles(const ModelBuild *build, DefaultPrivilege *privilege)
{
	ListCell   *cell;

	foreach(cell, privilege->roles)
		lfirst(cell) = model_role_name(build, lfirst(cell));
	foreach(cell, privilege->grantees)
	{
		const char *name = lfirst(cell);

		if (name[0] != '\0')
			lfirst(cell) = model_role_name(build, name);
	}
}

/* "FOR ROLE a, b "; nothing for no names */
static void
append_names(StringInfo str, const char *keyword, List *names)
{
	ListCell   *cell;

	foreach(cell, names)
		appendStringInfo(str, "%s%s", foreach_current_index(cell) > 0 ? ", " : keyword,
						 quote_identifier(lfirst(cell)));
	if (names != NIL)
		appendStringInfoChar(str, ' ');
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
	append_names(&str, "FOR ROLE ", privilege->roles);
	append_names(&str, "IN SCHEMA ", privilege->schemas);
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
	resolve_roles(build, privilege);
	privilege->text = canonical_text(privilege);
	cluster->default_privileges = lappend(cluster->default_privileges, privilege);
}

/*
 * Faulty clauses, which validation has refused, are left out here: a privilege
 * less is what a text that nobody understands may mean at most.
 */
List *
model_build_clauses(const ModelBuild *build, const SpecNode *entry, const char *field,
					char objtype, bool *declared)
{
	const SpecNode *list = node_get(entry, field);
	List	   *clauses = NIL;
	ListCell   *cell;

	*declared = list != NULL && list->kind == NODE_LIST;
	if (!*declared)
		return NIL;
	foreach(cell, list->items)
	{
		const SpecNode *item = lfirst(cell);
		DefaultPrivilegeProblem problem;
		DefaultPrivilege *privilege = NULL;

		if (item->kind == NODE_STRING)
			privilege = objtype == 0 ? own_default_privilege_parse(item->text, &problem) :
				object_privilege_parse(item->text, objtype, &problem);
		if (privilege == NULL)
			continue;
		resolve_roles(build, privilege);
		privilege->text = canonical_text(privilege);
		clauses = lappend(clauses, privilege);
	}
	return clauses;
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
