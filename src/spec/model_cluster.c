/*
 * model_cluster.c
 *		model_build(): from the name and body of a cluster to the typed
 *		Cluster, parameter by parameter in order of precedence.
 *
 * Not for: the objects a cluster declares (model_role.c, model_database.c,
 * model_privilege.c, model_hba.c), nor whether a document is valid.
 */
#include "postgres.h"

#include "errors.h"
#include "spec/catalogue.h"
#include "spec/model_build.h"
#include "spec/spec.h"

/* what "intra" means where node_firewall_intranet has no value at all: RFC 1918 */
static const char *const private_networks[] = {
	"10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", NULL
};

/*
 * The value that counts, as it is written: the instance's own, else the
 * cluster's, else the global one.  NULL if nobody declares it.  A null counts
 * as a value: it hides the levels below, as in every inventory.
 */
static const SpecNode *
written_param(const ModelBuild *build, const char *param)
{
	const SpecNode *value = NULL;

	if (build->self_vars != NULL)
		value = node_get(build->self_vars, param);
	if (value == NULL && build->vars != NULL)
		value = node_get(build->vars, param);
	if (value == NULL && build->globals != NULL)
		value = node_get(build->globals, param);
	return value;
}

/* for placeholders: the values that count are those of this instance */
static const SpecNode *
placeholder_variable(const char *name, void *arg)
{
	return written_param(arg, name);
}

/*
 * What came out of a placeholder was not seen by validation: it is checked and
 * brought to its type here.  Only errors are told, the rest was told before.
 */
static void
check_resolved(const ModelBuild *build, const char *param, SpecNode *value)
{
	Findings	findings = {0};
	ListCell   *cell;

	if (catalogue_find(param) == NULL)
		return;
	spec_validate_param(param, value, psprintf("%s.%s", build->name, param), &findings);
	foreach(cell, findings.list)
	{
		const Finding *finding = lfirst(cell);
		SpecNode	at = {.line = finding->line, .column = finding->column};

		if (finding->severity == FINDING_ERROR)
			finding_add(build->findings, FINDING_ERROR, finding->sqlstate, &at,
						finding->path, finding->hint, "%s", finding->message);
	}
}

/*
 * Parameters are asked for several times: neither is a finding about one to be
 * told twice, nor ten thousand roles to be searched again.  What is resolved is
 * a copy throughout, because checking changes it.
 */
static const SpecNode *
resolve_param(const ModelBuild *build, const char *param, const SpecNode *value)
{
	SpecNode   *resolved = spec_names_find(build->resolved, param);

	if (value == NULL || resolved != NULL)
		return resolved;
	resolved = placeholder_tree(&build->placeholders, param, value);
	if (resolved != value)
	{
		resolved = node_copy(resolved);
		check_resolved(build, param, resolved);
	}
	(void) spec_names_add(build->resolved, pstrdup(param), resolved);
	return resolved;
}

/*
 * model_declared_param
 *		Value of a parameter as the document gives it, placeholders resolved;
 *		never the catalogue's default.
 */
const SpecNode *
model_declared_param(const ModelBuild *build, const char *param)
{
	const SpecNode *written = written_param(build, param);

	return written ? resolve_param(build, param, written) : NULL;
}

/* model_param adds the last level: the catalogue's default. */
const SpecNode *
model_param(const ModelBuild *build, const char *param)
{
	const SpecNode *value = written_param(build, param);

	if (value == NULL && spec_names_find(build->resolved, param) == NULL)
		value = catalogue_default(param);
	return resolve_param(build, param, value);
}

/* Text of a scalar node; NULL for none, null, empty, list and map. */
static char *
scalar_text(const SpecNode *node)
{
	const char *str;

	if (node == NULL || node->kind == NODE_NULL)
		return NULL;
	str = node_text(node);
	return (str == NULL || str[0] == '\0') ? NULL : pstrdup(str);
}

/*
 * model_param_text
 *		A scalar parameter as text.  A declared null or empty text falls back
 *		to the default: no scalar parameter means something by being empty that
 *		it does not mean by being absent.
 */
char *
model_param_text(const ModelBuild *build, const char *param)
{
	char	   *str = scalar_text(model_declared_param(build, param));

	return str ? str : scalar_text(catalogue_default(param));
}

/*
 * For parameters that code cannot do without, should the catalogue ever lose
 * their default.  The result is always palloc'd, so nobody frees a constant.
 */
char *
model_param_text_or(const ModelBuild *build, const char *param, const char *otherwise)
{
	char	   *str = model_param_text(build, param);

	return str ? str : pstrdup(otherwise);
}

/*
 * A placeholder that nobody replaced, or anything else that is no boolean, is
 * false: the parameters asked for this way switch something on.
 */
bool
model_param_bool(const ModelBuild *build, const char *param)
{
	const SpecNode *value = model_param(build, param);

	return value != NULL && value->kind == NODE_BOOL && value->boolean;
}

/*
 * The list belongs to the document (or to a fresh default) and is not copied.
 */
List *
model_param_items(const ModelBuild *build, const char *param)
{
	const SpecNode *value = model_param(build, param);

	return (value != NULL && value->kind == NODE_LIST) ? value->items : NIL;
}

/*
 * Resolving changes no list's shape, so both lists can be walked together.
 */
List *
model_written_items(const ModelBuild *build, const char *param)
{
	const SpecNode *value = written_param(build, param);

	if (value == NULL)
		value = catalogue_default(param);
	return (value != NULL && value->kind == NODE_LIST) ? value->items : NIL;
}

/*
 * The same path that validation gives the item, so that findings of both stand
 * together.
 */
char *
model_item_path(const ModelBuild *build, const char *param, int index)
{
	return psprintf("%s.%s[%d]", build->name, param, index);
}

/*
 * model_role_name
 *		The name that pg_dbsu holds is a placeholder for the bootstrap
 *		superuser, whatever initdb called it; unless pg_users declares an
 *		ordinary role of that very name.
 */
char *
model_role_name(const ModelBuild *build, const char *declared)
{
	if (!build->dbsu_is_ordinary && strcmp(declared, build->declared_dbsu) == 0)
		return pstrdup(build->real_dbsu);
	return pstrdup(declared);
}

/*
 * An empty text counts as not declared, as templates leave such fields; the
 * two comments, for which it means something, look at the node itself.
 */
char *
model_field_text(const SpecNode *entry, const char *field)
{
	return scalar_text(node_get(entry, field));
}

/*
 * Validation has turned quoted words into booleans; what is no boolean now was
 * a placeholder and is left alone.
 */
bool
model_field_bool(const SpecNode *entry, const char *field, bool *value)
{
	const SpecNode *node = node_get(entry, field);

	if (node == NULL || node->kind != NODE_BOOL)
		return false;
	*value = node->boolean;
	return true;
}

/*
 * Numbers beyond int are not declared rather than cut to size: no field has
 * that range, so validation has refused them.
 */
bool
model_field_int(const SpecNode *entry, const char *field, int *value)
{
	const SpecNode *node = node_get(entry, field);

	if (node == NULL || node->kind != NODE_INT ||
		node->integer < PG_INT32_MIN || node->integer > PG_INT32_MAX)
		return false;
	*value = (int) node->integer;
	return true;
}

/* "revoke" is what memberships call it; for everything else it cannot occur. */
ObjectState
model_field_state(const SpecNode *entry)
{
	const char *state = model_field_text(entry, "state");

	if (state == NULL)
		return STATE_CREATE;
	if (pg_strcasecmp(state, "absent") == 0 || pg_strcasecmp(state, "revoke") == 0)
		return STATE_ABSENT;
	if (pg_strcasecmp(state, "recreate") == 0)
		return STATE_RECREATE;
	return STATE_CREATE;
}

/* A copy, since names go into structures that outlive the tree. */
char *
model_entry_name(const SpecNode *entry)
{
	if (entry != NULL && entry->kind == NODE_MAP)
		return model_field_text(entry, "name");
	return scalar_text(entry);
}

/* ---- instances ---- */

/* The variables of one host may be missing altogether ("10.10.10.10:"). */
static const SpecNode *
host_vars(const SpecNode *value)
{
	return (value != NULL && value->kind == NODE_MAP) ? value : NULL;
}

/* From here on the host's own variables are the topmost level. */
static void
look_as(ModelBuild *build, const SpecEntry *host)
{
	build->self_vars = host_vars(host->value);
	build->placeholders.host = host->key;
	build->placeholders.arg = build;
	build->resolved = spec_names_create();
}

/* One host, seen with its own variables on top of the cluster's. */
static Instance *
build_instance(const ModelBuild *build, const SpecEntry *host)
{
	ModelBuild	seen = *build;
	Instance   *instance = palloc0(sizeof(Instance));
	const SpecNode *seq;
	const SpecNode *port;
	char	   *cluster;

	look_as(&seen, host);
	seq = model_declared_param(&seen, "pg_seq");
	port = model_param(&seen, "pg_port");
	cluster = scalar_text(model_declared_param(&seen, "pg_cluster"));

	instance->host = pstrdup(host->key);
	instance->seq = (seq != NULL && seq->kind == NODE_INT) ? (int) seq->integer : 0;
	instance->role = model_param_text_or(&seen, "pg_role", "replica");
	instance->offline_query = model_param_bool(&seen, "pg_offline_query");
	instance->upstream = model_param_text(&seen, "pg_upstream");
	instance->port = (port != NULL && port->kind == NODE_INT) ? (int) port->integer : 5432;
	instance->name = psprintf("%s-%d", cluster ? cluster : build->name, instance->seq);
	return instance;
}

/*
 * By number, then by host: two hosts with one number (which validation
 * refuses) still have a fixed order, and rendered files do not flicker.
 */
static int
instance_order(const ListCell *a, const ListCell *b)
{
	const Instance *left = lfirst(a);
	const Instance *right = lfirst(b);

	if (left->seq != right->seq)
		return left->seq < right->seq ? -1 : 1;
	return strcmp(left->host, right->host);
}

/* Fills instances and self; the variables of self become the topmost level. */
static void
build_instances(ModelBuild *build, Cluster *cluster, const SpecNode *hosts, const char *self)
{
	ListCell   *cell;

	if (hosts == NULL || hosts->kind != NODE_MAP)
		return;

	foreach(cell, hosts->entries)
	{
		const SpecEntry *host = lfirst(cell);
		Instance   *instance = build_instance(build, host);

		cluster->instances = lappend(cluster->instances, instance);
		if (self != NULL && cluster->self == NULL && strcmp(instance->name, self) == 0)
		{
			cluster->self = instance;
			look_as(build, host);
		}
	}
	/* a cluster of one needs no binding to know its address */
	if (cluster->self == NULL && list_length(hosts->entries) == 1)
		build->placeholders.host = ((SpecEntry *) linitial(hosts->entries))->key;
	list_sort(cluster->instances, instance_order);
}

/*
 * Jinja in place of a list, or of the address that rules may mean: what it will
 * hold is not known here, and a plan that took it for nothing would undo what it
 * stands for, access rules included.
 */
static const char *
find_unevaluated(const ModelBuild *build)
{
	static const char *const params[] = {
		"pg_default_roles", "pg_users", "pg_databases", "pg_default_schemas",
		"pg_default_extensions", "pg_default_privileges", "pg_default_hba_rules", "pg_hba_rules",
		"node_firewall_intranet", "admin_ip"
	};

	for (int i = 0; i < lengthof(params); i++)
	{
		const SpecNode *value = written_param(build, params[i]);

		if (value != NULL && spec_is_jinja(value))
			return params[i];
	}
	return NULL;
}

/* ---- scalars of the cluster ---- */

/*
 * An unknown word cannot pass validation; if it did, the policy that neither
 * drops nor ignores is the safe one.
 */
static Policy
build_policy(const ModelBuild *build)
{
	const char *policy = model_param_text_or(build, "pgops_policy", "additive");

	if (strcmp(policy, "observe") == 0)
		return POLICY_OBSERVE;
	if (strcmp(policy, "authoritative") == 0)
		return POLICY_AUTHORITATIVE;
	return POLICY_ADDITIVE;
}

/*
 * An empty list is a declaration (nobody is inside) and is kept; only a
 * parameter without any value falls back to the private networks.
 */
static List *
build_intranet(const ModelBuild *build)
{
	List	   *networks = NIL;
	ListCell   *cell;

	foreach(cell, model_param_items(build, "node_firewall_intranet"))
	{
		char	   *network = scalar_text(lfirst(cell));

		if (network != NULL)
			networks = lappend(networks, network);
	}
	if (model_param(build, "node_firewall_intranet") != NULL)
		return networks;
	for (int i = 0; private_networks[i] != NULL; i++)
		networks = lappend(networks, pstrdup(private_networks[i]));
	return networks;
}

/*
 * Addresses: "infra" means the hosts of the inventory's infra groups; where
 * there are none it can only mean the admin node.  The catalogue's example
 * address is not taken for one: a rule must never open a door to a host that
 * nobody named.
 */
static void
build_addresses(const ModelBuild *build, Cluster *cluster, List *infra_hosts)
{
	const SpecNode *admin_ip = model_declared_param(build, "admin_ip");

	if (admin_ip != NULL && !spec_is_jinja(admin_ip))
		cluster->admin_ip = scalar_text(admin_ip);
	cluster->infra_hosts = infra_hosts;
	if (infra_hosts == NIL && cluster->admin_ip != NULL)
		cluster->infra_hosts = list_make1(pstrdup(cluster->admin_ip));
	cluster->intranet = build_intranet(build);
}

/* Whether pg_users declares (not removes) a role named as pg_dbsu. */
static bool
users_declare(const ModelBuild *build, const char *name)
{
	ListCell   *cell;

	foreach(cell, model_param_items(build, "pg_users"))
	{
		const char *user = model_entry_name(lfirst(cell));

		if (user != NULL && strcmp(user, name) == 0)
			return true;
	}
	return false;
}

/*
 * The system users.  Their names go through model_role_name() like all others:
 * where pg_admin_username is the name in pg_dbsu, the bootstrap superuser is
 * meant.  Needs the instance's variables, so it comes after build_instances().
 */
static void
build_names(ModelBuild *build, Cluster *cluster, const char *dbsu)
{
	build->declared_dbsu = model_param_text_or(build, "pg_dbsu", "postgres");
	build->real_dbsu = dbsu ? dbsu : build->declared_dbsu;
	build->placeholders.dbsu = build->real_dbsu;
	build->dbsu_is_ordinary = users_declare(build, build->declared_dbsu);

	cluster->dbsu = pstrdup(build->real_dbsu);
	cluster->replication_user = model_param_text_or(build, "pg_replication_username",
													"replicator");
	cluster->monitor_user = model_param_text_or(build, "pg_monitor_username",
												"dbuser_monitor");
	cluster->admin_user = model_param_text_or(build, "pg_admin_username", "dbuser_dba");
	cluster->replication_user = model_role_name(build, cluster->replication_user);
	cluster->monitor_user = model_role_name(build, cluster->monitor_user);
	cluster->admin_user = model_role_name(build, cluster->admin_user);
	cluster->primary_db = model_param_text_or(build, "pg_primary_db", "postgres");
	cluster->pwd_enc = model_param_text_or(build, "pg_pwd_enc", "scram-sha-256");
}

/*
 * The order of the parts matters: instances first, since the own one's
 * variables are the topmost level for all that follows; roles and databases
 * before rules, which look up their names.
 */
Cluster *
model_build(const char *name, const SpecNode *body, const SpecNode *globals,
			const char *self, List *infra_hosts, const char *dbsu, Findings *findings)
{
	Cluster    *cluster = palloc0(sizeof(Cluster));
	ModelBuild *build = palloc0(sizeof(ModelBuild));
	const SpecNode *vars = body ? node_get(body, "vars") : NULL;

	cluster->name = pstrdup(name);
	build->name = cluster->name;
	build->vars = (vars != NULL && vars->kind == NODE_MAP) ? vars : NULL;
	build->globals = (globals != NULL && globals->kind == NODE_MAP) ? globals : NULL;
	build->findings = findings;
	build->resolved = spec_names_create();
	build->placeholders.cluster = cluster->name;
	build->placeholders.dbsu = dbsu;
	build->placeholders.variable = placeholder_variable;
	build->placeholders.arg = build;
	cluster->placeholders = &build->placeholders;

	build_instances(build, cluster, body ? node_get(body, "hosts") : NULL, self);
	build_names(build, cluster, dbsu);
	build_addresses(build, cluster, infra_hosts);
	cluster->policy = build_policy(build);
	cluster->safeguard = model_param_bool(build, "pg_safeguard");
	cluster->restart_policy = model_param_text_or(build, "pgops_restart_policy", "on_request");
	cluster->unevaluated = find_unevaluated(build);

	model_build_roles(build, cluster);
	model_build_databases(build, cluster);
	model_build_privileges(build, cluster);
	model_build_hba(build, cluster);
	model_build_schedules(build, cluster);
	model_build_parameters(build, cluster);
	model_build_tune(build, cluster);
	model_build_backup(build, cluster);
	model_build_patroni(build, cluster, body);
	return cluster;
}
