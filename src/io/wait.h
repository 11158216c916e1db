/*
 * wait.h
 *		The one wait: on the latch, with a deadline, absorbing barriers,
 *		answering to cancel, shutdown and reload.
 */
#ifndef PGOPS_IO_WAIT_H
#define PGOPS_IO_WAIT_H

#include "datatype/timestamp.h"

typedef enum IoWaitEvent
{
	IO_WAIT_MAIN,				/* PgopsMain: the coordinator between passes */
	IO_WAIT_DATABASE_WORKER,	/* PgopsDatabaseWorker */
	IO_WAIT_CONVERGENCE,		/* PgopsConvergence: pgops.wait() */
	IO_WAIT_SESSIONS,			/* PgopsSessions: ended sessions to be gone */
	IO_WAIT_REMOTE,				/* PgopsRemote: answers of other servers */
	IO_WAIT_PROCESS,			/* PgopsProcess: a program that was started */
	IO_WAIT_HTTP,				/* PgopsHttp: answers over HTTP */
	IO_WAIT_HA,					/* PgopsHa: the HA worker between looks */
	IO_WAIT_NEVENTS
} IoWaitEvent;

/*
 * io_wait
 *		Waits until the process latch is set or timeout_ms (milliseconds, < 0:
 *		for ever) has passed; resets the latch; runs CHECK_FOR_INTERRUPTS; ends
 *		the process if the postmaster died.  Returns whether the latch was set.
 *		Raises what CHECK_FOR_INTERRUPTS raises.
 */
extern bool io_wait(long timeout_ms, IoWaitEvent event);

/* a socket that is waited for */
typedef struct IoSocket
{
	pgsocket	fd;
	uint32		wanted;			/* WL_SOCKET_READABLE, WL_SOCKET_WRITEABLE */
	uint32		happened;		/* out: which of them */
} IoSocket;

/*
 * io_wait_sockets
 *		The same as io_wait(), and returns as well when one of the sockets is
 *		ready.
 */
extern bool io_wait_sockets(IoSocket *sockets, int count, long timeout_ms, IoWaitEvent event);

/* milliseconds from now until the deadline, at least 0 */
extern long io_remaining_ms(TimestampTz deadline);

#endif							/* PGOPS_IO_WAIT_H */
