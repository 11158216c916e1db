/*
 * guc.c
 *		Definition of the settings pgops.*, in alphabetical order.
 *
 * Not for: what the settings do; each is explained where it is used.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "guc.h"

char	   *pgops_guc_baseline_directory = NULL;
char	   *pgops_guc_database = NULL;
int			pgops_guc_drift_interval = 60;
char	   *pgops_guc_instance = NULL;
int			pgops_guc_lock_timeout = 5000;
int			pgops_guc_log_retention = 90;
bool		pgops_guc_manage_hba = true;
int			pgops_guc_max_destructive = 5;
int			pgops_guc_max_workers = 4;
int			pgops_guc_retry_delay = 5000;
int			pgops_guc_statement_timeout = 300000;

/* a row of int_settings; boot and bounds are in the unit that "flags" says */
typedef struct IntSetting
{
	const char *name;
	const char *summary;
	const char *detail;
	int		   *variable;
	int			boot;
	int			min;
	int			max;
	int			flags;
} IntSetting;

/* a row of text_settings; an empty value means that the setting is not used */
typedef struct TextSetting
{
	const char *name;
	const char *summary;
	const char *detail;
	char	  **variable;
	const char *boot;
} TextSetting;

static const TextSetting text_settings[] = {
	{
		"pgops.baseline_directory",
		"Directory below which the files lie that a database's \"baseline\" may name.",
		"Empty: no baseline is run.",
		&pgops_guc_baseline_directory, ""
	},
	{
		"pgops.instance",
		"Which declared instance this server is, for example pg-meta-1.",
		"Empty: the instance that was bound by the first apply_cluster() or by pgops.bind().",
		&pgops_guc_instance, ""
	},
};

static const IntSetting int_settings[] = {
	{
		"pgops.drift_interval",
		"Time between two full comparisons of the server with its declaration.",
		NULL,
		&pgops_guc_drift_interval, 60, 1, 86400, GUC_UNIT_S
	},
	{
		"pgops.lock_timeout",
		"Longest wait for a lock by a statement of pgops.",
		NULL,
		&pgops_guc_lock_timeout, 5000, 1, INT_MAX, GUC_UNIT_MS
	},
	{
		"pgops.log_retention",
		"Days for which rows of pgops.action_log are kept.",
		NULL,
		&pgops_guc_log_retention, 90, 1, 36500, 0
	},
	{
		"pgops.max_destructive",
		"Number of destructive steps that a plan may have without pgops.approve().",
		NULL,
		&pgops_guc_max_destructive, 5, 0, INT_MAX, 0
	},
	{
		"pgops.max_workers",
		"Number of database workers that run at a time.",
		"Each takes one slot of max_worker_processes while it works.",
		&pgops_guc_max_workers, 4, 1, 64, 0
	},
	{
		"pgops.retry_delay",
		"Time until a failed action is tried again; doubled by each further failure.",
		NULL,
		&pgops_guc_retry_delay, 5000, 100, 3600000, GUC_UNIT_MS
	},
	{
		"pgops.statement_timeout",
		"Longest time that a statement of pgops may take.",
		NULL,
		&pgops_guc_statement_timeout, 300000, 1000, INT_MAX, GUC_UNIT_MS
	},
};

/*
 * Called by _PG_init(), in the postmaster or in a session that loads the
 * library by itself.  pgops.database decides where the coordinator connects,
 * which is settled when the server starts: a session of the second kind gets
 * all settings but this one.
 */
void
guc_define(void)
{
	/* only settable in the configuration files: a session must not change them */
	for (int i = 0; i < lengthof(text_settings); i++)
		DefineCustomStringVariable(text_settings[i].name,
								   text_settings[i].summary,
								   text_settings[i].detail,
								   text_settings[i].variable,
								   text_settings[i].boot,
								   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
								   NULL, NULL, NULL);
	for (int i = 0; i < lengthof(int_settings); i++)
		DefineCustomIntVariable(int_settings[i].name,
								int_settings[i].summary,
								int_settings[i].detail,
								int_settings[i].variable,
								int_settings[i].boot,
								int_settings[i].min,
								int_settings[i].max,
								PGC_SIGHUP, int_settings[i].flags,
								NULL, NULL, NULL);
	DefineCustomBoolVariable("pgops.manage_hba",
							 "Whether pgops writes pg_hba.conf.",
							 NULL,
							 &pgops_guc_manage_hba, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomStringVariable("pgops.database",
								   "Database that holds the declarations (the CMDB).",
								   NULL,
								   &pgops_guc_database, "postgres",
								   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("pgops");
}
