/*
 * wire.c
 *		Values in a message between a backend and its database worker.
 */
#include "postgres.h"

#include "wire.h"

#define WIRE_NULL	((int64) -1)

void
wire_put_int(StringInfo out, int64 value)
{
	appendBinaryStringInfo(out, (const char *) &value, sizeof(value));
}

void
wire_put_bool(StringInfo out, bool value)
{
	appendStringInfoChar(out, value ? 1 : 0);
}

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

int64
wire_get_int(WireReader *reader)
{
	int64		value;

	memcpy(&value, wire_take(reader, sizeof(value)), sizeof(value));
	return value;
}

bool
wire_get_bool(WireReader *reader)
{
	return *wire_take(reader, 1) != 0;
}

char *
wire_get_text(WireReader *reader)
{
	int64		size = wire_get_int(reader);

	if (size == WIRE_NULL)
		return NULL;
	return pnstrdup(wire_take(reader, size), (int) size);
}
