/*
 * node.c
 *		Making, reading, comparing and writing the tree of a document.
 *
 * Not for: reading YAML or JSON (yaml.c, json.c), nor what a key means
 * (catalogue.c).
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "spec/node.h"

/*
 * The one place where nodes come from: everything that a constructor does not
 * set is zero, so a node has no position and is not quoted until a reader says
 * otherwise.
 */
static SpecNode *
node_make(SpecKind kind)
{
	SpecNode   *node = palloc0(sizeof(SpecNode));

	node->kind = kind;
	return node;
}

/*
 * A null has the empty text, as YAML writes it, never a NULL pointer: code
 * that only wants to look at a scalar's text need not ask for its kind first.
 */
SpecNode *
node_null(void)
{
	SpecNode   *node = node_make(NODE_NULL);

	node->text = pstrdup("");
	return node;
}

/* The text is the canonical spelling, which jsonb would give back, too. */
SpecNode *
node_bool(bool value)
{
	SpecNode   *node = node_make(NODE_BOOL);

	node->boolean = value;
	node->text = pstrdup(value ? "true" : "false");
	return node;
}

/*
 * Text and value agree from the start; a reader that saw another spelling
 * (0755) puts the source's text in place afterwards.
 */
SpecNode *
node_int(int64 value)
{
	SpecNode   *node = node_make(NODE_INT);

	node->integer = value;
	node->text = psprintf(INT64_FORMAT, value);
	return node;
}

/* An unquoted text; readers of formats that quote set "quoted" themselves. */
SpecNode *
node_string(const char *string)
{
	SpecNode   *node = node_make(NODE_STRING);

	node->text = pstrdup(string);
	return node;
}

SpecNode *
node_list(void)
{
	return node_make(NODE_LIST);
}

SpecNode *
node_map(void)
{
	return node_make(NODE_MAP);
}

/*
 * Appends without copying: the item belongs to the list from here on, and
 * lives in whatever context it was made in.
 */
void
node_list_add(SpecNode *list, SpecNode *item)
{
	Assert(list->kind == NODE_LIST);
	list->items = lappend(list->items, item);
}

/*
 * By plain search: maps of a declaration have tens of keys, hardly ever more,
 * and a hash for each would cost more than it saves.  What has to do with
 * thousands of names makes a SpecNames of its own.  Anything that is no map
 * has no entries, so callers may look into a value before they know what it
 * is.
 */
SpecEntry *
node_entry(const SpecNode *map, const char *key)
{
	ListCell   *lc;

	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	foreach(lc, map->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		if (strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

/*
 * A new key takes its position from the value, because the key itself was
 * never in any document.
 */
void
node_map_set(SpecNode *map, const char *key, SpecNode *value)
{
	SpecEntry  *entry = node_entry(map, key);

	Assert(map->kind == NODE_MAP);
	if (entry == NULL)
	{
		entry = palloc0(sizeof(SpecEntry));
		entry->key = pstrdup(key);
		entry->line = value->line;
		entry->column = value->column;
		map->entries = lappend(map->entries, entry);
	}
	entry->value = value;
}

/* The value is not freed: others may still point into it. */
void
node_map_unset(SpecNode *map, const char *key)
{
	SpecEntry  *entry = node_entry(map, key);

	if (entry != NULL)
		map->entries = list_delete_ptr(map->entries, entry);
}

/*
 * NULL means that the key is not there, NODE_NULL that it is there and empty;
 * the two differ in precedence (a null hides the levels below).
 */
SpecNode *
node_get(const SpecNode *map, const char *key)
{
	SpecEntry  *entry = node_entry(map, key);

	return entry == NULL ? NULL : entry->value;
}

/*
 * The shortest text that reads back as the same number, always recognisable
 * as a float: 19 is written "19.0", so that a round trip keeps the kind.
 */
static char *
float_text(double number)
{
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN + 3];

	if (isnan(number))
		return pstrdup(".nan");
	if (isinf(number))
		return pstrdup(number < 0 ? "-.inf" : ".inf");

	double_to_shortest_decimal_buf(number, buf);
	if (strpbrk(buf, ".e") == NULL)
		return psprintf("%s.0", buf);
	return pstrdup(buf);
}

/* whether text is a decimal integer as JSON writes it (one too big for int64 is kept so) */
static bool
is_plain_integer(const char *string)
{
	if (*string == '-')
		string++;
	if (string[0] == '0' && string[1] != '\0')
		return false;
	return *string != '\0' && strspn(string, "0123456789") == strlen(string);
}

/*
 * What a value is called when it has to be text.  A number is written from its
 * value, not as it stood in the source, so 0x10 and 16 are the same
 * declaration.  Strings are not copied.
 */
const char *
node_text(const SpecNode *node)
{
	if (node == NULL)
		return NULL;
	switch (node->kind)
	{
		case NODE_BOOL:
			return node->boolean ? "true" : "false";
		case NODE_INT:
			return psprintf(INT64_FORMAT, node->integer);
		case NODE_FLOAT:
			/* an integer beyond int64 keeps its digits */
			if (node->text != NULL && is_plain_integer(node->text))
				return node->text;
			return float_text(node->number);
		case NODE_STRING:
			return node->text;
		case NODE_NULL:
		case NODE_LIST:
		case NODE_MAP:
			break;
	}
	return NULL;
}

static SpecNode *
copy_tree(const SpecNode *node, bool share)
{
	SpecNode   *copy;
	ListCell   *lc;

	if (node == NULL)
		return NULL;

	check_stack_depth();
	copy = palloc(sizeof(SpecNode));
	*copy = *node;
	copy->items = NIL;
	copy->entries = NIL;
	if (node->text != NULL && !share)
		copy->text = pstrdup(node->text);
	foreach(lc, node->items)
		copy->items = lappend(copy->items, copy_tree(lfirst(lc), share));
	foreach(lc, node->entries)
	{
		SpecEntry  *from = lfirst(lc);
		SpecEntry  *to = palloc(sizeof(SpecEntry));

		*to = *from;
		if (!share)
			to->key = pstrdup(from->key);
		to->value = copy_tree(from->value, share);
		copy->entries = lappend(copy->entries, to);
	}
	return copy;
}

/*
 * Deep, with texts and positions: a caller may change the copy (fill in
 * verifiers, cut out what is faulty) and report findings at the original's
 * place.
 */
SpecNode *
node_copy(const SpecNode *node)
{
	return copy_tree(node, false);
}

/*
 * Texts are half of what a tree takes, and nobody changes one in place but who
 * wipes a password: so not before that, and not for longer than the original lives.
 */
SpecNode *
node_share(const SpecNode *node)
{
	return copy_tree(node, true);
}

/*
 * Order matters: the order of rules and of privileges is part of their
 * meaning.
 */
static bool
lists_equal(const SpecNode *a, const SpecNode *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a->items) != list_length(b->items))
		return false;
	forboth(la, a->items, lb, b->items)
	{
		if (!node_equal(lfirst(la), lfirst(lb)))
			return false;
	}
	return true;
}

/*
 * Keys are unique, so equal counts and one inclusion are enough.  Maps mostly
 * have their keys in the same order: only a key that is not at its place is
 * looked for.
 */
static bool
maps_equal(const SpecNode *a, const SpecNode *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a->entries) != list_length(b->entries))
		return false;
	forboth(la, a->entries, lb, b->entries)
	{
		const SpecEntry *entry = lfirst(la);
		const SpecEntry *other = lfirst(lb);

		CHECK_FOR_INTERRUPTS();
		if (strcmp(entry->key, other->key) != 0)
			other = node_entry(b, entry->key);
		if (other == NULL || !node_equal(entry->value, other->value))
			return false;
	}
	return true;
}

/*
 * Kinds must agree first, so 1 and 1.0 and "1" are three declarations; they
 * would be three values of jsonb, too.  Quotes, positions and the spelling of
 * numbers do not count: they do not survive being stored.
 */
bool
node_equal(const SpecNode *a, const SpecNode *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->kind != b->kind)
		return false;

	check_stack_depth();
	switch (a->kind)
	{
		case NODE_NULL:
			return true;
		case NODE_BOOL:
			return a->boolean == b->boolean;
		case NODE_INT:
			return a->integer == b->integer;
		case NODE_FLOAT:
		case NODE_STRING:
			return strcmp(node_text(a), node_text(b)) == 0;
		case NODE_LIST:
			return lists_equal(a, b);
		case NODE_MAP:
			return maps_equal(a, b);
	}
	return false;
}

/* text of a scalar as JSON has it; the infinities and NaN become strings */
static void
scalar_to_json(StringInfo out, const SpecNode *node)
{
	switch (node->kind)
	{
		case NODE_NULL:
			appendStringInfoString(out, "null");
			break;
		case NODE_FLOAT:
			if (isfinite(node->number))
				appendStringInfoString(out, node_text(node));
			else
				escape_json(out, node_text(node));
			break;
		case NODE_STRING:
			escape_json(out, node->text);
			break;
		default:
			appendStringInfoString(out, node_text(node));
			break;
	}
}

/*
 * Appends to what "out" holds.  Recursion is as deep as the tree, which the
 * readers limit; trees from elsewhere end at the stack check.
 */
void
node_to_json(StringInfo out, const SpecNode *node)
{
	const char *separator = "";
	ListCell   *lc;

	check_stack_depth();
	if (node->kind == NODE_LIST)
	{
		appendStringInfoChar(out, '[');
		foreach(lc, node->items)
		{
			appendStringInfoString(out, separator);
			node_to_json(out, lfirst(lc));
			separator = ", ";
		}
		appendStringInfoChar(out, ']');
	}
	else if (node->kind == NODE_MAP)
	{
		appendStringInfoChar(out, '{');
		foreach(lc, node->entries)
		{
			SpecEntry  *entry = lfirst(lc);

			appendStringInfoString(out, separator);
			escape_json(out, entry->key);
			appendStringInfoString(out, ": ");
			node_to_json(out, entry->value);
			separator = ", ";
		}
		appendStringInfoChar(out, '}');
	}
	else
		scalar_to_json(out, node);
}

/*
 * The result is palloc'd.  Raises what jsonb_in() raises, of which only the
 * size of an object or array (256 MB) could be met, and documents are kept far
 * below that.
 */
Jsonb *
node_to_jsonb(const SpecNode *node)
{
	StringInfoData buf;

	/*
	 * By way of text: the server's own parser then decides about numbers and
	 * lengths, and there is no second writer of its binary form.
	 */
	initStringInfo(&buf);
	node_to_json(&buf, node);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

/* An integer if it is written as one and fits, else a float; the spelling is kept. */
SpecNode *
node_number(const char *string)
{
	SpecNode   *node;

	if (is_plain_integer(string))
	{
		char	   *end;
		int64		value;

		errno = 0;
		value = strtoi64(string, &end, 10);
		if (errno == 0)
			return node_int(value);
	}
	node = node_make(NODE_FLOAT);
	node->text = pstrdup(string);
	node->number = strtod(string, NULL);
	return node;
}

static SpecNode *
number_from_jsonb(Numeric numeric)
{
	return node_number(DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(numeric))));
}

/*
 * jsonb's strings are not terminated by a zero byte, hence the copy by length.
 * They count as quoted: in jsonb a text is a text, and must not be read as
 * YAML's off or 0755 later.
 */
static SpecNode *
scalar_from_jsonb(const JsonbValue *value)
{
	SpecNode   *node;

	switch (value->type)
	{
		case jbvBool:
			return node_bool(value->val.boolean);
		case jbvNumeric:
			return number_from_jsonb(value->val.numeric);
		case jbvString:
			node = node_make(NODE_STRING);
			node->text = pnstrdup(value->val.string.val, value->val.string.len);
			node->quoted = true;
			return node;
		default:
			return node_null();
	}
}

/* reads one list or map whose opening token was just seen */
static SpecNode *
container_from_jsonb(JsonbIterator **it, JsonbIteratorToken open)
{
	SpecNode   *node = open == WJB_BEGIN_ARRAY ? node_list() : node_map();
	char	   *key = NULL;
	JsonbValue	value;
	JsonbIteratorToken token;

	check_stack_depth();
	while ((token = JsonbIteratorNext(it, &value, false)) != WJB_DONE)
	{
		SpecNode   *child;

		if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			break;
		if (token == WJB_KEY)
		{
			key = pnstrdup(value.val.string.val, value.val.string.len);
			continue;
		}
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			child = container_from_jsonb(it, token);
		else
			child = scalar_from_jsonb(&value);

		if (node->kind == NODE_LIST)
			node_list_add(node, child);
		else
		{
			/* jsonb keys are unique already: append without a search */
			SpecEntry  *entry = palloc0(sizeof(SpecEntry));

			entry->key = key;
			entry->value = child;
			node->entries = lappend(node->entries, entry);
		}
	}
	return node;
}

/*
 * Not for documents from outside (see spec_from_jsonb): no limit is kept but
 * that of the stack.
 */
SpecNode *
node_from_jsonb(Jsonb *jb)
{
	JsonbIterator *it = JsonbIteratorInit(&jb->root);
	JsonbValue	value;
	JsonbIteratorToken token = JsonbIteratorNext(&it, &value, false);
	SpecNode   *node = container_from_jsonb(&it, token);

	/* a bare scalar is stored as an array of one */
	if (JB_ROOT_IS_SCALAR(jb))
		return linitial(node->items);
	return node;
}
