/*
 * backup_lines.h
 *		What pgBackRest tells while it makes or removes backups, line by line.
 *
 * Private to this folder.
 */
#ifndef PGOPS_OPS_BACKUP_LINES_H
#define PGOPS_OPS_BACKUP_LINES_H

#include "ops/job.h"

typedef struct BackupLines
{
	const char *copying;		/* what the step is called while files are copied */
	char	   *label;			/* of the new backup; NULL: not told yet */
	List	   *removed;		/* of char *: "repo1 20261120-140904F" */
	List	   *damaged;		/* of char *: lines about damaged pages, at most a few */
	int			damaged_files;
	double		bytes;			/* copied so far */
	char	   *step;			/* the last one that was told */
} BackupLines;

/*
 * backup_line
 *		A JobLineFilter with a BackupLines as its argument: shows steps and
 *		progress, takes note of what the result needs.  Lines about single files
 *		are not stored.
 */
extern bool backup_line(Job *job, IoStream stream, const char *line, void *arg);

/* options that make pgBackRest tell all this */
#define BACKUP_LINES_OPTION	"--log-level-console=detail"

#endif							/* PGOPS_OPS_BACKUP_LINES_H */
