/*
 * validate.h
 *		Private to spec/: the checks behind spec_validate_cluster.
 */
#ifndef PGOPS_SPEC_VALIDATE_H
#define PGOPS_SPEC_VALIDATE_H

#include "spec/catalogue_data.h"
#include "spec/document.h"
#include "spec/finding.h"
#include "spec/inventory.h"

/* an error with the position of a node */
#define spec_error(findings, sqlstate, at, path, hint, ...) \
	finding_add(findings, FINDING_ERROR, sqlstate, at, path, hint, __VA_ARGS__)

/* an entry's key as a node, for its position */
extern SpecNode spec_place_of_key(const SpecEntry *entry);

/* 'Did you mean "x"?' for the nearest of names, or NULL */
extern char *spec_did_you_mean(const char *name, const char *const *names);

/* a text as a message quotes it, "..." in place of what is beyond so many bytes; palloc'd */
extern char *spec_clip(const char *string, int limit);

/* whether a text still has a placeholder (${ip}) or a Jinja expression in it */
extern bool spec_has_placeholder(const char *string);

/*
 * spec_become
 *		Gives a scalar another kind; spec_restore_declared() takes it back.
 */
extern void spec_become(SpecNode *value, SpecKind kind);

/*
 * spec_check_value
 *		Checks a value against a type and normalises it in place.  "what" is
 *		'parameter "x"' or 'field "x"'.  A null stays a null: not declared.
 */
typedef struct ValueRule
{
	const char *what;			/* how messages call it: 'parameter', or all of it */
	const char *name;			/* put behind it in quotes, unless NULL */
	ParamType	type;
	const char *choices;		/* PT_ENUM: "a,b", or NULL: anything */
	double		min;			/* both 0: no bounds; see FieldDef */
	double		max;
	bool		secret;			/* no message may show the value */
	const ObjectDef *object;	/* PT_OBJECTS: what the list holds */
} ValueRule;

/* 'parameter "x"'; palloc'd */
extern char *spec_rule_text(const ValueRule *rule);

extern void spec_check_value(const ValueRule *rule, SpecNode *value, const char *path,
							 Findings *findings);

/* whether a parameter, not a field of an object, is Jinja in place of a list or map */
extern bool spec_is_whole_jinja(const ValueRule *rule, const SpecNode *value);

/* the items of a list of objects (validate_object.c) */
extern void spec_check_objects(const ValueRule *rule, SpecNode *list, const char *path,
							   Findings *findings);

/* one such item: its fields, and the rules of its kind */
extern void spec_check_object(const ObjectDef *object, SpecNode *item, const char *path,
							  Findings *findings);

/* names: empty, too long; role names besides: reserved ones */
extern void spec_check_name(const SpecNode *value, const char *path, Findings *findings);
extern void spec_check_role_name(const SpecNode *value, const char *path, Findings *findings);

/* rules of one object, by its kind (validate_rules.c) */
extern void spec_check_object_rules(const ObjectDef *object, SpecNode *item, const char *path,
									Findings *findings);

/* parameters of the server, besides what holds for all settings (model_parameter.c) */
extern void spec_check_parameters(const SpecNode *settings, const char *path,
								  Findings *findings);

/* what a parameter needs besides its type (validate_rules.c) */
extern void spec_check_param_rules(const char *param, SpecNode *value, const char *path,
								   Findings *findings);

/* addresses (validate_address.c) */
extern bool spec_valid_address(const char *string);
extern bool spec_valid_cidr(const char *string);
extern void spec_check_hba_address(const SpecNode *value, const char *path, Findings *findings);

/*
 * A level of an inventory on which checks look: a group with what it inherits,
 * or all (group NULL).  Values are as they were declared: only those of the
 * groups that are being validated are normalised.
 */
typedef struct GroupView
{
	const Inventory *inventory;
	const InventoryGroup *group;
	const char *path;			/* the group's name, or "all": begins the paths of findings */
	List	   *levels;			/* of InventoryGroup *: itself and those above, weakest first */
	const SpecNames *globals;	/* SpecEntry of all's variables */
	SpecNames  *reported;		/* what has been said of inherited values */
	List	   *members;		/* of SpecMember *, by spec_check_identity() */
	bool		asked;			/* findings about it are wanted */
	bool		incomplete;		/* lacking hosts or a primary is no error */
} GroupView;

/* like: another view of the same inventory, to share its tables (NULL: there is none yet) */
extern GroupView *spec_view_create(const Inventory *inventory, const InventoryGroup *group,
								   const GroupView *like);

/*
 * A variable as the group as such has it, without defaults; NULL if it is not
 * set, or hidden by a null.  origin (may be NULL): where it is set, as paths
 * of findings call it.
 */
extern const SpecNode *spec_view_value(const GroupView *view, const char *param,
									   const char **origin);

/* the same of one of the group's hosts */
extern const SpecNode *spec_view_host_value(const GroupView *view, const SpecEntry *host,
											const char *param);

/* the value of a number, also of one in quotes */
extern bool spec_integer(const SpecNode *value, int64 *number);

/* the text of a name or address that holds no placeholder, else NULL */
extern const char *spec_plain_text(const SpecNode *value);

/* an instance, as its host's and its cluster's variables make it */
typedef struct SpecTeam SpecTeam;
typedef struct SpecMember
{
	const SpecEntry *host;
	const char *cluster;		/* pg_cluster, else the group's name */
	SpecTeam   *team;			/* shared by the members of a cluster */
	const SpecNode *seq;		/* NULL: none */
	bool		primary;
} SpecMember;

/* instances of a group; a host that holds several by pg_instances counts for none */
extern List *spec_view_members(GroupView *view);

/* parameters of one level, hosts of one group (validate.c) */
extern void spec_check_vars(SpecNode *vars, const char *path, const char *what, bool cluster,
							Findings *findings);
extern void spec_check_hosts(SpecNode *hosts, const char *path, bool cluster,
							 Findings *findings);

/* a cluster by itself (validate.c), who is who in it (validate_identity.c) */
extern void spec_check_cluster(GroupView *view, Findings *findings);
extern void spec_check_identity(GroupView *view, Findings *findings);

/* rules between the parameters of one level, with what it inherits (validate_cross.c) */
extern void spec_check_cross(const GroupView *view, Findings *findings);

/* backups (validate_backup.c): the repositories; how the parameters go together; a value of
 * type PT_STRING_OR_LIST */
extern void spec_check_backup_repos(const SpecNode *repos, const char *path, Findings *findings);
extern void spec_check_backup(const GroupView *view, Findings *findings);
extern void spec_check_text_or_list(const ValueRule *rule, SpecNode *value, const char *path,
									Findings *findings);

/*
 * High availability: values of pgops_dcs and pg_rto_plan (validate_patroni.c); what is said at one
 * level together, and held against the members of a cluster (validate_ha.c).  spec_check_timing:
 * seconds of ttl, loop_wait and retry_timeout.
 */
extern void spec_check_dcs(const SpecNode *value, const char *path, Findings *findings);
extern void spec_check_rto_plan(const SpecNode *value, const char *path, Findings *findings);
extern void spec_check_timing(const SpecNode *at, const char *path, int64 ttl, int64 loop_wait,
							  int64 retry_timeout, Findings *findings);
extern void spec_check_ha_level(const GroupView *view, Findings *findings);
extern void spec_check_ha(GroupView *view, Findings *findings);

/* pgops_patroni: sections of patroni.yml (validate_patroni_file.c) */
extern void spec_check_patroni_file(const SpecNode *value, const char *path, Findings *findings);

/* whether a member is known by this name or address (validate_fleet.c) */
extern bool spec_member_is_called(const GroupView *view, const SpecMember *member,
								  const char *name);

/* maintenance by the clock (validate_schedule.c) */
extern void spec_check_schedule(const SpecNode *item, const char *path, Findings *findings);
extern void spec_check_window(const SpecNode *value, const char *path, Findings *findings);
extern void spec_check_pg_crontab(const SpecNode *value, const char *path, Findings *findings);

/* ports: of one cluster; of the hosts that several clusters share (validate_port.c) */
extern void spec_check_ports(const GroupView *view, Findings *findings);
extern void spec_check_host_ports(const Inventory *inventory, List *views, Findings *findings);

/* what only shows between groups (validate_fleet.c); the views asked for come last */
extern void spec_check_fleet(const Inventory *inventory, List *views, Findings *findings);


/* name of an item that is a bare string or an object; NULL if it has none */
extern const char *spec_item_name(const SpecNode *item);

/* whether an item's state says that it must not be there */
extern bool spec_item_absent(const SpecNode *item);

#endif							/* PGOPS_SPEC_VALIDATE_H */
