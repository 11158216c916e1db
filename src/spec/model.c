/*
 * model.c
 *		Access to the typed cluster: lookups by name, copies, the keywords of
 *		role attributes.
 *
 * Not for: building the model (model_cluster.c and its siblings).
 */
#include "postgres.h"

#include "spec/model.h"

/* indexed by RoleFlag; the fields are those of a declared user */
const RoleFlagName role_flag_names[ROLE_NFLAGS] = {
	[ROLE_SUPERUSER] = {"SUPERUSER", "NOSUPERUSER", "superuser", false},
	[ROLE_CREATEDB] = {"CREATEDB", "NOCREATEDB", "createdb", false},
	[ROLE_CREATEROLE] = {"CREATEROLE", "NOCREATEROLE", "createrole", false},
	[ROLE_INHERIT] = {"INHERIT", "NOINHERIT", "inherit", true},
	[ROLE_LOGIN] = {"LOGIN", "NOLOGIN", "login", false},
	[ROLE_REPLICATION] = {"REPLICATION", "NOREPLICATION", "replication", false},
	[ROLE_BYPASSRLS] = {"BYPASSRLS", "NOBYPASSRLS", "bypassrls", false},
};

/*
 * GUCs whose value is a list of identifiers, each quoted on its own
 * (GUC_LIST_QUOTE).  Extensions cannot define such a setting, so the list is
 * complete; pg_dump carries the same one.
 */
static const char *const list_settings[] = {
	"local_preload_libraries",
	"search_path",
	"session_preload_libraries",
	"shared_preload_libraries",
	"temp_tablespaces",
	"unix_socket_directories",
	NULL
};

/*
 * The structure of a name in a list of structures that begin with theirs, or
 * NULL.  A plain search: it is meant for one lookup; who looks up many names
 * makes an index.
 */
static void *
find_named(const List *list, const char *name)
{
	ListCell   *cell;

	foreach(cell, list)
	{
		/* a pointer to a structure is one to its first member */
		if (strcmp(*(char *const *) lfirst(cell), name) == 0)
			return lfirst(cell);
	}
	return NULL;
}

StaticAssertDecl(offsetof(Role, name) == 0 && offsetof(Database, name) == 0 &&
				 offsetof(Schema, name) == 0 && offsetof(Extension, name) == 0,
				 "find_named() takes the first member for the name");

Role *
model_find_role(List *roles, const char *name)
{
	return find_named(roles, name);
}

Database *
model_find_database(List *databases, const char *name)
{
	return find_named(databases, name);
}

Schema *
model_find_schema(List *schemas, const char *name)
{
	return find_named(schemas, name);
}

Extension *
model_find_extension(List *extensions, const char *name)
{
	return find_named(extensions, name);
}

/* ---- copies ---- */

/* NULL stays NULL: it means "none" in most fields */
static char *
copy_text(const char *str)
{
	return str ? pstrdup(str) : NULL;
}

/*
 * The entries are changed one by one while a plan is made, so they are not
 * shared.
 */
static List *
copy_acl(List *acl)
{
	List	   *copy = NIL;
	ListCell   *cell;

	foreach(cell, acl)
	{
		const AclEntry *from = lfirst(cell);
		AclEntry   *to = palloc(sizeof(AclEntry));

		*to = *from;
		to->grantee = copy_text(from->grantee);
		to->grantor = copy_text(from->grantor);
		to->privilege = copy_text(from->privilege);
		copy = lappend(copy, to);
	}
	return copy;
}

/* All of a schema; the flags come with the structure. */
static Schema *
copy_schema(const Schema *from)
{
	Schema	   *to = palloc(sizeof(Schema));

	*to = *from;
	to->name = copy_text(from->name);
	to->owner = copy_text(from->owner);
	to->acl = copy_acl(from->acl);
	to->extension = copy_text(from->extension);
	return to;
}

/* likewise of an extension */
static Extension *
copy_extension(const Extension *from)
{
	Extension  *to = palloc(sizeof(Extension));

	*to = *from;
	to->name = copy_text(from->name);
	to->schema = copy_text(from->schema);
	to->version = copy_text(from->version);
	to->requires = list_copy(from->requires);	/* names that nobody changes */
	return to;
}

/* likewise of a default ACL */
static DefaultAcl *
copy_default_acl(const DefaultAcl *from)
{
	DefaultAcl *to = palloc(sizeof(DefaultAcl));

	*to = *from;
	to->role = copy_text(from->role);
	to->schema = copy_text(from->schema);
	to->acl = copy_acl(from->acl);
	return to;
}

/*
 * model_copy_local
 *		Deep copy of a database's inside, in the current memory context; the
 *		plan gives it to a database that is to be cloned from a template, and
 *		then changes it.  NULL gives an empty state.
 */
LocalState *
model_copy_local(const LocalState *local)
{
	LocalState *copy = palloc0(sizeof(LocalState));
	ListCell   *cell;

	if (local == NULL)
		return copy;

	copy->assumed = local->assumed;
	foreach(cell, local->schemas)
		copy->schemas = lappend(copy->schemas, copy_schema(lfirst(cell)));
	foreach(cell, local->extensions)
		copy->extensions = lappend(copy->extensions, copy_extension(lfirst(cell)));
	foreach(cell, local->default_acls)
		copy->default_acls = lappend(copy->default_acls, copy_default_acl(lfirst(cell)));
	return copy;
}

/* model_is_list_setting tells whether a GUC (any case) holds a list of quoted identifiers. */
bool
model_is_list_setting(const char *guc)
{
	for (int i = 0; list_settings[i] != NULL; i++)
	{
		if (pg_strcasecmp(guc, list_settings[i]) == 0)
			return true;
	}
	return false;
}
