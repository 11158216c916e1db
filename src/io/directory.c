/*
 * directory.c
 *		Directories that programs have filled.
 *
 * Not for: deciding which directory may be removed; who calls has made it.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>

#include "common/file_utils.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "io/directory.h"

IoPathKind
io_path_kind(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0)
		return S_ISDIR(status.st_mode) ? IO_PATH_DIRECTORY : IO_PATH_OTHER;
	if (errno != ENOENT && errno != ENOTDIR)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	return IO_PATH_MISSING;
}

List *
io_directory_names(const char *path, const char *prefix)
{
	DIR		   *directory = AllocateDir(path);
	struct dirent *entry;
	List	   *names = NIL;

	while ((entry = ReadDir(directory, path)) != NULL)
	{
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			names = lappend(names, pstrdup(entry->d_name));
	}
	FreeDir(directory);
	return names;
}

int64
io_directory_size(const char *path)
{
	int64		size = 0;
	ListCell   *cell;

	foreach(cell, io_directory_names(path, ""))
	{
		char	   *name = psprintf("%s/%s", path, (char *) lfirst(cell));
		struct stat status;

		CHECK_FOR_INTERRUPTS();
		if (lstat(name, &status) != 0)
			continue;
		size += S_ISDIR(status.st_mode) ? io_directory_size(name) : status.st_size;
		pfree(name);
	}
	return size;
}

/* rmtree() warns of each thing that it could not remove */
void
io_directory_remove(const char *path)
{
	struct stat status;

	if (lstat(path, &status) != 0 && errno == ENOENT)
		return;
	if (!rmtree(path, true))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove directory \"%s\"", path)));
}

/*
 * The name is what tells a complete directory from one that is being written,
 * so it must be on disk, too.
 */
void
io_directory_publish(const char *from, const char *to)
{
	char	   *parent = pstrdup(to);

	if (rename(from, to) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m", from, to)));
	get_parent_directory(parent);
	fsync_fname(parent, true);
	pfree(parent);
}
