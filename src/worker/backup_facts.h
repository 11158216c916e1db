/*
 * backup_facts.h
 *		What a plan needs to know about backups on this server.
 *
 * Not for: what is in the repositories (ops/stanza.h).
 */
#ifndef PGOPS_WORKER_BACKUP_FACTS_H
#define PGOPS_WORKER_BACKUP_FACTS_H

#include "observe/snapshot.h"
#include "plan/backup.h"
#include "spec/model.h"

/*
 * backup_facts
 *		NULL if the cluster declares no backups, is not this server's, or
 *		pgops.manage_backup is off.  Needs a transaction; writes nothing, so
 *		works on a standby.  Starts no program.
 */
extern BackupFacts *backup_facts(const Cluster *cluster, const ServerState *server);

/*
 * backup_program_look
 *		In the coordinator, outside any transaction: asks pgBackRest for its
 *		version when the program is another file than before, and leaves the
 *		answer in shared memory for all plans.  Raises nothing about the program.
 */
extern void backup_program_look(void);

#endif							/* PGOPS_WORKER_BACKUP_FACTS_H */
