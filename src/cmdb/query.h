/*
 * query.h
 *		Statements on pgops' own tables and on catalogs: a bracket that pins
 *		the settings, one way to give parameters and sets of rows, one way to
 *		read results.
 *
 * A set of rows is given as a relation that only the statement sees (like a
 * trigger's transition table), so that any number of rows is one statement,
 * and so that no value is a parameter which a logging module could print.
 *
 * Not for: other folders than this one and observe/.
 */
#ifndef PGOPS_CMDB_QUERY_H
#define PGOPS_CMDB_QUERY_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "spec/node.h"

typedef struct CmdbQuery
{
	MemoryContext caller;		/* where results go */
	int			guc_level;		/* of the pinned settings */
	bool		pushed;			/* whether a snapshot was pushed */
	bool		reading;		/* all statements see one state: cmdb_begin_reading() */
	List	   *sets;			/* of CmdbRowSet *: to be released */
} CmdbQuery;

#define CMDB_MAX_COLUMNS	20

/* values in order: parameters of a statement, or a row of a set */
typedef struct CmdbRow
{
	int			count;
	Oid			types[CMDB_MAX_COLUMNS];
	Datum		values[CMDB_MAX_COLUMNS];
	bool		nulls[CMDB_MAX_COLUMNS];
} CmdbRow;

typedef struct CmdbColumn
{
	const char *name;
	Oid			type;
} CmdbColumn;

typedef struct CmdbRowSet
{
	TupleDesc	desc;
	Tuplestorestate *store;
} CmdbRowSet;

/*
 * cmdb_begin, cmdb_end
 *		Bracket statements.  Between them allocations are in a context that
 *		cmdb_end() deletes; what is to stay is made in query->caller.  On ERROR
 *		the abort of the (sub)transaction cleans up.
 */
extern void cmdb_begin(CmdbQuery *query);
extern void cmdb_end(CmdbQuery *query);

/*
 * cmdb_begin_reading
 *		Instead of cmdb_begin(), for several queries that belong together: all of
 *		them see what is committed now and what this transaction has stored, and
 *		none sees what others commit meanwhile.  None may write.
 */
extern void cmdb_begin_reading(CmdbQuery *query);

/* runs one statement with $1 ... from "args" (NULL: none); returns the number of rows */
extern uint64 cmdb_run(CmdbQuery *query, const char *sql, CmdbRow *args);

/*
 * cmdb_look
 *		Runs a query on catalogs, read-only and under the active snapshot: works
 *		in recovery, and several queries see one state.  Calls "callback" for
 *		each row, in query->caller; it must not run statements itself.
 */
typedef void (*CmdbRowCallback) (CmdbQuery *query, uint64 row, void *arg);
extern void cmdb_look(CmdbQuery *query, const char *sql,
					  CmdbRowCallback callback, void *arg);

/* result of the last statement, row from 0, column from 1; text in query->caller */
extern Datum cmdb_datum(uint64 row, int column, bool *isnull);
extern char *cmdb_text(CmdbQuery *query, uint64 row, int column);	/* of text or name; NULL: null */
extern Oid	cmdb_oid(uint64 row, int column);	/* null: InvalidOid */
extern int64 cmdb_int8(uint64 row, int column); /* null: 0 */
extern int32 cmdb_int4(uint64 row, int column); /* null: 0 */
extern bool cmdb_bool(uint64 row, int column);	/* null: false */
extern TimestampTz cmdb_time(uint64 row, int column);	/* null: 0 */
extern Jsonb *cmdb_jsonb(uint64 row, int column);	/* not null; valid until the next statement */

/* append a value; texts and jsonb may be NULL, a time of 0 is null */
extern void cmdb_put_text(CmdbRow *row, const char *value);
extern void cmdb_put_int8(CmdbRow *row, int64 value);
extern void cmdb_put_int4(CmdbRow *row, int32 value);
extern void cmdb_put_bool(CmdbRow *row, bool value);
extern void cmdb_put_time(CmdbRow *row, TimestampTz value);
extern void cmdb_put_jsonb(CmdbRow *row, Jsonb *value);

/* a null of a type */
extern void cmdb_put_null(CmdbRow *row, Oid type);

/* names as text[]; "all" true: null, which our statements take for "every one" */
extern void cmdb_put_names(CmdbRow *row, const List *names, bool all);

/* a tree as json, its keys in their order */
extern void cmdb_put_json(CmdbRow *row, const SpecNode *value);

/* a value of type json as a tree, in query->caller; not null */
extern SpecNode *cmdb_json(CmdbQuery *query, uint64 row, int column);

/*
 * cmdb_row_set
 *		An empty set of rows with "count" columns, which statements of this
 *		bracket see as relation "name".
 */
extern CmdbRowSet *cmdb_row_set(CmdbQuery *query, const char *name,
								const CmdbColumn *columns, int count);

/* adds a row and empties it for the next one */
extern void cmdb_row_set_add(CmdbRowSet *set, CmdbRow *row);

#endif							/* PGOPS_CMDB_QUERY_H */
