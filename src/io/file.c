/*
 * file.c
 *		The one place that reads and writes files.
 *
 * A file is never changed in place: readers see the old one or the new one,
 * whole, and so does the server after a crash.
 *
 * Not for: what stands in a file, nor whether it may be written.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "common/file_utils.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "io/file.h"

/*
 * Temporary files carry the server's own prefix for them, which base backups
 * and other tools leave out, then ours.
 */
#define TEMP_PREFIX		PG_TEMP_FILE_PREFIX "_pgops_"

#define ORIGINAL_SUFFIX ".pgops-original"
#define ORIGINAL_MAX_BYTES ((size_t) 64 * 1024 * 1024)

/* owner and mode that a new file gets */
typedef struct FileIdentity
{
	bool		known;			/* false: there was no file; use the mode alone */
	uid_t		uid;
	gid_t		gid;
	mode_t		mode;
} FileIdentity;

/*
 * Nothing but a regular file may be read: a named pipe or a terminal would let
 * the reader wait for ever.  (O_NONBLOCK makes opening one return at once, and
 * means nothing for regular files.)
 */
static void
require_regular_file(int fd, const char *path)
{
	struct stat st;
	bool		known = fstat(fd, &st) == 0;

	if (known && S_ISREG(st.st_mode))
		return;
	CloseTransientFile(fd);
	if (!known)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a regular file", path)));
}

/*
 * Reads up to max_bytes into a StringInfo (which ends in a zero byte beyond
 * its length).  False if the file does not exist.
 */
static bool
read_bytes(const char *path, size_t max_bytes, StringInfo out)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	char		chunk[8192];
	ssize_t		got;

	if (fd < 0)
	{
		if (errno == ENOENT)
			return false;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	}
	require_regular_file(fd, path);

	while ((got = read(fd, chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR))
	{
		if (got < 0)
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if ((size_t) out->len + got > max_bytes)
		{
			CloseTransientFile(fd);
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("file \"%s\" is larger than %zu bytes", path, max_bytes)));
		}
		appendBinaryStringInfo(out, chunk, got);
	}
	if (got < 0)
	{
		int			save_errno = errno;

		CloseTransientFile(fd);
		errno = save_errno;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	}
	if (CloseTransientFile(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", path)));
	return true;
}

/*
 * The text is not converted: the caller knows what encoding a file of its kind
 * has.
 */
char *
io_read_file(const char *path, size_t max_bytes)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	if (!read_bytes(path, max_bytes, &bytes))
	{
		pfree(bytes.data);
		return NULL;
	}

	/* a zero byte would hide what follows it from every comparison */
	for (int i = 0; i < bytes.len; i++)
	{
		if (bytes.data[i] == '\0')
			bytes.data[i] = '?';
	}
	return bytes.data;
}

/* reading a file leaves nothing behind that an error would have to undo */
char *
io_try_read_file(const char *path, size_t max_bytes, char **error, int *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile text = NULL;

	PG_TRY();
	{
		text = io_read_file(path, max_bytes);
	}
	PG_CATCH();
	{
		ErrorData  *data;

		MemoryContextSwitchTo(context);
		data = CopyErrorData();
		if (data->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		*error = data->message;
		*sqlstate = data->sqlerrcode;
	}
	PG_END_TRY();
	return text;
}

/*
 * The file that a path means: symbolic links followed, so that a link stays
 * one when its target is replaced.  A path that does not exist stays as it is.
 */
static char *
resolve_path(const char *path)
{
	char		resolved[PATH_MAX];
	struct stat st;

	if (realpath(path, resolved) != NULL)
		return pstrdup(resolved);
	if (errno != ENOENT || lstat(path, &st) == 0)
	{
		/* a link to nowhere, or a directory that cannot be searched */
		if (errno == 0)
			errno = ENOENT;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not resolve path \"%s\": %m", path)));
	}
	return pstrdup(path);
}

/*
 * Whoever set another owner or mode for a file had a reason for it; the new
 * file gets the same.  With no file there, the mode alone counts.
 */
static FileIdentity
identity_of(const char *path, int mode)
{
	FileIdentity identity = {0};
	struct stat st;

	identity.mode = mode;
	if (stat(path, &st) != 0)
	{
		if (errno != ENOENT)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s\": %m", path)));
		return identity;
	}
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));
	identity.known = true;
	identity.uid = st.st_uid;
	identity.gid = st.st_gid;
	identity.mode = st.st_mode & 07777;
	return identity;
}

/* Directory and last component of a path; the directory ends with a slash or is empty. */
static const char *
split_path(const char *path, char **directory)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;

	*directory = pnstrdup(path, base - path);
	return base;
}

/*
 * Removes temporary files for the same target whose process is gone: what a
 * crash left behind.  Trouble is not reported; it only means litter.
 */
static void
remove_leftovers(const char *directory, const char *base)
{
	const char *where = directory[0] ? directory : ".";
	DIR		   *dir = AllocateDir(where);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = ReadDirExtended(dir, where, DEBUG1)) != NULL)
	{
		const char *rest;
		char	   *end;
		long		pid;
		char	   *path;

		if (strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0)
			continue;
		rest = entry->d_name + strlen(TEMP_PREFIX);
		pid = strtol(rest, &end, 10);
		if (end == rest || *end != '_' || strcmp(end + 1, base) != 0)
			continue;
		if (pid != MyProcPid && (pid <= 1 || kill((pid_t) pid, 0) == 0 || errno != ESRCH))
			continue;
		path = psprintf("%s%s", directory, entry->d_name);
		(void) unlink(path);
		pfree(path);
	}
	FreeDir(dir);
}

/*
 * A write may be short, on a full disk above all; and not every file system
 * sets errno then.  "path" is the file's final name, which is the one that
 * people know.
 */
static void
write_all(int fd, const char *path, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t		written;

		errno = 0;
		written = write(fd, data, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			/* if write didn't set errno, assume the disk is full */
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write file \"%s\": %m", path)));
		}
		data += written;
		length -= written;
	}
}

/*
 * Owner first: a change of owner may clear mode bits.  A file that belongs to
 * somebody else is not silently taken away from him.
 */
static void
set_identity(int fd, const char *path, const FileIdentity *identity)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	if (identity->known &&
		(st.st_uid != identity->uid || st.st_gid != identity->gid) &&
		fchown(fd, identity->uid, identity->gid) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not keep the owner of file \"%s\": %m", path)));
	if (fchmod(fd, identity->mode) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not set permissions of file \"%s\": %m", path)));
}

/*
 * Replaces target by the bytes, durably.  Works with and without a
 * transaction: nothing is left to its end.
 */
static void
replace_file(const char *target, const char *data, size_t length,
			 const FileIdentity *identity)
{
	char	   *directory;
	const char *base = split_path(target, &directory);
	char	   *temp = psprintf("%s" TEMP_PREFIX "%d_%s", directory, MyProcPid, base);
	volatile int fd = -1;

	remove_leftovers(directory, base);
	fd = OpenTransientFilePerm(temp, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   S_IRUSR | S_IWUSR);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", temp)));

	PG_TRY();
	{
		int			to_close = fd;

		write_all(fd, target, data, length);
		set_identity(fd, target, identity);
		if (pg_fsync(fd) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not fsync file \"%s\": %m", temp)));
		fd = -1;
		if (CloseTransientFile(to_close) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not close file \"%s\": %m", temp)));
		(void) durable_rename(temp, target, ERROR);
	}
	PG_CATCH();
	{
		if (fd >= 0)
			CloseTransientFile(fd);
		(void) unlink(temp);
		PG_RE_THROW();
	}
	PG_END_TRY();

	pfree(temp);
	pfree(directory);
}

/* Owner and mode are those of the link's target, if the path is a link. */
void
io_write_file(const char *path, const char *str, int mode)
{
	char	   *target = resolve_path(path);
	FileIdentity identity = identity_of(target, mode);

	replace_file(target, str, strlen(str), &identity);
	pfree(target);
}

void
io_write_private_file(const char *path, const char *str, int mode)
{
	char	   *target = resolve_path(path);
	FileIdentity identity = identity_of(target, mode);

	identity.mode &= mode;
	replace_file(target, str, strlen(str), &identity);
	pfree(target);
}

int
io_file_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int) (st.st_mode & 07777) : -1;
}

void
io_make_directory(const char *path)
{
	char	   *copy = pstrdup(path);

	/* it writes into its argument */
	if (pg_mkdir_p(copy, S_IRWXU) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
	pfree(copy);
}

/*
 * The copy is looked for with lstat(): whatever has that name, a link to
 * nowhere even, is not ours to replace.  Copied byte by byte, zero bytes
 * included, unlike what io_read_file() returns.
 */
static void
keep_original(const char *path, int max_mode)
{
	char	   *copy = psprintf("%s" ORIGINAL_SUFFIX, path);
	StringInfoData bytes;
	FileIdentity identity;
	struct stat st;

	if (lstat(copy, &st) == 0)
	{
		pfree(copy);
		return;
	}
	if (errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", copy)));

	initStringInfo(&bytes);
	if (read_bytes(path, ORIGINAL_MAX_BYTES, &bytes))
	{
		identity = identity_of(path, pg_file_create_mode);
		identity.mode &= max_mode;
		replace_file(copy, bytes.data, bytes.len, &identity);
	}
	pfree(bytes.data);
	pfree(copy);
}

void
io_keep_original(const char *path)
{
	keep_original(path, 07777);
}

void
io_keep_private_original(const char *path, int mode)
{
	keep_original(path, mode);
}

/* Whether a resolved path is below a resolved directory. */
static bool
lies_below(const char *directory, const char *path)
{
	size_t		length = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return path[0] == '/' && path[1] != '\0';
	return strncmp(directory, path, length) == 0 && path[length] == '/' &&
		path[length + 1] != '\0';
}

/* realpath() of the part of a path that exists, with the rest put back. */
static char *
resolve_existing_part(const char *path)
{
	char		resolved[PATH_MAX];
	char	   *head = pstrdup(path);
	char	   *slash;

	while ((slash = strrchr(head, '/')) != NULL && slash != head)
	{
		*slash = '\0';
		if (realpath(head, resolved) != NULL)
			return psprintf("%s%s%s", strcmp(resolved, "/") == 0 ? "" : resolved,
							"/", path + (slash - head) + 1);
		if (errno != ENOENT)
			return NULL;
	}
	return NULL;
}

/*
 * realpath() of both, so that neither ".." nor a link leads out.  Between this
 * and the reading of the file the folder may change; who can write into it is
 * trusted with that.
 */
char *
io_path_below(const char *directory, const char *name, bool *exists)
{
	char		root[PATH_MAX];
	char		found[PATH_MAX];
	char	   *joined;
	char	   *resolved;

	*exists = false;
	if (directory == NULL || name == NULL || directory[0] == '\0' || name[0] == '\0')
		return NULL;
	if (realpath(directory, root) == NULL)
		return NULL;

	joined = is_absolute_path(name) ? pstrdup(name) : psprintf("%s/%s", root, name);
	canonicalize_path(joined);
	if (path_contains_parent_reference(joined))
		return NULL;
	if (realpath(joined, found) != NULL)
	{
		*exists = true;
		resolved = pstrdup(found);
	}
	else
		resolved = errno == ENOENT ? resolve_existing_part(joined) : NULL;

	if (resolved == NULL || !lies_below(root, resolved))
	{
		*exists = false;
		return NULL;
	}
	return resolved;
}

/* For warnings only: between this look and the reading the mode may change. */
bool
io_file_is_public(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0;
}
