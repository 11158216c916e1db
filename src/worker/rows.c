/*
 * rows.c
 *		Plans and findings as rows of a set-returning function.
 */
#include "postgres.h"

#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "worker/rows.h"

#define PLAN_COLUMNS		12
#define FINDING_COLUMNS		7

Datum
row_text(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* a SQLSTATE as text; none for 0 */
static Datum
row_sqlstate(int sqlstate, bool *isnull)
{
	return row_text(sqlstate ? unpack_sql_state(sqlstate) : NULL, isnull);
}

/* One row of a plan; the columns are those of pgops.plan(). */
static void
put_action(ReturnSetInfo *result, const Action *action)
{
	Datum		values[PLAN_COLUMNS];
	bool		nulls[PLAN_COLUMNS] = {false};

	values[0] = Int32GetDatum(action->step);
	values[1] = row_text(action->rule->kind, &nulls[1]);
	values[2] = row_text(action->name, &nulls[2]);
	values[3] = row_text(action->database, &nulls[3]);
	values[4] = row_text(action->rule->action, &nulls[4]);
	values[5] = BoolGetDatum(action->destructive);
	values[6] = row_text(action->statement, &nulls[6]);
	values[7] = row_text(action->reason, &nulls[7]);
	values[8] = row_text(action->rule->id, &nulls[8]);
	values[9] = row_text(action->blocked, &nulls[9]);
	values[10] = row_sqlstate(action->blocked ? action->sqlstate : 0, &nulls[10]);
	values[11] = row_text(action->hint, &nulls[11]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void
rows_of_plan(FunctionCallInfo fcinfo, const ActionPlan *plan)
{
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	foreach(cell, plan->actions)
		put_action((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
}

/* One row of pgops.validate().  An unknown line or column is NULL, not 0. */
static void
put_finding(ReturnSetInfo *result, const Finding *finding)
{
	Datum		values[FINDING_COLUMNS];
	bool		nulls[FINDING_COLUMNS] = {false};

	values[0] = row_text(finding_severity_name(finding->severity), &nulls[0]);
	values[1] = row_text(finding->path, &nulls[1]);
	values[2] = Int32GetDatum(finding->line);
	nulls[2] = finding->line == 0;
	values[3] = Int32GetDatum(finding->column);
	nulls[3] = finding->column == 0;
	values[4] = row_sqlstate(finding->sqlstate, &nulls[4]);
	values[5] = row_text(finding->message, &nulls[5]);
	values[6] = row_text(finding->hint, &nulls[6]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void
rows_of_findings(FunctionCallInfo fcinfo, const Findings *findings)
{
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	foreach(cell, findings->list)
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
}
