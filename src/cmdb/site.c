/*
 * site.c
 *		The walk that finds the secrets of a body.
 *
 * Which keys are secret is the catalogue's to say; this file adds only which
 * of them are passwords of roles.  Not for: what is done with a secret.
 */
#include "postgres.h"

#include "utils/json.h"

#include "cmdb/site.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "spec/reference.h"

/* parameters that are the password of one role, with the parameter that names it */
static const struct
{
	const char *param;
	const char *role_param;
}			role_passwords[] = {
	{"pg_admin_password", "pg_admin_username"},
	{"pg_dbsu_password", "pg_dbsu"},
	{"pg_monitor_password", "pg_monitor_username"},
	{"pg_replication_password", "pg_replication_username"},
};

/* parameters that list roles, each with its "password" */
static const char *const role_lists[] = {"pg_default_roles", "pg_users"};

/* how the names of parameters end that list access rules */
#define RULE_LISTS		"hba_rules"

typedef struct Walk
{
	SecretVisitor visitor;
	void	   *arg;
	SecretSite	site;
	StringInfoData path;
	StringInfoData where;
} Walk;

static void walk_value(Walk *walk, SpecNode *value, const char *key, bool secret,
					   const SpecNode *parent);

/* ---- paths ---- */

/* letters, digits, '_' and '-', not beginning with a digit: needs no quotes */
static bool
is_plain(const char *name)
{
	if (*name == '\0' || *name == '-' || (*name >= '0' && *name <= '9'))
		return false;
	for (; *name; name++)
	{
		if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			  (*name >= '0' && *name <= '9') || *name == '_' || *name == '-'))
			return false;
	}
	return true;
}

static void
append_quoted(StringInfo path, const char *name)
{
	if (is_plain(name))
		appendStringInfoString(path, name);
	else
		escape_json(path, name);
}

/*
 * A key that holds a dot or a bracket is quoted as in JSON, so that two places
 * never have one path: secrets are found again by it.
 */
void
site_append_key(StringInfo path, const char *key)
{
	if (path->len > 0)
		appendStringInfoChar(path, '.');
	append_quoted(path, key);
}

/*
 * Items are known by name rather than by number: a secret must outlive a change
 * of the order of its list.
 */
void
site_append_name(StringInfo path, const char *name)
{
	appendStringInfoChar(path, '[');
	append_quoted(path, name);
	appendStringInfoChar(path, ']');
}

static void
truncate_path(StringInfo path, int length)
{
	path->len = length;
	path->data[length] = '\0';
}

/*
 * The name belongs to the node.  NULL makes its whole list one that goes by
 * numbers: see site_named_items().
 */
const char *
site_item_name(const SpecNode *item)
{
	if (item->kind == NODE_MAP)
	{
		SpecNode   *name = node_get(item, "name");

		/* users of object storage are known by their key */
		item = name ? name : node_get(item, "access_key");
	}
	return item != NULL && item->kind == NODE_STRING ? item->text : NULL;
}

static int
compare_named(const void *a, const void *b)
{
	return strcmp(((const NamedItem *) a)->name, ((const NamedItem *) b)->name);
}

/*
 * All or nothing: a list in which one item has no name, or two have the same, is
 * numbered as a whole, or a path could mean two things.  A list of plain strings
 * is not named either: nothing can stand below its items.
 */
NamedItem *
site_named_items(const SpecNode *list, int *count)
{
	NamedItem  *named = palloc(sizeof(NamedItem) * Max(list_length(list->items), 1));
	bool		objects = false;
	ListCell   *lc;

	*count = 0;
	foreach(lc, list->items)
	{
		NamedItem  *next = &named[*count];

		next->item = lfirst(lc);
		next->name = site_item_name(next->item);
		next->position = (*count)++;
		if (next->name == NULL)
			return NULL;
		objects = objects || next->item->kind == NODE_MAP;
	}
	if (!objects)
		return NULL;

	qsort(named, *count, sizeof(NamedItem), compare_named);
	for (int i = 1; i < *count; i++)
	{
		if (strcmp(named[i - 1].name, named[i].name) == 0)
			return NULL;
	}
	return named;
}

/* ---- the walk ---- */

/*
 * Users of pgbouncer or of other components have passwords as well; only these
 * two lists are roles of PostgreSQL, whose passwords can be verifiers.
 */
static bool
is_role_list(const char *param)
{
	for (int i = 0; i < lengthof(role_lists); i++)
	{
		if (strcmp(param, role_lists[i]) == 0)
			return true;
	}
	return false;
}

static const char *
role_param_of(const char *param)
{
	for (int i = 0; i < lengthof(role_passwords); i++)
	{
		if (strcmp(param, role_passwords[i].param) == 0)
			return role_passwords[i].role_param;
	}
	return NULL;
}

const char *
site_role_password(int i, const char **role_param)
{
	if (i >= lengthof(role_passwords))
		return NULL;
	*role_param = role_passwords[i].role_param;
	return role_passwords[i].param;
}

/*
 * A boolean is an option whose name happens to look like a secret's, a null is
 * nothing, an empty text means "no password".
 */
static bool
can_be_secret(const SpecNode *node)
{
	switch (node->kind)
	{
		case NODE_INT:
		case NODE_FLOAT:
			return true;
		case NODE_STRING:
			return node->text[0] != '\0';
		default:
			return false;
	}
}

/*
 * Tells the visitor of one place.  For the password of a role also whose it is:
 * an md5 verifier depends on the name.
 */
static void
visit(Walk *walk, SpecNode *node, const char *key, const SpecNode *parent)
{
	SecretSite *site = &walk->site;

	site->path = walk->path.data;
	site->where = walk->where.data;
	site->node = node;
	site->role = NULL;
	site->role_param = key == NULL ? role_param_of(site->param) : NULL;
	site->role_password = site->role_param != NULL;
	if (key != NULL && strcmp(key, "password") == 0 && is_role_list(site->param))
	{
		site->role_password = true;
		site->role = parent ? node_text(node_get(parent, "name")) : NULL;
	}
	walk->visitor(site, walk->arg);
}

/*
 * Path and place in the document differ here: by name for finding a secret again,
 * by number for pointing at the line.
 */
static void
walk_list(Walk *walk, SpecNode *list, const char *key, bool secret)
{
	int			path_length = walk->path.len;
	int			where_length = walk->where.len;
	int			count;
	bool		named = site_named_items(list, &count) != NULL;

	for (int i = 0; i < list_length(list->items); i++)
	{
		SpecNode   *item = list_nth(list->items, i);

		if (named)
			site_append_name(&walk->path, site_item_name(item));
		else
			appendStringInfo(&walk->path, "[%d]", i);
		appendStringInfo(&walk->where, "[%d]", i);
		walk_value(walk, item, key, secret, list);
		truncate_path(&walk->path, path_length);
		truncate_path(&walk->where, where_length);
	}
}

/*
 * A key decides for everything below it, also where an unknown structure hides:
 * what is too much masked does no harm.
 */
static void
walk_map(Walk *walk, SpecNode *map, bool secret)
{
	int			path_length = walk->path.len;
	int			where_length = walk->where.len;
	ListCell   *lc;

	foreach(lc, map->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		site_append_key(&walk->path, entry->key);
		appendStringInfo(&walk->where, ".%s", entry->key);
		walk_value(walk, entry->value, entry->key,
				   secret || catalogue_is_secret(walk->site.param, entry->key), map);
		truncate_path(&walk->path, path_length);
		truncate_path(&walk->where, where_length);
	}
}

/* a raw line of an access rule may hold a secret; it is kept as one, whole */
static bool
is_secret_rule(const char *param, const SpecNode *value)
{
	size_t		length = strlen(param);
	size_t		suffix = strlen(RULE_LISTS);

	return value->kind == NODE_STRING && length >= suffix &&
		strcmp(param + length - suffix, RULE_LISTS) == 0 &&
		(secret_in_hba(value->text) != NULL || strcmp(value->text, SECRET_MASK) == 0);
}

/*
 * Where a secret is to be found is no secret.  Not so for whole parameters of
 * other modules: one such is a map of users to passwords, and a user may be
 * called "env".
 */
static bool
is_reference(const Walk *walk, const SpecNode *value, const char *key)
{
	return spec_reference(value, NULL, NULL) &&
		(key != NULL || catalogue_find(walk->site.param) != NULL);
}

/* everything below a secret key is secret */
static void
walk_value(Walk *walk, SpecNode *value, const char *key, bool secret,
		   const SpecNode *parent)
{
	if (value->kind == NODE_LIST)
		walk_list(walk, value, key, secret);
	else if (value->kind == NODE_MAP)
	{
		if (!secret || !is_reference(walk, value, key))
			walk_map(walk, value, secret);
	}
	else if ((secret && can_be_secret(value)) ||
			 is_secret_rule(walk->site.param, value))
		visit(walk, value, key, parent);
}

static bool
is_secret_param(const char *param)
{
	return role_param_of(param) != NULL || catalogue_is_secret(param, NULL);
}

/*
 * The path of a secret starts anew with each parameter, which is a column of its
 * own in pgops.secret; the place in the document does not.
 */
static void
walk_vars(Walk *walk, SpecNode *vars)
{
	int			where_length = walk->where.len;
	ListCell   *lc;

	if (vars == NULL || vars->kind != NODE_MAP)
		return;
	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		walk->site.param = entry->key;
		appendStringInfo(&walk->where, ".%s", entry->key);
		walk_value(walk, entry->value, NULL, is_secret_param(entry->key), NULL);
		truncate_path(&walk->where, where_length);
	}
}

static void
walk_begin(Walk *walk, SecretVisitor visitor, void *arg)
{
	memset(walk, 0, sizeof(*walk));
	walk->visitor = visitor;
	walk->arg = arg;
	initStringInfo(&walk->path);
	initStringInfo(&walk->where);
}

/*
 * Hosts before the cluster's own parameters, as difference_make() has them.  Works
 * on bodies of any shape: a document is walked before it is known to be valid,
 * to keep its secrets out of the messages about it.
 */
void
site_visit_body(SpecNode *body, const char *prefix, SecretVisitor visitor, void *arg)
{
	Walk		walk;
	SpecNode   *hosts = node_get(body, "hosts");
	ListCell   *lc;

	walk_begin(&walk, visitor, arg);
	if (hosts != NULL && hosts->kind == NODE_MAP)
	{
		foreach(lc, hosts->entries)
		{
			SpecEntry  *entry = lfirst(lc);

			resetStringInfo(&walk.where);
			appendStringInfo(&walk.where, "%s.hosts.%s", prefix, entry->key);
			walk.site.host = entry->key;
			walk_vars(&walk, entry->value);
		}
	}

	resetStringInfo(&walk.where);
	appendStringInfoString(&walk.where, prefix);
	walk.site.host = NULL;
	walk_vars(&walk, node_get(body, "vars"));
}

/*
 * For parts of a body: "host" and the place in the document are not known then,
 * and a visitor that masks does not need them.
 */
void
site_visit_value(SpecNode *value, const char *param, const char *key,
				 SecretVisitor visitor, void *arg)
{
	Walk		walk;
	bool		secret = is_secret_param(param);

	walk_begin(&walk, visitor, arg);
	walk.site.param = param;
	if (key != NULL)
		secret = secret || catalogue_is_secret(param, key);
	walk_value(&walk, value, key, secret, NULL);
}

/*
 * The old text is left as it is: the tree may share it, and who wipes a plain
 * password does so knowing that nobody else has it.
 */
void
site_set_text(SpecNode *node, const char *value)
{
	node->kind = NODE_STRING;
	node->quoted = true;
	node->text = pstrdup(value);
}

/* Texts only: a mask is never part of one. */
bool
site_holds_mask(const SpecNode *value)
{
	ListCell   *lc;

	if (value == NULL)
		return false;
	if (value->kind == NODE_STRING)
		return strcmp(value->text, SECRET_MASK) == 0;
	foreach(lc, value->kind == NODE_LIST ? value->items : NIL)
	{
		if (site_holds_mask(lfirst(lc)))
			return true;
	}
	foreach(lc, value->kind == NODE_MAP ? value->entries : NIL)
	{
		if (site_holds_mask(((SpecEntry *) lfirst(lc))->value))
			return true;
	}
	return false;
}

/* ---- secrets by place ---- */

/* The cluster level (host NULL) comes first; no host has an empty name. */
static int
compare_place(const char *host_a, const char *param_a, const char *path_a,
			  const char *host_b, const char *param_b, const char *path_b)
{
	int			result = strcmp(host_a ? host_a : "", host_b ? host_b : "");

	if (result == 0)
		result = strcmp(param_a, param_b);
	return result != 0 ? result : strcmp(path_a, path_b);
}

static int
compare_entries(const ListCell *a, const ListCell *b)
{
	const SecretEntry *ea = lfirst(a);
	const SecretEntry *eb = lfirst(b);

	return compare_place(ea->host, ea->param, ea->path, eb->host, eb->param, eb->path);
}

void
site_sort(List *entries)
{
	list_sort(entries, compare_entries);
}

/* Binary search: sealing asks once per user, and there may be ten thousand. */
const char *
site_find(List *sorted, const SecretSite *site)
{
	int			low = 0;
	int			high = list_length(sorted);

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const SecretEntry *entry = list_nth(sorted, middle);
		int			result = compare_place(site->host, site->param, site->path,
										   entry->host, entry->param, entry->path);

		if (result == 0)
			return entry->value;
		if (result < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
