/*
 * statement.h
 *		Statements that a job runs in a database, one at a time.
 *
 * Not for: those on pgops' own tables (cmdb/query.h).
 */
#ifndef PGOPS_OPS_STATEMENT_H
#define PGOPS_OPS_STATEMENT_H

#include "ops/job.h"

/*
 * statement_run
 *		Runs statements (of char *) in one session of a database until one fails,
 *		which is an ERROR with its SQLSTATE; "what" is said before its message.
 *		Returns the rows of the last: a list of maps.
 */
extern SpecNode *statement_run(Job *job, const char *database, List *texts, const char *what);

/* the same for one; the text of the first row's column, NULL: no row, or null */
extern const char *statement_value(Job *job, const char *database, const char *text,
								   const char *column, const char *what);

/*
 * statement_session
 *		The text that the job's own session gets for a query with one parameter
 *		(NULL: none) in a short transaction, palloc'd; NULL: no row, or null.
 */
extern char *statement_session(Job *job, const char *query, const char *parameter);

/* a statement at top level of the job's own session, in a transaction of its own; for cleaning up */
extern void statement_here(const char *text);

#endif							/* PGOPS_OPS_STATEMENT_H */
