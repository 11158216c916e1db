/*
 * tuned.c
 *		What a declared template (pg_conf) makes of this machine, put below the
 *		parameters that are declared by themselves.
 *
 * A template is made for any server, so parts of it may mean nothing here: a
 * certificate that is not there, an extension that is not loaded.  What a plan
 * does about them is in plan/plan_parameter.c.
 *
 * Not for: formulas (spec/tune*.c), the size of the machine (observe/machine.c).
 */
#include "postgres.h"

#include <math.h>

#include "utils/guc.h"

#include "cmdb/owned.h"
#include "compat.h"
#include "io/library.h"
#include "observe/machine.h"
#include "worker/tuned.h"

#define LIBRARIES		"shared_preload_libraries"

/* sizes that differ by less are the same to whoever declares a template */
#define NEAR			0.01

/* parameters of extensions whose library has another name */
static const struct
{
	const char *prefix;
	const char *library;
}			libraries_of[] = {
	{"cron", "pg_cron"},
	{"duckdb", "pg_duckdb"},
};

/* ---- settings by name ---- */

static Setting *
find(List *settings, const char *name)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		Setting    *setting = lfirst(cell);

		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/* what the server's files say, or NULL */
static const char *
file_value(const ServerSetting *now)
{
	return now->in_auto != NULL ? now->in_auto : now->in_files;
}

static bool
is_known(const char *name)
{
	return GetConfigOption(name, true, false) != NULL;
}

/* ---- libraries ---- */

/* whether two names mean one library: "$libdir/pg_cron.so", "pg_cron" */
static bool
same_library(const char *a, const char *b)
{
	const char *names[2] = {a, b};
	size_t		length[2];

	for (int i = 0; i < 2; i++)
	{
		const char *slash = last_dir_separator(names[i]);
		size_t		suffix = strlen(DLSUFFIX);

		names[i] = slash ? slash + 1 : names[i];
		length[i] = strlen(names[i]);
		if (length[i] > suffix && strcmp(names[i] + length[i] - suffix, DLSUFFIX) == 0)
			length[i] -= suffix;
	}
	return length[0] == length[1] && strncmp(names[0], names[1], length[0]) == 0;
}

static bool
has_library(const List *libraries, const char *name)
{
	ListCell   *cell;

	foreach(cell, libraries)
	{
		if (same_library(lfirst(cell), name))
			return true;
	}
	return false;
}

/* whether a parameter is one of an extension that is not going to be loaded */
static bool
is_without_library(const char *name, const List *libraries)
{
	const char *dot = strchr(name, '.');
	char	   *prefix = dot ? pnstrdup(name, dot - name) : NULL;

	if (prefix == NULL || is_known(name))
		return false;
	for (int i = 0; i < lengthof(libraries_of); i++)
	{
		if (strcmp(libraries_of[i].prefix, prefix) == 0)
			return !has_library(libraries, libraries_of[i].library);
	}
	return !has_library(libraries, prefix);
}

/* the list that the server's files have now, as a list of char * */
static List *
present_libraries(const ServerState *server)
{
	const ServerSetting *now = snapshot_setting(server, LIBRARIES);
	const char *value = now ? file_value(now) : NULL;

	return value ? model_setting_elements(LIBRARIES, value) : NIL;
}

/*
 * Nobody who declares a template without saying anything about libraries wants
 * those lost that the server has; nor do those of the default have to be there.
 */
static void
keep_present_libraries(Setting *tuned, const ServerState *server)
{
	List	   *libraries = present_libraries(server);
	ListCell   *cell;

	foreach(cell, tuned->elements)
	{
		char	   *name = lfirst(cell);

		if (!has_library(libraries, name) &&
			(model_library_is_own(name) || io_library_exists(name)))
			libraries = lappend(libraries, name);
	}
	model_setting_set_elements(tuned, libraries);
}

/* ---- this server ---- */

static bool
takes_io_uring(void)
{
	Setting		setting = {.name = "io_method",.value = "io_uring"};
	char	   *hint;

	return is_known(setting.name) && observe_setting_problem(&setting, true, &hint) == NULL;
}

/* see tuned.h */
void
tuned_here(TuneInput *input)
{
	Machine		machine;

	observe_machine(&machine);
	input->cpu = machine.cpu;
	input->mem_mb = machine.mem_mb;
	input->disk_bytes = machine.disk_bytes;
	input->server_major = PGOPS_SERVER_MAJOR;
	input->io_uring_there = takes_io_uring();
	tune_fit(input);
}

/* see tuned.h */
char *
tuned_problem(const Setting *setting, const List *libraries)
{
	char	   *hint;

	if (is_without_library(setting->name, libraries))
		return pstrdup("the extension that has this parameter is not preloaded");
	if (!is_known(setting->name) && strchr(setting->name, '.') == NULL)
		return psprintf("this server has no parameter \"%s\"", setting->name);
	return observe_setting_problem(setting, is_known(setting->name), &hint);
}

/* ---- the machine that decides for all members ---- */

/* the sizes, and what of the declaration they are used with; one line */
static char *
machine_text(const Cluster *cluster, const TuneInput *input)
{
	return psprintf("%s %d %d " INT64_FORMAT " %s %g %d %s", cluster->self->name, input->cpu,
					input->mem_mb, input->disk_bytes, input->template_name,
					input->shared_buffer_ratio, input->max_conn,
					input->through_pgbouncer ? "pgbouncer" : "postgres");
}

/* the item of the memory, or NULL */
static const OwnedItem *
remembered_machine(const List *owned)
{
	ListCell   *cell;

	foreach(cell, owned)
	{
		const OwnedItem *item = lfirst(cell);

		if (strcmp(item->kind, "tuning") == 0 && item->value != NULL)
			return item;
	}
	return NULL;
}

/*
 * Members may be of different sizes.  The one that was leader when the template
 * was declared decides until its own size or the declaration changes: else each
 * switchover would ask for a restart of all of them, and that for a switchover.
 * Returns what is to be remembered.
 */
static char *
decide_machine(TuneInput *input, const Cluster *cluster, const List *owned)
{
	const OwnedItem *item = remembered_machine(owned);
	TuneInput	before = *input;
	char		instance[NAMEDATALEN];
	long long	disk_bytes;

	if (item == NULL ||
		sscanf(item->value, "%63s %d %d %lld", instance, &before.cpu, &before.mem_mb,
			   &disk_bytes) != 4 ||
		strcmp(instance, cluster->self->name) == 0)
		return machine_text(cluster, input);
	before.disk_bytes = disk_bytes;
	tune_fit(&before);
	/* the declared part is compared by writing it down again */
	if (strcmp(strchr(item->value, ' '), strchr(machine_text(cluster, &before), ' ')) != 0)
		return machine_text(cluster, input);
	*input = before;
	return pstrdup(item->value);
}

/* ---- what is applied ---- */

/*
 * Archiving belongs to backups (plan/plan_archiving.c), which give command and
 * mode; how long WAL waits for it at most is the template's.
 */
static bool
is_of_backups(const char *name)
{
	return strcmp(name, "archive_mode") == 0 || strcmp(name, "archive_command") == 0;
}

static bool
is_left_out(const Setting *setting, const List *libraries)
{
	return is_of_backups(setting->name) || is_without_library(setting->name, libraries);
}

/*
 * A new kernel, a member that becomes leader: machines that are the same to a
 * person differ by some MB, for which nobody wants to restart a server.
 */
static void
keep_near(Setting *setting, const ServerState *server)
{
	const ServerSetting *now = snapshot_setting(server, setting->name);
	const char *have = now ? file_value(now) : NULL;
	int			want_number;
	int			have_number;

	if (have == NULL || (now->flags & GUC_UNIT_MEMORY) == 0 ||
		!parse_int(setting->value, &want_number, now->flags, NULL) ||
		!parse_int(have, &have_number, now->flags, NULL))
		return;
	if (fabs((double) want_number - have_number) <= want_number * NEAR)
		setting->value = pstrdup(have);
}

/* see tuned.h */
void
tuned_complete(Cluster *cluster, const ServerState *server, bool shared, const List *owned)
{
	TuneInput	input;
	List	   *tuned;
	Setting    *libraries;
	List	   *completed;
	ListCell   *cell;

	if (cluster->tuned == NULL || cluster->self == NULL || !server->settings_known)
		return;
	input = *cluster->tune;
	tuned_here(&input);
	if (shared)
		cluster->tuned_machine = decide_machine(&input, cluster, owned);
	input.cluster = cluster->backup != NULL ? cluster->name : NULL;
	tuned = tune_settings(&input);
	libraries = find(tuned, LIBRARIES);
	if (libraries != NULL && !input.libs_declared)
		keep_present_libraries(libraries, server);
	else if (libraries != NULL)
		libraries->tuned = false;	/* pg_libs says it: what is missing is told */
	/* what is to be had only with a library is judged by the list that will hold */
	if (find(cluster->parameters, LIBRARIES) != NULL)
		libraries = find(cluster->parameters, LIBRARIES);
	completed = list_copy(cluster->parameters);
	foreach(cell, tuned)
	{
		Setting    *setting = lfirst(cell);

		if (find(cluster->parameters, setting->name) != NULL ||
			is_left_out(setting, libraries ? libraries->elements : NIL))
			continue;
		keep_near(setting, server);
		completed = lappend(completed, setting);
	}
	cluster->parameters = completed;
}
