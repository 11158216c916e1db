/*
 * declared_rows.h
 *		Declared objects as rows with the columns that a query names.
 *
 * Private to the SQL functions of the typed views.  Not for: reading the
 * inventory, precedence.
 */
#ifndef PGOPS_WORKER_DECLARED_ROWS_H
#define PGOPS_WORKER_DECLARED_ROWS_H

#include "funcapi.h"

#include "spec/inventory.h"

/* raises an error for an unknown kind, and for a column of a type that cannot be filled */
extern void declared_rows_check(const char *kind, TupleDesc columns);

/*
 * declared_rows
 *		Puts a row for each object of that kind into the result set.  "dbsu":
 *		see effective_read().
 */
extern void declared_rows(const char *kind, const Inventory *inventory,
						  const InventoryGroup *group, const char *dbsu,
						  ReturnSetInfo *result);

#endif							/* PGOPS_WORKER_DECLARED_ROWS_H */
