/*
 * sanitize.c
 *		What is left of a declaration when its faulty parts are taken out.
 *
 * A document's errors are to be reported all at once.  Those of its fields
 * are found by validation; those of its references (an owner that is
 * nowhere) need a model, and a model needs sound fields.  So the faulty
 * parameters are removed from a copy, and of a faulty user or database the
 * faulty field: it still is declared.
 *
 * Not for: anything that is stored or planned.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "spec/document.h"
#include "spec/spec.h"

/* parameters whose items others refer to by name */
static const char *const referred[] = {"pg_users", "pg_default_roles", "pg_databases", NULL};

/* whether other parameters refer to items of this one by their names */
static bool
is_referred(const char *param)
{
	for (int i = 0; referred[i] != NULL; i++)
	{
		if (strcmp(referred[i], param) == 0)
			return true;
	}
	return false;
}

/*
 * Whether "path" is that of the cluster's parameter or lies below it; *rest is
 * what follows.  Compared in place: this is asked of each finding and each
 * parameter.
 */
static bool
lies_below(const char *path, const char *cluster, const char *param, const char **rest)
{
	size_t		length = strlen(cluster);

	if (strncmp(path, cluster, length) != 0 || path[length] != '.')
		return false;
	path += length + 1;
	length = strlen(param);
	if (strncmp(path, param, length) != 0)
		return false;
	*rest = path + length;
	return **rest == '\0' || **rest == '.' || **rest == '[';
}

/* takes the field that ".field..." begins with out of an item; false if it is the name */
static bool
cut_field(SpecNode *item, const char *rest)
{
	char	   *field = pstrdup(rest + 1);

	field[strcspn(field, ".[")] = '\0';
	if (strcmp(field, "name") == 0)
		return false;
	node_map_unset(item, field);
	return true;
}

/* leaves an item with its name only */
static void
cut_to_name(SpecNode *item, SpecNode *name)
{
	item->entries = NIL;
	node_map_set(item, "name", name);
}

/* takes what "[index]..." is about out of a list of named items; false if a name is at fault */
static bool
cut_item(SpecNode *list, const char *rest)
{
	char	   *end;
	long		index;
	SpecNode   *item;
	SpecNode   *name;

	if (list->kind != NODE_LIST || *rest != '[')
		return false;
	index = strtol(rest + 1, &end, 10);
	if (*end != ']' || index < 0 || index >= list_length(list->items))
		return false;
	item = list_nth(list->items, index);
	name = item->kind == NODE_MAP ? node_get(item, "name") : NULL;
	if (name == NULL || name->kind != NODE_STRING)
		return false;
	if (end[1] == '.')
		return cut_field(item, end + 1);
	cut_to_name(item, name);
	return true;
}

/* takes out of "vars" what the finding is about; false if references cannot be judged then */
static bool
take_out(SpecNode *vars, const char *cluster, const char *path)
{
	ListCell   *cell;

	foreach(cell, vars->entries)
	{
		SpecEntry  *entry = lfirst(cell);
		const char *rest;

		if (!lies_below(path, cluster, entry->key, &rest))
			continue;
		if (is_referred(entry->key))
			return cut_item(entry->value, rest);
		node_map_unset(vars, entry->key);
		return true;
	}
	return true;
}

/*
 * spec_sanitize
 *		See spec.h.
 */
SpecNode *
spec_sanitize(const char *cluster, const SpecNode *body, const Findings *findings)
{
	SpecNode   *copy = node_copy(body);
	SpecNode   *vars = copy->kind == NODE_MAP ? node_get(copy, "vars") : NULL;
	ListCell   *cell;

	if (vars == NULL || vars->kind != NODE_MAP)
		return NULL;

	/* what was counted but not kept cannot be taken out */
	if (findings->errors > FINDINGS_KEPT)
		return NULL;
	node_map_set(copy, "hosts", node_map());
	foreach(cell, findings->list)
	{
		const Finding *finding = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (finding->severity == FINDING_ERROR && !take_out(vars, cluster, finding->path))
			return NULL;
	}
	return copy;
}
