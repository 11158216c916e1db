/*
 * validate_object.c
 *		Lists of objects (users, databases, rules, ...): each item's fields
 *		against the field table, and names that occur twice.
 *
 * Not for: rules between fields (validate_rules.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/names.h"
#include "spec/validate.h"

/* an item of a list with its place in it */
typedef struct SpecItem
{
	const SpecNode *node;
	const char *name;
	int			index;
} SpecItem;

/*
 * Works on items that were refused as well: it is used for findings about
 * other items.
 */
const char *
spec_item_name(const SpecNode *item)
{
	if (item->kind == NODE_MAP)
		item = node_get(item, "name");
	if (item == NULL || item->kind == NODE_NULL || item->kind == NODE_LIST ||
		item->kind == NODE_MAP)
		return NULL;
	/* the source's text: names are text whatever they look like */
	return item->text;
}

/* a membership may be "revoke"d as well */
bool
spec_item_absent(const SpecNode *item)
{
	const SpecNode *state = node_get(item, "state");

	return state != NULL && state->text != NULL &&
		(strcmp(state->text, "absent") == 0 || strcmp(state->text, "revoke") == 0);
}

/*
 * Normalises the field in place.  An empty name is what templates leave when a
 * variable is not set; it declares nothing, unless the field is required.
 */
static void
check_field(const ObjectDef *object, SpecEntry *entry, const char *path, Findings *findings)
{
	const FieldDef *field = catalogue_field(object, entry->key);
	char	   *below = spec_path_key(path, entry->key);
	ValueRule	rule;

	if (field == NULL)
	{
		SpecNode	at = spec_place_of_key(entry);

		spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at, below,
				   spec_did_you_mean(entry->key, catalogue_field_names(object)),
				   "unknown field \"%s\" of %s", entry->key, object->name);
		return;
	}
	/* what templates leave empty declares nothing: owner: '' */
	if (!field->required && field->type == PT_NAME &&
		entry->value->text != NULL && entry->value->text[0] == '\0')
		spec_become(entry->value, NODE_NULL);

	rule.what = "field";
	rule.name = field->name;
	rule.type = field->type;
	rule.choices = field->choices;
	rule.min = field->min;
	rule.max = field->max;
	rule.secret = field->secret;
	rule.object = field->object;
	spec_check_value(&rule, entry->value, below, findings);
	pfree(below);
}

/*
 * Missing and null are the same here.  The item's own place is reported: the
 * field has none.
 */
static void
check_required(const ObjectDef *object, const SpecNode *item, const char *path,
			   Findings *findings)
{
	for (const FieldDef *field = object->fields; field->name != NULL; field++)
	{
		const SpecNode *value;

		if (!field->required)
			continue;
		value = node_get(item, field->name);
		if (value == NULL || value->kind == NODE_NULL)
			spec_error(findings, ERRCODE_PGOPS_MISSING, item, path, NULL,
					   "%s lacks the field \"%s\"", object->name, field->name);
	}
}

/* a bare text stands for an object with that name, where the kind has such a form */
static void
check_short_form(const ObjectDef *object, SpecNode *item, const char *path,
				 Findings *findings)
{
	const FieldDef *field;
	ValueRule	rule = {0};

	if (object->short_form == NULL || item->kind == NODE_LIST || item->kind == NODE_NULL)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, item, path, NULL,
				   object->short_form == NULL ? "%s must be a map of fields" :
				   "%s must be a name or a map of fields", object->name);
		return;
	}
	field = catalogue_field(object, object->short_form);
	rule.what = object->name;
	rule.type = field->type;
	spec_check_value(&rule, item, path, findings);
}

/*
 * One item in its long or short form.  The rules of its kind run only if all
 * fields are sound.
 */
void
spec_check_object(const ObjectDef *object, SpecNode *item, const char *path, Findings *findings)
{
	int			errors = findings->errors;
	ListCell   *lc;

	if (item->kind != NODE_MAP)
		check_short_form(object, item, path, findings);
	else
	{
		foreach(lc, item->entries)
			check_field(object, lfirst(lc), path, findings);
		check_required(object, item, path, findings);
	}

	/* rules between fields presume that each field is right */
	if (findings->errors == errors)
		spec_check_object_rules(object, item, path, findings);
}

/*
 * The same name twice in one list: a contradiction if one entry wants it and
 * the other does not; else a duplicate, which is harmless only where the
 * entries are nothing but names.
 */
static void
check_twice(const ObjectDef *object, const SpecNode *list, const char *path,
			Findings *findings)
{
	SpecNames  *seen;
	SpecItem   *items;

	if (list_length(list->items) < 2)
		return;
	seen = spec_names_create();
	items = palloc(list_length(list->items) * sizeof(SpecItem));
	for (int i = 0; i < list_length(list->items); i++)
	{
		const SpecItem *other;

		items[i].node = list_nth(list->items, i);
		items[i].index = i;
		items[i].name = spec_item_name(items[i].node);
		if (items[i].name == NULL)
			continue;
		other = spec_names_add(seen, items[i].name, &items[i]);
		if (other == NULL)
			continue;
		if (spec_item_absent(items[i].node) != spec_item_absent(other->node))
			spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, items[i].node,
					   spec_path_item(path, i), NULL,
					   "%s \"%s\" is declared both present and absent, first at %s",
					   object->name, items[i].name, spec_path_item(path, other->index));
		else
			finding_add(findings,
						object->short_form == NULL ? FINDING_ERROR : FINDING_WARNING,
						ERRCODE_PGOPS_DUPLICATE_OBJECT, items[i].node,
						spec_path_item(path, i), NULL,
						"%s \"%s\" is declared twice, first at %s",
						object->name, items[i].name, spec_path_item(path, other->index));
	}
	pfree(items);
	spec_names_free(seen);
}

/* Items of a list parameter.  Kinds without a name (HBA rules) may repeat. */
void
spec_check_objects(const ValueRule *rule, SpecNode *list, const char *path,
				   Findings *findings)
{
	int			i = 0;
	ListCell   *lc;

	if (spec_is_whole_jinja(rule, list))
		return;
	if (list->kind != NODE_LIST)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, list, path, NULL,
				   "%s must be a list", spec_rule_text(rule));
		return;
	}
	foreach(lc, list->items)
	{
		char	   *below = spec_path_item(path, i++);

		CHECK_FOR_INTERRUPTS();
		spec_check_object(rule->object, lfirst(lc), below, findings);
		pfree(below);
	}
	if (catalogue_field(rule->object, "name") != NULL)
		check_twice(rule->object, list, path, findings);
}
