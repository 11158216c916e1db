/*
 * edit_list.c
 *		The lists that the rows of a statement are in: users, databases, what is
 *		inside a database, rules, services, default privileges.
 *
 * A list is opened once for a statement.  Items are found where they were
 * before the statement; what is deleted is marked, what is inserted is kept
 * apart, and the list is put together at the end.  So the rows of a statement
 * do not see each other's effects, as with a table.
 *
 * Not for: the rows (edit_item.c), hosts and groups (edit_group.c).
 */
#include "postgres.h"

#include "errors.h"
#include "worker/edit.h"

#define MAX_NOTICES	10			/* about copied lists, in one statement */

/* ---- lists ---- */

/* The place of what is inside a database follows from the list it ends up in. */
static const char *
inner_path(const EditList *list)
{
	const EditList *outer = list->outer;

	for (int i = 0; i < list_length(outer->node->items); i++)
	{
		if (list_nth(outer->node->items, i) == list->outer_item)
			return psprintf("%s[%d].%s", outer->path, i, list->inner);
	}
	return NULL;				/* the database was deleted by the same statement */
}

/*
 * The items are remembered where they are now: rows name them by their places,
 * and the places of a list that is being changed would move under them.
 * "place" is what the list is found by when the next row comes.
 */
static EditList *
start_list(EditWork *work, const char *place, const SpecNode *node)
{
	EditList   *list = palloc0(sizeof(EditList));
	ListCell   *lc;

	list->count = list_length(node->items);
	list->items = palloc(Max(list->count, 1) * sizeof(SpecNode *));
	list->gone = palloc0(Max(list->count, 1) * sizeof(bool));
	foreach(lc, node->items)
		list->items[foreach_current_index(lc)] = lfirst(lc);
	work->lists = lappend(work->lists, list);
	(void) spec_names_add(work->lists_by_place, place, list);
	return list;
}

/*
 * Only a list can be changed item by item, not what Jinja will make one of.
 */
static void
require_list(const Edit *edit, const SpecNode *value, const char *what)
{
	if (value->kind != NODE_LIST)
		edit_refuse_column(edit, edit->kind->params == NULL ? NULL : "parameter",
						   psprintf("%s: \"%s\" is declared as an expression, not as a list.",
									edit_describe(edit), what),
						   "Declare the whole parameter with pgops.apply_cluster().");
}

/*
 * What would hold for a group if it did not declare the parameter itself: the
 * value of a group above it, of all, or the default.  NULL: nothing.
 */
static const InventorySetting *
weaker_setting(const EditWork *work, const char *cluster, const char *param)
{
	const Inventory *inventory = work->declaration->stored;
	const InventoryGroup *group = inventory_group(inventory, cluster);
	InventoryGroup silent = {0};
	ListCell   *lc;

	if (group != NULL)
		silent = *group;
	silent.vars = node_map();
	foreach(lc, inventory_settings(inventory, &silent, NULL, true))
	{
		const InventorySetting *setting = lfirst(lc);

		if (strcmp(setting->name, param) == 0)
			return setting;
	}
	return NULL;
}

/* whether there is something that a copy keeps, or an empty list hides */
static bool
holds_items(const InventorySetting *setting)
{
	return setting != NULL && setting->value->kind != NODE_NULL &&
		!(setting->value->kind == NODE_LIST && setting->value->items == NIL);
}

/*
 * A parameter is replaced whole: the first item that a cluster declares of it
 * hides the weaker level's.  So that the others stay in effect they come along,
 * and become the cluster's own from here on.
 */
static SpecNode *
copy_weaker(const EditWork *work, const Edit *edit, const char *cluster, const char *param,
			char **origin)
{
	const InventorySetting *setting = weaker_setting(work, cluster, param);

	if (!holds_items(setting))
		return node_list();
	require_list(edit, setting->value, param);
	if (strcmp(setting->scope, "default") == 0)
		*origin = pstrdup("pgops' default");
	else if (strcmp(setting->scope, "global") == 0)
		*origin = pstrdup("the global one");
	else
		*origin = psprintf("that of group \"%s\"", setting->origin);
	return node_copy(setting->value);
}

/* That others' changes no longer reach a cluster must be known to who does it. */
void
edit_tell_copies(const EditWork *work)
{
	int			copies = 0;
	ListCell   *lc;

	foreach(lc, work->lists)
	{
		const EditList *list = lfirst(lc);

		if (list->origin == NULL || ++copies > MAX_NOTICES)
			continue;
		ereport(NOTICE,
				(errmsg("cluster \"%s\" declares \"%s\" itself from here on",
						list->cluster, list->param),
				 errdetail("So far %s was in effect. It was copied with the change; later changes there do not reach this cluster any more.",
						   list->origin),
				 errhidestmt(true)));
	}
	if (copies > MAX_NOTICES)
		ereport(NOTICE,
				(errmsg("likewise %d more lists of clusters", copies - MAX_NOTICES),
				 errhidestmt(true)));
}

/*
 * The list parameter of a cluster, made its own: one that it does not declare
 * is copied from where it is in effect, one that it declares as null (which
 * hides the weaker levels) begins empty.
 */
static EditList *
open_param(EditWork *work, Edit *edit, const char *cluster, const char *param)
{
	char	   *place = psprintf("%s\n%s", cluster, param);
	EditList   *list = spec_names_find(work->lists_by_place, place);
	char	   *origin = NULL;
	SpecNode   *vars;
	SpecNode   *node;

	if (list != NULL)
		return list;
	vars = node_get(edit_body(work, edit, "cluster"), "vars");
	node = node_get(vars, param);
	if (node == NULL)
	{
		node = copy_weaker(work, edit, cluster, param, &origin);
		item_set_param(vars, param, node);
	}
	else if (node->kind == NODE_NULL)
		*node = *node_list();
	require_list(edit, node, param);
	list = start_list(work, place, node);
	list->cluster = cluster;
	list->param = param;
	list->object = item_object(param, NULL);
	list->vars = vars;
	list->origin = origin;
	list->node = node;
	edit_read_shown(work, list);
	return list;
}

/*
 * Names of the items as rows show them, those that the statement inserts
 * included: a database and its schemas may be inserted together, in WITH.  Most
 * statements never ask.
 */
static SpecNames *
names_of(EditList *list)
{
	ListCell   *lc;

	if (list->names != NULL)
		return list->names;
	list->names = spec_names_create();
	for (int i = 0; i < list->count; i++)
	{
		const char *name = item_name(list_nth(list->shown, i));

		if (name != NULL)
			(void) spec_names_add(list->names, name, list->items[i]);
	}
	foreach(lc, list->added)
	{
		SpecNode   *item = ((EditAdded *) lfirst(lc))->item;

		if (item_name(item) != NULL)
			(void) spec_names_add(list->names, item_name(item), item);
	}
	return list->names;
}

/* ---- which list ---- */

/* the parameter that a row is in; a new row may choose */
static const char *
param_of(const Edit *edit)
{
	const EditKind *kind = edit->kind;
	const char *given = edit_key(edit, "parameter");
	bool		default_one = kind->inner != NULL && edit_key(edit, "database") == NULL;

	if (given == NULL)
		return kind->params[default_one ? 1 : 0];
	for (int i = 0; kind->params[i] != NULL; i++)
	{
		if (strcmp(kind->params[i], given) != 0)
			continue;
		if (kind->inner != NULL && default_one != (i == 1))
			edit_refuse(edit, "database", ERRCODE_PGOPS_CONTRADICTION,
						psprintf("%s: a row of \"%s\" %s.", edit_describe(edit), given,
								 default_one ? "is in a database" : "is in no database of its own"),
						NULL);
		return kind->params[i];
	}
	edit_refuse(edit, "parameter", ERRCODE_PGOPS_UNKNOWN_NAME,
				psprintf("%s: there is no such list of %ss.", edit_describe(edit), kind->noun),
				psprintf("Without a value it is \"%s\"; see the comment on the column.",
						 kind->params[0]));
	return NULL;				/* not reached */
}

/* the database that a schema or extension is in; it may have been inserted just now */
static SpecNode *
database_of(EditList *databases, const Edit *edit)
{
	const char *name = edit_key(edit, "database");
	SpecNode   *item = spec_names_find(names_of(databases), name);

	if (item == NULL || item->kind != NODE_MAP)
		edit_refuse(edit, "database", ERRCODE_PGOPS_UNRESOLVED,
					psprintf("%s: the database is not declared.", edit_describe(edit)),
					"Insert it into pgops.databases first.");
	return item;
}

/*
 * The list that a row is in.  What is inside a database is found by the
 * database's item rather than by its place, which may move.
 */
EditList *
edit_open_list(EditWork *work, Edit *edit)
{
	const char *cluster = edit_key(edit, "cluster");
	EditList   *outer = open_param(work, edit, cluster, param_of(edit));
	EditList   *list;
	SpecNode   *item;
	SpecNode   *node;
	char	   *place;

	if (edit->kind->inner == NULL || edit_key(edit, "database") == NULL)
		return outer;
	item = database_of(outer, edit);
	place = psprintf("%s\n%p\n%s", cluster, item, edit->kind->inner);
	list = spec_names_find(work->lists_by_place, place);
	if (list != NULL)
		return list;
	node = node_get(item, edit->kind->inner);
	if (node == NULL || node->kind == NODE_NULL)
		item_set(outer->object, item, edit->kind->inner, node = node_list());
	require_list(edit, node, edit->kind->inner);
	list = start_list(work, place, node);
	list->cluster = cluster;
	list->param = outer->param;
	list->object = item_object(outer->param, edit->kind->inner);
	list->outer = outer;
	list->outer_item = item;
	list->inner = edit->kind->inner;
	list->node = node;
	edit_read_shown(work, list);
	return list;
}

/* ---- putting together ---- */

/* in the order in which the rows came */
static List *
append_added(List *items, const EditList *list, int before)
{
	ListCell   *lc;

	foreach(lc, list->added)
	{
		const EditAdded *added = lfirst(lc);

		if (added->before == before)
			items = lappend(items, added->item);
	}
	return items;
}

/*
 * One pass, whatever was inserted and deleted where: taking items out of the
 * list one by one would move the rest of it each time.
 */
static void
rebuild(EditList *list)
{
	bool		placed = false;
	List	   *items = NIL;
	ListCell   *lc;

	foreach(lc, list->added)
		placed |= ((EditAdded *) lfirst(lc))->before != 0;
	for (int i = 0; i < list->count; i++)
	{
		if (placed)
			items = append_added(items, list, i + 1);
		if (!list->gone[i])
			items = lappend(items, list->items[i]);
	}
	list->node->items = append_added(items, list, 0);
}

/*
 * A list that is empty now says something only where it hides one of a weaker
 * level; elsewhere it goes, as if it had never been declared.
 */
static void
drop_if_empty(const EditWork *work, EditList *list)
{
	if (list->node->items != NIL)
		return;
	if (list->outer != NULL)
		item_set(list->outer->object, list->outer_item, list->inner, NULL);
	else
	{
		node_map_unset(list->vars, list->param);
		if (holds_items(weaker_setting(work, list->cluster, list->param)))
			item_set_param(list->vars, list->param, list->node);
	}
}

/* those inside databases come after the databases, in this order as in that of opening */
void
edit_close_lists(EditWork *work)
{
	ListCell   *lc;

	foreach(lc, work->lists)
	{
		EditList   *list = lfirst(lc);

		rebuild(list);
		list->path = list->outer == NULL ? item_param_path(list->cluster, NULL, list->param) :
			inner_path(list);
	}
	foreach(lc, work->lists)
		drop_if_empty(work, lfirst(lc));
}
