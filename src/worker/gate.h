/*
 * gate.h
 *		The coordinator's memory of whether it may act as primary, so that one
 *		answer of Patroni's serves for what is done within the same moment.
 *
 * Not for: asking (ops/guard.h).
 */
#ifndef PGOPS_WORKER_GATE_H
#define PGOPS_WORKER_GATE_H

#include "utils/timestamp.h"

/* begun as {0}; private to gate.c */
typedef struct Gate
{
	bool		known;			/* there is an answer */
	bool		open;			/* which was yes */
	bool		told;			/* the log says that it is closed */
	TimestampTz asked;
	TimestampTz closed_since;
	TimestampTz next;			/* closed: when to ask again */
	bool		opened;			/* it was closed, and is not any more */
} Gate;

/*
 * gate_is_open
 *		Whether this server may act: on a standby, which does only what is local to it, and
 *		where Patroni does not run the server, always.  Asks Patroni unless the last answer
 *		is of this moment or, while it is no, it is not time yet.  What keeps it shut is shown by
 *		pgops.coordinator() and pgops.status, and in the log.
 *		Not in a transaction.  Raises nothing but what ends the process or cancels.
 */
extern bool gate_is_open(Gate *gate);

/* the last answer may not be true any more: the next question is put to Patroni */
extern void gate_doubt(Gate *gate);

/* whether it was opened since the last call: everything is to be looked at then */
extern bool gate_was_opened(Gate *gate);

/* milliseconds until it is worth asking again; -1: it is not shut */
extern long gate_ms(const Gate *gate);

#endif							/* PGOPS_WORKER_GATE_H */
