/*
 * step.c
 *		Carries out the steps of a task, and what is to be done if one fails.
 *
 * A step is {"name", "do", ...its arguments, "unless", "instructions", "rescue"}:
 *
 *	run		argv, environment, timeout_s, ok (exit codes, [0])
 *	wait	until (a condition), giveup (one), timeout_s
 *	write	path, text, append
 *	rename	from, to
 *	copy	from, to: a directory, by reflink where the file system can
 *	remove	path: a directory or file
 *
 * "then" and "otherwise" are numbers of later steps: where to go on after success
 * and, instead of ending, after failure; "again_from" is the earlier step that a
 * run begins with which is gone on with after this one has failed.
 *
 * A condition is {"argv", "ok": exit codes, "contains" or "equals": text}.  All
 * of it holds when the step is done a second time: a run that was cut off goes on.
 *
 * Not for: knowing why.
 */
#include "runner.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* how often a condition is looked at, ms */
#define WAIT_POLL	250

/* s that looking at a condition may take */
#define LOOK_TIMEOUT 30

typedef char *(*StepFunction) (json_t *step);

/* ---- running programs ---- */

static bool
is_ok(const json_t *codes, const ProgramEnd *end)
{
	size_t		i;
	json_t	   *code;

	if (!end->exited)
		return false;
	if (!json_is_array(codes))
		return end->code == 0;
	json_array_foreach(codes, i, code)
	{
		if (json_integer_value(code) == end->code)
			return true;
	}
	return false;
}

/* the result of the step that runs now */
static json_t *
current(void)
{
	return json_array_get(state_get("steps"), (size_t) json_integer_value(state_get("step")));
}

static void
remember(const ProgramEnd *end)
{
	json_object_set(current(), "output", end->tail);
	if (end->exited)
		json_object_set_new(current(), "exit_code", json_integer(end->code));
}

static char *
run_vector(char **argv, char **environment, long timeout_s, const json_t *ok)
{
	Program		program = {.argv = argv, .environment = environment, .timeout_s = timeout_s};
	ProgramEnd	end = program_run(&program);
	char	   *wrong = NULL;

	remember(&end);
	if (!is_ok(ok, &end))
		wrong = format_text("%s %s", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0],
							end.problem ? end.problem : "exited with code 0");
	program_free(&end);
	return wrong;
}

static char *
step_run(json_t *step)
{
	char	  **argv = vector_of(json_object_get(step, "argv"));
	char	  **environment = vector_of(json_object_get(step, "environment"));
	char	   *wrong;

	if (argv == NULL || argv[0] == NULL)
		return format_text("the step has no program");
	wrong = run_vector(argv, environment, number_of(step, "timeout_s", 0),
					   json_object_get(step, "ok"));
	vector_free(argv);
	vector_free(environment);
	return wrong;
}

/* ---- conditions ---- */

static bool
says(const json_t *condition, char *out)
{
	const char *contains = text_of(condition, "contains", NULL);
	const char *equals = text_of(condition, "equals", NULL);

	if (equals != NULL)
	{
		out[strcspn(out, "\r\n")] = '\0';
		return strcmp(out, equals) == 0;
	}
	return contains == NULL || strstr(out, contains) != NULL;
}

/* none is never true */
static bool
holds(const json_t *condition)
{
	Program		program = {.timeout_s = LOOK_TIMEOUT, .quiet = true};
	ProgramEnd	end;
	bool		holding;

	if (!json_is_object(condition))
		return false;
	program.argv = vector_of(json_object_get(condition, "argv"));
	if (program.argv == NULL)
		return false;
	end = program_run(&program);
	holding = is_ok(json_object_get(condition, "ok"), &end) && says(condition, end.out);
	program_free(&end);
	vector_free(program.argv);
	return holding;
}

static char *
step_wait(json_t *step)
{
	long		timeout_s = number_of(step, "timeout_s", 0);
	int64_t		until = now_ms() + timeout_s * 1000;

	while (!holds(json_object_get(step, "until")))
	{
		if (told_to_end)
			return format_text("the runner was told to end");
		/* what will not come any more may just have come */
		if (holds(json_object_get(step, "giveup")) && !holds(json_object_get(step, "until")))
			return format_text("%s", text_of(step, "given_up", "it cannot come about any more"));
		if (timeout_s > 0 && now_ms() >= until)
			return format_text("it did not come about within %ld s", timeout_s);
		poll(NULL, 0, WAIT_POLL);
	}
	return NULL;
}

/* ---- files ---- */

static char *
step_write(json_t *step)
{
	return file_write(text_of(step, "path", ""), text_of(step, "text", ""),
					  json_is_true(json_object_get(step, "append")));
}

static char *
step_rename(json_t *step)
{
	return file_rename(text_of(step, "from", ""), text_of(step, "to", ""));
}

static char *
step_remove(json_t *step)
{
	char	   *argv[] = {"rm", "-rf", "--", NULL, NULL};
	char	   *path = format_text("%s", text_of(step, "path", ""));
	char	   *wrong;

	argv[3] = path;
	wrong = *path == '/' ? run_vector(argv, NULL, 0, NULL) : format_text("no absolute path");
	free(path);
	return wrong;
}

/*
 * Under another name until it is whole: what bears the name is a copy, also
 * after the run was cut off.
 */
static char *
step_copy(json_t *step)
{
	char	   *from = format_text("%s/.", text_of(step, "from", ""));
	const char *to = text_of(step, "to", "");
	char	   *partial = format_text("%s.partial", to);
	char	   *remove[] = {"rm", "-rf", "--", partial, NULL};
	char	   *copy[] = {"cp", "-a", "--reflink=auto", "--", from, partial, NULL};
	char	   *sync[] = {"sync", "-f", partial, NULL};
	long		timeout_s = number_of(step, "timeout_s", 0);
	struct stat st;
	char	   *wrong = NULL;

	if (stat(to, &st) != 0)
	{
		wrong = run_vector(remove, NULL, timeout_s, NULL);
		if (wrong == NULL && mkdir(partial, S_IRWXU) != 0)
			wrong = format_text("could not create directory \"%s\"", partial);
		if (wrong == NULL)
			wrong = run_vector(copy, NULL, timeout_s, NULL);
		if (wrong == NULL)
			wrong = run_vector(sync, NULL, timeout_s, NULL);
		if (wrong == NULL)
			wrong = file_rename(partial, to);
	}
	free(from);
	free(partial);
	return wrong;
}

static const struct
{
	const char *name;
	StepFunction function;
}			step_kinds[] =
{
	{"run", step_run},
	{"wait", step_wait},
	{"write", step_write},
	{"rename", step_rename},
	{"copy", step_copy},
	{"remove", step_remove},
};

static char *
carry_out(json_t *step)
{
	const char *kind = text_of(step, "do", "");

	for (size_t i = 0; i < sizeof(step_kinds) / sizeof(step_kinds[0]); i++)
	{
		if (strcmp(step_kinds[i].name, kind) == 0)
			return step_kinds[i].function(step);
	}
	return format_text("nobody knows how to do \"%s\"", kind);
}

/* ---- a list of steps ---- */

static void
log_list(const json_t *lines)
{
	size_t		i;
	json_t	   *line;

	json_array_foreach(lines, i, line)
		state_log("note", json_string_value(line));
}

/*
 * Steps that lead back to a server that runs.  They are no steps of the state:
 * their output goes to that of the step that failed.  Returns whether all
 * succeeded.
 */
static bool
rescue_run(const json_t *steps)
{
	size_t		i;
	json_t	   *step;

	if (!json_is_array(steps))
		return false;
	json_array_foreach(steps, i, step)
	{
		char	   *wrong;

		if (json_object_get(step, "if") != NULL && !holds(json_object_get(step, "if")))
			return false;
		if (holds(json_object_get(step, "unless")))
			continue;
		state_log_format("to get back: %s", text_of(step, "name", "?"));
		wrong = carry_out(step);
		if (wrong == NULL)
			continue;
		state_log_format("that failed, too: %s", wrong);
		free(wrong);
		return false;
	}
	return true;
}

void
steps_fail(json_t *task, const char *reason, bool rescue)
{
	size_t		number = (size_t) json_integer_value(state_get("step"));
	json_t	   *step = json_array_get(json_object_get(task, "steps"), number);
	json_t	   *result = current();
	bool		rescued;

	state_log_format("step \"%s\" failed: %s", text_of(step, "name", "?"), reason);
	if (result != NULL)
	{
		/* what the rescue writes must not take the place of what explains the failure */
		json_t	   *output = json_incref(json_object_get(result, "output"));
		json_t	   *code = json_incref(json_object_get(result, "exit_code"));

		json_object_set_new(result, "state", json_text("failed"));
		rescued = rescue && rescue_run(json_object_get(step, "rescue"));
		if (output != NULL)
			json_object_set(result, "output", output);
		json_decref(output);
		json_object_set_new(result, "exit_code", code ? code : json_null());
	}
	else
		rescued = false;
	state_set("error", json_text(reason));
	state_set("rescued", json_boolean(rescued));
	if (rescued)
		state_set("instructions", json_incref(json_object_get(step, "rescued")));
	log_list(state_get("instructions"));
	state_set("state", json_text("failed"));
	state_set("finished", json_text(now_text()));
	state_write();
}

static void
begin_step(json_t *step, size_t number)
{
	json_t	   *instructions = json_object_get(step, "instructions");

	state_set("step", json_integer((json_int_t) number));
	state_set("instructions", instructions ? json_incref(instructions) : json_array());
	json_object_set_new(current(), "state", json_text("running"));
	json_object_set_new(current(), "started", json_text(now_text()));
	state_log_format("step \"%s\"", text_of(step, "name", "?"));
	state_write();
}

static void
end_step(const char *how)
{
	json_object_set_new(current(), "state", json_text(how));
	json_object_set_new(current(), "finished", json_text(now_text()));
}

static void
succeed(void)
{
	state_set("state", json_text("succeeded"));
	state_set("instructions", json_array());
	state_set("finished", json_text(now_text()));
	state_log("note", "all steps are done");
	state_write();
}

/*
 * One step; *next is the number of the one to go on with.  False: the task has
 * failed.  A jump never goes back, so there is an end.
 */
static bool
one_step(json_t *task, json_t *step, size_t *next)
{
	size_t		number = *next;
	long		otherwise = number_of(step, "otherwise", 0);
	char	   *wrong = NULL;

	begin_step(step, number);
	*next = number + 1;
	if (holds(json_object_get(step, "unless")))
		end_step("skipped");
	else if (!told_to_end && (wrong = carry_out(step)) == NULL)
	{
		end_step("succeeded");
		if (number_of(step, "then", 0) > (long) number)
			*next = (size_t) number_of(step, "then", 0);
	}
	else if (!told_to_end && otherwise > (long) number)
	{
		state_log_format("step \"%s\" failed: %s; there is another way", text_of(step, "name", "?"),
						 wrong);
		end_step("failed");
		*next = (size_t) otherwise;
	}
	else
	{
		steps_fail(task, wrong ? wrong : "the runner was told to end", !told_to_end);
		free(wrong);
		return false;
	}
	free(wrong);
	return true;
}

bool
steps_run(json_t *task, size_t from)
{
	json_t	   *steps = json_object_get(task, "steps");
	size_t		next = from;

	while (next < json_array_size(steps))
	{
		if (!one_step(task, json_array_get(steps, next), &next))
			return false;
	}
	succeed();
	return true;
}
