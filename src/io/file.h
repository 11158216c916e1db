/*
 * file.h
 *		The one place that reads and writes files.
 */
#ifndef PGOPS_IO_FILE_H
#define PGOPS_IO_FILE_H

#include "postgres.h"

/* whole file as text, or NULL if it does not exist; ERROR (errcode_for_file_access)
 * for any other trouble, ERRCODE_PROGRAM_LIMIT_EXCEEDED above max_bytes */
extern char *io_read_file(const char *path, size_t max_bytes);

/*
 * io_try_read_file
 *		The same for one whose trouble is to be told and must stop nothing: NULL
 *		with *error (palloc'd) and *sqlstate set.  Raises only a cancel.
 */
extern char *io_try_read_file(const char *path, size_t max_bytes, char **error, int *sqlstate);

/*
 * io_write_file
 *		Replaces a file durably: temporary file in the same directory, written,
 *		fsynced, given owner and mode of the old file (or "mode" if there was
 *		none), renamed.  A symbolic link is resolved, its target is replaced.
 *		On any failure the temporary file is gone and the old file is as it was.
 *		Raises ERROR with errcode_for_file_access.
 */
extern void io_write_file(const char *path, const char *text, int mode);

/*
 * io_write_private_file
 *		The same for a file with secrets in it: it never has more permissions
 *		than "mode", whatever the old one had.
 */
extern void io_write_private_file(const char *path, const char *text, int mode);

/* permission bits of a file, links followed; -1: it is not there or cannot be looked at */
extern int	io_file_mode(const char *path);

/* makes a directory and those above it, for the owner alone; one that is there keeps its
 * mode.  ERROR with errcode_for_file_access */
extern void io_make_directory(const char *path);

/*
 * io_keep_original
 *		Before pgops takes a file over for the first time: copies it to
 *		"<path>.pgops-original" unless that exists.
 */
extern void io_keep_original(const char *path);

/* the same of a file with secrets in it: the copy has no more permissions than "mode" */
extern void io_keep_private_original(const char *path, int mode);

/*
 * io_path_below
 *		"name" resolved below directory, symbolic links followed; NULL if it
 *		does not lie below it or either is empty.  Sets *exists.
 */
extern char *io_path_below(const char *directory, const char *name, bool *exists);

/* whether every user of the machine may read the file; false if that cannot be told */
extern bool io_file_is_public(const char *path);

#endif							/* PGOPS_IO_FILE_H */
