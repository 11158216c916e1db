/*
 * plan_limit.c
 *		What is let run: observe, lists that are not known, safeguard, the backup
 *		that must be there, and the limit of destructive steps.
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

/* whether a step can do so much harm, or more */
static bool
is_harmful(const Action *action, RuleHarm harm)
{
	return action->destructive && action->rule->harm >= harm;
}

/*
 * Blocks the steps that can do so much harm and all that belong to them, in two
 * turns: the destructive step is often the last of its sequence, when the sessions
 * have ended and the privileges are gone.
 */
static void
block_harmful(Planner *planner, RuleHarm harm, int sqlstate, const char *hint, const char *why)
{
	PlanMap    *sequences = plan_map_new();
	ListCell   *lc;

	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (is_harmful(action, harm) && action->blocked == NULL && action->sequence > 0)
			plan_map_put(sequences, sequence_key(action->sequence), marked);
	}
	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (action->blocked == NULL &&
			(is_harmful(action, harm) ||
			 (action->sequence > 0 &&
			  plan_map_get(sequences, sequence_key(action->sequence)) != NULL)))
			action_block(action, sqlstate, hint, "%s", why);
	}
}

/*
 * What loses data waits for a backup that would bring it back.  Nothing has to
 * release it: the next pass after a backup finds that there is one.
 */
static void
limit_backup(Planner *planner)
{
	if (planner->input->backup_wanted != NULL)
		block_harmful(planner, RULE_LOSES_DATA, ERRCODE_PGOPS_NEEDS_BACKUP,
					  "SELECT pgops.backup() makes one; the step is done after it.",
					  planner->input->backup_wanted);
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
	block_harmful(planner, RULE_DESTRUCTIVE, ERRCODE_PGOPS_NEEDS_APPROVAL,
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
		block_harmful(planner, RULE_DESTRUCTIVE, ERRCODE_PGOPS_SAFEGUARD,
					  "Set pg_safeguard to false to let pgops destroy things.",
					  "pg_safeguard is on");
	limit_backup(planner);
	limit_destructive(planner);
	plan->destructive = count_destructive(plan->actions);
	foreach(lc, plan->actions)
	{
		if (((Action *) lfirst(lc))->blocked != NULL)
			plan->blocked++;
	}
}
