/*
 * plan_limit.c
 *		What is let run: observe, lists that are not known, safeguard, and the limit
 *		of destructive steps.
 *
 * Steps that belong together are blocked together: a role that may not be
 * dropped keeps its login, too.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* marks a sequence; the value only must not be NULL */
static char marked[] = "";

static char *
sequence_key(int sequence)
{
	return psprintf("%d", sequence);
}

/*
 * The plan stays whole under this policy, each step with its statement: it is
 * what the view drift shows.
 */
static void
limit_observe(Planner *planner)
{
	ListCell   *lc;

	if (planner->cluster->policy != POLICY_OBSERVE)
		return;
	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (action->blocked == NULL)
			action_block(action, ERRCODE_PGOPS_OBSERVE_ONLY,
						 "Set pgops_policy to additive to let pgops repair it.",
						 "policy is observe");
	}
}

/*
 * With a list that only Ansible knows the plan is one for a declaration that nobody
 * made: it may be looked at, and no step of it is carried out.
 */
static void
limit_unevaluated(Planner *planner)
{
	const char *param = planner->cluster->unevaluated;
	ListCell   *lc;

	if (param == NULL)
		return;
	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (action->blocked == NULL)
			action_block(action, ERRCODE_PGOPS_NOT_SUPPORTED,
						 "Write the list out; Jinja is evaluated by Ansible alone.",
						 "parameter \"%s\" is a Jinja expression: what it holds is not known", param);
	}
}

/*
 * Blocks the destructive steps and all that belong to them, in two turns: the
 * destructive step is often the last of its sequence, when the sessions have ended
 * and the privileges are gone.
 */
static void
block_destructive(Planner *planner, int sqlstate, const char *hint, const char *why)
{
	PlanMap    *sequences = plan_map_new();
	ListCell   *lc;

	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (action->destructive && action->blocked == NULL && action->sequence > 0)
			plan_map_put(sequences, sequence_key(action->sequence), marked);
	}
	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (action->blocked == NULL &&
			(action->destructive ||
			 (action->sequence > 0 &&
			  plan_map_get(sequences, sequence_key(action->sequence)) != NULL)))
			action_block(action, sqlstate, hint, "%s", why);
	}
}

/*
 * Blocked ones do not count: an orphan or a protected object must not use up the
 * limit of what is really going to be done.
 */
static int
count_destructive(List *actions)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, actions)
	{
		Action	   *action = lfirst(lc);

		if (action->destructive && action->blocked == NULL)
			count++;
	}
	return count;
}

/*
 * More destructive steps than allowed wait for the approval of exactly these.  All
 * of them wait: pgops cannot know which of ten drops were the ones meant.
 */
static void
limit_destructive(Planner *planner)
{
	ActionPlan *plan = planner->plan;
	int			count = count_destructive(plan->actions);

	if (count == 0)
		return;
	plan->destructive_digest = plan_digest(plan->actions, true);
	if (count <= planner->input->max_destructive ||
		plan_same(plan->destructive_digest, planner->input->approved_digest))
		return;
	block_destructive(planner, ERRCODE_PGOPS_NEEDS_APPROVAL,
					  psprintf("SELECT pgops.approve(%s, '%s') releases them.",
							   quote_literal_cstr(planner->cluster->name),
							   plan->destructive_digest),
					  psprintf("%d destructive steps are more than pgops.max_destructive (%d)",
							   count, planner->input->max_destructive));
}

/*
 * plan_limits
 *		Blocks what policy does not let run, and counts.
 */
void
plan_limits(Planner *planner)
{
	ActionPlan *plan = planner->plan;
	ListCell   *lc;

	limit_observe(planner);
	limit_unevaluated(planner);
	if (planner->cluster->safeguard)
		block_destructive(planner, ERRCODE_PGOPS_SAFEGUARD,
						  "Set pg_safeguard to false to let pgops destroy things.",
						  "pg_safeguard is on");
	limit_destructive(planner);
	plan->destructive = count_destructive(plan->actions);
	foreach(lc, plan->actions)
	{
		if (((Action *) lfirst(lc))->blocked != NULL)
			plan->blocked++;
	}
}
