/*
 * inventory_read.c
 *		From a document to an inventory, as Ansible's YAML inventories are
 *		read: groups in the order of the text, each defined in one place and
 *		mentioned anywhere.
 *
 * Stricter than Ansible, which skips with a warning what it does not know, and
 * merges two bodies of one group: what is skipped or merged is hardly ever what
 * was meant.
 *
 * Not for: values (validate.c), what groups mean to each other
 * (validate_inventory.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/inventory_parts.h"
#include "spec/validate.h"

#define GROUP_FORM	"A group looks like name: {hosts: {10.10.10.10: {...}}, children: {...}, vars: {...}}."

typedef struct InventoryReader
{
	Inventory  *inventory;
	SpecNames  *bodies;			/* SpecEntry of a group's definition, by name */
	Findings   *findings;
} InventoryReader;

static void read_children(InventoryReader *reader, InventoryGroup *parent, SpecNode *children,
						  const char *path, bool top);

static bool
is_section(const char *key)
{
	return strcmp(key, "hosts") == 0 || strcmp(key, "children") == 0 ||
		strcmp(key, "vars") == 0;
}

/*
 * A parameter that stands directly in a group is the commonest slip; Ansible
 * ignores it in silence.
 */
static void
check_keys(const char *name, const SpecNode *body, Findings *findings)
{
	static const char *const known[] = {"hosts", "children", "vars", NULL};
	ListCell   *lc;

	foreach(lc, body->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		SpecNode	at = spec_place_of_key(entry);

		if (!is_section(entry->key))
			spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at,
					   spec_path_key(name, entry->key),
					   catalogue_find(entry->key) != NULL ?
					   "Parameters of a group belong under \"vars\"." :
					   entry->value->kind == NODE_MAP && spec_did_you_mean(entry->key, known) == NULL ?
					   "Groups inside a group belong under \"children\"." :
					   spec_did_you_mean(entry->key, known),
					   "unknown key \"%s\" of a group", entry->key);
	}
}

/*
 * A section of a body as a map: null is empty, a bare text is a map of one key
 * without a value ("hosts: node1"), except that variables need values.  NULL
 * if it is not there, or nothing of the kind.
 */
static SpecNode *
section(const char *name, const SpecNode *body, const char *key, Findings *findings)
{
	SpecNode   *value = node_get(body, key);

	if (value == NULL || value->kind == NODE_MAP)
		return value;
	if (value->kind == NODE_STRING && strcmp(key, "vars") != 0)
	{
		SpecNode   *nothing = node_null();

		nothing->line = value->line;
		nothing->column = value->column;
		value->kind = NODE_MAP;
		node_map_set(value, value->text, nothing);
		return value;
	}
	if (value->kind != NODE_NULL)
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, value, spec_path_key(name, key),
				   strcmp(key, "hosts") == 0 ?
				   "Write each host as a key, \"10.10.10.10: { pg_seq: 1, pg_role: primary }\"." :
				   GROUP_FORM,
				   "\"%s\" must be a map of %s", key,
				   strcmp(key, "vars") == 0 ? "parameters" :
				   strcmp(key, "hosts") == 0 ? "hosts" : "groups");
	return NULL;
}

/* whether "hosts" stand before "children" in a body that has both */
static bool
hosts_come_first(const SpecNode *body)
{
	ListCell   *lc;

	foreach(lc, body->entries)
	{
		const char *key = ((SpecEntry *) lfirst(lc))->key;

		if (strcmp(key, "children") == 0)
			return false;
		if (strcmp(key, "hosts") == 0)
			return node_get(body, "children") != NULL;
	}
	return false;
}

/* hosts, variables and children of a group, from the place where it is defined */
static void
read_body(InventoryReader *reader, InventoryGroup *group, const SpecNode *body)
{
	SpecNode   *hosts = section(group->name, body, "hosts", reader->findings);
	SpecNode   *vars = section(group->name, body, "vars", reader->findings);
	SpecNode   *children = section(group->name, body, "children", reader->findings);

	check_keys(group->name, body, reader->findings);
	group->hosts_first = hosts_come_first(body);
	if (hosts != NULL)
		group->hosts = inventory_expand_hosts(hosts, spec_path_key(group->name, "hosts"),
											  reader->findings);
	if (vars != NULL)
		group->vars = vars;
	if (children != NULL)
		read_children(reader, group, children, spec_path_key(group->name, "children"), false);
}

/* a second body of a group: reported, and not looked into */
static void
defined_twice(InventoryReader *reader, const SpecEntry *entry, const SpecEntry *first,
			  const char *path)
{
	SpecNode	at = spec_place_of_key(entry);

	spec_error(reader->findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, &at, path,
			   "Define a group in one place; elsewhere mention its name without a value.",
			   first->line > 0 ? "group \"%s\" is defined twice, first in line %d" :
			   "group \"%s\" is defined twice", entry->key, first->line);
}

/*
 * One mention of a group: with a body (also an empty map) it is the group's
 * definition, else a reference.
 */
static void
read_group(InventoryReader *reader, InventoryGroup *parent, const SpecEntry *entry,
		   const char *path, bool top)
{
	SpecNode	at = spec_place_of_key(entry);
	InventoryGroup *group;
	const SpecEntry *first;
	bool		defines = entry->value->kind == NODE_MAP;

	if (strcmp(entry->key, INVENTORY_ALL) == 0 || strcmp(entry->key, INVENTORY_META) == 0 ||
		entry->key[0] == '\0')
	{
		spec_error(reader->findings, ERRCODE_PGOPS_BAD_NAME, &at, path, NULL,
				   entry->key[0] == '\0' ? "a group must have a name" :
				   entry->key[0] == '_' ?
				   "\"_meta\" cannot be a group: it is where Ansible reads the variables of all hosts" :
				   "group \"all\" holds every group, and cannot lie in another");
		return;
	}
	if (!defines && entry->value->kind != NODE_NULL)
		spec_error(reader->findings, ERRCODE_PGOPS_WRONG_TYPE, entry->value, path, GROUP_FORM,
				   "group must be a map with \"hosts\", \"children\" and \"vars\"");

	first = defines ? spec_names_add(reader->bodies, entry->key, unconstify(SpecEntry *, entry)) : NULL;
	if (first != NULL)
	{
		defined_twice(reader, entry, first, path);
		defines = false;
	}
	group = inventory_add_group(reader->inventory, entry->key);
	inventory_add_child(reader->inventory, parent, group, defines);
	inventory_place_child(reader->inventory, parent, group, entry->line, entry->column);
	if (!defines)
		return;
	group->defined = true;
	group->top = top;
	group->line = entry->line;
	group->column = entry->column;
	read_body(reader, group, entry->value);
}

static void
read_children(InventoryReader *reader, InventoryGroup *parent, SpecNode *children,
			  const char *path, bool top)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, children->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		char	   *below = spec_path_key(path, entry->key);

		CHECK_FOR_INTERRUPTS();
		if (!top || strcmp(entry->key, INVENTORY_ALL) != 0)
			read_group(reader, parent, entry, below, top);
		pfree(below);
	}
}

/*
 * The hosts directly below "all" are the group "ungrouped", which the document
 * may not define besides.
 */
static void
read_ungrouped(InventoryReader *reader, const SpecNode *document, const SpecEntry *all)
{
	SpecNode   *hosts = section(INVENTORY_ALL, all->value, "hosts", reader->findings);
	InventoryGroup *group;

	if (hosts == NULL || hosts->entries == NIL)
		return;
	group = inventory_add_group(reader->inventory, INVENTORY_UNGROUPED);
	if (inventory_group_mentioned(reader->inventory, group))
	{
		spec_error(reader->findings, ERRCODE_PGOPS_CONTRADICTION, hosts, "all.hosts", NULL,
				   "hosts directly below \"all\" are the group \"ungrouped\", which is defined besides");
		return;
	}
	group->defined = true;
	group->hosts_first = node_get(all->value, "children") == NULL ?
		linitial(document->entries) == all : hosts_come_first(all->value);
	group->line = hosts->line;
	group->column = hosts->column;
	group->hosts = inventory_expand_hosts(hosts, "all.hosts", reader->findings);
}

/* the root: its variables are the global ones */
static void
read_all(InventoryReader *reader, const SpecEntry *all)
{
	SpecNode   *body = all->value;
	SpecNode   *vars;
	SpecNode   *children;

	if (body->kind != NODE_MAP)
	{
		if (body->kind != NODE_NULL)
			spec_error(reader->findings, ERRCODE_PGOPS_WRONG_TYPE, body, INVENTORY_ALL,
					   GROUP_FORM,
					   "group must be a map with \"hosts\", \"children\" and \"vars\"");
		return;
	}
	check_keys(INVENTORY_ALL, body, reader->findings);
	vars = section(INVENTORY_ALL, body, "vars", reader->findings);
	children = section(INVENTORY_ALL, body, "children", reader->findings);
	reader->inventory->has_vars = node_get(body, "vars") != NULL;
	if (vars != NULL)
		reader->inventory->vars = vars;
	if (children != NULL)
		read_children(reader, NULL, children, "all.children", false);
}

/*
 * A reader that the document wrote wrongly indented: {pg-meta: ..., vars: ...}.
 * Reported here, for as groups they would only make strange errors.
 */
static bool
check_top_key(InventoryReader *reader, const SpecEntry *entry)
{
	SpecNode	at = spec_place_of_key(entry);

	if (!is_section(entry->key))
		return true;
	spec_error(reader->findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at, entry->key,
			   "It belongs into a group, or into \"all\": indent it.",
			   "\"%s\" is no group", entry->key);
	return false;
}

/*
 * A name without a body that stands below "all" or beside it makes an empty
 * group, unless its body is somewhere else.  Elsewhere it is a reference to
 * something that must exist.
 */
static void
define_bare_groups(const Inventory *inventory)
{
	ListCell   *lc;

	foreach(lc, inventory->children)
	{
		InventoryChild *child = lfirst(lc);

		if (child->group->defined)
			continue;
		child->group->defined = child->defines = true;
		child->group->line = child->line;
		child->group->column = child->column;
	}
}

/* names of all groups that are defined, as candidates for a misspelt one */
static const char *const *
defined_names(const Inventory *inventory)
{
	const char **names = palloc((list_length(inventory->groups) + 1) * sizeof(char *));
	int			count = 0;
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		const InventoryGroup *group = lfirst(lc);

		if (group->defined)
			names[count++] = group->name;
	}
	names[count] = NULL;
	return names;
}

/*
 * Looking for the name that was meant costs a pass over all names, so it is
 * not done for thousands of them.
 */
#define MAX_GUESSES	20

static void
check_references(InventoryReader *reader)
{
	const char *const *names = NULL;
	int			guesses = 0;
	ListCell   *lg;
	ListCell   *lc;

	foreach(lg, reader->inventory->groups)
	{
		const InventoryGroup *group = lfirst(lg);

		foreach(lc, group->children)
		{
			const InventoryChild *child = lfirst(lc);
			SpecNode	at = {.line = child->line, .column = child->column};

			if (child->group->defined)
				continue;
			if (names == NULL)
				names = defined_names(reader->inventory);
			spec_error(reader->findings, ERRCODE_PGOPS_UNRESOLVED, &at,
					   psprintf("%s.children.%s", group->name, child->group->name),
					   guesses++ < MAX_GUESSES ?
					   spec_did_you_mean(child->group->name, names) : NULL,
					   "group \"%s\" is defined nowhere", child->group->name);
		}
	}
}

/* whether one of the groups that list a host, or the group of its name, is asked for */
static bool
is_asked(const SpecNames *asked, const InventoryHost *host)
{
	ListCell   *lc;

	if (asked == NULL || spec_names_find(asked, host->name) != NULL)
		return true;
	foreach(lc, host->groups)
	{
		if (spec_names_find(asked, ((InventoryGroup *) lfirst(lc))->name) != NULL)
			return true;
	}
	return false;
}

/* Ansible would give the one the other's variables. */
void
inventory_check_names(const Inventory *inventory, const SpecNames *asked, Findings *findings)
{
	ListCell   *lc;

	foreach(lc, inventory->hosts)
	{
		const InventoryHost *host = lfirst(lc);
		const InventoryGroup *listing = linitial(host->groups);
		const InventoryGroup *group = inventory_group(inventory, host->name);
		SpecNode	at;

		if ((group == NULL && strcmp(host->name, INVENTORY_ALL) != 0) || !is_asked(asked, host))
			continue;
		at = spec_place_of_key(node_entry(listing->hosts, host->name));
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, &at,
				   psprintf("%s.hosts.%s", inventory_path(inventory, listing), host->name), NULL,
				   group != NULL && group->line > 0 ?
				   "host \"%s\" is called as a group is (line %d)" :
				   "host \"%s\" is called as a group is", host->name,
				   group == NULL ? 0 : group->line);
	}
}

/*
 * Groups that mention each other can make a chain as long as the document; who
 * asks for a variable looks at all of it.  Said of the first that is too deep.
 */
static bool
too_deep(InventoryReader *reader)
{
	ListCell   *lc;

	foreach(lc, reader->inventory->groups)
	{
		const InventoryGroup *group = lfirst(lc);
		SpecNode	at = {.line = group->line, .column = group->column};

		if (group->depth <= SPEC_MAX_DEPTH)
			continue;
		spec_error(reader->findings, ERRCODE_PGOPS_LIMIT, &at, group->name, NULL,
				   "group \"%s\" lies in more than %d groups inside each other",
				   group->name, SPEC_MAX_DEPTH);
		return true;
	}
	return false;
}

Inventory *
inventory_read(SpecNode *document, Findings *findings)
{
	InventoryReader reader = {0};
	const SpecEntry *all;
	ListCell   *lc;

	if (document == NULL || document->kind != NODE_MAP)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, document, NULL, GROUP_FORM,
				   "document must be a map of groups");
		return NULL;
	}
	reader.inventory = inventory_create();
	reader.bodies = spec_names_create();
	reader.findings = findings;
	foreach(lc, document->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (strcmp(entry->key, INVENTORY_ALL) == 0)
			read_all(&reader, entry);
		else if (check_top_key(&reader, entry))
			read_group(&reader, NULL, entry, entry->key, true);
	}
	define_bare_groups(reader.inventory);
	all = node_entry(document, INVENTORY_ALL);
	if (all != NULL)
		read_ungrouped(&reader, document, all);
	check_references(&reader);
	inventory_cut_circles(reader.inventory, findings);
	inventory_finish(reader.inventory);
	inventory_check_names(reader.inventory, NULL, reader.findings);
	return too_deep(&reader) ? NULL : reader.inventory;
}

/*
 * A document of one group without children is a cluster.  Only the shape
 * counts: what is wrong with an inventory must be told as of one.
 */
bool
inventory_is_document(const SpecNode *document)
{
	const SpecEntry *first;

	if (document == NULL || document->kind != NODE_MAP || document->entries == NIL)
		return false;
	first = linitial(document->entries);
	return list_length(document->entries) > 1 ||
		strcmp(first->key, INVENTORY_ALL) == 0 ||
		node_get(first->value, "children") != NULL;
}
