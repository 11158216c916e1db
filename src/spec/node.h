/*
 * node.h
 *		The tree of a document: scalars, lists and maps with line and column.
 *
 * YAML and JSON both become this tree, so nothing outside spec/ knows which
 * format a document had.  A scalar keeps its source text besides its resolved
 * value (as PyYAML resolves YAML 1.1: 'off' is a boolean, 'y' a string, 0755
 * is 493, 1:20 is 80, 2030-12-31 stays text): a field whose declared type is
 * text uses the text, so 1:20 there means "1:20".
 *
 * Everything is palloc'd in the context current at the call and lives as long
 * as that context.  Strings are in the server's encoding.
 *
 * Not for: what a parameter means (catalogue.h), tables, files.
 */
#ifndef PGOPS_SPEC_NODE_H
#define PGOPS_SPEC_NODE_H

#include "nodes/pg_list.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

typedef enum SpecKind
{
	NODE_NULL,
	NODE_BOOL,
	NODE_INT,
	NODE_FLOAT,
	NODE_STRING,
	NODE_LIST,
	NODE_MAP
} SpecKind;

typedef struct SpecNode
{
	SpecKind	kind;
	int			line;			/* 1-based; 0: unknown (from jsonb) */
	int			column;			/* 1-based, in characters; 0: unknown */
	bool		quoted;			/* scalar was quoted in the source */
	bool		normalised;		/* its kind was changed: see spec_become() */
	SpecKind	declared;		/* normalised: the kind it had */
	char	   *text;			/* scalar: source text without quotes; else NULL */
	bool		boolean;		/* NODE_BOOL */
	int64		integer;		/* NODE_INT */
	double		number;			/* NODE_FLOAT */
	List	   *items;			/* NODE_LIST: of SpecNode * */
	List	   *entries;		/* NODE_MAP: of SpecEntry *, document order */
} SpecNode;

typedef struct SpecEntry
{
	char	   *key;
	int			line;
	int			column;
	SpecNode   *value;
} SpecEntry;

/* constructors; text is copied */
extern SpecNode *node_null(void);
extern SpecNode *node_bool(bool value);
extern SpecNode *node_int(int64 value);
extern SpecNode *node_string(const char *text);
extern SpecNode *node_number(const char *text);	/* int if it is written as one and fits, else float */
extern SpecNode *node_list(void);
extern SpecNode *node_map(void);
extern void node_list_add(SpecNode *list, SpecNode *item);

/* sets or replaces a key (keeps the place of an existing one) */
extern void node_map_set(SpecNode *map, const char *key, SpecNode *value);

/* removes a key if it is there */
extern void node_map_unset(SpecNode *map, const char *key);

/* value of a key, or NULL; a value that is null is returned as NODE_NULL */
extern SpecNode *node_get(const SpecNode *map, const char *key);

/* the entry of a key, or NULL */
extern SpecEntry *node_entry(const SpecNode *map, const char *key);

/* text of a scalar (for bool/int/float the canonical spelling); NULL for null, list, map */
extern const char *node_text(const SpecNode *node);
extern SpecNode *node_copy(const SpecNode *node);

/* a copy that shares texts and keys, for who changes values by putting others in their places */
extern SpecNode *node_share(const SpecNode *node);

/* equality of meaning: kinds and values; order of map keys, positions, quotes do not count */
extern bool node_equal(const SpecNode *a, const SpecNode *b);

/* tree <-> jsonb; node_from_jsonb has no positions */
extern Jsonb *node_to_jsonb(const SpecNode *node);
extern SpecNode *node_from_jsonb(Jsonb *jb);

/*
 * node_from_json
 *		From JSON text (length bytes, server encoding) that pgops wrote: the order of keys is
 *		kept, there are no positions.  Raises if it is no JSON.
 */
extern SpecNode *node_from_json(const char *json, int length);

/* JSON text, keys in document order */
extern void node_to_json(StringInfo out, const SpecNode *node);

#endif							/* PGOPS_SPEC_NODE_H */
