/*
 * process.h
 *		The one place that starts programs.
 *
 * No shell, an argument vector, closed descriptors, a small environment; what
 * the program writes arrives line by line.  The caller's process owns the
 * child: it never outlives the call, nor the process, whatever ends it.  The
 * exception is io_process_detach(), for what has to outlive the server.
 *
 * Not for: what a program is asked and what its answer means.
 */
#ifndef PGOPS_IO_PROCESS_H
#define PGOPS_IO_PROCESS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef enum IoStream
{
	IO_STDOUT,
	IO_STDERR
} IoStream;

/* one line without its end, cut at max_line bytes at a character's boundary */
typedef void (*IoLineCallback) (IoStream stream, const char *line, void *arg);

/* called every tick_ms; false: end the program */
typedef bool (*IoTickCallback) (void *arg);

/* called once, when the program runs */
typedef void (*IoStartCallback) (pid_t pid, int64 start_time, void *arg);

typedef struct IoProcessRequest
{
	const char *program;		/* absolute path */
	const char *const *argv;	/* argv[0] included, NULL at the end; no secrets: everybody can read it */
	const char *const *environment; /* "NAME=value", NULL at the end, besides PATH, HOME and LC_ALL=C; or NULL */
	const char *directory;		/* to run in; NULL: the data directory */
	const char *input;			/* what it reads on stdin; NULL: /dev/null */
	TimestampTz deadline;		/* 0: none */
	long		tick_ms;		/* 0: no ticks */
	IoTickCallback on_tick;		/* or NULL */
	IoLineCallback on_line;		/* or NULL */
	IoStartCallback on_start;	/* or NULL */
	void	   *arg;			/* for all callbacks */
	size_t		max_capture;	/* bytes of each stream kept in the result; 0: 64 kB */
} IoProcessRequest;

typedef enum IoProcessEnd
{
	IO_PROCESS_EXITED,			/* by itself: exit_code */
	IO_PROCESS_SIGNALED,		/* by a signal that we did not send */
	IO_PROCESS_LATE,			/* the deadline was over: we ended it */
	IO_PROCESS_STOPPED,			/* on_tick wanted it ended */
	IO_PROCESS_NOT_STARTED		/* start_errno says why */
} IoProcessEnd;

typedef struct IoProcessResult
{
	IoProcessEnd end;
	int			exit_code;		/* EXITED */
	int			signal;			/* SIGNALED */
	int			start_errno;	/* NOT_STARTED */
	char	   *out;			/* the last max_capture bytes of stdout, palloc'd, never NULL */
	char	   *err;			/* likewise of stderr */
	bool		out_cut;		/* earlier bytes of stdout are not in "out" */
} IoProcessResult;

/*
 * io_process_run
 *		Runs a program to its end.  Call it outside any transaction that holds
 *		something; callbacks may use transactions of their own.  Waits on the
 *		latch too: answers to interrupts, SIGHUP stays pending.
 *		The child gets SIGTERM, after 5 s SIGKILL, when the deadline is over, a
 *		tick says so, or an ERROR or the end of this process comes from anywhere
 *		(callbacks, CHECK_FOR_INTERRUPTS, postmaster death); it is always waited for.  Should
 *		this process be killed, the kernel ends the child.
 *		Raises what CHECK_FOR_INTERRUPTS and the callbacks raise, nothing for
 *		what becomes of the program.
 */
extern IoProcessResult *io_process_run(const IoProcessRequest *request);

/* "exited with code 50", "was ended by signal 9 (Killed)", "did not end in time", ...: palloc'd, untranslated */
extern char *io_process_describe(const IoProcessResult *result);

/* absolute path of a program of this server's installation ("pg_ctl", "pg_dump"), palloc'd */
extern char *io_server_program(const char *name);

/* absolute path of a program that pgops itself brings, beside its library; palloc'd */
extern char *io_own_program(const char *name);

/*
 * ---- processes met again ----
 *
 * A pid alone does not say which process it was: with the time it started, in
 * clock ticks since boot, and the boot it belongs to, it does.
 */

/* when a process started; 0: there is none (a zombie counts as none) */
extern int64 io_process_start_time(pid_t pid);

/* identity of this boot of the machine, 36 characters */
extern const char *io_boot_id(void);

/*
 * io_process_end
 *		Ends a process that is still the one that was recorded: SIGTERM, then,
 *		after grace_ms, SIGKILL; waits until it is gone.  Returns whether there
 *		was one.
 */
extern bool io_process_end(pid_t pid, int64 start_time, const char *boot_id, long grace_ms);

/*
 * io_process_end_group
 *		Ends (SIGKILL) what a process that is gone has left behind: members of
 *		its group that started at or after "since" (clock ticks since boot).
 *		Returns how many there were.
 */
extern int	io_process_end_group(pid_t group, int64 since, const char *boot_id);

/*
 * io_process_detach
 *		Starts a program that belongs to nobody: own session, no descriptors of
 *		ours, parent 1.  stdout and stderr are appended to "log".
 *		Returns false, with *start_errno, if it could not be started.
 */
extern bool io_process_detach(const char *program, const char *const *argv, const char *log,
							  int *start_errno);

/* ---- what this server was started by ---- */

/*
 * io_process_words
 *		Command line of a process: char *, the program first; NIL: it is gone or
 *		a zombie.  *parent (or NULL): its parent.
 */
extern List *io_process_words(pid_t pid, pid_t *parent);

/* the service of systemd that this process belongs to ("x.service"), palloc'd; NULL: none */
extern char *io_process_service(void);

/* path of the regular file that a process has as standard output, palloc'd; NULL: it has none */
extern char *io_process_output_file(pid_t pid);

#endif							/* PGOPS_IO_PROCESS_H */
