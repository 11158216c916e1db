/*
 * steer_name.c
 *		The members of a cluster by the names of their declared instances.
 *
 * Patroni's names are usually those; where they are not, the address tells.
 */
#include "postgres.h"

#include "cmdb/query.h"
#include "ops/steer.h"

/* NULL: no instance of that name is declared for this server's cluster */
static char *
declared_host(const char *instance)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *host = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, instance);
	if (cmdb_run(&query,
				 "SELECT i.host FROM pgops.instances AS i"
				 " WHERE i.name = $1 AND i.cluster = pgops.local_cluster()", &args) > 0)
		host = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return host;
}

char *
steer_name(const SteerScene *scene, const char *name)
{
	char	   *host;
	ListCell   *cell;

	if (patroni_view_member(scene->view, name) != NULL)
		return pstrdup(name);
	host = declared_host(name);
	foreach(cell, scene->view->members)
	{
		const PatroniMember *member = ((PatroniSeen *) lfirst(cell))->member;

		if (host != NULL && member->host != NULL && strcmp(member->host, host) == 0)
			return pstrdup(member->name);
	}
	return pstrdup(name);
}
