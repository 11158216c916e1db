/*
 * validate_schedule.c
 *		What schedules, crontabs and the maintenance window must keep besides
 *		the types of their fields.
 *
 * A crontab's line was not written for pgops: what pgops will not run of it
 * is told, and is no error.
 */
#include "postgres.h"

#include "errors.h"
#include "spec/crontab.h"
#include "spec/schedule.h"
#include "spec/validate.h"

static const FieldDef window_fields[] = {
	{"cron", PT_STRING, true, false, NULL, 0, 0, NULL, "when it begins: a cron expression"},
	{"duration", PT_INTERVAL, true, false, NULL, 0, 0, NULL, "how long it lasts"},
	{NULL}
};

static const ObjectDef window_object = {"maintenance window", window_fields, NULL};

/* a text that has no placeholder is looked at as it stands */
static void
check_expression(const SpecNode *value, const char *path, Findings *findings)
{
	const char *problem;
	const char *hint;

	if (spec_has_placeholder(value->text) || cron_parse(value->text, &problem, &hint) != NULL)
		return;
	spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, hint,
			   "cron expression \"%s\": %s", spec_clip(value->text, 60), problem);
}

/* a length of time of nothing: what would it be for? */
static void
check_length(const SpecNode *map, const char *field, const char *path, Findings *findings)
{
	const SpecNode *value = node_get(map, field);
	int64		ms;

	if (value == NULL || value->kind == NODE_NULL || !schedule_interval(value, &ms) || ms > 0)
		return;
	spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, spec_path_key(path, field), NULL,
			   "field \"%s\" must be longer than nothing", field);
}

/* "backup full" and a type among the options say the same thing twice */
static void
check_options(const SpecNode *item, const char *path, Findings *findings)
{
	SpecNode   *options = node_get(item, "options");
	const char *type;
	char	   *what = schedule_what(node_get(item, "what")->text, &type);
	const ObjectDef *object = schedule_options(what);
	const SpecNode *other;

	if (object == NULL || options == NULL || options->kind != NODE_MAP)
		return;
	path = spec_path_key(path, "options");
	spec_check_object(object, options, path, findings);
	other = node_get(options, "type");
	if (type != NULL && other != NULL && other->kind == NODE_STRING &&
		strcmp(type, other->text) != 0)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, other, spec_path_key(path, "type"), NULL,
				   "the schedule asks for \"%s %s\" and for the type \"%s\"", what, type,
				   spec_clip(other->text, 60));
}

void
spec_check_schedule(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *cron = node_get(item, "cron");

	check_expression(cron, spec_path_key(path, "cron"), findings);
	check_length(item, "window", path, findings);
	check_options(item, path, findings);
}

void
spec_check_window(const SpecNode *value, const char *path, Findings *findings)
{
	int			errors = findings->errors;

	if (value->kind != NODE_MAP)
		return;
	spec_check_object(&window_object, unconstify(SpecNode *, value), path, findings);
	if (findings->errors > errors)
		return;
	check_expression(node_get(value, "cron"), spec_path_key(path, "cron"), findings);
	check_length(value, "duration", path, findings);
}

/* the command is not quoted: it may hold a password */
void
spec_check_pg_crontab(const SpecNode *value, const char *path, Findings *findings)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, value->items)
	{
		const SpecNode *item = lfirst(lc);
		CrontabLine *line;

		if (spec_has_placeholder(item->text))
			line = NULL;
		else
			line = crontab_parse(item->text, false);
		if (line != NULL && line->problem != NULL)
			finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_NOT_SUPPORTED, item,
						spec_path_item(path, i),
						"pgops does backups, expire, vacuum, freeze, analyze, repack and reindex; see pgops.schedules.",
						"pgops does not run this line: %s", line->problem);
		i++;
	}
}
