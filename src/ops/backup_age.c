/*
 * backup_age.c
 *		The newest good backup of this server, and whether it is new enough.
 *
 * Good is one that pgops.backups calls so, in a
 * repository that was read lately: a backup that was there last week and may
 * be gone since brings nothing back.
 *
 * Not for: which steps need it (plan/plan_limit.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "ops/backup_age.h"

/* a look is due every pgops.backup_refresh_interval; so many may fail to come */
#define LOOKS_MISSED	3

/* and it may take this long, s */
#define LOOK_SECONDS	60

PG_FUNCTION_INFO_V1(pgops_check_backup_age);

extern Datum pgops_check_backup_age(PG_FUNCTION_ARGS);

static const char newest[] =
"SELECT max(b.stop),"
" (SELECT string_agg(format('repository %s: %s', s.repo, COALESCE(s.error, s.message)), '; ' ORDER BY s.repo)"
"  FROM pgops.stanza_state AS s WHERE s.stanza = $1 AND (s.error IS NOT NULL OR s.status <> 0)),"
" (SELECT max(s.observed_at) FROM pgops.stanza_state AS s WHERE s.stanza = $1)"
" FROM pgops.backups AS b"
" WHERE b.stanza = $1 AND b.good AND b.observed_at >= $2";

/* what is stored of a stanza, as far as it counts here */
typedef struct NewestBackup
{
	TimestampTz stop;			/* 0: there is none */
	char	   *trouble;		/* with repositories, or NULL */
	TimestampTz looked;			/* last look that succeeded; 0: never */
} NewestBackup;

static NewestBackup
find_newest(const char *stanza, TimestampTz looked_since)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	NewestBackup found;

	cmdb_begin(&query);
	cmdb_put_text(&args, stanza);
	cmdb_put_time(&args, looked_since);
	(void) cmdb_run(&query, newest, &args);
	found.stop = cmdb_time(0, 1);
	found.trouble = cmdb_text(&query, 0, 2);
	found.looked = cmdb_time(0, 3);
	cmdb_end(&query);
	return found;
}

static char *
age_setting(void)
{
	return psprintf("pgops.require_backup_age is %s",
					GetConfigOptionByName("pgops.require_backup_age", NULL, false));
}

/*
 * Times, never ages: the text is part of what a plan says, and a plan that says
 * something else every second looks as if something had changed.
 */
char *
backup_age_problem(const char *stanza)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		fresh = LOOKS_MISSED * (int64) pgops_guc_backup_refresh_interval + LOOK_SECONDS;
	NewestBackup found;

	if (pgops_guc_require_backup_age == 0)
		return NULL;
	found = find_newest(stanza, now - fresh * USECS_PER_SEC);
	if (found.stop != 0 &&
		now - found.stop <= pgops_guc_require_backup_age * USECS_PER_SEC)
		return NULL;
	if (found.stop != 0)
		return psprintf("the newest good backup is of %s, and %s",
						timestamptz_to_str(found.stop), age_setting());
	if (found.trouble != NULL)
		return psprintf("no good backup is known (%s), and %s", found.trouble, age_setting());
	if (found.looked != 0 && found.looked < now - fresh * USECS_PER_SEC)
		return psprintf("no good backup is known (the repositories were last looked into at %s), and %s",
						timestamptz_to_str(found.looked), age_setting());
	return psprintf("there is no good backup, and %s", age_setting());
}

Datum
pgops_check_backup_age(PG_FUNCTION_ARGS)
{
	Binding    *binding = cmdb_binding();
	char	   *problem = backup_age_problem(binding->cluster ? binding->cluster : "");

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NEEDS_BACKUP),
				 errmsg("this may lose data: %s", problem),
				 errhint("SELECT pgops.backup() makes one.")));
	PG_RETURN_VOID();
}
