/*
 * edit_mask.c
 *		What RETURNING gives of a row that was written: secrets masked, as the
 *		view itself will show it.
 *
 * Not for: what is stored (edit_list.c, edit_group.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "cmdb/cmdb.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "worker/edit.h"

/* a map of variables with its secrets masked */
static Datum
mask_variables(Datum value)
{
	SpecNode   *body = node_map();

	node_map_set(body, "vars", node_from_jsonb(DatumGetJsonbP(value)));
	return JsonbPGetDatum(node_to_jsonb(node_get(cmdb_mask(body), "vars")));
}

/* whether a column's value must not be shown; *masked is what stands for it */
static bool
is_secret(const EditKind *kind, Form_pg_attribute column, Datum value, Datum *masked)
{
	if (kind->params == NULL)
	{
		if (column->atttypid != JSONBOID)
			return false;
		*masked = mask_variables(value);
		return true;
	}
	if (column->atttypid != TEXTOID ||
		!catalogue_is_secret(kind->params[0], NameStr(column->attname)))
		return false;
	*masked = CStringGetTextDatum(SECRET_MASK);
	return true;
}

HeapTuple
edit_mask(const EditKind *kind, const TriggerData *trigger, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	bool		any = false;

	heap_deform_tuple(row, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		if (!nulls[i] && is_secret(kind, TupleDescAttr(desc, i), values[i], &values[i]))
			any = true;
	}
	return any ? heap_form_tuple(desc, values, nulls) : row;
}
