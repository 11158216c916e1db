/*
 * library.h
 *		Whether a library that a setting names is there to be loaded.
 *
 * Not for: loading it.
 */
#ifndef PGOPS_IO_LIBRARY_H
#define PGOPS_IO_LIBRARY_H

/*
 * io_library_exists
 *		Looks where the server itself would: in $libdir, along
 *		dynamic_library_path, or at the place that the name says; with and
 *		without the suffix of libraries.
 */
extern bool io_library_exists(const char *name);

/* the same with another value of dynamic_library_path; NULL: the present one */
extern bool io_library_exists_along(const char *name, const char *directories);

#endif							/* PGOPS_IO_LIBRARY_H */
