/*
 * tune_value.c
 *		Values of the templates that are chosen by what is declared, not computed
 *		from sizes.
 *
 * Not for: formulas (tune_formula.c), constants (tune_table.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/varlena.h"

#include "spec/tune_parts.h"

static char *
explain(TuneValue *result, char *value, char *explanation)
{
	result->explanation = explanation;
	return value;
}

/* ---- conditions ---- */

/* a part of a name is enough: 'citus' is in "citus_columnar", too, as where the templates come from */
bool
tune_has_library(const Tuning *tuning, const char *name)
{
	return strstr(tuning->input.libs, name) != NULL;
}

bool
tune_on_ssd(const Tuning *tuning)
{
	return tuning->input.ssd;
}

bool
tune_archives(const Tuning *tuning)
{
	return tuning->input.cluster != NULL;
}

/* ---- connections ---- */

int
tune_automatic_connections(const Tuning *tuning)
{
	switch (tuning->template)
	{
		case TUNE_OLAP:
			return 500;
		case TUNE_TINY:
			return 250;
		default:
			return tuning->input.through_pgbouncer ? 500 : 1000;
	}
}

char *
tune_max_connections(const Tuning *tuning, TuneValue *result)
{
	int			connections = (int) tuning->quantity[TUNE_CONNECTIONS];
	const char *reason = "in this template";

	result->formula = pstrdup("pg_max_conn");
	if (tuning->input.max_conn != 0)
		return explain(result, psprintf("%d", connections), pstrdup("as given"));
	if (tuning->template == TUNE_OLTP || tuning->template == TUNE_CRIT)
		reason = tuning->input.through_pgbouncer ?
			"where clients come through pgbouncer" : "where clients connect directly";
	return explain(result, psprintf("%d", connections),
				   psprintf("auto: %d %s", connections, reason));
}

char *
tune_prepared_transactions(const Tuning *tuning, TuneValue *result)
{
	if (!tuning->input.citus)
		return explain(result, pstrdup("0"),
					   pstrdup("a forgotten prepared transaction does harm; Citus alone needs them"));
	result->formula = pstrdup("max_connections");
	return explain(result, psprintf("%.0f", tuning->quantity[TUNE_CONNECTIONS]),
				   pstrdup("Citus commits in two phases, in any session"));
}

/* tables of many partitions take many locks */
char *
tune_locks(const Tuning *tuning, TuneValue *result)
{
	TuneFormula formula = {.of = TUNE_CONNECTIONS};

	formula.factor = tuning->template == TUNE_OLAP ? 2 : 1;
	if (tuning->input.citus || tuning->input.timescaledb)
		formula.factor *= 2;
	if (formula.factor != 1)
		formula.op = '*';
	tune_evaluate(tuning, &formula, NULL, result);
	if (formula.op == 0)
		result->explanation = psprintf("max_connections = %s", result->explanation);
	if (tuning->input.citus || tuning->input.timescaledb)
		result->explanation = psprintf("%s; twice as many for the parts of distributed tables and hypertables",
									   result->explanation);
	return result->value;
}

char *
tune_password_encryption(const Tuning *tuning, TuneValue *result)
{
	if (tuning->input.pwd_enc == NULL)
		return NULL;
	return explain(result, pstrdup(tuning->input.pwd_enc), pstrdup("pg_pwd_enc"));
}

/* ---- input and output ---- */

char *
tune_io_method(const Tuning *tuning, TuneValue *result)
{
	const char *method = tuning->input.io_method;

	if (strcmp(method, "auto") != 0)
		return explain(result, pstrdup(method), pstrdup("pg_io_method"));
	if (tuning->input.io_uring_there)
		return explain(result, pstrdup("io_uring"), pstrdup("pg_io_method is auto, and the system has io_uring"));
	return explain(result, pstrdup("worker"), pstrdup("pg_io_method is auto, and the system has no io_uring"));
}

/* ---- archiving and logging ---- */

char *
tune_archive_command(const Tuning *tuning, TuneValue *result)
{
	return explain(result, psprintf("pgbackrest --stanza=%s archive-push %%p", tuning->input.cluster),
				   pstrdup("WAL goes to the repository of backups"));
}

char *
tune_log_directory(const Tuning *tuning, TuneValue *result)
{
	if (tuning->input.log_directory == NULL)
		return NULL;
	return explain(result, pstrdup(tuning->input.log_directory), pstrdup("pg_log_dir"));
}

/* ---- libraries ---- */

/*
 * pgops comes last where it is not named: some libraries (citus) want to be the
 * first.
 */
char *
tune_libraries(const Tuning *tuning, TuneValue *result)
{
	const char *libs = tuning->input.libs;
	List	   *elements = NIL;
	ListCell   *cell;

	(void) SplitDirectoriesString(pstrdup(libs), ',', &elements);
	foreach(cell, elements)
	{
		if (model_library_is_own(lfirst(cell)))
			return explain(result, pstrdup(libs), pstrdup("pg_libs"));
	}
	return explain(result, elements == NIL ? pstrdup("pgops") : psprintf("%s, pgops", libs),
				   pstrdup("pg_libs, and pgops, which is always there"));
}

char *
tune_cron_database(const Tuning *tuning, TuneValue *result)
{
	if (tuning->input.primary_db == NULL)
		return NULL;
	return explain(result, pstrdup(tuning->input.primary_db),
				   pstrdup("pg_primary_db: where pg_cron keeps its jobs"));
}
