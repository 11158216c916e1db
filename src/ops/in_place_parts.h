/*
 * in_place_parts.h
 *		What the files in_place*.c share.
 */
#ifndef PGOPS_OPS_IN_PLACE_PARTS_H
#define PGOPS_OPS_IN_PLACE_PARTS_H

#include "cmdb/query.h"
#include "ops/in_place.h"

/* files in the directory of a run, below ops_path("restore") */
#define IN_PLACE_FOLDER		"restore"
#define IN_PLACE_TASK		"task.json"
#define IN_PLACE_STATE		"state.json"
#define IN_PLACE_LOG		"log"
#define IN_PLACE_GO			"go"
#define IN_PLACE_IMPORTED	"imported"

/* below ops_path(): what a server that was started by a run writes there, it may write for years */
#define IN_PLACE_SERVER_LOG	"server.log"

#define IN_PLACE_RUNNER		"pgops-runner"

/* ---- in_place_server.c ---- */

/* how this server was started, and so is to be started again */
typedef struct InPlaceServer
{
	char	   *start_directory;	/* -D: the data directory, or that of its configuration */
	List	   *options;		/* char *: the other words of its command line */
	char	   *log;			/* file that its standard output goes to, or NULL */
	List	   *environment;	/* char *: NAME=value that matter to it */
} InPlaceServer;

extern InPlaceServer *in_place_server(void);

/* ---- in_place_check.c ---- */

/* what holds for a restart, too: ERROR without the runner's programs, for a path that a task cannot hold, with another job at work or due */
extern void in_place_check_runner(void);
extern void in_place_check_path(void);
extern void in_place_check_jobs(int64 own);

/* as in_place_check(), from within that job; state: of the target's stanza, NULL: what is stored */
extern void in_place_check_job(RestoreTarget *target, const SpecNode *args, int64 job,
							   const StanzaState *state);

/* whether an argument is true */
extern bool in_place_flag(const SpecNode *args, const char *name, bool otherwise);

/* where the copy of the old data goes, palloc'd */
extern char *in_place_copy_path(void);

/* ---- in_place_expire.c ---- */

/* removes the directory of a run that was taken in more than pgops.job_retention days ago */
extern void in_place_expire(const char *directory);

/* ---- in_place_output.c ---- */

/* stores the log in the run's directory as output of a job; started: when the run began, as text */
extern void in_place_store_output(CmdbQuery *query, int64 id, const char *directory,
								  const char *started);

/* ---- in_place_settle.c ---- */

/* takes the target out of the settings of a server that has reached it; raises nothing */
extern void in_place_settle(void);

/* ---- in_place_task.c ---- */

typedef struct InPlaceTask
{
	char	   *directory;		/* of the run */
	const RestoreTarget *target;
	List	   *sets;			/* labels to try, newest first; NIL: pgBackRest chooses */
	const Stanza *stanza;
	const InPlaceServer *server;
	char	   *superuser;		/* conninfo of it */
	bool		copy;			/* of the old data */
	bool		archive;		/* go on archiving */
	int64		seconds;		/* that everything may take */
} InPlaceTask;

/* the steps as pgops-runner reads them: a list */
extern SpecNode *in_place_steps(const InPlaceTask *task);

/*
 * The same for a mere restart: of the task only directory, server and seconds
 * count.  file, text: what to write, should the server not start, before it is
 * started once more.
 */
extern SpecNode *in_place_restart_steps(const InPlaceTask *task, const char *file,
										const char *text);

#endif							/* PGOPS_OPS_IN_PLACE_PARTS_H */
