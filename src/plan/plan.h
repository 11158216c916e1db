/*
 * plan.h
 *		From desired and observed state to ordered actions.
 *
 * Pure: structures in, structures out.  The snapshot is changed on the way:
 * what an action will create counts as existing for the actions after it.
 *
 * Not for: how an action is carried out (apply/), nor whether it may run now
 * (the worker decides by mode, pause and retry times).
 */
#ifndef PGOPS_PLAN_PLAN_H
#define PGOPS_PLAN_PLAN_H

#include "cmdb/owned.h"
#include "observe/snapshot.h"
#include "plan/backup.h"
#include "plan/rules.h"
#include "spec/model.h"

/* through which door an action goes */
typedef enum Door
{
	DOOR_NONE,					/* nothing to do: blocked or orphan report */
	DOOR_SQL,					/* one statement; database NULL: in the coordinator */
	DOOR_BASELINE,				/* SQL file, run in the database */
	DOOR_FILE,					/* write file_text to file_path */
	DOOR_RELOAD,				/* SIGHUP to the postmaster */
	DOOR_JOB,					/* queue a job: job_kind, job_args */
	DOOR_HTTP					/* PATCH /config of Patroni: patch */
} Door;

typedef struct Action
{
	int			step;			/* 1-based, set by plan_make */
	const Rule *rule;			/* kind, action and flags come from it */
	char	   *name;			/* object: role, database, schema, extension ... */
	char	   *database;		/* where; NULL: the whole server */
	bool		destructive;
	bool		transactional;	/* may share a transaction with its neighbours */
	Door		door;
	char	   *statement;		/* shown: one SQL statement, or the file's diff; redacted */
	char	   *password;		/* verifier to put in place of '<redacted>', or NULL */
	char	   *reason;			/* "connlimit: 10 -> 50" */
	char	   *blocked;		/* why it is not done, or NULL */
	int			sqlstate;		/* of blocked */
	char	   *hint;			/* of blocked, or NULL */
	char	   *file_path;		/* DOOR_FILE; DOOR_BASELINE: declared file name */
	char	   *file_text;		/* DOOR_FILE */
	int			file_mode;		/* DOOR_FILE: permissions that it has at most; 0: as it has, or the
								 * server's own */
	bool		file_is_ours;	/* DOOR_FILE: what is there now was written by pgops */
	List	   *directories;	/* DOOR_FILE: of char *: made before, if missing */
	const char *job_kind;		/* DOOR_JOB */
	SpecNode   *job_args;		/* DOOR_JOB: a map */
	SpecNode   *patch;			/* DOOR_HTTP: a map, with secrets */
	const struct JobOutcome *failed_job;	/* DOOR_JOB: the last one, which failed; or NULL (backup.h) */
	List	   *owned;			/* of OwnedChange *: records are written before the action
								 * starts, removals after it succeeded; of DOOR_BASELINE
								 * the records, too, only after it succeeded */
	bool		only_after_work;	/* not run unless a step about this kind of object
								 * succeeded before it, in this plan */
	int			sequence;		/* steps with the same number (> 0) belong together: when
								 * one is blocked or fails, those after it are not run */
} Action;

typedef struct ActionPlan
{
	List	   *actions;		/* of Action *, in order */
	List	   *adopted;		/* of OwnedChange *: bookkeeping without an action */
	int			destructive;	/* destructive actions that are not blocked */
	int			blocked;
	char	   *digest;			/* SHA-256 hex of all statements and reasons, in order */
	char	   *destructive_digest; /* of the destructive ones; what approve() takes */
	char	   *restart_for;	/* parameters that wait for a restart, when nothing else is to
								 * be done about parameters; else NULL */
	int			look_ms;		/* when Patroni is about to say something that this plan lacks; 0: it is not */
} ActionPlan;

typedef struct PlanInput
{
	Cluster    *cluster;
	ServerState *snapshot;		/* changed by planning */
	List	   *owned;			/* of OwnedItem *: what pgops remembers of this cluster */
	char	   *hba_method;		/* method of the superuser's local rule */
	char	   *baseline_directory; /* may be empty */
	int			max_destructive;
	char	   *approved_digest;	/* destructive digest that was approved, or NULL */
	bool		local_only;		/* a standby: files and reloads, nothing else */
	bool		hba_managed;	/* false: leave pg_hba.conf alone */
	bool		settings_managed;	/* false: leave the server's parameters alone */
	char	   *(*setting_problem) (const Setting *setting, bool known, char **hint);
								/* observe_setting_problem(); NULL: nobody is asked */
	List	   *baseline_files; /* of char *: names of declared baseline files that exist */
	List	   *hba_errors;		/* of HbaError *: what the server's parser says of
								 * plan_hba_text() */
	char	   *backup_wanted;	/* why nothing that loses data may be done (no backup is new
								 * enough), or NULL */
	char	   *cmdb_database;	/* database of the CMDB, never dropped; may be NULL */
	const struct BackupFacts *backup;	/* of this server; NULL: backups are not pgops' (backup.h) */
	const struct PatroniInput *patroni;	/* Patroni, which runs this server; NULL: it does not (patroni.h) */
	const char *backup_config;	/* path of pgbackrest.conf; NULL: as above */
} PlanInput;

/* the candidate pg_hba.conf of this input, for the caller to have it parsed */
extern char *plan_hba_text(const PlanInput *input);

/*
 * plan_make
 *		All actions that bring the server to the declaration, in the order in
 *		which they must run (design, section 5), with everything that cannot be
 *		done as blocked rows (with SQLSTATE, reason and hint).  Databases whose
 *		"local" is NULL and that exist are planned without their inside.
 *		Raises nothing for bad input: the input was validated.
 */
extern ActionPlan *plan_make(PlanInput *input);

/*
 * plan_check_references
 *		Findings for owners, templates, tablespaces, member roles and grantees
 *		that are neither declared nor existing.
 */
extern void plan_check_references(const Cluster *cluster, ServerState *snapshot,
								  const SpecNode *body, Findings *findings);

/* whether an action is to be carried out at all: neither blocked nor a mere report */
extern bool plan_is_runnable(const Action *action);

/* whether any declared extension needs ServerState.available to be planned */
extern bool plan_needs_available(const Cluster *cluster, const ServerState *snapshot);

/* whether removing roles is planned, which needs observe_dependents() */
extern bool plan_drops_roles(const Cluster *cluster, ServerState *snapshot);

/* SHA-256 hex of the inside that the cluster desires for a database: equal
 * digests mean that nothing about it was declared differently */
extern char *plan_local_digest(const Cluster *cluster, const char *database);

#endif							/* PGOPS_PLAN_PLAN_H */
