/*
 * task_wire.h
 *		What a launcher (task.c) and its database worker (task_main.c) share: a
 *		segment with a header, the request, and a queue back to the launcher.
 *
 * Only flat data lies in the segment: no pointers, handles or latches.
 */
#ifndef PGOPS_WORKER_TASK_WIRE_H
#define PGOPS_WORKER_TASK_WIRE_H

#include "lib/stringinfo.h"
#include "port/atomics.h"

#include "worker/task.h"

#define TASK_MAGIC			UINT64CONST(0x70676f7073746b31)

/* keys of the segment's table of contents */
#define TASK_KEY_HEADER		UINT64CONST(1)
#define TASK_KEY_REQUEST	UINT64CONST(2)
#define TASK_KEY_QUEUE		UINT64CONST(3)

/* a longer message goes through in pieces */
#define TASK_QUEUE_SIZE		((Size) 64 * 1024)

typedef struct TaskHeader
{
	TaskKind	kind;
	Oid			dboid;
	int			request_length; /* bytes */
	pg_atomic_uint32 stop;		/* not 0: the launcher wants no further statement */
} TaskHeader;

/*
 * First byte of each message in the queue.  The server itself sends its
 * errors there too while the queue stands in for a client, in the form of the
 * frontend protocol, as UTF-8: that is how a FATAL error becomes known.
 */
#define TASK_MESSAGE_REPLY	'd'
#define TASK_MESSAGE_FAILED	'x' /* sqlstate, message, hint by wire.h */
#define TASK_MESSAGE_DONE	'C'
#define TASK_MESSAGE_SERVER_ERROR	'E'
#define TASK_MESSAGE_SERVER_NOTICE	'N'

/* ---- for the kinds of work, in the worker (task_main.c) ---- */

/* sends a reply; waits while the queue is full */
extern void task_send_reply(const char *data, int length);

/* whether the launcher wants no further statement */
extern bool task_is_stopped(void);

#endif							/* PGOPS_WORKER_TASK_WIRE_H */
