/*
 * instance_files.c
 *		The directory of an instance beside this server: chosen, made, removed.
 *
 * Removing is the most dangerous thing that pgops does to files.  Only names
 * that it made itself are removed, only below a directory that bears its mark,
 * and symbolic links are removed, never followed.
 *
 * Not for: what stands in the data directory (instance_settings.c).
 */
#include "postgres.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file_utils.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "compat.h"
#include "errors.h"
#include "io/file.h"
#include "ops/instance_parts.h"

#define MARKER_MAX	65536

/* "/.s.PGSQL.65535" and the end of the string */
#define SOCKET_NAME_ROOM	16

/* where sockets are if the directory's own path is too long */
#define SHORT_SOCKET_DIRECTORY "/tmp/pgops-%u-%08x"

/* ---- names ---- */

/* Only harmless characters stay; others are %XX, so no two names become one. */
char *
instance_encode(const char *name)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *p = name; *p; p++)
	{
		bool		plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || *p == '_' || (p > name && (*p == '-' || *p == '.'));

		if (plain)
			appendStringInfoChar(&out, *p);
		else
			appendStringInfo(&out, "%%%02X", (unsigned char) *p);
	}
	return out.data;
}

char *
instance_socket_directory(const char *base)
{
	char	   *own = psprintf("%s/%s", base, INSTANCE_SOCKET);

	if (strlen(own) + SOCKET_NAME_ROOM <= sizeof(((struct sockaddr_un *) NULL)->sun_path))
		return own;
	return psprintf(SHORT_SOCKET_DIRECTORY, (unsigned) geteuid(),
					DatumGetUInt32(hash_any((const unsigned char *) base, strlen(base))));
}

pg_noreturn static void bad_directory(const char *directory, const char *why);

static void
bad_directory(const char *directory, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_INSTANCE),
			 errmsg("directory \"%s\" cannot be used", directory),
			 errdetail("It %s.", why),
			 errhint("Leave the directory out, or name one that is empty or does not exist yet.")));
}

/* the nearest directory above it that exists, its links resolved, and the rest of the path */
static char *
resolve(const char *directory)
{
	char	   *above = pstrdup(directory);
	char		real[PATH_MAX];	/* what realpath() may write */

	while (realpath(above, real) == NULL)
	{
		if (errno != ENOENT || strcmp(above, "/") == 0)
			bad_directory(directory, strerror(errno));
		get_parent_directory(above);
		if (*above == '\0')
			strlcpy(above, "/", 2);
	}
	if (access(real, W_OK | X_OK) != 0)
		bad_directory(directory, psprintf("lies in \"%s\", which this server may not write", real));
	if (strcmp(above, "/") == 0)
		return pstrdup(directory);
	return psprintf("%s%s", real, directory + strlen(above));
}

/* A data directory inside another one would be part of its backups. */
static void
check_not_inside(const char *asked, const char *directory)
{
	char	   *above = pstrdup(directory);
	struct stat st;

	for (;;)
	{
		if (stat(psprintf("%s/PG_VERSION", above), &st) == 0)
			bad_directory(asked, psprintf("is inside the data directory \"%s\"", above));
		if (strcmp(above, "/") == 0 || *above == '\0')
			return;
		get_parent_directory(above);
	}
}

char *
instance_check_directory(const char *directory)
{
	char	   *path = pstrdup(directory);

	for (const char *p = path; *p; p++)
	{
		if ((unsigned char) *p < ' ')
			bad_directory(directory, "holds a control character");
	}
	if (!is_absolute_path(path))
		bad_directory(directory, "is not an absolute path");
	canonicalize_path(path);
	path = resolve(path);
	if (strlen(path) > MAXPGPATH - 128)
		bad_directory(directory, "has too long a path");
	check_not_inside(directory, path);
	if (pg_check_dir(path) > 1)
		bad_directory(directory, "is not empty");
	if (pg_check_dir(path) < 0)
		bad_directory(directory, psprintf("cannot be read: %s", strerror(errno)));
	return path;
}

/* ---- making ---- */

static char *
marker_text(const BesideInstance *instance)
{
	return psprintf("# made by pgops, which removes this directory with pgops.restore_drop()\n"
					"instance=%s\nserver=%s\n", instance_encode(instance->name), DataDir);
}

/* In /tmp somebody else may have been faster. */
static void
make_socket_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 077) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("directory \"%s\" belongs to somebody else", path)));
}

void
instance_make(const BesideInstance *instance)
{
	ops_make_directory(instance_base(instance));
	io_write_file(instance_path(instance, INSTANCE_MARKER), marker_text(instance), 0600);
	ops_make_directory(instance->data_directory);
	ops_make_directory(instance_path(instance, INSTANCE_TABLESPACES));
	make_socket_directory(instance->socket_directory);
}

void
instance_guard_tablespaces(const BesideInstance *instance, bool guard)
{
	char	   *path = psprintf("%s/pg_tblspc", instance->data_directory);

	if (chmod(path, guard ? S_IRUSR | S_IXUSR : S_IRWXU) != 0 && (guard || errno != ENOENT))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set permissions of directory \"%s\": %m", path)));
}

/* ---- removing ---- */
bool
instance_is_ours(const BesideInstance *instance)
{
	char	   *base = instance_base(instance);
	char	   *marker = instance_path(instance, INSTANCE_MARKER);
	struct stat st;
	char	   *text;

	if (lstat(base, &st) != 0 && errno == ENOENT)
		return false;

	/* an empty directory is what is left when a removal was interrupted at its very end */
	if (S_ISDIR(st.st_mode) && pg_check_dir(base) == 1)
		return true;
	text = S_ISDIR(st.st_mode) && lstat(marker, &st) == 0 && S_ISREG(st.st_mode) ?
		io_read_file(marker, MARKER_MAX) : NULL;
	if (text == NULL || strcmp(text, marker_text(instance)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("directory \"%s\" is not one that this server made", base),
				 errdetail("The file \"%s\" does not say so.", marker),
				 errhint("Nothing was removed. If it is not needed, stop what runs there and remove it by hand.")));
	return true;
}

bool
instance_is_beside(void)
{
	char	   *base = pstrdup(DataDir);

	get_parent_directory(base);
	return access(psprintf("%s/%s", base, INSTANCE_MARKER), F_OK) == 0;
}

/* a directory with all that is in it, or a link or file of that name */
static void
remove_name(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode))
		(void) rmtree(path, true);
	else
		(void) unlink(path);
}

/* Only what a postmaster leaves there. */
static void
remove_socket_directory(const BesideInstance *instance)
{
	char	   *name = psprintf("%s/.s.PGSQL.%d", instance->socket_directory, instance->port);

	(void) unlink(name);
	(void) unlink(psprintf("%s.lock", name));
	(void) rmdir(instance->socket_directory);
}

bool
instance_unmake(Job *job, const BesideInstance *instance)
{
	static const char *const known[] = {
		INSTANCE_DATA, INSTANCE_TABLESPACES, INSTANCE_LOG,
		INSTANCE_DATA ".pgops"	/* what pgops there may have made */
	};
	char	   *base = instance_base(instance);

	/* the last component must be the one that was made, whatever the row says */
	if (strcmp(psprintf("%s/%s", base, INSTANCE_DATA), instance->data_directory) != 0)
		elog(ERROR, "data directory \"%s\" is not below \"%s\"", instance->data_directory, base);
	instance_guard_tablespaces(instance, false);
	for (int i = 0; i < lengthof(known); i++)
	{
		job_check(job);
		remove_name(instance_path(instance, known[i]));
	}
	remove_socket_directory(instance);
	if (pg_check_dir(instance->data_directory) > 0)
		return false;
	(void) unlink(instance_path(instance, INSTANCE_MARKER));
	return rmdir(base) == 0 || errno == ENOENT;
}
