/*
 * patroni_node.c
 *		GET /patroni: what one member says of itself.  Besides, /history and
 *		/config.
 *
 * Not for: the members as the cluster's store has them (patroni_cluster.c).
 */
#include "postgres.h"

#include <ctype.h>

#include "observe/patroni_parts.h"

/* of Patroni itself; "name" is there since 3.1 */
static void
read_patroni(PatroniNode *node, const SpecNode *map, char **problem)
{
	const SpecNode *patroni = patroni_part(map, "patroni", NODE_MAP, problem);

	if (patroni != NULL)
	{
		node->name = patroni_text(patroni, "name", problem);
		node->scope = patroni_text(patroni, "scope", problem);
		node->version = patroni_text(patroni, "version", problem);
	}
	if (patroni_version(node->version) == 0 && *problem == NULL)
		*problem = pstrdup("it does not say which version of Patroni it is");
}

/* A leader tells one place, a replica two; one whose server is down none. */
static void
read_wal(PatroniNode *node, const SpecNode *map, char **problem)
{
	const SpecNode *xlog = patroni_part(map, "xlog", NODE_MAP, problem);

	if (xlog == NULL)
		return;
	node->location = patroni_lsn(xlog, "location", problem);
	node->received = patroni_lsn(xlog, "received_location", problem);
	node->replayed = patroni_lsn(xlog, "replayed_location", problem);
	node->replay_paused = patroni_bool(xlog, "paused", problem);
	node->replayed_timestamp = patroni_text(xlog, "replayed_timestamp", problem);
}

/* what it has to say of the cluster */
static void
read_view(PatroniNode *node, const SpecNode *map, char **problem)
{
	node->sync_standby = patroni_bool(map, "sync_standby", problem);
	node->quorum_standby = patroni_bool(map, "quorum_standby", problem);
	node->paused = patroni_bool(map, "pause", problem);
	node->unlocked = patroni_bool(map, "cluster_unlocked", problem);
	node->failsafe = patroni_bool(map, "failsafe_mode_is_active", problem);
	node->dcs_last_seen = patroni_number(map, "dcs_last_seen", 0, PG_INT64_MAX, 0, problem);
}

/* Of a server that is down, Patroni knows role and state alone. */
static void
read_server(PatroniNode *node, const SpecNode *map, char **problem)
{
	node->role = patroni_role(map, "role", problem);
	node->state = patroni_text(map, "state", problem);
	node->replication_state = patroni_text(map, "replication_state", problem);
	node->server_version = (int) patroni_number(map, "server_version", 0, PG_INT32_MAX, 0, problem);
	node->timeline = (int) patroni_number(map, "timeline", 0, PG_INT32_MAX, 0, problem);
	node->pending_restart = patroni_bool(map, "pending_restart", problem);
	node->pending_restart_reason = patroni_part(map, "pending_restart_reason", NODE_MAP, problem);
	node->system_identifier = patroni_text(map, "database_system_identifier", problem);
	node->replication = patroni_part(map, "replication", NODE_LIST, problem);
	node->tags = patroni_part(map, "tags", NODE_MAP, problem);
}

/*
 * A leader whose server is being demoted is told as it was started: role and
 * state together say what it does.
 */
PatroniNode *
patroni_read_node(const char *text, char **problem)
{
	SpecNode   *map = patroni_parse(text, NODE_MAP, problem);
	PatroniNode *node = palloc0(sizeof(PatroniNode));

	if (map == NULL)
		return NULL;
	read_patroni(node, map, problem);
	read_server(node, map, problem);
	read_wal(node, map, problem);
	read_view(node, map, problem);
	if (node->state == NULL)
		node->state = pstrdup("unknown");
	return patroni_accept(node, problem);
}

/* ---- /history ---- */

/* item of a line, or a null where it is shorter, as it was before 2.0 */
static const SpecNode *
column(const SpecNode *line, int number)
{
	return number < list_length(line->items) ? list_nth(line->items, number) : NULL;
}

/* A line is an array, whose values are looked at as those of a map are. */
static PatroniHistory *
read_line(const SpecNode *line, char **problem)
{
	static const char *const names[] = {"timeline", "lsn", "reason", "time", "leader"};
	PatroniHistory *history = palloc0(sizeof(PatroniHistory));
	SpecNode   *map = node_map();

	for (int i = 0; i < lengthof(names); i++)
	{
		if (column(line, i) != NULL)
			node_map_set(map, names[i], unconstify(SpecNode *, column(line, i)));
	}
	history->timeline = (int) patroni_number(map, "timeline", 1, PG_INT32_MAX, 0, problem);
	history->lsn = patroni_lsn(map, "lsn", problem);
	history->reason = patroni_text(map, "reason", problem);
	history->at = patroni_text(map, "time", problem);
	history->new_leader = patroni_text(map, "leader", problem);
	return history;
}

/* A cluster that has never changed its leader has an empty one. */
List *
patroni_read_history(const char *text, char **problem)
{
	SpecNode   *lines = patroni_parse(text, NODE_LIST, problem);
	List	   *history = NIL;
	ListCell   *cell;

	if (lines == NULL)
		return NIL;
	foreach(cell, lines->items)
	{
		const SpecNode *line = lfirst(cell);

		if (line->kind == NODE_LIST)
			history = lappend(history, read_line(line, problem));
		else if (*problem == NULL)
			*problem = pstrdup("a line of the history is not an array");
	}
	return patroni_accept(history, problem);
}

/* ---- /config, versions ---- */

/* What is in it is compared by who wants something of it (spec/model_patroni.h). */
SpecNode *
patroni_read_config(const char *text, char **problem)
{
	return patroni_parse(text, NODE_MAP, problem);
}

/* Up to three numbers below 100; what follows them (rc1, +git) does not count. */
int
patroni_version(const char *text)
{
	int			version = 0;

	if (text == NULL)
		return 0;
	for (int part = 0; part < 3; part++)
	{
		int			number = 0;

		if (isdigit((unsigned char) *text))
		{
			for (; isdigit((unsigned char) *text); text++)
				number = Min(number * 10 + (*text - '0'), 99);
			if (*text == '.' && isdigit((unsigned char) text[1]))
				text++;
		}
		else if (part == 0)
			return 0;
		version = version * 100 + number;
	}
	return version;
}
