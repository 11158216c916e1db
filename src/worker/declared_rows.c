/*
 * declared_rows.c
 *		Declared objects as rows with the columns that a query names.
 *
 * A row is a map of what is known by name: the fields of the object, before
 * them what is told of every object (its place, its parameter).  Columns take
 * from it by their names.  So a field that the catalogue gets tomorrow needs
 * a column in its view and nothing here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "secret.h"
#include "spec/default_privilege.h"
#include "spec/document.h"
#include "spec/reference.h"
#include "worker/declared_rows.h"
#include "worker/effective.h"

/* what a row is made for */
typedef struct Rows
{
	const Inventory *inventory;
	const InventoryGroup *group;
	const char *dbsu;
	Effective  *effective;		/* of the group as such */
	ReturnSetInfo *result;
} Rows;

typedef struct RowKind RowKind;

struct RowKind
{
	const char *name;
	void		(*put) (Rows *rows, const RowKind *kind);

	/* objects: the lists they are in, and the lists inside databases */
	const char *params[4];
	const char *inner;			/* field of a database; NULL: they are in no database */
	void		(*put_item) (const Rows *rows, SpecNode *row);
};

/* ---- columns ---- */

/*
 * A whole number, also one in quotes where the catalogue has no type that would
 * have made a number of it (pg_version: "15").
 */
static bool
whole_number(const SpecNode *node, int64 *value)
{
	if (node->kind == NODE_STRING)
		node = spec_resolve_plain(pstrdup(node->text));
	if (node->kind != NODE_INT)
		return false;
	*value = node->integer;
	return true;
}

/* a number in a type that is not made for whole ones */
static bool
number_datum(const SpecNode *node, Oid type, Datum *value)
{
	Datum		number = Float8GetDatum(node->kind == NODE_INT ? (double) node->integer :
										node->number);

	if (node->kind != NODE_INT && node->kind != NODE_FLOAT)
		return false;
	if (type == FLOAT8OID)
		*value = number;
	else if (node->kind == NODE_INT)
		*value = DirectFunctionCall1(int8_numeric, Int64GetDatum(node->integer));
	else
		*value = DirectFunctionCall1(float8_numeric, number);
	return true;
}

/*
 * The text of a scalar.  A password by reference ({file: path}) looks like any
 * other: written back as it is shown, it stays what is declared.
 */
static const char *
shown_text(const SpecNode *node)
{
	return spec_reference(node, NULL, NULL) ? SECRET_MASK : node_text(node);
}

/* the node as a value of the type; false if it is none */
static bool
typed_datum(const SpecNode *node, Oid type, Datum *value)
{
	const char *str;
	int64		number;

	switch (type)
	{
		case TEXTOID:
			str = shown_text(node);
			if (str == NULL)
				return false;
			*value = CStringGetTextDatum(str);
			return true;
		case BOOLOID:
			*value = BoolGetDatum(node->boolean);
			return node->kind == NODE_BOOL;
		case INT4OID:
			if (!whole_number(node, &number) || number < PG_INT32_MIN || number > PG_INT32_MAX)
				return false;
			*value = Int32GetDatum((int32) number);
			return true;
		case INT8OID:
			if (!whole_number(node, &number))
				return false;
			*value = Int64GetDatum(number);
			return true;
		case FLOAT8OID:
		case NUMERICOID:
			return number_datum(node, type, value);
		case JSONBOID:
			*value = JsonbPGetDatum(node_to_jsonb(node));
			return true;
		default:
			return false;
	}
}

/* Puts a row; a column that the map does not know, or not of its type, is null. */
static void
put_row(const Rows *rows, SpecNode *row)
{
	TupleDesc	columns = rows->result->setDesc;
	Datum	   *values = palloc0(columns->natts * sizeof(Datum));
	bool	   *nulls = palloc(columns->natts * sizeof(bool));

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		const SpecNode *node = node_get(row, NameStr(column->attname));

		nulls[i] = node == NULL || node->kind == NODE_NULL ||
			!typed_datum(node, column->atttypid, &values[i]);
	}
	tuplestore_putvalues(rows->result->setResult, columns, values, nulls);
}

/* adds a text to a row unless there is none */
static void
set_text(SpecNode *row, const char *column, const char *value)
{
	if (value != NULL)
		node_map_set(row, column, node_string(value));
}

/* ---- objects in lists ---- */

/*
 * A row of one item: what is told of every object comes first, so that no
 * field can hide it.  The short form of an item is its name.
 */
static SpecNode *
item_row(const InventorySetting *setting, const char *database, int ordinal,
		 const SpecNode *item)
{
	SpecNode   *row = node_map();

	set_text(row, "database", database);
	set_text(row, "parameter", setting->name);
	set_text(row, "scope", setting->scope);
	node_map_set(row, "ordinal", node_int(ordinal));
	if (item->kind == NODE_MAP)
		row->entries = list_concat(row->entries, item->entries);
	else
		set_text(row, "name", node_text(item));
	return row;
}

/* the items of a parameter as they are used */
static List *
used_items(const Rows *rows, const InventorySetting *setting)
{
	const SpecNode *list = effective_used(rows->effective, setting);

	return list->kind == NODE_LIST ? list->items : NIL;
}

static void
put_items(const Rows *rows, const RowKind *kind, const InventorySetting *setting,
		  const char *database, List *items)
{
	ListCell   *cell;

	foreach(cell, items)
		kind->put_item(rows, item_row(setting, database, foreach_current_index(cell) + 1,
									  lfirst(cell)));
}

/* what is listed inside databases; a database that is given by its name alone holds nothing */
static void
put_inner_items(const Rows *rows, const RowKind *kind, const InventorySetting *setting)
{
	ListCell   *cell;

	foreach(cell, used_items(rows, setting))
	{
		const SpecNode *database = lfirst(cell);
		const SpecNode *list = database->kind == NODE_MAP ? node_get(database, kind->inner) : NULL;

		if (list != NULL && list->kind == NODE_LIST)
			put_items(rows, kind, setting, node_text(node_get(database, "name")),
					  list->items);
	}
}

/* The lists of a kind in their order; the first one may be inside databases. */
static void
put_objects(Rows *rows, const RowKind *kind)
{
	for (int i = 0; i < lengthof(kind->params) && kind->params[i] != NULL; i++)
	{
		const InventorySetting *setting = effective_setting(rows->effective, kind->params[i]);

		if (setting == NULL)
			continue;
		if (kind->inner != NULL && strcmp(kind->params[i], "pg_databases") == 0)
			put_inner_items(rows, kind, setting);
		else
			put_items(rows, kind, setting, NULL, used_items(rows, setting));
	}
}

/* ---- default privileges ---- */

/* "a, b"; names of roles and schemas as SQL wants them, "" is PUBLIC.  NULL for none. */
static char *
joined(List *words, bool names)
{
	StringInfoData str;
	ListCell   *cell;

	if (words == NIL)
		return NULL;
	initStringInfo(&str);
	foreach(cell, words)
	{
		const char *word = lfirst(cell);

		if (names)
			word = word[0] ? quote_identifier(word) : "PUBLIC";
		appendStringInfo(&str, "%s%s", foreach_current_index(cell) > 0 ? ", " : "", word);
	}
	return str.data;
}

/* What the text says, taken apart; nothing if it cannot be read. */
static void
set_privilege(SpecNode *row, const char *definition, bool of_database)
{
	DefaultPrivilegeProblem problem = {0};
	DefaultPrivilege *privilege = of_database ?
		own_default_privilege_parse(definition, &problem) :
		default_privilege_parse(definition, &problem);

	set_text(row, "definition", definition);
	if (privilege == NULL)
		return;
	set_text(row, "action", privilege->is_grant ? "GRANT" : "REVOKE");
	set_text(row, "privileges", joined(privilege->privileges, false));
	set_text(row, "object_type", default_privilege_keyword(privilege->objtype));
	set_text(row, "grantees", joined(privilege->grantees, true));
	node_map_set(row, "grant_option", node_bool(privilege->grant_option));
	set_text(row, "for_roles", joined(privilege->roles, true));
	set_text(row, "in_schemas", joined(privilege->schemas, true));
}

/* A bare text is the whole object here, not its name. */
static void
put_privilege(const Rows *rows, SpecNode *row)
{
	SpecNode   *text = node_get(row, "name");

	if (text != NULL)
		set_privilege(row, text->text, node_get(row, "database") != NULL);
	put_row(rows, row);
}

/* ---- hosts and groups ---- */

/*
 * Adds the parameters that the query asks for, that is columns which are not
 * in the row yet.  pg_cluster is the group's name where nobody says otherwise.
 */
static void
set_parameters(SpecNode *row, const Rows *rows, const Effective *effective)
{
	TupleDesc	columns = rows->result->setDesc;

	for (int i = 0; i < columns->natts; i++)
	{
		const char *column = NameStr(TupleDescAttr(columns, i)->attname);
		const InventorySetting *setting;

		if (node_get(row, column) != NULL)
			continue;
		setting = effective_setting(effective, column);
		if (setting != NULL)
			node_map_set(row, column, effective_used(effective, setting));
		else if (effective->pgsql && strcmp(column, "pg_cluster") == 0)
			set_text(row, column, rows->group->name);
	}
}

static void
put_instances(Rows *rows, const RowKind *kind)
{
	ListCell   *cell;

	foreach(cell, rows->group->hosts->entries)
	{
		const SpecEntry *host = lfirst(cell);
		SpecNode   *row = node_map();

		set_text(row, "host", host->key);
		node_map_set(row, "ordinal", node_int(foreach_current_index(cell) + 1));
		node_map_set(row, "variables", effective_masked(host->value));
		set_parameters(row, rows, effective_read(rows->inventory, rows->group, host->key,
												 rows->dbsu));
		put_row(rows, row);
	}
}

/* host of the first declared primary, or NULL */
static const char *
primary_host(const Rows *rows)
{
	ListCell   *cell;

	foreach(cell, rows->group->hosts->entries)
	{
		const char *host = ((const SpecEntry *) lfirst(cell))->key;
		const SpecNode *role = inventory_value(rows->inventory, rows->group, host, "pg_role");

		if (role != NULL && role->kind == NODE_STRING && strcmp(role->text, "primary") == 0)
			return host;
	}
	return NULL;
}

static void
put_cluster(Rows *rows, const RowKind *kind)
{
	const char *primary = rows->effective->pgsql ? primary_host(rows) : NULL;
	SpecNode   *row = node_map();

	node_map_set(row, "primary_host", primary ? node_string(primary) : node_null());
	node_map_set(row, "variables", effective_masked(rows->group->vars));
	set_parameters(row, rows, rows->effective);
	put_row(rows, row);
}

/* ---- kinds ---- */

static const RowKind kinds[] = {
	{"user", put_objects, {"pg_default_roles", "pg_users"}, NULL, put_row},
	{"database", put_objects, {"pg_databases"}, NULL, put_row},
	{"schema", put_objects, {"pg_default_schemas", "pg_databases"}, "schemas", put_row},
	{"extension", put_objects, {"pg_default_extensions", "pg_databases"}, "extensions", put_row},
	{"hba_rule", put_objects, {"pg_default_hba_rules", "pg_hba_rules",
	"pgb_default_hba_rules", "pgb_hba_rules"}, NULL, put_row},
	{"service", put_objects, {"pg_default_services", "pg_services"}, NULL, put_row},
	{"default_privilege", put_objects, {"pg_default_privileges", "pg_databases"},
	"default_privileges", put_privilege},
	{"instance", put_instances},
	{"cluster", put_cluster},
};

static const RowKind *
find_kind(const char *name)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of declared object \"%s\"", name),
			 errhint("Known are user, database, schema, extension, hba_rule, service, default_privilege, instance and cluster.")));
}

/*
 * Before anything is read, so that a wrong query fails also where there is
 * nothing to show.
 */
void
declared_rows_check(const char *kind, TupleDesc columns)
{
	static const Oid types[] = {
		TEXTOID, BOOLOID, INT4OID, INT8OID, FLOAT8OID, NUMERICOID, JSONBOID
	};

	(void) find_kind(kind);
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		bool		known = false;

		for (int j = 0; j < lengthof(types); j++)
			known = known || column->atttypid == types[j];
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has a type that declared values cannot be given in",
							NameStr(column->attname)),
					 errhint("Use text, boolean, integer, bigint, numeric, double precision or jsonb.")));
	}
}

void
declared_rows(const char *kind, const Inventory *inventory, const InventoryGroup *group,
			  const char *dbsu, ReturnSetInfo *result)
{
	const RowKind *found = find_kind(kind);
	Rows		rows = {.inventory = inventory, .group = group, .dbsu = dbsu, .result = result};

	rows.effective = effective_read(inventory, group, NULL, dbsu);
	found->put(&rows, found);
}
