/*
 * json.c
 *		JSON text to a tree, by way of the JSON library behind jansson.h.
 *
 * The library gives a line and column for errors, none for values.  Those
 * come from reading the same text as YAML, of which JSON is all but a
 * subset: where both trees have the same shape, the positions are taken
 * over; where they differ, they stay unknown.
 *
 * Not for: YAML's rules about plain scalars; a JSON value is what it is.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "errors.h"
#include "spec/document.h"
#include "spec/jansson.h"
#include "spec/spec.h"

static SpecNode *read_value(const void *value, int depth, const SpecPlace *place, Findings *findings);

/*
 * Reset callback: the library's tree goes even if reading it raises an error.
 */
static void
release_document(void *root)
{
	spec_json_free(root);
}

/*
 * A text that cannot be stored becomes an empty one after its finding, so that
 * the rest of the document is still looked at.
 */
static SpecNode *
read_string(const void *value, const SpecPlace *place, Findings *findings)
{
	size_t		length;
	const char *bytes = spec_json_string(value, &length);
	char	   *string = spec_to_server(bytes, length, NULL, place, findings);
	SpecNode   *node = node_string(string == NULL ? "" : string);

	node->quoted = true;
	return node;
}

/*
 * The text is made from the number: the library keeps no source text.  A round
 * trip through here therefore changes 1E3 to 1000.0, which is the same value.
 */
static SpecNode *
read_real(double number)
{
	SpecNode   *node = node_null();

	node->kind = NODE_FLOAT;
	node->number = number;
	node->text = pstrdup(node_text(node));
	return node;
}

static SpecNode *
read_list(const void *value, int depth, const SpecPlace *place, Findings *findings)
{
	SpecNode   *list = node_list();
	size_t		size = spec_json_size(value);
	SpecPlace	below = {place};

	for (size_t i = 0; i < size; i++)
	{
		SpecNode   *item;

		CHECK_FOR_INTERRUPTS();
		below.index = (int) i;
		item = read_value(spec_json_item(value, i), depth, &below, findings);
		if (item == NULL)
			return NULL;
		node_list_add(list, item);
	}
	return list;
}

/*
 * The library iterates in the order of insertion, that is of the document,
 * since 2.8.  It has no NUL in keys, so strlen() is right.
 */
static SpecNode *
read_map(const void *value, int depth, const SpecPlace *place, Findings *findings)
{
	SpecNode   *map = node_map();

	for (void *it = spec_json_first(value); it != NULL; it = spec_json_next(value, it))
	{
		const char *bytes = spec_json_key(it);
		SpecEntry  *entry = palloc0(sizeof(SpecEntry));
		SpecPlace	below = {place};

		CHECK_FOR_INTERRUPTS();
		if (strlen(bytes) > SPEC_MAX_KEY)
		{
			finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_LIMIT, NULL,
						spec_place_path("", place), NULL,
						"a key is longer than %d bytes", SPEC_MAX_KEY);
			return NULL;
		}
		entry->key = spec_to_server(bytes, strlen(bytes), NULL, place, findings);
		if (entry->key == NULL)
			entry->key = pstrdup("");
		below.key = entry->key;
		entry->value = read_value(spec_json_value(it), depth, &below, findings);
		if (entry->value == NULL)
			return NULL;
		/* the library has refused duplicate keys already */
		map->entries = lappend(map->entries, entry);
	}
	return map;
}

/* NULL: nested too deep, or a key is too long */
static SpecNode *
read_value(const void *value, int depth, const SpecPlace *place, Findings *findings)
{
	SpecJsonKind kind = spec_json_kind(value);

	switch (kind)
	{
		case SPEC_JSON_NULL:
			return node_null();
		case SPEC_JSON_TRUE:
		case SPEC_JSON_FALSE:
			return node_bool(kind == SPEC_JSON_TRUE);
		case SPEC_JSON_INTEGER:
			return node_int(spec_json_integer(value));
		case SPEC_JSON_REAL:
			return read_real(spec_json_real(value));
		case SPEC_JSON_STRING:
			return read_string(value, place, findings);
		case SPEC_JSON_ARRAY:
		case SPEC_JSON_OBJECT:
			break;
	}
	if (depth >= SPEC_MAX_DEPTH)
	{
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_LIMIT, NULL,
					spec_place_path("", place), NULL,
					"document is nested more than %d levels deep", SPEC_MAX_DEPTH);
		return NULL;
	}
	if (kind == SPEC_JSON_ARRAY)
		return read_list(value, depth + 1, place, findings);
	return read_map(value, depth + 1, place, findings);
}

/*
 * The library's tree and ours are both in memory for a moment; the former goes
 * with the context.  The catalogue's defaults are read here as well.
 */
SpecNode *
spec_json_read(const char *string, size_t length, Findings *findings)
{
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext, "pgops json",
												ALLOCSET_SMALL_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(owner, sizeof(MemoryContextCallback));
	SpecJsonError error;
	void	   *document;
	SpecNode   *root;

	document = spec_json_parse(string, length, &error);
	if (document == NULL)
	{
		SpecNode		at = {0};

		MemoryContextDelete(owner);
		at.line = Max(error.line, 0);
		at.column = Max(error.column, 0);
		finding_add(findings, FINDING_ERROR,
					error.duplicate ? ERRCODE_PGOPS_DUPLICATE_KEY : ERRCODE_PGOPS_SYNTAX,
					&at, NULL, NULL, "invalid JSON: %s", error.text);
		return NULL;
	}
	callback->func = release_document;
	callback->arg = document;
	MemoryContextRegisterResetCallback(owner, callback);

	root = read_value(document, 0, NULL, findings);
	MemoryContextDelete(owner);
	return root;
}

/*
 * Of the findings the first counts that is more than a text of the wrong
 * characters: an answer of which all but that is good is not thrown away.
 */
SpecNode *
spec_parse_json(const char *string, size_t length, char **problem)
{
	Findings	findings = {0};
	SpecNode   *root = spec_json_read(string, length, &findings);
	ListCell   *cell;

	*problem = NULL;
	foreach(cell, findings.list)
	{
		const Finding *finding = lfirst(cell);

		if (finding->severity != FINDING_ERROR || finding->sqlstate == ERRCODE_PGOPS_ENCODING)
			continue;
		*problem = pstrdup(finding->message);
		return NULL;
	}
	return root;
}

/* positions of the entries of a map; keys are looked up in order, which both have */
static void
merge_map_positions(SpecNode *to, const SpecNode *from)
{
	ListCell   *lt;
	ListCell   *lf;

	forboth(lt, to->entries, lf, from->entries)
	{
		SpecEntry  *entry = lfirst(lt);
		const SpecEntry *other = lfirst(lf);

		if (strcmp(entry->key, other->key) != 0)
			return;
		entry->line = other->line;
		entry->column = other->column;
		spec_merge_positions(entry->value, other->value);
	}
}

/*
 * Stops at the first difference of a map and goes on with the next sibling: a
 * position that is missing costs a number in a message, a wrong one misleads.
 * Recursion is bounded by the depth of either tree, which the readers have
 * limited.
 */
void
spec_merge_positions(SpecNode *to, const SpecNode *from)
{
	ListCell   *lt;
	ListCell   *lf;

	to->line = from->line;
	to->column = from->column;
	if (to->kind == NODE_MAP && from->kind == NODE_MAP)
		merge_map_positions(to, from);
	else if (to->kind == NODE_LIST && from->kind == NODE_LIST)
	{
		forboth(lt, to->items, lf, from->items)
			spec_merge_positions(lfirst(lt), lfirst(lf));
	}
}
