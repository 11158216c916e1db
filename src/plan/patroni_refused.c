/*
 * patroni_refused.c
 *		Parts of a PATCH that would do harm in the cluster as it is now: they are
 *		left out and reported, the rest is done.
 *
 * Not for: what the declaration alone tells (spec/validate_ha.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/patroni_parts.h"

static const char *const timing_keys[] = {"ttl", "loop_wait", "retry_timeout"};

/* what a key will be after the patch: its text, or NULL */
static const char *
text_after(Planner *planner, const SpecNode *patch, const char *key)
{
	const char *keys[] = {key, NULL};
	const SpecNode *value = node_get(patch, key);

	if (value == NULL)
		value = plan_patroni_value(planner, keys);
	if (value == NULL || value->kind == NODE_NULL || node_text(value) == NULL)
		return model_patroni_key_default(key);
	return node_text(value);
}

static bool
is_on_after(Planner *planner, const SpecNode *patch, const char *key)
{
	const char *text = text_after(planner, patch, key);
	bool		on;

	return text != NULL && (strcmp(text, "quorum") == 0 || (parse_bool(text, &on) && on));
}

/* takes a key out of the patch, with what would be remembered of it */
static void
refuse(Planner *planner, SpecNode *patch, const char *key, int sqlstate, const char *hint,
	   const char *why)
{
	PatroniPlan *plan = planner->patroni;
	size_t		length = strlen(key);
	List	   *owned = NIL;
	List	   *reasons = NIL;
	char	   *reason = pstrdup("different");
	ListCell   *cell;

	if (node_get(patch, key) == NULL)
		return;
	foreach(cell, plan->reasons)
	{
		char	   *text = lfirst(cell);

		if (strncmp(text, key, length) == 0 && (text[length] == ':' || text[length] == '.'))
			reason = text;
		else
			reasons = lappend(reasons, text);
	}
	foreach(cell, plan->owned)
	{
		OwnedChange *change = lfirst(cell);

		if (strcmp(change->item.kind, "patroni") != 0 || strcmp(change->item.name, key) != 0)
			owned = lappend(owned, change);
	}
	plan->reasons = reasons;
	plan->owned = owned;
	node_map_unset(patch, key);
	action_block(action_door(planner, DOOR_NONE, "patroni.refused", key, NULL, NULL, reason),
				 sqlstate, hint, "%s", why);
}

/* a leader that cannot renew its lock in time loses it for nothing */
static void
refuse_timing(Planner *planner, SpecNode *patch)
{
	int64		values[lengthof(timing_keys)];
	char	   *why;

	for (int i = 0; i < lengthof(timing_keys); i++)
	{
		const char *text = text_after(planner, patch, timing_keys[i]);

		values[i] = text ? strtoll(text, NULL, 10) : 0;
	}
	if (values[0] >= values[1] + 2 * values[2])
		return;
	why = psprintf("ttl " INT64_FORMAT " would be less than loop_wait + 2 * retry_timeout ("
				   INT64_FORMAT " + 2 * " INT64_FORMAT ")", values[0], values[1], values[2]);
	for (int i = 0; i < lengthof(timing_keys); i++)
		refuse(planner, patch, timing_keys[i], ERRCODE_PGOPS_CONTRADICTION,
			   "Declare all three in pgops_dcs, or a plan by pg_rto.", why);
}

/* writes that wait for a standby that there is not */
static void
refuse_sync(Planner *planner, SpecNode *patch)
{
	int			told = list_length(planner->plan->actions);
	int			members = planner->input->patroni->members;
	const char *count = text_after(planner, patch, "synchronous_node_count");

	if (members == 0)
		return;
	if (members == 1 && is_on_after(planner, patch, "synchronous_mode"))
	{
		refuse(planner, patch, "synchronous_mode_strict", ERRCODE_PGOPS_HA_NOT_READY,
			   "Start a replica; it is done when there is one.",
			   "the cluster has no standby that could confirm: all writes would wait");
		refuse(planner, patch, "synchronous_mode", ERRCODE_PGOPS_HA_NOT_READY,
			   "Start a replica; it is done when there is one.",
			   "the cluster has no standby that could confirm");
	}
	if (count != NULL && strtoll(count, NULL, 10) >= members)
		refuse(planner, patch, "synchronous_node_count", ERRCODE_PGOPS_HA_NOT_READY,
			   "Start more replicas, or declare less.",
			   psprintf("the cluster has %d member%s, of which %s standbys cannot confirm",
						members, members == 1 ? "" : "s", count));
	/* nobody wakes the coordinator for a member that comes */
	if (list_length(planner->plan->actions) > told)
		planner->plan->look_ms = PLAN_LOOK_LATER_MS;
}

/* a cluster becomes a standby of another one, or ceases to be one, by a job that somebody asks for */
static void
refuse_standby(Planner *planner, SpecNode *patch)
{
	static const char *const keys[] = {"standby_cluster", NULL};
	const SpecNode *have = plan_patroni_value(planner, keys);
	const SpecNode *want = node_get(patch, keys[0]);

	if (want == NULL)
		return;
	if (have == NULL || have->kind != NODE_MAP)
		refuse(planner, patch, keys[0], ERRCODE_PGOPS_PROTECTED,
			   "SELECT pgops.demote_cluster() makes it one, if that is meant; else take pg_upstream out of the declaration.",
			   "the cluster has a leader of its own: as a standby of another cluster it would give up what it has written");
	else if (want->kind == NODE_NULL)
		refuse(planner, patch, keys[0], ERRCODE_PGOPS_PROTECTED,
			   "SELECT pgops.promote_cluster() does that.",
			   "without standby_cluster the cluster would take writes of its own");
}

void
patroni_refuse(Planner *planner, SpecNode *patch)
{
	refuse_timing(planner, patch);
	refuse_sync(planner, patch);
	refuse_standby(planner, patch);
}
