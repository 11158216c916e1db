/*
 * sql_maintain.c
 *		SQL: pgops.maintenance_query(), pgops.maintenance_choice(),
 *		pgops.maintenance_check().
 *
 * Not for: asking for the jobs, which is SQL (60-maintenance.sql).
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "ops/maintain.h"
#include "worker/job_database.h"

PG_FUNCTION_INFO_V1(pgops_maintenance_query);
PG_FUNCTION_INFO_V1(pgops_maintenance_choice);
PG_FUNCTION_INFO_V1(pgops_maintenance_check);

/* the arguments are read as the job will read them */
static const MaintainKind *
read_arguments(FunctionCallInfo fcinfo, MaintainOptions *options)
{
	const MaintainKind *kind = maintain_kind(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Job			job = {.args = node_from_jsonb(PG_GETARG_JSONB_P(1))};

	if (job.args->kind != NODE_MAP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be an object")));
	maintain_options(&job, kind, options);
	return kind;
}

Datum
pgops_maintenance_query(PG_FUNCTION_ARGS)
{
	MaintainOptions options;
	const MaintainKind *kind = read_arguments(fcinfo, &options);

	PG_RETURN_TEXT_P(cstring_to_text(maintain_choose(kind, &options, options.max_tables)));
}

Datum
pgops_maintenance_choice(PG_FUNCTION_ARGS)
{
	MaintainOptions options;
	const MaintainKind *kind = read_arguments(fcinfo, &options);
	char	   *database = text_to_cstring(PG_GETARG_TEXT_PP(2));

	PG_RETURN_TEXT_P(cstring_to_text(job_database_query(database,
														maintain_choose(kind, &options, options.max_tables))));
}

Datum
pgops_maintenance_check(PG_FUNCTION_ARGS)
{
	MaintainOptions options;
	const MaintainKind *kind = read_arguments(fcinfo, &options);
	ListCell   *cell;

	foreach(cell, options.databases)
		(void) get_database_oid(lfirst(cell), false);
	if (kind->program)
		(void) maintain_repack_program();
	PG_RETURN_VOID();
}
