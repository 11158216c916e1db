/*
 * expire.c
 *		The job that removes what retention does not keep, or one backup.
 *
 * Not for: what is kept: pgBackRest decides that by its configuration.
 */
#include "postgres.h"

#include "ops/backup.h"
#include "ops/backup_lines.h"
#include "ops/kinds.h"

/* options of "pgbackrest expire", of char * */
static List *
expire_options(const Job *job, bool dry_run)
{
	List	   *options = list_make1(BACKUP_LINES_OPTION);
	const char *set = job_arg(job, "set");
	int64		repo = job_arg_int(job, "repo", 0);

	if (repo > 0)
		options = lappend(options, psprintf("--repo=" INT64_FORMAT, repo));
	if (set != NULL)
		options = lappend(options, psprintf("--set=%s", set));
	if (dry_run)
		options = lappend(options, "--dry-run");
	return options;
}

/*
 * What is to go is told by pgBackRest line by line, in a dry run as well; its
 * own lines, with the WAL that goes too, are the job's output.
 */
void
expire_run(Job *job)
{
	bool		dry_run = job_arg_bool(job, "dry_run", false);
	BackupLines lines = {.copying = "removing files"};
	const Stanza *stanza = backup_stanza(job);
	const StanzaFailure *failure;

	job_step(job, "starting pgBackRest");
	failure = stanza_try(job, stanza, "expire", expire_options(job, dry_run),
						 backup_line, &lines);
	job_result(job, "dry_run", node_bool(dry_run));
	job_result(job, "removed", backup_names(lines.removed));
	if (!dry_run)
	{
		job_step(job, "looking into the repositories");
		stanza_refresh(job, stanza);
	}
	if (failure != NULL)
		stanza_raise(failure);
}
