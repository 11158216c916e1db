/*
 * library.c
 *		Whether a library that a setting names is there to be loaded.
 *
 * The server's own search is not exported, and ends in an error or in the
 * library being loaded; asked here is only whether there is a file.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "io/library.h"

#define LIBDIR	"$libdir"

/* a plain file, not a directory of that name */
static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/*
 * Some builds can put the installed tree below another root (extension_destdir),
 * where they look first.
 */
static bool
is_library(const char *path)
{
	const char *root = GetConfigOption("extension_destdir", true, false);

	return is_file(path) || is_file(psprintf("%s%s", path, DLSUFFIX)) ||
		(root != NULL && root[0] != '\0' &&
		 (is_file(psprintf("%s%s", root, path)) ||
		  is_file(psprintf("%s%s%s", root, path, DLSUFFIX))));
}

/* $libdir at the beginning, as a whole part of the path, is the server's own directory */
static char *
expand_libdir(const char *path)
{
	size_t		length = strlen(LIBDIR);

	if (strncmp(path, LIBDIR, length) == 0 && (path[length] == '/' || path[length] == '\0'))
		return psprintf("%s%s", pkglib_path, path + length);
	return pstrdup(path);
}

/* a name without a directory, in each directory of a list */
static bool
is_along(const char *directories, const char *name)
{
	while (*directories != '\0')
	{
		size_t		length = strcspn(directories, ":");
		char	   *directory = expand_libdir(pnstrdup(directories, length));

		if (is_library(psprintf("%s/%s", directory, name)))
			return true;
		directories += length;
		directories += *directories == ':';
	}
	return false;
}

bool
io_library_exists_along(const char *name, const char *directories)
{
	if (directories == NULL)
		directories = GetConfigOption("dynamic_library_path", true, false);
	if (name[0] == '\0')
		return false;
	if (first_dir_separator(name) != NULL)
		return is_library(expand_libdir(name));
	return is_library(name) ||
		is_along(directories != NULL && directories[0] != '\0' ? directories : LIBDIR, name);
}

bool
io_library_exists(const char *name)
{
	return io_library_exists_along(name, NULL);
}
