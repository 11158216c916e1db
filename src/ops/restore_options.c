/*
 * restore_options.c
 *		The target of a restore as options of pgBackRest, and in words.
 *
 * Not for: reading it (restore_target.c).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "ops/restore.h"

/* as pgBackRest calls them */
static const char *const type_names[] = {
	[RESTORE_LATEST] = "default",
	[RESTORE_IMMEDIATE] = "immediate",
	[RESTORE_TIME] = "time",
	[RESTORE_XID] = "xid",
	[RESTORE_LSN] = "lsn",
	[RESTORE_NAME] = "name",
};

/* ---- options of pgBackRest ---- */

static List *
add_list(List *options, const char *option, const List *values)
{
	const ListCell *cell;

	foreach(cell, values)
		options = lappend(options, psprintf("--%s=%s", option, (const char *) lfirst(cell)));
	return options;
}

static List *
target_options(const RestoreTarget *target)
{
	List	   *options = list_make1(psprintf("--type=%s", type_names[target->type]));

	if (target->value != NULL)
		options = lappend(options, psprintf("--target=%s", target->value));
	if (target->exclusive)
		options = lappend(options, pstrdup("--target-exclusive"));
	if (target->type != RESTORE_LATEST)
		options = lappend(options, psprintf("--target-action=%s", target->action));
	if (target->timeline != NULL)
		options = lappend(options, psprintf("--target-timeline=%s", target->timeline));
	return options;
}

List *
restore_options(const RestoreTarget *target)
{
	List	   *options = target_options(target);
	ListCell   *cell;

	if (target->set != NULL)
		options = lappend(options, psprintf("--set=%s", target->set));
	if (target->repo > 0)
		options = lappend(options, psprintf("--repo=%d", target->repo));
	options = add_list(options, "db-include", target->db_include);
	options = add_list(options, "db-exclude", target->db_exclude);
	if (target->processes > 0)
		options = lappend(options, psprintf("--process-max=%d", target->processes));
	if (target->delta)
		options = lappend(options, pstrdup("--delta"));
	if (target->link_map == NULL)
		return options;
	foreach(cell, target->link_map->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		options = lappend(options, psprintf("--link-map=%s=%s", entry->key,
											node_text(entry->value)));
	}
	return options;
}

/* ---- in words ---- */
char *
restore_describe(const RestoreTarget *target)
{
	StringInfoData text;

	initStringInfo(&text);
	switch (target->type)
	{
		case RESTORE_LATEST:
			appendStringInfoString(&text, "the end of the archive");
			break;
		case RESTORE_IMMEDIATE:
			appendStringInfoString(&text, "the first consistent state");
			break;
		case RESTORE_TIME:
			appendStringInfo(&text, "time %s", timestamptz_to_str(target->time));
			break;
		case RESTORE_NAME:
			appendStringInfo(&text, "restore point \"%s\"", target->value);
			break;
		default:
			appendStringInfo(&text, "%s %s", type_names[target->type], target->value);
			break;
	}
	if (target->exclusive)
		appendStringInfoString(&text, ", exclusive");
	if (target->timeline != NULL)
		appendStringInfo(&text, ", timeline %s", target->timeline);
	if (target->set != NULL)
		appendStringInfo(&text, ", from backup %s", target->set);
	if (target->stanza != NULL)
		appendStringInfo(&text, ", of cluster %s", target->stanza);
	return text.data;
}
