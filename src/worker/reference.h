/*
 * reference.h
 *		Passwords of roles that are declared by reference.
 */
#ifndef PGOPS_WORKER_REFERENCE_H
#define PGOPS_WORKER_REFERENCE_H

#include "observe/snapshot.h"
#include "spec/finding.h"
#include "spec/model.h"

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
