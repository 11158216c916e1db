/*
 * dump_tool.c
 *		pg_dump and pg_restore: how they are called, what their lines mean.
 *
 * They run with --verbose, because each table's line is what their progress is
 * told by; of these lines only warnings and errors are kept.
 *
 * Not for: what is dumped and where it is read to (dump.c, load.c).
 */
#include "postgres.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "ops/connect.h"
#include "ops/dump_parts.h"

/* so many bytes of its errors become the job's detail */
#define MAX_PROBLEMS	2000

/* how a line goes on after the program's name that is worth keeping */
static const char *const kept[] = {
	"error: ", "warning: ", "detail: ", "hint: ", "from TOC entry ", "while "
};

/*
 * Lines of the server's answer that follow an error.  Not the statement ("Command
 * was: ...") and not the row: both can hold what nobody else may read.
 */
static const char *const answers[] = {"DETAIL: ", "HINT: "};

DumpTool *
dump_tool(const char *name, const char *table_line, int64 total)
{
	DumpTool   *tool = palloc0(sizeof(DumpTool));

	tool->name = name;
	tool->table_line = table_line;
	tool->total = total;
	initStringInfo(&tool->problems);
	return tool;
}

static bool
begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
begins_with_any(const char *text, const char *const *prefixes, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (begins_with(text, prefixes[i]))
			return true;
	}
	return false;
}

/* what the line says after the program's name; NULL: it is not the program's own */
static const char *
own_words(const DumpTool *tool, const char *line)
{
	size_t		length = strlen(tool->name);

	if (!begins_with(line, tool->name) || !begins_with(line + length, ": "))
		return NULL;
	return line + length + 2;
}

static void
add_problem(DumpTool *tool, const char *line)
{
	if (tool->problems.len > MAX_PROBLEMS)
		return;
	appendStringInfo(&tool->problems, "%s%s", tool->problems.len > 0 ? "\n" : "", line);
}

/* Progress, errors, and whether the line is kept. */
static bool
tool_line(Job *job, DumpTool *tool, const char *line)
{
	const char *words;

	/*
	 * Processes that work side by side write the program's name and what follows
	 * in two goes, so that the lines of two may be mixed.
	 */
	if (tool->table_line != NULL && strstr(line, tool->table_line) != NULL)
	{
		tool->tables++;
		job_progress(job, tool->tables - 1, Max(tool->total, tool->tables), "tables");
		return false;
	}
	words = own_words(tool, line);
	if (words == NULL)
	{
		if (!begins_with_any(line, answers, lengthof(answers)))
			return false;
		if (tool->errors > 0)
			add_problem(tool, line);
		return true;
	}
	if (!begins_with_any(words, kept, lengthof(kept)))
		return false;
	if (begins_with(words, "error: "))
		tool->errors++;
	if (tool->errors > 0)
		add_problem(tool, words);
	if (strstr(words, "no password supplied") != NULL ||
		strstr(words, "password authentication failed") != NULL ||
		strstr(words, "pg_hba.conf") != NULL)
		tool->password = true;
	return true;
}

/* what a filter gets */
typedef struct ToolCall
{
	DumpTool   *tool;
	MemoryContext context;
	void		(*on_line) (const char *line, void *arg);
	void	   *arg;
} ToolCall;

static bool
call_line(Job *job, IoStream stream, const char *line, void *arg)
{
	ToolCall   *call = arg;
	MemoryContext old;

	if (stream == IO_STDERR || call->on_line == NULL)
		return tool_line(job, call->tool, line);
	old = MemoryContextSwitchTo(call->context);
	call->on_line(line, call->arg);
	MemoryContextSwitchTo(old);
	return false;
}

/* The first errors say more than the last line, which only says that it is the end. */
static void
require_success(Job *job, const DumpTool *tool, const IoProcessResult *result)
{
	if (result->end == IO_PROCESS_EXITED && result->exit_code != 0 && tool->problems.len > 0)
	{
		job->exit_code = result->exit_code;
		ereport(ERROR,
				(errcode(tool->password ? ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION :
						 ERRCODE_PGOPS_PROCESS),
				 errmsg("%s %s", tool->name, io_process_describe(result)),
				 errdetail_internal("%s", tool->problems.data),
				 tool->password ?
				 errhint("Jobs connect through the Unix socket as the bootstrap superuser: let it in by peer or trust in pg_hba.conf, or put its password into the password file (~/.pgpass) of the server's operating system user.") : 0));
	}
	job_require_success(job, result, tool->name);
}

static const char *const *
tool_argv(const char *program, List *arguments)
{
	const char **argv = palloc0((list_length(arguments) + 4) * sizeof(char *));
	int			count = 0;
	ListCell   *cell;

	argv[count++] = program;
	argv[count++] = "--verbose";
	argv[count++] = "--no-password";
	foreach(cell, arguments)
		argv[count++] = lfirst(cell);
	return argv;
}

void
dump_tool_read(Job *job, DumpTool *tool, List *arguments,
			   void (*on_line) (const char *line, void *arg), void *arg)
{
	ToolCall	call = {tool, CurrentMemoryContext, on_line, arg};
	JobProgram	program = {0};

	program.program = io_server_program(tool->name);
	program.argv = tool_argv(program.program, arguments);
	program.filter = call_line;
	program.arg = &call;
	require_success(job, tool, job_run(job, &program));
}

void
dump_tool_run(Job *job, DumpTool *tool, List *arguments)
{
	dump_tool_read(job, tool, arguments, NULL, NULL);
	job_progress(job, tool->tables, tool->tables, "tables");
}

char *
dump_option(const char *name, const char *value)
{
	return psprintf("%s=%s", name, value);
}

char *
dump_conninfo(Job *job, const char *database)
{
	char	   *superuser;

	job_begin(job);
	superuser = connect_superuser();
	txn_end();
	return connect_conninfo(superuser, database);
}
