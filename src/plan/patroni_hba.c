/*
 * patroni_hba.c
 *		HBA rules where Patroni writes pg_hba.conf: from a list in its
 *		configuration that is one for all members.
 *
 * Not for: the file, where it is pgops' to write (plan_file.c).
 */
#include "postgres.h"

#include "errors.h"
#include "io/hba.h"
#include "plan/patroni_parts.h"
#include "render/render.h"
#include "secret.h"

static const char *const hba_keys[] = {"postgresql", "pg_hba", NULL};

/* the list in the configuration, or NULL */
static const SpecNode *
present_list(const PlanInput *input)
{
	const SpecNode *config = input->patroni ? input->patroni->config : NULL;
	const SpecNode *list = config;

	for (int i = 0; list != NULL && hba_keys[i] != NULL; i++)
		list = node_get(list, hba_keys[i]);
	return list != NULL && list->kind == NODE_LIST && list->items != NIL ? list : NULL;
}

/* the list that somebody declares himself, as a whole; or NULL */
static const SpecNode *
declared_list(const PlanInput *input)
{
	const SpecNode *list = input->patroni ? input->cluster->patroni->dcs : NULL;

	for (int i = 0; list != NULL && hba_keys[i] != NULL; i++)
		list = node_get(list, hba_keys[i]);
	return list != NULL && list->kind == NODE_LIST && list->items != NIL ? list : NULL;
}

/* it does, or is about to */
bool
plan_patroni_has_hba(const PlanInput *input)
{
	return present_list(input) != NULL || declared_list(input) != NULL;
}

static List *
common_lines(const PlanInput *input, List **left_out)
{
	return render_hba_lines(input->cluster, input->hba_method ? input->hba_method : "peer",
							input->snapshot->server_major, left_out);
}

char *
plan_patroni_hba_text(const PlanInput *input)
{
	const SpecNode *declared = declared_list(input);
	StringInfoData text;
	List	   *left_out;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, declared ? declared->items : NIL)
	{
		const char *line = node_text(lfirst(cell));

		/* what is no text is no rule */
		appendStringInfo(&text, "%s\n", line ? line : "?");
	}
	if (declared != NULL)
		return text.data;
	foreach(cell, common_lines(input, &left_out))
		appendStringInfo(&text, "%s\n", (char *) lfirst(cell));
	return text.data;
}

static bool
same_lines(const SpecNode *list, const List *lines)
{
	ListCell   *item;
	ListCell   *line;

	if (list_length(list->items) != list_length(lines))
		return false;
	forboth(item, list->items, line, lines)
	{
		const char *text = node_text(lfirst(item));

		if (text == NULL || strcmp(text, lfirst(line)) != 0)
			return false;
	}
	return true;
}

static void
report_left_out(Planner *planner, const HbaRule *rule)
{
	Action	   *action = action_door(planner, DOOR_NONE, "patroni.hba",
									 rule->title ? rule->title : "rule", NULL, NULL,
									 psprintf("role: %s", rule->role));

	action_block(action, ERRCODE_PGOPS_NOT_SUPPORTED,
				 "Take postgresql.pg_hba out of Patroni's configuration: pgops then writes the file of each member by its role.",
				 "the rule is for role %s only, and Patroni gives all members the same rules",
				 rule->role);
}

/* rules that the server's parser rejects would lock everybody out of all members */
static void
report_rejected(Planner *planner)
{
	const HbaError *error = linitial(planner->input->hba_errors);
	Action	   *action = action_door(planner, DOOR_NONE, "hba.write", "pg_hba.conf", NULL,
									 pstrdup(""), pstrdup("different"));

	action_block(action, ERRCODE_PGOPS_HBA_REJECTED,
				 error->hint ? error->hint :
				 "Correct pg_hba_rules or pg_default_hba_rules; Patroni's configuration stays as it is.",
				 "%s%s", error->line > 0 ? psprintf("line %d of the new rules: ", error->line) : "",
				 error->message);
}

/* how many lines come and go; the statement has them */
static char *
change_text(const SpecNode *have, const List *lines)
{
	int			gone = 0;
	int			kept = 0;
	ListCell   *cell;

	foreach(cell, have->items)
	{
		const char *text = node_text(lfirst(cell));

		if (text != NULL && plan_has_name(unconstify(List *, lines), text))
			kept++;
		else
			gone++;
	}
	return psprintf("pg_hba: %d lines -> %d lines, %d of them new, %d gone",
					list_length(have->items), list_length(lines),
					Max(list_length(lines) - kept, 0), gone);
}

/* By pgops_dcs somebody says all of it: so it is, but for what the server would not start with. */
static void
take_declared(Planner *planner)
{
	SpecNode   *section = node_get(planner->patroni->want, hba_keys[0]);

	if (planner->input->hba_errors == NIL || section == NULL)
		return;
	report_rejected(planner);
	plan_want(planner, "patroni", NULL, "postgresql.pg_hba", NULL);
	node_map_unset(section, hba_keys[1]);
}

void
plan_patroni_hba(Planner *planner)
{
	const SpecNode *have = present_list(planner->input);
	List	   *left_out;
	List	   *lines = common_lines(planner->input, &left_out);
	SpecNode   *list = node_list();
	ListCell   *cell;

	if (!plan_patroni_usable(planner))
		return;
	if (declared_list(planner->input) != NULL)
	{
		take_declared(planner);
		return;
	}
	/* null: it is taken away */
	if (lines == NIL ||
		node_get(node_get(planner->cluster->patroni->dcs, "postgresql"), "pg_hba") != NULL)
		return;
	foreach(cell, left_out)
		report_left_out(planner, lfirst(cell));
	if (same_lines(have, lines))
		return;
	if (planner->input->hba_errors != NIL)
	{
		report_rejected(planner);
		return;
	}
	foreach(cell, lines)
		node_list_add(list, node_string(lfirst(cell)));
	planner->patroni->hba = list;
	planner->patroni->reasons = lappend(planner->patroni->reasons, change_text(have, lines));
}
