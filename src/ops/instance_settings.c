/*
 * instance_settings.c
 *		The settings of an instance beside this server, which make it harmless.
 *
 * Its files are written anew, from what holds in this server now: the
 * postgresql.conf of a backup may include files that are elsewhere, lie outside of
 * the data directory (Debian), or name a port, a log, a socket of the origin.
 * Of the restored settings only those of the recovery itself are kept, which
 * pgBackRest has written.
 *
 * Not for: the data.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "replication/walsender.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "storage/lock.h"
#include "access/twophase.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "compat.h"
#include "errors.h"
#include "guc.h"
#include "io/file.h"
#include "ops/instance_parts.h"
#include "spec/model.h"

/* it is for looking at, beside a server that needs the memory */
#define SHARED_BUFFERS_MAX	(128 * 1024 * 1024 / BLCKSZ)

/* suffix under which the restored files stay, for people */
#define RESTORED_SUFFIX		".restored"

/*
 * Settings of this server that are not taken over: what they say is its own, or
 * is said below.  With "*": all that begin so.
 */
static const char *const left_out[] = {
	"allow_alter_system", "archive_*", "bonjour*", "checkpoint_*", "cluster_name", "config_file",
	"cron.*", "data_directory", "data_directory_mode", "dynamic_shared_memory_type", "event_source",
	"external_pid_file", "hba_file", "hot_standby*", "huge_page*", "ident_file",
	"ignore_checksum_failure", "ignore_invalid_pages", "ignore_system_indexes", "krb_*",
	"listen_addresses", "log_*", "logging_collector", "max_connections", "max_locks_per_transaction",
	"max_logical_replication_workers", "max_prepared_transactions", "max_slot_wal_keep_size",
	"max_wal_senders", "max_wal_size", "max_worker_processes", "min_dynamic_shared_memory",
	"min_wal_size", "pgops.*", "port", "post_auth_delay", "pre_auth_delay", "primary_*",
	"recovery_*", "restore_command", "session_replication_role", "shared_buffers",
	"shared_memory_type", "shared_preload_libraries", "ssl*", "standby_slot_names", "summarize_wal",
	"sync_replication_slots", "synchronized_standby_slots", "synchronous_*", "syslog_*",
	"transaction_read_only", "unix_socket_*", "wal_keep_size", "wal_level", "wal_receiver_*",
	"zero_damaged_pages",
};

/* those that make it harmless; one that this server does not know is left out */
static const Setting harmless[] = {
	{"archive_mode", "off"},
	{"archive_command", ""},
	{"archive_library", ""},
	{"primary_conninfo", ""},
	{"primary_slot_name", ""},
	{"sync_replication_slots", "off"},
	{"synchronous_standby_names", ""},
	{"max_logical_replication_workers", "0"},
	{"hot_standby", "on"},
	{"wal_level", "replica"},
	{"listen_addresses", "localhost"},
	{"unix_socket_permissions", "0700"},
	{"unix_socket_group", ""},
	{"ssl", "off"},
	{"external_pid_file", ""},
	{"logging_collector", "off"},
	{"log_destination", "stderr"},
	{"log_line_prefix", "%m [%p] "},
	{"lc_messages", "C"},		/* we read the log */
	{"huge_pages", "off"},
	{"timescaledb.max_background_workers", "0"},
	{"pgops.instance", ""},
	{"pgops.directory", ""},
	{"pgops.pgbackrest_config", ""},
	{"pgops.manage_backup", "off"},
	{"pgops.manage_hba", "off"},
	{"pgops.manage_settings", "off"},
	{"pgops.drift_interval", "1h"},
};

/*
 * Libraries whose background workers do things elsewhere, or do what was
 * scheduled once more.
 */
static const char *const active_libraries[] = {
	"pg_cron", "pg_net", "pg_partman_bgw", "pgautofailover", "pgactive", "pglogical", "bdr", "spock",
	"repmgr", "pg_squeeze", "pg_failover_slots", "citus",
};

/* ---- text of the file ---- */

/* In postgresql.conf a value ends at the end of its line. */
static void
append_setting(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s = '", name);
	for (const char *p = value; *p; p++)
	{
		if (*p == '\n')
			appendStringInfoString(out, "\\n");
		else if (*p == '\'' || *p == '\\')
			appendStringInfo(out, "%c%c", *p, *p);
		else
			appendStringInfoChar(out, *p);
	}
	appendStringInfoString(out, "'\n");
}

static void
append_int(StringInfo out, const char *name, int value)
{
	append_setting(out, name, psprintf("%d", value));
}

static bool
fits(const char *name, const char *pattern)
{
	size_t		length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return pg_strncasecmp(name, pattern, length - 1) == 0;
	return pg_strcasecmp(name, pattern) == 0;
}

static bool
is_left_out(const char *name)
{
	for (int i = 0; i < lengthof(left_out); i++)
	{
		if (fits(name, left_out[i]))
			return true;
	}
	return false;
}

/* ---- of this server ---- */

/*
 * What was set for the whole server, by whatever means.  What holds is what
 * counts, not what a file says that was changed since.  But some are pinned in
 * this process: of those it is what the files say.
 */
static void
append_own(Job *job, StringInfo out)
{
	CmdbQuery	query;
	uint64		count;

	job_begin(job);
	cmdb_begin(&query);
	count = cmdb_run(&query,
					 "SELECT s.name, CASE WHEN f.name IS NULL THEN s.setting ELSE f.setting END"
					 " FROM pg_catalog.pg_settings AS s"
					 " LEFT JOIN pg_catalog.pg_file_settings AS f ON s.source = 'session'"
					 "  AND f.applied AND lower(f.name) = lower(s.name)"
					 " WHERE (s.source IN ('configuration file', 'command line',"
					 "   'environment variable', 'global') OR f.name IS NOT NULL)"
					 " AND s.setting IS NOT NULL"
					 " ORDER BY s.name", NULL);
	for (uint64 row = 0; row < count; row++)
	{
		char	   *name = cmdb_text(&query, row, 1);

		if (!is_left_out(name))
			append_setting(out, name, cmdb_text(&query, row, 2));
	}
	cmdb_end(&query);
	txn_end();
}

static bool
is_active(const char *library)
{
	const char *base = last_dir_separator(library) ? last_dir_separator(library) + 1 : library;

	for (int i = 0; i < lengthof(active_libraries); i++)
	{
		size_t		length = strlen(active_libraries[i]);

		if (strncmp(base, active_libraries[i], length) == 0 &&
			(base[length] == '\0' || base[length] == '.'))
			return true;
	}
	return false;
}

/* Extensions may need their library to read what they stored: the rest stays. */
static void
append_libraries(StringInfo out)
{
	char	   *all = pstrdup(shared_preload_libraries_string ? shared_preload_libraries_string : "");
	List	   *libraries;
	StringInfoData kept;
	ListCell   *cell;

	initStringInfo(&kept);
	if (SplitDirectoriesString(all, ',', &libraries))
	{
		foreach(cell, libraries)
		{
			if (!is_active(lfirst(cell)))
				appendStringInfo(&kept, "%s\"%s\"", kept.len > 0 ? ", " : "",
								 (char *) lfirst(cell));
		}
	}
	append_setting(out, "shared_preload_libraries", kept.data);
}

/*
 * Recovery needs at least what the origin had when the WAL was written.  The
 * control file knows what it was at the backup; later WAL may tell of more.
 */
static void
append_sizes(StringInfo out, const BesideInstance *instance)
{
	bool		crc_ok;
	ControlFileData *control = get_controlfile(instance->data_directory, &crc_ok);

	if (!crc_ok)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_BACKUP_DAMAGED),
				 errmsg("the control file of instance \"%s\" is damaged", instance->name)));
	append_int(out, "max_connections", Max(MaxConnections, control->MaxConnections));
	append_int(out, "max_worker_processes",
			   Max(max_worker_processes, control->max_worker_processes));
	append_int(out, "max_wal_senders", Max(max_wal_senders, control->max_wal_senders));
	append_int(out, "max_prepared_transactions",
			   Max(max_prepared_xacts, control->max_prepared_xacts));
	append_int(out, "max_locks_per_transaction",
			   Max(max_locks_per_xact, control->max_locks_per_xact));
	append_int(out, "shared_buffers", Min(NBuffers, SHARED_BUFFERS_MAX));
}

static void
append_harmless(StringInfo out, const BesideInstance *instance)
{
	for (int i = 0; i < lengthof(harmless); i++)
	{
		if (GetConfigOption(harmless[i].name, true, false) != NULL)
			append_setting(out, harmless[i].name, harmless[i].value);
	}
	append_setting(out, "pgops.database", pgops_guc_database ? pgops_guc_database : "postgres");
	append_setting(out, "log_timezone", GetConfigOption("log_timezone", false, false));
	append_setting(out, "cluster_name", instance->name);
	append_int(out, "port", instance->port);
	append_setting(out, "unix_socket_directories", instance->socket_directory);
}

/* ---- of the recovery ---- */
static bool
is_of_recovery(const char *name)
{
	return strcmp(name, "restore_command") == 0 ||
		strncmp(name, "recovery_", strlen("recovery_")) == 0;
}

/* what pgBackRest has put into postgresql.auto.conf; the last of a name counts there, too */
static void
append_recovery(StringInfo out, const BesideInstance *instance)
{
	char	   *path = psprintf("%s/postgresql.auto.conf", instance->data_directory);
	FILE	   *file = AllocateFile(path, "r");
	ConfigVariable *first = NULL;
	ConfigVariable *last = NULL;

	if (file == NULL)
		return;
	(void) ParseConfigFp(file, path, 0, DEBUG1, &first, &last);
	FreeFile(file);
	for (ConfigVariable *item = first; item != NULL; item = item->next)
	{
		if (item->name != NULL && !item->ignore && is_of_recovery(item->name))
			append_setting(out, item->name, item->value);
	}
	FreeConfigVariables(first);
}

/* ---- files ---- */

/*
 * A restored link may lead to a file of the running server, which would be
 * replaced: it goes.  A file stays under another name.
 */
static void
write_file(const BesideInstance *instance, const char *name, const char *text)
{
	char	   *path = psprintf("%s/%s", instance->data_directory, name);
	char	   *restored = psprintf("%s%s", path, RESTORED_SUFFIX);
	struct stat st;

	if (lstat(path, &st) == 0)
	{
		if (S_ISLNK(st.st_mode) || lstat(restored, &st) == 0)
			(void) unlink(path);
		else
			(void) rename(path, restored);
	}
	io_write_file(path, text, 0600);
}

/*
 * Through the socket only who may read the files anyway, as any role; over the
 * network of the machine itself with the passwords of the origin.  (md5 stands
 * for every kind of stored password.)
 */
static const char hba_text[] =
"# written by pgops; the folder of the socket is closed to other users\n"
"local all all trust\n"
"host all all 127.0.0.1/32 md5\n"
"host all all ::1/128 md5\n"
"local replication all trust\n";

static void
check_version(const BesideInstance *instance)
{
	char	   *version = io_read_file(psprintf("%s/PG_VERSION", instance->data_directory), 64);

	if (version != NULL && strtol(version, NULL, 10) == PGOPS_SERVER_MAJOR)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_INSTANCE),
			 errmsg("this server cannot run instance \"%s\"", instance->name),
			 version == NULL ? errdetail("Its data directory has no PG_VERSION.") :
			 errdetail("Its data are of PostgreSQL %s.", pnstrdup(version, strcspn(version, "\n")))));
}

void
instance_configure(Job *job, const BesideInstance *instance, List *settings)
{
	StringInfoData text;
	ListCell   *cell;

	job_step(job, "configuring instance \"%s\"", instance->name);
	check_version(instance);
	initStringInfo(&text);
	appendStringInfoString(&text,
						   "# Written by pgops for an instance beside another server: it archives nothing,\n"
						   "# subscribes to nothing and runs nothing by itself.  Files that came with the\n"
						   "# data have the suffix " RESTORED_SUFFIX ".\n\n");
	append_own(job, &text);
	append_libraries(&text);
	append_sizes(&text, instance);
	append_harmless(&text, instance);
	append_recovery(&text, instance);
	foreach(cell, settings)
	{
		Setting    *setting = lfirst(cell);

		append_setting(&text, setting->name, setting->value);
	}
	write_file(instance, "postgresql.conf", text.data);
	write_file(instance, "postgresql.auto.conf", "# see postgresql.conf\n");
	write_file(instance, "pg_hba.conf", hba_text);
	write_file(instance, "pg_ident.conf", "# no maps\n");
}
