/*
 * structure.c
 *		Which group lies in which.
 *
 * Not for: what is in a group (compare.c), nor what follows from where it lies
 * (spec/inventory.h).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/structure.h"

static const CmdbColumn mention_columns[] = {
	{"parent", TEXTOID}, {"child", TEXTOID}, {"ordinal", INT4OID},
	{"defines", BOOLOID}, {"top", BOOLOID}
};

static List *
add_mention(List *mentions, const char *parent, const char *child, int ordinal,
			bool defines, bool top)
{
	Mention    *mention = palloc0(sizeof(Mention));

	mention->parent = parent;
	mention->child = child;
	mention->ordinal = ordinal;
	mention->defines = defines;
	mention->top = top;
	return lappend(mentions, mention);
}

static List *
add_children(List *mentions, const char *parent, const List *children, int *ordinal)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		const InventoryChild *child = lfirst(cell);

		mentions = add_mention(mentions, parent, child->group->name, ++*ordinal,
							   child->defines, parent == NULL && child->group->top);
	}
	return mentions;
}

List *
structure_of(const Inventory *stored)
{
	int			ordinal = 0;
	List	   *mentions = add_children(NIL, NULL, stored->children, &ordinal);
	ListCell   *cell;

	foreach(cell, stored->groups)
	{
		const InventoryGroup *group = lfirst(cell);

		ordinal = 0;
		mentions = add_children(mentions, group->name, group->children, &ordinal);
	}
	return mentions;
}

/*
 * Groups that the document does not have stay where they were, after the others:
 * always in the same places, or applying it again would move them once more.
 */
static List *
add_kept_groups(List *mentions, const Inventory *declared, const Inventory *stored)
{
	SpecNames  *counts = spec_names_create();
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, mentions)
	{
		Mention    *mention = lfirst(cell);
		const char *parent = mention->parent ? mention->parent : "";
		int		   *count = spec_names_find(counts, parent);

		if (count == NULL)
		{
			count = palloc0(sizeof(int));
			(void) spec_names_add(counts, parent, count);
		}
		*count = Max(*count, mention->ordinal);
	}
	foreach(cell, structure_of(stored))
	{
		Mention    *mention = lfirst(cell);
		int		   *count;

		if (inventory_group(declared, mention->child) != NULL &&
			(mention->parent == NULL || inventory_group(declared, mention->parent) != NULL))
			continue;
		count = spec_names_find(counts, mention->parent ? mention->parent : "");
		mention->ordinal = count ? ++*count : mention->ordinal;
		kept = lappend(kept, mention);
	}
	return list_concat(mentions, kept);
}

List *
structure_make(const Inventory *declared, const Inventory *stored, bool prune)
{
	if (prune)
		return structure_of(declared);
	return add_kept_groups(structure_of(declared), declared, stored);
}

static bool
same_mention(const Mention *a, const Mention *b)
{
	return (a->parent == NULL) == (b->parent == NULL) &&
		(a->parent == NULL || strcmp(a->parent, b->parent) == 0) &&
		strcmp(a->child, b->child) == 0 && a->defines == b->defines && a->top == b->top;
}

/* the order of a parent's children counts, that of the parents does not */
static int
compare_mentions(const ListCell *a, const ListCell *b)
{
	const Mention *left = lfirst(a);
	const Mention *right = lfirst(b);
	int			result = strcmp(left->parent ? left->parent : "",
								right->parent ? right->parent : "");

	return result != 0 ? result : left->ordinal - right->ordinal;
}

bool
structure_equal(const List *a, const List *b)
{
	List	   *left = list_copy(a);
	List	   *right = list_copy(b);
	ListCell   *lc;
	ListCell   *rc;

	if (list_length(a) != list_length(b))
		return false;
	list_sort(left, compare_mentions);
	list_sort(right, compare_mentions);
	forboth(lc, left, rc, right)
	{
		if (!same_mention(lfirst(lc), lfirst(rc)))
			return false;
	}
	return true;
}

SpecNode *
structure_node(const List *mentions)
{
	SpecNode   *result = node_map();
	SpecNames  *lists = spec_names_create();
	ListCell   *cell;

	foreach(cell, mentions)
	{
		const Mention *mention = lfirst(cell);
		const char *parent = mention->parent ? mention->parent : "all";
		SpecNode   *list = spec_names_find(lists, parent);

		if (list == NULL)
		{
			list = node_list();
			(void) spec_names_add(lists, parent, list);
			node_map_set(result, parent, list);
		}
		node_list_add(list, node_string(mention->child));
	}
	return result;
}

void
structure_store(CmdbQuery *query, const List *mentions)
{
	CmdbRowSet *set = cmdb_row_set(query, "new_child", mention_columns,
								   lengthof(mention_columns));
	ListCell   *cell;

	foreach(cell, mentions)
	{
		const Mention *mention = lfirst(cell);
		CmdbRow		row = {0};

		cmdb_put_text(&row, mention->parent);
		cmdb_put_text(&row, mention->child);
		cmdb_put_int4(&row, mention->ordinal);
		cmdb_put_bool(&row, mention->defines);
		cmdb_put_bool(&row, mention->top);
		cmdb_row_set_add(set, &row);
	}
	cmdb_run(query,
			 "DELETE FROM pgops.child AS h WHERE NOT EXISTS (SELECT FROM new_child AS n"
			 " WHERE n.child = h.child AND COALESCE(n.parent, '') = COALESCE(h.parent, ''))",
			 NULL);
	cmdb_run(query,
			 "INSERT INTO pgops.child AS h (parent, child, ordinal, defines, top)"
			 " SELECT n.parent, n.child, n.ordinal, n.defines, n.top FROM new_child AS n"
			 " ON CONFLICT (parent, child) DO UPDATE"
			 " SET ordinal = excluded.ordinal, defines = excluded.defines, top = excluded.top"
			 " WHERE (h.ordinal, h.defines, h.top)"
			 "  IS DISTINCT FROM (excluded.ordinal, excluded.defines, excluded.top)",
			 NULL);
}

/*
 * Only what is new is written: who declares one cluster has not read where all
 * the others are.
 */
void
structure_append(CmdbQuery *query, const char *group)
{
	CmdbRow		args = {0};

	cmdb_put_text(&args, group);
	cmdb_run(query,
			 "INSERT INTO pgops.child (child, ordinal)"
			 " SELECT $1, COALESCE(max(h.ordinal), 0) + 1 FROM pgops.child AS h"
			 " WHERE h.parent IS NULL"
			 " HAVING NOT EXISTS (SELECT FROM pgops.child AS o WHERE o.child = $1)", &args);
}
