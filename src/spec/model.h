/*
 * model.h
 *		The typed cluster: what roles, databases, schemas, extensions,
 *		privileges and HBA rules are, both as declared and as observed.
 *
 * The desired state (model_build) and the observed state (observe/) use the
 * same structures, so the plan compares like with like.  Every struct lives
 * in the memory context current when it was made.
 *
 * In a declared object "set" holds a bit for each attribute that was
 * declared; an attribute without its bit is left alone on the server.  In an
 * observed object all bits are set.
 *
 * Not for: how anything is read, planned or executed.
 */
#ifndef PGOPS_SPEC_MODEL_H
#define PGOPS_SPEC_MODEL_H

#include "datatype/timestamp.h"
#include "spec/finding.h"
#include "spec/node.h"
#include "utils/timestamp.h"

typedef enum ObjectState
{
	STATE_CREATE,
	STATE_ABSENT,
	STATE_RECREATE				/* databases only */
} ObjectState;

/* what may be done about differences: nothing; all but removing what nobody declared; all */
typedef enum Policy
{
	POLICY_OBSERVE,
	POLICY_ADDITIVE,
	POLICY_AUTHORITATIVE
} Policy;

/* a three-valued option: membership options may be left undeclared */
typedef enum Tri
{
	TRI_UNSET = -1,
	TRI_FALSE = 0,
	TRI_TRUE = 1
} Tri;

/*
 * ---- settings of a role or a database ----
 *
 * "value" is what ends up in the catalog, and is what both sides compare.  A
 * list setting has its elements besides, because SET wants them one by one:
 * quoted as a whole, a search_path would be a single schema with an odd name.
 */
typedef struct Setting
{
	char	   *name;			/* GUC name, lower case as pg_db_role_setting has it */
	char	   *value;			/* as pg_db_role_setting shows it; NULL: DEFAULT (reset) */
	List	   *elements;		/* list GUCs (GUC_LIST_QUOTE): elements unquoted; else NIL */
	bool		tuned;			/* by the template that is declared (tune.h), not by itself: left out
								 * where the server cannot have it */
} Setting;

/*
 * ---- memberships ----
 *
 * Since 16 the same role may be granted to the same member by several
 * grantors, with options of its own each; before, there was one grant at most
 * and only the admin option.
 */
typedef struct Membership
{
	char	   *role;			/* the group */
	char	   *member;
	ObjectState state;
	Tri			admin;
	Tri			set_option;		/* 16+ */
	Tri			inherit;		/* 16+ */
	char	   *grantor;		/* observed only */
} Membership;

/* settings of one role in one database */
typedef struct RoleInDatabase
{
	char	   *database;
	List	   *settings;		/* of Setting * */
} RoleInDatabase;

/* ---- roles ---- */
typedef enum RoleFlag
{
	ROLE_SUPERUSER,
	ROLE_CREATEDB,
	ROLE_CREATEROLE,
	ROLE_INHERIT,
	ROLE_LOGIN,
	ROLE_REPLICATION,
	ROLE_BYPASSRLS,
	ROLE_NFLAGS
} RoleFlag;

/* keyword of a flag: {"SUPERUSER", "NOSUPERUSER", "superuser" (field name)} */
typedef struct RoleFlagName
{
	const char *on;
	const char *off;
	const char *field;
	bool		default_value;	/* what CREATE ROLE gives without the option (LOGIN: see note) */
} RoleFlagName;
extern const RoleFlagName role_flag_names[ROLE_NFLAGS];

/* bits of Role.set: 1 << RoleFlag for the flags, then these */
#define ROLE_SET_FLAG(f)	(1u << (f))
#define ROLE_SET_CONNLIMIT	(1u << 10)
#define ROLE_SET_VALIDUNTIL	(1u << 11)
#define ROLE_SET_PASSWORD	(1u << 12)
#define ROLE_SET_COMMENT	(1u << 13)

typedef struct Role
{
	char	   *name;
	ObjectState state;
	uint32		set;
	bool		flags[ROLE_NFLAGS];
	int			connlimit;
	TimestampTz valid_until;	/* DT_NOEND: infinity; observed without one: DT_NOEND */
	char	   *valid_until_text;	/* declared: text for VALID UNTIL */
	int			expire_in;		/* days, declared and not yet resolved; 0: none */
	char	   *password;		/* SCRAM or md5 verifier; NULL: none */
	const SpecNode *password_source;	/* declared by reference (reference.h); else NULL */
	char	   *password_path;	/* of the reference in the document */
	char	   *password_problem;	/* why the reference gave no password, or NULL */
	char	   *password_hint;	/* or NULL */
	char	   *comment;		/* NULL: none */
	List	   *settings;		/* of Setting * */
	List	   *in_databases;	/* of RoleInDatabase * */
	List	   *memberships;	/* of Membership *: groups this role is in */
	bool		system;			/* one of dbsu, replication, monitor, admin user */
	Oid			oid;			/* observed */
	List	   *databases;		/* observed by observe_dependents(): names of databases
								 * in which something depends on it */
} Role;

/*
 * ---- privileges ----
 *
 * ACLs are taken apart into single privileges, so that "ALL", the order of
 * items and a NULL ACL (which means the built-in default) do not make two
 * equal ones look different.
 */
typedef struct AclEntry			/* one exploded aclitem privilege */
{
	char	   *grantee;		/* NULL: PUBLIC */
	char	   *grantor;		/* observed only, else NULL */
	char	   *privilege;		/* upper case keyword: "CONNECT", "SELECT" ... */
	bool		grantable;
} AclEntry;

/*
 * A declared privilege: a default one, from a string of pg_default_privileges
 * or of a database's default_privileges, or one on a database or schema, from
 * a string of its "privileges".
 */
typedef struct DefaultPrivilege
{
	bool		is_grant;		/* false: REVOKE */
	char		objtype;		/* 'r' tables, 'S' sequences, 'f' functions, 'T' types, 'n' schemas,
								 * 'L' large objects (18+); on an object: 'd' database, 'n' schema */
	List	   *roles;			/* FOR ROLE: of char *; NIL: those who create objects in the cluster */
	List	   *schemas;		/* IN SCHEMA: of char *; NIL: all */
	List	   *privileges;		/* of char *, upper case; "ALL" is kept as the one element ALL */
	List	   *grantees;		/* of char *; "PUBLIC" as NULL element is not allowed: the name "public" unquoted means PUBLIC and is stored as "" */
	bool		grant_option;
	char	   *text;			/* as declared, blanks folded */
} DefaultPrivilege;

/* an observed pg_default_acl row of one database */
typedef struct DefaultAcl
{
	char	   *role;			/* FOR ROLE */
	char	   *schema;			/* NULL: all schemas */
	char		objtype;
	List	   *acl;			/* of AclEntry * */
} DefaultAcl;

/*
 * ---- inside a database ----
 *
 * Seen only by a worker that is connected there; the rest of the server's
 * objects are shared and can be seen from anywhere.
 */
#define SCHEMA_SET_OWNER	(1u << 0)
#define SCHEMA_SET_PRIVILEGES	(1u << 1)
typedef struct Schema
{
	char	   *name;
	ObjectState state;
	uint32		set;
	char	   *owner;
	List	   *privileges;		/* declared: of DefaultPrivilege *, objtype 'n' */
	List	   *acl;			/* observed: AclEntry *, NULL ACL already replaced by its default */
	char	   *extension;		/* observed: the one whose script made it, or NULL */
} Schema;

#define EXTENSION_SET_SCHEMA	(1u << 0)
#define EXTENSION_SET_VERSION	(1u << 1)
typedef struct Extension
{
	char	   *name;
	ObjectState state;
	uint32		set;
	char	   *schema;
	char	   *version;
	bool		relocatable;	/* observed */
	List	   *requires;		/* observed: of char *, names of extensions */
} Extension;

/* what is inside one database: observed, or assumed for one not yet created */
typedef struct LocalState
{
	List	   *schemas;		/* of Schema *, without pg_* and information_schema */
	List	   *extensions;		/* of Extension * */
	List	   *default_acls;	/* of DefaultAcl * */
	bool		assumed;		/* copied from the template of a planned database */
} LocalState;

/*
 * ---- databases ----
 *
 * From DB_SET_TEMPLATE to DB_SET_STRATEGY the fields can be chosen only when
 * a database is made; a difference later is reported, with the way out.
 */
#define DB_SET_OWNER		(1u << 0)
#define DB_SET_TEMPLATE		(1u << 1)
#define DB_SET_ENCODING		(1u << 2)
#define DB_SET_LOCALE		(1u << 3)
#define DB_SET_LC_COLLATE	(1u << 4)
#define DB_SET_LC_CTYPE		(1u << 5)
#define DB_SET_PROVIDER		(1u << 6)
#define DB_SET_ICU_LOCALE	(1u << 7)
#define DB_SET_ICU_RULES	(1u << 8)
#define DB_SET_BUILTIN		(1u << 9)
#define DB_SET_STRATEGY		(1u << 10)
#define DB_SET_TABLESPACE	(1u << 11)
#define DB_SET_IS_TEMPLATE	(1u << 12)
#define DB_SET_ALLOWCONN	(1u << 13)
#define DB_SET_REVOKECONN	(1u << 14)
#define DB_SET_CONNLIMIT	(1u << 15)
#define DB_SET_COMMENT		(1u << 16)
#define DB_SET_BASELINE		(1u << 17)
#define DB_SET_PRIVILEGES	(1u << 18)

typedef struct Database
{
	char	   *name;
	ObjectState state;
	uint32		set;
	char	   *owner;
	char	   *template;
	char	   *encoding;		/* observed: canonical name (UTF8) */
	char	   *locale;			/* declared only: stands for both lc_ */
	char	   *lc_collate;
	char	   *lc_ctype;
	char	   *locale_provider;	/* libc, icu, builtin */
	char	   *icu_locale;
	char	   *icu_rules;
	char	   *builtin_locale;
	char	   *strategy;		/* declared only; never compared */
	char	   *tablespace;
	bool		is_template;
	bool		allowconn;
	bool		revokeconn;		/* declared only */
	int			connlimit;
	char	   *comment;
	char	   *baseline;		/* declared only */
	List	   *settings;		/* of Setting * */
	List	   *privileges;		/* declared: of DefaultPrivilege *, objtype 'd' */
	List	   *default_privileges; /* declared for this database: of DefaultPrivilege * */
	List	   *schemas;		/* declared: of Schema * */
	List	   *extensions;		/* declared: of Extension * */
	char	   *entry_digest;	/* declared: SHA-256 hex of the declared entry (recreate runs once for it) */

	/* observed */
	Oid			oid;
	bool		invalid;		/* datconnlimit = -2 */
	List	   *acl;			/* of AclEntry *, NULL ACL replaced by its default */
	LocalState *local;			/* NULL: not observed */
	char	   *local_error;	/* why local could not be observed, or NULL */
	int			local_sqlstate; /* of local_error */
	char	   *local_hint;		/* of local_error, or NULL */
} Database;

/*
 * ---- HBA ----
 *
 * Names and aliases are kept as declared: what they stand for on this server
 * is found when the file is rendered, as is which rules are live.
 */
typedef struct HbaRule
{
	char	   *title;
	char	   *role;			/* default, common, primary, replica, offline, standby, delayed */
	bool		has_order;
	int			order;
	char	   *user;			/* alias form; raw form: NULL */
	char	   *db;
	char	   *addr;
	char	   *auth;
	List	   *raw;			/* raw form: of char *, lines as given */
	const SpecNode *node;			/* for findings; may be NULL */
	char	   *path;			/* pg-meta.pg_hba_rules[0] */
} HbaRule;

/*
 * ---- the cluster ----
 *
 * An instance's role is what was declared for it.  What it is at the moment
 * only the server itself knows, and after a failover that differs.
 */
typedef struct Instance
{
	char	   *name;			/* pg-meta-1 */
	char	   *host;
	int			seq;
	char	   *role;			/* declared: primary, replica, offline, standby, delayed */
	bool		offline_query;
	char	   *upstream;		/* pg_upstream: a host, or NULL */
	int			port;			/* pg_port of this instance */
} Instance;

typedef struct Cluster
{
	char	   *name;
	List	   *instances;		/* of Instance *, by seq */
	Instance   *self;			/* the one this server is; NULL: unbound */
	Policy		policy;			/* pgops_policy */
	bool		safeguard;		/* pg_safeguard */
	char	   *restart_policy; /* pgops_restart_policy: never, on_request, window, always */
	char	   *dbsu;			/* real name of the bootstrap superuser */
	char	   *replication_user;
	char	   *monitor_user;
	char	   *admin_user;
	char	   *admin_ip;		/* or NULL */
	char	   *pwd_enc;		/* scram-sha-256 or md5 */
	List	   *infra_hosts;	/* of char * */
	List	   *intranet;		/* of char *: CIDRs */
	List	   *roles;			/* of Role *: pg_default_roles then pg_users */
	List	   *databases;		/* of Database * */
	List	   *default_privileges;	/* of DefaultPrivilege * */
	List	   *default_schemas;	/* of Schema * */
	List	   *default_extensions;	/* of Extension * */
	List	   *hba_rules;		/* of HbaRule *: sorted as they must appear */
	List	   *parameters;		/* of Setting *: pg_parameters (model_parameter.c) */
	char	   *tuned;			/* pg_conf as declared (oltp, olap, crit, tiny), or NULL: "parameters" is
								 * then completed by what the machine makes of it (spec/tune.h) */
	char	   *tuned_machine;	/* the machine that the template was applied for, where parameters are
								 * those of all members; else NULL (worker/tuned.h) */
	struct TuneInput *tune;		/* what is declared about the template, with defaults; the machine
								 * and the version are for others to fill in */
	struct PatroniSpec *patroni;	/* what is declared about HA (model_patroni.h); never NULL */
	struct BackupSpec *backup;	/* NULL: nothing is declared about backups (model_backup.h) */
	bool		backup_disabled;	/* there, pgbackrest_enabled is declared as false */
	List	   *schedules;		/* of Schedule *: pgops_schedules and crontabs (schedule.h) */
	struct MaintenanceWindow *window;	/* pgops_maintenance_window, or NULL (schedule.h) */
	char	   *primary_db;		/* pg_primary_db: gets default schemas and extensions, besides template1 */
	const char *unevaluated;	/* a parameter that only Ansible knows, or NULL: see plan_limit.c */
	const struct Placeholders *placeholders;	/* for who looks at the declaration's texts again */
} Cluster;

/*
 * model_build
 *		Builds the cluster from its name and body ({hosts, vars}, validated
 *		and normalised, passwords already verifiers) with global variables
 *		(NODE_MAP or NULL), as seen by the instance "self" (NULL: none; then
 *		instance-level variables are not merged).  Precedence: default <
 *		global < cluster < instance, each parameter replaced whole.
 *		infra_hosts: addresses (char *) that "infra" means, kept and not copied;
 *		NIL: the admin node.  "dbsu" is the bootstrap superuser's real name: the role that pg_dbsu
 *		names in the declaration means it.
 *		Inconsistencies become findings; the result is never NULL.
 */
extern Cluster *model_build(const char *name, const SpecNode *body, const SpecNode *globals,
							const char *self, List *infra_hosts, const char *dbsu,
							Findings *findings);

extern Role *model_find_role(List *roles, const char *name);
extern Database *model_find_database(List *databases, const char *name);
extern Schema *model_find_schema(List *schemas, const char *name);
extern Extension *model_find_extension(List *extensions, const char *name);
extern LocalState *model_copy_local(const LocalState *local);

/* whether a library to be preloaded is pgops itself: "pgops", "$libdir/pgops" */
extern bool model_library_is_own(const char *library);

/* what a list setting's text names, as the server splits it: of char *, palloc'd */
extern List *model_setting_elements(const char *guc, const char *value);

/* gives a list setting its elements (kept) and the value that they make */
extern void model_setting_set_elements(Setting *setting, List *elements);

/* whether a GUC takes a list of quoted identifiers (search_path and the like) */
extern bool model_is_list_setting(const char *guc);

#endif							/* PGOPS_SPEC_MODEL_H */
