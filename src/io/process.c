/*
 * process.c
 *		The one place that starts programs, and the loop that a program runs
 *		under.
 *
 * The child stays in our process group, so that what ends this process's group
 * (an immediate shutdown, a terminated worker) ends the child too.  Whatever
 * way this function is left (return, ERROR, FATAL, the death of the
 * postmaster), the child is gone before; if we are killed, the kernel kills it.
 *
 * Not for: fork and exec (process_start.c), lines (process_output.c).
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "io/process_parts.h"
#include "io/wait.h"

/* ms between SIGTERM and SIGKILL */
#define GRACE			5000

/* ms that pipes are still read after the child is gone: somebody else may hold them open */
#define DRAIN			500

/* ms between two looks at the child where the kernel cannot tell of its end */
#define POLL			100

#define CHUNK			((size_t) 64 * 1024)

/* chunks of a stream that are read before the others get their turn */
#define CHUNKS_A_TURN	16

#define DEFAULT_CAPTURE ((size_t) 64 * 1024)

/* our ends of what connects us with a child; -1: closed */
typedef enum ChildFd
{
	FD_IN,
	FD_OUT,
	FD_ERR,
	FD_WATCH,
	NFDS
} ChildFd;

typedef struct Child
{
	slist_node	link;			/* of "children" */
	MemoryContext context;		/* this and all that belongs to it */
	const IoProcessRequest *request;
	IoProcessResult *result;
	MemoryContext caller;		/* for callbacks and the result */

	pid_t		pid;			/* 0: not started */
	bool		gone;			/* it was waited for */
	int			status;			/* as waitpid() gives it */
	int			fds[NFDS];
	int			reserved;		/* descriptors that fd.c was told of */
	size_t		written;		/* bytes of the input */
	ProcessStream streams[2];	/* by IoStream */

	TimestampTz next_tick;		/* 0: none */
	TimestampTz kill_at;		/* 0: it was not told to end */
	TimestampTz drain_until;	/* 0: it is not gone */
} Child;

/* those that run; callbacks may run programs of their own */
static slist_head children = SLIST_STATIC_INIT(children);

/* ---- descriptors ---- */

static void
close_fd(Child *child, ChildFd which)
{
	if (child->fds[which] < 0)
		return;
	close(child->fds[which]);
	child->fds[which] = -1;
	ReleaseExternalFD();
	child->reserved--;
}

/* Tells fd.c of one more descriptor, so that it leaves room for it. */
static bool
reserve_fd(Child *child)
{
	if (!AcquireExternalFD())
	{
		errno = EMFILE;
		return false;
	}
	child->reserved++;
	return true;
}

/* A pipe: ours, which does not block, and theirs. */
static bool
open_pipe(Child *child, ChildFd which, int *theirs)
{
	int			ends[2];
	int			ours = which == FD_IN ? 1 : 0;

	if (!reserve_fd(child))
		return false;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	child->fds[which] = ends[ours];
	*theirs = ends[1 - ours];
	return fcntl(child->fds[which], F_SETFL, O_NONBLOCK) == 0;
}

static bool
open_pipes(Child *child, int theirs[3])
{
	if (child->request->input != NULL)
	{
		if (!open_pipe(child, FD_IN, &theirs[0]))
			return false;
	}
	else
	{
		theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (theirs[0] < 0)
			return false;
	}
	return open_pipe(child, FD_OUT, &theirs[1]) && open_pipe(child, FD_ERR, &theirs[2]);
}

/* ---- the end of a child ---- */

/* Whether it is gone; does not wait. */
static bool
look(Child *child)
{
	pid_t		got;

	if (child->gone || child->pid == 0)
		return true;
	do
		got = waitpid(child->pid, &child->status, WNOHANG);
	while (got < 0 && errno == EINTR);
	/* ECHILD cannot be, unless a library waits for all children: then it is gone, somehow */
	if (got < 0)
		child->status = W_EXITCODE(255, 0);
	child->gone = got != 0;
	return child->gone;
}

/*
 * Waits without answering to anything, as this is how we leave after an error;
 * true: the child is gone.
 */
static bool
wait_hard(Child *child, long ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	while (!look(child))
	{
		long		remaining = io_remaining_ms(until);
		struct pollfd watch = {.fd = child->fds[FD_WATCH], .events = POLLIN};

		if (remaining <= 0)
			return false;
		/* without a descriptor to watch this just passes time */
		poll(&watch, watch.fd >= 0 ? 1 : 0, watch.fd >= 0 ? remaining : Min(remaining, 20));
	}
	return true;
}

/*
 * What it started itself it may end when it gets SIGTERM; after that nobody else
 * would.  A program of an outer call, whose callback we are in, is none of that.
 */
static void
end_leftovers(const Child *child)
{
	for (slist_node *node = children.head.next; node != NULL; node = node->next)
	{
		if (node != &child->link)
			return;
	}
	process_end_group();
}

static void
end_hard(Child *child)
{
	if (child->kill_at == 0)
		kill(child->pid, SIGTERM);
	if (!wait_hard(child, child->kill_at == 0 ? GRACE : io_remaining_ms(child->kill_at)))
	{
		kill(child->pid, SIGKILL);
		while (!wait_hard(child, GRACE))
			;
	}
	end_leftovers(child);
}

/*
 * Ends a child that is still there, forgets it and frees what it held.  Its
 * pipes are closed first: one that cannot write any more does not hang on that.
 */
static void
dispose(Child *child)
{
	slist_delete(&children, &child->link);
	close_fd(child, FD_IN);
	close_fd(child, FD_OUT);
	close_fd(child, FD_ERR);
	if (!look(child))
		end_hard(child);
	close_fd(child, FD_WATCH);
	while (child->reserved-- > 0)
		ReleaseExternalFD();
	MemoryContextDelete(child->context);
}

/* However this process ends, short of being killed. */
static void
dispose_all(int code, Datum arg)
{
	while (!slist_is_empty(&children))
		dispose(slist_container(Child, link, slist_head_node(&children)));
}

/* ---- what is going on ---- */

static void
tell_line(Child *child, IoStream stream, const char *line)
{
	MemoryContext old = MemoryContextSwitchTo(child->caller);

	child->request->on_line(stream, line, child->request->arg);
	MemoryContextSwitchTo(old);
}

static void
tell_out(const char *line, void *arg)
{
	tell_line(arg, IO_STDOUT, line);
}

static void
tell_err(const char *line, void *arg)
{
	tell_line(arg, IO_STDERR, line);
}

static const ProcessLine tell[] = {[IO_STDOUT] = tell_out, [IO_STDERR] = tell_err};

static void
read_stream(Child *child, IoStream stream)
{
	ChildFd		which = stream == IO_STDOUT ? FD_OUT : FD_ERR;
	char	   *bytes = MemoryContextAlloc(child->context, CHUNK);

	for (int i = 0; i < CHUNKS_A_TURN && child->fds[which] >= 0; i++)
	{
		ssize_t		got = read(child->fds[which], bytes, CHUNK);

		if (got > 0)
			process_stream_add(&child->streams[stream], bytes, got, tell[stream], child);
		else if (got < 0 && errno == EINTR)
			continue;
		else if (got < 0 && errno == EAGAIN)
			break;
		else
			close_fd(child, which);
	}
	pfree(bytes);
}

/* A program that does not want to read more is no error. */
static void
write_input(Child *child)
{
	const char *input = child->request->input;
	size_t		length = strlen(input);
	ssize_t		done = 0;

	if (child->written < length)
		done = write(child->fds[FD_IN], input + child->written, length - child->written);
	if (done > 0)
		child->written += done;
	if (child->written >= length ||
		(done < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(child, FD_IN);
}

/* Tells it to end, for the first reason that there is. */
static void
tell_to_end(Child *child, IoProcessEnd reason)
{
	if (child->kill_at != 0 || look(child))
		return;
	child->result->end = reason;
	child->kill_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), GRACE);
	kill(child->pid, SIGTERM);
}

static void
tick(Child *child)
{
	const IoProcessRequest *request = child->request;
	MemoryContext old;
	bool		go_on;

	child->next_tick = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), request->tick_ms);
	if (child->kill_at != 0)
		return;
	old = MemoryContextSwitchTo(child->caller);
	go_on = request->on_tick(request->arg);
	MemoryContextSwitchTo(old);
	if (!go_on)
		tell_to_end(child, IO_PROCESS_STOPPED);
}

static bool
is_due(TimestampTz when, TimestampTz now)
{
	return when != 0 && when <= now;
}

/* All that depends on time. */
static void
act_on_time(Child *child)
{
	TimestampTz now = GetCurrentTimestamp();

	if (is_due(child->request->deadline, now))
		tell_to_end(child, IO_PROCESS_LATE);
	if (is_due(child->next_tick, now))
		tick(child);
	if (is_due(child->kill_at, now) && !look(child))
		kill(child->pid, SIGKILL);
}

/* Milliseconds until something has to be done without any event. */
static long
time_to_wait(const Child *child)
{
	TimestampTz times[] = {
		child->kill_at == 0 ? child->request->deadline : child->kill_at,
		child->next_tick,
		child->drain_until
	};
	TimestampTz now = GetCurrentTimestamp();
	long		ms = child->fds[FD_WATCH] >= 0 || child->gone ? 3600 * 1000L : POLL;

	for (int i = 0; i < lengthof(times); i++)
	{
		/* a child that does not die of SIGKILL at once must not make us spin */
		if (times[i] != 0)
			ms = Min(ms, times[i] > now ? TimestampDifferenceMilliseconds(now, times[i]) : POLL);
	}
	return ms;
}

/* Waits for an event and carries out what it asks for. */
static void
wait_and_serve(Child *child)
{
	static const uint32 wanted[NFDS] = {
		[FD_IN] = WL_SOCKET_WRITEABLE,
		[FD_OUT] = WL_SOCKET_READABLE,
		[FD_ERR] = WL_SOCKET_READABLE,
		[FD_WATCH] = WL_SOCKET_READABLE
	};
	IoSocket	sockets[NFDS];
	ChildFd		which[NFDS];
	int			count = 0;

	for (ChildFd i = 0; i < NFDS; i++)
	{
		/* one that stays readable for ever is not waited for again */
		if (child->fds[i] < 0 || (i == FD_WATCH && child->gone))
			continue;
		which[count] = i;
		sockets[count].fd = child->fds[i];
		sockets[count++].wanted = wanted[i];
	}
	io_wait_sockets(sockets, count, time_to_wait(child), IO_WAIT_PROCESS);
	for (int i = 0; i < count; i++)
	{
		if (sockets[i].happened == 0 || child->fds[which[i]] < 0)
			continue;
		if (which[i] == FD_IN)
			write_input(child);
		else if (which[i] != FD_WATCH)
			read_stream(child, which[i] == FD_OUT ? IO_STDOUT : IO_STDERR);
	}
}

/*
 * Until the child is gone and both streams are at their ends.  What the child
 * itself wrote is in the pipes when it is gone, and is read; but somebody it
 * left behind may hold them open, for whom we do not wait long.
 */
static void
serve(Child *child)
{
	for (;;)
	{
		if (look(child) && child->drain_until == 0)
		{
			close_fd(child, FD_IN);
			if (child->kill_at != 0)
				end_leftovers(child);
			child->drain_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), DRAIN);
			read_stream(child, IO_STDOUT);
			read_stream(child, IO_STDERR);
		}
		if (child->gone &&
			((child->fds[FD_OUT] < 0 && child->fds[FD_ERR] < 0) ||
			 is_due(child->drain_until, GetCurrentTimestamp())))
			break;
		wait_and_serve(child);
		act_on_time(child);
	}
	process_stream_close(&child->streams[IO_STDOUT], tell_out, child);
	process_stream_close(&child->streams[IO_STDERR], tell_err, child);
}

/* ---- from the request to the result ---- */

static Child *
make_child(const IoProcessRequest *request, IoProcessResult *result)
{
	static bool registered = false;
	MemoryContext context;
	Child	   *child;
	size_t		capture = request->max_capture ? request->max_capture : DEFAULT_CAPTURE;
	MemoryContext caller = CurrentMemoryContext;

	if (!registered)
	{
		before_shmem_exit(dispose_all, (Datum) 0);
		registered = true;
	}
	context = AllocSetContextCreate(TopMemoryContext, "pgops process", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	child = palloc0(sizeof(Child));
	child->context = context;
	child->caller = caller;
	child->request = request;
	child->result = result;
	for (int i = 0; i < NFDS; i++)
		child->fds[i] = -1;
	process_stream_open(&child->streams[IO_STDOUT], capture, request->on_line != NULL);
	process_stream_open(&child->streams[IO_STDERR], capture, request->on_line != NULL);
	MemoryContextSwitchTo(caller);
	slist_push_head(&children, &child->link);
	return child;
}

/* False: it does not run, and result->start_errno says why. */
static bool
start_child(Child *child)
{
	const IoProcessRequest *request = child->request;
	int			theirs[3] = {-1, -1, -1};
	ProcessStart start = {
		.program = request->program,
		.argv = request->argv,
		.environment = process_environment(request->environment),
		.directory = request->directory,
	};
	pid_t		pid = -1;

	if (!open_pipes(child, theirs) || !reserve_fd(child))
		child->result->start_errno = errno;
	else
	{
		memcpy(start.fds, theirs, sizeof(theirs));
		pid = process_start(&start, &child->result->start_errno);
	}
	for (int i = 0; i < 3; i++)
	{
		if (theirs[i] >= 0)
			close(theirs[i]);
	}
	if (pid < 0)
		return false;
	child->pid = pid;
	child->fds[FD_WATCH] = process_watch(pid);
	return true;
}

static void
run_child(Child *child)
{
	const IoProcessRequest *request = child->request;

	if (!start_child(child))
	{
		child->result->end = IO_PROCESS_NOT_STARTED;
		return;
	}
	if (request->tick_ms > 0 && request->on_tick != NULL)
		child->next_tick = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), request->tick_ms);
	if (request->on_start != NULL)
		request->on_start(child->pid, io_process_start_time(child->pid), request->arg);
	MemoryContextSwitchTo(child->caller);
	serve(child);
}

static void
fill_result(const Child *child)
{
	IoProcessResult *result = child->result;

	/* it may have ended by itself just when it was told to: the reason to tell it stands */
	if (child->pid != 0 && child->kill_at == 0)
	{
		bool		signaled = WIFSIGNALED(child->status);

		result->end = signaled ? IO_PROCESS_SIGNALED : IO_PROCESS_EXITED;
		result->signal = signaled ? WTERMSIG(child->status) : 0;
		result->exit_code = signaled ? 0 : WEXITSTATUS(child->status);
	}
	result->out = process_stream_text(&child->streams[IO_STDOUT]);
	result->err = process_stream_text(&child->streams[IO_STDERR]);
	result->out_cut = process_stream_is_cut(&child->streams[IO_STDOUT]);
}

IoProcessResult *
io_process_run(const IoProcessRequest *request)
{
	IoProcessResult *result = palloc0(sizeof(IoProcessResult));
	Child	   *child = make_child(request, result);

	PG_TRY();
	{
		run_child(child);
		fill_result(child);
	}
	PG_FINALLY();
	{
		dispose(child);
	}
	PG_END_TRY();
	return result;
}

char *
io_process_describe(const IoProcessResult *result)
{
	const char *name;

	switch (result->end)
	{
		case IO_PROCESS_EXITED:
			return psprintf("exited with code %d", result->exit_code);
		case IO_PROCESS_SIGNALED:
			/* not in the server's language: it goes into tables */
			name = sigdescr_np(result->signal);
			return psprintf("was ended by signal %d (%s)", result->signal,
							name ? name : "unknown");
		case IO_PROCESS_LATE:
			return pstrdup("did not end in time");
		case IO_PROCESS_STOPPED:
			return pstrdup("was told to end");
		case IO_PROCESS_NOT_STARTED:
			return psprintf("could not be started: %s", strerror(result->start_errno));
	}
	return pstrdup("unknown");
}
