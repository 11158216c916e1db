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
 * Who takes long to give no answer is not asked in each look, or it would make
 * what all others say old.
 *
 * Not for: when to look (ha_main.c), what is read out of it (sql_ha*.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "errors.h"
#include "guc.h"
#include "io/wait.h"
#include "worker/ha_look.h"
#include "worker/shared.h"
#include "worker/wake.h"

/* of one request, ms */
#define CONNECT_TIMEOUT_MS	1000
#define TIMEOUT_MS			2000

/* who needs longer than SLOW_MS for no answer is left alone for SLOW_PAUSE_MS */
#define SLOW_MS				500
#define SLOW_PAUSE_MS		3000

/* between two looks, ms: while something happens, when that lasts, when it has become the usual state */
#define FAST_MS				250
#define LASTING_MS			1000
#define FAST_FOR_MS			60000
#define LASTING_FOR_MS		(10 * 60 * 1000)

/* after any change, ms: what follows from it is seen at once */
#define AFTERMATH_MS		3000

typedef struct HaSlow
{
	char	   *url;
	TimestampTz until;
} HaSlow;

/* what is asked; owner of a request */
typedef struct HaQuestion
{
	PatroniFactKind kind;
	const char *member;			/* whose Patroni; "" is this one's */
} HaQuestion;

/* one look while it is under way */
typedef struct HaRound
{
	HaLook	   *look;
	List	   *requests;		/* of IoHttpRequest * */
	PatroniCluster *cluster;	/* as somebody has just said; NULL: nobody has */
	PatroniNode *own;			/* as this member's Patroni has just said */
	bool		slow_due;		/* configuration and history, too */
	bool		got_slow[2];	/* that one of them was answered */
	bool		foreign;		/* what answers there runs another server */
	char	   *cluster_problem;	/* why there is no cluster: the first reason */
	int			cluster_sqlstate;
} HaRound;

static const char *const paths[] = {
	[PATRONI_FACT_CLUSTER] = "/cluster",
	[PATRONI_FACT_CONFIG] = "/config",
	[PATRONI_FACT_HISTORY] = "/history",
	[PATRONI_FACT_NODE_TEXT] = "/patroni",
};

/* ---- who is slow ---- */

static HaSlow *
find_slow(const HaLook *look, const char *url)
{
	ListCell   *cell;

	foreach(cell, look->slow)
	{
		HaSlow	   *slow = lfirst(cell);

		if (strcmp(slow->url, url) == 0)
			return slow;
	}
	return NULL;
}

static bool
is_left_alone(const HaLook *look, const char *url)
{
	const HaSlow *slow = find_slow(look, url);

	return slow != NULL && io_remaining_ms(slow->until) > 0;
}

static void
note_slow(HaLook *look, const IoHttpResult *result)
{
	MemoryContext old;
	HaSlow	   *slow;

	if (result->sqlstate == 0 || result->elapsed_ms < SLOW_MS)
		return;
	slow = find_slow(look, result->request->url);
	if (slow == NULL)
	{
		old = MemoryContextSwitchTo(look->memory);
		slow = palloc(sizeof(HaSlow));
		slow->url = pstrdup(result->request->url);
		look->slow = lappend(look->slow, slow);
		MemoryContextSwitchTo(old);
	}
	slow->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SLOW_PAUSE_MS);
}

/* those that are over are forgotten: members come and go */
static void
forget_slow(HaLook *look)
{
	ListCell   *cell;

	foreach(cell, look->slow)
	{
		HaSlow	   *slow = lfirst(cell);

		if (io_remaining_ms(slow->until) > 0)
			continue;
		look->slow = foreach_delete_current(look->slow, cell);
		pfree(slow->url);
		pfree(slow);
	}
}

/* ---- asking ---- */

static void
ask(HaRound *round, const PatroniAccess *access, const char *member, PatroniFactKind kind)
{
	HaQuestion *question = palloc(sizeof(HaQuestion));
	IoHttpRequest *request = patroni_request(access, "GET", paths[kind], NULL);

	if (is_left_alone(round->look, request->url))
		return;
	question->kind = kind;
	question->member = member;
	request->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	request->timeout_ms = TIMEOUT_MS;
	request->max_body = kind == PATRONI_FACT_NODE_TEXT ? PATRONI_FACT_NODE : PATRONI_FACT_TEXT;
	request->owner = question;
	round->requests = lappend(round->requests, request);
}

static void
ask_cluster(HaRound *round, const PatroniAccess *access, const char *member)
{
	ask(round, access, member, PATRONI_FACT_CLUSTER);
	if (!round->slow_due)
		return;
	ask(round, access, member, PATRONI_FACT_CONFIG);
	ask(round, access, member, PATRONI_FACT_HISTORY);
}

static bool
is_self(const HaLook *look, const PatroniMember *member)
{
	return look->self.member[0] != '\0' &&
		strncmp(look->self.member, member->name, NAMEDATALEN - 1) == 0;
}

/* the other members, as far as they can be reached and are not in "known" */
static void
ask_others(HaRound *round, const PatroniCluster *cluster, const PatroniCluster *known,
		   bool about_themselves, bool about_cluster)
{
	ListCell   *cell;

	if (cluster == NULL || round->look->access == NULL)
		return;
	foreach(cell, cluster->members)
	{
		const PatroniMember *member = lfirst(cell);
		PatroniAccess *access;

		if (is_self(round->look, member) || member->api_url == NULL ||
			(known != NULL && patroni_member(known, member->name) != NULL))
			continue;
		access = patroni_access_to(round->look->access, member->api_url);
		if (about_themselves)
			ask(round, access, member->name, PATRONI_FACT_NODE_TEXT);
		if (about_cluster)
			ask_cluster(round, access, member->name);
	}
}

/* ---- taking the answers ---- */

/* what was said of a cluster before, by whomever */
static PatroniCluster *
remembered_cluster(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	char	   *problem;

	return fact && fact->text ? patroni_read_cluster(fact->text, &problem) : NULL;
}

/*
 * A server that is not ours may answer where ours is expected: after a copy of
 * a machine, with a wrong setting.  What it says is not about this cluster.
 */
static char *
foreign_problem(const PatroniNode *node)
{
	char	   *own = psprintf(UINT64_FORMAT, GetSystemIdentifier());

	if (node->system_identifier == NULL || strcmp(node->system_identifier, own) == 0)
		return NULL;
	return psprintf("the Patroni that answers there runs another server (system identifier %s, this one has %s)",
					node->system_identifier, own);
}

static void
take_node(HaRound *round, const char *member, const IoHttpResult *result)
{
	bool		own = member[0] == '\0';
	int			sqlstate = 0;
	char	   *hint = NULL;
	char	   *problem = patroni_problem(result, &sqlstate, &hint);
	PatroniNode *node = NULL;

	if (problem == NULL)
	{
		node = patroni_read_node(result->body, &problem);
		sqlstate = ERRCODE_PGOPS_HTTP_PROTOCOL;
	}
	if (problem == NULL && own && (problem = foreign_problem(node)) != NULL)
	{
		sqlstate = ERRCODE_PGOPS_NO_PATRONI;
		round->foreign = true;
	}
	if (problem == NULL)
		patroni_fact_put(PATRONI_FACT_NODE_TEXT, member, result->body, result->request->url);
	else
		patroni_fact_failed(PATRONI_FACT_NODE_TEXT, member, sqlstate, problem);
	if (!own)
		return;
	round->own = problem == NULL ? node : NULL;
	round->look->self.answers = problem == NULL;
	strlcpy(round->look->self.problem, problem ? problem : "", sizeof(round->look->self.problem));
}

static void
take_cluster(HaRound *round, const IoHttpResult *result)
{
	int			sqlstate = 0;
	char	   *hint = NULL;
	char	   *problem = patroni_problem(result, &sqlstate, &hint);
	PatroniCluster *cluster = NULL;

	if (round->cluster != NULL)
		return;
	if (problem == NULL)
	{
		cluster = patroni_read_cluster(result->body, &problem);
		sqlstate = ERRCODE_PGOPS_HTTP_PROTOCOL;
	}
	if (problem == NULL)
	{
		round->cluster = cluster;
		patroni_fact_put(PATRONI_FACT_CLUSTER, NULL, result->body, result->request->url);
	}
	else if (round->cluster_problem == NULL)
	{
		round->cluster_problem = problem;
		round->cluster_sqlstate = sqlstate;
	}
}

/* configuration or history: the first good answer is kept, a problem only where there is none */
static void
take_slow(HaRound *round, PatroniFactKind kind, const IoHttpResult *result)
{
	bool	   *got = &round->got_slow[kind == PATRONI_FACT_HISTORY];
	int			sqlstate = 0;
	char	   *hint = NULL;
	char	   *problem = patroni_problem(result, &sqlstate, &hint);

	if (*got)
		return;
	if (problem == NULL)
	{
		sqlstate = ERRCODE_PGOPS_HTTP_PROTOCOL;
		if (kind == PATRONI_FACT_CONFIG)
			(void) patroni_read_config(result->body, &problem);
		else
			(void) patroni_read_history(result->body, &problem);
	}
	if (problem != NULL)
		patroni_fact_failed(kind, NULL, sqlstate, problem);
	else
	{
		patroni_fact_put(kind, NULL, result->body, result->request->url);
		*got = true;
	}
}

static void
take(HaRound *round, const IoHttpResult *result)
{
	const HaQuestion *question = result->request->owner;

	note_slow(round->look, result);
	if (question->kind == PATRONI_FACT_NODE_TEXT)
		take_node(round, question->member, result);

	/* who runs another server has nothing to say about this cluster */
	else if (question->member[0] == '\0' && round->foreign)
		return;
	else if (question->kind == PATRONI_FACT_CLUSTER)
		take_cluster(round, result);
	else
		take_slow(round, question->kind, result);
}

/* makes the requests that were put together, and takes what comes */
static void
ask_all(HaRound *round)
{
	List	   *requests = round->requests;
	ListCell   *cell;

	round->requests = NIL;
	if (requests == NIL)
		return;
	foreach(cell, io_http_all(requests))
		take(round, lfirst(cell));
}

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

/* a name that was found stays until the address is another one */
static void
tell_self(HaRound *round)
{
	PatroniSelf *self = &round->look->self;
	const char *name = own_name(round);

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
	lasts = TimestampDifferenceMilliseconds(look->scene_since, GetCurrentTimestamp());
	if (patroni_facts_hurry_left() > 0 || lasts < AFTERMATH_MS)
		return FAST_MS;
	if (is_calm(round) || lasts > LASTING_FOR_MS)
		return interval;
	return lasts > FAST_FOR_MS ? Min(LASTING_MS, interval) : FAST_MS;
}

/* ---- the look ---- */

/* who knows of the cluster is found out in the same round if it was needed the last time */
static void
first_round(HaRound *round, const PatroniCluster *remembered)
{
	HaLook	   *look = round->look;

	if (look->access != NULL)
	{
		ask(round, look->access, "", PATRONI_FACT_NODE_TEXT);
		ask_cluster(round, look->access, "");
	}
	ask_others(round, remembered, NULL, true, look->others_asked);
	ask_all(round);
}

static void
second_round(HaRound *round, const PatroniCluster *remembered)
{
	HaLook	   *look = round->look;

	if (round->cluster == NULL && !look->others_asked)
		ask_others(round, remembered, NULL, false, true);
	ask_all(round);
	if (round->cluster != NULL)
		ask_others(round, round->cluster, remembered, true, false);
	ask_all(round);
}

long
ha_look(HaLook *look)
{
	HaRound		round = {.look = look};
	PatroniCluster *remembered = remembered_cluster();
	bool		own_said;

	forget_slow(look);
	round.slow_due = io_remaining_ms(look->next_slow) == 0;
	first_round(&round, remembered);
	own_said = round.cluster != NULL && round.cluster_problem == NULL;
	second_round(&round, remembered);
	look->others_asked = !own_said;

	if (round.cluster == NULL && round.cluster_problem != NULL)
		patroni_fact_failed(PATRONI_FACT_CLUSTER, NULL, round.cluster_sqlstate,
							round.cluster_problem);
	if (round.got_slow[0] && round.got_slow[1])
		look->next_slow = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  pgops_guc_ha_interval * INT64CONST(1000));
	tell_self(&round);
	keep_members(round.cluster);
	return pace(&round);
}
