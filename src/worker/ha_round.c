/*
 * ha_round.c
 *		Questions to Patroni that are asked at the same time, and what becomes
 *		of the answers.
 *
 * Who takes long to give no answer must not make old what the others say.  So
 * it is not asked in each look; and while an answer is waited for, everybody
 * else is asked again (a look in between), of which only what succeeds counts.
 *
 * Not for: whom to ask, and how often (ha_look.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "errors.h"
#include "io/wait.h"
#include "worker/ha_round.h"

/* of one request, ms */
#define CONNECT_TIMEOUT_MS	1000
#define TIMEOUT_MS			2000

/* who needs longer than SLOW_MS for no answer is left alone for SLOW_PAUSE_MS */
#define SLOW_MS				500
#define SLOW_PAUSE_MS		3000

/* of a look in between: how often, how long it may take, and for how long who did not answer is not asked */
#define BETWEEN_MS			250
#define BETWEEN_TIMEOUT_MS	400
#define BETWEEN_PAUSE_MS	500

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

/* a good answer */
typedef struct HaAnswer
{
	const char *text;
	const char *url;
	TimestampTz at;				/* when it came, which is before all of a round are there */
	bool		kept;			/* a newer one is kept already, and this is it */
} HaAnswer;

static const char *const paths[] = {
	[PATRONI_FACT_CLUSTER] = "/cluster",
	[PATRONI_FACT_CONFIG] = "/config",
	[PATRONI_FACT_HISTORY] = "/history",
	[PATRONI_FACT_NODE_TEXT] = "/patroni",
};

/* ---- who is slow ---- */

static HaSlow *
find_slow(const List *list, const char *url)
{
	const ListCell *cell;

	foreach(cell, list)
	{
		HaSlow	   *slow = lfirst(cell);

		if (strcmp(slow->url, url) == 0)
			return slow;
	}
	return NULL;
}

static bool
is_on(const List *list, const char *url)
{
	const HaSlow *slow = find_slow(list, url);
	long		left = slow != NULL ? io_remaining_ms(slow->until) : 0;

	/* the clock may have been put back since */
	return left > 0 && left <= SLOW_PAUSE_MS;
}

static bool
is_left_alone(const HaRound *round, const char *url)
{
	return is_on(round->look->slow, url) || (round->between && is_on(round->silent, url));
}

static void
put_on(List **list, const char *url, int pause_ms)
{
	HaSlow	   *slow = find_slow(*list, url);

	if (slow == NULL)
	{
		slow = palloc(sizeof(HaSlow));
		slow->url = pstrdup(url);
		*list = lappend(*list, slow);
	}
	slow->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms);
}

static void
note_slow(HaRound *round, const IoHttpResult *result)
{
	const char *url = result->request->url;
	MemoryContext old;

	if (result->sqlstate == 0)
		return;
	if (round->between)
		put_on(&round->silent, url, BETWEEN_PAUSE_MS);
	else if (result->elapsed_ms >= SLOW_MS)
	{
		old = MemoryContextSwitchTo(round->look->memory);
		put_on(&round->look->slow, url, SLOW_PAUSE_MS);
		MemoryContextSwitchTo(old);
	}
}

/* those that are over are forgotten: members come and go */
void
ha_forget_slow(HaLook *look)
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

	if (is_left_alone(round, request->url))
		return;
	question->kind = kind;
	question->member = member;
	request->connect_timeout_ms = round->between ? BETWEEN_TIMEOUT_MS : CONNECT_TIMEOUT_MS;
	request->timeout_ms = round->between ? BETWEEN_TIMEOUT_MS : TIMEOUT_MS;
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

void
ha_ask_own(HaRound *round)
{
	if (round->look->access != NULL)
		ask(round, round->look->access, "", PATRONI_FACT_NODE_TEXT);
}

void
ha_ask_own_cluster(HaRound *round)
{
	if (round->look->access != NULL)
		ask_cluster(round, round->look->access, "");
}

static bool
is_self(const HaLook *look, const PatroniMember *member)
{
	return look->self.member[0] != '\0' &&
		strncmp(look->self.member, member->name, NAMEDATALEN - 1) == 0;
}

void
ha_ask_others(HaRound *round, const PatroniCluster *cluster, const PatroniCluster *known,
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

/*
 * The text of an answer; NULL, with the problem, if it is none.  What a look in
 * between has heard meanwhile is newer, and takes its place.
 */
static const char *
answer_text(const HaRound *round, const HaQuestion *question, const IoHttpResult *result,
			HaAnswer *answer, int *sqlstate, char **problem)
{
	PatroniFact *fact = patroni_fact_get(question->kind, question->member);
	char	   *hint = NULL;

	memset(answer, 0, sizeof(HaAnswer));
	answer->at = TimestampTzPlusMilliseconds(round->started, result->elapsed_ms);
	answer->url = result->request->url;
	*sqlstate = 0;
	if (fact != NULL && fact->sqlstate == 0 && fact->at > answer->at &&
		fact->at <= GetCurrentTimestamp() &&
		(question->kind == PATRONI_FACT_NODE_TEXT || strcmp(fact->source, answer->url) == 0))
	{
		answer->kept = true;
		answer->text = fact->text;
		*problem = NULL;
		return answer->text;
	}
	*problem = patroni_problem(result, sqlstate, &hint);
	if (*problem == NULL)
	{
		answer->text = result->body;
		*sqlstate = ERRCODE_PGOPS_HTTP_PROTOCOL;
	}
	return answer->text;
}

static void
keep(PatroniFactKind kind, const char *member, const HaAnswer *answer)
{
	if (!answer->kept)
		patroni_fact_put_at(kind, member, answer->text, answer->url, answer->at);
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
take_node(HaRound *round, const HaQuestion *question, const IoHttpResult *result)
{
	const char *member = question->member;
	bool		own = member[0] == '\0';
	PatroniNode *node = NULL;
	HaAnswer	answer;
	char	   *problem;
	int			sqlstate;

	if (answer_text(round, question, result, &answer, &sqlstate, &problem) != NULL)
		node = patroni_read_node(answer.text, &problem);
	if (problem == NULL && own && (problem = foreign_problem(node)) != NULL)
	{
		sqlstate = ERRCODE_PGOPS_NO_PATRONI;
		round->foreign = true;
	}
	if (problem == NULL)
		keep(PATRONI_FACT_NODE_TEXT, member, &answer);
	else if (round->between)
		return;
	else
		patroni_fact_failed(PATRONI_FACT_NODE_TEXT, member, sqlstate, problem);
	if (!own)
		return;
	round->own = problem == NULL ? node : NULL;
	round->look->self.answers = problem == NULL;
	strlcpy(round->look->self.problem, problem ? problem : "", sizeof(round->look->self.problem));
}

static void
take_cluster(HaRound *round, const HaQuestion *question, const IoHttpResult *result)
{
	PatroniCluster *cluster = NULL;
	HaAnswer	answer;
	char	   *problem;
	int			sqlstate;

	if (round->cluster != NULL)
		return;
	if (answer_text(round, question, result, &answer, &sqlstate, &problem) != NULL)
		cluster = patroni_read_cluster(answer.text, &problem);
	if (problem == NULL)
	{
		round->cluster = cluster;
		round->own_said = question->member[0] == '\0';
		keep(PATRONI_FACT_CLUSTER, NULL, &answer);
	}
	else if (round->cluster_problem == NULL)
	{
		round->cluster_problem = problem;
		round->cluster_sqlstate = sqlstate;
	}
}

/* configuration or history: the first good answer is kept, a problem only where there is none */
static void
take_slow(HaRound *round, const HaQuestion *question, const IoHttpResult *result)
{
	bool	   *got = &round->got_slow[question->kind == PATRONI_FACT_HISTORY];
	HaAnswer	answer;
	char	   *problem;
	int			sqlstate;

	if (*got)
		return;
	if (answer_text(round, question, result, &answer, &sqlstate, &problem) != NULL)
	{
		if (question->kind == PATRONI_FACT_CONFIG)
			(void) patroni_read_config(answer.text, &problem);
		else
			(void) patroni_read_history(answer.text, &problem);
	}
	*got = problem == NULL;
	if (*got)
		keep(question->kind, NULL, &answer);
	else
		patroni_fact_failed(question->kind, NULL, sqlstate, problem);
}

static void
take(HaRound *round, const IoHttpResult *result)
{
	const HaQuestion *question = result->request->owner;

	note_slow(round, result);
	if (question->kind == PATRONI_FACT_NODE_TEXT)
		take_node(round, question, result);

	/* who runs another server has nothing to say about this cluster */
	else if (question->member[0] == '\0' && round->foreign)
		return;
	else if (question->kind == PATRONI_FACT_CLUSTER)
		take_cluster(round, question, result);
	else
		take_slow(round, question, result);
}

/* ---- all at once ---- */

/* Everybody is asked again, but who was silent the last time; called while somebody is waited for. */
static void
look_between(void *arg)
{
	HaRound    *outer = arg;
	HaRound		round = {.look = outer->look, .remembered = outer->remembered, .between = true};

	if (io_remaining_ms(outer->next_between) > 0)
		return;
	round.silent = outer->silent;
	ha_ask_own(&round);
	ha_ask_own_cluster(&round);
	ha_ask_others(&round, outer->remembered, NULL, true, false);
	ha_ask_all(&round);
	outer->silent = round.silent;
	if (round.own != NULL)
		patroni_self_set(&round.look->self);
	outer->next_between = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BETWEEN_MS);
}

void
ha_ask_all(HaRound *round)
{
	List	   *requests = round->requests;
	ListCell   *cell;

	round->requests = NIL;
	round->started = GetCurrentTimestamp();
	round->next_between = TimestampTzPlusMilliseconds(round->started, BETWEEN_MS);
	foreach(cell, requests)
	{
		IoHttpRequest *request = lfirst(cell);

		if (round->between)
			break;
		request->tick = look_between;
		request->tick_ms = BETWEEN_MS;
		request->tick_arg = round;
	}
	if (requests == NIL)
		return;
	foreach(cell, io_http_all(requests))
		take(round, lfirst(cell));
}
