/*
 * edit_row.c
 *		A row that a trigger sees, as columns of the document's tree.
 *
 * Only what differs is declared: a column that a statement leaves as it is may
 * show less than the document has (a masked secret, a placeholder's value, the
 * null that an expression looks like), and is not written back.
 *
 * Not for: what a column means (edit_list.c, edit_group.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "worker/edit.h"

/*
 * A value in the tree's kinds.  The views have few types; what they do not have
 * becomes text, as a document would write it.
 */
static SpecNode *
node_of_datum(Datum value, Oid type)
{
	Oid			output;
	bool		varlena;

	switch (type)
	{
		case BOOLOID:
			return node_bool(DatumGetBool(value));
		case INT4OID:
			return node_int(DatumGetInt32(value));
		case INT8OID:
			return node_int(DatumGetInt64(value));
		case TEXTOID:
			return node_string(TextDatumGetCString(value));
		case JSONBOID:
			return node_from_jsonb(DatumGetJsonbP(value));
		default:
			getTypeOutputInfo(type, &output, &varlena);
			return node_string(OidOutputFunctionCall(output, value));
	}
}

/*
 * One column; returns whether it has a part in what the statement declares.  The
 * comparison is by bytes: a column that the statement does not name is the very
 * same value in both rows, and one that is set to an equal value in another
 * guise changes nothing when it is declared.
 */
static bool
read_cell(EditCell *cell, EditAction action, Form_pg_attribute column,
		  TupleDesc desc, HeapTuple old, HeapTuple new)
{
	bool		old_null = true;
	bool		new_null = true;
	Datum		old_value = 0;
	Datum		new_value = 0;

	cell->column = pstrdup(NameStr(column->attname));
	cell->json = column->atttypid == JSONBOID;
	if (old != NULL)
		old_value = heap_getattr(old, column->attnum, desc, &old_null);
	if (new != NULL)
		new_value = heap_getattr(new, column->attnum, desc, &new_null);
	cell->changed = action != EDIT_DELETE && (old_null != new_null ||
		(!old_null && !datum_image_eq(old_value, new_value,
									  column->attbyval, column->attlen)));
	if (!old_null)
		cell->old = node_of_datum(old_value, column->atttypid);
	if (!new_null && cell->changed)
		cell->new = node_of_datum(new_value, column->atttypid);
	if (cell->new != NULL && cell->new->kind == NODE_NULL)
		cell->new = NULL;		/* the null of JSON is none other */
	return cell->changed;
}

/*
 * All columns of the old row are kept, not only those that name it: where
 * objects have no names they are recognized by what they are.
 */
Edit *
edit_of_row(const EditKind *kind, const TriggerData *trigger)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Edit	   *edit = palloc0(sizeof(Edit));
	HeapTuple	old = trigger->tg_trigtuple;
	HeapTuple	new = trigger->tg_newtuple;
	bool		any = false;

	edit->kind = kind;
	edit->action = EDIT_UPDATE;
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		edit->action = EDIT_INSERT;
		new = old;
		old = NULL;
	}
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		edit->action = EDIT_DELETE;

	edit->cells = palloc0(desc->natts * sizeof(EditCell));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped)
			any |= read_cell(&edit->cells[edit->ncells++], edit->action, column,
							 desc, old, new);
	}
	return any || edit->action != EDIT_UPDATE ? edit : NULL;
}

/* by plain search: some tens of columns, asked for a few times for each row */
static const EditCell *
find_cell(const Edit *edit, const char *column)
{
	for (int i = 0; i < edit->ncells; i++)
	{
		if (strcmp(edit->cells[i].column, column) == 0)
			return &edit->cells[i];
	}
	return NULL;
}

/* NULL is null as well as "the view has no such column": views differ in theirs */
SpecNode *
edit_old(const Edit *edit, const char *column)
{
	const EditCell *cell = find_cell(edit, column);

	return cell == NULL ? NULL : cell->old;
}

SpecNode *
edit_new(const Edit *edit, const char *column)
{
	const EditCell *cell = find_cell(edit, column);

	return cell == NULL ? NULL : cell->new;
}

/* what names a row: for a new one only it can say, else what it was before */
const char *
edit_key(const Edit *edit, const char *column)
{
	return node_text(edit->action == EDIT_INSERT ? edit_new(edit, column) :
					 edit_old(edit, column));
}
