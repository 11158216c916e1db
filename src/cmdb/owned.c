/*
 * owned.c
 *		What pgops remembers to have set or created on this server.
 *
 * Not for: what follows from it (plan/).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/owned.h"
#include "cmdb/query.h"

static const CmdbColumn change_columns[] = {
	{"ordinal", INT4OID}, {"remove", BOOLOID}, {"kind", TEXTOID}, {"database", TEXTOID},
	{"name", TEXTOID}, {"attribute", TEXTOID}, {"value", TEXTOID}, {"created", BOOLOID}
};

/*
 * Kinds are few and items many (a row per privilege, group and parameter); the
 * plan builds its own index.  In "C" order, since a plan that undoes several
 * things must do so in the same order on every server.
 */
List *
cmdb_owned_load(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *owned = NIL;
	uint64		count;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	count = cmdb_run(&query,
					 "SELECT o.kind, o.database, o.name, o.attribute, o.value, o.created"
					 " FROM pgops.owned AS o WHERE o.cluster = $1"
					 " ORDER BY o.kind COLLATE \"C\", o.database COLLATE \"C\" NULLS FIRST,"
					 "  o.name COLLATE \"C\", o.attribute COLLATE \"C\" NULLS FIRST", &args);
	for (uint64 i = 0; i < count; i++)
	{
		OwnedItem  *item = MemoryContextAllocZero(query.caller, sizeof(OwnedItem));
		MemoryContext old;

		item->kind = cmdb_text(&query, i, 1);
		item->database = cmdb_text(&query, i, 2);
		item->name = cmdb_text(&query, i, 3);
		item->attribute = cmdb_text(&query, i, 4);
		item->value = cmdb_text(&query, i, 5);
		item->created = cmdb_bool(i, 6);
		old = MemoryContextSwitchTo(query.caller);
		owned = lappend(owned, item);
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return owned;
}

/* of several changes of one item in a list, the last one counts */
#define LAST_CHANGES(kind_of_change) \
	"(SELECT * FROM (SELECT DISTINCT ON (c.kind, c.database, c.name, c.attribute) c.*" \
	"  FROM change AS c" \
	"  ORDER BY c.kind, c.database, c.name, c.attribute, c.ordinal DESC) AS last" \
	" WHERE " kind_of_change ")"

/*
 * Removals and records of one item may come together (a database that is dropped
 * and created anew): the later one in the list holds, whatever its kind.  What
 * pgops once created stays "created", also when a later pass only adopts it.
 */
void
cmdb_owned_change(const char *cluster, List *changes)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	CmdbRow		args = {0};
	int			ordinal = 0;
	ListCell   *lc;

	if (changes == NIL)
		return;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "change", change_columns, lengthof(change_columns));
	foreach(lc, changes)
	{
		OwnedChange *change = lfirst(lc);
		CmdbRow		row = {0};

		cmdb_put_int4(&row, ++ordinal);
		cmdb_put_bool(&row, change->remove);
		cmdb_put_text(&row, change->item.kind);
		cmdb_put_text(&row, change->item.database);
		cmdb_put_text(&row, change->item.name);
		cmdb_put_text(&row, change->item.attribute);
		cmdb_put_text(&row, change->item.value);
		cmdb_put_bool(&row, change->item.created);
		cmdb_row_set_add(set, &row);
	}

	cmdb_put_text(&args, cluster);
	cmdb_run(&query,
			 "DELETE FROM pgops.owned AS o USING " LAST_CHANGES("last.remove") " AS n"
			 " WHERE o.cluster = $1 AND o.kind = n.kind AND o.name = n.name"
			 " AND o.database IS NOT DISTINCT FROM n.database"
			 " AND o.attribute IS NOT DISTINCT FROM n.attribute", &args);
	cmdb_run(&query,
			 "INSERT INTO pgops.owned AS o"
			 " (cluster, kind, database, name, attribute, value, created)"
			 " SELECT $1, n.kind, n.database, n.name, n.attribute, n.value, n.created"
			 " FROM " LAST_CHANGES("NOT last.remove") " AS n"
			 " ON CONFLICT (cluster, kind, database, name, attribute) DO UPDATE"
			 " SET value = excluded.value, created = o.created OR excluded.created"
			 " WHERE (o.value, o.created)"
			 "  IS DISTINCT FROM (excluded.value, o.created OR excluded.created)", &args);
	cmdb_end(&query);
}
