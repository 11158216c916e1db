/*
 * validate_ha.c
 *		What is declared about high availability, taken together and held
 *		against the members that are declared: a plan that there is not,
 *		synchronous replication with nobody to confirm, delays of nothing,
 *		replicas that follow each other in a circle.
 *
 * Not for: single values (validate_patroni.c), upstreams that are nowhere
 * (validate_fleet.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "spec/model_patroni.h"
#include "spec/spec.h"
#include "spec/validate.h"

/* ---- values ---- */

/* NULL: not declared, or not known before it is resolved */
static const SpecNode *
plain_value(const GroupView *view, const char *param, const char **origin)
{
	const SpecNode *value = spec_view_value(view, param, origin);
	const char *text = value ? node_text(value) : NULL;

	if (value == NULL || value->kind == NODE_NULL || spec_is_jinja(value) ||
		(text != NULL && spec_has_placeholder(text)))
		return NULL;
	return value;
}

/* the same of a scalar; what is none was refused already */
static const SpecNode *
plain_scalar(const GroupView *view, const char *param, const char **origin)
{
	const SpecNode *value = plain_value(view, param, origin);

	return value != NULL && node_text(value) != NULL ? value : NULL;
}

static bool
is_own(const GroupView *view, const char *origin)
{
	return strcmp(origin, view->path) == 0;
}

/* a key of pgops_dcs; NULL: not declared */
static const SpecNode *
dcs_value(const GroupView *view, const char *key, char **path)
{
	const char *origin = view->path;
	const SpecNode *dcs = plain_value(view, "pgops_dcs", &origin);
	const SpecNode *value = dcs && dcs->kind == NODE_MAP ? node_get(dcs, key) : NULL;

	*path = spec_path_key(spec_path_key(origin, "pgops_dcs"), key);
	return value == NULL || value->kind == NODE_NULL || spec_is_jinja(value) ? NULL : value;
}

static bool
is_on(const SpecNode *value)
{
	bool		on;

	if (value == NULL || node_text(value) == NULL)
		return false;
	return strcmp(node_text(value), "quorum") == 0 ||
		(parse_bool(node_text(value), &on) && on);
}

/* ---- the plan of time limits ---- */

/* the map's keys, ends with NULL; palloc'd */
static const char **
names_of(const SpecNode *map)
{
	const char **names = palloc((list_length(map->entries) + 1) * sizeof(char *));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, map->entries)
		names[count++] = ((SpecEntry *) lfirst(cell))->key;
	names[count] = NULL;
	return names;
}

static void
check_rto(const GroupView *view, Findings *findings)
{
	const char *rto_at = view->path;
	const char *plans_at = view->path;
	const SpecNode *rto = plain_scalar(view, "pg_rto", &rto_at);
	const SpecNode *plans = plain_value(view, "pg_rto_plan", &plans_at);
	const char *hint;
	int64		number;

	if (rto == NULL || (!is_own(view, rto_at) && (plans == NULL || !is_own(view, plans_at))))
		return;
	if (plans == NULL)
		plans = catalogue_default_value("pg_rto_plan");
	if (plans->kind != NODE_MAP || node_get(plans, node_text(rto)) != NULL)
		return;
	rto_at = spec_path_key(rto_at, "pg_rto");
	if (spec_integer(rto, &number))
	{
		if (number < 3)
			spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, rto, rto_at, NULL,
					   "as a number of seconds \"pg_rto\" must be at least 3");
		else
			spec_check_timing(rto, rto_at, number, number / 3, number / 3, findings);
		return;
	}
	hint = spec_did_you_mean(node_text(rto), names_of(plans));
	spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, rto, rto_at,
			   hint ? hint : "Name a plan of pg_rto_plan: fast, norm, safe and wide unless you declare others.",
			   "\"%s\" is no plan of \"pg_rto_plan\"", node_text(rto));
}

/* one of the three; false: it is not known */
static bool
timing_value(const GroupView *view, const char *key, int index, const SpecNode *plan,
			 const SpecNode **at, char **path, int64 *value)
{
	char	   *key_path;
	const SpecNode *declared = dcs_value(view, key, &key_path);

	if (declared != NULL)
	{
		*at = declared;
		*path = key_path;
		return spec_integer(declared, value);
	}
	return plan != NULL && plan->kind == NODE_LIST && list_length(plan->items) > index &&
		spec_integer(list_nth(plan->items, index), value);
}

/* what pgops_dcs says together with the plan; what neither says is found when a plan is made */
static void
check_timing(const GroupView *view, Findings *findings)
{
	const SpecNode *rto = plain_scalar(view, "pg_rto", NULL);
	const SpecNode *plans = plain_value(view, "pg_rto_plan", NULL);
	bool		declared = rto != NULL || plans != NULL ||
		plain_value(view, "pg_conf", NULL) != NULL;
	const SpecNode *at = NULL;
	const SpecNode *plan = NULL;
	char	   *path = NULL;
	int64		values[3];

	if (plans == NULL || plans->kind != NODE_MAP)
		plans = catalogue_default_value("pg_rto_plan");
	if (declared)
		plan = node_get(plans, rto ? node_text(rto) : "norm");
	if (timing_value(view, "retry_timeout", 2, plan, &at, &path, &values[2]) &&
		timing_value(view, "loop_wait", 1, plan, &at, &path, &values[1]) &&
		timing_value(view, "ttl", 0, plan, &at, &path, &values[0]) && at != NULL)
		spec_check_timing(at, path, values[0], values[1], values[2], findings);
}

/* ---- synchronous replication ---- */

/* members of the cluster that the group is; -1: it is several, or they are not known */
static int
count_members(GroupView *view)
{
	const SpecTeam *team = NULL;
	int			count = 0;
	ListCell   *cell;

	if (view->incomplete)
		return -1;
	foreach(cell, spec_view_members(view))
	{
		const SpecMember *member = lfirst(cell);

		if (team != NULL && member->team != team)
			return -1;
		team = member->team;
		count++;
	}
	return count == 0 ? -1 : count;
}

/* what a member itself says, or NULL */
static const SpecNode *
own_value(const SpecMember *member, const char *param)
{
	const SpecNode *value = member->host->value->kind == NODE_MAP ?
		node_get(member->host->value, param) : NULL;

	return value && value->kind != NODE_NULL ? value : NULL;
}

/* members that Patroni never lets confirm: set aside for queries, or behind on purpose */
static int
count_aside(GroupView *view)
{
	int			count = 0;
	ListCell   *cell;

	foreach(cell, spec_view_members(view))
	{
		const SpecNode *role = own_value(lfirst(cell), "pg_role");
		const char *text = role ? node_text(role) : NULL;

		if (text != NULL && (strcmp(text, "offline") == 0 || strcmp(text, "delayed") == 0))
			count++;
	}
	return count;
}

/*
 * Where the template or the objective alone asks for it, a warning: on a server
 * without Patroni it is about its parameters only.
 */
static void
check_lonely(const GroupView *view, Findings *findings)
{
	static const char *const keys[] = {"synchronous_mode_strict", "synchronous_mode"};
	const char *conf_at = view->path;
	const SpecNode *conf = plain_scalar(view, "pg_conf", &conf_at);
	const char *rpo_at = view->path;
	const SpecNode *rpo = plain_scalar(view, "pg_rpo", &rpo_at);
	char	   *strict_path;
	int64		bytes;

	for (int i = 0; i < lengthof(keys); i++)
	{
		char	   *path;
		const SpecNode *value = dcs_value(view, keys[i], &path);

		if (!is_on(value))
			continue;
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, value, path,
				   "Declare a replica, or leave it out.",
				   i == 0 ?
				   "cluster \"%s\" has no standby that could confirm: all writes would wait forever" :
				   "cluster \"%s\" has no standby that could confirm what is written",
				   view->path);
		return;
	}
	if (conf != NULL && is_own(view, conf_at) && strncmp(node_text(conf), "crit", 4) == 0 &&
		dcs_value(view, "synchronous_mode_strict", &strict_path) == NULL)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, conf,
					spec_path_key(conf_at, "pg_conf"),
					"Declare a replica, or pgops_dcs: {synchronous_mode_strict: false}.",
					"template crit makes writes wait for a standby under Patroni, and cluster \"%s\" has none",
					view->path);
	else if (rpo != NULL && is_own(view, rpo_at) && spec_integer(rpo, &bytes) && bytes == 0 &&
			 dcs_value(view, "synchronous_mode", &strict_path) == NULL)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, rpo,
					spec_path_key(rpo_at, "pg_rpo"), "Declare a replica, or leave it out.",
					"an objective of 0 bytes needs a standby that confirms, and cluster \"%s\" has none",
					view->path);
}

static void
check_sync(GroupView *view, Findings *findings)
{
	int			members = count_members(view);
	char	   *path;
	const SpecNode *count = dcs_value(view, "synchronous_node_count", &path);
	int64		number;

	if (members > 0 && members - count_aside(view) <= 1)
		check_lonely(view, findings);
	if (members > 0 && count != NULL && spec_integer(count, &number) && number >= members)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, count, path,
				   members > 1 ? psprintf("At most %d can confirm: all members but the leader.",
										  members - 1) : "Declare replicas.",
				   "cluster \"%s\" has %d member%s, of which " INT64_FORMAT " standbys cannot confirm",
				   view->path, members, members == 1 ? "" : "s", number);
}

/* ---- upstreams and delays ---- */

static void
check_delay(const GroupView *view, const SpecMember *member, Findings *findings)
{
	const SpecNode *delay = own_value(member, "pg_delay");
	const SpecNode *upstream = own_value(member, "pg_upstream");
	const char *origin = psprintf("%s.hosts.%s", view->path, member->host->key);
	const char *text;

	/* what the cluster's variables say is meant for the primary */
	if (member->primary && delay == NULL)
		delay = spec_view_value(view, "pg_delay", &origin);
	if (member->primary && upstream == NULL)
		upstream = spec_view_value(view, "pg_upstream", NULL);
	text = delay ? node_text(delay) : NULL;
	if (text == NULL || upstream != NULL || spec_has_placeholder(text) ||
		strtod(text, NULL) == 0)
		return;
	spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, delay,
			   spec_path_key(origin, "pg_delay"),
			   "Declare pg_upstream: the address of the cluster or member it is to follow with that delay.",
			   "\"pg_delay\" of %s without \"pg_upstream\" delays nothing", text);
}

/* the member that a replica is told to follow, or NULL */
static const SpecMember *
upstream_of(GroupView *view, const SpecMember *member)
{
	const char *name = spec_plain_text(own_value(member, "pg_upstream"));
	ListCell   *cell;

	if (name == NULL || member->primary)
		return NULL;
	foreach(cell, spec_view_members(view))
	{
		const SpecMember *other = lfirst(cell);

		if (other->team == member->team && spec_member_is_called(view, other, name))
			return other;
	}
	return NULL;
}

/* a circle is told of its first member; one that follows itself elsewhere (validate_fleet.c) */
static void
check_circle(GroupView *view, const SpecMember *member, Findings *findings)
{
	int			members = list_length(spec_view_members(view));
	const SpecMember *at = upstream_of(view, member);
	StringInfoData way;

	if (at == NULL || at == member)
		return;
	initStringInfo(&way);
	appendStringInfo(&way, "%s -> %s", member->host->key, at->host->key);
	for (int step = 0; at != member; step++)
	{
		const SpecMember *next = upstream_of(view, at);

		if (next == NULL || next == at || step > members ||
			member->host->line > next->host->line)
			return;
		at = next;
		appendStringInfo(&way, " -> %s", at->host->key);
	}
	spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, own_value(member, "pg_upstream"),
			   psprintf("%s.hosts.%s.pg_upstream", view->path, member->host->key),
			   "One of them must follow the primary: leave its pg_upstream out.",
			   "replicas follow each other in a circle: %s", way.data);
}

/* ---- parameters that are Patroni's ---- */

/* without a word about Patroni a server of its own may be meant */
static bool
concerns_patroni(GroupView *view)
{
	static const char *const params[] = {
		"pgops_dcs", "pg_rto", "pg_rto_plan", "pg_rpo", "patroni_mode", "patroni_password"
	};
	const SpecNode *enabled = plain_value(view, "patroni_enabled", NULL);

	if (enabled != NULL && enabled->kind == NODE_BOOL && !enabled->boolean)
		return false;
	for (int i = 0; i < lengthof(params); i++)
	{
		if (spec_view_value(view, params[i], NULL) != NULL)
			return true;
	}
	return count_members(view) > 1;
}

static void
check_owned(GroupView *view, Findings *findings)
{
	const char *origin = view->path;
	const SpecNode *parameters = spec_view_value(view, "pg_parameters", &origin);
	ListCell   *cell;

	if (parameters == NULL || parameters->kind != NODE_MAP || !is_own(view, origin) ||
		!concerns_patroni(view))
		return;
	foreach(cell, parameters->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const char *value = node_text(entry->value);
		SpecNode	at = spec_place_of_key(entry);

		if (model_patroni_owns(entry->key) && value != NULL &&
			!(model_patroni_default(entry->key) != NULL && is_on(entry->value)))
			finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_BAD_NAME, &at,
						spec_path_key(spec_path_key(origin, "pg_parameters"), entry->key),
						"Where Patroni runs the server, leave it out.",
						"Patroni sets \"%s\" itself", entry->key);
	}
}

/* ---- all of it ---- */

void
spec_check_ha_level(const GroupView *view, Findings *findings)
{
	const char *dcs_at = "";

	check_rto(view, findings);
	if (spec_view_value(view, "pgops_dcs", &dcs_at) != NULL && is_own(view, dcs_at))
		check_timing(view, findings);
}

void
spec_check_ha(GroupView *view, Findings *findings)
{
	ListCell   *cell;

	check_sync(view, findings);
	check_owned(view, findings);
	foreach(cell, spec_view_members(view))
	{
		check_delay(view, lfirst(cell), findings);
		check_circle(view, lfirst(cell), findings);
	}
}
