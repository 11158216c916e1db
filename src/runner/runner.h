/*
 * runner.h
 *		What the files of pgops-runner share.
 *
 * pgops-runner is a program of its own: it goes on while the server is down.
 * It knows nothing of the server or of restores; it carries out a list of
 * steps and keeps a file that says how far it is.  Only libc and jansson.
 */
#ifndef PGOPS_RUNNER_H
#define PGOPS_RUNNER_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/* ---- pgops-runner.c ---- */

/* set by SIGTERM, SIGINT, SIGHUP: end what runs and stop */
extern volatile sig_atomic_t told_to_end;

/* ---- memory.c: what must not fail, ends the program ---- */

extern noreturn void die(const char *format,...) __attribute__((format(printf, 1, 2)));
extern char *format_text(const char *format,...) __attribute__((format(printf, 1, 2)));

/* a JSON string of any bytes: those that are no UTF-8 become "?" */
extern json_t *json_text(const char *text);

/* member of an object as text, or otherwise */
extern const char *text_of(const json_t *object, const char *name, const char *otherwise);
extern long number_of(const json_t *object, const char *name, long otherwise);

/* now, as "2026-11-20T14:00:00.000000Z" in a buffer that is overwritten */
extern const char *now_text(void);

/* milliseconds of a clock that never jumps */
extern int64_t now_ms(void);

/* ---- program.c: running programs ---- */

typedef struct Program
{
	char	  **argv;
	char	  **environment;	/* NULL: ours */
	long		timeout_s;		/* 0: none */
	bool		quiet;			/* its output is not logged */
} Program;

#define TAIL_LINES	40

typedef struct ProgramEnd
{
	bool		exited;
	int			code;			/* exited */
	char	   *problem;		/* in words; NULL: it exited with 0 */
	char	   *out;			/* stdout, at most 64 kB of it */
	json_t	   *tail;			/* last lines of both streams */
} ProgramEnd;

extern ProgramEnd program_run(const Program *program);
extern void program_free(ProgramEnd *end);

/* a list of strings as a vector; NULL if it is none */
extern char **vector_of(const json_t *list);
extern void vector_free(char **vector);

/* ---- file.c ---- */

/* both die on trouble; the text is replaced durably, mode 0600 */
extern char *file_read(const char *path);
extern void file_replace(const char *path, const char *text);

/* these say what went wrong (to be freed), NULL: nothing */
extern char *file_write(const char *path, const char *text, bool append);
extern char *file_rename(const char *from, const char *to);

/* ---- state.c: what is known of the run ---- */

extern void state_open(const char *directory, const json_t *task, bool resume);
extern void state_adopt(void);	/* reads it anew: another process has written it */
extern void state_set(const char *name, json_t *value);
extern json_t *state_get(const char *name);

/* writes it; who cannot write it any more goes on: the work matters more */
extern void state_write(void);
extern void state_log(const char *stream, const char *text);
extern void state_log_format(const char *format,...) __attribute__((format(printf, 1, 2)));

/* ---- step.c: carrying out ---- */

/*
 * All steps from a number on; returns whether they succeeded.  The state says
 * the rest.
 */
extern bool steps_run(json_t *task, size_t from);

/* what has to be done after the current step failed for this reason */
extern void steps_fail(json_t *task, const char *reason, bool rescue);

#endif							/* PGOPS_RUNNER_H */
