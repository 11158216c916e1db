/*
 * schedule.h
 *		Maintenance by the clock, as it is declared: pgops_schedules, the lines of
 *		pg_crontab and node_crontab, pgops_maintenance_window.
 *
 * Pure.  Not for: when a schedule is due (cron.h, ops/schedule.h), nor who
 * runs it.
 */
#ifndef PGOPS_SPEC_SCHEDULE_H
#define PGOPS_SPEC_SCHEDULE_H

#include "spec/cron.h"
#include "spec/model.h"

typedef struct Schedule
{
	char	   *name;			/* of a crontab's line: "pg_crontab.backup_full" */
	char	   *source;			/* pgops_schedules, pg_crontab, node_crontab */
	char	   *expression;
	Cron	   *cron;			/* NULL: the expression is none */
	char	   *what;			/* kind of job, or "reconcile"; NULL: nothing that pgops does */
	SpecNode   *options;		/* arguments of the job: a map */
	int64		window_ms;		/* how long it may go on; 0: not said */
	int64		deadline_ms;	/* how late it may begin; 0: not said */
	ObjectState state;			/* create, absent */
	char	   *user;			/* of a crontab's line: whose it is; NULL: the server's OS user */
	char	   *problem;		/* why pgops does not run it, or NULL: see schedule_problem() */

	/* said by the plan */
	bool		by_cron;		/* pg_cron has it as it must be */
	char	   *not_by_cron;	/* why pg_cron cannot have it, or NULL */
} Schedule;

typedef struct MaintenanceWindow
{
	char	   *expression;
	Cron	   *cron;
	int64		duration_ms;
} MaintenanceWindow;

/* the schedule of that name that is not absent, or NULL */
extern Schedule *schedule_find(const Cluster *cluster, const char *name);

/* why a schedule is not run, by nobody; NULL: it is */
extern const char *schedule_problem(const Cluster *cluster, const Schedule *schedule);

/* a length of time as declared (30s, 5min, 1h, 7d; a bare number: seconds), ms; false: it is none */
extern bool schedule_interval(const SpecNode *value, int64 *ms);

/* "backup full": the kind of job, palloc'd, and the type it asks for or NULL */
extern char *schedule_what(const char *declared, const char **type);

/* the arguments that a kind takes; NULL for a kind that no schedule can have */
struct ObjectDef;
extern const struct ObjectDef *schedule_options(const char *what);

#endif							/* PGOPS_SPEC_SCHEDULE_H */
