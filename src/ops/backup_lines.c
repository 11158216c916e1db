/*
 * backup_lines.c
 *		What pgBackRest tells while it makes or removes backups.
 *
 * Its messages differ a little from version to version: each is known by a
 * part that all of them have, and one that is not known is no step.
 *
 * Not for: what its errors mean (stanza_failure.c).
 */
#include "postgres.h"

#include <math.h>

#include "ops/backup_lines.h"

/* so many lines about damaged pages are kept for the message */
#define MAX_DAMAGED		20

/*
 * A part of a message that begins a step; NULL: the caller's word for copying.  That files are copied is told only
 * when the first one is: the largest.
 */
static const struct
{
	const char *part;
	const char *step;
}			steps[] = {
	{"backup begins after", "waiting for the checkpoint"},
	{"backup start archive = ", NULL},
	{" backup stop and wait for all WAL", "waiting for WAL to be archived"},
	{"check archive for segment(s)", "waiting for WAL to be archived"},
	{"new backup label = ", "storing the backup"},
	{"expire command begin", "removing what retention does not keep"},
};

/* units in which it gives sizes */
static const struct
{
	const char *name;
	int			power;
}			units[] = {
	{"B", 0}, {"KB", 1}, {"MB", 2}, {"GB", 3}, {"TB", 4}, {"PB", 5}
};

/* "48.2MB": bytes; -1: it is no size */
static double
read_size(const char *text, int length)
{
	char	   *end;
	double		number = strtod(text, &end);

	if (end == text)
		return -1;
	for (int i = 0; i < lengthof(units); i++)
	{
		if (strlen(units[i].name) == (size_t) (text + length - end) &&
			strncmp(end, units[i].name, strlen(units[i].name)) == 0)
			return number * pow(1024, units[i].power);
	}
	return -1;
}

/*
 * A line about a file ends in "(48.2MB, 68.53%)", or "(bundle 1/0, 8KB, 0.1%)",
 * and maybe a checksum after that: its size, and how far all of it is.
 */
static bool
read_file_line(const char *line, double *size, double *percent)
{
	const char *end = strstr(line, "%)");
	const char *comma = end;
	const char *start;

	if (end == NULL)
		return false;
	while (comma > line && *comma != ',')
		comma--;
	start = comma - 1;
	while (start > line && *start != '(' && *start != ',')
		start--;
	if (start <= line)
		return false;
	start++;
	start += strspn(start, " ");
	*size = read_size(start, (int) (comma - start));
	*percent = strtod(comma + 1, NULL);
	return *size >= 0;
}

/* A step is told once: progress would begin anew. */
static void
show_step(Job *job, BackupLines *lines, const char *step)
{
	if (lines->step != NULL && strcmp(lines->step, step) == 0)
		return;
	lines->step = MemoryContextStrdup(job->context, step);
	job_step(job, "%s", step);
}

/*
 * How much there is to copy is told only as a percentage: with what was copied
 * it gives the sum, which gets better with each file.
 */
static void
show_file(Job *job, BackupLines *lines, double size, double percent)
{
	show_step(job, lines, lines->copying);
	lines->bytes += size;
	if (percent > 0)
		job_progress(job, lines->bytes, lines->bytes * 100 / percent, "bytes");
}

/* the rest of the line after "part", up to a blank or its end; NULL: it is not in it */
static char *
word_after(const char *line, const char *part)
{
	const char *start = strstr(line, part);

	if (start == NULL)
		return NULL;
	start += strlen(part);
	return pnstrdup(start, strcspn(start, " ,"));
}

/* "repo1: remove expired backup 20261120-140904F" */
static void
note_removed(BackupLines *lines, const char *line)
{
	char	   *label = word_after(line, ": remove expired backup ");
	char	   *repo = word_after(line, "INFO: ");

	if (label == NULL)
		return;
	if (repo != NULL && strcmp(repo, "[DRY-RUN]") == 0)
		repo = word_after(line, "[DRY-RUN] ");
	if (repo != NULL && strchr(repo, ':') != NULL)
		*strchr(repo, ':') = '\0';
	lines->removed = lappend(lines->removed, psprintf("%s %s", repo ? repo : "repo1", label));
}

static void
note_damaged(BackupLines *lines, const char *line)
{
	const char *start = strstr(line, "invalid page checksum");

	if (start == NULL)
		return;
	lines->damaged_files++;
	if (list_length(lines->damaged) < MAX_DAMAGED)
		lines->damaged = lappend(lines->damaged, pstrdup(start));
}

static void
read_message(Job *job, BackupLines *lines, const char *line)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);
	char	   *label = word_after(line, "new backup label = ");

	if (label != NULL)
		lines->label = label;
	note_removed(lines, line);
	note_damaged(lines, line);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < lengthof(steps); i++)
	{
		if (strstr(line, steps[i].part) != NULL)
			show_step(job, lines, steps[i].step ? steps[i].step : lines->copying);
	}
}

bool
backup_line(Job *job, IoStream stream, const char *line, void *arg)
{
	BackupLines *lines = arg;
	double		size;
	double		percent;

	if (stream == IO_STDOUT && strstr(line, " DETAIL: ") != NULL)
	{
		if (read_file_line(line, &size, &percent))
			show_file(job, lines, size, percent);
		return false;
	}
	read_message(job, lines, line);
	return true;
}
