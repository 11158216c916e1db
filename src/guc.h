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
extern int	pgops_guc_backup_refresh_interval;	/* seconds between looks into the repositories */
extern char *pgops_guc_directory;	/* where pgops keeps files of its own; '' : beside the data directory */
extern char *pgops_guc_instance;	/* which instance this server is; '' : by identity */
extern int	pgops_guc_job_retention;	/* days jobs are kept */
extern int	pgops_guc_lock_timeout; /* ms, of pgops' own statements */
extern int	pgops_guc_log_retention;	/* days action_log rows are kept */
extern bool pgops_guc_manage_backup;	/* whether pgBackRest is pgops' to set up */
extern int	pgops_guc_ha_interval;	/* seconds between looks at Patroni */
extern bool pgops_guc_manage_ha;	/* whether Patroni's configuration is pgops' to change */
extern bool pgops_guc_manage_hba;	/* whether pg_hba.conf is pgops' to write */
extern bool pgops_guc_manage_settings;	/* whether pgops sets parameters of the server */
extern int	pgops_guc_max_destructive;	/* destructive steps a plan may have without approve() */
extern int	pgops_guc_max_jobs; /* job workers at a time */
extern int	pgops_guc_max_workers;	/* database workers at a time */
extern char *pgops_guc_patroni_ca_file;	/* who signs Patroni's certificates; '' : the system's */
extern char *pgops_guc_patroni_cert_file;	/* our certificate for Patroni; '' : none */
extern char *pgops_guc_patroni_key_file;
extern char *pgops_guc_patroni_url; /* REST API of this member's Patroni; '' : as declared */
extern char *pgops_guc_pgbackrest;	/* the program */
extern char *pgops_guc_pgbackrest_config;	/* pgbackrest.conf; '' : in pgops.directory */
extern int	pgops_guc_require_backup_age;	/* seconds: what destroys needs a backup newer than this; 0: not */
extern char *pgops_guc_restore_launcher;	/* command that starts the runner of a restore in place; '' : itself */
extern int	pgops_guc_retry_delay;	/* ms before the first retry of a failed action */
extern int	pgops_guc_statement_timeout;	/* ms, of pgops' own statements */

/* defines them all; the postmaster-only ones only while libraries are preloaded */
extern void guc_define(void);

#endif							/* PGOPS_GUC_H */
