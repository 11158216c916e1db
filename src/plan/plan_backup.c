/*
 * plan_backup.c
 *		Backups: pgbackrest.conf, and the job that makes the stanza and the first
 *		backup.
 *
 * The file comes first, since archive_command calls a program that reads it;
 * the job last, since it checks that WAL arrives.
 *
 * Not for: backups themselves (ops/backup.c), the parameters by which WAL is
 * archived (plan_archiving.c).
 */
#include "postgres.h"

#include "errors.h"
#include "plan/backup.h"
#include "plan/patroni_parts.h"
#include "render/render.h"

/* secrets are in it: the server's group may read it at most */
#define CONFIG_FILE_MODE	0640

#define CONFIG_NAME	"pgbackrest.conf"

/* backups are declared, are pgops' to set up, and this server is known to be the one */
const BackupFacts *
plan_backup_facts(const Planner *planner)
{
	return planner->cluster->backup != NULL ? planner->input->backup : NULL;
}

/* backups were set up for this cluster once */
bool
plan_backup_was_set_up(Planner *planner)
{
	return plan_owned(planner, BACKUP_OWNED, NULL, planner->cluster->name,
					  BACKUP_OWNED_SETUP) != NULL;
}

/* ---- the file ---- */

/* why nothing can be done about backups at all; NULL: it can */
static const char *
find_obstacle(const Planner *planner, const BackupFacts *facts, int *sqlstate,
			  const char **hint)
{
	const BackupSpec *spec = planner->cluster->backup;
	const char *problem;

	*hint = NULL;
	if (spec->problem != NULL)
	{
		bool		jinja = strstr(spec->problem, "Jinja") != NULL;

		*sqlstate = jinja ? ERRCODE_PGOPS_NOT_SUPPORTED : ERRCODE_PGOPS_MISSING;
		*hint = jinja ? "Write the value out: Jinja is evaluated by Ansible alone." :
			"Correct pgbackrest_repo or pgbackrest_method.";
		return spec->problem;
	}
	if (facts->program_error != NULL)
	{
		*sqlstate = ERRCODE_PGOPS_PROGRAM_MISSING;
		*hint = "Install the package pgbackrest, or set pgops.pgbackrest to its path.";
		return facts->program_error;
	}
	if (facts->config_error != NULL)
	{
		*sqlstate = facts->config_sqlstate;
		*hint = "The server itself must be able to read the file: correct its owner and mode.";
		return facts->config_error;
	}
	problem = render_pgbackrest_problem(&facts->place);
	*sqlstate = ERRCODE_PGOPS_NOT_SUPPORTED;
	return problem;
}

/* what changes in the file, secrets masked: where only a secret does, that is said */
static char *
shown_difference(const BackupFacts *facts, const char *candidate)
{
	const char *before = facts->config_text ? facts->config_text : "";
	char	   *difference = render_diff(facts->config_path, render_pgbackrest_masked(before),
										 render_pgbackrest_masked(candidate));

	return difference[0] != '\0' ? difference :
		psprintf("--- %s\n+++ %s (pgops)\n@@ only %s @@\n", facts->config_path, facts->config_path,
				 strcmp(before, candidate) == 0 ? "its mode differs" : "secrets differ");
}

/* why the file must be written, or NULL: it is as it should be */
static char *
difference_reason(const BackupFacts *facts, const char *candidate)
{
	if (facts->config_text == NULL)
		return pstrdup("missing");
	if (strcmp(facts->config_text, candidate) != 0)
		return pstrdup("different");
	if ((facts->config_mode & ~CONFIG_FILE_MODE) != 0)
		return psprintf("mode: %04o -> %04o", facts->config_mode,
						facts->config_mode & CONFIG_FILE_MODE);
	return NULL;
}

/*
 * A repository that is there and would be encrypted otherwise.  pgBackRest
 * could neither read it nor archive into it any more with such a file.
 */
static const char *
recoded_repo(Planner *planner, const BackupFacts *facts, const char *candidate)
{
	const BackupSpec *spec = planner->cluster->backup;
	bool		done = plan_backup_was_set_up(planner);
	int			number = 0;
	ListCell   *lc;

	if (facts->config_text == NULL)
		return NULL;
	foreach(lc, spec->repos)
	{
		int			before = render_pgbackrest_recoded(facts->config_text, candidate, ++number);

		if (before != 0 &&
			(facts->repos_known ? bms_is_member(before, facts->repos_in_use) : done))
			return ((BackupRepo *) lfirst(lc))->name;
	}
	return NULL;
}

/* directories that pgBackRest and the file itself need */
static List *
needed_directories(const BackupSpec *spec, const BackupFacts *facts)
{
	char	   *parent = pstrdup(facts->config_path);

	get_parent_directory(parent);
	return list_make4(parent, pstrdup(facts->place.lock_path),
					  pstrdup(facts->place.spool_path),
					  pstrdup(spec->log_dir ? spec->log_dir : facts->place.log_path));
}

/* options that are declared and left out are told, once each */
static void
report_left_out(Planner *planner, const BackupFacts *facts)
{
	ListCell   *lc;

	foreach(lc, render_pgbackrest_left_out(planner->cluster->backup, &facts->place))
	{
		Action	   *action = action_door(planner, DOOR_NONE, "backup.option",
										 planner->cluster->name, NULL, NULL,
										 pstrdup("left out of pgbackrest.conf"));

		action_block(action, ERRCODE_PGOPS_NOT_AVAILABLE,
					 "Install a newer pgBackRest, or remove the option.", "%s", (char *) lfirst(lc));
	}
}

/* what was left out of the declaration goes on, what was switched off does not */
static void
report_orphan(Planner *planner)
{
	bool		disabled = planner->cluster->backup_disabled;
	Action	   *action;

	if (planner->cluster->backup != NULL || !plan_backup_was_set_up(planner))
		return;
	action = action_door(planner, DOOR_NONE, "backup.orphan", planner->cluster->name, NULL,
						 NULL, pstrdup(disabled ? "switched off" : "no longer declared"));
	action_block(action, ERRCODE_PGOPS_ORPHANED,
				 disabled ?
				 "Remove pgbackrest.conf and the repository by hand if nobody needs them any more." :
				 "Declare them again, or pgbackrest_enabled: false to stop archiving.",
				 disabled ?
				 "backups are switched off: nothing is archived and none are made, what is there stays" :
				 "backups are no longer declared: WAL is archived as before, but none are made");
}

/*
 * plan_backup_config
 *		The file, by its bytes and its mode.
 */
void
plan_backup_config(Planner *planner)
{
	const BackupFacts *facts = plan_backup_facts(planner);
	const BackupSpec *spec = planner->cluster->backup;
	const char *obstacle;
	const char *hint;
	int			sqlstate;
	char	   *candidate;
	char	   *reason;
	const char *recoded;
	Action	   *action;

	if (facts == NULL)
		return;
	obstacle = find_obstacle(planner, facts, &sqlstate, &hint);
	if (obstacle != NULL)
	{
		planner->backup_stopped = true;
		action = action_door(planner, DOOR_FILE, "backup.config", CONFIG_NAME, NULL,
							 pstrdup(""), pstrdup("cannot be written"));
		action_block(action, sqlstate, hint, "%s", obstacle);
		return;
	}
	report_left_out(planner, facts);
	candidate = render_pgbackrest(spec, &facts->place);
	reason = difference_reason(facts, candidate);
	if (reason == NULL)
		return;
	plan_sequence_begin(planner);
	planner->backup_sequence = planner->sequence;
	action = action_door(planner, DOOR_FILE, "backup.config", CONFIG_NAME, NULL,
						 shown_difference(facts, candidate), reason);
	action->file_path = facts->config_path;
	action->file_text = candidate;
	action->file_mode = CONFIG_FILE_MODE;
	action->file_is_ours = facts->config_text != NULL &&
		render_pgbackrest_is_ours(facts->config_text);
	action->directories = needed_directories(spec, facts);
	plan_sequence_end(planner);
	recoded = recoded_repo(planner, facts, candidate);
	if (recoded == NULL)
		return;
	planner->backup_stopped = true;
	action_block(action, ERRCODE_PGOPS_PROTECTED,
				 "Declare what it was, or another path: pgBackRest begins a new repository there, and the old one stays as it is.",
				 "repository \"%s\" is there with another cipher_type or cipher_pass, which pgBackRest cannot change",
				 recoded);
}

/* ---- stanza, check, first backup ---- */

/* what was set up: another digest is another thing to set up */
static char *
setup_digest(const Planner *planner, const BackupFacts *facts)
{
	const BackupSpec *spec = planner->cluster->backup;

	return plan_text_digest(psprintf("%s\n%s\n%d\n%s", facts->place.stanza,
									 facts->system_identifier, (int) spec->init_backup,
									 render_pgbackrest_repos(spec, &facts->place)));
}

/* the commands that the job will run, as a person would write them */
static char *
setup_commands(const BackupSpec *spec, const BackupFacts *facts)
{
	char	   *start = psprintf("%s --config=%s --stanza=%s", facts->program,
								 facts->config_path, facts->place.stanza);

	return psprintf("%s stanza-create\n%s check%s", start, start,
					spec->init_backup ? psprintf("\n%s --type=full backup", start) : "");
}

/* arguments of the job: no secret among them */
static SpecNode *
setup_arguments(const Planner *planner, const OwnedItem *done, const char *digest)
{
	const BackupSpec *spec = planner->cluster->backup;
	SpecNode   *args = node_map();
	SpecNode   *paths = node_list();
	ListCell   *lc;

	foreach(lc, spec->repos)
	{
		const BackupRepo *repo = lfirst(lc);

		if (model_backup_is_local(repo))
			node_list_add(paths, node_string(model_backup_option(repo, "path")));
	}
	node_map_set(args, "digest", node_string(digest));
	node_map_set(args, "init_backup", node_bool(spec->init_backup));
	node_map_set(args, "repositories", node_int(list_length(spec->repos)));
	node_map_set(args, "directories", paths);
	if (done != NULL && done->value != NULL && strchr(done->value, ' ') != NULL)
		node_map_set(args, "was", node_string(strchr(done->value, ' ') + 1));
	return args;
}

/* whether a step sets one of the parameters by which WAL is archived */
static bool
is_archive_step(const Action *action)
{
	return strcmp(action->rule->kind, "parameter") == 0 &&
		strncmp(action->name, "archive_", strlen("archive_")) == 0;
}

/* one of them that is not going to be done, or NULL */
static const Action *
blocked_parameter(const Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->plan->actions)
	{
		const Action *action = lfirst(lc);

		if (action->blocked != NULL && is_archive_step(action))
			return action;
	}
	return NULL;
}

/*
 * File, parameters and job (NULL: none) belong together: where the file could
 * not be written no archive_command is to call for it.
 */
static void
join_steps(Planner *planner, Action *setup)
{
	ListCell   *lc;

	if (planner->backup_sequence == 0)
	{
		plan_sequence_begin(planner);
		planner->backup_sequence = planner->sequence;
		plan_sequence_end(planner);
	}
	foreach(lc, planner->plan->actions)
	{
		Action	   *action = lfirst(lc);

		if (is_archive_step(action))
			action->sequence = planner->backup_sequence;
	}
	if (setup != NULL)
		setup->sequence = planner->backup_sequence;
}

/*
 * A moment after the PATCH Patroni writes archive_command.  The job would look at
 * whether WAL is archived, and fail before that.
 */
static void
block_until_patroni(Planner *planner, Action *action)
{
	if (plan_patroni_usable(planner) && !planner->input->patroni->settled)
	{
		action_block(action, ERRCODE_PGOPS_JOB_BUSY, NULL, "Patroni is about to set archive_command");
		planner->plan->look_ms = PLAN_LOOK_SOON_MS;
	}
	else
		action_block(action, ERRCODE_PGOPS_BLOCKED,
					 "See pgops.ha_status, and what patroni.yml says of archive_command.",
					 "archive_command, which Patroni sets, is not that of pgBackRest");
}

/* true: the step cannot be done now, which is said in it */
static bool
block_setup(Planner *planner, Action *action, const BackupFacts *facts)
{
	const JobOutcome *job = facts->job;
	bool		archiving = strcmp(facts->archive_mode, "off") != 0;
	const Action *parameter = blocked_parameter(planner);

	if (job != NULL && (strcmp(job->state, "queued") == 0 || strcmp(job->state, "running") == 0))
		action_block(action, ERRCODE_PGOPS_JOB_BUSY,
					 psprintf("SELECT * FROM pgops.jobs WHERE id = " INT64_FORMAT, job->id),
					 "job " INT64_FORMAT " sets backups up", job->id);
	else if (!facts->settings_managed &&
			 strcmp(facts->archive_command, plan_archive_command(facts)) != 0)
		action_block(action, ERRCODE_PGOPS_BLOCKED,
					 psprintf("Set pgops.manage_settings to on, or set archive_command = '%s' yourself.",
							  plan_archive_command(facts)),
					 "archive_command is not that of pgBackRest");
	else if (parameter != NULL && archiving)
		action_block(action, parameter->sqlstate, parameter->hint, "%s cannot be set: %s",
					 parameter->name, parameter->blocked);
	else if (!archiving || strcmp(facts->wal_level, "minimal") == 0)
		action_block(action, ERRCODE_PGOPS_RESTART_NEEDED,
					 facts->settings_managed ?
					 "Restart the server; backups are set up by themselves after that." :
					 "Set archive_mode to on and wal_level to replica, and restart the server.",
					 "a restart is needed: %s",
					 archiving ? "wal_level is minimal" : "archive_mode is off");
	else if (planner->input->patroni != NULL && facts->settings_managed &&
			 strcmp(facts->archive_command, plan_archive_command(facts)) != 0)
		block_until_patroni(planner, action);
	return action->blocked != NULL;
}

/* the stanza was there and is not any more: nobody knows whether it will come back */
static void
report_gone(Planner *planner, const BackupFacts *facts)
{
	Action	   *action;

	if (facts->stanza_gone == NULL)
		return;
	action = action_door(planner, DOOR_NONE, "backup.gone", planner->cluster->name, NULL,
						 NULL, pstrdup("missing"));
	action_block(action, ERRCODE_PGOPS_NO_BACKUPS,
				 "Bring the repository back (is it mounted?); SELECT pgops.backup_setup() begins a new one.",
				 "%s", facts->stanza_gone);
}

/*
 * plan_backup_setup
 *		The job, unless it was done for what is declared now.  A job that runs
 *		is waited for, also when it does what was declared before.  On a standby
 *		there is none: the stanza is the primary's to make.
 */
void
plan_backup_setup(Planner *planner)
{
	const BackupFacts *facts = plan_backup_facts(planner);
	const OwnedItem *done;
	char	   *digest;
	Action	   *action;

	if (planner->input->local_only)
	{
		if (facts != NULL && !planner->backup_stopped)
			join_steps(planner, NULL);
		return;
	}
	report_orphan(planner);
	if (facts == NULL || planner->cluster->backup->problem != NULL)
		return;
	digest = setup_digest(planner, facts);
	done = plan_owned(planner, BACKUP_OWNED, NULL, planner->cluster->name, BACKUP_OWNED_SETUP);
	if (done != NULL && done->value != NULL &&
		strncmp(done->value, digest, strlen(digest)) == 0)
	{
		report_gone(planner, facts);
		return;
	}
	if (planner->backup_stopped)
		return;
	action = action_door(planner, DOOR_JOB, "backup.setup", planner->cluster->name, NULL,
						 setup_commands(planner->cluster->backup, facts),
						 pstrdup(done == NULL ? "not set up" : "repositories or server changed"));
	join_steps(planner, action);
	if (block_setup(planner, action, facts))
		return;
	action->job_kind = BACKUP_SETUP_JOB;
	action->job_args = setup_arguments(planner, done, digest);
	if (facts->job != NULL && facts->job->failures > 0 && plan_same(facts->job->digest, digest))
		action->failed_job = facts->job;
}
