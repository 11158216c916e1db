/*
 * names.h
 *		Private to spec/: a table from names to what has them, so that looking
 *		for duplicates does not grow with the square of a document.
 */
#ifndef PGOPS_SPEC_NAMES_H
#define PGOPS_SPEC_NAMES_H

typedef struct SpecNames SpecNames;

/* an empty table in the current memory context */
extern SpecNames *spec_names_create(void);

/*
 * spec_names_add
 *		Remembers value under name (not copied) unless the name is there;
 *		returns NULL, or what has the name already.
 */
extern void *spec_names_add(SpecNames *names, const char *name, void *value);

/* frees the table, neither names nor values */
extern void spec_names_free(SpecNames *names);

/* what has the name, or NULL */
extern void *spec_names_find(const SpecNames *names, const char *name);

#endif							/* PGOPS_SPEC_NAMES_H */
