/*
 * sql_tune.c
 *		SQL: pgops.tune(), the parameters of a template for a machine.
 *
 * Not for: the formulas (spec/tune*.c), setting anything (plan/plan_parameter.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "spec/catalogue.h"
#include "spec/spec.h"
#include "worker/rows.h"
#include "worker/tuned.h"

PG_FUNCTION_INFO_V1(pgops_tune);

/* arguments, in the order of the SQL function */
enum
{
	ARG_TEMPLATE,
	ARG_CPU,
	ARG_MEM_MB,
	ARG_DISK_BYTES,
	ARG_MAX_CONN,
	ARG_RATIO,
	ARG_DEST,
	ARG_LIBS,
	ARG_STORAGE,
	ARG_IO_METHOD,
	ARG_CLUSTER,
	ARG_LOG_DIR,
	ARG_PRIMARY_DB,
	ARG_VERSION
};

/* columns of its result */
enum
{
	COL_PARAMETER,
	COL_VALUE,
	COL_FORMULA,
	COL_EXPLANATION,
	COL_CURRENT,
	COL_DIFFERS,
	COL_CATEGORY,
	COL_PROBLEM,
	N_COLS
};

/* ---- arguments ---- */

/* NULL: not given */
static char *
argument_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* not given: the default of the parameter of that name, or NULL */
static char *
argument_or_default(FunctionCallInfo fcinfo, int argument, const char *param)
{
	char	   *text = argument_text(fcinfo, argument);
	const char *otherwise;

	if (text != NULL)
		return text;
	otherwise = node_text(catalogue_default_value(param));
	return otherwise ? pstrdup(otherwise) : NULL;
}

/* one of two words, of which the first is true */
static bool
choice(FunctionCallInfo fcinfo, int argument, const char *param, const char *yes, const char *no)
{
	char	   *text = argument_or_default(fcinfo, argument, param);

	if (text != NULL && strcmp(text, yes) != 0 && strcmp(text, no) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is neither %s nor %s", text, yes, no),
				 errhint("As parameter \"%s\".", param)));
	return text != NULL && strcmp(text, yes) == 0;
}

/* a size that is given must be one: 0 means "not given" further on */
static void
take_int(FunctionCallInfo fcinfo, int argument, const char *name, int *value)
{
	if (PG_ARGISNULL(argument))
		return;
	*value = PG_GETARG_INT32(argument);
	if (*value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero, not %d", name, *value)));
}

static void
take_ratio(FunctionCallInfo fcinfo, TuneInput *input)
{
	if (PG_ARGISNULL(ARG_RATIO))
		return;
	input->shared_buffer_ratio = PG_GETARG_FLOAT8(ARG_RATIO);
	if (!(input->shared_buffer_ratio > 0 && input->shared_buffer_ratio <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("shared_buffer_ratio must be greater than 0 and at most 1, not %g",
						input->shared_buffer_ratio),
				 errhint("0.25 is a quarter of the memory.")));
}

static void
read_arguments(FunctionCallInfo fcinfo, TuneInput *input)
{
	tuned_here(input);
	input->template_name = argument_or_default(fcinfo, ARG_TEMPLATE, "pg_conf");
	take_ratio(fcinfo, input);
	take_int(fcinfo, ARG_CPU, "cpu", &input->cpu);
	take_int(fcinfo, ARG_MEM_MB, "mem_mb", &input->mem_mb);
	take_int(fcinfo, ARG_MAX_CONN, "max_conn", &input->max_conn);
	take_int(fcinfo, ARG_VERSION, "version", &input->server_major);
	if (!PG_ARGISNULL(ARG_DISK_BYTES))
		input->disk_bytes = PG_GETARG_INT64(ARG_DISK_BYTES);
	input->through_pgbouncer = choice(fcinfo, ARG_DEST, "pg_default_service_dest", "pgbouncer", "postgres");
	input->ssd = choice(fcinfo, ARG_STORAGE, "pg_storage_type", "SSD", "HDD");
	input->libs = argument_or_default(fcinfo, ARG_LIBS, "pg_libs");
	input->io_method = argument_or_default(fcinfo, ARG_IO_METHOD, "pg_io_method");
	input->primary_db = argument_or_default(fcinfo, ARG_PRIMARY_DB, "pg_primary_db");
	input->pwd_enc = node_text(catalogue_default_value("pg_pwd_enc"));
	input->cluster = argument_text(fcinfo, ARG_CLUSTER);
	input->log_directory = argument_text(fcinfo, ARG_LOG_DIR);
}

/* ---- this server's values ---- */

/* whether the server reads two texts of a parameter as different values */
static bool
is_different(const char *name, const char *one, const char *other)
{
	int			flags = GetConfigOptionFlags(name, true);
	double		real[2];
	bool		on[2];

	if (pg_strcasecmp(one, other) == 0)
		return false;
	if (parse_bool(one, &on[0]) && parse_bool(other, &on[1]))
		return on[0] != on[1];
	if (parse_real(one, &real[0], flags, NULL) && parse_real(other, &real[1], flags, NULL))
		return real[0] != real[1];
	return true;
}

static void
put_value(ReturnSetInfo *result, const TuneValue *value, const Setting *setting,
		  const List *libraries)
{
	const char *current = GetConfigOptionByName(value->name, NULL, true);
	Datum		values[N_COLS];
	bool		nulls[N_COLS] = {false};

	values[COL_PARAMETER] = CStringGetTextDatum(value->name);
	values[COL_VALUE] = CStringGetTextDatum(value->value);
	values[COL_FORMULA] = row_text(value->formula, &nulls[COL_FORMULA]);
	values[COL_EXPLANATION] = row_text(value->explanation, &nulls[COL_EXPLANATION]);
	values[COL_CURRENT] = row_text(current, &nulls[COL_CURRENT]);
	values[COL_DIFFERS] = BoolGetDatum(current == NULL ||
									   is_different(value->name, current, value->value));
	values[COL_CATEGORY] = CStringGetTextDatum(value->group);
	values[COL_PROBLEM] = row_text(tuned_problem(setting, libraries), &nulls[COL_PROBLEM]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* the libraries among the settings, as a list of char * */
static List *
libraries_among(const List *settings)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const Setting *setting = lfirst(cell);

		if (strcmp(setting->name, "shared_preload_libraries") == 0)
			return setting->elements;
	}
	return NIL;
}

/* tune_values() and tune_settings() give the same parameters in the same order */
Datum
pgops_tune(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TuneInput	input = {0};
	List	   *tuned;
	List	   *settings;
	List	   *libraries;
	ListCell   *cell;
	ListCell   *other;

	pgops_init_srf(fcinfo);
	read_arguments(fcinfo, &input);
	tuned = tune_values(&input);
	settings = tune_settings(&input);
	libraries = libraries_among(settings);
	forboth(cell, tuned, other, settings)
		put_value(result, lfirst(cell), lfirst(other), libraries);
	return (Datum) 0;
}
