/*
 * item.c
 *		Changing one declared object where it stands.
 *
 * A statement on a typed view says what a few columns shall be; the rest of the
 * item, which may hold what no column can show (an expression, a field written
 * in an unusual way), must come out of it untouched.
 *
 * Not for: lists as a whole, tables, SQL (worker/edit*.c).
 */
#include "postgres.h"

#include "spec/item.h"
#include "spec/validate.h"

/* rank of what the catalogue does not know: behind everything else */
#define NO_RANK		PG_INT32_MAX

/* lists of texts have no fields: asking is no error, so callers need not know */
const FieldDef *
item_field(const ObjectDef *object, const char *name)
{
	return object == NULL ? NULL : catalogue_field(object, name);
}

/* one level deep, which is all there is: schemas and extensions in a database */
const ObjectDef *
item_object(const char *param, const char *field)
{
	const ParamDef *def = catalogue_find(param);
	const ObjectDef *object = def == NULL ? NULL : def->object;
	const FieldDef *inner = field == NULL ? NULL : item_field(object, field);

	if (field == NULL)
		return object;
	return inner == NULL ? NULL : inner->object;
}

/* the source's text: an unquoted 42 names an object as well as a quoted one */
const char *
item_name(const SpecNode *item)
{
	return spec_item_name(item);
}

/* a bare text is one field's value; asked for any other field it has none */
static bool
is_short(const ObjectDef *object, const SpecNode *item, const char *field)
{
	return item->kind != NODE_MAP && object != NULL && object->short_form != NULL &&
		strcmp(object->short_form, field) == 0;
}

const SpecNode *
item_get(const ObjectDef *object, const SpecNode *item, const char *field)
{
	if (is_short(object, item, field))
		return item;
	return node_get(item, field);
}

/* ---- where a key belongs ---- */

/* the tables are in the order of the documentation: an index is a rank */
static int
field_rank(const void *object, const char *name)
{
	const FieldDef *field = catalogue_field(object, name);

	return field == NULL ? NO_RANK : (int) (field - ((const ObjectDef *) object)->fields);
}

static int
param_rank(const void *unused, const char *name)
{
	const ParamDef *def = catalogue_find(name);

	return def == NULL ? NO_RANK : (int) (def - catalogue_parameters);
}

/*
 * After the last of the keys that come before it in the catalogue: whatever
 * order a document has, the new key stands behind its relatives rather than in
 * front of the name.
 */
static void
place_key(SpecNode *map, const char *key, int (*rank) (const void *, const char *),
		  const void *arg)
{
	SpecEntry  *entry = llast(map->entries);
	int			own = rank(arg, key);
	int			place = 0;

	for (int i = 0; i < list_length(map->entries) - 1; i++)
	{
		SpecEntry  *other = list_nth(map->entries, i);

		if (own == NO_RANK || rank(arg, other->key) < own)
			place = i + 1;
	}
	if (place == list_length(map->entries) - 1)
		return;
	map->entries = list_delete_last(map->entries);
	map->entries = list_insert_nth(map->entries, place, entry);
}

/*
 * The new value in the old one's order of keys: a map that comes from jsonb has
 * lost the order in which a person wrote it.
 */
static SpecNode *
in_old_order(const SpecNode *old, SpecNode *new)
{
	SpecNode   *ordered;
	ListCell   *lc;

	if (old == NULL || old->kind != NODE_MAP || new->kind != NODE_MAP)
		return new;
	ordered = node_map();
	foreach(lc, old->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		SpecNode   *value = node_get(new, entry->key);

		if (value == NULL)
			continue;
		node_map_set(ordered, entry->key,
					 node_equal(entry->value, value) ? entry->value :
					 in_old_order(entry->value, value));
	}
	foreach(lc, new->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (node_get(ordered, entry->key) == NULL)
			node_map_set(ordered, entry->key, entry->value);
	}
	return ordered;
}

/* the one way a key gets a value or goes; the value stays the caller's tree */
static void
set_key(SpecNode *map, const char *key, SpecNode *value,
		int (*rank) (const void *, const char *), const void *arg)
{
	const SpecNode *old = node_get(map, key);

	if (value == NULL)
		node_map_unset(map, key);
	else
	{
		node_map_set(map, key, in_old_order(old, value));
		if (old == NULL)
			place_key(map, key, rank, arg);
	}
}

/* ---- setting ---- */

/* a column of type text can hold what a document would write as a number */
static SpecNode *
as_field(const FieldDef *field, SpecNode *value)
{
	if (field == NULL || value == NULL || field->type != PT_INT_OR_STRING ||
		value->kind != NODE_STRING)
		return value;
	if (value->text[0] == '\0' || strlen(value->text) > 9 ||
		strspn(value->text, "0123456789") != strlen(value->text))
		return value;
	return node_int(strtol(value->text, NULL, 10));
}

/* The long form of a bare text, in the same node: the list holds pointers to it. */
static void
lengthen(const ObjectDef *object, SpecNode *item)
{
	SpecNode   *text = palloc(sizeof(SpecNode));

	*text = *item;
	item->kind = NODE_MAP;
	item->text = NULL;
	item->quoted = false;
	item->entries = NIL;
	node_map_set(item, object->short_form, text);
}

/*
 * A bare text is replaced whole, or becomes a map when another field comes; where
 * there is no such form (default privileges) other fields do not exist.
 */
void
item_set(const ObjectDef *object, SpecNode *item, const char *field, SpecNode *value)
{
	value = as_field(item_field(object, field), value);
	if (item->kind != NODE_MAP)
	{
		bool		whole = object == NULL || is_short(object, item, field);

		if (whole && value != NULL)
		{
			*item = *value;
			return;
		}
		if (object == NULL || object->short_form == NULL || (!whole && value == NULL))
			return;
		lengthen(object, item);
	}
	set_key(item, field, value, field_rank, object);
}

void
item_set_param(SpecNode *vars, const char *param, SpecNode *value)
{
	set_key(vars, param, value, param_rank, NULL);
}

/* ---- asking ---- */

/* anywhere inside: one placeholder is enough to make what is shown differ */
bool
item_is_expression(const SpecNode *node)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	switch (node->kind)
	{
		case NODE_STRING:
			return spec_has_placeholder(node->text);
		case NODE_LIST:
			foreach(lc, node->items)
			{
				if (item_is_expression(lfirst(lc)))
					return true;
			}
			return false;
		case NODE_MAP:
			foreach(lc, node->entries)
			{
				if (item_is_expression(((SpecEntry *) lfirst(lc))->value))
					return true;
			}
			return false;
		default:
			return false;
	}
}

/* as check_required() asks: missing and null are the same */
const char *
item_lacks(const ObjectDef *object, const SpecNode *item)
{
	if (object == NULL)
		return NULL;
	for (const FieldDef *field = object->fields; field->name != NULL; field++)
	{
		const SpecNode *value = item_get(object, item, field->name);

		if (field->required && (value == NULL || value->kind == NODE_NULL))
			return field->name;
	}
	return NULL;
}

/* ---- paths of findings ---- */

/* as validate.c names the places of a group's body */
char *
item_param_path(const char *group, const char *host, const char *param)
{
	if (host != NULL)
		return psprintf("%s.hosts.%s.%s", group, host, param);
	return psprintf("%s.%s", group, param);
}

/* a list's path is a prefix of its items' and of no other list's, because of the bracket */
const char *
item_in_path(const char *path, const char *list, int *index)
{
	size_t		length = strlen(list);
	char	   *end;

	if (strncmp(path, list, length) != 0 || path[length] != '[')
		return NULL;
	*index = (int) strtol(path + length + 1, &end, 10);
	return *end == ']' ? end + 1 : NULL;
}

/* keys are not quoted in paths: one with a dot in it is cut short */
char *
item_below_path(const char *path, const char *above)
{
	size_t		length = strlen(above);

	if (strncmp(path, above, length) != 0)
		return NULL;
	path += length;
	if (*path == '.')
		path++;
	else if (*path != '\0' && *path != '[')
		return NULL;
	return pnstrdup(path, strcspn(path, ".["));
}
