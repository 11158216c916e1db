/*
 * wake.h
 *		Waking the coordinator: at the commit of a declaration, or at once.
 */
#ifndef PGOPS_WORKER_WAKE_H
#define PGOPS_WORKER_WAKE_H

#include "postgres.h"

/* registers the coordinator with the postmaster */
extern void coordinator_register(void);

/* installs the transaction callback of this process */
extern void wake_register_callback(void);

/* REQUEST_* bits are handed to the coordinator when this transaction commits */
extern void wake_at_commit(uint32 requests);

/* whether this transaction has one of these pending: what it declared or asked for is not committed yet */
extern bool wake_pending(uint32 requests);

/* sets the bits and the coordinator's latch now */
extern void wake_now(uint32 requests);

#endif							/* PGOPS_WORKER_WAKE_H */
