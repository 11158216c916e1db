/*
 * map.c
 *		Names of any length to pointers, for planning with many objects.
 *
 * dynahash wants keys of a fixed size and ours (an owned item's identity) may
 * be long, so the key is a 64-bit hash and the entry keeps the exact strings
 * that share it.  Not for: anything that outlives one planning.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"

#include "plan/planner.h"

typedef struct PlanMapItem
{
	char	   *key;
	void	   *value;
	struct PlanMapItem *next;
} PlanMapItem;

typedef struct PlanMapEntry
{
	uint64		hash;			/* dynahash key: must be first */
	PlanMapItem *items;
} PlanMapEntry;

struct PlanMap
{
	HTAB	   *table;
};

/*
 * An empty map in the current memory context, and gone with it.  It costs some
 * kilobytes: one per planning, not one per object.
 */
PlanMap *
plan_map_new(void)
{
	PlanMap    *map = palloc(sizeof(PlanMap));
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(uint64);
	ctl.entrysize = sizeof(PlanMapEntry);
	ctl.hcxt = CurrentMemoryContext;
	map->table = hash_create("pgops plan map", 256, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return map;
}

static uint64
map_hash(const char *key)
{
	return hash_bytes_extended((const unsigned char *) key, (int) strlen(key), 0);
}

/*
 * The value of a key, or NULL, which is also what was put to forget it.  The hash
 * only finds the bucket; the whole string decides.
 */
void *
plan_map_get(const PlanMap *map, const char *key)
{
	uint64		hash = map_hash(key);
	PlanMapEntry *entry = hash_search(map->table, &hash, HASH_FIND, NULL);

	if (entry == NULL)
		return NULL;
	for (PlanMapItem *item = entry->items; item != NULL; item = item->next)
	{
		if (strcmp(item->key, key) == 0)
			return item->value;
	}
	return NULL;
}

/* sets or replaces the value of a key (the key is copied); NULL forgets it */
void
plan_map_put(PlanMap *map, const char *key, void *value)
{
	uint64		hash = map_hash(key);
	bool		found;
	PlanMapEntry *entry = hash_search(map->table, &hash, HASH_ENTER, &found);
	PlanMapItem *item;

	if (!found)
		entry->items = NULL;
	for (item = entry->items; item != NULL; item = item->next)
	{
		if (strcmp(item->key, key) == 0)
		{
			item->value = value;
			return;
		}
	}
	item = palloc(sizeof(PlanMapItem));
	item->key = pstrdup(key);
	item->value = value;
	item->next = entry->items;
	entry->items = item;
}
