/*
 * settings.c
 *		Observed parameters of the server, what its configuration files say of
 *		them, and whether it would take another value.
 *
 * The files are read anew each time, by the server's own parser: what was
 * loaded last may be older.
 *
 * Not for: settings of roles and databases (roles.c, databases.c).
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "observe/parts.h"
#include "observe/patroni.h"

/*
 * Reading the files comes first: on its way it brings this process' marks of
 * what waits for a restart up to date (pending_restart).
 */
static const char file_query[] =
"SELECT pg_catalog.lower(f.name), f.setting, f.sourcefile, f.error, f.sourceline, f.applied"
" FROM pg_catalog.pg_file_settings AS f ORDER BY f.seqno";

static const char setting_query[] =
"SELECT pg_catalog.lower(s.name), s.context, s.vartype, s.setting, s.source, s.boot_val,"
" s.pending_restart FROM pg_catalog.pg_settings AS s";

/* one place of a file that names a parameter */
typedef struct FileEntry
{
	char	   *name;			/* NULL: the file cannot be read further */
	char	   *value;
	char	   *file;
	char	   *error;			/* NULL: none */
	int			line;
} FileEntry;

typedef struct SettingReader
{
	ServerState *snapshot;
	List	   *entries;		/* of FileEntry *, in the order in which they hold */
} SettingReader;

static void
add_entry(CmdbQuery *query, uint64 row, void *arg)
{
	SettingReader *reader = arg;
	FileEntry  *entry = palloc0(sizeof(FileEntry));

	entry->name = cmdb_text(query, row, 1);
	entry->value = cmdb_text(query, row, 2);
	entry->file = cmdb_text(query, row, 3);
	entry->error = cmdb_text(query, row, 4);
	entry->line = cmdb_int4(row, 5);
	reader->entries = lappend(reader->entries, entry);
}

static void
add_setting(CmdbQuery *query, uint64 row, void *arg)
{
	SettingReader *reader = arg;
	ServerSetting *setting = palloc0(sizeof(ServerSetting));

	setting->name = cmdb_text(query, row, 1);
	setting->context = cmdb_text(query, row, 2);
	setting->type = cmdb_text(query, row, 3);
	setting->running = cmdb_text(query, row, 4);
	setting->source = cmdb_text(query, row, 5);
	setting->boot = cmdb_text(query, row, 6);
	setting->waits = cmdb_bool(row, 7);
	setting->flags = GetConfigOptionFlags(setting->name, true);
	reader->snapshot->settings = lappend(reader->snapshot->settings, setting);
}

static void
count_prepared(CmdbQuery *query, uint64 row, void *arg)
{
	((ServerState *) arg)->prepared_transactions = cmdb_int4(row, 1);
}

/*
 * A parameter that was taken out of the files and waits for a restart is told
 * among their errors, without a name or place; it is none.
 */
static bool
is_removal(const FileEntry *entry)
{
	return entry->file == NULL && entry->error != NULL &&
		strstr(entry->error, "without restarting") != NULL;
}

/* the first reason why the server would ignore its files as a whole */
static void
note_error(ServerState *snapshot, const FileEntry *entry)
{
	if (snapshot->settings_error == NULL)
		snapshot->settings_error = psprintf("file \"%s\", line %d: %s",
											entry->file ? entry->file : "postgresql.conf",
											entry->line, entry->error);
}

/*
 * An entry for a parameter that this server does not know.  A dotted name is an
 * extension's that is not loaded, and fine; any other makes the server ignore
 * all changes.
 */
static ServerSetting *
add_unknown(ServerState *snapshot, const FileEntry *entry)
{
	ServerSetting *setting = palloc0(sizeof(ServerSetting));

	setting->name = entry->name;
	setting->type = "string";
	snapshot->settings = lappend(snapshot->settings, setting);
	if (entry->error != NULL)
		note_error(snapshot, entry);
	return setting;
}

/* Of several entries for one name the last counts; the file of ALTER SYSTEM comes last. */
static void
take_entry(ServerState *snapshot, const FileEntry *entry, const char *auto_file)
{
	ServerSetting *setting = snapshot_setting(snapshot, entry->name);

	if (setting == NULL)
		setting = add_unknown(snapshot, entry);
	if (entry->file != NULL && strcmp(entry->file, auto_file) == 0)
		setting->in_auto = entry->value;
	else
	{
		setting->in_files = entry->value;
		setting->file = entry->file;
	}
}

/*
 * One query for all of four hundred: a declaration names few of them, but a
 * misspelt one is to be told the nearest name.
 */
void
observe_server_settings(ServerState *snapshot)
{
	char	   *auto_file = psprintf("%s/%s", DataDir, PG_AUTOCONF_FILENAME);
	SettingReader reader = {snapshot, NIL};
	CmdbQuery	query;
	ListCell   *cell;

	if (snapshot->settings != NIL)
		return;
	cmdb_begin(&query);
	cmdb_look(&query, file_query, add_entry, &reader);
	cmdb_look(&query, setting_query, add_setting, &reader);
	cmdb_look(&query, "SELECT pg_catalog.count(*)::int4 FROM pg_catalog.pg_prepared_xacts",
			  count_prepared, snapshot);
	cmdb_end(&query);

	snapshot->settings_known = true;
	foreach(cell, reader.entries)
	{
		const FileEntry *entry = lfirst(cell);

		if (entry->name != NULL)
			take_entry(snapshot, entry, auto_file);
		else if (!is_removal(entry))
		{
			note_error(snapshot, entry);
			snapshot->settings_known = false;
		}
	}
	snapshot->patroni = patroni_runs_server();
}

bool
observe_settings_unread(void)
{
	struct stat st;
	TimestampTz written;

	if (stat(PG_AUTOCONF_FILENAME, &st) != 0)
		return false;
	written = time_t_to_timestamptz(st.st_mtim.tv_sec) + st.st_mtim.tv_nsec / 1000;
	return written > PgReloadTime;
}

/* ---- whether the server would take a value ---- */

/*
 * The server's own parser and checks, as for a value in a file that is read at
 * its start; nothing is set.  Placeholders of extensions are not asked for,
 * since that would make one.
 */
static char *
refusal(const Setting *setting, char **hint)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile problem = NULL;

	PG_TRY();
	{
		(void) set_config_option(setting->name, setting->value, PGC_POSTMASTER, PGC_S_FILE,
								 GUC_ACTION_SET, false, ERROR, false);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		problem = error->detail == NULL ? error->message :
			psprintf("%s: %s", error->message, error->detail);
		if (error->hint != NULL)
			*hint = error->hint;
	}
	PG_END_TRY();
	return problem;
}

char *
observe_setting_problem(const Setting *setting, bool known, char **hint)
{
	char	   *problem;

	*hint = NULL;
	if (setting->value == NULL || !known)
		return NULL;
	problem = observe_start_problem(setting, hint);
	return problem ? problem : refusal(setting, hint);
}
