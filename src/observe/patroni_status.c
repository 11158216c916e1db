/*
 * patroni_status.c
 *		The state of a cluster: what Patroni would do if the leader died now, and
 *		what is wrong.
 *
 * The conditions are Patroni's own for a member that may become leader without being asked
 * for by name.
 *
 * Not for: what was asked for by hand (ops/), which looks at more.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "errors.h"
#include "format.h"
#include "observe/patroni_facts.h"
#include "observe/patroni_status.h"

#define DEFAULT_MAX_LAG		INT64CONST(1048576)

static PatroniKnown
known(bool value)
{
	return value ? PATRONI_YES : PATRONI_NO;
}

/* ---- synchronous replication ---- */

static const SpecNode *
setting(const PatroniView *view, const char *name)
{
	const SpecNode *node = view->config ? node_get(view->config, name) : NULL;

	return node != NULL && node->kind != NODE_NULL ? node : NULL;
}

static bool
is_on(const SpecNode *node)
{
	const char *text;

	if (node == NULL)
		return false;
	if (node->kind == NODE_BOOL)
		return node->boolean;
	text = node_text(node);
	return text != NULL && (pg_strcasecmp(text, "on") == 0 || pg_strcasecmp(text, "true") == 0);
}

/* synchronous_standby_names of the dynamic configuration, which is used as it is while Patroni's own mode is off */
static const char *
standby_names(const PatroniView *view)
{
	const SpecNode *postgresql = setting(view, "postgresql");
	const SpecNode *parameters = postgresql && postgresql->kind == NODE_MAP ?
		node_get(postgresql, "parameters") : NULL;
	const char *names = parameters && parameters->kind == NODE_MAP ?
		node_text(node_get(parameters, "synchronous_standby_names")) : NULL;

	return names != NULL && names[0] != '\0' ? names : NULL;
}

static const char *
sync_mode(const PatroniView *view)
{
	const SpecNode *mode = setting(view, "synchronous_mode");
	const char *names;

	if (view->config == NULL)
		return NULL;
	if (mode != NULL && mode->kind == NODE_STRING && pg_strcasecmp(mode->text, "quorum") == 0)
		return "quorum";
	if (is_on(mode))
		return is_on(setting(view, "synchronous_mode_strict")) ? "strict" : "on";
	names = standby_names(view);
	if (names == NULL)
		return "off";
	return pg_strncasecmp(names, "ANY", 3) == 0 ? "quorum" : "on";
}

bool
patroni_keeps_sync(const PatroniView *view)
{
	const SpecNode *mode = setting(view, "synchronous_mode");

	return is_on(mode) || (mode != NULL && mode->kind == NODE_STRING &&
						   pg_strcasecmp(mode->text, "quorum") == 0);
}

static bool
is_sync(const PatroniSeen *seen)
{
	return seen->role == PATRONI_SYNC_STANDBY || seen->role == PATRONI_QUORUM_STANDBY ||
		(seen->sync_state != NULL &&
		 (strcmp(seen->sync_state, "sync") == 0 || strcmp(seen->sync_state, "quorum") == 0));
}

/* ---- who could take over ---- */

char *
patroni_not_candidate(const PatroniView *view, const PatroniStatus *status,
					  const PatroniSeen *seen)
{
	if (seen->is_leader)
		return pstrdup("is the leader");
	if (seen->node == NULL)
		return pstrdup("does not answer");
	if (!patroni_seen_runs(seen))
		return psprintf("is %s", seen->state);
	if (patroni_tag(seen->member, "nofailover"))
		return pstrdup("is tagged nofailover");
	if (patroni_keeps_sync(view) && !is_sync(seen))
		return pstrdup("is no synchronous standby");
	if (view->leader != NULL && !patroni_same_timeline(seen, view->leader))
		return psprintf("is on timeline %d, and the leader on %d", seen->timeline,
						view->leader->timeline);
	if (seen->lag < 0)
		return pstrdup("is behind by nobody knows how much");
	if (seen->lag > status->max_lag)
		return psprintf("is " INT64_FORMAT " bytes behind, more than maximum_lag_on_failover (" INT64_FORMAT ")",
						seen->lag, status->max_lag);
	return NULL;
}

static int
by_lag(const ListCell *a, const ListCell *b)
{
	const PatroniSeen *left = lfirst(a);
	const PatroniSeen *right = lfirst(b);

	return left->lag < right->lag ? -1 : left->lag > right->lag;
}

/* Candidates, and why there is none. */
static void
find_candidates(PatroniStatus *status, const PatroniView *view)
{
	StringInfoData reasons;
	ListCell   *cell;

	initStringInfo(&reasons);
	foreach(cell, view->members)
	{
		PatroniSeen *seen = lfirst(cell);
		char	   *why = patroni_not_candidate(view, status, seen);

		if (why == NULL)
			status->candidates = lappend(status->candidates, seen);
		else if (!seen->is_leader)
			appendStringInfo(&reasons, "%s%s %s", reasons.len > 0 ? "; " : "",
							 seen->member->name, why);
	}
	list_sort(status->candidates, by_lag);
	if (reasons.len == 0)
		appendStringInfoString(&reasons, "there is no other member");
	status->reason = reasons.data;
}

static void
judge_failover(PatroniStatus *status, const PatroniView *view)
{
	if (view->stale)
	{
		status->reason = pstrdup("it is not known how the cluster is");
		return;
	}
	find_candidates(status, view);
	status->can_failover = known(status->candidates != NIL);
	if (status->can_failover == PATRONI_NO)
		return;
	status->reason = NULL;
	if (status->paused == PATRONI_YES)
	{
		status->can_failover = PATRONI_NO;
		status->reason = pstrdup("the cluster is paused: Patroni does nothing by itself");
	}
	else if (status->dcs_reachable == PATRONI_NO)
	{
		status->can_failover = PATRONI_NO;
		status->reason = pstrdup("Patroni of this member cannot reach the store of the cluster");
	}
}

/* ---- what would be lost ---- */

/* how many standbys a commit waits for, of 'ANY n (...)' */
static int
quorum_size(const PatroniView *view)
{
	const char *names = standby_names(view);
	int			count = names ? (int) strtol(names + strcspn(names, "0123456789"), NULL, 10) : 0;

	return Max(count, 1);
}

/*
 * Whether every committed transaction is at a candidate.  Patroni's own modes
 * see to that.  With 'ANY n (*)' any n of those that stream may be the ones who have it, so
 * fewer than n of them may be no candidates.
 */
static bool
nothing_is_lost(const PatroniStatus *status, const PatroniView *view)
{
	int			streaming = 0;
	ListCell   *cell;

	if (status->sync_mode == NULL || strcmp(status->sync_mode, "off") == 0)
		return false;
	foreach(cell, view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (!seen->is_leader && seen->sync_state != NULL)
			streaming++;
	}
	if (!patroni_keeps_sync(view) && strcmp(status->sync_mode, "quorum") == 0)
		return streaming >= quorum_size(view) &&
			streaming - list_length(status->candidates) < quorum_size(view);
	foreach(cell, status->candidates)
	{
		if (is_sync(lfirst(cell)))
			return true;
	}
	return false;
}

static void
judge_loss(PatroniStatus *status, const PatroniView *view)
{
	const PatroniSeen *best;

	status->loss = -1;
	status->loss_seconds = -1;
	if (view->leader == NULL || status->candidates == NIL)
		return;
	best = linitial(status->candidates);
	status->guarded = nothing_is_lost(status, view);
	status->loss = status->guarded ? 0 : best->lag;
	status->loss_seconds = status->loss == 0 ? 0 : best->lag_seconds;
}

/* ---- what is wrong ---- */

/* sentences are put one after the other; the first one's SQLSTATE counts */
static void pg_attribute_printf(3, 4)
complain(PatroniStatus *status, int sqlstate, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	if (status->problem != NULL)
		appendStringInfo(&text, "%s; ", status->problem);
	FORMAT_ARGUMENTS(&text, format);
	status->problem = text.data;
	if (status->sqlstate == 0)
		status->sqlstate = sqlstate;
}

/* A primary that is not the leader: what is written to it is in danger. */
static void
judge_primary(PatroniStatus *status, const PatroniView *view)
{
	const PatroniSeen *leader = view->leader;

	if (leader != NULL && leader->is_self && view->own != NULL)
		return;
	if (leader != NULL && !leader->is_self)
		complain(status, ERRCODE_PGOPS_NOT_LEADER, view->own == NULL ?
				 "this server is a primary that Patroni does not run any more, and the leader is \"%s\": what is written here will be lost" :
				 "this server is a primary, but the leader is \"%s\"", leader->member->name);
	else if (view->own == NULL)
		complain(status, ERRCODE_PGOPS_NOT_LEADER, leader != NULL ?
				 "this server is a primary whose Patroni does not answer: it still holds the leader's lock, but when that runs out, another member may be promoted and nobody stops this one" :
				 "this server is a primary whose Patroni does not answer, and it is not known who is leader: another member may have been promoted");
	else
		complain(status, ERRCODE_PGOPS_NOT_LEADER,
				 "this server is a primary, but nobody confirms that it is the leader");
}

static void
judge_leader(PatroniStatus *status, const PatroniView *view, bool in_recovery)
{
	const PatroniSeen *leader = view->leader;

	if (!in_recovery)
		judge_primary(status, view);
	if (leader == NULL)
	{
		if (view->last_leader != NULL)
			complain(status, ERRCODE_PGOPS_HA_NOT_READY,
					 "it is not known who is leader; the last one that was known is \"%s\"",
					 view->last_leader);
		else
			complain(status, ERRCODE_PGOPS_HA_NOT_READY, view->stale ?
					 "it is not known who is leader" : "the cluster has no leader");
	}
	else if (leader->node != NULL && leader->role == PATRONI_LEADER &&
			 leader->node->role != PATRONI_LEADER)
		complain(status, ERRCODE_PGOPS_HA_NOT_READY,
				 "\"%s\" holds the leader's lock, but its server is no primary (yet, or any more)",
				 leader->member->name);
	else if (leader->node == NULL && !leader->is_self)
		complain(status, ERRCODE_PGOPS_HA_NOT_READY,
				 "\"%s\" holds the leader's lock, but its Patroni does not answer: %s",
				 leader->member->name, leader->problem);
}

static void
judge_answers(PatroniStatus *status, const PatroniView *view)
{
	if (view->own == NULL)
		complain(status, view->own_sqlstate ? view->own_sqlstate : ERRCODE_PGOPS_HTTP_CONNECT,
				 "Patroni of this member does not answer: %s",
				 view->own_problem ? view->own_problem : "it was not asked yet");
	if (view->stale)
		complain(status, view->sqlstate ? view->sqlstate : ERRCODE_PGOPS_HA_NOT_READY,
				 view->at != 0 ? "nobody has said how the cluster is since %s%s%s" :
				 "nobody has said yet how the cluster is%s%s%s",
				 view->at != 0 ? timestamptz_to_str(view->at) : "",
				 view->problem ? ": " : "", view->problem ? view->problem : "");
	else if (view->own != NULL && status->dcs_reachable == PATRONI_NO)
		complain(status, view->sqlstate ? view->sqlstate : ERRCODE_PGOPS_HA_NOT_READY,
				 "Patroni of this member cannot reach the store of the cluster%s%s",
				 view->problem ? ": " : "", view->problem ? view->problem : "");
	if (status->failsafe == PATRONI_YES)
		complain(status, ERRCODE_PGOPS_HA_NOT_READY,
				 "failsafe mode is active: the store of the cluster cannot be reached, and the leader goes on because all members answer it");
}

/* ---- the whole ---- */

/*
 * Whether this member's Patroni is where the cluster was asked for, too: its answer may
 * be from an address that is not the declared one any more.
 */
static bool
own_was_asked(const PatroniView *view)
{
	const PatroniFact *own = patroni_fact_get(PATRONI_FACT_NODE_TEXT, "");

	return own != NULL && strncmp(own->source, view->self.url, strlen(view->self.url)) == 0;
}

/* Whoever has just said what the cluster is has reached the store to say it. */
static void
judge_store(PatroniStatus *status, const PatroniView *view)
{
	bool		own_said = view->source != NULL && view->self.url[0] != '\0' &&
		strncmp(view->source, view->self.url, strlen(view->self.url)) == 0;
	ListCell   *cell;

	if (view->own != NULL)
		status->dcs_last_seen = view->own->dcs_last_seen;
	foreach(cell, view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (view->own == NULL && seen->node != NULL)
			status->dcs_last_seen = Max(status->dcs_last_seen, seen->node->dcs_last_seen);
	}
	if (status->dcs_last_seen != 0)
		status->dcs_last_seen = time_t_to_timestamptz((pg_time_t) status->dcs_last_seen);
	if (view->own != NULL)
		status->dcs_reachable = !own_was_asked(view) ? PATRONI_NOT_KNOWN :
			known(own_said && view->sqlstate == 0 && !view->stale);
	else if (!view->stale && view->sqlstate == 0)
		status->dcs_reachable = PATRONI_YES;
}

static void
count_members(PatroniStatus *status, const PatroniView *view)
{
	ListCell   *cell;

	foreach(cell, view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		status->members++;
		status->running += patroni_seen_runs(seen);
		if (!seen->is_leader && is_sync(seen))
			status->sync_standbys = lappend(status->sync_standbys, seen->member->name);
		if (seen->node != NULL && seen->node->failsafe)
			status->failsafe = PATRONI_YES;
		else if (seen->node != NULL && status->failsafe == PATRONI_NOT_KNOWN)
			status->failsafe = PATRONI_NO;
	}
}

static void
judge_absence(PatroniStatus *status, const PatroniView *view)
{
	status->loss = -1;
	status->loss_seconds = -1;
	if (!view->self.known && patroni_runs_server())
	{
		status->patroni = "unknown";
		complain(status, ERRCODE_PGOPS_HA_NOT_READY, "nobody has asked Patroni yet");
		return;
	}
	status->patroni = "absent";
	status->reason = pstrdup("Patroni does not run this server");
	complain(status, ERRCODE_PGOPS_NO_PATRONI, "Patroni does not run this server");
}

PatroniStatus *
patroni_status(const PatroniView *view, bool in_recovery)
{
	PatroniStatus *status = palloc0(sizeof(PatroniStatus));

	if (view->absent)
	{
		judge_absence(status, view);
		return status;
	}
	status->patroni = view->own != NULL ? "running" : "not answering";
	status->max_lag = patroni_view_setting(view, "maximum_lag_on_failover", DEFAULT_MAX_LAG);
	status->sync_mode = sync_mode(view);
	if (!view->stale)
		status->paused = known(view->cluster->paused);
	else if (view->own != NULL)
		status->paused = known(view->own->paused);
	judge_store(status, view);
	count_members(status, view);
	judge_leader(status, view, in_recovery);
	judge_answers(status, view);
	judge_failover(status, view);
	judge_loss(status, view);
	return status;
}
