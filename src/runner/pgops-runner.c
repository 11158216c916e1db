/*
 * pgops-runner.c
 *		A program that outlives the server it stops.
 *
 *	pgops-runner TASK			carries out a task
 *	pgops-runner --resume TASK	goes on with the step that a task was cut off in
 *	pgops-runner --show TASK	tells how far it is and what to do now
 *
 * TASK is a JSON file, in whose directory the state and the log are kept.  Two
 * processes: one works, one only waits for it, so that the state tells the
 * truth even if the first one is killed.
 *
 * Not for: what a task is about.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* tries to lock the task, and ms between them */
#define LOCK_TRIES	10
#define LOCK_POLL	50

volatile sig_atomic_t told_to_end = 0;
static volatile sig_atomic_t worker_pid = 0;

static void
on_signal(int signo)
{
	told_to_end = 1;
	if (worker_pid > 0)
		kill((pid_t) worker_pid, signo);
}

static void
handle_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static json_t *
read_task(const char *path)
{
	char	   *text = file_read(path);
	json_error_t error;
	json_t	   *task = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	free(text);
	if (task == NULL || !json_is_array(json_object_get(task, "steps")))
		die("pgops-runner: \"%s\" is not a task: line %d: %s", path,
			task ? 1 : error.line, task ? "it has no steps" : error.text);
	return task;
}

static char *
directory_of(const char *path)
{
	char	   *copy = format_text("%s", path);
	char	   *directory = format_text("%s", dirname(copy));

	free(copy);
	return directory;
}

/*
 * Two of them on one task would work against each other.  Held until the end.
 * And another user, even root, would leave files behind that the server cannot
 * read.
 */
static void
lock_task(const char *path)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid != geteuid())
		die("pgops-runner: \"%s\" belongs to the user with number %u: run this as that user",
			path, (unsigned) st.st_uid);
	/* a server that looks whether somebody is at work holds it for a moment */
	for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
		poll(NULL, 0, LOCK_POLL);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		die("pgops-runner: another process carries out \"%s\", or it cannot be locked: %s",
			path, strerror(errno));
}

/* ---- the two processes ---- */

/* Waits; returns what became of the worker, as waitpid() gives it. */
static int
supervise(pid_t worker)
{
	int			status = 0;

	while (waitpid(worker, &status, 0) < 0)
	{
		if (errno != EINTR)
			break;
	}
	worker_pid = 0;
	return status;
}

/* The worker was killed, or gave up: then the state is as it left it. */
static void
tell_death(json_t *task, int status)
{
	char	   *reason;

	state_adopt();
	if (strcmp(json_string_value(state_get("state")), "running") != 0)
		return;
	if (WIFSIGNALED(status))
		reason = format_text("the process that carries out the steps was ended by signal %d",
							 WTERMSIG(status));
	else
		reason = format_text("the process that carries out the steps ended with code %d",
							 WEXITSTATUS(status));
	steps_fail(task, reason, !told_to_end);
	free(reason);
}

/* The server that comes back takes the result in once; now there will be another one. */
static void
forget_import(const char *directory)
{
	char	   *marker = format_text("%s/imported", directory);

	if (unlink(marker) != 0 && errno != ENOENT)
		fprintf(stderr, "pgops-runner: could not remove \"%s\": %s\n", marker, strerror(errno));
	free(marker);
}

/* the step to begin with: one may need an earlier one to be done again */
static size_t
first_step(const json_t *task)
{
	json_int_t	number = json_integer_value(state_get("step"));
	const json_t *step = json_array_get(json_object_get(task, "steps"), (size_t) number);

	return (size_t) number_of(step, "again_from", (long) number);
}

static int
run_task(const char *path, bool resume)
{
	char	   *directory = directory_of(path);
	json_t	   *task = read_task(path);
	size_t		from;
	int			status;
	pid_t		worker;

	lock_task(path);
	umask(S_IRWXG | S_IRWXO);
	handle_signals();
	if (resume)
		forget_import(directory);
	state_open(directory, task, resume);
	if (resume && strcmp(text_of(task, "token", ""), json_string_value(state_get("token"))) != 0)
		die("pgops-runner: the state in \"%s\" is that of another task", directory);
	from = first_step(task);
	state_write();

	worker = fork();
	if (worker == 0)
		_exit(steps_run(task, from) ? 0 : 1);
	if (worker < 0)
		die("pgops-runner: could not fork: %s", strerror(errno));
	worker_pid = worker;
	if (told_to_end)
		kill(worker, SIGTERM);
	status = supervise(worker);
	tell_death(task, status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- for people ---- */

static int
show_task(const char *path)
{
	char	   *directory = directory_of(path);
	char	   *state_path = format_text("%s/state.json", directory);
	char	   *text = file_read(state_path);
	json_t	   *state = json_loads(text, 0, NULL);
	size_t		i;
	json_t	   *item;

	printf("%s since %s\n", text_of(state, "state", "?"),
		   text_of(state, "finished", text_of(state, "started", "?")));
	json_array_foreach(json_object_get(state, "steps"), i, item)
		printf("  %-10s %s\n", text_of(item, "state", "?"), text_of(item, "name", "?"));
	if (text_of(state, "error", NULL) != NULL)
		printf("error: %s\n", text_of(state, "error", ""));
	json_array_foreach(json_object_get(state, "instructions"), i, item)
		printf("%s\n", json_string_value(item));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && argv[1][0] != '-')
		return run_task(argv[1], false);
	if (argc == 3 && strcmp(argv[1], "--resume") == 0)
		return run_task(argv[2], true);
	if (argc == 3 && strcmp(argv[1], "--show") == 0)
		return show_task(argv[2]);
	fprintf(stderr, "usage: pgops-runner [--resume | --show] TASK\n");
	return 2;
}
