/*
 * result.h
 *		What became of an action, as it is made.
 *
 * Private to this folder.
 */
#ifndef PGOPS_APPLY_RESULT_H
#define PGOPS_APPLY_RESULT_H

#include "apply/apply.h"

/* one with its start time, in the current context */
extern ActionResult *result_begin(int step);

/*
 * result_take_error
 *		In a PG_CATCH(): copies what a person needs of the current error into
 *		"context", which becomes the current one, and clears the error.
 */
extern void result_take_error(ActionResult *result, MemoryContext context);

#endif							/* PGOPS_APPLY_RESULT_H */
