/*
 * machine.c
 *		Processors, memory and disk of this machine.
 *
 * Memory is what the server may use: in a container the machine's whole memory
 * would be a size that gets the server killed.  Processors are those of the
 * machine, since a quota on them makes nothing fail.
 *
 * Not for: what follows from these sizes (spec/tune.h).
 */
#include "postgres.h"

#include <math.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "miscadmin.h"

#include "io/file.h"
#include "observe/machine.h"

#define OWN_GROUPS		"/proc/self/cgroup"
#define GROUPS			"/sys/fs/cgroup"
#define LIMIT			"memory.max"
#define OLD_LIMIT		"/sys/fs/cgroup/memory/memory.limit_in_bytes"

#define MAX_FILE_BYTES	(64 * 1024)
#define MB				(1024.0 * 1024.0)

/* files of the kernel; NULL: it is not there */
static char *
read_text(const char *path)
{
	char	   *error;
	int			sqlstate;

	return io_try_read_file(path, MAX_FILE_BYTES, &error, &sqlstate);
}

/* a limit in bytes; "max", no file: none, which is infinite */
static double
read_limit(const char *path)
{
	char	   *text = read_text(path);
	char	   *end;
	double		bytes;

	if (text == NULL)
		return INFINITY;
	bytes = strtod(text, &end);
	return end == text || bytes <= 0 ? INFINITY : bytes;
}

/* path of this process in the one hierarchy of control groups ("0::/system.slice/..."), or "" */
static char *
own_group(void)
{
	char	   *text = read_text(OWN_GROUPS);
	char	   *line = text ? strstr(text, "0::/") : NULL;

	if (line == NULL || (line != text && line[-1] != '\n'))
		return pstrdup("");
	line += strlen("0::");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/*
 * The lowest limit of the group and of those that it is in.  In a container the
 * root that is seen may be the container's own.
 */
static double
group_limit(void)
{
	char	   *group = own_group();
	double		limit = Min(read_limit(OLD_LIMIT), read_limit(GROUPS "/" LIMIT));
	char	   *slash;

	while ((slash = strrchr(group, '/')) != NULL)
	{
		if (slash[1] != '\0')
			limit = Min(limit, read_limit(psprintf("%s%s/%s", GROUPS, group, LIMIT)));
		*slash = '\0';
	}
	return limit;
}

/* see machine.h */
void
observe_machine(Machine *machine)
{
	double		memory = (double) sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct statvfs disk;

	memory = Min(memory, group_limit());
	machine->cpu = Max(processors, 0);
	machine->mem_mb = memory > 0 ? (int) ceil(memory / MB) : 0;
	machine->disk_bytes = 0;
	if (statvfs(DataDir, &disk) == 0)
		machine->disk_bytes = (int64) disk.f_blocks * disk.f_frsize;
}
