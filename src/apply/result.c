/*
 * result.c
 *		What became of an action: its beginning, and its failure.
 *
 * Not for: carrying it out.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "apply/result.h"

ActionResult *
result_begin(int step)
{
	ActionResult *result = palloc0(sizeof(ActionResult));

	result->step = step;
	result->started = GetCurrentTimestamp();
	return result;
}

void
result_take_error(ActionResult *result, MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	result->ok = false;
	result->sqlstate = error->sqlerrcode;
	result->message = error->message;
	result->detail = error->detail;
	result->hint = error->hint;
}
