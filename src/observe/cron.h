/*
 * cron.h
 *		pg_cron on this server: whether it can run pgops' schedules, and which
 *		jobs of theirs it has.
 *
 * Not for: what it should have (plan/plan_schedule.c).
 */
#ifndef PGOPS_OBSERVE_CRON_H
#define PGOPS_OBSERVE_CRON_H

#include "observe/snapshot.h"
#include "pgtime.h"

/* jobs of pgops' schedules begin with this */
#define CRON_JOB_PREFIX	"pgops:"

/* and call this, with their name */
#define CRON_JOB_CALL	"SELECT pgops.run_schedule("

typedef struct CronJob
{
	int64		id;
	char	   *name;
	char	   *schedule;
	char	   *command;
	char	   *database;
	char	   *user;
	bool		active;
} CronJob;

typedef struct CronState
{
	char	   *problem;		/* why it cannot run schedules; NULL: it can */
	char	   *database;		/* the one that pgops and pg_cron share */
	bool		readable;		/* cron.job is there: "jobs" is what there is */
	bool		last_day;		/* it knows $ (1.6) */
	pg_tz	   *zone;			/* in which it reads expressions */
	pg_tz	   *own_zone;		/* in which pgops does: the server's log_timezone */
	TimestampTz now;
	List	   *jobs;			/* of CronJob *: those whose name begins with the prefix */
} CronState;

/*
 * observe_cron
 *		Fills server->cron.  Needs a transaction.  Results in the current
 *		memory context.
 */
extern void observe_cron(ServerState *server);

/* what the job of a schedule calls, palloc'd: nobody else has a use for it */
extern char *cron_job_command(const char *schedule);

#endif							/* PGOPS_OBSERVE_CRON_H */
