/*
 * sql_rules.c
 *		pgops_rules(): the table of rules for SQL, behind the view pgops.rules.
 *
 * Not for: what the rules mean (rules.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "plan/rules.h"

PG_FUNCTION_INFO_V1(pgops_rules);

extern Datum pgops_rules(PG_FUNCTION_ARGS);

/*
 * pgops_rules
 *		Returns (id, kind, observed, desired, action, destructive,
 *		loses_data, transactional, comment) for each rule, in order.
 */
Datum
pgops_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const Rule *rule = plan_rules; rule->id != NULL; rule++)
	{
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = CStringGetTextDatum(rule->id);
		values[1] = CStringGetTextDatum(rule->kind);
		values[2] = CStringGetTextDatum(rule->observed);
		values[3] = CStringGetTextDatum(rule->desired);
		values[4] = CStringGetTextDatum(rule->action);
		values[5] = BoolGetDatum(rule->harm != RULE_HARMLESS);
		values[6] = BoolGetDatum(rule->harm == RULE_LOSES_DATA);
		values[7] = BoolGetDatum(rule->transactional);
		values[8] = CStringGetTextDatum(rule->comment);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
