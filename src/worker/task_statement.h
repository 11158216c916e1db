/*
 * task_statement.h
 *		Statements of a job, run one by one in a database worker.
 *
 * The request: their number, then of each its text (wire_put_local) and the
 * seconds it may take (0: any number).  A reply for each that was begun, in order: ok, rows
 * (wire_put_local), SQLSTATE, message.
 *
 * Not for: the waiting side (job_database.c).
 */
#ifndef PGOPS_WORKER_TASK_STATEMENT_H
#define PGOPS_WORKER_TASK_STATEMENT_H

/* bytes that the rows of one statement may have as JSON */
#define TASK_ROWS_LIMIT		((Size) 64 * 1024 * 1024)

/* the worker's part; returns when all are done, or when the launcher has seen enough */
extern void task_statements_run(const char *request, int length);

#endif							/* PGOPS_WORKER_TASK_STATEMENT_H */
