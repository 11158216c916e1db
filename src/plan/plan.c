/*
 * plan.c
 *		plan_make(): the order of a plan.
 *
 * Not for: any single step (plan_*.c).
 */
#include "postgres.h"

#include "plan/planner.h"

typedef void (*PlanPart) (Planner *planner);

/*
 * The parts of a plan.  Their order is the order of execution: roles before what
 * they own, databases before what is in them, removals when nothing needs the
 * thing any more, files last, so that who is let in exists by then.  "local": also
 * on a standby, where nothing else can be changed.
 */
typedef struct PlanStage
{
	PlanPart	part;
	bool		local;
} PlanStage;

static const PlanStage plan_stages[] = {
	{plan_roles, false},
	{plan_memberships, false},
	{plan_role_settings, false},
	{plan_role_comments, false},
	{plan_databases, false},
	{plan_roles_in_databases, false},
	{plan_database_drops, false},
	{plan_role_drops, false},
	{plan_schedules, false},
	{plan_patroni_begin, true},
	{plan_files, true},
	{plan_backup_config, true},
	{plan_backup_settings, true},
	{plan_parameters, true},
	{plan_patroni, true},
	{plan_backup_setup, true},
};

/*
 * plan_make
 *		See plan.h.  Everything is allocated in the current memory context.
 */
ActionPlan *
plan_make(PlanInput *input)
{
	Planner    *planner = planner_new(input);
	int			step = 0;
	ListCell   *lc;

	for (int i = 0; i < lengthof(plan_stages); i++)
	{
		if (plan_stages[i].local || !input->local_only)
			plan_stages[i].part(planner);
	}
	foreach(lc, planner->plan->actions)
		((Action *) lfirst(lc))->step = ++step;
	plan_limits(planner);
	planner->plan->digest = plan_digest(planner->plan->actions, false);
	return planner->plan;
}

/* see plan.h */
bool
plan_is_runnable(const Action *action)
{
	return action->blocked == NULL && action->door != DOOR_NONE;
}
