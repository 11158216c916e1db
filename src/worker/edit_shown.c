/*
 * edit_shown.c
 *		What the views show now: which item of a list a row is, and whether what
 *		it changes is still as it showed it.
 *
 * A row was read before the lock of declarations was taken, and what it showed
 * is not what is written: placeholders are resolved, secrets masked, short forms
 * long.  So the list is made once more as the view would show it, and rows are
 * compared with that: what merely looks like an unknown value must not make one
 * rule pass for another.
 *
 * Not for: changing anything.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"

#include "secret.h"
#include "worker/edit.h"
#include "worker/effective.h"

/* ---- the list ---- */

/* what is in effect for a cluster or (host not NULL) a host in it; NULL: it is not stored */
static Effective *
read_effective(const EditWork *work, const char *cluster, const char *host)
{
	const Inventory *inventory = work->declaration->stored;
	const InventoryGroup *group = inventory_group(inventory, cluster);
	bool		local = work->local != NULL && strcmp(work->local, cluster) == 0;

	return group == NULL ? NULL :
		effective_read(inventory, group, host, local ?
					   GetUserNameFromId(BOOTSTRAP_SUPERUSERID, true) : NULL);
}

/* a parameter as it is used; NULL if it is not in effect */
static const SpecNode *
shown_param(const Effective *effective, const char *param)
{
	const InventorySetting *setting = effective_setting(effective, param);

	return setting ? effective_used(effective, setting) : NULL;
}

/* a list inside an item; NULL if the statement inserts the item */
static const SpecNode *
shown_inner(const EditList *list)
{
	const EditList *outer = list->outer;

	for (int i = 0; i < outer->count; i++)
	{
		if (outer->items[i] == list->outer_item)
			return node_get(list_nth(outer->shown, i), list->inner);
	}
	return NULL;
}

/*
 * What is used has an item for each that is written, at the same place.  Where
 * that is not so, because what was stored is faulty, the items are taken as they
 * are written.
 */
void
edit_read_shown(const EditWork *work, EditList *list)
{
	Effective  *effective = list->outer ? NULL : read_effective(work, list->cluster, NULL);
	const SpecNode *shown = list->outer ? shown_inner(list) :
		effective ? shown_param(effective, list->param) : NULL;

	list->shown = shown != NULL && shown->kind == NODE_LIST &&
		list_length(shown->items) == list->count ? shown->items : list->node->items;
}

/* ---- the row ---- */

/*
 * Whether a column showed a value.  One of jsonb shows everything, one of another
 * type shows null for what it cannot hold (an expression that nobody evaluates).
 * What is masked differs from nothing that is masked as well.
 */
static bool
same_value(const EditCell *cell, const SpecNode *value)
{
	const char *a = node_text(cell->old);
	const char *b = node_text(value);

	if (value != NULL && value->kind == NODE_NULL)
		value = NULL;
	if (cell->old != NULL && a == NULL)
		return value != NULL && node_equal(cell->old, node_from_jsonb(node_to_jsonb(value)));
	if (a == NULL)
		return cell->json ? value == NULL : b == NULL || item_is_expression(value);
	if (strcmp(a, SECRET_MASK) == 0)
		return value != NULL;

	/* "0x10" is shown as a number as well */
	if (cell->old->kind == NODE_INT && value != NULL && value->kind == NODE_STRING)
		return true;
	return b != NULL && strcmp(a, b) == 0;
}

/*
 * Of items with names the name tells, as it does for people.  Two equal rules
 * cannot be told apart, and need not be: their places differ, and either of them
 * will do.
 */
bool
edit_is_shown(const EditList *list, int place, const Edit *edit)
{
	const SpecNode *item = list_nth(list->shown, place);
	bool		named = item_field(list->object, "name") != NULL;

	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];

		if (edit->kind->text != NULL)
		{
			if (strcmp(cell->column, edit->kind->text) == 0 && !same_value(cell, item))
				return false;
		}
		else if (named ? strcmp(cell->column, "name") == 0 :
				 item_field(list->object, cell->column) != NULL)
		{
			if (!same_value(cell, item_get(list->object, item, cell->column)))
				return false;
		}
	}
	return true;
}

/*
 * Whether the columns that an UPDATE changes still are as the row showed them.
 * What was worked out from a value (connlimit + 1) must not undo what another
 * session made of it; other columns may have changed.
 */
bool
edit_is_current(const EditList *list, int place, const Edit *edit)
{
	const SpecNode *item = list_nth(list->shown, place);

	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];

		if (cell->changed && item_field(list->object, cell->column) != NULL &&
			!same_value(cell, item_get(list->object, item, cell->column)))
			return false;
	}
	return true;
}

/* ---- hosts and clusters ---- */

/* of a map of variables the keys that the row changes */
static bool
same_variables(const EditCell *cell, const SpecNode *vars)
{
	const SpecNode *now = node_from_jsonb(node_to_jsonb(effective_masked(vars)));
	ListCell   *lc;

	foreach(lc, cell->old ? cell->old->entries : NIL)
	{
		const SpecEntry *entry = lfirst(lc);

		if (!node_equal(entry->value, node_get(cell->new, entry->key)) &&
			!node_equal(entry->value, node_get(now, entry->key)))
			return false;
	}
	foreach(lc, cell->new ? cell->new->entries : NIL)
	{
		const SpecEntry *entry = lfirst(lc);

		if (node_get(cell->old, entry->key) == NULL && node_get(now, entry->key) != NULL &&
			!node_equal(entry->value, node_get(now, entry->key)))
			return false;
	}
	return true;
}

/*
 * The same for a host (host NULL: a cluster).  Where nobody says pg_cluster, the
 * views show the group's name.
 */
bool
edit_is_current_row(const EditWork *work, const Edit *edit, const char *cluster, const char *host)
{
	Effective  *effective = read_effective(work, cluster, host);
	const SpecNode *vars;

	if (effective == NULL)
		return true;
	vars = host == NULL ? effective->group->vars : node_get(effective->group->hosts, host);
	if (vars == NULL)
		return true;			/* inserted by the same statement */
	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];
		const char *param = edit_param_of_column(edit->kind, cell->column);
		const SpecNode *now;

		if (!cell->changed)
			continue;
		if (strcmp(cell->column, EDIT_VARIABLES) == 0 && !same_variables(cell, vars))
			return false;
		if (param == NULL)
			continue;
		now = shown_param(effective, param);
		if (now == NULL && strcmp(param, "pg_cluster") == 0)
			now = node_string(cluster);
		if (!same_value(cell, now))
			return false;
	}
	return true;
}
