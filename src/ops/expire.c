/*
 * expire.c
 *		The job that removes what retention does not keep, or one backup.
 *
 * Not for: what is kept: pgBackRest decides that by its configuration.
 */
#include "postgres.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "ops/backup.h"
#include "ops/backup_lines.h"
#include "ops/kinds.h"

/*
 * pgBackRest takes no lock for a restore: what one reads, and WAL that its recovery
 * will ask for, would be removed below its feet.  0: none is at work.
 */
static int64
restore_at_work(Job *job)
{
	CmdbQuery	query;
	int64		id;

	job_begin(job);
	cmdb_begin(&query);
	(void) cmdb_run(&query,
					"SELECT COALESCE(max(j.id), 0) FROM pgops.job AS j"
					" WHERE j.state = 'running' AND j.kind IN ('restore', 'verify_backup')", NULL);
	id = cmdb_int8(0, 1);
	cmdb_end(&query);
	txn_end();
	return id;
}

StanzaFailure *
backup_expire(Job *job, const Stanza *stanza, struct BackupLines *lines)
{
	List	   *options = list_make1(BACKUP_LINES_OPTION);
	int64		repo = job_arg_int(job, "repo", 0);
	int64		restore = restore_at_work(job);

	if (restore != 0)
	{
		job_note(job, "nothing is removed: job " INT64_FORMAT " restores; the next backup removes what retention does not keep",
				 restore);
		return NULL;
	}
	/* without a number the backup went into the first one */
	options = lappend(options, psprintf("--repo=" INT64_FORMAT, Max(repo, 1)));
	return stanza_try(job, stanza, "expire", options, backup_line, lines);
}

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
	int64		restore = dry_run ? 0 : restore_at_work(job);

	if (restore != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("job " INT64_FORMAT " restores, and may need what would be removed", restore),
				 errhint("Wait for it with pgops.job_wait(" INT64_FORMAT "), or end it with pgops.job_cancel(" INT64_FORMAT ").",
						 restore, restore)));
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
