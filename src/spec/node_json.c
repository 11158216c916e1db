/*
 * node_json.c
 *		A tree from a stored JSON value, by the server's own JSON parser.
 *
 * For what pgops itself has written: no positions, no findings, no limits.
 * Documents that somebody gives us are read by json.c.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/jsonfuncs.h"

#include "compat.h"
#include "spec/node.h"

/* a list or map that is being filled, and the key that its next value has */
typedef struct Level
{
	SpecNode   *container;
	char	   *key;
} Level;

typedef struct Builder
{
	SpecNode   *root;
	List	   *levels;			/* of Level *, innermost last */
} Builder;

/* a value is complete as far as its parent is concerned: containers are filled later */
static void
place(Builder *builder, SpecNode *node)
{
	Level	   *level;

	if (builder->levels == NIL)
	{
		builder->root = node;
		return;
	}
	level = llast(builder->levels);
	if (level->container->kind == NODE_LIST)
		level->container->items = lappend(level->container->items, node);
	else
	{
		SpecEntry  *entry = palloc0(sizeof(SpecEntry));

		/* a key that occurs twice was refused before it was stored */
		entry->key = level->key;
		entry->value = node;
		level->container->entries = lappend(level->container->entries, entry);
	}
}

static void
open_container(Builder *builder, SpecNode *container)
{
	Level	   *level = palloc0(sizeof(Level));

	place(builder, container);
	level->container = container;
	builder->levels = lappend(builder->levels, level);
}

static PGOPS_JSON_ACTION
on_map_start(void *state)
{
	open_container(state, node_map());
	PGOPS_JSON_DONE;
}

static PGOPS_JSON_ACTION
on_list_start(void *state)
{
	open_container(state, node_list());
	PGOPS_JSON_DONE;
}

static PGOPS_JSON_ACTION
on_end(void *state)
{
	Builder    *builder = state;

	builder->levels = list_delete_last(builder->levels);
	PGOPS_JSON_DONE;
}

/* the parser gives the key to us: it is palloc'd and not used again */
static PGOPS_JSON_ACTION
on_key(void *state, char *key, bool isnull)
{
	((Level *) llast(((Builder *) state)->levels))->key = key;
	PGOPS_JSON_DONE;
}

/* a text is a text here: it must not be read as YAML's off or 0755 */
static SpecNode *
text_node(char *token)
{
	SpecNode   *node = node_null();

	node->kind = NODE_STRING;
	node->text = token;
	node->quoted = true;
	return node;
}

static PGOPS_JSON_ACTION
on_scalar(void *state, char *token, JsonTokenType type)
{
	SpecNode   *node;

	switch (type)
	{
		case JSON_TOKEN_STRING:
			node = text_node(token);
			break;
		case JSON_TOKEN_NUMBER:
			node = node_number(token);
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			node = node_bool(type == JSON_TOKEN_TRUE);
			break;
		default:
			node = node_null();
	}
	place(state, node);
	PGOPS_JSON_DONE;
}

/*
 * The order of keys and the spelling of numbers stay as they were written; that
 * is what the type json is for, besides jsonb.
 */
SpecNode *
node_from_json(const char *json, int length)
{
	Builder		builder = {0};
	JsonSemAction actions = {0};

	actions.semstate = &builder;
	actions.object_start = on_map_start;
	actions.object_end = on_end;
	actions.array_start = on_list_start;
	actions.array_end = on_end;
	actions.object_field_start = on_key;
	actions.scalar = on_scalar;
	pg_parse_json_or_ereport(pgops_json_lexer(json, length), &actions);
	return builder.root;
}
