/*
 * patroni_followers.c
 *		Whether new HBA rules let the cluster's members go on replicating.
 *
 * Patroni's replication role is what its own files say, which need not be the
 * declared one: in a cluster that somebody else made, the rules that pgops brings
 * may have none for it.  The replicas would not notice until they connect anew, and
 * then there would be no failover any more.
 *
 * Not for: the rules themselves (render/hba.c), what the parser makes of them
 * (io/hba.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/guc.h"

#include "cmdb/query.h"
#include "io/hba.h"
#include "io/remote.h"
#include "observe/patroni_facts.h"
#include "worker/patroni_followers.h"

/* a way in which a member comes to replicate */
typedef struct Follower
{
	const char *member;
	const char *role;
	const char *address;
} Follower;

static const char follower_query[] =
"SELECT application_name, usename::text, pg_catalog.host(client_addr)"
" FROM pg_catalog.pg_stat_replication"
" WHERE usename IS NOT NULL AND client_addr IS NOT NULL";

static Follower *
make_follower(const char *member, const char *role, const char *address)
{
	Follower   *follower = palloc0(sizeof(Follower));

	follower->member = member;
	follower->role = role;
	follower->address = address;
	return follower;
}

/* members that replicate from this server: Patroni gives them their name */
static List *
present_followers(const PatroniCluster *cluster)
{
	List	   *followers = NIL;
	CmdbQuery	query;
	CmdbRow		args = {0};
	MemoryContext old;
	uint64		count;

	cmdb_begin(&query);
	count = cmdb_run(&query, follower_query, &args);
	old = MemoryContextSwitchTo(query.caller);
	for (uint64 row = 0; row < count; row++)
	{
		char	   *member = cmdb_text(&query, row, 1);

		if (member != NULL && patroni_member(cluster, member) != NULL)
			followers = lappend(followers, make_follower(member, cmdb_text(&query, row, 2),
														 cmdb_text(&query, row, 3)));
	}
	MemoryContextSwitchTo(old);
	cmdb_end(&query);
	return followers;
}

/* the role as which this server itself replicates, and so would the others from it; or NULL */
static const char *
own_replication_role(void)
{
	return remote_upstream_option("user");
}

/* those that would follow this replica if it were the leader */
static List *
coming_followers(const PatroniCluster *cluster)
{
	const char *role = own_replication_role();
	List	   *followers = NIL;
	PatroniSelf self;
	ListCell   *cell;

	if (role == NULL)
		return NIL;
	patroni_self_get(&self);
	foreach(cell, cluster->members)
	{
		const PatroniMember *member = lfirst(cell);

		if (member->host != NULL && strcmp(member->name, self.member) != 0)
			followers = lappend(followers, make_follower(member->name, role, member->host));
	}
	return followers;
}

static HbaError *
cut_off(const Follower *follower)
{
	HbaError   *error = palloc0(sizeof(HbaError));

	error->message = psprintf("member \"%s\" could not replicate any more: no rule lets role \"%s\" in from %s for replication",
							  follower->member, follower->role, follower->address);
	error->hint = psprintf("Declare one in pg_hba_rules: {user: %s, db: replication, addr: %s, auth: pwd}.",
						   follower->role, follower->address);
	return error;
}

List *
patroni_check_hba(const PlanInput *input, const char *text)
{
	const char *present = input->snapshot->hba_text;
	List	   *errors = io_hba_check(text);
	PatroniFact *fact;
	PatroniCluster *cluster;
	List	   *followers;
	ListCell   *cell;
	char	   *problem;

	if (errors != NIL || input->patroni == NULL || present == NULL || strcmp(present, text) == 0)
		return errors;
	fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	cluster = fact && fact->text ? patroni_read_cluster(fact->text, &problem) : NULL;
	if (cluster == NULL)
		return NIL;
	followers = present_followers(cluster);
	if (RecoveryInProgress())
		followers = list_concat(followers, coming_followers(cluster));
	foreach(cell, followers)
	{
		const Follower *follower = lfirst(cell);

		if (io_hba_lets_replicate(present, follower->role, follower->address) &&
			!io_hba_lets_replicate(text, follower->role, follower->address))
			errors = lappend(errors, cut_off(follower));
	}
	return errors;
}
