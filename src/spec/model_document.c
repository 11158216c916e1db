/*
 * model_document.c
 *		An observed server as the parameters of a document.
 *
 * Not for: single roles and databases (model_document_role.c,
 * model_document_database.c), privileges (model_document_acl.c).
 */
#include "postgres.h"

#include "spec/catalogue.h"
#include "spec/model_document.h"

/* what pg_dbsu holds if nobody declares it */
#define DECLARED_DBSU	"postgres"

/*
 * With another role of that name, pg_dbsu is declared to be the real name: see
 * model_document().
 */
const char *
document_role_name(const ModelServer *server, const char *name)
{
	if (strcmp(name, server->dbsu) == 0 &&
		model_find_role(server->roles, DECLARED_DBSU) == NULL)
		return DECLARED_DBSU;
	return name;
}

SpecNode *
document_short(SpecNode *entry)
{
	if (list_length(entry->entries) == 1)
		return ((SpecEntry *) linitial(entry->entries))->value;
	return entry;
}

void
document_put(SpecNode *map, const char *key, const char *value)
{
	if (value != NULL)
		node_map_set(map, key, node_string(value));
}

/* a parameter that is not what the catalogue says anyway */
static void
put_unless_default(SpecNode *vars, const char *param, const char *value)
{
	const char *known = node_text(catalogue_default(param));

	if (value != NULL && (known == NULL || strcmp(known, value) != 0))
		node_map_set(vars, param, node_string(value));
}

/*
 * What initdb was told, which is what template0 has: nobody can change it.  It
 * is for who makes another server; declaring it changes nothing here.
 */
static void
put_initdb(const ModelServer *server, SpecNode *vars)
{
	const Database *template0 = model_find_database(server->databases, "template0");

	if (template0 == NULL)
		return;
	put_unless_default(vars, "pg_encoding", template0->encoding);
	if (strcmp(template0->lc_collate, template0->lc_ctype) == 0)
		put_unless_default(vars, "pg_locale", template0->lc_collate);
	put_unless_default(vars, "pg_lc_collate", template0->lc_collate);
	put_unless_default(vars, "pg_lc_ctype", template0->lc_ctype);
}

/*
 * The bootstrap superuser stands in pg_default_roles: an entry of pg_users
 * would be an ordinary role that happens to be called so.
 */
static void
put_roles(const ModelServer *server, SpecNode *vars)
{
	SpecNode   *dbsu = node_list();
	SpecNode   *users = node_list();
	ListCell   *cell;

	foreach(cell, server->roles)
	{
		const Role *role = lfirst(cell);

		node_list_add(strcmp(role->name, server->dbsu) == 0 ? dbsu : users,
					  document_role(server, role));
	}
	node_map_set(vars, "pg_default_roles", dbsu);
	node_map_set(vars, "pg_users", users);
}

/* An invalid database can only be dropped: a document that named it would do that. */
static void
put_databases(const ModelServer *server, SpecNode *vars)
{
	SpecNode   *databases = node_list();
	ListCell   *cell;

	foreach(cell, server->databases)
	{
		const Database *database = lfirst(cell);
		SpecNode   *entry = NULL;

		if (!database->invalid && strcmp(database->name, "template0") != 0)
			entry = document_database(server, database);
		if (entry != NULL)
			node_list_add(databases, entry);
	}
	node_map_set(vars, "pg_databases", databases);
}

/* See model_document.h. */
void
model_document(const ModelServer *server, SpecNode *vars)
{
	static const char *const nothing[] = {
		"pg_default_privileges", "pg_default_schemas", "pg_default_extensions", NULL
	};

	if (strcmp(server->dbsu, DECLARED_DBSU) != 0 &&
		strcmp(document_role_name(server, server->dbsu), server->dbsu) == 0)
		document_put(vars, "pg_dbsu", server->dbsu);
	put_initdb(server, vars);
	put_roles(server, vars);
	for (int i = 0; nothing[i] != NULL; i++)
		node_map_set(vars, nothing[i], node_list());
	put_databases(server, vars);
}
