/*
 * validate_cross.c
 *		Rules between the parameters of one cluster: who is who among its
 *		instances, and objects that collide with or contradict each other.
 *
 * Not for: names that are not declared at all; the server may know them
 * (plan/check.h).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/names.h"
#include "spec/validate.h"

/* an instance as its host's and its cluster's variables make it */
typedef struct Member
{
	const SpecEntry *host;
	const char *cluster;		/* host level pg_cluster wins over the group's name */
	const SpecNode *seq;		/* NULL: none */
	const char *role;
} Member;

static const SpecNode *
effective(const SpecEntry *host, const SpecNode *vars, const char *param)
{
	const SpecNode *value = node_get(host->value, param);

	if (value == NULL || value->kind == NODE_NULL)
		value = node_get(vars, param);
	return value == NULL || value->kind == NODE_NULL ? NULL : value;
}

/* members of the group; a host that holds several instances by pg_instances counts for none */
static List *
list_members(const char *cluster, const SpecNode *hosts, const SpecNode *vars)
{
	List	   *members = NIL;
	ListCell   *lc;

	foreach(lc, hosts == NULL ? NIL : hosts->entries)
	{
		const SpecEntry *host = lfirst(lc);
		const SpecNode *own = node_get(host->value, "pg_cluster");
		const SpecNode *role = effective(host, vars, "pg_role");
		Member	   *member;

		if (node_get(host->value, "pg_instances") != NULL)
			continue;
		member = palloc0(sizeof(Member));
		member->host = host;
		member->cluster = own != NULL && own->kind == NODE_STRING ? own->text : cluster;
		member->seq = effective(host, vars, "pg_seq");
		member->role = role == NULL || role->text == NULL ? "replica" : role->text;
		members = lappend(members, member);
	}
	return members;
}

/* pg_seq of one member: there, and not one of an earlier member of its cluster */
static void
check_seq(const Member *member, const List *members, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(member->host);
	ListCell   *lc;

	if (member->seq == NULL)
	{
		spec_error(findings, ERRCODE_PGOPS_MISSING, &at, path, NULL,
				   "host \"%s\" has no \"pg_seq\"", member->host->key);
		return;
	}
	foreach(lc, members)
	{
		const Member *other = lfirst(lc);

		if (other == member)
			return;
		if (other->seq == NULL || strcmp(other->cluster, member->cluster) != 0 ||
			!node_equal(other->seq, member->seq) || member->seq->kind != NODE_INT)
			continue;
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, member->seq,
				   spec_path_key(path, "pg_seq"), NULL,
				   "hosts \"%s\" and \"%s\" have the same \"pg_seq\" " INT64_FORMAT,
				   other->host->key, member->host->key, member->seq->integer);
		return;
	}
}

/* whether the member is the first of its cluster, and how many primaries that has */
static bool
count_primaries(const Member *member, const List *members, int *primaries)
{
	bool		first = true;
	bool		seen = false;
	ListCell   *lc;

	*primaries = 0;
	foreach(lc, members)
	{
		const Member *other = lfirst(lc);

		if (strcmp(other->cluster, member->cluster) != 0)
			continue;
		if (other == member)
			seen = true;
		else if (!seen)
			first = false;
		*primaries += strcmp(other->role, "primary") == 0;
	}
	return first;
}

void
spec_check_identity(const char *cluster, const SpecNode *body, const char *path,
					Findings *findings)
{
	const SpecNode *vars = node_get(body, "vars");
	const SpecNode *hosts = node_get(body, "hosts");
	List	   *members = list_members(cluster, hosts, vars);
	ListCell   *lc;

	if (hosts == NULL || hosts->kind == NODE_NULL ||
		(hosts->kind == NODE_MAP && hosts->entries == NIL))
		spec_error(findings, ERRCODE_PGOPS_MISSING, hosts == NULL ? body : hosts, path, NULL,
				   "cluster \"%s\" has no hosts", cluster);

	foreach(lc, members)
	{
		const Member *member = lfirst(lc);
		char	   *below = spec_path_key(spec_path_key(path, "hosts"), member->host->key);
		SpecNode	at = spec_place_of_key(member->host);
		int			primaries;

		check_seq(member, members, below, findings);
		if (count_primaries(member, members, &primaries) && primaries == 0)
			spec_error(findings, ERRCODE_PGOPS_MISSING, hosts, path,
					   "Give one host \"pg_role: primary\"; without \"pg_role\" a host is a replica.",
					   "cluster \"%s\" has no primary", member->cluster);
		if (primaries > 1 && strcmp(member->role, "primary") == 0)
			spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, &at, below,
					   "Exactly one host may have \"pg_role: primary\".",
					   "cluster \"%s\" has %d primaries, one of them \"%s\"",
					   member->cluster, primaries, member->host->key);
	}
}

/* items of a list parameter, or of its default if it is not declared */
static List *
items_of(const SpecNode *vars, const char *param, bool *declared)
{
	const SpecNode *value = node_get(vars, param);

	*declared = value != NULL && value->kind != NODE_NULL;
	if (!*declared)
		value = catalogue_default(param);
	return value == NULL || value->kind != NODE_LIST ? NIL : value->items;
}

/* items by their names; of two with one name the first counts */
static SpecNames *
index_items(const List *items)
{
	SpecNames  *names = spec_names_create();
	ListCell   *lc;

	foreach(lc, items)
	{
		const char *name = spec_item_name(lfirst(lc));

		if (name != NULL)
			(void) spec_names_add(names, name, lfirst(lc));
	}
	return names;
}

/* an item of the second list with the name of one of the first */
static void
check_across(const SpecNode *vars, const char *base, const char *param, const char *what,
			 const char *path, Findings *findings)
{
	bool		base_declared;
	bool		declared;
	SpecNames  *base_names = index_items(items_of(vars, base, &base_declared));
	List	   *items = items_of(vars, param, &declared);
	ListCell   *lc;
	int			i = 0;

	foreach(lc, items)
	{
		const SpecNode *item = lfirst(lc);
		const char *name = spec_item_name(item);
		char	   *below = spec_path_item(spec_path_key(path, param), i++);

		if (name == NULL || spec_names_find(base_names, name) == NULL)
			continue;
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, item, below,
				   base_declared ? NULL :
				   psprintf("It is one of the defaults; declare \"%s\" to change those.", base),
				   "%s \"%s\" is in \"%s\" already", what, name, base);
	}
}

/* port of a service; 0: none that can be compared */
static int64
service_port(const SpecNode *service)
{
	const SpecNode *port = node_get(service, "port");

	return port != NULL && port->kind == NODE_INT ? port->integer : 0;
}

static void
check_service_ports(const SpecNode *vars, const char *path, Findings *findings)
{
	bool		default_declared;
	bool		declared;
	List	   *defaults = items_of(vars, "pg_default_services", &default_declared);
	List	   *own = items_of(vars, "pg_services", &declared);
	List	   *all = list_concat_copy(defaults, own);

	for (int i = 1; i < list_length(all); i++)
	{
		const SpecNode *service = list_nth(all, i);
		int64		port = service_port(service);
		bool		is_own = i >= list_length(defaults);
		char	   *below = is_own ?
			spec_path_item(spec_path_key(path, "pg_services"), i - list_length(defaults)) :
			spec_path_item(spec_path_key(path, "pg_default_services"), i);

		for (int j = 0; port != 0 && j < i; j++)
		{
			const SpecNode *other = list_nth(all, j);
			const char *other_name = spec_item_name(other);

			if (service_port(other) != port)
				continue;
			spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, node_get(service, "port"),
					   spec_path_key(below, "port"), NULL,
					   "port " INT64_FORMAT " is taken by service \"%s\" already",
					   port, other_name == NULL ? "" : other_name);
			break;
		}
	}
}

/* a role that something present needs must not be declared absent */
static void
check_needed_role(const SpecNames *roles, const SpecNode *name, const char *what,
				  const char *path, Findings *findings)
{
	const SpecNode *role;

	if (name == NULL || name->kind == NODE_NULL || name->text == NULL)
		return;
	role = spec_names_find(roles, name->text);
	if (role != NULL && spec_item_absent(role))
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, name, path, NULL,
				   "%s \"%s\" is declared absent", what, name->text);
}

/* the groups of the roles of one list */
static void
check_memberships(const SpecNames *roles, const SpecNode *vars, const char *param,
				  const char *path, Findings *findings)
{
	bool		declared;
	List	   *items = items_of(vars, param, &declared);
	ListCell   *lc;
	int			i = 0;

	foreach(lc, items)
	{
		const SpecNode *user = lfirst(lc);
		const SpecNode *groups = node_get(user, "roles");
		char	   *below = spec_path_item(spec_path_key(path, param), i++);
		ListCell   *lg;
		int			g = 0;

		if (spec_item_absent(user) || groups == NULL || groups->kind != NODE_LIST)
			continue;
		foreach(lg, groups->items)
		{
			const SpecNode *group = lfirst(lg);
			char	   *where = spec_path_item(spec_path_key(below, "roles"), g++);

			if (!spec_item_absent(group))
				check_needed_role(roles, group->kind == NODE_MAP ? node_get(group, "name") : group,
								  "role", where, findings);
		}
	}
}

static void
check_databases(const SpecNames *roles, const SpecNode *vars, const char *path, Findings *findings)
{
	bool		declared;
	List	   *databases = items_of(vars, "pg_databases", &declared);
	SpecNames  *names = index_items(databases);
	ListCell   *lc;
	int			i = 0;

	foreach(lc, databases)
	{
		const SpecNode *database = lfirst(lc);
		const SpecNode *template = node_get(database, "template");
		const SpecNode *schemas = node_get(database, "schemas");
		char	   *below = spec_path_item(spec_path_key(path, "pg_databases"), i++);
		ListCell   *ls;
		int			s = 0;

		if (spec_item_absent(database))
			continue;
		check_needed_role(roles, node_get(database, "owner"), "owner",
						  spec_path_key(below, "owner"), findings);
		if (template != NULL && template->text != NULL)
		{
			const SpecNode *source = spec_names_find(names, template->text);

			if (source != NULL && spec_item_absent(source))
				spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, template,
						   spec_path_key(below, "template"), NULL,
						   "template \"%s\" is declared absent", template->text);
		}
		foreach(ls, schemas == NULL ? NIL : schemas->items)
		{
			char	   *where = spec_path_item(spec_path_key(below, "schemas"), s++);

			if (!spec_item_absent(lfirst(ls)))
				check_needed_role(roles, node_get(lfirst(ls), "owner"), "owner",
								  spec_path_key(where, "owner"), findings);
		}
	}
}

/* a role on the search for circles of memberships */
typedef struct RoleVisit
{
	const SpecNode *role;
	char	   *path;
	bool		entered;
	bool		left;
} RoleVisit;

/*
 * Follows the memberships of a role.  A group that was entered and not left
 * yet closes a circle, which the server would refuse whatever the order.
 */
static void
visit_role(RoleVisit *visit, const SpecNames *visits, Findings *findings)
{
	const SpecNode *groups = node_get(visit->role, "roles");
	ListCell   *lc;
	int			i = 0;

	check_stack_depth();
	visit->entered = true;
	foreach(lc, groups == NULL ? NIL : groups->items)
	{
		const SpecNode *group = lfirst(lc);
		const char *name = spec_item_name(group);
		RoleVisit  *next = name == NULL ? NULL : spec_names_find(visits, name);
		char	   *where = spec_path_item(spec_path_key(visit->path, "roles"), i++);

		/* a role in itself is reported with the role */
		if (next == NULL || next == visit || spec_item_absent(group))
			continue;
		if (!next->entered)
			visit_role(next, visits, findings);
		else if (!next->left)
			spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, group, where, NULL,
					   "role \"%s\" is, through its own groups, a member of \"%s\" already",
					   name, spec_item_name(visit->role));
	}
	visit->left = true;
}

static void
check_circles(const SpecNode *vars, const char *path, Findings *findings)
{
	static const char *const params[] = {"pg_default_roles", "pg_users", NULL};
	SpecNames  *visits = spec_names_create();
	List	   *all = NIL;
	ListCell   *lc;

	for (int p = 0; params[p] != NULL; p++)
	{
		bool		declared;
		int			i = 0;

		foreach(lc, items_of(vars, params[p], &declared))
		{
			const char *name = spec_item_name(lfirst(lc));
			RoleVisit  *visit = palloc0(sizeof(RoleVisit));

			visit->role = lfirst(lc);
			visit->path = spec_path_item(spec_path_key(path, params[p]), i++);
			if (name != NULL && spec_names_add(visits, name, visit) == NULL)
				all = lappend(all, visit);
		}
	}
	foreach(lc, all)
	{
		RoleVisit  *visit = lfirst(lc);

		if (!visit->entered)
			visit_role(visit, visits, findings);
	}
}

void
spec_check_cross(const SpecNode *vars, const char *path, Findings *findings)
{
	bool		declared;
	List	   *items;
	SpecNames  *roles;

	if (vars != NULL && vars->kind != NODE_MAP)
		vars = NULL;
	items = list_concat_copy(items_of(vars, "pg_default_roles", &declared),
							 items_of(vars, "pg_users", &declared));
	roles = index_items(items);

	check_across(vars, "pg_default_roles", "pg_users", "user", path, findings);
	check_across(vars, "pg_default_services", "pg_services", "service", path, findings);
	check_service_ports(vars, path, findings);
	check_memberships(roles, vars, "pg_default_roles", path, findings);
	check_memberships(roles, vars, "pg_users", path, findings);
	check_circles(vars, path, findings);
	check_databases(roles, vars, path, findings);
}
