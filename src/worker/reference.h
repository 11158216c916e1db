/*
 * reference.h
 *		Secrets that are declared by reference: read where they are used, kept
 *		nowhere.
 */
#ifndef PGOPS_WORKER_REFERENCE_H
#define PGOPS_WORKER_REFERENCE_H

#include "observe/snapshot.h"
#include "spec/finding.h"
#include "spec/model.h"

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

/*
 * reference_resolve
 *		Gives each role whose password is declared by reference its verifier:
 *		the one that the server has where the password matches it.  A role
 *		whose password cannot be read gets password_problem, and a warning in
 *		the findings, as does a file that everybody may read.  Nothing is read
 *		for a cluster of other servers, nor on a standby.  Needs a transaction.
 */
extern void reference_resolve(const Cluster *cluster, ServerState *server, Findings *findings);

#endif							/* PGOPS_WORKER_REFERENCE_H */
