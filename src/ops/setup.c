/*
 * setup.c
 *		The job that sets backups up: stanza, a look whether WAL is archived,
 *		the first full backup.
 *
 * Each step finds out whether it is done already, so the job can be repeated
 * after whatever broke it off, and does only what is missing where a
 * repository was added.
 *
 * Not for: pgbackrest.conf and the parameters of the server, which the plan
 * has set before (plan_backup.c).
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/owned.h"
#include "errors.h"
#include "io/wait.h"
#include "ops/backup.h"
#include "ops/backup_lines.h"
#include "ops/kinds.h"
#include "plan/backup.h"

/* so long another pgBackRest process is waited for, looking so often, ms */
#define LOCK_PATIENCE_MS	10000
#define LOCK_LOOK_MS		200

typedef struct Setup
{
	Job		   *job;
	Stanza	   *stanza;
	StanzaState *state;			/* as it was before */
	char	   *system;			/* system identifier of this server */
} Setup;

/* ---- what it is about ---- */

static void
begin(Setup *setup, Job *job)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("backups are set up by the primary"),
				 errhint("The stanza is shared by all members of a cluster.")));
	setup->job = job;
	setup->stanza = backup_stanza(job);
	setup->system = psprintf(UINT64_FORMAT, GetSystemIdentifier());
}

/* ---- places ---- */

/* the nearest part of a path that exists; palloc'd */
static char *
existing_part(const char *path)
{
	char	   *part = pstrdup(path);

	while (access(part, F_OK) != 0 && strcmp(part, "/") != 0 && part[0] != '\0')
		get_parent_directory(part);
	return part;
}

/*
 * pgBackRest makes its repository itself; where it could not, this says so in
 * the words of somebody who has to mend it.
 */
static void
require_writable(const char *path)
{
	char	   *part = existing_part(path);

	if (access(part, R_OK | W_OK | X_OK) == 0)
		return;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("the backup repository \"%s\" cannot be written: %m", path),
			 errdetail("Directory \"%s\" is there, and the server's operating system user may not write to it.", part),
			 errhint("Give the directory to that user, or declare another path in pgbackrest_repo.")));
}

static void
check_places(Setup *setup)
{
	const SpecNode *paths = node_get(setup->job->args, "directories");
	ListCell   *lc;

	job_step(setup->job, "checking repositories");
	if (paths == NULL)
		return;
	foreach(lc, paths->items)
		require_writable(node_text(lfirst(lc)));
}

/* ---- the stanza ---- */

/* how many repositories have no stanza */
static int
missing_stanzas(const StanzaState *state)
{
	int			missing = 0;
	ListCell   *lc;

	foreach(lc, state->repos)
		missing += ((RepoState *) lfirst(lc))->status == REPO_NO_STANZA;
	return missing;
}

/*
 * A stanza of another database system holds its only backups, perhaps.  After
 * pg_upgrade the identifier is a new one, too: then it is the one that was
 * set up from here before.
 */
static bool
was_upgraded(const Setup *setup)
{
	const char *theirs = setup->state->system_identifier;
	const char *before = job_arg(setup->job, "was");

	if (theirs == NULL || strcmp(theirs, setup->system) == 0)
		return false;
	if (before != NULL && strcmp(before, theirs) == 0)
		return true;
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_INSTANCE),
			 errmsg("the repository has a stanza \"%s\" of another database system", setup->stanza->name),
			 errdetail("Its system identifier is %s, that of this server %s.", theirs, setup->system),
			 errhint("Declare another path in pgbackrest_repo. If nobody needs those backups, remove them with \"pgbackrest stanza-delete\"; if they are of this server before an upgrade, run \"pgbackrest stanza-upgrade\".")));
	return false;				/* keep compiler quiet */
}

/*
 * Newer versions take the lock of archiving for these commands, too, which those
 * who archive hold for a moment again and again.
 */
static void
run_unlocked(Setup *setup, const char *command)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOCK_PATIENCE_MS);
	const StanzaFailure *failure;

	while ((failure = stanza_try(setup->job, setup->stanza, command, NIL, NULL, NULL)) != NULL)
	{
		if (failure->sqlstate != ERRCODE_PGOPS_LOCKED || io_remaining_ms(until) <= 0)
			stanza_raise(failure);
		job_check(setup->job);
		(void) io_wait(LOCK_LOOK_MS, IO_WAIT_PROCESS);
	}
}

static void
make_stanza(Setup *setup)
{
	Job		   *job = setup->job;

	job_step(job, "looking into the repositories");
	setup->state = stanza_read(job, setup->stanza, NULL);
	if (was_upgraded(setup))
	{
		job_step(job, "upgrading the stanza");
		run_unlocked(setup, "stanza-upgrade");
	}
	else
	{
		job_step(job, "creating the stanza");
		run_unlocked(setup, "stanza-create");
	}
	job_note(job, "stanza \"%s\" is in %d repositories, %d of them new", setup->stanza->name,
			 list_length(setup->state->repos), missing_stanzas(setup->state));
}

/* ---- the first backup ---- */

/*
 * Whether a repository has a full backup of this database system.  One with
 * damaged pages counts: another one would have them, too.
 */
static bool
has_full_backup(const StanzaState *state, int repo, const char *system)
{
	ListCell   *lc;

	foreach(lc, state->backups)
	{
		const BackupSet *set = lfirst(lc);

		if (set->repo == repo && strcmp(set->type, "full") == 0 &&
			set->system_identifier != NULL && strcmp(set->system_identifier, system) == 0)
			return true;
	}
	return false;
}

static void
make_full_backup(Setup *setup, int repo)
{
	Job		   *job = setup->job;
	BackupLines lines = {.copying = psprintf("first full backup, repository %d", repo)};
	const StanzaFailure *failure;

	job_step(job, "%s", lines.copying);
	failure = stanza_try(job, setup->stanza, "backup",
						 list_make3(BACKUP_LINES_OPTION, pstrdup("--type=full"),
									psprintf("--repo=%d", repo)),
						 backup_line, &lines);
	if (failure != NULL)
	{
		stanza_refresh(job, setup->stanza);
		stanza_raise(failure);
	}
	if (lines.label != NULL)
		job_result(job, "label", node_string(lines.label));
	if (lines.damaged_files > 0)
		job_note(job, "pages of %d files of this server are damaged: find out with pg_amcheck",
				 lines.damaged_files);
}

/* each repository stands for itself: what is only in one is lost with it */
static void
make_first_backups(Setup *setup)
{
	int			repos = (int) job_arg_int(setup->job, "repositories", 1);

	if (!job_arg_bool(setup->job, "init_backup", true))
		return;
	for (int repo = 1; repo <= repos; repo++)
	{
		if (!has_full_backup(setup->state, repo, setup->system))
			make_full_backup(setup, repo);
	}
}

/* ---- the end ---- */

/* what the next plans compare the declaration with */
static void
remember(Setup *setup)
{
	Job		   *job = setup->job;
	OwnedChange change = {.remove = false};

	change.item.kind = BACKUP_OWNED;
	change.item.name = pstrdup(setup->stanza->name);
	change.item.attribute = pstrdup(BACKUP_OWNED_SETUP);
	change.item.value = psprintf("%s %s", job_arg(job, "digest"), setup->system);
	change.item.created = true;
	job_begin(job);
	cmdb_owned_change(setup->stanza->name, list_make1(&change));
	txn_end();
}

/* see kinds.h */
void
backup_setup_run(Job *job)
{
	Setup		setup = {0};

	begin(&setup, job);
	check_places(&setup);
	make_stanza(&setup);
	job_step(job, "checking that WAL is archived");
	stanza_run(job, setup.stanza, "check", NIL);
	make_first_backups(&setup);
	job_step(job, "taking stock");
	stanza_refresh(job, setup.stanza);
	remember(&setup);
}
