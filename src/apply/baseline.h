/*
 * baseline.h
 *		Runs the SQL file that a database's "baseline" names.
 */
#ifndef PGOPS_APPLY_BASELINE_H
#define PGOPS_APPLY_BASELINE_H

#include "nodes/pg_list.h"

/*
 * apply_baseline
 *		Executes the file (UTF-8), which must lie below pgops.baseline_directory, as
 *		one unit with the default search_path.  Needs a transaction and raises
 *		what its statements raise; psql's backslash commands and statements
 *		that cannot run in a transaction are not possible.
 */
extern void apply_baseline(const char *name);

/* names of the list (of char *) that exist below pgops.baseline_directory */
extern List *apply_baseline_files(List *names);

#endif							/* PGOPS_APPLY_BASELINE_H */
