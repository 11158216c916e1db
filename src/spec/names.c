/*
 * names.c
 *		Names to pointers: the server's simplehash with text as its key.
 *
 * Not for: anything that outlives the check it is made for.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "spec/names.h"

typedef struct NameEntry
{
	const char *name;
	void	   *value;
	uint32		hash;
	char		status;
} NameEntry;

#define SH_PREFIX			nametable
#define SH_ELEMENT_TYPE		NameEntry
#define SH_KEY_TYPE			const char *
#define SH_KEY				name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b)	(strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a)	((a)->hash)
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE
/* the server's template shadows one of its own variables */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "lib/simplehash.h"
#pragma GCC diagnostic pop

struct SpecNames
{
	nametable_hash *table;
};

/* Grows as needed; 16 is enough for most lists of a declaration. */
SpecNames *
spec_names_create(void)
{
	SpecNames  *names = palloc(sizeof(SpecNames));

	names->table = nametable_create(CurrentMemoryContext, 16, NULL);
	return names;
}

/*
 * A table goes with its memory context; this is for those of which one document
 * makes thousands.
 */
void
spec_names_free(SpecNames *names)
{
	nametable_destroy(names->table);
	pfree(names);
}

/*
 * The first of two stays: what comes later is the duplicate, and its finding
 * wants to say where the first one is.
 */
void *
spec_names_add(SpecNames *names, const char *name, void *value)
{
	bool		found;
	NameEntry  *entry = nametable_insert(names->table, name, &found);

	if (found)
		return entry->value;
	entry->value = value;
	return NULL;
}

/* A value of NULL cannot be told from a missing one; nobody stores NULL. */
void *
spec_names_find(const SpecNames *names, const char *name)
{
	NameEntry  *entry = nametable_lookup(names->table, name);

	return entry == NULL ? NULL : entry->value;
}
