/*
 * http.c
 *		Several HTTP requests at a time, driven by the one wait.
 *
 * libcurl says which sockets it waits for and when it wants to be called again;
 * we wait for those together with the latch, and call it.  All it holds is in a
 * batch that is given back at the end of io_http_all(), however that is left.
 *
 * libcurl looks up names in threads.  A thread inherits the signals that are
 * blocked, so all are while libcurl is at work: none that is meant for the
 * backend ever goes to such a thread.
 *
 * Addresses are better than names all the same: a resolver that hangs keeps its
 * threads after the request was given up, and libcurl before 7.87 waits for
 * them.
 *
 * Not for: a single request (http_exchange.c), what is asked.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "io/http_parts.h"
#include "io/wait.h"

/* we look at deadlines this often, even if libcurl asks for nothing */
#define LONGEST_WAIT_MS	1000

#define DEFAULT_TICK_MS	100

/* what libcurl waits for; room by realloc(), as it is filled in its callbacks */
typedef struct HttpSocket
{
	curl_socket_t fd;
	int			what;			/* CURL_POLL_... */
} HttpSocket;

typedef struct HttpBatch
{
	CURLM	   *multi;
	HttpExchange *exchanges;
	int			count;
	HttpSocket *sockets;
	int			socket_count;
	int			socket_room;
	TimestampTz timer;			/* when libcurl wants to be called; 0: not */
	bool		woken;			/* the latch was set meanwhile */
} HttpBatch;

/* ---- callbacks: in libcurl's frames ---- */

/* fd's place in the table, or -1 */
static int
find_socket(const HttpBatch *batch, curl_socket_t fd)
{
	for (int i = 0; i < batch->socket_count; i++)
	{
		if (batch->sockets[i].fd == fd)
			return i;
	}
	return -1;
}

/* a new place at the end; -1: no memory */
static int
add_socket(HttpBatch *batch, curl_socket_t fd)
{
	if (batch->socket_count == batch->socket_room)
	{
		int			room = batch->socket_room * 2 + 8;
		HttpSocket *sockets = realloc(batch->sockets, room * sizeof(HttpSocket));

		if (sockets == NULL)
			return -1;
		batch->sockets = sockets;
		batch->socket_room = room;
	}
	batch->sockets[batch->socket_count].fd = fd;
	return batch->socket_count++;
}

/*
 * Called for each socket whose interest changes, and before it is closed: a
 * number in the table is never one that something else has been opened under.
 */
static int
note_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	HttpBatch  *batch = arg;
	int			place = find_socket(batch, fd);

	if (what == CURL_POLL_REMOVE)
	{
		if (place >= 0)
			batch->sockets[place] = batch->sockets[--batch->socket_count];
		return 0;
	}
	if (place < 0)
		place = add_socket(batch, fd);
	if (place < 0)
		return -1;
	batch->sockets[place].what = what;
	return 0;
}

/* There is one timer for all; it must not be answered from here, only remembered. */
static int
note_timer(CURLM *multi, long ms, void *arg)
{
	HttpBatch  *batch = arg;

	batch->timer = ms < 0 ? 0 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
	return 0;
}

/* ---- calling libcurl ---- */

/*
 * None of them is lost: what comes meanwhile is delivered afterwards.  libcurl's
 * steps take milliseconds, for it never waits in them.
 */
static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static void
unblock_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* Those that are on their way end with a code that libcurl did not give them. */
static void
give_up(HttpBatch *batch, CURLMcode problem)
{
	for (int i = 0; i < batch->count; i++)
	{
		HttpExchange *exchange = &batch->exchanges[i];

		if (exchange->result != NULL)
			continue;
		strlcpy(exchange->error, curl_multi_strerror(problem), sizeof(exchange->error));
		http_exchange_finish(exchange, CURLE_FAILED_INIT);
	}
}

/* One step: a socket is ready (events: CURL_CSELECT_...), or time has passed. */
static void
step(HttpBatch *batch, curl_socket_t fd, int events)
{
	sigset_t	before;
	int			running;
	CURLMcode	result;

	block_signals(&before);
	result = curl_multi_socket_action(batch->multi, fd, events, &running);
	unblock_signals(&before);
	if (result != CURLM_OK)
		give_up(batch, result);
}

/* A handle that cannot be taken in is one request's problem, not that of the others. */
static void
start_exchange(HttpBatch *batch, HttpExchange *exchange)
{
	sigset_t	before;
	CURLMcode	result;

	block_signals(&before);
	result = curl_multi_add_handle(batch->multi, exchange->easy);
	unblock_signals(&before);
	if (result != CURLM_OK)
	{
		strlcpy(exchange->error, curl_multi_strerror(result), sizeof(exchange->error));
		http_exchange_finish(exchange, CURLE_FAILED_INIT);
	}
}

/*
 * Once in a process; never in the postmaster, whose children would share what it
 * sets up.
 */
static void
initialize_library(void)
{
	static bool done = false;

	if (done)
		return;
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize the HTTP library")));
	done = true;
}

/* Memory is the only thing that can be missing; then there is no result to be had. */
static void
start_batch(HttpBatch *batch, List *requests)
{
	ListCell   *cell;

	initialize_library();
	batch->multi = curl_multi_init();
	if (batch->multi == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	curl_multi_setopt(batch->multi, CURLMOPT_SOCKETFUNCTION, note_socket);
	curl_multi_setopt(batch->multi, CURLMOPT_SOCKETDATA, batch);
	curl_multi_setopt(batch->multi, CURLMOPT_TIMERFUNCTION, note_timer);
	curl_multi_setopt(batch->multi, CURLMOPT_TIMERDATA, batch);
	foreach(cell, requests)
	{
		HttpExchange *exchange = &batch->exchanges[batch->count++];

		if (http_exchange_begin(exchange, lfirst(cell)))
			start_exchange(batch, exchange);
	}
}

/* Also after an error, with requests still on their way. */
static void
free_batch(HttpBatch *batch)
{
	sigset_t	before;

	block_signals(&before);
	for (int i = 0; i < batch->count; i++)
	{
		if (batch->multi != NULL && batch->exchanges[i].easy != NULL)
			curl_multi_remove_handle(batch->multi, batch->exchanges[i].easy);
		http_exchange_free(&batch->exchanges[i]);
	}
	if (batch->multi != NULL)
		curl_multi_cleanup(batch->multi);
	batch->multi = NULL;
	free(batch->sockets);
	batch->sockets = NULL;
	unblock_signals(&before);
}

/* ---- waiting ---- */

/* whether all have a result */
static bool
is_over(const HttpBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
	{
		if (batch->exchanges[i].result == NULL)
			return false;
	}
	return true;
}

/* What libcurl is through with; the handle stays until the batch is freed. */
static void
take_finished(HttpBatch *batch)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(batch->multi, &left)) != NULL)
	{
		for (int i = 0; i < batch->count; i++)
		{
			HttpExchange *exchange = &batch->exchanges[i];

			if (message->msg == CURLMSG_DONE && exchange->easy == message->easy_handle &&
				exchange->result == NULL)
				http_exchange_finish(exchange, message->data.result);
		}
	}
}

/* libcurl keeps its own; this one holds if it should not. */
static void
enforce_deadlines(HttpBatch *batch)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < batch->count; i++)
	{
		HttpExchange *exchange = &batch->exchanges[i];

		if (exchange->result == NULL && now >= exchange->deadline)
			http_exchange_finish(exchange, CURLE_OPERATION_TIMEDOUT);
	}
}

/*
 * The ticks that are due.  A tick may end the transaction that its caller began,
 * and with it switch contexts.
 */
static void
run_ticks(HttpBatch *batch)
{
	for (int i = 0; i < batch->count; i++)
	{
		HttpExchange *exchange = &batch->exchanges[i];
		const IoHttpRequest *request = exchange->request;
		MemoryContext context = CurrentMemoryContext;
		TimestampTz now = GetCurrentTimestamp();

		if (request->tick == NULL || exchange->result != NULL || now < exchange->next_tick)
			continue;
		exchange->next_tick =
			TimestampTzPlusMilliseconds(now, request->tick_ms > 0 ? request->tick_ms : DEFAULT_TICK_MS);
		request->tick(request->tick_arg);
		MemoryContextSwitchTo(context);
	}
}

/* When we have to look again, at the latest. */
static TimestampTz
next_look(const HttpBatch *batch)
{
	TimestampTz first = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LONGEST_WAIT_MS);

	if (batch->timer != 0)
		first = Min(first, batch->timer);
	for (int i = 0; i < batch->count; i++)
	{
		const HttpExchange *exchange = &batch->exchanges[i];

		if (exchange->result != NULL)
			continue;
		first = Min(first, exchange->deadline);
		if (exchange->request->tick != NULL)
			first = Min(first, exchange->next_tick);
	}
	return first;
}

/*
 * A copy of the table: libcurl changes its own while it is called for the
 * sockets that are ready.  One of which nothing is wanted at the moment is left out, since
 * the server cannot wait for nothing.
 */
static IoSocket *
copy_sockets(const HttpBatch *batch, int *count)
{
	IoSocket   *sockets = palloc0((batch->socket_count + 1) * sizeof(IoSocket));

	*count = 0;
	for (int i = 0; i < batch->socket_count; i++)
	{
		int			what = batch->sockets[i].what;
		IoSocket   *copy = &sockets[*count];

		copy->fd = batch->sockets[i].fd;
		if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
			copy->wanted |= WL_SOCKET_READABLE;
		if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
			copy->wanted |= WL_SOCKET_WRITEABLE;
		if (copy->wanted != 0)
			(*count)++;
	}
	return sockets;
}

/* One that was closed while another was served is not in libcurl's table any more. */
static void
serve_sockets(HttpBatch *batch, const IoSocket *sockets, int count)
{
	for (int i = 0; i < count; i++)
	{
		int			events = 0;

		if (sockets[i].happened & WL_SOCKET_READABLE)
			events |= CURL_CSELECT_IN;
		if (sockets[i].happened & WL_SOCKET_WRITEABLE)
			events |= CURL_CSELECT_OUT;
		if (events != 0 && find_socket(batch, sockets[i].fd) >= 0)
			step(batch, sockets[i].fd, events);
	}
}

/* The only place that waits, and the only one that raises: no libcurl is on the stack. */
static void
wait_once(HttpBatch *batch)
{
	int			count;
	IoSocket   *sockets = copy_sockets(batch, &count);

	if (io_wait_sockets(sockets, count, io_remaining_ms(next_look(batch)), IO_WAIT_HTTP))
		batch->woken = true;
	serve_sockets(batch, sockets, count);
	if (batch->timer != 0 && GetCurrentTimestamp() >= batch->timer)
	{
		/* libcurl sets a new one if it wants one */
		batch->timer = 0;
		step(batch, CURL_SOCKET_TIMEOUT, 0);
	}
	pfree(sockets);
}

/* Answers are taken before deadlines are looked at: what arrived in time counts. */
static void
run_batch(HttpBatch *batch, List *requests)
{
	start_batch(batch, requests);
	step(batch, CURL_SOCKET_TIMEOUT, 0);
	for (;;)
	{
		take_finished(batch);
		enforce_deadlines(batch);
		if (is_over(batch))
			return;
		run_ticks(batch);
		wait_once(batch);
	}
}

/*
 * The wait resets the latch, which others set to tell the caller something: it is
 * set again at the end.
 */
List *
io_http_all(List *requests)
{
	HttpBatch  *batch = palloc0(sizeof(HttpBatch));
	List	   *results = NIL;

	batch->exchanges = palloc0((list_length(requests) + 1) * sizeof(HttpExchange));
	PG_TRY();
	{
		run_batch(batch, requests);
	}
	PG_FINALLY();
	{
		free_batch(batch);
		if (batch->woken)
			SetLatch(MyLatch);
	}
	PG_END_TRY();
	for (int i = 0; i < batch->count; i++)
		results = lappend(results, batch->exchanges[i].result);
	pfree(batch->exchanges);
	pfree(batch);
	return results;
}

IoHttpResult *
io_http(const IoHttpRequest *request)
{
	return linitial(io_http_all(list_make1(unconstify(IoHttpRequest *, request))));
}
