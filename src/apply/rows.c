/*
 * rows.c
 *		A receiver that turns the rows of a query into JSON, one by one.
 *
 * Not for: running the query (utility.c).
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "apply/rows.h"

typedef struct RowsReceiver
{
	DestReceiver base;			/* must be first */
	StringInfo	out;
	Size		limit;
	uint64		count;
} RowsReceiver;

/* a query without rows has a result, too: the empty array */
static void
rows_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	RowsReceiver *rows = (RowsReceiver *) self;

	rows->count = 0;
	appendStringInfoChar(rows->out, '[');
}

/* The server's own function knows how each type is written in JSON. */
static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RowsReceiver *rows = (RowsReceiver *) self;
	Datum		row;
	text	   *json;

	/* row_to_json() finds the names of the columns by the number that this gives them */
	(void) BlessTupleDesc(slot->tts_tupleDescriptor);
	row = ExecFetchSlotHeapTupleDatum(slot);
	json = DatumGetTextPP(DirectFunctionCall1(row_to_json, row));
	if (rows->count++ > 0)
		appendStringInfoChar(rows->out, ',');
	appendBinaryStringInfo(rows->out, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
	pfree(json);
	pfree(DatumGetPointer(row));
	if (rows->out->len > rows->limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("result of the statement is larger than %zu MB", rows->limit >> 20)));
	return true;
}

static void
rows_shutdown(DestReceiver *self)
{
	appendStringInfoChar(((RowsReceiver *) self)->out, ']');
}

static void
rows_destroy(DestReceiver *self)
{
	pfree(self);
}

DestReceiver *
rows_receiver(StringInfo out, Size limit)
{
	RowsReceiver *rows = palloc0(sizeof(RowsReceiver));

	rows->base.receiveSlot = rows_receive;
	rows->base.rStartup = rows_startup;
	rows->base.rShutdown = rows_shutdown;
	rows->base.rDestroy = rows_destroy;
	rows->base.mydest = DestNone;
	rows->out = out;
	rows->limit = limit;
	return &rows->base;
}
