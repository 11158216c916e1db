/*
 * yaml_write.h
 *		A tree as YAML that a person would like to read, and that reads back as
 *		the same tree.
 *
 * Not for: masking secrets, deciding the order of keys (the caller's tree has it).
 */
#ifndef PGOPS_SPEC_YAML_WRITE_H
#define PGOPS_SPEC_YAML_WRITE_H

#include "spec/node.h"

/*
 * spec_write_yaml
 *		Appends the document in the server's encoding, without "---".  Maps and
 *		lists of scalars that fit into a line are in flow style ({ name: app,
 *		roles: [ dbrole_admin ] }), everything else is in block style; texts are
 *		quoted where YAML 1.1 (PyYAML) would take them for something else,
 *		keys that are whole numbers are not.  Equal trees give equal text.
 */
extern void spec_write_yaml(StringInfo out, const SpecNode *node);

#endif							/* PGOPS_SPEC_YAML_WRITE_H */
