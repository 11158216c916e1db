/*
 * argument.h
 *		Arguments that several SQL functions share.
 */
#ifndef PGOPS_WORKER_ARGUMENT_H
#define PGOPS_WORKER_ARGUMENT_H

#include "postgres.h"

#include "fmgr.h"

/*
 * argument_cluster
 *		Name of the declared cluster that the first argument names or, if it is
 *		NULL, to which this server belongs; palloc'd.  ERROR
 *		(ERRCODE_PGOPS_UNBOUND) if there is none, (ERRCODE_PGOPS_UNKNOWN_CLUSTER)
 *		if it is not declared or of another kind than pgsql.
 */
extern char *argument_cluster(FunctionCallInfo fcinfo);

/* the cluster this server belongs to, palloc'd; ERROR (ERRCODE_PGOPS_UNBOUND) if there is none */
extern char *argument_local_cluster(void);

/* the first argument is a document: ERROR if it is null */
extern void argument_require_document(FunctionCallInfo fcinfo);

#endif							/* PGOPS_WORKER_ARGUMENT_H */
