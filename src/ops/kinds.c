/*
 * kinds.c
 *		The kinds of jobs, one row each.
 *
 * Kinds of one group never run at the same time: they would work on the same
 * repository, data directory or tables.
 *
 * Not for: what they do; each "run" is in a file of that name.
 */
#include "postgres.h"

#include "ops/kinds.h"

#define MINUTE	60
#define HOUR	(60 * MINUTE)
#define DAY		(24 * HOUR)

const JobKind job_kinds[] = {
	/* name, run, group, deadline, attempts, retry delay, quiet, outlives, summary */
	{"backup_setup", backup_setup_run, "backup", 12 * HOUR, 1, 0, false, false,
	"Creates or upgrades the stanza, checks archiving, makes the first full backup."},
	{"backup_refresh", backup_refresh_run, NULL, 5 * MINUTE, 1, 0, true, false,
	"Looks into the repositories: which backups there are, which WAL."},
	{"backup", backup_run, "backup", 24 * HOUR, 3, MINUTE, false, false,
	"Makes a full, differential or incremental backup."},
	{"expire", expire_run, "backup", HOUR, 3, MINUTE, false, false,
	"Removes the backups and WAL that retention does not keep."},
	{"restore", restore_run, "instance", DAY, 1, 0, false, false,
	"Restores a backup into an instance beside this one."},
	{"restore_in_place", restore_in_place_run, "backup", DAY, 1, 0, false, true,
	"Restores a backup over this server's own data directory."},
	{"restart", restart_run, "backup", HOUR, 1, 0, false, true,
	"Restarts this server, so that parameters that wait for it take effect."},
	{"restore_drop", restore_drop_run, "instance", HOUR, 1, 0, false, false,
	"Stops an instance that was restored or forked, and removes its files."},
	{"fork", fork_run, "instance", DAY, 1, 0, false, false,
	"Clones the running server into an instance beside it."},
	{"verify_backup", verify_backup_run, "instance", DAY, 1, 0, false, false,
	"Restores the newest backup into a scratch instance, checks it, drops it."},
	{"clone_database", clone_database_run, NULL, 12 * HOUR, 1, 0, false, false,
	"Makes a database that is a copy of another one."},
	{"dump_database", dump_database_run, NULL, DAY, 1, 0, false, false,
	"Writes a database into a directory with pg_dump."},
	{"load_database", load_database_run, NULL, DAY, 1, 0, false, false,
	"Reads such a directory into a database with pg_restore."},
	{"vacuum", vacuum_run, "maintenance", DAY, 1, 0, false, false,
	"VACUUM of the tables with the most dead rows."},
	{"freeze", freeze_run, "maintenance", DAY, 1, 0, false, false,
	"VACUUM FREEZE of the tables with the oldest rows."},
	{"analyze", analyze_run, "maintenance", DAY, 1, 0, false, false,
	"ANALYZE of the tables that changed most, or were never analyzed."},
	{"repack", repack_run, "maintenance", DAY, 1, 0, false, false,
	"pg_repack of the tables with the most bloat."},
	{"reindex", reindex_run, "maintenance", DAY, 1, 0, false, false,
	"REINDEX CONCURRENTLY of the indexes with the most bloat, and of invalid ones."},
	{"reconcile", reconcile_run, NULL, 5 * MINUTE, 1, 0, false, false,
	"Asks for a pass of the coordinator, so that a schedule can."},
	{NULL}
};

const JobKind *
job_kind(const char *name)
{
	for (const JobKind *kind = job_kinds; kind->name != NULL; kind++)
	{
		if (strcmp(kind->name, name) == 0)
			return kind;
	}
	return NULL;
}
