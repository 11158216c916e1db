/*
 * tuned.h
 *		The parameters that a declared template (pg_conf) makes of this machine.
 *
 * Not for: the templates (spec/tune.h), setting parameters (plan/plan_parameter.c).
 */
#ifndef PGOPS_WORKER_TUNED_H
#define PGOPS_WORKER_TUNED_H

#include "observe/snapshot.h"
#include "spec/model.h"
#include "spec/tune.h"

/* fills in what is about this machine and this server: sizes, version, io_uring */
extern void tuned_here(TuneInput *input);

/*
 * tuned_complete
 *		Completes cluster->parameters by what the declared template makes of this
 *		machine; what is declared by itself stays.  Nothing happens where no
 *		template is declared, for another cluster's model, or while the server's
 *		files cannot be read.  shared: the parameters are those of all members; then the
 *		machine that "owned" (of OwnedItem *) remembers decides, and cluster->tuned_machine
 *		is what the plan is to remember.
 */
extern void tuned_complete(Cluster *cluster, const ServerState *server, bool shared,
						   const List *owned);

/* why this server cannot have a value of a template, palloc'd, or NULL; libraries: names of
 * those that will be preloaded (char *) */
extern char *tuned_problem(const Setting *setting, const List *libraries);

#endif							/* PGOPS_WORKER_TUNED_H */
