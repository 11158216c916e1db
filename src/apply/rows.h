/*
 * rows.h
 *		Takes the rows of a query as JSON.
 */
#ifndef PGOPS_APPLY_ROWS_H
#define PGOPS_APPLY_ROWS_H

#include "lib/stringinfo.h"
#include "tcop/dest.h"

/*
 * rows_receiver
 *		Appends the rows of a query to "out", as a JSON array of objects.  ERROR
 *		(ERRCODE_PROGRAM_LIMIT_EXCEEDED) as soon as "out" is longer than "limit"
 *		bytes: nothing is collected first.  palloc'd, freed by its rDestroy.
 */
extern DestReceiver *rows_receiver(StringInfo out, Size limit);

#endif							/* PGOPS_APPLY_ROWS_H */
