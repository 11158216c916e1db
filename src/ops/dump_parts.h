/*
 * dump_parts.h
 *		Private to dump.c, dump_files.c, load.c and dump_tool.c: pg_dump and pg_restore as
 *		programs of a job.
 */
#ifndef PGOPS_OPS_DUMP_PARTS_H
#define PGOPS_OPS_DUMP_PARTS_H

#include "ops/job.h"

/* written beside pg_dump's own files: how the database was made */
#define DUMP_ABOUT_FILE		"pgops.json"

/* in the name of a directory that is being written; server and job follow */
#define DUMP_PARTIAL		".pgops-partial-"

/* one call of a program, and what its lines have told */
typedef struct DumpTool
{
	const char *name;			/* "pg_dump": begins each of its lines */
	const char *table_line;		/* how it says that it begins with a table */
	int64		total;			/* tables; 0: unknown */
	int64		tables;			/* begun so far */
	int			errors;
	bool		password;		/* it was asked for one */
	StringInfoData problems;	/* the first of its errors, with their details */
} DumpTool;

extern DumpTool *dump_tool(const char *name, const char *table_line, int64 total);

/* runs it with these arguments (of char *) in a job: ERROR unless it succeeds */
extern void dump_tool_run(Job *job, DumpTool *tool, List *arguments);

/*
 * The same, with a function that sees each line of its stdout, none of which
 * is stored; the function's context is the caller's.
 */
extern void dump_tool_read(Job *job, DumpTool *tool, List *arguments,
						   void (*on_line) (const char *line, void *arg), void *arg);

/* "name=value" as an argument */
extern char *dump_option(const char *name, const char *value);

/* names and sizes of the files in a directory, for pgops.json */
extern SpecNode *dump_files(const char *directory);

/* ERROR unless they are still those; NULL: nobody has kept them */
extern void dump_check_files(const char *directory, const SpecNode *files);

/* conninfo of a database of this server; takes a transaction of its own */
extern char *dump_conninfo(Job *job, const char *database);

#endif							/* PGOPS_OPS_DUMP_PARTS_H */
