/*
 * maintain.h
 *		Maintenance of tables and indexes: vacuum, freeze, analyze, repack,
 *		reindex.  What the files maintain*.c share.
 *
 * Each kind goes through the databases one by one: it chooses there what needs
 * it by catalogs and statistics (maintain_choose.c), does it (maintain_run.c,
 * maintain_repack.c) and measures what it brought.
 *
 * Not for: when it is done; declared schedules and windows start the same jobs.
 */
#ifndef PGOPS_OPS_MAINTAIN_H
#define PGOPS_OPS_MAINTAIN_H

#include "ops/job.h"

/* arguments of the job, as the SQL function of its name has checked them */
typedef struct MaintainOptions
{
	List	   *databases;		/* of char *; NIL: all that allow connections */
	int64		max_tables;		/* at most so many in all; 0: any number */
	const char *min_size;		/* as pg_size_bytes() reads it */
	const char *threshold;		/* number that the kind's choice is about; see MaintainKind */
	int			parallel;		/* workers of one VACUUM; -1: the server decides */
} MaintainOptions;

typedef struct MaintainKind
{
	const char *name;			/* of the job */
	const char *objects;		/* "tables", "indexes": what it counts */
	const char *threshold;		/* name of the argument that its choice is about */
	const char *threshold_default;
	const char *min_size_default;
	const char *choose;			/* query: see maintain_choose() */
	const char *prelude;		/* statement of the session before all others, or NULL */
	const char *leftover;		/* query for what an earlier run has left: statements, or NULL */
	const char *progress;		/* phase, done and total (bytes) of a process $1; or NULL */
	bool		vacuums;
	bool		shrinks;		/* sizes before and after are of interest */
	bool		program;		/* done by a program: maintain_repack() */
	bool		by_age;			/* databases in the order of their age, templates, too */
} MaintainKind;

extern const MaintainKind maintain_kinds[];	/* ends with name NULL */

/* ERROR (22023) if there is none of that name */
extern const MaintainKind *maintain_kind(const char *name);

/* one table or index that was chosen */
typedef struct MaintainItem
{
	char	   *name;			/* qualified, quoted */
	char	   *statement;		/* NULL: cannot be done, for this reason */
	char	   *reason;			/* why it was chosen */
	int64		bytes;			/* with its indexes and TOAST */
} MaintainItem;

typedef struct Maintain
{
	Job		   *job;
	const MaintainKind *kind;
	MaintainOptions options;

	/* the database it is in */
	const char *database;
	List	   *items;			/* of MaintainItem * */
	int			shown;			/* item that is shown as the step, -1: none */
	char		phase[48];		/* of it, as it is shown; empty: none */

	/* so far */
	int64		chosen;
	int64		done;
	int64		skipped;		/* locked by others, gone meanwhile, or it cannot be done */
	int64		failed;
	int64		before;			/* bytes of those done */
	int64		after;
	int			databases;
	char	   *repack_version;	/* of the extension in this database */
	bool		stopped;		/* the window ends */
	int			sqlstate;		/* of the first failure */
	char	   *error;			/* likewise, with the object's name */
} Maintain;

/* the arguments of a job; ERROR (22023) for what cannot be read */
extern void maintain_options(const Job *job, const MaintainKind *kind, MaintainOptions *options);

/*
 * maintain_choose
 *		The query that chooses in the database in which it is run, most urgent
 *		first: columns name, statement (NULL: it cannot be done), reason, bytes.
 *		palloc'd.  limit 0: none.
 */
extern char *maintain_choose(const MaintainKind *kind, const MaintainOptions *options,
							 int64 limit);

/* what is to be run after all statements of a database, or NULL */
extern const char *maintain_finale(const MaintainKind *kind);

/* drops what earlier runs have left in the current database */
extern void maintain_leftovers(Maintain *maintain);

/* does the chosen items of the current database, with statements */
extern void maintain_run(Maintain *maintain);

/*
 * maintain_repack_ready, maintain_repack
 *		Whether pg_repack can work in the current database (if that is not what
 *		was asked for, its lack is no failure); does the chosen items with it.
 */
extern bool maintain_repack_ready(Maintain *maintain);
extern void maintain_repack(Maintain *maintain);

/* path of the program; ERROR PO501 if it is not installed */
extern char *maintain_repack_program(void);

/* bytes of each of the items now, in their order; -1: not to be had */
extern int64 *maintain_measure(Maintain *maintain);

/* ---- parts of all (maintain.c) ---- */

/* whether the window is over, or nearly: nothing more is to be begun */
extern bool maintain_is_over(const Maintain *maintain);

/* shows which item is being done; phase: or NULL */
extern void maintain_show(Maintain *maintain, int item, const char *phase);

/* what became of an item; after: bytes, < 0: unknown */
extern void maintain_done(Maintain *maintain, const MaintainItem *item, int64 after);
extern void maintain_skip(Maintain *maintain, const MaintainItem *item, const char *why);
extern void maintain_fail(Maintain *maintain, const char *what, int sqlstate, const char *message);

/* one query in the current database: its rows (a list of maps); raises what it raises */
extern SpecNode *maintain_ask(Maintain *maintain, const char *text);

/* the object, as notes name it: palloc'd */
extern char *maintain_name(const Maintain *maintain, const MaintainItem *item);


#endif							/* PGOPS_OPS_MAINTAIN_H */
