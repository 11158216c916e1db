/*
 * patroni_input.c
 *		What a plan needs to know of Patroni, out of what it said last.
 *
 * What is older than the last failed look is not relied upon: to compare with
 * it would be to undo what somebody changed meanwhile.
 */
#include "postgres.h"

#include "access/xlog.h"

#include "guc.h"
#include "observe/patroni_facts.h"
#include "worker/patroni_input.h"

/*
 * how long members may take to write and read what the configuration says, ms: they
 * do it at once, or at the next round
 */
#define SETTLED_MS	20000

/* the last answer about the cluster, or NULL */
static PatroniCluster *
read_cluster(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	char	   *problem;

	return fact && fact->text ? patroni_read_cluster(fact->text, &problem) : NULL;
}

/* /config has a pause at once, /cluster at the next look */
static bool
is_paused(const PatroniInput *seen, const PatroniCluster *cluster)
{
	const SpecNode *pause = seen->config ? node_get(seen->config, "pause") : NULL;

	if (seen->config == NULL)
		return cluster->paused;
	return pause != NULL && node_text(pause) != NULL && strcmp(node_text(pause), "true") == 0;
}

/* whether this server leads, be it a cluster that follows another one */
static bool
is_leader(void)
{
	PatroniFact *fact;
	PatroniNode *node;
	char	   *problem;

	if (!RecoveryInProgress())
		return true;
	fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, "");
	node = fact && fact->text && fact->sqlstate == 0 ?
		patroni_read_node(fact->text, &problem) : NULL;
	return node != NULL && node->role == PATRONI_STANDBY_LEADER;
}

static void
fill_config(PatroniInput *seen)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_CONFIG, NULL);
	char	   *problem = NULL;

	if (fact == NULL || fact->tried == 0)
		return;
	seen->asked = true;
	if (fact->sqlstate == 0 && fact->text != NULL)
		seen->config = patroni_read_config(fact->text, &problem);
	seen->settled = TimestampDifferenceExceeds(fact->since, GetCurrentTimestamp(), SETTLED_MS);
	seen->problem = seen->config ? NULL : fact->problem ? fact->problem : problem;
	seen->sqlstate = fact->sqlstate;
}

static void
fill_version(PatroniInput *seen)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_NODE_TEXT, "");
	char	   *problem;
	PatroniNode *node = fact && fact->text ? patroni_read_node(fact->text, &problem) : NULL;

	if (node != NULL && node->version != NULL)
		seen->version = patroni_version(node->version);
}

PatroniInput *
patroni_input(void)
{
	PatroniInput *seen;
	PatroniCluster *cluster;
	ListCell   *cell;

	if (!patroni_runs_server())
		return NULL;
	seen = palloc0(sizeof(PatroniInput));
	seen->managed = pgops_guc_manage_ha;
	seen->leader = is_leader();
	fill_config(seen);
	fill_version(seen);
	cluster = read_cluster();
	if (cluster == NULL)
		return seen;
	seen->paused = is_paused(seen, cluster);
	seen->members = list_length(cluster->members);
	foreach(cell, cluster->members)
	{
		const PatroniMember *member = lfirst(cell);

		if (member->pending_restart)
			seen->pending = lappend(seen->pending, member->name);
	}
	return seen;
}

PatroniAccess *
patroni_input_access(void)
{
	PatroniAccess *access = patroni_access();
	PatroniMember *other = NULL;
	PatroniCluster *cluster;
	PatroniSelf self;
	ListCell   *cell;

	patroni_self_get(&self);
	if (access == NULL || self.answers || !self.known)
		return access;
	cluster = read_cluster();
	other = cluster ? patroni_leader(cluster) : NULL;
	foreach(cell, cluster ? cluster->members : NIL)
	{
		PatroniMember *member = lfirst(cell);

		if ((other == NULL || other->api_url == NULL) && member->api_url != NULL &&
			strcmp(member->name, self.member) != 0)
			other = member;
	}
	return other && other->api_url ? patroni_access_to(access, other->api_url) : access;
}
