/*
 * state.c
 *		How far the run is, for people and for the server that comes back.
 *
 * Two files in the run's directory: state.json, replaced at each transition,
 * and log, lines with time and stream that are only added to.
 *
 * Not for: deciding anything.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *state_path;
static json_t *state;
static int	log_fd = -1;

/* field 22 of /proc/self/stat: tells this process from a later one of the same number */
static json_int_t
own_start_time(void)
{
	char		text[1024] = "";
	int			fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t		got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char	   *at;

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; field < 22 && at != NULL; field++)
	{
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at != NULL ? strtoll(at, NULL, 10) : 0;
}

static void
load(void)
{
	char	   *text = file_read(state_path);
	json_error_t error;

	json_decref(state);
	state = json_loads(text, 0, &error);
	free(text);
	if (!json_is_object(state))
		die("pgops-runner: could not read \"%s\": %s", state_path, error.text);
}

/* A list of what becomes of each step, by the names of the task. */
static json_t *
fresh_steps(const json_t *task)
{
	json_t	   *steps = json_array();
	size_t		i;
	json_t	   *step;

	json_array_foreach(json_object_get(task, "steps"), i, step)
	{
		json_array_append_new(steps, json_pack("{s:s, s:s}", "name",
											   text_of(step, "name", "?"), "state", "waiting"));
	}
	return steps;
}

void
state_open(const char *directory, const json_t *task, bool resume)
{
	char	   *log_path = format_text("%s/log", directory);

	state_path = format_text("%s/state.json", directory);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (log_fd < 0)
		die("pgops-runner: could not open file \"%s\": %s", log_path, strerror(errno));
	free(log_path);
	if (resume)
	{
		load();
		if (strcmp(text_of(state, "state", ""), "succeeded") == 0)
			die("pgops-runner: all steps are done already");
	}
	else
	{
		state = json_object();
		state_set("token", json_text(text_of(task, "token", "")));
		state_set("started", json_text(now_text()));
		state_set("steps", fresh_steps(task));
		state_set("step", json_integer(0));
	}
	state_set("state", json_text("running"));
	state_set("pid", json_integer(getpid()));
	state_set("start", json_integer(own_start_time()));
	json_object_del(state, "finished");
	json_object_del(state, "error");
	json_object_del(state, "rescued");
}

void
state_adopt(void)
{
	load();
}

void
state_set(const char *name, json_t *value)
{
	if (json_object_set_new(state, name, value) != 0)
		die("pgops-runner: out of memory");
}

json_t *
state_get(const char *name)
{
	return json_object_get(state, name);
}

void
state_write(void)
{
	char	   *text = json_dumps(state, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	if (text == NULL)
		return;
	file_replace(state_path, text);
	free(text);
}

/* One write for a line, so that lines of two processes do not mix. */
void
state_log(const char *stream, const char *text)
{
	char	   *line = format_text("%s %s %s\n", now_text(), stream, text);
	ssize_t		done = write(log_fd, line, strlen(line));

	if (done < 0)
		fprintf(stderr, "pgops-runner: could not write the log: %s\n", strerror(errno));
	free(line);
}

void
state_log_format(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		die("pgops-runner: out of memory");
	va_end(args);
	state_log("note", text);
	free(text);
}
