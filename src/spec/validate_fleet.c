/*
 * validate_fleet.c
 *		What clusters are to each other: names of instances, addresses and
 *		shards that two of them claim, and upstreams that none of them has.
 *
 * A finding belongs to the cluster that comes later; so the views that are
 * asked for come last.
 *
 * Not for: ports (validate_port.c), a cluster by itself (validate_identity.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/validate.h"

/* somebody who has a name or address */
typedef struct Holder
{
	const GroupView *view;
	const SpecMember *member;	/* NULL: the group as such */
} Holder;

typedef struct Fleet
{
	const Inventory *inventory;
	SpecNames  *instances;		/* Holder, by name of the instance */
	SpecNames  *vips;			/* Holder, by virtual address without mask */
	SpecNames  *shards;			/* Holder, by pg_shard and pg_group */
	SpecNames  *addresses;		/* anything: ansible_host of hosts */
	Findings   *findings;
} Fleet;

static Holder *
make_holder(const GroupView *view, const SpecMember *member)
{
	Holder	   *holder = palloc(sizeof(Holder));

	holder->view = view;
	holder->member = member;
	return holder;
}

static char *
host_path(const GroupView *view, const SpecMember *member, const char *param)
{
	return psprintf("%s.hosts.%s%s%s", view->path, member->host->key,
					param == NULL ? "" : ".", param == NULL ? "" : param);
}

/* "pg-test-1" of two groups; within one the numbers are compared already */
static void
check_instance(Fleet *fleet, const GroupView *view, const SpecMember *member)
{
	SpecNode	at = spec_place_of_key(member->host);
	char	   *name;
	Holder	   *first;
	int64		seq;

	if (!spec_integer(member->seq, &seq))
		return;
	name = psprintf("%s-" INT64_FORMAT, member->cluster, seq);
	first = spec_names_add(fleet->instances, name, make_holder(view, member));
	if (first == NULL || first->view == view || !view->asked)
		return;
	spec_error(fleet->findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, &at,
			   host_path(view, member, NULL),
			   "Names of instances are made of \"pg_cluster\" and \"pg_seq\".",
			   first->member->host->line > 0 ?
			   "instance \"%s\" is declared in group \"%s\" already (line %d)" :
			   "instance \"%s\" is declared in group \"%s\" already",
			   name, first->view->path, first->member->host->line);
}

/* an address without its mask; palloc'd */
static char *
bare_address(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash == NULL ? pstrdup(text) : pnstrdup(text, slash - text);
}

/* the virtual address of a cluster, if it has one; palloc'd */
static char *
vip_of(const GroupView *view, const SpecNode **at, const char **origin)
{
	const SpecNode *enabled = spec_view_value(view, "pg_vip_enabled", NULL);
	const char *text;

	*at = spec_view_value(view, "pg_vip_address", origin);
	text = spec_plain_text(*at);
	if (text == NULL || enabled == NULL || enabled->kind != NODE_BOOL || !enabled->boolean)
		return NULL;
	return bare_address(text);
}

/* a virtual address must be nobody else's, be it another cluster's or a host's */
static void
check_vip(Fleet *fleet, const GroupView *view)
{
	const SpecNode *at;
	const char *origin;
	char	   *address = vip_of(view, &at, &origin);
	Holder	   *first;

	if (address == NULL)
		return;
	first = spec_names_add(fleet->vips, address, make_holder(view, NULL));
	if (!view->asked)
		return;
	if (first != NULL)
		spec_error(fleet->findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, at,
				   spec_path_key(origin, "pg_vip_address"), NULL,
				   "virtual address %s of cluster \"%s\" is cluster \"%s\"'s already",
				   address, view->path, first->view->path);
	else if (spec_names_find(fleet->inventory->host_by_name, address) != NULL)
		spec_error(fleet->findings, ERRCODE_PGOPS_CONTRADICTION, at,
				   spec_path_key(origin, "pg_vip_address"), NULL,
				   "virtual address %s is the address of a host", address);
}

/* the number of a shard, which one cluster of each "pg_shard" may have */
static void
check_shard(Fleet *fleet, const GroupView *view, const SpecMember *member)
{
	const char *shard = spec_plain_text(spec_view_host_value(view, member->host, "pg_shard"));
	const SpecNode *value = spec_view_host_value(view, member->host, "pg_group");
	Holder	   *first;
	int64		number;

	if (shard == NULL || !spec_integer(value, &number))
		return;
	first = spec_names_add(fleet->shards, psprintf("%s " INT64_FORMAT, shard, number),
						   make_holder(view, member));
	if (first == NULL || !view->asked || !member->primary ||
		strcmp(first->member->cluster, member->cluster) == 0)
		return;
	spec_error(fleet->findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, value,
			   host_path(view, member, "pg_group"), NULL,
			   "group " INT64_FORMAT " of \"%s\" is cluster \"%s\" already, not \"%s\"",
			   number, shard, first->member->cluster, member->cluster);
}

/* whether a member is known by this name or address */
bool
spec_member_is_called(const GroupView *view, const SpecMember *member, const char *name)
{
	const char *address;
	int64		seq;

	if (strcmp(member->host->key, name) == 0)
		return true;
	address = spec_plain_text(spec_view_host_value(view, member->host, "ansible_host"));
	if (address != NULL && strcmp(address, name) == 0)
		return true;
	return spec_integer(member->seq, &seq) &&
		strcmp(psprintf("%s-" INT64_FORMAT, member->cluster, seq), name) == 0;
}

/* whether an instance of the same cluster, other than itself, has the name or address */
static bool
is_sibling(GroupView *view, const SpecMember *member, const char *name)
{
	ListCell   *lc;

	foreach(lc, spec_view_members(view))
	{
		const SpecMember *other = lfirst(lc);

		if (other->team == member->team && other != member && spec_member_is_called(view, other, name))
			return true;
	}
	return false;
}

/* whether anything in the inventory is known by this name or address */
static bool
is_known(const Fleet *fleet, const char *name)
{
	return spec_names_find(fleet->inventory->host_by_name, name) != NULL ||
		spec_names_find(fleet->instances, name) != NULL ||
		spec_names_find(fleet->vips, name) != NULL ||
		spec_names_find(fleet->addresses, name) != NULL;
}

/*
 * The primary of a standby cluster follows something that may be outside of
 * the inventory.  A replica follows an instance of its own cluster; what its
 * group says is meant for the primary.
 */
static void
check_upstream(const Fleet *fleet, GroupView *view, const SpecMember *member)
{
	const SpecNode *value = spec_view_host_value(view, member->host, "pg_upstream");
	const char *name = spec_plain_text(value);
	bool		own = value != NULL && value == node_get(member->host->value, "pg_upstream");

	if (name == NULL || (!own && !member->primary))
		return;
	if (spec_member_is_called(view, member, name))
		spec_error(fleet->findings, ERRCODE_PGOPS_CONTRADICTION, value,
				   host_path(view, member, "pg_upstream"), NULL,
				   "instance on host \"%s\" is its own upstream", member->host->key);
	else if (!member->primary && !is_sibling(view, member, name))
		spec_error(fleet->findings, ERRCODE_PGOPS_UNRESOLVED, value,
				   host_path(view, member, "pg_upstream"),
				   is_known(fleet, name) ?
				   "Only a primary can follow another cluster; a replica follows its own." : NULL,
				   "upstream \"%s\" is no instance of cluster \"%s\"", name, member->cluster);
	else if (member->primary && is_sibling(view, member, name))
		spec_error(fleet->findings, ERRCODE_PGOPS_CONTRADICTION, value,
				   host_path(view, member, "pg_upstream"),
				   "A primary with an upstream makes a standby cluster: name an instance of the other one.",
				   "upstream \"%s\" is a replica of the same cluster \"%s\"", name, member->cluster);
	else if (member->primary && !is_known(fleet, name))
		finding_add(fleet->findings, FINDING_WARNING, ERRCODE_PGOPS_UNRESOLVED, value,
					host_path(view, member, "pg_upstream"),
					"It may be outside of the inventory; if not, correct it.",
					"upstream \"%s\" is no host, instance or virtual address of the inventory",
					name);
}

/* addresses that hosts have besides their names */
static SpecNames *
index_addresses(const Inventory *inventory)
{
	SpecNames  *addresses = spec_names_create();
	ListCell   *lh;
	ListCell   *lv;

	foreach(lh, inventory->hosts)
	{
		InventoryHost *host = lfirst(lh);

		foreach(lv, host->vars)
		{
			const char *address = spec_plain_text(node_get(lfirst(lv), "ansible_host"));

			if (address != NULL)
				(void) spec_names_add(addresses, address, host);
		}
	}
	return addresses;
}

void
spec_check_fleet(const Inventory *inventory, List *views, Findings *findings)
{
	Fleet		fleet = {inventory};
	ListCell   *lv;
	ListCell   *lm;

	fleet.instances = spec_names_create();
	fleet.vips = spec_names_create();
	fleet.shards = spec_names_create();
	fleet.addresses = index_addresses(inventory);
	fleet.findings = findings;
	foreach(lv, views)
	{
		GroupView  *view = lfirst(lv);

		check_vip(&fleet, view);
		foreach(lm, spec_view_members(view))
		{
			check_instance(&fleet, view, lfirst(lm));
			check_shard(&fleet, view, lfirst(lm));
		}
	}
	/* when all names are known */
	foreach(lv, views)
	{
		GroupView  *view = lfirst(lv);

		foreach(lm, view->asked ? spec_view_members(view) : NIL)
			check_upstream(&fleet, view, lfirst(lm));
	}
}
