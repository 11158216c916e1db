/*
 * line.c
 *		What other servers and libraries say, made fit for our messages.
 *
 * It comes in an encoding that somebody promised but need not have kept to,
 * and may be made to look like something else in a log.
 *
 * Not for: telling secrets from the rest; who knows one takes it out before.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "io/line.h"

/* How much of the text is taken: whole characters where it has such. */
static int
clipped_length(const char *text, int max)
{
	int			length = (int) strcspn(text, "\r\n");

	if (length <= max)
		return length;
	return pg_verify_mbstr(GetDatabaseEncoding(), text, length, true) ?
		pg_mbcliplen(text, length, max) : max;
}

/* Never raises for what the text holds. */
char *
io_clean_line(MemoryContext context, const char *text, int max)
{
	int			length = clipped_length(text, max);
	char	   *line = MemoryContextAlloc(context, length + 1);

	memcpy(line, text, length);
	line[length] = '\0';
	if (!pg_verify_mbstr(GetDatabaseEncoding(), line, length, true))
	{
		for (char *p = line; *p; p++)
			*p = IS_HIGHBIT_SET(*p) ? '?' : *p;
	}
	for (char *p = line; *p; p++)
		*p = ((unsigned char) *p < ' ' || *p == 0x7f) ? ' ' : *p;
	return line;
}
