/*
 * edit_kind.c
 *		The views that can be written to: what a row of each of them is.
 *
 * Data only.  Columns that are fields of an object are not listed: they have
 * the fields' names, and the catalogue has those.
 */
#include "postgres.h"

#include "worker/edit.h"

static const char *const user_params[] = {"pg_users", "pg_default_roles", NULL};
static const char *const database_params[] = {"pg_databases", NULL};
static const char *const schema_params[] = {"pg_databases", "pg_default_schemas", NULL};
static const char *const extension_params[] = {"pg_databases", "pg_default_extensions", NULL};
static const char *const hba_params[] = {
	"pg_hba_rules", "pg_default_hba_rules", "pgb_hba_rules", "pgb_default_hba_rules", NULL
};
static const char *const service_params[] = {"pg_services", "pg_default_services", NULL};
static const char *const privilege_params[] = {"pg_databases", "pg_default_privileges", NULL};

/* all other columns of the two views but these and "variables" are computed */
static const EditAlias instance_columns[] = {
	{"pg_cluster", "pg_cluster"},
	{"seq", "pg_seq"},
	{"role", "pg_role"},
	{"port", "pg_port"},
	{"offline_query", "pg_offline_query"},
	{"weight", "pg_weight"},
	{"upstream", "pg_upstream"},
	{"delay", "pg_delay"},
	{"mode", "pg_mode"},
	{"shard", "pg_shard"},
	{"shard_group", "pg_group"},
	{"gp_role", "gp_role"},
	{"pg_instances", "pg_instances"},
	{"pg_exporters", "pg_exporters"},
	{"listen", "pg_listen"},
	{"vip_interface", "pg_vip_interface"},
	{"nodename", "nodename"},
	{NULL}
};

static const EditAlias cluster_columns[] = {
	{"pg_version", "pg_version"},
	{"port", "pg_port"},
	{"policy", "pgops_policy"},
	{"push", "pgops_push"},
	{NULL}
};

static const EditKind kinds[] = {
	{"clusters", "cluster", NULL, NULL, NULL, cluster_columns, edit_carry_group},
	{"instances", "instance", NULL, NULL, NULL, instance_columns, edit_carry_host},
	{"users", "user", user_params, NULL, NULL, NULL, edit_carry_item},
	{"databases", "database", database_params, NULL, NULL, NULL, edit_carry_item},
	{"schemas", "schema", schema_params, "schemas", NULL, NULL, edit_carry_item},
	{"extensions", "extension", extension_params, "extensions", NULL, NULL, edit_carry_item},
	{"hba_rules", "rule", hba_params, NULL, NULL, NULL, edit_carry_item},
	{"services", "service", service_params, NULL, NULL, NULL, edit_carry_item},
	{"default_privileges", "default privilege", privilege_params, "default_privileges",
	"definition", NULL, edit_carry_item},
};

const EditKind *
edit_kind(const char *view)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].view, view) == 0)
			return &kinds[i];
	}
	return NULL;
}
