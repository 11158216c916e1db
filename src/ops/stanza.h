/*
 * stanza.h
 *		How pgBackRest is called for this server, and what its repositories hold.
 *
 * Not for: the text of pgbackrest.conf (render/pgbackrest.c), nor for what is
 * to be there (spec/model.h).
 */
#ifndef PGOPS_OPS_STANZA_H
#define PGOPS_OPS_STANZA_H

#include "access/xlogdefs.h"
#include "compat.h"
#include "ops/job.h"

typedef struct Stanza
{
	char	   *name;			/* of the cluster this server belongs to */
	char	   *config;			/* absolute path of pgbackrest.conf */
	char	   *program;		/* absolute path of pgbackrest */
} Stanza;

/*
 * stanza_local
 *		That of this server.  Needs a transaction.  ERROR PO700 if this server is
 *		not bound to a declared instance, PO506 if its backups are not declared
 *		(hint: how to declare them).
 */
extern Stanza *stanza_local(void);

/* whether that would succeed.  Needs a transaction */
extern bool stanza_is_declared(void);

/* a path below pgops.directory (default: the data directory's name with ".pgops"), palloc'd; name NULL: itself */
extern char *ops_path(const char *name);

/* makes a directory and those above it, mode 0700; ERROR with errcode_for_file_access */
extern void ops_make_directory(const char *path);

/* the pgbackrest.conf of this server: pgops.pgbackrest_config or ops_path("pgbackrest.conf") */
extern char *stanza_config_path(void);

/*
 * stanza_argv
 *		{program, --config=, --stanza=, options..., command, NULL}: palloc'd.
 *		options: of char *, each with its dashes.
 */
extern const char *const *stanza_argv(const Stanza *stanza, const char *command, List *options);

/*
 * stanza_run
 *		Runs a command of pgBackRest in a job.  ERROR unless it exited with 0:
 *		PO503 for its lock (exit code 50), PO501 if it is missing, 53100 for a
 *		full disk, else what the table in stanza_failure.c says, mostly PO500;
 *		its own ERROR lines are the detail.
 */
extern void stanza_run(Job *job, const Stanza *stanza, const char *command, List *options);

/* a run that did not end well, in words */
typedef struct StanzaFailure
{
	int			sqlstate;
	char	   *message;
	char	   *detail;			/* or NULL */
	char	   *hint;			/* or NULL */
} StanzaFailure;

/* what it means; NULL: it exited with 0.  command: for the message */
extern StanzaFailure *stanza_failure(const Stanza *stanza, const char *command,
									 const IoProcessResult *result);

/*
 * stanza_try
 *		As stanza_run(), but returns the failure instead of raising it; NULL: it
 *		succeeded.  The lines pass through a filter (NULL: all are stored) on their way to
 *		the job's output.
 */
extern StanzaFailure *stanza_try(Job *job, const Stanza *stanza, const char *command,
								 List *options, JobLineFilter filter, void *arg);

/* raises it */
pg_noreturn extern void stanza_raise(const StanzaFailure *failure);

/* ---- what is there ---- */

/* one backup in one repository; times are 0 where unknown */
typedef struct BackupSet
{
	char	   *label;
	char	   *type;			/* full, diff, incr */
	char	   *prior;			/* label, or NULL */
	int			repo;
	TimestampTz start;
	TimestampTz stop;
	char	   *wal_start;
	char	   *wal_stop;
	XLogRecPtr	lsn_start;
	XLogRecPtr	lsn_stop;
	int64		size;			/* bytes: the database */
	int64		delta;			/* bytes: copied by this backup */
	int64		repo_size;		/* bytes: all it needs in the repository */
	int64		repo_delta;		/* bytes: what it added there */
	bool		error;			/* page checksum errors while it was made */
	int			database_id;	/* pgBackRest's history id of the database */
	char	   *system_identifier;
	SpecNode   *annotations;	/* a map, or NULL */
} BackupSet;

/* what pgBackRest says of a repository; there are more codes, all of them mean trouble */
typedef enum RepoStatus
{
	REPO_OK = 0,
	REPO_NO_STANZA = 1,			/* no such stanza, or no repository at all */
	REPO_NO_BACKUP = 2,			/* WAL may be there */
	REPO_NO_DATA = 3,			/* the stanza's path lacks its files */
	REPO_UNREADABLE = 99		/* the message says why */
} RepoStatus;

/* one repository of a stanza */
typedef struct RepoState
{
	int			repo;			/* 1, 2 ... */
	int			status;			/* pgBackRest's code, see RepoStatus */
	char	   *message;
	char	   *cipher;			/* none, aes-256-cbc */
	char	   *wal_min;		/* oldest and newest WAL file in the archive of the current database, or NULL */
	char	   *wal_max;
} RepoState;

typedef struct StanzaState
{
	char	   *name;
	bool		exists;			/* in at least one repository */
	bool		locked;			/* a backup or expire is at work */
	int64		lock_done;		/* bytes it has copied of lock_total; both 0: not known */
	int64		lock_total;
	char	   *system_identifier;	/* of the newest database in it; NULL: none */
	List	   *repos;			/* of RepoState * */
	List	   *backups;		/* of BackupSet *, oldest first */
} StanzaState;

/*
 * stanza_read
 *		Asks pgBackRest (info).  Not in a transaction.  Raises as stanza_run().
 *		name: a stanza of the same repositories, or NULL: this server's.
 */
extern StanzaState *stanza_read(Job *job, const Stanza *stanza, const char *name);

/* the answer of "info --output=json" for one stanza; ERROR if it is not one */
extern StanzaState *stanza_parse(const char *json, const char *name);

/*
 * stanza_store
 *		Replaces what pgops.stanza_state and pgops.backup_set say; a short
 *		transaction of its own.  Of a repository that could not be read, the
 *		backups known so far are kept.
 */
extern void stanza_store(Job *job, const StanzaState *state);

/*
 * stanza_look
 *		Reads and stores: after anything that changed the repositories.  What
 *		goes wrong with pgBackRest is stored too and noted, and does not fail
 *		the job; then the result is NULL.
 */
extern StanzaState *stanza_look(Job *job, const Stanza *stanza);

/* the same, for who does not want to know the result */
extern void stanza_refresh(Job *job, const Stanza *stanza);

/* what is stored of this server's stanza; NULL: nothing yet.  Needs a transaction */
extern StanzaState *stanza_stored(const char *name);

#endif							/* PGOPS_OPS_STANZA_H */
