/*
 * model_patroni.c
 *		What is declared about high availability, and Patroni's dynamic
 *		configuration as it follows from that.
 *
 * Two questions are answered with the same table of steps: what a new cluster
 * is to begin with (everything), and what of a running one was declared, which
 * alone is compared and changed there.
 *
 * Not for: how that differs from what a cluster has (patroni_patch.c), whether
 * it makes sense (validate_patroni.c).
 */
#include "postgres.h"

#include "spec/catalogue.h"
#include "spec/model_build.h"
#include "spec/model_patroni.h"
#include "spec/spec.h"

/* s: how long a leader may take to stop before another one is looked for */
#define PRIMARY_STOP_TIMEOUT	30

/* ---- values ---- */

/* as declared; NULL: not at all, null, or what only Ansible can evaluate */
static const SpecNode *
declared_value(const SpecNode *vars, const char *param)
{
	const SpecNode *value = vars ? node_get(vars, param) : NULL;

	if (value == NULL || value->kind == NODE_NULL || spec_is_jinja(value))
		return NULL;
	return value;
}

/* the same, else the catalogue's default; may be NULL */
static const SpecNode *
value_of(const SpecNode *vars, const char *param)
{
	const SpecNode *value = declared_value(vars, param);

	return value ? value : catalogue_default_value(param);
}

/* palloc'd text of a scalar; NULL: none, or empty */
static char *
text_of(const SpecNode *vars, const char *param)
{
	const SpecNode *value = value_of(vars, param);
	const char *text = value ? node_text(value) : NULL;

	return text && text[0] != '\0' ? pstrdup(text) : NULL;
}

static bool
bool_of(const SpecNode *vars, const char *param, bool otherwise)
{
	const SpecNode *value = value_of(vars, param);

	return value && value->kind == NODE_BOOL ? value->boolean : otherwise;
}

/* a number, also one in quotes */
static bool
number_in(const SpecNode *value, int64 *number)
{
	const char *text = value ? node_text(value) : NULL;
	char	   *end;

	if (value == NULL || text == NULL || text[0] == '\0')
		return false;
	*number = value->kind == NODE_INT ? value->integer : strtoll(text, &end, 10);
	return value->kind == NODE_INT || *end == '\0';
}

static int64
number_of(const SpecNode *vars, const char *param, int64 otherwise)
{
	int64		number;

	return number_in(value_of(vars, param), &number) ? number : otherwise;
}

/* a host's own variable, else (inherit) the cluster's; NULL: none */
static const SpecNode *
host_value(const SpecNode *body, const char *host, const char *param, bool inherit)
{
	const SpecNode *hosts = body ? node_get(body, "hosts") : NULL;
	const SpecNode *value = declared_value(hosts ? node_get(hosts, host) : NULL, param);

	if (value == NULL && inherit && body != NULL)
		value = declared_value(node_get(body, "vars"), param);
	return value;
}

/* the template's name without the suffix of its file */
static char *
template_of(const SpecNode *vars)
{
	char	   *conf = text_of(vars, "pg_conf");
	size_t		length = conf ? strlen(conf) : 0;

	if (length > 4 && strcmp(conf + length - 4, ".yml") == 0)
		conf[length - 4] = '\0';
	return conf;
}

/* ---- the plan of time limits ---- */

/* an element of a plan: seconds, or (from the sixth on) a duration, which becomes milliseconds */
static int
plan_number(const SpecNode *item)
{
	const char *text = node_text(item);
	char	   *end;
	double		number;

	if (text == NULL)
		return 0;
	number = strtod(text, &end);
	if (strcmp(end, "s") == 0)
		number *= 1000;
	return number > 0 && number < PG_INT32_MAX ? (int) number : 0;
}

/*
 * A number in place of a plan's name is the ttl, as it was before there were
 * plans: the rest follows from it so that Patroni's rule holds, ttl >=
 * loop_wait + 2 * retry_timeout.
 */
static void
plan_from_ttl(PatroniSpec *spec, int64 ttl)
{
	spec->rto[0] = (int) Min(Max(ttl, 3), PG_INT32_MAX);
	spec->rto[1] = spec->rto[2] = spec->rto[0] / 3;
	spec->rto[3] = spec->rto[0];
}

static void
take_plan(PatroniSpec *spec, const SpecNode *plan)
{
	int			i = 0;
	ListCell   *cell;

	if (plan == NULL || plan->kind != NODE_LIST)
		return;
	foreach(cell, plan->items)
	{
		if (i < lengthof(spec->rto))
			spec->rto[i++] = plan_number(lfirst(cell));
	}
}

/* What is no plan was refused before (validate_patroni.c); the default one then holds. */
static void
take_rto(PatroniSpec *spec, const SpecNode *vars)
{
	const SpecNode *plans = value_of(vars, "pg_rto_plan");
	const SpecNode *standard = catalogue_default_value("pg_rto_plan");
	char	   *name = text_of(vars, "pg_rto");
	int64		ttl;

	take_plan(spec, node_get(standard, "norm"));
	if (name != NULL && number_in(value_of(vars, "pg_rto"), &ttl) &&
		(plans->kind != NODE_MAP || node_get(plans, name) == NULL))
		plan_from_ttl(spec, ttl);
	else if (name != NULL && plans->kind == NODE_MAP)
		take_plan(spec, node_get(plans, name));
	spec->rto_declared = declared_value(vars, "pg_rto") != NULL ||
		declared_value(vars, "pg_rto_plan") != NULL;
}

/* ---- who follows whom ---- */

/* the member with that host, or NULL */
static char *
member_of(const Cluster *cluster, const char *host)
{
	ListCell   *cell;

	foreach(cell, cluster->instances)
	{
		const Instance *instance = lfirst(cell);

		if (strcmp(instance->host, host) == 0 || strcmp(instance->name, host) == 0)
			return instance->name;
	}
	return NULL;
}

/* "0" is no delay */
static char *
delay_text(const SpecNode *value)
{
	const char *text = value ? node_text(value) : NULL;

	return text == NULL || strtod(text, NULL) == 0 ? NULL : pstrdup(text);
}

/*
 * The declared primary's upstream makes the cluster a standby of another one;
 * a replica's makes it stream from another member.  What the cluster's variables
 * say is meant for the primary.
 */
static void
take_upstreams(PatroniSpec *spec, const Cluster *cluster, const SpecNode *vars,
			   const SpecNode *body)
{
	ListCell   *cell;

	foreach(cell, cluster->instances)
	{
		const Instance *instance = lfirst(cell);
		bool		primary = strcmp(instance->role, "primary") == 0;
		const SpecNode *value = host_value(body, instance->host, "pg_upstream", primary);
		const char *host = value ? node_text(value) : NULL;
		PatroniUpstream *upstream;

		if (host == NULL || host[0] == '\0')
			continue;
		if (primary)
		{
			spec->upstream = pstrdup(host);
			spec->upstream_port = (int) number_of(vars, "pg_port", 5432);
			spec->delay = delay_text(host_value(body, instance->host, "pg_delay", true));
			continue;
		}
		upstream = palloc0(sizeof(PatroniUpstream));
		upstream->instance = instance->name;
		upstream->host = pstrdup(host);
		upstream->member = member_of(cluster, host);
		spec->upstreams = lappend(spec->upstreams, upstream);
	}
}

/* a shard of a Citus cluster: all of them are one to Patroni */
static void
take_citus(PatroniSpec *spec, const SpecNode *vars)
{
	const SpecNode *mode = value_of(vars, "pg_mode");
	char	   *shard = text_of(vars, "pg_shard");

	spec->group = -1;
	if (mode == NULL || node_text(mode) == NULL || strcmp(node_text(mode), "citus") != 0 ||
		shard == NULL || declared_value(vars, "pg_group") == NULL)
		return;
	spec->scope = shard;
	spec->group = (int) number_of(vars, "pg_group", 0);
	spec->citus_database = text_of(vars, "patroni_citus_db");
	if (spec->citus_database == NULL)
		spec->citus_database = text_of(vars, "pg_primary_db");
}

/* see model_patroni.h; "vars" holds what is declared, by precedence, and nothing else */
PatroniSpec *
model_patroni(const Cluster *cluster, const SpecNode *vars, const SpecNode *body,
			  Findings *findings)
{
	PatroniSpec *spec = palloc0(sizeof(PatroniSpec));
	const SpecNode *dcs = declared_value(vars, "pgops_dcs");

	spec->enabled = bool_of(vars, "patroni_enabled", true);
	spec->scope = pstrdup(cluster->name);
	spec->mode = text_of(vars, "patroni_mode");
	spec->mode_declared = declared_value(vars, "patroni_mode") != NULL;
	spec->namespace = text_of(vars, "pg_namespace");
	spec->port = (int) number_of(vars, "patroni_port", 8008);
	spec->tls = bool_of(vars, "patroni_ssl_enabled", false);
	spec->user = text_of(vars, "patroni_username");
	spec->password = text_of(vars, "patroni_password");
	spec->watchdog = text_of(vars, "patroni_watchdog_mode");
	spec->conf = template_of(vars);
	spec->conf_declared = declared_value(vars, "pg_conf") != NULL;
	spec->rpo = number_of(vars, "pg_rpo", 1048576);
	spec->rpo_declared = declared_value(vars, "pg_rpo") != NULL;
	spec->dcs = dcs != NULL && dcs->kind == NODE_MAP ? node_copy(dcs) : NULL;
	take_rto(spec, vars);
	take_upstreams(spec, cluster, vars, body);
	take_citus(spec, vars);
	return spec;
}

/* all that model_patroni() looks at */
static const char *const params[] = {
	"patroni_enabled", "patroni_mode", "patroni_port", "patroni_ssl_enabled", "patroni_username",
	"patroni_password", "patroni_watchdog_mode", "patroni_citus_db", "pg_namespace", "pg_conf",
	"pg_rto", "pg_rto_plan", "pg_rpo", "pg_port", "pg_mode", "pg_shard", "pg_group",
	"pg_primary_db", "pgops_dcs"
};

/* model_build_patroni fills cluster->patroni, whatever is declared. */
void
model_build_patroni(const ModelBuild *build, Cluster *cluster, const SpecNode *body)
{
	SpecNode   *vars = node_map();

	for (int i = 0; i < lengthof(params); i++)
	{
		const SpecNode *value = model_declared_param(build, params[i]);

		if (value != NULL)
			node_map_set(vars, params[i], node_share(value));
	}
	cluster->patroni = model_patroni(cluster, vars, body, build->findings);
}

/* ---- the dynamic configuration ---- */

/* the template with which no transaction may be lost */
static bool
is_critical(const PatroniSpec *spec)
{
	return spec->conf != NULL && strcmp(spec->conf, "crit") == 0;
}

static void
add_timing(SpecNode *out, const PatroniSpec *spec, bool template)
{
	if (!template && !spec->rto_declared)
		return;
	node_map_set(out, "ttl", node_int(spec->rto[0]));
	node_map_set(out, "loop_wait", node_int(spec->rto[1]));
	node_map_set(out, "retry_timeout", node_int(spec->rto[2]));
	node_map_set(out, "primary_start_timeout", node_int(spec->rto[3]));
	if (template)
		node_map_set(out, "primary_stop_timeout", node_int(PRIMARY_STOP_TIMEOUT));
}

/*
 * An objective of 0 bytes is met by synchronous replication, and by it alone: as
 * limit of the lag it would keep a synchronous standby from becoming leader that
 * has everything but the position that the leader told last.
 */
static void
add_objective(SpecNode *out, const PatroniSpec *spec, bool template)
{
	bool		critical = template && is_critical(spec);

	if (!template && !spec->rpo_declared)
		return;
	if (spec->rpo > 0)
		node_map_set(out, "maximum_lag_on_failover", node_int(spec->rpo));
	if (template)
		node_map_set(out, "maximum_lag_on_syncnode", node_int(-1));
	node_map_set(out, "synchronous_mode", node_bool(critical || spec->rpo == 0));
	if (template)
	{
		node_map_set(out, "synchronous_mode_strict", node_bool(critical));
		node_map_set(out, "failsafe_mode", node_bool(true));
	}
}

/*
 * A cluster that follows another one.  Of a running one (not "all") the other's port
 * and how members are made stay as they are: nobody declares these.
 */
static void
add_standby_cluster(SpecNode *out, const PatroniSpec *spec, bool all)
{
	SpecNode   *standby = node_map();
	SpecNode   *methods = node_list();

	if (spec->upstream == NULL)
		return;
	node_map_set(standby, "host", node_string(spec->upstream));
	if (all)
	{
		node_map_set(standby, "port", node_int(spec->upstream_port));
		node_list_add(methods, node_string("basebackup"));
		node_map_set(standby, "create_replica_methods", methods);
	}
	if (spec->delay != NULL)
		node_map_set(standby, "recovery_min_apply_delay", node_string(spec->delay));
	else if (!all)
		node_map_set(standby, "recovery_min_apply_delay", node_null());
	node_map_set(out, "standby_cluster", standby);
}

/* A plain number stays one, as people write it; 0640 is none. */
SpecNode *
model_patroni_value(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	size_t		length = strlen(digits);

	if (length > 0 && length < 16 && strspn(digits, "0123456789") == length &&
		(digits[0] != '0' || (length == 1 && digits == text)))
		return node_int(strtoll(text, NULL, 10));
	return node_string(text);
}

/* the map at a key of another one, made if it is not there */
static SpecNode *
map_at(SpecNode *map, const char *key)
{
	SpecNode   *below = node_get(map, key);

	if (below == NULL || below->kind != NODE_MAP)
	{
		below = node_map();
		node_map_set(map, key, below);
	}
	return below;
}

static void
add_parameters(SpecNode *out, const List *parameters, bool all)
{
	SpecNode   *map;
	ListCell   *cell;

	if (parameters == NIL)
		return;
	map = map_at(map_at(out, "postgresql"), "parameters");
	foreach(cell, parameters)
	{
		const Setting *setting = lfirst(cell);

		if (setting->value != NULL)
			node_map_set(map, setting->name, model_patroni_value(setting->value));
		else if (!all)
			node_map_set(map, setting->name, node_null());
	}
}

/* see model_patroni.h */
void
model_patroni_overlay(SpecNode *out, const SpecNode *over, bool remove)
{
	ListCell   *cell;

	foreach(cell, over->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		SpecNode   *below = node_get(out, entry->key);

		if (entry->value->kind == NODE_NULL && remove)
			node_map_unset(out, entry->key);
		else if (entry->value->kind == NODE_MAP && below != NULL && below->kind == NODE_MAP)
			model_patroni_overlay(below, entry->value, remove);
		else
			node_map_set(out, entry->key, node_copy(entry->value));
	}
}

/*
 * Patroni has quorum commit since 4.0.  Before, the server does it by itself:
 * any standbys may confirm, and Patroni takes no part in it.
 */
static void
resolve_quorum(SpecNode *out, int patroni_version)
{
	const SpecNode *mode = node_get(out, "synchronous_mode");
	int64		count = 1;

	if (mode == NULL || node_text(mode) == NULL || strcmp(node_text(mode), "quorum") != 0 ||
		patroni_version == 0 || patroni_version >= 40000)
		return;
	(void) number_in(node_get(out, "synchronous_node_count"), &count);
	node_map_set(out, "synchronous_mode", node_bool(false));
	node_map_set(map_at(map_at(out, "postgresql"), "parameters"), "synchronous_standby_names",
				 node_string(psprintf("ANY " INT64_FORMAT " (*)", count)));
}

SpecNode *
model_patroni_dynamic(const PatroniSpec *spec, const List *parameters, int patroni_version,
					  bool all)
{
	SpecNode   *out = node_map();
	bool		template = all || spec->conf_declared;

	add_timing(out, spec, template);
	add_objective(out, spec, template);
	add_standby_cluster(out, spec, all);
	add_parameters(out, parameters, all);
	if (spec->dcs != NULL)
		model_patroni_overlay(out, spec->dcs, all);
	resolve_quorum(out, patroni_version);
	return out;
}
