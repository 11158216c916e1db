/*
 * job_parts.h
 *		What the files of the job core share: job*.c here, job_main.c of worker/.
 */
#ifndef PGOPS_OPS_JOB_PARTS_H
#define PGOPS_OPS_JOB_PARTS_H

#include "ops/job.h"

/* copy of a text in which the job's secrets are masked; NULL stays NULL */
extern char *job_scrub(const Job *job, const char *text);

/* job_begin() whose waits for locks have no end but a cancel or the deadline */
extern void job_begin_patiently(Job *job);

/* a line of output; stream: out, err, note */
extern void job_add_line(Job *job, const char *stream, const char *text);

#endif							/* PGOPS_OPS_JOB_PARTS_H */
