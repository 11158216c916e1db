/*
 * process_output.c
 *		What a program writes, as lines and as a tail.
 *
 * A program may write anything: gigabytes without an end of line, zero bytes,
 * another encoding.  What leaves this file is bounded, and text that the
 * database can store.
 *
 * Not for: reading (process.c), and what the lines mean.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "io/process_parts.h"

/* bytes of a line that are told */
#define MAX_LINE		2000

#define FIRST_KEPT		4096

/*
 * In place: each byte that is no part of a valid character becomes "?", so
 * that the length stays.  A character that was cut off at the end goes.
 */
static void
make_valid(char *text, int length, bool cut_at_end)
{
	int			encoding = GetDatabaseEncoding();
	int			at = 0;

	while (at < length)
	{
		int			valid = pg_encoding_verifymbchar(encoding, text + at, length - at);

		/* our own cut, not the program's fault */
		if (valid <= 0 && cut_at_end && at + pg_encoding_max_length(encoding) > length &&
			at + pg_encoding_mblen(encoding, text + at) > length)
			break;
		if (valid <= 0 || text[at] == '\0')
		{
			text[at] = '?';
			valid = 1;
		}
		at += valid;
	}
	text[at] = '\0';
}

void
process_stream_open(ProcessStream *stream, size_t max_kept, bool lines)
{
	memset(stream, 0, sizeof(*stream));
	/* a byte more than is told shows whether the line was longer */
	if (lines)
		stream->line = palloc(MAX_LINE + 2);
	stream->max_kept = max_kept;
	stream->kept_size = FIRST_KEPT;
	stream->kept = palloc(stream->kept_size);
}

/* ---- the tail ---- */

/*
 * Room for twice of what is kept, so that moving costs little: it happens once
 * for each max_kept bytes.
 */
static void
make_room(ProcessStream *stream, size_t length)
{
	if (stream->kept_length + length <= stream->kept_size)
		return;
	if (stream->kept_length + length > 2 * stream->max_kept &&
		stream->kept_length > stream->max_kept)
	{
		memmove(stream->kept, stream->kept + stream->kept_length - stream->max_kept,
				stream->max_kept);
		stream->kept_length = stream->max_kept;
		stream->cut = true;
	}
	while (stream->kept_length + length > stream->kept_size)
	{
		stream->kept_size *= 2;
		stream->kept = repalloc_huge(stream->kept, stream->kept_size);
	}
}

static void
keep(ProcessStream *stream, const char *bytes, size_t length)
{
	make_room(stream, length);
	memcpy(stream->kept + stream->kept_length, bytes, length);
	stream->kept_length += length;
}

bool
process_stream_is_cut(const ProcessStream *stream)
{
	return stream->cut || stream->kept_length > stream->max_kept;
}

char *
process_stream_text(const ProcessStream *stream)
{
	size_t		length = Min(stream->kept_length, stream->max_kept);
	const char *from = stream->kept + stream->kept_length - length;
	char	   *text;

	/* begin with a character, where the encoding lets us see where one begins */
	while (length > 0 && process_stream_is_cut(stream) &&
		   GetDatabaseEncoding() == PG_UTF8 && ((unsigned char) *from & 0xC0) == 0x80)
	{
		from++;
		length--;
	}
	text = palloc_extended(length + 1, MCXT_ALLOC_HUGE);
	memcpy(text, from, length);
	make_valid(text, (int) length, false);
	return text;
}

/* ---- lines ---- */

static void
end_line(ProcessStream *stream, ProcessLine callback, void *arg)
{
	bool		cut = stream->length > MAX_LINE;
	int			length = Min(stream->length, MAX_LINE);

	if (!cut && length > 0 && stream->line[length - 1] == '\r')
		length--;
	make_valid(stream->line, length, cut);
	stream->length = 0;
	stream->partial = false;
	callback(stream->line, arg);
}

void
process_stream_add(ProcessStream *stream, const char *bytes, size_t length,
				   ProcessLine callback, void *arg)
{
	const char *end = bytes + length;

	keep(stream, bytes, length);
	if (stream->line == NULL)
		return;
	while (bytes < end)
	{
		const char *newline = memchr(bytes, '\n', end - bytes);
		size_t		piece = (newline ? newline : end) - bytes;
		size_t		room = MAX_LINE + 1 - stream->length;

		memcpy(stream->line + stream->length, bytes, Min(piece, room));
		stream->length += (int) Min(piece, room);
		stream->partial = true;
		bytes += piece;
		if (newline)
		{
			end_line(stream, callback, arg);
			bytes++;
		}
	}
}

void
process_stream_close(ProcessStream *stream, ProcessLine callback, void *arg)
{
	if (stream->line != NULL && stream->partial)
		end_line(stream, callback, arg);
}
