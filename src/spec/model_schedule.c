/*
 * model_schedule.c
 *		Schedules and the maintenance window of a cluster, from its parameters.
 *
 * What validation would refuse is left out: it was refused.  A crontab's line
 * is never refused, for it was not written for pgops.
 */
#include "postgres.h"

#include "spec/catalogue.h"
#include "spec/crontab.h"
#include "spec/model_build.h"
#include "spec/schedule.h"

/* ---- what there is to do ---- */

#define BACKUP_TYPES	"full,diff,incr"

static const FieldDef backup_options[] = {
	{"type", PT_ENUM, false, false, BACKUP_TYPES, 0, 0, NULL, "full, diff or incr"},
	{"repo", PT_INT, false, false, NULL, 1, 256, NULL, "number of the repository"},
	{"annotations", PT_DICT, false, false, NULL, 0, 0, NULL, "names and texts kept with the backup"},
	{NULL}
};

static const FieldDef expire_options[] = {
	{"repo", PT_INT, false, false, NULL, 1, 256, NULL, "number of the repository"},
	{NULL}
};

/* what a restore test asks the restored server */
static const FieldDef probe_fields[] = {
	{"query", PT_STRING, true, false, NULL, 0, 0, NULL, "a query"},
	{"database", PT_NAME, false, false, NULL, 0, 0, NULL, "where"},
	{"name", PT_STRING, false, false, NULL, 0, 0, NULL, "how the result is called"},
	{"expect", PT_STRING, false, false, NULL, 0, 0, NULL, "what it must return"},
	{NULL}
};

static const ObjectDef probe_object = {"probe", probe_fields, NULL};

static const FieldDef verify_options[] = {
	{"set", PT_STRING, false, false, NULL, 0, 0, NULL, "label of the backup; the newest one"},
	{"repo", PT_INT, false, false, NULL, 1, 256, NULL, "number of the repository"},
	{"target", PT_ENUM, false, false, "latest,immediate", 0, 0, NULL, "how far WAL is replayed"},
	{"probes", PT_OBJECTS, false, false, NULL, 0, 0, &probe_object, "queries to be asked"},
	{NULL}
};

static const FieldDef no_options[] = {
	{NULL}
};

/* what pgops.vacuum() and its like all take */
#define TABLE_OPTIONS \
	{"databases", PT_LIST, false, false, NULL, 0, 0, NULL, "databases; all of them"}, \
	{"max_tables", PT_INT, false, false, NULL, 1, PG_INT32_MAX, NULL, "at most so many"}, \
	{"min_size", PT_STRING, false, false, NULL, 0, 0, NULL, "only what is so large: 64MB"}

#define PARALLEL \
	{"parallel", PT_INT, false, false, NULL, 0, 1024, NULL, "workers for the indexes of a table"}

static const FieldDef vacuum_options[] = {
	TABLE_OPTIONS, PARALLEL,
	{"min_dead", PT_FLOAT, false, false, NULL, 0, 0, NULL, "dead rows, as a share of autovacuum's threshold"},
	{NULL}
};

static const FieldDef freeze_options[] = {
	TABLE_OPTIONS, PARALLEL,
	{"min_age", PT_FLOAT, false, false, NULL, 0, 0, NULL, "age, as a share of autovacuum_freeze_max_age"},
	{NULL}
};

static const FieldDef analyze_options[] = {
	TABLE_OPTIONS,
	{"min_changed", PT_FLOAT, false, false, NULL, 0, 0, NULL, "changed rows, as a share of autovacuum's threshold"},
	{NULL}
};

static const FieldDef bloat_options[] = {
	TABLE_OPTIONS,
	{"min_bloat", PT_FLOAT, false, false, NULL, 0, 0, NULL, "share of the pages that are not needed"},
	{NULL}
};

/* the names are those of the kinds of jobs, but for the last */
static const ObjectDef kinds[] = {
	{"backup", backup_options},
	{"verify_backup", verify_options},
	{"vacuum", vacuum_options},
	{"freeze", freeze_options},
	{"analyze", analyze_options},
	{"repack", bloat_options},
	{"reindex", bloat_options},
	{"expire", expire_options},
	{"reconcile", no_options},
};

/* see schedule.h */
const ObjectDef *
schedule_options(const char *what)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, what) == 0)
			return &kinds[i];
	}
	return NULL;
}

char *
schedule_what(const char *declared, const char **type)
{
	const char *blank = strchr(declared, ' ');

	*type = blank ? pstrdup(blank + 1) : NULL;
	return blank ? pnstrdup(declared, blank - declared) : pstrdup(declared);
}

/* ---- lengths of time ---- */

static const struct
{
	const char *unit;
	double		ms;
}			units[] = {
	{"", 1000}, {"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000},
	{"h", 3600000}, {"d", 86400000},
};

bool
schedule_interval(const SpecNode *value, int64 *ms)
{
	const char *text = value ? node_text(value) : NULL;
	char	   *end;
	double		number;

	if (text == NULL)
		return false;
	number = strtod(text, &end);
	if (end == text)
		return false;
	end += strspn(end, " ");
	for (int i = 0; i < lengthof(units); i++)
	{
		/* beyond a thousand years nobody means anything by it */
		if (strcmp(units[i].unit, end) == 0 && number >= 0 && number * units[i].ms < 3e13)
		{
			*ms = (int64) (number * units[i].ms);
			return true;
		}
	}
	return false;
}

static int64
interval_field(const SpecNode *entry, const char *name)
{
	int64		ms;

	return schedule_interval(node_get(entry, name), &ms) ? ms : 0;
}

/* ---- schedules ---- */

static Schedule *
declared_schedule(const SpecNode *entry)
{
	Schedule   *schedule = palloc0(sizeof(Schedule));
	const SpecNode *options = node_get(entry, "options");
	char	   *what = model_field_text(entry, "what");
	const char *problem;
	const char *hint;
	const char *type;

	schedule->name = model_field_text(entry, "name");
	schedule->source = "pgops_schedules";
	schedule->expression = model_field_text(entry, "cron");
	if (schedule->name == NULL || schedule->expression == NULL || what == NULL)
		return NULL;
	schedule->cron = cron_parse(schedule->expression, &problem, &hint);
	if (schedule->cron == NULL)
		schedule->problem = pstrdup(problem);
	schedule->what = schedule_what(what, &type);
	schedule->options = options != NULL && options->kind == NODE_MAP ?
		node_copy(options) : node_map();
	if (type == NULL && strcmp(schedule->what, "backup") == 0 &&
		node_get(schedule->options, "type") == NULL)
		type = "incr";
	if (type != NULL)
		node_map_set(schedule->options, "type", node_string(type));
	schedule->window_ms = interval_field(entry, "window");
	schedule->deadline_ms = interval_field(entry, "deadline");
	schedule->state = model_field_state(entry);
	return schedule;
}

static bool
name_taken(const Cluster *cluster, const char *name)
{
	ListCell   *lc;

	foreach(lc, cluster->schedules)
	{
		if (strcmp(((Schedule *) lfirst(lc))->name, name) == 0)
			return true;
	}
	return false;
}

/*
 * A line has no name: what it does is one that stays when others are added
 * before it.
 */
static char *
line_name(const Cluster *cluster, const char *source, const CrontabLine *line)
{
	const SpecNode *type = node_get(line->options, "type");
	char	   *base = psprintf("%s.%s%s%s", source, line->what ? line->what : "line",
								type ? "_" : "", type ? node_text(type) : "");
	char	   *name = base;

	for (int i = 2; name_taken(cluster, name); i++)
		name = psprintf("%s.%d", base, i);
	return name;
}

/*
 * Lines of other operating system users are what the host does; pgops is not
 * the host.  Nor does it know another cluster's backups.  NULL: it is ours.
 */
static char *
not_ours(const ModelBuild *build, const Cluster *cluster, const CrontabLine *line)
{
	if (line->user != NULL && strcmp(line->user, build->declared_dbsu) != 0)
		return psprintf("it is one of the host, for the user %s", line->user);
	if (line->stanza != NULL && strcmp(line->stanza, cluster->name) != 0)
		return psprintf("it is about the stanza \"%s\"", line->stanza);
	return NULL;
}

static void
crontab_schedules(const ModelBuild *build, Cluster *cluster, const char *param, bool with_user)
{
	ListCell   *lc;

	foreach(lc, model_param_items(build, param))
	{
		const char *text = node_text(lfirst(lc));
		CrontabLine *line = text ? crontab_parse(text, with_user) : NULL;
		Schedule   *schedule;

		if (line == NULL)
			continue;
		schedule = palloc0(sizeof(Schedule));
		schedule->name = line_name(cluster, param, line);
		schedule->source = pstrdup(param);
		schedule->expression = line->expression;
		schedule->cron = line->cron;
		schedule->what = line->what;
		schedule->options = line->options;
		schedule->problem = line->problem;
		schedule->user = line->user;
		if (not_ours(build, cluster, line) != NULL)
		{
			schedule->what = NULL;
			schedule->problem = not_ours(build, cluster, line);
		}
		cluster->schedules = lappend(cluster->schedules, schedule);
	}
}

static MaintenanceWindow *
build_window(const SpecNode *value)
{
	MaintenanceWindow *window = palloc0(sizeof(MaintenanceWindow));
	const char *problem;
	const char *hint;

	if (value == NULL || value->kind != NODE_MAP)
		return NULL;
	window->expression = model_field_text(value, "cron");
	window->duration_ms = interval_field(value, "duration");
	if (window->expression == NULL || window->duration_ms <= 0)
		return NULL;
	window->cron = cron_parse(window->expression, &problem, &hint);
	return window->cron ? window : NULL;
}

/* see schedule.h */
void
model_build_schedules(const ModelBuild *build, Cluster *cluster)
{
	ListCell   *lc;

	foreach(lc, model_param_items(build, "pgops_schedules"))
	{
		Schedule   *schedule = declared_schedule(lfirst(lc));

		if (schedule != NULL)
			cluster->schedules = lappend(cluster->schedules, schedule);
	}
	crontab_schedules(build, cluster, "pg_crontab", false);
	crontab_schedules(build, cluster, "node_crontab", true);
	cluster->window = build_window(model_param(build, "pgops_maintenance_window"));
}

Schedule *
schedule_find(const Cluster *cluster, const char *name)
{
	ListCell   *lc;

	foreach(lc, cluster->schedules)
	{
		Schedule   *schedule = lfirst(lc);

		if (schedule->state != STATE_ABSENT && strcmp(schedule->name, name) == 0)
			return schedule;
	}
	return NULL;
}

/*
 * A backup where nothing is declared about backups would fail every night: that
 * is told beforehand, once.
 */
const char *
schedule_problem(const Cluster *cluster, const Schedule *schedule)
{
	static const char *const needs_backups[] = {"backup", "verify_backup", "expire"};

	if (schedule->state == STATE_ABSENT)
		return "it is declared as absent";
	if (schedule->problem != NULL)
		return schedule->problem;
	if (cluster->policy == POLICY_OBSERVE)
		return "pgops_policy is observe";
	for (int i = 0; i < lengthof(needs_backups); i++)
	{
		if (strcmp(schedule->what, needs_backups[i]) == 0 && cluster->backup == NULL)
			return "backups are not declared (pgbackrest_enabled, pgbackrest_repo, pgbackrest_method)";
	}
	return NULL;
}
