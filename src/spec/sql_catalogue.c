/*
 * sql_catalogue.c
 *		pgops_parameters(): the parameter catalogue as rows, for the view
 *		pgops.parameter.
 *
 * Not for: declared values; this is what ships with the extension.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "spec/catalogue_data.h"

PG_FUNCTION_INFO_V1(pgops_parameters);

/* columns of a row */
enum
{
	COL_NAME,
	COL_MODULE,
	COL_SECTION,
	COL_TYPE,
	COL_LEVEL,
	COL_DEFAULT,
	COL_CHOICES,
	COL_MINIMUM,
	COL_MAXIMUM,
	COL_SECRET,
	COL_SUMMARY,
	N_COLS
};

/* "a,b" as text[] */
static Datum
choices_array(const char *choices)
{
	const char *const *names = catalogue_choices(choices);
	Datum	   *elements;
	int			count = 0;

	while (names[count] != NULL)
		count++;
	elements = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* numeric, as the bounds of integers and of ratios share a column */
static Datum
bound(double value)
{
	return DirectFunctionCall1(float8_numeric, Float8GetDatum(value));
}

/* Bounds of 0 and 0 mean none, in both columns. */
static void
fill_row(const ParamDef *def, Datum *values, bool *nulls)
{
	bool		bounded = def->min != 0 || def->max != 0;

	memset(nulls, 0, N_COLS * sizeof(bool));
	values[COL_NAME] = CStringGetTextDatum(def->name);
	values[COL_MODULE] = CStringGetTextDatum(def->module);
	values[COL_SECTION] = CStringGetTextDatum(def->section);
	values[COL_TYPE] = CStringGetTextDatum(catalogue_type_name(def));
	values[COL_LEVEL] = CStringGetTextDatum(def->levels);
	values[COL_SECRET] = BoolGetDatum(def->secret);
	values[COL_SUMMARY] = CStringGetTextDatum(def->summary);

	nulls[COL_DEFAULT] = def->default_json == NULL;
	if (def->default_json != NULL)
		values[COL_DEFAULT] = JsonbPGetDatum(node_to_jsonb(catalogue_default(def->name)));
	nulls[COL_CHOICES] = def->choices == NULL;
	if (def->choices != NULL)
		values[COL_CHOICES] = choices_array(def->choices);
	nulls[COL_MINIMUM] = nulls[COL_MAXIMUM] = !bounded;
	if (bounded)
	{
		values[COL_MINIMUM] = bound(def->min);
		values[COL_MAXIMUM] = bound(def->max);
	}
}

/*
 * pgops_parameters
 *		SQL: pgops.show_parameters(): one row per parameter, in the order of
 *		the documentation.
 */
Datum
pgops_parameters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	pgops_init_srf(fcinfo);
	for (const ParamDef *def = catalogue_parameters; def->name != NULL; def++)
	{
		Datum		values[N_COLS];
		bool		nulls[N_COLS];

		fill_row(def, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
