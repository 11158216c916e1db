/*
 * guard.c
 *		Whether this server may do now what only a leader may: Patroni of this
 *		member is asked, each time.
 *
 * What was said a while ago is no answer: a leader that lost its lock, or whose
 * Patroni was killed, still takes writes, and does not know that it is not the
 * leader any more.
 *
 * Not for: how often that is asked (worker/gate.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "errors.h"
#include "guc.h"
#include "io/wait.h"
#include "observe/patroni.h"
#include "observe/patroni_facts.h"
#include "ops/guard.h"
#include "spec/spec.h"

/* one that takes longer does not answer, ms */
#define CONNECT_MS	1000
#define ANSWER_MS	2000

/* ---- what Patroni says ---- */

/*
 * Whether the answer is about this very server.  A wrong address may lead to another
 * member's Patroni, and that of the leader would let an old primary act.  Patroni tells
 * when the server was started that it runs, to the microsecond; it does not
 * while it cannot ask the server.
 */
static bool
is_about_us(const SpecNode *answer)
{
	const SpecNode *value = node_get(answer, "postmaster_start_time");
	const char *text = value != NULL && value->kind == NODE_STRING ? value->text : NULL;
	Datum		started;

	if (text == NULL)
		return true;
	started = DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
								  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return DatumGetTimestampTz(started) == PgStartTime;
}

/* what a member says of itself that is not the leader */
static char *
describe_refusal(const PatroniNode *node)
{
	return psprintf("Patroni says that this member is not the leader (role %s, state %s%s%s)",
					patroni_role_name(node->role), node->state ? node->state : "unknown",
					node->unlocked ? ", nobody holds the leader's lock" : "",
					node->paused ? ", the cluster is paused" : "");
}

static GuardState
read_answer(const IoHttpResult *result, char **reason)
{
	char	   *problem = NULL;
	PatroniNode *node = result->body ? patroni_read_node(result->body, &problem) : NULL;
	SpecNode   *answer = node ? spec_parse_json(result->body, result->length, &problem) : NULL;

	if (answer == NULL)
		*reason = psprintf("what answers at %s is not Patroni (status %d%s%s)",
						   result->request->url, result->status, problem ? ": " : "",
						   problem ? problem : "");
	else if (!is_about_us(answer))
		*reason = psprintf("Patroni at %s is that of another server; see pgops.patroni_url and the declared hosts",
						   result->request->url);
	else if (result->status == 200)
		return GUARD_LEADER;
	else
	{
		*reason = describe_refusal(node);
		return GUARD_NOT_LEADER;
	}
	return GUARD_UNKNOWN;
}

/* whether the cluster was paused when it was heard of last */
static bool
was_paused(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	char	   *problem;
	PatroniCluster *cluster = fact && fact->text ? patroni_read_cluster(fact->text, &problem) : NULL;

	return cluster != NULL && cluster->paused;
}

/*
 * Maintenance with a paused cluster and Patroni stopped is no exception: nobody
 * can say then what became of the others.
 */
static char *
describe_silence(const IoHttpResult *result)
{
	int			sqlstate;
	char	   *hint;

	return psprintf("Patroni of this member does not say whether it is the leader: %s%s",
					patroni_problem(result, &sqlstate, &hint),
					was_paused() ? " (the cluster is paused; without Patroni nothing is done then, either)" : "");
}

/* ---- asking ---- */

static IoHttpRequest *
make_request(void)
{
	PatroniAccess *access = patroni_access();
	IoHttpRequest *request;

	if (access == NULL)
		return NULL;
	request = patroni_request(access, "GET", "/primary", NULL);
	request->connect_timeout_ms = CONNECT_MS;
	request->timeout_ms = ANSWER_MS;
	return request;
}

static GuardState
ask(const IoHttpRequest *request, char **reason)
{
	IoHttpResult *result;

	if (request == NULL)
	{
		*reason = pstrdup("it is not known where Patroni of this member answers; set pgops.patroni_url");
		return GUARD_UNKNOWN;
	}
	result = io_http(request);
	if (result->status != 0)
		return read_answer(result, reason);
	*reason = describe_silence(result);
	return GUARD_UNKNOWN;
}

/*
 * A server that does not know which instance it is does nothing by itself, and
 * where its Patroni is can only be guessed: that nobody answers there is
 * no news, and would hide what is.
 */
static bool
is_guessed(void)
{
	return *pgops_guc_patroni_url == '\0' && cmdb_binding()->state != BINDING_BOUND;
}

static GuardState
ask_outside(char **reason)
{
	IoHttpRequest *request;
	GuardState	state;
	bool		guessed;

	/* without the extension nothing is declared, and nothing is done */
	if (txn_begin() != EXTENSION_READY)
		return GUARD_FREE;
	guessed = is_guessed();
	request = make_request();
	txn_end();
	state = ask(request, reason);
	return state == GUARD_UNKNOWN && guessed ? GUARD_FREE : state;
}

/* An error of our own tables, say, is no leave to act. */
GuardState
guard_ask(char **reason)
{
	MemoryContext context = CurrentMemoryContext;
	GuardState	state = GUARD_UNKNOWN;

	*reason = NULL;
	if (!patroni_runs_server())
		return GUARD_FREE;
	PG_TRY();
	{
		state = ask_outside(reason);
	}
	PG_CATCH();
	{
		*reason = psprintf("Patroni could not be asked: %s", txn_forgive(context));
		state = GUARD_UNKNOWN;
	}
	PG_END_TRY();
	return state;
}

bool
guard_may_act(char **reason)
{
	GuardState	state = guard_ask(reason);

	return state == GUARD_FREE || state == GUARD_LEADER;
}

void
guard_require(void)
{
	char	   *reason = NULL;

	if (!patroni_runs_server() || ask(make_request(), &reason) == GUARD_LEADER)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_NOT_LEADER),
			 errmsg("this server may not do what only the leader of its cluster may"),
			 errdetail("%s.", reason),
			 errhint("Call it on the leader; see pgops.members.")));
}

/* ---- declaring ---- */

/* right after a promotion Patroni does not know of it yet, ms */
#define PROMOTION_MS	2000
#define AGAIN_MS		100

/* what others say counts as long as it is that old at most, ms */
#define HEARSAY_MS		15000

/* Until Patroni calls this server the leader, if it is about to. */
static GuardState
ask_patiently(char **reason)
{
	IoHttpRequest *request = make_request();
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PROMOTION_MS);
	GuardState	state = ask(request, reason);

	while (state == GUARD_NOT_LEADER && io_remaining_ms(until) > 0)
	{
		(void) io_wait(AGAIN_MS, IO_WAIT_HTTP);
		state = ask(request, reason);
	}
	return state;
}

/* The member that leads, as this server heard last, if that is another one; else NULL. */
static char *
other_leader(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	PatroniCluster *cluster;
	PatroniMember *leader;
	PatroniSelf self;
	char	   *problem;

	if (fact == NULL || fact->text == NULL ||
		TimestampDifferenceExceeds(fact->at, GetCurrentTimestamp(), HEARSAY_MS))
		return NULL;
	cluster = patroni_read_cluster(fact->text, &problem);
	leader = cluster ? patroni_leader(cluster) : NULL;
	patroni_self_get(&self);
	if (leader == NULL || self.member[0] == '\0' || strcmp(leader->name, self.member) == 0)
		return NULL;
	return leader->name;
}

/*
 * A declaration on a primary that is none any more would be taken back when it
 * becomes a replica.  Where nobody knows, it is only warned of: what is declared may be the very
 * cause (a wrong port of Patroni's), and maintenance goes on without Patroni.
 */
void
guard_declaring(void)
{
	static TimestampTz answered = 0;
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	char	   *reason = NULL;
	char	   *leader;
	GuardState	state;

	/* a statement that changes rows of several clusters comes here for each */
	if (answered == statement || !patroni_runs_server())
		return;
	state = ask_patiently(&reason);
	if (state == GUARD_LEADER || (state == GUARD_UNKNOWN && is_guessed()))
	{
		answered = statement;
		return;
	}
	leader = other_leader();
	if (state == GUARD_NOT_LEADER || leader != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NOT_LEADER),
				 errmsg("what is declared here would be lost: this server is not the leader of its cluster"),
				 errdetail("%s.", reason),
				 leader ? errhint("Declare it on the leader, \"%s\".", leader) :
				 errhint("Declare it on the leader; see pgops.ha_status.")));
	ereport(WARNING,
			(errcode(ERRCODE_PGOPS_NOT_LEADER),
			 errmsg("what is declared here is lost if another member becomes the leader"),
			 errdetail("%s.", reason),
			 errhint("It is carried out when Patroni calls this server the leader.")));
	answered = statement;
}
