/*
 * situation.h
 *		Everything a plan needs, gathered: the declaration as a model, the
 *		server as it is, what pgops remembers.
 *
 * Used by a session (inside its transaction: pgops.plan, apply_cluster) and
 * by the coordinator (in short transactions of its own).
 */
#ifndef PGOPS_WORKER_SITUATION_H
#define PGOPS_WORKER_SITUATION_H

#include "cmdb/cmdb.h"
#include "observe/snapshot.h"
#include "plan/plan.h"
#include "spec/model.h"

typedef struct Situation
{
	CmdbCluster *row;			/* NULL: not stored (dry run of a new cluster) */
	Cluster    *cluster;		/* desired */
	ServerState *server;		/* observed */
	List	   *owned;			/* of OwnedItem * */
	BackupFacts *backup;		/* NULL: backups are not declared, or not pgops' */
	char	   *backup_wanted;	/* why nothing that loses data may be done, or NULL */
} Situation;

/*
 * situation_model
 *		The typed model of a group of the inventory (all of it, or its scope: see
 *		cmdb_load_scope), with expirations resolved (and remembered if "store").  What the model itself finds wrong is appended to the
 *		findings.  Needs a transaction.
 */
extern Cluster *situation_model(const Inventory *inventory, const char *name,
								const char *self, ServerState *server, bool store,
								Findings *findings);

/* addresses (char *) of the hosts that the alias "infra" means */
extern List *situation_infra_hosts(const Inventory *inventory);

/*
 * situation_check
 *		What can be wrong with a declaration on this server: HBA rules that
 *		cannot be written or parsed, references to roles that are nowhere.
 */
extern void situation_check(const Cluster *cluster, ServerState *server,
							const SpecNode *body, Findings *findings);

/* which databases are to be looked into */
typedef bool (*DatabaseFilter) (const Database *database, void *arg);

/*
 * situation_observe
 *		Fills "local" of the databases that the filter (NULL: all) accepts, by
 *		database workers; one that could not be observed gets local_error.
 *		"in_session": the caller is a session in its own transaction and reads
 *		its own database itself.
 */
extern void situation_observe(Situation *situation, DatabaseFilter filter, void *arg,
							  bool in_session);

/*
 * situation_hba_method
 *		Method and options of the bootstrap superuser's local rule on this
 *		server ("peer", "scram-sha-256", ...).
 */
extern char *situation_hba_method(ServerState *server);

/*
 * situation_plan
 *		Makes the plan.  Needs a transaction when extensions must be looked up
 *		(plan_needs_available).  local_only: a standby.
 */
extern ActionPlan *situation_plan(Situation *situation, bool local_only);

/* what a session wants a plan for */
typedef enum SituationPurpose
{
	SITUATION_LOOK,				/* of what is stored */
	SITUATION_DRY_RUN,			/* of what would be stored, for the instance that it would be bound to */
	SITUATION_DECLARED			/* of what was just stored: what is resolved once is remembered */
} SituationPurpose;

/*
 * situation_session_plan
 *		Plan of a cluster of the inventory, made by a session in its own
 *		transaction.  server: what was observed already, or NULL.
 */
extern ActionPlan *situation_session_plan(const Inventory *inventory, const char *name,
										  ServerState *server, SituationPurpose purpose);

#endif							/* PGOPS_WORKER_SITUATION_H */
