/*
 * yaml_scalar.c
 *		How a scalar is written in YAML: plain, quoted, escaped, or as lines.
 *
 * A text is plain unless somebody would read something else: PyYAML (YAML
 * 1.1, Ansible), libyaml (pgops), and where it costs nothing the readers of
 * YAML 1.2 and those that take y and n for booleans.  When in doubt it is quoted;
 * that a needless quote is ugly is all that can go wrong.
 *
 * Not for: layout (yaml_write.c), the meaning of plain scalars (resolve.c).
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#include "spec/document.h"
#include "spec/yaml_scalar.h"

/* what a plain text must not begin with; "-" is looked at more closely */
#define INDICATORS		"?:,[]{}#&*!|>'\"%@`"

/* what ends a plain text inside [ ] or { } */
#define FLOW_INDICATORS	",[]{}?"

#define DIGITS			"0123456789"
#define DIGITS_			"0123456789_"

/* ---- characters ---- */

/*
 * The character at *s, which is moved behind it.  In encodings other than
 * UTF-8 a character beyond ASCII is only known to be one.
 */
static pg_wchar
next_character(const char **s)
{
	const unsigned char *at = (const unsigned char *) *s;

	if (!IS_HIGHBIT_SET(*at))
	{
		(*s)++;
		return *at;
	}
	if (GetDatabaseEncoding() == PG_UTF8)
	{
		*s += pg_utf_mblen(at);
		return utf8_to_unicode(at);
	}
	for (int rest = pg_encoding_mblen(GetDatabaseEncoding(), *s); rest > 0 && **s != '\0'; rest--)
		(*s)++;
	return 0xA1;
}

/*
 * Whether a character has to be escaped: control characters and what YAML
 * does not allow, line breaks, and what makes a text look like another one
 * (directions of writing).
 */
static bool
is_hidden(pg_wchar c)
{
	return c < 0x20 ||
		(c >= 0x7F && c < 0xA0) ||
		(c >= 0x2028 && c <= 0x202E) ||
		(c >= 0x2066 && c <= 0x2069) ||
		c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

/* whether a text has a hidden character besides those of "allowed" (ASCII) */
static bool
has_hidden(const char *text, const char *allowed)
{
	while (*text != '\0')
	{
		pg_wchar	c = next_character(&text);

		if (is_hidden(c) && (c >= 0x7F || strchr(allowed, (int) c) == NULL))
			return true;
	}
	return false;
}

/* ---- texts that are something else when plain ---- */

/* 1e3, 0o17: numbers of YAML 1.2; 0x_, ._: PyYAML takes them for numbers, and fails */
static bool
looks_like_number(const char *s)
{
	const char *rest;

	if (*s == '-' || *s == '+')
		s++;
	if (s[0] == '0' && s[1] != '\0' && strchr("xob", s[1]) != NULL)
		return s[2 + strspn(s + 2, "0123456789abcdefABCDEF_")] == '\0';
	if (!isdigit((unsigned char) *s) &&
		!(*s == '.' && (isdigit((unsigned char) s[1]) || s[1] == '_')))
		return false;
	rest = s + strspn(s, DIGITS_);
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, DIGITS_);
	if (*rest == 'e' || *rest == 'E')
	{
		rest++;
		if (*rest == '-' || *rest == '+')
			rest++;
		rest += strspn(rest, DIGITS);
	}
	return *rest == '\0';
}

/* 2030-12-31, with or without a time: a date object for PyYAML */
static bool
looks_like_date(const char *s)
{
	if (strspn(s, DIGITS) != 4 || s[4] != '-')
		return false;
	s += 5;
	for (int i = 0; i < 2; i++)
	{
		size_t		digits = strspn(s, DIGITS);

		if (digits < 1 || digits > 2)
			return false;
		s += digits;
		if (i == 0 && *s++ != '-')
			return false;
	}
	return *s == '\0' || *s == 't' || *s == 'T' || *s == ' ';
}

static bool
is_ambiguous(const char *text)
{
	/* a boolean to readers that follow YAML 1.1 to the letter */
	if (text[1] == '\0' && strchr("yYnN", text[0]) != NULL)
		return true;

	/* types of YAML 1.1 of their own */
	if (strcmp(text, "=") == 0 || strcmp(text, "<<") == 0)
		return true;

	return looks_like_number(text) || looks_like_date(text) ||
		spec_resolve_plain(pstrdup(text))->kind != NODE_STRING;
}

/* whether readers would find the end of a plain text where it is */
static bool
is_plain_syntax(const char *text, bool flow)
{
	size_t		length = strlen(text);

	if (length == 0 || text[0] == ' ' || text[length - 1] == ' ')
		return false;
	if (strchr(INDICATORS, text[0]) != NULL)
		return false;
	if (text[0] == '-' && (text[1] == '\0' || text[1] == ' '))
		return false;

	/* marks of documents, at the margin */
	if (strncmp(text, "---", 3) == 0 || strncmp(text, "...", 3) == 0)
		return false;
	if (strstr(text, ": ") != NULL || strstr(text, " #") != NULL || text[length - 1] == ':')
		return false;
	return !flow || strpbrk(text, FLOW_INDICATORS) == NULL;
}

/* ---- forms ---- */

static void
write_single_quoted(StringInfo out, const char *text)
{
	appendStringInfoChar(out, '\'');
	for (; *text != '\0'; text++)
	{
		if (*text == '\'')
			appendStringInfoChar(out, '\'');
		appendStringInfoChar(out, *text);
	}
	appendStringInfoChar(out, '\'');
}

static void
write_escape(StringInfo out, pg_wchar c)
{
	switch (c)
	{
		case '\n':
			appendStringInfoString(out, "\\n");
			break;
		case '\r':
			appendStringInfoString(out, "\\r");
			break;
		case '\t':
			appendStringInfoString(out, "\\t");
			break;
		default:
			if (c <= 0xFF)
				appendStringInfo(out, "\\x%02X", (unsigned int) c);
			else
				appendStringInfo(out, "\\u%04X", (unsigned int) c);
			break;
	}
}

/* the one form that can hold everything */
static void
write_double_quoted(StringInfo out, const char *text)
{
	appendStringInfoChar(out, '"');
	while (*text != '\0')
	{
		const char *start = text;
		pg_wchar	c = next_character(&text);

		if (is_hidden(c))
			write_escape(out, c);
		else
		{
			if (c == '"' || c == '\\')
				appendStringInfoChar(out, '\\');
			appendBinaryStringInfo(out, start, text - start);
		}
	}
	appendStringInfoChar(out, '"');
}

/* Quotes inside a text are the reason to choose the other ones. */
static void
write_quoted(StringInfo out, const char *text)
{
	if (has_hidden(text, "") ||
		(strchr(text, '\'') != NULL && strpbrk(text, "\"\\") == NULL))
		write_double_quoted(out, text);
	else
		write_single_quoted(out, text);
}

static void
write_text(StringInfo out, const char *text, bool flow)
{
	if (is_plain_syntax(text, flow) && !has_hidden(text, "") && !is_ambiguous(text))
		appendStringInfoString(out, text);
	else
		write_quoted(out, text);
}

/* YAML 1.1 wants a point in what is a float: 1e+20 would be text */
static void
write_float(StringInfo out, const char *text)
{
	const char *exponent = strchr(text, 'e');

	if (exponent == NULL || strchr(text, '.') != NULL)
		appendStringInfoString(out, text);
	else
		appendStringInfo(out, "%.*s.0%s", (int) (exponent - text), text, exponent);
}

void
yaml_write_scalar(StringInfo out, const SpecNode *scalar, bool flow)
{
	switch (scalar->kind)
	{
		case NODE_NULL:
			appendStringInfoString(out, "null");
			break;
		case NODE_STRING:
			write_text(out, scalar->text, flow);
			break;
		case NODE_FLOAT:
			write_float(out, node_text(scalar));
			break;
		default:
			appendStringInfoString(out, node_text(scalar));
			break;
	}
}

/* 6379, -1, 0, but not 0755: what a reader makes the same text of again */
static bool
is_whole_number(const char *key)
{
	const char *digits = *key == '-' ? key + 1 : key;

	if (*digits == '0')
		return strcmp(key, "0") == 0;
	return *digits != '\0' && digits[strspn(digits, DIGITS)] == '\0';
}

/*
 * In the tree a key is a text, whatever it was: PyYAML reads the ports of
 * redis_instances as numbers, and gets numbers back.
 */
void
yaml_write_key(StringInfo out, const char *key, bool flow)
{
	if (is_whole_number(key))
		appendStringInfoString(out, key);
	else
		write_text(out, key, flow);
}

/* ---- lines as they are ---- */

/*
 * Only where every character of the text can be seen: blanks at the end of a
 * line, more than one line break at the end, or a text of nothing but line
 * breaks are better escaped.
 */
static bool
is_literal_text(const char *text, bool last)
{
	size_t		length = strlen(text);

	if (strchr(text, '\n') == NULL || text[0] == '\n' || has_hidden(text, "\n\t"))
		return false;
	if (strstr(text, " \n") != NULL || strstr(text, "\t\n") != NULL)
		return false;
	if (text[length - 1] == '\n')
		return !last && text[length - 2] != '\n';
	return text[length - 1] != ' ' && text[length - 1] != '\t';
}

bool
yaml_write_literal(StringInfo out, const SpecNode *scalar, int indent, bool last)
{
	const char *line = scalar->text;
	bool		ends;

	if (scalar->kind != NODE_STRING || !is_literal_text(line, last))
		return false;

	/* the indentation is seen by the first line, unless that has its own */
	appendStringInfoChar(out, '|');
	if (line[0] == ' ' || line[0] == '\t')
		appendStringInfoChar(out, '2');
	ends = line[strlen(line) - 1] == '\n';
	appendStringInfoString(out, ends ? "\n" : "-\n");
	while (*line != '\0')
	{
		size_t		length = strcspn(line, "\n");

		if (length > 0)
		{
			appendStringInfoSpaces(out, indent);
			appendBinaryStringInfo(out, line, length);
		}
		appendStringInfoChar(out, '\n');
		line += length;
		if (*line == '\n')
			line++;
	}
	return true;
}
