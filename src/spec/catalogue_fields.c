/*
 * catalogue_fields.c
 *		The fields of the objects that list parameters hold: users, databases,
 *		HBA rules, services and what lies inside them.
 *
 * Data only: name, type, required, secret, choices, min, max, object, summary.
 */
#include "postgres.h"

#include "spec/catalogue_data.h"

#define POOL_MODES	"transaction,session,statement"

/*
 * A group of a user.  What is left out stays as it is on the server, so that
 * "roles: [x]" does not take away an admin option given by hand.
 */
static const FieldDef membership_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "role to be a member of"},
	{"state", PT_ENUM, false, false, "create,grant,absent,revoke", 0, 0, NULL,
	"whether the membership is there (create, grant) or not (absent, revoke)"},
	{"admin", PT_BOOL, false, false, NULL, 0, 0, NULL, "may grant the role to others"},
	{"set", PT_BOOL, false, false, NULL, 0, 0, NULL, "may SET ROLE to it (16 and newer)"},
	{"inherit", PT_BOOL, false, false, NULL, 0, 0, NULL,
	"uses its privileges without SET ROLE (16 and newer)"},
	{NULL}
};

static const ObjectDef membership = {"membership", membership_fields, "name"};

/*
 * A user, or a role without login.  Attributes have no default here: one that
 * is not declared is not touched, and CREATE ROLE's default holds for a new
 * role; login alone is on unless declared otherwise.  The last three are the
 * pooler's.
 */
static const FieldDef user_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "name of the role"},
	{"state", PT_ENUM, false, false, "create,absent", 0, 0, NULL, "whether the role is there"},
	{"password", PT_PASSWORD, false, true, NULL, 0, 0, NULL,
	"plain text, or a SCRAM or md5 verifier; only a verifier is kept"},
	{"login", PT_BOOL, false, false, NULL, 0, 0, NULL, "may log in"},
	{"superuser", PT_BOOL, false, false, NULL, 0, 0, NULL, "bypasses all permission checks"},
	{"createdb", PT_BOOL, false, false, NULL, 0, 0, NULL, "may create databases"},
	{"createrole", PT_BOOL, false, false, NULL, 0, 0, NULL, "may create roles"},
	{"inherit", PT_BOOL, false, false, NULL, 0, 0, NULL,
	"uses the privileges of its groups without SET ROLE"},
	{"replication", PT_BOOL, false, false, NULL, 0, 0, NULL, "may start replication"},
	{"bypassrls", PT_BOOL, false, false, NULL, 0, 0, NULL, "row security does not apply to it"},
	{"connlimit", PT_INT, false, false, NULL, -1, 2147483647, NULL,
	"sessions at a time, -1: no limit"},
	{"expire_in", PT_INT, false, false, NULL, 1, 365000, NULL,
	"days its password is valid, from the day it is first declared; wins over expire_at"},
	{"expire_at", PT_DATE, false, false, NULL, 0, 0, NULL,
	"until when its password is valid: a date, a time stamp or infinity"},
	{"comment", PT_STRING, false, false, NULL, 0, 0, NULL, "comment on the role"},
	{"roles", PT_OBJECTS, false, false, NULL, 0, 0, &membership, "groups it is a member of"},
	{"parameters", PT_DICT, false, false, NULL, 0, 0, NULL,
	"settings of its sessions; DEFAULT resets one"},
	{"database_parameters", PT_DICT, false, false, NULL, 0, 0, NULL,
	"settings of its sessions in one database: database to settings"},
	{"pgbouncer", PT_BOOL, false, false, NULL, 0, 0, NULL, "may log in through the pooler"},
	{"pool_mode", PT_ENUM, false, false, POOL_MODES, 0, 0, NULL, "its mode of pooling"},
	{"pool_connlimit", PT_INT, false, false, NULL, -1, 2147483647, NULL,
	"server connections of the pooler for it, -1: no limit"},
	{NULL}
};

/* the same fields; they are told apart so that messages can say "role" of a default role */
const ObjectDef catalogue_user = {"user", user_fields, NULL};
const ObjectDef catalogue_role = {"role", user_fields, NULL};

/* A schema of a database, or one that every database has. */
static const FieldDef schema_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "name of the schema"},
	{"owner", PT_NAME, false, false, NULL, 0, 0, NULL, "its owner"},
	{"privileges", PT_LIST, false, false, NULL, 0, 0, NULL,
	"GRANT and REVOKE clauses: GRANT USAGE TO app"},
	{"state", PT_ENUM, false, false, "create,absent", 0, 0, NULL, "whether the schema is there"},
	{NULL}
};

const ObjectDef catalogue_schema = {"schema", schema_fields, "name"};

/*
 * An extension.  Without a version the server's default one is installed, and
 * a newer default later is no difference; a declared one is updated to.
 */
static const FieldDef extension_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "name of the extension"},
	{"schema", PT_NAME, false, false, NULL, 0, 0, NULL, "schema its objects lie in"},
	{"version", PT_STRING, false, false, NULL, 0, 0, NULL, "version to have installed"},
	{"state", PT_ENUM, false, false, "create,absent", 0, 0, NULL,
	"whether the extension is there"},
	{NULL}
};

const ObjectDef catalogue_extension = {"extension", extension_fields, "name"};

/*
 * A database.  From encoding to strategy the fields count when it is made and
 * never again; the pooler's fields begin at pgbouncer.  Two of those have an
 * older name beside the present one, because inventories have both.
 */
static const FieldDef database_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "name of the database"},
	{"state", PT_ENUM, false, false, "create,absent,recreate", 0, 0, NULL,
	"whether the database is there; recreate drops and makes it anew, once"},
	{"owner", PT_NAME, false, false, NULL, 0, 0, NULL, "its owner"},
	{"template", PT_NAME, false, false, NULL, 0, 0, NULL, "database it is copied from"},
	{"encoding", PT_STRING, false, false, NULL, 0, 0, NULL, "character encoding; at creation only"},
	{"locale", PT_STRING, false, false, NULL, 0, 0, NULL,
	"stands for lc_collate and lc_ctype; at creation only"},
	{"lc_collate", PT_STRING, false, false, NULL, 0, 0, NULL, "sort order; at creation only"},
	{"lc_ctype", PT_STRING, false, false, NULL, 0, 0, NULL,
	"classes of characters; at creation only"},
	{"locale_provider", PT_ENUM, false, false, "libc,icu,builtin", 0, 0, NULL,
	"where the collation comes from; at creation only"},
	{"icu_locale", PT_STRING, false, false, NULL, 0, 0, NULL, "ICU locale; at creation only"},
	{"icu_rules", PT_STRING, false, false, NULL, 0, 0, NULL,
	"ICU collation rules (16 and newer); at creation only"},
	{"builtin_locale", PT_STRING, false, false, NULL, 0, 0, NULL,
	"locale of the builtin provider (17 and newer); at creation only"},
	{"strategy", PT_ENUM, false, false, "wal_log,file_copy,WAL_LOG,FILE_COPY", 0, 0, NULL,
	"how the template is copied"},
	{"tablespace", PT_NAME, false, false, NULL, 0, 0, NULL, "its default tablespace"},
	{"is_template", PT_BOOL, false, false, NULL, 0, 0, NULL,
	"may be copied by everybody with CREATEDB"},
	{"allowconn", PT_BOOL, false, false, NULL, 0, 0, NULL, "takes connections"},
	{"revokeconn", PT_BOOL, false, false, NULL, 0, 0, NULL,
	"takes CONNECT away from PUBLIC and leaves it to the owner and the system users"},
	{"privileges", PT_LIST, false, false, NULL, 0, 0, NULL,
	"GRANT and REVOKE clauses, instead of what follows from the rest: GRANT CONNECT TO app"},
	{"default_privileges", PT_LIST, false, false, NULL, 0, 0, NULL,
	"clauses of ALTER DEFAULT PRIVILEGES in this database, also FOR ROLE and IN SCHEMA"},
	{"connlimit", PT_INT, false, false, NULL, -1, 2147483647, NULL,
	"sessions at a time, -1: no limit"},
	{"comment", PT_STRING, false, false, NULL, 0, 0, NULL, "comment on the database"},
	{"parameters", PT_DICT, false, false, NULL, 0, 0, NULL,
	"settings of its sessions; DEFAULT resets one"},
	{"baseline", PT_STRING, false, false, NULL, 0, 0, NULL,
	"SQL file that is run once, when the database is made"},
	{"schemas", PT_OBJECTS, false, false, NULL, 0, 0, &catalogue_schema, "schemas in it"},
	{"extensions", PT_OBJECTS, false, false, NULL, 0, 0, &catalogue_extension,
	"extensions in it"},
	{"pgbouncer", PT_BOOL, false, false, NULL, 0, 0, NULL, "is offered by the pooler"},
	{"pool_auth_user", PT_NAME, false, false, NULL, 0, 0, NULL,
	"user with which the pooler looks up passwords"},
	{"pool_mode", PT_ENUM, false, false, POOL_MODES, 0, 0, NULL, "its mode of pooling"},
	{"pool_size", PT_INT, false, false, NULL, 0, 2147483647, NULL, "server connections per user"},
	{"pool_size_min", PT_INT, false, false, NULL, 0, 2147483647, NULL,
	"server connections kept open"},
	{"pool_size_reserve", PT_INT, false, false, NULL, 0, 2147483647, NULL,
	"further connections when the pool is used up (older name of pool_reserve)"},
	{"pool_reserve", PT_INT, false, false, NULL, 0, 2147483647, NULL,
	"further connections when the pool is used up"},
	{"pool_max_db_conn", PT_INT, false, false, NULL, -1, 2147483647, NULL,
	"server connections to the database in all (older name of pool_connlimit)"},
	{"pool_connlimit", PT_INT, false, false, NULL, -1, 2147483647, NULL,
	"server connections to the database in all"},
	{"register_datasource", PT_BOOL, false, false, NULL, 0, 0, NULL,
	"is made known to the dashboards"},
	{NULL}
};

const ObjectDef catalogue_database = {"database", database_fields, NULL};

/*
 * An access rule, in one of two forms: user, db, addr and auth, which are
 * rendered, or lines under "rules".  No field is required, since the forms
 * exclude each other; validate_rules.c asks for one of them.
 */
static const FieldDef hba_fields[] = {
	{"title", PT_STRING, false, false, NULL, 0, 0, NULL, "comment above the rule"},
	{"role", PT_ENUM, false, false, "default,common,primary,replica,offline,standby,delayed", 0, 0,
	NULL, "instances for which the rule is live"},
	{"order", PT_INT, false, false, NULL, -2147483647, 2147483647, NULL,
	"place among all rules, ascending; rules without one come last"},
	{"user", PT_STRING, false, false, NULL, 0, 0, NULL,
	"user, +role, all, ${dbsu}, ${repl}, ${monitor} or ${admin}"},
	{"db", PT_STRING, false, false, NULL, 0, 0, NULL, "database, all or replication"},
	{"addr", PT_STRING, false, false, NULL, 0, 0, NULL,
	"address, CIDR range, host name, or one of the address aliases"},
	{"auth", PT_ENUM, false, false,
		"deny,reject,pwd,ssl,sha,scram-sha-256,md5,ssl-md5,ssl-sha,cert,os,ident,peer,trust", 0, 0,
	NULL, "how the client proves who it is"},
	{"rules", PT_LIST, false, false, NULL, 0, 0, NULL, "lines to be taken as they are"},
	{NULL}
};

const ObjectDef catalogue_hba = {"hba", hba_fields, NULL};

/* A service: a port of the proxy, and the instances that stand behind it. */
static const FieldDef service_fields[] = {
	{"name", PT_STRING, true, false, NULL, 0, 0, NULL,
	"name of the service; the cluster's is put before it"},
	{"port", PT_PORT, true, false, NULL, 0, 0, NULL, "port clients connect to"},
	{"ip", PT_STRING, false, false, NULL, 0, 0, NULL, "address to listen on, *: all"},
	{"src_ip", PT_STRING, false, false, NULL, 0, 0, NULL, "older name of ip"},
	{"dest", PT_INT_OR_STRING, false, false, NULL, 0, 0, NULL,
	"default, postgres, pgbouncer, or a port of the instances"},
	{"check", PT_STRING, false, false, NULL, 0, 0, NULL, "path of the health check"},
	{"selector", PT_STRING, true, false, NULL, 0, 0, NULL,
	"JMESPath filter: instances that serve"},
	{"backup", PT_STRING, false, false, NULL, 0, 0, NULL,
	"JMESPath filter: instances that serve when no other can"},
	{"maxconn", PT_INT, false, false, NULL, 1, 2147483647, NULL, "client connections at a time"},
	{"balance", PT_STRING, false, false, NULL, 0, 0, NULL, "how connections are spread"},
	{"options", PT_STRING, false, false, NULL, 0, 0, NULL,
	"the proxy's default-server arguments"},
	{NULL}
};

const ObjectDef catalogue_service = {"service", service_fields, NULL};

/* Maintenance by the clock; pgops' own, no inventory has it. */
static const FieldDef schedule_fields[] = {
	{"name", PT_NAME, true, false, NULL, 0, 0, NULL, "name of the schedule"},
	{"cron", PT_STRING, true, false, NULL, 0, 0, NULL, "when: a cron expression"},
	{"what", PT_ENUM, true, false,
		"backup,backup full,backup diff,backup incr,verify_backup,vacuum,freeze,analyze,repack,"
		"reindex,expire,reconcile", 0, 0,
	NULL, "what is done"},
	{"options", PT_DICT, false, false, NULL, 0, 0, NULL, "arguments of what is done"},
	{"window", PT_INTERVAL, false, false, NULL, 0, 0, NULL, "how long it may go on"},
	{"deadline", PT_INTERVAL, false, false, NULL, 0, 0, NULL, "how late it may begin"},
	{"state", PT_ENUM, false, false, "create,absent", 0, 0, NULL, "whether the schedule is there"},
	{NULL}
};

const ObjectDef catalogue_schedule = {"schedule", schedule_fields, NULL};
