/*
 * patroni_view.c
 *		Puts together what is kept of Patroni's answers.
 *
 * Three tell of a member: the store of the cluster (/cluster, up to ttl old
 * where a member died), the leader (who receives from it), and it itself.  Where they
 * differ, whoever was there is believed.
 *
 * Not for: asking (worker/ha_look.c).
 */
#include "postgres.h"

#include "guc.h"
#include "observe/patroni_view.h"

/* Patroni's, where the configuration does not say it, s */
#define DEFAULT_TTL				30
#define DEFAULT_LOOP_WAIT		10
#define DEFAULT_RETRY_TIMEOUT	10

static const char unknown[] = "unknown";

XLogRecPtr
patroni_lsn_value(const char *text)
{
	uint32		high;
	uint32		low;

	if (text == NULL || sscanf(text, "%X/%X", &high, &low) != 2)
		return InvalidXLogRecPtr;
	return ((uint64) high << 32) | low;
}

int64
patroni_view_setting(const PatroniView *view, const char *name, int64 missing)
{
	const SpecNode *node = view->config ? node_get(view->config, name) : NULL;

	return node != NULL && node->kind == NODE_INT ? node->integer : missing;
}

int
patroni_view_limit(const PatroniView *view)
{
	return Max(3 * pgops_guc_ha_interval, view->ttl);
}

/* What seems to come from the future was said before the clock was put back, nobody knows when. */
static int64
age_seconds(TimestampTz at)
{
	TimestampTz now = GetCurrentTimestamp();

	return at > now + USECS_PER_SEC ? PG_INT32_MAX :
		TimestampDifferenceMilliseconds(at, now) / 1000;
}

PatroniSeen *
patroni_view_member(const PatroniView *view, const char *name)
{
	ListCell   *cell;

	foreach(cell, view->members)
	{
		PatroniSeen *seen = lfirst(cell);

		if (strcmp(seen->member->name, name) == 0)
			return seen;
	}
	return NULL;
}

/* ---- reading what is kept ---- */

static void
read_config(PatroniView *view)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CONFIG, NULL);
	char	   *problem = NULL;

	if (fact != NULL && fact->text != NULL)
	{
		view->config = patroni_read_config(fact->text, &problem);
		view->config_at = fact->at;
	}
	view->ttl = (int) patroni_view_setting(view, "ttl", DEFAULT_TTL);
	view->loop_wait = (int) patroni_view_setting(view, "loop_wait", DEFAULT_LOOP_WAIT);
	view->retry_timeout = (int) patroni_view_setting(view, "retry_timeout", DEFAULT_RETRY_TIMEOUT);
}

/* What a member said of itself; it counts only if it answered the last time, and that was not long ago. */
static PatroniNode *
read_node(const PatroniView *view, const char *member, TimestampTz *at, char **problem,
		  int *sqlstate, bool *asked)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, member);
	PatroniNode *node;
	char	   *fault = NULL;

	*problem = NULL;
	*sqlstate = 0;
	*at = fact ? fact->at : 0;
	*asked = fact != NULL && fact->at != 0;
	if (fact == NULL)
		return NULL;
	*problem = fact->problem;
	*sqlstate = fact->sqlstate;
	if (fact->sqlstate != 0 || fact->text == NULL ||
		age_seconds(fact->at) > patroni_view_limit(view))
		return NULL;
	node = patroni_read_node(fact->text, &fault);
	return node;
}

static void
read_cluster(PatroniView *view)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	char	   *problem = NULL;

	view->stale = true;
	if (fact == NULL)
		return;
	view->at = fact->at;
	view->source = fact->source;
	view->problem = fact->problem;
	view->sqlstate = fact->sqlstate;
	if (fact->text == NULL)
		return;
	view->cluster = patroni_read_cluster(fact->text, &problem);

	/* one late answer is nothing; a second one means that nobody can tell */
	view->stale = age_seconds(fact->at) > (fact->sqlstate == 0 ? patroni_view_limit(view) :
										   pgops_guc_ha_interval);
}

/* ---- members ---- */

bool
patroni_seen_runs(const PatroniSeen *seen)
{
	return strcmp(seen->state, "running") == 0 || strcmp(seen->state, "streaming") == 0 ||
		strcmp(seen->state, "in archive recovery") == 0;
}

/*
 * Members stream under their names, which the server cuts off, and in which it writes "?", since
 * version 16 "\xc3", for each byte that is not ASCII.
 */
static bool
is_application(const char *application, const char *name)
{
	const char *end = application + NAMEDATALEN - 1;

	for (; *name != '\0' && application < end; name++)
	{
		bool		ascii = *name >= 32 && *name < 127;

		if (*application != *name && (ascii || (*application != '?' && *application != '\\')))
			return *application == '\0' && application + 4 > end;
		application += !ascii && application[0] == '\\' && application[1] == 'x' ?
			strnlen(application, 4) : 1;
	}
	return *application == '\0' || application >= end;
}

/* what a member says of another one that receives from it, or NULL */
static const SpecNode *
as_sender_sees(const PatroniSeen *sending, const char *name)
{
	ListCell   *cell;

	if (sending == NULL || sending->node == NULL || sending->node->replication == NULL)
		return NULL;
	foreach(cell, sending->node->replication->items)
	{
		const SpecNode *sender = lfirst(cell);
		const char *application;

		if (sender->kind != NODE_MAP)
			continue;
		application = node_text(node_get(sender, "application_name"));
		if (application != NULL && is_application(application, name))
			return sender;
	}
	return NULL;
}

static bool
says(const SpecNode *map, const char *key, const char *value)
{
	const char *text = map ? node_text(node_get(map, key)) : NULL;

	return text != NULL && strcmp(text, value) == 0;
}

static bool
is_running(const char *state)
{
	return strcmp(state, "running") == 0 || strcmp(state, "streaming") == 0;
}

/* a cascade is sent its WAL by another replica */
static bool
is_sent_wal(const PatroniView *view, const char *name)
{
	ListCell   *cell;

	foreach(cell, view->members)
	{
		if (says(as_sender_sees(lfirst(cell), name), "state", "streaming"))
			return true;
	}
	return false;
}

/*
 * A replica's "running" says that the server is up; whether it streams is the
 * more useful thing, which Patroni 3 keeps apart and Patroni 4 does not.  A member that
 * used to answer and does not is not what the store says of it until ttl is over.
 */
static const char *
seen_state(const PatroniView *view, const PatroniSeen *seen, bool answered_once)
{
	const char *state = seen->node ? seen->node->state : seen->member->state;

	if (!seen->is_leader && (seen->node == NULL || is_running(state)) &&
		is_sent_wal(view, seen->member->name))
		return "streaming";
	if (seen->node == NULL)
		return answered_once || seen->is_self ? unknown : state;
	if (seen->is_leader)
		return seen->role == PATRONI_LEADER && seen->node->role != PATRONI_LEADER &&
			is_running(state) ? "promoting" : state;
	if (!is_running(state))
		return state;
	return seen->node->replication_state ? seen->node->replication_state : "running";
}

/*
 * A receiver that has just begun anew tells the start of a segment: what was
 * replayed was received.
 */
static void
take_locations(PatroniSeen *seen)
{
	const PatroniNode *node = seen->node;
	const PatroniMember *member = seen->member;

	if (node != NULL && node->location != NULL)
	{
		seen->receive = seen->replay = patroni_lsn_value(node->location);
		return;
	}
	seen->replay = patroni_lsn_value(node ? node->replayed : member->replay_lsn);
	seen->receive = patroni_lsn_value(node ? node->received :
									  member->receive_lsn ? member->receive_lsn : member->lsn);
	seen->receive = Max(seen->receive, seen->replay);
}

/* 0: not known.  Of one that does not answer it is what the store has of it. */
static int
timeline_of(const PatroniSeen *seen)
{
	return seen->node != NULL ? seen->node->timeline : seen->member->timeline;
}

/* Not known is no difference. */
bool
patroni_same_timeline(const PatroniSeen *one, const PatroniSeen *other)
{
	return timeline_of(one) <= 0 || timeline_of(other) <= 0 ||
		timeline_of(one) == timeline_of(other);
}

/*
 * The two were not asked at the same instant: a replica that seems to be ahead
 * is not behind.  Who has replayed all of it is not behind, however old the last
 * transaction is.  Locations on different timelines tell nothing: the member may have
 * written what the leader never had.
 */
static void
take_lag(PatroniSeen *seen, const PatroniSeen *leader)
{
	XLogRecPtr	end = leader && leader->node ? leader->receive : InvalidXLogRecPtr;
	TimestampTz replayed;

	seen->lag = seen->is_leader ? 0 : -1;
	seen->lag_seconds = seen->is_leader ? 0 : -1;
	if (seen->is_leader || leader == NULL || !patroni_same_timeline(seen, leader))
		return;
	if (end == InvalidXLogRecPtr || seen->node == NULL || seen->receive == InvalidXLogRecPtr)
	{
		seen->lag = seen->member->lag;
		return;
	}
	seen->lag = end > seen->receive ? (int64) (end - seen->receive) : 0;
	if (seen->replay >= end)
		seen->lag_seconds = 0;
	else if (patroni_read_time(seen->node->replayed_timestamp, &replayed))
		seen->lag_seconds = TimestampDifferenceMilliseconds(replayed, seen->at) / 1000.0;
}

/* the part that needs nobody else */
static PatroniSeen *
first_sight(const PatroniView *view, PatroniMember *member, bool *answered_once)
{
	PatroniSeen *seen = palloc0(sizeof(PatroniSeen));
	int			sqlstate;

	seen->member = member;
	seen->is_self = view->self.member[0] != '\0' &&
		strncmp(member->name, view->self.member, NAMEDATALEN - 1) == 0;
	seen->node = read_node(view, member->name, &seen->at, &seen->problem, &sqlstate,
						   answered_once);
	if (seen->node == NULL && seen->problem == NULL)
		seen->problem = pstrdup(*answered_once ? "it was not asked for a while" :
								"it was not asked yet");
	seen->at = Max(seen->at, view->at);
	seen->role = view->stale ? PATRONI_UNKNOWN : member->role;
	take_locations(seen);
	return seen;
}

/*
 * A role that the store does not confirm: the member itself has the say.  Without
 * the store only one is leader that was before: it is in failsafe mode, or has not
 * noticed yet.
 */
static void
take_own_role(PatroniView *view, PatroniSeen *seen)
{
	bool		was_leader = view->last_leader != NULL &&
		strcmp(view->last_leader, seen->member->name) == 0;

	if (seen->node == NULL || !(view->stale || (was_leader && view->leader == NULL)))
		return;
	seen->role = seen->node->role;
	if (was_leader && strcmp(seen->node->state, "running") == 0 &&
		(seen->role == PATRONI_LEADER || seen->role == PATRONI_STANDBY_LEADER))
	{
		seen->is_leader = true;
		view->leader = seen;
	}
}

/* what the leader and the member itself add */
static void
second_sight(PatroniView *view, PatroniSeen *seen, bool answered_once)
{
	const SpecNode *sender = seen->is_leader ? NULL :
		as_sender_sees(view->leader, seen->member->name);

	seen->state = seen_state(view, seen, answered_once);
	if (view->stale && seen->node == NULL)
		seen->state = unknown;
	seen->sync_state = sender ? node_text(node_get(sender, "sync_state")) : NULL;
	if (seen->node != NULL)
		seen->timeline = seen->node->timeline;
	else if (!view->stale)
		seen->timeline = seen->member->timeline;
	take_lag(seen, view->leader);
}

/*
 * Who holds the leader's lock.  The store is believed where it was asked; a
 * leader that itself says it is none any more has lost it, whatever was said before.
 */
static void
find_leader(PatroniView *view)
{
	const PatroniMember *leader = patroni_leader(view->cluster);
	PatroniSeen *seen = leader ? patroni_view_member(view, leader->name) : NULL;

	if (seen == NULL)
		return;
	view->last_leader = seen->member->name;
	if (view->stale)
		return;
	if (view->sqlstate != 0 && seen->node != NULL && seen->node->role != PATRONI_LEADER &&
		seen->node->role != PATRONI_STANDBY_LEADER)
		return;
	seen->is_leader = true;
	view->leader = seen;
}

static void
read_members(PatroniView *view)
{
	bool	   *answered = palloc0(sizeof(bool) * (list_length(view->cluster->members) + 1));
	ListCell   *cell;

	foreach(cell, view->cluster->members)
		view->members = lappend(view->members,
								first_sight(view, lfirst(cell),
											&answered[foreach_current_index(cell)]));
	find_leader(view);
	foreach(cell, view->members)
		take_own_role(view, lfirst(cell));
	foreach(cell, view->members)
		second_sight(view, lfirst(cell), answered[foreach_current_index(cell)]);
}

PatroniView *
patroni_view(void)
{
	PatroniView *view = palloc0(sizeof(PatroniView));
	TimestampTz at;
	bool		asked;

	patroni_self_get(&view->self);
	view->absent = !view->self.known || (!view->self.managed && view->self.url[0] == '\0');
	read_config(view);
	if (view->absent)
		return view;
	view->own = read_node(view, "", &at, &view->own_problem, &view->own_sqlstate, &asked);
	if (view->own == NULL && view->own_problem == NULL)
		view->own_problem = view->self.problem[0] != '\0' ? pstrdup(view->self.problem) :
			asked ? psprintf("nobody has asked it since %s", timestamptz_to_str(at)) : NULL;
	read_cluster(view);
	if (view->cluster != NULL)
		read_members(view);
	return view;
}
