/*
 * patroni_found.c
 *		Whether Patroni runs this server.
 *
 * Patroni lets its postmaster go: the parent is init, and the server lives on
 * when Patroni is killed.  What stays is the way it was started, so that is what
 * is looked at; nothing is remembered between two looks.
 *
 * Not for: whether Patroni answers, and what it says (patroni.h).
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "cmdb/member.h"
#include "io/process.h"
#include "observe/patroni.h"
#include "observe/patroni_facts.h"

/* in the data directory: what Patroni last read of its dynamic configuration */
#define PATRONI_FILE	"patroni.dynamic.json"

/*
 * Patroni says on the command line what a file must not overrule.  All of it
 * together is nobody else's habit.
 */
static const char *const patroni_options[] = {
	"--cluster_name=", "--listen_addresses=", "--port=", "--wal_level=", "--hot_standby=",
	"--max_worker_processes=", "--wal_log_hints=", "--track_commit_timestamp=",
};

static bool
is_patroni(List *words)
{
	ListCell   *cell;

	foreach(cell, words)
	{
		const char *name = strrchr((char *) lfirst(cell), '/');

		name = name != NULL ? name + 1 : lfirst(cell);
		if (strncmp(name, "patroni", strlen("patroni")) == 0)
			return true;
	}
	return false;
}

static bool
has_option(List *words, const char *option)
{
	ListCell   *cell;

	foreach(cell, words)
	{
		if (strncmp(lfirst(cell), option, strlen(option)) == 0)
			return true;
	}
	return false;
}

static bool
has_all_options(List *words)
{
	for (int i = 0; i < lengthof(patroni_options); i++)
	{
		if (!has_option(words, patroni_options[i]))
			return false;
	}
	return true;
}

/*
 * The file alone may have come with a copy of the data directory, or be a
 * leftover.  Written since this server was started, it was written for it: that is a
 * Patroni which has taken over a running server.
 */
static bool
has_file(bool *since_start)
{
	struct stat st;

	*since_start = false;
	if (stat(PATRONI_FILE, &st) != 0)
		return false;
	*since_start = time_t_to_timestamptz(st.st_mtime) > PgStartTime;
	return true;
}

static bool
is_service(void)
{
	char	   *service = io_process_service();

	return service != NULL && strncmp(service, "patroni", strlen("patroni")) == 0;
}

/*
 * --cluster_name is on the command line of each server that Patroni starts.  It
 * alone may be somebody's habit, as parent and service alone may be those of
 * an instance that was made beside such a server, in its container or service.
 */
bool
patroni_runs_server(void)
{
	pid_t		parent = 0;
	List	   *own = io_process_words(PostmasterPid, &parent);
	bool		since_start;
	bool		file = has_file(&since_start);

	if (since_start)
		return true;
	if (!has_option(own, patroni_options[0]))
		return false;
	return file || has_all_options(own) || is_service() ||
		is_patroni(io_process_words(parent, NULL));
}

static void
tell_runner(CmdbRunner *runner)
{
	PatroniSelf self;

	runner->patroni = patroni_runs_server();
	if (!runner->patroni)
		return;
	patroni_self_get(&self);
	strlcpy(runner->member, self.member, sizeof(runner->member));
}

void
patroni_found_init(void)
{
	cmdb_runner = tell_runner;
}
