/*
 * backup_facts.c
 *		Gathering what a plan needs to know about backups: program, file,
 *		parameters that are in effect, the last set-up.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/guc.h"

#include "cmdb/query.h"
#include "guc.h"
#include "io/file.h"
#include "io/process.h"
#include "ops/connect.h"
#include "ops/stanza.h"
#include "worker/backup_facts.h"
#include "worker/shared.h"

/* a pgbackrest.conf larger than this is not one */
#define CONFIG_MAX_BYTES	((size_t) 1024 * 1024)

/* how long the program may take to say which version it is, ms */
#define VERSION_DEADLINE_MS	10000

/* ---- the program ---- */

/* what tells this program file from another one at the same place */
static bool
program_identity(char *identity, size_t size)
{
	struct stat st;

	if (pgops_guc_pgbackrest == NULL || stat(pgops_guc_pgbackrest, &st) != 0)
		return false;
	snprintf(identity, size, "%llu/%llu/%lld/%lld", (unsigned long long) st.st_dev,
			 (unsigned long long) st.st_ino, (long long) st.st_mtime, (long long) st.st_size);
	return true;
}

/* why the program cannot be started, or NULL */
static char *
program_error(void)
{
	const char *program = pgops_guc_pgbackrest;

	if (program == NULL || program[0] != '/')
		return pstrdup("pgops.pgbackrest is not an absolute path");
	if (access(program, X_OK) != 0)
		return psprintf("program \"%s\" cannot be started: %s", program, strerror(errno));
	return NULL;
}

/* "pgBackRest 2.45" is 245, "2.55.1" is 255; 0: something else */
static int
parse_version(const char *output)
{
	const char *number = output + strcspn(output, "0123456789");
	char	   *end;
	long		major = strtol(number, &end, 10);
	long		minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return major < 1 || major > 99 || minor < 0 || minor > 99 ? 0 : (int) (major * 100 + minor);
}

void
backup_program_look(void)
{
	char		identity[sizeof(pgops_shared->pgbackrest)] = "";
	const char *argv[] = {pgops_guc_pgbackrest, "version", NULL};
	IoProcessRequest request = {.program = pgops_guc_pgbackrest, .argv = argv};
	IoProcessResult *result;
	bool		known;
	int			version = 0;

	if (!pgops_guc_manage_backup || program_error() != NULL ||
		!program_identity(identity, sizeof(identity)))
		return;
	SpinLockAcquire(&pgops_shared->mutex);
	known = strcmp(pgops_shared->pgbackrest, identity) == 0;
	SpinLockRelease(&pgops_shared->mutex);
	if (known)
		return;
	request.deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), VERSION_DEADLINE_MS);
	result = io_process_run(&request);
	if (result->end == IO_PROCESS_EXITED && result->exit_code == 0)
		version = parse_version(result->out);
	SpinLockAcquire(&pgops_shared->mutex);
	strlcpy(pgops_shared->pgbackrest, identity, sizeof(pgops_shared->pgbackrest));
	pgops_shared->pgbackrest_version = version;
	SpinLockRelease(&pgops_shared->mutex);
}

/* as the coordinator has found it out; 0: not known */
static int
program_version(void)
{
	char		identity[sizeof(pgops_shared->pgbackrest)] = "";
	int			version = 0;

	if (pgops_shared == NULL || !program_identity(identity, sizeof(identity)))
		return 0;
	SpinLockAcquire(&pgops_shared->mutex);
	if (strcmp(pgops_shared->pgbackrest, identity) == 0)
		version = pgops_shared->pgbackrest_version;
	SpinLockRelease(&pgops_shared->mutex);
	return version;
}

/* ---- the file ---- */

static void
read_config(BackupFacts *facts)
{
	facts->config_text = io_try_read_file(facts->config_path, CONFIG_MAX_BYTES,
										  &facts->config_error, &facts->config_sqlstate);
	facts->config_mode = facts->config_text ? io_file_mode(facts->config_path) : 0;
}

/* ---- what was done ---- */

/*
 * The last job, and how many in a row have failed for the same thing: that
 * tells when it is tried again, across restarts.  What was interrupted by the
 * end of the server is no failure.
 */
static const char job_query[] =
"SELECT j.id, j.state, j.args OPERATOR(pg_catalog.->>) 'digest', j.finished_at,"
" j.sqlstate, j.error, j.hint,"
" (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM pgops.job AS f"
"  WHERE f.kind OPERATOR(pg_catalog.=) j.kind AND f.cluster OPERATOR(pg_catalog.=) j.cluster"
"   AND f.state OPERATOR(pg_catalog.=) ANY ('{failed,cancelled}')"
"   AND f.args OPERATOR(pg_catalog.->>) 'digest' OPERATOR(pg_catalog.=) (j.args OPERATOR(pg_catalog.->>) 'digest')"
"   AND f.id OPERATOR(pg_catalog.>) COALESCE((SELECT pg_catalog.max(s.id) FROM pgops.job AS s"
"    WHERE s.kind OPERATOR(pg_catalog.=) j.kind AND s.cluster OPERATOR(pg_catalog.=) j.cluster"
"     AND s.state OPERATOR(pg_catalog.=) 'succeeded'), 0))"
" FROM pgops.job AS j WHERE j.kind OPERATOR(pg_catalog.=) $1 AND j.cluster OPERATOR(pg_catalog.=) $2"
" ORDER BY j.id DESC LIMIT 1";

static int
sqlstate_of(const char *text)
{
	return text != NULL && strlen(text) == 5 ?
		MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]) : ERRCODE_INTERNAL_ERROR;
}

/* an interrupted one is begun again at once: nothing is wrong with it */
static JobOutcome *
last_job(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	JobOutcome *job = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, BACKUP_SETUP_JOB);
	cmdb_put_text(&args, cluster);
	if (cmdb_run(&query, job_query, &args) > 0)
	{
		job = MemoryContextAllocZero(query.caller, sizeof(JobOutcome));
		job->id = cmdb_int8(0, 1);
		job->state = cmdb_text(&query, 0, 2);
		job->digest = cmdb_text(&query, 0, 3);
		job->finished = cmdb_time(0, 4);
		job->sqlstate = sqlstate_of(cmdb_text(&query, 0, 5));
		job->message = cmdb_text(&query, 0, 6);
		job->hint = cmdb_text(&query, 0, 7);
		job->failures = strcmp(job->state, "failed") == 0 || strcmp(job->state, "cancelled") == 0 ?
			cmdb_int4(0, 8) : 0;
		if (job->message == NULL)
			job->message = MemoryContextStrdup(query.caller, "the job was cancelled");
	}
	cmdb_end(&query);
	return job;
}

/*
 * Which repositories have the stanza, as it was seen last, and one without the
 * stanza that was made there.
 */
static void
fill_repos(BackupFacts *facts, const char *stanza)
{
	StanzaState *state = stanza_stored(stanza);
	ListCell   *cell;

	facts->repos_known = state != NULL;
	if (state == NULL)
		return;
	foreach(cell, state->repos)
	{
		const RepoState *repo = lfirst(cell);

		if (repo->status != REPO_NO_STANZA && repo->status != REPO_NO_DATA)
			facts->repos_in_use = bms_add_member(facts->repos_in_use, repo->repo);
		else if (facts->stanza_gone == NULL)
			facts->stanza_gone = psprintf("repository %d has no stanza \"%s\" any more",
										  repo->repo, stanza);
	}
}

/* ---- all of it ---- */

static const char *
option(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return pstrdup(value ? value : "");
}

static void
fill_place(BackupPlace *place, const Cluster *cluster, const ServerState *server)
{
	char	   *host = connect_host();

	place->stanza = cluster->name;
	place->data_directory = DataDir;
	place->port = PostPortNumber;
	place->socket_directory = host[0] == '/' ? host : NULL;
	place->user = server->bootstrap_superuser;
	place->database = pgops_guc_database;
	place->log_path = ops_path("log");
	place->lock_path = ops_path("lock");
	place->spool_path = ops_path("spool");
	place->processors = (int) Max(sysconf(_SC_NPROCESSORS_ONLN), 1);
	place->version = program_version();
}

BackupFacts *
backup_facts(const Cluster *cluster, const ServerState *server)
{
	BackupFacts *facts;

	if (!pgops_guc_manage_backup || cluster->backup == NULL || cluster->self == NULL)
		return NULL;
	facts = palloc0(sizeof(BackupFacts));
	facts->program = pstrdup(pgops_guc_pgbackrest ? pgops_guc_pgbackrest : "");
	facts->program_error = program_error();
	fill_place(&facts->place, cluster, server);
	facts->settings_managed = pgops_guc_manage_settings && (!server->patroni || pgops_guc_manage_ha);
	facts->config_path = stanza_config_path();
	read_config(facts);
	facts->archive_mode = option("archive_mode");
	facts->archive_command = XLogArchiveCommand ? pstrdup(XLogArchiveCommand) : "";
	facts->archive_library = option("archive_library");
	facts->wal_level = option("wal_level");
	facts->system_identifier = psprintf(UINT64_FORMAT, GetSystemIdentifier());
	facts->job = last_job(cluster->name);
	fill_repos(facts, cluster->name);
	return facts;
}
