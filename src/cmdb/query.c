/*
 * query.c
 *		Statements through SPI: on pgops' own tables, and on catalogs.
 *
 * Not for: what the statements say (the other files of this folder, and of
 * observe/).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "miscadmin.h"

#include "cmdb/query.h"

/*
 * Settings of a person's session that could change what a statement means.
 * Our names are qualified; the path decides about functions and operators.
 * Parallel workers and JIT would only add latency to statements on a few
 * thousand rows, and parallel workers take slots from the database workers.
 */
static const struct
{
	const char *name;
	const char *value;
}			pinned[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"row_security", "off"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"work_mem", "64MB"},		/* the sort of all roles stays in memory */
};

/*
 * Memory is SPI's between begin and end; "caller" is where results go.  Settings
 * are pinned by a nest level rather than by a function's SET, because the
 * coordinator calls this without any function around it.
 */
void
cmdb_begin(CmdbQuery *query)
{
	query->caller = CurrentMemoryContext;
	query->sets = NIL;
	query->reading = false;
	query->guc_level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i].name, pinned[i].value,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);

	/* a worker has none unless it took one; input functions may want it */
	query->pushed = !ActiveSnapshotSet();
	if (query->pushed)
		PushActiveSnapshot(GetTransactionSnapshot());

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

/*
 * A new snapshot, not the calling statement's, for what the same call has stored
 * is to be seen.
 */
void
cmdb_begin_reading(CmdbQuery *query)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	cmdb_begin(query);
	query->pushed = true;
	query->reading = true;
}

/*
 * Not called when a statement raises: then the abort pops snapshot, settings and
 * SPI, and the stores go with their resource owner.
 */
void
cmdb_end(CmdbQuery *query)
{
	ListCell   *lc;

	foreach(lc, query->sets)
		tuplestore_end(((CmdbRowSet *) lfirst(lc))->store);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	if (query->pushed)
		PopActiveSnapshot();
	AtEOXact_GUC(false, query->guc_level);
	MemoryContextSwitchTo(query->caller);
}

/*
 * Not "read only" to SPI by itself, even for a SELECT: that would use the snapshot
 * of the calling statement, which does not see what the same call has stored.
 */
uint64
cmdb_run(CmdbQuery *query, const char *sql, CmdbRow *args)
{
	char		nulls[CMDB_MAX_COLUMNS];
	int			count = args ? args->count : 0;
	int			result;

	for (int i = 0; i < count; i++)
		nulls[i] = args->nulls[i] ? 'n' : ' ';
	result = SPI_execute_with_args(sql, count,
								   args ? args->types : NULL,
								   args ? args->values : NULL,
								   nulls, query->reading, 0);
	if (result < 0)
		elog(ERROR, "unexpected result of a statement on pgops' tables: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Read-only to SPI: several queries see one state of the catalogs, the caller's
 * snapshot.  The rows are freed at the end, so "callback" keeps only copies.
 */
void
cmdb_look(CmdbQuery *query, const char *sql, CmdbRowCallback callback, void *arg)
{
	MemoryContext old;

	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of a catalog query");
	old = MemoryContextSwitchTo(query->caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		callback(query, i, arg);
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
}

/* ---- results ---- */

/* By reference into the result: gone with the next statement. */
Datum
cmdb_datum(uint64 row, int column, bool *isnull)
{
	Assert(SPI_tuptable != NULL && row < SPI_processed);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/*
 * The copy is in query->caller and outlives the bracket.  Only for columns of
 * type text or name; a statement casts what is of another type.
 */
char *
cmdb_text(CmdbQuery *query, uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);
	MemoryContext old;
	char	   *result;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(query->caller);

	/* SPI_getvalue() would look the output function up for every value */
	if (SPI_gettypeid(SPI_tuptable->tupdesc, column) == NAMEOID)
		result = pstrdup(NameStr(*DatumGetName(value)));
	else
	{
		Assert(SPI_gettypeid(SPI_tuptable->tupdesc, column) == TEXTOID);
		result = TextDatumGetCString(value);
	}
	MemoryContextSwitchTo(old);
	return result;
}

int64
cmdb_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int32
cmdb_int4(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

bool
cmdb_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? false : DatumGetBool(value);
}

Oid
cmdb_oid(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

TimestampTz
cmdb_time(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

/* Detoasted where that is needed.  All jsonb columns of pgops are NOT NULL. */
Jsonb *
cmdb_jsonb(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d of pgops' tables", column);
	return DatumGetJsonbP(value);
}

/* A value that does not parse was not written by pgops: json_in() has seen it all the same. */
SpecNode *
cmdb_json(CmdbQuery *query, uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);
	MemoryContext old;
	text	   *source;
	SpecNode   *node;

	if (isnull)
		elog(ERROR, "unexpected null in column %d of pgops' tables", column);
	old = MemoryContextSwitchTo(query->caller);
	source = DatumGetTextPP(value);
	node = node_from_json(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source));
	MemoryContextSwitchTo(old);
	return node;
}

/* ---- values ---- */

/*
 * One place that fills a row, so that types, values and nulls cannot get out of
 * step; types are fixed by the caller's C type and never taken from a literal.
 */
static void
put(CmdbRow *row, Oid type, Datum value, bool isnull)
{
	if (row->count >= CMDB_MAX_COLUMNS)
		elog(ERROR, "too many values for a row");
	row->types[row->count] = type;
	row->values[row->count] = value;
	row->nulls[row->count] = isnull;
	row->count++;
}

void
cmdb_put_text(CmdbRow *row, const char *value)
{
	put(row, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
cmdb_put_int8(CmdbRow *row, int64 value)
{
	put(row, INT8OID, Int64GetDatum(value), false);
}

void
cmdb_put_int4(CmdbRow *row, int32 value)
{
	put(row, INT4OID, Int32GetDatum(value), false);
}

void
cmdb_put_bool(CmdbRow *row, bool value)
{
	put(row, BOOLOID, BoolGetDatum(value), false);
}

void
cmdb_put_time(CmdbRow *row, TimestampTz value)
{
	put(row, TIMESTAMPTZOID, TimestampTzGetDatum(value), value == 0);
}

void
cmdb_put_jsonb(CmdbRow *row, Jsonb *value)
{
	put(row, JSONBOID, value ? JsonbPGetDatum(value) : (Datum) 0, value == NULL);
}

/* For values whose C type has no null of its own. */
void
cmdb_put_null(CmdbRow *row, Oid type)
{
	put(row, type, (Datum) 0, true);
}

/* The names stay the caller's: they are copied into the array. */
void
cmdb_put_names(CmdbRow *row, const List *names, bool all)
{
	Datum	   *elements;
	int			count = 0;
	ListCell   *cell;

	if (all)
	{
		put(row, TEXTARRAYOID, (Datum) 0, true);
		return;
	}
	elements = palloc(sizeof(Datum) * Max(list_length(names), 1));
	foreach(cell, names)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	put(row, TEXTARRAYOID,
		PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT)),
		false);
}

/* The tree's own writer makes nothing that json_in() would refuse. */
void
cmdb_put_json(CmdbRow *row, const SpecNode *value)
{
	StringInfoData json;

	initStringInfo(&json);
	node_to_json(&json, value);
	put(row, JSONOID, PointerGetDatum(cstring_to_text_with_len(json.data, json.len)), false);
}

/* ---- sets of rows ---- */

/*
 * The estimate of rows is made up: with the default of a tuplestore the planner
 * would choose nested loops, which are quadratic at ten thousand rows.  Rows may
 * be added after registering and before the statement that reads them.
 */
CmdbRowSet *
cmdb_row_set(CmdbQuery *query, const char *name, const CmdbColumn *columns, int count)
{
	CmdbRowSet *set = palloc0(sizeof(CmdbRowSet));
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	Assert(count <= CMDB_MAX_COLUMNS);
	set->desc = CreateTemplateTupleDesc(count);
	for (int i = 0; i < count; i++)
		TupleDescInitEntry(set->desc, i + 1, columns[i].name, columns[i].type, -1, 0);
	set->store = tuplestore_begin_heap(false, false, work_mem);

	relation->md.name = pstrdup(name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = set->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = 1000;	/* enough to prefer hashing; the rows come later */
	relation->reldata = set->store;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register row set \"%s\"", name);

	query->sets = lappend(query->sets, set);
	return set;
}

/* The row can be filled again at once: the store has copied it. */
void
cmdb_row_set_add(CmdbRowSet *set, CmdbRow *row)
{
	if (row->count != set->desc->natts)
		elog(ERROR, "row of %d values in a set of %d columns", row->count, set->desc->natts);
	for (int i = 0; i < row->count; i++)
		Assert(row->types[i] == TupleDescAttr(set->desc, i)->atttypid);
	tuplestore_putvalues(set->store, set->desc, row->values, row->nulls);

	/* the store has a copy; thousands of rows must not pile up */
	for (int i = 0; i < row->count; i++)
	{
		if (!row->nulls[i] && (row->types[i] == TEXTOID || row->types[i] == JSONOID ||
							   row->types[i] == JSONBOID))
			pfree(DatumGetPointer(row->values[i]));
	}
	row->count = 0;
}
