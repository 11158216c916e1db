/*
 * rows.h
 *		Plans and findings as rows of a set-returning function.
 */
#ifndef PGOPS_WORKER_ROWS_H
#define PGOPS_WORKER_ROWS_H

#include "fmgr.h"

#include "plan/plan.h"
#include "spec/finding.h"

/* puts all actions into the function's result set */
extern void rows_of_plan(FunctionCallInfo fcinfo, const ActionPlan *plan);

extern void rows_of_findings(FunctionCallInfo fcinfo, const Findings *findings);

/* the text, or a null */
extern Datum row_text(const char *text, bool *isnull);

#endif							/* PGOPS_WORKER_ROWS_H */
