/*
 * push_steps.c
 *		The conversation with one server: connect, look whom we have there,
 *		deliver, ask how far it has come.
 *
 *	 connect -> check -> pin -> apply -> status -> pause -+
 *	    ^          |                        ^             |
 *	    +----------+ a standby: the next    +-------------+ not settled yet
 *
 * The document is a parameter of a statement, never part of its text, and the
 * session there is told first not to log parameters.
 *
 * Not for: what is done with the outcome (push.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "io/wait.h"
#include "worker/push_parts.h"

/* longest time for one instance to answer the connection, ms, unless connect_timeout says otherwise */
#define CONNECT_MS			10000

/* least time for a statement that is asked near the end of the deadline, ms */
#define LEAST_MS			1000

/* between two looks at the status, ms: doubled from the first to the last */
#define FIRST_PAUSE_MS		50
#define LAST_PAUSE_MS		1000

/* while no file descriptor is to be had for another connection, ms */
#define STARVED_PAUSE_MS	100

struct PushStep
{
	void		(*send) (Push *push);	/* begins it */
	void		(*take) (Push *push);	/* goes on after it; errors are dealt with before */
	void		(*failed) (Push *push); /* NULL: the push has failed */

	/* a letter for each column that take() reads: v a value, n a value or null; NULL: none */
	const char *columns;
	bool		no_row;			/* there may be no row at all */
};

static const PushStep step_connect,
			step_starved,
			step_check,
			step_pin,
			step_apply,
			step_status,
			step_pause;

/* ---- moving on ---- */

/* A step that ends at once enters the next one itself: the chain is short. */
static void
enter(Push *push, const PushStep *step)
{
	push->step = step;
	step->send(push);
}

static void
hang_up(Push *push)
{
	if (push->remote != NULL)
		remote_close(push->remote);
	push->remote = NULL;
}

static void
finish(Push *push)
{
	hang_up(push);
	push->over = true;
}

/* An error of one instance; the first one's SQLSTATE counts, all are told. */
static void
note_error(Push *push, const char *sqlstate, const char *message)
{
	MemoryContext old = MemoryContextSwitchTo(push->context);

	push->error = push->error ? psprintf("%s; %s", push->error, message) : pstrdup(message);
	if (push->sqlstate[0] == '\0')
		strlcpy(push->sqlstate, sqlstate, sizeof(push->sqlstate));
	MemoryContextSwitchTo(old);
}

static void
end_failed(Push *push, const char *sqlstate, const char *message)
{
	note_error(push, sqlstate, message);
	finish(push);
}

static void
fail_with(Push *push, int sqlstate, const char *message)
{
	end_failed(push, unpack_sql_state(sqlstate), message);
}

/* the time of a request: what is left, and a little more than nothing */
static TimestampTz
request_deadline(const Push *push)
{
	return Max(push->deadline,
			   TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LEAST_MS));
}

static const PushCandidate *
candidate(const Push *push)
{
	return list_nth(push->target->candidates, push->candidate);
}

/* a value of the only row of the answer */
static const char *
answer(const Push *push, int column)
{
	return ((char **) linitial(push->remote->rows))[column];
}

/* ---- connecting ---- */

/* Each instance has its share of the time, or the first dead one would take it all. */
static void
send_connect(Push *push)
{
	const PushCandidate *next = candidate(push);
	int			left = list_length(push->target->candidates) - push->candidate;
	long		share = io_remaining_ms(push->deadline) / left;
	long		limit = next->connect_timeout > 0 ? next->connect_timeout * 1000L : CONNECT_MS;

	push->host = next->host;
	push->remote = remote_connect(push->set, next->options,
								  TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
															  Min(share, limit)),
								  push);
	if (push->remote == NULL)
		enter(push, &step_starved);
}

/* That it listens does not make it an answer: contact is what take_check() says. */
static void
take_connect(Push *push)
{
	enter(push, &step_check);
}

/* The next instance, if there is one: this one is no primary, or cannot be reached. */
static void
try_next(Push *push)
{
	hang_up(push);
	if (++push->candidate < list_length(push->target->candidates) &&
		io_remaining_ms(push->deadline) > 0)
		enter(push, &step_connect);
	else
		finish(push);
}

/* Not the end: the declared primary may be down, and another one promoted. */
static void
failed_connect(Push *push)
{
	note_error(push, push->remote->sqlstate, push->remote->message);
	try_next(push);
}

/* Others that end give their file descriptors back. */
static void
send_starved(Push *push)
{
	push->remote = remote_none(push->set, push);
	remote_pause(push->remote, STARVED_PAUSE_MS);
}

static void
take_starved(Push *push)
{
	hang_up(push);
	if (io_remaining_ms(push->deadline) > 0)
		enter(push, &step_connect);
	else
		fail_with(push, ERRCODE_INSUFFICIENT_RESOURCES,
				  "no file descriptor is free for a connection");
}

/* ---- whom we have there ---- */

static void
send_check(Push *push)
{
	/* operators are qualified: the path there is not pinned yet */
	remote_query(push->remote,
				 "SELECT pg_catalog.pg_is_in_recovery(),"
				 " (SELECT c.system_identifier::pg_catalog.text"
				 "  FROM pg_catalog.pg_control_system() AS c),"
				 " (SELECT e.extversion FROM pg_catalog.pg_extension AS e"
				 "  WHERE e.extname OPERATOR(pg_catalog.=) 'pgops'),"
				 " (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r"
				 "  WHERE r.rolname OPERATOR(pg_catalog.=) current_user),"
				 " pg_catalog.current_database()",
				 0, NULL, request_deadline(push));
}

/* 1.2.3 and 1.2.9 understand each other, 1.2 and 1.3 need not */
static bool
compatible(const char *version)
{
	const char *own = PGOPS_VERSION;
	size_t		length = strcspn(own, ".");

	length += 1 + strcspn(&own[length + 1], ".");
	return strncmp(version, own, length) == 0 &&
		(version[length] == '\0' || version[length] == '.');
}

/* What stands against delivering to this server; NULL: nothing. */
static const char *
objection(const Push *push, int *sqlstate)
{
	char		own[32];

	snprintf(own, sizeof(own), UINT64_FORMAT, GetSystemIdentifier());
	if (strcmp(answer(push, 1), own) == 0)
	{
		*sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
		return psprintf("server at \"%s\" is this server, or a copy of it", push->host);
	}
	if (answer(push, 2) == NULL)
	{
		*sqlstate = ERRCODE_UNDEFINED_OBJECT;
		return psprintf("extension \"pgops\" is not installed in database \"%s\" of server at \"%s\"",
						answer(push, 4), push->host);
	}
	if (!compatible(answer(push, 2)))
	{
		*sqlstate = ERRCODE_PGOPS_VERSION_MISMATCH;
		return psprintf("extension \"pgops\" of server at \"%s\" has version %s, here it is %s",
						push->host, answer(push, 2), PGOPS_VERSION);
	}
	if (answer(push, 3) == NULL || strcmp(answer(push, 3), "t") != 0)
	{
		*sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
		return psprintf("user of the push is no superuser on server at \"%s\"", push->host);
	}
	return NULL;
}

/* The order matters: a standby is asked nothing else, for its primary may know better. */
static void
take_check(Push *push)
{
	int			sqlstate = 0;
	const char *problem;

	push->contact = true;
	if (strcmp(answer(push, 0), "t") == 0)
	{
		note_error(push, unpack_sql_state(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				   psprintf("server at \"%s\" is a standby", push->host));
		try_next(push);
		return;
	}
	problem = objection(push, &sqlstate);
	if (problem != NULL)
	{
		fail_with(push, sqlstate, problem);
		return;
	}

	/* it is the primary: what was wrong with others does not matter */
	push->sqlstate[0] = '\0';
	push->error = NULL;
	enter(push, &step_pin);
}

/* ---- a session that says nothing of what it is given ---- */

static void
send_pin(Push *push)
{
	char		timeout[32];
	const char *params[1] = {timeout};

	/* what we do not wait for any longer need not go on there */
	snprintf(timeout, sizeof(timeout), "%ld", Max(io_remaining_ms(push->deadline), LEAST_MS));
	remote_query(push->remote,
				 "SELECT pg_catalog.set_config(s.name, s.value, false)"
				 " FROM (VALUES ('search_path', 'pg_catalog, pg_temp'),"
				 "  ('role', 'none'), ('session_replication_role', 'origin'),"
				 "  ('row_security', 'off'), ('standard_conforming_strings', 'on'),"
				 "  ('default_transaction_read_only', 'off'),"
				 "  ('default_transaction_deferrable', 'off'),"
				 "  ('default_transaction_isolation', 'read committed'),"
				 "  ('statement_timeout', $1), ('idle_session_timeout', '0'),"
				 "  ('client_min_messages', 'error'), ('log_statement', 'none'),"
				 "  ('log_duration', 'off'), ('log_min_duration_statement', '-1'),"
				 "  ('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0'),"
				 "  ('log_parameter_max_length', '0'), ('log_parameter_max_length_on_error', '0'),"
				 "  ('log_min_error_statement', 'panic'),"
				 "  ('auto_explain.log_min_duration', '-1'), ('pgaudit.log_parameter', 'off'))"
				 " AS s (name, value)",
				 1, params, request_deadline(push));
}

static void
take_pin(Push *push)
{
	enter(push, push->deliver ? &step_apply : &step_status);
}

/* ---- delivering ---- */

/* What stays as it is there is no difference. */
static void
send_apply(Push *push)
{
	const char *params[2] = {push->group->document, push->group->note};

	remote_query(push->remote,
				 "SELECT count(*) FROM pgops.apply_inventory($1::text, note => $2::text) AS d"
				 " WHERE d.action <> 'kept'",
				 2, params, request_deadline(push));
}

/* The answer is complete only when the statement is committed there. */
static void
take_apply(Push *push)
{
	push->delivered = true;
	push->changes = strtoi64(answer(push, 0), NULL, 10);
	enter(push, &step_status);
}

/* ---- how far it has come ---- */

static void
send_status(Push *push)
{
	const char *params[1] = {push->group->cluster};

	remote_query(push->remote,
				 "SELECT s.phase, s.message, s.generation, s.observed_generation"
				 " FROM pgops.status AS s WHERE s.cluster = $1",
				 1, params, request_deadline(push));
}

/* unbound: nothing is going to happen there until somebody says who it is */
bool
push_is_settled(const Push *push)
{
	if (push->phase == NULL || strcmp(push->phase, "progressing") == 0)
		return false;
	return strcmp(push->phase, "unbound") == 0 ||
		push->observed_generation >= push->remote_generation;
}

/* Why a server does nothing, in its first sentence, and how that is changed. */
static char *
unbound_message(const Push *push)
{
	const char *reason = push->message ? push->message : "it is not bound";
	const char *end = strstr(reason, ". ");
	int			length = end ? (int) (end - reason) : (int) strlen(reason);

	return psprintf("the server at \"%s\" does not act: %.*s. If it is this instance, say so there: SELECT pgops.bind(%s)",
					push->host, length, reason,
					quote_literal_cstr(candidate(push)->instance));
}

/* The answer goes with the next request. */
static void
keep_status(Push *push)
{
	MemoryContext old = MemoryContextSwitchTo(push->context);

	push->phase = pstrdup(answer(push, 0));
	push->message = answer(push, 1) ? pstrdup(answer(push, 1)) : NULL;
	push->remote_generation = strtoi64(answer(push, 2), NULL, 10);
	push->observed_generation = answer(push, 3) ? strtoi64(answer(push, 3), NULL, 10) : 0;
	if (strcmp(push->phase, "unbound") == 0)
		push->message = unbound_message(push);
	MemoryContextSwitchTo(old);
}

/* Ends with the first answer that settles it, or the last one that the time allows. */
static void
take_status(Push *push)
{
	if (push->remote->rows == NIL)
	{
		/* its CMDB was made anew since the last delivery */
		if (!push->delivered)
			enter(push, &step_apply);
		else
			fail_with(push, ERRCODE_PGOPS_UNKNOWN_CLUSTER,
					  psprintf("server at \"%s\" does not know cluster \"%s\"",
							   push->host, push->group->cluster));
		return;
	}
	keep_status(push);

	/* generations only rise: this is an older state of the server than was seen before */
	if (!push->delivered && push->remote_generation < push->known_generation)
	{
		enter(push, &step_apply);
		return;
	}
	if (push_is_settled(push) || io_remaining_ms(push->deadline) <= push->pause_ms)
		finish(push);
	else
		enter(push, &step_pause);
}

static void
send_pause(Push *push)
{
	remote_pause(push->remote, push->pause_ms);
	push->pause_ms = Min(push->pause_ms * 2, LAST_PAUSE_MS);
}

static void
take_pause(Push *push)
{
	enter(push, &step_status);
}

/* ---- the steps ---- */

static const PushStep step_connect = {send_connect, take_connect, failed_connect};
static const PushStep step_starved = {send_starved, take_starved, NULL};
static const PushStep step_check = {send_check, take_check, NULL, "vvnnv"};
static const PushStep step_pin = {send_pin, take_pin, NULL};
static const PushStep step_apply = {send_apply, take_apply, NULL, "v"};
static const PushStep step_status = {send_status, take_status, NULL, "vnvn", true};
static const PushStep step_pause = {send_pause, take_pause, NULL};

void
push_begin(Push *push)
{
	push->pause_ms = FIRST_PAUSE_MS;
	push->changes = -1;
	if (push->target->problem != NULL)
		fail_with(push, push->target->sqlstate, push->target->problem);
	else
		enter(push, &step_connect);
}

/* What answers need not be a server of ours, nor one of PostgreSQL. */
static bool
is_understood(const Push *push)
{
	const Remote *remote = push->remote;
	const char *columns = push->step->columns;

	if (columns == NULL)
		return true;
	if (remote->rows == NIL)
		return push->step->no_row;
	if (remote->columns != (int) strlen(columns))
		return false;
	for (int i = 0; i < remote->columns; i++)
	{
		if (columns[i] == 'v' && answer(push, i) == NULL)
			return false;
	}
	return true;
}

void
push_advance(Push *push)
{
	Remote	   *remote = push->remote;

	if (remote->failed)
	{
		if (push->step->failed != NULL)
			push->step->failed(push);
		else
			end_failed(push, remote->sqlstate, remote->message);
	}
	else if (is_understood(push))
		push->step->take(push);
	else
		fail_with(push, ERRCODE_PROTOCOL_VIOLATION,
				  psprintf("server at \"%s\" gave an unexpected answer", push->host));
}
