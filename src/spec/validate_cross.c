/*
 * validate_cross.c
 *		Rules between the parameters of one level: objects that collide with
 *		or contradict each other.
 *
 * A level sees what it inherits: users of a cluster may collide with default
 * roles that are declared for all.  What it only inherits is not looked at
 * again, for it is looked at where it is declared.
 *
 * Not for: names that are not declared at all; the server may know them
 * (plan/check.h).  Ports (validate_port.c), instances (validate_identity.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/names.h"
#include "spec/validate.h"

/* a list parameter as the level has it */
typedef struct ItemList
{
	List	   *items;			/* of SpecNode *, from the catalogue if nobody declares it */
	char	   *path;			/* where it is declared: all.pg_users */
	bool		declared;
	bool		own;			/* declared at this very level */
} ItemList;

/* the lists that have to do with each other */
typedef struct Lists
{
	ItemList	default_roles;
	ItemList	users;
	ItemList	databases;
	ItemList	default_services;
	ItemList	services;
} Lists;

/* items of a list parameter, or of its default if it is not declared */
static ItemList
items_of(const GroupView *view, const char *param)
{
	ItemList	list = {NIL};
	const char *origin = view->path;
	const SpecNode *value = spec_view_value(view, param, &origin);

	list.declared = value != NULL;
	list.own = list.declared && strcmp(origin, view->path) == 0;
	if (value == NULL)
		value = catalogue_default_value(param);
	list.items = value == NULL || value->kind != NODE_LIST ? NIL : value->items;
	list.path = spec_path_key(origin, param);
	return list;
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
check_across(const ItemList *base, const char *base_param, const ItemList *list,
			 const char *what, Findings *findings)
{
	SpecNames  *base_names;
	ListCell   *lc;
	int			i = 0;

	if (!base->own && !list->own)
		return;
	base_names = index_items(base->items);
	foreach(lc, list->items)
	{
		const SpecNode *item = lfirst(lc);
		const char *name = spec_item_name(item);
		int			index = i++;

		if (name == NULL || spec_names_find(base_names, name) == NULL)
			continue;
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, item,
				   spec_path_item(list->path, index),
				   base->declared ? NULL :
				   psprintf("It is one of the defaults; declare \"%s\" to change those.",
							base_param),
				   "%s \"%s\" is in \"%s\" already", what, name, base_param);
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
check_memberships(const SpecNames *roles, const ItemList *list, Findings *findings)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, list->items)
	{
		const SpecNode *user = lfirst(lc);
		const SpecNode *groups = node_get(user, "roles");
		char	   *below = spec_path_item(list->path, i++);
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
check_databases(const SpecNames *roles, const ItemList *databases, Findings *findings)
{
	SpecNames  *names = index_items(databases->items);
	ListCell   *lc;
	int			i = 0;

	foreach(lc, databases->items)
	{
		const SpecNode *database = lfirst(lc);
		const SpecNode *template = node_get(database, "template");
		const SpecNode *schemas = node_get(database, "schemas");
		char	   *below = spec_path_item(databases->path, i++);
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

/* the roles of one list, ready to be visited */
static List *
add_visits(List *all, SpecNames *visits, const ItemList *list)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, list->items)
	{
		const char *name = spec_item_name(lfirst(lc));
		RoleVisit  *visit = palloc0(sizeof(RoleVisit));

		visit->role = lfirst(lc);
		visit->path = spec_path_item(list->path, i++);
		if (name != NULL && spec_names_add(visits, name, visit) == NULL)
			all = lappend(all, visit);
	}
	return all;
}

/*
 * Circles of memberships over both lists of roles.  Each role is visited once,
 * so each circle is reported once, where it closes.
 */
static void
check_circles(const Lists *lists, Findings *findings)
{
	SpecNames  *visits = spec_names_create();
	List	   *all = add_visits(NIL, visits, &lists->default_roles);
	ListCell   *lc;

	all = add_visits(all, visits, &lists->users);
	foreach(lc, all)
	{
		RoleVisit  *visit = lfirst(lc);

		if (!visit->entered)
			visit_role(visit, visits, findings);
	}
}

/* whatever names roles: users' groups, owners */
static void
check_roles(const Lists *lists, Findings *findings)
{
	SpecNames  *roles = index_items(list_concat_copy(lists->default_roles.items,
													 lists->users.items));
	bool		own = lists->default_roles.own || lists->users.own;

	if (own)
	{
		check_memberships(roles, &lists->default_roles, findings);
		check_memberships(roles, &lists->users, findings);
		check_circles(lists, findings);
	}
	if (own || lists->databases.own)
		check_databases(roles, &lists->databases, findings);
}

/* whether the level itself declares any of the lists: most groups do not */
static bool
declares_lists(const GroupView *view)
{
	static const char *const params[] = {
		"pg_default_roles", "pg_users", "pg_databases", "pg_default_services", "pg_services", NULL
	};
	const SpecNode *vars = view->group == NULL ? view->inventory->vars : view->group->vars;

	for (int i = 0; params[i] != NULL; i++)
	{
		if (node_get(vars, params[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * Looks at the catalogue's defaults as well as at declared values: a user may
 * collide with a default role that the document never mentions.
 */
void
spec_check_cross(const GroupView *view, Findings *findings)
{
	Lists		lists;

	spec_check_backup(view, findings);
	spec_check_ha_level(view, findings);
	if (!declares_lists(view))
		return;
	lists.default_roles = items_of(view, "pg_default_roles");
	lists.users = items_of(view, "pg_users");
	lists.databases = items_of(view, "pg_databases");
	lists.default_services = items_of(view, "pg_default_services");
	lists.services = items_of(view, "pg_services");

	check_across(&lists.default_roles, "pg_default_roles", &lists.users, "user", findings);
	check_across(&lists.default_services, "pg_default_services", &lists.services, "service",
				 findings);
	check_roles(&lists, findings);
}
