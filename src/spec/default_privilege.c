/*
 * default_privilege.c
 *		What default privileges there are, and reading a declared one, or one
 *		on a database or schema.
 *
 * Not for: for which roles and in which databases they are set (plan/).
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "errors.h"
#include "spec/default_privilege.h"

const TypePrivilege type_privileges[] = {
	{'r', "INSERT", 15, false},
	{'r', "SELECT", 15, false},
	{'r', "UPDATE", 15, false},
	{'r', "DELETE", 15, false},
	{'r', "TRUNCATE", 15, false},
	{'r', "REFERENCES", 15, false},
	{'r', "TRIGGER", 15, false},
	{'r', "MAINTAIN", 17, false},
	{'S', "USAGE", 15, false},
	{'S', "SELECT", 15, false},
	{'S', "UPDATE", 15, false},
	{'f', "EXECUTE", 15, true},
	{'T', "USAGE", 15, true},
	{'n', "USAGE", 15, false},
	{'n', "CREATE", 15, false},
	{'L', "SELECT", 18, false},
	{'L', "UPDATE", 18, false},
	{'d', "CREATE", 15, false},
	{'d', "TEMPORARY", 15, true},
	{'d', "CONNECT", 15, true},
	{0, NULL, 0, false}
};

/* what ALTER DEFAULT PRIVILEGES can be about, in pg_default_acl's letters; and databases */
static const struct
{
	char		objtype;
	const char *keyword;
	ObjectType	type;			/* what the grammar calls it */
}			type_keywords[] = {
	{'r', "TABLES", OBJECT_TABLE},
	{'S', "SEQUENCES", OBJECT_SEQUENCE},
	{'f', "FUNCTIONS", OBJECT_FUNCTION},
	{'T', "TYPES", OBJECT_TYPE},
	{'n', "SCHEMAS", OBJECT_SCHEMA},
	{'L', "LARGE OBJECTS", OBJECT_LARGEOBJECT},
	{'d', "DATABASES", OBJECT_DATABASE},
};

/*
 * The letters come from pg_default_acl or from letter_of(), so an unknown one
 * is a mistake of ours or a server newer than we know.
 */
const char *
default_privilege_keyword(char objtype)
{
	for (int i = 0; i < lengthof(type_keywords); i++)
	{
		if (type_keywords[i].objtype == objtype)
			return type_keywords[i].keyword;
	}
	elog(ERROR, "unrecognized object type letter: %c", objtype);
	return NULL;				/* keep compiler quiet */
}

/*
 * 0 for kinds that have no default privileges: the grammar accepts a few more
 * than ALTER DEFAULT PRIVILEGES can carry out.
 */
static char
letter_of(ObjectType type)
{
	for (int i = 0; i < lengthof(type_keywords); i++)
	{
		if (type_keywords[i].type == type)
			return type_keywords[i].objtype;
	}
	return 0;
}

/* ---- the text ---- */

/*
 * The next word of a clause, or NULL at anything that is no word (quotes, a
 * comment, the end); commas and blanks are passed.
 */
static char *
next_word(char **rest, size_t *length)
{
	char	   *word = *rest + strspn(*rest, ", \t\r\n\f\v");

	*length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	*rest = word + *length;
	return *length > 0 ? word : NULL;
}

/* keywords in any case; NULL is no keyword */
static bool
word_is(const char *word, size_t length, const char *keyword)
{
	return word != NULL && strlen(keyword) == length &&
		pg_strncasecmp(word, keyword, length) == 0;
}

/*
 * The grammar knows LARGE OBJECTS since PostgreSQL 18.  So that a declaration
 * for it is understood, and can be reported, by older servers too, TABLES is
 * written in its place; returns whether it stood there.  Only plain words come
 * before it.
 */
static bool
hide_large_objects(char *clause)
{
	char	   *rest = clause;
	char	   *word;
	size_t		length;

	while ((word = next_word(&rest, &length)) != NULL)
	{
		char	   *start;

		if (!word_is(word, length, "on"))
			continue;
		start = next_word(&rest, &length);
		if (!word_is(start, length, "large"))
			return false;
		word = next_word(&rest, &length);
		if (!word_is(word, length, "objects"))
			return false;
		memset(start, ' ', rest - start);
		memcpy(start, "TABLES", strlen("TABLES"));
		return true;
	}
	return false;
}

/*
 * The one statement in a text, or NULL and what the grammar says.  The error
 * is caught because bad input is a finding; the grammar only allocates, so
 * there is nothing that an aborted transaction would have to undo.
 */
static Node *
parse_statement(const char *sql, char **message)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile tree = NIL;
	char	   *volatile complaint = NULL;

	PG_TRY();
	{
		tree = raw_parser(sql, RAW_PARSE_DEFAULT);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		/* anything but a complaint about the text is not ours to swallow */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
		complaint = pstrdup(error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();

	*message = complaint;
	return list_length(tree) == 1 ? linitial_node(RawStmt, tree)->stmt : NULL;
}

/* ---- what the statement says ---- */

/* Returns NULL, so that a caller can return what it returns. */
static void *
problem_is(DefaultPrivilegeProblem *problem, int sqlstate, const char *hint, char *message)
{
	problem->sqlstate = sqlstate;
	problem->hint = hint;
	problem->message = message;
	return NULL;
}

/*
 * The grammar hands keywords over in lower case; ACLs and documentation have
 * them in capitals.  ASCII only, whatever the locale.
 */
static char *
upper_keyword(const char *word)
{
	char	   *upper = pstrdup(word);

	for (char *p = upper; *p; p++)
		*p = pg_ascii_toupper((unsigned char) *p);
	return upper;
}

/* "SELECT, UPDATE": the privileges that a kind of object has in any version */
static char *
privileges_of(char objtype)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		if (type->objtype == objtype)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", type->privilege);
	}
	return names.data;
}

/*
 * In any supported version: whether this server has it, the plan asks with
 * min_major.
 */
static bool
has_privilege(char objtype, const char *privilege)
{
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		if (type->objtype == objtype && strcmp(type->privilege, privilege) == 0)
			return true;
	}
	return false;
}

/* Privileges in upper case; ALL is one element of its own.  False: see the problem. */
static bool
read_privileges(const GrantStmt *grant, DefaultPrivilege *result,
				DefaultPrivilegeProblem *problem)
{
	ListCell   *cell;

	if (grant->privileges == NIL)
		result->privileges = list_make1(pstrdup("ALL"));
	foreach(cell, grant->privileges)
	{
		const AccessPriv *item = lfirst(cell);
		char	   *privilege = item->priv_name ? upper_keyword(item->priv_name) : NULL;

		if (privilege == NULL || item->cols != NIL)
		{
			problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED, NULL,
					   pstrdup("default privileges have no columns"));
			return false;
		}
		if (strcmp(privilege, "TEMP") == 0)
			privilege = pstrdup("TEMPORARY");
		if (!has_privilege(result->objtype, privilege))
		{
			problem_is(problem, ERRCODE_PGOPS_UNKNOWN_NAME,
					   psprintf("There are: %s.", privileges_of(result->objtype)),
					   psprintf("%s have no privilege %s",
								default_privilege_keyword(result->objtype), privilege));
			return false;
		}
		result->privileges = lappend(result->privileges, privilege);
	}
	return true;
}

/* Names of the grantees, PUBLIC as "".  False for CURRENT_USER and the like. */
static bool
read_grantees(const GrantStmt *grant, DefaultPrivilege *result,
			  DefaultPrivilegeProblem *problem)
{
	ListCell   *cell;

	foreach(cell, grant->grantees)
	{
		const RoleSpec *role = lfirst(cell);

		if (role->roletype != ROLESPEC_PUBLIC && role->roletype != ROLESPEC_CSTRING)
		{
			problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED,
					   "Name the role: who is current or session user is not known here.",
					   pstrdup("a grantee must be a role's name or PUBLIC"));
			return false;
		}
		result->grantees = lappend(result->grantees,
								   pstrdup(role->roletype == ROLESPEC_PUBLIC ? "" :
										   role->rolename));
	}
	return true;
}

/* FOR ROLE and IN SCHEMA.  False: see the problem. */
static bool
read_targets(List *options, bool allowed, DefaultPrivilege *result,
			 DefaultPrivilegeProblem *problem)
{
	ListCell   *cell;
	ListCell   *item;

	if (options != NIL && !allowed)
	{
		problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED, "Begin with GRANT or REVOKE.",
				   pstrdup("FOR ROLE and IN SCHEMA are not supported in a default privilege"));
		return false;
	}
	foreach(cell, options)
	{
		const DefElem *option = lfirst(cell);

		foreach(item, castNode(List, option->arg))
		{
			const RoleSpec *role = lfirst(item);

			if (strcmp(option->defname, "schemas") == 0)
				result->schemas = lappend(result->schemas, pstrdup(strVal(lfirst(item))));
			else if (role->roletype == ROLESPEC_CSTRING)
				result->roles = lappend(result->roles, pstrdup(role->rolename));
			else
			{
				problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED,
						   "Name the role: who is current or session user is not known here.",
						   pstrdup("FOR ROLE must be followed by names of roles"));
				return false;
			}
		}
	}
	return true;
}

/*
 * What both kinds of clauses have in common; NULL, and the problem, if it is
 * refused.  "what": how a message calls the kind.
 */
static DefaultPrivilege *
read_grant(const GrantStmt *grant, const char *what, DefaultPrivilege *result,
		   DefaultPrivilegeProblem *problem)
{
	result->is_grant = grant->is_grant;
	result->grant_option = grant->grant_option;
	if (!grant->is_grant && grant->grant_option)
		return problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED,
						  "Revoke the privilege, and grant it without the option.",
						  psprintf("GRANT OPTION FOR is not supported in a %s", what));
	if (!read_privileges(grant, result, problem) || !read_grantees(grant, result, problem))
		return NULL;
	return result;
}

/*
 * The grammar allocates in the current context, and its tree stays there with
 * the result; both go when the caller's context goes.
 */
static DefaultPrivilege *
parse_default(const char *str, bool targets, DefaultPrivilegeProblem *problem)
{
	char	   *clause = pstrdup(str);
	bool		large_objects = hide_large_objects(clause);
	char	   *message;
	Node	   *node = parse_statement(psprintf("ALTER DEFAULT PRIVILEGES %s", clause), &message);
	AlterDefaultPrivilegesStmt *statement = (AlterDefaultPrivilegesStmt *) node;
	DefaultPrivilege *result = palloc0(sizeof(DefaultPrivilege));

	if (message != NULL)
		return problem_is(problem, ERRCODE_PGOPS_SYNTAX,
						  "Write it like \"GRANT SELECT ON TABLES TO dbrole_readonly\".",
						  psprintf("not a clause of ALTER DEFAULT PRIVILEGES: %s", message));
	if (node == NULL || !IsA(node, AlterDefaultPrivilegesStmt))
		return problem_is(problem, ERRCODE_PGOPS_SYNTAX,
						  "Write it like \"GRANT SELECT ON TABLES TO dbrole_readonly\".",
						  pstrdup("a default privilege must be a single GRANT or REVOKE clause"));
	if (!read_targets(statement->options, targets, result, problem))
		return NULL;
	result->objtype = large_objects ? 'L' : letter_of(statement->action->objtype);
	if (result->objtype == 0)
		return problem_is(problem, ERRCODE_PGOPS_NOT_SUPPORTED, NULL,
						  pstrdup("this kind of object has no default privileges"));
	return read_grant(statement->action, "default privilege", result, problem);
}

DefaultPrivilege *
default_privilege_parse(const char *str, DefaultPrivilegeProblem *problem)
{
	return parse_default(str, false, problem);
}

DefaultPrivilege *
own_default_privilege_parse(const char *str, DefaultPrivilegeProblem *problem)
{
	return parse_default(str, true, problem);
}

/* ---- privileges on one object ---- */

/*
 * The clause as a statement: the object, which the clause does not name, is put
 * before TO or FROM.  Privileges are plain words, so the first of these words
 * is the one.  NULL if there is none.
 */
static char *
complete_clause(const char *str, char objtype)
{
	char	   *clause = pstrdup(str);
	char	   *rest = clause;
	char	   *word;
	size_t		length;

	while ((word = next_word(&rest, &length)) != NULL)
	{
		if (word_is(word, length, "to") || word_is(word, length, "from"))
			return psprintf("%s ON %s object %s", pnstrdup(clause, word - clause),
							objtype == 'd' ? "DATABASE" : "SCHEMA", word);
	}
	return NULL;
}

/* Memory as in parse_default(). */
DefaultPrivilege *
object_privilege_parse(const char *str, char objtype, DefaultPrivilegeProblem *problem)
{
	const char *hint = objtype == 'd' ? "Write it like \"GRANT CONNECT TO app\"." :
		"Write it like \"GRANT USAGE TO app\".";
	char	   *statement = complete_clause(str, objtype);
	char	   *message = NULL;
	Node	   *node = statement ? parse_statement(statement, &message) : NULL;
	DefaultPrivilege *result = palloc0(sizeof(DefaultPrivilege));

	if (message != NULL)
		return problem_is(problem, ERRCODE_PGOPS_SYNTAX, hint,
						  psprintf("not a GRANT or REVOKE clause: %s", message));
	if (node == NULL || !IsA(node, GrantStmt) || ((GrantStmt *) node)->grantor != NULL)
		return problem_is(problem, ERRCODE_PGOPS_SYNTAX, hint,
						  pstrdup("a privilege must be a single GRANT or REVOKE clause"));
	result->objtype = objtype;
	return read_grant((GrantStmt *) node, "declared privilege", result, problem);
}
