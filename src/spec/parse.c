/*
 * parse.c
 *		From the bytes of a document to its tree: limits, encoding, and which
 *		of the two formats it is.
 *
 * Not for: the formats themselves (yaml.c, json.c).
 */
#include "postgres.h"

#include "common/string.h"
#include "mb/pg_wchar.h"

#include "errors.h"
#include "spec/document.h"
#include "spec/spec.h"

/*
 * Keys with dots in them (addresses, settings of extensions) are not quoted: a
 * path is read by people, who know what they wrote.  The result is a copy even
 * where it equals the key, so that callers may free it.
 */
char *
spec_path_key(const char *path, const char *key)
{
	size_t		above = strlen(path);
	size_t		length = strlen(key);
	char	   *result;

	if (above == 0)
		return pstrdup(key);
	/* by hand: every parameter of every cluster gets one */
	result = palloc(above + 1 + length + 1);
	memcpy(result, path, above);
	result[above] = '.';
	memcpy(result + above + 1, key, length + 1);
	return result;
}

/* Indexes count from 0, as in jsonb and JMESPath. */
char *
spec_path_item(const char *path, int index)
{
	return psprintf("%s[%d]", path, index);
}

/* One step of the chain after those above it; the depth of documents is limited. */
static void
append_place(StringInfo buf, const SpecPlace *place)
{
	if (place == NULL)
		return;
	append_place(buf, place->above);
	if (place->key == NULL)
		appendStringInfo(buf, "[%d]", place->index);
	else
		appendStringInfo(buf, "%s%s", buf->len == 0 ? "" : ".", place->key);
}

/* The same text as spec_path_key() and spec_path_item() make step by step. */
char *
spec_place_path(const char *root, const SpecPlace *place)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, root);
	append_place(&buf, place);
	return buf.data;
}

/*
 * For errors that a library reports by offset.  Counted in characters of UTF-8
 * (every byte that is no continuation byte begins one), as libyaml counts its
 * columns.
 */
SpecNode
spec_place_of_byte(const char *string, size_t offset)
{
	SpecNode		at = {0};

	at.line = at.column = 1;
	for (size_t i = 0; i < offset; i++)
	{
		if (string[i] == '\n')
		{
			at.line++;
			at.column = 1;
		}
		else if (((unsigned char) string[i] & 0xC0) != 0x80)
			at.column++;
	}
	return at;
}

/*
 * Runs one of the server's conversions; NULL instead of an error when a
 * character has no equivalent, because bad input is reported, not raised.
 */
static char *
convert(const char *string, size_t length, bool to_server)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile result = NULL;

	PG_TRY();
	{
		result = to_server ? pg_any_to_server(string, (int) length, PG_UTF8) :
			pg_server_to_any(string, (int) length, PG_UTF8);
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_UNTRANSLATABLE_CHARACTER &&
			code != ERRCODE_CHARACTER_NOT_IN_REPERTOIRE)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

/*
 * The NUL check comes first because everything after it works on C strings: a
 * text with a NUL inside would be cut short silently, and "admin" is not
 * "admin\0x".
 */
char *
spec_to_server(const char *string, size_t length, const SpecNode *at, const SpecPlace *place,
			   Findings *findings)
{
	char	   *copy;
	char	   *converted;

	if (memchr(string, '\0', length) != NULL)
	{
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_ENCODING, at,
					spec_place_path("", place), NULL,
					"text must not contain a NUL character");
		return NULL;
	}
	copy = pnstrdup(string, length);

	/* nearly always there is nothing to convert, and no need to be ready for errors */
	if (pg_is_ascii(copy) ||
		(GetDatabaseEncoding() == PG_UTF8 &&
		 pg_encoding_verifymbstr(PG_UTF8, copy, (int) length) == (int) length))
		return copy;
	converted = convert(copy, length, true);
	if (converted == NULL)
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_ENCODING, at,
					spec_place_path("", place), NULL,
					"text has a character that the encoding of this database (%s) cannot store",
					GetDatabaseEncodingName());
	return converted;
}

/* the text in UTF-8, or NULL and a finding */
static const char *
to_utf8(const char *string, size_t *length, Findings *findings)
{
	int			encoding = GetDatabaseEncoding();
	const char *nul = memchr(string, '\0', *length);
	char	   *converted;
	SpecNode		at;

	if (nul != NULL)
	{
		at = spec_place_of_byte(string, nul - string);
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_ENCODING, &at, NULL, NULL,
					"document must not contain a NUL byte");
		return NULL;
	}
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
	{
		int			valid = pg_encoding_verifymbstr(PG_UTF8, string, (int) *length);

		if (valid == (int) *length)
			return string;
		at = spec_place_of_byte(string, valid);
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_ENCODING, &at, NULL, NULL,
					"document is not valid UTF-8");
		return NULL;
	}

	converted = convert(pnstrdup(string, *length), *length, false);
	if (converted == NULL)
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_ENCODING, NULL, NULL, NULL,
					"document cannot be converted from %s to UTF-8",
					GetDatabaseEncodingName());
	else
		*length = strlen(converted);
	return converted;
}

/* index of the first byte from start on that is no white space */
static size_t
skip_blanks(const char *string, size_t length, size_t start)
{
	while (start < length && strchr(" \t\r\n", string[start]) != NULL)
		start++;
	return start;
}

/*
 * A text that begins with a bracket may be JSON or YAML's flow style: JSON is
 * tried first.  If both fail, the complaint of the format it looks like is
 * reported.
 */
static SpecNode *
read_bracketed(const char *string, size_t length, size_t start, Findings *findings)
{
	Findings	as_json = {0};
	Findings	as_yaml = {0};
	SpecNode   *json = spec_json_read(string, length, &as_json);
	SpecNode   *yaml = spec_yaml_read(string, length, &as_yaml);
	size_t		inner = skip_blanks(string, length, start + 1);
	bool		json_like = inner < length && string[inner] == '"';
	bool		use_yaml;

	if (json != NULL && yaml != NULL)
		spec_merge_positions(json, yaml);

	/* a duplicate key is a fault in both; YAML's finding says where it is */
	use_yaml = json == NULL &&
		(yaml != NULL || !json_like || as_json.errors == 0);
	findings_append(findings, use_yaml ? &as_yaml : &as_json);
	return use_yaml ? yaml : json;
}

/* Checked before anything else looks at the document, even once. */
static bool
small_enough(size_t length, Findings *findings)
{
	if (length <= SPEC_MAX_BYTES)
		return true;
	finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_LIMIT, NULL, NULL, NULL,
				"document has %zu bytes, at most %d are allowed", length, SPEC_MAX_BYTES);
	return false;
}

/* The root, unless there is nothing in it: comments only, a lone "---", a JSON null. */
static SpecNode *
not_empty(SpecNode *root, Findings *findings)
{
	if (root != NULL && root->kind != NODE_NULL)
		return root;

	/* no root, but an error: the reader has said what is wrong */
	if (root != NULL || findings->errors == 0)
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_SYNTAX, NULL, NULL,
					"A document is the name of a cluster with its \"hosts\" and \"vars\".",
					"document is empty");
	return NULL;
}

/*
 * Both formats end here, and only what differs between them is left to the
 * readers.  Positions count from the first character after a byte order mark.
 */
SpecNode *
spec_parse(const char *string, size_t length, Findings *findings)
{
	size_t		start;
	SpecNode   *root;

	if (!small_enough(length, findings))
		return NULL;
	string = to_utf8(string, &length, findings);
	if (string == NULL)
		return NULL;

	/* a byte order mark is no part of the document */
	if (length >= 3 && memcmp(string, "\xEF\xBB\xBF", 3) == 0)
	{
		string += 3;
		length -= 3;
	}

	start = skip_blanks(string, length, 0);
	if (start < length && (string[start] == '{' || string[start] == '['))
		root = read_bracketed(string, length, start, findings);
	else
		root = spec_yaml_read(string, length, findings);

	return not_empty(root, findings);
}

/*
 * Whether a tree that no reader has measured keeps the limits of depth and of
 * keys.  The depth of the recursion is at most one more than that limit.
 */
static bool
within_limits(const SpecNode *node, int depth, Findings *findings)
{
	ListCell   *lc;

	if (depth > SPEC_MAX_DEPTH)
	{
		finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_LIMIT, NULL, NULL, NULL,
					"document is nested more than %d levels deep", SPEC_MAX_DEPTH);
		return false;
	}
	foreach(lc, node->items)
	{
		if (!within_limits(lfirst(lc), depth + 1, findings))
			return false;
	}
	foreach(lc, node->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (strlen(entry->key) > SPEC_MAX_KEY)
		{
			finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_LIMIT, NULL, NULL, NULL,
						"a key is longer than %d bytes", SPEC_MAX_KEY);
			return false;
		}
		if (!within_limits(entry->value, depth + 1, findings))
			return false;
	}
	return true;
}

SpecNode *
spec_from_jsonb(Jsonb *document, Findings *findings)
{
	SpecNode   *root;

	if (!small_enough(VARSIZE(document), findings))
		return NULL;
	root = not_empty(node_from_jsonb(document), findings);
	return root != NULL && within_limits(root, 0, findings) ? root : NULL;
}
