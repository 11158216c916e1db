/*
 * patroni.c
 *		From what is declared about an instance to its patroni.yml.
 *
 * The file is a tree that is written by the one writer of YAML: no text of a
 * declaration can become anything but a value.  It says where the member is,
 * how it reaches the others and how a new cluster begins; what holds for a
 * running cluster is in Patroni's dynamic configuration, of which "bootstrap"
 * is the first version and nothing else (spec/model_patroni.h makes both).
 *
 * pg_hba.conf is left to pgops, whose rules follow each member's role: there is no
 * postgresql.pg_hba, with which Patroni would give all members one and the same.
 *
 * Not for: the server's part (patroni_server.c), where the facts come from
 * (worker/render_place.h).
 */
#include "postgres.h"

#include "errors.h"
#include "render/patroni_parts.h"
#include "render/render.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "spec/spec.h"
#include "spec/yaml_write.h"

/* where the field's installations keep certificates of the node */
#define CERTIFICATE		"/pg/cert/server.crt"
#define CERTIFICATE_KEY	"/pg/cert/server.key"
#define AUTHORITY		"/pg/cert/ca.crt"

/* what is declared besides, over all that is rendered */
#define OVERRIDES		"pgops_patroni"

/* Patroni's names of consensus stores; raft and kubernetes need no hosts of ours */
static const char *const stores[] = {
	"consul", "etcd", "etcd3", "exhibitor", "kubernetes", "raft", "zookeeper", NULL
};

/* ---- values ---- */

/* What only Ansible can evaluate would become a value that nobody meant. */
static const char *
usable_text(const char *param, const SpecNode *value)
{
	const char *text;

	if (value == NULL || value->kind == NODE_NULL)
		return NULL;
	if (spec_is_jinja(value))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNRESOLVED),
				 errmsg("\"%s\" is a Jinja expression, which only Ansible evaluates", param),
				 errhint("Declare its value to have files rendered from it.")));
	text = node_text(value);
	return text == NULL || text[0] == '\0' ? NULL : text;
}

const char *
patroni_declared(const PatroniPlace *place, const char *param)
{
	return usable_text(param, node_get(place->vars, param));
}

const char *
patroni_value(const PatroniPlace *place, const char *param)
{
	const char *declared = patroni_declared(place, param);

	return declared ? declared : usable_text(param, catalogue_default(param));
}

bool
patroni_is_on(const PatroniPlace *place, const char *param)
{
	const SpecNode *value = node_get(place->vars, param);

	if (value == NULL || value->kind == NODE_NULL)
		value = catalogue_default(param);
	(void) usable_text(param, value);
	return value != NULL && value->kind == NODE_BOOL && value->boolean;
}

void
patroni_put(SpecNode *map, const char *key, const char *text)
{
	if (text != NULL)
		node_map_set(map, key, node_string(text));
}

void
patroni_put_bool(SpecNode *map, const char *key, bool value)
{
	node_map_set(map, key, node_bool(value));
}

char *
patroni_address(const char *host, int port)
{
	return psprintf(strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

/* a map below a key */
static SpecNode *
put_map(SpecNode *map, const char *key)
{
	SpecNode   *below = node_map();

	node_map_set(map, key, below);
	return below;
}

/* user and password in the form that all of Patroni's sections have */
static void
put_login(SpecNode *map, const char *user, const char *password)
{
	patroni_put(map, "username", user);
	patroni_put(map, "password", password);
}

/* ---- the consensus store ---- */

/* a map of that name is declared besides; it says itself how the store is reached */
static bool
names_store(const SpecNode *overrides)
{
	for (int i = 0; overrides != NULL && stores[i] != NULL; i++)
	{
		const SpecNode *store = node_get(overrides, stores[i]);

		/* more about our etcd, unless it says where that is */
		if (store != NULL && strcmp(stores[i], "etcd3") == 0 && store->kind == NODE_MAP &&
			node_get(store, "hosts") == NULL && node_get(store, "host") == NULL &&
			node_get(store, "url") == NULL && node_get(store, "srv") == NULL &&
			node_get(store, "proxy") == NULL)
			continue;
		if (store != NULL && store->kind != NODE_NULL)
			return true;
	}
	return false;
}

bool
render_patroni_has_store(const SpecNode *vars)
{
	return names_store(node_get(vars, OVERRIDES));
}

/*
 * Without a word about it etcd is spoken to in the clear and without a password.
 * That its accounts are used is said by pg_etcd_password, of which an empty one
 * means the cluster's name; certificates can only be said in pgops_patroni.
 */
static void
put_store(SpecNode *root, const PatroniPlace *place)
{
	const PatroniSpec *spec = place->cluster->patroni;
	const SpecNode *password = node_get(place->vars, "pg_etcd_password");
	SpecNode   *etcd;
	SpecNode   *hosts;
	ListCell   *lc;

	if (render_patroni_has_store(place->vars))
		return;
	etcd = put_map(root, "etcd3");
	hosts = node_list();
	foreach(lc, place->etcd)
		node_list_add(hosts, node_string(lfirst(lc)));
	node_map_set(etcd, "hosts", hosts);
	if (password != NULL && password->kind != NODE_NULL)
	{
		const char *text = usable_text("pg_etcd_password", password);

		put_login(etcd, spec->scope, place->masked ? SECRET_MASK : text ? text : spec->scope);
	}
}

/* ---- the REST API ---- */

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * Who may send requests that change something, besides knowing the password:
 * the members, the infrastructure's hosts, the administrators' node.  Members
 * that come later are let in by what they say of themselves.
 */
static SpecNode *
allowed_hosts(const Cluster *cluster)
{
	SpecNode   *list = node_list();
	List	   *hosts = list_copy(cluster->infra_hosts);
	const char *last = NULL;
	ListCell   *lc;

	foreach(lc, cluster->instances)
		hosts = lappend(hosts, ((Instance *) lfirst(lc))->host);
	if (cluster->admin_ip != NULL)
		hosts = lappend(hosts, cluster->admin_ip);
	list_sort(hosts, compare_texts);
	foreach(lc, hosts)
	{
		if (last == NULL || strcmp(last, lfirst(lc)) != 0)
			node_list_add(list, node_string(lfirst(lc)));
		last = lfirst(lc);
	}
	return list;
}

static void
put_restapi(SpecNode *root, const PatroniPlace *place)
{
	SpecNode   *api = put_map(root, "restapi");
	char	   *address = patroni_address(place->instance->host, place->cluster->patroni->port);

	patroni_put(api, "listen", address);
	patroni_put(api, "connect_address", address);
	if (place->cluster->patroni->tls)
	{
		patroni_put(api, "certfile", CERTIFICATE);
		patroni_put(api, "keyfile", CERTIFICATE_KEY);
		patroni_put(api, "cafile", AUTHORITY);
	}
	put_login(put_map(api, "authentication"), patroni_value(place, "patroni_username"),
			  patroni_value(place, "patroni_password"));
	node_map_set(api, "allowlist", allowed_hosts(place->cluster));
	patroni_put_bool(api, "allowlist_include_members", true);
}

/* Without a directory Patroni writes to standard error, which is the journal's. */
static void
put_log(SpecNode *root, const PatroniPlace *place)
{
	SpecNode   *log = put_map(root, "log");
	const char *directory = patroni_declared(place, "patroni_log_dir");

	patroni_put(log, "level", "INFO");
	if (directory == NULL)
		return;
	patroni_put(log, "dir", directory);
	node_map_set(log, "file_size", node_int(25000000));
	node_map_set(log, "file_num", node_int(strcmp(place->cluster->patroni->conf, "crit") == 0 ? 16 : 4));
}

/* ---- bootstrap ---- */

/* In a new configuration there is nothing that a null could take away. */
static SpecNode *
without_nulls(const SpecNode *map)
{
	SpecNode   *copy = node_map();
	ListCell   *lc;

	foreach(lc, map->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (entry->value->kind == NODE_NULL)
			continue;
		node_map_set(copy, entry->key,
					 entry->value->kind == NODE_MAP ? without_nulls(entry->value) :
					 node_copy(entry->value));
	}
	return copy;
}

/*
 * The rules of pg_hba.conf as lines, for the moments between the first start
 * and pgops' first pass.  Patroni puts them behind those of initdb.
 */
static SpecNode *
access_rules(const PatroniPlace *place)
{
	SpecNode   *list = node_list();
	char	   *text = render_hba(place->cluster, false, "peer", place->server_major);
	char	   *rest = text;

	while (*rest != '\0')
	{
		size_t		length = strcspn(rest, "\n");
		char	   *line = pnstrdup(rest, length);

		if (line[0] != '#' && line[0] != '\0')
			node_list_add(list, node_string(line));
		rest += length + (rest[length] == '\n');
	}
	return list;
}

static void
put_bootstrap(SpecNode *root, const PatroniPlace *place)
{
	SpecNode   *bootstrap = put_map(root, "bootstrap");
	SpecNode   *dynamic = model_patroni_dynamic(place->cluster->patroni, place->parameters,
												place->patroni_version, true);

	node_map_set(bootstrap, "dcs", without_nulls(dynamic));
	node_map_set(bootstrap, "initdb", patroni_initdb(place));
	node_map_set(bootstrap, "pg_hba", access_rules(place));
}

/* ---- what the member is ---- */

static void
put_watchdog(SpecNode *root, const PatroniPlace *place)
{
	const PatroniSpec *spec = place->cluster->patroni;
	SpecNode   *watchdog = put_map(root, "watchdog");
	const char *mode = patroni_declared(place, "patroni_watchdog_mode");

	/* where nothing may be lost, a watchdog is used if there is one; without a mode Patroni does so, too */
	if (mode == NULL)
		mode = strcmp(spec->conf, "crit") == 0 ? "automatic" : spec->watchdog;
	patroni_put(watchdog, "mode", mode);
	if (strcmp(mode, "off") == 0)
		return;
	patroni_put(watchdog, "device", "/dev/watchdog");
	node_map_set(watchdog, "safety_margin", node_int(spec->rto[4]));
}

/* name of the member that this one follows instead of the leader; NULL: none */
static const char *
upstream_member(const PatroniPlace *place)
{
	ListCell   *lc;

	if (strcmp(place->instance->role, "primary") == 0)
		return NULL;
	foreach(lc, place->cluster->patroni->upstreams)
	{
		const PatroniUpstream *upstream = lfirst(lc);

		if (strcmp(upstream->instance, place->instance->name) == 0)
			return upstream->member;
	}
	return NULL;
}

/* "8C.32G.500G"; sizes are rounded up */
static char *
machine_tag(const PatroniPlace *place)
{
	const int64 gigabyte = INT64CONST(1024) * 1024 * 1024;
	int64		disk = place->disk_bytes / gigabyte + (place->disk_bytes % gigabyte > 0);

	return psprintf("%dC.%dG." INT64_FORMAT "G", place->cpu, Max((place->mem_mb + 1023) / 1024, 1),
					Max(disk, 1));
}

/*
 * An instance for offline queries, or one that lags on purpose, must not become
 * leader, and then it is of no use as a synchronous standby either.
 */
static void
put_tags(SpecNode *root, const PatroniPlace *place)
{
	SpecNode   *tags = put_map(root, "tags");
	bool		delayed = strcmp(place->instance->role, "delayed") == 0;
	bool		aside = delayed || strcmp(place->instance->role, "offline") == 0;

	patroni_put_bool(tags, "nofailover", aside);
	patroni_put_bool(tags, "clonefrom", !delayed);
	patroni_put_bool(tags, "noloadbalance", false);
	patroni_put_bool(tags, "nosync", aside);
	patroni_put(tags, "replicatefrom", upstream_member(place));
	patroni_put(tags, "version", psprintf("%d", place->server_major));
	patroni_put(tags, "spec", machine_tag(place));
	patroni_put(tags, "conf", psprintf("%s.yml", place->cluster->patroni->conf));
}

static void
put_citus(SpecNode *root, const PatroniPlace *place)
{
	const PatroniSpec *spec = place->cluster->patroni;
	SpecNode   *citus;

	if (spec->group < 0)
		return;
	citus = put_map(root, "citus");
	node_map_set(citus, "group", node_int(spec->group));
	patroni_put(citus, "database", spec->citus_database ? spec->citus_database : "postgres");
}

/* ---- the file ---- */

static SpecNode *
whole_tree(const PatroniPlace *place)
{
	const SpecNode *overrides = node_get(place->vars, OVERRIDES);
	SpecNode   *root = node_map();

	patroni_put(root, "scope", place->cluster->patroni->scope);
	patroni_put(root, "namespace", psprintf("%s/", place->cluster->patroni->namespace));
	patroni_put(root, "name", place->instance->name);
	put_citus(root, place);
	put_store(root, place);
	put_restapi(root, place);
	put_log(root, place);
	put_bootstrap(root, place);
	node_map_set(root, "postgresql", patroni_postgresql(place));
	put_watchdog(root, place);
	put_tags(root, place);
	if (overrides != NULL && overrides->kind == NODE_MAP)
		model_patroni_overlay(root, overrides, true);
	return root;
}

/* no name may begin a line of its own */
static void
append_comment(StringInfo out, const char *comment)
{
	appendStringInfoString(out, "# ");
	for (const char *p = comment; *p != '\0'; p++)
		appendStringInfoChar(out, (unsigned char) *p < 0x20 || *p == 0x7f ? ' ' : *p);
	appendStringInfoChar(out, '\n');
}

/* The same input gives the same bytes: no date, nothing of the moment. */
char *
render_patroni(const PatroniPlace *place)
{
	StringInfoData out;

	initStringInfo(&out);
	append_comment(&out, psprintf("patroni.yml of %s (cluster %s, host %s), rendered by pgops",
								  place->instance->name, place->cluster->name,
								  place->instance->host));
	append_comment(&out, place->masked ?
				   "Secrets are masked: for reading only." :
				   "Holds passwords: nobody but Patroni's user may read it (mode 0600).");
	append_comment(&out, "\"bootstrap\" counts once, when the first member makes the cluster; what is");
	append_comment(&out, "declared later reaches a running cluster through Patroni's REST API.");
	spec_write_yaml(&out, whole_tree(place));
	return out.data;
}
