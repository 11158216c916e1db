/*
 * load_contents.h
 *		What a dump holds, as far as one has to know before reading it in.
 */
#ifndef PGOPS_OPS_LOAD_CONTENTS_H
#define PGOPS_OPS_LOAD_CONTENTS_H

#include "ops/job.h"

typedef struct DumpContents
{
	List	   *entries;		/* of char *: the lines of pg_restore --list */
	int64		tables;			/* with rows */
	List	   *owners;			/* of char *: roles, each once */
	List	   *schemas;		/* of DumpSchema * */
} DumpContents;

typedef struct DumpSchema
{
	char	   *name;
	char	   *owner;
} DumpSchema;

/* asks pg_restore twice: for the list, and for the owners, which the list does not tell exactly */
extern DumpContents *dump_contents(Job *job, const char *directory);

/* those of the dump's owners that do not exist here, quoted and joined; NULL: none */
extern char *dump_missing_roles(Job *job, const DumpContents *contents);

/*
 * dump_list_without
 *		The text of a list for pg_restore without the given schemas (names);
 *		NULL if the dump has none of them.
 */
extern char *dump_list_without(const DumpContents *contents, const List *schemas);

#endif							/* PGOPS_OPS_LOAD_CONTENTS_H */
