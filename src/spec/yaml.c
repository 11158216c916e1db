/*
 * yaml.c
 *		YAML text to a tree, by libyaml's event interface.
 *
 * libyaml knows nothing of memory contexts, so parser and event belong to a
 * context of their own whose reset callback frees them, whether we leave by
 * return or by error.  Nothing is raised while libyaml is on the stack.
 *
 * Refused, because a declaration must mean what it shows: anchors, aliases,
 * tags, merge keys, duplicate keys, keys that are no scalars, more than one
 * document.  Inventories do without them all.
 *
 * Not for: what a plain scalar means (resolve.c).
 */
#include "postgres.h"

#include <yaml.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "errors.h"
#include "spec/document.h"
#include "spec/names.h"

/* entries up to which looking through a map is as fast as a table */
#define SMALL_MAP	16

typedef struct YamlReader
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool		have_parser;
	bool		have_event;
	bool		failed;			/* no tree to go on with */
	const char *input;
	size_t		length;
	Findings   *findings;
} YamlReader;

static SpecNode *read_value(YamlReader *reader, int depth, const SpecPlace *where);

/*
 * Reset callback of the reader's memory context.  It runs on every way out, an
 * error raised by palloc in the midst of reading included, and frees what
 * libyaml has malloc'd.
 */
static void
release_reader(void *arg)
{
	YamlReader *reader = arg;

	if (reader->have_event)
		yaml_event_delete(&reader->event);
	if (reader->have_parser)
		yaml_parser_delete(&reader->parser);
	reader->have_event = reader->have_parser = false;
}

/* a node that only carries a place, for findings */
static SpecNode
place(yaml_mark_t mark)
{
	SpecNode		node = {0};

	node.line = (int) mark.line + 1;
	node.column = (int) mark.column + 1;
	return node;
}

/* libyaml's own complaint; its texts never quote the document */
static void
report_syntax(YamlReader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem == NULL ? "not readable" : parser->problem;
	SpecNode		at;

	/* libyaml's decoder gives an offset only */
	if (parser->error == YAML_READER_ERROR)
		at = spec_place_of_byte(reader->input, Min(parser->problem_offset, reader->length));
	else
		at = place(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		finding_add(reader->findings, FINDING_ERROR, ERRCODE_OUT_OF_MEMORY, NULL, NULL,
					NULL, "out of memory while reading YAML");
	else if (parser->context != NULL)
		finding_add(reader->findings, FINDING_ERROR, ERRCODE_PGOPS_SYNTAX, &at, NULL, NULL,
					"invalid YAML: %s %s (line %d)", problem, parser->context,
					(int) parser->context_mark.line + 1);
	else
		finding_add(reader->findings, FINDING_ERROR, ERRCODE_PGOPS_SYNTAX, &at, NULL, NULL,
					"invalid YAML: %s", problem);
	reader->failed = true;
}

/* reads the next event; false (and failed) if the text is no YAML */
static bool
next_event(YamlReader *reader)
{
	if (reader->failed)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (reader->have_event)
	{
		reader->have_event = false;
		yaml_event_delete(&reader->event);
	}
	if (!yaml_parser_parse(&reader->parser, &reader->event))
	{
		report_syntax(reader);
		return false;
	}
	reader->have_event = true;
	return true;
}

/*
 * A finding at the place of the current event.  The texts are ours and show
 * nothing of the document but keys.
 */
static void
refuse(YamlReader *reader, int sqlstate, const SpecPlace *where, const char *hint,
	   const char *message)
{
	SpecNode		at = place(reader->event.start_mark);
	char	   *path = NULL;

	/* what is only counted needs no path, which may be as long as the document is deep */
	if (reader->findings->errors < FINDINGS_KEPT)
		path = spec_place_path("", where);
	finding_add(reader->findings, FINDING_ERROR, sqlstate, &at, path, hint, "%s", message);
	if (path != NULL)
		pfree(path);
}

/* anchors and tags can be read past: the value stands without them */
static void
check_properties(YamlReader *reader, const void *anchor, const yaml_char_t *tag, const SpecPlace *where)
{
	if (anchor != NULL)
		refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where,
			   "Write the value out at each place where it is meant.",
			   "YAML anchors are not supported");
	if (tag != NULL)
		refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where,
			   strcmp((const char *) tag, "!vault") == 0 ?
			   "Only Ansible can decrypt it: declare the secret as { file: ... } or { env: ... }." :
			   "Quote the value if it is meant as text.",
			   "YAML tags are not supported");
}

/* the scalar of the current event; NULL if its text cannot be stored */
static SpecNode *
make_scalar(YamlReader *reader, const SpecPlace *where)
{
	SpecNode		at = place(reader->event.start_mark);
	bool		plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	SpecNode   *node;
	char	   *string;

	check_properties(reader, reader->event.data.scalar.anchor,
					 reader->event.data.scalar.tag, where);
	string = spec_to_server((const char *) reader->event.data.scalar.value,
						  reader->event.data.scalar.length, &at, where, reader->findings);
	if (string == NULL)
		string = pstrdup("");
	if (plain)
		node = spec_resolve_plain(string);
	else
		node = node_string(string);
	node->quoted = !plain;
	node->line = at.line;
	node->column = at.column;
	return node;
}

/*
 * Depth is limited here and not by the stack: the same document must be
 * accepted or refused whatever max_stack_depth says, and JSON readers
 * elsewhere have limits, too.
 */
static bool
too_deep(YamlReader *reader, int depth, const SpecPlace *where)
{
	if (depth < SPEC_MAX_DEPTH)
		return false;
	refuse(reader, ERRCODE_PGOPS_LIMIT, where, NULL,
		   psprintf("document is nested more than %d levels deep", SPEC_MAX_DEPTH));
	reader->failed = true;
	return true;
}

/* the items of a sequence up to its end */
static SpecNode *
read_list(YamlReader *reader, int depth, const SpecPlace *where)
{
	SpecNode   *list = node_list();
	SpecPlace	below = {where};
	SpecNode		at = place(reader->event.start_mark);

	list->line = at.line;
	list->column = at.column;
	check_properties(reader, reader->event.data.sequence_start.anchor,
					 reader->event.data.sequence_start.tag, where);
	if (too_deep(reader, depth, where))
		return NULL;
	while (next_event(reader))
	{
		SpecNode   *item;

		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return list;
		item = read_value(reader, depth, &below);
		below.index++;
		if (item == NULL)
			return NULL;
		node_list_add(list, item);
	}
	return NULL;
}

/*
 * The key of the current event as an entry without value; NULL if it cannot
 * be one (then the reader has failed).
 */
static SpecEntry *
read_key(YamlReader *reader, const SpecPlace *where)
{
	SpecEntry  *entry;
	SpecNode   *scalar;

	if (reader->event.type == YAML_ALIAS_EVENT)
	{
		refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where, NULL,
			   "YAML aliases are not supported");
		reader->failed = true;
		return NULL;
	}
	if (reader->event.type != YAML_SCALAR_EVENT)
	{
		refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where,
			   "Quote it if it is meant as text: an unquoted {{ or [ opens a map or list.",
			   "a key must be a single value, not a list or map");
		reader->failed = true;
		return NULL;
	}
	scalar = make_scalar(reader, where);
	if (strlen(scalar->text) > SPEC_MAX_KEY)
	{
		refuse(reader, ERRCODE_PGOPS_LIMIT, where, NULL,
			   psprintf("a key is longer than %d bytes", SPEC_MAX_KEY));
		reader->failed = true;
		return NULL;
	}
	entry = palloc0(sizeof(SpecEntry));
	entry->key = scalar->quoted ? scalar->text : spec_key_text(scalar);
	entry->line = scalar->line;
	entry->column = scalar->column;
	return entry;
}

/*
 * The entry that has the key already, or NULL, and then the new one is
 * remembered.  Nearly all maps are small and searched in place; but a map may
 * be as large as the document, so a larger one gets a table.
 */
static const SpecEntry *
find_key(const SpecNode *map, SpecNames **seen, SpecEntry *entry)
{
	const SpecEntry *other;
	ListCell   *lc;

	if (*seen != NULL)
		return spec_names_add(*seen, entry->key, entry);
	other = node_entry(map, entry->key);
	if (other != NULL || list_length(map->entries) < SMALL_MAP)
		return other;
	*seen = spec_names_create();
	foreach(lc, map->entries)
		(void) spec_names_add(*seen, ((SpecEntry *) lfirst(lc))->key, lfirst(lc));
	return spec_names_add(*seen, entry->key, entry);
}

/*
 * Whether the map can take the entry: merge keys and keys seen before are
 * refused; their values are read and dropped.
 */
static bool
accept_key(YamlReader *reader, const SpecNode *map, SpecNames **seen, SpecEntry *entry,
		   const SpecPlace *where)
{
	bool		quoted = reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	const SpecEntry *other;

	if (!quoted && strcmp(entry->key, "<<") == 0)
	{
		refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where,
			   "Write the keys out.", "YAML merge keys are not supported");
		return false;
	}
	other = find_key(map, seen, entry);
	if (other == NULL)
		return true;
	refuse(reader, ERRCODE_PGOPS_DUPLICATE_KEY, where, NULL,
		   psprintf("duplicate key \"%s\", first seen in line %d", entry->key, other->line));
	return false;
}

/*
 * The entries of a mapping up to its end.  A value is read even where
 * its key is refused, for the events must be consumed, and it may hold errors
 * of its own.
 */
static SpecNode *
read_map(YamlReader *reader, int depth, const SpecPlace *where)
{
	SpecNode   *map = node_map();
	SpecNames  *seen = NULL;
	SpecPlace	below = {where};
	SpecNode		at = place(reader->event.start_mark);

	map->line = at.line;
	map->column = at.column;
	check_properties(reader, reader->event.data.mapping_start.anchor,
					 reader->event.data.mapping_start.tag, where);
	if (too_deep(reader, depth, where))
		return NULL;
	while (next_event(reader))
	{
		SpecEntry  *entry;
		bool		accepted;

		if (reader->event.type == YAML_MAPPING_END_EVENT)
		{
			if (seen != NULL)
				spec_names_free(seen);
			return map;
		}
		entry = read_key(reader, where);
		if (entry == NULL)
			return NULL;
		below.key = entry->key;
		accepted = accept_key(reader, map, &seen, entry, &below);
		if (!next_event(reader))
			return NULL;
		entry->value = read_value(reader, depth, &below);
		if (entry->value == NULL)
			return NULL;
		if (accepted)
			map->entries = lappend(map->entries, entry);
	}
	return NULL;
}

/* the value that begins with the current event; NULL: failed */
static SpecNode *
read_value(YamlReader *reader, int depth, const SpecPlace *where)
{
	switch (reader->event.type)
	{
		case YAML_SCALAR_EVENT:
			return make_scalar(reader, where);
		case YAML_SEQUENCE_START_EVENT:
			return read_list(reader, depth + 1, where);
		case YAML_MAPPING_START_EVENT:
			return read_map(reader, depth + 1, where);
		case YAML_ALIAS_EVENT:
			refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, where,
				   "Quote the value if it begins with a literal \"*\".",
				   "YAML aliases are not supported");
			break;
		default:
			refuse(reader, ERRCODE_PGOPS_SYNTAX, where, NULL, "invalid YAML: value expected");
			break;
	}
	reader->failed = true;
	return NULL;
}

/* the one document of the stream */
static SpecNode *
read_stream(YamlReader *reader)
{
	SpecNode   *root = NULL;

	while (next_event(reader) && reader->event.type != YAML_STREAM_END_EVENT)
	{
		if (reader->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (root != NULL)
		{
			refuse(reader, ERRCODE_PGOPS_UNSUPPORTED_YAML, NULL, NULL,
				   "text holds several YAML documents, expected one");
			return NULL;
		}
		if (!next_event(reader))
			return NULL;
		root = read_value(reader, 0, NULL);
	}
	return reader->failed ? NULL : root;
}

/*
 * libyaml's input is the text itself, which is not copied and must stay until
 * the end.  The encoding is fixed: libyaml would otherwise take a byte order
 * mark's word for UTF-16.
 */
SpecNode *
spec_yaml_read(const char *string, size_t length, Findings *findings)
{
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext, "pgops yaml",
												ALLOCSET_SMALL_SIZES);
	YamlReader *reader = MemoryContextAllocZero(owner, sizeof(YamlReader));
	MemoryContextCallback *callback = MemoryContextAllocZero(owner, sizeof(MemoryContextCallback));
	SpecNode   *root;

	reader->input = string;
	reader->length = length;
	reader->findings = findings;
	callback->func = release_reader;
	callback->arg = reader;
	MemoryContextRegisterResetCallback(owner, callback);

	if (!yaml_parser_initialize(&reader->parser))
	{
		MemoryContextDelete(owner);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	}
	reader->have_parser = true;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *) string, length);

	root = read_stream(reader);
	MemoryContextDelete(owner);
	return root;
}
