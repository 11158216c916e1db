/*
 * plan_archiving.c
 *		The parameters by which WAL is archived: wanted where backups are declared,
 *		kept where they are merely not declared any more, taken back where they
 *		are switched off.
 *
 * Not for: how parameters are set (plan_parameter.c), the rest of what backups
 * need (plan_backup.c).
 */
#include "postgres.h"

#include "plan/backup.h"
#include "plan/patroni_parts.h"
#include "render/render.h"

/* the parameters by which WAL is archived */
static const char *const archive_parameters[] = {
	"archive_mode", "wal_level", "archive_library", "archive_command"
};

/* where pgbackrest.conf is unless pgops.pgbackrest_config or pgops.directory say otherwise */
#define USUAL_FILE		".pgops/pgbackrest.conf"

/* ---- the command ---- */

/* what follows the program */
static char *
archive_arguments(const char *config_path, const char *stanza)
{
	return psprintf(" %s %s archive-push %%p",
					render_shell_word(psprintf("--config=%s", config_path), true),
					render_shell_word(psprintf("--stanza=%s", stanza), true));
}

char *
plan_archive_command(const BackupFacts *facts)
{
	return psprintf("%s%s", render_shell_word(facts->program, true),
					archive_arguments(facts->config_path, facts->place.stanza));
}

/*
 * What is declared in pg_parameters stays (it agrees, see validate_backup.c).
 * value NULL: it is to have none of its own.
 */
static void
want_parameter(Planner *planner, const char *name, const char *value)
{
	Setting    *setting;
	ListCell   *lc;

	foreach(lc, planner->cluster->parameters)
	{
		if (strcmp(((Setting *) lfirst(lc))->name, name) == 0)
			return;
	}
	setting = palloc0(sizeof(Setting));
	setting->name = pstrdup(name);
	setting->value = value ? pstrdup(value) : NULL;
	planner->cluster->parameters = lappend(list_copy(planner->cluster->parameters), setting);
}

/* pgops set it for an earlier plan, and would undo it unless it is wanted still */
static bool
is_our_parameter(Planner *planner, const char *name)
{
	return plan_owned_named(planner, "parameter", NULL, name) != NIL;
}

/*
 * The command where pgops would have put it, or NULL: in postgresql.auto.conf, or in
 * Patroni's configuration; what that says members other than the leader see in the file.
 */
static const char *
command_set(const Planner *planner, const ServerSetting *command)
{
	if (planner->input->patroni == NULL)
		return command->in_auto;
	return plan_patroni_usable(planner) ?
		patroni_parameter_said(planner, command->name) : command->in_files;
}

/* the command that only pgops writes */
static bool
has_our_command(const Planner *planner, const ServerSetting *command)
{
	const char *set = command_set(planner, command);
	const char *ours;
	size_t		length;

	if (planner->input->backup_config == NULL || set == NULL)
		return false;
	ours = archive_arguments(planner->input->backup_config, planner->cluster->name);
	length = strlen(set);
	return length > strlen(ours) && strcmp(set + length - strlen(ours), ours) == 0;
}

/* what pgops wrote, for this member or for another one whose paths differ */
static bool
is_command_of_pgops(const Planner *planner, const char *command)
{
	return strstr(command, USUAL_FILE) != NULL ||
		(planner->input->backup_config != NULL &&
		 strstr(command, archive_arguments(planner->input->backup_config, planner->cluster->name)) != NULL);
}

/*
 * When pgops' command is taken back, another way of archiving takes its place.  One
 * that pgops wrote in an earlier life (before DROP EXTENSION, say) is none.
 */
static bool
has_other_archiving(Planner *planner, const ServerSetting *command)
{
	const ServerSetting *library = snapshot_setting(planner->snapshot, "archive_library");
	List	   *items = plan_owned_named(planner, "parameter", NULL, "archive_command");
	const OwnedItem *item = items != NIL ? linitial(items) : NULL;

	/* where Patroni writes the file, its command is the one that is taken back */
	return (item != NULL && item->value != NULL && !is_command_of_pgops(planner, item->value)) ||
		(planner->input->patroni == NULL &&
		 command->in_files != NULL && command->in_files[0] != '\0') ||
		(library != NULL && library->in_files != NULL && library->in_files[0] != '\0');
}

/*
 * pgbackrest_enabled: false.  Until a restart ends archive_mode, the server keeps
 * all WAL that no command takes: it gets one that takes it and does nothing.
 *
 * A standby does not remember what was set; it archives nothing, and keeps its
 * command until the restart (parameter_keep_archiving).  Nor does one that was
 * a standby then: promoted, it would archive into what may be long gone.
 */
static void
stop_archiving(Planner *planner)
{
	const ServerSetting *command = snapshot_setting(planner->snapshot, "archive_command");
	const ServerSetting *mode = snapshot_setting(planner->snapshot, "archive_mode");
	bool		remembered = !planner->input->local_only &&
		is_our_parameter(planner, "archive_command");

	if (command == NULL || mode == NULL || planner->cluster->self == NULL ||
		(!has_our_command(planner, command) &&
		 !(remembered && plan_same(command_set(planner, command), PLAN_ARCHIVE_NOTHING))))
		return;

	/* one that was there first, as in a rendered cluster, is not taken back by itself */
	if (!remembered || (!is_our_parameter(planner, "archive_mode") &&
						!has_other_archiving(planner, command)))
		want_parameter(planner, "archive_mode", NULL);
	if (!planner->input->local_only && strcmp(mode->running, "off") != 0 &&
		!has_other_archiving(planner, command))
		want_parameter(planner, "archive_command", PLAN_ARCHIVE_NOTHING);
	else if (!remembered)
		want_parameter(planner, "archive_command", NULL);
}

/*
 * Backups are only not declared any more, or not pgops' for now: nothing is lost
 * by that, and least of all WAL.
 */
static void
keep_archiving(Planner *planner)
{
	const ServerSetting *command = snapshot_setting(planner->snapshot, "archive_command");

	if (command == NULL || (!has_our_command(planner, command) &&
							!(planner->input->backup_config == NULL && plan_backup_was_set_up(planner))))
		return;
	for (int i = 0; i < lengthof(archive_parameters); i++)
		plan_want(planner, "parameter", NULL, archive_parameters[i], NULL);
}

/*
 * plan_backup_settings
 *		Adds to the declared parameters those by which WAL is archived.  They are
 *		not begun without the program and its file; but they stay when one of
 *		these is missing for a while: an empty archive_command would let WAL go
 *		that was not archived.
 *
 *		A standby has them, too: it archives nothing, but were archive_mode off, a
 *		promoted one would not before its next restart.  What is remembered is the
 *		primary's; nothing is undone on a standby because it is not wanted here.
 */
void
plan_backup_settings(Planner *planner)
{
	const BackupFacts *facts = plan_backup_facts(planner);

	if (planner->cluster->backup == NULL && planner->cluster->backup_disabled &&
		planner->input->backup_config != NULL)
		stop_archiving(planner);
	else if (facts == NULL)
		keep_archiving(planner);
	if (facts == NULL ||
		(planner->backup_stopped &&
		 (planner->input->local_only || !is_our_parameter(planner, "archive_command"))))
		return;
	if (strcmp(facts->archive_mode, "always") != 0)
		want_parameter(planner, "archive_mode", "on");
	if (strcmp(facts->wal_level, "minimal") == 0 || is_our_parameter(planner, "wal_level"))
		want_parameter(planner, "wal_level", "replica");
	/* a library takes precedence over the command, or contradicts it */
	if (facts->archive_library[0] != '\0')
		want_parameter(planner, "archive_library", "");
	want_parameter(planner, "archive_command", plan_archive_command(facts));
}
