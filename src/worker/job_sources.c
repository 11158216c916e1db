/*
 * job_sources.c
 *		Jobs that nobody asks for.
 *
 * Not for: when exactly each is due; the parts that they belong to know that.
 */
#include "postgres.h"

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

TimestampTz
job_sources_run(void)
{
	TimestampTz next;

	/* first: what a restore or a copy has brought back from the past must not be started */
	job_end_copied();
	next = in_place_import();
	next = earlier(next, verify_watch());
	return earlier(next, earlier(schedule_watch(), backup_watch()));
}
