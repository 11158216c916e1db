/*
 * schedule.h
 *		Maintenance by the clock: asking for the jobs of schedules when they are
 *		due, each once, and the maintenance window.
 *
 * Expressions are read in the time zone of the setting log_timezone: the one
 * zone that is the same in every session, which initdb sets to the machine's.
 *
 * Who notices that a schedule is due is pg_cron, where it is there, else the
 * coordinator; it makes no difference, for both end in schedule_due(), and what
 * is due is done once, whoever comes first.
 *
 * Not for: what is declared (spec/schedule.h), pg_cron's jobs (plan/plan_schedule.c).
 */
#ifndef PGOPS_OPS_SCHEDULE_H
#define PGOPS_OPS_SCHEDULE_H

#include "spec/schedule.h"

/*
 * schedule_load
 *		The declared schedules and window of a cluster, as this server sees
 *		them; NULL if it is not declared (any more).  Needs a transaction.
 */
extern Cluster *schedule_load(const char *cluster);

/*
 * schedule_ask
 *		Asks for the job of a schedule, whatever the time is.  Returns its id; 0
 *		with *skipped if there is none, since the last one of this schedule is not over.
 *		Needs a transaction that may write.
 */
extern int64 schedule_ask(const Cluster *cluster, const Schedule *schedule, char **skipped);

/*
 * schedule_due
 *		The same for what is due at a time: not a second time, not when it is too
 *		late, not while the cluster is paused.  What was skipped is written down.
 */
extern int64 schedule_due(const Cluster *cluster, const Schedule *schedule, TimestampTz due,
						  char **skipped);

/*
 * schedule_leave
 *		Removes from pg_cron the jobs of pgops that call for a schedule of this
 *		name, or (NULL) for any; returns how many.  For what is not declared any
 *		more where no plan is made that would.  Needs a transaction that may write,
 *		not the extension.
 */
extern uint64 schedule_leave(const char *name);

/*
 * schedule_window
 *		The maintenance window of a cluster (NULL: this server's) that is open at
 *		"now", or the next one: [*start, *end).  False: none is declared, or none comes.
 *		Needs a transaction.  A job for it: not_before Max(now, start), stop_at end.
 */
extern bool schedule_window(const char *cluster, TimestampTz now, TimestampTz *start,
							TimestampTz *end);

/*
 * schedule_store
 *		Brings pgops.schedule_state to what the plan of a pass says.  Returns
 *		whether anything changed.  Needs a transaction that may write.
 */
extern bool schedule_store(const Cluster *cluster);

/*
 * schedule_watch
 *		Asks for the jobs of all schedules that are due, and of those that
 *		pg_cron should have asked for and did not, in transactions of its own.
 *		Returns when the next one is due, 0: none.  For the coordinator of a
 *		primary.  Raises only what ends the process, and what makes reading
 *		the schedules impossible.
 */
extern TimestampTz schedule_watch(void);

#endif							/* PGOPS_OPS_SCHEDULE_H */
