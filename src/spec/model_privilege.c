/*
 * model_privilege.c
 *		Declared default privileges, read by the server's own grammar, and the
 *		default schemas and extensions of template1 and the primary database.
 *
 * Not for: on which roles and databases they are set (plan/).
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "errors.h"
#include "spec/model_build.h"

/* what ALTER DEFAULT PRIVILEGES knows, in pg_default_acl's letters */
typedef struct DefaultObject
{
	ObjectType	type;
	char		letter;
	const char *keyword;
} DefaultObject;

static const DefaultObject default_objects[] = {
	{OBJECT_TABLE, 'r', "TABLES"},
	{OBJECT_SEQUENCE, 'S', "SEQUENCES"},
	{OBJECT_FUNCTION, 'f', "FUNCTIONS"},
	{OBJECT_TYPE, 'T', "TYPES"},
	{OBJECT_SCHEMA, 'n', "SCHEMAS"},
	{OBJECT_LARGEOBJECT, 'L', "LARGE OBJECTS"}, /* the grammar of 18 knows it */
};

static const DefaultObject *
find_object(ObjectType type)
{
	for (int i = 0; i < lengthof(default_objects); i++)
	{
		if (default_objects[i].type == type)
			return &default_objects[i];
	}
	return NULL;
}

/*
 * Parses "ALTER DEFAULT PRIVILEGES <text>".  NULL, and the reason, if it is
 * not exactly one such statement.
 */
static AlterDefaultPrivilegesStmt *
parse_default_privilege(const char *str, const char **reason)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *statement = psprintf("ALTER DEFAULT PRIVILEGES %s", str);
	List	   *volatile parsed = NIL;
	RawStmt    *raw;

	*reason = NULL;
	PG_TRY();
	{
		parsed = raw_parser(statement, RAW_PARSE_DEFAULT);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* the grammar only allocates: there is no other state to clean up */
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		*reason = error->message;
	}
	PG_END_TRY();

	if (*reason != NULL)
		return NULL;
	raw = list_length(parsed) == 1 ? linitial_node(RawStmt, parsed) : NULL;
	if (raw == NULL || !IsA(raw->stmt, AlterDefaultPrivilegesStmt))
	{
		*reason = "it is not one GRANT or REVOKE";
		return NULL;
	}
	return (AlterDefaultPrivilegesStmt *) raw->stmt;
}

static char *
upper_keyword(const char *word)
{
	char	   *upper = pstrdup(word);

	for (char *p = upper; *p; p++)
		*p = pg_ascii_toupper((unsigned char) *p);
	return upper;
}

/* Privileges in upper case, each once; ALL is one element of its own.  False for columns. */
static bool
read_privileges(const GrantStmt *grant, DefaultPrivilege *result)
{
	ListCell   *cell;

	if (grant->privileges == NIL)
	{
		result->privileges = list_make1(pstrdup("ALL"));
		return true;
	}
	foreach(cell, grant->privileges)
	{
		const AccessPriv *privilege = lfirst(cell);

		if (privilege->priv_name == NULL || privilege->cols != NIL)
			return false;
		result->privileges = lappend(result->privileges, upper_keyword(privilege->priv_name));
	}
	return true;
}

/* Names of the grantees, PUBLIC as "".  False for CURRENT_USER and the like. */
static bool
read_grantees(const ModelBuild *build, const GrantStmt *grant, DefaultPrivilege *result)
{
	ListCell   *cell;

	foreach(cell, grant->grantees)
	{
		const RoleSpec *role = lfirst(cell);

		if (role->roletype == ROLESPEC_PUBLIC)
			result->grantees = lappend(result->grantees, pstrdup(""));
		else if (role->roletype == ROLESPEC_CSTRING)
			result->grantees = lappend(result->grantees,
									   model_role_name(build, role->rolename));
		else
			return false;
	}
	return true;
}

/*
 * The statement's text in one spelling, however it was declared: it names the
 * privilege in plans and in what pgops remembers.
 */
static char *
canonical_text(const DefaultPrivilege *privilege, const char *object)
{
	StringInfoData str;
	ListCell   *cell;

	initStringInfo(&str);
	appendStringInfoString(&str, privilege->is_grant ? "GRANT " : "REVOKE ");
	if (!privilege->is_grant && privilege->grant_option)
		appendStringInfoString(&str, "GRANT OPTION FOR ");
	foreach(cell, privilege->privileges)
		appendStringInfo(&str, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 (char *) lfirst(cell));
	appendStringInfo(&str, " ON %s %s ", object, privilege->is_grant ? "TO" : "FROM");
	foreach(cell, privilege->grantees)
	{
		const char *grantee = lfirst(cell);

		appendStringInfo(&str, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 grantee[0] ? quote_identifier(grantee) : "PUBLIC");
	}
	if (privilege->is_grant && privilege->grant_option)
		appendStringInfoString(&str, " WITH GRANT OPTION");
	return str.data;
}

/* One declared string; NULL, and the reason, if it cannot be used. */
static DefaultPrivilege *
build_default_privilege(const ModelBuild *build, const char *str, const char **reason)
{
	AlterDefaultPrivilegesStmt *statement = parse_default_privilege(str, reason);
	const DefaultObject *object;
	DefaultPrivilege *result;

	if (statement == NULL)
		return NULL;
	if (statement->options != NIL)
	{
		*reason = "FOR ROLE and IN SCHEMA are chosen by pgops";
		return NULL;
	}
	object = find_object(statement->action->objtype);
	if (object == NULL)
	{
		*reason = "this kind of object has no default privileges";
		return NULL;
	}

	result = palloc0(sizeof(DefaultPrivilege));
	result->is_grant = statement->action->is_grant;
	result->grant_option = statement->action->grant_option;
	result->objtype = object->letter;
	if (!read_privileges(statement->action, result))
	{
		*reason = "default privileges have no columns";
		return NULL;
	}
	if (!read_grantees(build, statement->action, result))
	{
		*reason = "a grantee must be a role's name or PUBLIC";
		return NULL;
	}
	result->text = canonical_text(result, object->keyword);
	return result;
}

static void
add_default_privilege(const ModelBuild *build, Cluster *cluster,
					  const SpecNode *item, int index)
{
	const char *str = item->kind == NODE_STRING ? item->text : NULL;
	const char *reason = "a text is expected";
	DefaultPrivilege *privilege = NULL;

	if (str != NULL)
		privilege = build_default_privilege(build, str, &reason);
	if (privilege != NULL)
	{
		cluster->default_privileges = lappend(cluster->default_privileges, privilege);
		return;
	}
	finding_add(build->findings, FINDING_ERROR, ERRCODE_PGOPS_INVALID_DOCUMENT, item,
				model_item_path(build, "pg_default_privileges", index),
				"Write what follows ALTER DEFAULT PRIVILEGES, such as GRANT SELECT ON TABLES TO dbrole_readonly.",
				"not a default privilege: %s", reason);
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
