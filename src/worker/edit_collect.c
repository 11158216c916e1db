/*
 * edit_collect.c
 *		The triggers of the views: rows of a statement are collected, and
 *		carried out together when it has seen the last of them.
 *
 * One declaration for a statement, not for a row: a thousand rows are one
 * validation and one revision, and two users can swap their names.
 *
 * A statement is known by the memory context of its triggers' descriptions:
 * the executor makes them for each query anew, and all views that one query
 * writes to (several, in WITH) have theirs in the same one.  So a function that
 * is called by a statement on a view, and writes to a view itself, is another
 * statement, whose rows are declared first.
 *
 * What was collected must neither outlive its statement nor get lost: it goes
 * with the (sub)transaction that is rolled back, and one that commits while
 * there is something left raises an error.
 *
 * Not for: what the rows mean.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "secret.h"
#include "worker/edit.h"

PG_FUNCTION_INFO_V1(pgops_edit_row);
PG_FUNCTION_INFO_V1(pgops_edit_statement);

/* the rows of one statement; of nested ones the innermost comes first */
typedef struct EditBatch
{
	struct EditBatch *outer;
	MemoryContext statement;	/* only compared */
	MemoryContext context;		/* where the batch and its edits are */
	SubTransactionId subid;
	List	   *edits;
} EditBatch;

static EditBatch *batches = NULL;

/* ---- the end of transactions ---- */

/* what a rolled-back subtransaction collected is as if it had not been */
static void
edit_subxact_callback(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (EditBatch *batch = batches; batch != NULL; batch = batch->outer)
		{
			if (batch->subid == subid)
				batch->subid = parent;
		}
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		/* inner statements belong to inner subtransactions: they come first */
		while (batches != NULL && batches->subid == subid)
		{
			MemoryContext context = batches->context;

			batches = batches->outer;
			MemoryContextDelete(context);
		}
	}
}

/* the contexts go with the transaction's */
static void
edit_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (batches != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_INTERNAL_ERROR),
						 errmsg_internal("rows written to pgops' views were not declared")));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			batches = NULL;
			break;
		default:
			break;
	}
}

/* in sessions that write to a view, and in no others */
static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(edit_xact_callback, NULL);
	RegisterSubXactCallback(edit_subxact_callback, NULL);
	registered = true;
}

/* ---- batches ---- */

static EditBatch *
find_batch(MemoryContext statement)
{
	for (EditBatch *batch = batches; batch != NULL; batch = batch->outer)
	{
		if (batch->statement == statement)
			return batch;
	}
	return NULL;
}

static EditBatch *
begin_batch(MemoryContext statement)
{
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "pgops view edits",
												  ALLOCSET_DEFAULT_SIZES);
	EditBatch  *batch = MemoryContextAllocZero(context, sizeof(EditBatch));

	/* from here on nothing that the statement says may be logged */
	secret_hide_statement();
	register_callbacks();
	batch->context = context;
	batch->statement = statement;
	batch->subid = GetCurrentSubTransactionId();
	batch->outer = batches;
	batches = batch;
	return batch;
}

static void
end_batch(EditBatch *batch)
{
	EditBatch **link = &batches;

	while (*link != batch)
		link = &(*link)->outer;
	*link = batch->outer;
	MemoryContextDelete(batch->context);
}

/* ---- the triggers ---- */

/* checks the call and returns what identifies the statement */
static MemoryContext
statement_of(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", function)));
	return GetMemoryChunkContext(trigger->tg_trigger->tgname);
}

static const EditKind *
kind_of(const TriggerData *trigger)
{
	const EditKind *kind = NULL;

	if (TRIGGER_FIRED_INSTEAD(trigger->tg_event) && trigger->tg_trigger->tgnargs == 1)
		kind = edit_kind(trigger->tg_trigger->tgargs[0]);
	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one of pgops' own",
						trigger->tg_trigger->tgname)));
	return kind;
}

/*
 * pgops_edit_row
 *		INSTEAD OF trigger of the views: remembers what the statement does to
 *		one row.  Its argument is the view's name.
 */
Datum
pgops_edit_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	MemoryContext statement = statement_of(fcinfo, "pgops_edit_row");
	const EditKind *kind = kind_of(trigger);
	EditBatch  *batch = find_batch(statement);
	MemoryContext old;
	Edit	   *edit;

	if (batch == NULL)
		batch = begin_batch(statement);
	old = MemoryContextSwitchTo(batch->context);
	edit = edit_of_row(kind, trigger);
	if (edit != NULL)
		batch->edits = lappend(batch->edits, edit);
	MemoryContextSwitchTo(old);

	return PointerGetDatum(edit_mask(kind, trigger,
									 TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
									 trigger->tg_newtuple : trigger->tg_trigtuple));
}

/*
 * pgops_edit_statement
 *		AFTER STATEMENT trigger of the views: declares what the statement did,
 *		in whichever of the views.  Where it wrote to several, the first
 *		trigger finds everything and the others nothing.
 */
Datum
pgops_edit_statement(PG_FUNCTION_ARGS)
{
	EditBatch  *batch = find_batch(statement_of(fcinfo, "pgops_edit_statement"));

	if (batch != NULL)
	{
		if (batch->edits != NIL)
			edit_carry_out(batch->edits);
		end_batch(batch);
	}
	PG_RETURN_POINTER(NULL);
}
