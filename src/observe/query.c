/*
 * query.c
 *		Set-oriented catalog queries of observe/.
 *
 * Not for: which queries are asked (shared.c, databases.c, available.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "observe/query.h"

/*
 * Observing also runs in a person's session, whose settings are that person's
 * choice.  Parallel workers and JIT would only add latency to queries on a few
 * thousand rows, and parallel workers take slots from the database workers.
 */
static const struct
{
	const char *name;
	const char *value;
}			pinned[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"work_mem", "64MB"},		/* the sort of all roles stays in memory */
};

void
observe_begin(ObserveQuery *query)
{
	query->result = CurrentMemoryContext;
	query->guc_level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i].name, pinned[i].value,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
observe_end(ObserveQuery *query)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	AtEOXact_GUC(false, query->guc_level);
	MemoryContextSwitchTo(query->result);
}

void
observe_rows(ObserveQuery *query, const char *sql,
			 ObserveRowCallback callback, void *arg)
{
	SPITupleTable *table;
	MemoryContext old;

	/* read-only: works in recovery, and all queries see one snapshot */
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of a catalog query");

	table = SPI_tuptable;
	old = MemoryContextSwitchTo(query->result);
	for (uint64 i = 0; i < table->numvals; i++)
	{
		ObserveRow	row = {table->vals[i], table->tupdesc};

		CHECK_FOR_INTERRUPTS();
		callback(&row, arg);
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(table);
}

Datum
observe_row_datum(const ObserveRow *row, int column, bool *isnull)
{
	return SPI_getbinval(row->tuple, row->desc, column, isnull);
}

/*
 * Not SPI_getvalue(): it looks the output function up for every value, which
 * is felt with ten thousand roles.
 */
char *
observe_row_text(const ObserveRow *row, int column)
{
	bool		isnull;
	Datum		value = observe_row_datum(row, column, &isnull);

	if (isnull)
		return NULL;
	switch (SPI_gettypeid(row->desc, column))
	{
		case NAMEOID:
			return pstrdup(NameStr(*DatumGetName(value)));
		case TEXTOID:
			return TextDatumGetCString(value);
		default:
			elog(ERROR, "column %d of a catalog query is neither name nor text", column);
			return NULL;		/* keep compiler quiet */
	}
}

bool
observe_row_bool(const ObserveRow *row, int column)
{
	bool		isnull;
	Datum		value = observe_row_datum(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

int32
observe_row_int(const ObserveRow *row, int column)
{
	bool		isnull;
	Datum		value = observe_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

Oid
observe_row_oid(const ObserveRow *row, int column)
{
	bool		isnull;
	Datum		value = observe_row_datum(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

const char *
observe_variant(const ObserveVariant *variants)
{
	for (const ObserveVariant *variant = variants; variant->sql; variant++)
	{
		if (PGOPS_SERVER_MAJOR >= variant->min_major &&
			PGOPS_SERVER_MAJOR <= variant->max_major)
			return variant->sql;
	}
	elog(ERROR, "no catalog query for PostgreSQL %d", PGOPS_SERVER_MAJOR);
	return NULL;				/* keep compiler quiet */
}
