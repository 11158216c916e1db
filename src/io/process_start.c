/*
 * process_start.c
 *		Fork and exec, for a child that stays ours and for one that does not.
 *
 * The server has handlers, buffered files and shared memory that no code of a
 * forked copy may touch.  So all signals are blocked around the fork, the child
 * puts every handler back before it unblocks them, and between fork and exec
 * there are system calls only: no allocation, no ereport, no exit().
 *
 * Not for: waiting for a program, reading what it writes.
 */
#include "postgres.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"

#include "compat.h"
#include "io/process_parts.h"

/* after the directory of the server's own programs */
#define SYSTEM_PATH		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* where the child keeps its descriptors while it puts 0 to 3 in order */
#define FIRST_SAFE_FD	10
#define STATUS_FD		3

/*
 * Nothing of the server's own environment: it may hold PGDATA, a locale,
 * LD_PRELOAD and passwords.
 */
char **
process_environment(const char *const *more)
{
	const struct passwd *user = getpwuid(geteuid());
	char	  **environment;
	int			count = 0;
	int			n = 0;

	while (more != NULL && more[count] != NULL)
		count++;
	environment = palloc((count + 4) * sizeof(char *));
	environment[n] = pstrdup(my_exec_path);
	get_parent_directory(environment[n]);
	environment[n] = psprintf("PATH=%s:%s", environment[n], SYSTEM_PATH);
	n++;
	environment[n++] = pstrdup("LC_ALL=C");
	if (user != NULL)
		environment[n++] = psprintf("HOME=%s", user->pw_dir);
	for (int i = 0; i < count; i++)
		environment[n++] = pstrdup(more[i]);
	environment[n] = NULL;
	return environment;
}

/* ---- in the child: system calls only ---- */

/* Tells the parent why there will be no program. */
pg_noreturn static void
child_give_up(int status_fd)
{
	int			reason = errno;
	ssize_t		written pg_attribute_unused();

	written = write(status_fd, &reason, sizeof(reason));
	_exit(127);
}

/* As a program expects to find them.  Those that cannot be changed stay as they are. */
static void
child_reset_signals(void)
{
	struct sigaction standard;
	sigset_t	none;

	memset(&standard, 0, sizeof(standard));
	standard.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Puts the three in their places and closes everything else that was open: a
 * table's file, the pipe that tells of the postmaster's death, a client's
 * socket.  Moved up first, as one of them may lie where another has to go.
 */
static int
child_arrange_fds(const int *fds, int status_fd)
{
	int			up[4];

	for (int i = 0; i < 4; i++)
	{
		up[i] = fcntl(i < 3 ? fds[i] : status_fd, F_DUPFD, FIRST_SAFE_FD);
		if (up[i] < 0)
			child_give_up(status_fd);
	}
	for (int i = 0; i < 3; i++)
	{
		if (dup2(up[i], i) < 0)
			child_give_up(up[3]);
	}
	/* this one is closed by a successful exec: that is what the parent waits for */
	if (dup3(up[3], STATUS_FD, O_CLOEXEC) < 0)
		child_give_up(up[3]);
	closefrom(STATUS_FD + 1);
	return STATUS_FD;
}

/* A second fork makes the first one's child that of process 1. */
static void
child_detach(int status_fd)
{
	pid_t		pid;

	if (setsid() < 0)
		child_give_up(status_fd);
	pid = fork();
	if (pid < 0)
		child_give_up(status_fd);
	if (pid > 0)
		_exit(0);
}

pg_noreturn static void
child_main(const ProcessStart *start, int status_fd, pid_t parent)
{
	status_fd = child_arrange_fds(start->fds, status_fd);
	if (start->detached)
		child_detach(status_fd);
	else
	{
		/* if we are killed there is nobody left to end it; and it may be too late already */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
			child_give_up(status_fd);
		if (getppid() != parent)
			_exit(127);
	}
	if (start->directory != NULL && chdir(start->directory) != 0)
		child_give_up(status_fd);
	child_reset_signals();
	execve(start->program, unconstify(char *const *, start->argv), start->environment);
	child_give_up(status_fd);
}

/* ---- in the parent ---- */

/* Returns when the program runs (0) or will not (errno). */
static int
read_status(int fd)
{
	int			reason = 0;
	ssize_t		got;

	do
		got = read(fd, &reason, sizeof(reason));
	while (got < 0 && errno == EINTR);
	return got == sizeof(reason) ? reason : 0;
}

static void
reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Fork with no signal getting through to either side meanwhile. */
static pid_t
fork_blocked(const ProcessStart *start, int status_fd)
{
	pid_t		parent = getpid();
	sigset_t	all;
	sigset_t	before;
	pid_t		pid;
	int			save_errno;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_main(start, status_fd, parent);
	save_errno = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = save_errno;
	return pid;
}

pid_t
process_start(const ProcessStart *start, int *start_errno)
{
	int			status[2];
	pid_t		pid;

	*start_errno = 0;
	if (pipe2(status, O_CLOEXEC) != 0)
	{
		*start_errno = errno;
		return -1;
	}
	pid = fork_blocked(start, status[1]);
	if (pid < 0)
		*start_errno = errno;
	close(status[1]);
	if (pid > 0)
		*start_errno = read_status(status[0]);
	close(status[0]);

	/* what was detached has a parent that is gone by now */
	if (pid > 0 && (start->detached || *start_errno != 0))
		reap(pid);
	if (*start_errno != 0)
		return -1;
	return start->detached ? 0 : pid;
}

int
process_watch(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int) syscall(SYS_pidfd_open, pid, 0);
#else
	return -1;
#endif
}

bool
io_process_detach(const char *program, const char *const *argv, const char *log,
				  int *start_errno)
{
	ProcessStart start = {
		.program = program,
		.argv = argv,
		.environment = process_environment(NULL),
		.directory = "/",		/* the data directory must not be held by it */
		.detached = true,
	};
	pid_t		pid = -1;

	start.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	start.fds[1] = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
	start.fds[2] = start.fds[1];
	if (start.fds[0] < 0 || start.fds[1] < 0)
		*start_errno = errno;
	else
		pid = process_start(&start, start_errno);
	if (start.fds[0] >= 0)
		close(start.fds[0]);
	if (start.fds[1] >= 0)
		close(start.fds[1]);
	return pid == 0;
}
