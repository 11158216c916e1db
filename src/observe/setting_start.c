/*
 * setting_start.c
 *		Values of parameters with which the server would not start again, or would
 *		lose a replication slot: what ALTER SYSTEM does not ask about.
 *
 * Each check is about one parameter, as things are now; one that another step
 * of the same plan makes possible is tried again in the next pass.
 *
 * Not for: values that the server refuses at once (settings.c), values that do
 * not go together (plan/parameter_danger.c).
 */
#include "postgres.h"

#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "replication/slot.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "compat.h"
#include "io/library.h"
#include "observe/parts.h"

/* the value of a parameter in this process, or "" */
static const char *
current(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value ? value : "";
}

/* ---- libraries ---- */

/* the first library of a list for which there is no file, or NULL */
static char *
libraries_problem(const Setting *setting)
{
	bool		local = pg_strcasecmp(setting->name, "local_preload_libraries") == 0;
	ListCell   *cell;

	foreach(cell, setting->elements)
	{
		const char *name = lfirst(cell);

		/* those that a session may choose for itself come from a directory of their own */
		if (!io_library_exists(local && first_dir_separator(name) == NULL ?
							   psprintf("$libdir/plugins/%s", name) : name))
			return psprintf("there is no library \"%s\"", name);
	}
	return NULL;
}

/* along the new path, the libraries that are preloaded now must be found again */
static char *
library_path_problem(const Setting *setting)
{
	List	   *libraries;
	ListCell   *cell;

	if (!SplitGUCList(pstrdup(current("shared_preload_libraries")), ',', &libraries))
		return NULL;
	foreach(cell, libraries)
	{
		if (!io_library_exists_along(lfirst(cell), setting->value))
			return psprintf("library \"%s\", which is preloaded, would not be found",
							(char *) lfirst(cell));
	}
	return NULL;
}

/* ---- where it listens ---- */

static char *
sockets_problem(const Setting *setting)
{
	ListCell   *cell;

	foreach(cell, setting->elements)
	{
		const char *directory = lfirst(cell);
		char	   *path = psprintf("%s/.s.PGSQL.%d", directory, PostPortNumber);

		if (strlen(path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path))
			return psprintf("the path of a socket in directory \"%s\" is too long", directory);
		/* abstract sockets have no file */
		if (directory[0] != '\0' && directory[0] != '@' && access(directory, W_OK | X_OK) != 0)
			return psprintf("no socket can be made in directory \"%s\": %m", directory);
	}
	return NULL;
}

/* the server gives its socket to the group, which only members may */
static char *
socket_group_problem(const Setting *setting)
{
	gid_t		groups[256];
	int			count = getgroups(lengthof(groups), groups);
	struct group *group;
	gid_t		gid;
	char	   *end;

	if (setting->value[0] == '\0')
		return NULL;
	gid = (gid_t) strtoul(setting->value, &end, 10);
	if (*end != '\0')
	{
		group = getgrnam(setting->value);
		if (group == NULL)
			return psprintf("there is no group \"%s\"", setting->value);
		gid = group->gr_gid;
	}
	if (gid == getegid() || geteuid() == 0)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		if (groups[i] == gid)
			return NULL;
	}
	return psprintf("the server's operating system user is not in group \"%s\"", setting->value);
}

/*
 * Whether a socket could be bound, as the server would; errno says why not.  port 0:
 * whichever is free.  Only addresses in numbers are looked at: names would have
 * to be asked for in the network.
 */
static bool
can_bind(const char *address, int port, bool *numeric)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int			one = 1;
	int			fd;
	int			failure = 0;

	*numeric = getaddrinfo(address, psprintf("%d", port), &hints, &found) == 0;
	if (!*numeric)
		return false;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		bind(fd, found->ai_addr, found->ai_addrlen) != 0)
		failure = errno;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
	errno = failure;
	return failure == 0;
}

/* one address is enough for the server */
static char *
addresses_problem(const Setting *setting)
{
	const char *foreign = NULL;
	List	   *addresses;
	ListCell   *cell;

	if (!SplitGUCList(pstrdup(setting->value), ',', &addresses))
		return NULL;
	foreach(cell, addresses)
	{
		const char *address = lfirst(cell);
		bool		numeric;

		if (address[0] == '\0' || strcmp(address, "*") == 0 || can_bind(address, 0, &numeric) ||
			!numeric || errno != EADDRNOTAVAIL)
			return NULL;
		foreign = address;
	}
	return foreign ? psprintf("address \"%s\" is none of this machine", foreign) : NULL;
}

static char *
port_problem(const Setting *setting)
{
	int			port;
	bool		numeric;

	if (!parse_int(setting->value, &port, 0, NULL) || port < 1 || port > 65535 ||
		port == PostPortNumber || can_bind("127.0.0.1", port, &numeric) ||
		(errno != EADDRINUSE && errno != EACCES))
		return NULL;
	return psprintf("port %d cannot be had: %m", port);
}

/* ---- files and directories ---- */

/* relative ones are below the data directory, where this process is */
static char *
log_directory_problem(const Setting *setting)
{
	const char *directory = setting->value;
	char	   *parent = pstrdup(directory);

	if (access(directory, W_OK | X_OK) == 0)
		return NULL;
	if (errno == ENOENT)
	{
		/* the server makes the last part of the path */
		get_parent_directory(parent);
		if (parent[0] == '\0' || access(parent, W_OK | X_OK) == 0)
			return NULL;
	}
	return psprintf("the server cannot write its log into directory \"%s\": %m", directory);
}

static char *
collector_problem(const Setting *setting)
{
	Setting		directory = {.name = "log_directory",.value = pstrdup(current("log_directory"))};
	bool		on;

	return parse_bool(setting->value, &on) && on ? log_directory_problem(&directory) : NULL;
}

static char *
file_problem(const char *path)
{
	return path[0] != '\0' && access(path, R_OK) != 0 ?
		psprintf("file \"%s\" cannot be read: %m", path) : NULL;
}

/* without TLS nobody reads them */
static char *
tls_file_problem(const Setting *setting)
{
	return strcmp(current("ssl"), "on") == 0 ? file_problem(setting->value) : NULL;
}

static char *
tls_problem(const Setting *setting)
{
	static const char *const files[] = {"ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file"};
	bool		on;

	if (!parse_bool(setting->value, &on) || !on)
		return NULL;
	for (int i = 0; i < lengthof(files); i++)
	{
		char	   *problem = file_problem(current(files[i]));

		if (problem != NULL)
			return problem;
	}
	return NULL;
}

/* ---- memory and WAL ---- */

static char *
buffers_problem(const Setting *setting)
{
	int			blocks;
	double		memory = (double) sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (memory <= 0 || !parse_int(setting->value, &blocks, GUC_UNIT_BLOCKS, NULL) ||
		(double) blocks * BLCKSZ <= memory)
		return NULL;
	return psprintf("this machine has %.0f MB of memory", memory / (1024 * 1024));
}

static char *
wal_size_problem(const Setting *setting)
{
	int			mb;

	if (!parse_int(setting->value, &mb, GUC_UNIT_MB, NULL) ||
		XLogMBVarToSegs(mb, wal_segment_size) >= 2)
		return NULL;
	return psprintf("the server needs two segments of WAL, %d MB",
					2 * (wal_segment_size / (1024 * 1024)));
}

/* replication slots that a restart finds again; logical: only such */
static int
count_slots(bool logical)
{
	int			count = 0;

	LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
	for (int i = 0; i < max_replication_slots; i++)
	{
		const ReplicationSlot *slot = &ReplicationSlotCtl->replication_slots[i];

		if (slot->in_use && slot->data.persistency != RS_TEMPORARY &&
			(!logical || OidIsValid(slot->data.database)))
			count++;
	}
	LWLockRelease(ReplicationSlotControlLock);
	return count;
}

static char *
slots_problem(const Setting *setting)
{
	int			slots;
	int			there = count_slots(false);

	if (!parse_int(setting->value, &slots, 0, NULL) || slots >= there)
		return NULL;
	return psprintf("there are %d replication slots", there);
}

/*
 * A slot that keeps more WAL than it may is invalidated at the next checkpoint:
 * the standby or subscriber that reads it has to be made anew.
 */
static char *
slot_size_problem(const Setting *setting)
{
	XLogRecPtr	now = RecoveryInProgress() ? GetXLogReplayRecPtr(NULL) : GetXLogInsertRecPtr();
	uint64		most = 0;
	NameData	name = {{0}};
	int			limit;

	if (!parse_int(setting->value, &limit, GUC_UNIT_MB, NULL) || limit < 0)
		return NULL;
	LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
	for (int i = 0; i < max_replication_slots; i++)
	{
		ReplicationSlot *slot = &ReplicationSlotCtl->replication_slots[i];
		XLogRecPtr	needed;

		SpinLockAcquire(&slot->mutex);
		needed = slot->in_use && !pgops_slot_is_invalid(slot) ?
			slot->data.restart_lsn : InvalidXLogRecPtr;
		SpinLockRelease(&slot->mutex);
		if (XLogRecPtrIsInvalid(needed) || needed >= now || now - needed <= most)
			continue;
		most = now - needed;
		name = slot->data.name;
	}
	LWLockRelease(ReplicationSlotControlLock);
	if (most / (1024 * 1024) <= (uint64) limit)
		return NULL;
	return psprintf("replication slot \"%s\" keeps " UINT64_FORMAT " MB of WAL", NameStr(name),
					most / (1024 * 1024));
}

static char *
wal_level_problem(const Setting *setting)
{
	if (pg_strcasecmp(setting->value, "logical") != 0 && count_slots(true) > 0)
		return pstrdup("there are logical replication slots");
	if (pg_strcasecmp(setting->value, "minimal") == 0 && count_slots(false) > 0)
		return pstrdup("there are replication slots");
	return NULL;
}

/* ---- all of them ---- */

static const struct
{
	const char *name;
	char	   *(*problem) (const Setting *setting);
	const char *hint;
}			checks[] = {
#define LIBRARIES_HINT "Install the package that it belongs to first: without it the server would not start."
#define FILES_HINT "Put it there first, readable for the server's operating system user: without it the server would not start."
#define SLOTS_HINT "Drop those that nobody needs first: the server would not start with them."
	{"shared_preload_libraries", libraries_problem, LIBRARIES_HINT},
	{"session_preload_libraries", libraries_problem, LIBRARIES_HINT},
	{"local_preload_libraries", libraries_problem, LIBRARIES_HINT},
	{"dynamic_library_path", library_path_problem, "Name $libdir, too."},
	{"unix_socket_directories", sockets_problem, "Make the directory first: without it the server would not start."},
	{"unix_socket_group", socket_group_problem, "The server would not start."},
	{"listen_addresses", addresses_problem, "The server would not start. Addresses of single hosts are declared for these."},
	{"port", port_problem, "The server would not start. Choose another port, or stop who has it."},
	{"log_directory", log_directory_problem, "Make the directory first: without it the server would not start."},
	{"logging_collector", collector_problem, "Declare another log_directory: with this one the server would not start."},
	{"ssl", tls_problem, FILES_HINT},
	{"ssl_cert_file", tls_file_problem, FILES_HINT},
	{"ssl_key_file", tls_file_problem, FILES_HINT},
	{"ssl_ca_file", tls_file_problem, FILES_HINT},
	{"ssl_crl_file", tls_file_problem, FILES_HINT},
	{"shared_buffers", buffers_problem, "Declare less: the server would not start."},
	{"min_wal_size", wal_size_problem, "Declare more: the server would not start."},
	{"max_wal_size", wal_size_problem, "Declare more: the server would not start."},
	{"max_replication_slots", slots_problem, SLOTS_HINT},
	{"wal_level", wal_level_problem, SLOTS_HINT},
	{"max_slot_wal_keep_size", slot_size_problem, "With less the slot would become useless: let who reads it catch up, or drop it first."},
};

/* see parts.h */
char *
observe_start_problem(const Setting *setting, char **hint)
{
	for (int i = 0; i < lengthof(checks); i++)
	{
		char	   *problem;

		if (pg_strcasecmp(checks[i].name, setting->name) != 0)
			continue;
		problem = checks[i].problem(setting);
		if (problem != NULL)
			*hint = pstrdup(checks[i].hint);
		return problem;
	}
	return NULL;
}
