/*
 * remote.h
 *		Conversations with other PostgreSQL servers, several at once, none of
 *		which can hold up another: the only user of libpq.
 *
 * A set holds connections; each has at most one request under way (connecting,
 * a query, a pause), with a deadline of its own.  remote_next() waits until a
 * request of any of them is over.  What goes wrong with a server is told in
 * its Remote and never raised.
 *
 * The one thing that blocks is the resolution of a host's name, which libpq
 * leaves to the C library: where it matters, give "hostaddr" besides "host".
 *
 * Not for: what is asked, and of whom (worker/).
 */
#ifndef PGOPS_IO_REMOTE_H
#define PGOPS_IO_REMOTE_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

typedef struct RemoteSet RemoteSet;

/* one connection; what callers may read when remote_next() returned it */
typedef struct Remote
{
	void	   *owner;			/* the caller's */
	bool		failed;			/* the request failed; the rest says why */
	bool		broken;			/* so that the connection is of no further use */
	char		sqlstate[6];
	char	   *message;		/* one line, in the server's encoding; else NULL */
	List	   *rows;			/* of char ** (a NULL is NULL), until the next request */
	int			columns;		/* of each of the rows */
} Remote;

/* a keyword of libpq with its value */
typedef struct RemoteOption
{
	const char *keyword;
	const char *value;
} RemoteOption;

/*
 * remote_parse
 *		A connection string (key=value or URI) as a list of RemoteOption *; NULL
 *		in *valid = false if it is none.  Nothing of it is told, for it may hold
 *		a secret.
 */
extern List *remote_parse(const char *conninfo, bool *valid);

/* what primary_conninfo of this server says for a keyword, or NULL: how it follows another one */
extern const char *remote_upstream_option(const char *keyword);

/* the options, and what is always asked for, as libpq takes them: palloc'd, ending with NULL */
extern void remote_arrays(const List *options, const char ***keywords, const char ***values);

/* an empty set; resetting or deleting the current context closes all connections */
extern RemoteSet *remote_set_create(void);

/*
 * remote_connect
 *		Starts to connect; NULL if no more connections may be opened by this
 *		process.  "options" is a list of RemoteOption *.
 */
extern Remote *remote_connect(RemoteSet *set, List *options, TimestampTz deadline, void *owner);

/*
 * remote_query
 *		Sends one statement with its parameters as text (NULL: null), which
 *		never become part of the statement.  The connection must be idle.
 */
extern void remote_query(Remote *remote, const char *sql, int nparams,
						 const char *const *params, TimestampTz deadline);

/* the request is over after so many ms, without the server being asked */
extern void remote_pause(Remote *remote, long ms);

/* like a connection on which only remote_pause() is possible: to wait for something else */
extern Remote *remote_none(RemoteSet *set, void *owner);

/*
 * remote_next
 *		The next whose request is over; NULL if the process latch was set or the
 *		time is "until" (0: no such time), and then *woken; or if there is
 *		neither a request under way nor such a time.  Raises only what
 *		CHECK_FOR_INTERRUPTS raises.
 */
extern Remote *remote_next(RemoteSet *set, TimestampTz until, bool *woken);

/* closes and frees it */
extern void remote_close(Remote *remote);

#endif							/* PGOPS_IO_REMOTE_H */
