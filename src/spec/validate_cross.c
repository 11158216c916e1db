/*
 * validate_cross.c
 *		Rules between the parameters of one cluster: who is who among its
 *		instances, and objects that collide with or contradict each other.
 *
 * Not for: names that are not declared at all; the server may know them
 * (plan/check.h).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/names.h"
#include "spec/validate.h"

/* a cluster that hosts of the group belong to: nearly always the group itself */
typedef struct Team
{
	int			primaries;		/* members with pg_role primary */
	bool		judged;			/* the lack of a primary has been reported */
	SpecNames  *seqs;			/* pg_seq as text, to the Member that has it */
} Team;

/* an instance as its host's and its cluster's variables make it */
typedef struct Member
{
	const SpecEntry *host;
	const char *cluster;		/* host level pg_cluster wins over the group's name */
	Team	   *team;			/* shared by the members of a cluster */
	const SpecNode *seq;		/* NULL: none */
	bool		primary;
} Member;

/*
 * A variable of a host by precedence, as model_declared_param() sees it: one
 * that the host sets to null hides the cluster's, and then there is none.
 */
static const SpecNode *
effective(const SpecEntry *host, const SpecNode *vars, const char *param)
{
	const SpecNode *value = node_get(host->value, param);

	if (value == NULL)
		value = node_get(vars, param);
	return value == NULL || value->kind == NODE_NULL ? NULL : value;
}

/* the team of a cluster, made when its first member comes */
static Team *
team_of(SpecNames *teams, const char *cluster)
{
	Team	   *team = spec_names_find(teams, cluster);

	if (team == NULL)
	{
		team = palloc0(sizeof(Team));
		team->seqs = spec_names_create();
		(void) spec_names_add(teams, cluster, team);
	}
	return team;
}

/* members of the group; a host that holds several instances by pg_instances counts for none */
static List *
list_members(const char *cluster, const SpecNode *hosts, const SpecNode *vars)
{
	List	   *members = NIL;
	SpecNames  *teams = spec_names_create();
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
		member->team = team_of(teams, member->cluster);
		member->seq = effective(host, vars, "pg_seq");
		member->primary = role != NULL && role->text != NULL &&
			strcmp(role->text, "primary") == 0;
		member->team->primaries += member->primary;
		members = lappend(members, member);
	}
	return members;
}

/* pg_seq of one member: there, and not one of an earlier member of its cluster */
static void
check_seq(const Member *member, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(member->host);
	const Member *other;

	if (member->seq == NULL)
	{
		spec_error(findings, ERRCODE_PGOPS_MISSING, &at, path, NULL,
				   "host \"%s\" has no \"pg_seq\"", member->host->key);
		return;
	}
	if (member->seq->kind != NODE_INT)
		return;					/* reported as a wrong type */
	other = spec_names_add(member->team->seqs, node_text(member->seq),
						   unconstify(Member *, member));
	if (other != NULL)
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, member->seq,
				   spec_path_key(path, "pg_seq"), NULL,
				   "hosts \"%s\" and \"%s\" have the same \"pg_seq\" " INT64_FORMAT,
				   other->host->key, member->host->key, member->seq->integer);
}

/*
 * Exactly one primary for each cluster.  That there is none is said once, of
 * the cluster; that there are several, of each of them.
 */
static void
check_primary(const Member *member, const SpecNode *hosts, const char *path,
			  const char *below, Findings *findings)
{
	Team	   *team = member->team;
	SpecNode	at = spec_place_of_key(member->host);

	if (team->primaries == 0 && !team->judged)
		spec_error(findings, ERRCODE_PGOPS_MISSING, hosts, path,
				   "Give one host \"pg_role: primary\"; without \"pg_role\" a host is a replica.",
				   "cluster \"%s\" has no primary", member->cluster);
	team->judged = true;
	if (team->primaries > 1 && member->primary)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, &at, below,
				   "Exactly one host may have \"pg_role: primary\".",
				   "cluster \"%s\" has %d primaries, one of them \"%s\"",
				   member->cluster, team->primaries, member->host->key);
}

/*
 * spec_check_identity
 *		What makes instances of hosts: pg_seq, which numbers them, and pg_role,
 *		of which each cluster has one primary.  A group may hold hosts of
 *		several clusters (shards), so everything is counted by cluster.
 */
void
spec_check_identity(const char *cluster, const SpecNode *body, const char *path,
					Findings *findings)
{
	const SpecNode *vars = node_get(body, "vars");
	const SpecNode *hosts = node_get(body, "hosts");
	char	   *hosts_path = spec_path_key(path, "hosts");
	ListCell   *lc;

	if (hosts == NULL || hosts->kind == NODE_NULL ||
		(hosts->kind == NODE_MAP && hosts->entries == NIL))
		spec_error(findings, ERRCODE_PGOPS_MISSING, hosts == NULL ? body : hosts, path, NULL,
				   "cluster \"%s\" has no hosts", cluster);

	foreach(lc, list_members(cluster, hosts, vars))
	{
		const Member *member = lfirst(lc);
		char	   *below = spec_path_key(hosts_path, member->host->key);

		check_seq(member, below, findings);
		check_primary(member, hosts, path, below, findings);
		pfree(below);
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
		int			index = i++;

		if (name == NULL || spec_names_find(base_names, name) == NULL)
			continue;
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, item,
				   spec_path_item(spec_path_key(path, param), index),
				   base_declared ? NULL :
				   psprintf("It is one of the defaults; declare \"%s\" to change those.", base),
				   "%s \"%s\" is in \"%s\" already", what, name, base);
	}
}

/*
 * A port that two services claim, of the defaults and the declared ones
 * together: one proxy serves them all.
 */
static void
check_service_ports(const SpecNode *vars, const char *path, Findings *findings)
{
	static const char *const params[] = {"pg_default_services", "pg_services", NULL};
	SpecNames  *ports = spec_names_create();

	for (int p = 0; params[p] != NULL; p++)
	{
		char	   *list = spec_path_key(path, params[p]);
		bool		declared;
		int			i = 0;
		ListCell   *lc;

		foreach(lc, items_of(vars, params[p], &declared))
		{
			SpecNode   *service = lfirst(lc);
			const SpecNode *port = node_get(service, "port");
			const SpecNode *other;
			const char *other_name;
			int			index = i++;

			if (port == NULL || port->kind != NODE_INT)
				continue;		/* reported, or a placeholder */
			other = spec_names_add(ports, node_text(port), service);
			if (other == NULL)
				continue;
			other_name = spec_item_name(other);
			spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, port,
					   spec_path_key(spec_path_item(list, index), "port"), NULL,
					   "port " INT64_FORMAT " is taken by service \"%s\" already",
					   port->integer, other_name == NULL ? "" : other_name);
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
			pfree(where);
		}
	}
}

/*
 * Owners and templates that are declared absent.  Those that are not declared
 * at all may be on the server already, which is for plan/check.h to find out.
 */
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
			pfree(where);
		}
	}
}

/* a role on the search for circles of memberships */
typedef struct RoleVisit
{
	const SpecNode *role;
	char	   *path;
	struct RoleVisit *from;		/* the member through which we came */
	int			next;			/* index of the group to look at next */
	bool		entered;
	bool		left;
} RoleVisit;

/*
 * The next group of a role that the search has not entered yet, or NULL when
 * all were looked at.  A group that was entered and not left closes a circle,
 * which the server would refuse whatever the order.
 */
static RoleVisit *
next_group(RoleVisit *visit, const SpecNames *visits, Findings *findings)
{
	const SpecNode *groups = node_get(visit->role, "roles");

	while (groups != NULL && visit->next < list_length(groups->items))
	{
		const SpecNode *group = list_nth(groups->items, visit->next);
		const char *name = spec_item_name(group);
		RoleVisit  *next = name == NULL ? NULL : spec_names_find(visits, name);
		int			index = visit->next++;

		/* a role in itself is reported with the role */
		if (next == NULL || next == visit || spec_item_absent(group))
			continue;
		if (!next->entered)
			return next;
		if (!next->left)
			spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, group,
					   spec_path_item(spec_path_key(visit->path, "roles"), index), NULL,
					   "role \"%s\" is, through its own groups, a member of \"%s\" already",
					   name, spec_item_name(visit->role));
	}
	return NULL;
}

/*
 * Follows the memberships of a role, depth first.  Not by recursion: a chain
 * of roles may be longer than the stack allows, and that must not raise.
 */
static void
visit_role(RoleVisit *visit, const SpecNames *visits, Findings *findings)
{
	visit->entered = true;
	while (visit != NULL)
	{
		RoleVisit  *next = next_group(visit, visits, findings);

		if (next != NULL)
		{
			next->entered = true;
			next->from = visit;
		}
		else
		{
			visit->left = true;
			next = visit->from;
		}
		visit = next;
	}
}

/*
 * Circles of memberships over both lists of roles.  Each role is visited once,
 * so each circle is reported once, where it closes.
 */
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

/*
 * Looks at the catalogue's defaults as well as at declared values: a user may
 * collide with a default role that the document never mentions.  Global
 * variables are not known here.
 */
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
