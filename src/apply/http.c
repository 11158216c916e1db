/*
 * http.c
 *		The action that changes Patroni's configuration.
 *
 * Not for: the request (patroni.c), which member is asked.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "apply/patroni.h"
#include "apply/result.h"
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
	ActionResult *result = result_begin(action->step);

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
		result_take_error(result, context);
		QueryCancelPending = false;
	}
	PG_END_TRY();
	result->finished = GetCurrentTimestamp();
	return result;
}
