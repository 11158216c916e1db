/*
 * document.h
 *		Private to spec/: the readers behind spec_parse.
 *
 * All text here is UTF-8 on the way in; node.h says what comes out.
 */
#ifndef PGOPS_SPEC_DOCUMENT_H
#define PGOPS_SPEC_DOCUMENT_H

#include "spec/finding.h"
#include "spec/node.h"

/*
 * Limits of a document.  The size bounds time and memory: a tree takes thirty
 * times as much as its text, and none of its checks more than linear time.  An
 * inventory has about a kilobyte for each cluster.
 */
#define SPEC_MAX_BYTES	(64 * 1024 * 1024)
#define SPEC_MAX_DEPTH	64		/* lists and maps inside each other */
#define SPEC_MAX_KEY	1024	/* bytes; YAML's own limit for a key in one line */

/*
 * Where a value is, as a chain from itself up to the root.  A path is as long
 * as all keys above it, so it is only made where a finding needs it.
 */
typedef struct SpecPlace
{
	const struct SpecPlace *above;	/* NULL: at the root */
	const char *key;			/* NULL: item of a list */
	int			index;			/* of the item */
} SpecPlace;

/* the path below "root" that leads to a place (NULL: root itself); palloc'd */
extern char *spec_place_path(const char *root, const SpecPlace *place);

/*
 * Both readers return NULL when there is no tree to go on with (syntax,
 * limits, aliases); what can be read past (a duplicate key, a tag, an anchor)
 * becomes a finding, and the tree is returned for the checks that follow.
 */
extern SpecNode *spec_yaml_read(const char *string, size_t length, Findings *findings);
extern SpecNode *spec_json_read(const char *string, size_t length, Findings *findings);

/* copies line and column from a tree read by libyaml where the shapes agree */
extern void spec_merge_positions(SpecNode *to, const SpecNode *from);

/*
 * spec_resolve_plain
 *		A plain (unquoted) YAML scalar as PyYAML's YAML 1.1 resolver sees it.
 *		"text" is in the server's encoding and is kept as Node.text.
 */
extern SpecNode *spec_resolve_plain(char *string);

/* what a scalar is called as the key of a map: 20001 -> "20001", null -> "null" */
extern char *spec_key_text(const SpecNode *scalar);

/*
 * spec_to_server
 *		Converts length bytes of UTF-8 to the server's encoding; NULL and a
 *		finding if they hold a NUL or a character the server cannot store.
 *		palloc'd.
 */
extern char *spec_to_server(const char *string, size_t length, const SpecNode *at,
							const SpecPlace *place, Findings *findings);

/* a node that only carries line and column (in characters of UTF-8) of a byte */
extern SpecNode spec_place_of_byte(const char *string, size_t offset);

/*
 * spec_path_key / spec_path_item
 *		path + ".key" or path + "[index]", palloc'd; an empty path adds no dot.
 */
extern char *spec_path_key(const char *path, const char *key);
extern char *spec_path_item(const char *path, int index);

#endif							/* PGOPS_SPEC_DOCUMENT_H */
