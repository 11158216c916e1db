/*
 * spec.h
 *		From text to a validated tree: the entry points of the folder.
 *
 * Pure: no SPI, no catalogs, no files, no clock.
 */
#ifndef PGOPS_SPEC_SPEC_H
#define PGOPS_SPEC_SPEC_H

#include "spec/finding.h"
#include "spec/inventory.h"
#include "spec/node.h"

/*
 * spec_parse
 *		Parses YAML or JSON text (length bytes, UTF-8 or the server encoding
 *		as received by a text argument) into a tree; NULL and findings if it
 *		cannot.  Limits: 64 MiB, depth 64, keys of 1024 bytes, one document, no
 *		anchors, aliases, tags, merge keys, duplicate keys.  What can be read past (a duplicate
 *		key, a tag, an anchor) is an error in the findings, but the tree is
 *		returned, so that validation can report what else is wrong: look at
 *		findings->errors before a tree is used.
 */
extern SpecNode *spec_parse(const char *text, size_t length, Findings *findings);

/*
 * spec_parse_json
 *		JSON text alone, in UTF-8: what another program answers.  NULL and *problem
 *		(a sentence, palloc'd) if it is none, or nested too deep; nothing is raised
 *		for what it holds.  A text that the server's encoding cannot store
 *		becomes an empty one.
 */
extern SpecNode *spec_parse_json(const char *text, size_t length, char **problem);

/*
 * spec_from_jsonb
 *		The same for a document that comes as jsonb; its findings have no
 *		places.  The limits are those of a text, so that what is stored can
 *		always be written as a text and declared again.
 */
extern SpecNode *spec_from_jsonb(Jsonb *document, Findings *findings);

/*
 * spec_validate_cluster
 *		Validates one cluster document {name: {hosts, vars}} against the
 *		parameter catalogue and the rules between fields, and normalises it in
 *		place: a field whose type is text becomes NODE_STRING with its source
 *		text, a boolean given as 'yes' text becomes NODE_BOOL, a string item
 *		stays a string (short forms are kept).  Returns the cluster's name and
 *		its body through the pointers (NULL if there is none).
 *		References to roles that are not declared are NOT findings here: they
 *		need the server, see plan/check.h.
 */
extern void spec_validate_cluster(SpecNode *document, Findings *findings,
								  char **name, SpecNode **body);

/*
 * spec_sanitize
 *		A copy of a validated body without what its errors are about: faulty
 *		parameters are gone, and so are faulty fields of users, roles and
 *		databases; hosts are left out.  NULL if nothing can be said of references
 *		then (a user whose very name is faulty).  Only to look for further
 *		errors, never to be stored.
 */
extern SpecNode *spec_sanitize(const char *cluster, const SpecNode *body,
							   const Findings *findings);

/*
 * spec_validate_param
 *		Validates and normalises one parameter's value in place.
 *		"path" is the prefix of the findings.
 */
extern void spec_validate_param(const char *param, SpecNode *value, const char *path,
								Findings *findings);

/*
 * spec_normalise_vars
 *		Normalises the known parameters of one level in place, as validation
 *		does; what is faulty stays as it is.  What is stored is faithful to the
 *		document (see spec_restore_declared), so whoever reads it normalises first.
 */
extern void spec_normalise_vars(SpecNode *vars);

/* the same for a body: its "vars" and those of its hosts */
extern void spec_normalise_body(SpecNode *body);

/* whether a value is a text with a Jinja expression or statement in it, which only Ansible evaluates */
extern bool spec_is_jinja(const SpecNode *node);

/*
 * spec_restore_declared
 *		Makes what validation has normalised what was declared again, in place:
 *		what is to be stored, and what Ansible would see in the document.  Only a
 *		scalar whose source text says more than its value (a password 0755, which
 *		YAML takes for 493) stays the text.
 */
extern void spec_restore_declared(SpecNode *value);

/*
 * spec_validate_inventory
 *		Validates a whole inventory: its structure (inventory_read), every pgsql
 *		group as spec_validate_cluster does, known parameters at every other
 *		level, and what only shows between groups.  Normalises the document in
 *		place.  NULL if there is nothing to go on with.
 */
extern Inventory *spec_validate_inventory(SpecNode *document, Findings *findings);

/*
 * spec_validate_groups
 *		The same for an inventory that is there already: only the groups named
 *		(NIL: all of them), and what they have to do with the others.
 *		"incomplete": lacking hosts or a primary is no error.
 */
extern void spec_validate_groups(Inventory *inventory, List *names, bool incomplete,
								 Findings *findings);

/*
 * spec_validate_globals
 *		The variables of all: known parameters, and what they say about each
 *		other.  What groups make of them is theirs: spec_validate_groups().
 */
extern void spec_validate_globals(Inventory *inventory, Findings *findings);

/* nearest known name within a small edit distance, or NULL; names ends with NULL */
extern const char *spec_nearest(const char *name, const char *const *names);

#endif							/* PGOPS_SPEC_SPEC_H */
