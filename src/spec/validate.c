/*
 * validate.c
 *		A cluster document against the catalogue: its shape, its hosts, its
 *		parameters.
 *
 * Everything that is wrong is reported, not only the first thing; so each
 * check leaves alone what an earlier one has refused.
 *
 * Not for: values (validate_value.c), objects (validate_object.c), rules
 * between fields and parameters (validate_rules.c, validate_cross.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/spec.h"
#include "spec/validate.h"

#define DOCUMENT_FORM	"A document looks like name: {hosts: {10.10.10.10: {pg_seq: 1, pg_role: primary}}, vars: {...}}."

/*
 * One parameter at any level.  What is not in the catalogue is an error unless
 * its prefix belongs to another module: a misspelt name must not be recorded
 * as somebody else's.  The rules of a parameter run only on a value of the
 * right type, so they need not look at kinds again.
 */
void
spec_validate_param(const char *param, SpecNode *value, const char *path, Findings *findings)
{
	const ParamDef *def = catalogue_find(param);
	int			errors = findings->errors;
	ValueRule	rule;

	if (def == NULL)
	{
		if (!catalogue_foreign(param))
			spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, value, path,
					   spec_did_you_mean(param, catalogue_names()),
					   "unknown parameter \"%s\"", param);
		return;
	}
	rule.what = "parameter";
	rule.name = param;
	rule.type = def->type;
	rule.choices = def->choices;
	rule.min = def->min;
	rule.max = def->max;
	rule.secret = def->secret;
	rule.object = def->object;
	spec_check_value(&rule, value, path, findings);
	if (value->kind != NODE_NULL && findings->errors == errors)
		spec_check_param_rules(param, value, path, findings);
}

/*
 * Names that only pgops and the modules it knows use.  Outside of clusters
 * variables are free, but one of these that is not known is a slip.
 */
static bool
sounds_like_ours(const char *name)
{
	static const char *const prefixes[] = {
		"pg_", "pgb_", "pgbouncer_", "patroni_", "pgbackrest_", "pgops_", NULL
	};

	for (int i = 0; prefixes[i] != NULL; i++)
	{
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* a variable that is not in the catalogue; what is wrong is the key, so its place is reported */
static void
check_unknown(const SpecEntry *entry, const char *path, bool cluster, Findings *findings)
{
	SpecNode	at = spec_place_of_key(entry);

	if (cluster)
		spec_validate_param(entry->key, &at, path, findings);
	else if (sounds_like_ours(entry->key))
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_UNKNOWN_NAME, &at, path,
					spec_did_you_mean(entry->key, catalogue_names()),
					"unknown parameter \"%s\"", entry->key);
}

/*
 * The parameters of a host, a group or everything.  "cluster": those of a
 * cluster, where a name must be known.
 */
void
spec_check_vars(SpecNode *vars, const char *path, const char *what, bool cluster,
				Findings *findings)
{
	ListCell   *lc;

	if (vars->kind == NODE_NULL)
		return;
	if (vars->kind != NODE_MAP)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, vars, path, NULL,
				   "%s must be a map of parameters", what);
		return;
	}
	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		char	   *below = spec_path_key(path, entry->key);

		CHECK_FOR_INTERRUPTS();
		if (catalogue_find(entry->key) != NULL)
			spec_validate_param(entry->key, entry->value, below, findings);
		else
			check_unknown(entry, below, cluster, findings);
		pfree(below);
	}
}

/*
 * A host is an address or a name; whether it exists is not asked.  Only what
 * is made of digits and dots can be a mistyped address, and is refused as one.
 */
static void
check_host(SpecEntry *entry, const char *path, bool cluster, Findings *findings)
{
	SpecNode	at = spec_place_of_key(entry);
	const char *host = entry->key;

	if (host[0] == '\0' || strpbrk(host, " \t\r\n\"'") != NULL)
		spec_error(findings, ERRCODE_PGOPS_BAD_ADDRESS, &at, path, NULL,
				   "\"%s\" is not a host", host);
	else if (strspn(host, "0123456789.") == strlen(host) && !spec_valid_address(host))
		spec_error(findings, ERRCODE_PGOPS_BAD_ADDRESS, &at, path, NULL,
				   "\"%s\" is not an IP address", host);
	spec_check_vars(entry->value, path, "host", cluster, findings);
}

/* Hosts are a map, as in Ansible, where a list of them is a common slip. */
void
spec_check_hosts(SpecNode *hosts, const char *path, bool cluster, Findings *findings)
{
	ListCell   *lc;

	if (hosts->kind == NODE_NULL)
		return;
	if (hosts->kind != NODE_MAP)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, hosts, path,
				   "Write each host as a key, \"10.10.10.10: { pg_seq: 1, pg_role: primary }\".",
				   "\"hosts\" must be a map of hosts");
		return;
	}
	foreach(lc, hosts->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		char	   *below = spec_path_key(path, entry->key);

		check_host(entry, below, cluster, findings);
		pfree(below);
	}
}

/* the group's name against the pattern of cluster names, and against pg_cluster */
static void
check_cluster_name(const GroupView *view, Findings *findings)
{
	const InventoryGroup *group = view->group;
	SpecNode   *name = node_string(group->name);
	const char *origin;
	const SpecNode *declared = spec_view_value(view, "pg_cluster", &origin);

	name->line = group->line;
	name->column = group->column;
	spec_check_param_rules("pg_cluster", name, group->name, findings);
	if (declared != NULL && declared->kind == NODE_STRING &&
		!spec_has_placeholder(declared->text) &&
		strcmp(declared->text, group->name) != 0)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, declared,
					spec_path_key(origin, "pg_cluster"), NULL,
					"\"pg_cluster\" says \"%s\", but the group is called \"%s\"",
					declared->text, group->name);
}

/*
 * Everything about one cluster that can be said without the others.  Its
 * identity and the rules across parameters are checked even after errors: they
 * look at values of the right kind only, and their findings are worth having in
 * the same run.
 */
void
spec_check_cluster(GroupView *view, Findings *findings)
{
	const InventoryGroup *group = view->group;
	char	   *hosts_path = spec_path_key(group->name, "hosts");

	spec_check_hosts(group->hosts, hosts_path, true, findings);
	spec_check_vars(group->vars, group->name, "\"vars\"", true, findings);
	check_cluster_name(view, findings);
	spec_check_identity(view, findings);
	spec_check_cross(view, findings);
	spec_check_ports(view, findings);
	spec_check_ha(view, findings);
	pfree(hosts_path);
}

/*
 * A part of the body for the checks that look at its entries: if it is no map,
 * an empty one in its place.
 */
static SpecNode *
map_or_empty(const SpecNode *body, const char *key)
{
	SpecNode   *part = node_get(body, key);
	SpecNode   *map;

	if (part != NULL && part->kind == NODE_MAP)
		return part;
	map = node_map();
	map->line = part == NULL ? body->line : part->line;
	map->column = part == NULL ? body->column : part->column;
	return map;
}

/* a cluster document as an inventory of one group, so that the checks know one form only */
static GroupView *
view_alone(const SpecEntry *cluster)
{
	Inventory  *inventory = inventory_create();
	InventoryGroup *group = inventory_add_group(inventory, cluster->key);

	group->kind = INVENTORY_PGSQL;
	group->hosts = map_or_empty(cluster->value, "hosts");
	group->vars = map_or_empty(cluster->value, "vars");
	group->line = cluster->line;
	group->column = cluster->column;
	inventory_finish(inventory);
	return spec_view_create(inventory, group, NULL);
}

/* the keys of a cluster's body */
static void
check_keys(const char *path, const SpecNode *body, Findings *findings)
{
	static const char *const known[] = {"hosts", "vars", NULL};
	ListCell   *lc;

	foreach(lc, body->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		SpecNode	at = spec_place_of_key(entry);

		if (strcmp(entry->key, "hosts") != 0 && strcmp(entry->key, "vars") != 0)
			spec_error(findings, ERRCODE_PGOPS_UNKNOWN_NAME, &at,
					   spec_path_key(path, entry->key),
					   catalogue_find(entry->key) != NULL ?
					   "Parameters of the cluster belong under \"vars\"." :
					   spec_did_you_mean(entry->key, known),
					   "unknown key \"%s\" of a cluster", entry->key);
	}
}

/* one group of a cluster document; what is no map is reported here, once */
static void
check_group(SpecEntry *cluster, Findings *findings)
{
	const char *path = cluster->key;
	SpecNode   *body = cluster->value;
	SpecNode   *hosts = node_get(body, "hosts");
	SpecNode   *vars = node_get(body, "vars");
	GroupView  *view;

	if (strcmp(path, INVENTORY_UNGROUPED) == 0 || strcmp(path, INVENTORY_META) == 0)
	{
		SpecNode	at = spec_place_of_key(cluster);

		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path, NULL,
				   "\"%s\" cannot be a cluster: the name means something else to Ansible", path);
	}
	if (body->kind != NODE_MAP)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, body, path, DOCUMENT_FORM,
				   "cluster must be a map with \"hosts\" and \"vars\"");
		return;
	}
	check_keys(path, body, findings);
	if (hosts != NULL && hosts->kind != NODE_MAP)
		spec_check_hosts(hosts, spec_path_key(path, "hosts"), true, findings);
	if (vars != NULL && vars->kind != NODE_MAP)
		spec_check_vars(vars, path, "\"vars\"", true, findings);

	/* hosts that are no map have been reported, and nothing is known of them */
	view = view_alone(cluster);
	view->incomplete = hosts != NULL && hosts->kind != NODE_MAP && hosts->kind != NODE_NULL;
	spec_check_cluster(view, findings);
}

/*
 * A document with several clusters is an error, and each of them is examined
 * all the same; no name is returned then, so nothing can be stored.
 */
void
spec_validate_cluster(SpecNode *document, Findings *findings, char **name, SpecNode **body)
{
	SpecEntry  *first;
	ListCell   *lc;

	*name = NULL;
	*body = NULL;
	if (document->kind != NODE_MAP || document->entries == NIL)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, document, NULL, DOCUMENT_FORM,
				   "document must be a map of one cluster's name to its hosts and vars");
		return;
	}
	first = linitial(document->entries);
	if (list_length(document->entries) > 1)
	{
		SpecEntry  *second = lsecond(document->entries);
		SpecNode	at = spec_place_of_key(second);

		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, &at, NULL,
				   "Declare each cluster with a call of its own.",
				   "document declares %d clusters, expected one",
				   list_length(document->entries));
	}
	else if (strcmp(first->key, "all") == 0)
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, document, NULL,
				   "Take the group of the cluster out of it: its name, hosts and vars.",
				   "document is an inventory, expected one cluster");
		return;
	}
	else
	{
		*name = first->key;
		*body = first->value->kind == NODE_MAP ? first->value : NULL;
	}
	foreach(lc, document->entries)
		check_group(lfirst(lc), findings);
}
