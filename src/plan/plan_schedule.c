/*
 * plan_schedule.c
 *		Schedules as jobs of pg_cron.
 *
 * A job is pgops' own when pgops remembers to have made it, by its number, or
 * when it calls what only a job of pgops calls: a dump has the jobs of pg_cron and
 * not that memory.  One of the same name that somebody else made is left alone,
 * as is everything else that pg_cron has.  What a job calls is always the same function: what
 * is to be done, and whether it is time, is looked up when it runs.
 *
 * Where pg_cron cannot do it, there is nothing to plan: pgops' coordinator
 * goes by the table pgops.schedule_state.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "errors.h"
#include "observe/cron.h"
#include "plan/planner.h"
#include "spec/schedule.h"

#define OWNED_KIND	"cron_job"

/* bytes of a name that is too long for pg_cron which are kept before its hash */
#define KEPT_OF_NAME	(NAMEDATALEN - 1 - 9)

/* "pgops:cluster:schedule", cut where pg_cron would cut it, but so that it stays the only one */
static char *
job_name(const Cluster *cluster, const Schedule *schedule)
{
	char	   *name = psprintf(CRON_JOB_PREFIX "%s:%s", cluster->name, schedule->name);
	int			length = strlen(name);

	if (length < NAMEDATALEN)
		return name;
	return psprintf("%.*s~%08x", pg_mbcliplen(name, length, KEPT_OF_NAME), name,
					hash_bytes((const unsigned char *) name, length));
}

static CronJob *
find_job(const Planner *planner, const char *name)
{
	ListCell   *lc;

	foreach(lc, planner->snapshot->cron->jobs)
	{
		CronJob    *job = lfirst(lc);

		if (strcmp(job->name, name) == 0 &&
			strcmp(job->user, planner->snapshot->bootstrap_superuser) == 0)
			return job;
	}
	return NULL;
}

/* what the job of a schedule must be */
static CronJob *
wanted_job(const Planner *planner, const Schedule *schedule)
{
	const CronState *cron = planner->snapshot->cron;
	CronJob    *job = palloc0(sizeof(CronJob));
	bool		exact;

	job->name = job_name(planner->cluster, schedule);
	job->schedule = cron_translate(schedule->cron, schedule->expression, cron->own_zone,
								   cron->zone, cron->last_day, cron->now, &exact);
	job->command = cron_job_command(schedule->name);
	job->database = cron->database;
	job->active = true;
	return job;
}

/* names an argument of cron.alter_job() that must change, and the change in the reason */
static void
differ(StringInfo arguments, StringInfo reason, const char *what, const char *have, const char *want)
{
	if (strcmp(have, want) == 0)
		return;
	appendStringInfo(arguments, ", %s => %s", what, quote_literal_cstr(want));
	appendStringInfo(reason, "%s%s: %s -> %s", reason->len > 0 ? ", " : "", what, have, want);
}

/* returns whether the job is as it must be */
static bool
alter_job(Planner *planner, const CronJob *have, const CronJob *want)
{
	StringInfoData arguments;
	StringInfoData reason;

	initStringInfo(&arguments);
	initStringInfo(&reason);
	differ(&arguments, &reason, "schedule", have->schedule, want->schedule);
	differ(&arguments, &reason, "command", have->command, want->command);
	differ(&arguments, &reason, "database", have->database, want->database);
	if (!have->active)
	{
		appendStringInfoString(&arguments, ", active => true");
		appendStringInfo(&reason, "%sactive: false -> true", reason.len > 0 ? ", " : "");
	}
	if (reason.len == 0)
		return true;
	(void) action_sql(planner, "schedule.alter", want->name, NULL,
					  psprintf("SELECT cron.alter_job(" INT64_FORMAT "%s)", have->id,
							   arguments.data), reason.data);
	return false;
}

static Action *
create_job(Planner *planner, const CronJob *want)
{
	Action	   *action =
		action_sql(planner, "schedule.create", want->name, NULL,
				   psprintf("SELECT cron.schedule(%s, %s, %s)", quote_literal_cstr(want->name),
							quote_literal_cstr(want->schedule),
							quote_literal_cstr(want->command)),
				   pstrdup("missing"));

	/* its number is known at the next look */
	action_record(action, OWNED_KIND, NULL, want->name, NULL, NULL);
	return action;
}

/*
 * The number tells our job from one that somebody made under its name after
 * ours was removed; none is remembered between the making and the next look.
 */
static bool
is_ours(const OwnedItem *item, const CronJob *job)
{
	return item != NULL &&
		(item->value == NULL || strcmp(item->value, psprintf(INT64_FORMAT, job->id)) == 0);
}

static void
plan_job(Planner *planner, Schedule *schedule)
{
	CronJob    *want = wanted_job(planner, schedule);
	CronJob    *have = find_job(planner, want->name);
	OwnedItem  *item = plan_owned(planner, OWNED_KIND, NULL, want->name, NULL);

	plan_want(planner, OWNED_KIND, NULL, want->name, NULL);
	if (have == NULL)
		(void) create_job(planner, want);
	else if (!is_ours(item, have) && strcmp(have->command, want->command) != 0)
	{
		schedule->not_by_cron =
			psprintf("pg_cron has a job of that name, number " INT64_FORMAT ", which pgops did not make",
					 have->id);
		action_block(action_door(planner, DOOR_NONE, "schedule.create", want->name, NULL, NULL,
								 pstrdup("missing")),
					 ERRCODE_DUPLICATE_OBJECT,
					 "Rename the schedule, or remove that job with cron.unschedule(). Until then pgops runs the schedule itself.",
					 "%s", schedule->not_by_cron);
	}
	else
	{
		plan_adopt(planner, OWNED_KIND, NULL, want->name, psprintf(INT64_FORMAT, have->id));
		schedule->by_cron = alter_job(planner, have, want);
	}
}

/* a job of a schedule that is no longer declared, or no longer runs */
static void
drop_job(Planner *planner, const OwnedItem *item)
{
	CronJob    *have = find_job(planner, item->name);

	if (have == NULL || !is_ours(item, have))
	{
		plan_forget(planner, item);
		return;
	}
	action_forget(action_sql(planner, "schedule.drop", item->name, NULL,
							 psprintf("SELECT cron.unschedule(" INT64_FORMAT ")", have->id),
							 pstrdup("no longer declared")),
				  item);
}

/*
 * plan_schedules
 *		Says in each schedule whether pg_cron has it, too.  Jobs that cannot be
 *		seen (the extension is gone) are remembered until they can.
 */
void
plan_schedules(Planner *planner)
{
	const CronState *cron = planner->snapshot->cron;
	ListCell   *lc;

	if (cron == NULL)
		return;
	foreach(lc, planner->cluster->schedules)
	{
		Schedule   *schedule = lfirst(lc);

		if (cron->problem != NULL)
			schedule->not_by_cron = cron->problem;
		else if (schedule_problem(planner->cluster, schedule) == NULL)
			plan_job(planner, schedule);
	}
	if (cron->problem != NULL)
		return;
	foreach(lc, plan_owned_of(planner, OWNED_KIND, NULL))
	{
		OwnedItem  *item = lfirst(lc);

		if (!plan_wanted(planner, item))
			drop_job(planner, item);
	}
}
