/*
 * process_found.c
 *		Where programs lie, and processes that are met again.
 *
 * Not for: starting any.
 */
#include "postgres.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "io/process_parts.h"
#include "io/wait.h"

#define BOOT_ID_LENGTH	36

/* how often a process that was told to end is looked at, in ms */
#define END_POLL		50

/* ---- programs ---- */

/* A file in the same directory as another one. */
static char *
beside(const char *path, const char *name)
{
	char	   *directory = pstrdup(path);

	get_parent_directory(directory);
	return psprintf("%s/%s", directory, name);
}

char *
io_server_program(const char *name)
{
	return beside(my_exec_path, name);
}

char *
io_own_program(const char *name)
{
	Dl_info		library;

	if (dladdr((void *) io_own_program, &library) == 0)
		elog(ERROR, "could not find out where the library pgops lies");
	return beside(library.dli_fname, name);
}

/* ---- processes ---- */

/*
 * Files of /proc have no size and may vanish while they are read, which is an
 * answer here, not an error.  Returns the length, at most size - 1; -1: none.
 */
static int
read_proc(const char *path, char *text, size_t size)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t		got;

	if (fd < 0)
		return -1;
	got = read(fd, text, size - 1);
	close(fd);
	if (got < 0)
		return -1;
	text[got] = '\0';
	return (int) got;
}

/*
 * The 22nd field of /proc/PID/stat.  The second one, the name, may hold blanks
 * and parentheses: the last closing one ends it.
 */
int64
io_process_start_time(pid_t pid)
{
	char		path[64];
	char		text[1024];
	char	   *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	if (pid <= 0 || read_proc(path, text, sizeof(text)) <= 0)
		return 0;
	at = strrchr(text, ')');
	if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return 0;
	at += 2;
	for (int field = 3; field < 22 && at != NULL; field++)
	{
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at != NULL ? strtoi64(at, NULL, 10) : 0;
}

const char *
io_boot_id(void)
{
	static char id[BOOT_ID_LENGTH + 1];

	if (id[0] == '\0' &&
		read_proc("/proc/sys/kernel/random/boot_id", id, sizeof(id)) != BOOT_ID_LENGTH)
		strlcpy(id, "00000000-0000-0000-0000-000000000000", sizeof(id));
	return id;
}

/*
 * Between the look and the signal the process may end and its number be given
 * to another one; numbers go round, so that takes thousands of forks in a
 * microsecond.
 */
static bool
signal_recorded(pid_t pid, int64 start_time, int signal)
{
	if (io_process_start_time(pid) != start_time)
		return false;
	return kill(pid, signal) == 0;
}

/* Whether it was gone before the time was over. */
static bool
wait_for_end(pid_t pid, int64 start_time, long ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	while (io_process_start_time(pid) == start_time)
	{
		long		remaining = io_remaining_ms(until);

		if (remaining <= 0)
			return false;
		io_wait(Min(remaining, END_POLL), IO_WAIT_PROCESS);
	}
	return true;
}

bool
io_process_end(pid_t pid, int64 start_time, const char *boot_id, long grace_ms)
{
	if (pid <= 0 || start_time == 0 || boot_id == NULL ||
		strcmp(boot_id, io_boot_id()) != 0)
		return false;
	if (!signal_recorded(pid, start_time, SIGTERM))
		return false;
	if (wait_for_end(pid, start_time, grace_ms))
		return true;
	/* even this one may wait for a disk that hangs: then so do we, interruptibly */
	while (signal_recorded(pid, start_time, SIGKILL) &&
		   !wait_for_end(pid, start_time, 1000))
		;
	return true;
}

/* SIGKILL to all of a group but its leader that started at or after "since"; returns how many */
static int
kill_members(pid_t group, int64 since)
{
	DIR		   *proc = opendir("/proc");
	struct dirent *entry;
	int			count = 0;

	if (proc == NULL)
		return 0;
	while ((entry = readdir(proc)) != NULL)
	{
		pid_t		pid = (pid_t) strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != group && getpgid(pid) == group &&
			(since == 0 || io_process_start_time(pid) >= since) &&
			kill(pid, SIGKILL) == 0)
			count++;
	}
	closedir(proc);
	return count;
}

/*
 * Each process of the server has a group of its own, which holds it and what it
 * has started, at any depth; if ours is not of that kind (single-user mode),
 * nothing is touched.
 */
void
process_end_group(void)
{
	if (getpgrp() == getpid())
		(void) kill_members(getpid(), 0);
}

/*
 * The number of a group is not given away while it has members.  A leader that
 * lives is another process: the one that is meant has ended.
 */
int
io_process_end_group(pid_t group, int64 since, const char *boot_id)
{
	if (group <= 1 || since == 0 || boot_id == NULL ||
		strcmp(boot_id, io_boot_id()) != 0 || io_process_start_time(group) != 0)
		return 0;
	return kill_members(group, since);
}
