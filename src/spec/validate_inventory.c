/*
 * validate_inventory.c
 *		A whole inventory against the catalogue: clusters in full, known
 *		parameters at every other level, and what lies between groups.
 *
 * Not for: its structure (inventory_read.c), a cluster by itself (validate.c),
 * clusters against each other (validate_fleet.c, validate_port.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/inventory_parts.h"
#include "spec/spec.h"
#include "spec/validate.h"

/* ---- Jinja ---- */

static bool
has_pair(const char *text, const char *opening, const char *closing)
{
	const char *start = strstr(text, opening);

	return start != NULL && strstr(start, closing) != NULL;
}

/* closed as well as opened: passwords may have two braces in a row */
bool
spec_is_jinja(const SpecNode *node)
{
	return node->kind == NODE_STRING && node->text != NULL &&
		(has_pair(node->text, "{{", "}}") || has_pair(node->text, "{%", "%}"));
}

static void
find_jinja(const SpecNode *node, const char *root, const SpecPlace *above, Findings *findings)
{
	SpecPlace	place = {above};
	ListCell   *lc;

	check_stack_depth();
	if (spec_is_jinja(node))
		finding_add(findings, FINDING_NOTICE, ERRCODE_PGOPS_NOT_SUPPORTED, node,
					spec_place_path(root, above),
					"Ansible evaluates it; pgops itself takes the text.",
					"Jinja expression is kept as it is, not evaluated");
	foreach(lc, node->items)
	{
		find_jinja(lfirst(lc), root, &place, findings);
		place.index++;
	}
	foreach(lc, node->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		place.key = entry->key;
		find_jinja(entry->value, root, &place, findings);
	}
}

static void
report_jinja(const SpecNode *node, const char *path, Findings *findings)
{
	find_jinja(node, path, NULL, findings);
}

/* ---- levels ---- */

/* Ansible takes the priority of a group for a number, or stops */
static void
check_priority(const SpecNode *vars, const char *path, Findings *findings)
{
	int			priority;

	if (!inventory_priority(vars, &priority))
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, node_get(vars, INVENTORY_PRIORITY),
				   spec_path_key(path, INVENTORY_PRIORITY), NULL,
				   "\"%s\" must be an integer", INVENTORY_PRIORITY);
}

/* a group that is no cluster: what it says of parameters that are known must be right */
static void
check_other_group(const GroupView *view, Findings *findings)
{
	const InventoryGroup *group = view->group;

	spec_check_hosts(group->hosts, spec_path_key(view->path, "hosts"), false, findings);
	spec_check_vars(group->vars, view->path, "\"vars\"", false, findings);
	spec_check_cross(view, findings);
}

static void
check_group(GroupView *view, Findings *findings)
{
	const InventoryGroup *group = view->group;

	if (strcmp(group->kind, INVENTORY_PGSQL) == 0)
		spec_check_cluster(view, findings);
	else
		check_other_group(view, findings);
	check_priority(group->vars, group->name, findings);
	report_jinja(group->hosts, spec_path_key(view->path, "hosts"), findings);
	report_jinja(group->vars, view->path, findings);
}

void
spec_validate_globals(Inventory *inventory, Findings *findings)
{
	spec_check_vars(inventory->vars, INVENTORY_ALL, "\"vars\"", false, findings);
	check_priority(inventory->vars, INVENTORY_ALL, findings);
	report_jinja(inventory->vars, INVENTORY_ALL, findings);
	spec_check_cross(spec_view_create(inventory, NULL, NULL), findings);
}

/* ---- hosts in several groups ---- */

/* a variable of a host, and the group that sets it */
typedef struct HostVariable
{
	const InventoryGroup *group;
	const SpecEntry *entry;
} HostVariable;

/*
 * The later of two values replaces the earlier one wherever the host is used,
 * also below the group that set it: rarely meant, and never seen.
 */
static void
report_override(const Inventory *inventory, const InventoryHost *host,
				const HostVariable *earlier, const HostVariable *later, Findings *findings)
{
	finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, later->entry->value,
				psprintf("%s.hosts.%s.%s", inventory_path(inventory, later->group), host->name,
						 later->entry->key),
				"Variables of a host are one set for all groups: say it in one place, or as a variable of the groups.",
				earlier->entry->line > 0 ?
				"variable \"%s\" of host \"%s\" replaces another value, set below group \"%s\" (line %d)" :
				"variable \"%s\" of host \"%s\" replaces another value, set below group \"%s\"",
				later->entry->key, host->name, inventory_path(inventory, earlier->group),
				earlier->entry->line);
}

/* the host's variables below each of its groups; asked: groups whose findings are wanted, NULL: all */
static void
check_host(const Inventory *inventory, const InventoryHost *host, const SpecNames *asked,
		   Findings *findings)
{
	SpecNames  *seen = spec_names_create();
	ListCell   *lg;
	ListCell   *lv;
	ListCell   *lc;

	forboth(lg, host->groups, lv, host->vars)
	{
		const InventoryGroup *group = lfirst(lg);

		foreach(lc, ((SpecNode *) lfirst(lv))->entries)
		{
			HostVariable *variable = palloc(sizeof(HostVariable));
			HostVariable *earlier;

			variable->group = group;
			variable->entry = lfirst(lc);
			earlier = spec_names_add(seen, variable->entry->key, variable);
			if (earlier == NULL || node_equal(earlier->entry->value, variable->entry->value))
				continue;
			if (asked == NULL || spec_names_find(asked, group->name) != NULL ||
				spec_names_find(asked, earlier->group->name) != NULL)
				report_override(inventory, host, earlier, variable, findings);
			*earlier = *variable;
		}
	}
	spec_names_free(seen);
}

static void
check_hosts(const Inventory *inventory, const SpecNames *asked, Findings *findings)
{
	ListCell   *lc;

	foreach(lc, inventory->hosts)
	{
		const InventoryHost *host = lfirst(lc);

		if (list_length(host->groups) > 1)
			check_host(inventory, host, asked, findings);
	}
}

/* ---- everything ---- */

/* the names as a table; NULL if all groups are meant */
static SpecNames *
index_names(const List *names)
{
	SpecNames  *index = NULL;
	ListCell   *lc;

	foreach(lc, names)
	{
		if (index == NULL)
			index = spec_names_create();
		(void) spec_names_add(index, lfirst(lc), lfirst(lc));
	}
	return index;
}

/*
 * Clusters as seen by the checks between them, those that are asked for last,
 * for what collides is reported of the later one.
 */
static List *
view_clusters(const List *views)
{
	List	   *others = NIL;
	List	   *asked = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		GroupView  *view = lfirst(lc);

		if (strcmp(view->group->kind, INVENTORY_PGSQL) != 0)
			continue;
		if (view->asked)
			asked = lappend(asked, view);
		else
			others = lappend(others, view);
	}
	return list_concat(others, asked);
}

void
spec_validate_groups(Inventory *inventory, List *names, bool incomplete, Findings *findings)
{
	SpecNames  *asked = index_names(names);
	GroupView  *view = NULL;
	List	   *views = NIL;
	List	   *clusters;
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);

		view = spec_view_create(inventory, group, view);
		CHECK_FOR_INTERRUPTS();
		view->incomplete = incomplete;
		view->asked = asked == NULL || spec_names_find(asked, group->name) != NULL;
		views = lappend(views, view);
		if (view->asked)
			check_group(view, findings);
	}
	clusters = view_clusters(views);
	spec_check_fleet(inventory, clusters, findings);
	spec_check_host_ports(inventory, clusters, findings);
	check_hosts(inventory, asked, findings);
	/* of a whole document its reader has told it */
	if (asked != NULL)
		inventory_check_names(inventory, asked, findings);
}

Inventory *
spec_validate_inventory(SpecNode *document, Findings *findings)
{
	Inventory  *inventory = inventory_read(document, findings);

	if (inventory == NULL)
		return NULL;
	spec_validate_globals(inventory, findings);
	spec_validate_groups(inventory, NIL, false, findings);
	return inventory;
}
