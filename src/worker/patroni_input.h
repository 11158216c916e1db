/*
 * patroni_input.h
 *		What a plan needs to know of Patroni, out of what it said last.
 *
 * Not for: asking it (worker/ha_main.h).
 */
#ifndef PGOPS_WORKER_PATRONI_INPUT_H
#define PGOPS_WORKER_PATRONI_INPUT_H

#include "observe/patroni.h"
#include "plan/patroni.h"

/* palloc'd; NULL: Patroni does not run this server.  Asks nobody */
extern PatroniInput *patroni_input(void);

/*
 * patroni_input_access
 *		Whom to ask for a change of the configuration: this member's own Patroni if it answered
 *		last, else the leader's, else that of any other.  Needs a transaction; NULL: nobody is known.
 */
extern PatroniAccess *patroni_input_access(void);

#endif							/* PGOPS_WORKER_PATRONI_INPUT_H */
