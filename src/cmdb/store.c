/*
 * store.c
 *		An inventory into the tables: groups that changed, which group lies in
 *		which, revisions.
 *
 * Not for: whether it is good (spec/), sealing passwords (seal.c), the rows of
 * one body (store_body.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/cmdb.h"
#include "cmdb/compare.h"
#include "cmdb/query.h"
#include "cmdb/revision.h"
#include "cmdb/site.h"
#include "cmdb/store_body.h"
#include "cmdb/structure.h"

typedef struct Store
{
	CmdbQuery	query;
	const CmdbStoreOptions *options;
	const Inventory *declared;
	const Inventory *stored;
	List	   *differences;	/* of GroupDifference * */
	List	   *mentions;		/* new structure, if there is one */
	bool		restructured;	/* there is; it may be empty */
	List	   *gone;			/* names of groups to be pruned */
	List	   *changes;		/* of CmdbChange *: the result */
	List	   *moves;			/* of CmdbChange *: what revisions tell of the structure */
} Store;

static const CmdbColumn group_columns[] = {
	{"name", TEXTOID}, {"kind", TEXTOID}, {"hosts_first", BOOLOID}
};

/* ---- what differs ---- */

static CmdbChange *
make_change(const char *group, const char *action, const char *path,
			SpecNode *old, SpecNode *new)
{
	CmdbChange *change = palloc0(sizeof(CmdbChange));

	change->group = group;
	change->action = action;
	change->path = path;
	change->old = old;
	change->new = new;
	return change;
}

static void
add_change(Store *store, const char *group, const char *action, const char *path,
		   SpecNode *old, SpecNode *new)
{
	store->changes = lappend(store->changes, make_change(group, action, path, old, new));
}

/* what the document does not have: pruned, or only reported */
static void
find_missing(Store *store)
{
	ListCell   *cell;

	foreach(cell, store->stored->groups)
	{
		const InventoryGroup *group = lfirst(cell);

		if (inventory_group(store->declared, group->name) != NULL)
			continue;
		if (store->options->prune)
			store->gone = lappend(store->gone, group->name);
		add_change(store, group->name, store->options->prune ? "removed" : "kept", "",
				   cmdb_mask(inventory_body(group)), NULL);
	}
	if (!store->declared->has_vars && !store->options->prune)
	{
		foreach(cell, store->stored->vars->entries)
			add_change(store, NULL, "kept", ((SpecEntry *) lfirst(cell))->key, NULL, NULL);
	}
}

/*
 * One parent's children, of "all" or of a group that both sides know.  The first
 * groups and the last ones say themselves that they come and go; history has
 * no other row for the last ones.
 */
static void
compare_children(Store *store, const char *parent, SpecNode *old, SpecNode *new)
{
	bool		all = strcmp(parent, CMDB_ALL) == 0;
	CmdbChange *change;

	if (node_equal(old, new) ||
		(!all && (inventory_group(store->stored, parent) == NULL ||
				  inventory_group(store->declared, parent) == NULL)))
		return;
	change = make_change(all ? NULL : parent, old == NULL ? "added" : new ? "changed" : "removed",
						 "children", old, new);
	store->moves = lappend(store->moves, change);
	if (!all || (old != NULL && new != NULL))
		store->changes = lappend(store->changes, change);
}

/*
 * The structure itself is a change only where both sides know the group: that a
 * new one lies somewhere is said by its being added.
 */
static void
compare_structure(Store *store)
{
	List	   *before = structure_of(store->stored);
	List	   *after = structure_make(store->declared, store->stored, store->options->prune);
	SpecNode   *old;
	SpecNode   *new;
	ListCell   *cell;

	if (structure_equal(before, after))
		return;
	store->mentions = after;
	store->restructured = true;
	old = structure_node(before);
	new = structure_node(after);
	foreach(cell, new->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		compare_children(store, entry->key, node_get(old, entry->key), entry->value);
	}
	foreach(cell, old->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		if (node_get(new, entry->key) == NULL)
			compare_children(store, entry->key, entry->value, NULL);
	}
}

static void
compare(Store *store)
{
	bool		globals = store->options->whole ?
		store->declared->has_vars || store->options->prune : true;
	ListCell   *cell;

	store->differences = compare_inventories(store->declared, store->stored, globals);
	foreach(cell, store->differences)
		store->changes = compare_changes(store->changes, lfirst(cell));
	if (store->options->whole)
	{
		compare_structure(store);
		find_missing(store);
	}
}

/* ---- writing ---- */

static void
store_groups(Store *store)
{
	CmdbRowSet *set = cmdb_row_set(&store->query, "new_group", group_columns,
								   lengthof(group_columns));
	ListCell   *cell;

	foreach(cell, store->differences)
	{
		const GroupDifference *difference = lfirst(cell);
		CmdbRow		row = {0};

		if (difference->group == NULL)
			continue;
		cmdb_put_text(&row, difference->name);
		cmdb_put_text(&row, difference->group->kind);
		cmdb_put_bool(&row, difference->group->hosts_first);
		cmdb_row_set_add(set, &row);
	}
	cmdb_run(&store->query,
			 "INSERT INTO pgops.cluster AS c (name, kind, hosts_first)"
			 " SELECT n.name, n.kind, n.hosts_first FROM new_group AS n"
			 " ON CONFLICT (name) DO UPDATE"
			 " SET kind = excluded.kind, hosts_first = excluded.hosts_first,"
			 "  generation = c.generation + 1, updated_at = now()", NULL);
}

/*
 * The server is left as it is, as by pgops.forget().  But it stays who it is: a
 * document that lacks its cluster by mistake must not make it an instance of the
 * only cluster that is left.
 */
static void
delete_groups(Store *store)
{
	static const char *const statements[] = {
		"DELETE FROM pgops.owned AS t WHERE t.cluster = ANY ($1)",
		"DELETE FROM pgops.failure AS t WHERE t.cluster = ANY ($1)",
		"DELETE FROM pgops.cluster_status AS t WHERE t.cluster = ANY ($1)",
		"DELETE FROM pgops.cluster AS t WHERE t.name = ANY ($1)",
	};
	CmdbRow		args = {0};

	if (store->gone == NIL)
		return;
	cmdb_put_names(&args, store->gone, false);
	for (int i = 0; i < lengthof(statements); i++)
		cmdb_run(&store->query, statements[i], &args);
}

static void
store_structure(Store *store)
{
	ListCell   *cell;

	if (store->restructured)
		structure_store(&store->query, store->mentions);
	else
	{
		foreach(cell, store->differences)
		{
			const GroupDifference *difference = lfirst(cell);

			if (difference->added && strcmp(difference->name, INVENTORY_UNGROUPED) != 0)
				structure_append(&store->query, difference->name);
		}
	}
}

/* whether a change of this group means something for groups that did not change */
static bool
reaches_others(const GroupDifference *difference)
{
	return difference->group == NULL || strcmp(difference->group->kind, INVENTORY_PGSQL) != 0 ||
		difference->group->children != NIL;
}

/* access rules of every cluster may mean the hosts of "infra" */
static bool
is_infra(const Store *store, const GroupDifference *difference)
{
	const InventoryGroup *before = inventory_group(store->stored, difference->name);

	return strcmp(difference->group->kind, "infra") == 0 ||
		(before != NULL && strcmp(before->kind, "infra") == 0);
}

/*
 * Clusters that did not change themselves, but inherit from something that did,
 * or share a host with it, have a new declaration all the same.
 */
static void
touch_others(Store *store)
{
	CmdbRow		args = {0};
	List	   *changed = NIL;
	List	   *reaching = NIL;
	bool		all = store->restructured;
	ListCell   *cell;

	foreach(cell, store->differences)
	{
		const GroupDifference *difference = lfirst(cell);

		if (difference->group != NULL)
			changed = lappend(changed, pstrdup(difference->name));
		if (reaches_others(difference))
			reaching = lappend(reaching, pstrdup(difference->name));
		all = all || difference->group == NULL || is_infra(store, difference);
	}
	if (!all && reaching == NIL)
		return;
	cmdb_put_names(&args, changed, false);
	cmdb_put_names(&args, reaching, false);
	cmdb_put_bool(&args, all);
	cmdb_run(&store->query,
			 "WITH RECURSIVE below (name) AS ("
			 " SELECT r.name FROM unnest($2::text[]) AS r (name)"
			 " UNION SELECT h.child FROM pgops.child AS h JOIN below AS b ON b.name = h.parent),"
			 " reached (name) AS ("
			 " SELECT b.name FROM below AS b"
			 " UNION SELECT o.cluster FROM pgops.instance AS i JOIN below AS b ON b.name = i.cluster"
			 "  JOIN pgops.instance AS o ON o.host = i.host)"
			 " UPDATE pgops.cluster AS c SET generation = c.generation + 1, updated_at = now()"
			 " WHERE c.kind = 'pgsql' AND c.name <> ALL ($1)"
			 " AND ($3 OR c.name IN (SELECT r.name FROM reached AS r))", &args);
}

/* what changed of the structure, as entries of a difference */
static void
add_structure(SpecNode *difference, const List *moves)
{
	const ListCell *cell;

	foreach(cell, moves)
	{
		const CmdbChange *change = lfirst(cell);
		SpecNode   *entry = node_map();
		StringInfoData path;

		initStringInfo(&path);
		appendStringInfoString(&path, change->path);
		if (change->group != NULL)
			site_append_name(&path, change->group);
		node_map_set(entry, "path", node_string(path.data));
		if (change->old != NULL)
			node_map_set(entry, "old", change->old);
		if (change->new != NULL)
			node_map_set(entry, "new", change->new);
		node_list_add(difference, entry);
	}
}

/* the revision named "all" has the structure besides the variables */
static List *
add_all_revision(Store *store, List *revisions, const GroupDifference *globals)
{
	Revision   *revision = palloc0(sizeof(Revision));
	SpecNode   *document = node_map();
	SpecNode   *difference = globals ? globals->difference : node_list();

	node_map_set(document, "vars",
				 node_get(globals ? globals->body : compare_globals_body(store->stored), "vars"));
	node_map_set(document, "children",
				 structure_node(store->restructured ? store->mentions : structure_of(store->stored)));
	add_structure(difference, store->moves);
	revision->name = CMDB_ALL;
	revision->document = cmdb_mask(document);
	revision->difference = difference;
	return lappend(revisions, revision);
}

static void
store_revisions(Store *store)
{
	List	   *revisions = NIL;
	const GroupDifference *globals = NULL;
	ListCell   *cell;

	foreach(cell, store->differences)
	{
		const GroupDifference *difference = lfirst(cell);
		Revision   *revision;

		if (difference->group == NULL)
		{
			globals = difference;
			continue;
		}
		revision = palloc0(sizeof(Revision));
		revision->name = difference->name;
		revision->document = difference->masked;
		revision->difference = difference->difference;
		revisions = lappend(revisions, revision);
	}
	if (globals != NULL || (store->options->whole && store->restructured))
		revisions = add_all_revision(store, revisions, globals);
	revision_add(&store->query, revisions, store->options->note, store->options->join);
}

/*
 * Only rows that differ are written, so that triggers, dumps and replicas see
 * what changed and no more.  Groups go first: their instances' names are free then.
 */
static void
write_all(Store *store)
{
	cmdb_begin(&store->query);
	delete_groups(store);
	store_groups(store);
	store_structure(store);
	store_bodies(&store->query, store->differences);
	touch_others(store);
	store_revisions(store);
	cmdb_end(&store->query);
}

/*
 * The caller holds the lock of declarations.  Comments, blanks and the order of
 * keys are no difference; the order of a list is one, since it has a meaning.
 */
List *
cmdb_store_inventory(const Inventory *declared, const Inventory *stored,
					 const CmdbStoreOptions *options)
{
	Store		store = {0};

	store.options = options;
	store.declared = declared;
	store.stored = stored;
	compare(&store);
	if (!options->dry_run &&
		(store.differences != NIL || store.restructured || store.gone != NIL))
		write_all(&store);
	return store.changes;
}
