/*
 * document.c
 *		What is declared, as documents that others read.
 *
 * The dynamic inventory is written straight into a buffer: as a tree it would
 * have a map of all hosts, and maps are searched key by key.
 *
 * Not for: reading the tables (load.c), YAML (spec/yaml_write.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/json.h"

#include "cmdb/document.h"

/* ---- Ansible's form ---- */

/* writes "key": with what separates it from the one before */
static void
begin_member(StringInfo out, bool *first, const char *key)
{
	appendStringInfoString(out, *first ? "" : ", ");
	*first = false;
	escape_json(out, key);
	appendStringInfoString(out, ": ");
}

/* names of the groups that are mentioned in a list of InventoryChild */
static void
write_children(StringInfo out, const List *children, const InventoryGroup *ungrouped)
{
	bool		first = true;
	ListCell   *lc;

	appendStringInfoChar(out, '[');
	foreach(lc, children)
	{
		appendStringInfoString(out, first ? "" : ", ");
		first = false;
		escape_json(out, ((const InventoryChild *) lfirst(lc))->group->name);
	}
	if (ungrouped != NULL)
	{
		appendStringInfoString(out, first ? "" : ", ");
		escape_json(out, ungrouped->name);
	}
	appendStringInfoChar(out, ']');
}

static void
write_hosts(StringInfo out, const SpecNode *hosts)
{
	const char *separator = "";
	ListCell   *lc;

	appendStringInfoChar(out, '[');
	foreach(lc, hosts->entries)
	{
		appendStringInfoString(out, separator);
		separator = ", ";
		escape_json(out, ((const SpecEntry *) lfirst(lc))->key);
	}
	appendStringInfoChar(out, ']');
}

/*
 * A group with none of the three keys would be a host of its own name to
 * Ansible (an old short form), hence the empty list of hosts.
 */
static void
write_group(StringInfo out, const InventoryGroup *group)
{
	bool		first = true;

	appendStringInfoChar(out, '{');
	if (group->hosts->entries != NIL ||
		(group->children == NIL && group->vars->entries == NIL))
	{
		begin_member(out, &first, "hosts");
		write_hosts(out, group->hosts);
	}
	if (group->children != NIL)
	{
		begin_member(out, &first, "children");
		write_children(out, group->children, NULL);
	}
	if (group->vars->entries != NIL)
	{
		begin_member(out, &first, "vars");
		node_to_json(out, group->vars);
	}
	appendStringInfoChar(out, '}');
}

static void
write_all(StringInfo out, const Inventory *inventory)
{
	const InventoryGroup *ungrouped = inventory_group(inventory, INVENTORY_UNGROUPED);
	bool		first = true;

	if (ungrouped != NULL && inventory_group_mentioned(inventory, ungrouped))
		ungrouped = NULL;
	appendStringInfoChar(out, '{');
	begin_member(out, &first, "children");
	write_children(out, inventory->children, ungrouped);
	if (inventory->vars->entries != NIL)
	{
		begin_member(out, &first, "vars");
		node_to_json(out, inventory->vars);
	}
	appendStringInfoChar(out, '}');
}

/*
 * Variables stand where they were declared, and Ansible finds out itself which
 * one wins.  Only those of a host, which groups can set as well, are merged:
 * the format has one place for them.
 */
void
cmdb_inventory_json(StringInfo out, const Inventory *inventory)
{
	bool		first = true;
	ListCell   *lc;

	appendStringInfoChar(out, '{');
	begin_member(out, &first, "all");
	write_all(out, inventory);
	foreach(lc, inventory->groups)
	{
		const InventoryGroup *group = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		begin_member(out, &first, group->name);
		write_group(out, group);
	}

	/* without this key Ansible would call the script once for each host */
	begin_member(out, &first, "_meta");
	appendStringInfoString(out, "{\"hostvars\": {");
	first = true;
	foreach(lc, inventory->hosts)
	{
		const InventoryHost *host = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		begin_member(out, &first, host->name);
		node_to_json(out, inventory_host_vars(inventory, host->name));
	}
	appendStringInfoString(out, "}}}");
}

/* ---- one cluster ---- */

SpecNode *
cmdb_body_document(const char *name, const SpecNode *body)
{
	static const char *const sections[] = {"hosts", "vars"};
	SpecNode   *document = node_map();
	SpecNode   *group = node_map();

	for (int i = 0; i < lengthof(sections); i++)
	{
		SpecNode   *section = node_get(body, sections[i]);

		if (section != NULL && section->entries != NIL)
			node_map_set(group, sections[i], section);
	}
	node_map_set(document, name, group);
	return document;
}
