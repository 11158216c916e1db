/*
 * ha_look.c
 *		One look at Patroni.
 *
 * All questions of a look are asked at the same time: this member's Patroni about
 * itself and the cluster, the other members' about themselves.  If this
 * member's does not say what the cluster is, the others are asked for that, too,
 * and the first who knows is believed.  A second round follows only for
 * members that were not known before.
 *
 * Not for: when to look (ha_main.c), asking and taking answers (ha_round.c), what
 * is read out of them (observe/patroni_view.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "guc.h"
#include "io/wait.h"
#include "worker/ha_round.h"
#include "worker/shared.h"
#include "worker/wake.h"

/* between two looks, ms: while something happens, when that lasts, when it has become the usual state */
#define FAST_MS				250
#define LASTING_MS			1000
#define FAST_FOR_MS			60000
#define LASTING_FOR_MS		(10 * 60 * 1000)

/* after any change, ms: what follows from it is seen at once */
#define AFTERMATH_MS		3000

/* ---- this member ---- */

/* a text of the answer that no type has a place for */
static const char *
raw_text(const char *member, const char *key)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member);
	char	   *problem = NULL;
	SpecNode   *map;

	if (fact == NULL || fact->text == NULL || fact->sqlstate != 0)
		return NULL;
	map = patroni_read_config(fact->text, &problem);
	return map ? node_text(node_get(map, key)) : NULL;
}

static bool
same_address(const PatroniAccess *access, const PatroniMember *member)
{
	return member->api_url != NULL &&
		strcmp(patroni_access_to(access, member->api_url)->url, access->url) == 0;
}

/*
 * This member's name: Patroni 3.1 and newer tells it.  Before, it is the member
 * with this address, or else the one whose server was started at the same
 * microsecond.
 */
static const char *
own_name(const HaRound *round)
{
	const char *started = raw_text("", "postmaster_start_time");
	ListCell   *cell;

	if (round->own != NULL && round->own->name != NULL)
		return round->own->name;
	if (round->cluster == NULL || round->foreign)
		return NULL;
	foreach(cell, round->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);

		if (same_address(round->look->access, member))
			return member->name;
	}
	foreach(cell, round->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);
		const char *other = raw_text(member->name, "postmaster_start_time");

		if (started != NULL && other != NULL && strcmp(started, other) == 0)
			return member->name;
	}
	return NULL;
}

/*
 * A name that was found stays until the address is another one.  While the store
 * cannot be asked, an older Patroni does not tell it: then it is taken for that of
 * the declared instance, as which members are named as a rule.
 */
static void
tell_self(HaRound *round)
{
	PatroniSelf *self = &round->look->self;
	const char *name = own_name(round);

	if (name == NULL && self->member[0] == '\0' && round->cluster == NULL)
		name = round->look->instance;
	if (name != NULL)
		strlcpy(self->member, name, sizeof(self->member));
	self->known = true;
	self->looked = GetCurrentTimestamp();
	patroni_self_set(self);
}

static void
keep_members(const PatroniCluster *cluster)
{
	List	   *names = NIL;
	ListCell   *cell;

	if (cluster == NULL)
		return;
	foreach(cell, cluster->members)
		names = lappend(names, ((PatroniMember *) lfirst(cell))->name);
	patroni_fact_keep_members(names);
}

/* ---- how soon to look again ---- */

/* what is to be seen, in short: a difference is an event */
static char *
describe_scene(const HaRound *round)
{
	StringInfoData scene;
	ListCell   *cell;

	initStringInfo(&scene);
	appendStringInfo(&scene, "%d %d", RecoveryInProgress(), round->look->self.answers);
	if (round->own != NULL)
		appendStringInfo(&scene, " %d %d %d %d %s", round->own->role, round->own->timeline,
						 round->own->unlocked, round->own->failsafe, round->own->state);
	if (round->cluster == NULL)
	{
		appendStringInfoString(&scene, " no cluster");
		return scene.data;
	}
	appendStringInfo(&scene, " %d %d", round->cluster->paused, round->cluster->has_switchover);
	foreach(cell, round->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);
		const PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member->name);

		appendStringInfo(&scene, " %s %d %d %s %d", member->name, member->role, member->timeline,
						 member->state, fact ? fact->sqlstate : 0);
	}
	return scene.data;
}

static bool
is_calm_state(const char *state)
{
	return state != NULL &&
		(strcmp(state, "running") == 0 || strcmp(state, "streaming") == 0 ||
		 strcmp(state, "in archive recovery") == 0);
}

/* whether everything is as it should be */
static bool
is_calm(const HaRound *round)
{
	ListCell   *cell;
	int64		switchover;

	if (round->own == NULL || round->own->unlocked || round->cluster == NULL ||
		patroni_leader(round->cluster) == NULL)
		return false;
	foreach(cell, round->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);
		const PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member->name);

		if (!is_calm_state(member->state) || (fact != NULL && fact->sqlstate != 0))
			return false;
	}
	if (!round->cluster->has_switchover)
		return true;
	switchover = io_remaining_ms(round->cluster->switchover_at);
	return switchover > 2 * pgops_guc_ha_interval * INT64CONST(1000);
}

/*
 * Several times a second while something happens.  What has been so for long
 * does not happen any more: a member that is down for the weekend costs no more than a
 * cluster that is well.
 */
static long
pace(HaRound *round)
{
	HaLook	   *look = round->look;
	long		interval = pgops_guc_ha_interval * 1000L;
	char	   *scene = describe_scene(round);
	int64		lasts;

	if (look->scene == NULL || strcmp(look->scene, scene) != 0)
	{
		if (look->scene)
			pfree(look->scene);
		look->scene = MemoryContextStrdup(look->memory, scene);
		look->scene_since = GetCurrentTimestamp();
		/* a primary that lost its leave to act learns of it at once */
		wake_now(REQUEST_GUARD);
	}
	look->scene_since = Min(look->scene_since, GetCurrentTimestamp());
	lasts = TimestampDifferenceMilliseconds(look->scene_since, GetCurrentTimestamp());
	if (patroni_facts_hurry_left() > 0 || lasts < AFTERMATH_MS)
		return FAST_MS;
	if (is_calm(round) || lasts > LASTING_FOR_MS)
		return interval;
	return lasts > FAST_FOR_MS ? Min(LASTING_MS, interval) : FAST_MS;
}

/* ---- the look ---- */

/* what was said of a cluster before, by whomever */
static PatroniCluster *
remembered_cluster(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	char	   *problem = NULL;

	return fact && fact->text ? patroni_read_cluster(fact->text, &problem) : NULL;
}

/* who knows of the cluster is found out in the same round if it was needed the last time */
static void
first_round(HaRound *round)
{
	ha_ask_own(round);
	ha_ask_own_cluster(round);
	ha_ask_others(round, round->remembered, NULL, true, round->look->others_asked);
	ha_ask_all(round);
}

static void
second_round(HaRound *round)
{
	if (round->cluster == NULL && !round->look->others_asked)
		ha_ask_others(round, round->remembered, NULL, false, true);
	ha_ask_all(round);
	ha_ask_others(round, round->cluster, round->remembered, true, false);
	ha_ask_all(round);
}

/* what is kept of the cluster is not confirmed */
static void
note_no_cluster(const HaRound *round)
{
	if (round->cluster == NULL && round->cluster_problem != NULL)
		patroni_fact_failed(PATRONI_FACT_CLUSTER, NULL, round->cluster_sqlstate,
							round->cluster_problem);
}

long
ha_look(HaLook *look)
{
	HaRound		round = {.look = look, .remembered = remembered_cluster()};
	long		left;

	ha_forget_slow(look);
	/* the clock may have been put back since */
	left = io_remaining_ms(look->next_slow);
	round.slow_due = left == 0 || left > pgops_guc_ha_interval * 1000L;
	first_round(&round);
	note_no_cluster(&round);
	second_round(&round);
	note_no_cluster(&round);
	look->others_asked = !round.own_said;
	if (round.got_slow[0] && round.got_slow[1])
		look->next_slow = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  pgops_guc_ha_interval * INT64CONST(1000));
	tell_self(&round);
	keep_members(round.cluster);
	return pace(&round);
}
