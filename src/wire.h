/*
 * wire.h
 *		Values in a message between a backend and its database worker.
 *
 * Both ends are the same library on the same machine, so integers go as they
 * are.  Reading checks bounds: a damaged message raises, it never reads past
 * the end.  Not for: what a message means.
 */
#ifndef PGOPS_WIRE_H
#define PGOPS_WIRE_H

#include "lib/stringinfo.h"

typedef struct WireReader
{
	const char *data;
	int			length;
	int			at;
} WireReader;

extern void wire_put_int(StringInfo out, int64 value);
extern void wire_put_bool(StringInfo out, bool value);
extern void wire_put_text(StringInfo out, const char *text);	/* may be NULL */

extern void wire_read(WireReader *reader, const char *data, int length);
extern int64 wire_get_int(WireReader *reader);
extern bool wire_get_bool(WireReader *reader);
extern char *wire_get_text(WireReader *reader); /* palloc'd copy, or NULL */

#endif							/* PGOPS_WIRE_H */
