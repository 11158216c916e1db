/*
 * declared.c
 *		The two forms of a value: as the document has it, which is stored, and
 *		normalised, which is what everything that acts on it reads.
 *
 * Stored values stay what Ansible would see, since playbooks read them, too:
 * 'yes' in quotes is a text for Ansible and a boolean for us.
 *
 * Not for: what normalising a type means (validate_value.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "spec/spec.h"
#include "spec/validate.h"

/*
 * Findings are thrown away: what was stored has been validated, and if a newer
 * catalogue thinks differently, that is not the reader's to report.
 */
void
spec_normalise_vars(SpecNode *vars)
{
	Findings	ignored = {0};
	ListCell   *lc;

	if (vars == NULL || vars->kind != NODE_MAP)
		return;
	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (catalogue_find(entry->key) != NULL)
			spec_validate_param(entry->key, entry->value, entry->key, &ignored);
	}
}

void
spec_normalise_body(SpecNode *body)
{
	const SpecNode *hosts = node_get(body, "hosts");
	ListCell   *lc;

	spec_normalise_vars(node_get(body, "vars"));
	foreach(lc, hosts == NULL ? NIL : hosts->entries)
		spec_normalise_vars(((SpecEntry *) lfirst(lc))->value);
}

/*
 * A scalar whose normalised text is not what its value is called: 0755, which
 * YAML takes for 493, or a password that was replaced by its verifier.  A text
 * that became a number or a boolean stays the text it is.
 */
static bool
says_more(const SpecNode *declared, const SpecNode *normalised)
{
	const char *value = node_text(declared);

	return normalised->kind == NODE_STRING && value != NULL &&
		strcmp(value, normalised->text) != 0;
}

/* The normalised value of a key: nearly always at the same place of its map. */
static const SpecNode *
counterpart(const SpecNode *normalised, int index, const char *key)
{
	if (index < list_length(normalised->entries))
	{
		const SpecEntry *entry = list_nth(normalised->entries, index);

		if (strcmp(entry->key, key) == 0)
			return entry->value;
	}
	return node_get(normalised, key);
}

static SpecNode *
declared_list(const SpecNode *declared, const SpecNode *normalised)
{
	SpecNode   *list = node_list();

	for (int i = 0; i < list_length(declared->items); i++)
		node_list_add(list, spec_declared(list_nth(declared->items, i),
										  i < list_length(normalised->items) ?
										  list_nth(normalised->items, i) : NULL));
	return list;
}

static SpecNode *
declared_map(const SpecNode *declared, const SpecNode *normalised)
{
	SpecNode   *map = node_map();
	int			i = 0;
	ListCell   *lc;

	foreach(lc, declared->entries)
	{
		const SpecEntry *from = lfirst(lc);
		SpecEntry  *to = palloc(sizeof(SpecEntry));

		*to = *from;
		to->key = pstrdup(from->key);
		to->value = spec_declared(from->value, counterpart(normalised, i++, from->key));
		map->entries = lappend(map->entries, to);
	}
	return map;
}

/*
 * Both trees have the same shape; where they do not, the declared one is
 * copied as it is.
 */
SpecNode *
spec_declared(const SpecNode *declared, const SpecNode *normalised)
{
	SpecNode   *result;

	check_stack_depth();
	if (declared == NULL)
		return NULL;
	if (normalised == NULL)
		return node_copy(declared);
	if (declared->kind == NODE_LIST && normalised->kind == NODE_LIST)
		result = declared_list(declared, normalised);
	else if (declared->kind == NODE_MAP && normalised->kind == NODE_MAP)
		result = declared_map(declared, normalised);
	else if (says_more(declared, normalised))
		result = node_copy(normalised);
	else
		return node_copy(declared);
	result->line = declared->line;
	result->column = declared->column;
	return result;
}
