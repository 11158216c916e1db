/*
 * patroni_facts.c
 *		What Patroni said last, in shared memory.
 *
 * One arena of fixed size: three texts of the cluster, one for each member.  A
 * lock protects all of it; what is done under it is copying some kilobytes at
 * most.  Where pgops was not preloaded there is no arena: then nothing is
 * kept and nothing is known.
 *
 * Not for: asking (worker/ha_look.c), reading an answer (patroni_answer.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"

#include "errors.h"
#include "observe/patroni_facts.h"

#define TRANCHE		"pgops_patroni"

/* nobody is in a hurry for longer, ms */
#define MAX_HURRY_MS	(10 * 60 * 1000)

/* besides the members one place for this server's own Patroni */
#define NODE_PLACES		(PATRONI_FACT_MEMBERS + 1)
#define CLUSTER_PLACES	((int) PATRONI_FACT_NODE_TEXT)
#define PLACES			(CLUSTER_PLACES + NODE_PLACES)
#define OWN_PLACE		CLUSTER_PLACES

/* all but the text itself */
typedef struct FactPlace
{
	bool		used;
	char		member[NAMEDATALEN];	/* of a member's place */
	TimestampTz at;
	TimestampTz since;
	TimestampTz tried;
	int			sqlstate;
	int			length;			/* of the text; -1: there was none */
	char		source[256];
	char		problem[256];
} FactPlace;

typedef struct PatroniFacts
{
	LWLock	   *lock;			/* protects what follows, up to version */
	FactPlace	places[PLACES];
	PatroniSelf self;
	TimestampTz hurry_until;
	bool		told;			/* something changed that the worker has not seen */
	int			worker_pid;		/* 0: none */
	int			worker_number;	/* its place among the server's processes */
	pg_atomic_uint64 version;
	char		cluster_texts[CLUSTER_PLACES][PATRONI_FACT_TEXT];
	char		node_texts[NODE_PLACES][PATRONI_FACT_NODE];
} PatroniFacts;

static PatroniFacts *facts = NULL;

/* ---- the memory ---- */

void
patroni_facts_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(PatroniFacts)));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* Called with AddinShmemInitLock held. */
void
patroni_facts_init(void)
{
	bool		found;

	facts = ShmemInitStruct("pgops patroni facts", sizeof(PatroniFacts), &found);
	if (found)
		return;
	memset(facts, 0, sizeof(PatroniFacts));
	facts->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	pg_atomic_init_u64(&facts->version, 0);
	for (int i = 0; i < PLACES; i++)
		facts->places[i].length = -1;
}

/* ---- places ---- */

/* room for a text of that kind, with its end */
static int
text_size(PatroniFactKind kind)
{
	return kind == PATRONI_FACT_NODE_TEXT ? PATRONI_FACT_NODE : PATRONI_FACT_TEXT;
}

static char *
place_text(int place)
{
	return place < CLUSTER_PLACES ? facts->cluster_texts[place] :
		facts->node_texts[place - CLUSTER_PLACES];
}

static void
place_clear(int place)
{
	memset(&facts->places[place], 0, sizeof(FactPlace));
	facts->places[place].length = -1;
}

/* a name as it is kept: a longer one is cut everywhere alike */
static void
kept_name(char *kept, const char *name)
{
	strlcpy(kept, name, NAMEDATALEN);
}

/*
 * The place of a fact, -1: none.  What this server's own Patroni says is kept
 * once: by its member's name the same place is found as by "".  "add": a free one
 * for a member that has none.  The lock is held.
 */
static int
place_find(PatroniFactKind kind, const char *member, bool add)
{
	char		name[NAMEDATALEN];
	int			vacant = -1;

	if (kind != PATRONI_FACT_NODE_TEXT)
		return (int) kind;
	kept_name(name, member ? member : "");
	if (name[0] == '\0' || strcmp(name, facts->self.member) == 0)
		return OWN_PLACE;
	for (int i = OWN_PLACE + 1; i < PLACES; i++)
	{
		if (facts->places[i].used && strcmp(facts->places[i].member, name) == 0)
			return i;
		if (!facts->places[i].used && vacant < 0)
			vacant = i;
	}
	if (!add || vacant < 0)
		return -1;
	place_clear(vacant);
	strlcpy(facts->places[vacant].member, name, NAMEDATALEN);
	return vacant;
}

/* never half a character */
static void
put_clipped(char *place, size_t size, const char *text)
{
	int			length = text ? (int) strlen(text) : 0;

	length = length < (int) size ? length : pg_mbcliplen(text, length, (int) size - 1);
	if (length > 0)
		memcpy(place, text, length);
	place[length] = '\0';
}

static void
changed(void)
{
	pg_atomic_fetch_add_u64(&facts->version, 1);
}

/* ---- facts ---- */

/*
 * The room for the text is taken before the lock is: no memory is asked for
 * under it.
 */
PatroniFact *
patroni_fact_get(PatroniFactKind kind, const char *member)
{
	PatroniFact *fact;
	FactPlace	copy;
	char	   *text;
	int			place;

	if (facts == NULL)
		return NULL;
	text = palloc(text_size(kind));
	LWLockAcquire(facts->lock, LW_SHARED);
	place = place_find(kind, member, false);
	if (place >= 0)
	{
		copy = facts->places[place];
		if (copy.used && copy.length >= 0)
			memcpy(text, place_text(place), copy.length);
	}
	LWLockRelease(facts->lock);
	if (place < 0 || !copy.used)
	{
		pfree(text);
		return NULL;
	}
	fact = palloc0(sizeof(PatroniFact));
	fact->text = copy.length >= 0 ? pnstrdup(text, copy.length) : NULL;
	fact->at = copy.at;
	fact->since = copy.since;
	fact->tried = copy.tried;
	fact->source = pstrdup(copy.source);
	fact->sqlstate = copy.sqlstate;
	fact->problem = copy.problem[0] ? pstrdup(copy.problem) : NULL;
	pfree(text);
	return fact;
}

void
patroni_fact_put(PatroniFactKind kind, const char *member, const char *text, const char *source)
{
	patroni_fact_put_at(kind, member, text, source, GetCurrentTimestamp());
}

void
patroni_fact_put_at(PatroniFactKind kind, const char *member, const char *text,
					const char *source, TimestampTz at)
{
	int			length = (int) strlen(text);
	FactPlace  *fact;
	int			place;

	if (facts == NULL)
		return;
	if (length >= text_size(kind))
	{
		patroni_fact_failed(kind, member, ERRCODE_PGOPS_HTTP_TOO_MUCH,
							"the answer is longer than what can be kept of it");
		return;
	}
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	place = place_find(kind, member, true);
	if (place >= 0)
	{
		fact = &facts->places[place];
		if (fact->length != length || fact->sqlstate != 0 ||
			memcmp(place_text(place), text, length) != 0)
			changed();
		if (fact->length != length || memcmp(place_text(place), text, length) != 0)
			fact->since = at;
		memcpy(place_text(place), text, length + 1);
		fact->used = true;
		fact->length = length;
		fact->at = fact->tried = at;
		fact->sqlstate = 0;
		fact->problem[0] = '\0';
		put_clipped(fact->source, sizeof(fact->source), source);
	}
	LWLockRelease(facts->lock);
}

void
patroni_fact_failed(PatroniFactKind kind, const char *member, int sqlstate, const char *problem)
{
	TimestampTz now = GetCurrentTimestamp();
	FactPlace  *fact;
	int			place;

	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	place = place_find(kind, member, true);
	if (place >= 0)
	{
		fact = &facts->places[place];
		if (fact->sqlstate != sqlstate)
			changed();
		fact->used = true;
		fact->tried = now;
		fact->sqlstate = sqlstate;
		put_clipped(fact->problem, sizeof(fact->problem), problem);
	}
	LWLockRelease(facts->lock);
}

static bool
is_in(const List *names, const char *kept)
{
	const ListCell *cell;
	char		name[NAMEDATALEN];

	foreach(cell, names)
	{
		kept_name(name, lfirst(cell));
		if (strcmp(name, kept) == 0)
			return true;
	}
	return false;
}

void
patroni_fact_keep_members(const List *names)
{
	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	for (int i = OWN_PLACE + 1; i < PLACES; i++)
	{
		if (facts->places[i].used &&
			(!is_in(names, facts->places[i].member) ||
			 strcmp(facts->places[i].member, facts->self.member) == 0))
		{
			place_clear(i);
			changed();
		}
	}
	LWLockRelease(facts->lock);
}

/* ---- this server ---- */

void
patroni_self_get(PatroniSelf *self)
{
	memset(self, 0, sizeof(PatroniSelf));
	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_SHARED);
	*self = facts->self;
	LWLockRelease(facts->lock);
}

void
patroni_self_set(const PatroniSelf *self)
{
	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	if (facts->self.answers != self->answers || facts->self.managed != self->managed ||
		strcmp(facts->self.member, self->member) != 0 ||
		strcmp(facts->self.problem, self->problem) != 0)
		changed();
	facts->self = *self;
	LWLockRelease(facts->lock);
}

/* ---- the worker ---- */

/* whether the recorded worker lives.  The lock is held. */
static bool
worker_lives(void)
{
	return facts->worker_pid != 0 && BackendPidGetProc(facts->worker_pid) != NULL;
}

bool
patroni_facts_claim(void)
{
	bool		claimed = false;

	if (facts == NULL)
		return false;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	if (!worker_lives() || facts->worker_pid == MyProcPid)
	{
		facts->worker_pid = MyProcPid;
		facts->worker_number = (int) (MyProc - GetPGProcByNumber(0));
		claimed = true;
	}
	LWLockRelease(facts->lock);
	return claimed;
}

void
patroni_facts_leave(void)
{
	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	if (facts->worker_pid == MyProcPid)
		facts->worker_pid = 0;
	LWLockRelease(facts->lock);
}

int
patroni_facts_worker_pid(void)
{
	int			pid;

	if (facts == NULL)
		return 0;
	LWLockAcquire(facts->lock, LW_SHARED);
	pid = worker_lives() ? facts->worker_pid : 0;
	LWLockRelease(facts->lock);
	return pid;
}

/*
 * Wakes the worker; the lock is not held any more.  A latch that is another
 * process's by now is set for nothing, which does no harm.
 */
static void
wake(int number)
{
	if (number >= 0)
		SetLatch(&GetPGProcByNumber(number)->procLatch);
}

void
patroni_facts_hurry(int ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													Min(ms, MAX_HURRY_MS));
	int			number;

	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	facts->hurry_until = Max(facts->hurry_until, until);
	number = facts->worker_pid != 0 ? facts->worker_number : -1;
	LWLockRelease(facts->lock);
	wake(number);
}

void
patroni_facts_tell(void)
{
	int			number;

	if (facts == NULL)
		return;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	facts->told = true;
	number = facts->worker_pid != 0 ? facts->worker_number : -1;
	LWLockRelease(facts->lock);
	wake(number);
}

bool
patroni_facts_told(void)
{
	bool		told;

	if (facts == NULL)
		return false;
	LWLockAcquire(facts->lock, LW_EXCLUSIVE);
	told = facts->told;
	facts->told = false;
	LWLockRelease(facts->lock);
	return told;
}

int
patroni_facts_hurry_left(void)
{
	TimestampTz until;
	int64		left;

	if (facts == NULL)
		return 0;
	LWLockAcquire(facts->lock, LW_SHARED);
	until = facts->hurry_until;
	LWLockRelease(facts->lock);
	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	/* the clock may have been put back since */
	return left > MAX_HURRY_MS ? 0 : (int) left;
}

uint64
patroni_facts_version(void)
{
	return facts ? pg_atomic_read_u64(&facts->version) : 0;
}
