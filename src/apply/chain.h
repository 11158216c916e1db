/*
 * chain.h
 *		Actions that depend on one another form a chain: when one fails or is
 *		held back, those that need it are not attempted in this pass.
 */
#ifndef PGOPS_APPLY_CHAIN_H
#define PGOPS_APPLY_CHAIN_H

#include "plan/plan.h"

/* marks the action's chain as broken; the list's cells live in the current context */
extern void chain_break(List **broken, const Action *action);

extern bool chain_is_broken(List *broken, const Action *action);

#endif							/* PGOPS_APPLY_CHAIN_H */
