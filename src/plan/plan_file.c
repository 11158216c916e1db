/*
 * plan_file.c
 *		Files: pg_hba.conf, and the reload that follows its change.
 *
 * Not for: the text (render/), nor whether the server's parser accepts it: the
 * caller asks that of plan_hba_text() and hands the answer in.
 */
#include "postgres.h"

#include "errors.h"
#include "io/hba.h"
#include "plan/patroni_parts.h"
#include "render/render.h"
#include "secret.h"

/* the candidate pg_hba.conf of this input; palloc'd */
char *
plan_hba_text(const PlanInput *input)
{
	if (plan_patroni_has_hba(input))
		return plan_patroni_hba_text(input);
	return render_hba(input->cluster, input->snapshot->in_recovery,
					  input->hba_method ? input->hba_method : "peer",
					  input->snapshot->server_major);
}

/* what changes in the file, for people: where only a secret does, that is said */
static char *
shown_difference(const ServerState *snapshot, const char *candidate)
{
	char	   *difference = render_diff(snapshot->hba_path,
										 secret_mask_hba(snapshot->hba_text ? snapshot->hba_text : ""),
										 secret_mask_hba(candidate));

	return difference[0] != '\0' ? difference :
		psprintf("--- %s\n+++ %s (pgops)\n@@ only secrets differ @@\n",
				 snapshot->hba_path, snapshot->hba_path);
}

/* a file that cannot be read cannot be compared, and is not replaced unseen */
static void
plan_unreadable(Planner *planner)
{
	const ServerState *snapshot = planner->snapshot;
	Action	   *action = action_door(planner, DOOR_FILE, "hba.write", "pg_hba.conf", NULL,
									 pstrdup(""), pstrdup("unreadable"));

	action_block(action, snapshot->hba_sqlstate,
				 "The server itself must be able to read the file: correct its owner and mode.",
				 "%s", snapshot->hba_error);
}

/*
 * pg_hba.conf, if it is managed and its bytes differ.  Bytes, not rules: the file
 * is pgops' own, and what somebody wrote into it, even a comment, would be lost at
 * some later time if it were not lost, and shown as a difference, now.
 */
void
plan_files(Planner *planner)
{
	PlanInput  *input = planner->input;
	ServerState *snapshot = planner->snapshot;
	char	   *candidate;
	Action	   *action;

	/* as long as nobody knows whether Patroni writes the file, pgops does not */
	if (!input->hba_managed || (input->patroni != NULL && input->patroni->config == NULL))
		return;
	if (plan_patroni_has_hba(input))
	{
		plan_patroni_hba(planner);
		return;
	}
	if (snapshot->hba_error != NULL)
	{
		plan_unreadable(planner);
		return;
	}
	candidate = plan_hba_text(input);
	if (plan_same(snapshot->hba_text, candidate))
		return;
	plan_sequence_begin(planner);
	action = action_door(planner, DOOR_FILE, "hba.write", "pg_hba.conf", NULL,
						 shown_difference(snapshot, candidate),
						 pstrdup(snapshot->hba_text ? "different" : "missing"));
	action->file_path = snapshot->hba_path;
	action->file_text = candidate;
	if (input->hba_errors != NIL)
	{
		HbaError   *error = linitial(input->hba_errors);

		action_block(action, ERRCODE_PGOPS_HBA_REJECTED,
					 error->hint ? error->hint :
					 "Correct pg_hba_rules or pg_default_hba_rules; the file stays as it is.",
					 "%s%s", error->line > 0 ?
					 psprintf("line %d of the new pg_hba.conf: ", error->line) : "",
					 error->message);
	}
	else
		action_door(planner, DOOR_RELOAD, "hba.reload", "pg_hba.conf", NULL,
					pstrdup("SELECT pg_catalog.pg_reload_conf()"),
					pstrdup("pg_hba.conf is written"));
	plan_sequence_end(planner);
}
