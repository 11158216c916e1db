/*
 * reference.h
 *		Secrets by reference: {file: /path} or {env: NAME} in place of the
 *		secret itself.
 *
 * Not for: reading what they refer to (observe/reference.h).
 */
#ifndef PGOPS_SPEC_REFERENCE_H
#define PGOPS_SPEC_REFERENCE_H

#include "spec/validate.h"

/*
 * spec_reference
 *		Whether a value is a well-formed reference: a map with the one key
 *		"file" (an absolute path) or "env" (a name in upper case).  Sets
 *		*file or *variable (either may be a NULL pointer) to what it names, the
 *		other one to NULL; the texts belong to the value.
 */
extern bool spec_reference(const SpecNode *value, const char **file, const char **variable);

/* findings about a map that stands where a secret belongs; normalises its text in place */
extern void spec_check_reference(const ValueRule *rule, SpecNode *map, const char *path,
								 Findings *findings);

#endif							/* PGOPS_SPEC_REFERENCE_H */
