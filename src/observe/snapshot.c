/*
 * snapshot.c
 *		Finding things by name in a snapshot.
 *
 * Not for: filling it (shared.c, databases.c, local.c, available.c).
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "observe/snapshot.h"

/* all indexed structs begin with their name */
typedef struct Named
{
	char	   *name;
} Named;

StaticAssertDecl(offsetof(Role, name) == 0, "Role must begin with its name");
StaticAssertDecl(offsetof(Database, name) == 0, "Database must begin with its name");
StaticAssertDecl(offsetof(AvailableExtension, name) == 0,
				 "AvailableExtension must begin with its name");

typedef struct IndexEntry
{
	char		name[NAMEDATALEN];	/* key */
	int			position;		/* in the list */
	Named	   *object;
} IndexEntry;

/*
 * The lists belong to the plan as well: it appends what it is going to create
 * and may take out what it drops.  An index therefore follows its list: new
 * tail elements are added, and an entry that no longer fits rebuilds it.
 */
static void
index_extend(HTAB *index, List *objects, int from)
{
	for (int i = from; i < list_length(objects); i++)
	{
		Named	   *object = list_nth(objects, i);
		IndexEntry *entry;
		bool		found;

		entry = hash_search(index, object->name, HASH_ENTER, &found);
		if (found)
			continue;			/* the first of a name counts */
		entry->position = i;
		entry->object = object;
	}
}

/*
 * Lives in the context of its list, not in the current one: lookups happen from
 * shorter-lived contexts, and the index would be gone with the first of them.
 */
static HTAB *
index_build(List *objects)
{
	HASHCTL		control;
	HTAB	   *index;

	MemSet(&control, 0, sizeof(control));
	control.keysize = NAMEDATALEN;
	control.entrysize = sizeof(IndexEntry);
	control.hcxt = GetMemoryChunkContext(objects);	/* lives as long as the list */
	index = hash_create("pgops snapshot index", Max(list_length(objects), 16),
						&control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	index_extend(index, objects, 0);
	return index;
}

/* whether the entry still stands for its place in the list */
static bool
index_entry_fits(const IndexEntry *entry, List *objects)
{
	return entry && entry->position < list_length(objects) &&
		list_nth(objects, entry->position) == (void *) entry->object;
}

/*
 * Whether a miss may be believed: nothing was taken out, and what stands at
 * both ends of the list, where things are added, is known.
 */
static bool
index_covers(HTAB *index, List *objects)
{
	return hash_get_num_entries(index) <= list_length(objects) &&
		hash_search(index, ((Named *) linitial(objects))->name, HASH_FIND, NULL) != NULL &&
		hash_search(index, ((Named *) llast(objects))->name, HASH_FIND, NULL) != NULL;
}

/*
 * At most one rebuild per lookup.  Tail elements are added without one, so that
 * ten thousand lookups in a growing list stay linear.
 */
static void *
index_lookup(HTAB **index, List *objects, const char *name)
{
	IndexEntry *entry;

	/* nothing has an over-long name; the hash would compare a truncated one */
	if (objects == NIL || strlen(name) >= NAMEDATALEN)
		return NULL;

	if (*index && hash_get_num_entries(*index) < list_length(objects))
		index_extend(*index, objects, (int) hash_get_num_entries(*index));
	for (int attempt = 0; attempt < 2; attempt++)
	{
		if (*index == NULL)
			*index = index_build(objects);
		entry = hash_search(*index, name, HASH_FIND, NULL);
		if (index_entry_fits(entry, objects))
			return entry->object;
		if (entry == NULL && index_covers(*index, objects))
			return NULL;
		hash_destroy(*index);
		*index = NULL;
	}
	return NULL;
}

Role *
snapshot_role(ServerState *snapshot, const char *name)
{
	return index_lookup(&snapshot->role_index, snapshot->roles, name);
}

Database *
snapshot_database(ServerState *snapshot, const char *name)
{
	return index_lookup(&snapshot->database_index, snapshot->databases, name);
}

AvailableExtension *
snapshot_available(ServerState *snapshot, const char *name)
{
	return index_lookup(&snapshot->available_index, snapshot->available, name);
}

/* A declaration names a few of four hundred: no index for them either. */
ServerSetting *
snapshot_setting(const ServerState *snapshot, const char *name)
{
	ListCell   *cell;

	foreach(cell, snapshot->settings)
	{
		ServerSetting *setting = lfirst(cell);

		if (pg_strcasecmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/* The pg_* roles are a dozen: no index for them. */
bool
snapshot_role_exists(ServerState *snapshot, const char *name)
{
	ListCell   *cell;

	if (snapshot_role(snapshot, name))
		return true;
	foreach(cell, snapshot->system_roles)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}
