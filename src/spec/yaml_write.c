/*
 * yaml_write.c
 *		The layout of a document in YAML: what stands in a line, what in a
 *		block, and how deep.
 *
 * Why not libyaml's emitter: it knows one style per collection and cannot tell
 * beforehand whether a line will be long, writes lists at the margin of their
 * key, and maps without a blank inside.  Inventories are read and edited by
 * people, who are used to
 *
 *		pg_users:
 *		  - { name: app, password: '********', roles: [ dbrole_admin ] }
 *
 * Reading YAML is for a library, since it must cope with whatever people
 * write; of writing we choose the few forms ourselves: block maps and lists, flow
 * maps and lists within one line, and the scalars of yaml_scalar.c.
 *
 * Not for: how a scalar is written (yaml_scalar.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "spec/yaml_scalar.h"
#include "spec/yaml_write.h"

#define INDENT			2

/* what one line may hold */
typedef struct LineLimit
{
	int			levels;			/* of maps and lists inside each other */
	int			width;			/* in characters, without the indentation */
	bool		sentences;		/* a list may have texts with blanks in them */
} LineLimit;

/*
 * An item of a list is often the row of a table (users, rules), which is best
 * seen as one, with its own short lists ({ name: app, roles: [ dbrole_admin ] }).
 * A value in a map is a short list or map of scalars.  A map of maps is a table,
 * too (hosts): a line for each of its rows.  Indentation does not count, so that
 * a value looks the same wherever it stands.
 */
static const LineLimit item_limit = {2, 120, true};
static const LineLimit value_limit = {1, 100, false};

#define MAX_LINE_BYTES	(120 * MAX_MULTIBYTE_CHAR_LEN)

static void write_map(StringInfo out, const SpecNode *map, int indent, bool last);
static void write_list(StringInfo out, const SpecNode *list, int indent, bool last);

static bool
is_container(const SpecNode *node)
{
	return node->kind == NODE_MAP || node->kind == NODE_LIST;
}

static bool
is_empty(const SpecNode *node)
{
	return node->items == NIL && node->entries == NIL;
}

/*
 * Whether a value has at most so many levels of maps and lists.  An empty one
 * is as good as a scalar.  Looks no deeper than it is told to, so asking at
 * each level of a tree stays cheap.
 */
static bool
is_flat(const SpecNode *node, int levels)
{
	ListCell   *lc;

	if (!is_container(node) || is_empty(node))
		return true;
	if (levels == 0)
		return false;
	foreach(lc, node->items)
	{
		if (!is_flat(lfirst(lc), levels - 1))
			return false;
	}
	foreach(lc, node->entries)
	{
		if (!is_flat(((SpecEntry *) lfirst(lc))->value, levels - 1))
			return false;
	}
	return true;
}

/* a list of commands or rules is hard to read in one line, where only commas part them */
static bool
has_sentence(const SpecNode *node)
{
	ListCell   *lc;

	foreach(lc, node->items)
	{
		const SpecNode *item = lfirst(lc);

		if (item->kind == NODE_STRING && strchr(item->text, ' ') != NULL)
			return true;
	}
	return false;
}

/* ---- in one line ---- */

/* bytes that cannot be as few characters as a line has, in any encoding */
static bool
is_too_long(const StringInfo line)
{
	return line->len > MAX_LINE_BYTES;
}

/* stops early where the result is too long to be used */
static void
write_flow(StringInfo line, const SpecNode *node)
{
	bool		is_map = node->kind == NODE_MAP;
	const char *separator = " ";
	ListCell   *lc;

	if (!is_container(node))
	{
		yaml_write_scalar(line, node, true);
		return;
	}
	if (is_empty(node))
	{
		appendStringInfoString(line, is_map ? "{}" : "[]");
		return;
	}

	appendStringInfoChar(line, is_map ? '{' : '[');
	foreach(lc, is_map ? node->entries : node->items)
	{
		appendStringInfoString(line, separator);
		separator = ", ";
		if (is_map)
		{
			SpecEntry  *entry = lfirst(lc);

			yaml_write_key(line, entry->key, true);
			appendStringInfoString(line, ": ");
			write_flow(line, entry->value);
		}
		else
			write_flow(line, lfirst(lc));
		if (is_too_long(line))
			return;
	}
	appendStringInfoString(line, is_map ? " }" : " ]");
}

/*
 * Appends a map or list in flow style if that is fit to be read: flat, and with
 * the "before" characters in front of it not too wide.  For an empty one there
 * is no other style.
 */
static bool
write_line(StringInfo out, const SpecNode *node, const LineLimit *limit, int before)
{
	StringInfoData line;
	bool		fits;

	if (!is_flat(node, limit->levels) || (!limit->sentences && has_sentence(node)))
		return false;
	initStringInfo(&line);
	write_flow(&line, node);
	fits = is_empty(node) ||
		(!is_too_long(&line) &&
		 before + pg_mbstrlen_with_len(line.data, line.len) <= limit->width);
	if (fits)
		appendBinaryStringInfo(out, line.data, line.len);
	pfree(line.data);
	return fits;
}

/* ---- in lines of its own ---- */

/* characters since the last line break */
static int
current_column(const StringInfo out)
{
	int			start = out->len;

	while (start > 0 && out->data[start - 1] != '\n')
		start--;
	return pg_mbstrlen_with_len(out->data + start, out->len - start);
}

/*
 * A scalar and the end of its line.  "last" is said of the last value of the
 * document: who strips its final line break, as the shell does, must not take
 * one from a text.
 */
static void
write_scalar_line(StringInfo out, const SpecNode *node, int indent, bool last)
{
	if (yaml_write_literal(out, node, indent, last))
		return;
	yaml_write_scalar(out, node, false);
	appendStringInfoChar(out, '\n');
}

/* what stands behind "key:" */
static void
write_value(StringInfo out, const SpecNode *node, int indent, bool last)
{
	if (!is_container(node))
	{
		appendStringInfoChar(out, ' ');
		write_scalar_line(out, node, indent, last);
		return;
	}

	appendStringInfoChar(out, ' ');
	if (write_line(out, node, &value_limit, current_column(out) - (indent - INDENT)))
	{
		appendStringInfoChar(out, '\n');
		return;
	}

	/* no blank at the end of a line */
	out->data[out->len - 1] = '\n';
	appendStringInfoSpaces(out, indent);
	if (node->kind == NODE_MAP)
		write_map(out, node, indent, last);
	else
		write_list(out, node, indent, last);
}

/*
 * The first line begins where "out" stands, which is "indent" characters into
 * it: behind the margin, or behind the "- " of a list.
 */
static void
write_map(StringInfo out, const SpecNode *map, int indent, bool last)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, map->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		int			start = out->len;

		CHECK_FOR_INTERRUPTS();
		yaml_write_key(out, entry->key, false);
		if (out->len - start > YAML_SIMPLE_KEY)
		{
			/* too long to be recognized as a key by the colon that follows */
			out->len = start;
			appendStringInfoString(out, "? ");
			yaml_write_key(out, entry->key, false);
			appendStringInfoChar(out, '\n');
			appendStringInfoSpaces(out, indent);
		}
		appendStringInfoChar(out, ':');
		write_value(out, entry->value, indent + INDENT,
					last && lnext(map->entries, lc) == NULL);
		if (lnext(map->entries, lc) != NULL)
			appendStringInfoSpaces(out, indent);
	}
}

/* begins like write_map() */
static void
write_list(StringInfo out, const SpecNode *list, int indent, bool last)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, list->items)
	{
		SpecNode   *item = lfirst(lc);
		bool		item_last = last && lnext(list->items, lc) == NULL;

		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(out, "- ");
		if (!is_container(item))
			write_scalar_line(out, item, indent + INDENT, item_last);
		else if (write_line(out, item, &item_limit, 0))
			appendStringInfoChar(out, '\n');
		else if (item->kind == NODE_MAP)
			write_map(out, item, indent + INDENT, item_last);
		else
			write_list(out, item, indent + INDENT, item_last);
		if (lnext(list->items, lc) != NULL)
			appendStringInfoSpaces(out, indent);
	}
}

/* The outermost map or list is a block, however short. */
void
spec_write_yaml(StringInfo out, const SpecNode *node)
{
	if (!is_container(node) || is_empty(node))
	{
		write_flow(out, node);
		appendStringInfoChar(out, '\n');
	}
	else if (node->kind == NODE_MAP)
		write_map(out, node, 0, true);
	else
		write_list(out, node, 0, true);
}
