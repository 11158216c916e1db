/*
 * planner.h
 *		Private to plan/: the state of one planning, its lookups, and the
 *		constructors of actions.
 *
 * The planner keeps what the plan will have made of the server ("now") apart
 * from the snapshot where that is needed: roles and databases that an earlier
 * action creates exist for the later ones, dropped ones do not.
 *
 * Not for: users of the folder; they include plan/plan.h.
 */
#ifndef PGOPS_PLAN_PLANNER_H
#define PGOPS_PLAN_PLANNER_H

#include "nodes/value.h"

#include "plan/plan.h"

/* oids below this belong to initdb: such roles are never dropped */
#define PLAN_FIRST_ORDINARY_OID 16384

/* ---- map.c: names (of any length) to pointers ---- */
typedef struct PlanMap PlanMap;

extern PlanMap *plan_map_new(void);
extern void *plan_map_get(const PlanMap *map, const char *key);
extern void plan_map_put(PlanMap *map, const char *key, void *value);

/* ---- the planner ---- */
typedef struct Planner
{
	PlanInput  *input;
	Cluster    *cluster;
	ServerState *snapshot;
	ActionPlan *plan;
	PlanMap    *declared_roles; /* name -> Role * */
	PlanMap    *declared_databases; /* name -> Database * */
	PlanMap    *created_roles;	/* name -> Role *: by this plan */
	PlanMap    *databases;		/* name -> Database * as it will be */
	List	   *database_list;	/* of Database *: the same, in order */
	PlanMap    *owned;			/* key of an item -> OwnedItem * */
	PlanMap    *owned_of;		/* kind and database, and these and a
								 * name -> List * of OwnedItem * */
	PlanMap    *wanted;			/* keys of items that the declaration still names */
	PlanMap    *reported;		/* what was reported once already */
	PlanMap    *sequences;		/* database -> Integer *: number of its recreation */
	PlanMap    *insides;		/* databases whose inside is planned */
	PlanMap    *members_of;		/* role -> List * of Membership * in it; lazily */
	PlanMap    *granted_by;		/* grantor -> List * of Membership *; lazily */
	PlanMap    *referenced_roles;	/* of plan_keep.c, these four lazily: names */
	PlanMap    *referenced_databases;	/* names */
	PlanMap    *database_names; /* oid -> present name */
	PlanMap    *remembered_databases;	/* oid -> OwnedItem * */
	int			sequence;		/* number for the actions being made; 0: none */
	int			last_sequence;
	int			backup_sequence;	/* of the step that writes pgbackrest.conf; 0: there is none */
	bool		backup_stopped; /* nothing can be done about backups */
	struct PatroniPlan *patroni;	/* what goes into Patroni's configuration (patroni.h) */
} Planner;

extern Planner *planner_new(PlanInput *input);
extern bool plan_role_exists(Planner *planner, const char *name);
extern Role *plan_role_now(Planner *planner, const char *name);
extern bool plan_role_protected(Planner *planner, const char *name);
extern Role *plan_role_declared(Planner *planner, const char *name);
extern Database *plan_database_now(Planner *planner, const char *name);
extern void plan_database_add(Planner *planner, Database *database);
extern void plan_database_remove(Planner *planner, Database *database);
extern bool plan_database_protected(Planner *planner, const Database *database);
extern bool plan_authoritative(const Planner *planner);
extern bool plan_once(Planner *planner, const char *what);

/* steps made between the two belong together */
extern void plan_sequence_begin(Planner *planner);
extern void plan_sequence_end(Planner *planner);

/* ---- what pgops remembers ---- */
extern OwnedItem *plan_owned(Planner *planner, const char *kind, const char *database,
							 const char *name, const char *attribute);
extern List *plan_owned_of(Planner *planner, const char *kind, const char *database);
extern List *plan_owned_named(Planner *planner, const char *kind, const char *database,
							  const char *name);
extern void plan_want(Planner *planner, const char *kind, const char *database,
					  const char *name, const char *attribute);
extern bool plan_wanted(Planner *planner, const OwnedItem *item);
extern void plan_adopt(Planner *planner, const char *kind, const char *database,
					   const char *name, const char *value);
extern void plan_forget(Planner *planner, const OwnedItem *item);

/* ---- action.c: constructors; the action is appended to the plan ---- */
extern Action *action_sql(Planner *planner, const char *rule, const char *name,
						  const char *database, char *statement, char *reason);
extern Action *action_door(Planner *planner, Door door, const char *rule, const char *name,
						   const char *database, char *statement, char *reason);
extern void action_block(Action *action, int sqlstate, const char *hint,
						 const char *fmt,...) pg_attribute_printf(4, 5);
extern void action_record(Action *action, const char *kind, const char *database,
						  const char *name, const char *attribute, const char *value);
extern void action_forget(Action *action, const OwnedItem *item);
extern void action_orphan(Planner *planner, const char *rule, const char *name,
						  const char *database);

/* ---- the parts, in the order in which plan_make() calls them ---- */
extern void plan_roles(Planner *planner);
extern void plan_memberships(Planner *planner);
extern void plan_role_settings(Planner *planner);
extern void plan_role_comments(Planner *planner);
extern void plan_databases(Planner *planner);
extern void plan_database_drops(Planner *planner);
extern void plan_role_drops(Planner *planner);
extern void plan_schedules(Planner *planner);
extern void plan_backup_config(Planner *planner);
extern void plan_backup_settings(Planner *planner);
extern void plan_files(Planner *planner);
extern void plan_backup_setup(Planner *planner);
extern void plan_parameters(Planner *planner);	/* cluster->parameters, whoever put them there */
extern void plan_patroni_begin(Planner *planner);	/* what is declared, before others add to it */
extern void plan_patroni(Planner *planner);
extern void plan_limits(Planner *planner);

/* ---- pieces of the plan of backups ---- */

/* a command that takes WAL and does nothing with it */
#define PLAN_ARCHIVE_NOTHING	"/bin/true"

extern const struct BackupFacts *plan_backup_facts(const Planner *planner);
extern bool plan_backup_was_set_up(Planner *planner);
extern char *plan_archive_command(const struct BackupFacts *facts);

/* ---- plan_keep.c ---- */
extern bool plan_role_referenced(Planner *planner, const char *name);
extern const char *plan_database_renamed(Planner *planner, const char *name);
extern bool plan_database_is_extra(Planner *planner, const Database *now);
extern const char *plan_local_obstacle(Planner *planner, const Database *now,
									   const char *kind, const char *name,
									   List *extensions);

/* ---- pieces of plan_databases() ---- */
extern bool plan_database_create(Planner *planner, const Database *want);
extern char *plan_create_only_differences(const Database *want, const Database *have,
										  bool exact);
extern void plan_sessions_end(Planner *planner, const char *rule, const char *database,
							  const char *reason);
extern void plan_database_grants(Planner *planner, const Database *want, Database *now);
extern void plan_schema_grants(Planner *planner, Database *now, List *schemas);
extern void plan_inside(Planner *planner, Database *now);
extern void plan_schema_implied(Planner *planner, Database *now, const char *schema,
								const char *extension);
extern void plan_extensions(Planner *planner, Database *now, List *wanted);
extern List *plan_desired_schemas(const Cluster *cluster, const Database *declared,
								  const char *database);
extern List *plan_desired_extensions(const Cluster *cluster, const Database *declared,
									 const char *database);
extern void plan_default_privileges(Planner *planner, Database *now);
extern void plan_own_default_privileges(Planner *planner, Database *now);
extern List *plan_clause_privileges(Planner *planner, const DefaultPrivilege *declared);
extern List *plan_default_privilege_roles(const Cluster *cluster, const char *owner);

/* ---- plan_setting.c ---- */
typedef struct SettingTarget
{
	const char *object;			/* "ROLE", "DATABASE" */
	const char *prefix;			/* of the rules: "role_setting", "database_setting", "role_in_database" */
	const char *name;
	const char *database;		/* of a role: only there; NULL: wherever it is */
} SettingTarget;

/* name and value of a setting as SQL, quoted */
extern char *plan_setting_name(const char *name);
extern char *plan_setting_value(const Setting *setting);
extern bool plan_setting_same(const Setting *want, const Setting *have);

extern void plan_roles_in_databases(Planner *planner);
extern void plan_settings_undo(Planner *planner, bool roles);
extern void plan_settings(Planner *planner, const SettingTarget *target,
						  List *wanted, List *observed);

/* ---- plan_acl.c ---- */
typedef struct AclWant
{
	bool		is_grant;
	const char *grantee;		/* NULL: PUBLIC */
	const char *privilege;
	bool		grantable;
} AclWant;

typedef struct AclTarget
{
	const char *prefix;			/* of the rules: "database", "schema" */
	const char *owned_kind;		/* "database_grant", "schema_grant" */
	const char *on;				/* "DATABASE app", quoted */
	const char *name;
	const char *database;		/* where the statements run; NULL: the whole server */
	const char *owner;
} AclTarget;

extern void plan_acl(Planner *planner, const AclTarget *target, List *wants, List **acl);
extern AclEntry *plan_acl_find(List *acl, const char *grantee, const char *privilege);
extern List *plan_acl_add(List *acl, const char *grantee, const char *grantor,
						  const char *privilege, bool grantable);
extern void plan_acl_new_owner(List **acl, const char *old, const char *new);
extern bool plan_unit_undoable(Planner *planner, const OwnedItem *item);
extern const char *plan_grantee(const char *name);

/* whether two names are equal, either of which may be NULL */
extern bool plan_same(const char *a, const char *b);
extern bool plan_has_name(List *names, const char *name);

/* ---- digest.c ---- */
extern char *plan_digest(List *actions, bool destructive_only);
extern char *plan_text_digest(const char *text);

#endif							/* PGOPS_PLAN_PLANNER_H */
