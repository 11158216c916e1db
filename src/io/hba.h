/*
 * hba.h
 *		Asks the server's own parser about the text of a pg_hba.conf.
 */
#ifndef PGOPS_IO_HBA_H
#define PGOPS_IO_HBA_H

#include "nodes/pg_list.h"

/* a line that the server would refuse */
typedef struct HbaError
{
	int			line;			/* 1-based line of the text */
	char	   *message;		/* the parser's own */
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

#endif							/* PGOPS_IO_HBA_H */
