/*
 * pass.h
 *		One pass of the coordinator: observe, plan, execute, say what holds.
 */
#ifndef PGOPS_WORKER_PASS_H
#define PGOPS_WORKER_PASS_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "worker/churn.h"
#include "worker/gate.h"

/* what the coordinator remembers from pass to pass; lost with the process */
typedef struct PassMemory
{
	MemoryContext context;
	HTAB	   *settled;		/* databases whose inside was seen to be as declared: name -> digest */
	char	   *last_digest;	/* of the last pass' plan; NULL: nothing was to be done */
	int64		last_generation;	/* for which declaration that was */
	Churn	   *churn;			/* what was done lately */
	char	   *last_phase;		/* logged when it changes */
} PassMemory;

typedef struct PassResult
{
	bool		verify;			/* something was changed: look again at once */
	TimestampTz retry;			/* earliest next attempt of a failed action; 0: none */
	const char *state;			/* for pgops.coordinator() */
} PassResult;

/* an empty memory below the given context */
extern PassMemory *pass_memory_create(MemoryContext parent);

/*
 * pass_run
 *		"full": look into every database; otherwise only into those whose
 *		declaration changed since they were last found as declared.
 *		"retry_all": do not wait for retry times.
 *		"gate": is open; a pass that finds it shut later does nothing more.
 *		Runs outside any transaction; raises what makes the whole pass
 *		impossible.
 */
extern PassResult pass_run(PassMemory *memory, Gate *gate, bool full, bool retry_all);

#endif							/* PGOPS_WORKER_PASS_H */
