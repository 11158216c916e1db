/*
 * model_document_database.c
 *		An observed database with its inside as an entry of pg_databases.
 *
 * Each is declared from template0, with everything that is in it: what a
 * server's template1 happens to hold must not get into the databases of
 * another one.
 *
 * Not for: which databases are left out (model_document.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "spec/default_privilege.h"
#include "spec/model_document.h"

/* a role of this name gets privileges wherever a declaration does not say them itself */
#define OBJECT_CREATOR	"dbrole_admin"

/* whom schema public belongs to when initdb has made it */
#define PUBLIC_OWNER	"pg_database_owner"

/* databases that initdb makes, and the comments that it gives them */
static const struct
{
	const char *name;
	const char *comment;
}			initial[] = {
	{"postgres", "default administrative connection database"},
	{"template1", "default template for new databases"},
};

/* the comment of a database that every server begins with; NULL for others */
static const char *
initial_comment(const Database *database)
{
	for (int i = 0; i < lengthof(initial); i++)
	{
		if (strcmp(initial[i].name, database->name) == 0)
			return initial[i].comment;
	}
	return NULL;
}

/* either may be NULL: no comment, no locale of this provider */
static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* a list field that is left out if it is empty */
static void
put_list(SpecNode *entry, const char *field, List *items)
{
	SpecNode   *list = node_list();

	list->items = items;
	if (items != NIL)
		node_map_set(entry, field, list);
}

/* ---- locale ---- */

/* whether two databases are of one encoding and locale */
static bool
same_locale(const Database *a, const Database *b)
{
	return same_text(a->encoding, b->encoding) && same_text(a->lc_collate, b->lc_collate) &&
		same_text(a->lc_ctype, b->lc_ctype) &&
		same_text(a->locale_provider, b->locale_provider) &&
		same_text(a->icu_locale, b->icu_locale) && same_text(a->icu_rules, b->icu_rules) &&
		same_text(a->builtin_locale, b->builtin_locale);
}

/*
 * All of it, even where it is the same as template0's: that of the server on
 * which the document is declared may be another one.
 */
static void
put_locale(const Database *database, SpecNode *entry)
{
	document_put(entry, "encoding", database->encoding);
	document_put(entry, "locale_provider", database->locale_provider);
	if (same_text(database->lc_collate, database->lc_ctype) &&
		same_text(database->locale_provider, "libc"))
		document_put(entry, "locale", database->lc_collate);
	else
	{
		document_put(entry, "lc_collate", database->lc_collate);
		document_put(entry, "lc_ctype", database->lc_ctype);
	}
	document_put(entry, "icu_locale", database->icu_locale);
	document_put(entry, "icu_rules", database->icu_rules);
	document_put(entry, "builtin_locale", database->builtin_locale);
}

/* ---- the inside ---- */

static int
text_order(const ListCell *a, const ListCell *b)
{
	return strcmp(((SpecNode *) lfirst(a))->text, ((SpecNode *) lfirst(b))->text);
}

/*
 * Clauses for what roles will create in this database, in the order of their
 * texts: the catalog's would follow the superuser's real name.
 */
static List *
default_clauses(const ModelServer *server, const LocalState *local)
{
	List	   *clauses = NIL;
	ListCell   *cell;

	foreach(cell, local->default_acls)
	{
		const DefaultAcl *row = lfirst(cell);
		const char *role = quote_identifier(document_role_name(server, row->role));
		DocumentAcl base = {row->objtype, row->role};

		base.from_nothing = row->schema != NULL;
		base.prefix = row->schema == NULL ? psprintf("FOR ROLE %s ", role) :
			psprintf("FOR ROLE %s IN SCHEMA %s ", role, quote_identifier(row->schema));
		base.on = psprintf(" ON %s", default_privilege_keyword(row->objtype));
		clauses = list_concat(clauses, document_clauses(server, &base, row->acl));
	}
	list_sort(clauses, text_order);
	return clauses;
}

/* whether a schema came with pgops, which every server has that reads the document */
static bool
is_own_schema(const LocalState *local, const Schema *schema)
{
	const Extension *pgops = model_find_extension(local->extensions, "pgops");

	return pgops != NULL && same_text(pgops->schema, schema->name);
}

/*
 * The entry of a schema.  Schema public is there in every new database: it has
 * an entry if it is not as initdb made it, or (explicit) if its privileges have
 * to be said lest others are granted.
 */
static SpecNode *
schema_node(const ModelServer *server, const Schema *schema, bool explicit)
{
	SpecNode   *entry = node_map();
	DocumentAcl base = {'n', schema->owner};
	SpecNode   *privileges = node_list();

	base.public_usage = strcmp(schema->name, "public") == 0;
	privileges->items = document_clauses(server, &base, schema->acl);
	document_put(entry, "name", schema->name);
	if (!base.public_usage || !same_text(schema->owner, PUBLIC_OWNER))
		document_put(entry, "owner", document_role_name(server, schema->owner));
	if (privileges->items != NIL || (base.public_usage && explicit))
		node_map_set(entry, "privileges", privileges);
	return base.public_usage && list_length(entry->entries) == 1 ? NULL : entry;
}

/* for what every new database has, and this one has not: only so it is dropped there */
static SpecNode *
absent_node(const char *name)
{
	SpecNode   *entry = node_map();

	document_put(entry, "name", name);
	document_put(entry, "state", "absent");
	return entry;
}

/*
 * Schemas that an extension's script makes come with it, and only so: CREATE
 * EXTENSION fails where they exist already.
 */
static List *
schema_nodes(const ModelServer *server, const LocalState *local, bool explicit)
{
	List	   *nodes = NIL;
	ListCell   *cell;

	foreach(cell, local->schemas)
	{
		const Schema *schema = lfirst(cell);
		SpecNode   *node = NULL;

		if (schema->extension == NULL && schema->owner != NULL && !is_own_schema(local, schema))
			node = schema_node(server, schema, explicit);
		if (node != NULL)
			nodes = lappend(nodes, node);
	}
	if (model_find_schema(local->schemas, "public") == NULL)
		nodes = lappend(nodes, absent_node("public"));
	return nodes;
}

/*
 * Adds an extension after those it requires: CREATE EXTENSION CASCADE would put
 * these where the first one goes.
 */
static List *
add_extension(List *nodes, const LocalState *local, const Extension *extension, int depth)
{
	SpecNode   *entry = node_map();
	ListCell   *cell;

	if (extension == NULL || depth > 16 || strcmp(extension->name, "pgops") == 0 ||
		strcmp(extension->name, "plpgsql") == 0)
		return nodes;
	foreach(cell, nodes)
	{
		const SpecNode *known = lfirst(cell);

		if (strcmp(known->kind == NODE_MAP ? node_text(node_get(known, "name")) : known->text,
				   extension->name) == 0)
			return nodes;
	}
	foreach(cell, extension->requires)
		nodes = add_extension(nodes, local,
							  model_find_extension(local->extensions, lfirst(cell)), depth + 1);
	document_put(entry, "name", extension->name);
	if (!same_text(extension->schema, "public"))
		document_put(entry, "schema", extension->schema);
	return lappend(nodes, document_short(entry));
}

/*
 * Without versions: which one is there is mostly when it was created, and
 * declaring it would undo the next ALTER EXTENSION UPDATE.
 */
static List *
extension_nodes(const LocalState *local)
{
	List	   *nodes = NIL;
	ListCell   *cell;

	foreach(cell, local->extensions)
		nodes = add_extension(nodes, local, lfirst(cell), 0);
	if (model_find_extension(local->extensions, "plpgsql") == NULL)
		nodes = lappend(nodes, absent_node("plpgsql"));
	return nodes;
}

/* "explicit" as in schema_node() */
static void
put_inside(const ModelServer *server, const LocalState *local, bool explicit, SpecNode *entry)
{
	put_list(entry, "schemas", schema_nodes(server, local, explicit));
	put_list(entry, "extensions", extension_nodes(local));
	put_list(entry, "default_privileges", default_clauses(server, local));
}

/* ---- the database ---- */

/*
 * "privileges" are declared where they are not the built-in ones.  What takes
 * CONNECT from PUBLIC has a field of its own, which people look for.
 */
static void
put_privileges(const ModelServer *server, const Database *database, bool explicit,
			   SpecNode *entry)
{
	DocumentAcl base = {'d', database->owner};
	SpecNode   *privileges = node_list();
	bool		revoked = true;
	ListCell   *cell;
	List	   *clauses;

	foreach(cell, database->acl)
	{
		const AclEntry *grant = lfirst(cell);

		if (grant->grantee == NULL && strcmp(grant->privilege, "CONNECT") == 0)
			revoked = false;
	}
	base.no_temporary = strcmp(database->name, "template1") == 0;
	clauses = document_clauses(server, &base, database->acl);
	if (clauses == NIL && !explicit)
		return;
	foreach(cell, clauses)
	{
		SpecNode   *clause = lfirst(cell);

		/* PUBLIC's are in one clause, in which CONNECT is the last */
		if (strcmp(clause->text, "REVOKE CONNECT FROM PUBLIC") == 0)
			continue;
		if (strcmp(clause->text, "REVOKE TEMPORARY, CONNECT FROM PUBLIC") == 0)
			clause = node_string("REVOKE TEMPORARY FROM PUBLIC");
		node_list_add(privileges, clause);
	}
	if (revoked)
		node_map_set(entry, "revokeconn", node_bool(true));
	node_map_set(entry, "privileges", privileges);
}

/* what every database may have, beyond what it had when it was made */
static void
put_attributes(const ModelServer *server, const Database *database, SpecNode *entry)
{
	const char *comment = initial_comment(database);
	bool		is_template = strcmp(database->name, "template1") == 0;

	if (!same_text(database->comment, comment))
		document_put(entry, "comment", database->comment ? database->comment : "");
	if (!same_text(database->tablespace, "pg_default"))
		document_put(entry, "tablespace", database->tablespace);
	if (database->is_template != is_template)
		node_map_set(entry, "is_template", node_bool(database->is_template));
	if (!database->allowconn)
		node_map_set(entry, "allowconn", node_bool(false));
	if (database->connlimit != -1)
		node_map_set(entry, "connlimit", node_int(database->connlimit));
	if (database->settings != NIL)
		node_map_set(entry, "parameters", document_settings(database->settings));
}

/* owner, template and locale; of a database of initdb's only what was changed */
static void
put_origin(const ModelServer *server, const Database *database, SpecNode *entry)
{
	const Database *template0 = model_find_database(server->databases, "template0");
	bool		initial = initial_comment(database) != NULL;

	if (database->owner != NULL &&
		(!initial || strcmp(database->owner, server->dbsu) != 0))
		document_put(entry, "owner", document_role_name(server, database->owner));
	if (!initial)
		document_put(entry, "template", "template0");
	if (!initial || template0 == NULL || !same_locale(database, template0))
		put_locale(database, entry);
}

/* Its own affairs first, what is in it last: that is the long part. */
static SpecNode *
database_node(const ModelServer *server, const Database *database, bool explicit)
{
	SpecNode   *entry = node_map();

	document_put(entry, "name", database->name);
	put_origin(server, database, entry);
	put_attributes(server, database, entry);
	put_privileges(server, database, explicit, entry);
	if (database->local != NULL)
		put_inside(server, database->local, explicit, entry);
	return entry;
}

/*
 * document_database
 *		The entry of one database; NULL if there is nothing to say of it: it is
 *		one of initdb's and as initdb made it.
 *
 * With dbrole_admin on the server a declared database grants it CREATE unless
 * its entry speaks for itself; an entry that is made only to say that it does
 * not would be in its own way.
 */
SpecNode *
document_database(const ModelServer *server, const Database *database)
{
	if (initial_comment(database) != NULL &&
		list_length(database_node(server, database, false)->entries) == 1)
		return NULL;
	return database_node(server, database,
						 model_find_role(server->roles, OBJECT_CREATOR) != NULL);
}
