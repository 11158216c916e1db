/*
 * in_place_check.c
 *		Whether this server can be restored in place: everything that can be
 *		known before it is touched.
 *
 * Asked twice: in the session that wants the restore, and by the job, since
 * hours may lie between.
 *
 * Not for: doing it.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/job.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"
#include "observe/patroni.h"
#include "ops/in_place_parts.h"
#include "spec/spec.h"

/* of the file system, besides the copy, that must stay free */
#define SPARE_PERCENT	5

/* what pg_pitr means if it does not say: where there is no such path, nothing */
#define FIELD_DATA	"/pg/data"

bool
in_place_flag(const SpecNode *args, const char *name, bool otherwise)
{
	const SpecNode *node = args ? node_get(args, name) : NULL;
	const char *text = node ? node_text(node) : NULL;
	bool		value;

	if (text == NULL)
		return otherwise;
	if (!parse_bool(text, &value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is \"%s\", which is neither true nor false", name, text)));
	return value;
}

char *
in_place_copy_path(void)
{
	return psprintf("%s-backup", DataDir);
}

/* ---- who this server is ---- */

static void
check_role(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a standby cannot be restored in place"),
				 errhint("Restore the primary, or restore beside this server with instance => 'name'.")));
}

/* host of this server's instance, as the inventory names it; or NULL */
static char *
own_host(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *host = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_put_text(&args, cmdb_binding()->instance);
	if (cmdb_run(&query,
				 "SELECT i.host FROM pgops.instance AS i WHERE i.cluster = $1 AND i.name = $2",
				 &args) > 0)
		host = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return host;
}

static void
check_safeguard(const char *cluster)
{
	Inventory  *inventory = cmdb_load_scope(cluster);
	InventoryGroup *group = inventory_group(inventory, cluster);
	const SpecNode *value = NULL;
	Findings	ignored = {0};
	SpecNode   *copy;

	/* it may be declared of one instance alone */
	if (group != NULL)
		value = inventory_value(inventory, group, own_host(cluster), "pg_safeguard");
	if (value == NULL)
		return;
	copy = node_copy(value);
	spec_validate_param("pg_safeguard", copy, "pg_safeguard", &ignored);
	if (copy->kind == NODE_BOOL && copy->boolean)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_SAFEGUARD),
				 errmsg("cluster \"%s\" is protected by pg_safeguard", cluster),
				 errhint("Declare pg_safeguard: false to let its data be replaced, or restore beside it with instance => 'name'.")));
}

/* ---- who runs it ---- */

static void
check_patroni(void)
{
	if (patroni_runs_server())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server is run by Patroni, which would start it again or fail over"),
				 errhint("Pause the cluster and restore it with Patroni's own means, or restore beside it with instance => 'name'.")));
}

/*
 * When a service stops, systemd ends every process of its control group: the
 * runner as well, in the middle of it.
 */
static void
check_service(void)
{
	char	   *service = io_process_service();

	if (service == NULL || *pgops_guc_restore_launcher != '\0')
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this server runs in the service \"%s\", which ends the program that restores together with the server",
					service),
			 errhint("Set pgops.restore_launcher to a command that starts a program outside of the service, for example '/usr/bin/sudo /usr/bin/systemd-run --uid=postgres --collect', or restore beside it with instance => 'name'.")));
}

/* ---- what is needed ---- */

static void
require_program(const char *path, const char *hint)
{
	if (!is_absolute_path(path) || access(path, X_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROGRAM_MISSING),
				 errmsg("program \"%s\" is missing", path), errhint("%s", hint)));
}

void
in_place_check_runner(void)
{
	char	   *launcher = pstrdup(pgops_guc_restore_launcher);

	launcher[strcspn(launcher, " ")] = '\0';
	if (*launcher != '\0')
		require_program(launcher, "The setting pgops.restore_launcher must begin with the absolute path of a program.");
	require_program(io_own_program(IN_PLACE_RUNNER), "Install all of pgops: it belongs beside its library.");
	require_program(io_server_program("pg_ctl"), "It belongs to the server's installation.");
}

static void
check_programs(void)
{
	in_place_check_runner();
	require_program(pgops_guc_pgbackrest, "Install pgBackRest, or set pgops.pgbackrest to its path.");
	require_program(io_server_program("psql"), "Install the server's client programs.");
}

/*
 * The task is JSON in UTF-8.  A path of other bytes would not be the same one
 * in it.
 */
void
in_place_check_path(void)
{
	bool		ascii = true;

	for (const char *at = DataDir; *at != '\0'; at++)
		ascii = ascii && !IS_HIGHBIT_SET(*at);
	if (!ascii && (GetDatabaseEncoding() != PG_UTF8 ||
				   !pg_verify_mbstr(PG_UTF8, DataDir, strlen(DataDir), true)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the path of the data directory is not ASCII, and the database \"%s\" is not in UTF-8",
						pgops_guc_database)));
}

/* ---- the copy of the old data ---- */

static uint64 size_of_directory(const char *path);

static uint64
size_of_entry(const char *path)
{
	struct stat st;

	/* files come and go while the server runs */
	if (lstat(path, &st) != 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return size_of_directory(path);
	return (uint64) st.st_blocks * 512;
}

static uint64
size_of_directory(const char *path)
{
	DIR		   *directory = AllocateDir(path);
	struct dirent *entry;
	uint64		size = 0;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	while ((entry = ReadDirExtended(directory, path, DEBUG1)) != NULL)
	{
		char	   *child;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		child = psprintf("%s/%s", path, entry->d_name);
		size += size_of_entry(child);
		pfree(child);
	}
	if (directory != NULL)
		FreeDir(directory);
	return size;
}

/*
 * A copy of the data directory alone would go with the new contents of what
 * lies elsewhere.
 */
static void
check_nothing_outside(void)
{
	struct stat st;
	const char *outside = NULL;

	if (lstat("pg_wal", &st) == 0 && S_ISLNK(st.st_mode))
		outside = "pg_wal";
	else if (pg_check_dir("pg_tblspc") > 1)
		outside = "a tablespace";
	if (outside != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("no copy of the old data can be kept: %s lies outside of the data directory",
						outside),
				 errhint("Restore without \"backup\", or make a snapshot of the file systems first.")));
}

static void
check_copy(void)
{
	char	   *path = in_place_copy_path();
	char	   *parent = pstrdup(path);
	struct statvfs fs;
	uint64		needed;
	uint64		available;

	check_nothing_outside();
	if (access(path, F_OK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_FILE),
				 errmsg("\"%s\" exists already", path),
				 errhint("It may be the copy that an earlier restore has kept: move it away or remove it.")));
	get_parent_directory(parent);
	if (access(parent, W_OK) != 0 || statvfs(parent, &fs) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("cannot keep a copy of the old data in directory \"%s\": %m", parent)));
	needed = size_of_directory(DataDir);
	available = (uint64) fs.f_bavail * fs.f_frsize;
	if (needed + (uint64) fs.f_blocks * fs.f_frsize / 100 * SPARE_PERCENT > available)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL),
				 errmsg("there is no space for a copy of the old data"),
				 errdetail("It needs " UINT64_FORMAT " MB, and \"%s\" has " UINT64_FORMAT " MB.",
						   needed / 1024 / 1024, parent, available / 1024 / 1024),
				 errhint("Restore without \"backup\", or make space.")));
}

/* ---- others at work ---- */

void
in_place_check_jobs(int64 own)
{
	ListCell   *cell;

	foreach(cell, cmdb_job_open())
	{
		const CmdbJobOpen *job = lfirst(cell);
		const JobKind *kind = job_kind(job->kind);

		if (job->id == own || (kind != NULL && kind->quiet) || !(job->running || job->due))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("job " INT64_FORMAT " (%s) is %s", job->id, job->kind,
						job->running ? "running" : "waiting to be started"),
				 errhint("Wait for it with pgops.job_wait(" INT64_FORMAT "), or end it with pgops.job_cancel(" INT64_FORMAT ").",
						 job->id, job->id)));
	}
}

/* ---- the target ---- */

/*
 * What is not archived yet, the job archives before it stops the server.  Of
 * another cluster's backups nothing is stored: the job looks at them.
 */
/*
 * pg_pitr may say where the data are to go ("data").  In place that is this
 * server's directory, whatever links lead there, and no other one is meant.
 */
static void
check_place(const SpecNode *args)
{
	const SpecNode *node = node_get(args, "data");
	const char *path = node ? node_text(node) : NULL;
	struct stat asked;
	struct stat own;

	if (path == NULL || strcmp(path, DataDir) == 0)
		return;
	if (strcmp(path, FIELD_DATA) == 0 && stat(path, &asked) != 0)
		return;
	if (stat(path, &asked) == 0 && stat(DataDir, &own) == 0 &&
		asked.st_dev == own.st_dev && asked.st_ino == own.st_ino)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("data is \"%s\", which is not this server's data directory", path),
			 errdetail("In place, \"%s\" would be overwritten.", DataDir),
			 errhint("Leave data out, or restore beside this server with instance => '...'.")));
}

static void
check_target(RestoreTarget *target, const Stanza *stanza, const StanzaState *state)
{
	if (state == NULL && target->stanza != NULL)
		return;
	if (state == NULL)
		state = stanza_stored(stanza->name);
	restore_check(target, state, target->stanza ? 0 : GetCurrentTimestamp());
}

void
in_place_check_job(RestoreTarget *target, const SpecNode *args, int64 job,
				   const StanzaState *state)
{
	Stanza	   *stanza;

	check_role();
	stanza = stanza_local();
	check_safeguard(stanza->name);
	check_patroni();
	check_service();
	check_programs();
	in_place_check_path();
	check_place(args);
	check_target(target, stanza, state);
	(void) in_place_flag(args, "archive", true);
	if (in_place_flag(args, "backup", false))
		check_copy();
	in_place_check_jobs(job);
}

void
in_place_check(RestoreTarget *target, const SpecNode *args)
{
	in_place_check_job(target, args, 0, NULL);
}
