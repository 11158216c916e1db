/*
 * fork.c
 *		Job "fork": a clone of the running server beside it.
 *
 * The server's own backup functions say from where to where WAL is needed; the
 * files are copied by cp, which lets the file system share them where it can.
 * A temporary slot holds the WAL meanwhile, for the server may recycle it.
 *
 * Not for: restores from a repository (restore_beside.c).
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "common/file_utils.h"
#include "common/relpath.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "io/file.h"
#include "ops/finally.h"
#include "ops/instance_parts.h"
#include "ops/kinds.h"
#include "spec/model.h"

#define COPY_PROGRAM	"/bin/cp"

typedef struct Forking
{
	BesideInstance *instance;
	XLogRecPtr	start;
	XLogRecPtr	stop;
	TimeLineID	timeline;
	char	   *label;			/* content of backup_label */
	double		copied;			/* bytes */
	double		total;
	bool		trouble;		/* cp complained of something else than a file that went */
	bool		shared;			/* the file system shares blocks */
} Forking;

/*
 * Not copied: what belongs to the running postmaster, what the server makes
 * anew at its start, and what is treated for itself.  As with base backups.
 */
static const char *const left_out[] = {
	"postmaster.pid", "postmaster.opts", "current_logfiles", "pg_wal", "pg_tblspc", "pg_replslot",
	"pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans",
	"backup_label", "tablespace_map", "backup_manifest", "recovery.signal", "standby.signal", "log",
	"postgresql.auto.conf.tmp", "pg_internal.init",
};

/* those that have to be there, empty */
static const char *const made_empty[] = {
	"pg_wal", "pg_wal/archive_status", "pg_tblspc", "pg_replslot", "pg_dynshmem", "pg_notify",
	"pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans",
};

/* ---- the backup ---- */

/*
 * The slot and the backup are this session's, not a transaction's, and end with it
 * whatever happens.  Without a free slot it goes without: then WAL that was
 * recycled is missed in the end, and nothing worse.
 */
static void
begin_backup(Job *job, Forking *forking)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_step(job, "waiting for the checkpoint");
	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, psprintf("pgops_fork_" INT64_FORMAT, job->id));
	(void) cmdb_run(&query,
					"SELECT pg_catalog.pg_create_physical_replication_slot($1, true, true)"
					" WHERE (SELECT count(*) FROM pg_catalog.pg_replication_slots)"
					"  < pg_catalog.current_setting('max_replication_slots')::pg_catalog.int4", &args);
	memset(&args, 0, sizeof(args));
	cmdb_put_text(&args, "pgops fork");
	(void) cmdb_run(&query,
					"SELECT (b.lsn - '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8, s.size"
					" FROM pg_catalog.pg_backup_start($1, true) AS b (lsn),"
					"  (SELECT pg_catalog.sum(pg_catalog.pg_database_size(d.oid))::pg_catalog.int8"
					"   FROM pg_catalog.pg_database AS d) AS s (size)", &args);
	forking->start = (XLogRecPtr) cmdb_int8(0, 1);
	forking->total = (double) cmdb_int8(0, 2);
	cmdb_end(&query);
	txn_end();
	forking->timeline = GetWALInsertionTimeLine();
}

static void
end_backup(Job *job, Forking *forking)
{
	CmdbQuery	query;

	job_step(job, "ending the backup");
	job_begin(job);
	cmdb_begin(&query);
	(void) cmdb_run(&query,
					"SELECT (b.lsn - '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8, b.labelfile"
					" FROM pg_catalog.pg_backup_stop(false) AS b", NULL);
	forking->stop = (XLogRecPtr) cmdb_int8(0, 1);
	forking->label = cmdb_text(&query, 0, 2);
	cmdb_end(&query);
	txn_end();
}

static void
drop_slot(Job *job)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, psprintf("pgops_fork_" INT64_FORMAT, job->id));
	(void) cmdb_run(&query,
					"SELECT pg_catalog.pg_drop_replication_slot(s.slot_name)"
					" FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_name = $1", &args);
	cmdb_end(&query);
	txn_end();
}

/* ---- copying ---- */

/*
 * cp says 'from' -> 'to' of each file; how large it is, is asked of the file.
 * Files of tables that are dropped meanwhile go away: WAL knows that.
 */
static bool
copy_line(Job *job, IoStream stream, const char *line, void *arg)
{
	Forking    *forking = arg;
	const char *end = strstr(line, "' -> ");
	struct stat st;

	if (stream == IO_STDERR)
	{
		if (strstr(line, "No such file or directory") == NULL)
		{
			forking->trouble = true;
			return true;
		}
		return false;
	}
	if (line[0] != '\'' || end == NULL)
		return false;
	if (stat(pnstrdup(line + 1, end - line - 1), &st) == 0 && S_ISREG(st.st_mode))
		forking->copied += st.st_size;
	job_progress(job, forking->copied, Max(forking->total, forking->copied), "bytes");
	return false;
}

/*
 * Links are followed: a link in the copy would lead to the files of the running
 * server.  Those of tablespaces are not among what is copied this way.
 */
static void
copy(Job *job, Forking *forking, List *sources, const char *target)
{
	const char **argv = palloc0(sizeof(char *) * (list_length(sources) + 8));
	JobProgram	program = {.program = COPY_PROGRAM, .filter = copy_line, .arg = forking};
	const IoProcessResult *result;
	int			count = 0;
	ListCell   *cell;

	argv[count++] = "cp";
	argv[count++] = "-aLv";
	argv[count++] = "--reflink=auto";
	argv[count++] = "--";
	foreach(cell, sources)
		argv[count++] = lfirst(cell);
	argv[count++] = target;
	program.argv = argv;
	result = job_run(job, &program);

	/* 1 alone may mean files that went away */
	if (forking->trouble || result->end != IO_PROCESS_EXITED || result->exit_code > 1)
		job_require_success(job, result, "copying the data directory");
}

/* whether the file system shares the blocks of copies */
static bool
shares_blocks(Job *job, const Forking *forking)
{
	const char *argv[] = {"cp", "--reflink=always", "--", "PG_VERSION",
	psprintf("%s/PG_VERSION", forking->instance->data_directory), NULL};
	JobProgram	program = {.program = COPY_PROGRAM, .argv = argv};
	const IoProcessResult *result = job_run(job, &program);

	return result->end == IO_PROCESS_EXITED && result->exit_code == 0;
}

static bool
is_left_out(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		strncmp(name, PG_TEMP_FILE_PREFIX, strlen(PG_TEMP_FILE_PREFIX)) == 0)
		return true;
	for (int i = 0; i < lengthof(left_out); i++)
	{
		if (strcmp(name, left_out[i]) == 0)
			return true;
	}
	return false;
}

/* paths of what is in a directory and to be copied */
static List *
entries_of(const char *directory)
{
	DIR		   *dir = AllocateDir(directory);
	struct dirent *entry;
	List	   *paths = NIL;

	while ((entry = ReadDir(dir, directory)) != NULL)
	{
		if (!is_left_out(entry->d_name))
			paths = lappend(paths, psprintf("%s/%s", directory, entry->d_name));
	}
	FreeDir(dir);
	return paths;
}

static void
copy_data(Job *job, Forking *forking)
{
	const char *data = forking->instance->data_directory;

	forking->shared = shares_blocks(job, forking);
	job_step(job, "copying the data directory");
	copy(job, forking, entries_of(DataDir), data);
	for (int i = 0; i < lengthof(made_empty); i++)
		ops_make_directory(psprintf("%s/%s", data, made_empty[i]));
}

/* a tablespace: its directory of this version, copied; the link leads to the copy */
static void
copy_tablespace(Job *job, Forking *forking, const char *name)
{
	char	   *link = psprintf("%s/pg_tblspc/%s", DataDir, name);
	char	   *own = psprintf("%s/pg_tblspc/%s", forking->instance->data_directory, name);
	char	   *place = psprintf("%s/%s", instance_path(forking->instance, INSTANCE_TABLESPACES), name);
	struct stat st;

	/* one that lies in the data directory itself (allow_in_place_tablespaces) */
	if (lstat(link, &st) == 0 && S_ISDIR(st.st_mode))
	{
		copy(job, forking, list_make1(link), psprintf("%s/pg_tblspc", forking->instance->data_directory));
		return;
	}
	ops_make_directory(place);
	copy(job, forking, list_make1(psprintf("%s/%s", link, TABLESPACE_VERSION_DIRECTORY)), place);
	if (symlink(place, own) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create symbolic link \"%s\": %m", own)));
}

static void
copy_tablespaces(Job *job, Forking *forking)
{
	ListCell   *cell;

	foreach(cell, entries_of(psprintf("%s/pg_tblspc", DataDir)))
	{
		const char *name = last_dir_separator(lfirst(cell)) + 1;

		job_step(job, "copying tablespace %s", name);
		copy_tablespace(job, forking, name);
	}
}

/* ---- WAL ---- */
static void
copy_wal(Job *job, Forking *forking)
{
	XLogSegNo	first;
	XLogSegNo	last;
	List	   *files = NIL;
	char	   *history;
	struct stat st;

	job_step(job, "copying WAL");
	XLByteToSeg(forking->start, first, wal_segment_size);
	XLByteToPrevSeg(forking->stop, last, wal_segment_size);
	for (XLogSegNo segment = first; segment <= last; segment++)
	{
		char		name[MAXFNAMELEN];
		char	   *path;

		XLogFileName(name, forking->timeline, segment, wal_segment_size);
		path = psprintf("%s/pg_wal/%s", DataDir, name);
		if (stat(path, &st) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_INSTANCE),
					 errmsg("WAL file %s, which the clone needs, is gone", name)));
		files = lappend(files, path);
	}
	history = psprintf("%s/pg_wal/%08X.history", DataDir, forking->timeline);
	if (stat(history, &st) == 0)
		files = lappend(files, history);
	copy(job, forking, files, psprintf("%s/pg_wal", forking->instance->data_directory));
}

/* ---- the clone ---- */
static Setting *
setting(const char *name, const char *value)
{
	Setting    *made = palloc0(sizeof(Setting));

	made->name = pstrdup(name);
	made->value = pstrdup(value);
	return made;
}

/*
 * It recovers as from an archive that has nothing more: so it begins a timeline of
 * its own, and its WAL can never be taken for the origin's.
 */
static void
configure(Job *job, Forking *forking)
{
	const char *data = forking->instance->data_directory;
	List	   *settings = list_make2(setting("restore_command", "false"),
									  setting("recovery_target_timeline", "current"));

	io_write_file(psprintf("%s/backup_label", data), forking->label, 0600);
	io_write_file(psprintf("%s/recovery.signal", data), "", 0600);
	instance_configure(job, forking->instance, settings);
}

static void
do_fork(Job *job, void *arg)
{
	Forking    *forking = arg;

	instance_record(job, forking->instance, "creating");
	begin_backup(job, forking);
	copy_data(job, forking);
	copy_tablespaces(job, forking);
	end_backup(job, forking);
	copy_wal(job, forking);
	drop_slot(job);
	configure(job, forking);
	instance_start(job, forking->instance, NULL);
}

static void
end_if_failed(Job *job, void *arg, bool failed)
{
	Forking    *forking = arg;

	if (!failed)
		return;
	instance_end(forking->instance);
	instance_record(job, forking->instance, "failed");
}

void
fork_run(Job *job)
{
	Forking		forking = {0};
	TimestampTz begun = GetCurrentTimestamp();

	job_begin(job);
	forking.instance = instance_plan(job_arg(job, "instance"), "fork", job_arg(job, "directory"),
									 (int) job_arg_int(job, "port", 0));
	txn_end();
	forking.instance->job = job->id;
	job_finally(job, do_fork, end_if_failed, &forking);

	job_result(job, "instance", node_string(forking.instance->name));
	job_result(job, "port", node_int(forking.instance->port));
	job_result(job, "data_directory", node_string(forking.instance->data_directory));
	job_result(job, "connection", node_string(instance_conninfo(forking.instance, "postgres")));
	job_result(job, "bytes", node_int((int64) forking.copied));
	job_result(job, "reflink", node_bool(forking.shared));
	job_result(job, "seconds", node_number(psprintf("%.1f", (double) (GetCurrentTimestamp() - begun) / USECS_PER_SEC)));
}
