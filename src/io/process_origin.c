/*
 * process_origin.c
 *		Under whom this server runs: what /proc tells of processes that were not
 *		started by us.
 *
 * Not for: what follows from it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/stringinfo.h"

#include "io/process.h"

/* command lines and lists of control groups are cut there */
#define MAX_BYTES	(64 * 1024)

/* Files of /proc have no size.  False: it could not be read. */
static bool
read_whole(const char *path, StringInfo text)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	char		chunk[4096];
	ssize_t		got = -1;

	initStringInfo(text);
	if (fd < 0)
		return false;
	while (text->len < MAX_BYTES && (got = read(fd, chunk, sizeof(chunk))) > 0)
		appendBinaryStringInfo(text, chunk, got);
	close(fd);
	return got >= 0 || text->len >= MAX_BYTES;
}

/* the fourth field of /proc/PID/stat; the name before it may hold anything */
static pid_t
parent_of(pid_t pid)
{
	StringInfoData stat;
	char	   *at;

	if (!read_whole(psprintf("/proc/%d/stat", (int) pid), &stat))
		return 0;
	at = strrchr(stat.data, ')');
	return at != NULL && strlen(at) > 4 ? (pid_t) strtol(at + 4, NULL, 10) : 0;
}

List *
io_process_words(pid_t pid, pid_t *parent)
{
	StringInfoData line;
	List	   *words = NIL;

	if (parent != NULL)
		*parent = parent_of(pid);
	if (!read_whole(psprintf("/proc/%d/cmdline", (int) pid), &line))
		return NIL;
	for (int at = 0; at < line.len; at += strlen(line.data + at) + 1)
		words = lappend(words, pstrdup(line.data + at));
	return words;
}

static bool
ends_with(const char *word, size_t length, const char *end)
{
	return length > strlen(end) && strncmp(word + length - strlen(end), end, strlen(end)) == 0;
}

/*
 * The unit that a control group is of: its last part that is named like one, as
 * a service may have groups of its own below.  NULL: a scope (a login,
 * systemd-run --scope), or none.
 */
static char *
service_of(const char *group)
{
	const char *end = group + strlen(group);

	while (end > group)
	{
		const char *start = end;

		while (start > group && start[-1] != '/')
			start--;
		if (ends_with(start, end - start, ".service"))
			return pnstrdup(start, end - start);
		if (ends_with(start, end - start, ".scope") || ends_with(start, end - start, ".slice"))
			return NULL;
		end = start > group ? start - 1 : group;
	}
	return NULL;
}

/* When a service stops, systemd ends all of its control group. */
char *
io_process_service(void)
{
	StringInfoData groups;
	struct stat st;
	char	   *rest;

	if (stat("/run/systemd/system", &st) != 0 || !read_whole("/proc/self/cgroup", &groups))
		return NULL;
	for (char *line = groups.data; line != NULL; line = rest)
	{
		char	   *service;

		rest = strchr(line, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		service = service_of(line);
		if (service != NULL)
			return service;
	}
	return NULL;
}

char *
io_process_output_file(pid_t pid)
{
	char		path[MAXPGPATH];
	struct stat st;
	ssize_t		length = readlink(psprintf("/proc/%d/fd/1", (int) pid), path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	if (path[0] != '/' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	return pstrdup(path);
}
