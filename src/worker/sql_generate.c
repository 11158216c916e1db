/*
 * sql_generate.c
 *		SQL: pgops.generate(): the document of the running server.
 *
 * Reads the catalogs, the inside of each database and pg_hba.conf, and hands
 * them to what turns them into a document (spec/model_document.h,
 * render/hba_read.h).  The document is then read as apply_cluster() would read
 * it, so that what it does not say right is corrected, or told, here and now.
 *
 * Not for: storing or declaring it.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "io/hba.h"
#include "render/hba_read.h"
#include "render/render.h"
#include "secret.h"
#include "spec/model_document.h"
#include "spec/spec.h"
#include "spec/yaml_write.h"
#include "worker/shared.h"
#include "worker/situation.h"

PG_FUNCTION_INFO_V1(pgops_generate);

/* the name of a cluster that nobody gave one */
#define UNNAMED_CLUSTER		"pg-main"

/* what the document says at cluster level: a host of a declared cluster must not say otherwise */
static const char *const generated[] = {
	"pg_dbsu", "pg_default_roles", "pg_users", "pg_databases", "pg_default_privileges",
	"pg_default_schemas", "pg_default_extensions", "pg_default_hba_rules", "pg_hba_rules", NULL
};

/* ---- name and host ---- */

/* the rule of validate_rules.c: cluster names become parts of file and host names */
static bool
is_cluster_name(const char *name)
{
	return isalnum((unsigned char) name[0]) && strlen(name) < NAMEDATALEN &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] == '\0';
}

/*
 * A name that somebody gave.  The document of this server under the name of a
 * cluster that has its own would, when it is applied, replace that one's.
 */
static void
check_name(const char *name)
{
	Binding    *binding;

	if (!is_cluster_name(name))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_BAD_NAME),
				 errmsg("cluster name \"%s\" must consist of 1 to 63 letters, digits and hyphens, and not begin with a hyphen",
						name)));
	binding = cmdb_binding();
	if (binding->state == BINDING_BOUND && strcmp(binding->cluster, name) != 0 &&
		cmdb_cluster(name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_CONTRADICTION),
				 errmsg("cluster \"%s\" is declared, and this server belongs to cluster \"%s\"",
						name, binding->cluster),
				 errhint("Call pgops.generate() on a server of that cluster, or give another name.")));
}

/*
 * The argument, else what this server belongs to, else how its administrator
 * calls it in cluster_name (Debian's "15/main" is no name for a cluster).
 */
static char *
document_name(FunctionCallInfo fcinfo)
{
	const char *configured = GetConfigOption("cluster_name", true, false);
	char	   *name;

	if (!PG_ARGISNULL(0))
	{
		name = text_to_cstring(PG_GETARG_TEXT_PP(0));
		check_name(name);
		return name;
	}
	name = cmdb_local_cluster();
	if (name != NULL)
		return name;
	return pstrdup(configured && is_cluster_name(configured) ? configured : UNNAMED_CLUSTER);
}

/* whether a text is an address by which others may reach this server */
static bool
is_reachable_address(const char *str)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, str, &four) == 1)
		return four.s_addr != htonl(INADDR_ANY) && (ntohl(four.s_addr) >> 24) != 127;
	if (inet_pton(AF_INET6, str, &six) == 1)
		return !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_LOOPBACK(&six);
	return false;
}

/* The address of this session's end of its connection; NULL if it came by a socket. */
static char *
session_address(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum		address;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	address = inet_server_addr(fcinfo);
	return fcinfo->isnull ? NULL :
		TextDatumGetCString(DirectFunctionCall1(network_host, address));
}

/*
 * An address the server is told to listen on says best by which it is known;
 * then the one by which the caller came.
 */
static char *
own_address(void)
{
	const char *listen = GetConfigOption("listen_addresses", true, false);
	char	   *session = session_address();
	List	   *addresses = NIL;
	ListCell   *cell;

	if (listen != NULL && SplitGUCList(pstrdup(listen), ',', &addresses))
	{
		foreach(cell, addresses)
		{
			if (is_reachable_address(lfirst(cell)))
				return pstrdup(lfirst(cell));
		}
	}
	return session ? session : pstrdup("127.0.0.1");
}

/*
 * This server as the only host of a new cluster, and its primary even if it is a
 * standby: the document describes the data, and a cluster has a primary.
 */
static SpecNode *
own_host(void)
{
	SpecNode   *hosts = node_map();
	SpecNode   *host = node_map();
	const char *port = GetConfigOption("port", true, false);

	node_map_set(host, "pg_seq", node_int(1));
	node_map_set(host, "pg_role", node_string("primary"));
	if (port != NULL && strtol(port, NULL, 10) != DEF_PGPORT)
		node_map_set(host, "pg_port", node_int(strtol(port, NULL, 10)));
	node_map_set(hosts, own_address(), host);
	return hosts;
}

/*
 * The hosts of a cluster that is declared stay as they are: a document without
 * them would take them out of the declaration.
 */
static SpecNode *
document_hosts(const char *name)
{
	SpecNode   *body = cmdb_load_body(name);
	SpecNode   *hosts = body ? node_get(body, "hosts") : NULL;
	ListCell   *cell;

	if (hosts == NULL || hosts->kind != NODE_MAP || hosts->entries == NIL)
		return own_host();
	hosts = node_copy(hosts);
	foreach(cell, hosts->entries)
	{
		SpecNode   *vars = ((SpecEntry *) lfirst(cell))->value;

		for (int i = 0; vars->kind == NODE_MAP && generated[i] != NULL; i++)
			node_map_unset(vars, generated[i]);
	}
	return hosts;
}

/* ---- the server ---- */

/*
 * Every database is looked into, those that refuse connections as well.  One
 * that could not be makes the document wrong, so there is none.
 */
static void
look_into_databases(ServerState *server)
{
	Cluster		all = {0};
	Situation	situation = {0};
	ListCell   *cell;

	all.databases = server->databases;
	situation.cluster = &all;
	situation.server = server;
	situation_observe(&situation, NULL, NULL, true);
	foreach(cell, server->databases)
	{
		const Database *database = lfirst(cell);

		if (database->local_error != NULL)
			ereport(ERROR,
					(errcode(database->local_sqlstate),
					 errmsg("could not look into database \"%s\": %s", database->name,
							database->local_error),
					 database->local_hint ? errhint("%s", database->local_hint) : 0));
	}
}

/*
 * A file that the server itself would refuse is not what it runs with, and no
 * declaration of it could be applied.
 */
static HbaFile *
read_rules(ServerState *server)
{
	List	   *errors;

	if (server->hba_text == NULL)
		ereport(ERROR,
				(errcode(server->hba_error ? server->hba_sqlstate : ERRCODE_UNDEFINED_FILE),
				 errmsg("could not read \"%s\": %s", server->hba_path,
						server->hba_error ? server->hba_error : "it does not exist")));
	errors = io_hba_check(server->hba_text);
	if (errors != NIL)
	{
		const HbaError *first = linitial(errors);

		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HBA_REJECTED),
				 errmsg("line %d of \"%s\" is not accepted by the server: %s", first->line,
						server->hba_path, first->message),
				 errhint("Correct the file: the server runs with the rules of an earlier one.")));
	}
	return hba_read(server->hba_text, server->bootstrap_superuser,
					situation_hba_method(server));
}

/* ---- the document ---- */

/*
 * A text with $${ for each ${: so it stands for itself (see placeholder.h).  Also
 * where nothing of that name is known today: somebody may declare it tomorrow.
 */
static char *
literal_text(const char *str)
{
	StringInfoData out;

	initStringInfo(&out);
	for (; *str; str++)
	{
		if (str[0] == '$' && str[1] == '{')
			appendStringInfoChar(&out, '$');
		appendStringInfoChar(&out, *str);
	}
	return out.data;
}

/*
 * Names and comments in which ${...} stands mean what they are.  Passwords are
 * never resolved, nor is what follows a secret in an access rule; the names of
 * a rule are in quotes, or ${dbsu}.
 */
static void
make_literal(SpecNode *node, const char *key)
{
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, node->items)
		make_literal(lfirst(cell), key);
	foreach(cell, node->entries)
		make_literal(((SpecEntry *) lfirst(cell))->value, ((SpecEntry *) lfirst(cell))->key);
	if (node->kind != NODE_STRING || strstr(node->text, "${") == NULL ||
		strcmp(key, "password") == 0 || strcmp(key, "user") == 0 || strcmp(key, "db") == 0)
		return;
	if (strcmp(key, "rules") == 0 && secret_in_hba(node->text) != NULL)
	{
		const char *secret = secret_in_hba(node->text);

		node->text = psprintf("%s%s", literal_text(pnstrdup(node->text, secret - node->text)),
							  secret);
	}
	else
		node->text = literal_text(node->text);
}

/* the units as entries, in the order of the file: none has an "order" of its own */
static SpecNode *
rule_nodes(const HbaFile *file, const ServerState *server)
{
	SpecNode   *rules = node_list();
	ListCell   *cell;

	foreach(cell, file->units)
		node_list_add(rules, hba_unit_node(lfirst(cell), server->bootstrap_superuser));
	make_literal(rules, "pg_hba_rules");
	return rules;
}

/*
 * {hosts, vars}.  pg_version and pg_checksum are, like what initdb was told, for
 * who makes the other server.
 */
static SpecNode *
make_body(const char *name, ServerState *server, const HbaFile *file)
{
	ModelServer observed = {
		server->server_major, server->bootstrap_superuser, server->roles,
		server->system_roles, server->databases
	};
	const char *checksums = GetConfigOption("data_checksums", true, false);
	SpecNode   *body = node_map();
	SpecNode   *vars = node_map();

	node_map_set(body, "hosts", document_hosts(name));
	node_map_set(body, "vars", vars);
	node_map_set(vars, "pg_cluster", node_string(name));
	node_map_set(vars, "pg_version", node_int(server->server_major));
	if (checksums != NULL && strcmp(checksums, "off") == 0)
		node_map_set(vars, "pg_checksum", node_bool(false));
	model_document(&observed, vars);
	make_literal(vars, "vars");
	node_map_set(vars, "pg_default_hba_rules", node_list());
	node_map_set(vars, "pg_hba_rules", rule_nodes(file, server));
	return body;
}

/*
 * A copy of the document, as apply_cluster() will see it: validated, and a model
 * made of it.  A copy, since validation changes what it reads.
 */
static Cluster *
understood(const char *name, const SpecNode *body, const ServerState *server,
		   Findings *findings)
{
	SpecNode   *document = node_map();
	char	   *its_name;
	SpecNode   *its_body;

	node_map_set(document, name, node_copy(body));
	spec_validate_cluster(document, findings, &its_name, &its_body);
	return model_build(name, its_body, NULL, NULL, NIL, server->bootstrap_superuser, findings);
}

/*
 * Rules that would not become their lines again (an alias that means something
 * else here, an odd name) are declared by their lines.  Returns whether there
 * were any.
 */
static bool
correct_rules(const Cluster *cluster, HbaFile *file, int major)
{
	bool		corrected = false;
	ListCell   *rule;
	ListCell   *cell;

	forboth(rule, cluster->hba_rules, cell, file->units)
	{
		HbaUnit    *unit = lfirst(cell);

		if (unit->raw || hba_unit_matches(file, unit, render_hba_rule(cluster, lfirst(rule), major)))
			continue;
		unit->raw = true;
		corrected = true;
	}
	return corrected;
}

/* What the language cannot say is told, and not left to be found out by who applies it. */
static void
warn_of(const Findings *findings)
{
	ListCell   *cell;

	foreach(cell, findings->list)
	{
		const Finding *finding = lfirst(cell);

		if (finding->severity == FINDING_ERROR)
			ereport(WARNING,
					(errcode(finding->sqlstate),
					 errmsg("the document cannot be declared as it is: %s", finding->message),
					 errdetail("%s", finding->path ? finding->path : "")));
	}
}

/*
 * Superuser by the check and not by privileges alone: whoever is given EXECUTE
 * must not thereby get everybody's verifier.
 */
/* what a server has for all its databases, and no document can say */
#define LEFT_OUT_QUERY \
	"SELECT 'settings of all roles (ALTER ROLE ALL SET)'" \
	" WHERE EXISTS (SELECT FROM pg_db_role_setting AS s WHERE s.setrole = 0 AND s.setdatabase = 0)" \
	" UNION ALL SELECT 'privileges on parameters'" \
	" WHERE EXISTS (SELECT FROM pg_parameter_acl)" \
	" UNION ALL SELECT 'privileges on tablespaces'" \
	" WHERE EXISTS (SELECT FROM pg_tablespace AS t WHERE t.spcacl IS NOT NULL)" \
	" UNION ALL SELECT 'security labels'" \
	" WHERE EXISTS (SELECT FROM pg_shseclabel)"

/* The function pins the search_path. */
static void
warn_of_left_out(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute(LEFT_OUT_QUERY, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of \"%s\"", LEFT_OUT_QUERY);
	for (uint64 i = 0; i < SPI_processed; i++)
		ereport(WARNING,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the document leaves out %s of this server",
						SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1))));
	SPI_finish();
}

Datum
pgops_generate(PG_FUNCTION_ARGS)
{
	char	   *name;
	ServerState *server;
	HbaFile    *file;
	SpecNode   *document = node_map();
	SpecNode   *body;
	Cluster    *cluster;
	Findings	findings = {0};
	StringInfoData out;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to generate a document: it holds the verifiers of passwords")));
	shared_require();
	name = document_name(fcinfo);
	server = observe_shared();
	look_into_databases(server);
	file = read_rules(server);

	body = make_body(name, server, file);
	cluster = understood(name, body, server, &findings);
	if (correct_rules(cluster, file, server->server_major))
	{
		node_map_set(node_get(body, "vars"), "pg_hba_rules", rule_nodes(file, server));
		memset(&findings, 0, sizeof(findings));
		(void) understood(name, body, server, &findings);
	}
	warn_of(&findings);
	warn_of_left_out();

	node_map_set(document, name, body);
	initStringInfo(&out);
	spec_write_yaml(&out, document);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
