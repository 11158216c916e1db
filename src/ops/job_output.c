/*
 * job_output.c
 *		The lines that a job leaves: what its programs wrote, and notes.
 *
 * They are collected and stored at ticks, many at a time, in transactions of
 * their own: whatever becomes of the job, they are there.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cmdb/extension.h"
#include "cmdb/job.h"
#include "errors.h"
#include "format.h"
#include "ops/job_parts.h"
#include "secret.h"

/* lines of a job that are kept; of them the last ones are for errors and notes only */
#define MAX_LINES		5000
#define RESERVED_LINES	500

#define MAX_LINE_BYTES	2000

/* lines as long as this may have been cut off before (io/process_output.c), within a character */
#define CUT_LINE_BYTES	(2000 - MAX_MULTIBYTE_CHAR_LEN)

void
job_secret(Job *job, const char *text)
{
	MemoryContext old;
	ListCell   *cell;

	/* an empty text would be found everywhere */
	if (text == NULL || text[0] == '\0')
		return;
	foreach(cell, job->secrets)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return;
	}
	old = MemoryContextSwitchTo(job->context);
	job->secrets = lappend(job->secrets, pstrdup(text));
	MemoryContextSwitchTo(old);
}

static char *
replace_all(const char *text, const char *secret)
{
	StringInfoData out;
	const char *found;

	initStringInfo(&out);
	while ((found = strstr(text, secret)) != NULL)
	{
		appendBinaryStringInfo(&out, text, found - text);
		appendStringInfoString(&out, SECRET_MASK);
		text = found + strlen(secret);
	}
	appendStringInfoString(&out, text);
	return out.data;
}

char *
job_scrub(const Job *job, const char *text)
{
	char	   *clean = text ? pstrdup(text) : NULL;
	ListCell   *cell;

	if (clean == NULL)
		return NULL;
	foreach(cell, job->secrets)
	{
		if (strstr(clean, lfirst(cell)) != NULL)
			clean = replace_all(clean, lfirst(cell));
	}
	return clean;
}

/* bytes at the end of a text that are the beginning of a secret; a single one may be chance */
static int
begun_secret(const char *text, const char *secret)
{
	int			length = (int) strlen(text);

	for (int begun = Min((int) strlen(secret) - 1, length); begun > 1; begun--)
	{
		if (strncmp(text + length - begun, secret, begun) == 0)
			return begun;
	}
	return 0;
}

/* A line may have been cut off in the middle of a secret, which then is not found. */
static void
scrub_end(const Job *job, char *text)
{
	ListCell   *cell;

	foreach(cell, job->secrets)
		text[strlen(text) - begun_secret(text, lfirst(cell))] = '\0';
}

static void
append_line(Job *job, const char *stream, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);
	CmdbJobLine *line = palloc0(sizeof(CmdbJobLine));

	line->number = ++job->lines;
	line->at = GetCurrentTimestamp();
	line->stream = stream;
	line->text = job_scrub(job, text);
	if (strlen(text) >= CUT_LINE_BYTES)
		scrub_end(job, line->text);
	line->text[pg_mbcliplen(line->text, (int) strlen(line->text), MAX_LINE_BYTES)] = '\0';
	job->pending = lappend(job->pending, line);
	MemoryContextSwitchTo(old);
}

/*
 * What a program prints without end must not fill the table; its errors come
 * last and are what people look for.
 */
void
job_add_line(Job *job, const char *stream, const char *text)
{
	int			limit = strcmp(stream, "out") == 0 ? MAX_LINES - RESERVED_LINES : MAX_LINES;

	if (job->lines < limit - 1)
		append_line(job, stream, text);
	else if (job->lines == limit - 1)
		append_line(job, "note", "... further lines are not kept");
}

void
job_note(Job *job, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	FORMAT_ARGUMENTS(&text, format);
	job_add_line(job, "note", text.data);
	pfree(text.data);
}

static void
free_pending(Job *job)
{
	ListCell   *cell;

	foreach(cell, job->pending)
		pfree(((CmdbJobLine *) lfirst(cell))->text);
	list_free_deep(job->pending);
	job->pending = NIL;
}

void
job_flush(Job *job)
{
	if (job->pending == NIL)
		return;
	job->host->store_lines(job);
	free_pending(job);
}

/* One that was created anew has other jobs under the same numbers. */
void
job_begin(Job *job)
{
	if (txn_begin() != EXTENSION_READY ||
		get_extension_oid("pgops", true) != job->extension)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INTERRUPTED),
				 errmsg("the extension \"pgops\" was dropped or updated while the job ran")));
}

/*
 * What a job has done in hours must not be lost because somebody looks at its
 * rows with a lock, or rewrites the table: a cancel and the deadline still end the wait.
 */
void
job_begin_patiently(Job *job)
{
	job_begin(job);
	(void) set_config_option("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE,
							 GUC_ACTION_LOCAL, true, 0, false);
}
