/*
 * rules.h
 *		The rules of reconciling, as data: for a kind of object, what is
 *		observed and what is desired decide the action.
 */
#ifndef PGOPS_PLAN_RULES_H
#define PGOPS_PLAN_RULES_H

#include "postgres.h"

/* the worst that an action can do */
typedef enum RuleHarm
{
	RULE_HARMLESS,
	RULE_DESTRUCTIVE,			/* access, or something that a declaration brings back */
	RULE_LOSES_DATA				/* what only a backup brings back */
} RuleHarm;

typedef struct Rule
{
	const char *id;				/* "role.create", stable, shown in plan and log */
	const char *kind;			/* role, membership, role setting, database, schema, extension,
								 * privilege, default privilege, hba, ... */
	const char *observed;		/* missing, different, extra, ... */
	const char *desired;		/* declared, absent, undeclared, ... */
	const char *action;			/* create, alter, grant, revoke, drop, write, reload, report ... */
	RuleHarm	harm;
	bool		transactional;
	const char *comment;		/* one sentence */
} Rule;

extern const Rule plan_rules[];	/* in order; ends with id NULL */

/* the rule with this id; elog(ERROR) if there is none, which is a bug */
extern const Rule *rule_get(const char *id);

#endif							/* PGOPS_PLAN_RULES_H */
