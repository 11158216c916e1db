/*
 * program.c
 *		Runs a program: no shell, both streams into the log, a time limit.
 *
 * Not for: what it is run for.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ms from SIGTERM to SIGKILL: time to put away locks and finish a message */
#define GRACE		10000

/* ms between two looks whether the program is gone */
#define LOOK		100

/* ms that its pipes are still read when it is: a server that it started may hold them */
#define DRAIN		500

#define MAX_OUT		(64 * 1024)
#define MAX_LINE	2000

typedef struct Stream
{
	const char *name;			/* in the log */
	int			fd;				/* -1: at its end */
	char		line[MAX_LINE + 1];
	size_t		length;
} Stream;

typedef struct Running
{
	const Program *program;
	ProgramEnd *end;
	pid_t		pid;
	bool		gone;
	int			status;
	Stream		streams[2];		/* stdout, stderr */
	size_t		out_length;
	int64_t		deadline;		/* 0: none */
	int64_t		kill_at;		/* 0: it was not told to end */
	bool		late;
} Running;

char	  **
vector_of(const json_t *list)
{
	size_t		count = json_array_size(list);
	char	  **vector;

	if (!json_is_array(list))
		return NULL;
	vector = calloc(count + 1, sizeof(char *));
	if (vector == NULL)
		die("pgops-runner: out of memory");
	for (size_t i = 0; i < count; i++)
	{
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			die("pgops-runner: an argument is not a text");
		vector[i] = format_text("%s", text);
	}
	return vector;
}

void
vector_free(char **vector)
{
	for (char **at = vector; at != NULL && *at != NULL; at++)
		free(*at);
	free(vector);
}

/* ---- start ---- */

/* If we are killed, the next run must not meet a program that is still at work. */
static noreturn void
child(const Program *program, int out, int err)
{
	int			null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	closefrom(3);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvpe(program->argv[0], program->argv, program->environment ? program->environment : environ);
	dprintf(2, "could not start \"%s\": %s\n", program->argv[0], strerror(errno));
	_exit(127);
}

static bool
start(Running *running)
{
	int			out[2];
	int			err[2];

	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		return false;
	running->pid = fork();
	if (running->pid == 0)
		child(running->program, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	running->streams[0].fd = out[0];
	running->streams[1].fd = err[0];
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	return running->pid > 0;
}

/* ---- what it writes ---- */

static void
end_line(Running *running, Stream *stream)
{
	json_t	   *text;

	stream->line[stream->length] = '\0';
	stream->length = 0;
	if (!running->program->quiet)
		state_log(stream->name, stream->line);
	text = json_text(stream->line);
	json_array_append_new(running->end->tail, text);
	if (json_array_size(running->end->tail) > TAIL_LINES)
		json_array_remove(running->end->tail, 0);
}

static void
keep_out(Running *running, const char *bytes, size_t length)
{
	size_t		room = MAX_OUT - running->out_length;

	if (length > room)
		length = room;
	memcpy(running->end->out + running->out_length, bytes, length);
	running->out_length += length;
	running->end->out[running->out_length] = '\0';
}

static void
read_stream(Running *running, Stream *stream)
{
	char		bytes[4096];
	ssize_t		got = read(stream->fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0)
	{
		close(stream->fd);
		stream->fd = -1;
		return;
	}
	if (stream == &running->streams[0])
		keep_out(running, bytes, (size_t) got);
	for (ssize_t i = 0; i < got; i++)
	{
		if (bytes[i] == '\n')
			end_line(running, stream);
		else if (stream->length < MAX_LINE)
			stream->line[stream->length++] = bytes[i] == '\0' ? '?' : bytes[i];
	}
}

/* ---- until it is over ---- */

static void
look(Running *running)
{
	int64_t		now = now_ms();

	if (!running->gone)
		running->gone = waitpid(running->pid, &running->status, WNOHANG) > 0;
	if (running->gone)
		return;
	if (running->kill_at == 0 &&
		(told_to_end || (running->deadline != 0 && now >= running->deadline)))
	{
		running->late = !told_to_end;
		running->kill_at = now + GRACE;
		kill(running->pid, SIGTERM);
	}
	else if (running->kill_at != 0 && now >= running->kill_at)
		kill(running->pid, SIGKILL);
}

static void
serve(Running *running)
{
	int64_t		drain_until = 0;

	for (;;)
	{
		struct pollfd fds[2] = {
			{.fd = running->streams[0].fd, .events = POLLIN},
			{.fd = running->streams[1].fd, .events = POLLIN},
		};
		bool		ended = fds[0].fd < 0 && fds[1].fd < 0;

		look(running);
		if (running->gone && drain_until == 0)
			drain_until = now_ms() + DRAIN;
		if (running->gone && (ended || now_ms() >= drain_until))
			break;
		if (poll(fds, 2, LOOK) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
		{
			if (fds[i].revents != 0)
				read_stream(running, &running->streams[i]);
		}
	}
	for (int i = 0; i < 2; i++)
	{
		if (running->streams[i].length > 0)
			end_line(running, &running->streams[i]);
		if (running->streams[i].fd >= 0)
			close(running->streams[i].fd);
	}
}

static void
describe(const Running *running, ProgramEnd *end)
{
	if (running->late)
		end->problem = format_text("did not end within %ld s", running->program->timeout_s);
	else if (running->kill_at != 0)
		end->problem = format_text("was ended, as the runner was told to end");
	else if (WIFSIGNALED(running->status))
		end->problem = format_text("was ended by signal %d", WTERMSIG(running->status));
	else
	{
		end->exited = true;
		end->code = WEXITSTATUS(running->status);
		if (end->code != 0)
			end->problem = format_text("exited with code %d", end->code);
	}
}

ProgramEnd
program_run(const Program *program)
{
	ProgramEnd	end = {.tail = json_array(), .out = calloc(1, MAX_OUT + 1)};
	Running		running = {.program = program, .end = &end};

	if (end.out == NULL || end.tail == NULL)
		die("pgops-runner: out of memory");
	running.streams[0].name = "out";
	running.streams[1].name = "err";
	if (program->timeout_s > 0)
		running.deadline = now_ms() + program->timeout_s * 1000;
	if (!start(&running))
	{
		end.problem = format_text("could not be started: %s", strerror(errno));
		return end;
	}
	serve(&running);
	describe(&running, &end);
	return end;
}

void
program_free(ProgramEnd *end)
{
	free(end->problem);
	free(end->out);
	json_decref(end->tail);
}
