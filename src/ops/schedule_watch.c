/*
 * schedule_watch.c
 *		Schedules, seen from the coordinator: the table of what runs on this
 *		server, and what is due by it.
 *
 * pg_cron gets a minute or two to ask for what it has; what it does not ask for
 * (it cannot connect, it was not running) is asked for here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/schedule.h"

/* how long pg_cron is waited for, µs */
#define CRON_GRACE	(2 * USECS_PER_MINUTE)

/* ---- the table ---- */

static const CmdbColumn columns[] = {
	{"name", TEXTOID}, {"source", TEXTOID}, {"cron", TEXTOID}, {"what", TEXTOID},
	{"options", JSONOID}, {"window_ms", INT8OID}, {"deadline_ms", INT8OID},
	{"runner", TEXTOID}, {"reason", TEXTOID}
};

static void
put_ms(CmdbRow *row, int64 ms)
{
	if (ms > 0)
		cmdb_put_int8(row, ms);
	else
		cmdb_put_null(row, INT8OID);
}

static void
put_schedule(CmdbRowSet *set, const Cluster *cluster, const Schedule *schedule)
{
	const char *problem = schedule_problem(cluster, schedule);
	CmdbRow		row = {0};

	cmdb_put_text(&row, schedule->name);
	cmdb_put_text(&row, schedule->source);
	cmdb_put_text(&row, schedule->expression);
	cmdb_put_text(&row, schedule->what);
	cmdb_put_json(&row, schedule->options);
	put_ms(&row, schedule->window_ms);
	put_ms(&row, schedule->deadline_ms);
	cmdb_put_text(&row, problem ? "not run" : schedule->by_cron ? "pg_cron" : "pgops");
	cmdb_put_text(&row, problem ? problem : schedule->not_by_cron);
	cmdb_row_set_add(set, &row);
}

/* what is as it was is not written */
#define UPSERT \
	"INSERT INTO pgops.schedule_state AS s" \
	" (cluster, name, source, cron, what, options, \"window\", deadline, runner, reason)" \
	" SELECT $1, w.name, w.source, w.cron, w.what, w.options::jsonb," \
	"  pg_catalog.make_interval(secs => w.window_ms / 1000.0)," \
	"  pg_catalog.make_interval(secs => w.deadline_ms / 1000.0), w.runner, w.reason" \
	" FROM want AS w" \
	" ON CONFLICT (cluster, name) DO UPDATE SET" \
	"  source = excluded.source, cron = excluded.cron, what = excluded.what," \
	"  options = excluded.options, \"window\" = excluded.\"window\"," \
	"  deadline = excluded.deadline, runner = excluded.runner, reason = excluded.reason," \
	"  since = CASE WHEN s.cron = excluded.cron AND s.runner <> 'not run'" \
	"   THEN s.since ELSE excluded.since END" \
	" WHERE (s.source, s.cron, s.what, s.options, s.\"window\", s.deadline, s.runner, s.reason)" \
	"  IS DISTINCT FROM (excluded.source, excluded.cron, excluded.what, excluded.options," \
	"   excluded.\"window\", excluded.deadline, excluded.runner, excluded.reason)"

/*
 * Times that a clock has left which was put back since: until it gets there again
 * nothing would be due.  A smaller step back is waited out, so that what is due
 * is not done twice.
 */
#define FORGET_FUTURE \
	"UPDATE pgops.schedule_state SET since = LEAST(since, pg_catalog.now())," \
	"  last_due = LEAST(last_due, pg_catalog.now())" \
	" WHERE GREATEST(since, last_due) > pg_catalog.now() + interval '1 hour'"

/*
 * A schedule whose expression changes, or that begins to be run, begins anew:
 * what would have been due before is not made up for.
 */
bool
schedule_store(const Cluster *cluster)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	CmdbRow		args = {0};
	uint64		changed;
	ListCell   *lc;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "want", columns, lengthof(columns));
	foreach(lc, cluster->schedules)
	{
		if (((Schedule *) lfirst(lc))->state != STATE_ABSENT)
			put_schedule(set, cluster, lfirst(lc));
	}
	cmdb_put_text(&args, cluster->name);
	changed = cmdb_run(&query, "DELETE FROM pgops.schedule_state AS s WHERE s.cluster <> $1"
					   " OR NOT EXISTS (SELECT FROM want AS w WHERE w.name = s.name)", &args);
	changed += cmdb_run(&query, UPSERT, &args);
	changed += cmdb_run(&query, FORGET_FUTURE, NULL);
	cmdb_end(&query);
	return changed > 0;
}

/* ---- what is due ---- */

typedef struct DueSchedule
{
	char	   *name;
	TimestampTz due;
	bool		by_cron;		/* pg_cron should have asked for it */
} DueSchedule;

typedef struct Look
{
	char	   *cluster;
	List	   *due;			/* of DueSchedule * */
	TimestampTz next;			/* 0: none */
	TimestampTz now;
} Look;

static void
sooner(TimestampTz *next, TimestampTz time)
{
	if (time != 0 && (*next == 0 || time < *next))
		*next = time;
}

/* one schedule that runs: "handled" is until when nothing is due any more */
static void
look_at(Look *look, const char *name, const char *expression, TimestampTz handled, bool by_cron)
{
	int64		grace = by_cron ? CRON_GRACE : 0;
	const char *problem;
	const char *hint;
	Cron	   *cron = cron_parse(expression, &problem, &hint);
	TimestampTz due;
	TimestampTz next;

	if (cron == NULL)
		return;
	due = cron_last(cron, handled, look->now - grace, log_timezone);
	if (due != 0)
	{
		DueSchedule *one = palloc0(sizeof(DueSchedule));

		one->name = pstrdup(name);
		one->due = due;
		one->by_cron = by_cron;
		look->due = lappend(look->due, one);
	}
	next = cron_next(cron, Max(handled, look->now - grace), log_timezone);
	sooner(&look->next, next ? next + grace : 0);
}

/* false: nothing is to be done here */
static bool
take_look(Look *look)
{
	Binding    *binding = cmdb_binding();
	CmdbCluster *row;
	CmdbQuery	query;
	CmdbRow		args = {0};
	uint64		count;

	if (binding->state != BINDING_BOUND)
		return false;
	row = cmdb_cluster(binding->cluster);
	if (row == NULL)
		return false;
	look->cluster = binding->cluster;
	cmdb_begin(&query);
	cmdb_put_text(&args, look->cluster);
	count = cmdb_run(&query,
					 "SELECT s.name, s.cron, GREATEST(s.since, s.last_due), s.runner = 'pg_cron'"
					 " FROM pgops.schedule_state AS s"
					 " WHERE s.cluster = $1 AND s.runner <> 'not run' ORDER BY s.name", &args);
	for (uint64 i = 0; i < count; i++)
	{
		char	   *name = cmdb_text(&query, i, 1);
		char	   *expression = cmdb_text(&query, i, 2);
		TimestampTz handled = cmdb_time(i, 3);
		MemoryContext old = MemoryContextSwitchTo(query.caller);

		look_at(look, name, expression, handled, cmdb_bool(i, 4));
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return true;
}

/* the time is taken care of, whatever comes of it: what fails once would fail at once again */
static void
give_up(const Look *look, const DueSchedule *one, const char *message)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	if (txn_begin() != EXTENSION_READY)
		return;
	cmdb_begin(&query);
	cmdb_put_text(&args, look->cluster);
	cmdb_put_text(&args, one->name);
	cmdb_put_time(&args, one->due);
	cmdb_put_text(&args, message);
	(void) cmdb_run(&query, "UPDATE pgops.schedule_state SET last_due = $3,"
					" skipped = $4, skipped_at = pg_catalog.now()"
					" WHERE cluster = $1 AND name = $2", &args);
	cmdb_end(&query);
	txn_end();
}

static void
do_due(const Look *look, const DueSchedule *one)
{
	Cluster    *cluster;
	Schedule   *schedule;
	char	   *skipped = NULL;
	int64		job = 0;

	if (txn_begin() != EXTENSION_READY)
		return;
	cluster = schedule_load(look->cluster);
	schedule = cluster ? schedule_find(cluster, one->name) : NULL;
	/* a change that no pass has seen yet: the table will be brought up to it */
	if (schedule != NULL && schedule->cron != NULL)
		job = schedule_due(cluster, schedule, one->due, &skipped);
	if (job != 0 && one->by_cron)
		ereport(LOG,
				(errmsg("pgops: schedule \"%s\" was due, and pg_cron has not asked for it", one->name),
				 errhint("See cron.job_run_details; without cron.use_background_workers pg_cron connects through cron.host.")));
	if (skipped != NULL)
		ereport(LOG, (errmsg("pgops: schedule \"%s\" is skipped: %s", one->name, skipped)));
	txn_end();
}

/* one schedule must not be in the way of the others */
static void
try_due(const Look *look, const DueSchedule *one, MemoryContext context)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		do_due(look, one);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		txn_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	if (error != NULL)
		give_up(look, one, error->message);
}

/*
 * schedule_watch allocates in a context of its own: the coordinator calls it for
 * as long as the server runs.
 */
TimestampTz
schedule_watch(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgops schedules",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Look		look = {0};
	bool		found;
	ListCell   *lc;

	look.now = GetCurrentTimestamp();
	if (txn_begin() == EXTENSION_READY)
	{
		MemoryContextSwitchTo(context);
		found = take_look(&look);
		txn_end();
		MemoryContextSwitchTo(context);
		if (found)
		{
			foreach(lc, look.due)
				try_due(&look, lfirst(lc), context);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return look.next;
}
