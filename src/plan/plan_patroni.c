/*
 * plan_patroni.c
 *		Patroni's dynamic configuration: one PATCH with all that differs from
 *		what is declared, and what is to be said about it.
 *
 * Only what is declared is compared; the rest of the configuration is not
 * touched.  What pgops has set and nobody declares any more gets back what it was.
 *
 * Not for: parameters of the server (patroni_parameter.c) and HBA rules
 * (patroni_hba.c), which come here as parts of the same PATCH.
 */
#include "postgres.h"

#include "errors.h"
#include "plan/parameter.h"
#include "plan/patroni_parts.h"
#include "secret.h"
#include "spec/catalogue.h"

#define KIND		"patroni"

/* keys whose members are compared, set and remembered one by one */
static const char *const opened_keys[] = {"postgresql", "slots", NULL};

/* ---- what is known ---- */

bool
plan_patroni_usable(const Planner *planner)
{
	const PatroniInput *seen = planner->input->patroni;

	return seen != NULL && seen->managed && seen->leader && seen->config != NULL;
}

const SpecNode *
plan_patroni_value(const Planner *planner, const char *const *keys)
{
	const PatroniInput *seen = planner->input->patroni;
	const SpecNode *value = seen ? seen->config : NULL;

	for (; value != NULL && *keys != NULL; keys++)
		value = node_get(value, *keys);
	return value;
}

/* whether anything is declared that goes through Patroni */
static bool
is_concerned(const Planner *planner)
{
	const PatroniSpec *spec = planner->cluster->patroni;
	bool		writes_hba = planner->input->patroni->config == NULL ||
		plan_patroni_has_hba(planner->input);

	return spec->rto_declared || spec->rpo_declared || spec->conf_declared ||
		spec->dcs != NULL || spec->upstream != NULL ||
		(planner->input->hba_managed && writes_hba) ||
		(planner->input->settings_managed && planner->cluster->parameters != NIL);
}

static void
report(Planner *planner, const char *rule, const char *name, int sqlstate, const char *hint,
	   const char *reason, const char *what)
{
	action_block(action_door(planner, DOOR_NONE, rule, name, NULL, NULL, pstrdup(reason)),
				 sqlstate, hint, "%s", what);
}

/* why nothing of it can be planned; a moment after the start nobody has asked yet */
static void
report_unusable(Planner *planner)
{
	const PatroniInput *seen = planner->input->patroni;

	if (seen->config == NULL)
		planner->plan->look_ms = seen->asked ? PLAN_LOOK_LATER_MS : PLAN_LOOK_SOON_MS;
	if (!seen->leader || !is_concerned(planner))
		return;
	if (!seen->managed)
		report(planner, "patroni.unreachable", planner->cluster->patroni->scope,
			   ERRCODE_PGOPS_OBSERVE_ONLY, "Set pgops.manage_ha to on, or use \"patronictl edit-config\".",
			   "pgops.manage_ha is off",
			   "Patroni runs this server, and its configuration is not pgops' to change");
	else if (seen->asked)
		report(planner, "patroni.unreachable", planner->cluster->patroni->scope,
			   seen->sqlstate ? seen->sqlstate : ERRCODE_PGOPS_HTTP_CONNECT,
			   "See pgops.ha_status; parameters, HBA rules and Patroni's own settings wait until it answers.",
			   "Patroni's configuration is not known",
			   seen->problem ? seen->problem : "Patroni's REST API does not answer");
	else
		report(planner, "patroni.unreachable", planner->cluster->patroni->scope,
			   ERRCODE_PGOPS_JOB_BUSY, NULL, "Patroni's configuration is not known yet",
			   "Patroni is being asked for its configuration");
}

/* ---- what is declared ---- */

/* parameters that come with the configuration: they go the way of all others, over what is declared there */
static void
move_parameters(Planner *planner, SpecNode *want)
{
	SpecNode   *section = node_get(want, "postgresql");
	SpecNode   *parameters = section ? node_get(section, "parameters") : NULL;
	List	   *settings = list_copy(planner->cluster->parameters);
	ListCell   *cell;

	if (parameters == NULL || parameters->kind != NODE_MAP)
		return;
	foreach(cell, parameters->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const char *text = node_text(entry->value);
		Setting    *setting = parameter_in_file(entry->key, text ? text : "");
		ListCell   *other;

		if (text == NULL)
			setting->value = NULL;
		foreach(other, settings)
		{
			if (pg_strcasecmp(((Setting *) lfirst(other))->name, setting->name) == 0)
				settings = foreach_delete_current(settings, other);
		}
		settings = lappend(settings, setting);
	}
	planner->cluster->parameters = settings;
	node_map_unset(section, "parameters");
	if (section->entries == NIL)
		node_map_unset(want, "postgresql");
}

void
plan_patroni_begin(Planner *planner)
{
	const PatroniSpec *spec = planner->cluster->patroni;
	PatroniPlan *plan;

	if (planner->input->patroni == NULL)
		return;
	planner->patroni = plan = palloc0(sizeof(PatroniPlan));
	plan->parameters = node_map();
	initStringInfo(&plan->waiting_text);
	if (!plan_patroni_usable(planner))
	{
		report_unusable(planner);
		return;
	}
	plan->want = model_patroni_dynamic(spec, NIL, planner->input->patroni->version, false);
	if (spec->mode_declared && spec->mode != NULL && strcmp(spec->mode, "pause") == 0)
		node_map_set(plan->want, "pause", node_bool(true));
	move_parameters(planner, plan->want);
}

/* ---- values as people may read them ---- */

static SpecNode *
masked(const char *key, const SpecNode *value)
{
	SpecNode   *copy;
	ListCell   *cell;

	if (value->kind == NODE_LIST)
	{
		copy = node_list();
		foreach(cell, value->items)
			node_list_add(copy, masked(key, lfirst(cell)));
		return copy;
	}
	if (value->kind == NODE_MAP)
	{
		copy = node_map();
		foreach(cell, value->entries)
		{
			const SpecEntry *entry = lfirst(cell);

			node_map_set(copy, entry->key, masked(entry->key, entry->value));
		}
		return copy;
	}
	if (value->kind == NODE_STRING && strcmp(key, "pg_hba") == 0)
		return node_string(secret_mask_hba(value->text));
	if (value->kind == NODE_STRING &&
		(catalogue_is_secret("pgops_dcs", key) ||
		 parameter_is_secret(parameter_in_file(key, value->text))))
		return node_string(SECRET_MASK);
	return node_copy(value);
}

/* JSON, one line; palloc'd */
static char *
json_text(const SpecNode *value)
{
	StringInfoData out;

	initStringInfo(&out);
	node_to_json(&out, value);
	return out.data;
}

static const char *
shown(const char *key, const SpecNode *value)
{
	const SpecNode *shown_value;

	if (value == NULL || value->kind == NODE_NULL)
		return "not set";
	shown_value = masked(key, value);
	return node_text(shown_value) ? node_text(shown_value) : json_text(shown_value);
}

/* ---- single settings ---- */

/* a setting of the configuration: a key, or a member of one that is opened */
typedef struct Leaf
{
	const char *section;		/* of opened_keys, or NULL */
	const char *key;
	char	   *name;			/* "slots.cdc" */
	const SpecNode *have;		/* NULL: not set */
	const SpecNode *value;
} Leaf;

static bool
is_opened(const char *key)
{
	for (int i = 0; opened_keys[i] != NULL; i++)
	{
		if (strcmp(opened_keys[i], key) == 0)
			return true;
	}
	return false;
}

static Leaf *
make_leaf(Planner *planner, const char *section, const char *key, const SpecNode *value)
{
	Leaf	   *leaf = palloc0(sizeof(Leaf));
	const char *keys[] = {section ? section : key, section ? key : NULL, NULL};

	leaf->section = section;
	leaf->key = key;
	leaf->name = section ? psprintf("%s.%s", section, key) : pstrdup(key);
	leaf->have = plan_patroni_value(planner, keys);
	leaf->value = value;
	return leaf;
}

/* the settings in a map that looks like the configuration; of Leaf * */
static List *
leaves_of(Planner *planner, const SpecNode *map)
{
	List	   *leaves = NIL;
	ListCell   *cell;
	ListCell   *below;

	foreach(cell, map->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		if (!is_opened(entry->key) || entry->value->kind != NODE_MAP)
		{
			leaves = lappend(leaves, make_leaf(planner, NULL, entry->key, entry->value));
			continue;
		}
		foreach(below, entry->value->entries)
		{
			const SpecEntry *member = lfirst(below);

			leaves = lappend(leaves, make_leaf(planner, entry->key, member->key, member->value));
		}
	}
	return leaves;
}

static OwnedChange *
owned_change(const char *name, const char *value, bool remove)
{
	OwnedChange *change = palloc0(sizeof(OwnedChange));

	change->remove = remove;
	change->item.kind = KIND;
	change->item.name = pstrdup(name);
	change->item.value = value ? pstrdup(value) : NULL;
	change->item.created = true;
	return change;
}

/*
 * What is set is remembered with what was there before, so that it can be put
 * back; what holds a secret without.  A standby remembers nothing, and what makes a cluster a
 * standby of another one is never taken back by itself.
 */
static void
remember(Planner *planner, const Leaf *leaf)
{
	PatroniPlan *plan = planner->patroni;
	const OwnedItem *item = plan_owned(planner, KIND, NULL, leaf->name, NULL);
	const char *before = item ? item->value : NULL;

	if (planner->input->local_only || strcmp(leaf->name, "standby_cluster") == 0)
		return;
	if (leaf->value->kind == NODE_NULL)
	{
		if (item != NULL)
			plan->owned = lappend(plan->owned, owned_change(leaf->name, item->value, true));
		return;
	}
	if (item == NULL && leaf->have != NULL && node_equal(leaf->have, masked(leaf->key, leaf->have)))
		before = json_text(leaf->have);
	plan->owned = lappend(plan->owned, owned_change(leaf->name, before, false));
}

static void
note_reason(Planner *planner, const Leaf *leaf)
{
	planner->patroni->reasons = lappend(planner->patroni->reasons,
										psprintf("%s: %s -> %s", leaf->name,
												 shown(leaf->key, leaf->have),
												 shown(leaf->key, leaf->value)));
}

/* the map at a key of the patch, made if it is not there */
static SpecNode *
map_at(SpecNode *patch, const char *key)
{
	SpecNode   *map = node_get(patch, key);

	if (map == NULL)
	{
		map = node_map();
		node_map_set(patch, key, map);
	}
	return map;
}

/* ---- what is declared, and what no longer is ---- */

static void
add_declared(Planner *planner, SpecNode **patch)
{
	PatroniPlan *plan = planner->patroni;
	ListCell   *cell;

	foreach(cell, leaves_of(planner, plan->want))
		plan_want(planner, KIND, NULL, ((Leaf *) lfirst(cell))->name, NULL);
	*patch = model_patroni_patch(planner->input->patroni->config, plan->want, NULL, NULL);
	if (*patch == NULL)
		*patch = node_map();
	foreach(cell, leaves_of(planner, *patch))
	{
		Leaf	   *leaf = lfirst(cell);

		remember(planner, leaf);
		note_reason(planner, leaf);
	}
}

/* the setting that an item of the memory is about */
static Leaf *
remembered_leaf(Planner *planner, const OwnedItem *item)
{
	const char *dot = strchr(item->name, '.');
	char	   *section = dot ? pnstrdup(item->name, dot - item->name) : NULL;
	const SpecNode *before = item->value ?
		node_from_json(item->value, strlen(item->value)) : node_null();

	if (section == NULL || !is_opened(section))
		return make_leaf(planner, NULL, item->name, before);
	return make_leaf(planner, section, dot + 1, before);
}

/*
 * What makes a setting what it was: a PATCH merges maps, so what a map did not
 * have before is taken out of it by name.
 */
static SpecNode *
put_back(const SpecNode *have, const SpecNode *before)
{
	SpecNode   *out;
	ListCell   *cell;

	if (have->kind != NODE_MAP || before->kind != NODE_MAP)
		return node_copy(before);
	out = node_map();
	foreach(cell, before->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const SpecNode *now = node_get(have, entry->key);

		if (now == NULL || !node_equal(now, entry->value))
			node_map_set(out, entry->key, now ? put_back(now, entry->value) :
						 node_copy(entry->value));
	}
	foreach(cell, have->entries)
	{
		const SpecEntry *entry = lfirst(cell);

		if (node_get(before, entry->key) == NULL)
			node_map_set(out, entry->key, node_null());
	}
	return out;
}

/*
 * Patroni drops a slot that its configuration does not have any more, or has otherwise, and
 * with it the WAL that somebody still needs: nothing is destroyed by omission.
 */
static bool
keep_slot(Planner *planner, const Leaf *leaf)
{
	if (leaf->section == NULL || strcmp(leaf->section, "slots") != 0 ||
		planner->cluster->policy == POLICY_AUTHORITATIVE)
		return false;
	report(planner, "patroni.orphan", leaf->name, ERRCODE_PGOPS_ORPHANED,
		   psprintf("Declare it again, or as null (pgops_dcs: { slots: { %s: null } }) to have it dropped.",
					leaf->key),
		   "no longer declared",
		   "the slot is kept: Patroni would drop it, and what its reader has not got yet");
	return true;
}

static void
add_undone(Planner *planner, SpecNode *patch)
{
	ListCell   *cell;

	if (planner->input->local_only)
		return;
	foreach(cell, plan_owned_of(planner, KIND, NULL))
	{
		OwnedItem  *item = lfirst(cell);
		Leaf	   *leaf = remembered_leaf(planner, item);

		if (plan_wanted(planner, item))
			continue;
		if (leaf->have == NULL || node_equal(leaf->have, leaf->value))
		{
			plan_forget(planner, item);
			continue;
		}
		if (keep_slot(planner, leaf))
			continue;
		note_reason(planner, leaf);
		planner->patroni->owned = lappend(planner->patroni->owned,
										  owned_change(item->name, item->value, true));
		node_map_set(leaf->section ? map_at(patch, leaf->section) : patch, leaf->key,
					 put_back(leaf->have, leaf->value));
	}
}

/* ---- the step ---- */

static char *
joined(List *texts)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, texts)
		appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", (char *) lfirst(cell));
	return out.data;
}

static void
add_patch(Planner *planner)
{
	PatroniPlan *plan = planner->patroni;
	SpecNode   *patch;
	Action	   *action;

	add_declared(planner, &patch);
	add_undone(planner, patch);
	if (plan->parameters->entries != NIL)
		node_map_set(map_at(patch, "postgresql"), "parameters", plan->parameters);
	if (plan->hba != NULL)
		node_map_set(map_at(patch, "postgresql"), "pg_hba", plan->hba);
	patroni_refuse(planner, patch);
	if (patch->entries == NIL)
		return;
	action = action_door(planner, DOOR_HTTP, "patroni.config", planner->cluster->patroni->scope,
						 NULL, psprintf("PATCH /config %s", json_text(masked("", patch))),
						 joined(plan->reasons));
	action->patch = patch;
	plan->patched = true;
	action->owned = plan->owned;
}

/* somebody has paused it by hand, or by pgops.pause_ha() */
static void
report_pause(Planner *planner)
{
	const PatroniSpec *spec = planner->cluster->patroni;

	if (planner->input->patroni->paused && spec->mode_declared &&
		strcmp(spec->mode, "default") == 0)
		report(planner, "patroni.mode", spec->scope, ERRCODE_PGOPS_HA_NOT_READY,
			   "SELECT pgops.resume_ha() ends it; declare patroni_mode: pause if it is meant to stay.",
			   "patroni_mode: default", "Patroni is paused: nobody takes over when the leader is lost");
}

/*
 * A replica keeps what its leader has as long as that is more, so the leader is to be restarted first,
 * in place: that nobody can write meanwhile is for a person to decide, whatever the policy.
 */
static const char *
restart_hint(const char *policy, const char *lowered)
{
	if (lowered != NULL)
		return psprintf("\"%s\" goes down, which begins with a restart of the leader: SELECT pgops.rolling_restart(restart_leader => true).",
						lowered);
	if (strcmp(policy, "always") == 0)
		return "pgops restarts the members one by one, once by itself (pgops_restart_policy), see pgops.jobs.";
	if (strcmp(policy, "window") == 0)
		return "pgops restarts the members one by one in the maintenance window (pgops_restart_policy).";
	if (strcmp(policy, "never") == 0)
		return "Restart the members with patronictl; see pgops.pending_restart.";
	return "SELECT pgops.rolling_restart() restarts the members one by one; see pgops.pending_restart.";
}

/*
 * Patroni notices a moment after the PATCH which members must be restarted; a
 * restart that is asked for before would find none.
 */
static void
report_restart(Planner *planner)
{
	const PatroniInput *seen = planner->input->patroni;
	PatroniPlan *plan = planner->patroni;
	const char *waiting = plan->waiting_text.data;
	char	   *members = joined(seen->pending);

	if (!planner->input->settings_managed || (waiting[0] == '\0' && members[0] == '\0'))
		return;
	report(planner, "patroni.restart", planner->cluster->patroni->scope,
		   ERRCODE_PGOPS_RESTART_NEEDED, restart_hint(planner->cluster->restart_policy, plan->lowered),
		   members[0] == '\0' ? "parameters wait for a restart" :
		   psprintf("members that wait: %s", members),
		   waiting[0] == '\0' ? "members wait for a restart" :
		   psprintf("a restart of the members is needed for %s", waiting));
	/* what only other members say may be over by now; the leader sees its own parameters itself */
	if (plan->work || plan->patched || seen->paused || waiting[0] == '\0' ||
		plan->lowered != NULL)
		return;
	if (members[0] == '\0')
		planner->plan->look_ms = PLAN_LOOK_SOON_MS;
	else
		planner->plan->restart_for = pstrdup(waiting);
}

void
plan_patroni(Planner *planner)
{
	if (!plan_patroni_usable(planner))
		return;
	add_patch(planner);
	report_pause(planner);
	report_restart(planner);
}
