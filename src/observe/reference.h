/*
 * reference.h
 *		Secrets that are declared by reference: read where they are used, kept
 *		nowhere.
 */
#ifndef PGOPS_OBSERVE_REFERENCE_H
#define PGOPS_OBSERVE_REFERENCE_H

#include "spec/node.h"

/* what a reference came to */
typedef struct ReferenceValue
{
	char	   *text;			/* palloc'd, to be wiped by the caller; NULL: none */
	char	   *problem;		/* then: why, naming the file or variable */
	const char *hint;
} ReferenceValue;

/*
 * reference_read
 *		Reads what a reference (spec/reference.h) names: one line of a file of
 *		at most 64 kB, or a variable of the server's environment.  Raises
 *		nothing for what is wrong with them.
 */
extern ReferenceValue reference_read(const SpecNode *reference);

#endif							/* PGOPS_OBSERVE_REFERENCE_H */
