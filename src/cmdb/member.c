/*
 * member.c
 *		Which declared instance a server is that Patroni runs.
 *
 * All members have the same tables and mostly the same settings, so it is the
 * machine that tells them apart: its addresses and the server's port.  Looked up at
 * each question, since addresses come and go, and a declaration changes.
 *
 * Patroni itself lets only servers into a cluster that have the cluster's system
 * identifier, so none is compared here.
 *
 * Not for: servers that Patroni does not run (identity.c).
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpq/ifaddr.h"
#include "postmaster/postmaster.h"
#include "utils/guc.h"

#include "cmdb/cmdb.h"
#include "cmdb/member.h"
#include "io/remote.h"
#include "spec/catalogue.h"

void		(*cmdb_runner) (CmdbRunner *runner) = NULL;

/* an instance that this server may be */
typedef struct Candidate
{
	char	   *name;
	char	   *cluster;		/* its group */
	char	   *host;
	int			port;
	bool		here;			/* its host is an address of this machine */
} Candidate;

/* ---- this machine ---- */

typedef struct AddressLook
{
	struct in_addr v4;
	struct in6_addr v6;
	int			family;
	bool		found;
} AddressLook;

static void
compare_address(struct sockaddr *address, struct sockaddr *netmask, void *arg)
{
	AddressLook *look = arg;

	if (address->sa_family != look->family)
		return;
	if (look->family == AF_INET)
		look->found |= memcmp(&((struct sockaddr_in *) address)->sin_addr, &look->v4,
							  sizeof(look->v4)) == 0;
	else
		look->found |= memcmp(&((struct sockaddr_in6 *) address)->sin6_addr, &look->v6,
							  sizeof(look->v6)) == 0;
}

/*
 * A name is compared with that of the machine and never looked up: a resolver
 * that hangs would hold up each pass.  All of 127.0.0.0/8 is this machine, though
 * only one of them is the address of an interface.
 */
static bool
is_here(const char *host)
{
	AddressLook look = {0};
	char		own[256];

	if (inet_pton(AF_INET, host, &look.v4) == 1)
	{
		if ((ntohl(look.v4.s_addr) >> 24) == 127)
			return true;
		look.family = AF_INET;
	}
	else if (inet_pton(AF_INET6, host, &look.v6) == 1)
		look.family = AF_INET6;
	else
		return gethostname(own, sizeof(own)) == 0 && pg_strcasecmp(own, host) == 0;
	return pg_foreach_ifaddr(compare_address, &look) == 0 && look.found;
}

/* ---- the candidates ---- */

/*
 * An instance is named by its pg_cluster and number.  Where somebody declares
 * that scope as pg_shard, all are candidates: which have it in effect is seen
 * below.
 */
static const char candidate_query[] =
"SELECT i.name, i.cluster, i.host, i.name = $1 || '-' || i.seq::text"
" FROM pgops.instance AS i"
" JOIN pgops.cluster AS c ON c.name = i.cluster AND c.kind = 'pgsql'"
" WHERE i.name = $1 || '-' || i.seq::text"
"  OR EXISTS (SELECT FROM pgops.variable AS v"
"   WHERE v.name = 'pg_shard' AND v.value #>> '{}' = $1)"
" ORDER BY i.name";

/* what is in effect for it, as text; what nobody declares has its default */
static const char *
effective(const Inventory *inventory, const Candidate *candidate, const char *param)
{
	const InventoryGroup *group = inventory_group(inventory, candidate->cluster);
	const SpecNode *value = NULL;

	if (group != NULL)
		value = inventory_value(inventory, group, candidate->host, param);
	if (value == NULL || value->kind == NODE_NULL)
		value = catalogue_default_value(param);
	return value ? node_text(value) : NULL;
}

/*
 * A document is stored as it was written, so a port may be text.  The inventory is
 * read once for each group: mostly there is one.
 */
static bool
complete(Candidate *candidate, const char *scope, bool named, Inventory **inventory,
		 const char **group)
{
	const char *port;
	const char *shard;

	if (*group == NULL || strcmp(*group, candidate->cluster) != 0)
		*inventory = cmdb_load_scope(candidate->cluster);
	*group = candidate->cluster;
	shard = effective(*inventory, candidate, "pg_shard");
	if (shard != NULL && *shard != '\0' ? strcmp(shard, scope) != 0 : !named)
		return false;
	port = effective(*inventory, candidate, "pg_port");
	candidate->port = port ? (int) strtol(port, NULL, 10) : 0;
	return true;
}

static List *
read_candidates(CmdbQuery *query, const char *scope)
{
	List	   *candidates = NIL;
	List	   *rows = NIL;
	List	   *named = NIL;
	CmdbRow		args = {0};
	uint64		count;
	Inventory  *inventory = NULL;
	const char *group = NULL;
	ListCell   *cell;
	ListCell   *lc;

	cmdb_put_text(&args, scope);
	count = cmdb_run(query, candidate_query, &args);
	for (uint64 row = 0; row < count; row++)
	{
		Candidate  *candidate = palloc0(sizeof(Candidate));

		candidate->name = cmdb_text(query, row, 1);
		candidate->cluster = cmdb_text(query, row, 2);
		candidate->host = cmdb_text(query, row, 3);
		candidate->here = is_here(candidate->host);
		rows = lappend(rows, candidate);
		named = lappend_int(named, cmdb_bool(row, 4));
	}
	forboth(cell, rows, lc, named)
	{
		/* of a fleet's servers only those here need a closer look */
		if ((((Candidate *) lfirst(cell))->here || lfirst_int(lc)) &&
			complete(lfirst(cell), scope, lfirst_int(lc), &inventory, &group))
			candidates = lappend(candidates, lfirst(cell));
	}
	return candidates;
}

/* ---- the choice ---- */

/* the one that is here, with this server's port; of several none is it */
static Candidate *
by_address(List *candidates)
{
	Candidate  *found = NULL;
	ListCell   *cell;

	foreach(cell, candidates)
	{
		Candidate  *candidate = lfirst(cell);

		if (!candidate->here || candidate->port != PostPortNumber)
			continue;
		if (found != NULL)
			return NULL;
		found = candidate;
	}
	return found;
}

static Candidate *
by_name(List *candidates, const char *name)
{
	ListCell   *cell;

	foreach(cell, candidates)
	{
		Candidate  *candidate = lfirst(cell);

		if (strcmp(candidate->name, name) == 0)
			return candidate;
	}
	return NULL;
}

/* As a replica Patroni gives it its member's name, before anybody has asked Patroni for it. */
static const char *
own_application_name(void)
{
	return remote_upstream_option("application_name");
}

static Candidate *
choose(List *candidates, const char *member)
{
	Candidate  *found = by_address(candidates);
	const char *name = *member != '\0' ? member : own_application_name();

	if (found == NULL && name != NULL)
		found = by_name(candidates, name);
	return found;
}

/* ---- for people ---- */

static char *
list_places(List *candidates)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, candidates)
	{
		const Candidate *candidate = lfirst(cell);

		if (foreach_current_index(cell) == 5)
		{
			appendStringInfoString(&text, ", ...");
			break;
		}
		appendStringInfo(&text, "%s%s is %s:%d", text.len > 0 ? ", " : "",
						 candidate->name, candidate->host, candidate->port);
	}
	return text.data;
}

static void
explain(CmdbMember *result, const char *scope, List *candidates)
{
	if (candidates == NIL)
	{
		result->reason = psprintf("Patroni runs this server as a member of \"%s\", and no cluster of that name is declared",
								  scope);
		result->hint = psprintf("Declare it (pg_cluster: %s), or set pgops.instance in this member's patroni.yml.",
								scope);
		return;
	}
	result->reason = psprintf("Patroni runs this server as a member of \"%s\", and it is not known which one: no declared instance, or more than one, is at an address of this machine with port %d (%s)",
							  scope, PostPortNumber, list_places(candidates));
	result->hint = pstrdup("Declare the hosts by their addresses, with pg_port, or give Patroni's members the names of the instances, or set pgops.instance in this member's patroni.yml.");
}

void
cmdb_member(CmdbQuery *query, CmdbMember *member)
{
	const char *scope = GetConfigOption("cluster_name", true, false);
	CmdbRunner	runner = {false};
	MemoryContext old;
	List	   *candidates;
	Candidate  *found;

	memset(member, 0, sizeof(CmdbMember));
	if (cmdb_runner != NULL)
		cmdb_runner(&runner);
	member->managed = runner.patroni;
	if (!runner.patroni || scope == NULL || *scope == '\0')
		return;
	candidates = read_candidates(query, scope);
	found = choose(candidates, runner.member);
	old = MemoryContextSwitchTo(query->caller);
	if (found != NULL)
		member->instance = pstrdup(found->name);
	else
		explain(member, scope, candidates);
	MemoryContextSwitchTo(old);
}
