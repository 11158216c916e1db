/*
 * guc.h
 *		The settings pgops.* of postgresql.conf.
 */
#ifndef PGOPS_GUC_H
#define PGOPS_GUC_H

#include "postgres.h"

extern char *pgops_guc_baseline_directory;	/* files that "baseline" may name; '' : none */
extern char *pgops_guc_database;	/* database of the CMDB; postmaster */
extern int	pgops_guc_drift_interval;	/* seconds between full passes */
extern char *pgops_guc_instance;	/* which instance this server is; '' : by identity */
extern int	pgops_guc_lock_timeout; /* ms, of pgops' own statements */
extern int	pgops_guc_log_retention;	/* days action_log rows are kept */
extern bool pgops_guc_manage_hba;	/* whether pg_hba.conf is pgops' to write */
extern int	pgops_guc_max_destructive;	/* destructive steps a plan may have without approve() */
extern int	pgops_guc_max_workers;	/* database workers at a time */
extern int	pgops_guc_retry_delay;	/* ms before the first retry of a failed action */
extern int	pgops_guc_statement_timeout;	/* ms, of pgops' own statements */

/* defines them all; the postmaster-only ones only while libraries are preloaded */
extern void guc_define(void);

#endif							/* PGOPS_GUC_H */
