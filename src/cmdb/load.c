/*
 * load.c
 *		Declarations out of the tables: the whole inventory, the part of it
 *		that concerns one group, or one body.
 *
 * Reads only, so it works on a standby.  Not for: what they mean (model).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "cmdb/site.h"
#include "secret.h"

/*
 * Each statement below has the same two parameters: $1 the names of the groups
 * that are wanted (null: all), $2 the one they are wanted for (null likewise).
 * Of a group that only shares hosts with it, only those hosts are read: a group
 * of all machines must not make a look at one cluster expensive.
 */
#define WANTED(column) \
	"($1::text[] IS NULL OR " column " = ANY ($1))"
#define WANTED_HOST(alias) \
	"($2::text IS NULL OR " alias ".cluster = $2" \
	" OR " alias ".cluster IN (SELECT f.name FROM pgops.cluster AS f WHERE f.kind = 'infra')" \
	" OR " alias ".host IN" \
	" (SELECT o.host FROM pgops.instance AS o WHERE o.cluster = $2))"

typedef struct Load
{
	CmdbQuery	query;
	CmdbRow		args;
	Inventory  *inventory;
	SpecNames  *edges;			/* List of Edge * by name of the group above */
	SpecNames  *hosts;			/* map of variables by host_key() */
	InventoryGroup *ungrouped;	/* hosts directly below "all"; NULL: no such */
} Load;

typedef struct Edge
{
	char	   *child;
	bool		defines;
	bool		top;
} Edge;

/* edges below one parent; the table of names holds pointers, so lists need a holder */
typedef struct Edges
{
	List	   *list;
} Edges;

/* ---- groups ---- */

/* no group has an empty name, so that stands for "all" */
static void
read_edges(Load *load)
{
	uint64		count = cmdb_run(&load->query,
								 "SELECT h.parent, h.child, h.defines, h.top FROM pgops.child AS h"
								 " WHERE " WANTED("h.child")
								 " AND ($2::text IS NULL OR true) ORDER BY h.ordinal, h.child",
								 &load->args);

	for (uint64 i = 0; i < count; i++)
	{
		char	   *parent = cmdb_text(&load->query, i, 1);
		Edge	   *edge = palloc0(sizeof(Edge));
		Edges	   *edges;

		parent = parent ? parent : "";
		edges = spec_names_find(load->edges, parent);
		if (edges == NULL)
		{
			edges = palloc0(sizeof(Edges));
			(void) spec_names_add(load->edges, parent, edges);
		}
		edge->child = cmdb_text(&load->query, i, 2);
		edge->defines = cmdb_bool(i, 3);
		edge->top = cmdb_bool(i, 4);
		edges->list = lappend(edges->list, edge);
	}
}

/*
 * In the order of the document, groups below before the next one beside.  Each
 * group's own children are entered only once: what is stored has no cycles, but
 * tables can be edited by hand.
 */
static void
add_children(Load *load, InventoryGroup *parent, const char *name)
{
	Edges	   *edges = spec_names_find(load->edges, name);
	ListCell   *cell;

	if (edges == NULL)
		return;
	foreach(cell, edges->list)
	{
		Edge	   *edge = lfirst(cell);
		bool		known = inventory_group(load->inventory, edge->child) != NULL;
		InventoryGroup *group = inventory_add_group(load->inventory, edge->child);

		group->top = group->top || edge->top;
		inventory_add_child(load->inventory, parent, group, edge->defines);
		if (!known)
			add_children(load, group, edge->child);
	}
}

/* hosts directly below "all" are a group that nothing mentions; any other must be somewhere */
static void
read_groups(Load *load)
{
	uint64		count = cmdb_run(&load->query,
								 "SELECT c.name, c.kind, c.hosts_first FROM pgops.cluster AS c"
								 " WHERE " WANTED("c.name")
								 " AND ($2::text IS NULL OR true) ORDER BY c.name",
								 &load->args);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(load->query.caller);
		char	   *name = cmdb_text(&load->query, i, 1);
		InventoryGroup *group = inventory_group(load->inventory, name);

		if (group == NULL)
		{
			group = inventory_add_group(load->inventory, name);
			if (strcmp(name, INVENTORY_UNGROUPED) != 0)
				inventory_add_child(load->inventory, NULL, group, true);
			else
				load->ungrouped = group;
		}
		group->kind = cmdb_text(&load->query, i, 2);
		group->hosts_first = cmdb_bool(i, 3);
		group->defined = true;
		MemoryContextSwitchTo(old);
	}
}

/*
 * Directly below "all" hosts can have no variables in common: a document has
 * those of "ungrouped" only where the group is mentioned.
 */
static void
mention_ungrouped(Load *load)
{
	if (load->ungrouped != NULL && load->ungrouped->vars->entries != NIL)
		inventory_add_child(load->inventory, NULL, load->ungrouped, true);
}

/* ---- hosts and variables ---- */

/* neither can hold the separator: hosts have no blanks */
static char *
host_key(const char *group, const char *host)
{
	return psprintf("%s\n%s", host, group);
}

/* a fresh entry at the end: keys are unique in the tables, no need to look each up */
static void
append_entry(SpecNode *map, char *key, SpecNode *value)
{
	SpecEntry  *entry = palloc0(sizeof(SpecEntry));

	entry->key = key;
	entry->value = value;
	map->entries = lappend(map->entries, entry);
}

static void
read_hosts(Load *load)
{
	uint64		count = cmdb_run(&load->query,
								 "SELECT i.cluster, i.host FROM pgops.instance AS i"
								 " WHERE " WANTED("i.cluster") " AND " WANTED_HOST("i")
								 " ORDER BY i.ordinal, i.host", &load->args);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(load->query.caller);
		char	   *name = cmdb_text(&load->query, i, 1);
		char	   *host = cmdb_text(&load->query, i, 2);
		SpecNode   *vars = node_map();

		append_entry(inventory_group(load->inventory, name)->hosts, host, vars);
		(void) spec_names_add(load->hosts, host_key(name, host), vars);
		MemoryContextSwitchTo(old);
	}
}

/* the map that a variable belongs to; NULL: written by hand for what is not declared */
static SpecNode *
level_of(Load *load, const char *name, const char *host)
{
	InventoryGroup *group;

	if (name == NULL)
		return load->inventory->vars;
	if (host != NULL)
		return spec_names_find(load->hosts, host_key(name, host));
	group = inventory_group(load->inventory, name);
	return group ? group->vars : NULL;
}

static void
read_variables(Load *load)
{
	uint64		count = cmdb_run(&load->query,
								 "SELECT v.cluster, v.host, v.name, v.source"
								 " FROM pgops.variable AS v"
								 " WHERE v.cluster IS NULL OR (" WANTED("v.cluster")
								 "  AND (v.host IS NULL OR " WANTED_HOST("v") "))"
								 " ORDER BY v.ordinal, v.name", &load->args);

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(load->query.caller);
		SpecNode   *level = level_of(load, cmdb_text(&load->query, i, 1),
									 cmdb_text(&load->query, i, 2));

		if (level != NULL)
			append_entry(level, cmdb_text(&load->query, i, 3), cmdb_json(&load->query, i, 4));
		MemoryContextSwitchTo(old);
	}
}

/* ---- secrets ---- */

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

/* the secrets of one group (NULL: of all) go back into their places */
static void
put_back_all(Load *load, const char *name, List *secrets)
{
	const InventoryGroup *group = name ? inventory_group(load->inventory, name) : NULL;
	SpecNode   *body;

	if (secrets == NIL || (name != NULL && group == NULL))
		return;
	if (group != NULL)
		body = inventory_body(group);
	else
	{
		body = node_map();
		node_map_set(body, "vars", load->inventory->vars);
	}
	site_sort(secrets);
	site_visit_body(body, "", put_back, secrets);
}

static bool
same_group(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* one group after the other; a secret that is not there (a restored dump has none) stays masked */
static void
read_secrets(Load *load)
{
	uint64		count = cmdb_run(&load->query,
								 "SELECT s.cluster, s.host, s.name, s.path, s.value"
								 " FROM pgops.secret AS s"
								 " WHERE s.cluster IS NULL OR (" WANTED("s.cluster")
								 "  AND (s.host IS NULL OR " WANTED_HOST("s") "))"
								 " ORDER BY s.cluster", &load->args);
	MemoryContext old = MemoryContextSwitchTo(load->query.caller);
	char	   *group = NULL;
	List	   *secrets = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		SecretEntry *entry = palloc(sizeof(SecretEntry));
		char	   *name = cmdb_text(&load->query, i, 1);

		if (!same_group(name, group))
		{
			put_back_all(load, group, secrets);
			secrets = NIL;
			group = name;
		}
		entry->host = cmdb_text(&load->query, i, 2);
		entry->param = cmdb_text(&load->query, i, 3);
		entry->path = cmdb_text(&load->query, i, 4);
		entry->value = cmdb_text(&load->query, i, 5);
		secrets = lappend(secrets, entry);
	}
	put_back_all(load, group, secrets);
	MemoryContextSwitchTo(old);
}

/* ---- the whole ---- */

/*
 * Groups that have a say in one: itself, those with one of its hosts, those whose
 * hosts access rules call "infra", and whatever lies above them.
 */
static List *
find_scope(CmdbQuery *query, const char *group)
{
	CmdbRow		args = {0};
	List	   *names = NIL;
	uint64		count;

	cmdb_put_text(&args, group);
	count = cmdb_run(query,
					 "WITH RECURSIVE above (name) AS ("
					 " SELECT o.cluster FROM pgops.instance AS i"
					 " JOIN pgops.instance AS o ON o.host = i.host WHERE i.cluster = $1"
					 " UNION SELECT c.name FROM pgops.cluster AS c WHERE c.kind = 'infra'"
					 " UNION SELECT $1::text"
					 " UNION SELECT h.parent FROM pgops.child AS h"
					 " JOIN above AS a ON a.name = h.child WHERE h.parent IS NOT NULL)"
					 " SELECT a.name FROM above AS a", &args);
	for (uint64 i = 0; i < count; i++)
		names = lappend(names, cmdb_text(query, i, 1));
	return names;
}

/*
 * group: for which (NULL: everything); scope: with all that has a say in it.
 * In one state of the tables, or somebody else's declaration would come in
 * between: variables of groups that are not there.
 */
static Inventory *
load_groups(const char *group, bool scope)
{
	Load		load = {0};
	List	   *names = NIL;

	load.inventory = inventory_create();
	load.edges = spec_names_create();
	load.hosts = spec_names_create();

	cmdb_begin_reading(&load.query);
	if (group != NULL)
		names = scope ? find_scope(&load.query, group) :
			list_make1(unconstify(char *, group));
	cmdb_put_names(&load.args, names, group == NULL);
	cmdb_put_text(&load.args, group);
	read_edges(&load);
	MemoryContextSwitchTo(load.query.caller);
	add_children(&load, NULL, "");
	read_groups(&load);
	read_hosts(&load);
	read_variables(&load);
	read_secrets(&load);
	cmdb_end(&load.query);
	mention_ungrouped(&load);
	load.inventory->has_vars = load.inventory->vars->entries != NIL;
	inventory_finish(load.inventory);
	return load.inventory;
}

/*
 * Values are as they were declared, in the order in which they were.  Plain
 * secrets are in it: for the components that need them, and for comparing;
 * whoever shows a body calls cmdb_mask().
 */
Inventory *
cmdb_load_inventory(void)
{
	return load_groups(NULL, false);
}

/* A session of psql asks for one cluster among a thousand: the others are not read. */
Inventory *
cmdb_load_scope(const char *group)
{
	return load_groups(group, true);
}

/* What others say of its hosts is not in it: cmdb_load_scope() has that. */
SpecNode *
cmdb_load_body(const char *cluster)
{
	InventoryGroup *group = inventory_group(load_groups(cluster, false), cluster);

	return group ? inventory_body(group) : NULL;
}
