/*
 * job_database.h
 *		job_in_database() of ops/job.h, for the worker of a job to lend.
 */
#ifndef PGOPS_WORKER_JOB_DATABASE_H
#define PGOPS_WORKER_JOB_DATABASE_H

#include "ops/job.h"

/*
 * job_in_database_host
 *		See job_in_database(); the value of JobHost.in_database.  Outside any
 *		transaction.  Results are palloc'd in the current context.
 */
extern void job_in_database_host(Job *job, const char *database, List *statements,
								 JobTick on_tick, void *arg);

/*
 * job_database_query
 *		For a session, in its transaction: the rows of one query in a database, a
 *		JSON array (palloc'd).  ERROR for an unknown database, if there is no
 *		worker to be had or it takes longer than a minute, and what the query raises.
 */
extern char *job_database_query(const char *database, const char *text);

#endif							/* PGOPS_WORKER_JOB_DATABASE_H */
