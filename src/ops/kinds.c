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
	/* name, run, group, deadline, attempts, retry delay, quiet, outlives, summary, unguarded, standby, resumes */
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

	/* steering: they may be asked for on a standby, and go on when their own server ends */
	{"switchover", switchover_run, "ha", 10 * MINUTE, 1, 0, false, false,
	"Moves the leader to another member, without loss.", true, true, true},
	{"failover", failover_run, "ha", 10 * MINUTE, 1, 0, false, false,
	"Makes a member the leader, also without the old one's help.", true, true, true},
	{"restart_member", restart_member_run, "ha", HOUR, 1, 0, false, false,
	"Restarts the server of one member.", true, true, true},
	{"rolling_restart", rolling_restart_run, "ha", 12 * HOUR, 1, 0, false, false,
	"Restarts the servers of all members one by one, with one switchover at most.", true, true, true},
	{"reinit_member", reinit_member_run, "ha", DAY, 1, 0, false, false,
	"Copies a member's data anew from the leader.", true, true, true},
	{"reload_member", reload_member_run, "ha", 5 * MINUTE, 1, 0, false, false,
	"Has a member read its configuration.", true, true, true},
	{"cancel_restart", cancel_restart_run, "ha", 5 * MINUTE, 1, 0, false, false,
	"Takes back a scheduled restart of a member.", true, true, true},
	{"cancel_switchover", cancel_switchover_run, "ha", 5 * MINUTE, 1, 0, false, false,
	"Takes back a scheduled switchover.", true, true, true},
	{"pause_ha", pause_ha_run, "ha", 5 * MINUTE, 1, 0, false, false,
	"Has Patroni do nothing by itself.", true, true, true},
	{"resume_ha", resume_ha_run, "ha", 5 * MINUTE, 1, 0, false, false,
	"Has Patroni take care of the cluster again.", true, true, true},
	{"promote_cluster", promote_cluster_run, "ha", 10 * MINUTE, 1, 0, false, false,
	"Makes a standby cluster one of its own.", true, true, true},
	{"demote_cluster", demote_cluster_run, "ha", 10 * MINUTE, 1, 0, false, false,
	"Makes a cluster the standby of another one.", true, true, true},
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
