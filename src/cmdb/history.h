/*
 * history.h
 *		Reading the history of declarations.
 *
 * Not for: writing it (revision.h), declaring an old document again (worker/).
 */
#ifndef PGOPS_CMDB_HISTORY_H
#define PGOPS_CMDB_HISTORY_H

#include "cmdb/cmdb.h"

/* name under which the revisions of global variables and structure go */
#define HISTORY_ALL		"all"

/*
 * history_newest
 *		Number of the newest revision of a cluster.  Raises
 *		ERRCODE_PGOPS_UNKNOWN_CLUSTER if it has none.
 */
extern int64 history_newest(const char *cluster);

/*
 * history_document
 *		The document of a revision, secrets masked: {hosts, vars}, or of
 *		"all" {vars, children}.  Raises ERRCODE_UNDEFINED_OBJECT, naming those
 *		that there are, if there is no such revision.
 */
extern SpecNode *history_document(const char *cluster, int64 revision);

/*
 * history_difference
 *		What leads from revision a to revision b, whichever is older (0: before
 *		the first, when there was nothing): a list of CmdbChange *, empty if both say the same.  A secret that changed in
 *		between and nothing else is an entry with the mask on both sides.
 */
extern List *history_difference(const char *cluster, int64 a, int64 b);

/*
 * history_secrets_since
 *		Paths (char *) of secrets that were declared anew after a revision.
 */
extern List *history_secrets_since(const char *cluster, int64 revision);

#endif							/* PGOPS_CMDB_HISTORY_H */
