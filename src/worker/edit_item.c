/*
 * edit_item.c
 *		Rows that are items of lists: finding the item, and changing it.
 *
 * Not for: the lists (edit_list.c), what is shown of them (edit_shown.c), hosts
 *		and groups (edit_group.c).
 */
#include "postgres.h"

#include "errors.h"
#include "worker/edit.h"

#define MOVE_HINT	"Delete the row and insert it where it is to be."

/* ---- items ---- */

void
edit_refuse_changed(const Edit *edit)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("%s was changed by another declaration at the same time",
					edit_describe(edit)),
			 errhint("Run the statement again."),
			 errhidestmt(true)));
}

/*
 * The item of a row.  It is where the row said, unless another session declared
 * something between this statement's snapshot and the lock; then it is looked
 * for, so that the changes of both sessions hold.
 */
static int
find_item(EditList *list, const Edit *edit)
{
	const SpecNode *ordinal = edit_old(edit, "ordinal");
	int			place = ordinal == NULL ? -1 : (int) ordinal->integer - 1;

	if (place >= 0 && place < list->count && edit_is_shown(list, place, edit))
		return place;
	for (int i = 0; i < list->count; i++)
	{
		if (!list->gone[i] && edit_is_shown(list, i, edit))
			return i;
	}
	edit_refuse_changed(edit);
	return -1;					/* not reached */
}

/* ---- columns ---- */

/* whether a column is a field of the items */
static bool
is_field(const EditList *list, const Edit *edit, const char *column)
{
	return item_field(list->object, column) != NULL ||
		(edit->kind->text != NULL && strcmp(edit->kind->text, column) == 0);
}

/* columns that say where an item is, rather than what it is */
static bool
is_place(const char *column)
{
	static const char *const places[] = {"cluster", "database", "parameter", "ordinal"};

	for (int i = 0; i < lengthof(places); i++)
	{
		if (strcmp(places[i], column) == 0)
			return true;
	}
	return false;
}

/* where a null would not mean "not declared" but leave nothing to declare */
static void
refuse_null(const Edit *edit, const char *column)
{
	edit_refuse(edit, column, ERRCODE_NOT_NULL_VIOLATION,
				psprintf("%s: it must not be null.", edit_describe(edit)), NULL);
}

/*
 * Sets what the row says; all else in the item stays as it is written.  A column
 * that only tells something is refused rather than ignored: who writes to it
 * expects an effect.  A new row may say where it wants to be.
 */
static void
set_fields(const EditList *list, const Edit *edit, SpecNode *item)
{
	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];

		if (!cell->changed)
			continue;
		if (edit->kind->text != NULL && cell->new == NULL &&
			strcmp(edit->kind->text, cell->column) == 0)
			refuse_null(edit, cell->column);
		if (is_field(list, edit, cell->column))
			item_set(list->object, item, cell->column, cell->new);
		else if (!is_place(cell->column))
			edit_refuse_column(edit, cell->column,
							   edit->kind->text == NULL ?
							   "It tells where the row comes from, and is not declared." :
							   psprintf("It is read from the column \"%s\", which is what is declared.",
										edit->kind->text), NULL);
		else if (edit->action == EDIT_UPDATE)
			edit_refuse_column(edit, cell->column, "A row stays in its list.", MOVE_HINT);
	}
}

/* a new item, its fields in the catalogue's order */
static SpecNode *
make_item(const EditList *list, const Edit *edit)
{
	SpecNode   *item = edit->kind->text == NULL ? node_map() : node_string("");

	if (edit->kind->text != NULL && edit_new(edit, edit->kind->text) == NULL)
		refuse_null(edit, edit->kind->text);
	set_fields(list, edit, item);
	return item;
}

/* ---- carrying out ---- */

/*
 * A place beyond the end is the end.  The name is made known at once, for rows
 * that lie inside the new item.
 */
static void
insert_item(EditList *list, Edit *edit)
{
	const SpecNode *ordinal = edit_new(edit, "ordinal");
	EditAdded  *added = palloc0(sizeof(EditAdded));

	if (ordinal != NULL && ordinal->integer < 1)
		edit_refuse(edit, "ordinal", ERRCODE_PGOPS_OUT_OF_RANGE,
					psprintf("%s: places are counted from 1.", edit_describe(edit)), NULL);
	added->item = edit->item = make_item(list, edit);
	if (ordinal != NULL && ordinal->integer <= list->count)
		added->before = (int) ordinal->integer;
	list->added = lappend(list->added, added);
	if (list->names != NULL && item_name(edit->item) != NULL)
		(void) spec_names_add(list->names, item_name(edit->item), edit->item);
}

/*
 * One row.  A row that the same statement changes twice (a join can do that) is
 * changed twice; one that is deleted stays deleted, as its item is out of reach.
 */
void
edit_carry_item(EditWork *work, Edit *edit)
{
	EditList   *list = edit_open_list(work, edit);
	int			place;

	edit->list = list;
	if (edit->action == EDIT_INSERT)
	{
		insert_item(list, edit);
		return;
	}
	place = find_item(list, edit);
	edit->item = list->items[place];
	if (edit->action == EDIT_DELETE)
		list->gone[place] = true;
	else
	{
		if (!edit_is_current(list, place, edit))
			edit_refuse_changed(edit);
		set_fields(list, edit, edit->item);
	}
}
