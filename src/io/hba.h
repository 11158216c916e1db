/*
 * hba.h
 *		Asks the server's own parser about the text of a pg_hba.conf.
 */
#ifndef PGOPS_IO_HBA_H
#define PGOPS_IO_HBA_H

#include "nodes/pg_list.h"

/* a line that the server would refuse, or what is wrong with all of them */
typedef struct HbaError
{
	int			line;			/* 1-based line of the text; 0: the text as a whole */
	char	   *message;		/* the parser's own; of a whole text a sentence */
	char	   *hint;			/* or NULL */
} HbaError;

/*
 * io_hba_check
 *		Parses text with the server's tokenizer and parser; returns a list of
 *		HbaError *, NIL if every line is good.  Leaves nothing in the log.
 */
extern List *io_hba_check(const char *text);

/*
 * io_hba_superuser_method
 *		Method and options of the first 'local' line of the text that lets
 *		"role" into database "postgres" ("peer", "trust", "peer map=admins"), or NULL
 *		if there is none.
 */
extern char *io_hba_superuser_method(const char *text, const char *role);

/*
 * io_hba_lets_replicate
 *		Whether the text may let "role" come from "address" (numeric) for streaming
 *		replication.  In doubt it does: of lines for names of hosts, and of those for
 *		encrypted connections alone, nobody can tell.  Needs a transaction.
 */
extern bool io_hba_lets_replicate(const char *text, const char *role, const char *address);

#endif							/* PGOPS_IO_HBA_H */
