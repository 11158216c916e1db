/*
 * tune.c
 *		Parameters by the templates oltp, olap, crit and tiny, for a machine.
 *
 * Not for: the parameters themselves (tune_table.c).
 */
#include "postgres.h"

#include "spec/catalogue.h"
#include "spec/model_build.h"
#include "spec/spec.h"
#include "spec/tune_parts.h"
#include "spec/validate.h"

#define TEMPLATE_SUFFIX	".yml"

/* what can be a machine: more is a mistake in the unit */
#define MAX_CPU			1024
#define MIN_MEM_MB		64
#define MAX_MEM_MB		(100 * 1024 * 1024)
#define MIN_DISK_BYTES	(INT64CONST(1) << 30)
#define MAX_DISK_BYTES	(INT64CONST(1) << 60)
#define MAX_CONNECTIONS	262143

/* fewer are not believed to be meant: as where the templates come from */
#define MIN_CONNECTIONS	20

#define OLDEST_MAJOR	15
#define NEWEST_MAJOR	18

const char *const tune_template_names[] = {"oltp", "olap", "crit", "tiny", NULL};

/* ---- input ---- */

/* index into tune_template_names, or -1 */
static int
template_index(const char *name)
{
	size_t		length = strlen(name);
	size_t		suffix = strlen(TEMPLATE_SUFFIX);

	if (length > suffix && strcmp(name + length - suffix, TEMPLATE_SUFFIX) == 0)
		length -= suffix;
	for (int i = 0; i < TUNE_NTEMPLATES; i++)
	{
		if (strlen(tune_template_names[i]) == length &&
			strncmp(tune_template_names[i], name, length) == 0)
			return i;
	}
	return -1;
}

/* see tune.h */
const char *
tune_template(const char *name)
{
	int			index = template_index(name);

	return index < 0 ? NULL : tune_template_names[index];
}

static void
check_size(const char *what, int64 value, int64 least, int64 most)
{
	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %lld and %lld, not %lld", what,
						(long long) least, (long long) most, (long long) value)));
}

static void
check_template(const char *name)
{
	if (template_index(name) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no template \"%s\"", name),
				 errhint("The templates are oltp, olap, crit and tiny.")));
}

static void
check_input(const TuneInput *input)
{
	check_template(input->template_name);
	check_size("number of processors", input->cpu, 1, MAX_CPU);
	check_size("memory in MB", input->mem_mb, MIN_MEM_MB, MAX_MEM_MB);
	check_size("size of the disk in bytes", input->disk_bytes, MIN_DISK_BYTES, MAX_DISK_BYTES);
	check_size("number of connections", input->max_conn, 0, MAX_CONNECTIONS);
	check_size("major version of PostgreSQL", input->server_major, OLDEST_MAJOR, NEWEST_MAJOR);
	if (!(input->shared_buffer_ratio >= 0 && input->shared_buffer_ratio <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share of shared_buffers must be between 0 and 1, not %g",
						input->shared_buffer_ratio),
				 errhint("0.25 is a quarter of the memory.")));
}

/* text of a catalogue's default that is a scalar */
static const char *
default_text(const char *param)
{
	return node_text(catalogue_default_value(param));
}

/* defaults where nothing is said */
static void
complete(TuneInput *input)
{
	if (input->shared_buffer_ratio == 0)
		input->shared_buffer_ratio = 0.25;
	if (input->max_conn < MIN_CONNECTIONS)
		input->max_conn = 0;
	if (input->libs == NULL)
		input->libs = default_text("pg_libs");
	if (input->io_method == NULL)
		input->io_method = default_text("pg_io_method");
	input->citus |= strstr(input->libs, "citus") != NULL;
	input->timescaledb |= strstr(input->libs, "timescaledb") != NULL;
}

/* see tune.h */
void
tune_fit(TuneInput *input)
{
	input->cpu = Min(Max(input->cpu, 1), MAX_CPU);
	input->mem_mb = Min(Max(input->mem_mb, MIN_MEM_MB), MAX_MEM_MB);
	input->disk_bytes = Min(Max(input->disk_bytes, MIN_DISK_BYTES), MAX_DISK_BYTES);
}

/* ---- values ---- */

static bool
row_applies(const Tuning *tuning, const TuneRow *row)
{
	return (row->min_major == 0 || tuning->input.server_major >= row->min_major) &&
		(row->max_major == 0 || tuning->input.server_major <= row->max_major) &&
		(row->library == NULL || tune_has_library(tuning, row->library)) &&
		(row->applies == NULL || row->applies(tuning));
}

/* NULL: the template leaves this parameter alone */
static TuneValue *
row_value(const Tuning *tuning, const TuneRow *row)
{
	TuneValue  *result = palloc0(sizeof(TuneValue));
	const TuneFormula *formula = &row->formula[tuning->template];

	if (row->value != NULL)
		result->value = row->value(tuning, result);
	else if (row->text[tuning->template] != NULL)
		result->value = pstrdup(row->text[tuning->template]);
	else if (formula->of != TUNE_NONE)
		tune_evaluate(tuning, formula, row->unit, result);
	if (result->value == NULL)
		return NULL;
	result->name = pstrdup(row->name);
	result->group = pstrdup(row->group);
	if (row->why != NULL)
		result->explanation = result->explanation == NULL ? pstrdup(row->why) :
			psprintf("%s: %s", result->explanation, row->why);
	return result;
}

/* see tune.h */
List *
tune_values(const TuneInput *input)
{
	Tuning		tuning = {.input = *input};
	List	   *values = NIL;

	check_input(input);
	complete(&tuning.input);
	tuning.template = template_index(input->template_name);
	tune_quantities(&tuning);
	for (int i = 0; i < tune_nrows; i++)
	{
		TuneValue  *value = row_applies(&tuning, &tune_rows[i]) ?
			row_value(&tuning, &tune_rows[i]) : NULL;

		if (value != NULL)
			values = lappend(values, value);
	}
	return values;
}

/* Lists are taken apart, as those of declared settings are. */
List *
tune_settings(const TuneInput *input)
{
	SpecNode   *map = node_map();
	ModelBuild	build = {0};
	Findings	ignored = {0};
	List	   *settings;
	ListCell   *cell;

	foreach(cell, tune_values(input))
	{
		const TuneValue *value = lfirst(cell);

		node_map_set(map, value->name, node_string(value->value));
	}
	build.findings = &ignored;
	settings = model_build_settings(&build, map, "");
	foreach(cell, settings)
		((Setting *) lfirst(cell))->tuned = true;
	return settings;
}
