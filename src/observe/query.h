/*
 * query.h
 *		Set-oriented catalog queries of observe/: one call per catalog, never
 *		one per object.
 *
 * No query text ever holds a name or value read from the server or from a
 * declaration.  Not for: queries on pgops' own tables (cmdb/).
 */
#ifndef PGOPS_OBSERVE_QUERY_H
#define PGOPS_OBSERVE_QUERY_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"

typedef struct ObserveQuery
{
	MemoryContext result;		/* where rows' values go */
	int			guc_level;		/* of the pinned settings */
} ObserveQuery;

typedef struct ObserveRow
{
	HeapTuple	tuple;
	TupleDesc	desc;
} ObserveRow;

typedef void (*ObserveRowCallback) (const ObserveRow *row, void *arg);

/*
 * observe_begin, observe_end
 *		Bracket a run of queries: SPI, and the settings that could change what
 *		they mean or cost (search_path and others) pinned until the end.
 *		Needs a transaction.  On ERROR the abort undoes both.
 */
extern void observe_begin(ObserveQuery *query);
extern void observe_end(ObserveQuery *query);

/*
 * observe_rows
 *		Runs a read-only query under the active snapshot and calls "callback"
 *		per row, in the memory context that was current at observe_begin().
 */
extern void observe_rows(ObserveQuery *query, const char *sql,
						 ObserveRowCallback callback, void *arg);

/* values of a row, by column number from 1; text is palloc'd (types name and text) */
extern char *observe_row_text(const ObserveRow *row, int column);	/* NULL: null */
extern bool observe_row_bool(const ObserveRow *row, int column);	/* null: false */
extern int32 observe_row_int(const ObserveRow *row, int column);	/* null: 0 */
extern Oid	observe_row_oid(const ObserveRow *row, int column);	/* null: InvalidOid */
extern Datum observe_row_datum(const ObserveRow *row, int column, bool *isnull);

/* a piece of SQL for the server versions min_major ... max_major */
typedef struct ObserveVariant
{
	int			min_major;
	int			max_major;
	const char *sql;
} ObserveVariant;

#define OBSERVE_NO_LIMIT	9999	/* max_major of the newest variant */

/* the piece for this server; the table ends with sql NULL */
extern const char *observe_variant(const ObserveVariant *variants);

#endif							/* PGOPS_OBSERVE_QUERY_H */
