/*
 * backup.c
 *		The job that makes a backup.
 *
 * Not for: what is checked before it is asked for (worker/sql_backup.c), what
 * pgBackRest tells meanwhile (backup_lines.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "ops/backup.h"
#include "ops/backup_lines.h"
#include "ops/kinds.h"

/*
 * What would make pgBackRest wait for WAL that never comes.  Whether
 * archive_command is right, it finds out itself.
 */
void
backup_require_archiving(void)
{
	if (!XLogArchivingActive())
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_RESTART_NEEDED),
				 errmsg("archive_mode is off"),
				 errdetail("A backup is of use only with the WAL that is written while it is made."),
				 errhint("Where backups are declared, pgops sets archive_mode: restart the server then, see pgops.pending_restart.")));
}

/* in a transaction of its own */
Stanza *
backup_stanza(Job *job)
{
	Stanza	   *stanza;

	job_begin(job);
	stanza = stanza_local();
	txn_end();
	return stanza;
}

/* options of "pgbackrest backup", of char * */
static List *
backup_options(const Job *job, const char *type)
{
	List	   *options = list_make3(BACKUP_LINES_OPTION, psprintf("--type=%s", type),
									 "--no-expire-auto");
	const SpecNode *annotations = node_get(job->args, "annotations");
	int64		repo = job_arg_int(job, "repo", 0);
	ListCell   *cell;

	if (repo > 0)
		options = lappend(options, psprintf("--repo=" INT64_FORMAT, repo));
	if (annotations == NULL || annotations->kind != NODE_MAP)
		return options;
	foreach(cell, annotations->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const char *value = node_text(entry->value);

		if (value != NULL)
			options = lappend(options, psprintf("--annotation=%s=%s", entry->key, value));
	}
	return options;
}

/* the new backup, as the repository has it */
static const BackupSet *
find_set(const StanzaState *state, const char *label)
{
	ListCell   *cell;

	foreach(cell, state ? state->backups : NIL)
	{
		const BackupSet *set = lfirst(cell);

		if (label != NULL && strcmp(set->label, label) == 0)
			return set;
	}
	return NULL;
}

static SpecNode *
lsn_node(XLogRecPtr lsn)
{
	return XLogRecPtrIsInvalid(lsn) ? node_null() :
		node_string(psprintf("%X/%X", LSN_FORMAT_ARGS(lsn)));
}

static SpecNode *
text_node(const char *text)
{
	return text ? node_string(text) : node_null();
}

static SpecNode *
time_node(TimestampTz time)
{
	return time == 0 ? node_null() : node_string(timestamptz_to_str(time));
}

static void
tell_set(Job *job, const BackupSet *set)
{
	job_result(job, "repo", node_int(set->repo));
	job_result(job, "prior", text_node(set->prior));
	job_result(job, "size", node_int(set->size));
	job_result(job, "delta", node_int(set->delta));
	job_result(job, "repo_size", node_int(set->repo_size));
	job_result(job, "repo_delta", node_int(set->repo_delta));
	job_result(job, "wal_start", text_node(set->wal_start));
	job_result(job, "wal_stop", text_node(set->wal_stop));
	job_result(job, "lsn_start", lsn_node(set->lsn_start));
	job_result(job, "lsn_stop", lsn_node(set->lsn_stop));
	job_result(job, "started_at", time_node(set->start));
	job_result(job, "stopped_at", time_node(set->stop));
	job_result(job, "seconds", node_int((set->stop - set->start) / USECS_PER_SEC));
	job_result(job, "error", node_bool(set->error));
}

/* names of what retention has removed on the way */
SpecNode *
backup_names(List *names)
{
	SpecNode   *list = node_list();
	ListCell   *cell;

	foreach(cell, names)
		node_list_add(list, node_string(lfirst(cell)));
	return list;
}

/* "full", of a label that says it; the repository's own word comes first */
static const char *
type_of(const BackupSet *set, const char *label, const char *asked)
{
	size_t		length = label ? strlen(label) : 0;

	if (set != NULL)
		return set->type;
	if (length == 0)
		return asked;
	return label[length - 1] == 'F' ? "full" : label[length - 1] == 'D' ? "diff" : "incr";
}

/*
 * Copied pages that are damaged are in the backup, and were so before: it is
 * there and may be the best there is, but nobody should believe it is good.
 */
static void
raise_damaged(const BackupLines *lines)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, lines->damaged)
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? "\n" : "", (char *) lfirst(cell));
	if (lines->damaged_files > list_length(lines->damaged))
		appendStringInfo(&detail, "\n... and %d more files",
						 lines->damaged_files - list_length(lines->damaged));
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_BACKUP_DAMAGED),
			 errmsg("the server's data are damaged: backup \"%s\" was made, with pages whose checksum is wrong",
					lines->label ? lines->label : ""),
			 detail.len > 0 ? errdetail_internal("%s", detail.data) : 0,
			 errhint("Find out what is damaged (pg_amcheck), and restore it from an older backup, which pgops.backups lists: expire none of them before.")));
}

/*
 * The repositories are looked at after a failure, too: it may be they that
 * are the reason.
 */
void
backup_run(Job *job)
{
	const char *asked = job_arg(job, "type");
	BackupLines lines = {.copying = "copying files"};
	const Stanza *stanza;
	const StanzaFailure *failure;
	const StanzaState *state;
	const BackupSet *set;

	asked = asked ? asked : "incr";
	backup_require_archiving();
	stanza = backup_stanza(job);
	job_step(job, "starting pgBackRest");
	failure = stanza_try(job, stanza, "backup", backup_options(job, asked), backup_line, &lines);
	/* one with damaged pages is nothing to rely on: what is older may be all that is good */
	if (failure == NULL && lines.damaged_files == 0)
		failure = backup_expire(job, stanza, &lines);
	job_step(job, "looking into the repositories");
	state = stanza_look(job, stanza);
	if (failure != NULL)
		stanza_raise(failure);

	set = find_set(state, lines.label);
	job_result(job, "label", text_node(lines.label));
	job_result(job, "type", node_string(type_of(set, lines.label, asked)));
	job_result(job, "asked", node_string(asked));
	job_result(job, "removed", backup_names(lines.removed));
	if (set != NULL)
		tell_set(job, set);
	if (lines.damaged_files > 0 || (set != NULL && set->error))
		raise_damaged(&lines);
}

void
backup_refresh_run(Job *job)
{
	const Stanza *stanza = backup_stanza(job);

	job_step(job, "looking into the repositories");
	stanza_refresh(job, stanza);
}
