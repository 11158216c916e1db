/*
 * topology.c
 *		What is declared of a cluster's members beside what Patroni says of them.
 *
 * An instance and a member are the same if they have the same name, which is
 * how patroni.yml is rendered, else if they have the same address and port.
 *
 * Not for: changing either (sql_topology.c).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "spec/catalogue.h"
#include "worker/topology.h"

#define PRIMARY		"primary"
#define REPLICA		"replica"

/* ---- what is declared ---- */

/* text of what is in effect for a host, or of the default */
static const char *
effective(const Inventory *inventory, const InventoryGroup *group, const char *host,
		  const char *param)
{
	const SpecNode *value = inventory_value(inventory, group, host, param);

	if (value == NULL || value->kind == NODE_NULL)
		value = catalogue_default_value(param);
	return value ? node_text(value) : NULL;
}

static const char *
cluster_of(const Inventory *inventory, const InventoryGroup *group, const char *host)
{
	const char *name = effective(inventory, group, host, "pg_cluster");

	return name && *name ? name : group->name;
}

static TopologyPlace *
declared_place(const Inventory *inventory, const InventoryGroup *group, const char *host)
{
	TopologyPlace *place = palloc0(sizeof(TopologyPlace));
	const char *role = effective(inventory, group, host, "pg_role");
	const char *port = effective(inventory, group, host, "pg_port");
	int			seq;

	place->instance = inventory_instance(inventory, group, host, &seq);
	place->host = pstrdup(host);
	place->port = port ? (int) strtol(port, NULL, 10) : 0;
	place->declared_role = pstrdup(role ? role : REPLICA);
	return place;
}

/* a group may hold several clusters; *places: those of this server's own */
static void
add_declared(Topology *topology, const Inventory *inventory, const InventoryGroup *group)
{
	const char *own = NULL;
	List	   *places = NIL;
	ListCell   *cell;

	foreach(cell, group->hosts->entries)
	{
		const char *host = ((SpecEntry *) lfirst(cell))->key;
		TopologyPlace *place = declared_place(inventory, group, host);

		if (strcmp(place->instance, topology->instance) == 0)
			own = cluster_of(inventory, group, host);
		places = lappend(places, place);
	}
	foreach(cell, places)
	{
		const TopologyPlace *place = lfirst(cell);

		if (own != NULL && strcmp(cluster_of(inventory, group, place->host), own) == 0)
			topology->places = lappend(topology->places, lfirst(cell));
	}
}

/* ---- what is true ---- */

static bool
is_leader(const PatroniMember *member)
{
	return member->role == PATRONI_LEADER || member->role == PATRONI_STANDBY_LEADER;
}

static bool
has_member(const Topology *topology, const PatroniMember *member)
{
	ListCell   *cell;

	foreach(cell, topology->places)
	{
		if (((TopologyPlace *) lfirst(cell))->member == member)
			return true;
	}
	return false;
}

static const PatroniMember *
member_at(const Topology *topology, const TopologyPlace *place)
{
	ListCell   *cell;

	foreach(cell, topology->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);

		if (member->host != NULL && strcmp(member->host, place->host) == 0 &&
			member->port == place->port && !has_member(topology, member))
			return member;
	}
	return NULL;
}

/* names first: of members that changed addresses, both would find another one's */
static void
match(Topology *topology)
{
	ListCell   *cell;

	foreach(cell, topology->places)
	{
		TopologyPlace *place = lfirst(cell);

		place->member = patroni_member(topology->cluster, place->instance);
	}
	foreach(cell, topology->places)
	{
		TopologyPlace *place = lfirst(cell);

		if (place->member == NULL)
			place->member = member_at(topology, place);
	}
	foreach(cell, topology->cluster->members)
	{
		const PatroniMember *member = lfirst(cell);
		TopologyPlace *place;

		if (has_member(topology, member))
			continue;
		place = palloc0(sizeof(TopologyPlace));
		place->host = member->host;
		place->port = member->port;
		place->member = member;
		topology->places = lappend(topology->places, place);
	}
}

/* ---- where they differ ---- */

static bool
runs(const PatroniMember *member)
{
	static const char *const good[] = {"running", "streaming", "in archive recovery"};

	for (int i = 0; i < lengthof(good); i++)
	{
		if (member->state != NULL && strcmp(member->state, good[i]) == 0)
			return true;
	}
	return false;
}

/* of an instance with a member that runs; NULL: none */
static char *
role_problem(const Topology *topology, const TopologyPlace *place)
{
	bool		primary = strcmp(place->declared_role, PRIMARY) == 0;

	if (is_leader(place->member))
		return primary ? NULL :
			psprintf("leads the cluster, and is declared as %s", place->declared_role);
	if (!primary)
		return NULL;
	if (topology->leader == NULL)
		return pstrdup("declared as primary, and no member leads the cluster");
	return psprintf("declared as primary, and is a replica: \"%s\" leads the cluster",
					topology->leader->name);
}

static char *
find_problem(const Topology *topology, const TopologyPlace *place)
{
	if (place->instance == NULL)
		return pstrdup("is a member of Patroni's, and not declared");
	if (place->member == NULL)
		return pstrdup("is declared, and no member of Patroni's");
	if (!runs(place->member))
		return psprintf("does not run: Patroni says \"%s\"",
						place->member->state ? place->member->state : "unknown");
	return role_problem(topology, place);
}

const char *
topology_fitting_role(const Topology *topology, const TopologyPlace *place)
{
	bool		primary = place->declared_role != NULL &&
	strcmp(place->declared_role, PRIMARY) == 0;

	if (place->instance == NULL || topology->leader == NULL)
		return NULL;
	if (place->member == topology->leader)
		return primary ? NULL : PRIMARY;
	return primary ? REPLICA : NULL;
}

/* ---- all of it ---- */

static void
read_members(Topology *topology)
{
	ListCell   *cell;

	topology->fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	if (topology->fact == NULL || topology->fact->text == NULL)
		return;
	topology->cluster = patroni_read_cluster(topology->fact->text, &topology->unread);
	if (topology->cluster == NULL)
		return;
	topology->leader = patroni_leader(topology->cluster);
	match(topology);
	foreach(cell, topology->places)
	{
		TopologyPlace *place = lfirst(cell);

		place->problem = find_problem(topology, place);
	}
}

Topology *
topology_read(const Inventory *inventory)
{
	Binding    *binding;
	Topology   *topology;
	const InventoryGroup *group;

	if (!patroni_runs_server())
		return NULL;
	binding = cmdb_binding();
	if (binding->state != BINDING_BOUND)
		return NULL;
	if (inventory == NULL)
		inventory = cmdb_load_scope(binding->cluster);
	group = inventory_group(inventory, binding->cluster);
	if (group == NULL)
		return NULL;
	topology = palloc0(sizeof(Topology));
	topology->group = binding->cluster;
	topology->instance = binding->instance;
	add_declared(topology, inventory, group);
	read_members(topology);
	return topology;
}
