/*
 * parameter.h
 *		Private to plan_parameter.c and parameter_*.c: what a plan makes of the
 *		server's parameters.
 *
 * Not for: anybody else, who calls plan_parameters().
 */
#ifndef PGOPS_PLAN_PARAMETER_H
#define PGOPS_PLAN_PARAMETER_H

#include "plan/planner.h"

/* a parameter that is to have another value, or waits for it */
typedef struct Change
{
	const ServerSetting *now;	/* NULL: the server does not know it */
	const Setting *want;
	const char *value;			/* what the files will say; NULL: nothing, and there is no default */
	Action	   *action;			/* NULL: the files say it already */
	bool		waits;			/* takes effect at the next start only */
} Change;

typedef struct Parameters
{
	Planner    *planner;
	List	   *changes;		/* of Change *, in the order of the plan */
	List	   *tuned;			/* of Action *: steps for values that only a template wants */
} Parameters;

/*
 * Remembers what a step changes (action NULL: nothing), for what is asked when all are known;
 * returns it (plan_parameter.c).
 */
extern Change *parameter_add_change(Parameters *parameters, const ServerSetting *now,
									const Setting *want, const char *value, Action *action);

/* ---- parameter_value.c ---- */

/* what a file says, in the form that declared settings have; palloc'd */
extern Setting *parameter_in_file(const char *name, const char *value);

/* whether a text of a file (or NULL) is the declared value, perhaps in other words */
extern bool parameter_same_value(const ServerSetting *now, const Setting *want,
								 const char *have);

/* what the server will have when it has read its files; NULL: they do not say */
extern const char *parameter_file_value(const ServerSetting *now);

/* whether the running value beats all files: they are not asked */
extern bool parameter_is_overridden(const ServerSetting *now);

/* whether a change takes effect at the next start only */
extern bool parameter_needs_restart(const ServerSetting *now);

/* whether nobody is to read the value in plans and logs */
extern bool parameter_is_secret(const Setting *want);

/* "name: old -> new", as far as it may be shown; palloc'd */
extern char *parameter_change_text(const char *name, const char *from, const Setting *to);

/* ---- parameter_danger.c ---- */

/* blocks a step that this server would refuse; true: it is blocked now.  now may be NULL */
extern bool parameter_refused(Parameters *parameters, const ServerSetting *now,
							  const Setting *want, Action *action);

/* why the server would not come back with a value, or NULL */
extern const char *parameter_danger(const Planner *planner, const ServerSetting *now,
									const Setting *value);

/* blocks the steps after which the server would not start, since values do not go together */
extern void parameter_block_contradictions(Parameters *parameters);

/* blocks the steps that take away what archives while archive_mode waits for its end */
extern void parameter_keep_archiving(Parameters *parameters);

#endif							/* PGOPS_PLAN_PARAMETER_H */
