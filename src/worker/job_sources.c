/*
 * job_sources.c
 *		Jobs that nobody asks for.
 *
 * Not for: when exactly each is due; the parts that they belong to know that.
 */
#include "postgres.h"

#include "ops/schedule.h"
#include "worker/job_sources.h"

TimestampTz
job_sources_run(void)
{
	return schedule_watch();
}
