/*
 * steer_move.c
 *		Moving the leader, and measuring how long nobody could write.
 *
 * Asked for on the leader, the job's own server is shut down in its middle.  Until
 * then it writes the time, again and again: what of that has reached the new leader is
 * the last that was written before nobody could.  There the job goes on.  Asked for on a
 * standby, Patroni's answers tell of it, which is less exact.
 *
 * Not for: whether it may be moved (steer_check.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "ops/steer.h"

/* between two writes of the time, or looks at what Patroni said, ms */
#define TICK_MS			50

/* Patroni answers within 20 s, or twice its loop_wait */
#define ANSWER_MS		60000

/* until the new leader is up, after Patroni said that it is done, ms */
#define SETTLE_MS		60000

/* what is known about who could write when */
typedef struct Watch
{
	Job		   *job;
	const char *from;			/* "": there was no leader */
	const char *to;				/* or NULL */
	bool		beats;			/* this server is the leader, and the job has a row */
	bool		standby;		/* it was a standby */
	TimestampTz last;			/* when the old leader could write last; 0: not known, like the next */
	TimestampTz first;			/* when the new one could write first */
	MemoryContext scratch;
} Watch;

/* ---- measuring ---- */

/* A beat that fails must not break off the wait for the answer: what Patroni was asked for goes on. */
static void
beat(Watch *watch)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		job_beat(watch->job);
	}
	PG_CATCH();
	{
		(void) txn_forgive(context);
		watch->beats = false;
	}
	PG_END_TRY();
}

/* when the member was last heard to be a primary that runs; 0: the last time it was none */
static TimestampTz
heard_writing(const char *member)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member);
	char	   *problem = NULL;
	PatroniNode *node;

	if (fact == NULL || fact->text == NULL || fact->sqlstate != 0)
		return 0;
	node = patroni_read_node(fact->text, &problem);
	if (node == NULL || node->role != PATRONI_LEADER || node->state == NULL ||
		strcmp(node->state, "running") != 0)
		return 0;
	return fact->at;
}

/*
 * The worker that asks Patroni hurries meanwhile, so this is right within some tenths of a
 * second.
 */
static void
listen_to(Watch *watch, const PatroniView *view)
{
	ListCell   *cell;

	foreach(cell, view->members)
	{
		const char *name = ((PatroniSeen *) lfirst(cell))->member->name;
		TimestampTz at = heard_writing(name);

		if (at == 0)
			continue;
		if (strcmp(name, watch->from) == 0)
			watch->last = Max(watch->last, at);
		else if (watch->first == 0)
			watch->first = at;
	}
}

/* Runs while the answer is waited for, and between looks afterwards. */
static void
on_tick(void *arg)
{
	Watch	   *watch = arg;
	MemoryContext old = MemoryContextSwitchTo(watch->scratch);

	job_check(watch->job);
	if (watch->beats)
		beat(watch);
	else
	{
		if (watch->standby && watch->first == 0 && !RecoveryInProgress())
			watch->first = GetCurrentTimestamp();
		patroni_facts_hurry(3000);
		listen_to(watch, patroni_view());
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(watch->scratch);
}

/* Kept for the whole move: what was seen before the answer counts as much as what comes after. */
static void
begin_watch(Watch *watch, Job *job, const SpecNode *move)
{
	const char *from = steer_text(move, "from");

	memset(watch, 0, sizeof(*watch));
	watch->job = job;
	watch->from = from ? from : "";
	watch->to = steer_text(move, "to");
	watch->standby = RecoveryInProgress();
	watch->scratch = AllocSetContextCreate(CurrentMemoryContext, "pgops tick",
										   ALLOCSET_SMALL_SIZES);
}

/* ---- the end ---- */

/* The lock alone does not do: its holder must have been promoted. */
static bool
is_moved(const SteerScene *scene, void *arg)
{
	Watch	   *watch = arg;
	const PatroniSeen *leader = scene->view->leader;

	on_tick(watch);
	return leader != NULL && strcmp(leader->member->name, watch->from) != 0 &&
		leader->node != NULL && patroni_seen_runs(leader) &&
		(leader->node->role == PATRONI_LEADER || leader->node->role == PATRONI_STANDBY_LEADER);
}

/* What the old leader's life of the job has left, and since when this one, its successor, could write. */
static void
take_beats(Watch *watch, const SpecNode *memory)
{
	const SpecNode *resumed = node_get(memory, "resumed");
	const SpecNode *then = node_get(node_get(memory, "move"), "timeline");
	const SpecNode *now = resumed ? node_get(resumed, "timeline") : NULL;
	TimestampTz first;

	if (watch->job->id < 0 || RecoveryInProgress())
		return;
	if (now != NULL && then != NULL && now->integer > then->integer &&
		patroni_read_time(steer_text(resumed, "at"), &first))
		watch->first = first;
	else if (watch->standby)
		return;
	else
		watch->first = watch->job->started;
	watch->last = watch->job->heartbeat;
}

/* with three digits: more is not known */
static SpecNode *
seconds(TimestampTz from, TimestampTz to)
{
	return node_number(psprintf("%.3f", (to - from) / 1000000.0));
}

static SpecNode *
make_result(const Watch *watch, const SpecNode *move, const SteerScene *scene, bool by_writes)
{
	SpecNode   *result = node_map();

	if (watch->from[0] != '\0')
		node_map_set(result, "from", node_string(watch->from));
	node_map_set(result, "to", node_string(scene->view->leader->member->name));
	node_map_set(result, "timeline", node_int(scene->view->leader->timeline));
	node_map_set(result, "started", node_copy(node_get(move, "started")));
	node_map_set(result, "finished", steer_time(GetCurrentTimestamp()));
	if (watch->last != 0 && watch->first > watch->last)
	{
		node_map_set(result, "without_writer", seconds(watch->last, watch->first));
		node_map_set(result, "last_write", steer_time(watch->last));
		node_map_set(result, "first_write", steer_time(watch->first));
		node_map_set(result, "measured_by", node_string(by_writes ? "writes" : "answers of Patroni"));
	}
	return result;
}

/* Patroni gives up by itself, and tells why in its log alone. */
static void
raise_not_moved(const Watch *watch, int waited_ms)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_INTERRUPTED),
			 watch->from[0] != '\0' ?
			 errmsg("\"%s\" was to hand over, but %d s later no other member is the leader",
					watch->from, waited_ms / 1000) :
			 errmsg("a member was to become the leader, but %d s later none is", waited_ms / 1000),
			 errhint("Patroni's log says why.  See pgops.ha_status, and ask for it once more.")));
}

/* Whoever has become the leader, the move is over; that it is the wrong one is a failure. */
static SpecNode *
settle(Job *job, Watch *watch, const SpecNode *memory, int wait_ms, bool by_writes)
{
	const SpecNode *move = node_get(memory, "move");
	SteerScene *scene;
	SpecNode   *result;

	job_step(job, "waiting for the new leader");
	wait_ms = steer_time_left(job, wait_ms);
	scene = steer_wait(job, wait_ms, is_moved, watch);
	if (scene == NULL)
		raise_not_moved(watch, wait_ms);
	result = make_result(watch, move, scene, by_writes);
	if (watch->to != NULL && strcmp(scene->view->leader->member->name, watch->to) != 0)
	{
		job_result(job, "moved", result);
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" has become the leader instead of \"%s\"",
						scene->view->leader->member->name, watch->to),
				 errhint("Patroni's log on \"%s\" says why it did not.", watch->to)));
	}
	steer_forget(scene);
	return result;
}

/* what a life without answer can wait for: the lock of a leader that is gone, and what follows */
static int
patience_ms(const PatroniView *view)
{
	return (view->ttl + 2 * view->loop_wait + 10) * 1000;
}

/* The first life ended before it had an answer, so this one looks for what came of it. */
SpecNode *
steer_move_settle(Job *job, SpecNode *memory)
{
	SteerScene *scene = steer_see(0, 1000);
	int			wait_ms = patience_ms(scene->view);
	Watch		watch;
	SpecNode   *result;

	steer_forget(scene);
	begin_watch(&watch, job, node_get(memory, "move"));
	take_beats(&watch, memory);
	result = settle(job, &watch, memory, wait_ms, watch.last != 0);
	node_map_unset(memory, "move");
	return result;
}

/* ---- the beginning ---- */

/* Before anything happens: what is not stored by then cannot be found by the next life. */
static SpecNode *
remember(Job *job, SpecNode *memory, const SteerScene *scene, const char *to)
{
	const PatroniSeen *leader = scene->view->leader;
	SpecNode   *move = node_map();

	node_map_set(move, "from", leader ? node_string(leader->member->name) : node_null());
	node_map_set(move, "to", to ? node_string(to) : node_null());
	node_map_set(move, "timeline", node_int(leader ? leader->timeline : 0));
	node_map_set(move, "started", steer_time(GetCurrentTimestamp()));
	node_map_set(memory, "move", move);
	job_remember(job, memory);
	return move;
}

/*
 * A failover names no leader: there may be none.  Where nobody was named, it is for us to: of
 * those that are left Patroni takes who has most WAL, be it on another timeline.
 */
static SpecNode *
make_body(const SpecNode *move, const SteerScene *scene, bool force)
{
	SpecNode   *body = node_map();
	const char *from = steer_text(move, "from");
	const char *to = steer_text(move, "to");
	const PatroniSeen *best = to ? NULL : steer_successor(scene);

	if (best != NULL)
		to = best->member->name;
	if (from != NULL && !force)
		node_map_set(body, "leader", node_string(from));
	if (to != NULL)
		node_map_set(body, "candidate", node_string(to));
	return body;
}

/* what Patroni says when it has not seen the end within 20 s: the lock of a dead leader lasts longer */
#define NOT_KNOWN		"status unknown"

/*
 * A refusal may come although it was done: Patroni looks for it once a second, and
 * another member may have been faster to tidy up.
 */
static bool
ask(Job *job, Watch *watch, const PatroniAccess *access, const SpecNode *body, bool force)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool answered = true;

	PG_TRY();
	{
		answered = steer_post(job, access, "POST", force ? "/failover" : "/switchover", body,
							  steer_time_left(job, ANSWER_MS), on_tick, TICK_MS, watch);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		SteerScene *scene;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_PGOPS_PATRONI_REFUSED)
			PG_RE_THROW();
		FlushErrorState();
		scene = steer_wait(job, 2000, is_moved, watch);
		if (scene != NULL)
			steer_forget(scene);
		else if (strstr(error->message, NOT_KNOWN) == NULL)
			ReThrowError(error);
		answered = scene != NULL;
	}
	PG_END_TRY();
	return answered;
}

/*
 * The beats are for the time until the server is shut down; should it live on, they end with
 * the answer.
 */
SpecNode *
steer_move(Job *job, SpecNode *memory, const SteerScene *scene, const char *to, bool force)
{
	PatroniAccess *access = steer_access(job, scene);
	const SpecNode *move = remember(job, memory, scene, to);
	Watch		watch;
	bool		answered;
	bool		beats;
	SpecNode   *result;

	begin_watch(&watch, job, move);
	watch.beats = beats = job->id > 0 && !RecoveryInProgress();
	job_step(job, "%s to %s", force ? "failing over" : "switching over",
			 to ? to : "who is best");
	answered = ask(job, &watch, access, make_body(move, scene, force), force);
	watch.beats = false;
	result = settle(job, &watch, memory, answered ? SETTLE_MS : patience_ms(scene->view), beats);
	node_map_unset(memory, "move");
	return result;
}
