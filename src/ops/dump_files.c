/*
 * dump_files.c
 *		Whether a dump still is what pg_dump has written: names and sizes of its
 *		files, kept in pgops.json.
 *
 * A copy that broke off ends files early.  pg_restore of some versions takes the
 * beginning of a compressed file for all of it, and loads a part of the rows
 * without an error.  Changed bytes it finds itself, by their checksum.
 *
 * Not for: what is in the files (load_contents.c).
 */
#include "postgres.h"

#include <sys/stat.h>

#include "errors.h"
#include "io/directory.h"
#include "ops/dump_parts.h"

/* -1: there is no such file */
static int64
file_bytes(const char *directory, const char *name)
{
	struct stat found;

	if (stat(psprintf("%s/%s", directory, name), &found) == 0)
		return found.st_size;
	if (errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s/%s\": %m", directory, name)));
	return -1;
}

SpecNode *
dump_files(const char *directory)
{
	SpecNode   *files = node_list();
	ListCell   *cell;

	foreach(cell, io_directory_names(directory, ""))
	{
		SpecNode   *file = node_map();

		node_map_set(file, "name", node_string(lfirst(cell)));
		node_map_set(file, "bytes", node_int(file_bytes(directory, lfirst(cell))));
		node_list_add(files, file);
	}
	return files;
}

static void
raise_damaged(const char *directory, const char *name, int64 bytes, int64 written)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_BACKUP_DAMAGED),
			 errmsg("the dump in \"%s\" is not complete", directory),
			 bytes < 0 ? errdetail("File \"%s\" is missing.", name) :
			 errdetail("File \"%s\" has " INT64_FORMAT " bytes, but had " INT64_FORMAT " when it was written.",
					   name, bytes, written),
			 errhint("Copy the dump again. What is left of it can be read with pg_restore.")));
}

void
dump_check_files(const char *directory, const SpecNode *files)
{
	ListCell   *cell;

	if (files == NULL || files->kind != NODE_LIST)
		return;
	foreach(cell, files->items)
	{
		const SpecNode *file = lfirst(cell);
		const SpecNode *name = file->kind == NODE_MAP ? node_get(file, "name") : NULL;
		const SpecNode *written = file->kind == NODE_MAP ? node_get(file, "bytes") : NULL;
		int64		bytes;

		if (name == NULL || node_text(name) == NULL || written == NULL || written->kind != NODE_INT)
			continue;
		bytes = file_bytes(directory, node_text(name));
		if (bytes != written->integer)
			raise_damaged(directory, node_text(name), bytes, written->integer);
	}
}
