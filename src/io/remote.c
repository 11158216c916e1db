/*
 * remote.c
 *		Conversations with other PostgreSQL servers by libpq, without blocking.
 *
 * Each connection is a little state machine that is driven when its socket is
 * ready.  libpq allocates by malloc: what it gives us hangs on a callback of
 * the set's memory context, so that an ERROR anywhere closes it.  Nothing is
 * raised while libpq's code is on the stack.
 *
 * Not for: how a server is reached (remote_options.c), what is asked, and of whom
 * (worker/).
 */
#include "postgres.h"

#include <libpq-fe.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "io/line.h"
#include "io/remote.h"
#include "io/wait.h"

/* what an answer may have: we ask for a few short rows */
#define MAX_ROWS		1000
#define MAX_BYTES		(1024 * 1024)

/* bytes of a message that is told on */
#define MAX_MESSAGE		500

/* SQLSTATEs that this file gives itself */
#define STATE_CANNOT_CONNECT	"08001"
#define STATE_CONNECTION_LOST	"08006"
#define STATE_PROTOCOL			"08P01"
#define STATE_TOO_MUCH			"54000"
#define STATE_TIMEOUT			"57014"

typedef enum RequestState
{
	REQUEST_NONE,				/* idle: the next one may be made */
	REQUEST_CONNECT,
	REQUEST_QUERY,
	REQUEST_PAUSE,
	REQUEST_OVER				/* to be returned by remote_next() */
} RequestState;

typedef struct RemoteConnection
{
	Remote		remote;			/* first: a Remote * is a RemoteConnection * */
	RemoteSet  *set;
	PGconn	   *conn;			/* NULL: remote_none(), or broken */
	PGresult   *result;			/* being looked at */
	RequestState state;
	uint32		wanted;			/* socket events that drive it on */
	TimestampTz deadline;		/* of the request; of a pause: its end */
	MemoryContext answer;		/* rows and message of the request */
	int			bytes;			/* of the rows so far */
} RemoteConnection;

struct RemoteSet
{
	MemoryContext context;
	List	   *connections;	/* of RemoteConnection * */
	MemoryContextCallback callback;
};

/* ---- what libpq holds ---- */

/*
 * PQfinish() says goodbye to the server, which cannot block: the connection is
 * in nonblocking mode, or has not got beyond its start.
 */
static void
disconnect(RemoteConnection *self)
{
	if (self->result != NULL)
		PQclear(self->result);
	self->result = NULL;
	if (self->conn == NULL)
		return;
	PQfinish(self->conn);
	self->conn = NULL;
	ReleaseExternalFD();
}

static void
disconnect_all(void *arg)
{
	RemoteSet  *set = arg;
	ListCell   *cell;

	foreach(cell, set->connections)
		disconnect(lfirst(cell));
}

/* The callback runs before the memory goes, so the list can still be walked. */
RemoteSet *
remote_set_create(void)
{
	RemoteSet  *set = palloc0(sizeof(RemoteSet));

	set->context = CurrentMemoryContext;
	set->callback.func = disconnect_all;
	set->callback.arg = set;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &set->callback);
	return set;
}

static RemoteConnection *
add_connection(RemoteSet *set, void *owner)
{
	MemoryContext old = MemoryContextSwitchTo(set->context);
	RemoteConnection *self = palloc0(sizeof(RemoteConnection));

	self->remote.owner = owner;
	self->set = set;
	self->answer = AllocSetContextCreate(set->context, "pgops remote answer",
										 ALLOCSET_SMALL_SIZES);
	set->connections = lappend(set->connections, self);
	MemoryContextSwitchTo(old);
	return self;
}

void
remote_close(Remote *remote)
{
	RemoteConnection *self = (RemoteConnection *) remote;

	disconnect(self);
	self->set->connections = list_delete_ptr(self->set->connections, self);
	MemoryContextDelete(self->answer);
	pfree(self);
}

/* ---- what went wrong ---- */

/*
 * What went wrong with the request; "broken" besides ends the
 * connection.  The message is copied before libpq frees it.
 */
static void
fail(RemoteConnection *self, bool broken, const char *sqlstate, const char *message)
{
	self->remote.failed = true;
	self->remote.broken |= broken;
	strlcpy(self->remote.sqlstate, sqlstate, sizeof(self->remote.sqlstate));
	self->remote.message = io_clean_line(self->answer, message, MAX_MESSAGE);
	self->state = REQUEST_OVER;
	if (broken)
		disconnect(self);
}

/*
 * While connecting, libpq tells a server's SQLSTATE only as part of its text
 * ("...: FATAL:  28P01: password ..."), and only in its verbose form: that is
 * what it is asked for, and here it is taken apart again.
 */
static void
fail_connecting(RemoteConnection *self)
{
	char	   *text = io_clean_line(self->answer, PQerrorMessage(self->conn), MAX_MESSAGE);
	char		sqlstate[6] = STATE_CANNOT_CONNECT;

	for (char *p = strstr(text, ":  "); p != NULL; p = strstr(p + 1, ":  "))
	{
		char	   *code = p + 3;

		if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5 ||
			code[5] != ':' || code[6] != ' ')
			continue;
		strlcpy(sqlstate, code, sizeof(sqlstate));
		memmove(code, code + 7, strlen(code + 7) + 1);
		break;
	}
	fail(self, true, sqlstate, text);
}

/* What calls itself a SQLSTATE may be anything, for it comes from another server. */
static const char *
result_sqlstate(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (sqlstate == NULL)
		return STATE_CONNECTION_LOST;
	return strlen(sqlstate) == 5 &&
		strspn(sqlstate, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 ? sqlstate : STATE_PROTOCOL;
}

/* A statement that the server refused, or that lost its connection on the way. */
static void
fail_query(RemoteConnection *self)
{
	const char *sqlstate = result_sqlstate(self->result);
	const char *message = PQresultErrorField(self->result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(self->result, PG_DIAG_MESSAGE_DETAIL);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, message ? message : PQresultErrorMessage(self->result));

	/* a document's faults stand in the detail; pgops' own texts hold no secret */
	if (strncmp(sqlstate, "PO", 2) == 0 && detail != NULL)
		appendStringInfo(&text, ": %s", detail);
	fail(self, PQstatus(self->conn) == CONNECTION_BAD, sqlstate, text.data);
	pfree(text.data);
}

/* ---- requests ---- */

/* One request at a time; the answer of the one before goes. */
static void
begin_request(RemoteConnection *self, RequestState state, TimestampTz deadline)
{
	Assert(self->state == REQUEST_NONE);
	MemoryContextReset(self->answer);
	self->remote.failed = false;
	self->remote.sqlstate[0] = '\0';
	self->remote.message = NULL;
	self->remote.rows = NIL;
	self->remote.columns = 0;
	self->bytes = 0;
	self->wanted = 0;
	self->state = state;
	self->deadline = deadline;
}

/* Notices of other servers are nobody's business here. */
static void
discard_notice(void *arg, const PGresult *result)
{
}

/*
 * Even what fails at once is told by remote_next(), so that callers have one
 * way to hear of it.
 */
Remote *
remote_connect(RemoteSet *set, List *options, TimestampTz deadline, void *owner)
{
	const char **keywords;
	const char **values;
	RemoteConnection *self;

	remote_arrays(options, &keywords, &values);
	if (!AcquireExternalFD())
		return NULL;
	self = add_connection(set, owner);
	begin_request(self, REQUEST_CONNECT, deadline);
	self->conn = PQconnectStartParams(keywords, values, 0);
	pfree(keywords);
	pfree(values);

	if (self->conn == NULL)
	{
		ReleaseExternalFD();
		fail(self, true, "53200", "out of memory");
		return &self->remote;
	}
	PQsetErrorVerbosity(self->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(self->conn, discard_notice, NULL);
	if (PQstatus(self->conn) == CONNECTION_BAD)
		fail_connecting(self);
	else
		self->wanted = WL_SOCKET_WRITEABLE;
	return &self->remote;
}

/* By the extended protocol: one statement, whatever its text holds. */
void
remote_query(Remote *remote, const char *sql, int nparams,
			 const char *const *params, TimestampTz deadline)
{
	RemoteConnection *self = (RemoteConnection *) remote;

	begin_request(self, REQUEST_QUERY, deadline);
	if (!PQsendQueryParams(self->conn, sql, nparams, NULL, params, NULL, NULL, 0) ||
		!PQsetSingleRowMode(self->conn))
	{
		fail(self, true, STATE_CONNECTION_LOST, PQerrorMessage(self->conn));
		return;
	}
	self->wanted = WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE;
}

void
remote_pause(Remote *remote, long ms)
{
	begin_request((RemoteConnection *) remote, REQUEST_PAUSE,
				  TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms));
}

Remote *
remote_none(RemoteSet *set, void *owner)
{
	return &add_connection(set, owner)->remote;
}

/* ---- driving them on ---- */

/* Must only be called when the socket is ready for what libpq asked for last. */
static void
drive_connect(RemoteConnection *self)
{
	switch (PQconnectPoll(self->conn))
	{
		case PGRES_POLLING_READING:
			self->wanted = WL_SOCKET_READABLE;
			break;
		case PGRES_POLLING_WRITING:
			self->wanted = WL_SOCKET_WRITEABLE;
			break;
		case PGRES_POLLING_OK:
			if (PQsetnonblocking(self->conn, 1) != 0)
				fail(self, true, STATE_CONNECTION_LOST, PQerrorMessage(self->conn));
			self->state = REQUEST_OVER;
			break;
		default:
			fail_connecting(self);
			break;
	}
}

/* One row of the answer, which must not be larger than any we ask for. */
static void
take_row(RemoteConnection *self)
{
	int			columns = PQnfields(self->result);
	MemoryContext old;
	char	  **row;

	for (int i = 0; i < columns; i++)
		self->bytes += PQgetlength(self->result, 0, i);
	if (self->bytes > MAX_BYTES || list_length(self->remote.rows) >= MAX_ROWS)
	{
		fail(self, true, STATE_TOO_MUCH, "answer is too large");
		return;
	}

	/* whoever reads the rows counts on it */
	if (self->remote.rows != NIL && columns != self->remote.columns)
	{
		fail(self, true, STATE_PROTOCOL, "unexpected answer");
		return;
	}
	self->remote.columns = columns;
	old = MemoryContextSwitchTo(self->answer);
	row = palloc0((columns + 1) * sizeof(char *));
	for (int i = 0; i < columns; i++)
	{
		char	   *value = PQgetvalue(self->result, 0, i);

		if (PQgetisnull(self->result, 0, i))
			continue;
		if (!pg_verify_mbstr(GetDatabaseEncoding(), value, (int) strlen(value), true))
			value = "?";
		row[i] = pstrdup(value);
	}
	self->remote.rows = lappend(self->remote.rows, row);
	MemoryContextSwitchTo(old);
}

/* One result; a row comes as a result of its own, so that none piles up in libpq. */
static void
take_result(RemoteConnection *self)
{
	switch (PQresultStatus(self->result))
	{
		case PGRES_SINGLE_TUPLE:
			take_row(self);
			break;
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			break;
		case PGRES_FATAL_ERROR:
			fail_query(self);
			break;
		default:
			fail(self, true, STATE_PROTOCOL, "unexpected answer");
			break;
	}
}

/*
 * After an error the rest of the answer is still read, to its end: only then
 * the connection is free for the next request.
 */
static void
drive_query(RemoteConnection *self)
{
	int			unsent = PQflush(self->conn);

	if (unsent < 0 || !PQconsumeInput(self->conn))
	{
		/* the server's last words (it was shut down, we were terminated) may be there already */
		self->result = PQgetResult(self->conn);
		if (self->result != NULL && PQresultStatus(self->result) == PGRES_FATAL_ERROR)
			fail_query(self);
		fail(self, true,
			 self->remote.failed ? self->remote.sqlstate : STATE_CONNECTION_LOST,
			 self->remote.failed ? self->remote.message : PQerrorMessage(self->conn));
		return;
	}
	self->wanted = WL_SOCKET_READABLE | (unsent > 0 ? WL_SOCKET_WRITEABLE : 0);

	while (self->conn != NULL && !PQisBusy(self->conn))
	{
		self->result = PQgetResult(self->conn);
		if (self->result == NULL)
		{
			self->state = REQUEST_OVER;
			return;
		}
		take_result(self);
		if (self->result != NULL)
			PQclear(self->result);
		self->result = NULL;
		if (self->conn != NULL)
			self->state = REQUEST_QUERY;
	}
}

/* One step of whatever is under way, its socket being ready for it. */
static void
drive(RemoteConnection *self)
{
	if (self->state == REQUEST_CONNECT)
		drive_connect(self);
	else if (self->state == REQUEST_QUERY)
		drive_query(self);
}

/* Requests whose time is over. */
static void
enforce_deadline(RemoteConnection *self, TimestampTz now)
{
	if (now < self->deadline)
		return;
	if (self->state == REQUEST_PAUSE)
		self->state = REQUEST_OVER;
	else if (self->state == REQUEST_CONNECT)
		fail(self, true, STATE_CANNOT_CONNECT, "server did not answer in time");
	else if (self->state == REQUEST_QUERY)
		fail(self, true, STATE_TIMEOUT, "server did not answer in time");
}

/*
 * Waits for the sockets, the first deadline and the given time (0: none);
 * returns whether the latch was set.
 */
static bool
wait_for_any(RemoteSet *set, int busy, TimestampTz until)
{
	IoSocket   *sockets = palloc0((busy + 1) * sizeof(IoSocket));
	RemoteConnection **of = palloc0((busy + 1) * sizeof(RemoteConnection *));
	TimestampTz first = until != 0 ? until : DT_NOEND;
	int			count = 0;
	bool		woken;
	ListCell   *cell;

	foreach(cell, set->connections)
	{
		RemoteConnection *self = lfirst(cell);

		if (self->state == REQUEST_NONE)
			continue;
		first = Min(first, self->deadline);
		if (self->state == REQUEST_PAUSE || PQsocket(self->conn) < 0)
			continue;
		sockets[count].fd = PQsocket(self->conn);
		sockets[count].wanted = self->wanted;
		of[count++] = self;
	}
	woken = io_wait_sockets(sockets, count, io_remaining_ms(first), IO_WAIT_REMOTE);
	for (int i = 0; i < count; i++)
	{
		if (sockets[i].happened != 0)
			drive(of[i]);
	}
	pfree(sockets);
	pfree(of);
	return woken;
}

/* The first whose request is over, put at the end of the line; else counts the busy ones. */
static RemoteConnection *
take_finished(RemoteSet *set, int *busy)
{
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *cell;

	*busy = 0;
	foreach(cell, set->connections)
	{
		RemoteConnection *self = lfirst(cell);

		enforce_deadline(self, now);
		if (self->state == REQUEST_OVER)
		{
			MemoryContext old = MemoryContextSwitchTo(set->context);

			self->state = REQUEST_NONE;
			set->connections = lappend(foreach_delete_current(set->connections, cell), self);
			MemoryContextSwitchTo(old);
			return self;
		}
		if (self->state != REQUEST_NONE)
			(*busy)++;
	}
	return NULL;
}

Remote *
remote_next(RemoteSet *set, TimestampTz until, bool *woken)
{
	*woken = false;
	for (;;)
	{
		int			busy;
		RemoteConnection *finished = take_finished(set, &busy);

		if (finished != NULL)
			return &finished->remote;
		if (busy == 0 && until == 0)
			return NULL;
		if (wait_for_any(set, busy, until) || (until != 0 && io_remaining_ms(until) == 0))
		{
			*woken = true;
			return NULL;
		}
	}
}
