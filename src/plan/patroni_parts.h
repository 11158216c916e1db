/*
 * patroni_parts.h
 *		Private to plan/: the parts of a plan that go through Patroni's
 *		configuration.
 *
 * Whatever differs becomes one PATCH /config: the parts below note what they want
 * changed, plan_patroni() makes the step.
 *
 * Not for: what a plan knows of Patroni (patroni.h).
 */
#ifndef PGOPS_PLAN_PATRONI_PARTS_H
#define PGOPS_PLAN_PATRONI_PARTS_H

#include "plan/patroni.h"
#include "plan/planner.h"
#include "spec/model_patroni.h"

/* how soon to look again for what Patroni is about to say, ms */
#define PLAN_LOOK_SOON_MS	1000

/* the same for what may come some time, ms */
#define PLAN_LOOK_LATER_MS	5000

/* what the parts of one plan want changed */
typedef struct PatroniPlan
{
	SpecNode   *want;			/* the declared configuration without parameters; NULL: none */
	SpecNode   *parameters;		/* of the server: name to value or null, only what is to be changed */
	SpecNode   *hba;			/* list of lines, or NULL */
	List	   *reasons;		/* of char *: "work_mem: 4MB -> 64MB" */
	List	   *owned;			/* of OwnedChange * */
	StringInfoData waiting_text;	/* parameters that wait for a restart, with values */
	const char *lowered;		/* one of these that goes down and is to do so on the leader first, or NULL */
	bool		work;			/* parameters are being changed */
	bool		patched;		/* anything is */
} PatroniPlan;

/* ---- plan_patroni.c ---- */

/* whether this plan may change Patroni's configuration: it is known, this is the leader, and so on */
extern bool plan_patroni_usable(const Planner *planner);

/* a value of the configuration; keys end with NULL; NULL: it says nothing */
extern const SpecNode *plan_patroni_value(const Planner *planner, const char *const *keys);

/* ---- patroni_hba.c ---- */

/* whether pg_hba.conf is written by Patroni, from its configuration */
extern bool plan_patroni_has_hba(const PlanInput *input);

/* the lines that are the same on all members, as one text; palloc'd */
extern char *plan_patroni_hba_text(const PlanInput *input);

/* instead of plan_files() */
extern void plan_patroni_hba(Planner *planner);

/* ---- patroni_parameter.c ---- */

/* what /config says of a parameter, else what Patroni takes then; NULL: neither says anything */
extern const char *patroni_parameter_value(const Planner *planner, const char *name);

/* the same without what Patroni takes */
extern const char *patroni_parameter_said(const Planner *planner, const char *name);

/* blocks a step that Patroni would ignore or undo; true: it is blocked now */
extern bool patroni_parameter_refused(Planner *planner, const ServerSetting *now,
									  const Setting *want, Action *action);

struct Parameters;

/* the configuration says what is declared: whether the server does, or will after a restart */
extern void patroni_parameter_in_effect(struct Parameters *parameters, const ServerSetting *now,
										const Setting *want);

/* takes a step out of the plan and notes its change; value NULL: taken away */
extern void patroni_parameter_note(Planner *planner, Action *action, const Setting *want);

/* ---- patroni_refused.c ---- */

/* takes out of the patch what would do harm, and reports it */
extern void patroni_refuse(Planner *planner, SpecNode *patch);

#endif							/* PGOPS_PLAN_PATRONI_PARTS_H */
