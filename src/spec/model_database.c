/*
 * model_database.c
 *		Declared databases with their schemas and extensions.
 *
 * Not for: privileges inside them (model_privilege.c).
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "errors.h"
#include "spec/model_build.h"
#include "spec/names.h"

/* text fields of a database: where each goes, and its bit */
typedef struct DatabaseField
{
	const char *field;
	uint32		bit;
	size_t		offset;
} DatabaseField;

static const DatabaseField text_fields[] = {
	{"template", DB_SET_TEMPLATE, offsetof(Database, template)},
	{"encoding", DB_SET_ENCODING, offsetof(Database, encoding)},
	{"locale", DB_SET_LOCALE, offsetof(Database, locale)},
	{"lc_collate", DB_SET_LC_COLLATE, offsetof(Database, lc_collate)},
	{"lc_ctype", DB_SET_LC_CTYPE, offsetof(Database, lc_ctype)},
	{"locale_provider", DB_SET_PROVIDER, offsetof(Database, locale_provider)},
	{"icu_locale", DB_SET_ICU_LOCALE, offsetof(Database, icu_locale)},
	{"icu_rules", DB_SET_ICU_RULES, offsetof(Database, icu_rules)},
	{"builtin_locale", DB_SET_BUILTIN, offsetof(Database, builtin_locale)},
	{"strategy", DB_SET_STRATEGY, offsetof(Database, strategy)},
	{"tablespace", DB_SET_TABLESPACE, offsetof(Database, tablespace)},
	{"baseline", DB_SET_BASELINE, offsetof(Database, baseline)},
};

static const DatabaseField bool_fields[] = {
	{"is_template", DB_SET_IS_TEMPLATE, offsetof(Database, is_template)},
	{"allowconn", DB_SET_ALLOWCONN, offsetof(Database, allowconn)},
	{"revokeconn", DB_SET_REVOKECONN, offsetof(Database, revokeconn)},
};

/* ---- schemas and extensions ---- */

/*
 * model_build_schemas
 *		List of Schema * from items "name" or {name, owner, state}.
 */
List *
model_build_schemas(const ModelBuild *build, List *items)
{
	List	   *schemas = NIL;
	SpecNames  *seen = spec_names_create();
	ListCell   *cell;

	foreach(cell, items)
	{
		const SpecNode *item = lfirst(cell);
		char	   *name = model_entry_name(item);
		Schema	   *schema;
		char	   *owner;
		bool		declared;

		if (name == NULL || spec_names_add(seen, name, name) != NULL)
			continue;
		schema = palloc0(sizeof(Schema));
		schema->name = name;
		schema->state = STATE_CREATE;
		schemas = lappend(schemas, schema);
		if (item->kind != NODE_MAP)
			continue;
		schema->state = model_field_state(item);
		owner = model_field_text(item, "owner");
		if (owner != NULL)
		{
			schema->owner = model_role_name(build, owner);
			schema->set |= SCHEMA_SET_OWNER;
		}
		schema->privileges = model_build_clauses(build, item, "privileges", 'n', &declared);
		if (declared)
			schema->set |= SCHEMA_SET_PRIVILEGES;
	}
	return schemas;
}

/*
 * model_build_extensions
 *		List of Extension * from items "name" or {name, schema, version, state}.
 */
List *
model_build_extensions(List *items)
{
	List	   *extensions = NIL;
	SpecNames  *seen = spec_names_create();
	ListCell   *cell;

	foreach(cell, items)
	{
		const SpecNode *item = lfirst(cell);
		char	   *name = model_entry_name(item);
		Extension  *extension;

		if (name == NULL || spec_names_add(seen, name, name) != NULL)
			continue;
		extension = palloc0(sizeof(Extension));
		extension->name = name;
		extension->state = STATE_CREATE;
		extensions = lappend(extensions, extension);
		if (item->kind != NODE_MAP)
			continue;
		extension->state = model_field_state(item);
		extension->schema = model_field_text(item, "schema");
		if (extension->schema != NULL)
			extension->set |= EXTENSION_SET_SCHEMA;
		extension->version = model_field_text(item, "version");
		if (extension->version != NULL)
			extension->set |= EXTENSION_SET_VERSION;
	}
	return extensions;
}

/* ---- digest of an entry ---- */

/* By bytes, not by a locale: the digest must be the same on every server. */
static int
entry_order(const ListCell *a, const ListCell *b)
{
	const SpecEntry *left = lfirst(a);
	const SpecEntry *right = lfirst(b);

	return strcmp(left->key, right->key);
}

/* Sorts the keys of all maps below a node, in place (of a copy). */
static void
sort_keys(SpecNode *node)
{
	ListCell   *cell;

	check_stack_depth();
	if (node->kind == NODE_LIST)
	{
		foreach(cell, node->items)
			sort_keys(lfirst(cell));
	}
	else if (node->kind == NODE_MAP)
	{
		foreach(cell, node->entries)
			sort_keys(((SpecEntry *) lfirst(cell))->value);
		list_sort(node->entries, entry_order);
	}
}

/*
 * SHA-256 of the entry's JSON with sorted keys: the same declaration in
 * another order is the same declaration.
 */
static char *
entry_digest(const SpecNode *entry)
{
	SpecNode	   *sorted = node_copy(entry);
	StringInfoData json;
	pg_cryptohash_ctx *ctx;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex = palloc(PG_SHA256_DIGEST_LENGTH * 2 + 1);

	sort_keys(sorted);
	initStringInfo(&json);
	node_to_json(&json, sorted);

	ctx = pg_cryptohash_create(PG_SHA256);
	if (ctx == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) json.data, json.len) < 0 ||
		pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
	{
		char	   *reason = pstrdup(pg_cryptohash_error(ctx));

		pg_cryptohash_free(ctx);
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute %s hash: %s", "SHA256", reason)));
	}
	pg_cryptohash_free(ctx);

	hex_encode((const char *) digest, sizeof(digest), hex);
	hex[PG_SHA256_DIGEST_LENGTH * 2] = '\0';
	return hex;
}

/* ---- databases ---- */

/*
 * Fields without a text or value leave their bit unset, and so the server's
 * value alone; only an empty comment says something, namely that there shall
 * be none.
 */
static void
build_scalars(Database *database, const SpecNode *entry)
{
	const SpecNode *comment = node_get(entry, "comment");

	for (int i = 0; i < lengthof(text_fields); i++)
	{
		char	   *str = model_field_text(entry, text_fields[i].field);

		if (str == NULL)
			continue;
		*(char **) ((char *) database + text_fields[i].offset) = str;
		database->set |= text_fields[i].bit;
	}
	for (int i = 0; i < lengthof(bool_fields); i++)
	{
		bool	   *place = (bool *) ((char *) database + bool_fields[i].offset);

		if (model_field_bool(entry, bool_fields[i].field, place))
			database->set |= bool_fields[i].bit;
	}
	if (model_field_int(entry, "connlimit", &database->connlimit))
		database->set |= DB_SET_CONNLIMIT;
	if (comment != NULL && comment->kind != NODE_NULL)
	{
		database->comment = model_field_text(entry, "comment");
		database->set |= DB_SET_COMMENT;
	}
}

/* Items of a field that is a list, else none. */
static List *
field_items(const SpecNode *entry, const char *field)
{
	const SpecNode *list = node_get(entry, field);

	return (list != NULL && list->kind == NODE_LIST) ? list->items : NIL;
}

/*
 * One entry of pg_databases.  What is not declared gets the value that CREATE
 * DATABASE would choose, without its bit: code that shows or makes a database
 * need not ask, and comparisons do not look at it.  The digest is of the entry
 * as it is written: a variable that its comment mentions must not have the
 * database made anew another time.
 */
static Database *
build_database(const ModelBuild *build, const SpecNode *entry, const SpecNode *written,
			   const char *name, const char *path)
{
	Database   *database = palloc0(sizeof(Database));
	char	   *owner;
	bool		declared;

	database->name = pstrdup(name);
	database->state = STATE_CREATE;
	database->allowconn = true;
	database->connlimit = -1;
	database->entry_digest = entry_digest(written);
	if (entry->kind != NODE_MAP)
		return database;

	database->state = model_field_state(entry);
	build_scalars(database, entry);
	owner = model_field_text(entry, "owner");
	if (owner != NULL)
	{
		database->owner = model_role_name(build, owner);
		database->set |= DB_SET_OWNER;
	}
	database->settings = model_build_settings(build, node_get(entry, "parameters"),
											  psprintf("%s.parameters", path));
	database->privileges = model_build_clauses(build, entry, "privileges", 'd', &declared);
	if (declared)
		database->set |= DB_SET_PRIVILEGES;
	database->default_privileges = model_build_clauses(build, entry, "default_privileges", 0,
													   &declared);
	database->schemas = model_build_schemas(build, field_items(entry, "schemas"));
	database->extensions = model_build_extensions(field_items(entry, "extensions"));
	return database;
}

/* model_build_databases fills cluster->databases, in the order of pg_databases. */
void
model_build_databases(const ModelBuild *build, Cluster *cluster)
{
	ListCell   *cell;
	ListCell   *other;

	forboth(cell, model_param_items(build, "pg_databases"),
			other, model_written_items(build, "pg_databases"))
	{
		const SpecNode *entry = lfirst(cell);
		const char *name = model_entry_name(entry);
		char	   *path = model_item_path(build, "pg_databases", foreach_current_index(cell));

		if (name == NULL)
			continue;			/* validation has said so */
		cluster->databases = lappend(cluster->databases,
									 build_database(build, entry, lfirst(other), name, path));
	}
}
