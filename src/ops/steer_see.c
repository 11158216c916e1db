/*
 * steer_see.c
 *		How the cluster is, fresh enough to decide by.
 *
 * Not for: what may be done then (steer_check.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "guc.h"
#include "io/wait.h"
#include "ops/steer.h"

/* between two looks at whether Patroni was looked at, ms */
#define LOOK_MS		50

/* how long the HA worker is asked to hurry by one look, ms */
#define HURRY_MS	3000

/* a server that nobody asks about Patroni: there is nothing to wait for */
static bool
nobody_looks(void)
{
	return patroni_facts_worker_pid() == 0 && !patroni_runs_server() &&
		(pgops_guc_patroni_url == NULL || pgops_guc_patroni_url[0] == '\0');
}

/* Both: the worker says that it looked when it has all answers. */
static bool
was_looked_at(TimestampTz since)
{
	PatroniSelf self;
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);

	patroni_self_get(&self);
	return self.known && self.looked >= since && fact != NULL && fact->tried >= since;
}

/*
 * A worker that has just begun knows of members before it has asked them; what is not known yet is no
 * reason to refuse anything.
 */
static bool
all_were_asked(void)
{
	const PatroniView *view = patroni_view();
	ListCell   *cell;

	foreach(cell, view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen->node == NULL && !seen->is_self &&
			patroni_fact_get(PATRONI_FACT_NODE_TEXT, seen->member->name) == NULL)
			return false;
	}
	return true;
}

/*
 * The looks of the HA worker are waited for rather than made here: it asks all members at
 * once, and what it hears is everybody's.
 */
SteerScene *
steer_see(int age_ms, int wait_ms)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgops steering",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = TimestampTzPlusMilliseconds(now, wait_ms);
	SteerScene *scene = palloc0(sizeof(SteerScene));

	patroni_facts_hurry(HURRY_MS);
	while ((!was_looked_at(TimestampTzPlusMilliseconds(now, -age_ms)) || !all_were_asked()) &&
		   io_remaining_ms(until) > 0 && !nobody_looks())
		(void) io_wait(LOOK_MS, IO_WAIT_HA);
	scene->context = context;
	scene->view = patroni_view();
	scene->status = patroni_status(scene->view, RecoveryInProgress());
	MemoryContextSwitchTo(old);
	return scene;
}

void
steer_forget(SteerScene *scene)
{
	MemoryContextDelete(scene->context);
}

/* Each look, with what the test makes of it, has its own memory, since a wait may take a day. */
SteerScene *
steer_wait(Job *job, int wait_ms, SteerTest test, void *arg)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);

	for (;;)
	{
		SteerScene *scene = steer_see(0, 1000);
		MemoryContext old = MemoryContextSwitchTo(scene->context);
		bool		done = test(scene, arg);

		MemoryContextSwitchTo(old);
		if (done)
			return scene;
		steer_forget(scene);
		job_flush(job);
		job_check(job);
		if (io_remaining_ms(until) == 0)
			return NULL;
		(void) io_wait(LOOK_MS, IO_WAIT_HA);
	}
}

/* ---- for people ---- */

/* in the order of their names, as Patroni gives them */
char *
steer_members(const SteerScene *scene)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, scene->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		appendStringInfo(&text, "%s%s%s", text.len > 0 ? ", " : "", seen->member->name,
						 seen->is_leader ? " (leader)" : "");
	}
	return text.data;
}

/* Not one of the fields that every version of Patroni has, so it is looked for in the text. */
char *
steer_started(const char *member)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member);
	char	   *problem = NULL;
	const SpecNode *map;
	const SpecNode *value;

	if (fact == NULL || fact->text == NULL || fact->sqlstate != 0)
		return NULL;
	map = patroni_read_config(fact->text, &problem);
	value = map ? node_get(map, "postmaster_start_time") : NULL;
	return value && node_text(value) ? pstrdup(node_text(value)) : NULL;
}

SpecNode *
steer_time(TimestampTz time)
{
	char		text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL);
	return node_string(text);
}

/* ---- arguments ---- */

const char *
steer_text(const SpecNode *args, const char *name)
{
	const SpecNode *value = args ? node_get(args, name) : NULL;

	return value == NULL || value->kind == NODE_NULL ? NULL : node_text(value);
}

bool
steer_flag(const SpecNode *args, const char *name)
{
	const char *text = steer_text(args, name);
	bool		value = false;

	return text != NULL && parse_bool(text, &value) && value;
}

/* so that a wait ends with a sentence of its own, where it can, before the deadline ends it */
int
steer_time_left(const Job *job, int most)
{
	if (job->deadline == 0)
		return most;
	return (int) Max(Min(io_remaining_ms(job->deadline), most), 1);
}
