/*
 * in_place_output.c
 *		The log of a run, as the output of its job.
 *
 * Whatever is wrong with it (cut off by a full disk, changed, far too long), the
 * result of the run must not be lost for that.
 *
 * Not for: the result (in_place_import.c).
 */
#include "postgres.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/job.h"
#include "ops/in_place_parts.h"
#include "ops/job_parts.h"
#include "ops/stanza_parts.h"

#define MAX_LINES		1000
#define MAX_LOG_BYTES	(4 * 1024 * 1024)

/* A line that a full disk has cut off may have the next one in its middle. */
static bool
is_time(const char *text)
{
	static const char shape[] = "9999-99-99T99:99:99.999999Z";

	if (strlen(text) != strlen(shape))
		return false;
	for (int i = 0; shape[i] != '\0'; i++)
	{
		if (shape[i] == '9' ? !isdigit((unsigned char) text[i]) : text[i] != shape[i])
			return false;
	}
	return true;
}

/* "TIME STREAM TEXT"; NULL: something else */
static CmdbJobLine *
parse_line(char *text)
{
	char	   *stream = strchr(text, ' ');
	char	   *rest = stream ? strchr(stream + 1, ' ') : NULL;
	CmdbJobLine *line;

	if (rest == NULL)
		return NULL;
	*stream++ = '\0';
	*rest++ = '\0';
	if (!is_time(text))
		return NULL;
	if (strcmp(stream, "out") != 0 && strcmp(stream, "err") != 0 && strcmp(stream, "note") != 0)
		return NULL;
	line = palloc0(sizeof(CmdbJobLine));
	line->at = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
													   ObjectIdGetDatum(InvalidOid),
													   Int32GetDatum(-1)));
	line->stream = stream;
	line->text = rest;
	return line;
}

/*
 * The end of the log, however long it is; it may begin in the middle of a line.
 * NULL: it cannot be read, for which the result must not be lost.
 */
static char *
read_tail(const char *path)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK);
	char	   *text = palloc(MAX_LOG_BYTES + 1);
	int			length = 0;
	ssize_t		got;
	off_t		end;

	if (fd < 0)
		return NULL;
	end = lseek(fd, 0, SEEK_END);
	(void) lseek(fd, Max(end - MAX_LOG_BYTES, 0), SEEK_SET);
	while (length < MAX_LOG_BYTES &&
		   (got = read(fd, text + length, MAX_LOG_BYTES - length)) > 0)
		length += got;
	CloseTransientFile(fd);
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '\0')
			text[i] = '?';
	}
	text[length] = '\0';
	return text;
}

static List *
read_log(const char *directory)
{
	char	   *text = read_tail(psprintf("%s/" IN_PLACE_LOG, directory));
	List	   *lines = NIL;
	char	   *next;

	for (char *at = text; at != NULL; at = next)
	{
		CmdbJobLine *line;

		next = strchr(at, '\n');
		if (next != NULL)
			*next++ = '\0';
		/* a program may have written in any encoding */
		for (char *byte = at; *byte != '\0'; byte++)
		{
			if (IS_HIGHBIT_SET(*byte))
				*byte = '?';
		}
		line = parse_line(at);
		if (line != NULL)
			lines = lappend(lines, line);
	}
	if (list_length(lines) > MAX_LINES)
		lines = list_copy_tail(lines, list_length(lines) - MAX_LINES);
	return lines;
}

void
in_place_store_output(CmdbQuery *query, int64 id, const char *directory, const char *started)
{
	List	   *lines = read_log(directory);
	CmdbRow		args = {0};
	ListCell   *cell;
	int			number;
	Job			masker = {.context = CurrentMemoryContext};

	/* of a run that was imported once, and was gone on with by hand */
	cmdb_put_int8(&args, id);
	cmdb_put_text(&args, started);
	(void) cmdb_run(query,
					"DELETE FROM pgops.job_output AS o WHERE o.job = $1 AND o.at >= $2::timestamptz",
					&args);
	memset(&args, 0, sizeof(args));
	cmdb_put_int8(&args, id);
	(void) cmdb_run(query,
					"SELECT COALESCE(pg_catalog.max(o.line), 0) FROM pgops.job_output AS o"
					" WHERE o.job = $1", &args);
	number = cmdb_int4(0, 1);
	stanza_keep_secrets(&masker);
	foreach(cell, lines)
	{
		CmdbJobLine *line = lfirst(cell);

		line->number = ++number;
		line->text = job_scrub(&masker, line->text);
	}
	if (lines != NIL)
		cmdb_job_output(id, lines);
}
