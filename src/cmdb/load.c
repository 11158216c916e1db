/*
 * load.c
 *		Bodies and global variables out of the tables.
 *
 * Reads only, so it works on a standby.  Not for: what they mean (model).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "cmdb/site.h"
#include "secret.h"

/*
 * Hosts without parameters of their own exist only here: pgops.variable has no
 * row of theirs.
 */
static void
add_hosts(CmdbQuery *query, CmdbRow *args, SpecNode *hosts)
{
	uint64		count = cmdb_run(query,
								 "SELECT i.host FROM pgops.instance AS i"
								 " WHERE i.cluster = $1 ORDER BY i.ordinal, i.host", args);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query->caller);

		node_map_set(hosts, cmdb_text(query, i, 1), node_map());
		MemoryContextSwitchTo(old);
	}
}

/* args NULL: the global ones */
static void
add_variables(CmdbQuery *query, CmdbRow *args, SpecNode *hosts, SpecNode *vars)
{
	uint64		count;

	if (args != NULL)
		count = cmdb_run(query,
						 "SELECT v.host, v.name, v.source FROM pgops.variable AS v"
						 " WHERE v.cluster = $1 ORDER BY v.ordinal, v.name", args);
	else
		count = cmdb_run(query,
						 "SELECT v.host, v.name, v.source FROM pgops.variable AS v"
						 " WHERE v.cluster IS NULL ORDER BY v.ordinal, v.name", NULL);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query->caller);
		SpecNode   *map = cmdb_is_null(i, 1) ? vars : node_get(hosts, cmdb_text(query, i, 1));

		node_map_set(map, cmdb_text(query, i, 2), cmdb_json(query, i, 3));
		MemoryContextSwitchTo(old);
	}
}

/*
 * A mask that was declared as text stays one: what has no row in pgops.secret is
 * not a secret that was set apart.
 */
static void
put_back(const SecretSite *site, void *arg)
{
	List	   *secrets = arg;
	const char *value;

	if (strcmp(site->node->text, SECRET_MASK) != 0)
		return;
	value = site_find(secrets, site);
	if (value != NULL)
		site_set_text(site->node, value);
}

/* a secret that is not there (a restored dump has none) stays masked */
static void
add_secrets(CmdbQuery *query, CmdbRow *args, SpecNode *body)
{
	List	   *secrets = NIL;
	uint64		count;
	MemoryContext old;

	if (args != NULL)
		count = cmdb_run(query,
						 "SELECT s.host, s.name, s.path, s.value FROM pgops.secret AS s"
						 " WHERE s.cluster = $1", args);
	else
		count = cmdb_run(query,
						 "SELECT s.host, s.name, s.path, s.value FROM pgops.secret AS s"
						 " WHERE s.cluster IS NULL", NULL);
	if (count == 0)
		return;

	old = MemoryContextSwitchTo(query->caller);
	for (uint64 i = 0; i < count; i++)
	{
		SecretEntry *entry = palloc(sizeof(SecretEntry));

		entry->host = cmdb_text(query, i, 1);
		entry->param = cmdb_text(query, i, 2);
		entry->path = cmdb_text(query, i, 3);
		entry->value = cmdb_text(query, i, 4);
		secrets = lappend(secrets, entry);
	}
	site_sort(secrets);
	site_visit_body(body, "", put_back, secrets);
	MemoryContextSwitchTo(old);
}

/*
 * Values are in the form of difference_canonical(), in the order in which they
 * were declared.  Plain secrets are in it: for the components that need them,
 * and for comparing; whoever shows a body calls cmdb_mask().
 */
SpecNode *
cmdb_load_body(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	SpecNode   *body = node_map();
	SpecNode   *hosts = node_map();
	SpecNode   *vars = node_map();

	node_map_set(body, "hosts", hosts);
	node_map_set(body, "vars", vars);

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	if (cmdb_run(&query, "SELECT FROM pgops.cluster AS c WHERE c.name = $1", &args) == 0)
		body = NULL;
	else
	{
		add_hosts(&query, &args, hosts);
		add_variables(&query, &args, hosts, vars);
		add_secrets(&query, &args, body);
	}
	cmdb_end(&query);
	return body;
}

/* Variables of the level "all: vars" of an inventory.  Never NULL. */
SpecNode *
cmdb_load_globals(void)
{
	CmdbQuery	query;
	SpecNode   *body = node_map();
	SpecNode   *vars = node_map();

	node_map_set(body, "vars", vars);

	cmdb_begin(&query);
	add_variables(&query, NULL, NULL, vars);
	add_secrets(&query, NULL, body);
	cmdb_end(&query);
	return vars;
}
