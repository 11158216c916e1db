/*
 * validate_rules.c
 *		What one object or one parameter must keep besides the types of its
 *		fields.
 *
 * Not for: rules between parameters (validate_cross.c), nor what only the
 * server knows (whether a role exists).
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#include "errors.h"
#include "spec/default_privilege.h"
#include "spec/selector.h"
#include "spec/tune.h"
#include "spec/validate.h"

/* bytes of a filter that a message quotes; the reason why it is refused comes after it */
#define MAX_QUOTED_SELECTOR	300

/* field of an object if it is there and a scalar, else NULL */
static const SpecNode *
scalar_field(const SpecNode *item, const char *name)
{
	const SpecNode *value = node_get(item, name);

	if (value == NULL || value->kind == NODE_NULL || value->text == NULL)
		return NULL;
	return value;
}

/* the node that holds the name of an item: itself in the short form */
static const SpecNode *
name_node(const SpecNode *item)
{
	return item->kind == NODE_MAP ? scalar_field(item, "name") : item;
}

/*
 * The names that CREATE ROLE refuses even in quotes.  Memberships in
 * pg_monitor and its like are fine, and are not checked by this.
 */
void
spec_check_role_name(const SpecNode *value, const char *path, Findings *findings)
{
	if (strncmp(value->text, "pg_", 3) == 0)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, value, path,
				   "PostgreSQL keeps names that begin with \"pg_\" for itself.",
				   "role name \"%s\" is reserved", value->text);
	else if (strcmp(value->text, "public") == 0 || strcmp(value->text, "none") == 0)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, value, path,
				   "PostgreSQL gives this name a meaning of its own.",
				   "role name \"%s\" is reserved", value->text);
}

/*
 * What the server takes for the name of a setting: identifiers, and dots
 * between them for an extension's.  The rule is the server's for custom
 * settings and does not depend on the locale; whether there is such a setting
 * shows when it is set.
 */
static bool
valid_setting_name(const char *name)
{
	bool		first = true;	/* at the beginning of a part */

	for (; *name != '\0'; name++)
	{
		unsigned char c = (unsigned char) *name;

		if (c == '.' && !first)
			first = true;
		else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
				 IS_HIGHBIT_SET(c) || (!first && ((c >= '0' && c <= '9') || c == '$')))
			first = false;
		else
			return false;
	}
	return !first;
}

/* settings of a role, a database or the server: names, and values that are scalars or lists of them */
static void
check_settings(const SpecNode *settings, const char *path, Findings *findings)
{
	ListCell   *lc;

	if (settings == NULL || settings->kind != NODE_MAP)
		return;
	foreach(lc, settings->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		char	   *below = spec_path_key(path, entry->key);
		ListCell   *li;

		if (!valid_setting_name(entry->key))
		{
			SpecNode	at = spec_place_of_key(entry);

			spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, below, NULL,
					   "\"%s\" is not a name of a setting", entry->key);
		}
		if (entry->value->kind == NODE_MAP)
			spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, entry->value, below, NULL,
					   "a setting must be a value or a list of values, not a map");
		foreach(li, entry->value->items)
		{
			const SpecNode *item = lfirst(li);

			if (item->kind == NODE_MAP || item->kind == NODE_LIST)
				spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, item, below, NULL,
						   "an element of a setting must be a single value");
		}
	}
}

/* settings of a role in single databases */
static void
check_database_settings(const SpecNode *databases, const char *path, Findings *findings)
{
	ListCell   *lc;

	if (databases == NULL || databases->kind != NODE_MAP)
		return;
	foreach(lc, databases->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		char	   *below = spec_path_key(path, entry->key);

		if (entry->value->kind != NODE_MAP && entry->value->kind != NODE_NULL)
			spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, entry->value, below, NULL,
					   "settings in a database must be a map");
		check_settings(entry->value, below, findings);
	}
}

/*
 * Clauses of a database or schema, by the server's own grammar: about the
 * object itself ('d', 'n'), or default privileges (0).
 */
static void
check_clauses(const SpecNode *item, const char *field, char objtype, const char *path,
			  Findings *findings)
{
	const SpecNode *list = node_get(item, field);
	char	   *below = spec_path_key(path, field);
	ListCell   *lc;
	int			i = 0;

	if (list == NULL || list->kind != NODE_LIST)
		return;
	foreach(lc, list->items)
	{
		const SpecNode *clause = lfirst(lc);
		DefaultPrivilegeProblem problem;
		char	   *place = spec_path_item(below, i++);

		if (spec_has_placeholder(clause->text))
			continue;
		if ((objtype == 0 ? own_default_privilege_parse(clause->text, &problem) :
			 object_privilege_parse(clause->text, objtype, &problem)) == NULL)
			spec_error(findings, problem.sqlstate, clause, place, problem.hint, "%s",
					   problem.message);
	}
}

/*
 * A membership in oneself is refused by the server as well, but only when the
 * plan is half done.
 */
static void
check_user(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *name = name_node(item);
	const SpecNode *roles = node_get(item, "roles");
	ListCell   *lc;
	int			i = 0;

	spec_check_role_name(name, spec_path_key(path, "name"), findings);
	check_settings(node_get(item, "parameters"), spec_path_key(path, "parameters"), findings);
	check_database_settings(node_get(item, "database_parameters"),
							spec_path_key(path, "database_parameters"), findings);
	foreach(lc, roles == NULL ? NIL : roles->items)
	{
		const char *group = spec_item_name(lfirst(lc));

		if (group != NULL && strcmp(group, name->text) == 0)
			spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, lfirst(lc),
					   spec_path_item(spec_path_key(path, "roles"), i), NULL,
					   "role \"%s\" cannot be a member of itself", group);
		i++;
	}
}

/*
 * CREATE SCHEMA refuses the prefix; pg_toast and pg_temp would be taken for
 * the system's own.
 */
static void
check_schema(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *name = name_node(item);

	if (strncmp(name->text, "pg_", 3) == 0)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, name, path,
				   "PostgreSQL keeps names that begin with \"pg_\" for its own schemas.",
				   "schema name \"%s\" is reserved", name->text);
	if (item->kind == NODE_MAP)
		check_clauses(item, "privileges", 'n', path, findings);
}

/* what CREATE EXTENSION would refuse: these names become parts of file names */
static void
check_extension(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *nodes[2];
	const char *const what[2] = {"name", "version"};

	nodes[0] = name_node(item);
	nodes[1] = scalar_field(item, "version");
	for (int i = 0; i < 2; i++)
	{
		const char *string = nodes[i] == NULL ? NULL : nodes[i]->text;
		size_t		length = string == NULL ? 0 : strlen(string);

		if (length == 0)
			continue;
		if (string[0] == '-' || string[length - 1] == '-' ||
			strstr(string, "--") != NULL || strpbrk(string, "/\\") != NULL)
			spec_error(findings, ERRCODE_PGOPS_BAD_NAME, nodes[i], path, NULL,
					   "extension %s \"%s\" must not have \"--\", a slash, or a hyphen at its ends",
					   what[i], string);
	}
}

/*
 * What CREATE DATABASE would refuse and can be known without a server.
 * Locales cannot: which there are is a matter of the host.
 */
static void
check_database(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *encoding = scalar_field(item, "encoding");
	const SpecNode *template = scalar_field(item, "template");
	const SpecNode *name = name_node(item);

	if (encoding != NULL && encoding->text[0] != '\0' && !spec_has_placeholder(encoding->text) &&
		pg_valid_server_encoding(encoding->text) < 0)
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, encoding,
				   spec_path_key(path, "encoding"), NULL,
				   "\"%s\" is not an encoding of the server", encoding->text);
	if (template != NULL && strcmp(template->text, name->text) == 0)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, template,
				   spec_path_key(path, "template"), NULL,
				   "database \"%s\" cannot be its own template", name->text);
	check_settings(node_get(item, "parameters"), spec_path_key(path, "parameters"), findings);
	check_clauses(item, "privileges", 'd', path, findings);
	check_clauses(item, "default_privileges", 0, path, findings);
}

/*
 * Lines that go into the file as they are.  What the server's parser thinks
 * of them is asked elsewhere; here only that each is one line.  The line is
 * not shown: it may hold a bind password.
 */
static void
check_raw_rules(const SpecNode *rules, const char *path, Findings *findings)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, rules->items)
	{
		const SpecNode *line = lfirst(lc);

		if (strpbrk(line->text, "\r\n") != NULL)
			spec_error(findings, ERRCODE_PGOPS_BAD_HBA_RULE, line, spec_path_item(path, i), NULL,
					   "raw rule must be a single line");
		i++;
	}
}

/* whether a text fits into one line of a configuration file */
static void
check_one_line(const SpecNode *item, const char *field, const char *path, Findings *findings)
{
	const SpecNode *value = scalar_field(item, field);

	if (value != NULL && strpbrk(value->text, "\r\n") != NULL)
		spec_error(findings, ERRCODE_PGOPS_BAD_HBA_RULE, value, spec_path_key(path, field), NULL,
				   "field \"%s\" must be a single line", field);
}

/*
 * A rule has "rules", or at least "addr": a rule without an address would have
 * to mean every address, and that nobody should get by leaving something out.
 */
static void
check_hba(const SpecNode *item, const char *path, Findings *findings)
{
	const SpecNode *rules = node_get(item, "rules");
	const SpecNode *addr = scalar_field(item, "addr");
	static const char *const names[] = {"user", "db", NULL};

	if (rules != NULL && rules->kind == NODE_LIST)
		check_raw_rules(rules, spec_path_key(path, "rules"), findings);
	else if (addr == NULL)
		spec_error(findings, ERRCODE_PGOPS_MISSING, item, path,
				   "Use \"addr: world\" if every address is meant.",
				   "rule needs the field \"addr\" or \"rules\"");
	if (addr != NULL)
		spec_check_hba_address(addr, spec_path_key(path, "addr"), findings);
	for (int i = 0; names[i] != NULL; i++)
	{
		const SpecNode *value = scalar_field(item, names[i]);

		if (value != NULL && value->text[0] == '\0')
			spec_error(findings, ERRCODE_PGOPS_BAD_HBA_RULE, value,
					   spec_path_key(path, names[i]), NULL,
					   "field \"%s\" must not be empty", names[i]);
		check_one_line(item, names[i], path, findings);
	}
}

/*
 * Translated only to see whether it can be; the result is thrown away.  An
 * empty "backup" is what templates leave, and means none.
 */
static void
check_selector(const SpecNode *item, const char *field, const char *path, Findings *findings)
{
	const SpecNode *value = scalar_field(item, field);
	char	   *error;

	if (value == NULL || (value->text[0] == '\0' && strcmp(field, "backup") == 0))
		return;
	if (selector_to_jsonpath(value->text, &error) == NULL)
		spec_error(findings, ERRCODE_PGOPS_BAD_SELECTOR, value, spec_path_key(path, field),
				   "Selectors look like \"[]\" or \"[? pg_role == `replica` && !pg_offline_query ]\".",
				   "%s \"%s\" cannot be read: %s", field,
				   spec_clip(value->text, MAX_QUOTED_SELECTOR), error);
}

/*
 * The name becomes part of a section's name and of a file's name, hence its
 * narrow alphabet.
 */
static void
check_service(const SpecNode *item, const char *path, Findings *findings)
{
	static const char *const destinations[] = {"default", "postgres", "pgbouncer", NULL};
	const SpecNode *name = name_node(item);
	const SpecNode *dest = scalar_field(item, "dest");

	if (name->text[0] == '\0' || strlen(name->text) >= NAMEDATALEN ||
		strspn(name->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
		!= strlen(name->text))
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, name, spec_path_key(path, "name"), NULL,
				   "service name \"%s\" must consist of 1 to 63 letters, digits, hyphens and underscores",
				   name->text);
	check_selector(item, "selector", path, findings);
	check_selector(item, "backup", path, findings);
	if (dest == NULL || spec_has_placeholder(dest->text))
		return;
	if (dest->kind == NODE_INT)
	{
		if (dest->integer < 1 || dest->integer > 65535)
			spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, dest, spec_path_key(path, "dest"),
					   NULL, "port must be between 1 and 65535, not " INT64_FORMAT, dest->integer);
		return;
	}
	for (int i = 0; destinations[i] != NULL; i++)
	{
		if (strcmp(dest->text, destinations[i]) == 0)
			return;
	}
	spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, dest, spec_path_key(path, "dest"),
			   spec_did_you_mean(dest->text, destinations),
			   "field \"dest\" must be default, postgres, pgbouncer or a port, not \"%s\"",
			   dest->text);
}

typedef struct ObjectRules
{
	const ObjectDef *object;
	void		(*check) (const SpecNode *item, const char *path, Findings *findings);
} ObjectRules;

static const ObjectRules object_rules[] = {
	{&catalogue_user, check_user},
	{&catalogue_role, check_user},
	{&catalogue_database, check_database},
	{&catalogue_schema, check_schema},
	{&catalogue_extension, check_extension},
	{&catalogue_hba, check_hba},
	{&catalogue_service, check_service},
	{&catalogue_schedule, spec_check_schedule},
	{NULL, NULL}
};

/* Called with items whose fields are sound. */
void
spec_check_object_rules(const ObjectDef *object, SpecNode *item, const char *path,
						Findings *findings)
{
	for (const ObjectRules *rules = object_rules; rules->object != NULL; rules++)
	{
		if (rules->object == object)
			rules->check(item, path, findings);
	}
}

/*
 * By the server's own grammar, so that what is accepted here is what the
 * server accepts.
 */
static void
check_default_privilege(const SpecNode *item, const char *path, Findings *findings)
{
	DefaultPrivilegeProblem problem;

	if (!spec_has_placeholder(item->text) &&
		default_privilege_parse(item->text, &problem) == NULL)
		spec_error(findings, problem.sqlstate, item, path, problem.hint, "%s", problem.message);
}

/*
 * Each is one clause; they are not compared with each other, as a later REVOKE
 * may take back a part of an earlier GRANT.
 */
static void
check_default_privileges(const SpecNode *list, const char *path, Findings *findings)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, list->items)
		check_default_privilege(lfirst(lc), spec_path_item(path, i++), findings);
}

/*
 * These networks get into access rules, where a mistyped one would silently
 * let nobody, or everybody, in.
 */
static void
check_intranet(const SpecNode *list, const char *path, Findings *findings)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, list->items)
	{
		const SpecNode *item = lfirst(lc);
		char	   *below = spec_path_item(path, i++);

		if (!spec_has_placeholder(item->text) && !spec_valid_cidr(item->text))
			spec_error(findings, ERRCODE_PGOPS_BAD_ADDRESS, item, below, NULL,
					   "\"%s\" is not a CIDR range", item->text);
	}
}

/* The only parameter that is a number or the word auto. */
static void
check_max_conn(const SpecNode *value, const char *path, Findings *findings)
{
	if (value->kind != NODE_INT && strcmp(value->text, "auto") != 0 &&
		!spec_has_placeholder(value->text))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "parameter \"pg_max_conn\" must be auto or a number, not \"%s\"", value->text);
}

/* A team may have templates of its own, of which nothing is known here. */
static void
check_template(const SpecNode *value, const char *path, Findings *findings)
{
	if (!spec_has_placeholder(value->text) && tune_template(value->text) == NULL)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_UNKNOWN_NAME, value, path,
					"The templates are oltp, olap, crit and tiny.",
					"\"%s\" is none of the templates: pgops sets no parameters by it", value->text);
}

/* Encodings that only clients may have (SJIS, BIG5) are refused, too. */
static void
check_encoding(const SpecNode *value, const char *path, Findings *findings)
{
	if (!spec_has_placeholder(value->text) && pg_valid_server_encoding(value->text) < 0)
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "\"%s\" is not an encoding of the server", value->text);
}

/* cluster names become parts of file names, host names and keys */
static void
check_cluster_name(const SpecNode *value, const char *path, Findings *findings)
{
	const char *name = value->text;

	if (!isalnum((unsigned char) *name) || strlen(name) >= NAMEDATALEN ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
		!= strlen(name))
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, value, path, NULL,
				   "cluster name \"%s\" must consist of 1 to 63 letters, digits and hyphens, "
				   "and not begin with a hyphen", name);
}

/* a password in a connection string: as a keyword, or between user and host of a URI */
static bool
holds_password(const char *conninfo)
{
	const char *authority = strstr(conninfo, "://");
	const char *at = authority ? strchr(authority, '@') : NULL;
	const char *colon = authority ? strchr(authority + 3, ':') : NULL;

	for (const char *p = conninfo; *p; p++)
	{
		if (pg_strncasecmp(p, "password", 8) == 0 &&
			p[8 + strspn(p + 8, " \t\r\n")] == '=')
			return true;
	}
	return at != NULL && colon != NULL && colon < at;
}

/* The string is shown to whoever may read declarations; no message quotes it. */
static void
check_conninfo(const SpecNode *value, const char *path, Findings *findings)
{
	if (holds_password(value->text))
		spec_error(findings, ERRCODE_PGOPS_WEAK_SECRET, value, path,
				   "Declare it as pgops_push_password, or keep it in a passfile.",
				   "parameter \"pgops_push_conninfo\" must not hold a password");
}

typedef struct ParamRules
{
	const char *name;
	void		(*check) (const SpecNode *value, const char *path, Findings *findings);
} ParamRules;

static const ParamRules param_rules[] = {
	{"pg_cluster", check_cluster_name},
	{"pg_admin_username", spec_check_role_name},
	{"pg_monitor_username", spec_check_role_name},
	{"pg_replication_username", spec_check_role_name},
	{"pg_default_privileges", check_default_privileges},
	{"pg_parameters", check_settings},
	{"pg_parameters", spec_check_parameters},
	{"pg_conf", check_template},
	{"pg_max_conn", check_max_conn},
	{"pg_encoding", check_encoding},
	{"node_firewall_intranet", check_intranet},
	{"pgops_push_conninfo", check_conninfo},
	{"pg_crontab", spec_check_pg_crontab},
	{"pgops_maintenance_window", spec_check_window},
	{"pgbackrest_repo", spec_check_backup_repos},
	{"pg_rto_plan", spec_check_rto_plan},
	{"pgops_dcs", spec_check_dcs},
	{"pgops_patroni", spec_check_patroni_file},
	{NULL, NULL}
};

/*
 * Called with values of the right type.  Few parameters have such rules, so a
 * walk through the table is enough.
 */
void
spec_check_param_rules(const char *param, SpecNode *value, const char *path,
					   Findings *findings)
{
	for (const ParamRules *rules = param_rules; rules->name != NULL; rules++)
	{
		if (strcmp(rules->name, param) == 0)
			rules->check(value, path, findings);
	}
}
