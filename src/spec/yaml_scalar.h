/*
 * yaml_scalar.h
 *		Private to spec/: scalars and keys in YAML, each in the plainest form
 *		that reads back as what it is.
 */
#ifndef PGOPS_SPEC_YAML_SCALAR_H
#define PGOPS_SPEC_YAML_SCALAR_H

#include "spec/node.h"

/*
 * Readers take a text for a key if its colon comes within 1024 characters; a
 * key of more bytes than this, as written, is marked by "? ".
 */
#define YAML_SIMPLE_KEY		1000

/*
 * yaml_write_scalar
 *		Appends a null, boolean, number or text within one line.  flow: inside
 *		[ ] or { }.
 */
extern void yaml_write_scalar(StringInfo out, const SpecNode *scalar, bool flow);

/* the same for a key of a map; a whole number stays one */
extern void yaml_write_key(StringInfo out, const char *key, bool flow);

/*
 * yaml_write_literal
 *		Appends a text of several lines as they are ("|"), each behind "indent"
 *		blanks, and returns true; false if the node is none, or has something
 *		that cannot be seen.  last: nothing follows in the document.
 */
extern bool yaml_write_literal(StringInfo out, const SpecNode *scalar, int indent, bool last);

#endif							/* PGOPS_SPEC_YAML_SCALAR_H */
