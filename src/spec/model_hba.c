/*
 * model_hba.c
 *		Declared HBA rules, sorted as they must appear in the file.
 *
 * Not for: the text of the file (render/hba.c), nor which rules are live.
 */
#include "postgres.h"

#include "errors.h"
#include "spec/hba_name.h"
#include "spec/model_build.h"

/* A text holding line ends is several raw lines. */
static List *
add_raw_lines(List *lines, const char *str)
{
	while (*str != '\0')
	{
		size_t		length = strcspn(str, "\r\n");

		if (length > 0)
			lines = lappend(lines, pnstrdup(str, length));
		str += length;
		str += strspn(str, "\r\n");
	}
	return lines;
}

static List *
raw_lines(const SpecNode *rules)
{
	List	   *lines = NIL;
	ListCell   *cell;

	if (rules == NULL)
		return NIL;
	if (rules->kind != NODE_LIST)
	{
		const char *str = node_text(rules);

		return str ? add_raw_lines(NIL, str) : NIL;
	}
	foreach(cell, rules->items)
	{
		const char *str = node_text(lfirst(cell));

		if (str != NULL)
			lines = add_raw_lines(lines, str);
	}
	return lines;
}

/*
 * Names of "user" or "db": a text with commas, or a list.  In a list each item
 * is one name, whatever characters it has.
 */
static List *
declared_names(const SpecNode *value)
{
	List	   *names = NIL;
	ListCell   *cell;
	const char *str;

	if (value == NULL || value->kind == NODE_NULL)
		return NIL;
	if (value->kind != NODE_LIST)
	{
		str = node_text(value);
		return str ? hba_names_split(str) : NIL;
	}
	foreach(cell, value->items)
	{
		HbaName    *name;

		str = node_text(lfirst(cell));
		if (str == NULL || str[0] == '\0')
			continue;
		name = palloc0(sizeof(HbaName));
		name->group = (str[0] == '+' && str[1] != '\0');
		name->name = pstrdup(name->group ? str + 1 : str);
		names = lappend(names, name);
	}
	return names;
}

static char *
build_users(const ModelBuild *build, const Cluster *cluster, const SpecNode *value)
{
	const char *str = value ? node_text(value) : NULL;
	List	   *names;
	ListCell   *cell;

	/* a declared role is meant as a whole even where its name has a comma */
	if (str != NULL && strchr(str, ',') != NULL &&
		model_find_role(cluster->roles, str) != NULL)
	{
		HbaName    *whole = palloc0(sizeof(HbaName));

		whole->name = pstrdup(str);
		return hba_names_join(list_make1(whole));
	}

	names = declared_names(value);
	foreach(cell, names)
	{
		HbaName    *name = lfirst(cell);

		name->name = model_role_name(build, name->name);
	}
	return names ? hba_names_join(names) : pstrdup("all");
}

static char *
build_databases(const Cluster *cluster, const SpecNode *value)
{
	const char *str = value ? node_text(value) : NULL;
	List	   *names;

	if (str != NULL && strchr(str, ',') != NULL &&
		model_find_database(cluster->databases, str) != NULL)
	{
		HbaName    *whole = palloc0(sizeof(HbaName));

		whole->name = pstrdup(str);
		return hba_names_join(list_make1(whole));
	}
	names = declared_names(value);
	return names ? hba_names_join(names) : pstrdup("all");
}

static HbaRule *
build_rule(const ModelBuild *build, const Cluster *cluster, const SpecNode *entry, char *path)
{
	HbaRule    *rule = palloc0(sizeof(HbaRule));
	const SpecNode *rules = node_get(entry, "rules");

	rule->node = entry;
	rule->path = path;
	rule->title = model_field_text(entry, "title");
	rule->role = model_field_text(entry, "role");
	if (rule->role == NULL)
		rule->role = pstrdup("default");
	rule->has_order = model_field_int(entry, "order", &rule->order);

	if (rules != NULL && rules->kind != NODE_NULL)
	{
		rule->raw = raw_lines(rules);
		return rule;
	}
	rule->user = build_users(build, cluster, node_get(entry, "user"));
	rule->db = build_databases(cluster, node_get(entry, "db"));
	rule->addr = model_field_text(entry, "addr");
	rule->auth = model_field_text(entry, "auth");
	if (rule->auth == NULL)
		rule->auth = pstrdup("pwd");
	return rule;
}

static void
add_rules(const ModelBuild *build, Cluster *cluster, const char *param)
{
	ListCell   *cell;

	foreach(cell, model_param_items(build, param))
	{
		const SpecNode *entry = lfirst(cell);
		char	   *path = model_item_path(build, param, foreach_current_index(cell));

		if (entry->kind == NODE_MAP)
			cluster->hba_rules = lappend(cluster->hba_rules,
										 build_rule(build, cluster, entry, path));
	}
}

/* a rule and its place in the declaration, which list_sort() would not keep */
typedef struct PlacedRule
{
	HbaRule    *rule;
	int			place;
} PlacedRule;

/* Ordered rules first; otherwise the place decides, so defaults precede users' rules. */
static int
placed_rule_order(const ListCell *a, const ListCell *b)
{
	const PlacedRule *left = lfirst(a);
	const PlacedRule *right = lfirst(b);

	if (left->rule->has_order != right->rule->has_order)
		return left->rule->has_order ? -1 : 1;
	if (left->rule->has_order && left->rule->order != right->rule->order)
		return left->rule->order < right->rule->order ? -1 : 1;
	return left->place - right->place;
}

static List *
sort_rules(List *rules)
{
	List	   *placed = NIL;
	List	   *sorted = NIL;
	ListCell   *cell;

	foreach(cell, rules)
	{
		PlacedRule *one = palloc(sizeof(PlacedRule));

		one->rule = lfirst(cell);
		one->place = foreach_current_index(cell);
		placed = lappend(placed, one);
	}
	list_sort(placed, placed_rule_order);
	foreach(cell, placed)
		sorted = lappend(sorted, ((PlacedRule *) lfirst(cell))->rule);
	return sorted;
}

/*
 * model_build_hba
 *		Fills cluster->hba_rules: those with an order ascending, defaults before
 *		users' of equal order, then those without, defaults first.  Needs the
 *		roles and databases of the cluster.
 */
void
model_build_hba(const ModelBuild *build, Cluster *cluster)
{
	add_rules(build, cluster, "pg_default_hba_rules");
	add_rules(build, cluster, "pg_hba_rules");
	cluster->hba_rules = sort_rules(cluster->hba_rules);
}
