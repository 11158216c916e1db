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

/*
 * Lines that are taken as they are.  Validation has made sure that each is one
 * line; render/hba.c sees to it that none can become two.
 */
static List *
raw_lines(const SpecNode *rules)
{
	List	   *lines = NIL;
	ListCell   *cell;

	foreach(cell, rules->items)
	{
		const char *str = node_text(lfirst(cell));

		if (str != NULL && str[0] != '\0')
			lines = lappend(lines, pstrdup(str));
	}
	return lines;
}

/* whether a text may be one name or several: then what is declared decides */
static bool
is_ambiguous(const char *str)
{
	return str != NULL && strchr(str, ',') != NULL;
}

/*
 * The names of "user" or "db", taken apart; NIL if the field is not declared.
 * A text that is the name of a declared object, comma and all, is meant as
 * that name ("whole"): who declares such a role must be able to let it in.
 */
static List *
declared_names(const char *str, bool whole)
{
	HbaName    *name;

	if (!whole)
		return str ? hba_names_split(str) : NIL;
	name = palloc0(sizeof(HbaName));
	name->name = pstrdup(str);
	return list_make1(name);
}

/*
 * What a name with a placeholder stands for: a system user is that one name,
 * even if it is called "all" or has a comma; anything else is read like the
 * rest of the field.  In quotes, a name is what it looks like.
 */
static List *
resolve_name(const ModelBuild *build, HbaName *name)
{
	const char *resolved;
	List	   *names;
	ListCell   *cell;

	if (name->quoted || !placeholder_in(name->name))
		return list_make1(name);
	resolved = placeholder_text(&build->placeholders, name->name);
	if (resolved == name->name)
		return list_make1(name);
	names = placeholder_is_role(name->name) ? list_make1(hba_name_literal(resolved)) :
		hba_names_split(resolved);
	foreach(cell, names)
		((HbaName *) lfirst(cell))->group |= name->group;
	return names;
}

/* The user column, from the text as it is written; a rule without it is about everybody. */
static char *
build_users(const ModelBuild *build, const Cluster *cluster, const char *str)
{
	List	   *declared = declared_names(str, is_ambiguous(str) &&
										  model_find_role(cluster->roles, str) != NULL);
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, declared)
		names = list_concat(names, resolve_name(build, lfirst(cell)));
	foreach(cell, names)
	{
		HbaName    *name = lfirst(cell);

		name->name = model_role_name(build, name->name);
	}
	return names ? hba_names_join(names) : pstrdup("all");
}

/* The database column, likewise. */
static char *
build_databases(const Cluster *cluster, const char *str)
{
	List	   *names = declared_names(str, is_ambiguous(str) &&
									   model_find_database(cluster->databases, str) != NULL);

	return names ? hba_names_join(names) : pstrdup("all");
}

/*
 * One rule in either of its forms.  Raw lines win over the alias form, as they
 * say more; what the alias form leaves out has the field's usual meaning.
 * "written" is the entry before its placeholders were resolved.
 */
static HbaRule *
build_rule(const ModelBuild *build, const Cluster *cluster, const SpecNode *entry,
		   const SpecNode *written, char *path)
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

	if (rules != NULL && rules->kind == NODE_LIST)
	{
		rule->raw = raw_lines(rules);
		return rule;
	}
	rule->user = build_users(build, cluster, model_field_text(written, "user"));
	rule->db = build_databases(cluster, model_field_text(entry, "db"));
	rule->addr = model_field_text(entry, "addr");
	rule->auth = model_field_text(entry, "auth");
	if (rule->auth == NULL)
		rule->auth = pstrdup("pwd");
	return rule;
}

/*
 * Paths and nodes are kept in the rules for findings of render_hba_check().
 * Bare texts, which validation refuses, are no rules.
 */
static void
add_rules(const ModelBuild *build, Cluster *cluster, const char *param)
{
	ListCell   *cell;
	ListCell   *other;

	forboth(cell, model_param_items(build, param), other, model_written_items(build, param))
	{
		const SpecNode *entry = lfirst(cell);
		char	   *path = model_item_path(build, param, foreach_current_index(cell));

		if (entry->kind == NODE_MAP)
			cluster->hba_rules = lappend(cluster->hba_rules,
										 build_rule(build, cluster, entry, lfirst(other), path));
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

/*
 * list_sort() is a quicksort and not stable, hence the wrapper with the place.
 * Returns a new list of the same rules.
 */
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
