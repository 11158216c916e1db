/*
 * churn.c
 *		Recognising what does not converge.
 *
 * It is asked of each action, not of the whole plan: two things that undo each
 * other by turns make plans that differ, and a plan may hold something else
 * that fails.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "worker/churn.h"

struct Churn
{
	HTAB	   *done;
};

typedef struct DoneEntry
{
	uint64		key;			/* hash of what was done */
	TimestampTz at;
} DoneEntry;

Churn *
churn_create(MemoryContext context)
{
	Churn	   *churn = MemoryContextAlloc(context, sizeof(Churn));
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(DoneEntry);
	control.hcxt = context;
	churn->done = hash_create("pgops actions done", 128, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return churn;
}

void
churn_forget(Churn *churn)
{
	HASH_SEQ_STATUS scan;
	DoneEntry  *entry;

	if (hash_get_num_entries(churn->done) == 0)
		return;
	hash_seq_init(&scan, churn->done);
	while ((entry = hash_seq_search(&scan)) != NULL)
		hash_search(churn->done, &entry->key, HASH_REMOVE, NULL);
}

/* the lengths keep one field from running into the next */
static uint64
key_of(const Action *action)
{
	const char *const fields[] = {
		action->rule->id, action->name, action->database, action->statement
	};
	StringInfoData text;
	uint64		key;

	initStringInfo(&text);
	for (int i = 0; i < lengthof(fields); i++)
		appendStringInfo(&text, "%zu:%s;", fields[i] ? strlen(fields[i]) : 0,
						 fields[i] ? fields[i] : "");
	key = hash_bytes_extended((const unsigned char *) text.data, text.len, 0);
	pfree(text.data);
	return key;
}

/* the time of the last success counts */
void
churn_note(Churn *churn, const Action *action)
{
	uint64		key = key_of(action);
	DoneEntry  *entry = hash_search(churn->done, &key, HASH_ENTER, NULL);

	entry->at = GetCurrentTimestamp();
}

/* only so soon after a success: what comes back later is drift, and is repaired */
bool
churn_is_back(Churn *churn, const Action *action)
{
	uint64		key;
	DoneEntry  *entry;

	if (hash_get_num_entries(churn->done) == 0)
		return false;
	key = key_of(action);
	entry = hash_search(churn->done, &key, HASH_FIND, NULL);
	return entry != NULL &&
		GetCurrentTimestamp() - entry->at < pgops_guc_retry_delay * INT64CONST(1000);
}
