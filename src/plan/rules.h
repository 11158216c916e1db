/*
 * rules.h
 *		The rules of reconciling, as data: for a kind of object, what is
 *		observed and what is desired decide the action.
 */
#ifndef PGOPS_PLAN_RULES_H
#define PGOPS_PLAN_RULES_H

#include "postgres.h"

typedef struct Rule
{
	const char *id;				/* "role.create", stable, shown in plan and log */
	const char *kind;			/* role, membership, role setting, database, schema, extension,
								 * privilege, default privilege, hba, ... */
	const char *observed;		/* missing, different, extra, ... */
	const char *desired;		/* declared, absent, undeclared, ... */
	const char *action;			/* create, alter, grant, revoke, drop, write, reload, report ... */
	bool		destructive;
	bool		transactional;
	const char *comment;		/* one sentence */
} Rule;

extern const Rule plan_rules[];	/* in order; ends with id NULL */

/* the rule with this id; elog(ERROR) if there is none, which is a bug */
extern const Rule *rule_get(const char *id);

#endif							/* PGOPS_PLAN_RULES_H */
