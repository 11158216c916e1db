/*
 * job_sources.c
 *		Jobs that nobody asks for.
 *
 * Not for: when exactly each is due; the parts that they belong to know that.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cmdb/extension.h"
#include "ops/backup.h"
#include "ops/in_place.h"
#include "ops/job_copied.h"
#include "ops/schedule.h"
#include "ops/verify.h"
#include "worker/job_sources.h"

/* of times of which 0 means never */
static TimestampTz
earlier(TimestampTz one, TimestampTz other)
{
	if (one == 0 || other == 0)
		return Max(one, other);
	return Min(one, other);
}

/* jobs that are asked for by nobody; what goes wrong with these must not keep others from running */
static TimestampTz (*const sources[]) (void) = {verify_watch, schedule_watch, backup_watch};

static TimestampTz
ask_safely(TimestampTz (*source) (void), MemoryContext context)
{
	volatile TimestampTz next = 0;

	PG_TRY();
	{
		next = source();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		QueryCancelPending = false;
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return next;
}

/*
 * What a restore or a copy has brought back from the past must not be started: if
 * that cannot be found out, nothing is.
 */
TimestampTz
job_sources_run(void)
{
	TimestampTz next;

	job_end_copied();
	next = in_place_import();
	for (int i = 0; i < lengthof(sources); i++)
		next = earlier(next, ask_safely(sources[i], CurrentMemoryContext));
	return next;
}
