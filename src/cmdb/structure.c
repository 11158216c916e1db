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

/* ---- groups that the document does not have ---- */

/* mentions below one parent (NULL: all), in their order */
static List *
children_of(const List *mentions, const char *parent)
{
	List	   *result = NIL;
	const ListCell *cell;

	foreach(cell, mentions)
	{
		Mention    *mention = lfirst(cell);

		if (parent == NULL ? mention->parent == NULL :
			mention->parent != NULL && strcmp(mention->parent, parent) == 0)
			result = lappend(result, mention);
	}
	return result;
}

static SpecNames *
index_children(const List *mentions)
{
	SpecNames  *names = spec_names_create();
	const ListCell *cell;

	foreach(cell, mentions)
		(void) spec_names_add(names, ((Mention *) lfirst(cell))->child, lfirst(cell));
	return names;
}

/* what stays of the stored ones: those of the document as it mentions them, and those it does not know */
static List *
remaining(const List *stored, SpecNames *declared, const Inventory *document)
{
	List	   *result = NIL;
	const ListCell *cell;

	foreach(cell, stored)
	{
		Mention    *mention = lfirst(cell);
		Mention    *same = spec_names_find(declared, mention->child);

		if (same != NULL || inventory_group(document, mention->child) == NULL)
			result = lappend(result, same ? same : mention);
	}
	return result;
}

/*
 * Puts the document's mentions among the remaining ones: each new one after its
 * neighbour, or at the end.  NIL if the document has another order than what is
 * stored: then it is the one that counts.
 */
static List *
merge_children(const List *declared, List *result, SpecNames *stored)
{
	int			at = -1;
	const ListCell *cell;

	foreach(cell, declared)
	{
		Mention    *mention = lfirst(cell);

		if (spec_names_find(stored, mention->child) == NULL)
		{
			at = at < 0 ? list_length(result) : at + 1;
			result = list_insert_nth(result, at, mention);
			continue;
		}
		do
			at++;
		while (at < list_length(result) && list_nth(result, at) != mention);
		if (at == list_length(result))
			return NIL;
	}
	return result;
}

static void
number_children(List *mentions)
{
	int			ordinal = 0;
	ListCell   *cell;

	foreach(cell, mentions)
		((Mention *) lfirst(cell))->ordinal = ++ordinal;
}

/* the document's order and what it does not know after that: always the same result */
static List *
declared_first(List *declared, const List *rest, SpecNames *names)
{
	List	   *result = list_copy(declared);
	const ListCell *cell;

	foreach(cell, rest)
	{
		Mention    *mention = lfirst(cell);

		if (spec_names_find(names, mention->child) == NULL)
			result = lappend(result, mention);
	}
	return result;
}

static List *
keep_children(List *declared, const List *stored, const Inventory *document)
{
	SpecNames  *names = index_children(declared);
	List	   *rest = remaining(stored, names, document);
	List	   *result = merge_children(declared, list_copy(rest), index_children(stored));

	if (result == NIL)
		result = declared_first(declared, rest, names);
	number_children(result);
	return result;
}

/*
 * Parents of the document get its children and keep those it does not know; a
 * parent that it does not know keeps all of its own.
 */
static List *
keep_groups(List *declared, const Inventory *document, const Inventory *stored)
{
	List	   *before = structure_of(stored);
	List	   *result = keep_children(children_of(declared, NULL), children_of(before, NULL),
									   document);
	ListCell   *cell;

	foreach(cell, document->groups)
	{
		const char *name = ((InventoryGroup *) lfirst(cell))->name;
		const InventoryGroup *same = inventory_group(stored, name);

		if (inventory_group(document, name)->children != NIL ||
			(same != NULL && same->children != NIL))
			result = list_concat(result, keep_children(children_of(declared, name),
													   children_of(before, name), document));
	}
	foreach(cell, stored->groups)
	{
		const char *name = ((InventoryGroup *) lfirst(cell))->name;

		if (inventory_group(document, name) == NULL)
			result = list_concat(result, children_of(before, name));
	}
	return result;
}

List *
structure_make(const Inventory *declared, const Inventory *stored, bool prune)
{
	if (prune)
		return structure_of(declared);
	return keep_groups(structure_of(declared), declared, stored);
}

/* ---- comparing ---- */

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
