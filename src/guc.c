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
int			pgops_guc_backup_refresh_interval = 600;
char	   *pgops_guc_database = NULL;
char	   *pgops_guc_directory = NULL;
int			pgops_guc_drift_interval = 60;
char	   *pgops_guc_instance = NULL;
int			pgops_guc_job_retention = 90;
int			pgops_guc_lock_timeout = 5000;
int			pgops_guc_log_retention = 90;
bool		pgops_guc_manage_backup = true;
int			pgops_guc_ha_interval = 5;
bool		pgops_guc_manage_ha = true;
bool		pgops_guc_manage_hba = true;
bool		pgops_guc_manage_settings = true;
int			pgops_guc_max_destructive = 5;
int			pgops_guc_max_jobs = 4;
int			pgops_guc_max_workers = 4;
char	   *pgops_guc_patroni_ca_file = NULL;
char	   *pgops_guc_patroni_cert_file = NULL;
char	   *pgops_guc_patroni_key_file = NULL;
char	   *pgops_guc_patroni_url = NULL;
char	   *pgops_guc_pgbackrest = NULL;
char	   *pgops_guc_pgbackrest_config = NULL;
int			pgops_guc_require_backup_age = 0;
char	   *pgops_guc_restore_launcher = NULL;
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

/* a row of bool_settings */
typedef struct BoolSetting
{
	const char *name;
	const char *summary;
	const char *detail;
	bool	   *variable;
} BoolSetting;

static const BoolSetting bool_settings[] = {
	{
		"pgops.manage_backup",
		"Whether pgops sets up pgBackRest where it is declared.",
		NULL,
		&pgops_guc_manage_backup
	},
	{
		"pgops.manage_ha",
		"Whether pgops changes Patroni's dynamic configuration to what is declared.",
		NULL,
		&pgops_guc_manage_ha
	},
	{
		"pgops.manage_hba",
		"Whether pgops writes pg_hba.conf.",
		NULL,
		&pgops_guc_manage_hba
	},
	{
		"pgops.manage_settings",
		"Whether pgops sets declared parameters of the server, with ALTER SYSTEM.",
		NULL,
		&pgops_guc_manage_settings
	},
};

static const TextSetting text_settings[] = {
	{
		"pgops.baseline_directory",
		"Directory below which the files lie that a database's \"baseline\" may name.",
		"Empty: no baseline is run.",
		&pgops_guc_baseline_directory, ""
	},
	{
		"pgops.directory",
		"Directory in which pgops keeps files of its own: configuration of programs, instances that were restored.",
		"Empty: the data directory's name with \".pgops\".",
		&pgops_guc_directory, ""
	},
	{
		"pgops.instance",
		"Which declared instance this server is, for example pg-meta-1.",
		"Empty: the instance that was bound by the first apply_cluster() or by pgops.bind().",
		&pgops_guc_instance, ""
	},
	{
		"pgops.patroni_ca_file",
		"File with the certificates of who signs those of Patroni's REST API.",
		"Empty: the system's.",
		&pgops_guc_patroni_ca_file, ""
	},
	{
		"pgops.patroni_cert_file",
		"File with the certificate that pgops shows to Patroni's REST API.",
		"Empty: none is shown.",
		&pgops_guc_patroni_cert_file, ""
	},
	{
		"pgops.patroni_key_file",
		"File with the key of pgops.patroni_cert_file.",
		NULL,
		&pgops_guc_patroni_key_file, ""
	},
	{
		"pgops.patroni_url",
		"Address of the REST API of this member's Patroni, for example http://10.10.10.11:8008.",
		"Empty: as declared for this instance.",
		&pgops_guc_patroni_url, ""
	},
	{
		"pgops.pgbackrest",
		"Absolute path of the program pgbackrest.",
		NULL,
		&pgops_guc_pgbackrest, "/usr/bin/pgbackrest"
	},
	{
		"pgops.pgbackrest_config",
		"Absolute path of the pgbackrest.conf that pgops writes.",
		"Empty: pgbackrest.conf in pgops.directory.",
		&pgops_guc_pgbackrest_config, ""
	},
	{
		"pgops.restore_launcher",
		"Command, words separated by blanks, that starts the program of a restore in place outside of the server's own service.",
		"Empty: it starts by itself, which is refused where the service manager would end it together with the server.",
		&pgops_guc_restore_launcher, ""
	},
};

static const IntSetting int_settings[] = {
	{
		"pgops.backup_refresh_interval",
		"Time between two looks into the backup repositories.",
		"Besides, they are looked into after each job that changes them.",
		&pgops_guc_backup_refresh_interval, 600, 1, 86400, GUC_UNIT_S
	},
	{
		"pgops.drift_interval",
		"Time between two full comparisons of the server with its declaration.",
		NULL,
		&pgops_guc_drift_interval, 60, 1, 86400, GUC_UNIT_S
	},
	{
		"pgops.ha_interval",
		"Time between two looks at Patroni while nothing happens.",
		"Where something does, it is looked at several times a second.",
		&pgops_guc_ha_interval, 5, 1, 3600, GUC_UNIT_S
	},
	{
		"pgops.job_retention",
		"Days for which jobs and their output are kept.",
		NULL,
		&pgops_guc_job_retention, 90, 1, 36500, 0
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
		"pgops.max_jobs",
		"Number of jobs that run at a time.",
		"Each takes one slot of max_worker_processes while it runs, some of them a second one.",
		&pgops_guc_max_jobs, 4, 1, 16, 0
	},
	{
		"pgops.max_workers",
		"Number of database workers that run at a time.",
		"Each takes one slot of max_worker_processes while it works.",
		&pgops_guc_max_workers, 4, 1, 64, 0
	},
	{
		"pgops.require_backup_age",
		"Steps that destroy data need a good backup that is not older than this.",
		"0: they need none.",
		&pgops_guc_require_backup_age, 0, 0, INT_MAX, GUC_UNIT_S
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
	for (int i = 0; i < lengthof(bool_settings); i++)
		DefineCustomBoolVariable(bool_settings[i].name,
								 bool_settings[i].summary,
								 bool_settings[i].detail,
								 bool_settings[i].variable, true,
								 PGC_SIGHUP, 0, NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomStringVariable("pgops.database",
								   "Database that holds the declarations (the CMDB).",
								   NULL,
								   &pgops_guc_database, "postgres",
								   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("pgops");
}
