/*
 * model_document_acl.c
 *		An observed ACL as the clauses that make it out of the built-in one.
 *
 * A new object has the built-in privileges, so a document has to say only what
 * differs from them.  Whether an ACL is NULL, which means the same, or spells
 * them out, which happens at the first GRANT, makes no difference here.
 *
 * Not for: on what object, or for which role's future objects, a clause is.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "spec/default_privilege.h"
#include "spec/model_document.h"

/* ---- single privileges ---- */

/* either may be NULL, which is PUBLIC and nobody else */
static bool
same_grantee(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * Whether somebody (NULL: PUBLIC) has a privilege without any grant.  initdb
 * grants and revokes a little on its own; for the document this is built in,
 * too, as every server begins with it.
 */
static bool
built_in(const DocumentAcl *base, const TypePrivilege *type, const char *grantee)
{
	if (base->from_nothing)
		return false;
	if (grantee != NULL)
		return same_grantee(grantee, base->owner);
	if (base->no_temporary && strcmp(type->privilege, "TEMPORARY") == 0)
		return false;
	return type->to_public || (base->public_usage && strcmp(type->privilege, "USAGE") == 0);
}

/*
 * Whether the ACL gives a privilege, with grant option in *grantable, if by
 * anybody.  The owner can always grant; whether the ACL says so changes nothing
 * and depends on how it came about.
 */
static bool
has_privilege(const DocumentAcl *base, List *acl, const char *privilege, const char *grantee,
			  bool *grantable)
{
	bool		found = false;
	ListCell   *cell;

	*grantable = false;
	foreach(cell, acl)
	{
		const AclEntry *entry = lfirst(cell);

		if (!same_grantee(entry->grantee, grantee) || strcmp(entry->privilege, privilege) != 0)
			continue;
		found = true;
		*grantable = *grantable || (entry->grantable && !same_grantee(grantee, base->owner));
	}
	return found;
}

/* ---- clauses ---- */

/*
 * What a clause is about.  One GRANT says either with grant option or without,
 * so a grantee may need two of them.
 */
typedef enum ClauseKind
{
	CLAUSE_REVOKE,
	CLAUSE_GRANT,
	CLAUSE_GRANT_OPTION
} ClauseKind;

/* which clause a privilege of a grantee belongs into; false: none, it is built in */
static bool
kind_of(const DocumentAcl *base, List *acl, const TypePrivilege *type, const char *grantee,
		ClauseKind *kind)
{
	bool		usual = built_in(base, type, grantee);
	bool		grantable;
	bool		has = has_privilege(base, acl, type->privilege, grantee, &grantable);

	*kind = !has ? CLAUSE_REVOKE : grantable ? CLAUSE_GRANT_OPTION : CLAUSE_GRANT;
	return has != usual || (has && grantable);
}

/*
 * One clause of one grantee, or NULL if no privilege belongs into it.  The
 * privileges are spelled out even where they are all there are: ALL would be
 * more on a newer server.
 */
static SpecNode *
clause_node(const ModelServer *server, const DocumentAcl *base, List *acl,
			const char *grantee, ClauseKind kind)
{
	StringInfoData str;
	bool		empty = true;

	initStringInfo(&str);
	appendStringInfo(&str, "%s%s ", base->prefix ? base->prefix : "",
					 kind == CLAUSE_REVOKE ? "REVOKE" : "GRANT");
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		ClauseKind	its;

		if (type->objtype != base->objtype || server->major < type->min_major ||
			!kind_of(base, acl, type, grantee, &its) || its != kind)
			continue;
		appendStringInfo(&str, "%s%s", empty ? "" : ", ", type->privilege);
		empty = false;
	}
	if (empty)
		return NULL;
	appendStringInfo(&str, "%s %s %s%s", base->on ? base->on : "",
					 kind == CLAUSE_REVOKE ? "FROM" : "TO",
					 grantee ? quote_identifier(document_role_name(server, grantee)) : "PUBLIC",
					 kind == CLAUSE_GRANT_OPTION ? " WITH GRANT OPTION" : "");
	return node_string(str.data);
}

/*
 * Whether a grantee is a role that exists.  What was granted to one that is gone
 * (a catalog that was mended by hand) stands in the ACL by its number, which no
 * statement can name.
 */
static bool
is_role(const ModelServer *server, const char *name)
{
	ListCell   *cell;

	foreach(cell, server->system_roles)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return model_find_role(server->roles, name) != NULL;
}

/* PUBLIC (NULL), the owner, and everybody whom the ACL names, each once */
static List *
grantees_of(const ModelServer *server, const DocumentAcl *base, List *acl)
{
	List	   *grantees = list_make2(NULL, unconstify(char *, base->owner));
	ListCell   *cell;
	ListCell   *known;

	foreach(cell, acl)
	{
		char	   *name = ((AclEntry *) lfirst(cell))->grantee;
		bool		seen = name == NULL;

		foreach(known, grantees)
			seen = seen || same_grantee(lfirst(known), name);
		if (!seen && is_role(server, name))
			grantees = lappend(grantees, name);
	}
	return grantees;
}

static int
text_order(const ListCell *a, const ListCell *b)
{
	return strcmp(((SpecNode *) lfirst(a))->text, ((SpecNode *) lfirst(b))->text);
}

/*
 * In the order of their texts, whatever the order in which privileges were
 * once granted: no two clauses are about the same privilege of the same role.
 */
List *
document_clauses(const ModelServer *server, const DocumentAcl *base, List *acl)
{
	List	   *clauses = NIL;
	ListCell   *cell;

	foreach(cell, grantees_of(server, base, acl))
	{
		for (ClauseKind kind = CLAUSE_REVOKE; kind <= CLAUSE_GRANT_OPTION; kind++)
		{
			SpecNode   *clause = clause_node(server, base, acl, lfirst(cell), kind);

			if (clause != NULL)
				clauses = lappend(clauses, clause);
		}
	}
	list_sort(clauses, text_order);
	return clauses;
}
