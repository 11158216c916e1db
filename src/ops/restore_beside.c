/*
 * restore_beside.c
 *		Jobs "restore", into an instance beside this server, and "restore_drop".
 *
 * Not for: what such an instance is (instance.h), restores in place
 * (in_place.c), copies of the running server (fork.c).
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "ops/backup_lines.h"
#include "ops/finally.h"
#include "ops/instance_parts.h"
#include "ops/kinds.h"

/* of the size of the backup, what must be free besides */
#define SPACE_RESERVE	(64 * 1024 * 1024)

typedef struct Restoring
{
	Stanza	   *stanza;			/* whose backups these are */
	RestoreTarget *target;
	StanzaState *state;
	BesideInstance *instance;
} Restoring;

/* ---- pgBackRest ---- */

/*
 * A word for the shell that runs restore_command, in which % has a meaning, too.
 * pgBackRest puts the option between quotes in postgresql.auto.conf just as it
 * is: quotes and backslashes are doubled here, therefore.
 */
static char *
shell_word(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "''");
	for (const char *p = text; *p; p++)
	{
		if (*p == '\'')
			appendStringInfoString(&out, "''\\\\''''");
		else if (*p == '%' || *p == '\\')
			appendStringInfo(&out, "%c%c", *p, *p);
		else
			appendStringInfoChar(&out, *p);
	}
	appendStringInfoString(&out, "''");
	return out.data;
}

/*
 * Files are fetched one by one: fetching ahead would take the lock and the spool
 * directory of this server's archiving, and fail while that is at work, which
 * recovery takes for the end of the archive.
 */
static char *
restore_command(const BesideInstance *instance, const Stanza *stanza)
{
	return psprintf("%s %s %s %s --no-archive-async archive-get %%f \"%%p\"",
					shell_word(stanza->program),
					shell_word(psprintf("--config=%s", stanza->config)),
					shell_word(psprintf("--stanza=%s", stanza->name)),
					shell_word(psprintf("--pg1-path=%s", instance->data_directory)));
}

void
instance_restore(Job *job, const BesideInstance *instance, const Stanza *stanza,
				 const RestoreTarget *target)
{
	List	   *options = restore_options(target);
	BackupLines lines = {.copying = "restoring"};
	const StanzaFailure *failure;

	job_step(job, "restoring");
	instance_guard_tablespaces(instance, false);
	options = lappend(options, pstrdup(BACKUP_LINES_OPTION));
	options = lappend(options, psprintf("--pg1-path=%s", instance->data_directory));
	options = lappend(options, psprintf("--tablespace-map-all=%s",
										instance_path(instance, INSTANCE_TABLESPACES)));
	options = lappend(options, pstrdup("--archive-mode=off"));
	if (!target->delta)
		options = lappend(options, pstrdup("--no-delta"));
	options = lappend(options, psprintf("--recovery-option=restore_command=%s",
										restore_command(instance, stanza)));
	failure = stanza_try(job, stanza, "restore", options, backup_line, &lines);
	if (failure != NULL)
		stanza_raise(failure);
}

/* ---- before anything is copied ---- */
static const BackupSet *
chosen_set(const Restoring *restoring)
{
	ListCell   *cell;

	foreach(cell, restoring->state->backups)
	{
		const BackupSet *set = lfirst(cell);

		if (restoring->target->set == NULL && cell == list_tail(restoring->state->backups))
			return set;
		if (restoring->target->set != NULL && strcmp(set->label, restoring->target->set) == 0)
			return set;
	}
	return NULL;
}

/* A full disk would be found out late, and be this server's problem, too. */
void
instance_check_space(const BesideInstance *instance, const BackupSet *set)
{
	char	   *base = instance_base(instance);
	struct statvfs space;
	int64		available;

	if (set == NULL || statvfs(base, &space) != 0)
		return;
	available = (int64) space.f_bavail * (int64) space.f_frsize;
	if (set->size + SPACE_RESERVE > available)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL),
				 errmsg("there is not enough space for the restore in \"%s\"", base),
				 errdetail("Needed are " INT64_FORMAT " MB, free are " INT64_FORMAT " MB.",
						   set->size / (1024 * 1024), available / (1024 * 1024)),
				 errhint("Name another place with directory => '...' or with the setting pgops.directory.")));
}

/* an instance that is to be brought to another target; else NULL */
static BesideInstance *
earlier_instance(const Restoring *restoring, const char *name)
{
	BesideInstance *found = restoring->target->delta ? instance_find(name) : NULL;

	if (found == NULL)
		return NULL;
	if (instance_pid(found->data_directory) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("instance \"%s\" runs", name),
				 errhint("Stop it first: pg_ctl -D %s stop.", found->data_directory)));
	(void) instance_is_ours(found);
	return found;
}

/* all that needs a transaction */
static void
prepare(Job *job, Restoring *restoring)
{
	const char *name = job_arg(job, "instance");
	Stanza	   *own;

	restoring->target = restore_target(job->args);
	job_begin(job);
	own = stanza_local();
	restoring->instance = earlier_instance(restoring, name);
	if (restoring->instance == NULL)
		restoring->instance = instance_plan(name, "restore", job_arg(job, "directory"),
											(int) job_arg_int(job, "port", 0));
	txn_end();
	restoring->instance->job = job->id;

	restoring->stanza = palloc(sizeof(Stanza));
	*restoring->stanza = *own;
	if (restoring->target->stanza != NULL)
		restoring->stanza->name = restoring->target->stanza;
	job_step(job, "looking at the backups");
	restoring->state = stanza_read(job, own, restoring->target->stanza);
	job_begin(job);
	restore_check(restoring->target, restoring->state,
				  restoring->target->stanza != NULL ? 0 : GetCurrentTimestamp());
	txn_end();
}

/* ---- up to now ---- */
static void
flush(Job *job, void *arg)
{
	job_step(job, "waiting for WAL to be archived");
	restore_flush_archive(job);
}

/*
 * What was done until now shall be restorable, but a repository that takes no WAL
 * any more is no reason to refuse what it has.
 */
static void
flush_if_possible(Job *job, const Restoring *restoring)
{
	const ErrorData *error;

	if (restoring->target->stanza != NULL || restoring->target->type == RESTORE_IMMEDIATE)
		return;
	error = job_attempt(job, flush, NULL);
	if (error == NULL)
		return;
	job_check(job);
	job_note(job, "%s: the end of the archive is older than now", error->message);
}

/* ---- the work ---- */
static void
restore_once(Job *job, void *arg)
{
	Restoring  *restoring = arg;

	job_note(job, "to %s", restore_describe(restoring->target));
	instance_restore(job, restoring->instance, restoring->stanza, restoring->target);
	instance_configure(job, restoring->instance, NIL);
	instance_start(job, restoring->instance, restoring->target);
}

/*
 * Of a transaction or a restore point nobody knows whether it came before or
 * after a backup: from one after it recovery runs to the end of the archive
 * without meeting it.  Then the backup before that is tried.
 */
static void
restore_from_any(Job *job, void *arg)
{
	Restoring  *restoring = arg;
	List	   *labels = restore_candidates(restoring->target, restoring->state);
	ListCell   *cell;

	instance_record(job, restoring->instance, "creating");
	instance_check_space(restoring->instance, chosen_set(restoring));
	foreach(cell, labels)
	{
		ErrorData  *error;

		restoring->target->set = lfirst(cell);
		error = job_attempt(job, restore_once, restoring);
		if (error == NULL)
			return;
		if (error->sqlerrcode != ERRCODE_PGOPS_TARGET || lnext(labels, cell) == NULL)
			ReThrowError(error);
		job_check(job);
		job_note(job, "%s; trying the backup before %s", error->message, restoring->target->set);
		restoring->target->delta = true;
	}
}

/* nothing may go on that nobody looks after */
static void
end_if_failed(Job *job, void *arg, bool failed)
{
	Restoring  *restoring = arg;

	if (!failed)
		return;
	instance_end(restoring->instance);
	instance_record(job, restoring->instance, "failed");
}

static void
tell_result(Job *job, const Restoring *restoring)
{
	const BesideInstance *instance = restoring->instance;

	job_result(job, "instance", node_string(instance->name));
	job_result(job, "port", node_int(instance->port));
	job_result(job, "data_directory", node_string(instance->data_directory));
	job_result(job, "connection", node_string(instance_conninfo(instance, "postgres")));
	if (restoring->target->set != NULL)
		job_result(job, "backup", node_string(restoring->target->set));
	job_result(job, "target", node_string(restore_describe(restoring->target)));
}

void
restore_run(Job *job)
{
	Restoring	restoring = {0};

	prepare(job, &restoring);
	flush_if_possible(job, &restoring);
	job_finally(job, restore_from_any, end_if_failed, &restoring);
	tell_result(job, &restoring);
}

/* ---- dropping ---- */
void
restore_drop_run(Job *job)
{
	const char *name = job_arg(job, "instance");
	BesideInstance *instance;

	job_begin(job);
	instance = instance_find(name);
	txn_end();
	if (instance == NULL)
	{
		job_note(job, "instance \"%s\" is gone already", name);
		return;
	}
	instance_remove(job, instance);
}
