/*
 * http.c
 *		The action that changes Patroni's configuration.
 *
 * Not for: the request (patroni.c), which member is asked.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "apply/apply.h"
#include "apply/patroni.h"
#include "errors.h"

/*
 * apply_patch
 *		Called outside any transaction: an answer may take seconds.  A cancel is
 *		a failure of the action, like that of a statement.
 */
ActionResult *
apply_patch(const Action *action, const PatroniAccess *access)
{
	MemoryContext context = CurrentMemoryContext;
	ActionResult *result = palloc0(sizeof(ActionResult));

	result->step = action->step;
	result->started = GetCurrentTimestamp();
	PG_TRY();
	{
		if (access == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_HTTP_CONNECT),
					 errmsg("it is not known where Patroni's REST API is"),
					 errhint("Set pgops.patroni_url.")));
		apply_patroni_config(access, action->patch);
		result->ok = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		QueryCancelPending = false;
		result->sqlstate = error->sqlerrcode;
		result->message = error->message;
		result->detail = error->detail;
		result->hint = error->hint;
	}
	PG_END_TRY();
	result->finished = GetCurrentTimestamp();
	return result;
}
