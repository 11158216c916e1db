/*
 * process_parts.h
 *		What the files process*.c share.
 *
 * Not for: others; they use process.h.
 */
#ifndef PGOPS_IO_PROCESS_PARTS_H
#define PGOPS_IO_PROCESS_PARTS_H

#include "io/process.h"

/* ---- process_start.c: fork and exec ---- */

/* all that the child needs, made before it exists: it must not allocate */
typedef struct ProcessStart
{
	const char *program;
	const char *const *argv;
	char	  **environment;
	const char *directory;		/* NULL: stay */
	int			fds[3];			/* become stdin, stdout, stderr */
	bool		detached;		/* own session, child of nobody */
} ProcessStart;

/* the environment of a program: ours and "more" (or NULL), palloc'd */
extern char **process_environment(const char *const *more);

/*
 * process_start
 *		Starts it and returns when it runs: the pid (detached: 0), or -1 with
 *		*start_errno.  The descriptors stay the caller's.
 */
extern pid_t process_start(const ProcessStart *start, int *start_errno);

/* a descriptor that becomes readable when the process ends; -1: this kernel has none */
extern int	process_watch(pid_t pid);

/* ---- process_found.c ---- */

/*
 * Kills what a child that was ended has left behind in our process group.
 * (What has made a session of its own, like a server that was started, stays.)
 */
extern void process_end_group(void);

/* ---- process_output.c: bytes to lines ---- */

typedef struct ProcessStream
{
	/* the line that is being read */
	char	   *line;			/* NULL: nobody wants lines */
	int			length;
	bool		partial;		/* something was read since the last end of line */

	/* the tail of the stream */
	char	   *kept;
	size_t		kept_length;
	size_t		kept_size;		/* allocated */
	size_t		max_kept;
	bool		cut;
} ProcessStream;

/* gets each line, its text as a valid one of the database's encoding; it is overwritten afterwards */
typedef void (*ProcessLine) (const char *line, void *arg);

/* max_kept: bytes that are kept of the end */
extern void process_stream_open(ProcessStream *stream, size_t max_kept, bool lines);
extern void process_stream_add(ProcessStream *stream, const char *bytes, size_t length,
							   ProcessLine callback, void *arg);

/* the last line may have no end */
extern void process_stream_close(ProcessStream *stream, ProcessLine callback, void *arg);

/* what was kept as text, palloc'd */
extern char *process_stream_text(const ProcessStream *stream);

/* whether something before that was not kept */
extern bool process_stream_is_cut(const ProcessStream *stream);

#endif							/* PGOPS_IO_PROCESS_PARTS_H */
