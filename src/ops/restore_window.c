/*
 * restore_window.c
 *		Whether the backups can reach the target of a restore, and from which
 *		of them.
 *
 * The server itself finds out at the end of recovery, when everything has been
 * copied: "recovery ended before configured recovery target was reached".  In
 * a restore in place that is the worst moment to learn it.
 *
 * Not for: reading the target (restore_target.c).
 */
#include "postgres.h"

#include "access/timeline.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "io/wait.h"
#include "ops/restore.h"

/* how many labels a message lists */
#define LABELS_SHOWN	5

/* from how many backups a recovery is tried where the timelines are not known */
#define UNKNOWN_TRIED	4

/* how long an archived file may take to be noticed; archiving itself may take as long as it works */
#define ARCHIVE_LOOK_MS	200
#define ARCHIVE_PATIENCE_MS	(60 * 1000L)

/* ---- which backups count ---- */

/*
 * Of what this server was before it was restored or upgraded there may be
 * backups, too, which restore something else.
 */
static bool
is_of_this_database(const BackupSet *set, const StanzaState *state)
{
	return state->system_identifier == NULL || set->system_identifier == NULL ||
		strcmp(state->system_identifier, set->system_identifier) == 0;
}

static bool
is_in_repo(const BackupSet *set, const RestoreTarget *target)
{
	return target->repo == 0 || target->repo == set->repo;
}

/* timeline on which it ended: the first 8 digits of its last WAL file; 0: unknown */
static TimeLineID
timeline_of(const BackupSet *set)
{
	char		digits[9];

	if (set->wal_stop == NULL || strlen(set->wal_stop) < 24)
		return 0;
	strlcpy(digits, set->wal_stop, sizeof(digits));
	return (TimeLineID) strtoul(digits, NULL, 16);
}

/*
 * The timelines that lead to the wanted one, for this server's own backups:
 * after a restore in place there are backups on the abandoned part of the old
 * timeline, from which no recovery leads to where the server is now.  NIL: not
 * known, as for other clusters.
 */
static List *
timeline_history(const RestoreTarget *target)
{
	TimeLineID	timeline;

	if (target->stanza != NULL || RecoveryInProgress())
		return NIL;
	if (target->timeline == NULL || strcmp(target->timeline, "latest") == 0)
		timeline = GetWALInsertionTimeLine();
	else if (strcmp(target->timeline, "current") == 0)
		return NIL;
	else
		timeline = (TimeLineID) strtoul(target->timeline, NULL, 10);
	if (timeline != 1 && !existsTimeLineHistory(timeline))
		return NIL;
	return readTimeLineHistory(timeline);
}

static bool
is_in_history(TimeLineID timeline, XLogRecPtr stop, List *history)
{
	ListCell   *cell;

	if (history == NIL || timeline == 0)
		return true;
	foreach(cell, history)
	{
		TimeLineHistoryEntry *entry = lfirst(cell);

		if (entry->tli == timeline)
			return XLogRecPtrIsInvalid(entry->end) || XLogRecPtrIsInvalid(stop) ||
				stop <= entry->end;
	}
	return false;
}

static bool
is_on_the_way(const BackupSet *set, List *history)
{
	return is_in_history(timeline_of(set), set->lsn_stop, history);
}

bool
restore_leads_here(TimeLineID timeline, XLogRecPtr stop)
{
	const RestoreTarget latest = {RESTORE_LATEST};

	return is_in_history(timeline, stop, timeline_history(&latest));
}

/* whether nobody here knows which backups lead to the wanted timeline: only trying shows it */
static bool
is_history_unknown(const RestoreTarget *target)
{
	return !RecoveryInProgress() && timeline_history(target) == NIL &&
		(target->timeline == NULL || strcmp(target->timeline, "current") != 0);
}

/* those to choose from, newest first */
static List *
usable_sets(const RestoreTarget *target, const StanzaState *state)
{
	List	   *history = timeline_history(target);
	List	   *usable = NIL;
	ListCell   *cell;

	foreach(cell, state->backups)
	{
		BackupSet  *set = lfirst(cell);

		if (!set->error && is_of_this_database(set, state) && is_in_repo(set, target) &&
			is_on_the_way(set, history))
			usable = lcons(set, usable);
	}
	return usable;
}

static const BackupSet *
find_set(const StanzaState *state, const RestoreTarget *target)
{
	ListCell   *cell;

	foreach(cell, state->backups)
	{
		const BackupSet *set = lfirst(cell);

		if (strcmp(set->label, target->set) == 0 && is_in_repo(set, target))
			return set;
	}
	return NULL;
}

/* ---- messages ---- */

/* in the session's time zone, palloc'd */
static char *
shown(TimestampTz time)
{
	return pstrdup(timestamptz_to_str(time));
}

static char *
newest_labels(const StanzaState *state)
{
	StringInfoData text;
	int			count = 0;

	initStringInfo(&text);
	for (int i = list_length(state->backups) - 1; i >= 0 && count < LABELS_SHOWN; i--, count++)
	{
		const BackupSet *set = list_nth(state->backups, i);

		appendStringInfo(&text, "%s%s (%s, %s)", count > 0 ? ", " : "", set->label, set->type,
						 shown(set->stop));
	}
	return text.data;
}

static char *
possible_times(const BackupSet *oldest, TimestampTz latest)
{
	if (latest == 0)
		return psprintf("Possible: %s and later, as far as WAL is archived.", shown(oldest->stop));
	return psprintf("Possible: from %s to %s.", shown(oldest->stop), shown(latest));
}

static void
raise_unreachable(const RestoreTarget *target, char *detail, char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_TARGET),
			 errmsg("no restore can reach %s", restore_describe(target)),
			 errdetail_internal("%s", detail), errhint("%s", hint)));
}

/* ---- does a backup lead to the target? ---- */

static XLogRecPtr
target_lsn(const RestoreTarget *target)
{
	uint32		high;
	uint32		low;

	if (sscanf(target->value, "%X/%X", &high, &low) != 2)
		return InvalidXLogRecPtr;
	return ((uint64) high) << 32 | low;
}

/*
 * Times of backups are whole seconds: one that "ended" in the second of the
 * target may have ended after it, and is taken only if "near".
 */
static bool
reaches(const BackupSet *set, const RestoreTarget *target, bool near)
{
	if (target->type == RESTORE_TIME)
		return set->stop + (near ? 0 : USECS_PER_SEC) <= target->time;
	if (target->type == RESTORE_LSN)
		return XLogRecPtrIsInvalid(set->lsn_stop) || set->lsn_stop <= target_lsn(target);
	return true;
}

static void
check_window(const RestoreTarget *target, const BackupSet *oldest, TimestampTz latest)
{
	if (target->type == RESTORE_TIME && !reaches(oldest, target, true))
		raise_unreachable(target, psprintf("The oldest backup ended at %s.", shown(oldest->stop)),
						  possible_times(oldest, latest));
	if (target->type == RESTORE_TIME && latest != 0 && target->time > latest)
		raise_unreachable(target,
						  target->time > GetCurrentTimestamp() ? pstrdup("It is in the future.") :
						  psprintf("WAL is archived up to %s.", shown(latest)),
						  possible_times(oldest, latest));
	if (target->type == RESTORE_LSN && !reaches(oldest, target, true))
		raise_unreachable(target,
						  psprintf("The oldest backup ended at LSN %X/%X.",
								   LSN_FORMAT_ARGS(oldest->lsn_stop)),
						  psprintf("Possible: LSN %X/%X and later.",
								   LSN_FORMAT_ARGS(oldest->lsn_stop)));
}

/* the set that was asked for: it must be there, and before the target */
static void
check_set(RestoreTarget *target, const StanzaState *state, TimestampTz latest)
{
	const BackupSet *set = find_set(state, target);

	if (set == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_TARGET),
				 errmsg("backup \"%s\" does not exist", target->set),
				 errhint("There are, newest first: %s.", newest_labels(state))));
	if (!is_on_the_way(set, timeline_history(target)))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_TARGET),
				 errmsg("backup \"%s\" does not lead to the present timeline", target->set),
				 errdetail("It ended on timeline %u after that was left for another one.",
						   timeline_of(set)),
				 errhint("Give timeline => '%u' to stay on that one.", timeline_of(set))));
	check_window(target, set, latest);
	target->repo = set->repo;
}

List *
restore_candidates(const RestoreTarget *target, const StanzaState *state)
{
	List	   *usable = usable_sets(target, state);
	List	   *labels = NIL;

	if (target->set != NULL)
		return list_make1(pstrdup(target->set));
	for (int near = 0; near <= 1 && labels == NIL; near++)
	{
		ListCell   *cell;

		foreach(cell, usable)
		{
			const BackupSet *set = lfirst(cell);

			if (reaches(set, target, near == 1))
				labels = lappend(labels, pstrdup(set->label));
		}
	}
	/* where one knows, one is enough */
	if (target->type != RESTORE_XID && target->type != RESTORE_NAME)
		labels = list_truncate(labels, is_history_unknown(target) ? UNKNOWN_TRIED : 1);
	return labels;
}

/*
 * When was that transaction?  Only track_commit_timestamp knows, and only of
 * this server's own.  0: unknown.  Needs a transaction.
 */
static TimestampTz
time_of_xid(const RestoreTarget *target)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	TimestampTz time = 0;

	/* the first numbers are no transactions, and asking for them is an error */
	if (target->type != RESTORE_XID || target->stanza != NULL || !IsTransactionState() ||
		strtoul(target->value, NULL, 10) < FirstNormalTransactionId ||
		strcmp(GetConfigOption("track_commit_timestamp", false, false), "on") != 0)
		return 0;
	cmdb_begin(&query);
	cmdb_put_text(&args, target->value);
	if (cmdb_run(&query, "SELECT pg_catalog.pg_xact_commit_timestamp($1::pg_catalog.xid)",
				 &args) > 0)
		time = cmdb_time(0, 1);
	cmdb_end(&query);
	return time;
}

/*
 * What this server did between the time it was once restored to and that restore
 * is on the timeline that it left then.  On the present one that time leads to
 * where the restore had led to: not to what the server held at that time.
 * Needs a transaction.
 */
static void
check_left_behind(const RestoreTarget *target)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		job;
	char	   *reached;
	char	   *left;

	if (target->type != RESTORE_TIME || target->stanza != NULL || !IsTransactionState() ||
		(target->timeline != NULL && strcmp(target->timeline, "latest") != 0))
		return;
	cmdb_begin(&query);
	cmdb_put_time(&args, target->time);
	if (cmdb_run(&query,
				 "SELECT j.id, (j.result->>'time')::timestamptz::text, j.result->>'left'"
				 " FROM pgops.job AS j"
				 " WHERE j.kind = 'restore_in_place' AND j.state = 'succeeded'"
				 "  AND j.result->>'data' = 'restored'"
				 "  AND GREATEST((j.result->>'time')::timestamptz, (j.args->>'time')::timestamptz) < $1"
				 "  AND j.started_at > $1"
				 " ORDER BY j.id LIMIT 1", &args) == 0)
	{
		cmdb_end(&query);
		return;
	}
	job = cmdb_int8(0, 1);
	reached = cmdb_text(&query, 0, 2);
	left = cmdb_text(&query, 0, 3);
	cmdb_end(&query);
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_TARGET),
			 errmsg("%s is on a timeline that this server has left", restore_describe(target)),
			 errdetail("Job " INT64_FORMAT " restored it to what was committed at %s; what it did after that, until the restore, is not on the present timeline.",
					   job, reached),
			 left != NULL ?
			 errhint("Add timeline => '%s' to get what the server held then, or give %s for what the restore led to.",
					 left, reached) :
			 errhint("Name the timeline of then with timeline => '...', or give %s for what the restore led to.",
					 reached)));
}

/* chooses the set where it can be told which one it must be */
static void
choose_set(RestoreTarget *target, const StanzaState *state)
{
	RestoreTarget asked = *target;
	List	   *labels;
	const BackupSet *set;

	asked.time = time_of_xid(target);
	if (asked.time != 0)
		asked.type = RESTORE_TIME;
	else if (target->type == RESTORE_XID || target->type == RESTORE_NAME)
		return;
	labels = restore_candidates(&asked, state);
	if (list_length(labels) != 1)
		return;
	target->set = linitial(labels);
	set = find_set(state, target);
	if (set != NULL)
		target->repo = set->repo;
}

/* the repository that was asked for holds backups at all */
static void
check_repo(const RestoreTarget *target, const StanzaState *state)
{
	ListCell   *cell;

	foreach(cell, state->backups)
	{
		if (is_in_repo(lfirst(cell), target))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_NO_BACKUPS),
			 errmsg("there is no backup in a repository %d", target->repo),
			 errhint("pgops.backups tells which repositories there are, and what is in them.")));
}

void
restore_check(RestoreTarget *target, const StanzaState *state, TimestampTz latest)
{
	List	   *usable;

	if (state == NULL || !state->exists || state->backups == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("there is no backup to restore"),
				 state == NULL || state->name == NULL ? 0 :
				 errdetail("Stanza \"%s\" has none.", state->name),
				 errhint("Make one with pgops.backup('full'). If there is one, SELECT pgops.backup_refresh() finds it.")));
	check_repo(target, state);
	check_left_behind(target);
	if (target->set != NULL)
	{
		check_set(target, state, latest);
		return;
	}
	usable = usable_sets(target, state);
	if (usable == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("there is no good backup that leads to %s", restore_describe(target)),
				 errdetail("Newest first: %s.", newest_labels(state)),
				 errhint("Name one of them with set => '...', or another timeline.")));
	check_window(target, llast(usable), latest);
	choose_set(target, state);
}

/* ---- up to now ---- */

typedef struct Archiver
{
	char	   *last;			/* newest file that was archived, or NULL */
	int64		failures;
	char	   *failed;			/* the file that failed last */
} Archiver;

static void
read_archiver(Job *job, Archiver *archiver)
{
	CmdbQuery	query;

	job_begin(job);
	cmdb_begin(&query);
	(void) cmdb_run(&query,
					"SELECT a.last_archived_wal, a.failed_count, a.last_failed_wal"
					" FROM pg_catalog.pg_stat_archiver AS a", NULL);
	archiver->last = cmdb_text(&query, 0, 1);
	archiver->failures = cmdb_int8(0, 2);
	archiver->failed = cmdb_text(&query, 0, 3);
	cmdb_end(&query);
	txn_end();
}

/* name of the file that is closed */
static char *
switch_wal(Job *job)
{
	CmdbQuery	query;
	char	   *file;

	job_begin(job);
	cmdb_begin(&query);
	(void) cmdb_run(&query, "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())", NULL);
	file = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	txn_end();
	return file;
}

/* whether "file" or one after it is archived; names of one timeline sort by age */
static bool
is_archived(const Archiver *archiver, const char *file)
{
	return archiver->last != NULL && strlen(archiver->last) == strlen(file) &&
		strcmp(archiver->last, file) >= 0;
}

/*
 * A recovery to a time or number ends only at a record beyond it: the target
 * "now" is reached by what the job itself has just committed, when that is in
 * the archive.
 */
void
restore_flush_archive(Job *job)
{
	Archiver	before;
	Archiver	now;
	char	   *file;
	TimestampTz patience = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ARCHIVE_PATIENCE_MS);

	read_archiver(job, &before);
	file = switch_wal(job);
	for (;;)
	{
		job_check(job);
		read_archiver(job, &now);
		if (is_archived(&now, file))
			return;
		if (now.failures > before.failures || GetCurrentTimestamp() > patience)
			break;
		(void) io_wait(ARCHIVE_LOOK_MS, IO_WAIT_PROCESS);
	}
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_TARGET),
			 errmsg("WAL file %s is not archived", file),
			 now.failures > before.failures && now.failed != NULL ?
			 errdetail("Archiving %s fails.", now.failed) : 0,
			 errhint("See pg_stat_archiver, pgops.backup_status and the server's log; repair archiving first.")));
}
