/*
 * line.h
 *		Text of others as one line that may be stored and shown.
 */
#ifndef PGOPS_IO_LINE_H
#define PGOPS_IO_LINE_H

#include "postgres.h"

/*
 * io_clean_line
 *		The first line of a text of unknown origin, at most "max" bytes of it, without
 *		control characters; where it is not valid in the server's encoding its
 *		bytes beyond ASCII become '?'.  Allocated in "context".
 */
extern char *io_clean_line(MemoryContext context, const char *text, int max);

#endif							/* PGOPS_IO_LINE_H */
