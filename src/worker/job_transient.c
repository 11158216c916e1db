/*
 * job_transient.c
 *		Jobs of a standby, in shared memory.
 *
 * A lock protects them: they are some kilobytes each, and rare.
 *
 * Not for: asking for one (job_transient_ask.c), their file (job_transient_file.c), starting
 * them (job_watch.c).
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"

#include "errors.h"
#include "worker/job_slot.h"
#include "worker/job_transient.h"
#include "worker/job_transient_parts.h"
#include "worker/shared.h"

#define TRANCHE		"pgops jobs"

/* a job is resumed this often at most: what ends its server each time would never end */
#define MOST_RESUMED	10

typedef struct TransientShared
{
	int64		last_id;		/* negative; 0: there was none */
	bool		read;			/* the file was */
	TransientJob jobs[TRANSIENT_JOBS];
} TransientShared;

static TransientShared *transient = NULL;

static const char *const state_names[] = {
	[TRANSIENT_FREE] = "free",
	[TRANSIENT_ASKED] = "asked",
	[TRANSIENT_QUEUED] = "queued",
	[TRANSIENT_RUNNING] = "running",
	[TRANSIENT_SUCCEEDED] = "succeeded",
	[TRANSIENT_FAILED] = "failed",
	[TRANSIENT_CANCELLED] = "cancelled",
	[TRANSIENT_INTERRUPTED] = "interrupted",
};

const char *
job_transient_state(TransientState state)
{
	return state_names[state];
}

/* ---- memory ---- */

Size
job_transient_size(void)
{
	return MAXALIGN(sizeof(TransientShared));
}

/* The size is known when the server starts: places do not grow. */
void
job_transient_request(void)
{
	RequestAddinShmemSpace(job_transient_size());
	RequestNamedLWLockTranche(TRANCHE, 1);
}

void
job_transient_init(void)
{
	bool		found;

	transient = ShmemInitStruct("pgops jobs of a standby", job_transient_size(), &found);
	if (!found)
		memset(transient, 0, sizeof(TransientShared));
}

static void
lock(LWLockMode mode)
{
	LWLockAcquire(&GetNamedLWLockTranche(TRANCHE)->lock, mode);
}

static void
unlock(void)
{
	LWLockRelease(&GetNamedLWLockTranche(TRANCHE)->lock);
}

/* with the lock held; NULL: there is none */
static TransientJob *
find(int64 id)
{
	for (int i = 0; transient != NULL && id < 0 && i < TRANSIENT_JOBS; i++)
	{
		if (transient->jobs[i].state != TRANSIENT_FREE && transient->jobs[i].id == id)
			return &transient->jobs[i];
	}
	return NULL;
}

static bool
is_over(const TransientJob *job)
{
	return job->state > TRANSIENT_RUNNING;
}

/* with the lock held: a free place, else that of the one that was over first; NULL: all are at work */
static TransientJob *
free_place(void)
{
	TransientJob *oldest = NULL;

	for (int i = 0; i < TRANSIENT_JOBS; i++)
	{
		TransientJob *job = &transient->jobs[i];

		if (job->state == TRANSIENT_FREE)
			return job;
		if (is_over(job) && (oldest == NULL || job->finished_at < oldest->finished_at))
			oldest = job;
	}
	return oldest;
}

void
job_transient_text(char *to, const char *from, size_t size)
{
	int			length = from ? pg_mbcliplen(from, (int) strlen(from), (int) size - 1) : 0;

	if (length > 0)
		memcpy(to, from, length);
	to[length] = '\0';
}

/* JSON that is cut off is none any more, so it is all or nothing. */
bool
job_transient_json(char *to, const SpecNode *from, size_t size)
{
	StringInfoData text;

	to[0] = '\0';
	if (from == NULL)
		return true;
	initStringInfo(&text);
	node_to_json(&text, from);
	if (text.len >= size)
		return false;
	memcpy(to, text.data, text.len + 1);
	pfree(text.data);
	return true;
}

static SpecNode *
read_json(const char *text)
{
	return text[0] == '\0' ? NULL : node_from_json(text, (int) strlen(text));
}

/* ---- places ---- */

/*
 * A place is taken before the commit, so that there is one after it: at the
 * commit itself nothing may go wrong any more.
 */
int64
job_transient_take(TransientJob *job)
{
	TransientJob *place;
	int64		id = 0;

	lock(LW_EXCLUSIVE);
	place = free_place();
	if (place != NULL)
	{
		id = job->id = --transient->last_id;
		*place = *job;
	}
	unlock();
	return id;
}

void
job_transient_forget(int64 id)
{
	TransientJob *job;

	lock(LW_EXCLUSIVE);
	job = find(id);
	if (job != NULL && job->state == TRANSIENT_ASKED)
		job->state = TRANSIENT_FREE;
	unlock();
}

void
job_transient_commit(int64 id)
{
	TransientJob *job;

	lock(LW_EXCLUSIVE);
	job = find(id);
	if (job != NULL && job->state == TRANSIENT_ASKED)
		job->state = TRANSIENT_QUEUED;
	unlock();
}

/* ---- looking ---- */

bool
job_transient_get(int place, TransientJob *copy)
{
	if (transient == NULL)
		return false;
	lock(LW_SHARED);
	*copy = transient->jobs[place];
	unlock();
	return copy->state > TRANSIENT_ASKED;
}

bool
job_transient_find(int64 id, TransientJob *copy)
{
	TransientJob *job;

	if (transient == NULL)
		return false;
	lock(LW_SHARED);
	job = find(id);
	if (job != NULL)
		*copy = *job;
	unlock();
	return job != NULL && copy->state != TRANSIENT_ASKED;
}

/* ---- changing ---- */

bool
job_transient_cancel(int64 id, const char *role)
{
	TransientJob *job;
	TimestampTz now = GetCurrentTimestamp();
	bool		done;

	lock(LW_EXCLUSIVE);
	job = find(id);
	done = job != NULL && job->state == TRANSIENT_QUEUED;
	if (done)
	{
		job->state = TRANSIENT_CANCELLED;
		job->finished_at = now;
		strlcpy(job->cancelled_by, role, sizeof(job->cancelled_by));
		strlcpy(job->error, "the job was cancelled", sizeof(job->error));
	}
	unlock();
	return done;
}

/* What a worker gets is the same as of a row. */
static CmdbJobRow *
make_row(const TransientJob *job)
{
	CmdbJobRow *row = palloc0(sizeof(CmdbJobRow));

	row->kind = pstrdup(job->kind);
	row->args = read_json(job->args);
	row->cluster = job->cluster[0] ? pstrdup(job->cluster) : NULL;
	row->requested_by = pstrdup(job->requested_by);
	row->attempts = job->attempts;
	row->max_attempts = 1;
	row->deadline_ms = job->deadline_ms;
	row->lines = job->lines;
	row->memory = read_json(job->memory);
	row->heartbeat = job->heartbeat;
	row->started_at = job->started_at;
	return row;
}

/* Only one that waits, so that no job is done twice. */
CmdbJobRow *
job_transient_claim(int64 id)
{
	TransientJob *copy = palloc(sizeof(TransientJob));
	TransientJob *job;
	TimestampTz now = GetCurrentTimestamp();
	bool		ours;

	lock(LW_EXCLUSIVE);
	job = find(id);
	ours = job != NULL && job->state == TRANSIENT_QUEUED;
	if (ours)
	{
		job->state = TRANSIENT_RUNNING;
		job->attempts = 1;
		if (job->memory[0] == '\0' || job->started_at == 0)
			job->started_at = now;
		*copy = *job;
	}
	unlock();
	return ours ? make_row(copy) : NULL;
}

/* One line at a time: the lock is held for as long as it takes to copy it. */
void
job_transient_output(int64 id, List *lines)
{
	ListCell   *cell;
	TransientJob *job;

	foreach(cell, lines)
	{
		CmdbJobLine *line = lfirst(cell);
		TransientLine new = {.at = line->at};

		job_transient_text(new.stream, line->stream, sizeof(new.stream));
		job_transient_text(new.text, line->text, sizeof(new.text));
		lock(LW_EXCLUSIVE);
		job = find(id);
		if (job != NULL)
		{
			job->line[(line->number - 1) % TRANSIENT_LINES] = new;
			job->lines = line->number;
		}
		unlock();
	}
}

/* Also in the file, since what it remembers is for the case that this memory is gone. */
void
job_transient_remember(int64 id, const SpecNode *memory)
{
	TransientJob *new = palloc(sizeof(TransientJob));
	TransientJob *job;

	if (!job_transient_json(new->memory, memory, sizeof(new->memory)))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("what a job of a standby has to remember is too long"),
				 errhint("Ask for it on the leader, which can store it.")));
	new->heartbeat = GetCurrentTimestamp();
	lock(LW_EXCLUSIVE);
	job = find(id);
	if (job != NULL)
	{
		memcpy(job->memory, new->memory, sizeof(job->memory));
		job->heartbeat = new->heartbeat;
	}
	unlock();
	pfree(new);
	job_transient_save();
}

void
job_transient_beat(int64 id)
{
	TransientJob *job;
	TimestampTz now = GetCurrentTimestamp();

	lock(LW_EXCLUSIVE);
	job = find(id);
	if (job != NULL)
		job->heartbeat = now;
	unlock();
}

static TransientState
state_of(const char *name)
{
	for (int i = TRANSIENT_QUEUED; i < lengthof(state_names); i++)
	{
		if (strcmp(state_names[i], name) == 0)
			return i;
	}
	return TRANSIENT_INTERRUPTED;
}

/* Made before the lock is taken: building texts may raise. */
static void
fill_end(TransientJob *new, const CmdbJobEnd *end)
{
	memset(new, 0, sizeof(*new));
	new->state = state_of(end->state);
	new->finished_at = GetCurrentTimestamp();
	job_transient_text(new->cancelled_by, end->cancelled_by, sizeof(new->cancelled_by));
	job_transient_text(new->step, end->step, sizeof(new->step));
	job_transient_text(new->sqlstate, end->sqlstate ? unpack_sql_state(end->sqlstate) : NULL,
			  sizeof(new->sqlstate));
	job_transient_text(new->error, end->error, sizeof(new->error));
	job_transient_text(new->detail, end->detail, sizeof(new->detail));
	job_transient_text(new->hint, end->hint, sizeof(new->hint));
	if (!job_transient_json(new->result, end->result, sizeof(new->result)))
		strlcpy(new->result, "{\"cut\": true}", sizeof(new->result));
}

/* Only one that runs: a coordinator that was faster has called it interrupted. */
void
job_transient_finish(int64 id, const CmdbJobEnd *end)
{
	TransientJob *new = palloc(sizeof(TransientJob));
	TransientJob *job;

	fill_end(new, end);
	lock(LW_EXCLUSIVE);
	job = find(id);
	if (job != NULL && job->state == TRANSIENT_RUNNING)
	{
		job->state = new->state;
		job->finished_at = new->finished_at;
		job->memory[0] = '\0';
		memcpy(job->cancelled_by, new->cancelled_by, sizeof(job->cancelled_by));
		memcpy(job->step, new->step, sizeof(job->step));
		memcpy(job->sqlstate, new->sqlstate, sizeof(job->sqlstate));
		memcpy(job->error, new->error, sizeof(job->error));
		memcpy(job->detail, new->detail, sizeof(job->detail));
		memcpy(job->hint, new->hint, sizeof(job->hint));
		memcpy(job->result, new->result, sizeof(job->result));
	}
	unlock();
	pfree(new);
	job_transient_save();
}

/* ---- what was left ---- */

static int64
times_resumed(const SpecNode *memory)
{
	const SpecNode *resumed = node_get(memory, "resumed");
	const SpecNode *times = resumed ? node_get(resumed, "times") : NULL;

	return times && times->kind == NODE_INT ? times->integer : 0;
}

/* The worker or the server has ended in its middle.  "job": a copy, which is changed. */
static void
resume(TransientJob *job)
{
	SpecNode   *memory = read_json(job->memory);
	SpecNode   *resumed = node_map();
	int64		times = memory ? times_resumed(memory) : 0;

	job->state = TRANSIENT_QUEUED;
	if (memory != NULL && times < MOST_RESUMED)
	{
		node_map_set(resumed, "times", node_int(times + 1));
		node_map_set(memory, "resumed", resumed);
		if (job_transient_json(job->memory, memory, sizeof(job->memory)))
			return;
	}
	job->state = TRANSIENT_INTERRUPTED;
	job->finished_at = GetCurrentTimestamp();
	strlcpy(job->sqlstate, unpack_sql_state(ERRCODE_PGOPS_INTERRUPTED), sizeof(job->sqlstate));
	strlcpy(job->error, "the server or the job's worker ended before the job was over",
			sizeof(job->error));
	strlcpy(job->hint, "It is not started again by itself: ask for it once more.",
			sizeof(job->hint));
}

/* The copy was made without the lock; what has ended meanwhile is left alone. */
static void
settle(TransientJob *copy)
{
	TransientJob *job;

	resume(copy);
	lock(LW_EXCLUSIVE);
	job = find(copy->id);
	if (job != NULL && job->state == TRANSIENT_RUNNING)
		*job = *copy;
	unlock();
	ConditionVariableBroadcast(&pgops_shared->job_changed);
}

void
job_transient_settle(void)
{
	TransientJob *copy = palloc(sizeof(TransientJob));
	JobSlot		slot;

	job_transient_load();
	for (int i = 0; i < TRANSIENT_JOBS; i++)
	{
		if (job_transient_get(i, copy) && copy->state == TRANSIENT_RUNNING &&
			job_slot_find(copy->id, &slot) < 0)
			settle(copy);
		else if (copy->state == TRANSIENT_ASKED && BackendPidGetProc(copy->asker) == NULL)
			job_transient_forget(copy->id);
	}
	pfree(copy);
}

/* ---- for the file ---- */

/* Numbers go on after those that were read, or a job would be taken for another one. */
void
job_transient_put(const TransientJob *job)
{
	TransientJob *place;

	lock(LW_EXCLUSIVE);
	place = find(job->id) == NULL ? free_place() : NULL;
	if (place != NULL)
		*place = *job;
	transient->last_id = Min(transient->last_id, job->id);
	unlock();
}

bool
job_transient_unread(void)
{
	bool		unread;

	lock(LW_EXCLUSIVE);
	unread = !transient->read;
	transient->read = true;
	unlock();
	return unread;
}
