/*
 * wire.c
 *		Values in a message between a backend and its database worker.
 *
 * There are no tags and no versions: both ends read and write the same values
 * in the same order.  They can rely on that because the library is preloaded:
 * all processes have the postmaster's copy of it, whatever an upgrade has put
 * on disk meanwhile.
 *
 * Not for: which values make up a message (the codecs in observe/ and apply/),
 * nor how it is transported.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/string.h"
#include "mb/pg_wchar.h"

#include "wire.h"

#define WIRE_NULL	((int64) -1)

/*
 * Always eight bytes, in the machine's order and without alignment: the reader
 * copies.
 */
void
wire_put_int(StringInfo out, int64 value)
{
	appendBinaryStringInfo(out, (const char *) &value, sizeof(value));
}

/* One byte, so that flags of many objects stay small. */
void
wire_put_bool(StringInfo out, bool value)
{
	appendStringInfoChar(out, value ? 1 : 0);
}

/* Length and bytes, without the final zero; a length of -1 is NULL. */
void
wire_put_text(StringInfo out, const char *text)
{
	if (text == NULL)
	{
		wire_put_int(out, WIRE_NULL);
		return;
	}
	wire_put_int(out, strlen(text));
	appendBinaryStringInfo(out, text, strlen(text));
}

/* a copy with "?" for what is not ASCII */
static char *
mask_odd(const char *text)
{
	char	   *copy = pstrdup(text);

	for (char *c = copy; *c; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return copy;
}

/*
 * An ASCII text is not copied by the conversion, nor is anything in a UTF-8
 * database.
 */
void
wire_put_local(StringInfo out, const char *text)
{
	wire_put_text(out, text ? pg_server_to_any(text, (int) strlen(text), PG_UTF8) : NULL);
}

/*
 * A message in UTF-8, or NULL if a character of it has no form there.  By the
 * conversion that a worker has cached for its client_encoding, which is UTF-8:
 * it works outside of transactions, too, where messages often come from, but
 * can only say no by an error.
 */
static char *
message_to_utf8(const char *message)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile converted = NULL;

	PG_TRY();
	{
		converted = pg_server_to_any(message, (int) strlen(message), PG_UTF8);
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_UNTRANSLATABLE_CHARACTER &&
			code != ERRCODE_CHARACTER_NOT_IN_REPERTOIRE)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return converted;
}

/*
 * What went wrong in the database must not give way to the news that its
 * message holds a character without a form in UTF-8 (byte 0x81 in WIN1252).
 * In SQL_ASCII nothing is converted, and so nothing noticed: there we look.
 */
void
wire_put_message(StringInfo out, const char *message)
{
	const char *converted = NULL;

	if (message != NULL &&
		(GetDatabaseEncoding() != PG_SQL_ASCII ||
		 pg_verify_mbstr(PG_UTF8, message, (int) strlen(message), true)))
		converted = message_to_utf8(message);
	wire_put_text(out, message && !converted ? mask_odd(message) : converted);
}

/* Reads in place: the message must stay while the reader is in use. */
void
wire_read(WireReader *reader, const char *data, int length)
{
	reader->data = data;
	reader->length = length;
	reader->at = 0;
}

/* the next "size" bytes; raises if the message is shorter */
static const char *
wire_take(WireReader *reader, int64 size)
{
	const char *start = reader->data + reader->at;

	if (size < 0 || size > reader->length - reader->at)
		elog(ERROR, "message of a pgops worker is damaged");
	reader->at += (int) size;
	return start;
}

/* Copied, since the place may not be aligned for an int64. */
int64
wire_get_int(WireReader *reader)
{
	int64		value;

	memcpy(&value, wire_take(reader, sizeof(value)), sizeof(value));
	return value;
}

/* any byte but 0 */
bool
wire_get_bool(WireReader *reader)
{
	return *wire_take(reader, 1) != 0;
}

/* Terminated by a zero byte, which the message does not have. */
char *
wire_get_text(WireReader *reader)
{
	int64		size = wire_get_int(reader);

	if (size == WIRE_NULL)
		return NULL;
	return pnstrdup(wire_take(reader, size), (int) size);
}

/* For what must not lose a character (names, statements); else wire_get_message(). */
char *
wire_get_local(WireReader *reader)
{
	char	   *text = wire_get_text(reader);

	return text ? pg_any_to_server(text, (int) strlen(text), PG_UTF8) : NULL;
}

/*
 * NULL if a character has no equivalent in the encoding of this database.  The
 * conversion is looked up in the catalogs, so without a transaction there is
 * none.
 */
static char *
convert_from_utf8(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	int			length = (int) strlen(text);
	Oid			conversion;
	char	   *converted;

	if (!IsTransactionState())
		return NULL;
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(conversion))
		return NULL;
	converted = palloc((Size) length * MAX_CONVERSION_GROWTH + 1);
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
									  (unsigned char *) unconstify(char *, text), length,
									  (unsigned char *) converted,
									  length * MAX_CONVERSION_GROWTH + 1, true) == length)
		return converted;
	pfree(converted);
	return NULL;
}

/*
 * The check comes before the encoding is looked at, so that damaged bytes are
 * never handed on as text, in SQL_ASCII neither.
 */
char *
wire_from_utf8(char *text)
{
	int			encoding = GetDatabaseEncoding();

	if (pg_is_ascii(text))
		return text;
	if (!pg_verify_mbstr(PG_UTF8, text, (int) strlen(text), true))
		return NULL;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return text;
	return convert_from_utf8(text);
}

/*
 * For messages on their way to a log or table: rather a "?" than an error
 * about an error.
 */
char *
wire_readable(const char *message)
{
	char	   *copy;
	char	   *readable;

	if (message == NULL)
		return NULL;
	copy = pstrdup(message);
	readable = wire_from_utf8(copy);
	return readable ? readable : mask_odd(copy);
}

/*
 * The other end's message as well as ours: it may have been written in a
 * database of another encoding.
 */
char *
wire_get_message(WireReader *reader)
{
	return wire_readable(wire_get_text(reader));
}
