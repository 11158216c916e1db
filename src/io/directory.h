/*
 * directory.h
 *		Whole directories: how much is in them, giving them their name,
 *		removing them.
 *
 * Not for: single files (file.h).
 */
#ifndef PGOPS_IO_DIRECTORY_H
#define PGOPS_IO_DIRECTORY_H

#include "nodes/pg_list.h"

typedef enum IoPathKind
{
	IO_PATH_MISSING,
	IO_PATH_DIRECTORY,
	IO_PATH_OTHER				/* a file, a socket, ... */
} IoPathKind;

/* what there is, symbolic links followed; ERROR if that cannot be told */
extern IoPathKind io_path_kind(const char *path);

/* names in it that begin with a prefix, without . and ..: of char *; ERROR if it cannot be read */
extern List *io_directory_names(const char *path, const char *prefix);

/* bytes of all files below it; what vanishes meanwhile does not count, links are not followed */
extern int64 io_directory_size(const char *path);

/* removes it with all that is in it, if it is there; ERROR if something stays */
extern void io_directory_remove(const char *path);

/*
 * io_directory_publish
 *		Renames a directory whose files are on disk, durably.  ERROR if "to"
 *		exists and is not an empty directory.
 */
extern void io_directory_publish(const char *from, const char *to);

#endif							/* PGOPS_IO_DIRECTORY_H */
