/*
 * kinds.h
 *		The work of each kind of job; each is called by the job's worker only.
 *
 * Each raises an ERROR to fail.  Its arguments are those that the SQL function
 * of that name has put into the job's "args" after it had checked them.
 */
#ifndef PGOPS_OPS_KINDS_H
#define PGOPS_OPS_KINDS_H

#include "ops/job.h"

extern void backup_setup_run(Job *job);
extern void backup_refresh_run(Job *job);
extern void backup_run(Job *job);
extern void expire_run(Job *job);
extern void restore_run(Job *job);
extern void restore_in_place_run(Job *job);
extern void restore_drop_run(Job *job);
extern void restart_run(Job *job);
extern void fork_run(Job *job);
extern void verify_backup_run(Job *job);
extern void clone_database_run(Job *job);
extern void dump_database_run(Job *job);
extern void load_database_run(Job *job);
extern void vacuum_run(Job *job);
extern void freeze_run(Job *job);
extern void analyze_run(Job *job);
extern void repack_run(Job *job);
extern void reindex_run(Job *job);
extern void reconcile_run(Job *job);
extern void switchover_run(Job *job);
extern void failover_run(Job *job);
extern void restart_member_run(Job *job);
extern void rolling_restart_run(Job *job);
extern void reinit_member_run(Job *job);
extern void reload_member_run(Job *job);
extern void cancel_restart_run(Job *job);
extern void cancel_switchover_run(Job *job);
extern void pause_ha_run(Job *job);
extern void resume_ha_run(Job *job);
extern void promote_cluster_run(Job *job);
extern void demote_cluster_run(Job *job);

#endif							/* PGOPS_OPS_KINDS_H */
