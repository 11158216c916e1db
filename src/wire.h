/*
 * wire.h
 *		Values in a message between a backend and its database worker.
 *
 * Both ends are the same library on the same machine, so integers go as they
 * are.  Texts in a database's encoding travel as UTF-8, since the two databases
 * may differ; names of shared objects (roles, databases) and of files have the
 * same bytes everywhere and go as they are.
 *
 * Reading checks bounds: a damaged message raises, it never reads past the end.
 * Not for: what a message means.
 */
#ifndef PGOPS_WIRE_H
#define PGOPS_WIRE_H

#include "lib/stringinfo.h"

/* a message that is being read; the bytes are the caller's and must stay */
typedef struct WireReader
{
	const char *data;
	int			length;			/* bytes of the whole message */
	int			at;				/* offset of what comes next */
} WireReader;

extern void wire_put_int(StringInfo out, int64 value);
extern void wire_put_bool(StringInfo out, bool value);
extern void wire_put_text(StringInfo out, const char *text);	/* as it is; may be NULL */

/*
 * wire_put_local, wire_put_message
 *		A text in this database's encoding, or NULL.  One that has no UTF-8 form
 *		raises; of a message for people its odd characters become "?" instead.
 */
extern void wire_put_local(StringInfo out, const char *text);
extern void wire_put_message(StringInfo out, const char *message);

extern void wire_read(WireReader *reader, const char *data, int length);
extern int64 wire_get_int(WireReader *reader);
extern bool wire_get_bool(WireReader *reader);
extern char *wire_get_text(WireReader *reader); /* palloc'd copy, or NULL */

/*
 * wire_get_local, wire_get_message
 *		The reverse: palloc'd, in this database's encoding, or NULL.  What that
 *		encoding cannot hold raises, or is "?" in a message.
 */
extern char *wire_get_local(WireReader *reader);
extern char *wire_get_message(WireReader *reader);

/*
 * wire_from_utf8
 *		A UTF-8 text in this database's encoding (palloc'd or the argument), or
 *		NULL if it cannot hold it.  Only encodings other than UTF-8 and SQL_ASCII
 *		need a transaction to find out.
 */
extern char *wire_from_utf8(char *text);

/* likewise of a message for people: never NULL unless "message" is, raises nothing */
extern char *wire_readable(const char *message);

#endif							/* PGOPS_WIRE_H */
