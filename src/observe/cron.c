/*
 * cron.c
 *		Looking at pg_cron.
 *
 * pg_cron keeps its jobs in one database and calls only what is there: it
 * can serve pgops where that database is pgops' own.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/query.h"
#include "observe/cron.h"

/* what pg_cron goes by where no setting says otherwise, and before 1.5 always */
#define DEFAULT_ZONE	"GMT"

/*
 * A setting that is only written into postgresql.conf while the library is not
 * there is no row of pg_settings: so these tell whether it is loaded, too.
 */
#define LOOK_AT_SERVER \
	"SELECT s.database, s.zone, s.launches, e.extversion," \
	" pg_catalog.current_database()," \
	" pg_catalog.to_regclass('cron.job') IS NOT NULL," \
	" pg_catalog.to_regprocedure('cron.alter_job(bigint,text,text,text,text,boolean)') IS NOT NULL" \
	" FROM (SELECT pg_catalog.max(p.setting) FILTER (WHERE p.name = 'cron.database_name')," \
	"   pg_catalog.max(p.setting) FILTER (WHERE p.name = 'cron.timezone')," \
	"   pg_catalog.max(p.setting) FILTER (WHERE p.name = 'cron.launch_active_jobs')" \
	"  FROM pg_catalog.pg_settings AS p" \
	"  WHERE p.name IN ('cron.database_name', 'cron.timezone', 'cron.launch_active_jobs'))" \
	"  AS s (database, zone, launches)" \
	" LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'pg_cron'"

#define LOOK_AT_JOBS \
	"SELECT j.jobid, j.jobname::text, j.schedule, j.command, j.database, j.username, j.active" \
	" FROM cron.job AS j WHERE pg_catalog.starts_with(j.jobname::text, '" CRON_JOB_PREFIX "')" \
	" ORDER BY j.jobid"

char *
cron_job_command(const char *schedule)
{
	return psprintf(CRON_JOB_CALL "%s, by_clock => true)", quote_literal_cstr(schedule));
}

/* major * 100 + minor of "1.4-1"; 0 if it is none */
static int
version_number(const char *version)
{
	char	   *end;
	long		major = version ? strtol(version, &end, 10) : 0;

	if (version == NULL || *end != '.')
		return 0;
	return (int) (major * 100 + strtol(end + 1, NULL, 10));
}

/* why pg_cron, as it is here, is no runner; NULL: it is one */
static char *
find_problem(CmdbQuery *query, const char *cron_database, const char *own_database)
{
	char	   *launches = cmdb_text(query, 0, 3);

	if (cron_database == NULL)
		return pstrdup("pg_cron is not in shared_preload_libraries");
	if (strcmp(cron_database, own_database) != 0)
		return psprintf("pg_cron works in database \"%s\" (cron.database_name), pgops in \"%s\"",
						cron_database, own_database);
	if (cmdb_text(query, 0, 4) == NULL || !cmdb_bool(0, 6))
		return psprintf("extension pg_cron is not created in database \"%s\"", own_database);
	if (!cmdb_bool(0, 7))
		return psprintf("pg_cron %s is too old, 1.4 is needed", cmdb_text(query, 0, 4));
	if (launches != NULL && strcmp(launches, "off") == 0)
		return pstrdup("cron.launch_active_jobs is off");
	return NULL;
}

static void
take_server(CmdbQuery *query, uint64 row, void *arg)
{
	CronState  *state = arg;
	char	   *zone = cmdb_text(query, row, 2);

	state->database = cmdb_text(query, row, 5);
	state->readable = cmdb_bool(row, 6);
	state->last_day = version_number(cmdb_text(query, row, 4)) >= 106;
	state->zone = pg_tzset(zone ? zone : DEFAULT_ZONE);
	state->problem = find_problem(query, cmdb_text(query, row, 1), state->database);
}

static void
take_job(CmdbQuery *query, uint64 row, void *arg)
{
	CronState  *state = arg;
	CronJob    *job = palloc0(sizeof(CronJob));

	job->id = cmdb_int8(row, 1);
	job->name = cmdb_text(query, row, 2);
	job->schedule = cmdb_text(query, row, 3);
	job->command = cmdb_text(query, row, 4);
	job->database = cmdb_text(query, row, 5);
	job->user = cmdb_text(query, row, 6);
	job->active = cmdb_bool(row, 7);
	state->jobs = lappend(state->jobs, job);
}

/* see cron.h */
void
observe_cron(ServerState *server)
{
	CronState  *state = palloc0(sizeof(CronState));
	CmdbQuery	query;

	state->own_zone = log_timezone;
	state->now = GetCurrentTimestamp();
	cmdb_begin(&query);
	cmdb_look(&query, LOOK_AT_SERVER, take_server, state);
	if (state->readable)
		cmdb_look(&query, LOOK_AT_JOBS, take_job, state);
	cmdb_end(&query);
	if (state->zone == NULL)
		state->zone = pg_tzset(DEFAULT_ZONE);
	server->cron = state;
}
