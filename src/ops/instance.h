/*
 * instance.h
 *		Instances beside this server, on the same machine and of the same
 *		operating system user: restored, forked, or made to test a backup.
 *
 * Such an instance archives nothing, runs no pg_cron, subscribes to nothing,
 * waits for no standby, listens where it was told, and pgops only observes
 * there: it must not be able to harm the one it was made of.
 *
 * Not for: where its data come from (restore_beside.c, fork.c).
 */
#ifndef PGOPS_OPS_INSTANCE_H
#define PGOPS_OPS_INSTANCE_H

#include "ops/restore.h"

/* row of pgops.instance_beside */
typedef struct BesideInstance
{
	char	   *name;
	char	   *origin;			/* restore, fork, verify */
	int			port;
	char	   *data_directory; /* absolute */
	char	   *socket_directory;
	char	   *state;			/* creating, running, stopped, failed, dropping */
	int64		job;			/* the one that made it */
} BesideInstance;

/*
 * instance_plan
 *		Decides on directory (NULL: below pgops.directory) and port (0: a free one) and checks them: name and
 *		port not in use, directory empty or missing, not inside a data directory.
 *		ERROR PO508 otherwise.  Needs a transaction; changes nothing.
 */
extern BesideInstance *instance_plan(const char *name, const char *origin,
									 const char *directory, int port);

/* the row; name NULL or unknown: NULL.  Needs a transaction */
extern BesideInstance *instance_find(const char *name);

/*
 * instance_record
 *		Writes or changes the row, in a transaction of its own.  State "creating"
 *		makes the directories, too, marked as pgops' own.
 */
extern void instance_record(Job *job, const BesideInstance *instance, const char *state);

/*
 * instance_configure
 *		After the data are there: writes the settings that make it harmless,
 *		and its port.  settings: more of them, of Setting *.
 */
extern void instance_configure(Job *job, const BesideInstance *instance, List *settings);

/* starts it and waits until it can be connected to, or, with a target action "shutdown", is down again */
extern void instance_start(Job *job, const BesideInstance *instance, const RestoreTarget *target);

extern void instance_stop(Job *job, const BesideInstance *instance);

/* stops it, removes its files and its row; never anything outside of what was made for it */
extern void instance_remove(Job *job, BesideInstance *instance);

/*
 * instance_restore
 *		Restores a backup into it with pgBackRest, after instance_record(...,
 *		"creating") has made its directory: tablespaces and all else below that
 *		directory, never where the origin's are.
 */
extern void instance_restore(Job *job, const BesideInstance *instance, const Stanza *stanza,
							 const RestoreTarget *target);

/* ERROR (53100) unless the backup fits where the instance is; set NULL: not known, so it does */
extern void instance_check_space(const BesideInstance *instance, const BackupSet *set);

/* the directory that holds all of it: data/, tablespaces/, socket/, server.log; palloc'd */
extern char *instance_base(const BesideInstance *instance);

/* whether this server itself is such an instance, of another one */
extern bool instance_is_beside(void);

/* pid of its postmaster; 0: it does not run */
extern pid_t instance_pid(const char *data_directory);

/*
 * instance_log_problem
 *		The FATAL and PANIC lines at the end of its log, joined; NULL: none.
 */
extern char *instance_log_problem(const BesideInstance *instance);

/* connection string for it: socket, port, the bootstrap superuser, a database */
extern char *instance_conninfo(const BesideInstance *instance, const char *database);

#endif							/* PGOPS_OPS_INSTANCE_H */
