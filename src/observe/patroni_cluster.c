/*
 * patroni_cluster.c
 *		GET /cluster: the members as the store of the cluster (etcd) has them.
 *
 * Not for: what a member says of itself (patroni_node.c).
 */
#include "postgres.h"

#include "observe/patroni_parts.h"

/* more than any cluster has; an answer with more is none */
#define MAX_MEMBERS	1000

/* ---- members ---- */

/* Not all that Patroni knows is there in each version; what is not is not known. */
static PatroniMember *
read_member(const SpecNode *map, char **problem)
{
	PatroniMember *member = palloc0(sizeof(PatroniMember));
	const SpecNode *reason = patroni_part(map, "pending_restart_reason", NODE_MAP, problem);

	member->name = patroni_text(map, "name", problem);
	member->host = patroni_text(map, "host", problem);
	member->port = (int) patroni_number(map, "port", 1, 65535, 0, problem);
	member->api_url = patroni_text(map, "api_url", problem);
	member->role = patroni_role(map, "role", problem);
	member->state = patroni_text(map, "state", problem);
	member->timeline = (int) patroni_number(map, "timeline", 0, PG_INT32_MAX, 0, problem);
	member->lag = patroni_number(map, "lag", 0, PG_INT64_MAX, -1, problem);
	member->lsn = patroni_text(map, "lsn", problem);
	member->receive_lsn = patroni_text(map, "receive_lsn", problem);
	member->replay_lsn = patroni_text(map, "replay_lsn", problem);
	member->pending_restart = patroni_bool(map, "pending_restart", problem);
	member->scheduled_restart = patroni_part(map, "scheduled_restart", NODE_MAP, problem);
	member->tags = patroni_part(map, "tags", NODE_MAP, problem);
	if (reason != NULL)
	{
		StringInfoData json;

		initStringInfo(&json);
		node_to_json(&json, reason);
		member->pending_restart_reason = json.data;
	}
	return member;
}

/* "unknown" is said of LSNs, too */
static char *
known(char *text)
{
	return text == NULL || strcmp(text, "unknown") == 0 ? NULL : text;
}

/*
 * A member without a name is no answer of Patroni's; everything else may be missing while a
 * member is being made.
 */
static void
complete_member(PatroniMember *member, char **problem)
{
	if (member->name == NULL || member->name[0] == '\0')
	{
		if (*problem == NULL)
			*problem = pstrdup("a member has no name");
		return;
	}
	member->lsn = known(member->lsn);
	member->receive_lsn = known(member->receive_lsn);
	member->replay_lsn = known(member->replay_lsn);
	if (member->state == NULL || member->state[0] == '\0')
		member->state = pstrdup("unknown");
	if (member->tags == NULL)
		member->tags = node_map();
	/* a leader has no lag; Patroni does not say so */
	if (member->role == PATRONI_LEADER)
		member->lag = 0;
}

/* Patroni sorts them, too, by its own idea of order. */
static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(((const PatroniMember *) lfirst(a))->name,
				  ((const PatroniMember *) lfirst(b))->name);
}

static List *
read_members(const SpecNode *list, char **problem)
{
	List	   *members = NIL;
	ListCell   *cell;

	if (list_length(list->items) > MAX_MEMBERS)
	{
		*problem = pstrdup("there are too many members");
		return NIL;
	}
	foreach(cell, list->items)
	{
		const SpecNode *item = lfirst(cell);
		PatroniMember *member;

		if (item->kind != NODE_MAP)
		{
			*problem = pstrdup("a member is not an object");
			return NIL;
		}
		member = read_member(item, problem);
		complete_member(member, problem);
		if (*problem != NULL)
			return NIL;
		members = lappend(members, member);
	}
	list_sort(members, by_name);
	return members;
}

/* ---- what is scheduled ---- */

/* One that is scheduled without a time is none that can be told. */
static void
read_switchover(PatroniCluster *cluster, const SpecNode *map, char **problem)
{
	const SpecNode *scheduled = patroni_part(map, "scheduled_switchover", NODE_MAP, problem);

	if (scheduled == NULL)
		return;
	cluster->has_switchover = true;
	cluster->switchover_from = patroni_text(scheduled, "from", problem);
	cluster->switchover_to = patroni_text(scheduled, "to", problem);
	if (!patroni_read_time(patroni_text(scheduled, "at", problem), &cluster->switchover_at) &&
		*problem == NULL)
		*problem = pstrdup("the time of the scheduled switchover is not a time");
}

/* ---- the whole ---- */

/*
 * Without members the list is empty, which a cluster is whose store was wiped; without
 * the key it is somebody else's answer.
 */
PatroniCluster *
patroni_read_cluster(const char *text, char **problem)
{
	SpecNode   *map = patroni_parse(text, NODE_MAP, problem);
	PatroniCluster *cluster = palloc0(sizeof(PatroniCluster));
	SpecNode   *members;

	if (map == NULL)
		return NULL;
	members = patroni_part(map, "members", NODE_LIST, problem);
	if (members == NULL && *problem == NULL)
		*problem = pstrdup("it names no members");
	if (members != NULL)
		cluster->members = read_members(members, problem);
	cluster->scope = patroni_text(map, "scope", problem);
	cluster->paused = patroni_bool(map, "pause", problem);
	read_switchover(cluster, map, problem);
	return patroni_accept(cluster, problem);
}

/* ---- asking it ---- */

PatroniMember *
patroni_member(const PatroniCluster *cluster, const char *name)
{
	ListCell   *cell;

	foreach(cell, cluster->members)
	{
		PatroniMember *member = lfirst(cell);

		if (strcmp(member->name, name) == 0)
			return member;
	}
	return NULL;
}

PatroniMember *
patroni_leader(const PatroniCluster *cluster)
{
	ListCell   *cell;

	foreach(cell, cluster->members)
	{
		PatroniMember *member = lfirst(cell);

		if (member->role == PATRONI_LEADER || member->role == PATRONI_STANDBY_LEADER)
			return member;
	}
	return NULL;
}

/* Whatever Python takes for true, as Patroni does: "false" in quotes is. */
static bool
is_true(const SpecNode *value)
{
	switch (value->kind)
	{
		case NODE_NULL:
			return false;
		case NODE_BOOL:
			return value->boolean;
		case NODE_INT:
			return value->integer != 0;
		case NODE_FLOAT:
			return value->number != 0;
		case NODE_STRING:
			return value->text[0] != '\0';
		case NODE_LIST:
			return value->items != NIL;
		case NODE_MAP:
			return value->entries != NIL;
	}
	return false;
}

/* Since 3.1 and 4.1 a priority of 0 says the same as the tag. */
bool
patroni_tag(const PatroniMember *member, const char *tag)
{
	const SpecNode *value = node_get(member->tags, tag);
	const SpecNode *priority = NULL;

	if (value != NULL && value->kind != NODE_NULL)
		return is_true(value);
	if (strcmp(tag, "nofailover") == 0)
		priority = node_get(member->tags, "failover_priority");
	else if (strcmp(tag, "nosync") == 0)
		priority = node_get(member->tags, "sync_priority");
	return priority != NULL && priority->kind == NODE_INT && priority->integer <= 0;
}
