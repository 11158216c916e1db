/*
 * job_transient_parts.h
 *		What the files of the jobs of a standby share: job_transient*.c.
 */
#ifndef PGOPS_WORKER_JOB_TRANSIENT_PARTS_H
#define PGOPS_WORKER_JOB_TRANSIENT_PARTS_H

#include "worker/job_transient.h"

/* gives a job a place and a number, which is returned; 0: all places are taken by jobs that are not over */
extern int64 job_transient_take(TransientJob *job);

/* one that was asked for starts, or gives its place back; neither raises */
extern void job_transient_commit(int64 id);
extern void job_transient_forget(int64 id);

/* copies a text into a field: NULL is empty, what is too long is cut, but within no character */
extern void job_transient_text(char *to, const char *from, size_t size);

/* writes JSON into a field; false, and an empty text: it is too long */
extern bool job_transient_json(char *to, const SpecNode *from, size_t size);

/* takes a job that was read from the file, unless there is no place */
extern void job_transient_put(const TransientJob *job);

/* whether the file is yet to be read: true once in the life of the server */
extern bool job_transient_unread(void);

#endif							/* PGOPS_WORKER_JOB_TRANSIENT_PARTS_H */
